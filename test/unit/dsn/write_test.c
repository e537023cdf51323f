/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsn/write: what stands in a report, for whom, in which form; every report
 * also goes through the oracle.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "oracle.h"

#define MESSAGE                                                                \
	"From: s@example.net\r\nMessage-ID: <1@example.net>\r\n"               \
	"Subject: =?utf-8?q?h=C3=A9?= there\r\n\r\nbody of it\r\n"

/* One report and what it was made of; change it, then make. */
struct made {
	struct dsn_how how;
	struct dsn_letter letter;
	struct dsn_recipient r[DSN_RECIPIENTS_MAX + 1];
	size_t count;
	struct dsn_memory memory;
	struct buf out, text;
	struct dsn_made made;
};

static void set_message(struct made *m, struct span message)
{
	dsn_memory_init(&m->memory, message);
	m->letter.source = &m->memory.source;
	m->letter.size = message.len;
}

static int prepare(void **state)
{
	struct made *m = test_calloc(1, sizeof *m);
	m->how = (struct dsn_how){.host = SPAN("mx.example.org"), .id = SPAN("k3j4h5g6f7"),
				  .now = 1795317521, .return_max = DSN_RETURN_MAX};
	m->letter = (struct dsn_letter){.sender = SPAN("s@example.net"), .arrived = 1795310000};
	m->count = 1;
	for (size_t i = 0; i <= DSN_RECIPIENTS_MAX; i++)
		m->r[i] = (struct dsn_recipient){
			.final = SPAN("bob@example.com"), .original = SPAN("rfc822;Bob+2B@example.com"),
			.action = DSN_FAILED, .status = {5, 1, 1}, .remote = SPAN("mx.example.com"),
			.reply = SPAN("550 5.1.1 no such user here"), .attempted = 1795317000,
		};
	set_message(m, SPAN(MESSAGE));
	buf_init(&m->out, DSN_REPORT_MAX);
	buf_init(&m->text, DSN_REPORT_MAX);
	*state = m;
	return 0;
}

static int finish(void **state)
{
	struct made *m = *state;
	buf_free(&m->out);
	buf_free(&m->text);
	test_free(m);
	return 0;
}

static enum dsn_result run(struct made *m)
{
	buf_clear(&m->out);
	return dsn_write(&m->how, &m->letter, m->r, m->count, &m->out, &m->made);
}

static void make(struct made *m)
{
	assert_int_equal(run(m), DSN_OK);
	buf_clear(&m->text);
	dsn_oracle(&(struct dsn_told_report){buf_span(&m->out), &m->how, m->r, m->count,
					     m->memory.bytes, &m->made},
		   &m->text);
}

static bool has(const struct buf *b, const char *what)
{
	return span_find_span(buf_span(b), span_cstr(what)) != SIZE_MAX;
}

static size_t count_of(const struct buf *b, const char *what)
{
	struct span s = buf_span(b);
	size_t n = 0, at;
	while ((at = span_find_span(s, span_cstr(what))) != SIZE_MAX) {
		s = span_skip(s, at + 1);
		n++;
	}
	return n;
}

static void a_failure(void **state)
{
	struct made *m = *state;
	m->letter.envid = SPAN("id+2B12");
	make(m);
	assert_true(span_starts(buf_span(&m->text), SPAN("Your message could not be delivered")));
	static const char *const lines[] = {
		"From: Mail Delivery System <MAILER-DAEMON@mx.example.org>\r\n",
		"To: <s@example.net>\r\n", "Message-ID: <k3j4h5g6f7@mx.example.org>\r\n",
		"Subject: Your message was not delivered\r\n", "In-Reply-To: <1@example.net>\r\n",
		"References: <1@example.net>\r\n", "Original-Envelope-Id: id+12\r\n",
		"Reporting-MTA: dns; mx.example.org\r\n",
		"\r\n\r\nOriginal-Recipient: rfc822; Bob+@example.com\r\n",
		"Final-Recipient: rfc822; bob@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n",
		"Remote-MTA: dns; mx.example.com\r\n",
		"Diagnostic-Code: smtp; 550 5.1.1 no such user here\r\n", "Last-Attempt-Date: ",
	};
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		assert_true(has(&m->out, lines[i]));
	assert_true(has(&m->text, "There is no such mailbox at the recipient's server. (code 5.1.1)"));
	assert_true(has(&m->text, "mx.example.com answered: 550 5.1.1 no such user here"));
	assert_true(has(&m->text, "What you can do: Check the address"));
	assert_true(has(&m->text, "\r\n  Subject: h\xc3\xa9 there\r\n"));
	assert_true(has(&m->text, "postmaster@mx.example.org"));
	assert_false(has(&m->out, "body of it") || m->made.whole || m->made.utf8 || m->made.eight_bit);
}

