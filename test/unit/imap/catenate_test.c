/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/catenate: CATENATE (RFC 4469). */
#include <stdio.h>
#include <stdlib.h>

#include "imap/append.h"
#include "imap/url.h"
#include "talk.h"

#define DRAFT "Subject: d\r\nTo: x@y\r\n\r\n0123456789"

static void draft(struct mem_host *m)
{
	struct mem_box *b = mem_add_box(m, SPAN("Drafts"));
	for (int i = 0; i < 20; i++)
		mem_deliver(m, b, SPAN(DRAFT));
}

T(announced, NULL, LOGIN "a CAPABILITY\r\n", " CATENATE ", "a OK")

/* RFC 4469, example 1, with our UIDVALIDITY and a message of one part. */
T(published, draft, LOGIN "A003 APPEND Drafts (\\Seen \\Draft $MDNSent) CATENATE (URL \"/Drafts;UIDVALIDITY=3/;UID=20/;section=HEADER\" TEXT {42}\r\n"
  "\r\n--------------030308070208000400050907\r\n URL \"/Drafts;UIDVALIDITY=3/;UID=20/;section=1.MIME\" URL \"/Drafts;UIDVALIDITY=3/;UID=20/;section=1\" TEXT {42}\r\n"
  "\r\n--------------030308070208000400050907\r\n URL \"/Drafts;UIDVALIDITY=3/;UID=19\" TEXT {44}\r\n\r\n--------------030308070208000400050907--\r\n)\r\n"
  "b SELECT Drafts\r\nc UID FETCH 21 (FLAGS RFC822.SIZE BODY.PEEK[])\r\nd UID FETCH 20 (FLAGS)\r\n",
  "+ Go on", "+ Go on", "+ Go on", "A003 OK [APPENDUID 3 21] Kept", "b OK",
  "FLAGS (\\Seen \\Draft \\Recent $MDNSent) RFC822.SIZE 217 BODY[] {217}\r\n"
  "Subject: d\r\nTo: x@y\r\n\r\n\r\n--------------030308070208000400050907\r\nSubject: d\r\nTo: x@y\r\n\r\n0123456789"
  "\r\n--------------030308070208000400050907\r\n" DRAFT "\r\n--------------030308070208000400050907--\r\n)\r\nc OK",
  "FLAGS (\\Recent)")

/* What is wrong with one is said before the next literal is asked for. */
T(published_failure, draft, LOGIN "A003 APPEND Sent (\\Seen $MDNSent) CATENATE (TEXT {4}\r\nSub: URL \"/Drafts;UIDVALIDITY=3/;UID=20\" TEXT {2}\r\n\r\n"
  " URL \"/Drafts;UIDVALIDITY=3/;UID=113330/;section=1.5.9\" TEXT {42}\r\nz STATUS Sent (MESSAGES)\r\n",
  "+ Go on", "+ Go on", "A003 NO [BADURL /Drafts;UIDVALIDITY=3/;UID=113330/;section=1.5.9]", "(MESSAGES 0)\r\nz OK")

#define SENT "z SELECT Sent\r\ny FETCH * (BODY.PEEK[])\r\n"
T(only_urls, draft, LOGIN "a APPEND Sent CATENATE (URL /Drafts/;UID=1)\r\n" SENT, "a OK [APPENDUID 2 1]", DRAFT ")\r\ny OK")
T(parts_of_one, draft, LOGIN "a APPEND Sent CATENATE (URL \"/Drafts/;UID=1/;SECTION=HEADER.FIELDS%20(To)\" URL /Drafts/;UID=1/;SECTION=TEXT/;PARTIAL=2.3 "
  "URL /Drafts/;UID=2/;PARTIAL=30 URL /Drafts/;UID=2/;PARTIAL=99999.1)\r\n" SENT, "a OK", "To: x@y\r\n\r\n234789)\r\ny OK")
T(of_the_selected, draft, LOGIN "a APPEND Sent CATENATE (URL /;UID=1)\r\ns SELECT Drafts\r\nb APPEND Sent CATENATE (URL ;UID=2/;SECTION=TEXT URL /;UID=1/;SECTION=TEXT)\r\n"
  "c NOOP\r\n" SENT, "a NO [BADURL /;UID=1]", "s OK", "b OK [APPENDUID 2 1]", "c OK", "01234567890123456789)\r\ny OK")
T(literal_url, draft, LOGIN "a APPEND Sent CATENATE (URL {14}\r\n/Drafts/;UID=1 TEXT {1+}\r\n! URL {14+}\r\n/Drafts/;UID=2)\r\n" SENT, "+ Go on", "a OK", DRAFT "!" DRAFT ")\r\ny OK")
T(unasked, draft, LOGIN "a APPEND {4+}\r\nSent (\\Seen) \"17-Jul-1996 02:44:25 -0700\" CATENATE (TEXT {3+}\r\nabc TEXT ~{3+}\r\ndef UTF8 (~{3+}\r\nghi))\r\n" SENT,
  "a OK", "abcdefghi)\r\ny OK")
