/* SPDX-License-Identifier: Apache-2.0 */
/* test/linear: whole sessions, long commands and many of them. */
#include <stdlib.h>

#include "base/ensure.h"
#include "imap/session.h"
#include "imap/utf7.h"
#include "linear.h"
#include "memory_drop.h"
#include "memory_host.h"
#include "pop3/session.h"
#include "sasl/scram_client.h"
#include "sasl/server.h"
#include "script_stream.h"
#include "smtp/client.h"
#include "smtp/session.h"
#include "smtp_answers.h"
#include "url/imap.h"

static void smtp_as(struct span in, enum smtp_role role, enum smtp_tls_mode tls)
{
	struct smtp_settings set = {
		.role = role, .tls = tls, .hostname = SPAN("mx.example.test"),
		.extensions = SMTP_EXT_ALL, .limits = SMTP_LIMITS_DEFAULT,
	};
	struct smtp_answers host;
	struct script script;
	set.limits.bad_commands = set.limits.idle_commands = UINT32_MAX;
	set.limits.auth_failures = UINT32_MAX;
	smtp_answers_init(&host, NULL);
	script_init_bytes(&script, in, 0);
	struct smtp_session *s = smtp_session_new(&script.stream, &host.host, &set);
	ENSURE(s != NULL);
	enum smtp_next n = smtp_session_greet(s);
	while (n == SMTP_IDLE)
		n = smtp_session_run(s);
	smtp_session_free(s);
	smtp_answers_free(&host);
	script_free(&script);
}

static void smtp(struct span in) { smtp_as(in, SMTP_LMTP, SMTP_TLS_NONE); }
static void smtp_auth(struct span in) { smtp_as(in, SMTP_SUBMISSION, SMTP_TLS_IMPLICIT); }

static bool first_mechanism(struct smtp_client_host *h, struct span offered, struct span *choice)
{
	(void)h;
	span_cut(&offered, ' ', choice);
	return true;
}

static enum smtp_client_auth echo(struct smtp_client_host *h, const struct span *challenge,
				  struct buf *out)
{
	(void)h;
	if (challenge != NULL)
		buf_add(out, *challenge);
	return SMTP_CLIENT_RESPOND;
}

static bool accept_it(struct smtp_client_host *h)
{
	(void)h;
	return true;
}

/* The greeting, then what the server says to EHLO, then to AUTH. */
static void smtp_server_says(struct span hello, struct span auth)
{
	static const struct smtp_client_settings set = {.secure = true,
							.hello = SPAN_INIT("out.example")};
	static const struct smtp_client_host_ops ops = {first_mechanism, echo, accept_it};
	struct smtp_client_host host = {&ops};
	struct script script;
	struct span chunks[] = {SPAN("220 mx\r\n"), hello, auth};
	script_init(&script, chunks, ARRAY_LEN(chunks));
	struct smtp_client *c = smtp_client_new(&script.stream, &host, &set);
	ENSURE(c != NULL);
	if (smtp_client_open(c) == SMTP_CLIENT_OK)
		(void)!smtp_client_auth(c);
	smtp_client_free(c);
	script_free(&script);
}

static void smtp_client(struct span in) { smtp_server_says(in, SPAN("")); }
static void smtp_client_login(struct span in)
{
	smtp_server_says(SPAN("250-mx\r\n250 AUTH PLAIN\r\n"), in);
}

static void imap(struct span in)
{
	struct mem_host m;
	struct script script;
	mem_init(&m);
	ENSURE(mem_deliver(&m, mem_box(&m, "INBOX"), SPAN("Subject: x\r\nA: b\r\n\r\nnew\r\n")) != NULL);
	script_init_bytes(&script, in, 0);
	struct imap_session *s = imap_session_new(&script.stream, &m.host);
	ENSURE(s != NULL);
	enum imap_next next = imap_session_greet(s);
	while (next != IMAP_CLOSE)
		next = imap_session_run(s);
	imap_session_free(s);
	script_free(&script);
	mem_free(&m);
}

