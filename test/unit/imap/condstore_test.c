/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/condstore: RFC 7162, and results of SEARCH that are told in
 * part or kept (RFC 4731, 5182, 9394). */
#include "talk.h"

#include "imap/state.h"

#define QRESYNC_ON LOGIN "q ENABLE QRESYNC\r\n"

/* Three messages, modseq 2 to 4. */
static void three(struct mem_host *m)
{
	for (int i = 0; i < 3; i++)
		mem_deliver(m, mem_box(m, "INBOX"), SPAN("Subject: x\r\n\r\nHello\r\n"));
}

/* Ten; 3 and 5 to 6 are gone, at versions 12 to 14, and 8 is seen, at 15. */
static void scattered(struct mem_host *m)
{
	struct mem_box *b = mem_box(m, "INBOX");
	for (int i = 0; i < 10; i++)
		mem_deliver(m, b, SPAN("Subject: x\r\n\r\nHello\r\n"));
	mem_expunge(b, 3);
	mem_expunge(b, 5);
	mem_expunge(b, 6);
	mem_flags(b, 8, IMAP_SEEN);
}

T(select_tells_the_highest, three, SELECT, "* OK [UIDNEXT 4] Next UID\r\n* OK [HIGHESTMODSEQ 4] Highest\r\ns OK")
T(select_condstore, three, LOGIN "a SELECT INBOX (CONDSTORE)\r\nb STORE 1 +FLAGS (\\Seen)\r\n", "a OK", "* 1 FETCH (FLAGS (\\Seen \\Recent) MODSEQ (5))\r\nb OK")
T(select_closes_the_one_before, three, SELECT "a SELECT Sent\r\n", "s OK", "* OK [CLOSED]", "* 0 EXISTS", "a OK")
T(select_refuses, three, LOGIN "a SELECT INBOX CONDSTORE\r\nb SELECT INBOX (FOO)\r\nc SELECT INBOX ()\r\nd SELECT INBOX (QRESYNC (1 1))\r\ne SELECT INBOX (CONDSTORE\r\n",
  "a BAD", "b BAD", "c BAD", "d BAD", "e BAD")
T(enable_with_a_mailbox, three, SELECT "a ENABLE CONDSTORE X-NIX\r\nb ENABLE X-NIX\r\n", "* ENABLED CONDSTORE\r\n* OK [HIGHESTMODSEQ 4]", "a OK", "* ENABLED\r\nb OK")
T(status_switches_it_on, three, SELECT "a STATUS Sent (HIGHESTMODSEQ SIZE)\r\nb STORE 1 +FLAGS (\\Seen)\r\n", "* OK [HIGHESTMODSEQ 4]", "* STATUS \"Sent\" (HIGHESTMODSEQ 1 SIZE 0)", "a OK", "MODSEQ (5))\r\nb OK")
T(fetch_modseq, three, SELECT "a FETCH 1:2 (UID MODSEQ)\r\nb FETCH 3 (FLAGS)\r\n", "* 1 FETCH (UID 1 MODSEQ (2))\r\n* 2 FETCH (UID 2 MODSEQ (3))\r\na OK", "* 3 FETCH (FLAGS (\\Recent))\r\nb OK")
T(fetch_changedsince, three, SELECT "a FETCH 1:* (FLAGS) (CHANGEDSINCE 3)\r\nb UID FETCH 1:* FLAGS (CHANGEDSINCE 4)\r\n",
  "* 3 FETCH (FLAGS (\\Recent) MODSEQ (4))\r\na OK Fetched", "b OK")
T(fetch_seen_has_modseq, three, SELECT "x ENABLE CONDSTORE\r\na FETCH 2 BODY[TEXT]\r\n", "Hello\r\n FLAGS (\\Seen \\Recent) MODSEQ (5))\r\na OK")
T(fetch_modifiers_refused, three, SELECT "a FETCH 1 FLAGS (CHANGEDSINCE 0)\r\nb FETCH 1 FLAGS (CHANGEDSINCE 9223372036854775808)\r\nc FETCH 1 FLAGS CHANGEDSINCE 1\r\nd FETCH 1 FLAGS (NIX)\r\ne FETCH 1 FLAGS ()\r\nf UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)\r\ng UID FETCH 1 FLAGS (VANISHED)\r\nh FETCH 1 FLAGS (CHANGEDSINCE 9223372036854775807)\r\n",
  "a BAD", "b BAD", "c BAD", "d BAD", "e BAD", "f BAD", "g BAD", "h OK")
