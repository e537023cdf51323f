/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/extension: what adds a word or two to a command of the base. */
#include <stdio.h>
#include <stdlib.h>

#include "talk.h"

/* Arrived at one second before MEM_DATE, then, one after it. */
static void ages(struct mem_host *m)
{
	for (int i = 0; i < 3; i++)
		mem_deliver(m, mem_box(m, "INBOX"), SPAN("H: 1\r\n\r\nx"))->date += i - 1;
}

/* MEM_DATE is an hour ago when the first question is asked. */
T(older, ages, SELECT "a SEARCH OLDER 3600\r\n", "* SEARCH 1 2\r\na OK")
T(younger, ages, SELECT "a UID SEARCH YOUNGER 3600\r\n", "* SEARCH 2 3\r\na OK")
T(one_now, ages, SELECT "a SEARCH OLDER 3600 YOUNGER 3600\r\nb SEARCH OLDER 3600\r\n", "* SEARCH 2\r\na OK", "* SEARCH 1 2 3\r\nb OK")
T(age_limits, ages, SELECT "a SEARCH OLDER 4294967295\r\nb SEARCH YOUNGER 4294967295\r\nc SEARCH OLDER 1\r\nd SEARCH NOT YOUNGER 1\r\n",
  "* SEARCH\r\na OK", "* SEARCH 1 2 3\r\nb OK", "* SEARCH 1 2 3\r\nc OK", "* SEARCH 1 2 3\r\nd OK")
T(age_refused, ages, SELECT "a SEARCH OLDER 0\r\nb SEARCH YOUNGER\r\nc SEARCH OLDER -1\r\nd SEARCH YOUNGER 4294967296\r\ne SEARCH OLDER x\r\n",
  "a BAD", "b BAD", "c BAD", "d BAD", "e BAD")

/* RFC 8514: the day of arrival in this mailbox, whatever the internal date. */
T(savedate, ages, SELECT "a FETCH 1 (SAVEDATE)\r\nb UID FETCH 2 (UID SAVEDATE INTERNALDATE)\r\nc FETCH 1 SAVEDATE.X\r\n",
  "* 1 FETCH (SAVEDATE \"17-Jul-1996 10:44:25 +0000\")\r\na OK", "* 2 FETCH (UID 2 SAVEDATE \"17-Jul-1996 10:44:25 +0000\" INTERNALDATE \"17-Jul-1996 09:44:25 +0000\")\r\nb OK", "c BAD")
T(savedate_search, ages, SELECT "a SEARCH SAVEDON 17-Jul-1996\r\nb SEARCH SAVEDBEFORE 17-Jul-1996\r\nc SEARCH SAVEDSINCE 17-Jul-1996\r\nd SEARCH SAVEDSINCE 18-Jul-1996\r\ne SEARCH SAVEDBEFORE \"18-Jul-1996\"\r\nf SEARCH SAVEDATESUPPORTED\r\ng SEARCH NOT SAVEDATESUPPORTED\r\nh SEARCH SAVEDON\r\ni SEARCH SAVEDON 1\r\n",
  "* SEARCH 1 2 3\r\na", "* SEARCH\r\nb", "* SEARCH 1 2 3\r\nc", "* SEARCH\r\nd", "* SEARCH 1 2 3\r\ne", "* SEARCH 1 2 3\r\nf", "* SEARCH\r\ng", "h BAD", "i BAD")

