/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc/over_os: the table of ipc/link.h over os/loop, os/sock and os/fiber.
 *
 * A callback may end the channel and close the link, so each touches nothing
 * after it has called into the channel.
 */
#include "ipc/over_os.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "ipc/ipc.h"
#include "os/fiber.h"
#include "os/sock.h"

struct os_link {
	struct ipc_link link;
	struct loop *loop;
	struct ipc *ch;
	int fd;
	bool last; /* of all that a turn sends */
	struct watch watch;
	struct hook hook;
	struct timer timer; /* always set, so that moving it needs no memory */
	struct timer rested;
};

#define REST_NS (10 * NS_PER_MS) /* until memory is asked for again */

static struct os_link *of(struct ipc_link *l)
{
	return CONTAINER_OF(l, struct os_link, link);
}

static void on_ready(struct watch *w, unsigned ready)
{
	struct os_link *l = w->arg;
	if ((ready & READY_OUT) != 0) {
		/* What can be read comes again next turn: level-triggered. */
		watch_want(w, READY_IN);
		ipc_on_writable(l->ch);
	} else {
		ipc_on_readable(l->ch);
	}
}

static void on_turn_end(struct hook *h)
{
	struct os_link *l = h->arg;
	ipc_on_turn_end(l->ch);
}

static void on_timer(struct timer *t)
{
	struct os_link *l = t->arg;
	/* Its place is free, as it has just stood there. */
	(void)!timer_start(l->loop, t, NS_NEVER, on_timer, l);
	ipc_on_alarm(l->ch);
}

static void on_rested(struct timer *t)
{
	struct os_link *l = t->arg;
	watch_want(&l->watch, READY_IN | READY_OUT);
}

/* Without a timer the loop asks again at once. */
static void link_rest(struct ipc_link *link)
{
	struct os_link *l = of(link);
	bool later = timer_start(l->loop, &l->rested,
				 loop_now(l->loop) + REST_NS, on_rested, l);
	watch_want(&l->watch, later ? 0 : READY_IN | READY_OUT);
}

static bool link_attach(struct ipc_link *link, struct ipc *ch)
{
	struct os_link *l = of(link);
	l->ch = ch;
	return timer_start(l->loop, &l->timer, NS_NEVER, on_timer, l) &&
	       watch_start(l->loop, &l->watch, l->fd, READY_IN, on_ready, l) ==
		       OS_OK;
}

static void link_close(struct ipc_link *link)
{
	struct os_link *l = of(link);
	watch_stop(&l->watch);
	hook_stop(&l->hook);
	timer_stop(&l->timer);
	timer_stop(&l->rested);
	world_close(loop_world(l->loop), l->fd);
	l->fd = -1;
}

static void link_free(struct ipc_link *link) { free(of(link)); }

static enum ipc_io io_of(enum os r)
{
	switch (r) {
	case OS_NOMEM:
	case OS_NOFD:
		return IPC_IO_SHORT;
	case OS_OK:
		return IPC_IO_DONE;
	case OS_AGAIN:
		return IPC_IO_AGAIN;
	case OS_EOF:
		return IPC_IO_END;
	default:
		return IPC_IO_BROKEN;
	}
}

static enum ipc_io link_send(struct ipc_link *link, struct span frame, int fd)
{
	struct os_link *l = of(link);
	enum ipc_io r =
		io_of(sock_send(loop_world(l->loop), l->fd, frame, fd));
	if (r == IPC_IO_AGAIN)
		watch_want(&l->watch, READY_IN | READY_OUT);
	else if (r == IPC_IO_SHORT)
		link_rest(link);
	return r;
}

static enum ipc_io link_recv(struct ipc_link *link, char *buf, size_t cap,
			     size_t *len, int *fd)
{
	struct os_link *l = of(link);
	enum os r = sock_recv(loop_world(l->loop), l->fd, buf, cap, len, fd);
	if (r == OS_NOMEM) { /* the frame stays where it is */
		link_rest(link);
		return IPC_IO_AGAIN;
	}
	return io_of(r);
}

static void link_close_fd(struct ipc_link *link, int fd)
{
	world_close(loop_world(of(link)->loop), fd);
}

static void link_want_turn_end(struct ipc_link *link)
{
	struct os_link *l = of(link);
	if (l->last)
		loop_at_last(l->loop, &l->hook, on_turn_end, l);
	else
		loop_at_end(l->loop, &l->hook, on_turn_end, l);
}

static void link_alarm(struct ipc_link *link, uint64_t when)
{
	struct os_link *l = of(link);
	/* Never without a place: see on_timer. */
	ENSURE(timer_start(l->loop, &l->timer, when, on_timer, l));
}

static uint64_t link_now(struct ipc_link *link)
{
	return loop_now(of(link)->loop);
}

static void *link_fiber(struct ipc_link *link)
{
	return fiber_self(of(link)->loop);
}

static bool link_park(struct ipc_link *link)
{
	uint64_t value;
	return fiber_park(of(link)->loop, &value) != WOKE_STOPPED;
}

static void link_wake(struct ipc_link *link, void *fiber)
{
	(void)link;
	fiber_wake(fiber, 0);
}

void ipc_link_last(struct ipc_link *link)
{
	of(link)->last = true;
}

struct ipc_link *ipc_link_os(struct loop *loop, int fd)
{
	static const struct ipc_link_ops ops = {
		.attach = link_attach,
		.close = link_close,
		.free = link_free,
		.send = link_send,
		.recv = link_recv,
		.close_fd = link_close_fd,
		.rest = link_rest,
		.want_turn_end = link_want_turn_end,
		.alarm = link_alarm,
		.now = link_now,
		.fiber = link_fiber,
		.park = link_park,
		.wake = link_wake,
	};
	struct os_link *l = calloc(1, sizeof *l);
	if (l == NULL) {
		world_close(loop_world(loop), fd);
		return NULL;
	}
	l->link.ops = &ops;
	l->loop = loop;
	l->fd = fd;
	return &l->link;
}
