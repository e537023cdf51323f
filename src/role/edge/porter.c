/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/porter: `isolate user`, both its sides.
 *
 * The porter is the first process of pool access.  It accepts, counts whom it
 * let in by listener and address, and hands each connection to the supervisor,
 * which gives it to a process of its own: the guest's.  The porter reads no byte
 * of anybody, so whoever breaks into a guest's process finds one session there
 * and no way to another.  When all places are taken, the one that has been at
 * its login longest gives way.
 *
 * A guest's process has no listening socket and may not accept.  It was started
 * before the connection came, serves it, and ends with it.
 *
 * Must never read from a connection in the porter, nor take a second guest.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "role/edge/connection.h"

/* Places are few, and a crowd in front of the door would push out everybody who
 * is just logging in: so long nobody gives way. */
#define GRACE_NS (2 * NS_PER_SEC)

/* ---- the porter ---------------------------------------------------------- */

struct guest {
	struct list link; /* in front who waits longest to log in */
	struct port *port;
	struct crowd_place *place;
	uint64_t id, since;
	bool known, dismissed;
};

static void forget(struct guest *g)
{
	struct edge *e = g->port->edge;
	list_remove(&g->link);
	e->connection_count--;
	e->bound_count -= g->known;
	crowd_leave(&g->port->crowd, g->place);
	free(g);
	listener_relieved(e);
	drain_look(e);
}

static void left(void *ctx)
{
	forget(ctx);
}

void porter_take(struct port *p, int fd, const struct addr *peer,
		 struct crowd_place *place)
{
	struct edge *e = p->edge;
	struct guest *g = calloc(1, sizeof *g);
	if (g == NULL) {
		crowd_leave(&p->crowd, place);
		world_close(e->role->world, fd);
		return;
	}
	*g = (struct guest){.port = p,
			    .place = place,
			    .since = world_now(e->role->world),
			    .id = world_random_u64(e->role->world)};
	list_push_back(&e->guests, &g->link);
	e->connection_count++;
	e->counts.accepted++;
	struct role_guest m = {.id = g->id,
			       .listener = span_cstr(p->name),
			       .peer = peer,
			       .fd = fd};
	if (!role_guest(e->role, &m, left, g))
		forget(g);
}

void porter_known(struct edge *e, uint64_t id, bool known)
{
	LIST_EACH (&e->guests, at) {
		struct guest *g = CONTAINER_OF(at, struct guest, link);
		if (g->id != id || g->known == known)
			continue;
		g->known = known;
		list_remove(&g->link);
		if (known) {
			e->bound_count++;
			e->counts.logins++;
			list_push_back(&e->guests, &g->link);
		} else {
			e->bound_count--;
			g->dismissed = false;
			list_push_front(&e->guests, &g->link);
		}
		return;
	}
}

bool porter_gives_way(struct edge *e)
{
	LIST_EACH (&e->guests, at) {
		struct guest *g = CONTAINER_OF(at, struct guest, link);
		if (g->known || g->dismissed)
			continue;
		if (world_now(e->role->world) - g->since < GRACE_NS)
			return false; /* and so are those behind it */
		g->dismissed = true;
		e->counts.gave_way++;
		role_dismiss(e->role, g->id);
		return true;
	}
	return false;
}

/* ---- the guest's process -------------------------------------------------- */

void porter_prepare(struct edge *e, const struct conf *conf)
{
	for (size_t i = 0; e->isolated && i < conf->listener_count; i++) {
		const struct conf_listener *l = &conf->listeners[i];
		if (l->enabled && conf_pool(l->role) == CONF_EDGE_ACCESS)
			listener_know(e, l->name, conf);
	}
}

/* Contexts are there, and the guest is. */
void porter_serve(struct edge *e)
{
	struct port *p = e->came.port;
	struct crowd_place *place = NULL;
	if (p == NULL || !e->serving)
		return;
	e->came.port = NULL;
	/* Counted by the porter; here so that it can be counted out. */
	if (p->service != NULL &&
	    crowd_enter(&p->crowd, e->role->world, &(struct conf_limits){0},
			&e->came.peer, &place) == CROWD_IN)
		connection_start(e, p, e->came.fd, &e->came.peer, place);
	else
		world_close(e->role->world, e->came.fd);
	retire_look(e);
}

void porter_come(struct edge *e, struct span listener, const struct addr *peer,
		 int fd)
{
	struct port *p = e->isolated ? listener_named(e, listener) : NULL;
	if (p == NULL || e->retiring || e->draining) {
		world_close(e->role->world, fd);
		role_guest_over(e->role);
		return;
	}
	e->retiring = true; /* with its only connection it ends */
	e->came.port = p;
	e->came.fd = fd;
	e->came.peer = *peer;
	porter_serve(e);
}

static void turn_back(struct edge *e)
{
	if (e->came.port != NULL)
		world_close(e->role->world, e->came.fd);
	e->came.port = NULL;
}

void porter_make_way(struct edge *e)
{
	turn_back(e);
	LIST_EACH (&e->connections, at) {
		struct connection *c = CONTAINER_OF(at, struct connection, link);
		if (c->bound)
			continue;
		c->lost = true;
		connection_kick(c);
	}
	retire_look(e);
}

void porter_close(struct edge *e)
{
	turn_back(e);
	LIST_EACH (&e->guests, at) {
		struct guest *g = CONTAINER_OF(at, struct guest, link);
		forget(g);
	}
}
