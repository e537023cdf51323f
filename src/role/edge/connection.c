/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/connection: from accept to the end, and the fiber in between.
 *
 * Must never keep a fiber or a workspace while there is nothing to do, and
 * never free a connection that a fiber serves.
 */
#include "role/edge/connection.h"

#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "gzip/flate.h"
#include "os/sock.h"

_Static_assert(sizeof(struct connection) <= CONNECTION_MAX,
	       "an idle connection stays small");

static void serve(void *arg);

struct span connection_ip(const struct connection *c, char text[ADDR_TEXT_MAX])
{
	return addr_format(&c->peer, text);
}

struct arena *connection_scratch(struct connection *c)
{
	ENSURE(c->work != NULL);
	arena_reset(c->work->arena);
	return c->work->arena;
}

/* ---- workspaces ---------------------------------------------------------- */

static struct workspace *workspace_new(void)
{
	struct workspace *w = malloc(sizeof *w);
	if (w == NULL)
		return NULL;
	w->arena = arena_new(EDGE_ARENA_MAX);
	if (w->arena != NULL)
		return w;
	free(w);
	return NULL;
}

static bool workspace_take(struct connection *c)
{
	struct edge *e = c->edge;
	struct workspace *w = e->spare;
	if (w != NULL) {
		e->spare = w->next;
		e->spare_count--;
	} else {
		w = workspace_new();
	}
	if (w == NULL)
		return false;
	c->work = w;
	c->stream.in = w->in;
	c->stream.in_cap = sizeof w->in;
	c->stream.out = w->out;
	c->stream.out_cap = sizeof w->out;
	c->stream.in_from = c->stream.in_to = 0;
	c->stream.out_len = 0;
	return true;
}

static void workspace_give(struct connection *c)
{
	struct edge *e = c->edge;
	struct workspace *w = c->work;
	if (w == NULL)
		return;
	c->work = NULL;
	if (c->flate != NULL)
		flate_rest(c->flate);
	c->stream.in = c->stream.out = NULL;
	c->stream.in_cap = c->stream.out_cap = 0;
	c->stream.in_from = c->stream.in_to = 0;
	c->stream.out_len = 0;
	/* Nobody else's mail or password stays in it. */
	explicit_bzero(w->in, sizeof w->in);
	explicit_bzero(w->out, sizeof w->out);
	arena_reset(w->arena);
	if (e->spare_count >= EDGE_WORK_IDLE) {
		arena_free(w->arena);
		free(w);
		return;
	}
	w->next = e->spare;
	e->spare = w;
	e->spare_count++;
}

/* ---- the end --------------------------------------------------------------- */

static void forget(struct connection *c)
{
	struct edge *e = c->edge;
	ENSURE_TAG(c, CONNECTION_TAG);
	timer_stop(&c->timer);
	watch_stop(&c->watch);
	list_remove(&c->link);
	e->connection_count--;
	e->bound_count -= c->bound;
	flate_free(c->flate);
	tls_conn_free(c->tls);
	world_close(e->role->world, c->fd);
	crowd_leave(&c->port->crowd, c->place);
	service_release(c->service);
	free(c->news);
	free(c->user);
	c->tag = 0;
	free(c);
	listener_relieved(e);
	drain_look(e);
}

static void close_side(struct connection *c)
{
	if (c->side != NULL)
		c->protocol->close(c);
	c->side = NULL;
	login_cancel(c);
	store_session_end(c);
}

void connection_drop(struct connection *c)
{
	ENSURE(c->fiber == NULL);
	close_side(c);
	forget(c);
}

/* ---- serving ---------------------------------------------------------------- */

static void on_timer(struct timer *t)
{
	struct connection *c = t->arg;
	if (c->fiber != NULL)
		return; /* what it does has a deadline of its own */
	c->due = true;
	connection_kick(c);
}

static void on_ready(struct watch *w, unsigned ready)
{
	struct connection *c = w->arg;
	if ((ready & READY_END) != 0) {
		c->ended = true;
		watch_stop(w); /* it would be reported for ever */
	}
	if (c->fiber == NULL) {
		c->readable = true;
		connection_kick(c);
	} else if (c->waits != 0) {
		(void)fiber_wake(c->fiber, 0);
	} else if (!c->ended) {
		watch_want(w, 0); /* nobody reads now: bytes can wait */
	}
}

void connection_bound(struct connection *c)
{
	struct edge *e = c->edge;
	if (!c->bound) {
		e->bound_count++;
		list_remove(&c->link); /* in front stay the strangers */
		list_push_back(&e->connections, &c->link);
	}
	if (e->isolated && !c->bound)
		role_known(e->role, true);
	c->bound = true;
	/* It was to give way while its password was being looked at: who has
	 * been told that he is in stays. */
	c->lost = false;
	retire_look(e);
}

