/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terms/needle: the questions of each piece.
 *
 * Must never ask for a term that a message which holds the needle may lack: the
 * index would hide mail.
 */
#include "terms/needle.h"

#include "base/utf8.h"
#include "terms/extract.h"
#include "terms/kind.h"

static size_t point_len(struct span s)
{
	uint32_t c;
	size_t n = utf8_decode(s, &c);
	return n > 0 ? n : 1;
}

/* The bytes of the first n code points; 0: there are fewer. */
static size_t points_len(struct span s, size_t n)
{
	size_t len = 0;
	for (; n > 0; n--) {
		if (len == s.len)
			return 0;
		len += point_len(span_skip(s, len));
	}
	return len;
}

/* Each n code points in a row, equal to a whole term; shorter: within one. */
static void ask_points(struct needle_piece *p, enum term_kind kind, size_t n,
		       struct span text)
{
	size_t len = points_len(text, n);
	p->is_sure = len == 0 || len == text.len;
	if (len == 0)
		p->all[p->count++] = (struct term_probe){.kind = kind, .text = text};
	while (len > 0 && p->count < NEEDLE_PROBES) {
		p->all[p->count++] = (struct term_probe){
			.kind = kind,
			.starts = true,
			.ends = true,
			.text = span_sub(text, 0, len)};
		/* Such that share one code point say most with the fewest questions. */
		size_t step = points_len(text, n - 1);
		text = span_skip(text, step > 0 ? step : len);
		len = points_len(text, n);
	}
}

static void add_piece(struct needle *n, enum point_kind kind, struct span text,
		      bool starts, bool ends)
{
	if (n->count == NEEDLE_PIECES)
		return;
	struct needle_piece *p = &n->pieces[n->count++];
	*p = (struct needle_piece){.count = 0};
	if (kind == POINT_GRAM) {
		ask_points(p, TERM_GRAM, TERM_GRAM_POINTS, text);
		return;
	}
	p->has_word = text.len <= TERM_MAX;
	p->word = (struct term_probe){.kind = TERM_WORD, .starts = starts,
				      .ends = ends, .text = text};
	ask_points(p, TERM_LONG, TERM_LONG_POINTS, text);
}

void needle_cut(struct needle *n, struct span s)
{
	size_t at = 0;
	*n = (struct needle){.count = 0};
	while (at < s.len) {
		enum point_kind kind, next = POINT_PART;
		size_t end = at + point_next(span_skip(s, at), &kind);
		while (end < s.len) {
			size_t len = point_next(span_skip(s, end), &next);
			if (next != kind)
				break;
			end += len;
		}
		if (kind != POINT_PART)
			add_piece(n, kind, span_sub(s, at, end - at), at > 0,
				  end < s.len);
		n->is_alone = kind != POINT_PART && at == 0 && end == s.len;
		at = end;
	}
}
