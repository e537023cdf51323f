/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/transport: a session's stream over a socket, with or without TLS.
 *
 * The fiber parks when the socket has nothing or no room; the connection's
 * deadline ends a read; a write has the time of its bytes at CONNECTION_RATE and
 * what is left of the connection's patience, which an answer uses up once.
 *
 * Must never pass a byte of the clear phase into TLS or the other way round:
 * from the moment that c->tls is set everything goes through it.  The same holds
 * for c->flate.
 */
#include "base/check.h"
#include "base/ensure.h"
#include "gzip/flate.h"
#include "os/sock.h"
#include "role/edge/connection.h"
#include "role/socket/step.h"

#define BREATH     16u  /* reads and writes without a wait between them */
#define LINGER_NS  (1 * NS_PER_SEC)   /* for its FIN after ours */
#define LINGER_MAX 65536u             /* bytes thrown away meanwhile */

static struct connection *of(struct stream *s)
{
	return CONTAINER_OF(s, struct connection, stream);
}

static enum step get_wire(struct connection *c, char *p, size_t cap, size_t *got)
{
	return step_get(c->edge->role->world, c->fd, c->tls, p, cap, got);
}

/* STEP_DONE with *got 0: the wire said something that meant no byte yet. */
static enum step get(struct connection *c, char *p, size_t cap, size_t *got)
{
	size_t came = 0;
	if (c->flate == NULL)
		return get_wire(c, p, cap, got);
	if (!flate_has(c->flate)) {
		char *wire = flate_wire(c->flate);
		if (wire == NULL)
			return STEP_BROKEN;
		enum step s = get_wire(c, wire, FLATE_WIRE, &came);
		if (s != STEP_DONE)
			return s;
		flate_came(c->flate, came);
	}
	return flate_read(c->flate, p, cap, got) == FLATE_OK ? STEP_DONE : STEP_BROKEN;
}

static enum step put(struct connection *c, struct span b, size_t *done)
{
	return step_put(c->edge->role->world, c->fd, c->tls, b, done);
}

enum io transport_wait(struct connection *c, unsigned what, uint64_t until)
{
	struct loop *l = c->edge->role->loop;
	if (c->ended)
		return IO_BROKEN; /* the attempt before said the rest */
	if (loop_now(l) >= until)
		return IO_TIMEOUT;
	c->waits = what;
	c->busy = 0;
	watch_want(&c->watch, what);
	enum woke why = fiber_park_until(l, until, NULL);
	c->waits = 0;
	return why == WOKE_STOPPED ? IO_BROKEN : IO_OK;
}

/*
 * A client that always has bytes, or always takes them, would never let the
 * fiber park: after some it waits for one turn of the loop, as all others do.
 */
static enum io breathe(struct connection *c)
{
	struct loop *l = c->edge->role->loop;
	if (++c->busy < BREATH)
		return IO_OK;
	c->busy = 0;
	return fiber_sleep_until(l, loop_now(l) + 1) == WOKE_STOPPED ? IO_BROKEN
								      : IO_OK;
}

static enum io wait_step(struct connection *c, enum step s, uint64_t until)
{
	return transport_wait(c, s == STEP_WRITE ? READY_OUT : READY_IN, until);
}

/* When a read that begins now has waited long enough. */
static uint64_t read_until(const struct connection *c)
{
	uint64_t until = c->deadline;
	if (c->in_body)
		until = u64_min(until,
				edge_within(c->edge, c->service->timeouts.data *
							     NS_PER_SEC));
	if (!c->bound && c->login_by != 0)
		until = u64_min(until, c->login_by);
	return until;
}

static bool login_is_over(const struct connection *c)
{
	return !c->bound && c->login_by != 0 &&
	       world_now(c->edge->role->world) >= c->login_by;
}

