/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index/gather: a table of words; for each message the numbers of its words.  At
 * the end the words are sorted and the numbers turned into lists by counting.
 */
#include "index/gather.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "index/write.h"

#define GATHER_TAG  TAG4('I', 'X', 'G', 'A')
#define TABLE_FIRST 4096u
#define TEXTS_MAX   (64u << 20)

struct word {
	uint32_t hash, at; /* in texts: class and bytes */
	uint32_t count, list;
	uint32_t last; /* document that has it, + 1 */
	uint8_t len;
};

struct index_gather {
	uint32_t tag;
	uint8_t secret[SIPHASH_KEY];
	struct buf texts;
	struct word *words;
	size_t word_count, word_cap;
	uint32_t *table; /* number of a word + 1; 0: free */
	size_t table_size;
	uint32_t *pairs; /* words of the messages, end to end */
	size_t pair_count, pair_cap;
	uint32_t uids[GATHER_DOCS], ends[GATHER_DOCS]; /* in pairs */
	uint32_t docs;
	size_t bytes;
};

struct index_gather *index_gather_new(const uint8_t secret[SIPHASH_KEY])
{
	struct index_gather *g = calloc(1, sizeof *g);
	if (g == NULL)
		return NULL;
	g->tag = GATHER_TAG;
	g->table_size = TABLE_FIRST;
	g->table = calloc(g->table_size, sizeof *g->table);
	memcpy(g->secret, secret, SIPHASH_KEY);
	buf_init(&g->texts, TEXTS_MAX);
	if (g->table != NULL)
		return g;
	index_gather_free(g);
	return NULL;
}

void index_gather_free(struct index_gather *g)
{
	if (g == NULL)
		return;
	ENSURE_TAG(g, GATHER_TAG);
	buf_free(&g->texts);
	free(g->words);
	free(g->table);
	free(g->pairs);
	g->tag = 0;
	free(g);
}

bool index_gather_full(const struct index_gather *g)
{
	return g->docs == GATHER_DOCS || g->bytes >= GATHER_BYTES;
}

uint32_t index_gather_docs(const struct index_gather *g) { return g->docs; }

void index_gather_message(struct index_gather *g, uint32_t uid)
{
	ENSURE_TAG(g, GATHER_TAG);
	ENSURE(g->docs < GATHER_DOCS);
	ENSURE(g->docs == 0 || uid > g->uids[g->docs - 1]);
	g->uids[g->docs] = uid;
	g->ends[g->docs] = (uint32_t)g->pair_count;
	g->docs++;
}

/* ---- words ---- */

static bool room(void **at, size_t *cap, size_t count, size_t size)
{
	if (count < *cap)
		return true;
	size_t more = *cap ? *cap * 2 : 4096;
	void *to = realloc(*at, more * size);
	if (to == NULL)
		return false;
	*at = to;
	*cap = more;
	return true;
}

static bool grow_table(struct index_gather *g)
{
	size_t size = g->table_size * 2;
	uint32_t *more = calloc(size, sizeof *more);
	if (more == NULL)
		return false;
	for (size_t i = 0; i < g->word_count; i++) {
		size_t at = g->words[i].hash & (size - 1);
		while (more[at] != 0)
			at = (at + 1) & (size - 1);
		more[at] = (uint32_t)i + 1;
	}
	free(g->table);
	g->table = more;
	g->table_size = size;
	return true;
}

static struct span text_of(const struct index_gather *g, const struct word *w)
{
	return span_sub(buf_span(&g->texts), w->at, w->len);
}

/* NULL: memory. */
static struct word *word_of(struct index_gather *g, struct span whole)
{
	uint32_t hash = (uint32_t)siphash(g->secret, whole);
	size_t at = hash & (g->table_size - 1);
	for (; g->table[at] != 0; at = (at + 1) & (g->table_size - 1)) {
		struct word *w = &g->words[g->table[at] - 1];
		if (w->hash == hash && span_eq(text_of(g, w), whole))
			return w;
	}
	void *words = g->words;
	bool ok = room(&words, &g->word_cap, g->word_count, sizeof *g->words);
	g->words = words;
	size_t text = buf_len(&g->texts);
	buf_add(&g->texts, whole);
	if (!ok || !buf_ok(&g->texts))
		return NULL;
	g->table[at] = (uint32_t)g->word_count + 1;
	g->words[g->word_count] = (struct word){.hash = hash, .at = (uint32_t)text,
						.len = (uint8_t)whole.len};
	if (++g->word_count * 2 > g->table_size && !grow_table(g))
		return NULL;
	return &g->words[g->word_count - 1];
}