T(store_unchangedsince, three, SELECT "a STORE 1,3 (UNCHANGEDSINCE 3) +FLAGS (\\Flagged)\r\nb UID STORE 1:3 (UNCHANGEDSINCE 0) +FLAGS.SILENT \\Deleted\r\nc STORE 2 (UNCHANGEDSINCE 3) +FLAGS.SILENT (\\Seen)\r\n",
  "* OK [HIGHESTMODSEQ 4]", "* 1 FETCH (FLAGS (\\Flagged \\Recent) MODSEQ (5))\r\n* 3 FETCH (FLAGS (\\Recent) MODSEQ (4))\r\na OK [MODIFIED 3] Changed meanwhile",
  "b OK [MODIFIED 1:3]", "* 2 FETCH (UID 2 MODSEQ (6))\r\nc OK Stored")
T(store_unchangedsince_refused, three, SELECT "a STORE 1 (UNCHANGEDSINCE) +FLAGS (\\Seen)\r\nb STORE 1 (UNCHANGEDSINCE -1) FLAGS ()\r\nc STORE 1 (UNCHANGEDSINCE 1 +FLAGS (\\Seen)\r\n", "a BAD", "b BAD", "c BAD")
T(search_modseq, three, SELECT "a SEARCH MODSEQ 3\r\nb SEARCH MODSEQ \"/flags/\\\\Seen\" all 4\r\nc SEARCH MODSEQ 99\r\nd SEARCH MODSEQ \"/x\" nix 1\r\ne SEARCH RETURN (COUNT) MODSEQ 3\r\n",
  "* SEARCH 2 3 (MODSEQ 4)\r\na OK", "* SEARCH 3 (MODSEQ 4)\r\nb OK", "* SEARCH\r\nc OK", "d BAD", "* ESEARCH (TAG \"e\") COUNT 2 MODSEQ 4\r\ne OK")
T(expunge_vanished, three, QRESYNC_ON "s SELECT INBOX\r\na STORE 1,3 +FLAGS.SILENT (\\Deleted)\r\nb EXPUNGE\r\n",
  "* ENABLED QRESYNC\r\nq OK", "a OK", "* VANISHED 1,3\r\nb OK [HIGHESTMODSEQ 7] Expunged")
T(resync, scattered, QRESYNC_ON "a SELECT INBOX (QRESYNC (1 11))\r\n",
  "[HIGHESTMODSEQ 15]", "* VANISHED (EARLIER) 3,5:6\r\n* 5 FETCH (UID 8 FLAGS (\\Seen \\Recent) MODSEQ (15))\r\na OK [READ-WRITE]")
T(resync_of_known, scattered, QRESYNC_ON "a SELECT INBOX (QRESYNC (1 11 1:5))\r\nb EXAMINE INBOX (QRESYNC (1 14 1:10 (1,5 1,8)))\r\n",
  "* VANISHED (EARLIER) 3,5\r\na OK [READ-WRITE]", "* 5 FETCH (UID 8 FLAGS (\\Seen", "b OK [READ-ONLY]")
T(resync_of_another_validity, scattered, QRESYNC_ON "a SELECT INBOX (QRESYNC (2 11))\r\nb SELECT INBOX (QRESYNC (1 15))\r\n", "Highest\r\na OK", "Highest\r\nb OK")
T(resync_refused, scattered, QRESYNC_ON "a SELECT INBOX (QRESYNC (0 1))\r\nb SELECT INBOX (QRESYNC (1 0))\r\nc SELECT INBOX (QRESYNC 1 1)\r\nd SELECT INBOX (QRESYNC (1 1 1:*))\r\ne SELECT INBOX (QRESYNC (1 1 1 (1)))\r\nf SELECT INBOX (QRESYNC (1 1 1 (1 1))\r\n",
  "a BAD", "b BAD", "c BAD", "d BAD", "e BAD", "f BAD")
