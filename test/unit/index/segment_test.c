/* SPDX-License-Identifier: Apache-2.0 */
/* index: segments that are gathered, merged and asked agree with the texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "rows.h"
#include "terms/extract.h"

static struct rows s; /* large */

static void known(void **state)
{
	(void)state;
	static const struct span lines = SPAN_INIT(
		"the quick brown fox\nTHE LAZY DOG\nfoxes, dogs; quick-brown things\n"
		"\xe6\xbc\xa2\xe5\xad\x97\xe4\xbb\xae\xe5\x90\x8d\nbrown the quick\n");
	static const struct {
		struct span needle;
		unsigned sure, may;
	} rows[] = {
		{SPAN_INIT("fox"), 2, 0},	   {SPAN_INIT("QUICK"), 3, 0},
		{SPAN_INIT("he"), 3, 0},	   {SPAN_INIT("quick brown"), 0, 3},
		{SPAN_INIT("ick brow"), 0, 3},	   {SPAN_INIT("the lazy"), 0, 1},
		{SPAN_INIT("dog"), 2, 0},	   {SPAN_INIT("dog "), 0, 1},
		{SPAN_INIT("nothing"), 0, 0},	   {SPAN_INIT("\xe5\xad\x97"), 1, 0},
		{SPAN_INIT("\xe5\xad\x97\xe4\xbb\xae"), 1, 0},
		{SPAN_INIT("\xe5\xad\x97\xe5\xad\x97"), 0, 0},
		{SPAN_INIT("--"), 0, 5},	   {SPAN_INIT("ox"), 2, 0},
		{SPAN_INIT(" ox"), 0, 0},
	};
	rows_init(&s);
	struct index_segment seg = rows_segment(&s, lines, 1, 10);
	assert_int_equal(seg.docs, 5);
	assert_int_equal(seg.first, 10);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned said[3] = {0};
		rows_check(&s, &seg, lines, rows[i].needle, said);
		if (said[INDEX_SURE] != rows[i].sure || said[INDEX_MAYBE] != rows[i].may)
			fail_msg("%.*s: %u sure, %u may", SPAN_FMT(rows[i].needle),
				 said[INDEX_SURE], said[INDEX_MAYBE]);
	}
	rows_free(&s);
}

/* ---- merging ---- */

static bool odd_ones(void *arg, uint32_t uid)
{
	const uint32_t *gone = arg;
	return gone == NULL || uid % *gone != 0;
}

static void random_lines(struct buf *b, unsigned n)
{
	for (; n > 0; n--) {
		for (int w = rand() % 30; w > 0; w--) {
			unsigned word = (unsigned)rand() % (1u + (unsigned)rand() % 3000u);
			buf_printf(b, word % 7 == 0 ? "w%u-" : "word%ux ", word);
			buf_printf(b, "u%x ", (unsigned)rand());
		}
		buf_addc(b, '\n');
	}
}

/* Lines of messages that are still there. */
static void left(struct buf *out, struct span lines, uint32_t first, uint32_t gone)
{
	for (uint32_t uid = first; lines.len > 0; uid += 2) {
		struct span line;
		(void)span_cut(&lines, '\n', &line);
		if (odd_ones(&gone, uid)) {
			buf_add(out, line);
			buf_addc(out, '\n');
		}
	}
}

static void merged(void **state)
{
	(void)state;
	srand(11);
	for (uint32_t gone = 3; gone < 8; gone++) {
		struct index_segment in[INDEX_MERGE_MAX], out;
		struct buf lines[INDEX_MERGE_MAX], all;
		size_t count = 1 + (unsigned)rand() % INDEX_MERGE_MAX;
		uint32_t first = 1;
		const struct index_alive alive = {odd_ones, &gone};
		unsigned said[3] = {0};
		rows_init(&s);
		buf_init(&all, 8u << 20);
		for (size_t i = 0; i < count; i++) {
			buf_init(&lines[i], 4u << 20);
			random_lines(&lines[i], 1u + (unsigned)rand() % 200u);
			in[i] = rows_segment(&s, buf_span(&lines[i]), (uint32_t)i + 1,
					     first);
			left(&all, buf_span(&lines[i]), first, gone);
			first = in[i].last + 1;
			buf_free(&lines[i]);
		}
		assert_int_equal(index_merge(in, count, &s.get, &s.put, &alive, 99, &out),
				 INDEX_OK);
		assert_int_equal(out.first, in[0].first);
		assert_int_equal(out.last, in[count - 1].last);
		rows_check(&s, &out, buf_span(&all), SPAN("word1"), said);
		rows_check(&s, &out, buf_span(&all), SPAN("ord12x"), said);
		rows_check(&s, &out, buf_span(&all), SPAN("w7-word"), said);
		rows_check(&s, &out, buf_span(&all), SPAN("7-w"), said);
		assert_true(said[INDEX_SURE] > 0 && said[INDEX_MAYBE] > 0);
		buf_free(&all);
		rows_free(&s);
	}
}

