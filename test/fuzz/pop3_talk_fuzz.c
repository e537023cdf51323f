/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pop3: conversations of commands that are mostly right, thrown with dice,
 * while messages go elsewhere and the host fails now and then.
 *
 * Each command gets exactly one status line, and one of several lines ends with
 * a dot of its own; a message comes byte for byte; nothing is deleted but what
 * was marked, and only by QUIT; nothing is said after that.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "memory_drop.h"
#include "pop3/session.h"
#include "turns.h"

#define GROUP	   4u
#define TURNS	   120u
#define MEMORY_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum kind { PLAIN, LINES, MESSAGE, AUTH, STLS }; /* from AUTH on: the last of a group */

struct client {
	struct turns turns;
	struct dice dice;
	struct drop_host drop, real;
	bool fail;
	enum kind kinds[GROUP];
	unsigned wanted[GROUP]; /* MESSAGE: index of it */
	unsigned count, turn;
	bool greeted, wild, plus, quit;
};

static struct client *of(struct turns *t)
{
	return CONTAINER_OF(t, struct client, turns);
}

static struct client *owner(struct pop3_host *h)
{
	return CONTAINER_OF(CONTAINER_OF(h, struct drop_host, host), struct client, drop);
}

static enum pop3_answer mood(struct pop3_host *h, enum pop3_answer other)
{
	struct client *c = owner(h);
	if (!c->fail || dice(&c->dice, 8) < 7)
		return POP3_YES;
	return dice(&c->dice, 2) ? other : POP3_UNAVAILABLE;
}

#define MOODY(op, other, params, args)                                    \
	static enum pop3_answer op params                                 \
	{                                                                 \
		enum pop3_answer r = mood(h, other);                      \
		return r != POP3_YES ? r : owner(h)->real.host.op args;   \
	}

MOODY(login, POP3_DENIED, (struct pop3_host *h, struct span u, struct span p), (h, u, p))
MOODY(open, POP3_BUSY, (struct pop3_host *h, struct arena *a, struct pop3_drop *o), (h, a, o))
MOODY(sizes, POP3_UNAVAILABLE, (struct pop3_host *h, uint64_t m, const uint32_t *u, size_t n, uint64_t *s), (h, m, u, n, s))
MOODY(body, POP3_GONE, (struct pop3_host *h, uint64_t m, uint32_t u, uint64_t at, size_t n, struct span *o), (h, m, u, at, n, o))

static enum pop3_answer expunge(struct pop3_host *h, uint64_t m, const struct pop3_run *r, size_t n)
{
	ENSURE(owner(h)->quit || owner(h)->wild);
	enum pop3_answer a = mood(h, POP3_UNAVAILABLE);
	return a != POP3_YES ? a : owner(h)->real.host.expunge(h, m, r, n);
}

/* ---- answers ---- */

static struct span line_of(struct span *said)
{
	struct span line;
	ENSURE(span_cut(said, '\n', &line) && span_ends(line, SPAN("\r")));
	return span_sub(line, 0, line.len - 1);
}

/* The dot that ends it; *text is what stands before, dots still stuffed. */
static void to_the_dot(struct span *said, struct span *text)
{
	struct span all = *said;
	if (span_starts(*said, SPAN(".\r\n"))) {
		*text = span_sub(*said, 0, 0);
		*said = span_skip(*said, 3);
		return;
	}
	size_t end = span_find_span(*said, SPAN("\r\n.\r\n"));
	ENSURE(end != SIZE_MAX);
	*text = span_sub(all, 0, end + 2);
	*said = span_skip(*said, end + 5);
}

/* What a client that takes the dots off would keep; a CRLF may be added. */
static void check_message(const struct client *c, struct span text, unsigned index)
{
	struct span m = c->drop.messages[index];
	for (size_t i = 0, at = 0; at < text.len; at++) {
		bool start = at == 0 || text.ptr[at - 1] == '\n';
		if (start && text.ptr[at] == '.')
			at++;
		ENSURE(at < text.len);
		if (i == m.len) {
			ENSURE(text.len - at <= 2);
			break;
		}
		ENSURE(text.ptr[at] == m.ptr[i++]);
	}
}

