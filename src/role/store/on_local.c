/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_local: who submits mail, and under which addresses.
 *
 * A user of this machine is told by the pool `local`, to whom the kernel said
 * it.  He sends as his own address, as root does as any; where his address is
 * that of an account, what is granted to the account is granted to him.
 *
 * Must never take a local user's word from another pool.
 */
#include <stdio.h>

#include "role/store/session.h"

#define ROOT 0u

bool session_submits(const struct session *ss)
{
	return ss->is_local ||
	       (ss->service == EDGE_STORE_SERVICE_SUBMISSION && ss->account != 0);
}

enum directory_leave session_may_send_as(const struct session *ss,
					 struct span address)
{
	const struct directory *d = ss->store->directory;
	if (!ss->is_local)
		return directory_may_send_as(d, ss->account, address);
	if (ss->uid == ROOT || span_eq_nocase(address, ss->address))
		return DIRECTORY_MAY;
	const struct directory_account *a =
		directory_account_named(d, ss->address);
	return a != NULL && a->state == DIRECTORY_ACTIVE
		       ? directory_may_send_as(d, a->id, address)
		       : DIRECTORY_MAY_NOT;
}

/* The host's name, or the first domain above it that is ours. */
static struct span domain_of(const struct store *s)
{
	struct span name = s->conf->hostname, label;
	while (name.len > 0 && directory_domain(s->directory, name) == NULL)
		if (!span_cut(&name, '.', &label))
			name = span_of(NULL, 0);
	return name.len > 0 ? name : s->conf->hostname;
}

static bool name_ok(struct span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!ascii_alnum(name.ptr[i]) && name.ptr[i] != '-' &&
		    name.ptr[i] != '_' && (name.ptr[i] != '.' || i == 0))
			return false;
	return name.len > 0;
}

void on_local(void *ctx, struct ipc_call *call, const struct edge_store_local *m)
{
	struct peer *p = ctx;
	struct session *ss = session_find(p, m->session);
	struct edge_store_local_reply rep = {.answer = EDGE_STORE_ANSWER_NO};
	if (ss == NULL || p->who.kind != KIND_EDGE_LOCAL || ss->is_local ||
	    !name_ok(m->name)) {
		edge_store_local_answer(call, &rep);
		return;
	}
	rep.domain = domain_of(p->store);
	int n = snprintf(ss->address_room, sizeof ss->address_room, "%.*s@%.*s",
			 SPAN_FMT(m->name), SPAN_FMT(rep.domain));
	if (n > 0 && (size_t)n < sizeof ss->address_room) {
		ss->address = span_of(ss->address_room, (size_t)n);
		ss->uid = m->uid;
		ss->is_local = true;
		rep.answer = EDGE_STORE_ANSWER_YES;
	}
	edge_store_local_answer(call, &rep);
}
