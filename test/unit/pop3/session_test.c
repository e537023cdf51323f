/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/pop3/session: conversations, one test for each command and rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "memory_drop.h"
#include "pop3/session.h"
#include "script_stream.h"

typedef void (*setup)(struct drop_host *);

/* What a session answers; *seen is the host afterwards. */
static char *talk(setup prepare, struct span input, size_t split, struct drop_host *seen)
{
	struct script script;
	drop_init(seen);
	if (prepare != NULL)
		prepare(seen);
	script_init_bytes(&script, input, split);
	struct pop3_session *s = pop3_session_new(&script.stream, &seen->host);
	assert_non_null(s);
	enum pop3_next next = pop3_session_greet(s);
	while (next != POP3_CLOSE)
		next = pop3_session_run(s);
	pop3_session_free(s);
	assert_int_equal(seen->opens, seen->closes);
	struct span out = script_output(&script);
	char *text = malloc(out.len + 1);
	memcpy(text, out.ptr, out.len);
	text[out.len] = '\0';
	script_free(&script);
	return text;
}

/* Whole and in pieces; the answers after the greeting are `want`. */
static void expect(setup prepare, struct span input, const char *want)
{
	static const size_t splits[] = {0, 1, 2, 3, 7};
	for (size_t i = 0; i < ARRAY_LEN(splits); i++) {
		struct drop_host seen;
		char *out = talk(prepare, input, splits[i], &seen);
		char *after = strstr(out, "ready\r\n");
		assert_non_null(after);
		assert_string_equal(after + 7, want);
		free(out);
	}
}

static void clear_text(struct drop_host *d) { d->host.facts.tls = false; }
static void busy(struct drop_host *d) { d->busy = true; }
static void early(struct drop_host *d)
{
	d->early = true;
	d->host.facts.login_delay = 300;
}
static void gone(struct drop_host *d) { d->gone[1] = true; }
static void failing(struct drop_host *d) { d->fail_expunge = true; }
static void none(struct drop_host *d) { d->count = 0; }

#define LOGIN "USER fred\r\nPASS sec ret\r\n"
#define IN    "+OK Now PASS\r\n+OK Logged in\r\n"
#define T(name, prepare, input, want)                                          \
	static void name(void **state UNUSED)                                  \
	{                                                                      \
		expect(prepare, SPAN(input), want);                            \
	}

T(login, NULL, LOGIN, IN)
T(login_wrong, NULL, "USER fred\r\nPASS x\r\nPASS y\r\n", "+OK Now PASS\r\n-ERR [AUTH] Wrong user name or password\r\n-ERR USER first\r\n")
T(login_busy, busy, LOGIN "NOOP\r\n", "+OK Now PASS\r\n-ERR [IN-USE] Mailbox is in use\r\n")
T(login_early, early, "CAPA\r\n" LOGIN "NOOP\r\n",
  "+OK Capabilities follow\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nEXPIRE NEVER\r\nUTF8 USER\r\nLANG\r\nLOGIN-DELAY 300\r\nUSER\r\nSASL PLAIN\r\n.\r\n"
  "+OK Now PASS\r\n-ERR [LOGIN-DELAY] Wait longer between two logins\r\n")
T(utf8, clear_text, "UTF8\r\nUTF8 x\r\n", "+OK UTF-8 it is\r\n-ERR UTF8 takes nothing\r\n")
T(utf8_too_late, NULL, LOGIN "UTF8\r\n", IN "-ERR Not possible now\r\n")
T(lang, NULL, "LANG\r\nLANG *\r\n" LOGIN "LANG EN-gb\r\nLANG i-default\r\nLANG fr\r\nLANG english\r\n",
  "+OK Languages follow\r\nen English\r\n.\r\n+OK en Texts are English\r\n" IN
  "+OK en Texts are English\r\n+OK en Texts are English\r\n-ERR Texts are English only\r\n-ERR Texts are English only\r\n")
T(pass_without_user, NULL, "PASS x\r\n", "-ERR USER first\r\n")
T(auth, NULL, "AUTH PLAIN\r\nAGZyZWQAc2VjcmV0\r\n", "+ \r\n+OK Logged in\r\n")
T(auth_initial, NULL, "AUTH plain AGZyZWQAc2VjcmV0\r\n", "+OK Logged in\r\n")
T(auth_cancel_, NULL, "AUTH PLAIN\r\n*\r\n", "+ \r\n-ERR Cancelled\r\n")
T(auth_refused, NULL, "AUTH CRAM-MD5\r\nAUTH PLAIN ?\r\nAUTH\r\nAUTH PLAIN =\r\n", "-ERR No such mechanism\r\n-ERR Invalid base64\r\n-ERR No such mechanism\r\n-ERR [AUTH] Wrong user name or password\r\n")
T(before_tls, clear_text, "CAPA\r\nUSER fred\r\nPASS sec ret\r\nAUTH PLAIN AGZyZWQAc2VjcmV0\r\nAPOP fred x\r\n",
  "+OK Capabilities follow\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nEXPIRE NEVER\r\nUTF8 USER\r\nLANG\r\nSTLS\r\n.\r\n-ERR [AUTH] Use STLS first\r\n-ERR [AUTH] Use STLS first\r\n-ERR [AUTH] Use STLS first\r\n-ERR Unknown command\r\n")
