/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/drain: the order to stop.
 *
 * Nobody new; idle sessions are told goodbye at once, those in a command after
 * it; a message in DATA, and a commit, finish.  Whatever is left shortly before
 * the time is over is the supervisor's to end.
 */
#include "base/check.h"
#include "role/edge/connection.h"

#define SPARE_NS (200 * NS_PER_MS)

static void done(struct edge *e)
{
	if (e->drained)
		return;
	e->drained = true;
	timer_stop(&e->drain);
	role_drained(e->role);
}

static void on_time(struct timer *t)
{
	struct edge *e = t->arg;
	LOG(e->role->log, NOTICE, "drain.late", 0,
	    F_U64("connections", e->connection_count));
	done(e);
}

void drain_look(struct edge *e)
{
	retire_look(e);
	if (e->draining && e->connection_count == 0)
		done(e);
}

void drain_begin(struct edge *e, uint32_t within_ms)
{
	uint64_t within = within_ms * NS_PER_MS;
	e->draining = true;
	e->drain_by = edge_within(e, within > 2 * SPARE_NS ? within - SPARE_NS
							   : within / 2);
	timer_stop(&e->worn);
	listener_close_all(e);
	LIST_EACH (&e->connections, at) {
		struct connection *c = CONTAINER_OF(at, struct connection, link);
		c->stop = true;
		connection_kick(c);
	}
	if (!timer_start(e->role->loop, &e->drain, e->drain_by, on_time, e))
		done(e);
	drain_look(e);
}
