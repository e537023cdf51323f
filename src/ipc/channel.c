/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc/channel: a channel's birth, death and numbers.
 *
 * Death has two steps, so that it never surprises code in the middle of
 * something: channel_doom marks it (from then on nothing is sent, taken or
 * promised), and the end of the turn buries it: waiting calls end, the link is
 * closed, the owner is told.  The memory goes with the last reference.
 */
#include "ipc/channel.h"

#include <stdlib.h>

#include "base/ensure.h"

void channel_hold(struct ipc *ch) { ch->refs++; }

void channel_release(struct ipc *ch)
{
	ENSURE_TAG(ch, IPC_TAG);
	ENSURE(ch->refs > 0);
	if (--ch->refs > 0)
		return;
	serve_drop_spares(ch);
	ch->link->ops->free(ch->link);
	arena_free(ch->cast_arena);
	buf_free(&ch->scratch);
	free(ch->spare);
	free(ch->frame);
	free(ch->slots);
	free(ch->free_slots);
	ch->tag = 0;
	free(ch);
}

static bool make_slots(struct ipc *ch)
{
	unsigned n = ch->hop->credit[1 - ch->side];
	ENSURE(n <= IPC_CREDIT_MAX);
	ch->credit_out = ch->free_count = n;
	if (n == 0)
		return true;
	ch->slots = calloc(n, sizeof *ch->slots);
	ch->free_slots = calloc(n, sizeof *ch->free_slots);
	if (ch->slots == NULL || ch->free_slots == NULL)
		return false;
	for (unsigned i = 0; i < n; i++)
		ch->free_slots[i] = n - 1 - i;
	return true;
}

static bool make_memory(struct ipc *ch)
{
	buf_init(&ch->scratch, IPC_BODY_MAX);
	ch->cast_arena = arena_new(IPC_DECODE_MAX);
	return make_slots(ch) && ch->cast_arena != NULL &&
	       buf_room(&ch->scratch, IPC_BODY_MAX) != NULL;
}

struct ipc *ipc_new(const struct ipc_hop *hop, unsigned side,
		    struct ipc_link *link, const struct ipc_owner *owner,
		    const void *handlers)
{
	ENSURE(side < 2);
	struct ipc *ch = calloc(1, sizeof *ch);
	if (ch == NULL) {
		link->ops->close(link);
		link->ops->free(link);
		return NULL;
	}
	ch->tag = IPC_TAG;
	ch->refs = 1;
	ch->hop = hop;
	ch->side = side;
	ch->link = link;
	ch->owner = *owner;
	ch->handlers = handlers;
	ch->alarm = IPC_NEVER;
	list_init(&ch->waiting);
	list_init(&ch->asked);
	list_init(&ch->cast_waiters);
	if (make_memory(ch) && link->ops->attach(link, ch) && send_hello(ch))
		return ch;
	send_drop_all(ch);
	link->ops->close(link);
	channel_release(ch);
	return NULL;
}

void channel_doom(struct ipc *ch, const char *why)
{
	if (ch->doom != NULL)
		return;
	ch->doom = why;
	ch->link->ops->want_turn_end(ch->link);
}

void channel_left(struct ipc *ch, const char *why)
{
	if (ch->doom == NULL)
		ch->left = true;
	channel_doom(ch, why);
}

void channel_short(struct ipc *ch)
{
	if (ch->doom == NULL)
		ch->is_short = true;
	channel_doom(ch, "out of memory");
}

bool ipc_is_short(const struct ipc *ch)
{
	ENSURE_TAG(ch, IPC_TAG);
	return ch->is_short;
}

bool ipc_peer_left(const struct ipc *ch)
{
	ENSURE_TAG(ch, IPC_TAG);
	return ch->left;
}

static void bury(struct ipc *ch)
{
	if (ch->buried)
		return;
	ch->buried = true;
	calls_end_all(ch);
	send_drop_all(ch);
	ch->link->ops->close(ch->link);
	if (!ch->freed && ch->owner.dead != NULL)
		ch->owner.dead(ch->owner.role, ch, ch->doom);
}

void ipc_free(struct ipc *ch)
{
	if (ch == NULL)
		return;
	ENSURE_TAG(ch, IPC_TAG);
	ENSURE(!ch->freed);
	ch->freed = true;
	if (ch->doom == NULL)
		ch->doom = "freed by its owner";
	bury(ch);
	channel_release(ch);
}

void ipc_kill(struct ipc *ch, const char *reason)
{
	ENSURE_TAG(ch, IPC_TAG);
	channel_doom(ch, reason);
}

void ipc_on_turn_end(struct ipc *ch)
{
	ENSURE_TAG(ch, IPC_TAG);
	channel_hold(ch);
	send_frames(ch);
	if (ch->doom != NULL)
		bury(ch);
	channel_release(ch);
}

void ipc_on_writable(struct ipc *ch)
{
	ch->blocked = false;
	ipc_on_turn_end(ch);
}

void ipc_on_alarm(struct ipc *ch)
{
	ENSURE_TAG(ch, IPC_TAG);
	channel_hold(ch);
	calls_expire(ch);
	channel_release(ch);
}

bool ipc_flush(struct ipc *ch)
{
	ENSURE_TAG(ch, IPC_TAG);
	send_frames(ch);
	return ch->queue == NULL;
}

bool ipc_is_dead(const struct ipc *ch)
{
	ENSURE_TAG(ch, IPC_TAG);
	return ch->doom != NULL;
}

bool ipc_is_ready(const struct ipc *ch)
{
	ENSURE_TAG(ch, IPC_TAG);
	return ch->ready && ch->doom == NULL;
}

void ipc_set_user(struct ipc *ch, void *user)
{
	ENSURE_TAG(ch, IPC_TAG);
	ch->user = user;
}

void *ipc_user(const struct ipc *ch)
{
	ENSURE_TAG(ch, IPC_TAG);
	return ch->user;
}

unsigned ipc_state(const struct ipc *ch)
{
	ENSURE_TAG(ch, IPC_TAG);
	return ch->state;
}

const struct ipc_hop *ipc_hop_of(const struct ipc *ch)
{
	ENSURE_TAG(ch, IPC_TAG);
	return ch->hop;
}

void ipc_stats(const struct ipc *ch, struct ipc_stats *out)
{
	ENSURE_TAG(ch, IPC_TAG);
	*out = ch->stats;
	out->calls_out = ch->credit_out - ch->free_count;
	out->calls_in = ch->calls_in;
}
