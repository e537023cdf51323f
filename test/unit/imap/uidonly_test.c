/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/uidonly: UIDONLY (RFC 9586). */
#include <stdlib.h>

#include "talk.h"

/* UIDs 2 and 4: no UID is its own number. */
static void two(struct mem_host *m)
{
	struct mem_box *b = mem_box(m, "INBOX");
	for (int i = 0; i < 4; i++)
		mem_deliver(m, b, SPAN("H: 1\r\n\r\nx"));
	mem_expunge(b, 1);
	mem_expunge(b, 3);
}

#define ONLY SELECT "e ENABLE UIDONLY\r\n"

#undef T
#define T(name, setup, input, ...)                                             \
	static void name(void **state UNUSED)                                  \
	{                                                                      \
		struct talk t;                                                 \
		TALK(&t, setup, input);                                        \
		EXPECT(&t, __VA_ARGS__);                                       \
		talk_lacks(&t, " FETCH (");                                    \
		talk_lacks(&t, " EXPUNGE\r\n");                                \
		talk_free(&t);                                                 \
	}

T(enabled, two, LOGIN "a CAPABILITY\r\n" "e ENABLE uidonly\r\n", " UIDONLY", "a OK", "* ENABLED UIDONLY\r\ne OK")
T(numbers_refused, two, ONLY "a FETCH 1 FLAGS\r\nb STORE 1 +FLAGS (\\Seen)\r\nc COPY * Sent\r\nd MOVE 1 Sent\r\ne SEARCH ALL\r\nf NOOP\r\n",
  "* ENABLED UIDONLY", "a BAD [UIDREQUIRED]", "b BAD [UIDREQUIRED]", "c BAD [UIDREQUIRED]", "d BAD [UIDREQUIRED]", "e BAD [UIDREQUIRED]", "f OK")
T(numbers_refused_in_search, two, ONLY "a UID SEARCH 1:*\r\nb UID SEARCH NOT (OR SEEN 2)\r\nc UID SEARCH *\r\nd UID SEARCH UID 3:*\r\n",
  "a BAD [UIDREQUIRED]", "b BAD [UIDREQUIRED]", "c BAD [UIDREQUIRED]", "* SEARCH 4\r\nd OK")
T(saved_result, two, ONLY "a UID SEARCH RETURN (SAVE) UID 4\r\nb UID SEARCH $\r\nc UID FETCH $ (UID)\r\nd FETCH $ (UID)\r\n",
  "a OK", "* SEARCH 4\r\nb OK", "* 4 UIDFETCH (UID 4)\r\nc OK", "d BAD [UIDREQUIRED]")
T(uidfetch, two, ONLY "a UID FETCH 2:* (RFC822.SIZE)\r\nb UID FETCH 4 BODY[TEXT]\r\n",
  "* 2 UIDFETCH (RFC822.SIZE 9)\r\n* 4 UIDFETCH (RFC822.SIZE 9)\r\na OK", "* 4 UIDFETCH (BODY[TEXT] {1}\r\nx FLAGS (\\Seen \\Recent))\r\nb OK")
T(stored, two, ONLY "a UID STORE 4 +FLAGS (\\Seen)\r\nb ENABLE CONDSTORE\r\nc UID STORE 2 +FLAGS.SILENT (\\Seen)\r\n",
  "* 4 UIDFETCH (FLAGS (\\Seen \\Recent))\r\na OK", "b OK", "* 2 UIDFETCH (UID 2 MODSEQ (9))\r\nc OK")
T(vanished, two, ONLY "a UID STORE 4 +FLAGS.SILENT (\\Deleted)\r\nb EXPUNGE\r\nc UID MOVE 2 Sent\r\n",
  "a OK", "* VANISHED 4\r\nb OK", "[COPYUID", "* VANISHED 2\r\nc OK")
T(resync_by_number_refused, two, LOGIN "e ENABLE UIDONLY QRESYNC\r\na SELECT INBOX (QRESYNC (1 2 1:4 (1 2)))\r\nb SELECT INBOX (QRESYNC (1 2 1:4))\r\n",
  "e OK", "a BAD [UIDREQUIRED]", "b OK")

static void no_number_of_the_unseen(void **state UNUSED)
{
	struct talk t;
	TALK(&t, two, LOGIN "a SELECT INBOX\r\n");
	EXPECT(&t, "[UNSEEN 1]", "a OK");
	talk_free(&t);
	TALK(&t, two, LOGIN "e ENABLE UIDONLY\r\na SELECT INBOX\r\n");
	EXPECT(&t, "* 2 EXISTS", "a OK");
	talk_lacks(&t, "[UNSEEN");
	talk_free(&t);
}

int main(void)
{
#define C(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		C(enabled), C(numbers_refused), C(numbers_refused_in_search), C(saved_result),
		C(uidfetch), C(stored), C(vanished), C(resync_by_number_refused),
		C(no_number_of_the_unseen),
	};
	return cmocka_run_group_tests_name("imap_uidonly", tests, NULL, NULL);
}