static void utf7(struct span in)
{
	struct arena *a = arena_new(16u << 20);
	struct span out;
	ENSURE(a != NULL);
	(void)!imap_utf7_decode(a, in, &out);
	(void)!imap_utf7_encode(a, in, &out);
	arena_free(a);
}

static void pop3(struct span in)
{
	struct drop_host *d = malloc(sizeof *d);
	struct script script;
	ENSURE(d != NULL);
	drop_init(d);
	script_init_bytes(&script, in, 0);
	struct pop3_session *s = pop3_session_new(&script.stream, &d->host);
	ENSURE(s != NULL);
	enum pop3_next n = pop3_session_greet(s);
	while (n != POP3_CLOSE)
		n = pop3_session_run(s);
	pop3_session_free(s);
	script_free(&script);
	free(d);
}

/* A message of this text, fetched. */
static void retrieve(struct span in)
{
	static const struct span talk = SPAN_INIT("USER fred\r\nPASS sec ret\r\nRETR 1\r\nTOP 1 9999999\r\n");
	struct drop_host *d = malloc(sizeof *d);
	struct script script;
	ENSURE(d != NULL);
	drop_init(d);
	d->messages[0] = in;
	script_init_bytes(&script, talk, 0);
	struct pop3_session *s = pop3_session_new(&script.stream, &d->host);
	ENSURE(s != NULL);
	enum pop3_next n = pop3_session_greet(s);
	while (n != POP3_CLOSE)
		n = pop3_session_run(s);
	pop3_session_free(s);
	script_free(&script);
	free(d);
}

static bool nobody(void *owner, struct span user, struct scram_verifier *out)
{
	(void)owner;
	(void)user;
	(void)out;
	return false;
}

static void scram_client(struct span in)
{
	struct scram_client_keys keys = {0};
	const struct scram_client_settings set = {
		.user = SPAN("u"), .password = SPAN("p"), .keys = &keys};
	struct scram_client c;
	struct buf out;
	buf_init(&out, 2 * SCRAM_CLIENT_MESSAGE_MAX);
	scram_client_begin(&c, &set);
	ENSURE(scram_client_step(&c, NULL, &out));
	(void)!scram_client_step(&c, &in, &out);
	scram_client_end(&c);
	buf_free(&out);
}

static void sasl(struct span in)
{
	struct sasl_owner owner = {.verifier = nobody, .iterations = 4096};
	struct sasl_channel channel = {NULL};
	struct sasl_library *library = sasl_library_new();
	struct buf out;
	ENSURE(library != NULL);
	buf_init(&out, SASL_MESSAGE_MAX);
	for (unsigned m = 0; m < SASL_MECHANISMS; m++) {
		struct sasl_server *s =
			sasl_server_new(library, &owner, &channel, (enum sasl_mechanism)m);
		if (s != NULL)
			(void)!sasl_server_step(s, &in, &out);
		sasl_server_free(s);
	}
	buf_free(&out);
	sasl_library_free(library);
}

#define ROW(n, f, max, b, u, a) {.name = n, .before = SPAN_INIT(b), .unit = SPAN_INIT(u), \
	.after = SPAN_INIT(a), .limit = max, .run = f}
#define LHLO "LHLO a\r\n"
#define MAIL LHLO "MAIL FROM:<a@b>"
#define IN   "l LOGIN fred secret\r\ns SELECT INBOX\r\n"
#define USER "USER fred\r\nPASS sec ret\r\n"

