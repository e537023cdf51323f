/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/dialer/dial: attempts in turn, and which of them counts.
 *
 * A dial is one request; an attempt is one socket of it.  Whatever ends a dial
 * closes every socket but the one that is handed on.
 */
#include "role/dialer/dial.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "os/sock.h"

#define NETWORK_BITS4 24u
#define NETWORK_BITS6 56u

struct dials {
	uint32_t tag;
	struct loop *loop;
	struct list all;
	struct dial_counts counts;
};
#define TAG_DIALS TAG4('D', 'I', 'A', 'L')

struct attempt {
	struct dial *dial; /* NULL: the place is free */
	uint16_t of;
	int fd;
	uint64_t began;
	struct watch watch;
	struct timer timer;
};

struct dial {
	struct list link;
	struct dials *dials;
	const struct conf *conf;
	const void *owner;
	struct addr targets[DIAL_TARGETS_MAX];
	struct addr source[2]; /* IPv4, IPv6 */
	bool any[2];
	uint16_t order[DIAL_TARGETS_MAX]; /* targets, as they are tried */
	size_t count, next;		  /* of order */
	struct attempt at[DIAL_AT_ONCE_MAX];
	size_t open;
	bool sent; /* an attempt was made */
	struct timer stagger, deadline;
	struct dial_attempt ended[DIAL_TARGETS_MAX];
	size_t ended_count;
	dial_done_fn *done;
	void *ctx;
};

static void go_on(struct dial *);

/* ---- ends --------------------------------------------------------------------- */

static void note(struct dial *d, uint16_t of, uint64_t began, const char *why)
{
	ENSURE(d->ended_count < DIAL_TARGETS_MAX);
	uint64_t ms = (loop_now(d->dials->loop) - began) / NS_PER_MS;
	d->ended[d->ended_count++] = (struct dial_attempt){
		.of = of,
		.milliseconds = ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms,
		.why = why};
}

/* The socket stays open; *fd is it. */
static void leave(struct attempt *a, int *fd)
{
	struct dial *d = a->dial;
	watch_stop(&a->watch);
	timer_stop(&a->timer);
	*fd = a->fd;
	a->fd = -1;
	a->dial = NULL;
	d->open--;
	d->dials->counts.open--;
}

static void give_up(struct attempt *a, const char *why)
{
	struct dial *d = a->dial;
	int fd;
	note(d, a->of, a->began, why);
	leave(a, &fd);
	world_close(loop_world(d->dials->loop), fd);
}

static void count(struct dials *s, enum dial_end end)
{
	uint64_t *const by[] = {[DIAL_CONNECTED] = &s->counts.connected,
				[DIAL_DENIED] = &s->counts.denied,
				[DIAL_UNREACHABLE] = &s->counts.unreachable,
				[DIAL_BUSY] = &s->counts.busy,
				[DIAL_OURSELVES] = &s->counts.denied};
	++*by[end];
}

static bool leads_here(const struct dial *d)
{
	for (size_t i = 0; i < d->ended_count; i++)
		if (reach_is_ours(d->ended[i].why))
			return true;
	return false;
}

static void finish(struct dial *d, struct dial_answer a)
{
	if ((a.end == DIAL_DENIED || a.end == DIAL_UNREACHABLE) && leads_here(d))
		a.end = DIAL_OURSELVES;
	for (size_t i = 0; i < DIAL_AT_ONCE_MAX; i++)
		if (d->at[i].dial != NULL)
			give_up(&d->at[i], a.end == DIAL_CONNECTED
						   ? "another one was faster"
						   : "no answer yet");
	timer_stop(&d->stagger);
	timer_stop(&d->deadline);
	list_remove(&d->link);
	count(d->dials, a.end);
	a.attempts = d->ended;
	a.attempt_count = d->ended_count;
	d->done(d->ctx, &a);
	free(d);
}

static void fail(struct dial *d, enum dial_end end, const char *why)
{
	finish(d, (struct dial_answer){.end = end, .fd = -1, .why = why});
}

static void on_deadline(struct timer *t)
{
	fail(t->arg, DIAL_UNREACHABLE, "no answer in time");
}

/* ---- one attempt ---------------------------------------------------------------- */

static const char *words(enum os r)
{
	return r == OS_REFUSED ? "connection refused" : os_text(r);
}

