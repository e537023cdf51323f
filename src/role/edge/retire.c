/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/retire: processes of one pool follow each other.
 *
 * A process takes connections until most of its places are held by people who
 * logged in, or until its age; then the next one does, and this one goes on
 * with what it has and ends with its last connection.  Who breaks into it
 * reaches those sessions and no later ones.
 *
 * Strangers cannot fill it: nine of ten places are the most that those who have
 * not logged in may hold, and beyond that, or when no place is left, the one
 * that has been at it longest gives way to the newcomer.
 */
#include "base/check.h"
#include "role/edge/connection.h"

#define AGAIN_NS (10 * NS_PER_SEC) /* between two wishes for a successor */

#define FDS_KEPT 64u /* for all that is no connection */

/* Without a descriptor nobody comes in: what the system allows is a limit like ours. */
static uint64_t places(const struct edge *e)
{
	uint64_t fds = e->role->fds > 2 * FDS_KEPT ? e->role->fds - FDS_KEPT : UINT64_MAX;
	if (e->porter)
		return e->conf->processes.isolated;
	if (e->role->kind == KIND_EDGE_ACCESS &&
	    e->conf->processes.sessions != 0)
		return u64_min(fds, e->conf->processes.sessions);
	return u64_min(fds, EDGE_CONNECTIONS);
}

/* ---- a successor --------------------------------------------------------- */

static bool filling(const struct edge *e)
{
	uint64_t most = places(e);
	return e->bound_count > 0 && e->bound_count >= most - most / 8;
}

static bool aged(const struct edge *e)
{
	uint64_t age = e->conf->processes.age;
	return age != 0 && loop_now(e->role->loop) >= e->began + age * NS_PER_SEC;
}

static void on_worn(struct timer *t)
{
	struct edge *e = t->arg;
	e->wearing = filling(e) || (aged(e) && e->counts.accepted > 0);
	if (e->wearing)
		role_worn(e->role, aged(e));
	retire_watch(e);
}

/* A process that nobody used does not wear. */
void retire_watch(struct edge *e)
{
	uint64_t now = loop_now(e->role->loop);
	uint64_t age = e->conf->processes.age * NS_PER_SEC;
	if (e->porter || e->isolated)
		return;
	uint64_t at = age != 0 ? e->began + age : NS_NEVER;
	timer_stop(&e->worn);
	if (e->retiring || e->draining)
		return;
	if (e->wearing || at <= now)
		at = now + AGAIN_NS;
	if (at != NS_NEVER)
		(void)!timer_start(e->role->loop, &e->worn, at, on_worn, e);
}

void retire_begin(struct edge *e)
{
	e->retiring = true;
	timer_stop(&e->worn);
	listener_close_all(e);
	retire_look(e);
}

void retire_look(struct edge *e)
{
	if (e->retiring && e->connection_count == 0 && e->came.port == NULL) {
		role_guest_over(e->role);
		role_retired(e->role);
	}
	if (e->porter || e->isolated || e->retiring || e->draining || e->wearing || !filling(e))
		return;
	e->wearing = true;
	role_worn(e->role, false);
	retire_watch(e);
}

/* ---- room ---------------------------------------------------------------- */

/* The stranger that has been at it longest.  False: there is none. */
static bool give_way(struct edge *e)
{
	if (e->porter)
		return porter_gives_way(e);
	LIST_EACH (&e->connections, at) {
		struct connection *c = CONTAINER_OF(at, struct connection, link);
		if (c->bound || c->lost || c->stop)
			continue;
		c->lost = true;
		e->counts.gave_way++;
		connection_kick(c);
		return true;
	}
	return false;
}

bool retire_makes_room(struct edge *e)
{
	uint64_t most = places(e);
	size_t strangers = e->connection_count - e->bound_count;
	bool gives = false;
	if (e->role->kind == KIND_EDGE_ACCESS &&
	    (strangers >= most - most / 10 || e->connection_count >= most))
		gives = give_way(e);
	/* Those on their way out are still counted: some more may come in. */
	return e->connection_count < most ||
	       (gives && e->connection_count < most + most / 10 + 1);
}