T(capa, NULL, "CAPA\r\n" LOGIN "CAPA\r\n",
  "+OK Capabilities follow\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nEXPIRE NEVER\r\nUTF8 USER\r\nLANG\r\nUSER\r\nSASL PLAIN\r\n.\r\n" IN
  "+OK Capabilities follow\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nEXPIRE NEVER\r\nUTF8 USER\r\nLANG\r\nUSER\r\nSASL PLAIN\r\nIMPLEMENTATION letterlock\r\n.\r\n")
T(stls_twice, NULL, "STLS\r\n", "-ERR Not possible now\r\n")
T(stat_list_uidl, NULL, LOGIN "STAT\r\nLIST\r\nLIST 2\r\nUIDL\r\nUIDL 3\r\n", IN
  "+OK 3 55\r\n+OK Sizes follow\r\n1 29\r\n2 20\r\n3 6\r\n.\r\n+OK 2 20\r\n+OK Identifiers follow\r\n1 7.10\r\n2 7.12\r\n3 7.14\r\n.\r\n+OK 3 7.14\r\n")
/* RFC 1939 7: ids of another server beside our own; the host tells two at a time. */
static void ids_kept(struct drop_host *d)
{
	d->count = 8;
	for (size_t i = 3; i < d->count; i++)
		d->messages[i] = SPAN("x\r\n\r\ny\r\n");
	d->ids[1] = SPAN("000000014d41c4f6");
	d->ids[2] = SPAN("!~");
	d->ids[5] = SPAN("1234567890123456789012345678901234567890123456789012345678901234567890");
	d->ids[7] = SPAN("7.10x");
}
T(uidl_kept, ids_kept, LOGIN "UIDL\r\nUIDL 2\r\nUIDL 1\r\nDELE 3\r\nUIDL\r\n", IN
  "+OK Identifiers follow\r\n1 7.10\r\n2 000000014d41c4f6\r\n3 !~\r\n4 7.16\r\n5 7.18\r\n6 1234567890123456789012345678901234567890123456789012345678901234567890\r\n7 7.22\r\n8 7.10x\r\n.\r\n"
  "+OK 2 000000014d41c4f6\r\n+OK 1 7.10\r\n+OK Marked, deleted at QUIT\r\n"
  "+OK Identifiers follow\r\n1 7.10\r\n2 000000014d41c4f6\r\n4 7.16\r\n5 7.18\r\n6 1234567890123456789012345678901234567890123456789012345678901234567890\r\n7 7.22\r\n8 7.10x\r\n.\r\n")
static void ids_fail(struct drop_host *d)
{
	ids_kept(d);
	d->fail_ids = 1;
}
T(uidl_not_now, ids_fail, LOGIN "UIDL\r\nUIDL 2\r\n", IN "-ERR [SYS/TEMP] Try again later\r\n+OK 2 000000014d41c4f6\r\n")
static void ids_fail_later(struct drop_host *d)
{
	ids_kept(d);
	d->fail_ids = 2;
}
T(uidl_ends_early, ids_fail_later, LOGIN "UIDL\r\nNOOP\r\n", IN "+OK Identifiers follow\r\n1 7.10\r\n2 000000014d41c4f6\r\n3 !~\r\n4 7.16\r\n5 7.18\r\n")
T(empty, none, LOGIN "STAT\r\nLIST\r\nUIDL\r\nRETR 1\r\nQUIT\r\n", IN
  "+OK 0 0\r\n+OK Sizes follow\r\n.\r\n+OK Identifiers follow\r\n.\r\n-ERR No such message\r\n+OK Until next time\r\n")
T(retr, NULL, LOGIN "RETR 1\r\nRETR 2\r\nRETR 3\r\n", IN
  "+OK 29 octets\r\nSubject: a\r\n\r\n..dot\r\n...\r\nend\r\n.\r\n+OK 20 octets\r\nSubject: b\r\n\r\nno end\r\n.\r\n+OK 6 octets\r\nx\n..\r\ny\r\n.\r\n")
