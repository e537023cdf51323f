/* SPDX-License-Identifier: Apache-2.0 */
/* mime/parse: trees of messages by hand, limits, hostile shapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tree.h"

static void expect(struct span message, struct span tree, int line)
{
	struct buf out;
	buf_init(&out, 64u << 20);
	tree_checked(message, &out);
	if (!span_eq(buf_span(&out), tree))
		fail_msg("line %d: got\n%.*s", line, (int)buf_len(&out), out.data + out.from);
	buf_free(&out);
}

#define TREE(message, tree) expect(SPAN(message), SPAN(tree), __LINE__)
#define PLAIN " charset=\"us-ascii\""

static void simple_messages(void **state)
{
	(void)state;
	TREE("", "- text/plain 0-0-0 lines=0" PLAIN "\nflags=0 size=0 sent=0 received=0 preview=\"\"\n");
	TREE("\r\n", "- text/plain 0-2-2 lines=0" PLAIN "\nflags=0 size=2 sent=0 received=0 preview=\"\"\n");
	TREE("Subject: x\r\n\r\nhi\r\n",
	     "- text/plain 0-14-18 lines=1" PLAIN " subject=\"x\"\n"
	     "flags=0 size=18 sent=0 received=0 v0=\"x\" preview=\"hi\"\n");
	TREE("Subject: x\r\n\r\nhi",
	     "- text/plain 0-14-16 lines=1" PLAIN " subject=\"x\"\n"
	     "flags=0 size=16 sent=0 received=0 v0=\"x\" preview=\"hi\"\n");
	TREE("Subject: x", "- text/plain 0-10-10 lines=0" PLAIN " subject=\"x\"\n"
			   "flags=0 size=10 sent=0 received=0 v0=\"x\" preview=\"\"\n");
	TREE("Subject: a\r\n b\r\n\tc\r\nsubject: second\r\n\r\n",
	     "- text/plain 0-39-39 lines=0" PLAIN " subject=\"a b c\"\n"
	     "flags=0 size=39 sent=0 received=0 v0=\"a b c\" preview=\"\"\n");
	TREE("From x@y Mon\r\nno field\r\n: none\r\nA B: none\r\nSubject : y\r\n\r\n",
	     "- text/plain 0-58-58 lines=0" PLAIN " subject=\"y\"\n"
	     "flags=0 size=58 sent=0 received=0 v0=\"y\" preview=\"\"\n");
	TREE("Subject: x\n\nbare\n", "- text/plain 0-12-17 lines=1" PLAIN " subject=\"x\"\n"
				     "flags=64 size=17 sent=0 received=0 v0=\"x\" preview=\"bare\"\n");
	TREE("\r\n\xff\0\r\n", "- text/plain 0-2-6 lines=1" PLAIN "\n"
			       "flags=24 size=6 sent=0 received=0 preview=\"\xef\xbf\xbd\"\n");
	TREE("\r\na\rb\r\n", "- text/plain 0-2-7 lines=1" PLAIN "\n"
			     "flags=64 size=7 sent=0 received=0 preview=\"a b\"\n");
}

static void envelopes(void **state)
{
	(void)state;
	TREE("Date: Thu, 1 Jan 1970 00:00:01 +0000\r\nFrom: A <a@b>\r\nSender: s@b\r\n"
	     "Reply-To: r@b\r\nTo: t@b\r\nCc: c@b\r\nBcc: d@b\r\nMessage-ID: <i@b>\r\n"
	     "In-Reply-To: <p@b>\r\nReferences: <o@b> junk <p@b> <open\r\n"
	     "Received: 1\r\nReceived: 2\r\n\r\n",
	     "- text/plain 0-212-212 lines=0" PLAIN
	     " date=\"Thu, 1 Jan 1970 00:00:01 +0000\" in-reply-to=\"<p@b>\" message-id=\"<i@b>\""
	     " from( n=\"A\" m=\"a\" h=\"b\") sender( m=\"s\" h=\"b\") reply-to( m=\"r\" h=\"b\")"
	     " to( m=\"t\" h=\"b\") cc( m=\"c\" h=\"b\") bcc( m=\"d\" h=\"b\")\n"
	     "flags=32 size=212 sent=1 received=2 v1=\"A <a@b>\" v2=\"t@b\" v3=\"c@b\" v4=\"d@b\""
	     " ref=\"<o@b>\" ref=\"<p@b>\" preview=\"\"\n");
}

static void content_fields(void **state)
{
	(void)state;
	TREE("Content-Type: (c) TEXT (x) / (y) Html ; charset = \"utf-8\" ; bad; x=y z\r\n"
	     "Content-Transfer-Encoding: (q) Quoted-Printable (w)\r\nContent-ID: <i>\r\n"
	     "Content-Description: d e\r\nContent-MD5: m\r\nContent-Location: l\r\n"
	     "Content-Language: en, (x) de,,fr\r\n"
	     "Content-Disposition: inline; filename=\"a\\\"b\"\r\n\r\n",
	     "- TEXT/Html 0-287-287 lines=0 charset=\"utf-8\" x=\"y\" encoding=\"Quoted-Printable\""
	     " id=\"<i>\" description=\"d e\" md5=\"m\" location=\"l\" disposition=\"inline\""
	     " ;filename=\"a\"b\" language=\"en\" language=\"de\" language=\"fr\"\n"
	     "flags=4 size=287 sent=0 received=0 v6=\"a\"b\" preview=\"\"\n");
	TREE("Content-Type: nonsense\r\nContent-Type: text/html\r\n\r\n",
	     "- text/plain 0-51-51 lines=0" PLAIN
	     "\nflags=0 size=51 sent=0 received=0 preview=\"\"\n");
	TREE("Content-Type: multipart/mixed\r\n\r\n--\r\n--x\r\n",
	     "- multipart/mixed 0-33-42 lines=2\n"
	     "flags=0 size=42 sent=0 received=0 preview=\"\"\n");
}

#define MULTI "Content-Type: multipart/mixed; boundary=b\r\n\r\n" /* 45 bytes */
#define TAIL(size) "flags=0 size=" #size " sent=0 received=0"