T(fetch_vanished, scattered, QRESYNC_ON "s SELECT INBOX\r\na UID FETCH 1:* (FLAGS) (CHANGEDSINCE 13 VANISHED)\r\nb FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)\r\n",
  "* VANISHED (EARLIER) 6\r\n* 5 FETCH (UID 8 FLAGS (\\Seen \\Recent) MODSEQ (15)", "a OK", "b BAD")

T(return_all_of_it, scattered, SELECT "a SEARCH RETURN (MIN MAX COUNT ALL) ALL\r\nb UID SEARCH RETURN () UID 2:8\r\nc UID SEARCH RETURN (MIN MAX COUNT) KEYWORD nix\r\nd SEARCH RETURN (ALL) KEYWORD nix\r\n",
  "* ESEARCH (TAG \"a\") MIN 1 MAX 7 COUNT 7 ALL 1:7\r\na OK", "* ESEARCH (TAG \"b\") UID ALL 2,4,7:8\r\nb OK", "* ESEARCH (TAG \"c\") UID COUNT 0\r\nc OK", "* ESEARCH (TAG \"d\")\r\nd OK")
T(return_refused, three, SELECT "a SEARCH RETURN ALL\r\nb SEARCH RETURN (NIX) ALL\r\nc SEARCH RETURN (MIN\r\nd SEARCH RETURN (MIN)ALL\r\ne SEARCH RETURN (PARTIAL 1:2 ALL) ALL\r\nf SEARCH RETURN (PARTIAL 0:2) ALL\r\ng SEARCH RETURN (PARTIAL -1:2) ALL\r\n",
  "a BAD", "b BAD", "c BAD", "d BAD", "e BAD", "f BAD", "g BAD")
T(return_a_part, scattered, SELECT "a UID SEARCH RETURN (PARTIAL 1:3 COUNT) ALL\r\nb UID SEARCH RETURN (PARTIAL -1:-3) ALL\r\nc SEARCH RETURN (PARTIAL 8:9) ALL\r\nd SEARCH RETURN (PARTIAL -8:-9) ALL\r\ne SEARCH RETURN (PARTIAL 7:4294967295) ALL\r\nf SEARCH RETURN (PARTIAL -4294967295:-7) ALL\r\n",
  "* ESEARCH (TAG \"a\") UID COUNT 7 PARTIAL (1:3 1:2,4)\r\na OK", "* ESEARCH (TAG \"b\") UID PARTIAL (-1:-3 8:10)\r\nb OK", "PARTIAL (8:9 NIL)\r\nc OK", "PARTIAL (-8:-9 NIL)\r\nd OK", "PARTIAL (7:4294967295 7)\r\ne OK", "PARTIAL (-7:-4294967295 1)\r\nf OK")
T(fetch_a_part, scattered, SELECT "a UID FETCH 1:* (UID) (PARTIAL -1:-2)\r\nb FETCH 1:* (UID) (PARTIAL 1:1)\r\nc FETCH 1:* (UID) (PARTIAL 8:9)\r\n",
  "* 6 FETCH (UID 9)\r\n* 7 FETCH (UID 10)\r\na OK", "* 1 FETCH (UID 1)\r\nb OK", "c OK")
T(saved, scattered, SELECT "a SEARCH RETURN (SAVE) UID 2:7\r\nb FETCH $ (UID)\r\nc UID STORE $ +FLAGS.SILENT (\\Deleted)\r\nd SEARCH RETURN (COUNT) $ NOT UID 2\r\ne EXPUNGE\r\nf SEARCH RETURN (COUNT) $\r\n",
  "s OK", "a OK", "* 2 FETCH (UID 2)\r\n* 3 FETCH (UID 4)\r\n* 4 FETCH (UID 7)\r\nb OK", "c OK", "COUNT 2\r\nd OK", "e OK", "COUNT 0\r\nf OK")
