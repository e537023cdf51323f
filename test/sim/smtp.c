/* SPDX-License-Identifier: Apache-2.0 */
/*
 * People who send: other servers on port 25, and users who submit.
 *
 * 250 after the last dot is a promise to every recipient that was accepted.  A 5xx
 * means that nobody gets it; a 4xx, or silence, that somebody may.  Nothing is sent
 * twice under one token, so a second copy is always a fault.
 */
#include <stdio.h>

#include "storm.h"

#define RCPTS     8u
#define NOBODY    TOWN_PEOPLE
#define TEAM      (TOWN_PEOPLE + 1)
#define FAR       (TOWN_PEOPLE + 2) /* an alias of somebody elsewhere */
#define AWAY      (TOWN_PEOPLE + 3)
#define BOB       "bob@elsewhere.test"

struct letter {
	unsigned token;
	unsigned to[RCPTS], count;
	unsigned accepted; /* bits of accounts */
	unsigned away;	   /* bits of ways to somebody elsewhere */
	char from[40];
};

static size_t a_size(struct dice *d)
{
	if (dice_chance(d, 4))
		return 60000 + (size_t)dice_below(d, 300000);
	if (dice_chance(d, 8))
		return 10000 + (size_t)dice_below(d, 50000);
	return 100 + (size_t)dice_below(d, 3000);
}

static const char *address(unsigned to, char out[40])
{
	if (to == TEAM)
		return "team@example.test";
	if (to == FAR)
		return "far@example.test";
	if (to == NOBODY)
		return "nobody@example.test";
	if (to >= AWAY) {
		(void)snprintf(out, 40, "x@d%u.test", to - AWAY);
		return out;
	}
	(void)snprintf(out, 40, "u%u@example.test", to);
	return out;
}

static unsigned accounts_of(unsigned to)
{
	return to == TEAM ? 7u : to < TOWN_PEOPLE ? 1u << to : 0;
}

static void address_letter(struct person *p, struct letter *l)
{
	l->count = 1 + (dice_chance(&p->dice, 50) ? 0 : (unsigned)dice_below(&p->dice, 4));
	for (unsigned i = 0; i < l->count; i++)
		l->to[i] = (unsigned)dice_below(&p->dice, TOWN_PEOPLE + 3);
	if (dice_chance(&p->dice, 40)) {
		l->to[0] = AWAY + (unsigned)dice_below(&p->dice, 4);
		if (dice_chance(&p->dice, 60)) { /* by the queue to some of ours, too */
			l->to[1] = TEAM;
			l->count += l->count == 1;
		}
	}
	l->accepted = 0;
	l->away = 0;
}

static void stuff(struct span text, struct buf *out)
{
	struct span line;

	while (text.len > 0) {
		(void)span_cut(&text, '\n', &line);
		if (line.len > 0 && line.ptr[0] == '.')
			buf_addc(out, '.');
		buf_add(out, line);
		buf_addc(out, '\n');
	}
	buf_add(out, SPAN(".\r\n"));
}

/* In pieces, with pauses, or only a beginning: false. */
static bool send_text(struct person *p, struct client *c, struct letter *l)
{
	struct buf text, wire;
	struct span rest;
	bool whole = !dice_chance(&p->dice, 4);

	buf_init(&text, 1u << 20);
	buf_init(&wire, 2u << 20);
	ledger_text(&p->storm->ledger, l->token, &text);
	stuff(buf_span(&text), &wire);
	rest = buf_span(&wire);
	if (!whole)
		rest.len = (size_t)dice_below(&p->dice, rest.len - 2);
	while (rest.len > 0) {
		size_t n = dice_chance(&p->dice, 70)
				   ? rest.len
				   : 1 + (size_t)dice_below(&p->dice, rest.len);
		client_send(c, span_sub(rest, 0, n));
		rest = span_skip(rest, n);
		if (rest.len > 0)
			(void)!fiber_sleep_until(c->loop,
						loop_now(c->loop) +
							dice_below(&p->dice, 50) *
								NS_PER_MS);
	}
	buf_free(&wire);
	buf_free(&text);
	return whole;
}

static unsigned way_of(unsigned to)
{
	return to >= AWAY ? 1u : to == FAR ? 2u : 0;
}

static void say_away(struct person *p, const struct letter *l, enum said said)
{
	for (unsigned i = 0; i < LEDGER_WAYS; i++)
		if ((l->away >> i & 1) != 0) {
			p->storm->ledger.away[l->token][i].said = said;
			p->storm->ledger.away[l->token][i].domain =
				i == 0 ? l->to[0] - AWAY : LEDGER_DOMAINS - 1;
		}
}

static void note(struct person *p, const struct letter *l, enum said said)
{
	for (unsigned i = 0; i < TOWN_PEOPLE; i++)
		if ((l->accepted >> i & 1) != 0)
			ledger_come(&p->storm->ledger, l->token, i, said);
	say_away(p, l, said);
	storm_say(p->storm, "message %u to accounts %#x: %s", l->token, l->accepted,
		  said == SAID_YES ? "taken" : said == SAID_NO ? "refused" : "unclear");
}

