/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/sorter/terms: see terms.h.  Must never answer with a part of the terms as if
 * it were all: what was not to be read makes a message open.
 */
#include "role/sorter/terms.h"

#include "base/check.h"

#define ANSWER_MAX 49152u /* bytes of terms in one answer */

/* The whole terms that fit an answer, from `skip` on. */
static struct span piece_of(struct span terms, size_t skip)
{
	struct span rest = span_skip(terms, skip), left = rest;
	struct term t;
	while (term_next(&left, &t))
		if (rest.len - left.len > ANSWER_MAX - TERM_MAX - 2)
			break;
	return span_sub(rest, 0, rest.len - left.len);
}

static bool read_all(struct message *m, struct mime_gist *g)
{
	for (;;) {
		struct span piece = message_next(m);
		if (piece.len == 0 || mime_gist_feed(g, piece))
			break;
	}
	mime_gist_end(g);
	return !mime_gist_short(g) && !message_failed(m);
}

void message_terms(struct message *m, const struct store_sorter_terms *ask,
		   struct mime_charsets *charsets, const uint8_t secret[SIPHASH_KEY],
		   struct arena *arena, struct store_sorter_terms_reply *r)
{
	struct summary *s = NULL;
	*r = (struct store_sorter_terms_reply){.answer = STORE_SORTER_ANSWER_LATER};
	/* One that was not understood has the text of its prefix and no other. */
	if (summary_read(ask->summary, ask->size, arena, &s) != SUMMARY_OK)
		s = summary_opaque(arena, 0);
	struct mime_gist *g = s != NULL ? mime_gist_new(charsets, s, secret) : NULL;
	if (g == NULL || arena_short(arena)) {
		mime_gist_free(g);
		return;
	}
	mime_gist_prefix(g, ask->prefix);
	struct span terms, piece;
	bool ok = read_all(m, g);
	terms = mime_gist_terms(g);
	piece = piece_of(terms, ask->skip);
	if (ok && arena_copy(arena, piece, &r->terms)) {
		r->answer = STORE_SORTER_ANSWER_UNDERSTOOD;
		r->more = terms.len - size_min(ask->skip, terms.len) > piece.len;
	}
	mime_gist_free(g);
}
