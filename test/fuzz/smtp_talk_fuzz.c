/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp: conversations of commands that are mostly right, thrown with dice.
 *
 * The client sees every reply before its next turn.  Each command gets exactly
 * one (after the data of LMTP one a recipient), of well-formed lines with an
 * enhanced code that fits; a message is kept byte for byte or not at all; what
 * stands inside a message or a chunk is never obeyed; nothing is said after a
 * goodbye; memory is bounded.
 */
#include "base/ensure.h"
#include "smtp_answers.h"

#define GROUP	   8u	       /* commands in one turn */
#define TURNS	   400u	       /* in one conversation */
#define MEMORY_MAX (1u << 20) /* bytes of a session, its buffers left out */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum kind { PLAIN, HELLO, DATA, BODY, CHUNK, LAST, AUTH, ANSWER, STARTTLS };

struct client {
	struct turns turns;
	struct dice dice;
	struct smtp_answers host;
	struct smtp_settings set;
	enum kind kinds[GROUP];
	unsigned count; /* commands of the last turn */
	unsigned turn;
	enum kind follow; /* what the last reply asks for: BODY, ANSWER, PLAIN */
	bool greeted, wild; /* wild: replies are not counted any more */
	bool gone;	    /* a goodbye was read */
	bool dirty;	    /* the message may only be refused */
	bool binary;	    /* BODY=BINARYMIME was asked for */
	unsigned ends;	    /* of the host, before the last turn */
	uint32_t recipients; /* likewise */
	struct buf message; /* what the host must have got */
	struct buf chunk;   /* of the last BDAT */
};

static struct client *of(struct turns *t)
{
	return CONTAINER_OF(t, struct client, turns);
}

/* ---- replies ---- */

struct reply {
	unsigned code;
	bool last; /* line of it */
};

/* RFC 2034 4: all but the greeting, a hello's answer and 3xx. */
static void check_enhanced(const struct client *c, struct span text, unsigned code, bool may)
{
	if (!(c->set.extensions & SMTP_EXT_ENHANCED) || code / 100 == 3 || may)
		return;
	ENSURE(text.len >= 6 && (unsigned)(text.ptr[0] - '0') == code / 100);
	ENSURE(text.ptr[1] == '.' && ascii_digit(text.ptr[2]));
}

static struct reply check_line(const struct client *c, struct span line, bool free)
{
	ENSURE(span_ends(line, SPAN("\r")) && line.len >= 5 && line.len <= 512 + 2);
	uint64_t code;
	ENSURE(span_u64(span_sub(line, 0, 3), 599, &code) && code >= 200);
	ENSURE(line.ptr[3] == ' ' || line.ptr[3] == '-');
	for (size_t i = 0; i + 1 < line.len; i++)
		ENSURE(line.ptr[i] >= ' ' && line.ptr[i] < 0x7f);
	check_enhanced(c, span_skip(line, 4), (unsigned)code, free && code / 100 == 2);
	return (struct reply){(unsigned)code, line.ptr[3] == ' '};
}

/* How many replies a command may get at least and at most. */
static void wanted(const struct client *c, enum kind k, unsigned code, unsigned *from, unsigned *to)
{
	*from = *to = 1;
	if (c->set.role != SMTP_LMTP || (k != BODY && k != LAST))
		return;
	/* A verb that does not exist here, and a goodbye, are said once. */
	*to = c->recipients > 0 ? c->recipients : 1;
	*from = code == 502 || code == 421 ? 1 : *to;
}

/* A bare CR, a bare LF or a NUL: such a message may only be refused. */
static bool faulty(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i], next = i + 1 < text.len ? text.ptr[i + 1] : '\0';
		if (c == '\0' || (c == '\r' && next != '\n') ||
		    (c == '\n' && (i == 0 || text.ptr[i - 1] != '\r')))
			return true;
	}
	return false;
}

