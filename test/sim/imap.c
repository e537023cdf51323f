/* SPDX-License-Identifier: Apache-2.0 */
/*
 * People who read by IMAP.
 *
 * One owner an account changes things, one session after the other, and writes down
 * what each answer promises: OK is sure, anything else leaves it open.  A watcher
 * idles beside it and notes the MODSEQs that it is told.
 */
#include <stdio.h>
#include <stdlib.h>

#include "imap_talk.h"

#define STEPS 8u
#define SOME  20u /* messages of one command: more than one commit inserts */

static enum said said(enum imap_end e)
{
	return e == IMAP_OK ? SAID_YES : SAID_MAYBE;
}

/* One of those that are surely there; NULL: none is. */
static struct seen *any(struct imap *m)
{
	struct ledger_box *b = m->box;
	size_t start = b->count > 0 ? (size_t)dice_below(&m->p->dice, b->count) : 0;

	for (size_t i = 0; i < b->count; i++) {
		struct seen *s = &b->uids[(start + i) % b->count];
		if (s->state == SEEN_HERE)
			return s;
	}
	return NULL;
}

static void appends(struct imap *m, const char *to)
{
	struct storm *st = m->p->storm;
	size_t size = dice_chance(&m->p->dice, 8)
			      ? 50000 + (size_t)dice_below(&m->p->dice, 200000)
			      : 100 + (size_t)dice_below(&m->p->dice, 2000);
	unsigned token = ledger_new(&st->ledger, "me@home.test", size);
	struct buf text;
	uint32_t validity, uid;

	if (token == LEDGER_TOKENS)
		return;
	buf_init(&text, 4u << 20);
	ledger_text(&st->ledger, token, &text);
	enum imap_end e = imap_append(m, to, buf_span(&text));
	buf_free(&text);
	ledger_come(&st->ledger, token, m->p->who, said(e));
	storm_say(st, "u%u appends message %u to %s: %s", m->p->who, token, to,
		  imap_end_name(e));
	if (e != IMAP_OK)
		return;
	if (sscanf(m->said, "%*s OK [APPENDUID %u %u]", &validity, &uid) != 2)
		storm_fail("APPEND said: %s", m->said);
	struct ledger_box *b = ledger_box(&st->ledger, m->p->who, to);
	ledger_validity(b, validity);
	(void)ledger_is(b, uid, token);
}

/* Some that are surely there: mostly one, now and then all of them. */
struct some {
	struct seen *list[SOME];
	size_t count;
	char set[SOME * 11 + 1]; /* as IMAP writes it */
};

static void some_of(struct imap *m, struct some *out)
{
	struct ledger_box *b = m->box;
	bool many = dice_chance(&m->p->dice, 25);
	size_t len = 0;

	*out = (struct some){0};
	if (!many && (out->list[0] = any(m)) != NULL)
		out->count = 1;
	for (size_t i = 0; many && i < b->count && out->count < SOME; i++)
		if (b->uids[i].state == SEEN_HERE)
			out->list[out->count++] = &b->uids[i];
	for (size_t i = 0; i < out->count; i++)
		len += (size_t)snprintf(out->set + len, sizeof out->set - len, "%s%u",
					i > 0 ? "," : "", out->list[i]->uid);
}

/* "1:3,5" as numbers; how many. */
static size_t numbers(const char *set, uint32_t *out)
{
	size_t n = 0;

	while (*set >= '0' && *set <= '9') {
		char *end;
		uint32_t first = (uint32_t)strtoul(set, &end, 10), last = first;
		if (*end == ':')
			last = (uint32_t)strtoul(end + 1, &end, 10);
		for (uint32_t i = first; i <= last && n < SOME; i++)
			out[n++] = i;
		set = *end == ',' ? end + 1 : end;
	}
	return n;
}

static const struct seen *one_with(const struct some *of, uint32_t uid)
{
	for (size_t i = 0; i < of->count; i++)
		if (of->list[i]->uid == uid)
			return of->list[i];
	return NULL;
}

/* What COPYUID promises: which UID each message has there. */
static void copied(struct imap *m, const char *to, const struct some *of)
{
	struct ledger_box *b = ledger_box(&m->p->storm->ledger, m->p->who, to);
	uint32_t validity, source[SOME], target[SOME];
	char from[SOME * 11 + 1], into[SOME * 11 + 1];

	if (sscanf(m->copyuid, "COPYUID %u %220s %220[0-9:,]", &validity, from, into) != 3 ||
	    numbers(from, source) != of->count || numbers(into, target) != of->count)
		storm_fail("%zu messages were copied, and: %s / %s", of->count, m->copyuid,
			   m->said);
	ledger_validity(b, validity);
	for (size_t i = 0; i < of->count; i++) {
		const struct seen *s = one_with(of, source[i]);
		if (s == NULL)
			storm_fail("UID %u was copied, and nobody asked", source[i]);
		(void)ledger_is(b, target[i], s->token);
	}
}

