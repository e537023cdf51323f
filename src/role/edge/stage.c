/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/stage: a body on its way to the store.
 *
 * A short body waits here and travels in the offer; of a longer one at most one
 * piece is here, the rest is staged at the store, in order.
 */
#include "base/check.h"
#include "role/edge/connection.h"

void stage_init(struct stage *s)
{
	*s = (struct stage){0};
	buf_init(&s->rest, STAGE_PIECE_MAX);
}

void stage_free(struct stage *s)
{
	buf_free(&s->rest);
	*s = (struct stage){0};
}

static enum edge_store_answer send_piece(struct connection *c, struct stage *s)
{
	struct edge_store_stage m = {.session = c->session,
				     .staged = s->staged,
				     .piece = buf_span(&s->rest)};
	struct edge_store_stage_reply rep;
	if (!STORE_ASK(c, stage, &m, connection_scratch(c), &rep,
		       edge_within(c->edge, EDGE_LONG_NS)))
		return EDGE_STORE_ANSWER_LATER;
	if (rep.answer != EDGE_STORE_ANSWER_YES)
		return rep.answer;
	s->staged = rep.staged;
	buf_clear(&s->rest);
	return EDGE_STORE_ANSWER_YES;
}

enum edge_store_answer stage_add(struct connection *c, struct stage *s,
				 struct span b)
{
	s->size += b.len;
	while (b.len > 0) {
		struct span part =
			span_sub(b, 0, STAGE_PIECE_MAX - buf_len(&s->rest));
		buf_add(&s->rest, part);
		if (!buf_ok(&s->rest))
			return EDGE_STORE_ANSWER_LATER;
		b = span_skip(b, part.len);
		if (buf_len(&s->rest) < STAGE_PIECE_MAX)
			break;
		enum edge_store_answer a = send_piece(c, s);
		if (a != EDGE_STORE_ANSWER_YES)
			return a;
	}
	return EDGE_STORE_ANSWER_YES;
}

enum edge_store_answer stage_finish(struct connection *c, struct stage *s)
{
	if (buf_len(&s->rest) <= STAGE_INLINE_MAX)
		return EDGE_STORE_ANSWER_YES;
	return send_piece(c, s);
}
