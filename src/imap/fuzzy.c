/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/fuzzy: what FUZZY asks for (RFC 6203), in ordinary keys.
 *
 * A text is cut into words, all of which have to be there, in whatever order, each in
 * some form: of a word only what its stems have in common with it is looked for, as
 * libstemmer makes stems in seven languages.  How near a message comes is asked
 * afterwards, of those found: the text as it stands, all words as they stand, or neither.
 *
 * Must never find less than the same key without FUZZY does.
 */
#include <libstemmer.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "imap/search.h"

/* A form that is shorter stands in too many words. */
#define FORM_LEAST 4u

static const char *const languages[] = {"english", "german", "french", "spanish",
					"italian", "dutch", "portuguese"};

struct stemmers {
	struct sb_stemmer *of[ARRAY_LEN(languages)];
};

static bool stemmers_new(struct stemmers *s)
{
	bool all = true;
	for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
		s->of[i] = sb_stemmer_new(languages[i], "UTF_8");
		all &= s->of[i] != NULL;
	}
	return all;
}

static void stemmers_free(struct stemmers *s)
{
	for (size_t i = 0; i < ARRAY_LEN(languages); i++)
		if (s->of[i] != NULL)
			sb_stemmer_delete(s->of[i]);
}

/* What stands between words: of ASCII all but letters and digits. */
static bool is_between(char c)
{
	return (unsigned char)c < 0x80 && !ascii_alpha(c) && !ascii_digit(c);
}

static bool next_word(struct span *rest, struct span *word)
{
	size_t from = 0, to;
	while (from < rest->len && is_between(rest->ptr[from]))
		from++;
	to = from;
	while (to < rest->len && !is_between(rest->ptr[to]))
		to++;
	*word = span_sub(*rest, from, to - from);
	*rest = span_skip(*rest, to);
	return word->len > 0;
}

static size_t letters(struct span s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++)
		n += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
	return n;
}

/* The front of a word that its stem begins with, too. */
static struct span in_common(struct span word, struct span stem)
{
	size_t n = 0;
	while (n < word.len && n < stem.len && word.ptr[n] == stem.ptr[n])
		n++;
	/* "studi" is what "studies" and "study" become. */
	if (n > 0 && word.ptr[n - 1] == 'i')
		n--;
	while (n > 0 && n < word.len && ((unsigned char)word.ptr[n] & 0xc0) == 0x80)
		n--;
	return span_sub(word, 0, n);
}

/* In lower case as far as that is ASCII: texts are compared without case.  False: memory. */
static bool form_of(struct stemmers *s, struct span word, struct arena *a, struct span *out)
{
	char *lower = arena_bytes(a, word.len);
	if (lower == NULL)
		return false;
	for (size_t i = 0; i < word.len; i++)
		lower[i] = ascii_lower(word.ptr[i]);
	struct span whole = span_of(lower, word.len);
	*out = whole;
	for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
		const sb_symbol *stem = sb_stemmer_stem(
			s->of[i], (const sb_symbol *)lower, (int)word.len);
		if (stem == NULL)
			return false;
		struct span form = in_common(whole, span_of((const char *)stem,
				(size_t)sb_stemmer_length(s->of[i])));
		if (form.len < out->len && letters(form) >= FORM_LEAST)
			*out = form;
	}
	return true;
}

struct expanding {
	struct stemmers stemmers;
	struct arena *arena;
	struct imap_query *out;
	enum imap_closeness closeness;
	enum imap_fuzzy_result result;
};

static bool push(struct expanding *e, struct imap_query_op op)
{
	if (e->out->count == IMAP_QUERY_OPS)
		e->result = IMAP_FUZZY_LIMIT;
	else
		e->out->ops[e->out->count++] = op;
	return e->result == IMAP_FUZZY_OK;
}