/* Merging what nobody needs any more leaves nothing. */
static bool nobody(void *arg, uint32_t uid)
{
	(void)arg;
	(void)uid;
	return false;
}

static void all_gone(void **state)
{
	(void)state;
	struct index_segment out, in;
	const struct index_alive none = {nobody, NULL};
	struct index_ask *a = index_ask_new();
	rows_init(&s);
	in = rows_segment(&s, SPAN("one\ntwo\n"), 1, 1);
	assert_int_equal(index_merge(&in, 1, &s.get, &s.put, &none, 2, &out), INDEX_OK);
	assert_int_equal(out.docs, 0);
	assert_int_equal(out.terms, 0);
	assert_int_equal(out.last, in.last);
	assert_int_equal(index_ask_run(a, &out, &s.get), INDEX_OK);
	index_ask_free(a);
	rows_free(&s);
}

/* Each row that is missing or cut, and a sink that takes no more. */
static void without(void **state)
{
	(void)state;
	struct buf lines;
	const struct index_alive all = {odd_ones, NULL};
	struct index_segment out, in;
	struct needle n;
	buf_init(&lines, 4u << 20);
	srand(5);
	random_lines(&lines, GATHER_DOCS);
	rows_init(&s);
	in = rows_segment(&s, buf_span(&lines), 1, 1);
	assert_true(in.word_rows > 2 && s.count >= 5);
	needle_cut(&n, SPAN("word1"));
	for (size_t i = 0, count = s.count; i < count; i++) {
		struct index_ask *a = index_ask_new();
		assert_true(index_ask_leaf(a, 1u << TERM_BODY, &n));
		s.row[i].len--;
		assert_int_equal(index_merge(&in, 1, &s.get, &s.put, &all, 50 + (uint32_t)i, &out),
				 INDEX_DAMAGED);
		s.row[i].len++;
		s.row[i].segment = 7;
		assert_int_equal(index_ask_run(a, &in, &s.get), INDEX_DAMAGED);
		s.row[i].segment = 1;
		assert_int_equal(index_ask_run(a, &in, &s.get), INDEX_OK);
		index_ask_free(a);
	}
	s.puts_left = 2;
	assert_int_equal(index_merge(&in, 1, &s.get, &s.put, &all, 40, &out), INDEX_MEMORY);
	rows_free(&s);
	buf_free(&lines);
}

/* ---- limits ---- */

/* More leaves than there is room for; probes that do not fit: all may. */
static void many_leaves(void **state)
{
	(void)state;
	struct needle plain, rich;
	struct index_ask *a = index_ask_new();
	rows_init(&s);
	struct index_segment seg = rows_segment(&s, SPAN("one\ntwo\n"), 1, 1);
	needle_cut(&plain, SPAN("one"));
	needle_cut(&rich, SPAN("abcdefghijklmnop qrstuvwxyzabcdef ghijklmnopqrstuv"));
	assert_int_equal(rich.count, 3); /* 21 probes */
	for (size_t i = 0; i < INDEX_LEAVES; i++)
		assert_true(index_ask_leaf(a, 1u << TERM_BODY, i < 5 ? &rich : &plain));
	assert_false(index_ask_leaf(a, 1u << TERM_BODY, &plain));
	assert_int_equal(index_ask_run(a, &seg, &s.get), INDEX_OK);
	assert_int_equal(index_ask_said(a, 3, 0), INDEX_NO);
	assert_int_equal(index_ask_said(a, 4, 0), INDEX_MAYBE);
	assert_int_equal(index_ask_said(a, 5, 0), INDEX_SURE);
	assert_int_equal(index_ask_said(a, 5, 1), INDEX_NO);
	index_ask_free(a);
	rows_free(&s);
}