static bool add(struct index_gather *g, const struct term *t)
{
	char whole[1 + TERM_MAX];
	whole[0] = (char)t->class;
	memcpy(whole + 1, t->text.ptr, t->text.len);
	struct word *w = word_of(g, span_of(whole, 1 + t->text.len));
	if (w == NULL)
		return false;
	if (w->last == g->docs)
		return true;
	void *pairs = g->pairs;
	bool ok = room(&pairs, &g->pair_cap, g->pair_count, sizeof *g->pairs);
	g->pairs = pairs;
	if (!ok)
		return false;
	w->last = g->docs;
	w->count++;
	g->pairs[g->pair_count++] = (uint32_t)(w - g->words);
	return true;
}

bool index_gather_terms(struct index_gather *g, struct span terms)
{
	struct term t;
	ENSURE_TAG(g, GATHER_TAG);
	ENSURE(g->docs > 0);
	g->bytes += terms.len;
	while (term_next(&terms, &t))
		if (!add(g, &t))
			return false;
	if (terms.len > 0 &&
	    !add(g, &(struct term){.class = TERM_OPEN, .text = SPAN("*")}))
		return false;
	g->ends[g->docs - 1] = (uint32_t)g->pair_count;
	return true;
}

/* ---- the segment ---- */

/* The first bytes decide most comparisons. */
struct key {
	uint64_t front;
	struct span text;
	uint32_t word;
};

static int by_text(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	if (x->front != y->front)
		return x->front < y->front ? -1 : 1;
	return span_cmp(x->text, y->text);
}

static struct key *sorted(const struct index_gather *g)
{
	struct key *keys = calloc(g->word_count + 1, sizeof *keys);
	for (size_t i = 0; keys != NULL && i < g->word_count; i++) {
		struct key *k = &keys[i];
		k->text = text_of(g, &g->words[i]);
		k->word = (uint32_t)i;
		for (size_t n = 0; n < 8; n++)
			k->front = k->front << 8 |
				   (n < k->text.len ? (unsigned char)k->text.ptr[n]
						    : 0);
	}
	if (keys != NULL)
		qsort(keys, g->word_count, sizeof *keys, by_text);
	return keys;
}

/* The documents of each word, ascending; where a word's begin is in `list`. */
static uint32_t *lists(struct index_gather *g)
{
	uint32_t *out = calloc(g->pair_count + 1, sizeof *out), at = 0, pair = 0;
	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < g->word_count; i++) {
		g->words[i].list = at;
		at += g->words[i].count;
		g->words[i].count = 0;
	}
	for (uint32_t d = 0; d < g->docs; d++)
		for (; pair < g->ends[d]; pair++) {
			struct word *w = &g->words[g->pairs[pair]];
			out[w->list + w->count++] = d;
		}
	return out;
}

bool index_gather_write(struct index_gather *g, const struct index_sink *sink,
			uint32_t id, uint32_t first, uint32_t last,
			struct index_segment *out)
{
	ENSURE_TAG(g, GATHER_TAG);
	struct key *keys = sorted(g);
	uint32_t *docs = lists(g);
	struct index_writer *w =
		index_writer_new(sink, id, first, last, g->uids, g->docs);
	bool ok = keys != NULL && docs != NULL && w != NULL;
	for (size_t i = 0; ok && i < g->word_count; i++) {
		const struct word *word = &g->words[keys[i].word];
		struct term t = {.class = (unsigned char)keys[i].text.ptr[0],
				 .text = span_skip(keys[i].text, 1)};
		index_writer_term(w, &t, docs + word->list, word->count);
	}
	ok = ok && index_writer_end(w, out);
	index_writer_free(w);
	free(docs);
	free(keys);
	return ok;
}