static void connected(struct attempt *a)
{
	struct dial *d = a->dial;
	struct world *w = loop_world(d->dials->loop);
	struct dial_answer answer = {.end = DIAL_CONNECTED, .of = a->of};
	enum os r = sock_local(w, a->fd, &answer.local);
	const char *why = r != OS_OK ? words(r)
				     : reach_refuses_made(d->conf, &answer.local,
							  &d->targets[a->of]);
	if (why == NULL) {
		leave(a, &answer.fd);
		finish(d, answer);
		return;
	}
	give_up(a, why);
	go_on(d);
}

static void on_ready(struct watch *watch, unsigned ready)
{
	struct attempt *a = watch->arg;
	struct dial *d = a->dial;
	enum os r = sock_connected(loop_world(d->dials->loop), a->fd);
	(void)ready;
	if (r == OS_OK) {
		connected(a);
		return;
	}
	if (r == OS_AGAIN && (ready & READY_END) == 0)
		return;
	give_up(a, words(r));
	go_on(d);
}

static void on_late(struct timer *t)
{
	struct attempt *a = t->arg;
	struct dial *d = a->dial;
	give_up(a, "no answer within 30 seconds");
	go_on(d);
}

static bool same_network(const struct addr *a, const struct addr *b)
{
	struct cidr n = cidr_of(a, NETWORK_BITS4, NETWORK_BITS6);
	return cidr_match(&n, b);
}

/* NULL: there is room for one more attempt to this address. */
static const char *crowded(const struct dial *d, const struct addr *to)
{
	size_t own = 0, network = 0;
	if (d->dials->counts.open >= DIAL_OPEN_MAX)
		return "too many connections are being made";
	LIST_EACH(&d->dials->all, it) {
		struct dial *o = CONTAINER_OF(it, struct dial, link);
		if (o->owner == d->owner)
			own += o->open;
		for (size_t i = 0; i < DIAL_AT_ONCE_MAX; i++)
			if (o->at[i].dial != NULL &&
			    same_network(&o->targets[o->at[i].of], to))
				network++;
	}
	if (own >= DIAL_CLIENT_MAX)
		return "too many connections are being made for this process";
	return network >= DIAL_NETWORK_MAX
		       ? "too many connections are being made to that network"
		       : NULL;
}

/* False: it ended at once and is noted. */
static bool try(struct dial *d, uint16_t of)
{
	struct loop *loop = d->dials->loop;
	const struct addr *to = &d->targets[of];
	unsigned family = addr_is_v4(to) ? 0 : 1;
	struct attempt *a = d->at;
	const char *why = crowded(d, to);
	while (a->dial != NULL)
		a++;
	if (why != NULL) {
		note(d, of, loop_now(loop), why);
		return false;
	}
	*a = (struct attempt){.dial = d, .of = of, .began = loop_now(loop)};
	enum os r = sock_connect(loop_world(loop), to,
				 d->any[family] ? NULL : &d->source[family],
				 &a->fd);
	d->sent = true;
	if (r != OS_OK) {
		a->dial = NULL;
		note(d, of, loop_now(loop), words(r));
		return false;
	}
	d->open++;
	d->dials->counts.open++;
	r = watch_start(loop, &a->watch, a->fd, READY_OUT, on_ready, a);
	if (r == OS_OK && !timer_start(loop, &a->timer,
				       a->began + DIAL_ATTEMPT_NS, on_late, a))
		r = OS_NOMEM;
	if (r != OS_OK)
		give_up(a, words(r));
	return r == OS_OK;
}

/* ---- turns ------------------------------------------------------------------------ */

static void on_stagger(struct timer *t)
{
	struct dial *d = t->arg;
	/* As if there were none under way. */
	while (d->next < d->count && d->open < DIAL_AT_ONCE_MAX)
		if (try(d, d->order[d->next++]))
			break;
	go_on(d);
}