static void check_lines(struct span text)
{
	while (text.len > 0) {
		struct span line = line_of(&text);
		ENSURE(line.len > 0 && line.len <= 510 && line.ptr[0] != '.');
		for (size_t i = 0; i < line.len; i++)
			ENSURE(line.ptr[i] >= ' ' && line.ptr[i] < 0x7f);
	}
}

static void check_said(struct client *c, struct span said, bool complete)
{
	unsigned at = 0;
	c->plus = false;
	while (said.len > 0 && !c->wild) {
		struct span text, line = line_of(&said);
		bool ok = span_starts(line, SPAN("+OK"));
		ENSURE(line.len <= 510);
		if (!c->greeted) {
			ENSURE(ok);
			c->greeted = true;
			continue;
		}
		if (span_starts(line, SPAN("+ "))) {
			c->plus = true;
			continue;
		}
		ENSURE(ok || span_starts(line, SPAN("-ERR ")));
		c->plus = false;
		/* One line more may only be a farewell. */
		ENSURE(at < c->count || (!complete && !ok && said.len == 0));
		enum kind k = at < c->count ? c->kinds[at] : PLAIN;
		if (ok && (k == LINES || k == MESSAGE)) {
			/* A body that failed in its middle ends the session instead. */
			if (!complete && span_find_span(said, SPAN("\r\n.\r\n")) == SIZE_MAX &&
			    !span_starts(said, SPAN(".\r\n")))
				return;
			to_the_dot(&said, &text);
			if (k == LINES)
				check_lines(text);
			else
				check_message(c, text, c->wanted[at]);
		}
		at++;
	}
	if (complete && !c->wild)
		ENSURE(at == c->count - (c->plus ? 1 : 0) && !c->quit);
}

/* ---- commands ---- */

static const char *const plain[] = {"NOOP", "STAT", "RSET", "LIST 1", "LIST 2", "UIDL 1", "UIDL 9", "DELE 1",
	"DELE 2", "DELE 3", "TOP 1", "TOP 1 -1", "RETR 0", "RETR 9", "DELE 4294967296", "LIST 0", "", "XYZZY",
	"APOP a b", "USER", "PASS x", "RETR", "DELE x", "TOP 1 x", "AUTH", "UIDL x", "USER x", "noop", "CAPABILITY",
	"DELE 1 2", "PASS ", "QUITX", "UTF8", "LIST 01", " NOOP"};
static const char *const several[] = {"LIST", "UIDL", "CAPA"};

static void add(struct client *c, struct buf *say, enum kind k, const char *text, unsigned n)
{
	buf_printf(say, "%s", text);
	buf_add(say, SPAN("\r\n"));
	c->wanted[c->count] = n;
	c->kinds[c->count++] = k;
}

static void command(struct client *c, struct buf *say)
{
	static const char *const retr[] = {"RETR 1", "RETR 2", "RETR 3"};
	static const char *const top[] = {"TOP 1 0", "TOP 2 1", "TOP 3 99"};
	static const char *const auth[] = {"AUTH PLAIN", "AUTH PLAIN AGZyZWQAc2VjcmV0", "AUTH PLAIN =",
		"AUTH X", "AUTH PLAIN !", "AUTH PLAIN "};
	unsigned i = dice(&c->dice, 3);
	switch (dice(&c->dice, 9)) {
	case 0: add(c, say, PLAIN, "USER fred", 0); break;
	case 1: add(c, say, PLAIN, i == 2 ? "PASS wrong" : "PASS sec ret", 0); break;
	case 2: add(c, say, MESSAGE, retr[i], i); break;
	/* Part of a message: the dot and the lines are looked at, not the rest. */
	case 3: add(c, say, MESSAGE, top[i], i); break;
	case 4: add(c, say, LINES, several[i], 0); break;
	case 5: add(c, say, AUTH, auth[dice(&c->dice, ARRAY_LEN(auth))], 0); break;
	case 6:
		add(c, say, STLS, i == 2 ? "STLS x" : "STLS", 0);
		break;
	default: add(c, say, PLAIN, plain[dice(&c->dice, ARRAY_LEN(plain))], 0);
	}
}