void connection_unbound(struct connection *c)
{
	struct edge *e = c->edge;
	ENSURE(c->bound);
	store_session_end(c);
	e->bound_count--;
	list_remove(&c->link);
	list_push_front(&e->connections, &c->link);
	c->bound = c->hinted = false;
	if (e->isolated)
		role_known(e->role, false);
	free(c->news);
	free(c->user);
	c->news = NULL;
	c->user = NULL;
	if (c->service->timeouts.login != 0)
		c->login_by = edge_within(e, c->service->timeouts.login *
						     NS_PER_SEC);
}

void connection_kick(struct connection *c)
{
	ENSURE_TAG(c, CONNECTION_TAG);
	if (c->fiber != NULL) {
		if (c->waits != 0)
			(void)fiber_wake(c->fiber, 0);
		return;
	}
	c->fiber = fiber_start(c->edge->role->loop, serve, c);
	if (c->fiber == NULL)
		connection_drop(c);
}

/* The first words: TLS where it is implicit, the session, its greeting. */
static bool begin(struct connection *c)
{
	if (c->service->implicit) {
		if (handshake(c) != IO_OK)
			return false;
	} else {
		transport_prefill(c);
	}
	if (c->stop || !c->protocol->open(c))
		return false;
	c->greeted = true;
	return c->protocol->greet(c);
}

static bool has_input(const struct connection *c)
{
	return c->readable || stream_buffered(&c->stream).len > 0 ||
	       (c->flate != NULL && flate_has(c->flate)) ||
	       (c->tls != NULL && tls_has_input(c->tls));
}

static void say_farewell(struct connection *c, enum farewell why)
{
	c->deadline = edge_within(c->edge, EDGE_ASK_NS);
	c->protocol->farewell(c, why);
}

/* One thing that is to be done.  False: the connection ends. */
static bool turn(struct connection *c, bool *idle)
{
	if (c->stop || c->lost) {
		say_farewell(c, c->stop ? FAREWELL_SHUTDOWN : FAREWELL_LOST);
		return false;
	}
	if (c->hinted) {
		struct edge_store_hint *news = c->news;
		c->hinted = false;
		c->news = NULL;
		bool on = c->protocol->hint(c, news);
		free(news);
		return on;
	}
	if (has_input(c)) {
		c->readable = c->due = false;
		return c->protocol->run(c);
	}
	if (c->due) {
		say_farewell(c, FAREWELL_TIMEOUT);
		return false;
	}
	*idle = true;
	return true;
}

/* Everything is done: wait without a fiber.  False: it cannot be waited for. */
static bool rest(struct connection *c)
{
	struct edge *e = c->edge;
	uint64_t at = edge_within(e, c->protocol->idle_seconds(c) * NS_PER_SEC);
	if (!c->bound && c->login_by != 0 && c->login_by < at)
		at = c->login_by;
	if (!timer_start(e->role->loop, &c->timer, at, on_timer, c))
		return false;
	watch_want(&c->watch, READY_IN);
	c->busy = 0;
	c->patience = CONNECTION_PATIENCE_NS;
	return true;
}

static bool serve_turns(struct connection *c)
{
	bool idle = false;
	if (!c->greeted && !begin(c))
		return false;
	while (turn(c, &idle)) {
		if (!idle)
			continue;
		idle = false;
		if (c->ended) {
			c->readable = true; /* its end is still unread */
			continue;
		}
		return rest(c);
	}
	return false;
}

static void serve(void *arg)
{
	struct connection *c = arg;
	bool on = workspace_take(c) && serve_turns(c);
	if (!on) {
		close_side(c);
		if (c->work != NULL)
			transport_end(c);
	}
	workspace_give(c);
	c->fiber = NULL;
	if (!on)
		forget(c);
}

void connection_start(struct edge *e, struct port *p, int fd,
		      const struct addr *peer, struct crowd_place *place)
{
	struct connection *c = calloc(1, sizeof *c);
	if (c == NULL) {
		crowd_leave(&p->crowd, place);
		world_close(e->role->world, fd);
		return;
	}
	*c = (struct connection){.tag = CONNECTION_TAG,
				 .edge = e,
				 .port = p,
				 .service = p->service,
				 .protocol = p->service->protocol,
				 .peer = *peer,
				 .place = place,
				 .fd = fd,
				 .stream.ops = &transport_ops,
				 .patience = CONNECTION_PATIENCE_NS,
				 .id = world_random_u64(e->role->world)};
	service_hold(c->service);
	if (c->service->timeouts.login != 0)
		c->login_by = edge_within(e, c->service->timeouts.login *
						     NS_PER_SEC);
	c->deadline = edge_within(e, EDGE_READ_NS);
	list_push_back(&e->connections, &c->link);
	e->connection_count++;
	e->counts.accepted++;
	if (watch_start(e->role->loop, &c->watch, fd, READY_IN, on_ready, c) !=
	    OS_OK) {
		connection_drop(c);
		return;
	}
	connection_kick(c);
}