/* Begins the next attempt when none is under way; else in its time. */
static void go_on(struct dial *d)
{
	while (d->open == 0 && d->next < d->count)
		(void)try(d, d->order[d->next++]);
	if (d->open == 0) {
		const char *why = d->ended[d->ended_count - 1].why;
		fail(d, d->sent ? DIAL_UNREACHABLE : DIAL_BUSY, why);
		return;
	}
	if (d->next == d->count || d->open == DIAL_AT_ONCE_MAX ||
	    timer_active(&d->stagger))
		return;
	/* Short of memory the next one waits for this one's end. */
	(void)!timer_start(d->dials->loop, &d->stagger,
			   loop_now(d->dials->loop) + DIAL_STAGGER_NS,
			   on_stagger, d);
}

static const char *forbids(const struct dial_request *q, struct dial *d,
			   const struct addr *to)
{
	bool v4 = addr_is_v4(to);
	if (!q->port(q->conf, to->port))
		return "a port that is not for this";
	if (q->conf->outgoing.families == (v4 ? (uint32_t)CONF_FAMILIES_IPV6
					      : (uint32_t)CONF_FAMILIES_IPV4))
		return v4 ? "IPv4 is switched off" : "IPv6 is switched off";
	if (!reach_source(q->conf, v4, v4 ? q->source4 : q->source6,
			  &d->source[v4 ? 0 : 1], &d->any[v4 ? 0 : 1]))
		return "the source is no own address (outgoing source)";
	return reach_refuses(q->conf, to);
}

/* What may be tried, families in turn. */
static void put_in_order(struct dial *d, const struct dial_request *q)
{
	uint16_t by[2][DIAL_TARGETS_MAX];
	size_t n[2] = {0}, took[2] = {0};
	unsigned family = q->conf->outgoing.families == CONF_FAMILIES_IPV4_FIRST
				  ? 0
				  : 1;
	for (size_t i = 0; i < q->count; i++) {
		const char *why = forbids(q, d, &q->targets[i]);
		unsigned f = addr_is_v4(&q->targets[i]) ? 0 : 1;
		if (why != NULL)
			note(d, (uint16_t)i, loop_now(d->dials->loop), why);
		else
			by[f][n[f]++] = (uint16_t)i;
	}
	for (; took[0] < n[0] || took[1] < n[1]; family ^= 1u)
		if (took[family] < n[family])
			d->order[d->count++] = by[family][took[family]++];
}

bool dial(struct dials *s, const struct dial_request *q, dial_done_fn *done,
	  void *ctx)
{
	ENSURE_TAG(s, TAG_DIALS);
	ENSURE(q->count > 0 && q->count <= DIAL_TARGETS_MAX);
	struct dial *d = calloc(1, sizeof *d);
	if (d == NULL)
		return false;
	d->dials = s;
	d->conf = q->conf;
	d->owner = q->owner;
	d->done = done;
	d->ctx = ctx;
	d->stagger.arg = d;
	memcpy(d->targets, q->targets, q->count * sizeof *d->targets);
	if (!timer_start(s->loop, &d->deadline, q->deadline, on_deadline, d)) {
		free(d);
		return false;
	}
	list_push_back(&s->all, &d->link);
	put_in_order(d, q);
	if (d->count == 0)
		fail(d, DIAL_DENIED, d->ended[0].why);
	else
		go_on(d);
	return true;
}

/* ---- all of them --------------------------------------------------------------------- */

struct dials *dials_new(struct loop *loop)
{
	struct dials *s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->tag = TAG_DIALS;
	s->loop = loop;
	list_init(&s->all);
	return s;
}

void dials_free(struct dials *s)
{
	if (s == NULL)
		return;
	ENSURE_TAG(s, TAG_DIALS);
	for (struct list *it; (it = list_first(&s->all)) != NULL;)
		fail(CONTAINER_OF(it, struct dial, link), DIAL_BUSY,
		     "the dialer ends");
	s->tag = 0;
	free(s);
}

void dials_adopt(struct dials *s, const struct conf *conf)
{
	LIST_EACH(&s->all, it)
		CONTAINER_OF(it, struct dial, link)->conf = conf;
}

void dials_drop(struct dials *s, const void *owner)
{
	ENSURE_TAG(s, TAG_DIALS);
	LIST_EACH(&s->all, it) {
		struct dial *d = CONTAINER_OF(it, struct dial, link);
		if (d->owner == owner)
			fail(d, DIAL_BUSY, "nobody waits for it any more");
	}
}

struct dial_counts dials_counts(const struct dials *s)
{
	ENSURE_TAG(s, TAG_DIALS);
	return s->counts;
}
