/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger; what contradicts it is told by storm_fail. */
#include "ledger.h"

#include <stdio.h>

#include "storm.h"

#define LINE 76u

const char *const ledger_names[LEDGER_BOXES] = {"INBOX", "Work", "Trash"};

unsigned ledger_new(struct ledger *l, const char *from, size_t size)
{
	if (l->count == LEDGER_TOKENS)
		return LEDGER_TOKENS;
	l->message[l->count].from = from;
	l->message[l->count].size = size;
	return l->count++;
}

void ledger_text(const struct ledger *l, unsigned token, struct buf *out)
{
	struct dice d = {token * 7919u + 17u};
	size_t end = buf_len(out) + l->message[token].size;

	buf_printf(out,
		   "From: <%s>\r\nTo: people@example.test\r\n"
		   "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"
		   "Message-ID: <t-%06u@sim.test>\r\nSubject: number %u\r\n\r\n",
		   l->message[token].from, token, token);
	do {
		char line[LINE + 2];
		size_t len = (size_t)dice_below(&d, LINE);
		uint64_t r = dice_draw(&d);
		for (size_t i = 0; i < len; i++)
			line[i] = (char)(' ' + (r >> i % 32 & 63) + i % 27);
		if (len > 0 && dice_chance(&d, 10))
			line[0] = '.';
		memcpy(line + len, "\r\n", 2);
		buf_add(out, span_of(line, len + 2));
	} while (buf_len(out) < end);
}

unsigned ledger_token(struct span bytes)
{
	size_t at = span_find_span(bytes, SPAN("Message-ID: <t-"));
	uint64_t n;

	if (at == SIZE_MAX || bytes.len < at + 21 ||
	    !span_u64(span_sub(bytes, at + 15, 6), LEDGER_TOKENS - 1, &n))
		return LEDGER_ALL;
	if (span_find_span(span_sub(bytes, 0, at), SPAN("multipart/report")) != SIZE_MAX)
		n += LEDGER_TOKENS;
	return (unsigned)n;
}

static uint64_t id_of(struct span bytes)
{
	size_t at = span_find_span(bytes, SPAN("Message-ID: <"));
	uint64_t h = 1469598103934665603u;

	if (at == SIZE_MAX)
		return 0;
	for (at += 13; at < bytes.len && bytes.ptr[at] != '>'; at++)
		h = (h ^ (unsigned char)bytes.ptr[at]) * 1099511628211u;
	return h;
}

unsigned ledger_header_token(const struct ledger *l, struct span header)
{
	unsigned token = ledger_token(header);
	uint64_t id = token == LEDGER_ALL ? id_of(header) : 0;

	for (unsigned i = 0; id != 0 && i < l->reports_count; i++)
		if (l->reports[i].id == id)
			return l->reports[i].token;
	return token;
}

void ledger_report(struct ledger *l, struct span bytes)
{
	unsigned token = ledger_token(bytes);

	if (token < LEDGER_TOKENS || token == LEDGER_ALL)
		storm_fail("a report that is none");
	if (l->reports_count == LEDGER_REPORTS)
		storm_fail("more reports than anybody counted on");
	l->reports[l->reports_count].id = id_of(bytes);
	l->reports[l->reports_count++].token = token;
}

bool ledger_same(const struct ledger *l, unsigned token, struct span bytes)
{
	struct buf own;
	struct span s;
	bool same;

	if (token >= LEDGER_TOKENS)
		return ledger_token(bytes) == token;
	buf_init(&own, 4u << 20);
	ledger_text(l, token, &own);
	s = buf_span(&own);
	same = bytes.len >= s.len &&
	       memcmp(bytes.ptr + bytes.len - s.len, s.ptr, s.len) == 0 &&
	       (bytes.len == s.len || bytes.ptr[bytes.len - s.len - 1] == '\n');
	buf_free(&own);
	return same;
}