T(top, NULL, LOGIN "TOP 1 0\r\nTOP 1 1\r\nTOP 1 99\r\n", IN
  "+OK 29 octets\r\nSubject: a\r\n\r\n.\r\n+OK 29 octets\r\nSubject: a\r\n\r\n..dot\r\n.\r\n+OK 29 octets\r\nSubject: a\r\n\r\n..dot\r\n...\r\nend\r\n.\r\n")
/* Threat 142 */
T(numbers, NULL, LOGIN "TOP 1 -1\r\nTOP 1\r\nRETR 0\r\nDELE 4294967296\r\nRETR 18446744073709551617\r\nRETR\r\nLIST 4\r\nUIDL x\r\n", IN
  "-ERR TOP takes a message and a number of lines\r\n-ERR TOP takes a message and a number of lines\r\n-ERR No such message\r\n-ERR No such message\r\n-ERR No such message\r\n-ERR No such message\r\n-ERR No such message\r\n-ERR No such message\r\n")
T(dele_rset, NULL, LOGIN "DELE 2\r\nDELE 2\r\nRETR 2\r\nSTAT\r\nLIST\r\nUIDL\r\nRSET\r\nSTAT\r\nQUIT\r\n", IN
  "+OK Marked, deleted at QUIT\r\n-ERR Message is marked as deleted\r\n-ERR Message is marked as deleted\r\n+OK 2 35\r\n+OK Sizes follow\r\n1 29\r\n3 6\r\n.\r\n+OK Identifiers follow\r\n1 7.10\r\n3 7.14\r\n.\r\n+OK Nothing is marked\r\n+OK 3 55\r\n+OK Until next time\r\n")
T(states, NULL, "STAT\r\nRETR 1\r\n" LOGIN "USER x\r\nSTLS\r\nNOOP\r\n", "-ERR Not possible now\r\n-ERR Not possible now\r\n" IN "-ERR Not possible now\r\n-ERR Not possible now\r\n+OK Nothing done\r\n")
/* Threat 143: expunged elsewhere, the numbers stay. */
T(gone_elsewhere, gone, LOGIN "RETR 2\r\nTOP 2 1\r\nDELE 2\r\nLIST 2\r\nLIST\r\nRETR 3\r\n", IN
  "-ERR Message is gone\r\n-ERR Message is gone\r\n-ERR Message is gone\r\n-ERR Message is gone\r\n+OK Sizes follow\r\n1 29\r\n3 6\r\n.\r\n+OK 6 octets\r\nx\n..\r\ny\r\n.\r\n")
T(quit_fails, failing, LOGIN "DELE 1\r\nQUIT\r\nNOOP\r\n", IN "+OK Marked, deleted at QUIT\r\n-ERR [SYS/TEMP] Some messages were not deleted\r\n")

static void deleted_only_at_quit(void **state UNUSED)
{
	struct drop_host seen;
	free(talk(NULL, SPAN(LOGIN "DELE 1\r\nDELE 3\r\n"), 0, &seen));
	assert_int_equal(seen.expunges, 0);
	free(talk(NULL, SPAN(LOGIN "DELE 1\r\nDELE 3\r\nQUIT\r\n"), 0, &seen));
	assert_int_equal(seen.expunges, 1);
	assert_int_equal(seen.deleted, 2);
}

static void no_credential_before_tls(void **state UNUSED)
{
	struct drop_host seen;
	free(talk(clear_text, SPAN("USER fred\r\nPASS sec ret\r\nAUTH PLAIN AGZyZWQAc2VjcmV0\r\n"), 0, &seen));
	assert_int_equal(seen.logins, 0);
}

static void stls_discards(void **state UNUSED)
{
	static const struct span chunks[] = {
		SPAN_INIT("STLS\r\nUSER fred\r\nPASS sec ret\r\n"), SPAN_INIT("CAPA\r\n")};
	struct drop_host d;
	struct script script;
	drop_init(&d);
	clear_text(&d);
	script_init(&script, chunks, 2);
	struct pop3_session *s = pop3_session_new(&script.stream, &d.host);
	assert_int_equal(pop3_session_greet(s), POP3_IDLE);
	while (pop3_session_run(s) != POP3_CLOSE)
		;
	assert_int_equal(script.tls, 1);
	assert_int_equal(d.logins, 0);
	assert_true(span_find_span(script_output(&script), SPAN("Capabilities")) != SIZE_MAX);
	assert_true(span_find_span(script_output(&script), SPAN("STLS first")) == SIZE_MAX);
	pop3_session_free(s);
	script_free(&script);
}