static void other_actions(void **state)
{
	struct made *m = *state;
	m->r[0].action = DSN_DELAYED;
	m->r[0].retry_until = 1795400000;
	make(m);
	assert_true(has(&m->out, "Subject: Your message is delayed\r\n"));
	assert_true(has(&m->out, "Will-Retry-Until: ") && has(&m->text, "We try until "));
	m->r[0].action = DSN_RELAYED;
	make(m);
	assert_true(has(&m->out, "Action: relayed\r\n") && has(&m->text, "was passed on to the server of"));
	assert_false(has(&m->out, "Will-Retry-Until") || has(&m->text, "What you can do"));
	m->r[0].action = DSN_DELIVERED;
	make(m);
	assert_true(has(&m->out, "Subject: Your message was delivered\r\n"));
	m->r[0].action = DSN_EXPANDED;
	make(m);
	assert_true(has(&m->out, "Action: expanded\r\n"));
}

/* Several recipients in one report: failures come first, and lead. */
static void many_recipients(void **state)
{
	struct made *m = *state;
	m->count = 3;
	m->r[0].action = DSN_DELIVERED;
	m->r[0].status = (struct dsn_status){2, 1, 5};
	m->r[1].action = DSN_DELAYED;
	m->r[2].final = SPAN("eve@example.com");
	make(m);
	assert_true(span_starts(buf_span(&m->text), SPAN("Your message could not be delivered")));
	assert_true(has(&m->out, "Subject: Your message was not delivered\r\n"));
	assert_int_equal(count_of(&m->out, "Final-Recipient: "), 3);
	for (m->count = DSN_RECIPIENTS_MAX - 1; m->count <= DSN_RECIPIENTS_MAX; m->count++)
		make(m);
	assert_int_equal(run(m), DSN_TOO_MANY);
	m->count = 0;
	assert_int_equal(run(m), DSN_NO_RECIPIENTS);
}

static void nobody_to_tell(void **state)
{
	struct made *m = *state;
	m->letter.sender = SPAN("");
	assert_int_equal(run(m), DSN_NO_ADDRESSEE);
	m->letter.sender = SPAN("a\r\nBcc: x@y");
	assert_int_equal(run(m), DSN_NO_ADDRESSEE);
	m->letter.sender = SPAN("");
	m->how.to = SPAN("postmaster@mx.example.org");
	make(m);
	assert_true(has(&m->out, "\r\nTo: <postmaster@mx.example.org>\r\n"));
}

/* Where our alias led elsewhere, the sender learns nothing of it. */
static void private_addresses(void **state)
{
	struct made *m = *state;
	m->r[0].named = SPAN("team@example.org");
	m->r[0].final = SPAN("secret@elsewhere.example");
	m->r[0].remote = SPAN("mx.elsewhere.example");
	m->r[0].reply = SPAN("550-5.1.1 <secret@elsewhere.example>\r\n550 5.1.1 unknown secret");
	make(m);
	assert_false(has(&m->out, "secret") || has(&m->out, "elsewhere"));
	assert_true(has(&m->out, "Final-Recipient: rfc822; team@example.org\r\n"));
	assert_true(has(&m->out, "Diagnostic-Code: smtp; 550-5.1.1"));
	m->r[0].reply = SPAN("550 secret@elsewhere.example");
	make(m);
	assert_false(has(&m->out, "secret"));
	assert_true(has(&m->out, "Diagnostic-Code: smtp; 550 ("));
	m->r[0].reply = SPAN("secret@elsewhere.example");
	make(m);
	assert_false(has(&m->out, "secret") || has(&m->out, "Diagnostic-Code"));
	/* Another spelling of the same address hides nothing. */
	m->r[0].named = SPAN("Secret@elsewhere.example");
	make(m);
	assert_true(has(&m->out, "Remote-MTA"));
}