/* One key becomes one for each of its words. */
static bool put_words(struct expanding *e, const struct imap_query_op *op)
{
	struct span rest = op->text, word;
	size_t count = 0;
	while (count < IMAP_FUZZY_WORDS && next_word(&rest, &word)) {
		struct imap_query_op one = *op;
		one.fuzzy = false;
		one.text = word;
		if (e->closeness == IMAP_CLOSE_FORMS &&
		    !form_of(&e->stemmers, word, e->arena, &one.text)) {
			e->result = IMAP_FUZZY_MEMORY;
			return false;
		}
		if (!push(e, one) ||
		    (count > 0 && !push(e, (struct imap_query_op){.kind = IMAP_Q_AND})))
			return false;
		count++;
	}
	return count > 0 || push(e, *op);
}

enum imap_fuzzy_result imap_query_fuzzy(const struct imap_query *q, enum imap_closeness closeness,
					struct arena *a, struct imap_query *out)
{
	struct expanding e = {.arena = a, .out = out, .closeness = closeness};
	*out = (struct imap_query){.modseq = q->modseq};
	out->ops = ARENA_ARRAY(a, IMAP_QUERY_OPS, struct imap_query_op);
	if (out->ops == NULL || (closeness == IMAP_CLOSE_FORMS && !stemmers_new(&e.stemmers)))
		e.result = IMAP_FUZZY_MEMORY;
	for (size_t i = 0; i < q->count && e.result == IMAP_FUZZY_OK; i++)
		if (q->ops[i].fuzzy && closeness != IMAP_CLOSE_TEXT)
			(void)put_words(&e, &q->ops[i]);
		else
			(void)push(&e, q->ops[i]);
	stemmers_free(&e.stemmers);
	return e.result;
}

bool imap_query_is_fuzzy(const struct imap_query *q)
{
	for (size_t i = 0; i < q->count; i++)
		if (q->ops[i].fuzzy)
			return true;
	return false;
}

/* Which of the found a closer query finds as well. */
static enum imap_answer closer(struct imap_session *s, uint64_t mailbox,
			       const struct imap_query *q, const struct imap_set *found,
			       struct imap_set *out)
{
	struct imap_query among = *q;
	struct imap_set more;
	uint64_t highest = 0;
	imap_set_init(&more, s->work->arena);
	imap_set_init(out, s->work->arena);
	if (found->count <= IMAP_FUZZY_RUNS && q->count + 2 <= IMAP_QUERY_OPS) {
		among.ops = ARENA_ARRAY(s->work->arena, q->count + 2, struct imap_query_op);
		if (among.ops == NULL)
			return IMAP_UNAVAILABLE;
		memcpy(among.ops, q->ops, q->count * sizeof *q->ops);
		among.ops[among.count++] = (struct imap_query_op){.kind = IMAP_Q_UIDS, .uids = *found};
		among.ops[among.count++] = (struct imap_query_op){.kind = IMAP_Q_AND};
	}
	enum imap_answer r = s->host->search(s->host, mailbox, &among, &more, &highest);
	return r != IMAP_YES || imap_set_and(&more, found, out) ? r : IMAP_UNAVAILABLE;
}

enum imap_answer imap_relevancy(struct imap_session *s, uint64_t mailbox,
				const struct imap_query *q, const struct imap_set *found,
				struct imap_relevancy *out)
{
	enum imap_answer r = IMAP_YES;
	struct imap_set *sets[] = {[IMAP_CLOSE_TEXT] = &out->text, [IMAP_CLOSE_WORDS] = &out->words};
	for (size_t i = 0; i < ARRAY_LEN(sets) && r == IMAP_YES; i++) {
		ENSURE(q->closer[i] != NULL);
		r = closer(s, mailbox, q->closer[i], found, sets[i]);
	}
	return r;
}

unsigned imap_relevancy_of(const struct imap_relevancy *r, uint32_t uid)
{
	return imap_set_has(&r->text, uid) ? 100 : imap_set_has(&r->words, uid) ? 70 : 40;
}