static const struct linear_case cases[] = {
	ROW("smtp", smtp, LINEAR_INPUT, LHLO, "NOOP\r\n", ""),
	ROW("smtp", smtp, LINEAR_INPUT, MAIL "\r\n", "RCPT TO:<a@b>\r\n", ""),
	ROW("smtp", smtp, LINEAR_INPUT, LHLO, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRSET\r\n", ""),
	ROW("smtp", smtp, LINEAR_INPUT, LHLO, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 3 LAST\r\nx\r\n", ""),
	ROW("smtp", smtp, LINEAR_INPUT, MAIL "\r\nRCPT TO:<a@b>\r\n", "BDAT 1\r\nx", ""),
	ROW("smtp", smtp, LINEAR_INPUT, LHLO, "BDAT 3\r\nx\r\n", ""),
	ROW("smtp", smtp, SMTP_LINE_DRAIN, LHLO, "x", "\r\n"),
	ROW("smtp", smtp, LINEAR_INPUT, LHLO, "\r\n", ""),
	ROW("smtp", smtp, SMTP_LINE_MAX, MAIL, " ENVID=a", "\r\n"),
	ROW("smtp", smtp, SMTP_LINE_MAX, MAIL " AUTH=", "+40", "\r\n"),
	ROW("smtp", smtp, SMTP_LINE_MAX, MAIL "\r\nRCPT TO:<a@b> NOTIFY=", "DELAY,", "\r\n"),
	ROW("smtp", smtp, SMTP_LINE_MAX, MAIL, " ", "\r\n"),
	ROW("smtp_auth", smtp_auth, SMTP_AUTH_LINE_MAX, "EHLO a\r\nAUTH PLAIN ", "AAAA", "\r\n"),
	ROW("smtp_auth", smtp_auth, LINEAR_INPUT, "EHLO a\r\n", "AUTH PLAIN\r\n*\r\n", ""),
	ROW("smtp_client", smtp_client, SMTP_ANSWER_LINE_MAX, "250-mx\r\n250 AUTH", " A", "\r\n"),
	ROW("smtp_client", smtp_client, SMTP_ANSWER_LINE_MAX, "250-mx\r\n250 AUTH", " ", "\r\n"),
	ROW("smtp_client", smtp_client, SMTP_ANSWER_LINE_MAX, "250-mx\r\n250 LIMITS", " MAILMAX=1", "\r\n"),
	ROW("smtp_client", smtp_client, SMTP_ANSWER_LINE_MAX, "250-mx\r\n250 SIZE ", "9", "\r\n"),
	ROW("smtp_client_auth", smtp_client_login, SMTP_ANSWER_LINE_MAX, "334 ", "AAAA", "\r\n"),
	ROW("imap", imap, LINEAR_INPUT, IN, "a NOOP\r\n", ""),
	ROW("imap", imap, LINEAR_INPUT, "l LOGIN {4+}\r\nfred {6+}\r\nsecret\r\n", "a ID (\"n\" {3+}\r\nabc)\r\n", ""),
	ROW("imap", imap, IMAP_COMMAND_EARLY, "a LOGIN ", "x", "\r\n"),
	ROW("imap", imap, IMAP_COMMAND_EARLY, "a AUTHENTICATE PLAIN ", "AAAA", "\r\n"),
	ROW("imap", imap, IMAP_COMMAND_MAX, IN "a CREATE \"", "\\\"", "\"\r\n"),
	ROW("imap", imap, IMAP_COMMAND_MAX, IN "a ID (", "\"a\" NIL ", "\"b\" NIL)\r\n"),
	ROW("imap", imap, IMAP_COMMAND_MAX, IN "a SETACL INBOX bob ", "lrswipkxtea", "\r\n"),
	ROW("imap", imap, IMAP_COMMAND_MAX, IN "a GETACL \"", "\\\"", "\"\r\n"),
	ROW("imap", imap, IMAP_COMMAND_MAX, IN "a STATUS INBOX (", "MESSAGES ", "UIDNEXT)\r\n"),
	ROW("imap", imap, IMAP_COMMAND_MAX, IN "a URLFETCH ", "x ", "x\r\n"),
	ROW("imap", imap, IMAP_COMMAND_MAX, IN "a GETMETADATA INBOX (/private/", "a/", "b)\r\n"),
	ROW("imap", imap, IMAP_COMMAND_MAX, IN "a SETMETADATA INBOX (", "/private/a \"\" ", "/private/b NIL)\r\n"),
	ROW("imap", imap, LINEAR_INPUT, IN, "a GETMETADATA (DEPTH infinity) INBOX /private\r\n", ""),
	ROW("imap", imap, IMAP_COMMAND_MAX, IN "a LIST \"\" ", "%*", "\r\n"),
	ROW("imap", imap, IMAP_COMMAND_MAX, IN "a LIST (", "SUBSCRIBED ", "X) \"\" *\r\n"),
	ROW("imap", imap, IMAP_COMMAND_MAX, IN "a APPEND INBOX (", "\\Seen ", "\\Seen) {1}\r\nx\r\n"),
	ROW("imap", imap, LINEAR_INPUT, IN "a APPEND INBOX CATENATE (", "TEXT {1+}\r\nx ", "TEXT {1+}\r\nx)\r\n"),
	ROW("imap", imap, URL_IMAP_MAX, IN "a APPEND INBOX CATENATE (URL /", "%41", "/;UID=1)\r\n"),
	ROW("imap", imap, URL_IMAP_MAX, IN "a APPEND INBOX CATENATE (URL \"/INBOX/;UID=1/;SECTION=", "1.", "1\")\r\n"),
	ROW("imap", imap, LINEAR_INPUT, IN, "a APPEND INBOX {1+}\r\nx \r\n", ""),
	ROW("imap", imap, LINEAR_INPUT, IN, "a COPY 1 nobox\r\n", ""),
	ROW("imap", imap, LINEAR_INPUT, IN, "a REPLACE 1 nobox {1+}\r\nx\r\n", ""),
	ROW("imap", imap, LINEAR_INPUT, IN, "a APPEND INBOX UTF8 (~{1+}\r\nx) {1+}\r\ny \r\n", ""),
	ROW("imap", imap, LINEAR_INPUT, IN, "a UIDBATCHES 500 1:2\r\n", ""),
	ROW("imap", imap, IMAP_COMMAND_MAX, IN "a NOTIFY SET", " (inboxes NONE)", " (x\r\n"),
	ROW("imap", imap, IMAP_COMMAND_MAX, IN "a NOTIFY SET (selected (MessageNew (", "((", "\r\n"),
	ROW("imap", imap, IMAP_COMMAND_MAX, IN "a NOTIFY SET (personal (MailboxName", " MailboxName", "))\r\n"),
	ROW("imap", imap, IMAP_COMMAND_MAX, IN "a CANCELUPDATE ", "\"a\" ", "\"b\"\r\n"),
	ROW("imap", imap, IMAP_COMMAND_MAX, IN "a CREATE x (USE (", "\\Junk ", "\\Junk))\r\n"),
	ROW("imap", imap, LINEAR_INPUT, IN, "a{1+}\r\nx\r\n", ""),
	ROW("imap_search", imap, IMAP_COMMAND_MAX, IN "a SEARCH ", "OR ALL ", "ALL\r\n"),
	ROW("imap_search", imap, IMAP_COMMAND_MAX, IN "a ESEARCH IN (mailboxes (INBOX", " x", ")) ALL\r\n"),
	ROW("imap_search", imap, IMAP_COMMAND_MAX, IN "a SEARCH FUZZY TEXT \"", "ations ", "\"\r\n"),
	ROW("imap_search", imap, IMAP_COMMAND_MAX, IN "a SEARCH FUZZY TEXT \"", "ational", "\"\r\n"),
	ROW("imap_search", imap, IMAP_COMMAND_MAX, IN "a ESEARCH IN (personal) ", "UNKEYWORD $x ", "ALL\r\n"),
	ROW("imap_search", imap, IMAP_COMMAND_MAX, IN "a SEARCH ", "(", "\r\n"),
	ROW("imap_search", imap, IMAP_COMMAND_MAX, IN "a SEARCH ", "NOT ", "ALL\r\n"),
	ROW("imap_search", imap, IMAP_COMMAND_MAX, IN "a SEARCH ", "KEYWORD x ", "ALL\r\n"),
	ROW("imap_search", imap, IMAP_COMMAND_MAX, IN "a SEARCH ", "1:* ", "ALL\r\n"),
	ROW("imap_search", imap, IMAP_COMMAND_MAX, IN "a SEARCH ", "EMAILID M00000000000000000000000000000001 ", "OLDER 1\r\n"),
	ROW("imap_search", imap, IMAP_COMMAND_MAX, IN "a SEARCH ", "TEXT {1+}\r\nx ", "ALL\r\n"),
	ROW("imap_fetch", imap, IMAP_COMMAND_MAX, IN "a FETCH 1 (", "FLAGS ", "UID)\r\n"),
	ROW("imap_fetch", imap, IMAP_COMMAND_MAX, IN "a FETCH 1 (BODY[HEADER.FIELDS (", "a ", "b)])\r\n"),
	ROW("imap_fetch", imap, IMAP_COMMAND_MAX, IN "a FETCH 1 (BODY[", "1.", "1])\r\n"),
	ROW("imap_fetch", imap, LINEAR_INPUT, IN, "a FETCH 1 (FLAGS BODY[HEADER.FIELDS (SUBJECT)])\r\n", ""),
	ROW("imap_set", imap, IMAP_COMMAND_MAX, IN "a UID FETCH ", "1,", "1 FLAGS\r\n"),
	ROW("imap_set", imap, IMAP_COMMAND_MAX, IN "a UID FETCH ", "9:1,*:3,7,", "1 FLAGS\r\n"),
	ROW("imap_store", imap, IMAP_COMMAND_MAX, IN "a STORE 1 FLAGS (", "$x ", "$y)\r\n"),
	ROW("imap_store", imap, LINEAR_INPUT, IN, "a STORE 1 +FLAGS (\\Seen)\r\n", ""),
	ROW("imap_utf7", utf7, LINEAR_INPUT, "", "&AOk-", ""),
	ROW("imap_utf7", utf7, LINEAR_INPUT, "&", "AOk", "-"),
	ROW("imap_utf7", utf7, LINEAR_INPUT, "", "\xc3\xa9", ""),
	ROW("pop3", pop3, LINEAR_INPUT, USER, "NOOP\r\n", ""),
	ROW("pop3", pop3, LINEAR_INPUT, USER, "LIST\r\n", ""),
	ROW("pop3", pop3, LINEAR_INPUT, USER, "UIDL 1\r\nRETR 1\r\nDELE 2\r\nRSET\r\n", ""),
	ROW("pop3", pop3, POP3_DRAIN_MAX, "", "x", "\r\n"),
	ROW("pop3", pop3, POP3_AUTH_LINE_MAX, "AUTH PLAIN\r\n", "AAAA", "\r\n"),
	ROW("pop3_retr", retrieve, LINEAR_INPUT, "\r\n", ".\n", ""),
	ROW("pop3_retr", retrieve, LINEAR_INPUT, "", "a", ""),
	ROW("scram_client", scram_client, SCRAM_CLIENT_MESSAGE_MAX, "r=AAAAAAAAAAAAAAAAAAAAAAAA", "x", ",s=AA==,i=1"),
	ROW("scram_client", scram_client, SCRAM_CLIENT_MESSAGE_MAX, "", ",", ""),
	ROW("sasl", sasl, SASL_MESSAGE_MAX, "", "\0a", ""),
	ROW("sasl", sasl, SASL_MESSAGE_MAX, "n,,n=", "=2C", ",r=x"),
	ROW("sasl", sasl, SASL_MESSAGE_MAX, "n,a=", "a,", "r=x"),
};

struct linear_cases linear_sessions(void)
{
	return (struct linear_cases){cases, ARRAY_LEN(cases)};
}
