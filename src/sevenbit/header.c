/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sevenbit/header: a header block byte for byte, without one field and with others
 * before its empty line.
 *
 * Must never change a field, nor drop one but Content-Transfer-Encoding.
 */
#include "sevenbit/inner.h"

static void emit(const struct sevenbit_header *h, struct span s, struct buf *out)
{
	if (out != NULL && !h->dropping)
		buf_add(out, s);
}

/* The name is complete, or it is no field that counts. */
static void judge_name(struct sevenbit_header *h)
{
	struct span name = span_of(h->name, h->held);
	if (span_eq_nocase(name, SPAN("MIME-Version")))
		h->mime_version = true;
	else if (span_eq_nocase(name, SPAN("Content-Type")))
		h->content_type = true;
	else if (span_eq_nocase(name, SPAN("DKIM-Signature")) ||
		 span_eq_nocase(name, SPAN("ARC-Seal")))
		h->signature = true;
	else if (span_eq_nocase(name, SPAN("Content-Transfer-Encoding")))
		h->dropping = h->drops;
}

static void flush(struct sevenbit_header *h, struct buf *out)
{
	emit(h, span_of(h->name, h->held), out);
	h->held = 0;
}

static void name_byte(struct sevenbit_header *h, char c, struct buf *out)
{
	bool over = c == ':' || c == ' ' || c == '\t';
	if (!over && c != '\n' && h->held < sizeof h->name) {
		h->name[h->held++] = c;
		return;
	}
	if (over)
		judge_name(h);
	flush(h, out);
	emit(h, span_of(&c, 1), out);
	h->at = c == '\n' ? SEVENBIT_LINE_START : SEVENBIT_IN_LINE;
}

static void end_block(struct sevenbit_header *h, struct span line_end, struct buf *out)
{
	h->dropping = false;
	h->ended = true;
	emit(h, h->add, out);
	emit(h, line_end, out);
	h->at = SEVENBIT_BODY;
}

static void start_byte(struct sevenbit_header *h, char c, struct buf *out)
{
	if (c == ' ' || c == '\t') { /* of the field before */
		emit(h, span_of(&c, 1), out);
		h->at = SEVENBIT_IN_LINE;
		return;
	}
	h->dropping = false;
	if (c == '\n') {
		end_block(h, SPAN("\n"), out);
	} else if (c == '\r') {
		h->at = SEVENBIT_MAYBE_END;
	} else {
		h->at = SEVENBIT_IN_NAME;
		h->held = 0;
		name_byte(h, c, out);
	}
}

static void one(struct sevenbit_header *h, char c, struct buf *out)
{
	h->high |= (unsigned char)c > 127;
	switch (h->at) {
	case SEVENBIT_LINE_START:
		start_byte(h, c, out);
		return;
	case SEVENBIT_MAYBE_END:
		if (c == '\n') {
			end_block(h, SPAN("\r\n"), out);
			return;
		}
		emit(h, SPAN("\r"), out);
		h->at = SEVENBIT_IN_LINE;
		break;
	case SEVENBIT_IN_NAME:
		name_byte(h, c, out);
		return;
	case SEVENBIT_IN_LINE:
	case SEVENBIT_BODY:
		break;
	}
	emit(h, span_of(&c, 1), out);
	if (c == '\n' && h->at == SEVENBIT_IN_LINE)
		h->at = SEVENBIT_LINE_START;
}

void sevenbit_header(struct sevenbit_header *h, struct span in, struct buf *out)
{
	for (size_t i = 0; i < in.len; i++)
		one(h, in.ptr[i], out);
}

void sevenbit_header_end(struct sevenbit_header *h, struct buf *out)
{
	if (h->at == SEVENBIT_IN_NAME)
		flush(h, out);
	if (h->at == SEVENBIT_MAYBE_END)
		emit(h, SPAN("\r"), out);
}
