/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc/calls: what we ask of the peer - calls, their answers, and casts.
 *
 * A call stands first in line for credit, then in a slot until its answer is
 * there.  When its deadline passes its caller goes on, but the slot stays taken:
 * the peer still owes the answer, and so an answer without a slot is always a
 * violation.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "ipc/channel.h"

static void call_drop(struct ipc *ch, struct out_call *c)
{
	list_remove(&c->link);
	buf_free(&c->body);
	if (c->fd != -1)
		ch->link->ops->close_fd(ch->link, c->fd);
	free(c);
}

/* Tell the caller, once. */
static void call_done(struct out_call *c, enum ipc_result r)
{
	void (*done)(void *, enum ipc_result) = c->done;
	c->done = NULL;
	c->arena = NULL;
	c->reply = NULL;
	if (done != NULL)
		done(c->ctx, r);
}

static void alarm_at(struct ipc *ch, uint64_t when)
{
	if (when >= ch->alarm)
		return;
	ch->alarm = when;
	ch->link->ops->alarm(ch->link, when);
}

/* The call has a slot from here on; its bytes go into the frame. */
static bool call_send(struct ipc *ch, struct out_call *c, struct span body)
{
	uint32_t at = ch->free_slots[--ch->free_count];
	struct slot *s = &ch->slots[at];
	s->call = c;
	s->uses++;
	c->id = s->uses << SLOT_BITS | at;
	list_remove(&c->link);
	list_push_back(&ch->asked, &c->link);

	char head[ID_LEN + DEADLINE_LEN];
	for (unsigned i = 0; i < ID_LEN; i++)
		head[i] = (char)(c->id >> 8 * i);
	for (unsigned i = 0; i < DEADLINE_LEN; i++)
		head[ID_LEN + i] = (char)(c->deadline >> 8 * i);
	int fd = c->fd;
	c->fd = -1;
	return send_message(ch, KIND_CALL, c->m->number,
			    span_of(head, sizeof head), body, fd);
}

static void waiting_go(struct ipc *ch)
{
	while (ch->free_count > 0 && ch->doom == NULL &&
	       !list_empty(&ch->waiting)) {
		struct out_call *c = CONTAINER_OF(ch->waiting.next,
						  struct out_call, link);
		if (call_send(ch, c, buf_span(&c->body)))
			buf_free(&c->body);
	}
}

/* Fields into ch->scratch.  *fd is taken from the sender in any case. */
static enum ipc_result encode(struct ipc *ch, const struct ipc_body *body,
			      const void *fields, int *fd)
{
	struct ipc_pack p = {.out = &ch->scratch, .fd = -1};
	buf_clear(&ch->scratch);
	body->put(&p, fields);
	*fd = p.fd;
	if (ch->doom == NULL && buf_ok(&ch->scratch))
		return IPC_OK;
	if (*fd != -1)
		ch->link->ops->close_fd(ch->link, *fd);
	return ch->doom != NULL ? IPC_DEAD : IPC_TOO_BIG;
}

static enum ipc_result call_begin(struct ipc *ch, struct out_call *c)
{
	if (ch->free_count > 0 && list_empty(&ch->waiting)) {
		if (call_send(ch, c, buf_span(&ch->scratch)))
			return IPC_OK;
		ch->slots[c->id & SLOT_MASK].call = NULL;
		return IPC_DEAD;
	}
	buf_init(&c->body, IPC_BODY_MAX);
	buf_add(&c->body, buf_span(&ch->scratch));
	if (!buf_ok(&c->body))
		return IPC_NO_MEMORY;
	ch->stats.waited++;
	list_push_back(&ch->waiting, &c->link);
	return IPC_OK;
}

static enum ipc_result start(struct ipc *ch, const struct ipc_message *m,
			     const void *req, struct out_call want,
			     struct out_call **out)
{
	ENSURE_TAG(ch, IPC_TAG);
	ENSURE(m->is_call && m->to != ch->side);
	int fd;
	enum ipc_result r = encode(ch, &m->body, req, &fd);
	if (r != IPC_OK)
		return r;
	struct out_call *c = malloc(sizeof *c);
	if (c == NULL) {
		if (fd != -1)
			ch->link->ops->close_fd(ch->link, fd);
		return IPC_NO_MEMORY;
	}
	*c = want;
	c->m = m;
	c->fd = fd;
	r = call_begin(ch, c);
	if (r != IPC_OK) {
		call_drop(ch, c);
		return r;
	}
	alarm_at(ch, c->deadline);
	*out = c;
	return IPC_OK;
}

