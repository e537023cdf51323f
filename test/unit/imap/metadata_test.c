/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/metadata: METADATA (RFC 5464), LIST-METADATA (RFC 9590). */
#include <stdio.h>

#include "talk.h"

T(announced, NULL, LOGIN "a CAPABILITY\r\n", " METADATA ", "a OK")

/* RFC 5464 4.2 and 4.3, as they are printed there. */
#define COMMENTS \
	"p SETMETADATA INBOX (/private/comment \"My own comment\" /shared/comment \"Shared comment\")\r\n"
T(published, NULL, LOGIN COMMENTS "a GETMETADATA \"INBOX\" /private/comment\r\nb GETMETADATA \"INBOX\" (/shared/comment /private/comment)\r\n"
  "c GETMETADATA \"INBOX\" /private/comment /shared/comment\r\n",
  "p OK", "* METADATA \"INBOX\" (/private/comment \"My own comment\")\r\na OK",
  "* METADATA \"INBOX\" (/private/comment \"My own comment\" /shared/comment \"Shared comment\")\r\nb OK",
  "* METADATA \"INBOX\" (/private/comment \"My own comment\" /shared/comment \"Shared comment\")\r\nc OK")
T(published_set, NULL, LOGIN "a SETMETADATA INBOX (/private/comment {33}\r\nMy new comment across\r\ntwo lines.)\r\n"
  "b GETMETADATA INBOX /private/comment\r\nc SETMETADATA INBOX (/private/comment NIL)\r\nd GETMETADATA INBOX /private/comment\r\n"
  "e SETMETADATA INBOX (/private/comment \"My new comment\" /shared/comment \"This one is for you!\")\r\nf GETMETADATA INBOX /shared/comment\r\n",
  "+ ", "a OK", "* METADATA \"INBOX\" (/private/comment {33}\r\nMy new comment across\r\ntwo lines.)\r\nb OK", "c OK",
  "* METADATA \"INBOX\" (/private/comment NIL)\r\nd OK", "e OK", "* METADATA \"INBOX\" (/shared/comment \"This one is for you!\")\r\nf OK")
#define FILTERS "p SETMETADATA INBOX (/private/filters/values/small \"SMALLER 5000\" /private/filters/values/boss \"FROM \\\"boss@example.com\\\"\" " \
		"/private/filters/values/boss/old \"x\" /private/filters/valuesx \"y\")\r\n"
T(published_depth, NULL, LOGIN FILTERS "a GETMETADATA \"INBOX\" (DEPTH 1) (/private/filters/values)\r\n",
  "* METADATA \"INBOX\" (/private/filters/values/boss \"FROM \\\"boss@example.com\\\"\" /private/filters/values/small \"SMALLER 5000\")\r\na OK")
T(depths, NULL, LOGIN FILTERS "a GETMETADATA (DEPTH infinity) INBOX /private/filters\r\nb GETMETADATA (DEPTH 0) INBOX /private/filters\r\n"
  "c GETMETADATA (DEPTH infinity) INBOX /private\r\nd GETMETADATA (DEPTH 1) INBOX (/private/filters/values/boss /shared)\r\ne GETMETADATA (DEPTH 1) INBOX /shared\r\n",
  "(/private/filters/values/boss \"FROM \\\"boss@example.com\\\"\" /private/filters/values/boss/old \"x\" /private/filters/values/small \"SMALLER 5000\" /private/filters/valuesx \"y\")\r\na OK",
  "* METADATA \"INBOX\" (/private/filters NIL)\r\nb OK",
  "(/private/filters/values/boss \"FROM \\\"boss@example.com\\\"\" /private/filters/values/boss/old \"x\" /private/filters/values/small \"SMALLER 5000\" /private/filters/valuesx \"y\")\r\nc OK",
  "* METADATA \"INBOX\" (/private/filters/values/boss \"FROM \\\"boss@example.com\\\"\" /private/filters/values/boss/old \"x\")\r\nd OK",
  "* METADATA \"INBOX\" (/shared NIL)\r\ne OK")