static void line_limit(void **state UNUSED)
{
	for (size_t n = POP3_LINE_MAX - 1; n <= POP3_LINE_MAX + 1; n++) {
		char text[POP3_LINE_MAX + 16];
		struct drop_host seen;
		memset(text, 'x', n);
		memcpy(text, "CAPA ", 5);
		memcpy(text + n - 2, "\r\nQUIT\r\n", 8);
		char *out = talk(NULL, span_of(text, n + 6), 0, &seen);
		assert_int_equal(strstr(out, "-ERR Line too long") == NULL, n <= POP3_LINE_MAX);
		assert_non_null(strstr(out, "+OK Until"));
		free(out);
	}
}

static void user_limit(void **state UNUSED)
{
	for (size_t n = POP3_USER_MAX - 1; n <= POP3_USER_MAX + 1; n++) {
		char text[POP3_USER_MAX + 16];
		struct drop_host seen;
		memcpy(text, "USER ", 5);
		memset(text + 5, 'x', n);
		memcpy(text + 5 + n, "\r\n", 2);
		char *out = talk(NULL, span_of(text, n + 7), 0, &seen);
		assert_int_equal(strstr(out, "+OK Now PASS") != NULL, n <= POP3_USER_MAX);
		free(out);
	}
}

/* Threat 147 */
static void floods(void **state UNUSED)
{
	struct drop_host seen;
	struct buf b;
	for (unsigned n = POP3_BAD_MAX - 1; n <= POP3_BAD_MAX; n++) {
		buf_init(&b, 4096);
		for (unsigned i = 0; i < n; i++)
			buf_add(&b, SPAN("X\r\n"));
		buf_add(&b, SPAN("QUIT\r\n"));
		char *out = talk(NULL, buf_span(&b), 0, &seen);
		assert_int_equal(strstr(out, "+OK Until") != NULL, n < POP3_BAD_MAX);
		free(out);
		buf_free(&b);
	}
	buf_init(&b, 4096);
	for (unsigned i = 0; i < POP3_LOGIN_MAX; i++)
		buf_add(&b, SPAN("USER a\r\nPASS b\r\n"));
	buf_add(&b, SPAN("QUIT\r\n"));
	char *out = talk(NULL, buf_span(&b), 0, &seen);
	assert_null(strstr(out, "+OK Until"));
	assert_int_equal(seen.logins, POP3_LOGIN_MAX);
	free(out);
	buf_free(&b);
}

static void many(struct drop_host *d)
{
	d->dense = true;
	d->count = DROP_MESSAGES;
	for (size_t i = 0; i < d->count; i++)
		d->messages[i] = SPAN("a: b\r\n\r\nc\r\n");
}

/* Every message a run of its own. */
static void scattered(struct drop_host *d)
{
	many(d);
	d->dense = false;
	d->messages[600] = SPAN("a: b\r\n\r\nlonger\r\n");
}

static void batches_with_gaps(void **state UNUSED)
{
	struct drop_host seen;
	char *out = talk(scattered, SPAN(LOGIN "LIST\r\nUIDL 601\r\nQUIT\r\n"), 0, &seen);
	assert_non_null(strstr(out, "\r\n1 11\r\n2 11\r\n"));
	assert_non_null(strstr(out, "\r\n512 11\r\n513 11\r\n"));
	assert_non_null(strstr(out, "\r\n600 11\r\n601 16\r\n602 11\r\n"));
	assert_non_null(strstr(out, "\r\n1100 11\r\n.\r\n+OK 601 7.1210\r\n"));
	free(out);
}

static void batches(void **state UNUSED)
{
	struct drop_host seen;
	char *out = talk(many, SPAN(LOGIN "STAT\r\nDELE 513\r\nLIST\r\nUIDL 1100\r\nQUIT\r\n"), 0, &seen);
	assert_non_null(strstr(out, "+OK 1100 12100\r\n"));
	assert_non_null(strstr(out, "\r\n512 11\r\n514 11\r\n"));
	assert_non_null(strstr(out, "\r\n1100 11\r\n.\r\n+OK 1100 7.1100\r\n"));
	assert_int_equal(seen.deleted, 1);
	free(out);
}

#define C(n) cmocka_unit_test(n)
int main(void)
{
	const struct CMUnitTest tests[] = {
		C(login), C(login_wrong), C(login_busy), C(login_early), C(utf8), C(utf8_too_late), C(lang), C(pass_without_user), C(auth),
		C(auth_initial), C(auth_cancel_), C(auth_refused), C(before_tls), C(capa),
		C(stls_twice), C(stat_list_uidl), C(uidl_kept), C(uidl_not_now), C(uidl_ends_early), C(empty), C(retr), C(top), C(numbers),
		C(dele_rset), C(states), C(gone_elsewhere), C(quit_fails),
		C(deleted_only_at_quit), C(no_credential_before_tls), C(stls_discards),
		C(line_limit), C(user_limit), C(floods), C(batches), C(batches_with_gaps),
	};
	return cmocka_run_group_tests_name("pop3_session", tests, NULL, NULL);
}