/* A message of which the sorter says that its terms are not all, and terms that make
 * no sense. */
static void open_ones(void **state)
{
	(void)state;
	static const uint8_t secret[SIPHASH_KEY];
	static const struct span terms[] = {
		SPAN_INIT("\x12\x03" "one"), SPAN_INIT("\x01\x01*\x12\x03" "one"),
		SPAN_INIT("\x12\x03" "two\x12"), SPAN_INIT("\xff\xff"), SPAN_INIT("")};
	struct index_gather *g = index_gather_new(secret);
	struct index_ask *a = index_ask_new();
	struct index_segment seg;
	struct needle one, two;
	_Static_assert(TERM_CLASS(TERM_BODY, TERM_WORD) == 0x11, "for the next line");
	rows_init(&s);
	for (uint32_t i = 0; i < ARRAY_LEN(terms); i++) {
		index_gather_message(g, 100 * (i + 1));
		assert_true(index_gather_terms(g, terms[i]));
	}
	assert_true(index_gather_write(g, &s.put, 1, 1, 1000, &seg));
	needle_cut(&one, SPAN("aone"));
	needle_cut(&two, SPAN("two"));
	assert_true(index_ask_leaf(a, 1u << TERM_BODY, &one));
	assert_true(index_ask_leaf(a, 1u << TERM_BODY, &two));
	assert_int_equal(index_ask_run(a, &seg, &s.get), INDEX_OK);
	static const enum index_said want[] = {INDEX_NO, INDEX_MAYBE, INDEX_MAYBE,
					       INDEX_MAYBE, INDEX_NO};
	for (uint32_t i = 0; i < ARRAY_LEN(terms); i++) {
		assert_int_equal(index_ask_uids(a)[i], 100 * (i + 1));
		assert_int_equal(index_ask_said(a, 0, i), want[i]);
	}
	index_ask_free(a);
	index_gather_free(g);
	rows_free(&s);
}

static void full(void **state)
{
	(void)state;
	static const uint8_t secret[SIPHASH_KEY];
	struct index_gather *g = index_gather_new(secret);
	for (uint32_t i = 1; i < GATHER_DOCS; i++) {
		index_gather_message(g, i);
		assert_false(index_gather_full(g));
	}
	index_gather_message(g, GATHER_DOCS);
	assert_true(index_gather_full(g));
	index_gather_free(g);
	g = index_gather_new(secret);
	static char many[GATHER_BYTES];
	index_gather_message(g, 1);
	assert_true(index_gather_terms(g, span_of(many, GATHER_BYTES - 1)));
	assert_false(index_gather_full(g));
	assert_true(index_gather_terms(g, span_of(many, 1)));
	assert_true(index_gather_full(g));
	index_gather_free(g);
}

/* ---- the shelf ---- */