static void multiparts(void **state)
{
	(void)state;
	TREE(MULTI "--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n",
	     "* multipart/mixed 0-45-76 lines=7 boundary=\"b\"\n"
	     " - text/plain 50-52-55 lines=1" PLAIN "\n - text/plain 62-64-67 lines=1" PLAIN "\n"
	     TAIL(76) " preview=\"one\"\n");
	/* Nothing between boundaries, boundary at once, none at all. */
	TREE(MULTI "--b\r\n--b\r\n\r\n--b--",
	     "* multipart/mixed 0-45-62 lines=4 boundary=\"b\"\n"
	     " - text/plain 48-48-48 lines=0" PLAIN "\n - text/plain 55-55-55 lines=0" PLAIN "\n"
	     TAIL(62) " preview=\"\"\n");
	TREE(MULTI "text\r\n", "- multipart/mixed 0-45-51 lines=1 boundary=\"b\"\n"
			       TAIL(51) " preview=\"\"\n");
	/* A boundary in pieces (RFC 2231 3). */
	TREE("Content-Type: multipart/mixed; boundary*1=d; boundary*0=bc\r\n\r\n--bcd\r\n\r\none\r\n--bcd--",
	     "* multipart/mixed 0-62-83 lines=4 boundary*1=\"d\" boundary*0=\"bc\"\n"
	     " - text/plain 69-71-74 lines=1" PLAIN "\n"
	     TAIL(83) " preview=\"one\"\n");
	/* Closed twice, text after the end, a line that is only like one. */
	TREE(MULTI "--b \t\r\n\r\nx\r\n--bb\r\n--b-\r\n--b--x\r\n--b--\r\n--b\r\n\r\nno\r\n",
	     "* multipart/mixed 0-45-95 lines=10 boundary=\"b\"\n"
	     " - text/plain 52-54-75 lines=4" PLAIN "\n"
	     TAIL(95) " preview=\"x --bb --b- --b--x\"\n");
	/* The outer boundary ends the inner multipart. */
	TREE(MULTI "--b\r\nContent-Type: multipart/x; boundary=c\r\n\r\n--c\r\n\r\nin\r\n--b\r\n"
		   "\r\nout\r\n--b--\r\n",
	     "* multipart/mixed 0-45-121 lines=10 boundary=\"b\"\n"
	     " * multipart/x 50-91-100 lines=3 boundary=\"c\"\n"
	     "  - text/plain 96-98-100 lines=1" PLAIN "\n"
	     " - text/plain 107-109-112 lines=1" PLAIN "\n"
	     TAIL(121) " preview=\"in\"\n");
	/* The same boundary inside: innermost first. */
	TREE(MULTI "--b\r\n" MULTI "--b\r\n\r\nx\r\n--b--\r\n--b--\r\n",
	     "* multipart/mixed 0-45-119 lines=8 boundary=\"b\"\n"
	     " * multipart/mixed 50-95-110 lines=4 boundary=\"b\"\n"
	     "  - text/plain 100-102-103 lines=1" PLAIN "\n"
	     TAIL(119) " preview=\"x\"\n");
}