static void hostile_words_stay_words(void **state)
{
	struct made *m = *state;
	m->r[0].reply = SPAN("550 a\r\nBcc: evil@example\r\n\r\n--=_k3j4h5g6f7_0\r\n\r\n\0\x1b[2J x");
	m->r[0].remote = SPAN("mx\r\nAction: delivered");
	m->r[0].final = SPAN("a\r\n\r\nFinal-Recipient: rfc822; x@y");
	m->r[0].original = SPAN("rfc822;a+0D+0ABcc:+20x");
	m->letter.envid = SPAN("+0D+0ABcc:+20x");
	make(m);
	assert_false(has(&m->out, "\nBcc:") || has(&m->out, "\x1b"));
	assert_int_equal(count_of(&m->out, "\nAction: "), 1);
	/* What is not printable stays xtext. */
	assert_true(has(&m->out, "Original-Recipient: rfc822; a+0D+0ABcc:+20x\r\n"));
	assert_true(has(&m->out, "Original-Envelope-Id: +0D+0ABcc:+20x\r\n"));
	m->r[0].reply = SPAN("550 =?utf-8?q?Bcc:?= n\xc3\xa4 \xe2\x80\xaetxt");
	make(m);
	assert_true(has(&m->out, "Diagnostic-Code: smtp;\r\n =?utf-8?q?550_=3D=3Futf-8"));
	assert_false(has(&m->text, "\xe2\x80\xae"));
	/* ORCPT that is none is left out. */
	static const char *const none[] = {"rfc822", "", "r f;x", ";x", "rfc822;=", "rfc822;",
					   "utf-8;", "utf-8;\xc3\xa4"};
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		m->r[0].original = span_cstr(none[i]);
		make(m);
		assert_false(has(&m->out, "Original-Recipient"));
	}
}

static void replies_are_bounded(void **state)
{
	struct made *m = *state;
	char reply[DSN_REPLY_MAX + 1];
	for (size_t n = DSN_REPLY_MAX - 1; n <= DSN_REPLY_MAX + 1; n++) {
		memset(reply, 'x', sizeof reply);
		m->r[0].reply = span_of(reply, n);
		make(m);
		size_t want = n > DSN_REPLY_MAX ? DSN_REPLY_MAX : n;
		struct span s = buf_span(&m->out), head = SPAN("Diagnostic-Code: smtp;\r\n ");
		s = span_skip(s, span_find_span(s, head) + head.len);
		assert_int_equal(span_find_span(s, SPAN("\r\n")), want);
	}
}

/* An address at its limit, as it is and as \x{..}. */
static void addresses_are_bounded(void **state)
{
	struct made *m = *state;
	char address[2 * DSN_ADDRESS_MAX];
	for (size_t n = DSN_ADDRESS_MAX - 1; n <= DSN_ADDRESS_MAX + 1; n++) {
		memset(address, 'x', sizeof address);
		m->r[0].final = span_of(address, n);
		make(m);
		size_t want = n > DSN_ADDRESS_MAX ? DSN_ADDRESS_MAX : n;
		struct span s = buf_span(&m->out), head = SPAN("Final-Recipient: rfc822; ");
		s = span_skip(s, span_find_span(s, head) + head.len);
		assert_int_equal(span_find_span(s, SPAN("\r\n")), want);
	}
	for (size_t i = 0; i < sizeof address; i++)
		address[i] = i % 2 ? '\xb6' : '\xc3';
	m->r[0].final = span_of(address, sizeof address);
	make(m);
	m->how.form = DSN_UTF8;
	make(m);
}