static void long_one(struct mem_host *m)
{
	static char value[2199];
	memset(value, 'v', sizeof value);
	const struct imap_annotation list[] = {
		{.name = SPAN("/shared/comment"), .set = true, .value = span_of(value, sizeof value)},
		{.name = SPAN("/private/comment"), .set = true, .value = SPAN("My own comment")}};
	assert_int_equal(m->host.annotate(&m->host, SPAN("INBOX"), list, 2), IMAP_YES);
}

T(published_maxsize, long_one, LOGIN "a GETMETADATA \"INBOX\" (MAXSIZE 1024) (/shared/comment /private/comment)\r\n",
  "* METADATA \"INBOX\" (/private/comment \"My own comment\")\r\na OK [METADATA LONGENTRIES 2199]")
T(maxsize, long_one, LOGIN "a GETMETADATA (MAXSIZE 2198 DEPTH 1) INBOX (/shared /private/none)\r\nb GETMETADATA (MAXSIZE 2199) INBOX /shared/comment\r\n"
  "c GETMETADATA (MAXSIZE 2200) INBOX /shared/comment\r\nd GETMETADATA (MAXSIZE 0) INBOX (/shared/comment /private/comment /private/x)\r\n",
  "a OK [METADATA LONGENTRIES 2199]", "(/shared/comment {2199}\r\nvvv", "vv)\r\nb OK That", "vv)\r\nc OK That",
  "* METADATA \"INBOX\" (/private/x NIL)\r\nd OK [METADATA LONGENTRIES 2199]")

T(of_the_server, NULL, SELECT "a SETMETADATA \"\" (/private/vendor/me/colour red)\r\nb GETMETADATA \"\" /private/vendor/me/colour\r\n"
  "c GETMETADATA INBOX /private/vendor/me/colour\r\nd SETMETADATA \"\" (/private/comment \"x\" /shared/comment \"y\")\r\ne GETMETADATA \"\" (/private/comment /shared/comment)\r\n",
  "a BAD", "* METADATA \"\" (/private/vendor/me/colour NIL)\r\nb OK", "c OK", "d NO [NOPERM]", "* METADATA \"\" (/private/comment NIL /shared/comment NIL)\r\ne OK")
T(whatever_case, NULL, LOGIN "a SETMETADATA inbox (/Private/Vendor/Me/Colour \"red\")\r\nb GETMETADATA inbox \"/PRIVATE/vendor/me/colour\"\r\n"
  "c GETMETADATA (depth Infinity) inbox /private\r\n", "a OK", "(/PRIVATE/vendor/me/colour \"red\")\r\nb OK", "(/private/vendor/me/colour \"red\")\r\nc OK")
T(odd_names, NULL, LOGIN "a SETMETADATA INBOX (\"/private/a(b)\\\"\" \"1\" /private/c \"\")\r\nb GETMETADATA (DEPTH 1) INBOX /private\r\n",
  "a OK", "(\"/private/a(b)\\\"\" \"1\" /private/c \"\")\r\nb OK")
T(any_bytes, NULL, LOGIN "a SETMETADATA INBOX (/private/c ~{3+}\r\n\1\0\2 /private/d {2+}\r\n\xc3\xa4)\r\nb GETMETADATA (DEPTH 1) INBOX /private\r\n"
  "c SETMETADATA INBOX (/private/c {1+}\r\n\0)\r\n",
  "a OK", "(/private/c ~{3}\r\n\1")
T(last_one_counts, NULL, LOGIN "a SETMETADATA INBOX (/private/c \"1\" /PRIVATE/c \"2\")\r\nb GETMETADATA INBOX (/private/c /private/C)\r\n",
  "a OK", "(/private/C \"2\")\r\nb OK")
T(of_what_is_not_there, NULL, LOGIN "a GETMETADATA none /private/c\r\nb SETMETADATA none (/private/c \"1\")\r\nc SETMETADATA a//b (/private/c NIL)\r\nd GETMETADATA * /private/c\r\n",
  "a NO [NONEXISTENT]", "b NO [NONEXISTENT]", "c NO [CANNOT]", "d BAD")
