/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/dialer/events: one object an event, with a watch and a timer.
 *
 * A callback may free its own event: after the call nothing of it is touched.
 */
#include "role/dialer/events.h"

#include <stdlib.h>
#include <sys/time.h>

#include <unbound-event.h>

#include "base/ensure.h"

typedef void event_fn(int fd, short bits, void *arg);

struct events {
	struct ub_event_base base; /* first: libunbound's view */
	/* It takes tables that are not const, though it changes none. */
	struct ub_event_base_vmt base_table;
	struct ub_event_vmt event_table;
	struct loop *loop;
	size_t open;
};

struct event {
	struct ub_event ub; /* first */
	struct events *events;
	struct watch watch;
	struct timer timer;
	int fd;
	short bits;
	event_fn *fn;
	void *arg;
};

static struct event *event_of(struct ub_event *e)
{
	ENSURE(e->magic == UB_EVENT_MAGIC);
	return (struct event *)(void *)e;
}

/* ---- from the loop ---------------------------------------------------------- */

static void stop(struct event *e)
{
	watch_stop(&e->watch);
	timer_stop(&e->timer);
}

static void on_ready(struct watch *w, unsigned ready)
{
	struct event *e = w->arg;
	short bits = 0;
	/* An end is for the next read or write to find. */
	if ((ready & (READY_IN | READY_END)) != 0)
		bits |= UB_EV_READ;
	if ((ready & (READY_OUT | READY_END)) != 0)
		bits |= UB_EV_WRITE;
	bits &= e->bits;
	if ((e->bits & UB_EV_PERSIST) == 0 || bits == 0)
		stop(e);
	if (bits != 0)
		e->fn(e->fd, bits, e->arg);
}

static void on_time(struct timer *t)
{
	struct event *e = t->arg;
	if ((e->bits & UB_EV_PERSIST) == 0)
		watch_stop(&e->watch);
	e->fn(e->fd, UB_EV_TIMEOUT, e->arg);
}

/* ---- from libunbound -------------------------------------------------------- */

static void add_bits(struct ub_event *u, short bits)
{
	event_of(u)->bits |= bits;
}

static void del_bits(struct ub_event *u, short bits)
{
	event_of(u)->bits &= (short)~bits;
}

static void set_fd(struct ub_event *u, int fd)
{
	event_of(u)->fd = fd;
}

static void event_free(struct ub_event *u)
{
	struct event *e = event_of(u);
	stop(e);
	e->events->open--;
	e->ub.magic = 0;
	free(e);
}

static bool start_timer(struct event *e, const struct timeval *after)
{
	struct loop *loop = e->events->loop;
	uint64_t ns = (uint64_t)after->tv_sec * NS_PER_SEC +
		      (uint64_t)after->tv_usec * 1000;
	return timer_start(loop, &e->timer, loop_now(loop) + ns, on_time, e);
}

static int event_add(struct ub_event *u, struct timeval *after)
{
	struct event *e = event_of(u);
	unsigned want = ((e->bits & UB_EV_READ) != 0 ? READY_IN : 0u) |
			((e->bits & UB_EV_WRITE) != 0 ? READY_OUT : 0u);
	stop(e);
	if (e->fd >= 0 && want != 0 &&
	    watch_start(e->events->loop, &e->watch, e->fd, want, on_ready, e) !=
		    OS_OK)
		return -1;
	if (after != NULL && (e->bits & UB_EV_TIMEOUT) != 0 &&
	    !start_timer(e, after)) {
		stop(e);
		return -1;
	}
	return 0;
}

static int event_del(struct ub_event *u)
{
	stop(event_of(u));
	return 0;
}

static int add_timer(struct ub_event *u, struct ub_event_base *base,
		     event_fn *fn, void *arg, struct timeval *after)
{
	struct event *e = event_of(u);
	(void)base;
	stop(e);
	e->fn = fn;
	e->arg = arg;
	return start_timer(e, after) ? 0 : -1;
}

/* What a resolving context does not ask for. */
static int no_signal(struct ub_event *u, struct timeval *after)
{
	(void)u;
	(void)after;
	return -1;
}

static int no_del_signal(struct ub_event *u)
{
	(void)u;
	return -1;
}

static void no_winsock(struct ub_event *u) { (void)u; }
static void no_block(struct ub_event *u, int bit) { (void)u, (void)bit; }

static struct ub_event *new_event(struct ub_event_base *base, int fd,
				  short bits, event_fn *fn, void *arg)
{
	struct events *events = (struct events *)(void *)base;
	struct event *e = calloc(1, sizeof *e);
	if (e == NULL)
		return NULL;
	e->ub = (struct ub_event){UB_EVENT_MAGIC, &events->event_table};
	e->events = events;
	e->fd = fd;
	e->bits = bits;
	e->fn = fn;
	e->arg = arg;
	events->open++;
	return &e->ub;
}

static void base_free(struct ub_event_base *base) { (void)base; }

static int no_dispatch(struct ub_event_base *base)
{
	(void)base;
	return -1;
}

static int no_exit(struct ub_event_base *base, struct timeval *after)
{
	(void)base;
	(void)after;
	return -1;
}

static struct ub_event *no_new(struct ub_event_base *base, int fd, event_fn *fn,
			       void *arg)
{
	(void)base;
	(void)fd;
	(void)fn;
	(void)arg;
	return NULL;
}

static struct ub_event *no_wsa(struct ub_event_base *base, void *event,
			       event_fn *fn, void *arg)
{
	(void)base;
	(void)event;
	(void)fn;
	(void)arg;
	return NULL;
}

static const struct ub_event_vmt event_table = {
	.add_bits = add_bits,
	.del_bits = del_bits,
	.set_fd = set_fd,
	.free = event_free,
	.add = event_add,
	.del = event_del,
	.add_timer = add_timer,
	.del_timer = event_del,
	.add_signal = no_signal,
	.del_signal = no_del_signal,
	.winsock_unregister_wsaevent = no_winsock,
	.winsock_tcp_wouldblock = no_block,
};

static const struct ub_event_base_vmt base_table = {
	.free = base_free,
	.dispatch = no_dispatch,
	.loopexit = no_exit,
	.new_event = new_event,
	.new_signal = no_new,
	.winsock_register_wsaevent = no_wsa,
};

struct events *events_new(struct loop *loop)
{
	struct events *e = calloc(1, sizeof *e);
	if (e == NULL)
		return NULL;
	e->event_table = event_table;
	e->base_table = base_table;
	e->base = (struct ub_event_base){UB_EVENT_MAGIC, &e->base_table};
	e->loop = loop;
	return e;
}

void events_free(struct events *e)
{
	if (e == NULL)
		return;
	ENSURE(e->open == 0);
	free(e);
}

struct ub_event_base *events_base(struct events *e) { return &e->base; }
size_t events_open(const struct events *e) { return e->open; }