void ledger_come(struct ledger *l, unsigned token, unsigned who, enum said said)
{
	l->message[token].least[who] += said == SAID_YES;
	l->message[token].most[who] += said != SAID_NO;
	l->promised += said == SAID_YES;
	l->unanswered += said == SAID_MAYBE;
}

void ledger_go(struct ledger *l, unsigned token, unsigned who, enum said said)
{
	l->message[token].least[who] -= said != SAID_NO;
	l->message[token].most[who] -= said == SAID_YES;
}

/* ---- UIDs ------------------------------------------------------------------- */

struct ledger_box *ledger_box(struct ledger *l, unsigned who, const char *name)
{
	for (size_t i = 0; i < LEDGER_BOXES; i++)
		if (strcmp(ledger_names[i], name) == 0)
			return &l->box[who][i];
	storm_fail("a mailbox %s that nobody made", name);
}

void ledger_validity(struct ledger_box *b, uint32_t validity)
{
	if (b->validity != 0 && b->validity != validity)
		storm_fail("UIDVALIDITY was %u and is %u", b->validity, validity);
	b->validity = validity;
}

void ledger_modseq(struct ledger_box *b, uint64_t told)
{
	if (told > b->told.modseq)
		b->told.modseq = told;
}

void ledger_next(struct ledger_box *b, uint32_t uid_next)
{
	if (uid_next > b->told.uid_next)
		b->told.uid_next = uid_next;
}

void ledger_not_below(const struct told *then, uint32_t uid_next, uint64_t modseq)
{
	if (uid_next < then->uid_next)
		storm_fail("UIDNEXT was %u and is %u", then->uid_next, uid_next);
	if (modseq < then->modseq)
		storm_fail("the mailbox is at version %llu, and somebody was told %llu",
			   (unsigned long long)modseq, (unsigned long long)then->modseq);
}

struct seen *ledger_seen(struct ledger_box *b, uint32_t uid)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->uids[i].uid == uid)
			return &b->uids[i];
	return NULL;
}

struct seen *ledger_is(struct ledger_box *b, uint32_t uid, unsigned token)
{
	struct seen *s = ledger_seen(b, uid);

	if (s == NULL && b->count < LEDGER_UIDS) {
		b->uids[b->count] = (struct seen){.uid = uid, .token = token};
		return &b->uids[b->count++];
	}
	if (s == NULL)
		storm_fail("more UIDs than anybody counted on");
	if (s->token != token)
		storm_fail("UID %u was message %u and is %u", uid, s->token, token);
	return s;
}

static const struct listed *find(const struct listed *list, size_t count, uint32_t uid)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].uid == uid)
			return &list[i];
	return NULL;
}

void ledger_listing(struct ledger_box *b, const struct listed *list, size_t count)
{
	uint32_t top = b->top;

	for (size_t i = 0; i < count; i++) {
		if (i > 0 && list[i].uid <= list[i - 1].uid)
			storm_fail("UID %u stands behind UID %u", list[i].uid,
				   list[i - 1].uid);
		if (list[i].uid <= b->top && ledger_seen(b, list[i].uid) == NULL)
			storm_fail("UID %u was not there, and is there now", list[i].uid);
		struct seen *s = ledger_is(b, list[i].uid, list[i].token);
		if (s->state == SEEN_GONE)
			storm_fail("UID %u was expunged and is there", s->uid);
		if ((s->on & ~list[i].flags) != 0 || (s->off & list[i].flags) != 0)
			storm_fail("UID %u has flags %#x; told were %#x, and not %#x",
				   s->uid, list[i].flags, s->on, s->off);
		top = list[i].uid > top ? list[i].uid : top;
	}
	for (size_t i = 0; i < b->count; i++) {
		struct seen *s = &b->uids[i];
		if (find(list, count, s->uid) != NULL)
			continue;
		if (s->state == SEEN_HERE)
			storm_fail("UID %u, message %u, is missing", s->uid, s->token);
		s->state = SEEN_GONE;
	}
	b->top = top;
}
