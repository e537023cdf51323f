/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc/serve: what the peer asks of us.
 *
 * A request is judged whole before its handler runs: decoded to the last byte,
 * within our credit, allowed in the channel's state, not late.  Its memory is an
 * arena of its own plus a share of the frame that it came in.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "ipc/channel.h"

#define CALL_TAG TAG4('I', 'C', 'A', 'L')

struct ipc_call {
	uint32_t tag;
	struct ipc *ch; /* held until the answer */
	struct ipc_call *next; /* among the spares */
	const struct ipc_message *m;
	uint32_t id;
	uint64_t deadline;
	struct arena *arena;
	struct in_frame *frame; /* when kept */
	bool in_handler, kept, answered;
};

static struct ipc_call *call_new(struct ipc *ch)
{
	struct ipc_call *c = ch->spare_calls;
	if (c != NULL) {
		ch->spare_calls = c->next;
		ch->spare_count--;
	} else {
		c = calloc(1, sizeof *c);
		if (c == NULL)
			return NULL;
		c->arena = arena_new(IPC_DECODE_MAX);
		if (c->arena == NULL) {
			free(c);
			return NULL;
		}
	}
	c->tag = CALL_TAG;
	c->ch = ch;
	channel_hold(ch);
	return c;
}

static void memory_drop(struct ipc_call *c)
{
	arena_reset(c->arena);
	if (c->frame != NULL && --c->frame->refs == 0)
		free(c->frame);
	c->frame = NULL;
}

static void call_end(struct ipc_call *c)
{
	struct ipc *ch = c->ch;
	memory_drop(c);
	*c = (struct ipc_call){.arena = c->arena};
	if (ch->spare_count < SPARE_CALLS && !ch->buried) {
		c->next = ch->spare_calls;
		ch->spare_calls = c;
		ch->spare_count++;
	} else {
		arena_free(c->arena);
		free(c);
	}
	channel_release(ch);
}

void serve_drop_spares(struct ipc *ch)
{
	while (ch->spare_calls != NULL) {
		struct ipc_call *c = ch->spare_calls;
		ch->spare_calls = c->next;
		arena_free(c->arena);
		free(c);
	}
}

/* After an answer, and after a handler. */
static void call_settle(struct ipc_call *c)
{
	if (c->in_handler)
		return;
	if (c->answered)
		call_end(c);
	else if (!c->kept)
		memory_drop(c);
}

static bool respond(struct ipc *ch, enum kind kind, unsigned number,
		    uint32_t to, struct span body, int fd)
{
	char id[ID_LEN];
	for (unsigned i = 0; i < ID_LEN; i++)
		id[i] = (char)(to >> 8 * i);
	bool ok = send_message(ch, kind, number, span_of(id, sizeof id), body,
			       fd);
	if (ok)
		send_answered(ch);
	return ok;
}

void ipc_refuse(struct ipc_call *c, enum ipc_result why)
{
	ENSURE_TAG(c, CALL_TAG);
	ENSURE(!c->answered);
	ENSURE(why == IPC_NOT_NOW || why == IPC_BUSY || why == IPC_LATE);
	c->answered = true;
	if (why == IPC_NOT_NOW)
		c->ch->stats.refused_by_us++;
	(void)respond(c->ch, KIND_REFUSAL, (unsigned)why, c->id, SPAN(""), -1);
	call_settle(c);
}

bool ipc_answer(struct ipc_call *c, const struct ipc_message *m,
		const void *reply)
{
	ENSURE_TAG(c, CALL_TAG);
	ENSURE(!c->answered && c->m == m);
	struct ipc *ch = c->ch;
	struct ipc_pack p = {.out = &ch->scratch, .fd = -1};
	buf_clear(&ch->scratch);
	m->reply.put(&p, reply);
	if (!buf_ok(&ch->scratch)) {
		if (p.fd != -1)
			ch->link->ops->close_fd(ch->link, p.fd);
		ipc_refuse(c, IPC_BUSY);
		return false;
	}
	c->answered = true;
	bool ok = respond(ch, KIND_REPLY, m->number, c->id,
			  buf_span(&ch->scratch), p.fd);
	if (ok && m->then != IPC_SAME_STATE)
		ch->state = m->then;
	call_settle(c);
	return ok;
}

/* All of the bytes, the descriptor if there is one, and nothing else.  NULL: the
 * channel is doomed, or memory is short. */
