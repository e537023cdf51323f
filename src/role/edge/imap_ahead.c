/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/imap_ahead: bytes of messages, most of them before they are asked for.
 *
 * An answer of the store is a piece of one message and whole messages behind it, as much as
 * a frame holds; by their sizes it is known what that will be.  So while a FETCH writes what
 * one answer brought, the next two are on their way: LOADS at most, whatever the client
 * asked for and however slowly it reads.  What an answer should have brought and has not,
 * is asked for by itself, and its answer says why.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "role/edge/imap_side.h"

#define BODY_PIECE  61440u
#define WHOLE_BYTES 16u /* of a frame, beside a message's own: as in the store */
#define AHEAD_MAX   64u /* messages that come along with one */
#define LOADS       3u  /* one in hand, two under way */

/* One answer; outlives whoever waits for it. */
struct load {
	bool under_way, forgotten;
	enum ipc_result result;
	struct fiber_gate gate;
	struct arena *arena;
	uint64_t offset, len;	 /* what was asked for of the first one */
	uint32_t ahead[AHEAD_MAX + 1]; /* it, and those that come along */
	size_t count;
	struct edge_store_body_reply r;
};

struct imap_ahead {
	const struct imap_row *rows; /* the command's, in its order */
	size_t count;
	size_t at; /* where the next load begins: in this row */
	uint64_t offset;
	uint64_t mailbox;
	struct load *loads[LOADS];
	size_t load_count;
};

static void load_free(struct load *l)
{
	if (l->under_way) {
		l->forgotten = true; /* its answer frees it */
		return;
	}
	arena_free(l->arena);
	free(l);
}

static void load_came(void *arg, enum ipc_result r)
{
	struct load *l = arg;
	l->under_way = false;
	l->result = r;
	if (l->forgotten)
		load_free(l);
	else
		(void)gate_open(&l->gate, 0);
}

static void drop(struct imap_ahead *a, size_t n)
{
	ENSURE(n <= a->load_count);
	for (size_t i = 0; i < n; i++)
		load_free(a->loads[i]);
	a->load_count -= n;
	memmove(a->loads, a->loads + n, a->load_count * sizeof *a->loads);
}

void imap_ahead_free(struct imap_side *s)
{
	if (s->ahead == NULL)
		return;
	drop(s->ahead, s->ahead->load_count);
	free(s->ahead);
	s->ahead = NULL;
}

/* What the next load brings; a->at and a->offset go behind it. */
static void plan(struct imap_ahead *a, struct load *l)
{
	uint64_t left = a->rows[a->at].size - u64_min(a->offset, a->rows[a->at].size);
	uint64_t room = BODY_PIECE;
	l->offset = a->offset;
	l->len = u64_min(left, BODY_PIECE);
	l->ahead[l->count++] = a->rows[a->at].uid;
	room -= l->len;
	if (left > BODY_PIECE) {
		a->offset += BODY_PIECE;
		return;
	}
	a->offset = 0;
	for (a->at++; a->at < a->count && l->count <= AHEAD_MAX; a->at++) {
		const struct imap_row *row = &a->rows[a->at];
		if (!row->found)
			continue;
		if (row->size + WHOLE_BYTES > room)
			break;
		room -= row->size + WHOLE_BYTES;
		l->ahead[l->count++] = row->uid;
	}
}

/* False: it cannot be asked now. */
static bool load_start(struct imap_side *s, struct imap_ahead *a)
{
	struct connection *c = s->c;
	struct load *l = store_of(c) != NULL ? calloc(1, sizeof *l) : NULL;
	if (l == NULL)
		return false;
	plan(a, l);
	struct edge_store_body m = {.session = c->session,
				    .mailbox = a->mailbox,
				    .uid = l->ahead[0],
				    .offset = l->offset,
				    .length = (uint32_t)l->len,
				    .ahead = l->ahead + 1,
				    .ahead_count = l->count - 1};
	l->arena = arena_new(EDGE_ARENA_MAX);
	l->under_way = l->arena != NULL &&
		       edge_store_body_start(store_of(c), &m, l->arena, &l->r,
					     edge_within(c->edge, EDGE_READ_NS), load_came,
					     l) == IPC_OK;
	if (!l->under_way) {
		load_free(l);
		return false;
	}
	a->loads[a->load_count++] = l;
	return true;
}

