/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/transfer: base64 and quoted-printable, one byte after the other.
 * Must never write more than it read.
 */
#include "base/transfer.h"

enum transfer_encoding transfer_encoding_of(struct span name)
{
	name = span_trim(name);
	if (span_eq_nocase(name, SPAN("base64")))
		return TRANSFER_BASE64;
	if (span_eq_nocase(name, SPAN("quoted-printable")))
		return TRANSFER_QP;
	return TRANSFER_IDENTITY;
}

bool transfer_unknown(struct span name)
{
	name = span_trim(name);
	return transfer_encoding_of(name) == TRANSFER_IDENTITY && name.len > 0 &&
	       !span_eq_nocase(name, SPAN("7bit")) &&
	       !span_eq_nocase(name, SPAN("8bit")) &&
	       !span_eq_nocase(name, SPAN("binary"));
}

void transfer_decoder_init(struct transfer_decoder *d, enum transfer_encoding e)
{
	*d = (struct transfer_decoder){.encoding = e};
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ascii_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* The bytes that fewer than four characters stand for. */
static void base64_rest(struct transfer_decoder *d, struct buf *out)
{
	if (d->held >= 2)
		buf_addc(out, (char)(d->bits >> (6 * d->held - 8)));
	if (d->held == 3)
		buf_addc(out, (char)(d->bits >> 2));
	d->held = 0;
	d->bits = 0;
}

static void base64_byte(struct transfer_decoder *d, char c, struct buf *out)
{
	if (c == '=') {
		base64_rest(d, out);
		return;
	}
	int v = base64_value(c);
	if (v < 0)
		return;
	d->bits = d->bits << 6 | (uint32_t)v;
	if (++d->held == 4) {
		char b[3] = {(char)(d->bits >> 16), (char)(d->bits >> 8), (char)d->bits};
		buf_add(out, span_of(b, 3));
		d->held = 0;
		d->bits = 0;
	}
}

static int hex_value(char c)
{
	c = ascii_lower(c);
	if (ascii_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void qp_blanks(struct transfer_decoder *d, struct buf *out)
{
	buf_add(out, span_of(d->blanks, d->blank_count));
	d->blank_count = 0;
}

/* A byte that no '=' precedes. */
static void qp_plain(struct transfer_decoder *d, char c, struct buf *out)
{
	if (c == ' ' || c == '\t') {
		if (d->blank_count == TRANSFER_QP_BLANKS)
			qp_blanks(d, out);
		d->blanks[d->blank_count++] = c;
		return;
	}
	/* Blanks at the end of a line were added on the way (RFC 2045 6.7). */
	if (c == '\r' || c == '\n')
		d->blank_count = 0;
	qp_blanks(d, out);
	if (c == '=')
		d->pending[d->held++] = c;
	else
		buf_addc(out, c);
}

/* The escape was none: its bytes are text, and the blanks behind its '='. */
static void qp_literal(struct transfer_decoder *d, struct buf *out)
{
	if (d->held > 0)
		buf_addc(out, d->pending[0]);
	qp_blanks(d, out);
	if (d->held > 1)
		buf_addc(out, d->pending[1]);
	d->held = 0;
}

static void qp_byte(struct transfer_decoder *d, char c, struct buf *out)
{
	if (d->held == 0) {
		qp_plain(d, c, out);
		return;
	}
	bool after_cr = d->held == 2 && d->pending[1] == '\r';
	if (c == '\n' && (d->held == 1 || after_cr)) {
		d->held = d->blank_count = 0;
	} else if (d->held == 1 && (c == ' ' || c == '\t') &&
		   d->blank_count < TRANSFER_QP_BLANKS) {
		/* Blanks at the end of a line were added on the way here, too. */
		d->blanks[d->blank_count++] = c;
	} else if (d->held == 1 &&
		   (c == '\r' || (d->blank_count == 0 && hex_value(c) >= 0))) {
		d->pending[d->held++] = c;
	} else if (d->held == 2 && !after_cr && hex_value(c) >= 0) {
		buf_addc(out, (char)(hex_value(d->pending[1]) << 4 | hex_value(c)));
		d->held = 0;
	} else {
		qp_literal(d, out);
		qp_plain(d, c, out);
	}
}

void transfer_decode(struct transfer_decoder *d, struct span in, struct buf *out)
{
	if (d->encoding == TRANSFER_IDENTITY) {
		buf_add(out, in);
		return;
	}
	for (size_t i = 0; i < in.len; i++)
		if (d->encoding == TRANSFER_BASE64)
			base64_byte(d, in.ptr[i], out);
		else
			qp_byte(d, in.ptr[i], out);
}

void transfer_decode_end(struct transfer_decoder *d, struct buf *out)
{
	if (d->encoding == TRANSFER_BASE64) {
		base64_rest(d, out);
	} else if (d->encoding == TRANSFER_QP) {
		qp_literal(d, out);
		qp_blanks(d, out);
	}
}
