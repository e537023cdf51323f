/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/loop - turns: timers, descriptors, fibers, hooks, changes of interest.
 *
 * The kernel's (or the simulation's) poller answers with the watch itself as
 * token.  A watch stopped while its event waits in the present batch is taken
 * out of the batch, so no callback meets freed memory.
 */
#include "os/loop.h"

#include <stdlib.h>

#include "os/inner.h"

uint64_t loop_clock(struct loop *l)
{
	return l->slow_fn != NULL ? world_now(l->world) : 0;
}

void loop_measure(struct loop *l, const char *what, uint64_t began)
{
	uint64_t took;

	if (l->slow_fn == NULL)
		return;
	took = world_now(l->world) - began;
	if (took > LOOP_SLOW_NS)
		l->slow_fn(l->slow_arg, what, took);
}

static void party_turn(void *arg) { (void)loop_turn(arg); }

/* When is this loop next due by itself, descriptors apart? */
static uint64_t party_next(void *arg)
{
	struct loop *l = arg;
	struct heap_item *first = heap_first(&l->timers);

	if (!list_empty(&l->fibers.runnable) || !list_empty(&l->hooks) ||
	    !list_empty(&l->last) || !list_empty(&l->changed))
		return 0;
	return first != NULL ? first->key : NS_NEVER;
}

struct loop *loop_new(struct world *w)
{
	struct loop *l = calloc(1, sizeof(*l));
	struct world_party party = {party_turn, party_next, l};

	if (l == NULL)
		return NULL;
	l->tag = TAG_LOOP;
	l->world = w;
	l->signals_fd = -1;
	list_init(&l->changed);
	list_init(&l->hooks);
	list_init(&l->last);
	heap_init(&l->timers, LOOP_TIMERS_MAX);
	fiber_pool_init(l);
	l->now = world_now(w);
	if (w->ops->poller_new(w, party, &l->poller) != OS_OK) {
		free(l);
		return NULL;
	}
	return l;
}

void loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	ENSURE_TAG(l, TAG_LOOP);
	watch_stop(&l->signals);
	world_close(l->world, l->signals_fd);
	ENSURE(l->watch_count == 0 && l->timers.count == 0);
	fiber_pool_free(l);
	heap_free(&l->timers);
	l->world->ops->poller_free(l->poller);
	l->tag = 0;
	free(l);
}

struct world *loop_world(struct loop *l) { return l->world; }
uint64_t loop_now(struct loop *l) { return l->now; }
void loop_stop(struct loop *l) { l->stop = true; }
bool loop_stopping(const struct loop *l) { return l->stop; }

void loop_on_slow(struct loop *l, loop_slow_fn *fn, void *arg)
{
	l->slow_fn = fn;
	l->slow_arg = arg;
}

/* --- descriptors --- */

enum os watch_start(struct loop *l, struct watch *w, int fd, unsigned want,
		    watch_fn *fn, void *arg)
{
	enum os r;

	ENSURE_TAG(l, TAG_LOOP);
	ENSURE(w->loop == NULL && fn != NULL && fd >= 0);
	want &= READY_IN | READY_OUT;
	r = l->world->ops->poller_add(l->poller, fd, want, w);
	if (r != OS_OK)
		return r;
	*w = (struct watch){.fn = fn, .arg = arg, .loop = l, .fd = fd,
			    .want = want, .told = want};
	l->watch_count++;
	return OS_OK;
}

void watch_want(struct watch *w, unsigned want)
{
	ENSURE(w->loop != NULL);
	w->want = want & (READY_IN | READY_OUT);
	if (w->want != w->told && !list_linked(&w->changed))
		list_push_back(&w->loop->changed, &w->changed);
}

void watch_stop(struct watch *w)
{
	struct loop *l = w->loop;

	if (l == NULL)
		return;
	list_remove(&w->changed);
	for (size_t i = l->batch_at; i < l->batch_len; i++)
		if (l->batch[i].token == w)
			l->batch[i].token = NULL;
	l->world->ops->poller_remove(l->poller, w->fd);
	l->watch_count--;
	w->loop = NULL;
}

static void tell_changes(struct loop *l)
{
	struct list *at;

	while ((at = list_pop_front(&l->changed)) != NULL) {
		struct watch *w = CONTAINER_OF(at, struct watch, changed);
		if (w->want == w->told)
			continue;
		/* Fails only for a descriptor closed behind our back. */
		ENSURE(l->world->ops->poller_change(l->poller, w->fd, w->want,
						    w) == OS_OK);
		w->told = w->want;
	}
}

static bool run_ready(struct loop *l)
{
	bool any = false;

	for (l->batch_at = 0; l->batch_at < l->batch_len;) {
		struct ready r = l->batch[l->batch_at++];
		struct watch *w = r.token;
		unsigned what;
		uint64_t began;

		if (w == NULL)
			continue;
		what = r.what & (w->want | READY_END);
		if (what == 0)
			continue;
		any = true;
		began = loop_clock(l);
		w->fn(w, what);
		loop_measure(l, "descriptor", began);
	}
	l->batch_len = l->batch_at = 0;
	return any;
}

/* --- timers --- */

bool timer_start(struct loop *l, struct timer *t, uint64_t at, timer_fn *fn,
		 void *arg)
{
	ENSURE_TAG(l, TAG_LOOP);
	ENSURE(fn != NULL);
	if (heap_holds(&t->item)) {
		ENSURE(t->loop == l);
		heap_change(&l->timers, &t->item, at);
	} else if (!heap_add(&l->timers, &t->item, at)) {
		return false;
	}
	t->loop = l;
	t->fn = fn;
	t->arg = arg;
	return true;
}