static void nested_messages(void **state)
{
	(void)state;
	TREE("Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nbody\r\n",
	     "@ message/rfc822 0-32-53 lines=3\n"
	     " - text/plain 32-47-53 lines=1" PLAIN " subject=\"in\"\n"
	     TAIL(53) " preview=\"body\"\n");
	TREE("Content-Type: message/rfc822\r\n\r\n",
	     "@ message/rfc822 0-32-32 lines=0\n - text/plain 32-32-32 lines=0" PLAIN "\n"
	     TAIL(32) " preview=\"\"\n");
	TREE("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nQQ==\r\n",
	     "- message/rfc822 0-67-73 lines=1 encoding=\"base64\"\n" TAIL(73) " preview=\"\"\n");
	TREE("Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: s\r\n\r\n--b--\r\n",
	     "* multipart/digest 0-46-74 lines=5 boundary=\"b\"\n"
	     " @ message/rfc822 51-53-65 lines=1\n"
	     "  - text/plain 53-65-65 lines=0" PLAIN " subject=\"s\"\n"
	     TAIL(74) " preview=\"\"\n");
}

static struct summary *parse(struct mime_parser **p, struct span m, size_t cut)
{
	*p = mime_parser_new(NULL);
	assert_non_null(*p);
	for (size_t at = 0; at < m.len; at += cut)
		mime_parser_feed(*p, span_sub(m, at, cut));
	struct summary *s = mime_parser_end(*p);
	assert_non_null(s);
	struct buf b;
	buf_init(&b, SUMMARY_MAX);
	assert_true(summary_write(s, &b));
	buf_free(&b);
	return s;
}

static void repeat(struct buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_add(b, span_cstr(s));
}

static void part_limit(void **state)
{
	(void)state;
	for (size_t d = 0; d < 3; d++) {
		struct buf b;
		struct mime_parser *p;
		buf_init(&b, 8u << 20);
		repeat(&b, MULTI, 1);
		repeat(&b, "--b\r\n\r\nx\r\n", MIME_PARTS_MAX - 2 + d);
		struct summary *s = parse(&p, buf_span(&b), 4096);
		assert_int_equal(s->part_count, d < 2 ? MIME_PARTS_MAX - 1 + d : MIME_PARTS_MAX);
		assert_int_equal((s->flags & SUMMARY_TRUNCATED) != 0, d == 2);
		mime_parser_free(p);
		buf_free(&b);
	}
}

static void depth_limit(void **state)
{
	(void)state;
	for (size_t d = 0; d < 3; d++) {
		struct buf b;
		struct mime_parser *p;
		buf_init(&b, 8u << 20);
		/* d levels of messages around a leaf: each is one level. */
		repeat(&b, "Content-Type: message/rfc822\r\n\r\n", MIME_DEPTH_MAX - 2 + d);
		struct summary *s = parse(&p, buf_span(&b), 4096);
		assert_int_equal((s->flags & SUMMARY_TRUNCATED) != 0, d == 2);
		assert_true(s->part_count <= MIME_DEPTH_MAX);
		mime_parser_free(p);
		buf_clear(&b);
		for (size_t i = 0; i < 100000; i++)
			buf_printf(&b, "Content-Type: multipart/x; boundary=b%zu\r\n\r\n--b%zu\r\n", i, i);
		s = parse(&p, buf_span(&b), 65536);
		assert_int_equal(s->part_count, MIME_DEPTH_MAX);
		assert_true((s->flags & SUMMARY_TRUNCATED) != 0);
		mime_parser_free(p);
		buf_free(&b);
	}
}

