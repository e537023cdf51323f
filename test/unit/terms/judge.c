/* SPDX-License-Identifier: Apache-2.0 */
/* judge: see judge.h. */
#include "judge.h"

#include "base/check.h"
#include "base/ensure.h"
#include "terms/fold.h"

static bool hits(struct span terms, const struct term_probe *p)
{
	struct term t;
	while (term_next(&terms, &t)) {
		if (t.class == TERM_OPEN || term_kind_of(t.class) != p->kind ||
		    span_find_span(t.text, p->text) == SIZE_MAX ||
		    (p->starts && !span_starts(t.text, p->text)) ||
		    (p->ends && !span_ends(t.text, p->text)) ||
		    (p->starts && p->ends && t.text.len != p->text.len))
			continue;
		return true;
	}
	ENSURE(terms.len == 0);
	return false;
}

enum verdict judge_needle(struct span terms, const struct needle *n)
{
	enum verdict v = n->is_alone ? VERDICT_SURE : VERDICT_MAYBE;
	if (terms.len > 0 && terms.ptr[0] == TERM_OPEN)
		return VERDICT_MAYBE;
	for (size_t i = 0; i < n->count; i++) {
		const struct needle_piece *p = &n->pieces[i];
		bool all = true;
		if (p->has_word && hits(terms, &p->word))
			continue;
		for (size_t k = 0; k < p->count; k++)
			all = all && hits(terms, &p->all[k]);
		if (!all)
			return VERDICT_NO;
		if (!p->is_sure)
			v = VERDICT_MAYBE;
	}
	return v;
}

void judge_extract(struct span folded, size_t cut, struct buf *out)
{
	static const uint8_t secret[SIPHASH_KEY] = {1};
	struct terms *t = terms_new(secret);
	ENSURE(t != NULL);
	while (folded.len > 0) {
		size_t n = size_min(cut, folded.len);
		while (n < folded.len && ((unsigned char)folded.ptr[n] & 0xc0) == 0x80)
			n++;
		terms_text(t, TERM_BODY, span_sub(folded, 0, n));
		folded = span_skip(folded, n);
	}
	terms_break(t);
	ENSURE(!terms_short(t));
	buf_clear(out);
	buf_add(out, terms_bytes(t));
	ENSURE(buf_ok(out));
	terms_free(t);
}

enum verdict judge_text(struct span text, struct span needle, bool *there)
{
	struct buf t, n, terms;
	struct needle cut;
	buf_init(&t, FOLD_GROWTH * text.len + 1);
	buf_init(&n, FOLD_GROWTH * needle.len + 1);
	buf_init(&terms, 1u << 20);
	terms_fold(&t, text);
	terms_fold(&n, needle);
	ENSURE(buf_ok(&t) && buf_ok(&n));
	judge_extract(buf_span(&t), 7, &terms);
	needle_cut(&cut, buf_span(&n));
	enum verdict v = judge_needle(buf_span(&terms), &cut);
	*there = needle.len == 0 ||
		 span_find_span(buf_span(&t), buf_span(&n)) != SIZE_MAX;
	buf_free(&t);
	buf_free(&n);
	buf_free(&terms);
	return v;
}