T(with_its_mailbox, NULL, LOGIN "a CREATE x\r\nb SETMETADATA x (/shared/comment \"mine\")\r\nc RENAME x y\r\nd GETMETADATA y /shared/comment\r\ne DELETE y\r\nf CREATE y\r\n"
  "g GETMETADATA y /shared/comment\r\n", "d OK", "e OK", "f OK", "(/shared/comment NIL)\r\ng OK")

static void refused(void **state UNUSED)
{
	static const char *const wrong[] = {
		"GETMETADATA", "GETMETADATA INBOX", "GETMETADATA INBOX ()", "GETMETADATA INBOX (/private/c", "GETMETADATA INBOX /private/c )",
		"GETMETADATA INBOX /private/", "GETMETADATA INBOX /private//c", "GETMETADATA INBOX /", "GETMETADATA INBOX c", "GETMETADATA INBOX /public/c",
		"GETMETADATA INBOX \"/private/a*\"", "GETMETADATA INBOX \"/private/a%\"", "GETMETADATA INBOX \"/private/a b\"", "GETMETADATA INBOX {10+}\r\n/private/\xc3",
		"GETMETADATA (DEPTH 2) INBOX /private/c", "GETMETADATA (DEPTH) INBOX /private/c", "GETMETADATA (MAXSIZE x) INBOX /private/c",
		"GETMETADATA (MAXSIZE 4294967296) INBOX /private/c", "GETMETADATA (WIDTH 1) INBOX /private/c", "GETMETADATA (DEPTH 1 INBOX /private/c",
		"SETMETADATA", "SETMETADATA INBOX", "SETMETADATA INBOX ()", "SETMETADATA INBOX /private/c \"x\"", "SETMETADATA INBOX (/private/c)",
		"SETMETADATA INBOX (/private/c x)", "SETMETADATA INBOX (/private/c \"x\"", "SETMETADATA INBOX (/private/c \"x\") y", "SETMETADATA INBOX (/private \"x\")",
		"SETMETADATA INBOX (/shared/vendor \"x\")", "SETMETADATA INBOX (/shared/vendor/me \"x\")", "SETMETADATA INBOX (/shared/c \"x\" /shared \"y\")",
		"SETMETADATA INBOX (/private/c {1+}\r\n\1 )"};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		char text[256];
		struct talk t;
		int n = snprintf(text, sizeof text, LOGIN "a %s\r\nb GETMETADATA INBOX /shared/c\r\n", wrong[i]);
		talk_run(&t, NULL, span_of(text, (size_t)n));
		talk_expect(&t, "a BAD", "(/shared/c NIL)\r\nb OK", NULL);
		talk_free(&t);
	}
}

/* GETMETADATA or SETMETADATA of so many entries, or one of that length. */
static void entries(size_t count, size_t length, bool set, const char *want)
{
	struct talk t;
	struct buf b;
	buf_init(&b, 1 << 20);
	buf_add(&b, SPAN(LOGIN "a "));
	buf_add(&b, set ? SPAN("SETMETADATA INBOX (") : SPAN("GETMETADATA INBOX ("));
	for (size_t i = 0; i < count; i++) {
		buf_add(&b, i > 0 ? SPAN(" /private/") : SPAN("/private/"));
		for (size_t k = 9; k < length; k++)
			buf_add(&b, SPAN("n"));
		if (set)
			buf_add(&b, SPAN(" \"v\""));
	}
	buf_add(&b, SPAN(")\r\n"));
	talk_run(&t, NULL, buf_span(&b));
	talk_expect(&t, want, NULL);
	talk_free(&t);
	buf_free(&b);
}

static void entry_limits(void **state UNUSED)
{
	for (int set = 0; set < 2; set++) {
		entries(IMAP_ENTRIES_MAX - 1, 12, set, "a OK");
		entries(IMAP_ENTRIES_MAX, 12, set, "a OK");
		entries(IMAP_ENTRIES_MAX + 1, 12, set, "a NO [LIMIT]");
		entries(1, IMAP_ENTRY_MAX - 1, set, "a OK");
		entries(1, IMAP_ENTRY_MAX, set, "a OK");
		entries(1, IMAP_ENTRY_MAX + 1, set, "a NO [LIMIT]");
	}
}