static void check_message(struct client *c, enum kind k, unsigned code)
{
	bool asked = c->host.ends != c->ends;
	/* A chunk that was refused is no part of any message. */
	if ((k == CHUNK && code == 250) || (k == LAST && asked)) {
		buf_add(&c->message, buf_span(&c->chunk));
		c->dirty = c->dirty || (!c->binary && faulty(buf_span(&c->chunk)));
	}
	if (k != BODY && k != LAST)
		return;
	if (code / 100 == 2)
		ENSURE(asked && c->host.end == SMTP_KEPT);
	if (!asked)
		return;
	ENSURE(!c->dirty && buf_len(&c->message) <= c->set.limits.message);
	ENSURE(span_eq(buf_span(&c->message), buf_span(&c->host.message)));
}

/* All replies to the last turn.  complete: the session asks for more. */
static void check_said(struct client *c, struct span said, bool complete)
{
	unsigned at = 0, got = 0, from = 1, to = 1;
	bool first = !c->greeted;
	while (said.len > 0) {
		struct span line;
		ENSURE(!c->gone && span_cut(&said, '\n', &line));
		enum kind k = first ? HELLO : at < c->count ? c->kinds[at] : PLAIN;
		struct reply r = check_line(c, line, k == HELLO || c->wild);
		if (!r.last)
			continue;
		c->greeted = true;
		/* 421 and the end of a session that was told to stop. */
		c->gone = r.code == 221 || r.code == 421;
		if (first || c->wild) {
			first = false;
			continue;
		}
		if (at == c->count) { /* a farewell, and nothing else */
			ENSURE(c->gone);
			continue;
		}
		if (got == 0) {
			wanted(c, k, r.code, &from, &to);
			check_message(c, k, r.code);
		}
		if (k == DATA || k == AUTH || k == ANSWER)
			c->follow = r.code == 354 ? BODY : r.code == 334 ? ANSWER : PLAIN;
		if (++got == to || (got >= from && from < to)) {
			at++;
			got = 0;
		}
	}
	if (complete && !c->wild)
		ENSURE(got == 0 && at == c->count && !c->gone);
}

/* ---- commands ---- */

static const char *const names[] = {"client.example", "[192.0.2.1]", "[IPv6:2001:db8::1]", "a",
	"bad..name", "-x", "", "[300.0.0.1]", "host_name.example.org"};
static const char *const senders[] = {"<a@b.example>", "<>", "<\"q q\"@x.org>", "<u@[192.0.2.7]>",
	"<@r:a@b>", "a@b", "<a@b", "<\xc3\xbc@b.de>", "<a.b+c=d@e.f>", "<a@b> x", "<\"\\\"\"@b>"};
static const char *const mail_params[] = {"", "", "", " SIZE=100", " SIZE=99999", " BODY=8BITMIME",
	" BODY=BINARYMIME", " SMTPUTF8", " AUTH=<>", " AUTH=a+40b", " RET=HDRS", " RET=FULL",
	" ENVID=e+2Bx", " SIZE=18446744073709551616", " X=y", " BODY=7BIT BODY=7BIT", " =",
	" SIZE=5 SMTPUTF8", " RET=?", " ENVID=+", " AUTH=+4", " BODY=", " SMTPUTF8=1", " SIZE="};
static const char *const rcpt_params[] = {"", "", "", " NOTIFY=NEVER", " NOTIFY=SUCCESS,FAILURE",
	" NOTIFY=NEVER,DELAY", " ORCPT=rfc822;a+40b", " ORCPT=;", " NOTIFY=", " X", " NOTIFY=DELAY",
	" ORCPT=utf-8;x ORCPT=rfc822;y", " NOTIFY=DELAY,DELAY"};