enum ipc_result ipc_call_start(struct ipc *ch, const struct ipc_message *m,
			       const void *req, struct arena *arena, void *rep,
			       uint64_t deadline,
			       void (*done)(void *ctx, enum ipc_result),
			       void *ctx)
{
	ENSURE(done != NULL);
	struct out_call *c;
	return start(ch, m, req,
		     (struct out_call){.arena = arena,
				       .reply = rep,
				       .deadline = deadline,
				       .done = done,
				       .ctx = ctx},
		     &c);
}

/* A fiber's side of a call; lives on its stack. */
struct parked {
	struct ipc *ch;
	void *fiber;
	bool done;
	enum ipc_result result;
};

static void unpark(void *ctx, enum ipc_result r)
{
	struct parked *p = ctx;
	p->done = true;
	p->result = r;
	p->ch->link->ops->wake(p->ch->link, p->fiber);
}

/* Nobody waits any more.  A call that was not sent yet is forgotten. */
static void call_abandon(struct ipc *ch, struct out_call *c)
{
	c->done = NULL;
	c->arena = NULL;
	if (c->id == 0)
		call_drop(ch, c);
}

enum ipc_result ipc_call(struct ipc *ch, const struct ipc_message *m,
			 const void *req, struct arena *arena, void *rep,
			 uint64_t deadline)
{
	ENSURE_TAG(ch, IPC_TAG);
	struct parked p = {.ch = ch,
			   .fiber = ch->link->ops->fiber(ch->link)};
	ENSURE(p.fiber != NULL);
	struct out_call *c;
	enum ipc_result r = start(ch, m, req,
				  (struct out_call){.arena = arena,
						    .reply = rep,
						    .deadline = deadline,
						    .done = unpark,
						    .ctx = &p},
				  &c);
	if (r != IPC_OK)
		return r;
	channel_hold(ch);
	while (!p.done) {
		if (ch->link->ops->park(ch->link) || p.done)
			continue;
		call_abandon(ch, c);
		p.done = true;
		p.result = IPC_STOPPED;
	}
	channel_release(ch);
	return p.result;
}

/* ---- answers ---------------------------------------------------------- */

/* The call that this answer belongs to, its slot free again; or NULL. */
static struct out_call *answered(struct ipc *ch, uint32_t id)
{
	uint32_t at = id & SLOT_MASK;
	struct out_call *c = at < ch->credit_out ? ch->slots[at].call : NULL;
	if (c == NULL || c->id != id) {
		channel_doom(ch, "an answer to nothing");
		return NULL;
	}
	return c;
}

static void slot_free(struct ipc *ch, struct out_call *c)
{
	uint32_t at = c->id & SLOT_MASK;
	list_remove(&c->link); /* its completion may end the channel */
	ch->slots[at].call = NULL;
	ch->free_slots[ch->free_count++] = at;
}

/*
 * Into the caller's arena, spans and all.  When the caller has gone the fields
 * are still judged, in an arena that is forgotten.
 */
static enum ipc_result decode(struct ipc *ch, struct out_call *c,
			      struct span body, int *fd)
{
	bool wanted = c->done != NULL;
	struct arena *arena = wanted ? c->arena : ch->cast_arena;
	void *reply = wanted ? c->reply
			     : arena_alloc(arena, c->m->reply.size);
	struct span copy;
	if (reply == NULL || !arena_copy(arena, body, &copy))
		return IPC_NO_MEMORY;
	memset(reply, 0, c->m->reply.size);
	struct ipc_unpack u = {
		.in = unpack_of(copy), .arena = arena, .fd = *fd};
	c->m->reply.get(&u, reply);
	if (u.no_memory)
		return IPC_NO_MEMORY;
	if (!unpack_done(&u.in) || u.fd != -1) {
		channel_doom(ch, "a reply that cannot be decoded");
		return IPC_DEAD;
	}
	if (wanted)
		*fd = -1;
	return IPC_OK;
}

static void close_taken(struct ipc *ch, int *fd)
{
	if (*fd != -1)
		ch->link->ops->close_fd(ch->link, *fd);
	*fd = -1;
}

void calls_reply(struct ipc *ch, unsigned number, uint32_t id,
		 struct span body, int *fd)
{
	struct out_call *c = answered(ch, id);
	if (c == NULL)
		return;
	if (c->m->number != number) {
		channel_doom(ch, "a reply of another kind");
		return;
	}
	enum ipc_result r = decode(ch, c, body, fd);
	arena_reset(ch->cast_arena);
	if (ch->doom != NULL)
		return; /* the burial ends this call with the others */
	close_taken(ch, fd);
	slot_free(ch, c);
	if (c->m->then != IPC_SAME_STATE)
		ch->state = c->m->then;
	waiting_go(ch);
	call_done(c, r);
	call_drop(ch, c);
}