static void shelf(void **state)
{
	(void)state;
	static struct index_shelf a, b;
	struct buf row;
	buf_init(&row, INDEX_SHELF_MAX);
	index_shelf_init(&a);
	a.next_id = 4000000000u;
	a.covered = UINT32_MAX;
	a.count = INDEX_SEGMENTS;
	for (uint32_t i = 0; i < INDEX_SEGMENTS; i++) {
		struct index_segment *g = &a.segment[i];
		*g = (struct index_segment){.id = 3999999999u - i,
					    .first = 1 + i * 80000000u,
					    .last = (i + 1) * 80000000u,
					    .docs = INDEX_DOCS_MAX,
					    .terms = 4000000000u,
					    .postings = UINT64_MAX / 2,
					    .docs_bytes = 1ull << 40,
					    .uids_bytes = 5000000,
					    .words_bytes = 1ull << 40,
					    .word_rows = 4000000000u};
		for (uint32_t c = 0; c < TERM_CLASSES; c++)
			g->row_of[c] = c * 200000000u;
	}
	a.gone_count = INDEX_GONE;
	for (uint32_t i = 0; i < INDEX_GONE; i++)
		a.gone[i] = (struct index_gone){UINT32_MAX, UINT32_MAX, UINT32_MAX, i};
	index_shelf_write(&row, &a);
	assert_true(buf_ok(&row)); /* the longest fits */
	assert_true(index_shelf_read(buf_span(&row), &b));
	assert_int_equal(b.count, a.count);
	assert_memory_equal(a.gone, b.gone, sizeof a.gone);
	assert_memory_equal(&a.segment[7], &b.segment[7], sizeof a.segment[7]);
	for (size_t i = 0; i < buf_len(&row); i++)
		assert_false(index_shelf_read(span_sub(buf_span(&row), 0, i), &b));
	for (int wrong = 0; wrong < 5; wrong++) {
		struct index_shelf c = {.version = TERMS_VERSION, .next_id = 9,
					.covered = 20, .count = 2};
		c.segment[0] = (struct index_segment){.id = 1, .first = 1, .last = 10};
		c.segment[1] = (struct index_segment){.id = 2, .first = 11, .last = 20,
						      .docs = 10};
		c.version += wrong == 1;
		c.covered -= wrong == 2;
		c.segment[1].first -= wrong == 3;
		c.segment[1].docs += wrong == 4;
		buf_clear(&row);
		index_shelf_write(&row, &c);
		assert_int_equal(index_shelf_read(buf_span(&row), &b), wrong == 0);
	}
	buf_free(&row);
}

/* A mailbox that grows by so many messages a time: few segments, little is written twice. */
static void grows(void **state)
{
	(void)state;
	static const uint32_t steps[] = {64, 100, 512, 5000};
	for (size_t k = 0; k < ARRAY_LEN(steps); k++) {
		struct index_shelf a;
		uint64_t written = 0, total = 0;
		index_shelf_init(&a);
		while (total < 3000000) {
			size_t from, n;
			uint32_t first = a.covered + 1;
			assert_true(a.count < INDEX_SEGMENTS);
			a.covered += steps[k];
			a.segment[a.count++] = (struct index_segment){
				.id = a.next_id++, .first = first, .last = a.covered,
				.docs = steps[k]};
			total += steps[k];
			while ((n = index_shelf_due(&a, &from)) > 0) {
				struct index_segment by = {
					.id = a.next_id++,
					.first = a.segment[from].first,
					.last = a.segment[from + n - 1].last};
				for (size_t i = 0; i < n; i++)
					by.docs += a.segment[from + i].docs;
				assert_true(n > 1 && n <= INDEX_GONE &&
					    by.docs <= INDEX_DOCS_MAX);
				written += by.docs;
				index_shelf_replace(&a, from, n, &by);
				assert_int_equal(a.gone_count, n);
				a.gone_count = 0;
			}
		}
		for (size_t i = 1; i < a.count; i++)
			assert_int_equal(a.segment[i].first, a.segment[i - 1].last + 1);
		assert_int_equal(a.segment[a.count - 1].last, a.covered);
		assert_true(written < 6 * total);
	}
	/* A full shelf makes room as long as two fit into one. */
	struct index_shelf full;
	size_t from;
	index_shelf_init(&full);
	full.count = INDEX_SEGMENTS;
	for (size_t i = 0; i < full.count; i++)
		full.segment[i].docs = INDEX_DOCS_MAX / 2;
	full.segment[9].docs--;
	assert_int_equal(index_shelf_due(&full, &from), 2);
	assert_true(from == 8 || from == 9);
	for (size_t i = 0; i < full.count; i++)
		full.segment[i].docs = INDEX_DOCS_MAX / 2 + 1;
	assert_int_equal(index_shelf_due(&full, &from), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known),       cmocka_unit_test(merged),
		cmocka_unit_test(all_gone),    cmocka_unit_test(without),
		cmocka_unit_test(many_leaves), cmocka_unit_test(open_ones),
		cmocka_unit_test(full),	       cmocka_unit_test(shelf),
		cmocka_unit_test(grows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
