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

/* COPY or MOVE of one message. */
static void copies(struct imap *m, const char *to, bool move)
{
	struct storm *st = m->p->storm;
	struct seen *s = any(m);
	uint32_t validity, source, target;
	char line[80];

	if (s == NULL)
		return;
	(void)snprintf(line, sizeof line, "UID %s %u %s", move ? "MOVE" : "COPY", s->uid,
		       to);
	m->copyuid[0] = 0;
	enum imap_end e = imap_do(m, line);
	storm_say(st, "u%u %s, message %u: %s", m->p->who, line, s->token,
		  imap_end_name(e));
	if (move) {
		s->state = e == IMAP_OK ? SEEN_GONE : SEEN_PERHAPS;
		if (e != IMAP_OK) /* a copy too many, never too few */
			ledger_come(&st->ledger, s->token, m->p->who, SAID_MAYBE);
	} else {
		ledger_come(&st->ledger, s->token, m->p->who, said(e));
	}
	if (e != IMAP_OK)
		return;
	if (sscanf(m->copyuid, "COPYUID %u %u %u", &validity, &source, &target) != 3 ||
	    source != s->uid)
		storm_fail("%s of UID %u said: %s / %s", line, s->uid, m->copyuid, m->said);
	struct ledger_box *b = ledger_box(&st->ledger, m->p->who, to);
	ledger_validity(b, validity);
	(void)ledger_is(b, target, s->token);
}

static void expunges(struct imap *m)
{
	struct storm *st = m->p->storm;
	struct seen *s = any(m);
	char line[80];

	if (s == NULL)
		return;
	(void)snprintf(line, sizeof line, "UID STORE %u +FLAGS.SILENT (\\Deleted)", s->uid);
	if (imap_do(m, line) != IMAP_OK)
		return;
	(void)snprintf(line, sizeof line, "UID EXPUNGE %u", s->uid);
	enum imap_end e = imap_do(m, line);
	s->state = e == IMAP_OK ? SEEN_GONE : SEEN_PERHAPS;
	ledger_go(&st->ledger, s->token, m->p->who, said(e));
	storm_say(st, "u%u expunges UID %u, message %u: %s", m->p->who, s->uid, s->token,
		  imap_end_name(e));
}

static void flags(struct imap *m)
{
	struct seen *s = any(m);
	unsigned which = (unsigned)dice_below(&m->p->dice, 3);
	static const char *const names[] = {"\\Seen", "\\Answered", "\\Flagged"};
	char line[80];

	if (s == NULL)
		return;
	(void)snprintf(line, sizeof line, "UID STORE %u +FLAGS (%s)", s->uid,
		       names[which]);
	if (imap_do(m, line) == IMAP_OK)
		s->flags |= 1u << which;
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