void calls_refused(struct ipc *ch, enum ipc_result why, uint32_t id)
{
	if (why != IPC_NOT_NOW && why != IPC_BUSY && why != IPC_LATE) {
		channel_doom(ch, "an unknown kind of refusal");
		return;
	}
	struct out_call *c = answered(ch, id);
	if (c == NULL)
		return;
	ch->stats.refused_by_peer++;
	slot_free(ch, c);
	waiting_go(ch);
	call_done(c, why);
	call_drop(ch, c);
}

static uint64_t expire(struct ipc *ch, struct list *head, uint64_t now)
{
	uint64_t next = IPC_NEVER;
	struct list *at = head->next;
	while (at != head && ch->doom == NULL) {
		struct out_call *c = CONTAINER_OF(at, struct out_call, link);
		at = at->next;
		if (c->done == NULL)
			continue;
		if (c->deadline > now) {
			next = u64_min(next, c->deadline);
			continue;
		}
		ch->stats.late++;
		bool sent = c->id != 0;
		if (!sent)
			list_remove(&c->link);
		call_done(c, IPC_LATE);
		if (!sent)
			call_drop(ch, c);
	}
	return next;
}

void calls_expire(struct ipc *ch)
{
	uint64_t now = ch->link->ops->now(ch->link);
	ch->alarm = IPC_NEVER;
	uint64_t next = expire(ch, &ch->asked, now);
	next = u64_min(next, expire(ch, &ch->waiting, now));
	if (ch->doom == NULL)
		alarm_at(ch, next);
}

void calls_end_all(struct ipc *ch)
{
	struct list *const heads[] = {&ch->asked, &ch->waiting};
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		while (!list_empty(heads[i])) {
			struct out_call *c = CONTAINER_OF(
				heads[i]->next, struct out_call, link);
			list_remove(&c->link);
			call_done(c, IPC_DEAD);
			call_drop(ch, c);
		}
	}
	while (!list_empty(&ch->cast_waiters)) {
		struct cast_waiter *w = CONTAINER_OF(
			ch->cast_waiters.next, struct cast_waiter, link);
		list_remove(&w->link);
		ch->link->ops->wake(ch->link, w->fiber);
	}
}

/* ---- casts ------------------------------------------------------------ */

/* Units of the window go to those who wait, in order. */
static void window_give(struct ipc *ch)
{
	while (ch->window_used < ch->hop->window[1 - ch->side] &&
	       !list_empty(&ch->cast_waiters)) {
		struct cast_waiter *w = CONTAINER_OF(
			ch->cast_waiters.next, struct cast_waiter, link);
		list_remove(&w->link);
		w->granted = true;
		ch->window_used++;
		ch->link->ops->wake(ch->link, w->fiber);
	}
}

void calls_returned(struct ipc *ch, unsigned casts)
{
	if (casts == 0 || casts > ch->window_used) {
		channel_doom(ch, "more casts handled than were sent");
		return;
	}
	ch->window_used -= casts;
	window_give(ch);
}

static enum ipc_result window_wait(struct ipc *ch)
{
	struct cast_waiter w = {.fiber = ch->link->ops->fiber(ch->link)};
	if (w.fiber == NULL)
		return IPC_BUSY;
	bool stopped = false;
	list_push_back(&ch->cast_waiters, &w.link);
	while (!w.granted && !stopped && ch->doom == NULL)
		stopped = !ch->link->ops->park(ch->link);
	list_remove(&w.link);
	if (ch->doom != NULL)
		return IPC_DEAD;
	return w.granted ? IPC_OK : IPC_STOPPED;
}

/* One unit of the window, now or after a wait. */
static enum ipc_result window_take(struct ipc *ch, const struct ipc_message *m)
{
	if (ch->doom != NULL)
		return IPC_DEAD;
	if (ch->window_used < ch->hop->window[m->to] &&
	    list_empty(&ch->cast_waiters)) {
		ch->window_used++;
		return IPC_OK;
	}
	if (m->lossy) {
		ch->stats.casts_dropped++;
		return IPC_BUSY;
	}
	return window_wait(ch);
}

enum ipc_result ipc_cast(struct ipc *ch, const struct ipc_message *m,
			 const void *fields)
{
	ENSURE_TAG(ch, IPC_TAG);
	ENSURE(!m->is_call && m->to != ch->side);
	channel_hold(ch);
	enum ipc_result got = window_take(ch, m);
	int fd;
	enum ipc_result r = encode(ch, &m->body, fields, &fd);
	if (r == IPC_OK && got == IPC_OK) {
		if (!send_message(ch, KIND_CAST, m->number, SPAN(""),
				  buf_span(&ch->scratch), fd))
			r = IPC_DEAD;
		else if (m->then != IPC_SAME_STATE)
			ch->state = m->then;
	} else if (r == IPC_OK) {
		close_taken(ch, &fd);
		r = got;
	} else if (got == IPC_OK) {
		ch->window_used--;
		window_give(ch);
	}
	channel_release(ch);
	return r;
}