T(saved_ends, scattered, SELECT "a SEARCH RETURN (SAVE MIN MAX) ALL\r\nb UID SEARCH RETURN (ALL) $\r\nc SEARCH RETURN (SAVE MAX) ALL\r\nd UID SEARCH RETURN (ALL) $\r\ne SEARCH RETURN (SAVE MIN COUNT) ALL\r\nf UID SEARCH RETURN (ALL) $\r\ng SEARCH RETURN (SAVE MIN MAX) UID 4\r\nh UID SEARCH RETURN (ALL) $\r\n",
  "MIN 1 MAX 7\r\na OK", "UID ALL 1,10\r\nb", "MAX 7\r\nc", "UID ALL 10\r\nd", "COUNT 7\r\ne", "UID ALL 1:2,4,7:10\r\nf", "MIN 3 MAX 3\r\ng OK", "UID ALL 4\r\nh")
T(saved_is_gone_with_the_mailbox, scattered, SELECT "a SEARCH RETURN (SAVE) ALL\r\nb SELECT INBOX\r\nc SEARCH RETURN (COUNT) $\r\nd FETCH $ FLAGS\r\n", "COUNT 0\r\nc OK", "d OK")

/* A SEARCH that names what was kept may replace it. */
T(saved_from_saved, scattered, SELECT "a SEARCH RETURN (SAVE) UID 1:4\r\nb SEARCH RETURN (SAVE) $ UID 2:9\r\nc UID SEARCH RETURN (ALL) $\r\n", "b OK", "UID ALL 2,4\r\nc")

/* RFC 5182 2.1: NO leaves nothing, BAD leaves it alone. */
T(saved_refused, scattered, SELECT "a SEARCH RETURN (SAVE) UID 1:4\r\nb SEARCH RETURN (SAVE) NIX\r\nc SEARCH RETURN (COUNT) $\r\nd SEARCH RETURN (SAVE) CHARSET KOI8-R ALL\r\ne SEARCH RETURN (COUNT) $\r\nf SEARCH RETURN (SAVE) UID 1:4\r\ng SEARCH CHARSET KOI8-R ALL\r\nh SEARCH RETURN (COUNT) $\r\ni SORT RETURN (SAVE) (DATE) KOI8-R ALL\r\nj SEARCH RETURN (COUNT) $\r\n",
  "b BAD", "COUNT 3\r\nc OK", "d NO [BADCHARSET", "COUNT 0\r\ne OK", "f OK", "g NO [BADCHARSET", "COUNT 3\r\nh OK", "i NO [BADCHARSET", "COUNT 0\r\nj OK")

/* The bound on what is kept: one run less, as many, one more. */
static void saved_limit(void **state UNUSED)
{
	struct talk t;
	struct arena *a = arena_new(1u << 20);
	struct imap_set set;
	TALK(&t, NULL, LOGIN);
	for (uint32_t n = IMAP_SAVED_MAX - 1; n <= IMAP_SAVED_MAX + 1; n++) {
		bool fits = n <= IMAP_SAVED_MAX;
		imap_set_init(&set, a);
		for (uint32_t i = 0; i < n; i++)
			assert_true(imap_set_add(&set, 2 * i + 1, 2 * i + 1));
		assert_int_equal(imap_saved_keep(t.session, &set), fits);
		assert_int_equal(t.session->saved.count, fits ? n : 0);
	}
	arena_free(a);
	talk_free(&t);
}

int main(void)
{
#define C(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		C(select_tells_the_highest), C(select_condstore),
		C(select_closes_the_one_before), C(select_refuses),
		C(enable_with_a_mailbox), C(status_switches_it_on), C(fetch_modseq),
		C(fetch_changedsince), C(fetch_seen_has_modseq), C(fetch_modifiers_refused),
		C(store_unchangedsince), C(store_unchangedsince_refused), C(search_modseq),
		C(expunge_vanished), C(resync), C(resync_of_known),
		C(resync_of_another_validity), C(resync_refused), C(fetch_vanished),
		C(return_all_of_it), C(return_refused), C(return_a_part), C(fetch_a_part),
		C(saved), C(saved_ends), C(saved_is_gone_with_the_mailbox),
		C(saved_from_saved), C(saved_refused), C(saved_limit),
	};
	return cmocka_run_group_tests_name("imap_condstore", tests, NULL, NULL);
}