static enum io fill(struct stream *s)
{
	struct connection *c = of(s);
	if (s->in_from > 0) {
		size_t n = s->in_to - s->in_from;
		memmove(s->in, s->in + s->in_from, n);
		s->in_from = 0;
		s->in_to = n;
	}
	ENSURE(s->in_to < s->in_cap);
	if (breathe(c) != IO_OK)
		return IO_BROKEN;
	c->patience = CONNECTION_PATIENCE_NS; /* its answer was taken */
	/* Whoever never pauses would never be found waiting for too long. */
	if (login_is_over(c))
		return IO_TIMEOUT;
	uint64_t until = read_until(c);
	for (;;) {
		size_t got = 0;
		if (connection_ending(c))
			return IO_STOP;
		enum step r = get(c, s->in + s->in_to, s->in_cap - s->in_to,
				  &got);
		s->in_to += got;
		if (r == STEP_DONE && got == 0) {
			if (breathe(c) != IO_OK)
				return IO_BROKEN;
			continue;
		}
		if (r == STEP_DONE)
			return IO_OK;
		if (r == STEP_END) {
			c->eof = true;
			return IO_EOF;
		}
		if (r == STEP_BROKEN)
			return IO_BROKEN;
		enum io w = wait_step(c, r, until);
		if (w != IO_OK)
			return w;
	}
}

static uint64_t write_until(const struct connection *c, uint64_t own)
{
	uint64_t until = edge_within(c->edge, own + c->patience);
	if (c->stop)
		until = u64_min(until, c->edge->drain_by);
	if (!c->bound && c->login_by != 0)
		until = u64_min(until, c->login_by + EDGE_ASK_NS);
	return until;
}

static enum io write_all(struct connection *c, struct span b, uint64_t own)
{
	uint64_t until = write_until(c, own);
	while (b.len > 0) {
		size_t done = 0;
		enum step r = put(c, b, &done);
		enum io w = IO_BROKEN;
		if (r == STEP_DONE) {
			b = span_skip(b, done);
			w = breathe(c);
		} else if (r != STEP_END && r != STEP_BROKEN) {
			w = wait_step(c, r, u64_min(until, write_until(c, own)));
		}
		if (w != IO_OK)
			return w;
		if (b.len > 0 && loop_now(c->edge->role->loop) >= until)
			return IO_TIMEOUT;
	}
	return IO_OK;
}

static enum io flush(struct stream *s)
{
	struct connection *c = of(s);
	struct loop *l = c->edge->role->loop;
	uint64_t began = loop_now(l);
	uint64_t own = s->out_len * NS_PER_SEC / CONNECTION_RATE;
	struct span out = span_of(s->out, s->out_len);
	enum io r = IO_BROKEN;
	if (c->flate == NULL || flate_write(c->flate, out, &out) == FLATE_OK)
		r = write_all(c, out, own);
	uint64_t took = loop_now(l) - began;
	s->out_len = 0;
	if (took > own)
		c->patience -= u64_min(c->patience, took - own);
	return r;
}

static enum io start_tls(struct stream *s)
{
	return handshake(of(s));
}

static enum io start_deflate(struct stream *s)
{
	struct connection *c = of(s);
	ENSURE(c->flate == NULL);
	c->flate = flate_new();
	return c->flate != NULL ? IO_OK : IO_BROKEN;
}

static void deadline(struct stream *s, uint32_t seconds)
{
	struct connection *c = of(s);
	c->deadline = edge_within(c->edge, seconds * NS_PER_SEC);
}

const struct stream_ops transport_ops = {
	.fill = fill,
	.flush = flush,
	.start_tls = start_tls,
	.deadline = deadline,
	.deflate = start_deflate,
};

void transport_prefill(struct connection *c)
{
	struct stream *s = &c->stream;
	size_t got = 0;
	if (get(c, s->in, s->in_cap, &got) == STEP_DONE)
		s->in_to = got;
}

/* A close with unread bytes resets, and the client would lose our last words. */
static void linger(struct connection *c)
{
	struct world *w = c->edge->role->world;
	uint64_t until = edge_within(c->edge, LINGER_NS);
	size_t thrown = 0, got = 0;
	while (thrown < LINGER_MAX) {
		enum os r = sock_read(w, c->fd, c->work->in, EDGE_IN, &got);
		thrown += got;
		if (r == OS_OK)
			continue;
		if (r != OS_AGAIN || transport_wait(c, READY_IN, until) != IO_OK)
			return;
	}
}

void transport_end(struct connection *c)
{
	if (c->ended)
		return;
	/* As much of a goodbye as the socket takes now. */
	if (c->tls != NULL && c->secured.on)
		(void)!tls_close(c->tls);
	(void)sock_shutdown(c->edge->role->world, c->fd);
	/* A stranger who gives way leaves its place at once. */
	if (!c->eof && !c->stop && (!c->lost || c->bound))
		linger(c);
}