static void field_limits(void **state)
{
	(void)state;
	for (size_t d = 0; d < 3; d++) {
		struct buf b;
		struct mime_parser *p;
		buf_init(&b, 8u << 20);
		repeat(&b, "X: y\r\n", MIME_FIELDS_MAX - 2 + d);
		repeat(&b, "Subject: s\r\n\r\n", 1);
		struct summary *s = parse(&p, buf_span(&b), 4096);
		assert_int_equal(s->parts[0].envelope->subject.ptr != NULL, d < 2);
		assert_int_equal((s->flags & SUMMARY_TRUNCATED) != 0, d == 2);
		mime_parser_free(p);
		buf_clear(&b);
		repeat(&b, "Message-ID: ", 1);
		repeat(&b, " ", MIME_FIELD_MAX - 14 - 2 + d);
		repeat(&b, "x\r\n\r\nbody", 1);
		s = parse(&p, buf_span(&b), 4096);
		assert_int_equal(s->parts[0].envelope->message_id.ptr != NULL, d < 2);
		assert_int_equal((s->flags & SUMMARY_TRUNCATED) != 0, d == 2);
		assert_int_equal(s->parts[0].body_start, MIME_FIELD_MAX - 1 + d + 2);
		mime_parser_free(p);
		buf_clear(&b);
		repeat(&b, "Subject: s\r\n", 1);
		repeat(&b, "X: 1234567890123\r\n", (MIME_HEADER_BLOCK_MAX - 12) / 18);
		while (buf_len(&b) < MIME_HEADER_BLOCK_MAX - 3 + d - 4)
			repeat(&b, ":", 1);
		repeat(&b, "\r\n\r\n", 1);
		assert_int_equal(buf_len(&b), MIME_HEADER_BLOCK_MAX - 3 + d);
		mime_parser_free(NULL);
		s = parse(&p, buf_span(&b), 4096);
		assert_int_equal(s->parts[0].body_start, buf_len(&b));
		assert_non_null(s->parts[0].envelope->subject.ptr);
		mime_parser_free(p);
		buf_free(&b);
	}
}

static void huge_values_fit_the_summary(void **state)
{
	(void)state;
	struct buf b;
	struct mime_parser *p;
	buf_init(&b, 8u << 20);
	repeat(&b, "To: ", 1);
	repeat(&b, "a@b,", 15000);
	repeat(&b, "\r\nCc: ", 1);
	repeat(&b, "g:;", 20000);
	repeat(&b, "\r\nSubject: ", 1);
	repeat(&b, "s", 60000);
	repeat(&b, "\r\nReferences: ", 1);
	repeat(&b, "<x@y>", 10000);
	repeat(&b, "\r\nContent-Disposition: x", 1);
	repeat(&b, ";a=\"b\"", 5000);
	repeat(&b, "\r\n" MULTI, 1);
	repeat(&b, "--b\r\nContent-Type: message/rfc822\r\n\r\nTo: a:;b:;c:;d:;\r\nSubject: x\r\n\r\nz\r\n",
	       600);
	struct summary *s = parse(&p, buf_span(&b), 4096);
	assert_true(s->part_count > 300);
	assert_true((s->flags & SUMMARY_TRUNCATED) != 0);
	mime_parser_free(p);
	buf_free(&b);
}

static void memory_is_bounded_by_limits(void **state)
{
	(void)state;
	struct mime_parser *p = mime_parser_new(NULL);
	assert_non_null(p);
	mime_parser_feed(p, SPAN("Content-Type: message/rfc822\r\n\r\n"));
	static char block[65536];
	memset(block, 'x', sizeof block);
	/* One line of 64 MiB in a header. */
	for (int i = 0; i < 1024; i++)
		mime_parser_feed(p, span_of(block, sizeof block));
	struct summary *s = mime_parser_end(p);
	assert_non_null(s);
	assert_true(s->size == 32 + 64u * 1024 * 1024);
	assert_true((s->flags & SUMMARY_TRUNCATED) != 0);
	mime_parser_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(simple_messages),
		cmocka_unit_test(envelopes),
		cmocka_unit_test(content_fields),
		cmocka_unit_test(multiparts),
		cmocka_unit_test(nested_messages),
		cmocka_unit_test(part_limit),
		cmocka_unit_test(depth_limit),
		cmocka_unit_test(field_limits),
		cmocka_unit_test(huge_values_fit_the_summary),
		cmocka_unit_test(memory_is_bounded_by_limits),
	};
	return cmocka_run_group_tests_name("mime/parse", tests, NULL, NULL);
}
