/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/urlauth: URLAUTH (RFC 4467), URLAUTH=BINARY (RFC 5524). */
#include <stdio.h>
#include <stdlib.h>

#include "talk.h"
#include "url/imap.h"

#define MESSAGE "Subject: d\r\n\r\nSi vis pacem, para bellum.\r\n"

static void one(struct mem_host *m)
{
	mem_deliver(m, mem_box(m, "INBOX"), SPAN(MESSAGE));
	mem_deliver(m, mem_box(m, "INBOX"), SPAN("Content-Transfer-Encoding: base64\r\n\r\nAA=="));
}

static void unreadable(struct mem_host *m) { one(m); m->body_gone = true; }
static void half(struct mem_host *m) { one(m); m->body_gone = true; m->body_gone_from = 20; }

/* As the server answers it. */
static void sign(const char *url, char out[URL_IMAP_MAX])
{
	struct talk t;
	char in[2048];
	int n = snprintf(in, sizeof in, LOGIN "a GENURLAUTH \"%s\" INTERNAL\r\n", url);
	talk_once(&t, one, span_of(in, (size_t)n), 0);
	talk_expect(&t, "* GENURLAUTH \"", "a OK", NULL);
	const char *from = strstr(t.out, "* GENURLAUTH \"") + 14;
	snprintf(out, URL_IMAP_MAX, "%.*s", (int)strcspn(from, "\""), from);
	talk_free(&t);
}