/* From MAIL to DATA's reply; the answer is that reply. */
static unsigned envelope(struct person *p, struct client *c, struct letter *l)
{
	char line[96], name[40];
	struct buf all;
	unsigned code;
	bool together = dice_chance(&p->dice, 40);

	if (!together) {
		(void)snprintf(line, sizeof line, "MAIL FROM:<%s>", l->from);
		if (client_say(c, line) != 250)
			return c->code;
		for (unsigned i = 0; i < l->count; i++) {
			(void)snprintf(line, sizeof line, "RCPT TO:<%s>",
				       address(l->to[i], name));
			if (client_say(c, line) != 250)
				continue;
			l->accepted |= accounts_of(l->to[i]);
			l->away |= way_of(l->to[i]);
		}
		if (dice_chance(&p->dice, 5))
			return client_say(c, "RSET");
		return l->accepted != 0 || l->away != 0 ? client_say(c, "DATA") : 0;
	}
	buf_init(&all, 4096);
	buf_printf(&all, "MAIL FROM:<%s>\r\n", l->from);
	for (unsigned i = 0; i < l->count; i++)
		buf_printf(&all, "RCPT TO:<%s>\r\n", address(l->to[i], name));
	buf_add(&all, SPAN("DATA\r\n"));
	client_send(c, buf_span(&all));
	buf_free(&all);
	(void)client_reply(c);
	for (unsigned i = 0; i < l->count; i++) {
		if (client_reply(c) != 250)
			continue;
		l->accepted |= accounts_of(l->to[i]);
		l->away |= way_of(l->to[i]);
	}
	code = client_reply(c);
	return code;
}

/* False: the connection is of no use any more. */
static bool transact(struct person *p, struct client *c, const char *from)
{
	struct ledger *led = &p->storm->ledger;
	struct letter l = {0};
	unsigned end;

	(void)snprintf(l.from, sizeof l.from, "%s", from);
	address_letter(p, &l);
	if (envelope(p, c, &l) != 354)
		return c->code != 0 && client_say(c, "RSET") == 250;
	l.token = ledger_new(led, from, a_size(&p->dice));
	if (l.token == LEDGER_TOKENS)
		return false;
	say_away(p, &l, SAID_MAYBE); /* until it is known */
	if (!send_text(p, c, &l)) {
		note(p, &l, SAID_NO); /* the end was never sent */
		return false;
	}
	if (dice_chance(&p->dice, 5)) {
		note(p, &l, SAID_MAYBE); /* gone without waiting for the reply */
		return false;
	}
	end = client_reply(c);
	note(p, &l, end == 250 ? SAID_YES : end / 100 == 5 ? SAID_NO : SAID_MAYBE);
	return end != 0;
}

static void letters(struct person *p, struct client *c, const char *from)
{
	unsigned n = 1 + (unsigned)dice_below(&p->dice, 3);

	while (n-- > 0 && !p->storm->stop && transact(p, c, from))
		;
	if (dice_chance(&p->dice, 80))
		(void)client_say(c, "QUIT");
}

void person_mx(struct person *p)
{
	for (unsigned i = 0; i < p->n && person_rests(p, 3000); i++) {
		struct client c;
		client_open(&c, house_loop(p->storm->town->house), TOWN_MX);
		bool ok = c.code == 220 && client_say(&c, "EHLO elsewhere.test") == 250;
		if (ok && dice_chance(&p->dice, 8))
			ok = client_say(&c, "STARTTLS") == 220 && client_tls(&c) &&
			     client_say(&c, "EHLO elsewhere.test") == 250;
		if (ok)
			letters(p, &c, BOB);
		client_close(&c);
	}
}

/* "\0" user "\0" password in base64, made once for each account. */
static void plain(unsigned who, char out[128])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char in[96] = {0};
	size_t n = 1 + (size_t)snprintf(in + 1, 40, "u%u@example.test", who);
	size_t at = 0;

	n += 1 + (size_t)snprintf(in + n + 1, 40, "%s", TOWN_PASSWORD);
	for (size_t i = 0; i < n; i += 3) {
		uint32_t w = (uint32_t)(unsigned char)in[i] << 16 |
			     (uint32_t)(unsigned char)in[i + 1] << 8 |
			     (unsigned char)in[i + 2];
		for (size_t k = 0; k < 4; k++)
			out[at++] = i + k <= n ? digits[w >> (18 - 6 * k) & 63] : '=';
	}
	out[at] = 0;
}

void person_submits(struct person *p)
{
	static const char *const names[] = {"u0@example.test", "u1@example.test",
					    "u2@example.test"};
	char secret[128], line[160];

	plain(p->who, secret);
	(void)snprintf(line, sizeof line, "AUTH PLAIN %s", secret);
	for (unsigned i = 0; i < p->n && person_rests(p, 5000); i++) {
		struct client c;
		if (person_dials(p, &c, TOWN_SUBMISSION) && client_reply(&c) == 220 &&
		    client_say(&c, "EHLO home.test") == 250 &&
		    client_say(&c, line) == 235)
			letters(p, &c, names[p->who]);
		client_close(&c);
	}
}
