/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sevenbit/encode: quoted-printable and base64 (RFC 2045 6.7, 6.8), in any cut of
 * the input.
 *
 * Must never write a byte over 127, a line over 76 characters, or a blank before a
 * line end.
 */
#include "base/base64.h"
#include "sevenbit/inner.h"

#define QP_LINE 75u /* and "=" where it goes on */

static void put(struct sevenbit_encoder *e, struct span token, struct buf *out)
{
	if (e->column + token.len > QP_LINE) {
		buf_add(out, SPAN("=\r\n"));
		e->column = 0;
	}
	buf_add(out, token);
	e->column += (unsigned)token.len;
}

static void put_code(struct sevenbit_encoder *e, char c, struct buf *out)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char b = (unsigned char)c;
	const char code[3] = {'=', digits[b >> 4], digits[b & 15]};
	put(e, span_of(code, sizeof code), out);
}

static void end_line(struct sevenbit_encoder *e, struct buf *out)
{
	if (e->blank != 0)
		put_code(e, e->blank, out);
	e->blank = 0;
	buf_add(out, SPAN("\r\n"));
	e->column = 0;
}

static void put_blank(struct sevenbit_encoder *e, struct buf *out)
{
	if (e->blank != 0)
		put(e, span_of(&e->blank, 1), out);
	e->blank = 0;
}

static void qp_byte(struct sevenbit_encoder *e, char c, struct buf *out)
{
	if (e->cr) {
		e->cr = false;
		if (c == '\n') {
			end_line(e, out);
			return;
		}
		put_blank(e, out);
		put_code(e, '\r', out);
	}
	if (c == '\n') {
		end_line(e, out);
		return;
	}
	if (c == '\r') {
		e->cr = true;
		return;
	}
	put_blank(e, out);
	if (c == ' ' || c == '\t')
		e->blank = c;
	else if (c > ' ' && c <= '~' && c != '=')
		put(e, span_of(&c, 1), out);
	else
		put_code(e, c, out);
}

/* 57 bytes are a line of 76 characters. */
static void base64_line(struct sevenbit_encoder *e, struct buf *out)
{
	if (e->column > 0)
		buf_add(out, SPAN("\r\n"));
	base64_encode(out, span_of(e->line, e->held));
	e->column = 1;
	e->held = 0;
}

static void base64_bytes(struct sevenbit_encoder *e, struct span in, struct buf *out)
{
	while (in.len > 0) {
		struct span some = span_sub(in, 0, sizeof e->line - e->held);
		memcpy(e->line + e->held, some.ptr, some.len);
		e->held += (unsigned)some.len;
		in = span_skip(in, some.len);
		if (e->held == sizeof e->line)
			base64_line(e, out);
	}
}

void sevenbit_encode(struct sevenbit_encoder *e, struct span in, struct buf *out)
{
	switch (e->form) {
	case SEVENBIT_AS_IS:
		buf_add(out, in);
		break;
	case SEVENBIT_QP:
		for (size_t i = 0; i < in.len; i++)
			qp_byte(e, in.ptr[i], out);
		break;
	case SEVENBIT_BASE64:
		base64_bytes(e, in, out);
		break;
	}
}

void sevenbit_encode_end(struct sevenbit_encoder *e, struct buf *out)
{
	if (e->form == SEVENBIT_BASE64 && e->held > 0)
		base64_line(e, out);
	if (e->blank != 0)
		put_code(e, e->blank, out);
	if (e->cr)
		put_code(e, '\r', out);
	*e = (struct sevenbit_encoder){0};
}
