/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A person who fetches by POP3: reads, marks, and means it with QUIT.
 *
 * +OK to QUIT makes every mark a promise; without it each may have gone or not.
 */
#include <stdio.h>

#include "storm.h"

#define MARKS 16u

static bool line_ok(struct client *c)
{
	struct span line;
	return client_line(c, &line) && span_starts(line, SPAN("+OK"));
}

static bool say(struct client *c, const char *what)
{
	char line[128];
	int n = snprintf(line, sizeof line, "%s\r\n", what);

	client_send(c, span_of(line, (size_t)n));
	return line_ok(c);
}

/* The token of message n, read whole and compared. */
static unsigned retrieve(struct person *p, struct client *c, unsigned n)
{
	char line[32];
	struct buf text;
	struct span s;
	unsigned token = LEDGER_ALL;

	(void)snprintf(line, sizeof line, "RETR %u", n);
	if (!say(c, line))
		return token;
	buf_init(&text, 4u << 20);
	while (client_line(c, &s)) {
		if (s.len == 1 && s.ptr[0] == '.') {
			token = ledger_token(buf_span(&text));
			if (token == LEDGER_ALL ||
			    !ledger_same(&p->storm->ledger, token, buf_span(&text)))
				storm_fail("POP3 message %u reads as nobody's", n);
			break;
		}
		buf_add(&text, s.len > 1 && s.ptr[0] == '.' ? span_skip(s, 1) : s);
		buf_add(&text, SPAN("\r\n"));
	}
	buf_free(&text);
	return token;
}

static unsigned count(struct client *c)
{
	struct span line;
	uint64_t n = 0;

	client_send(c, SPAN("STAT\r\n"));
	if (!client_line(c, &line) || !span_starts(line, SPAN("+OK ")))
		return 0;
	line = span_skip(line, 4);
	size_t end = span_find(line, ' ');
	return end != SIZE_MAX && span_u64(span_sub(line, 0, end), 100000, &n)
		       ? (unsigned)n
		       : 0;
}

static void fetch(struct person *p, struct client *c)
{
	unsigned marked[MARKS], marks = 0, all = count(c);
	char line[32];
	bool quit;

	for (unsigned n = 1; n <= all && marks < MARKS; n++) {
		if (!dice_chance(&p->dice, 60))
			continue;
		unsigned token = retrieve(p, c, n);
		if (token == LEDGER_ALL)
			break;
		(void)snprintf(line, sizeof line, "DELE %u", n);
		if (dice_chance(&p->dice, 60) && say(c, line))
			marked[marks++] = token;
	}
	if (dice_chance(&p->dice, 15))
		return; /* without QUIT nothing goes */
	quit = say(c, "QUIT");
	for (unsigned i = 0; i < marks; i++)
		ledger_go(&p->storm->ledger, marked[i], p->who,
			  quit ? SAID_YES : SAID_MAYBE);
	storm_say(p->storm, "u%u removes %u by POP3: %s", p->who, marks,
		  quit ? "OK" : "unclear");
}

void person_pop3(struct person *p)
{
	char user[40];

	(void)snprintf(user, sizeof user, "USER u%u@example.test", p->who);
	for (unsigned i = 0; i < p->n && person_rests(p, 6000); i++) {
		struct client c;
		if (person_dials(p, &c, TOWN_POP3) && line_ok(&c) && say(&c, user) &&
		    say(&c, "PASS " TOWN_PASSWORD))
			fetch(p, &c);
		client_close(&c);
	}
}
