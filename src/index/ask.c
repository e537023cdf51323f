/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index/ask: every probe is looked for in the texts of a row as in one run of
 * bytes; only where it stands the term around it is judged.
 *
 * Must never rule a message out by what it could not read: damage ends the run.
 */
#include "index/ask.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "base/pack.h"
#include "index/list.h"
#include "index/merge.h"
#include "index/row.h"
#include "index/stream.h"

#define ASK_TAG TAG4('I', 'X', 'A', 'S')

struct probe {
	struct term_probe what;
	uint32_t classes; /* a bit for each */
	uint64_t *bits;
};

struct leaf {
	const struct needle *needle;
	size_t probe; /* the first; its pieces' follow, the word first */
	bool all_may;
	uint64_t *sure, *may;
};

/* Goes over a row's numbers. */
struct place {
	struct unpack rest;
	size_t next;	   /* the term whose number is next */
	uint64_t end;	   /* of the lists so far */
	uint64_t at, len; /* of the last one read; len 0: one document, at */
};

struct index_ask {
	uint32_t tag;
	struct probe probe[INDEX_PROBES];
	size_t probes;
	struct leaf leaf[INDEX_LEAVES];
	size_t leaves;
	/* Of a run: */
	const struct index_segment *segment;
	struct index_in docs;
	struct buf bytes;
	uint32_t *uids;
	uint64_t *bits; /* of all, a probe or leaf after the other */
	size_t words;	/* of one */
};

struct index_ask *index_ask_new(void)
{
	struct index_ask *a = calloc(1, sizeof *a);
	if (a != NULL)
		a->tag = ASK_TAG;
	return a;
}

void index_ask_free(struct index_ask *a)
{
	if (a == NULL)
		return;
	ENSURE_TAG(a, ASK_TAG);
	free(a->uids);
	free(a->bits);
	a->tag = 0;
	free(a);
}

/* ---- leaves ---- */

static size_t probes_of(const struct needle *n)
{
	size_t count = 0;
	for (size_t i = 0; i < n->count; i++)
		count += n->pieces[i].count + n->pieces[i].has_word;
	return count;
}

static void add_probe(struct index_ask *a, unsigned fields, const struct term_probe *p)
{
	uint32_t classes = 0;
	for (unsigned f = 0; f < TERM_FIELDS; f++)
		if ((fields >> f & 1) != 0)
			classes |= UINT32_C(1) << TERM_CLASS(f, p->kind);
	a->probe[a->probes++] = (struct probe){.what = *p, .classes = classes};
}

bool index_ask_leaf(struct index_ask *a, unsigned fields, const struct needle *n)
{
	ENSURE_TAG(a, ASK_TAG);
	if (a->leaves == INDEX_LEAVES)
		return false;
	struct leaf *l = &a->leaf[a->leaves++];
	*l = (struct leaf){.needle = n, .probe = a->probes,
			   .all_may = n->count == 0 ||
				      probes_of(n) > INDEX_PROBES - a->probes};
	for (size_t i = 0; i < n->count && !l->all_may; i++) {
		const struct needle_piece *p = &n->pieces[i];
		if (p->has_word)
			add_probe(a, fields, &p->word);
		for (size_t k = 0; k < p->count; k++)
			add_probe(a, fields, &p->all[k]);
	}
	return true;
}

/* ---- a row ---- */

static struct place place_of(const struct index_row *row)
{
	return (struct place){.rest = unpack_of(row->numbers), .end = row->lists};
}

/* Forwards only.  False: there is no such term. */
static bool go_to(struct place *p, size_t ordinal)
{
	for (; p->next <= ordinal; p->next++) {
		uint64_t n = unpack_varint(&p->rest, UINT64_MAX / 4);
		p->len = n & 1 ? 0 : n >> 1;
		p->at = n & 1 ? n >> 1 : p->end;
		p->end += p->len;
	}
	return unpack_ok(&p->rest);
}

static bool mark(struct index_ask *a, const struct place *p, uint64_t *bits)
{
	struct span list;
	if (p->len > 0)
		return index_in_read(&a->docs, p->at, p->len, &list) &&
		       index_list_or(list, a->segment->docs, bits);
	if (p->at >= a->segment->docs)
		return false;
	bits[p->at / 64] |= UINT64_C(1) << p->at % 64;
	return true;
}

static bool is_class(char c) { return (unsigned char)c < TERM_FIRST_BYTE; }

/* The term around a hit: where it begins (its class) and ends. */
static void around(struct span texts, size_t hit, size_t *from, size_t *to)
{
	*from = *to = hit;
	while (*from > 0 && !is_class(texts.ptr[*from]))
		--*from;
	while (*to < texts.len && !is_class(texts.ptr[*to]))
		++*to;
}

static size_t classes_in(const char *p, size_t n)
{
	size_t count = 0;
	for (size_t i = 0; i < n; i++)
		count += (unsigned char)p[i] < TERM_FIRST_BYTE;
	return count;
}

static bool scan(struct index_ask *a, const struct index_row *row, const struct probe *p)
{
	struct span texts = row->texts;
	size_t at = 0, counted = 0, ordinal = 0;
	struct place place = place_of(row);
	for (;;) {
		size_t from, to, hit = span_find_span(span_skip(texts, at), p->what.text);
		if (hit == SIZE_MAX)
			return true;
		hit += at;
		around(texts, hit, &from, &to);
		at = to;
		unsigned class = (unsigned char)texts.ptr[from];
		if (class >= TERM_CLASSES || (p->classes >> class & 1) == 0 ||
		    (p->what.starts && hit != from + 1) ||
		    (p->what.ends && hit + p->what.text.len != to)) {
			/* It may end with what it also holds further ahead. */
			if (p->what.ends && hit + p->what.text.len < to)
				at = hit + 1;
			continue;
		}
		ordinal += classes_in(texts.ptr + counted, from - counted);
		counted = from;
		if (!go_to(&place, ordinal) || !mark(a, &place, p->bits))
			return false;
	}
}