/* RET and the form decide what comes back; headers never are left out. */
static void what_is_returned(void **state)
{
	struct made *m = *state;
	static const struct {
		enum smtp_ret ret;
		enum dsn_action action;
		enum dsn_form form;
		const char *message;
		bool whole;
		const char *type, *encoding;
	} rows[] = {
#define PLAIN "A: b\r\n\r\nx\r\n"
#define BODY8 "A: b\r\n\r\n\xc3\xa9\r\n"
#define HEAD8 "A: \xc3\xa9\r\n\r\nx\r\n"
#define BAD8  "A: \xe9\r\n\r\nx\r\n"
		{SMTP_RET_NONE, DSN_FAILED, DSN_7BIT, PLAIN, false, "text/rfc822-headers", "7bit"},
		{SMTP_RET_HDRS, DSN_FAILED, DSN_7BIT, PLAIN, false, "text/rfc822-headers", "7bit"},
		{SMTP_RET_FULL, DSN_FAILED, DSN_7BIT, PLAIN, true, "message/rfc822", "7bit"},
		{SMTP_RET_FULL, DSN_DELAYED, DSN_7BIT, PLAIN, false, "text/rfc822-headers", "7bit"},
		{SMTP_RET_FULL, DSN_DELIVERED, DSN_7BIT, PLAIN, false, "text/rfc822-headers", "7bit"},
		{SMTP_RET_FULL, DSN_FAILED, DSN_7BIT, BODY8, false, "text/rfc822-headers", "7bit"},
		{SMTP_RET_FULL, DSN_FAILED, DSN_8BIT, BODY8, true, "message/rfc822", "8bit"},
		{SMTP_RET_FULL, DSN_FAILED, DSN_UTF8, BODY8, true, "message/rfc822", "8bit"},
		{SMTP_RET_FULL, DSN_FAILED, DSN_7BIT, HEAD8, false, "text/rfc822-headers",
		 "quoted-printable"},
		{SMTP_RET_FULL, DSN_FAILED, DSN_8BIT, HEAD8, false, "text/rfc822-headers",
		 "quoted-printable"},
		{SMTP_RET_FULL, DSN_FAILED, DSN_UTF8, HEAD8, true, "message/global", "8bit"},
		{SMTP_RET_HDRS, DSN_FAILED, DSN_UTF8, HEAD8, false, "message/global-headers", "8bit"},
		{SMTP_RET_FULL, DSN_FAILED, DSN_UTF8, BAD8, false, "text/rfc822-headers",
		 "quoted-printable"},
		{SMTP_RET_FULL, DSN_FAILED, DSN_8BIT, "A: b\r\n\r\nx\ry\r\n", false,
		 "text/rfc822-headers", "7bit"},
		{SMTP_RET_FULL, DSN_FAILED, DSN_8BIT, "A: b\n\nx\n", false, "text/rfc822-headers",
		 "quoted-printable"},
		{SMTP_RET_FULL, DSN_FAILED, DSN_8BIT, "", true, "message/rfc822", "7bit"},
		{SMTP_RET_NONE, DSN_FAILED, DSN_8BIT, "\r\nx", false, "text/rfc822-headers", "7bit"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char want[128];
		m->letter.ret = rows[i].ret;
		m->r[0].action = rows[i].action;
		m->how.form = rows[i].form;
		set_message(m, span_cstr(rows[i].message));
		make(m);
		assert_int_equal(m->made.whole, rows[i].whole);
		snprintf(want, sizeof want, "Content-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n",
			 rows[i].type, rows[i].encoding);
		assert_true(has(&m->out, want));
	}
}

static void sizes_of_what_is_returned(void **state)
{
	struct made *m = *state;
	struct buf b;
	buf_init(&b, 2 * DSN_RETURN_MAX);
	m->letter.ret = SMTP_RET_FULL;
	buf_add(&b, SPAN(MESSAGE));
	while (buf_len(&b) < DSN_RETURN_MAX + 1)
		buf_add(&b, SPAN("0123456789abcdef\r\n"));
	for (size_t n = DSN_RETURN_MAX - 1; n <= DSN_RETURN_MAX + 1; n++) {
		set_message(m, span_sub(buf_span(&b), 0, n));
		make(m);
		assert_int_equal(m->made.whole, n <= DSN_RETURN_MAX && b.data[b.from + n - 1] != '\r');
		assert_true(m->memory.asked <= DSN_PULL_MAX);
	}
	m->how.return_max = sizeof MESSAGE - 2;
	set_message(m, SPAN(MESSAGE));
	make(m);
	assert_false(m->made.whole);
	m->how.return_max++;
	make(m);
	assert_true(m->made.whole);
	buf_free(&b);
}

/* A header at its limit; a longer one is cut behind a line. */
static void size_of_a_header(void **state)
{
	struct made *m = *state;
	for (size_t n = DSN_HEADER_MAX - 1; n <= DSN_HEADER_MAX + 1; n++) {
		struct buf b;
		buf_init(&b, 2 * DSN_HEADER_MAX);
		while (buf_len(&b) + 100 < n)
			buf_add(&b, SPAN("X-Y: 0123456789\r\n"));
		buf_add(&b, SPAN("Z: "));
		while (buf_len(&b) + 2 < n)
			buf_addc(&b, 'z');
		buf_add(&b, SPAN("\r\n\r\nbody\r\n"));
		set_message(m, buf_span(&b));
		make(m);
		assert_int_equal(m->made.cut, n > DSN_HEADER_MAX);
		assert_int_equal(has(&m->out, "\nZ: z"), n <= DSN_HEADER_MAX);
		buf_free(&b);
	}
}

static void lines_at_their_limit(void **state)
{
	struct made *m = *state;
	m->letter.ret = SMTP_RET_FULL;
	for (size_t n = DSN_LINE_MAX - 1; n <= DSN_LINE_MAX + 1; n++) {
		struct buf b;
		buf_init(&b, 4096);
		buf_add(&b, SPAN("A: b\r\n\r\n"));
		for (size_t i = 0; i < n; i++)
			buf_addc(&b, 'x');
		buf_add(&b, SPAN("\r\n"));
		set_message(m, buf_span(&b));
		make(m);
		assert_int_equal(m->made.whole, n <= DSN_LINE_MAX);
		buf_free(&b);
	}
}

/* Every boundary that could be taken stands in the message. */
static void a_boundary_is_always_free(void **state)
{
	struct made *m = *state;
	static const char last[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	m->letter.ret = SMTP_RET_FULL;
	for (size_t n = sizeof last - 2; n <= sizeof last - 1; n++)
		for (int in_header = 0; in_header < 2; in_header++) {
			struct buf b;
			buf_init(&b, 4096);
			buf_add(&b, in_header ? SPAN("A: b\r\n") : SPAN("A: b\r\n\r\n"));
			for (size_t i = 0; i < n; i++)
				buf_printf(&b, "--=_k3j4h5g6f7_%c: x\r\n", last[i]);
			buf_add(&b, SPAN("\r\nend\r\n"));
			set_message(m, buf_span(&b));
			make(m);
			assert_int_equal(m->made.whole, n < sizeof last - 1);
			assert_int_equal(has(&m->out, "quoted-printable\r\n\r\nA: b\r\n--=3D_"),
					 n == sizeof last - 1 && in_header);
			buf_free(&b);
		}
}

static void addresses_beyond_ascii(void **state)
{
	struct made *m = *state;
	m->letter.sender = SPAN("s\xc3\xa9@example.net");
	m->r[0].final = SPAN("b\xc3\xb6" "b@ex\xc3\xa4mple.com");
	m->r[0].original = SPAN("utf-8;b\\x{F6}b@example.com");
	make(m);
	assert_true(has(&m->out, "Final-Recipient: utf-8; b\\x{F6}b@ex\\x{E4}mple.com\r\n"));
	assert_true(has(&m->out, "Original-Recipient: utf-8; b\\x{F6}b@example.com\r\n"));
	assert_true(has(&m->out, "To: undisclosed-recipients:;\r\n"));
	assert_true(has(&m->out, "Content-Type: message/delivery-status\r\n"));
	assert_true(utf8_ascii(buf_span(&m->out)));
	m->how.form = DSN_UTF8;
	make(m);
	assert_true(m->made.utf8 && m->made.eight_bit);
	assert_true(has(&m->out, "To: <s\xc3\xa9@example.net>\r\n"));
	assert_true(has(&m->out, "Content-Type: message/global-delivery-status\r\n"));
	assert_true(has(&m->out, "Final-Recipient: utf-8; b\xc3\xb6" "b@ex\xc3\xa4mple.com\r\n"));
}

static void a_source_in_pieces_and_one_that_fails(void **state)
{
	struct made *m = *state;
	m->letter.ret = SMTP_RET_FULL;
	m->memory.step = 1;
	make(m);
	assert_true(m->made.whole);
	m->memory.fail_at = sizeof MESSAGE - 2;
	assert_int_equal(run(m), DSN_SOURCE_FAILED);
	m->memory.fail_at = 0;
	assert_int_equal(run(m), DSN_SOURCE_FAILED);
	set_message(m, SPAN(MESSAGE));
	struct buf small;
	buf_init(&small, 1000);
	assert_int_equal(dsn_write(&m->how, &m->letter, m->r, 1, &small, &m->made), DSN_MEMORY);
	buf_free(&small);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, prepare, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_failure),
		TEST(other_actions),
		TEST(many_recipients),
		TEST(nobody_to_tell),
		TEST(private_addresses),
		TEST(hostile_words_stay_words),
		TEST(replies_are_bounded),
		TEST(addresses_are_bounded),
		TEST(what_is_returned),
		TEST(sizes_of_what_is_returned),
		TEST(size_of_a_header),
		TEST(lines_at_their_limit),
		TEST(a_boundary_is_always_free),
		TEST(addresses_beyond_ascii),
		TEST(a_source_in_pieces_and_one_that_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
