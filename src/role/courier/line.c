/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/line: a stream over a socket, and the shelf of kept ones.
 *
 * The fiber that uses it parks while the socket has nothing or no room.
 */
#include "role/courier/line.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "role/socket/step.h"

#define BREATH 16u /* reads and writes without a wait between them */

static struct line *of(struct stream *s)
{
	return CONTAINER_OF(s, struct line, stream);
}

static struct world *world_of(const struct line *l)
{
	return l->courier->role->world;
}

/* ---- the stream ------------------------------------------------------------ */

static void on_ready(struct watch *w, unsigned ready)
{
	struct line *l = w->arg;
	if ((ready & READY_END) != 0) {
		watch_stop(&l->watch);
		l->ended = true;
	} else {
		watch_want(&l->watch, 0);
	}
	if (l->fiber == NULL)
		line_end(l); /* a server that speaks first wants to end it */
	else if (l->waits != 0)
		(void)fiber_wake(l->fiber, 0);
}

static enum io wait_for(struct line *l, unsigned what)
{
	struct loop *loop = l->courier->role->loop;
	uint64_t until = u64_min(l->deadline, l->end_by);
	if (l->ended)
		return IO_BROKEN; /* the attempt before said the rest */
	if (l->hasty || loop_now(loop) >= until)
		return IO_TIMEOUT;
	l->waits = what;
	l->busy = 0;
	watch_want(&l->watch, what);
	enum woke why = fiber_park_until(loop, until, NULL);
	l->waits = 0;
	return why == WOKE_STOPPED ? IO_STOP : IO_OK;
}

/* A server that always has bytes, or takes them, lets the others wait: no. */
static enum io breathe(struct line *l)
{
	struct loop *loop = l->courier->role->loop;
	if (l->hasty || ++l->busy < BREATH)
		return IO_OK;
	l->busy = 0;
	return fiber_sleep_until(loop, loop_now(loop) + 1) == WOKE_STOPPED
		       ? IO_STOP
		       : IO_OK;
}

static enum io wait_step(struct line *l, enum step s)
{
	if (s == STEP_END)
		return IO_EOF;
	if (s == STEP_BROKEN)
		return IO_BROKEN;
	return wait_for(l, s == STEP_WRITE ? READY_OUT : READY_IN);
}

static enum io fill(struct stream *s)
{
	struct line *l = of(s);
	if (s->in_from > 0) {
		size_t n = s->in_to - s->in_from;
		memmove(s->in, s->in + s->in_from, n);
		s->in_from = 0;
		s->in_to = n;
	}
	ENSURE(s->in_to < s->in_cap);
	enum io r = breathe(l);
	/* What was just asked is not answered yet. */
	if (r == IO_OK && l->asked && l->tls == NULL && !l->hasty && !l->ended)
		r = wait_for(l, READY_IN);
	l->asked = false;
	while (r == IO_OK) {
		size_t got = 0;
		enum step step = step_get(world_of(l), l->fd, l->tls,
					  s->in + s->in_to, s->in_cap - s->in_to,
					  &got);
		s->in_to += got;
		if (step == STEP_DONE)
			return IO_OK;
		r = wait_step(l, step);
	}
	return r;
}

static enum io flush(struct stream *s)
{
	struct line *l = of(s);
	struct span b = span_of(s->out, s->out_len);
	enum io r = IO_OK;
	s->out_len = 0;
	l->asked = b.len > 0;
	while (b.len > 0 && r == IO_OK) {
		size_t done = 0;
		enum step step = step_put(world_of(l), l->fd, l->tls, b, &done);
		b = span_skip(b, done);
		r = step == STEP_DONE ? breathe(l) : wait_step(l, step);
	}
	return r;
}

static enum tls_io from_socket(void *owner, char *p, size_t cap, size_t *got)
{
	struct line *l = owner;
	return step_tls_read(world_of(l), l->fd, p, cap, got);
}

static enum tls_io to_socket(void *owner, struct span b, size_t *put)
{
	struct line *l = owner;
	return step_tls_write(world_of(l), l->fd, b, put);
}

/* Whatever comes of it: from here on nothing goes around TLS. */
static enum io start_tls(struct stream *s)
{
	struct line *l = of(s);
	struct tls_transport t = {
		.read = from_socket, .write = to_socket, .owner = l};
	ENSURE(l->tls == NULL && l->expect != NULL);
	struct tls_client *client = certs_client(l->courier, l->certificate);
	if (client != NULL)
		l->tls = tls_client_conn(client, l->expect, &t);
	l->ours = l->tls == NULL;
	if (l->ours)
		return IO_BROKEN;
	for (;;) {
		enum step step = step_of_tls(tls_shake(l->tls));
		if (step == STEP_DONE)
			return IO_OK;
		enum io r = wait_step(l, step);
		if (r != IO_OK)
			return r;
	}
}

