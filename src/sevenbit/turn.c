/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sevenbit/turn: the message once more, now with its parts turned.
 *
 * Must never write a byte over 127 of a message that could be turned.
 */
#include "sevenbit/inner.h"

void sevenbit_begin(struct sevenbit *s)
{
	ENSURE_TAG(s, SEVENBIT_TAG);
	ENSURE(s->judged && s->can <= SEVENBIT_CAN);
	s->at = 0;
	s->region = 0;
	s->last = 0;
	s->encoder = (struct sevenbit_encoder){0};
}

static void turn_header(struct sevenbit *s, const struct sevenbit_region *r, struct span in,
			struct buf *out)
{
	if (s->at == r->from + in.len)
		s->header = (struct sevenbit_header){.drops = s->parts[r->part].drops,
						     .add = sevenbit_fields(s, r->part)};
	sevenbit_header(&s->header, in, out);
	if (s->at == r->to)
		sevenbit_header_end(&s->header, out);
}

static void turn_body(struct sevenbit *s, const struct sevenbit_region *r, struct span in,
		      struct buf *out)
{
	if (s->at == r->from + in.len)
		s->encoder = (struct sevenbit_encoder){.form = s->parts[r->part].form};
	sevenbit_encode(&s->encoder, in, out);
	if (s->at == r->to)
		sevenbit_encode_end(&s->encoder, out);
}

void sevenbit_turn(struct sevenbit *s, struct span piece, struct buf *out)
{
	ENSURE_TAG(s, SEVENBIT_TAG);
	size_t before = buf_len(out);
	if (s->can == SEVENBIT_PLAIN) {
		buf_add(out, piece);
		piece.len = 0;
	}
	while (piece.len > 0) {
		const struct sevenbit_region *r;
		struct span in = sevenbit_next(s, &piece, &r);
		if (r == NULL)
			buf_add(out, in);
		else if (r->header)
			turn_header(s, r, in, out);
		else
			turn_body(s, r, in, out);
	}
	struct span all = buf_span(out);
	if (all.len > before)
		s->last = all.ptr[all.len - 1];
}

/* base64 ends without a line end, which a message has to have. */
void sevenbit_end(struct sevenbit *s, struct buf *out)
{
	ENSURE_TAG(s, SEVENBIT_TAG);
	if (s->can == SEVENBIT_CAN && s->last != '\n')
		buf_add(out, SPAN("\r\n"));
}
