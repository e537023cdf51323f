/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/append: MULTIAPPEND (RFC 3502) and REPLACE (RFC 8508). */
#include <stdio.h>
#include <stdlib.h>

#include "imap/append.h"
#include "talk.h"

static void two(struct mem_host *m)
{
	mem_deliver(m, mem_box(m, "INBOX"), SPAN("H: 1\r\n\r\nx"));
	mem_deliver(m, mem_box(m, "INBOX"), SPAN("H: 2\r\n\r\nx"));
}

static void full(struct mem_host *m) { two(m); m->append_end = IMAP_OVERQUOTA; }
static void refused(struct mem_host *m) { two(m); m->append_begin = IMAP_OVERQUOTA; }

/* ---- several messages ---- */

#define COUNT "z STATUS Sent (MESSAGES)\r\n"
#define NOTHING "(MESSAGES 0)\r\nz OK"

T(several, two, LOGIN "a APPEND Sent (\\Seen $x) \"17-Jul-1996 02:44:25 -0700\" {5}\r\nfirst {6+}\r\nsecond (\\Flagged) {5}\r\nthird\r\nb SELECT Sent\r\nc FETCH 1:* (UID FLAGS RFC822.SIZE)\r\n",
  "+ Go on", "+ Go on", "a OK [APPENDUID 2 1:3] Kept", "b OK",
  "* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent $x) RFC822.SIZE 5)\r\n* 2 FETCH (UID 2 FLAGS (\\Recent) RFC822.SIZE 6)\r\n* 3 FETCH (UID 3 FLAGS (\\Flagged \\Recent) RFC822.SIZE 5)\r\nc OK")
T(several_selected, two, SELECT "a APPEND INBOX {1+}\r\nx {1+}\r\ny\r\n", "* 4 EXISTS", "a OK [APPENDUID 1 3:4]")
T(taken_back, NULL, LOGIN "a APPEND Sent {1}\r\nx {0}\r\nb APPEND Sent {1+}\r\nx {0+}\r\n\r\n" COUNT, "a NO [CANNOT]", "b NO [CANNOT]", NOTHING)
T(the_second_is_too_large, NULL, LOGIN "a APPEND Sent {1+}\r\nx {100001}\r\n" COUNT, "a NO [TOOBIG]", NOTHING)
T(the_second_is_wrong, NULL, LOGIN "a APPEND Sent {1+}\r\nx(\\Seen) {1+}\r\ny\r\nb APPEND Sent {1+}\r\nx (\\Bad) {3+}\r\nyyy\r\nc APPEND Sent {1+}\r\nx \r\nd APPEND Sent {1+}\r\nx junk\r\n"
  "e APPEND Sent {1+}\r\nx \"17-Foo-1996 02:44:25 -0700\" {2+}\r\nyy\r\nf APPEND Sent {1+}\r\nx {3+}\r\na\0b\r\n" COUNT,
  "a BAD", "b BAD", "c BAD", "d BAD", "e BAD", "f NO [CANNOT]", NOTHING)
T(refused_at_the_end, full, LOGIN "a APPEND Sent {1+}\r\nx {1+}\r\ny\r\n" COUNT, "a NO [OVERQUOTA]", NOTHING)

/* The end of the stream inside of the second one: the first is not kept either. */
static void half(void **state UNUSED)
{
	struct talk t;
	TALK(&t, NULL, LOGIN "a APPEND Sent {1+}\r\nx {9+}\r\nyyy");
	assert_int_equal(mem_box(&t.mem, "Sent")->count, 0);
	assert_int_equal(t.mem.aborts, 1);
	talk_free(&t);
}

/* One less than the most messages, as many, one more. */
static void as_many(void **state UNUSED)
{
	for (size_t n = IMAP_APPENDS_MAX - 1; n <= IMAP_APPENDS_MAX + 1; n++) {
		struct talk t;
		struct buf in;
		buf_init(&in, 1u << 16);
		buf_add(&in, SPAN(LOGIN "a APPEND Sent"));
		for (size_t i = 0; i < n; i++)
			buf_add(&in, SPAN(" {1+}\r\nx"));
		buf_add(&in, SPAN("\r\n"));
		talk_once(&t, NULL, buf_span(&in), 0);
		bool fits = n <= IMAP_APPENDS_MAX;
		EXPECT(&t, fits ? "a OK [APPENDUID 2 1:" : "a NO [LIMIT]");
		assert_int_equal(mem_box(&t.mem, "Sent")->count, fits ? n : 0);
		buf_free(&in);
		talk_free(&t);
	}
}