/* RFC 6154 3, with the examples of 5.3. */
T(create_use, NULL, LOGIN "a CREATE MySpecial (USE (\\Drafts))\r\nb CREATE Everything (USE (\\All))\r\nc LIST \"\" MySpecial\r\nd CREATE Plain (USE ())\r\ne CREATE Bin (use (\\trash))\r\nf LIST (SPECIAL-USE) \"\" *\r\n",
  "a OK", "b NO [USEATTR]", "* LIST (\\HasNoChildren \\Drafts) \"/\" \"MySpecial\"\r\nc OK", "d OK", "e OK",
  "* LIST (\\HasNoChildren \\Trash) \"/\" \"Bin\"\r\n* LIST (\\HasNoChildren \\Drafts) \"/\" \"MySpecial\"\r\n* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"\r\nf OK")
T(create_use_taken, NULL, LOGIN "a CREATE Other (USE (\\Sent))\r\nb LIST \"\" Other\r\nc CREATE Sent (USE (\\Junk))\r\n", "a NO [USEATTR]", "Trash\r\nb OK", "c NO [ALREADYEXISTS]")
T(create_use_refused, NULL, LOGIN "a CREATE x (USE (\\Junk \\Trash))\r\nb CREATE x (USE (\\Nix))\r\nc CREATE x (USE (\\Flagged))\r\nd CREATE x (\r\ne CREATE x ()\r\nf CREATE x (NIX 1)\r\ng CREATE x (USE \\Junk)\r\nh CREATE x (USE (\\Junk)\r\ni CREATE x (USE (\\Junk)) y\r\nj CREATE x (USE (Junk))\r\nk LIST \"\" x\r\n",
  "a NO [USEATTR]", "b NO [USEATTR]", "c NO [USEATTR]", "d BAD", "e BAD", "f BAD", "g BAD", "h BAD", "i BAD", "j NO [USEATTR]", "k OK That")

#define ID(last) "M000000000000000000000000000000" last

/* RFC 8474: what no rename and no copy changes. */
T(mailboxid, NULL, LOGIN "a CREATE foo\r\nb STATUS foo (MAILBOXID UIDNEXT)\r\nc RENAME foo bar\r\nd SELECT bar\r\ne CREATE foo\r\nf LIST \"\" (foo bar) RETURN (STATUS (MAILBOXID))\r\n",
  "a OK [MAILBOXID (F3)]", "* STATUS \"foo\" (UIDNEXT 1 MAILBOXID (F3))\r\nb OK", "c OK", "* OK [MAILBOXID (F3)]", "d OK", "e OK [MAILBOXID (F4)]",
  "* STATUS \"bar\" (MAILBOXID (F3))", "* STATUS \"foo\" (MAILBOXID (F4))", "f OK")
T(emailid, ages, SELECT "a FETCH 1:2 (EMAILID THREADID)\r\nb COPY 2 Sent\r\nc SELECT Sent\r\nd FETCH 1 (UID EMAILID)\r\n",
  "* 1 FETCH (EMAILID (" ID("01") ") THREADID NIL)\r\n* 2 FETCH (EMAILID (" ID("02") ") THREADID NIL)\r\na OK", "b OK", "c OK", "* 1 FETCH (UID 1 EMAILID (" ID("02") "))\r\nd OK")
T(emailid_search, ages, SELECT "a SEARCH EMAILID " ID("02") "\r\nb SEARCH OR EMAILID " ID("01") " EMAILID " ID("03") "\r\nc SEARCH NOT THREADID " ID("01") "\r\n"
  "d SEARCH EMAILID x-_9\r\ne SEARCH EMAILID " ID("0A") "\r\nf SEARCH EMAILID N" ID("01") "\r\ng SEARCH EMAILID a.b\r\nh SEARCH EMAILID\r\ni SEARCH THREADID\r\n",
  "* SEARCH 2\r\na", "* SEARCH 1 3\r\nb", "* SEARCH 1 2 3\r\nc", "* SEARCH\r\nd", "* SEARCH\r\ne", "* SEARCH\r\nf", "g BAD", "h BAD", "i BAD")

/* An id of 254, 255 and 256 characters: the last is nobody's. */
static void objectid_limit(void **state UNUSED)
{
	char input[512], id[257];
	struct talk t;
	memset(id, 'x', 256);
	for (int n = 254; n <= 256; n++) {
		int len = snprintf(input, sizeof input, SELECT "a SEARCH EMAILID %.*s\r\n", n, id);
		talk_run(&t, NULL, span_of(input, (size_t)len));
		EXPECT(&t, n <= 255 ? "* SEARCH\r\na OK" : "a BAD");
		talk_free(&t);
	}
}

#define UTF8 LOGIN "u ENABLE UTF8=ACCEPT\r\n"
#define KEISER "\xe5\x8f\xb0\xe5\x8c\x97" /* &U,BTFw- */

/* RFC 6855 3: names in UTF-8, both ways; the others still see modified UTF-7. */
T(utf8_names, NULL, LOGIN "a CREATE &U,BTFw-\r\nb LIST \"\" %\r\nc ENABLE utf8=accept\r\nd LIST \"\" \"" KEISER "\"\r\ne STATUS {6+}\r\n" KEISER " (MESSAGES)\r\nf CREATE \"A&B\\\"\"\r\ng LIST \"\" A%\r\nh LSUB \"\" %\r\ni LIST \"\" %/" "%\r\n",
  "a OK", "\"&U,BTFw-\"\r\n", "b OK", "* ENABLED UTF8=ACCEPT\r\nc OK", "* LIST (\\HasNoChildren) \"/\" \"" KEISER "\"\r\nd OK", "* STATUS \"" KEISER "\" (MESSAGES 0)\r\ne OK", "f OK",
  "\"/\" \"A&B\\\"\"\r\ng OK", "\"INBOX\"\r\nh OK", "i OK")
T(utf8_names_refused, NULL, UTF8 "a CREATE \"\xff\"\r\nb CREATE {2+}\r\n\xc0\xaf\r\nc LIST \"\" {1+}\r\n\xff\r\nd CREATE {3+}\r\na\x7f" "b\r\n", "u OK", "a NO [CANNOT]", "b NO [CANNOT]", "c OK", "d NO [CANNOT]")
T(utf8_search, ages, UTF8 "s SELECT INBOX\r\na SEARCH CHARSET UTF-8 ALL\r\nb SEARCH SUBJECT \"" KEISER "\"\r\n", "a BAD", "* SEARCH\r\nb OK")
T(utf8_append, NULL, UTF8 "a APPEND INBOX (\\Seen) UTF8 (~{5+}\r\nH: \xc3\xa9)\r\nb APPEND INBOX UTF8 (~{1}\r\nx)\r\nc APPEND INBOX UTF8 (~{1+}\r\nx) UTF8 (~{1+}\r\ny) {1+}\r\nz\r\n", "a OK [APPENDUID 1 1]", "+ Go on", "b OK [APPENDUID 1 2]", "c OK [APPENDUID 1 3:5]")
T(utf8_append_refused, NULL, UTF8 "a APPEND INBOX UTF8 (~{1+}\r\nx\r\nb APPEND INBOX UTF8 ({1+}\r\nx)\r\nc APPEND INBOX UTF8 ~{1+}\r\nx\r\nd APPEND INBOX UTF8 (~{1+}\r\nx))\r\ne APPEND INBOX UTF8 (~{1+}\r\nx) \r\nf STATUS INBOX (MESSAGES)\r\n", "a BAD", "b BAD", "c BAD", "d BAD", "e BAD", "(MESSAGES 0)\r\nf OK")

/* RFC 4978: once, after login.  What was sent before the answer is not read. */
T(compress, NULL, "z COMPRESS DEFLATE\r\n" LOGIN "a COMPRESS\r\nb COMPRESS GZIP\r\nc COMPRESS DEFLATE x\r\n", "z BAD", "COMPRESS=DEFLATE", "a BAD", "b NO", "c BAD")

static void compress_once(void **state UNUSED)
{
	static const struct span chunks[] = {
		SPAN_INIT(LOGIN "a COMPRESS deflate\r\nb LOGOUT\r\n"),
		SPAN_INIT("c COMPRESS DEFLATE\r\nd CAPABILITY\r\ne UNAUTHENTICATE\r\n")};
	struct talk t;
	mem_init(&t.mem);
	script_init(&t.script, chunks, 2);
	t.session = imap_session_new(&t.script.stream, &t.mem.host);
	enum imap_next next = imap_session_greet(t.session);
	while (next != IMAP_CLOSE)
		next = imap_session_run(t.session);
	struct span out = script_output(&t.script);
	assert_int_equal(t.script.deflates, 1);
	assert_true(span_find_span(out, SPAN("a OK")) != SIZE_MAX);
	assert_true(span_find_span(out, SPAN("b OK")) == SIZE_MAX);
	size_t at = span_find_span(out, SPAN("c NO [COMPRESSIONACTIVE]"));
	assert_true(at != SIZE_MAX);
	assert_true(span_find_span(span_skip(out, at), SPAN("COMPRESS=DEFLATE")) == SIZE_MAX);
	assert_true(span_find_span(out, SPAN("e NO [CANNOT]")) != SIZE_MAX);
	imap_session_free(t.session);
	script_free(&t.script);
	mem_free(&t.mem);
}

/* As many messages, each with an odd UID. */
static void odd(struct mem_host *m, unsigned n)
{
	struct mem_box *b = mem_box(m, "INBOX");
	for (unsigned i = 0; i < n; i++, b->uid_next++)
		assert_non_null(mem_deliver(m, b, SPAN("x")));
}

static void many(struct mem_host *m) { odd(m, 1100); }
static void one_less(struct mem_host *m) { odd(m, 499); }
static void even(struct mem_host *m) { odd(m, 500); }
static void one_more(struct mem_host *m) { odd(m, 501); }

/* RFC 10022: 3 batches of UIDs 1, 3 ... 2199. */
T(batches, many, SELECT "a UIDBATCHES 500\r\nb UIDBATCHES 500 2:2\r\nc UIDBATCHES 500 3:9\r\nd UIDBATCHES 500 4:5\r\ne UIDBATCHES 4294967295\r\nf UIDBATCHES 1099 1:2\r\n",
  "* UIDBATCHES (TAG \"a\") 2199:1201,1200:201,200:1\r\na OK", "* UIDBATCHES (TAG \"b\") 1200:201\r\nb OK", "(TAG \"c\") 200:1\r\nc OK",
  "* UIDBATCHES (TAG \"d\")\r\nd OK", "(TAG \"e\") 2199:1\r\ne OK", "(TAG \"f\") 2199:3,2:1\r\nf OK")
T(batch_one_less, one_less, SELECT "a UIDBATCHES 500\r\n", "(TAG \"a\") 997:1\r\na OK")
T(batch_even, even, SELECT "a UIDBATCHES 500\r\n", "(TAG \"a\") 999:1\r\na OK")
T(batch_one_more, one_more, SELECT "a UIDBATCHES 500\r\nu ENABLE UIDONLY\r\nb UIDBATCHES 500 2:2\r\n", "(TAG \"a\") 1001:3,2:1\r\na OK", "(TAG \"b\") 2:1\r\nb OK")
T(batches_of_nothing, NULL, SELECT "a UIDBATCHES 500\r\n", "* UIDBATCHES (TAG \"a\")\r\na OK")
T(batches_refused, many, "z UIDBATCHES 500\r\n" SELECT "a UIDBATCHES 499\r\nb UIDBATCHES 501 1:0\r\nc UIDBATCHES 0\r\nd UIDBATCHES 500 2:1\r\ne UIDBATCHES 500 1\r\nf UIDBATCHES\r\ng UIDBATCHES 500 1:2 x\r\nh UIDBATCHES 4294967296\r\n",
  "z BAD", "a NO [TOOSMALL]", "b BAD", "c BAD", "d BAD", "e BAD", "f BAD", "g BAD", "h BAD")

/* RFC 8437: nothing of the one before is left, neither a mailbox nor what was enabled. */
T(unauthenticate, ages, "z UNAUTHENTICATE\r\n" SELECT "e ENABLE UIDONLY IMAP4rev2\r\nv UID SEARCH RETURN (SAVE) ALL\r\na UNAUTHENTICATE\r\nb FETCH 1 FLAGS\r\nc CAPABILITY\r\n" SELECT "d FETCH 1 FLAGS\r\nf SEARCH $\r\n",
  "z BAD", "UNAUTHENTICATE", "e OK", "v OK", "a OK", "b BAD", "ENABLE IDLE AUTH=PLAIN AUTH=LOGIN\r\nc OK", "l OK", "RECENT", "s OK", "* 1 FETCH (FLAGS ())\r\nd OK", "* SEARCH\r\nf OK")
T(unauthenticate_refused, NULL, LOGIN "a UNAUTHENTICATE x\r\n", "a BAD")
/* Failed logins are counted on. */
T(unauthenticate_counts, NULL, "a LOGIN fred x\r\nb LOGIN fred x\r\nc LOGIN fred x\r\n" LOGIN "d UNAUTHENTICATE\r\ne LOGIN fred x\r\nf LOGIN fred x\r\n", "c NO", "l OK", "d OK", "e NO", "* BYE")

/* A search that is asked how far it is after each message. */
static struct imap_session *asked;
static enum imap_answer (*quick)(struct imap_host *, uint64_t, const struct imap_query *,
				 struct imap_set *, uint64_t *);

static enum imap_answer slow(struct imap_host *h, uint64_t mailbox, const struct imap_query *q,
			     struct imap_set *out, uint64_t *highest)
{
	for (uint32_t uid = 0; uid <= 4; uid++)
		imap_session_progress(asked, uid);
	return quick(h, mailbox, q, out, highest);
}

/* RFC 9585: with the command's tag, of what the client knows, before the answer. */
static void in_progress(void **state UNUSED)
{
	struct talk t;
	mem_init(&t.mem);
	ages(&t.mem);
	quick = t.mem.host.search;
	t.mem.host.search = slow;
	script_init_bytes(&t.script, SPAN(SELECT "a CAPABILITY\r\nb9 SEARCH ALL\r\n"), 0);
	asked = t.session = imap_session_new(&t.script.stream, &t.mem.host);
	enum imap_next next = imap_session_greet(t.session);
	while (next != IMAP_CLOSE)
		next = imap_session_run(t.session);
	struct span out = script_output(&t.script);
	assert_true(span_find_span(out, SPAN(" INPROGRESS")) != SIZE_MAX);
	assert_true(span_find_span(out, SPAN(
		"* OK [INPROGRESS (\"b9\" 0 3)] Still at it\r\n"
		"* OK [INPROGRESS (\"b9\" 1 3)] Still at it\r\n"
		"* OK [INPROGRESS (\"b9\" 2 3)] Still at it\r\n"
		"* SEARCH 1 2 3\r\nb9 OK")) != SIZE_MAX);
	imap_session_free(t.session);
	script_free(&t.script);
	mem_free(&t.mem);
}

int main(void)
{
#define C(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		C(older), C(younger), C(one_now), C(age_limits), C(age_refused),
		C(savedate), C(savedate_search), C(create_use), C(create_use_taken), C(create_use_refused),
		C(mailboxid), C(emailid), C(emailid_search), C(objectid_limit),
		C(utf8_names), C(utf8_names_refused), C(utf8_search), C(utf8_append), C(utf8_append_refused),
		C(compress), C(compress_once),
		C(batches), C(batch_one_less), C(batch_even), C(batch_one_more), C(batches_of_nothing), C(batches_refused),
		C(unauthenticate), C(unauthenticate_refused), C(unauthenticate_counts),
		C(in_progress),
	};
	return cmocka_run_group_tests_name("imap_extension", tests, NULL, NULL);
}