static void *decode(struct ipc *ch, const struct ipc_message *m,
		    struct arena *arena, struct span body, int *fd)
{
	void *fields = arena_alloc(arena, m->body.size);
	struct ipc_unpack u = {
		.in = unpack_of(body), .arena = arena, .fd = *fd};
	if (fields != NULL)
		m->body.get(&u, fields);
	if (fields == NULL || u.no_memory)
		return NULL;
	if (!unpack_done(&u.in) || u.fd != -1) {
		channel_doom(ch, "a request that cannot be decoded");
		return NULL;
	}
	return fields;
}

static void fd_refused(struct ipc *ch, int *fd)
{
	if (*fd != -1)
		ch->link->ops->close_fd(ch->link, *fd);
	*fd = -1;
}

static bool allowed(const struct ipc *ch, const struct ipc_message *m)
{
	return (m->in >> ch->state & 1) != 0;
}

static void call_serve(struct ipc_call *c, const void *fields, int *fd)
{
	struct ipc *ch = c->ch;
	if (!allowed(ch, c->m)) {
		fd_refused(ch, fd);
		ipc_refuse(c, IPC_NOT_NOW);
	} else if (ipc_call_is_late(c)) {
		fd_refused(ch, fd);
		ipc_refuse(c, IPC_LATE);
	} else {
		*fd = -1; /* the handler's */
		c->in_handler = true;
		c->m->serve_call(ch->handlers, ch->owner.role, c, fields);
		c->in_handler = false;
		call_settle(c);
	}
}

/* There is no memory to serve it: busy. */
static void refuse_short(struct ipc *ch, uint32_t id, int *fd)
{
	fd_refused(ch, fd);
	(void)respond(ch, KIND_REFUSAL, IPC_BUSY, id, SPAN(""), -1);
}

void serve_call(struct ipc *ch, const struct ipc_message *m, uint32_t id,
		uint64_t deadline, struct span body, int *fd)
{
	if (ch->calls_in == ch->hop->credit[ch->side]) {
		channel_doom(ch, "more calls than its credit");
		return;
	}
	struct ipc_call *c = call_new(ch);
	ch->calls_in++;
	if (c == NULL) {
		refuse_short(ch, id, fd);
		return;
	}
	c->m = m;
	c->id = id;
	c->deadline = deadline;
	const void *fields = decode(ch, m, c->arena, body, fd);
	if (fields != NULL) {
		call_serve(c, fields, fd);
		return;
	}
	if (ch->doom == NULL)
		refuse_short(ch, id, fd);
	call_end(c);
}

void serve_cast(struct ipc *ch, const struct ipc_message *m, struct span body,
		int *fd)
{
	if (ch->casts_in == ch->hop->window[ch->side]) {
		channel_doom(ch, "more casts than its window");
		return;
	}
	ch->casts_in++;
	ch->casts_handled++;
	ch->link->ops->want_turn_end(ch->link);
	const void *fields = decode(ch, m, ch->cast_arena, body, fd);
	if (fields == NULL && ch->doom == NULL && !m->lossy)
		channel_short(ch);
	if (fields != NULL && !allowed(ch, m)) {
		fd_refused(ch, fd);
		ch->stats.refused_by_us++;
	} else if (fields != NULL) {
		*fd = -1;
		if (m->then != IPC_SAME_STATE)
			ch->state = m->then;
		m->serve_cast(ch->handlers, ch->owner.role, ch, fields);
	}
	arena_reset(ch->cast_arena);
}

void ipc_keep(struct ipc_call *c)
{
	ENSURE_TAG(c, CALL_TAG);
	ENSURE(c->in_handler);
	if (c->kept)
		return;
	c->kept = true;
	c->frame = c->ch->frame;
	c->frame->refs++;
}

struct ipc *ipc_call_channel(const struct ipc_call *c)
{
	ENSURE_TAG(c, CALL_TAG);
	return c->ch->doom == NULL ? c->ch : NULL;
}

void *ipc_call_user(const struct ipc_call *c)
{
	ENSURE_TAG(c, CALL_TAG);
	return c->ch->doom == NULL ? c->ch->user : NULL;
}

uint64_t ipc_call_deadline(const struct ipc_call *c)
{
	ENSURE_TAG(c, CALL_TAG);
	return c->deadline;
}

bool ipc_call_is_late(const struct ipc_call *c)
{
	ENSURE_TAG(c, CALL_TAG);
	return c->ch->link->ops->now(c->ch->link) >= c->deadline;
}