/* ---- REPLACE ---- */

T(replaced, two, SELECT "a REPLACE 1 INBOX (\\Seen) {4}\r\nnew1\r\nb FETCH 1:* (UID RFC822.SIZE)\r\n",
  "* OK [APPENDUID 1 3] Its replacement\r\n", "* 1 EXPUNGE\r\n", "* 2 EXISTS", "a OK Replaced", "* 1 FETCH (UID 2 RFC822.SIZE 9)\r\n* 2 FETCH (UID 3 RFC822.SIZE 4)\r\nb OK")
T(replaced_elsewhere, two, SELECT "a UID REPLACE 2 Sent {4+}\r\nnew1\r\nb UID FETCH 1:* (UID)\r\nc STATUS Sent (MESSAGES)\r\n",
  "* OK [APPENDUID 2 1]", "* 2 EXPUNGE\r\na OK", "* 1 FETCH (UID 1)\r\nb OK", "(MESSAGES 1)\r\nc OK")
T(replaced_the_last, two, SELECT "a REPLACE * {5+}\r\nINBOX {1+}\r\nx\r\nb UID REPLACE * {5}\r\nINBOX {1}\r\nx\r\n", "* 2 EXPUNGE\r\n", "a OK", "* 2 EXPUNGE\r\n", "b OK")
T(replaced_vanishes, two, LOGIN "e ENABLE QRESYNC\r\ns SELECT INBOX\r\na REPLACE 1 INBOX {4+}\r\nnew1\r\n", "* OK [APPENDUID 1 3]", "* VANISHED 1\r\n", "a OK [HIGHESTMODSEQ 5] Replaced")
T(replace_one_only, two, SELECT "a REPLACE 1:2 INBOX {4+}\r\nnew1\r\nb REPLACE 1,2 INBOX {1+}\r\nx\r\nc REPLACE 3 INBOX {1+}\r\nx\r\nd UID REPLACE 9 INBOX {1+}\r\nx\r\ne REPLACE $ INBOX {1+}\r\nx\r\nf REPLACE 1 INBOX {1+}\r\nx {1+}\r\ny\r\ng UID FETCH 1:* (UID)\r\n",
  "a BAD", "b BAD", "c BAD", "d NO [NONEXISTENT]", "e BAD", "f BAD", "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2)\r\ng OK")
T(replace_refused, two, SELECT "a REPLACE 1 nix {1+}\r\nx\r\nb REPLACE 1 INBOX {0}\r\nc REPLACE 1 INBOX\r\nd REPLACE\r\ne REPLACE x INBOX {1+}\r\nx\r\nf EXAMINE INBOX\r\ng REPLACE 1 INBOX {1+}\r\nx\r\nh CLOSE\r\ni REPLACE 1 INBOX {1+}\r\nx\r\nj NOOP\r\n",
  "a NO [TRYCREATE]", "b NO [CANNOT]", "c BAD", "d BAD", "e BAD", "f OK", "g NO [READ-ONLY]", "h OK", "i BAD", "j OK")
T(replace_over_quota, refused, SELECT "a REPLACE 1 INBOX {4}\r\nb UID FETCH 1:* (UID)\r\n", "s OK", "a NO [OVERQUOTA]", "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2)\r\nb OK")
T(replace_uidonly, two, SELECT "e ENABLE UIDONLY\r\na REPLACE 1 INBOX {4+}\r\nnew1\r\nb REPLACE 1 INBOX {4}\r\nc UID REPLACE 1 INBOX {4+}\r\nnew1\r\n", "e OK", "a BAD [UIDREQUIRED]", "b BAD [UIDREQUIRED]", "* VANISHED 1\r\n", "c OK")

/* It went while its replacement was on the way: neither of the two happens. */
static void gone(struct mem_host *m)
{
	two(m);
	m->append_end = IMAP_CANNOT;
}

T(replaced_meanwhile, gone, SELECT "a REPLACE 1 Sent {4+}\r\nnew1\r\n" COUNT, "a NO [EXPUNGEISSUED]", NOTHING)

int main(void)
{
#define C(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		C(several), C(several_selected), C(taken_back), C(the_second_is_too_large),
		C(the_second_is_wrong), C(refused_at_the_end), C(half), C(as_many),
		C(replaced), C(replaced_elsewhere), C(replaced_the_last), C(replaced_vanishes),
		C(replace_one_only), C(replace_refused), C(replace_over_quota),
		C(replace_uidonly), C(replaced_meanwhile),
	};
	return cmocka_run_group_tests_name("imap_append", tests, NULL, NULL);
}
