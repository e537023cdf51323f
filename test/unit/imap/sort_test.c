/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/sort: SORT, THREAD (RFC 5256, 5957), ESORT (RFC 5267), PARTIAL in it. */
#include <stdlib.h>

#include "talk.h"

/* UIDs 1 to 4: subject, size, id and references. */
static void four(struct mem_host *m)
{
	static const struct {
		const char *data, *subject, *id, *reference;
	} rows[] = {
		{"A: 1\r\n\r\nlong body", "C", "<1@x>", NULL},
		{"A: 1\r\n\r\n", "A", "<2@x>", "<1@x>"},
		{"A: 1\r\n\r\nxx", "B", "<3@x>", "<1@x>"},
		{"A: 1\r\n\r\nx", "A", "<4@x>", "<3@x>"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct mem_message *msg = mem_deliver(m, mem_box(m, "INBOX"), span_cstr(rows[i].data));
		struct summary_envelope *e = ARENA_NEW(m->summaries, struct summary_envelope);
		struct span *reference = ARENA_NEW(m->summaries, struct span);
		*e = (struct summary_envelope){.subject = span_cstr(rows[i].subject),
					       .message_id = span_cstr(rows[i].id)};
		msg->summary->parts[0].envelope = e;
		if (rows[i].reference == NULL)
			continue;
		*reference = span_cstr(rows[i].reference);
		msg->summary->references = reference;
		msg->summary->reference_count = 1;
	}
}

/* The same without UID 1, of whom others speak. */
static void three(struct mem_host *m)
{
	four(m);
	mem_expunge(mem_box(m, "INBOX"), 1);
}

static void too_many(struct mem_host *m) { four(m); m->sort_answer = IMAP_LIMIT; }

#define T(name, setup, input, ...)                                             \
	static void name(void **state UNUSED)                                  \
	{                                                                      \
		struct talk t;                                                 \
		TALK(&t, setup, input);                                        \
		EXPECT(&t, __VA_ARGS__);                                       \
		talk_free(&t);                                                 \
	}

T(announced, four, LOGIN "a CAPABILITY\r\n", " SORT SORT=DISPLAY ESORT", " THREAD=ORDEREDSUBJECT THREAD=REFERENCES THREAD=REFS", "a OK")
T(sort_, four, SELECT "a SORT (SUBJECT) UTF-8 ALL\r\nb SORT (SIZE) US-ASCII ALL\r\nc SORT (REVERSE SIZE) UTF-8 2:4\r\nd sort (subject reverse size) utf-8 all\r\n",
  "* SORT 2 4 3 1\r\na OK", "* SORT 2 4 3 1\r\nb OK", "* SORT 3 4 2\r\nc OK", "* SORT 4 2 3 1\r\nd OK")
T(uid_sort, three, SELECT "a SORT (SUBJECT) UTF-8 ALL\r\nb UID SORT (SUBJECT) UTF-8 ALL\r\nc UID SORT (SUBJECT) UTF-8 UID 3:4\r\n",
  "* SORT 1 3 2\r\na OK", "* SORT 2 4 3\r\nb OK", "* SORT 4 3\r\nc OK")
T(sort_of_nothing, four, SELECT "a SORT (SUBJECT) UTF-8 DELETED\r\nb SORT RETURN () (SUBJECT) UTF-8 DELETED\r\n", "* SORT\r\na OK", "* ESEARCH (TAG \"b\")\r\nb OK")
T(sort_keys, four, SELECT "a SORT (ARRIVAL CC DATE FROM SIZE SUBJECT TO DISPLAYFROM DISPLAYTO REVERSE ARRIVAL) UTF-8 ALL\r\n", "* SORT 2 4 3 1\r\na OK")
T(sort_refused, four, SELECT "a SORT () UTF-8 ALL\r\nb SORT (SUBJECT) ALL\r\nc SORT (REVERSE) UTF-8 ALL\r\nd SORT (X) UTF-8 ALL\r\ne SORT (SUBJECT) UTF-8\r\nf SORT (SUBJECT) KOI8-R ALL\r\ng SORT SUBJECT UTF-8 ALL\r\nh SORT (SUBJECT)UTF-8 ALL\r\ni SORT\r\nj SORT (SUBJECT) UTF-8 NIX\r\nk SORT RETURN (X) (SUBJECT) UTF-8 ALL\r\n",
  "a BAD", "b BAD", "c BAD", "d BAD", "e BAD", "f NO [BADCHARSET", "g BAD", "h BAD", "i BAD", "j BAD", "k BAD")
T(sort_key_limit, four, SELECT "a SORT (CC CC CC CC CC CC CC CC CC CC CC CC CC CC SUBJECT) UTF-8 ALL\r\nb SORT (CC CC CC CC CC CC CC CC CC CC CC CC CC CC CC SUBJECT) UTF-8 ALL\r\nc SORT (CC CC CC CC CC CC CC CC CC CC CC CC CC CC CC CC SUBJECT) UTF-8 ALL\r\n",
  "* SORT 2 4 3 1\r\na OK", "* SORT 2 4 3 1\r\nb OK", "c BAD")
T(sort_too_many, too_many, SELECT "a SORT (SUBJECT) UTF-8 ALL\r\nb THREAD REFS UTF-8 ALL\r\n", "a NO [LIMIT]", "b NO [LIMIT]")
T(sort_modseq, four, SELECT "a SORT (SUBJECT) UTF-8 MODSEQ 1\r\nb SORT RETURN (COUNT) (SUBJECT) UTF-8 MODSEQ 1\r\n", "* SORT 2 4 3 1 (MODSEQ ", "a OK", "COUNT 4 MODSEQ ", "b OK")
T(esort, four, SELECT "a SORT RETURN (MIN MAX COUNT ALL) (SUBJECT) UTF-8 ALL\r\nb UID SORT RETURN () (REVERSE SUBJECT) UTF-8 ALL\r\nc SORT RETURN (ALL) (ARRIVAL) UTF-8 ALL\r\n",
  "* ESEARCH (TAG \"a\") MIN 2 MAX 1 COUNT 4 ALL 2,4,3,1\r\na OK", "* ESEARCH (TAG \"b\") UID ALL 1,3,2,4\r\nb OK", "ALL 1:4\r\nc OK")
T(esort_part, four, SELECT "a SORT RETURN (PARTIAL 2:3) (SUBJECT) UTF-8 ALL\r\nb SORT RETURN (PARTIAL -1:-2) (SUBJECT) UTF-8 ALL\r\nc SORT RETURN (PARTIAL 5:9) (SUBJECT) UTF-8 ALL\r\nd SORT RETURN (PARTIAL -4:-9) (SUBJECT) UTF-8 ALL\r\ne SORT RETURN (PARTIAL -5:-9) (SUBJECT) UTF-8 ALL\r\n",
  "PARTIAL (2:3 4,3)\r\na OK", "PARTIAL (-1:-2 3,1)\r\nb OK", "PARTIAL (5:9 NIL)\r\nc OK", "PARTIAL (-4:-9 2)\r\nd OK", "PARTIAL (-5:-9 NIL)\r\ne OK")
T(esort_saved, four, SELECT "a SORT RETURN (SAVE) (SUBJECT) UTF-8 2:3\r\nb SEARCH $\r\n", "\r\na OK", "* SEARCH 2 3\r\nb OK")
T(thread_references, four, SELECT "a THREAD REFERENCES UTF-8 ALL\r\nb UID THREAD REFERENCES UTF-8 2:4\r\nc THREAD refs utf-8 1,4\r\nd THREAD REFS UTF-8 DELETED\r\n",
  "* THREAD (1 (2)(3 4))\r\na OK", "* THREAD ((2)(3 4))\r\nb OK", "* THREAD (1)(4)\r\nc OK", "* THREAD\r\nd OK")
T(thread_of_nobody, three, SELECT "a THREAD REFERENCES UTF-8 ALL\r\nb UID THREAD REFERENCES UTF-8 ALL\r\n", "* THREAD ((1)(2 3))\r\na OK", "* THREAD ((2)(3 4))\r\nb OK")
T(thread_subject, four, SELECT "a THREAD ORDEREDSUBJECT UTF-8 ALL\r\n", "* THREAD (1)(2 4)(3)\r\na OK")
T(thread_refused, four, SELECT "a THREAD X UTF-8 ALL\r\nb THREAD REFS ALL\r\nc THREAD REFS\r\nd THREAD REFS KOI8-R ALL\r\ne THREAD\r\n", "a BAD", "b BAD", "c BAD", "d NO [BADCHARSET", "e BAD")
T(in_an_empty_mailbox, NULL, SELECT "a SORT (SUBJECT) UTF-8 ALL\r\nb THREAD REFS UTF-8 ALL\r\n", "* SORT\r\na OK", "* THREAD\r\nb OK")
T(only_where_selected, four, LOGIN "a SORT (SUBJECT) UTF-8 ALL\r\nb THREAD REFS UTF-8 ALL\r\n", "a BAD", "b BAD")
T(uids_only, three, SELECT "e ENABLE UIDONLY\r\na SORT (SUBJECT) UTF-8 ALL\r\nb THREAD REFS UTF-8 ALL\r\nc UID SORT (SUBJECT) UTF-8 ALL\r\n", "a BAD [UIDREQUIRED]", "b BAD [UIDREQUIRED]", "* SORT 2 4 3\r\nc OK")

int main(void)
{
#define C(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		C(announced), C(sort_), C(uid_sort), C(sort_of_nothing), C(sort_keys), C(sort_refused), C(sort_key_limit),
		C(sort_too_many), C(sort_modseq), C(esort), C(esort_part), C(esort_saved), C(thread_references),
		C(thread_of_nobody), C(thread_subject), C(thread_refused), C(in_an_empty_mailbox), C(only_where_selected),
		C(uids_only),
	};
	return cmocka_run_group_tests_name("imap/sort", tests, NULL, NULL);
}
