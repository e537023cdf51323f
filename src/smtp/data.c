/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/data: a five-state machine that runs by lines where it can.
 * Must never end a message by anything but CRLF.CRLF.
 */
#include "smtp/data.h"

/*
 * Text up to and including its line end, from `at`.  Returns where it stopped:
 * at a line start, or at the end of the bytes.
 */
static size_t scan_text(struct smtp_data *d, struct span b, size_t at)
{
	struct span rest = span_skip(b, at);
	size_t lf = span_find(rest, '\n');
	struct span line = span_sub(rest, 0, lf == SIZE_MAX ? rest.len : lf);
	if (span_has(line, '\0'))
		d->faults |= SMTP_FAULT_NUL;
	size_t cr = span_find(line, '\r');
	bool ends_in_cr = line.len > 0 && line.ptr[line.len - 1] == '\r';
	if (cr != SIZE_MAX && !(ends_in_cr && cr == line.len - 1))
		d->faults |= SMTP_FAULT_CR;
	if (d->state == SMTP_DATA_CR && line.len > 0)
		d->faults |= SMTP_FAULT_CR;
	bool after_cr = line.len > 0 ? ends_in_cr : d->state == SMTP_DATA_CR;
	if (lf == SIZE_MAX) {
		d->state = after_cr ? SMTP_DATA_CR : SMTP_DATA_TEXT;
		return b.len;
	}
	if (!after_cr)
		d->faults |= SMTP_FAULT_LF;
	d->state = after_cr ? SMTP_DATA_LINE : SMTP_DATA_TEXT;
	return at + lf + 1;
}

/* The byte after a dropped dot.  True: it may be the CR of the end mark. */
static bool after_dot(struct smtp_data *d, struct span *in)
{
	if (in->ptr[0] == '\r') {
		d->state = SMTP_DATA_DOT_CR;
		*in = span_skip(*in, 1);
		return true;
	}
	d->state = SMTP_DATA_TEXT;
	return false;
}

bool smtp_data_next(struct smtp_data *d, struct span *in, struct span *out)
{
	*out = (struct span){0};
	if (in->len == 0)
		return false;
	if (d->state == SMTP_DATA_DOT && after_dot(d, in))
		return false;
	if (d->state == SMTP_DATA_DOT_CR) {
		if (in->ptr[0] == '\n') {
			*in = span_skip(*in, 1);
			d->state = SMTP_DATA_LINE;
			return true;
		}
		d->state = SMTP_DATA_CR;
	}
	size_t at = 0;
	while (at < in->len) {
		if (d->state == SMTP_DATA_LINE && in->ptr[at] == '.') {
			d->state = SMTP_DATA_DOT;
			*out = span_sub(*in, 0, at);
			*in = span_skip(*in, at + 1);
			return false;
		}
		at = scan_text(d, *in, at);
	}
	*out = *in;
	*in = (struct span){0};
	return false;
}

void smtp_data_plain(struct smtp_data *d, struct span b)
{
	size_t at = 0;
	while (at < b.len)
		at = scan_text(d, b, at);
}

void smtp_data_plain_end(struct smtp_data *d)
{
	if (d->state == SMTP_DATA_CR)
		d->faults |= SMTP_FAULT_CR;
}