/* So many values of a size in one command. */
static void values(size_t count, size_t size, const char *want)
{
	struct talk t;
	struct buf b;
	buf_init(&b, 1 << 20);
	buf_add(&b, SPAN(LOGIN "a SETMETADATA INBOX ("));
	for (size_t i = 0; i < count; i++) {
		buf_printf(&b, "%s/private/%zu {%zu}\r\n", i > 0 ? " " : "", i, size);
		for (size_t k = 0; k < size; k++)
			buf_add(&b, SPAN("v"));
	}
	buf_add(&b, SPAN(")\r\nb NOOP\r\n"));
	talk_run(&t, NULL, buf_span(&b));
	talk_expect(&t, want, "b OK", NULL);
	talk_free(&t);
	buf_free(&b);
}

static void value_limits(void **state UNUSED)
{
	values(1, IMAP_ANNOTATION_MAX - 1, "a OK");
	values(1, IMAP_ANNOTATION_MAX, "a OK");
	values(1, IMAP_ANNOTATION_MAX + 1, "a NO [METADATA MAXSIZE 16384]");
	values(4, IMAP_ANNOTATE_MAX / 4 - 11, "a OK");
	values(4, IMAP_ANNOTATE_MAX / 4 - 10, "a OK");
	values(4, IMAP_ANNOTATE_MAX / 4 - 9, "a NO [LIMIT]");
	values(MEM_ANNOTATIONS - 1, 1, "a OK");
	values(MEM_ANNOTATIONS, 1, "a OK");
	values(MEM_ANNOTATIONS + 1, 1, "a NO [METADATA TOOMANY]");
}

/* RFC 9590 4, with our names. */
T(listed, NULL, LOGIN "p CREATE foo\r\nq CREATE bar\r\nr SETMETADATA INBOX (/shared/vendor/cmu/cyrus-imapd/color \"#b71c1c\")\r\n"
  "a LIST \"\" (foo INBOX) RETURN (METADATA (\"/shared/vendor/cmu/cyrus-imapd/color\"))\r\n"
  "b LIST \"\" INBOX RETURN (STATUS (MESSAGES) METADATA (/private/comment /shared/vendor/cmu/cyrus-imapd/color) CHILDREN)\r\n"
  "c LIST \"\" none RETURN (METADATA (/private/comment))\r\n",
  "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n* METADATA \"INBOX\" (/shared/vendor/cmu/cyrus-imapd/color \"#b71c1c\")\r\n",
  "\"foo\"\r\n* METADATA \"foo\" (/shared/vendor/cmu/cyrus-imapd/color NIL)\r\na OK",
  "* STATUS \"INBOX\" (MESSAGES 0)\r\n* METADATA \"INBOX\" (/shared/vendor/cmu/cyrus-imapd/color \"#b71c1c\" /private/comment NIL)\r\nb OK", "c OK")
T(listed_refused, NULL, LOGIN "a LIST \"\" * RETURN (METADATA)\r\nb LIST \"\" * RETURN (METADATA ())\r\nc LIST \"\" * RETURN (METADATA /private/c)\r\n"
  "d LIST \"\" * RETURN (METADATA (/private/c)\r\ne LIST \"\" * RETURN (METADATA (/public/c))\r\nf LIST \"\" INBOX RETURN (METADATA (/private/c))\r\n",
  "a BAD", "b BAD", "c BAD", "d BAD", "e BAD", "f OK")

static void hidden_before_login(void **state UNUSED)
{
	struct talk t;
	TALK(&t, NULL, "a CAPABILITY\r\nb GETMETADATA \"\" /shared/comment\r\n");
	talk_lacks(&t, "METADATA");
	talk_expect(&t, "b BAD", NULL);
	talk_free(&t);
}

int main(void)
{
#define C(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		C(announced), C(published), C(published_set), C(published_depth), C(depths), C(published_maxsize), C(maxsize),
		C(of_the_server), C(whatever_case), C(odd_names), C(any_bytes), C(last_one_counts), C(of_what_is_not_there),
		C(with_its_mailbox), C(refused), C(entry_limits), C(value_limits), C(hidden_before_login), C(listed), C(listed_refused),
	};
	return cmocka_run_group_tests_name("imap_metadata", tests, NULL, NULL);
}