T(several, draft, LOGIN "a APPEND Sent CATENATE (TEXT {1+}\r\nx) (\\Flagged) {1+}\r\ny CATENATE (URL /Drafts/;UID=1)\r\nb SELECT Sent\r\nc FETCH 1:* (FLAGS RFC822.SIZE)\r\n",
  "a OK [APPENDUID 2 1:3]", "RFC822.SIZE 1)", "FLAGS (\\Flagged \\Recent) RFC822.SIZE 1)", "RFC822.SIZE 33)\r\nc OK")
T(replaces, draft, LOGIN "s SELECT Drafts\r\na UID REPLACE 20 Drafts CATENATE (URL ;UID=20/;SECTION=HEADER TEXT {3+}\r\nnew)\r\nb UID FETCH 20:* (BODY.PEEK[TEXT])\r\n",
  "* OK [APPENDUID 3 21]", "* 20 EXPUNGE", "a OK", "UID 21 BODY[TEXT] {3}\r\nnew)\r\nb OK")

static void full(struct mem_host *m) { draft(m); m->append_end = IMAP_OVERQUOTA; }
static void refused(struct mem_host *m) { draft(m); m->append_begin = IMAP_OVERQUOTA; }
static void unreadable(struct mem_host *m) { draft(m); m->body_gone = true; }

T(over_quota, full, LOGIN "a APPEND Sent CATENATE (URL /Drafts/;UID=1)\r\nz STATUS Sent (MESSAGES)\r\n", "a NO [OVERQUOTA]", "(MESSAGES 0)\r\nz OK")
T(not_begun, refused, LOGIN "a APPEND Sent CATENATE (TEXT {3}\r\nb APPEND Sent CATENATE (TEXT {3+}\r\nabc URL {3+}\r\nabc)\r\nz NOOP\r\n", "a NO [OVERQUOTA]", "b NO [OVERQUOTA]", "z OK")
T(of_no_bytes, unreadable, LOGIN "a APPEND Sent CATENATE (URL /Drafts/;UID=1 TEXT {1}\r\nz STATUS Sent (MESSAGES)\r\n", "a NO [", "(MESSAGES 0)\r\nz OK")
T(no_such_mailbox, draft, LOGIN "a APPEND None CATENATE (TEXT {3}\r\nb APPEND None CATENATE (URL /Drafts/;UID=1)\r\n", "a NO [TRYCREATE]", "b NO [TRYCREATE]")
T(empty, draft, LOGIN "a APPEND Sent CATENATE (TEXT {0+}\r\n)\r\nb APPEND Sent CATENATE (URL /Drafts/;UID=1/;PARTIAL=99)\r\n", "a NO [CANNOT]", "b NO [CANNOT]")
T(no_nul, draft, LOGIN "a APPEND Sent CATENATE (TEXT {3+}\r\na\0b TEXT {1+}\r\nx)\r\nb APPEND Sent CATENATE (TEXT ~{3+}\r\na\0b)\r\nz STATUS Sent (MESSAGES)\r\n",
  "a NO [CANNOT]", "b NO [UNKNOWN-CTE]", "(MESSAGES 0)\r\nz OK")
T(odd_urls, draft, LOGIN "a APPEND Sent CATENATE (URL /%01/;UID=1)\r\nb APPEND Sent CATENATE (URL /a//b/;UID=1)\r\nc APPEND Sent CATENATE (URL /Drafts/;UID=1/;SECTION=0)\r\n"
  "d APPEND Sent CATENATE (URL /Drafts/;UID=1/;SECTION=MIME)\r\ne APPEND Sent CATENATE (URL \"/Drafts/;UID=1/;SECTION=1]\")\r\n"
  "f APPEND Sent CATENATE (URL \"/Drafts/;UID=1/;SECTION=HEADER.FIELDS%20()\")\r\ng APPEND Sent CATENATE (URL /Drafts/;UID=1;URLAUTH=anonymous)\r\n"
  "h APPEND Sent CATENATE (URL /Drafts/;UID=1;EXPIRE=2099-01-01T00:00:00Z)\r\n",
  "a NO [BADURL", "b NO [BADURL", "c NO [BADURL", "d NO [BADURL", "e NO [BADURL", "f NO [BADURL", "g NO [BADURL", "h NO [BADURL")
T(elsewhere, draft, LOGIN "a APPEND Sent CATENATE (URL imap://fred@mx.example.test/Drafts/;UID=1)\r\nb APPEND Sent CATENATE (URL http://x/Drafts/;UID=1)\r\n"
  "c APPEND Sent CATENATE (URL /Drafts)\r\nd APPEND Sent CATENATE (URL /Drafts;UIDVALIDITY=4/;UID=1)\r\ne APPEND Sent CATENATE (URL /None/;UID=1)\r\n"
  "f APPEND Sent CATENATE (URL /Drafts/;UID=1/;SECTION=2)\r\ng APPEND Sent CATENATE (URL \"/Dr afts/;UID=1]\")\r\n",
  "a NO [BADURL imap://fred@mx.example.test/Drafts/;UID=1]", "b NO [BADURL", "c NO [BADURL", "d NO [BADURL", "e NO [BADURL", "f NO [BADURL", "g NO [BADURL /Dr afts/;UID=1?]")

