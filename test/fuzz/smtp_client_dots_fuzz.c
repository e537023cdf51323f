/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/client_dots: our own server reads back what was meant.  The oracle
 * mends line ends byte by byte; the server's reader must find one end, at the
 * end, no fault of CR or LF, and those bytes; at any cut.
 */
#include "base/buf.h"
#include "base/ensure.h"
#include "smtp/client_dots.h"
#include "smtp/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(void *owner, struct span b)
{
	ENSURE(b.len > 0);
	buf_add(owner, b);
}

static void send(struct span in, size_t cut, struct buf *wire, struct smtp_dots *d)
{
	*d = (struct smtp_dots){0};
	while (in.len > 0) {
		smtp_dots_add(d, span_sub(in, 0, cut), put, wire);
		in = span_skip(in, cut);
	}
	smtp_dots_close(d, put, wire);
	buf_add(wire, SMTP_DOTS_END);
}

/* Every CRLF, CR and LF is one line end; so is the end of a last line. */
static void mean(struct span in, struct buf *out, struct smtp_dots *d)
{
	bool mid = false;
	*d = (struct smtp_dots){0};
	for (size_t i = 0; i < in.len; i++) {
		char c = in.ptr[i];
		bool pair = c == '\r' && i + 1 < in.len && in.ptr[i + 1] == '\n';
		d->nul += c == '\0';
		d->bare_cr += c == '\r' && !pair;
		d->bare_lf += c == '\n';
		mid = c != '\r' && c != '\n';
		if (mid)
			buf_addc(out, c);
		else
			buf_add(out, SPAN("\r\n"));
		i += pair;
	}
	d->unended = mid;
	if (mid)
		buf_add(out, SPAN("\r\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > 65536)
		return 0;
	struct span in = span_of(data + 1, size - 1);
	struct buf wire, cut, meant, back;
	buf_init(&wire, 1u << 20);
	buf_init(&cut, 1u << 20);
	buf_init(&meant, 1u << 20);
	buf_init(&back, 1u << 20);
	struct smtp_dots d, dc, dm;
	send(in, size, &wire, &d);
	send(in, data[0] % 16 + 1u, &cut, &dc);
	mean(in, &meant, &dm);
	ENSURE(span_eq(buf_span(&wire), buf_span(&cut)));
	ENSURE(d.bare_cr == dm.bare_cr && d.bare_lf == dm.bare_lf && d.nul == dm.nul);
	ENSURE(d.unended == dm.unended && dc.unended == dm.unended && dc.bare_cr == dm.bare_cr);
	struct smtp_data reader = {0};
	struct span rest = buf_span(&wire), run;
	bool end = false;
	while (rest.len > 0 && !end) {
		end = smtp_data_next(&reader, &rest, &run);
		buf_add(&back, run);
	}
	ENSURE(end && rest.len == 0);
	ENSURE((reader.faults & (SMTP_FAULT_CR | SMTP_FAULT_LF)) == 0);
	ENSURE(((reader.faults & SMTP_FAULT_NUL) != 0) == (d.nul > 0));
	ENSURE(span_eq(buf_span(&back), buf_span(&meant)));
	buf_free(&wire);
	buf_free(&cut);
	buf_free(&meant);
	buf_free(&back);
	return 0;
}