static void say_wild(struct client *c, struct buf *say)
{
	static const char *const wild[] = {"half a line", "\r\n\n\r", "NOOP\nNOOP\r\n", "QUIT\r\nSTAT\r\n", "\x16\x03",
		"RETR 1\r\nRETR 2\r\nQUIT\r\n"};
	c->wild = true;
	if (dice(&c->dice, 3) == 2) {
		for (unsigned i = 0; i < POP3_LINE_MAX + 1; i++)
			buf_addc(say, 'x');
		buf_add(say, SPAN("\r\n"));
	}
	buf_add(say, DICE_WORD(&c->dice, wild));
}

static bool next(struct turns *t, struct span said, struct buf *say)
{
	static const char *const answers[] = {"AGZyZWQAc2VjcmV0", "*", "", "!", "AAAA"};
	struct client *c = of(t);
	check_said(c, said, true);
	if (c->dice.left.len == 0 || ++c->turn > TURNS)
		return false;
	if (dice(&c->dice, 8) == 7)
		c->drop.gone[dice(&c->dice, (unsigned)c->drop.count)] = true;
	c->count = c->plus ? 1 : 0;
	if (c->plus) {
		c->kinds[0] = AUTH;
		buf_add(say, DICE_WORD(&c->dice, answers));
		if (dice(&c->dice, 16) == 15)
			for (unsigned i = 0; i < POP3_AUTH_LINE_MAX; i++)
				buf_addc(say, 'A');
		buf_add(say, SPAN("\r\n"));
		return true;
	}
	unsigned what = dice(&c->dice, 40);
	if (c->wild || what == 39) {
		say_wild(c, say);
	} else if (what == 38) {
		c->quit = true;
		add(c, say, PLAIN, "QUIT", 0);
	} else {
		unsigned n = dice(&c->dice, 3) == 2 ? 1 + dice(&c->dice, GROUP) : 1;
		do
			command(c, say);
		while (c->count < n && c->kinds[c->count - 1] < AUTH);
	}
	return true;
}

static void converse(struct client *c)
{
	static const size_t splits[] = {0, 0, 1, 9};
	static const enum io ends[] = {IO_EOF, IO_BROKEN, IO_TIMEOUT, IO_STOP};
	turns_init(&c->turns, POP3_AUTH_LINE_MAX);
	c->turns.next = next;
	c->turns.split = splits[dice(&c->dice, ARRAY_LEN(splits))];
	c->turns.at_end = ends[dice(&c->dice, ARRAY_LEN(ends))];
	c->turns.tls_result = dice(&c->dice, 16) == 15 ? IO_BROKEN : IO_OK;
	struct pop3_session *s = pop3_session_new(&c->turns.stream, &c->drop.host);
	ENSURE(s != NULL);
	enum pop3_next n = pop3_session_greet(s);
	while (n == POP3_IDLE) {
		if (c->turn > 3 && dice(&c->dice, 60) == 59) {
			n = pop3_session_stop(s, "Stop");
			break;
		}
		n = pop3_session_run(s);
	}
	ENSURE(n == POP3_CLOSE);
	c->turns.over = true;
	check_said(c, turns_said(&c->turns), false);
	ENSURE(c->drop.host.facts.tls || c->drop.logins == 0);
	ENSURE(c->turns.peak - c->turns.base < MEMORY_MAX);
	pop3_session_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 8 || size > 4096)
		return 0;
	struct client *c = calloc(1, sizeof *c);
	ENSURE(c != NULL);
	c->dice.left = span_of(data, size);
	drop_init(&c->drop);
	c->drop.ids[1] = SPAN("000000014d41c4f6");
	c->real = c->drop;
	c->drop.dense = c->real.dense = dice(&c->dice, 2);
	c->drop.host.login = login, c->drop.host.open = open, c->drop.host.sizes = sizes;
	c->drop.host.body = body, c->drop.host.expunge = expunge;
	c->drop.host.facts.tls = dice(&c->dice, 4) > 0;
	c->fail = dice(&c->dice, 2);
	converse(c);
	ENSURE(c->drop.opens == c->drop.closes);
	turns_free(&c->turns);
	free(c);
	return 0;
}