/* Signed and then fetched by another session: `want` with %s for the URL. */
static void fetched(const char *url, const char *ask, const char *want, talk_setup setup)
{
	char text[URL_IMAP_MAX], in[3 * URL_IMAP_MAX], expect[3 * URL_IMAP_MAX];
	struct talk t;
	sign(url, text);
	int n = snprintf(in, sizeof in, LOGIN "a URLFETCH ");
	/* The formats are this file's own. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	n += snprintf(in + n, sizeof in - (size_t)n, ask, text);
	snprintf(expect, sizeof expect, want, text);
#pragma GCC diagnostic pop
	n += snprintf(in + n, sizeof in - (size_t)n, "\r\nb NOOP\r\n");
	talk_run(&t, setup, span_of(in, (size_t)n));
	talk_expect(&t, expect, NULL);
	talk_free(&t);
}

#define URL "imap://fred@mail.example/INBOX/;uid=1"

T(announced, NULL, LOGIN "a CAPABILITY\r\n", " URLAUTH URLAUTH=BINARY ", "a OK")
T(selected, one, LOGIN "a SELECT INBOX\r\nb EXAMINE INBOX\r\n", "* OK [URLMECH INTERNAL]", "a OK", "* OK [URLMECH INTERNAL]", "b OK")

/* RFC 4467, GENURLAUTH: what is missing. */
T(published, one, LOGIN "a775 GENURLAUTH \"imap://fred@example.com/INBOX/;uid=20/;section=1.2\" INTERNAL\r\n"
  "a776 GENURLAUTH \"imap://example.com/Shared/;uid=20/;section=1.2;urlauth=submit+fred\" INTERNAL\r\n"
  "a777 GENURLAUTH \"imap://fred@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred\" INTERNAL\r\n",
  "a775 BAD", "a776 BAD", "* GENURLAUTH \"imap://fred@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred:INTERNAL:", "1234567890abcdef\"\r\na777 OK")
T(several, one, LOGIN "a GENURLAUTH " URL ";URLAUTH=anonymous INTERNAL " URL "/;SECTION=1;URLAUTH=authuser internal\r\n",
  "* GENURLAUTH \"" URL ";URLAUTH=anonymous:INTERNAL:", "\" \"" URL "/;SECTION=1;URLAUTH=authuser:INTERNAL:", "\r\na OK")
T(not_signed, one, LOGIN "a GENURLAUTH\r\nb GENURLAUTH " URL ";URLAUTH=anonymous\r\nc GENURLAUTH " URL ";URLAUTH=anonymous FOO\r\nd GENURLAUTH " URL ";URLAUTH=anonymous:INTERNAL:00 INTERNAL\r\n"
  "e GENURLAUTH imap://joe@mail.example/INBOX/;uid=1;URLAUTH=anonymous INTERNAL\r\nf GENURLAUTH imap://fred@mail.example/None/;uid=1;URLAUTH=anonymous INTERNAL\r\n"
  "g GENURLAUTH /INBOX/;uid=1;URLAUTH=anonymous INTERNAL\r\nh GENURLAUTH imap://fred@mail.example/INBOX;URLAUTH=anonymous INTERNAL\r\n",
  "a BAD", "b BAD", "c BAD", "d BAD", "e BAD", "f BAD", "g BAD", "h BAD")

static void published_fetch(void **state UNUSED)
{
	fetched(URL "/;section=TEXT;urlauth=user+fred", "\"%s\"", "* URLFETCH \"%s\" {28}\r\nSi vis pacem, para bellum.\r\n\r\na OK", one);
}

static void parts(void **state UNUSED)
{
	fetched(URL ";URLAUTH=anonymous", "%s", "* URLFETCH \"%s\" {42}\r\n" MESSAGE "\r\na OK", one);
	fetched(URL "/;SECTION=HEADER.FIELDS%20(Subject);URLAUTH=authuser", "\"%s\"", " {14}\r\nSubject: d\r\n\r\n\r\na OK", one);
	fetched(URL "/;SECTION=TEXT/;PARTIAL=3.3;URLAUTH=authuser", "%s", " {3}\r\nvis\r\na OK", one);
	fetched(URL "/;PARTIAL=99;URLAUTH=authuser", "%s", " {0}\r\n\r\na OK", one);
	fetched(URL "/;SECTION=2;URLAUTH=authuser", "%s", "* URLFETCH \"%s\" NIL\r\na OK", one);
	fetched("imap://fred@mail.example/INBOX/;uid=9;URLAUTH=authuser", "%s", " NIL\r\na OK", one);
}

static void who_may(void **state UNUSED)
{
	fetched(URL ";URLAUTH=user+joe", "%s", "* URLFETCH \"%s\" NIL\r\na OK", one);
	fetched(URL ";URLAUTH=submit+fred", "%s", "* URLFETCH \"%s\" NIL\r\na OK", one);
	fetched(URL ";EXPIRE=1996-07-17T00:00:00Z;URLAUTH=authuser", "%s", " NIL\r\na OK", one);
	fetched(URL ";EXPIRE=2096-07-17T00:00:00Z;URLAUTH=authuser", "%s", " {42}\r\n", one);
}

static void forged(void **state UNUSED)
{
	fetched(URL ";URLAUTH=authuser", "%s0", " NIL\r\na OK", one);
	fetched(URL ";URLAUTH=authuser", "(%s FOO)", "a BAD", one);
	fetched("imap://fred@mail.example/INBOX/;uid=2;URLAUTH=authuser", "\"%s\" \"" URL ";URLAUTH=authuser:INTERNAL:12345678901234561234567890abcdef\" x /INBOX/;UID=1 " URL,
		" {41}\r\nContent-Transfer-Encoding: base64\r\n\r\nAA==\r\n* URLFETCH \"" URL ";URLAUTH=authuser:INTERNAL:12345678901234561234567890abcdef\" NIL\r\n"
		"* URLFETCH \"x\" NIL\r\n* URLFETCH \"/INBOX/;UID=1\" NIL\r\n* URLFETCH \"" URL "\" NIL\r\na OK", one);
}

/* RFC 5524 3.2. */
static void decoded(void **state UNUSED)
{
	fetched(URL "/;section=1;urlauth=anonymous", "(\"%s\" BODYPARTSTRUCTURE BINARY BODY)",
		"* URLFETCH \"%s\" (BODYPARTSTRUCTURE (\"text\" \"plain\" NIL NIL NIL \"7BIT\" 28 1 NIL NIL NIL NIL)) (BINARY {28}\r\nSi vis pacem, para bellum.\r\n) (BODY {28}\r\nSi vis pacem, para bellum.\r\n)\r\na OK", one);
	fetched(URL "/;section=1/;PARTIAL=3.3;urlauth=anonymous", "(\"%s\" BINARY)", " (BINARY {3}\r\nvis)\r\na OK", one);
	fetched(URL "/;section=HEADER;urlauth=anonymous", "(\"%s\" BODYPARTSTRUCTURE BINARY BODY)", " (BODYPARTSTRUCTURE NIL) (BINARY NIL) (BODY {14}\r\nSubject: d\r\n\r\n)\r\na OK", one);
	fetched(URL ";urlauth=user+joe", "(\"%s\" BINARY)", "* URLFETCH \"%s\" NIL\r\na OK", one);
	fetched(URL ";urlauth=anonymous", "(\"%s\")", "* URLFETCH \"%s\" {42}", one);
}

static void damaged(void **state UNUSED)
{
	struct talk t;
	char url[URL_IMAP_MAX], in[2 * URL_IMAP_MAX];
	fetched(URL ";urlauth=anonymous", "%s", " NIL\r\na OK", unreadable);
	fetched(URL "/;section=1;urlauth=anonymous", "(\"%s\" BINARY)", " (BINARY NIL)\r\na OK", unreadable);
	/* Inside of a literal nothing else may follow. */
	sign(URL ";urlauth=anonymous", url);
	int n = snprintf(in, sizeof in, LOGIN "a URLFETCH %s\r\nb NOOP\r\n", url);
	talk_once(&t, half, span_of(in, (size_t)n), 0);
	talk_lacks(&t, "b OK");
	talk_free(&t);
}

static void revoked(void **state UNUSED)
{
	struct talk t;
	char url[URL_IMAP_MAX], in[4 * URL_IMAP_MAX];
	sign(URL ";URLAUTH=authuser", url);
	int n = snprintf(in, sizeof in, LOGIN "a URLFETCH %s\r\nb RESETKEY INBOX\r\nc URLFETCH %s\r\n", url, url);
	talk_run(&t, one, span_of(in, (size_t)n));
	talk_expect(&t, " {42}", "a OK", "b OK [URLMECH INTERNAL]", "NIL\r\nc OK", NULL);
	talk_free(&t);
}
T(reset, one, LOGIN "a31 RESETKEY\r\na32 RESETKEY INBOX\r\na33 RESETKEY INBOX INTERNAL\r\na34 RESETKEY INBOX XSAMPLE\r\na35 RESETKEY none\r\na36 RESETKEY INBOX \r\na37 RESETKEY \"\"\r\na38 RESETKEY INBOX (\r\n",
  "a31 OK", "a32 OK [URLMECH INTERNAL]", "a33 OK [URLMECH INTERNAL]", "a34 NO [CANNOT]", "a35 NO [NONEXISTENT]", "a36 BAD", "a37 NO [CANNOT]", "a38 BAD")

static void as_many(void **state UNUSED)
{
	for (size_t n = 31; n <= 33; n++)
		for (int fetch = 0; fetch < 2; fetch++) {
			struct talk t;
			struct buf in;
			buf_init(&in, 1u << 16);
			buf_printf(&in, LOGIN "a %s", fetch ? "URLFETCH" : "GENURLAUTH");
			for (size_t i = 0; i < n; i++)
				buf_printf(&in, " %s", fetch ? "x" : URL ";URLAUTH=authuser INTERNAL");
			buf_add(&in, SPAN("\r\n"));
			talk_once(&t, one, buf_span(&in), 0);
			talk_expect(&t, n <= 32 ? "a OK" : "a NO [LIMIT]", NULL);
			buf_free(&in);
			talk_free(&t);
		}
}

static void hidden_before_login(void **state UNUSED)
{
	struct talk t;
	TALK(&t, NULL, "a CAPABILITY\r\nb URLFETCH x\r\nc RESETKEY\r\n");
	talk_lacks(&t, "URLAUTH");
	talk_expect(&t, "b BAD", "c BAD", NULL);
	talk_free(&t);
}

int main(void)
{
#define C(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		C(announced), C(selected), C(published), C(several), C(not_signed), C(published_fetch), C(parts), C(who_may), C(forged), C(decoded),
		C(damaged), C(revoked), C(reset), C(as_many), C(hidden_before_login),
	};
	return cmocka_run_group_tests_name("imap_urlauth", tests, NULL, NULL);
}