static void wrong(void **state UNUSED)
{
	static const char *const texts[] = {
		"CATENATE", "CATENATE ()", "CATENATE (", "CATENATE (URL)", "CATENATE (URL )", "CATENATE (TEXT)", "CATENATE (TEXT \"x\")", "CATENATE (TEXT x)", "CATENATE x",
		"CATENATE (URL /Drafts/;UID=1", "CATENATE (URL /Drafts/;UID=1 )", "CATENATE (URL /Drafts/;UID=1) x", "CATENATE (URL /Drafts/;UID=1)x", "CATENATE (BODY x)",
		"CATENATE (TEXT {1+}\r\nx", "CATENATE (TEXT {1+}\r\nxURL /Drafts/;UID=1)", "CATENATE (UTF8 ({1+}\r\nx))", "CATENATE (UTF8 (~{1+}\r\nx)",
		"CATENATE (TEXT {5000+}\r\n)", "CATENATE (URL /Drafts/;UID=1 TEXT {1+}\r\nx) {x"};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		char in[512];
		struct talk t;
		int n = snprintf(in, sizeof in, LOGIN "a APPEND Sent %s\r\n", texts[i]);
		talk_run(&t, draft, span_of(in, (size_t)n));
		if (strstr(texts[i], "5000") == NULL) /* its bytes never come */
			talk_expect(&t, "a BAD", NULL);
		assert_int_equal(mem_box(&t.mem, "Sent")->count, 0);
		talk_free(&t);
	}
}

static void hundred(struct mem_host *m) { draft(m); m->host.facts.append_max = 100; }

/* Pieces that together are as large as a message may be. */
static void size_limit(void **state UNUSED)
{
	size_t room = 100 - (sizeof DRAFT - 1);
	for (size_t last = room - 1; last <= room + 1; last++) {
		char in[1024];
		struct talk t;
		int n = snprintf(in, sizeof in, LOGIN "a APPEND Sent CATENATE (URL /Drafts/;UID=1 TEXT {%zu+}\r\n%0*d)\r\n"
				 "b APPEND Sent CATENATE (TEXT {%zu+}\r\n%0*d URL /Drafts/;UID=1)\r\n",
				 last, (int)last, 0, last, (int)last, 0);
		bool fits = last <= room;
		talk_run(&t, hundred, span_of(in, (size_t)n));
		talk_expect(&t, fits ? "a OK" : "a NO [TOOBIG]", fits ? "b OK" : "b NO [TOOBIG]", NULL);
		assert_int_equal(mem_box(&t.mem, "Sent")->count, fits ? 2 : 0);
		talk_free(&t);
	}
}

/* As many pieces as one message may have. */
static void piece_limit(void **state UNUSED)
{
	for (size_t n = IMAP_PIECES_MAX - 1; n <= IMAP_PIECES_MAX + 1; n++) {
		struct talk t;
		struct buf in;
		buf_init(&in, 1u << 20);
		buf_add(&in, SPAN(LOGIN "a APPEND Sent CATENATE ("));
		for (size_t i = 0; i < n; i++)
			buf_printf(&in, "%sTEXT {1+}\r\nx", i > 0 ? " " : "");
		buf_add(&in, SPAN(")\r\n"));
		talk_once(&t, draft, buf_span(&in), 0);
		bool fits = n <= IMAP_PIECES_MAX;
		talk_expect(&t, fits ? "a OK [APPENDUID 2 1]" : "a NO [LIMIT]", NULL);
		assert_int_equal(mem_box(&t.mem, "Sent")->count, fits);
		buf_free(&in);
		talk_free(&t);
	}
}

/* A URL as a literal is refused before it comes when it is too long. */
static void url_limit(void **state UNUSED)
{
	for (size_t n = URL_IMAP_MAX - 1; n <= URL_IMAP_MAX + 1; n++) {
		char in[256];
		struct talk t;
		int len = snprintf(in, sizeof in, LOGIN "a APPEND Sent CATENATE (URL {%zu}\r\n", n);
		talk_once(&t, draft, span_of(in, (size_t)len), 0);
		talk_expect(&t, n <= URL_IMAP_MAX ? "+ Go on" : "a BAD URL too long", NULL);
		talk_free(&t);
	}
}

int main(void)
{
#define C(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		C(announced), C(published), C(published_failure), C(only_urls), C(parts_of_one), C(of_the_selected), C(literal_url), C(unasked), C(several), C(replaces),
		C(over_quota), C(not_begun), C(of_no_bytes), C(no_such_mailbox), C(empty), C(no_nul), C(elsewhere), C(odd_urls), C(wrong), C(size_limit), C(piece_limit),
		C(url_limit),
	};
	return cmocka_run_group_tests_name("imap_catenate", tests, NULL, NULL);
}