static const char *const plain[] = {"NOOP", "RSET", "HELP", "VRFY a", "VRFY", "EXPN l", "ETRN x",
	"XCLIENT ADDR=1", "NOOP x", "RSET x", "UNKNOWN", "HELP MAIL", "BURL imap:x", "WIZ", "",
	" NOOP", "noop", "DATA x", "MAIL", "RCPT", "MAIL TO:<a@b>", "RCPT FROM:<a@b>", "\x80", "QUIT x",
	"MAIL FROM:", "RCPT TO:<>", "RCPT TO:<Postmaster>", "NO\x01OP", "SAML x", "DEBUG"};
static const char *const lines[] = {"Subject: x\r\n", "\r\n", "text\r\n", ".\r\n", "..\r\n", ".a\r\n",
	"MAIL FROM:<evil@x>\r\n", "RSET\r\n", "a longer line of text that is only text\r\n", "\xc3\xa9\r\n",
	"\t\r\n", "From: a@b\r\n"};
static const char *const faults[] = {"bare\nline\r\n", "\n.\n", "a\rb\r\n", "\n.\r\n", "\r.\r\n",
	"\n.\nMAIL FROM:<evil@x>\n"};

static void sent(struct client *c, enum kind k)
{
	c->kinds[c->count++] = k;
}

static void content(struct client *c, struct buf *out)
{
	unsigned n = dice(&c->dice, 12);
	for (unsigned i = 0; i < n; i++)
		buf_add(out, DICE_WORD(&c->dice, lines));
	switch (dice(&c->dice, 12)) {
	case 11:
		buf_add(out, DICE_WORD(&c->dice, faults));
		buf_add(out, SPAN("end\r\n"));
		break;
	case 10:
		buf_add(out, SPAN("n\0l\r\n"));
		break;
	case 9: /* over or just at the limit of the message */
		for (unsigned i = 0; i < 128 + dice(&c->dice, 2) && buf_ok(out); i++)
			buf_add(out, SPAN("0123456789012345678901234567890\r\n"));
		break;
	default:
		break;
	}
}

/* RFC 5321 4.5.2 */
static void stuff(struct span text, struct buf *say)
{
	bool start = true;
	for (size_t i = 0; i < text.len; i++) {
		if (start && text.ptr[i] == '.')
			buf_addc(say, '.');
		buf_addc(say, text.ptr[i]);
		start = text.ptr[i] == '\n' && i > 0 && text.ptr[i - 1] == '\r';
	}
	buf_add(say, SPAN(".\r\n"));
}

static void say_body(struct client *c, struct buf *say)
{
	buf_clear(&c->message);
	content(c, &c->message);
	c->dirty = faulty(buf_span(&c->message));
	stuff(buf_span(&c->message), say);
	sent(c, BODY);
}

static void say_chunk(struct client *c, struct buf *say)
{
	bool last = dice(&c->dice, 3) == 2;
	buf_clear(&c->chunk);
	content(c, &c->chunk);
	buf_printf(say, "BDAT %zu%s\r\n", buf_len(&c->chunk), last ? " LAST" : "");
	buf_add(say, buf_span(&c->chunk));
	sent(c, last ? LAST : CHUNK);
}

static void say_mail(struct client *c, struct buf *say)
{
	buf_add(say, SPAN("MAIL FROM:"));
	buf_add(say, DICE_WORD(&c->dice, senders));
	struct span p = DICE_WORD(&c->dice, mail_params);
	buf_add(say, p);
	buf_add(say, SPAN("\r\n"));
	sent(c, PLAIN);
	if (!c->host.mail) {
		buf_clear(&c->message);
		c->dirty = false;
		c->binary = span_eq(p, SPAN(" BODY=BINARYMIME"));
	}
}

static void say_rcpt(struct client *c, struct buf *say)
{
	buf_add(say, SPAN("RCPT TO:"));
	buf_add(say, DICE_WORD(&c->dice, senders));
	buf_add(say, DICE_WORD(&c->dice, rcpt_params));
	buf_add(say, SPAN("\r\n"));
	sent(c, PLAIN);
}

