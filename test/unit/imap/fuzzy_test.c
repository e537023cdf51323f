/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/fuzzy: inexact searches and how near their messages come (RFC 6203). */
#include <stdio.h>

#include "imap/search.h"
#include "talk.h"

/* UIDs 1 to 6; by subject 4, 2, 5, 1, 3, 6. */
static void letters(struct mem_host *m)
{
	static const struct {
		const char *body, *subject;
	} rows[] = {
		{"A: 1\r\n\r\nall invoices are paid", "d"},
		{"A: 1\r\n\r\nthe invoice, which we pay", "b"},
		{"A: 1\r\n\r\npaid invoices", "d"},
		{"A: 1\r\n\r\nan invoicing payment", "a"},
		{"A: 1\r\n\r\nonly one invoice", "c"},
		{"A: 1\r\n\r\nStudied invoices, paid", "e"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct mem_message *msg = mem_deliver(m, mem_box(m, "INBOX"), span_cstr(rows[i].body));
		struct summary_envelope *e = ARENA_NEW(m->summaries, struct summary_envelope);
		*e = (struct summary_envelope){.subject = span_cstr(rows[i].subject)};
		msg->summary->parts[0].envelope = e;
	}
}

T(announced, letters, LOGIN "a CAPABILITY\r\n", " SEARCH=FUZZY", " I18NLEVEL=1", "a OK")
/* All words, in any order and in some form; a form has at least four letters. */
T(words, letters, SELECT "a SEARCH BODY \"paid invoices\"\r\nb SEARCH FUZZY BODY \"paid invoices\"\r\nc SEARCH FUZZY BODY \"INVOICES\"\r\nd SEARCH FUZZY TEXT \"studies\"\r\ne SEARCH FUZZY BODY \"nothing invoice\"\r\nf SEARCH FUZZY BODY \"invoice / one!\"\r\n",
  "* SEARCH 3\r\na OK", "* SEARCH 1 3 6\r\nb OK", "* SEARCH 1 2 3 4 5 6\r\nc OK", "* SEARCH 6\r\nd OK", "* SEARCH\r\ne OK", "* SEARCH 5\r\nf OK")
/* It is said of one key, which may hold others; dates and flags stay what they are. */
T(one_key, letters, SELECT "a SEARCH FUZZY BODY invoices BODY payments\r\nb SEARCH FUZZY (BODY invoices BODY payment)\r\nc SEARCH NOT FUZZY BODY \"paid invoices\"\r\nd SEARCH OR FUZZY BODY payment BODY only\r\ne SEARCH FUZZY SINCE 1-Jan-1990 FUZZY SEEN\r\nf SEARCH FUZZY FUZZY HEADER A 1\r\n",
  "* SEARCH\r\na OK", "* SEARCH 4\r\nb OK", "* SEARCH 2 4 5\r\nc OK", "* SEARCH 4 5\r\nd OK", "* SEARCH\r\ne OK", "* SEARCH 1 2 3 4 5 6\r\nf OK")
/* RFC 6203 4: scores in the order of the messages. */
T(relevancy, letters, SELECT "a SEARCH RETURN (RELEVANCY ALL) FUZZY BODY \"paid invoices\"\r\nb UID SEARCH RETURN (RELEVANCY COUNT PARTIAL 2:3) FUZZY BODY \"invoices\"\r\nc SEARCH RETURN (RELEVANCY) FUZZY BODY nothing\r\nd ESEARCH IN (inboxes) RETURN (RELEVANCY) FUZZY BODY \"paid invoice\"\r\ne SEARCH RETURN (RELEVANCY MIN) FUZZY BODY one FUZZY BODY invoices\r\n",
  "* ESEARCH (TAG \"a\") ALL 1,3,6 RELEVANCY (70 100 70)\r\na OK", "UID COUNT 6 PARTIAL (2:3 2:3) RELEVANCY (40 100)\r\nb OK", "* ESEARCH (TAG \"c\")\r\nc OK", "UID ALL 1,3,6 RELEVANCY (70 100 70)\r\nd OK", "MIN 5 RELEVANCY (40)\r\ne OK")
T(refused, letters, SELECT "a SEARCH FUZZY\r\nb SEARCH RETURN (RELEVANCY) BODY x\r\nc SORT (RELEVANCY) UTF-8 BODY x\r\nd SORT RETURN (RELEVANCY) (DATE) UTF-8 ALL\r\ne SEARCH FUZZY NIX\r\nf ESEARCH IN (personal) RETURN (RELEVANCY) ALL\r\ng SORT (REVERSE RELEVANC) UTF-8 FUZZY BODY x\r\n",
  "a BAD", "b BAD", "c BAD", "d BAD", "e BAD", "f BAD", "g BAD")
/* The nearest first, among equals of the keys before. */
T(sorted, letters, SELECT "a SORT (RELEVANCY) UTF-8 FUZZY BODY \"paid invoices\"\r\nb SORT (REVERSE RELEVANCY) UTF-8 FUZZY BODY \"paid invoices\"\r\nc SORT (RELEVANCY REVERSE SUBJECT) UTF-8 FUZZY BODY invoices\r\nd SORT (SUBJECT RELEVANCY) UTF-8 FUZZY BODY \"paid invoices\"\r\ne UID SORT RETURN (ALL RELEVANCY) (RELEVANCY) UTF-8 FUZZY BODY \"paid invoices\"\r\nf SORT RETURN (PARTIAL -1:-1 RELEVANCY) (RELEVANCY ARRIVAL) UTF-8 FUZZY BODY \"paid invoices\"\r\ng SORT (SIZE REVERSE RELEVANCY RELEVANCY REVERSE ARRIVAL) UTF-8 FUZZY BODY \"paid invoices\"\r\n",
  "* SORT 3 1 6\r\na OK", "* SORT 1 6 3\r\nb OK", "* SORT 6 1 3 5 2 4\r\nc OK", "* SORT 3 1 6\r\nd OK", "ALL 3,1,6 RELEVANCY (100 70 70)\r\ne OK", "PARTIAL (-1:-1 6) RELEVANCY (70)\r\nf OK", "* SORT 3 1 6\r\ng OK")
/* A result in this order is not kept up to date; one of SEARCH is. */
T(kept, letters, SELECT "a SORT RETURN (UPDATE COUNT) (RELEVANCY) UTF-8 FUZZY BODY invoice\r\nb UID SEARCH RETURN (UPDATE COUNT) UNSEEN FUZZY BODY \"invoicing pay\"\r\nc STORE 4 FLAGS.SILENT (\\Seen)\r\nd STORE 4 FLAGS.SILENT ()\r\n",
  "* NO [NOUPDATE \"a\"]", "a OK", "COUNT 2\r\nb OK", "REMOVEFROM (0 4)\r\nc OK", "ADDTO (0 4)\r\nd OK")

/* ---- what becomes of a text ---------------------------------------------------------- */

static void is_asked(const char *text, enum imap_closeness closeness, const char *want)
{
	struct arena *a = arena_new(1u << 20);
	struct imap_query_op op = {.kind = IMAP_Q_TEXT, .text = span_cstr(text), .fuzzy = true};
	struct imap_query q = {.ops = &op, .count = 1}, out;
	char got[512] = "";
	assert_int_equal(imap_query_fuzzy(&q, closeness, a, &out), IMAP_FUZZY_OK);
	for (size_t i = 0; i < out.count; i++)
		if (out.ops[i].kind == IMAP_Q_TEXT)
			snprintf(got + strlen(got), sizeof got - strlen(got), "%.*s|", SPAN_FMT(out.ops[i].text));
	assert_string_equal(got, want);
	arena_free(a);
}

static void forms(void **state UNUSED)
{
	is_asked("Invoices", IMAP_CLOSE_FORMS, "invoic|");
	is_asked("Invoices", IMAP_CLOSE_WORDS, "Invoices|");
	is_asked("Invoices", IMAP_CLOSE_TEXT, "Invoices|");
	is_asked("Rechnungen", IMAP_CLOSE_FORMS, "rechnung|");
	is_asked("maisons", IMAP_CLOSE_FORMS, "maison|");
	is_asked("the mice ran", IMAP_CLOSE_FORMS, "the|mice|ran|");
	is_asked("a,b-c", IMAP_CLOSE_WORDS, "a|b|c|");
	/* Nothing but what stands between words is looked for as it is. */
	is_asked("--", IMAP_CLOSE_FORMS, "--|");
	is_asked("", IMAP_CLOSE_FORMS, "|");
	/* Never half of a character. */
	is_asked("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", IMAP_CLOSE_FORMS, "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e|");
	is_asked("gar\xc3\xa7ons", IMAP_CLOSE_FORMS, "gar\xc3\xa7on|");
}

static void as_many_words(void **state UNUSED)
{
	for (unsigned n = IMAP_FUZZY_WORDS - 1; n <= IMAP_FUZZY_WORDS + 1; n++) {
		char text[128] = "", want[128] = "";
		for (unsigned i = 0; i < n; i++) {
			snprintf(text + strlen(text), sizeof text - strlen(text), " w%u", i);
			if (i < IMAP_FUZZY_WORDS)
				snprintf(want + strlen(want), sizeof want - strlen(want), "w%u|", i);
		}
		is_asked(text, IMAP_CLOSE_WORDS, want);
	}
}

/* Keys of 16 words become 31 ops each. */
static void as_many_ops(void **state UNUSED)
{
	struct arena *a = arena_new(1u << 20);
	struct imap_query_op ops[IMAP_QUERY_OPS];
	struct imap_query q = {.ops = ops}, out;
	for (size_t i = 0; i < 32; i++)
		ops[q.count++] = (struct imap_query_op){.kind = IMAP_Q_TEXT, .fuzzy = true, .text = SPAN("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16")};
	size_t fill = IMAP_QUERY_OPS - 32 * 31;
	for (size_t i = 0; i < fill - 1; i++)
		ops[q.count++] = (struct imap_query_op){.kind = IMAP_Q_ALL};
	assert_int_equal(imap_query_fuzzy(&q, IMAP_CLOSE_FORMS, a, &out), IMAP_FUZZY_OK);
	assert_int_equal(out.count, IMAP_QUERY_OPS - 1);
	ops[q.count++] = (struct imap_query_op){.kind = IMAP_Q_ALL};
	assert_int_equal(imap_query_fuzzy(&q, IMAP_CLOSE_FORMS, a, &out), IMAP_FUZZY_OK);
	ops[q.count++] = (struct imap_query_op){.kind = IMAP_Q_ALL};
	assert_int_equal(imap_query_fuzzy(&q, IMAP_CLOSE_FORMS, a, &out), IMAP_FUZZY_LIMIT);
	arena_free(a);
}

/* A message that is so scattered that it is looked for among all. */
static void many(struct mem_host *m)
{
	struct mem_box *b = mem_box(m, "INBOX");
	for (unsigned i = 0; i < 1100; i++)
		mem_deliver(m, b, i % 2 != 0 ? SPAN("A: 1\r\n\r\nbills") : SPAN("A: 1\r\n\r\nx"));
}
T(scattered, many, SELECT "a SEARCH RETURN (RELEVANCY COUNT PARTIAL 1:2) FUZZY BODY billing\r\nb SEARCH RETURN (RELEVANCY COUNT PARTIAL 1:2) FUZZY BODY bills\r\n", "COUNT 550 PARTIAL (1:2 2,4) RELEVANCY (40 40)\r\na OK", "RELEVANCY (100 100)\r\nb OK")

int main(void)
{
#define C(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		C(announced), C(words), C(one_key), C(relevancy), C(refused), C(sorted), C(kept), C(forms),
		C(as_many_words), C(as_many_ops), C(scattered),
	};
	return cmocka_run_group_tests_name("imap_fuzzy", tests, NULL, NULL);
}