/* As many as may be under way.  They leave now: much is written before the turn's end. */
static void go_on(struct imap_side *s, struct imap_ahead *a)
{
	bool more = false;
	while (a->load_count < LOADS && a->at < a->count) {
		if (!a->rows[a->at].found) {
			a->at++;
			continue;
		}
		if (!load_start(s, a))
			break;
		more = true;
	}
	if (more && store_of(s->c) != NULL)
		(void)ipc_flush(edge_store_ipc(store_of(s->c)));
}

/* Will, or should, this one bring it? */
static bool brings(const struct load *l, uint32_t uid, uint64_t offset)
{
	if (l->ahead[0] == uid)
		return offset >= l->offset && offset - l->offset < l->len;
	return uid > l->ahead[0] && uid <= l->ahead[l->count - 1];
}

/* Make loads[0] the one that brings it.  False: none will. */
static bool turn_to(struct imap_side *s, struct imap_ahead *a, uint32_t uid, uint64_t offset)
{
	size_t i = 0, row = 0;
	while (i < a->load_count && !brings(a->loads[i], uid, offset))
		i++;
	if (i < a->load_count) {
		drop(a, i);
	} else {
		while (row < a->count && a->rows[row].uid != uid)
			row++;
		if (row == a->count || offset >= a->rows[row].size)
			return false;
		drop(a, a->load_count);
		a->at = row;
		a->offset = offset;
	}
	go_on(s, a);
	return a->load_count > 0;
}

static bool load_has(const struct load *l, uint32_t uid, uint64_t offset, size_t len,
		     struct span *out)
{
	const struct edge_store_body_reply *r = &l->r;
	struct span bytes = r->bytes;
	if (l->under_way || l->result != IPC_OK || r->answer != EDGE_STORE_ANSWER_YES)
		return false;
	if (l->ahead[0] == uid) {
		offset -= l->offset;
	} else {
		bytes = span_of(NULL, 0);
		for (size_t i = 0; i < r->whole_count; i++)
			if (r->whole[i].uid == uid)
				bytes = r->whole[i].bytes;
	}
	*out = span_sub(bytes, (size_t)u64_min(offset, bytes.len), len);
	return out->len > 0;
}

static enum imap_answer body_alone(struct imap_side *s, uint64_t mailbox, uint32_t uid,
				   uint64_t offset, size_t len, struct span *out)
{
	struct connection *c = s->c;
	struct edge_store_body m = {.session = c->session,
				    .mailbox = mailbox,
				    .uid = uid,
				    .offset = offset,
				    .length = (uint32_t)size_min(len, BODY_PIECE)};
	struct edge_store_body_reply r;
	enum imap_answer a = IMAP_ASK(c, body, &m, connection_scratch(c), &r, EDGE_READ_NS);
	if (a == IMAP_YES)
		*out = span_sub(r.bytes, 0, m.length);
	return a;
}

static enum imap_answer body(struct imap_host *h, uint64_t mailbox, uint32_t uid,
			     uint64_t offset, size_t len, struct span *out)
{
	struct imap_side *s = imap_side_of(h);
	struct imap_ahead *a = s->ahead;
	if (a != NULL)
		a->mailbox = mailbox;
	if (a == NULL || !turn_to(s, a, uid, offset))
		return body_alone(s, mailbox, uid, offset, len, out);
	struct load *l = a->loads[0];
	uint64_t value;
	/* The call has a deadline of its own. */
	while (l->under_way)
		if (gate_wait(s->c->edge->role->loop, &l->gate, NS_NEVER, &value) ==
		    WOKE_STOPPED)
			return IMAP_UNAVAILABLE;
	if (load_has(l, uid, offset, len, out))
		return IMAP_YES;
	return body_alone(s, mailbox, uid, offset, len, out);
}

static void expect(struct imap_host *h, const struct imap_row *rows, size_t count)
{
	struct imap_side *s = imap_side_of(h);
	imap_ahead_free(s);
	if (count == 0)
		return;
	s->ahead = calloc(1, sizeof *s->ahead);
	if (s->ahead == NULL)
		return; /* one by one, then */
	s->ahead->rows = rows;
	s->ahead->count = count;
}

void imap_ahead_ops(struct imap_host *h)
{
	h->body = body;
	h->expect = expect;
}