/* The mark of open messages is the first term of all. */
static bool scan_open(struct index_ask *a, const struct index_row *row, uint64_t *bits)
{
	struct place place = place_of(row);
	return (unsigned char)row->texts.ptr[0] != TERM_OPEN ||
	       (go_to(&place, 0) && mark(a, &place, bits));
}

/* ---- a segment ---- */

/* Does row n hold terms of these classes? */
static bool matters(const struct index_segment *s, uint32_t classes, uint32_t n)
{
	for (unsigned c = TERM_OPEN + 1; c < TERM_CLASSES; c++) {
		uint32_t end = c + 1 < TERM_CLASSES ? s->row_of[c + 1]
						    : s->word_rows;
		if ((classes >> c & 1) != 0 && n >= s->row_of[c] && n <= end)
			return true;
	}
	return false;
}

static enum index_result one_row(struct index_ask *a, const struct index_rows *rows,
				 uint32_t n, uint64_t *open)
{
	struct index_row row;
	bool read = n == 0, ok = true;
	for (size_t i = 0; i < a->probes && !read; i++)
		read = matters(a->segment, a->probe[i].classes, n);
	if (!read)
		return INDEX_OK;
	if (!rows->get(rows->arg, a->segment->id, INDEX_WORDS, n, &a->bytes))
		return buf_short(&a->bytes) ? INDEX_MEMORY : INDEX_DAMAGED;
	if (!index_row_read(buf_span(&a->bytes), &row) ||
	    (n == 0 && !scan_open(a, &row, open)))
		return INDEX_DAMAGED;
	for (size_t i = 0; i < a->probes && ok; i++)
		if (matters(a->segment, a->probe[i].classes, n))
			ok = scan(a, &row, &a->probe[i]);
	return ok ? INDEX_OK : INDEX_DAMAGED;
}

static void intersect(uint64_t *to, const uint64_t *with, size_t words)
{
	for (size_t i = 0; i < words; i++)
		to[i] &= with[i];
}

static void unite(uint64_t *to, const uint64_t *with, size_t words)
{
	for (size_t i = 0; i < words; i++)
		to[i] |= with[i];
}

/* From the bits of its probes to those of the leaf. */
static void conclude(struct index_ask *a, struct leaf *l, const uint64_t *open)
{
	const struct needle *n = l->needle;
	const struct probe *p = &a->probe[l->probe];
	memset(l->may, 0xff, a->words * sizeof *l->may);
	memset(l->sure, 0, a->words * sizeof *l->sure);
	for (size_t i = 0; i < n->count && !l->all_may; i++) {
		const struct needle_piece *piece = &n->pieces[i];
		const struct probe *word = piece->has_word ? p++ : NULL;
		uint64_t *all = p->bits;
		for (size_t k = 1; k < piece->count; k++)
			intersect(all, p[k].bits, a->words);
		if (n->is_alone && word != NULL)
			unite(l->sure, word->bits, a->words);
		if (n->is_alone && piece->is_sure)
			unite(l->sure, all, a->words);
		if (word != NULL)
			unite(all, word->bits, a->words);
		intersect(l->may, all, a->words);
		p += piece->count;
	}
	unite(l->may, open, a->words);
}

static bool make_room(struct index_ask *a)
{
	size_t sets = a->probes + 2 * a->leaves + 1;
	free(a->uids);
	free(a->bits);
	a->words = a->segment->docs / 64 + 1;
	a->uids = calloc(a->segment->docs + 1u, sizeof *a->uids);
	a->bits = calloc(sets * a->words, sizeof *a->bits);
	if (a->uids == NULL || a->bits == NULL)
		return false;
	uint64_t *next = a->bits + a->words; /* those of open ones are first */
	for (size_t i = 0; i < a->probes; i++, next += a->words)
		a->probe[i].bits = next;
	for (size_t i = 0; i < a->leaves; i++, next += 2 * a->words) {
		a->leaf[i].sure = next;
		a->leaf[i].may = next + a->words;
	}
	return true;
}

enum index_result index_ask_run(struct index_ask *a, const struct index_segment *s,
				const struct index_rows *rows)
{
	enum index_result r = INDEX_OK;
	ENSURE_TAG(a, ASK_TAG);
	a->segment = s;
	if (!make_room(a))
		return INDEX_MEMORY;
	if (!index_uids(s, rows, a->uids))
		return INDEX_DAMAGED;
	buf_init(&a->bytes, INDEX_ROW_MAX);
	index_in_init(&a->docs, rows, s->id, INDEX_DOCS, s->docs_bytes);
	for (uint32_t n = 0; n < s->word_rows && r == INDEX_OK; n++)
		r = one_row(a, rows, n, a->bits);
	for (size_t i = 0; i < a->leaves && r == INDEX_OK; i++)
		conclude(a, &a->leaf[i], a->bits);
	index_in_free(&a->docs);
	buf_free(&a->bytes);
	return r;
}

const uint32_t *index_ask_uids(const struct index_ask *a) { return a->uids; }

enum index_said index_ask_said(const struct index_ask *a, size_t leaf, uint32_t doc)
{
	const struct leaf *l = &a->leaf[leaf];
	ENSURE(leaf < a->leaves && doc < a->segment->docs);
	if ((l->sure[doc / 64] >> doc % 64 & 1) != 0)
		return INDEX_SURE;
	return (l->may[doc / 64] >> doc % 64 & 1) != 0 ? INDEX_MAYBE : INDEX_NO;
}