void timer_stop(struct timer *t)
{
	if (heap_holds(&t->item))
		heap_remove(&t->loop->timers, &t->item);
}

/* No more than there were: a timer that sets itself anew cannot hold the loop. */
static bool run_timers(struct loop *l)
{
	size_t most = l->timers.count;
	bool any = false;

	while (most-- > 0) {
		struct heap_item *i = heap_first(&l->timers);
		struct timer *t;
		uint64_t began;

		if (i == NULL || i->key > l->now)
			break;
		(void)heap_pop(&l->timers);
		t = CONTAINER_OF(i, struct timer, item);
		any = true;
		began = loop_clock(l);
		t->fn(t);
		loop_measure(l, "timer", began);
	}
	return any;
}

/* --- end of turn --- */

static void add_hook(struct list *to, struct hook *h, hook_fn *fn, void *arg)
{
	h->fn = fn;
	h->arg = arg;
	if (!list_linked(&h->link))
		list_push_back(to, &h->link);
}

void loop_at_end(struct loop *l, struct hook *h, hook_fn *fn, void *arg)
{
	ENSURE_TAG(l, TAG_LOOP);
	add_hook(&l->hooks, h, fn, arg);
}

void loop_at_last(struct loop *l, struct hook *h, hook_fn *fn, void *arg)
{
	ENSURE_TAG(l, TAG_LOOP);
	add_hook(&l->last, h, fn, arg);
}

void hook_stop(struct hook *h)
{
	list_remove(&h->link);
}

/* A mark in the list separates this turn's hooks from those that they add. */
static bool run_hooks(struct loop *l, struct list *hooks)
{
	struct list *at;
	bool any = false;

	list_push_back(hooks, &l->mark);
	while ((at = list_pop_front(hooks)) != &l->mark) {
		struct hook *h = CONTAINER_OF(at, struct hook, link);
		uint64_t began = loop_clock(l);
		any = true;
		h->fn(h);
		loop_measure(l, "hook", began);
	}
	return any;
}

/* --- turns --- */

static bool turn(struct loop *l, uint64_t until)
{
	bool any;

	l->batch_len = l->world->ops->poller_wait(l->poller, until, l->batch,
						  LOOP_EVENTS_MAX);
	l->now = world_now(l->world);
	any = run_timers(l);
	any |= run_ready(l);
	any |= fiber_run_all(l);
	any |= run_hooks(l, &l->hooks);
	any |= run_hooks(l, &l->last);
	tell_changes(l);
	return any;
}

bool loop_turn(struct loop *l)
{
	ENSURE_TAG(l, TAG_LOOP);
	return turn(l, 0);
}

void loop_run(struct loop *l)
{
	ENSURE_TAG(l, TAG_LOOP);
	while (!l->stop)
		(void)turn(l, party_next(l));
	l->stop = false;
}

/* --- signals and pokes --- */

void loop_raise(struct loop *l, enum loop_signal s)
{
	if (l->signal_fn != NULL)
		l->signal_fn(l->signal_arg, s);
}

static void on_signals(struct watch *w, unsigned what)
{
	struct loop *l = w->arg;
	unsigned set = l->world->ops->signals_take(l->world, w->fd);

	(void)what;
	for (unsigned s = LOOP_TERM; s <= LOOP_CHILD; s <<= 1)
		if (set & s)
			loop_raise(l, (enum loop_signal)s);
}

enum os loop_signals(struct loop *l, unsigned set, signal_fn *fn, void *arg)
{
	enum os r;

	ENSURE_TAG(l, TAG_LOOP);
	ENSURE(l->signal_fn == NULL && fn != NULL);
	r = l->world->ops->signals(l->world, set, &l->signals_fd);
	if (r == OS_OK && l->signals_fd >= 0)
		r = watch_start(l, &l->signals, l->signals_fd, READY_IN,
				on_signals, l);
	if (r != OS_OK)
		return r;
	l->signal_fn = fn;
	l->signal_arg = arg;
	return OS_OK;
}

struct poke {
	struct loop *loop;
	void (*fn)(void *arg);
	void *arg;
	int fd;
	struct watch watch;
	struct hook hook; /* where there are no threads, so no descriptor */
};

static void on_poke(struct watch *w, unsigned what)
{
	struct poke *p = w->arg;

	(void)what;
	p->loop->world->ops->poke_take(p->loop->world, p->fd);
	p->fn(p->arg);
}

static void on_poke_hook(struct hook *h)
{
	struct poke *p = h->arg;
	p->fn(p->arg);
}

struct poke *poke_new(struct loop *l, void (*fn)(void *), void *arg)
{
	struct poke *p = calloc(1, sizeof(*p));
	struct world *w = l->world;

	if (p == NULL)
		return NULL;
	*p = (struct poke){.loop = l, .fn = fn, .arg = arg, .fd = -1};
	if (w->ops->poke_new(w, &p->fd) != OS_OK) {
		free(p);
		return NULL;
	}
	if (p->fd >= 0 &&
	    watch_start(l, &p->watch, p->fd, READY_IN, on_poke, p) != OS_OK) {
		world_close(w, p->fd);
		free(p);
		return NULL;
	}
	return p;
}

void poke_free(struct poke *p)
{
	if (p == NULL)
		return;
	watch_stop(&p->watch);
	hook_stop(&p->hook);
	world_close(p->loop->world, p->fd);
	free(p);
}

void loop_poke(struct poke *p)
{
	if (p->fd >= 0)
		p->loop->world->ops->poke(p->loop->world, p->fd);
	else
		loop_at_end(p->loop, &p->hook, on_poke_hook, p);
}