static void say_answer(struct client *c, struct buf *say)
{
	static const char *const answers[] = {"AGEAYg==", "*", "", "=", "dXNlcg==", "not base64!", "AAAA"};
	buf_add(say, DICE_WORD(&c->dice, answers));
	if (dice(&c->dice, 32) == 31)
		for (unsigned i = 0; i < SMTP_AUTH_LINE_MAX; i++)
			buf_addc(say, 'A');
	buf_add(say, SPAN("\r\n"));
	sent(c, ANSWER);
}

static void say_auth(struct client *c, struct buf *say)
{
	static const char *const how[] = {"AUTH PLAIN", "AUTH LOGIN", "AUTH PLAIN AGEAYg==", "AUTH PLAIN =",
		"AUTH X", "AUTH", "AUTH PLAIN !", "AUTH PLAIN ", "AUTH  PLAIN"};
	buf_add(say, DICE_WORD(&c->dice, how));
	buf_add(say, SPAN("\r\n"));
	sent(c, AUTH);
}

static void say_line(struct client *c, struct buf *say)
{
	if (dice(&c->dice, 16) == 15) {
		unsigned n = dice(&c->dice, 2) ? SMTP_LINE_MAX : SMTP_AUTH_LINE_MAX;
		for (unsigned i = 0; i < n; i++)
			buf_addc(say, 'x');
	} else {
		buf_add(say, DICE_WORD(&c->dice, plain));
	}
	buf_add(say, SPAN("\r\n"));
	sent(c, PLAIN);
}

/* Whatever comes: only the shape of replies is looked at from now on. */
static void say_wild(struct client *c, struct buf *say)
{
	static const char *const wild[] = {"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\n",
		"BDAT 5\r\n", "BDAT x\r\n", "BDAT 99999999999999999999\r\n", "BDAT 3 LASTER\r\n", "QUIT\r\n",
		"GET / HTTP/1.1\r\n", "EHLO a\r\nEHLO a\r\n", "\x16\x03\x01", "BDAT 100000 LAST\r\nabc",
		"STARTTLS\r\nNOOP\r\n", "DATA\r\nSubject: x\r\n", "half a line", "\r\n\r\n\n\r"};
	c->wild = true;
	buf_add(say, DICE_WORD(&c->dice, wild));
}

/* A group of commands that need not wait for each other (RFC 2920). */
static void say_group(struct client *c, struct buf *say)
{
	unsigned n = c->set.extensions & SMTP_EXT_PIPELINING ? 1 + dice(&c->dice, GROUP - 1) : 1;
	say_mail(c, say);
	for (unsigned i = 1; i < n; i++)
		say_rcpt(c, say);
	if (c->count < GROUP && dice(&c->dice, 2)) {
		buf_add(say, SPAN("DATA\r\n"));
		sent(c, DATA);
	}
}

static void say_hello(struct client *c, struct buf *say)
{
	static const char *const hello[] = {"EHLO ", "HELO ", "LHLO ", "ehlo "};
	bool right = dice(&c->dice, 4) > 0;
	buf_add(say, right ? c->set.role == SMTP_LMTP ? SPAN("LHLO ") : SPAN("EHLO ")
			   : DICE_WORD(&c->dice, hello));
	buf_add(say, right ? SPAN("client.example") : DICE_WORD(&c->dice, names));
	buf_add(say, SPAN("\r\n"));
	sent(c, HELLO);
}

static void say_word(struct client *c, struct buf *say, const char *word, enum kind k)
{
	buf_add(say, span_cstr(word));
	sent(c, k);
}