static void copies(struct imap *m, const char *to, bool move)
{
	struct storm *st = m->p->storm;
	struct some of;
	char line[SOME * 11 + 40];

	some_of(m, &of);
	if (of.count == 0)
		return;
	(void)snprintf(line, sizeof line, "UID %s %s %s", move ? "MOVE" : "COPY", of.set, to);
	m->copyuid[0] = 0;
	enum imap_end e = imap_do(m, line);
	storm_say(st, "u%u %s: %s", m->p->who, line, imap_end_name(e));
	for (size_t i = 0; i < of.count; i++) {
		if (move)
			of.list[i]->state = e == IMAP_OK ? SEEN_GONE : SEEN_PERHAPS;
		if (!move)
			ledger_come(&st->ledger, of.list[i]->token, m->p->who, said(e));
		else if (e != IMAP_OK) /* a copy too many, never too few */
			ledger_come(&st->ledger, of.list[i]->token, m->p->who,
				    SAID_MAYBE);
	}
	if (e == IMAP_OK)
		copied(m, to, &of);
}

static void expunges(struct imap *m)
{
	struct storm *st = m->p->storm;
	struct some of;
	char line[SOME * 11 + 60];

	some_of(m, &of);
	if (of.count == 0)
		return;
	(void)snprintf(line, sizeof line, "UID STORE %s +FLAGS.SILENT (\\Deleted)", of.set);
	if (imap_do(m, line) != IMAP_OK)
		return;
	(void)snprintf(line, sizeof line, "UID EXPUNGE %s", of.set);
	enum imap_end e = imap_do(m, line);
	storm_say(st, "u%u %s: %s", m->p->who, line, imap_end_name(e));
	for (size_t i = 0; i < of.count; i++) {
		of.list[i]->state = e == IMAP_OK ? SEEN_GONE : SEEN_PERHAPS;
		ledger_go(&st->ledger, of.list[i]->token, m->p->who, said(e));
	}
}

static void flags(struct imap *m)
{
	struct seen *s = any(m);
	unsigned which = (unsigned)dice_below(&m->p->dice, 3);
	static const char *const names[] = {"\\Seen", "\\Answered", "\\Flagged"};
	bool on = dice_chance(&m->p->dice, 70);
	char line[80];

	if (s == NULL)
		return;
	(void)snprintf(line, sizeof line, "UID STORE %u %cFLAGS (%s)", s->uid,
		       on ? '+' : '-', names[which]);
	s->on &= ~(1u << which);
	s->off &= ~(1u << which);
	if (imap_do(m, line) != IMAP_OK)
		s->unsure |= 1u << which;
	else if ((s->unsure >> which & 1) == 0)
		*(on ? &s->on : &s->off) |= 1u << which;
}

/* Reads one message whole. */
static void reads(struct imap *m)
{
	struct seen *s = any(m);
	char line[80];

	if (s == NULL)
		return;
	(void)snprintf(line, sizeof line, "UID FETCH %u (BODY.PEEK[])", s->uid);
	buf_clear(&m->literal);
	if (imap_do(m, line) != IMAP_OK)
		return;
	if (!ledger_same(&m->p->storm->ledger, s->token, buf_span(&m->literal)))
		storm_fail("UID %u does not read as message %u", s->uid, s->token);
}

static void idles(struct imap *m)
{
	uint64_t ms = dice_below(&m->p->dice, 3000);

	(void)imap_idle(m, ms);
}

static void one_step(struct imap *m, const char *other)
{
	switch (dice_below(&m->p->dice, 10)) {
	case 0:
	case 1:
		appends(m, dice_chance(&m->p->dice, 70) ? "INBOX" : other);
		break;
	case 2:
		copies(m, other, false);
		break;
	case 3:
	case 4:
		copies(m, other, true);
		break;
	case 5:
	case 6:
		expunges(m);
		break;
	case 7:
		flags(m);
		break;
	case 8:
		reads(m);
		break;
	default:
		idles(m);
	}
}

static void owns(struct person *p, struct imap *m)
{
	const char *here = dice_chance(&p->dice, 70) ? "INBOX" : "Work";
	const char *other = dice_chance(&p->dice, 50) ? "Trash"
			    : strcmp(here, "Work") == 0 ? "INBOX"
							: "Work";

	if (imap_do(m, "CREATE Work") == IMAP_LOST || imap_do(m, "CREATE Trash") == IMAP_LOST)
		return;
	if (imap_select(m, here) != IMAP_OK || !imap_list(m))
		return;
	for (unsigned i = 0; i < STEPS && !m->lost && !p->storm->stop; i++)
		one_step(m, other);
	if (m->lost)
		return;
	if (dice_chance(&p->dice, 50) && imap_do(m, "NOOP") == IMAP_OK)
		(void)imap_list(m);
	if (!m->lost && dice_chance(&p->dice, 70))
		(void)imap_do(m, "LOGOUT");
}

void person_imap(struct person *p)
{
	for (unsigned i = 0; i < p->n && person_rests(p, 3000); i++) {
		struct imap *m = imap_login(p);
		if (m != NULL && imap_do(m, "ENABLE CONDSTORE") == IMAP_OK)
			owns(p, m);
		imap_end(m);
	}
}

void person_watches(struct person *p)
{
	for (unsigned i = 0; i < p->n && person_rests(p, 4000); i++) {
		struct imap *m = imap_login(p);
		if (m != NULL && imap_do(m, "ENABLE CONDSTORE") == IMAP_OK &&
		    imap_select(m, "INBOX") == IMAP_OK)
			for (unsigned k = 0; k < 4 && !m->lost && !p->storm->stop; k++)
				if (imap_idle(m, dice_below(&p->dice, 8000)))
					(void)imap_do(m, "UID FETCH 1:* (FLAGS)");
		imap_end(m);
	}
}