static void deadline(struct stream *s, uint32_t seconds)
{
	struct line *l = of(s);
	l->deadline = courier_within(l->courier, seconds * NS_PER_SEC);
}

static const struct stream_ops ops = {
	.fill = fill,
	.flush = flush,
	.start_tls = start_tls,
	.deadline = deadline,
};

/* ---- life ------------------------------------------------------------------ */

struct line *line_new(struct courier *c, int fd, struct span host,
		      const struct addr *peer, const struct addr *local)
{
	struct loop *loop = c->role->loop;
	struct line *l = calloc(1, sizeof *l);
	if (l == NULL || host.len >= sizeof l->host ||
	    watch_start(loop, &l->watch, fd, 0, on_ready, l) != OS_OK) {
		world_close(c->role->world, fd);
		free(l);
		return NULL;
	}
	l->courier = c;
	l->fd = fd;
	l->fiber = fiber_self(loop);
	l->peer = *peer;
	l->local = *local;
	memcpy(l->host, host.ptr, host.len);
	l->end_by = courier_within(c, COURIER_VISIT_NS);
	l->stream = (struct stream){.ops = &ops,
				    .in = l->in,
				    .in_cap = sizeof l->in,
				    .out = l->out,
				    .out_cap = sizeof l->out};
	return l;
}

bool line_client(struct line *l, struct span hello, bool lmtp)
{
	ENSURE(hello.len < sizeof l->hello);
	memcpy(l->hello, hello.ptr, hello.len);
	l->set = (struct smtp_client_settings){
		.lmtp = lmtp, .hello = span_of(l->hello, hello.len)};
	l->auth.ops = &login_ops;
	l->client = smtp_client_new(&l->stream, &l->auth, &l->set);
	return l->client != NULL;
}

void line_end(struct line *l)
{
	if (l == NULL)
		return;
	if (list_linked(&l->link)) {
		list_remove(&l->link);
		l->courier->line_count--;
	}
	timer_stop(&l->idle);
	l->hasty = true;
	if (l->client != NULL)
		smtp_client_quit(l->client);
	if (l->tls != NULL && !l->ended)
		(void)!tls_close(l->tls);
	smtp_client_free(l->client);
	tls_conn_free(l->tls);
	watch_stop(&l->watch);
	world_close(world_of(l), l->fd);
	berth_leave(&l->berth);
	free(l);
}

/* ---- those that are kept --------------------------------------------------- */

static void on_idle(struct timer *t)
{
	line_end(t->arg);
}

struct line *line_take(struct courier *c, struct span key)
{
	/* The newest first: the others come to their end. */
	for (struct list *at = c->lines.prev; at != &c->lines; at = at->prev) {
		struct line *l = CONTAINER_OF(at, struct line, link);
		if (!span_eq(span_of(l->key, l->key_len), key))
			continue;
		list_remove(&l->link);
		c->line_count--;
		timer_stop(&l->idle);
		watch_want(&l->watch, 0);
		l->fiber = fiber_self(c->role->loop);
		l->end_by = courier_within(c, COURIER_VISIT_NS);
		c->counts.reused++;
		return l;
	}
	return NULL;
}

static bool may_be_kept(const struct line *l)
{
	const struct courier *c = l->courier;
	const struct conf_outgoing *o = &c->conf->outgoing;
	return !l->ended && !c->draining && o->idle > 0 &&
	       l->rules == c->rules &&
	       l->carried < o->messages && smtp_client_room(l->client) > 0 &&
	       l->stream.state == IO_OK && stream_buffered(&l->stream).len == 0;
}

void line_keep(struct line *l, struct span key)
{
	struct courier *c = l->courier;
	ENSURE(key.len <= sizeof l->key);
	if (!may_be_kept(l) ||
	    !timer_start(c->role->loop, &l->idle,
			 courier_within(c, c->conf->outgoing.idle * NS_PER_SEC),
			 on_idle, l)) {
		line_end(l);
		return;
	}
	memcpy(l->key, key.ptr, key.len);
	l->key_len = key.len;
	l->fiber = NULL;
	watch_want(&l->watch, READY_IN);
	list_push_back(&c->lines, &l->link);
	if (++c->line_count > COURIER_LINES_MAX)
		line_end(CONTAINER_OF(c->lines.next, struct line, link));
}

void lines_end(struct courier *c)
{
	while (!list_empty(&c->lines))
		line_end(CONTAINER_OF(c->lines.next, struct line, link));
}