static void say_command(struct client *c, struct buf *say)
{
	switch (dice(&c->dice, 16)) {
	case 0: case 1: say_hello(c, say); break;
	case 2: case 3: say_group(c, say); break;
	case 4: case 5: say_rcpt(c, say); break;
	case 6: case 7: say_word(c, say, "DATA\r\n", DATA); break;
	case 8: case 9: say_chunk(c, say); break;
	case 10: case 11: say_auth(c, say); break;
	case 12: say_word(c, say, "STARTTLS\r\n", STARTTLS); break;
	case 13: say_line(c, say); break;
	case 14: say_mail(c, say); break;
	default:
		if (dice(&c->dice, 4) == 3)
			say_wild(c, say);
		else
			say_line(c, say);
	}
}

static bool next(struct turns *t, struct span said, struct buf *say)
{
	struct client *c = of(t);
	c->follow = PLAIN;
	check_said(c, said, true);
	enum kind was = c->follow;
	c->count = 0;
	c->ends = c->host.ends;
	c->recipients = c->host.mail ? c->host.recipients : 0;
	if (c->dice.left.len == 0 || ++c->turn > TURNS)
		return false;
	if (c->wild)
		say_wild(c, say);
	else if (was == BODY)
		say_body(c, say);
	else if (was == ANSWER)
		say_answer(c, say);
	else
		say_command(c, say);
	return true;
}

/* ---- */

static void settings(struct client *c)
{
	static const uint32_t extensions[] = {SMTP_EXT_ALL, SMTP_EXT_ALL, SMTP_EXT_ALL & ~SMTP_EXT_ENHANCED,
		SMTP_EXT_ENHANCED | SMTP_EXT_PIPELINING, SMTP_EXT_ALL & ~SMTP_EXT_CHUNKING};
	struct dice *d = &c->dice;
	c->set = (struct smtp_settings){
		.role = (enum smtp_role)dice(d, 3), .tls = (enum smtp_tls_mode)dice(d, 4),
		.hostname = SPAN("mx.example.test"),
		.extensions = extensions[dice(d, ARRAY_LEN(extensions))],
		.limits = SMTP_LIMITS_DEFAULT,
	};
	c->set.limits.message = 4096;
	c->set.limits.recipients = 5;
	c->set.limits.idle_commands = 40;
}

static void converse(struct client *c)
{
	static const enum io ends[] = {IO_EOF, IO_BROKEN, IO_TIMEOUT, IO_STOP};
	static const size_t splits[] = {0, 0, 1, 7, 100};
	turns_init(&c->turns, SMTP_AUTH_LINE_MAX);
	c->turns.next = next;
	c->turns.at_end = ends[dice(&c->dice, ARRAY_LEN(ends))];
	c->turns.split = splits[dice(&c->dice, ARRAY_LEN(splits))];
	c->turns.tls_result = dice(&c->dice, 16) == 15 ? IO_BROKEN : IO_OK;
	struct smtp_session *s = smtp_session_new(&c->turns.stream, &c->host.host, &c->set);
	ENSURE(s != NULL);
	enum smtp_next n = smtp_session_greet(s);
	if (n == SMTP_CLOSE)
		c->wild = true;
	while (n == SMTP_IDLE) {
		ENSURE(!c->gone);
		n = smtp_session_run(s);
	}
	c->turns.over = true;
	check_said(c, turns_said(&c->turns), false);
	struct smtp_facts f;
	smtp_session_facts(s, &f);
	ENSURE(f.secure || c->host.logins == 0);
	ENSURE(c->set.role == SMTP_SUBMISSION || c->host.logins == 0);
	smtp_session_free(s);
	ENSURE(c->turns.peak - c->turns.base < MEMORY_MAX + SMTP_AUTH_LINE_MAX + STREAM_OUT_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client c = {.dice = {span_of(data, size)}};
	if (size < 8 || size > 8192)
		return 0;
	settings(&c);
	smtp_answers_init(&c.host, &c.dice);
	buf_init(&c.message, 1u << 20);
	buf_init(&c.chunk, 1u << 16);
	converse(&c);
	turns_free(&c.turns);
	buf_free(&c.message);
	buf_free(&c.chunk);
	smtp_answers_free(&c.host);
	return 0;
}
