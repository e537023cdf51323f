/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/store: a connection's session at the store.
 *
 * Opened when it is first needed: a scanner costs the store nothing.  Its
 * number belongs to one channel; when that died the session is gone, and a
 * connection that lived in it is told goodbye.
 */
#include "role/edge/connection.h"

#include "base/ensure.h"

struct edge_store *store_of(const struct connection *c)
{
	bool mine = c->session != 0 && c->epoch == c->edge->store_epoch;
	return mine ? c->edge->store : NULL;
}

bool store_session(struct connection *c)
{
	struct edge *e = c->edge;
	struct edge_store_session_open_reply rep;
	if (store_of(c) != NULL)
		return true;
	if (e->store == NULL || c->bound)
		return false;
	c->session = 0;
	uint64_t epoch = e->store_epoch;
	struct edge_store_session_open m = {
		.service = c->protocol->service(c),
		.listener = c->service->name,
		.port = c->peer.port};
	memcpy(m.address, c->peer.ip, sizeof m.address);
	if (edge_store_session_open(e->store, &m, connection_scratch(c), &rep,
				    edge_within(e, EDGE_ASK_NS)) != IPC_OK ||
	    rep.answer != EDGE_STORE_ANSWER_YES || rep.session == 0 ||
	    epoch != e->store_epoch)
		return false;
	if (map_get_id(e->sessions, rep.session) != NULL ||
	    !map_put_id(e->sessions, rep.session, c)) {
		struct edge_store_session_close bye = {.session = rep.session};
		if (e->store != NULL)
			(void)edge_store_session_close(e->store, &bye);
		return false;
	}
	c->session = rep.session;
	c->epoch = epoch;
	return true;
}

void store_session_end(struct connection *c)
{
	struct edge_store *s = store_of(c);
	struct edge_store_session_close m = {.session = c->session};
	if (s == NULL)
		return;
	ENSURE(map_remove_id(c->edge->sessions, c->session) == c);
	c->session = 0;
	(void)edge_store_session_close(s, &m);
}
