/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/match: looks for needles in what mime/text gives.
 *
 * The end of each piece is kept so that no needle is missed across two of them.
 * Must never hold more than a piece and the longest needle.
 */
#include "mime/match.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "mime/text.h"
#include "terms/field.h"
#include "terms/fold.h"

#define MATCH_TAG TAG4('M', 'T', 'C', 'H')
#define CARRY_MAX (4u << 20)

struct mime_match {
	uint32_t tag;
	struct mime_text *text;
	struct mime_text_sink sink;
	const struct mime_needle *needles;
	size_t count, longest;
	size_t end[MIME_NEEDLES_MAX]; /* of each needle in `folded` */
	uint32_t found, all;
	struct buf folded; /* the needles, end to end */
	struct buf carry;  /* a piece, with the end of what came before */
};

/* Needles of the kinds in `where` (bits) against folded text. */
static void look(struct mime_match *m, unsigned where, struct span field, struct span text)
{
	size_t at = 0;
	for (size_t i = 0; i < m->count; at = m->end[i++]) {
		const struct mime_needle *n = &m->needles[i];
		struct span needle = span_sub(buf_span(&m->folded), at, m->end[i] - at);
		if ((m->found >> i & 1) != 0 || (where >> n->where & 1) == 0)
			continue;
		if (n->where == MIME_IN_FIELD && !span_eq_nocase(n->field, field))
			continue;
		if (needle.len == 0 || span_find_span(text, needle) != SIZE_MAX)
			m->found |= 1u << i;
	}
}

/* TEXT sees name and value, but of no signature; HEADER the value alone. */
static void on_field(void *arg, const struct mime_text_field *f)
{
	struct mime_match *m = arg;
	if (!term_field_is_seal(f->name))
		look(m, 1u << MIME_IN_TEXT, f->name, f->line);
	if (f->top)
		look(m, 1u << MIME_IN_FIELD, f->name, f->value);
}

static void on_text(void *arg, struct span piece)
{
	struct mime_match *m = arg;
	size_t keep = m->longest > 0 ? m->longest - 1 : 0;
	buf_add(&m->carry, piece);
	look(m, 1u << MIME_IN_BODY | 1u << MIME_IN_TEXT, (struct span){0},
	     buf_span(&m->carry));
	if (piece.len == 0) /* what comes next is another part's */
		buf_clear(&m->carry);
	else if (buf_len(&m->carry) > keep)
		buf_take(&m->carry, buf_len(&m->carry) - keep);
}

static bool enough(void *arg)
{
	struct mime_match *m = arg;
	return m->found == m->all;
}

static bool fold_needles(struct mime_match *m)
{
	buf_init(&m->folded, FOLD_GROWTH * MIME_NEEDLES_MAX * MIME_NEEDLE_MAX);
	buf_init(&m->carry, CARRY_MAX);
	for (size_t i = 0, at = 0; i < m->count; at = m->end[i++]) {
		terms_fold(&m->folded, m->needles[i].text);
		m->end[i] = buf_len(&m->folded);
		m->longest = size_max(m->longest, m->end[i] - at);
	}
	return buf_ok(&m->folded);
}

struct mime_match *mime_match_new(struct mime_charsets *c, const struct summary *s,
				  const struct mime_needle *needles, size_t count)
{
	if (count == 0 || count > MIME_NEEDLES_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (needles[i].text.len > MIME_NEEDLE_MAX)
			return NULL;
	struct mime_match *m = calloc(1, sizeof *m);
	if (m == NULL)
		return NULL;
	m->tag = MATCH_TAG;
	m->needles = needles;
	m->count = count;
	m->all = (uint32_t)((1ull << count) - 1);
	m->sink = (struct mime_text_sink){on_field, on_text, enough, m};
	bool ok = fold_needles(m);
	m->text = mime_text_new(c, s, &m->sink);
	if (ok && m->text != NULL)
		return m;
	mime_match_free(m);
	return NULL;
}

void mime_match_free(struct mime_match *m)
{
	if (m == NULL)
		return;
	ENSURE_TAG(m, MATCH_TAG);
	mime_text_free(m->text);
	buf_free(&m->folded);
	buf_free(&m->carry);
	m->tag = 0;
	free(m);
}

bool mime_match_feed(struct mime_match *m, struct span chunk)
{
	ENSURE_TAG(m, MATCH_TAG);
	mime_text_feed(m->text, chunk);
	return enough(m);
}

bool mime_match_short(const struct mime_match *m)
{
	return mime_text_short(m->text) || buf_short(&m->folded) || buf_short(&m->carry);
}

uint32_t mime_match_end(struct mime_match *m)
{
	ENSURE_TAG(m, MATCH_TAG);
	mime_text_end(m->text);
	return m->found;
}
