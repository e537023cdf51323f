/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/courier: the object of the role.
 *
 * Rights: its channels, and the descriptors of connections that it is handed.
 */
#include "role/courier/courier.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "crypto/library.h"
#include "role/courier/line.h"
#include "role/courier/whynot.h"

#define DESCRIPTORS 4096u

/* ---- rights: the first page ------------------------------------------------ */

static void rights(void *self, struct rights *r)
{
	(void)self;
	*r = (struct rights){.sys = RIGHT_BASE, .max_fds = DESCRIPTORS};
}

/* ---- channels -------------------------------------------------------------- */

static void store_dead(void *ctx, struct ipc *ch, const char *reason)
{
	struct courier *c = ctx;
	if (c->store != NULL && courier_store_ipc(c->store) == ch) {
		c->store = NULL;
		c->epoch++;
	}
	role_peer_dead(c->role, &c->store_peer, ch, reason);
}

static void dialer_dead(void *ctx, struct ipc *ch, const char *reason)
{
	struct courier *c = ctx;
	if (c->dialer != NULL && courier_dialer_ipc(c->dialer) == ch)
		c->dialer = NULL;
	role_peer_dead(c->role, &c->dialer_peer, ch, reason);
}

static void fetch_dead(void *ctx, struct ipc *ch, const char *reason)
{
	struct courier *c = ctx;
	if (c->fetch != NULL && courier_fetch_ipc(c->fetch) == ch)
		c->fetch = NULL;
	role_peer_dead(c->role, &c->fetch_peer, ch, reason);
}

static void vault_dead(void *ctx, struct ipc *ch, const char *reason)
{
	struct courier *c = ctx;
	if (c->vault != NULL && courier_vault_ipc(c->vault) == ch)
		c->vault = NULL;
	role_peer_dead(c->role, &c->vault_peer, ch, reason);
}

static void on_changed(void *ctx, struct courier_vault *channel,
		       const struct courier_vault_changed *m)
{
	(void)channel;
	(void)m;
	certs_refresh(ctx);
}

static const struct courier_vault_at_courier vault_handlers = {
	.changed = on_changed};

static void admin_dead(void *ctx, struct ipc *ch, const char *reason)
{
	struct courier_admin *a = ctx;
	a->channel = NULL;
	role_peer_dead(a->courier->role, &a->peer, ch, reason);
}

static bool attach_admin(struct courier *c, const struct role_peer *peer,
			 struct ipc_link *link)
{
	for (size_t i = 0; i < COURIER_ADMINS; i++) {
		struct courier_admin *a = &c->admins[i];
		struct ipc_owner owner = {.role = a, .dead = admin_dead};
		if (a->channel != NULL)
			continue;
		*a = (struct courier_admin){.courier = c, .peer = *peer};
		a->channel = admin_courier_join_courier(link, &owner,
							&whynot_handlers);
		return true;
	}
	return false;
}

static void attach(void *self, const struct role_peer *peer,
		   struct ipc_link *link)
{
	struct courier *c = self;
	struct ipc_owner owner = {.role = c};
	switch (peer->hop) {
	case HOP_COURIER_STORE:
		if (c->store != NULL)
			ipc_free(courier_store_ipc(c->store));
		owner.dead = store_dead;
		c->store_peer = *peer;
		c->store = courier_store_join_courier(link, &owner);
		c->epoch++;
		slots_wake(c);
		return;
	case HOP_COURIER_DIALER:
		if (c->dialer != NULL)
			ipc_free(courier_dialer_ipc(c->dialer));
		owner.dead = dialer_dead;
		c->dialer_peer = *peer;
		c->dialer = courier_dialer_join_courier(link, &owner);
		return;
	case HOP_COURIER_FETCH:
		if (c->fetch != NULL)
			ipc_free(courier_fetch_ipc(c->fetch));
		owner.dead = fetch_dead;
		c->fetch_peer = *peer;
		c->fetch = courier_fetch_join_courier(link, &owner);
		return;
	case HOP_COURIER_VAULT:
		if (c->vault != NULL)
			ipc_free(courier_vault_ipc(c->vault));
		owner.dead = vault_dead;
		c->vault_peer = *peer;
		c->vault = courier_vault_join_courier(link, &owner,
						      &vault_handlers);
		certs_refresh(c);
		return;
	case HOP_ADMIN_COURIER:
		if (attach_admin(c, peer, link))
			return;
		break;
	default:
		break;
	}
	link->ops->close(link);
	link->ops->free(link);
}

/* ---- life ------------------------------------------------------------------ */

static void *create(struct role *role, const struct conf *conf, struct buf *why)
{
	struct courier *c = calloc(1, sizeof *c);
	if (c == NULL) {
		buf_add(why, SPAN("memory is short"));
		return NULL;
	}
	c->role = role;
	c->conf = conf;
	list_init(&c->slots);
	list_init(&c->lines);
	list_init(&c->berths);
	list_init(&c->berth_waiters);
	list_init(&c->certs);
	list_init(&c->secrets);
	list_init(&c->questions);
	c->sts = courier_sts_new(&(struct courier_sts_use){.loop = role->loop,
							   .log = role->log,
							   .store = &c->store,
							   .dialer = &c->dialer,
							   .fetch = &c->fetch});
	c->tlsrpt = courier_tlsrpt_new(
		&(struct courier_tlsrpt_use){.loop = role->loop,
					     .log = role->log,
					     .store = &c->store,
					     .dialer = &c->dialer,
					     .fetch = &c->fetch});
	bool made = c->sts != NULL && c->tlsrpt != NULL;
	if (made && protect_start(c, why)) {
		courier_tlsrpt_host(c->tlsrpt, conf->hostname);
		return c;
	}
	if (!made)
		buf_add(why, SPAN("memory is short"));
	courier_sts_free(c->sts);
	courier_tlsrpt_free(c->tlsrpt);
	protect_end(c);
	free(c);
	return NULL;
}

static bool material(void *self, enum material kind, struct span name, int fd,
		     struct buf *why)
{
	struct courier *c = self;
	bool ok = (kind == MATERIAL_AUTHORITIES &&
		   protect_authorities(c, fd, why)) ||
		  (kind == MATERIAL_SECRET && login_take(c, name, fd, why));
	world_close(c->role->world, fd);
	return ok;
}

/* Those that came last are the ones that count. */
static void take_authorities(struct courier *c)
{
	if (c->next_authorities == NULL)
		return;
	tls_authorities_free(c->authorities);
	c->authorities = c->next_authorities;
	c->next_authorities = NULL;
}

/* Fibers that still run end with their calls: nothing answers any more. */
static void destroy(void *self)
{
	struct courier *c = self;
	c->serving = false;
	timer_stop(&c->drain);
	slots_end(c);
	whynot_end(c);
	for (size_t k = 0; k < COURIER_ADMINS; k++)
		if (c->admins[k].channel != NULL)
			ipc_free(admin_courier_ipc(c->admins[k].channel));
	if (c->store != NULL)
		ipc_free(courier_store_ipc(c->store));
	if (c->dialer != NULL)
		ipc_free(courier_dialer_ipc(c->dialer));
	if (c->fetch != NULL)
		ipc_free(courier_fetch_ipc(c->fetch));
	c->store = NULL;
	c->dialer = NULL;
	if (c->vault != NULL)
		ipc_free(courier_vault_ipc(c->vault));
	c->fetch = NULL;
	c->vault = NULL;
	if (c->certs_fiber != NULL)
		fiber_stop(c->certs_fiber);
	while (c->slot_count + c->asked > 0 || c->certs_fiber != NULL)
		(void)loop_turn(c->role->loop);
	lines_end(c);
	courier_sts_free(c->sts);
	courier_tlsrpt_free(c->tlsrpt);
	protect_end(c);
	login_forget_all(c);
	free(c);
}

static bool start(void *self, struct buf *why)
{
	struct courier *c = self;
	(void)why;
	take_authorities(c);
	c->serving = true;
	courier_sts_start(c->sts);
	courier_tlsrpt_start(c->tlsrpt);
	slots_wake(c);
	return true;
}

/* Rules may be others: what is open was decided by the old ones; what is at work
 * now is not kept afterwards. */
static void adopt(void *self, const struct conf *conf)
{
	struct courier *c = self;
	c->conf = conf;
	c->rules++;
	courier_tlsrpt_host(c->tlsrpt, conf->hostname);
	take_authorities(c);
	lines_end(c);
	berths_changed(c);
	slots_wake(c);
}

static void drain(void *self, uint32_t within_ms)
{
	slots_drain(self, within_ms);
}

static void status(void *self, struct buf *json)
{
	const struct courier *c = self;
	const struct courier_counts *n = &c->counts;
	buf_printf(json,
		   "\"in_flight\":%u,\"idle_connections\":%u,\"leased\":%llu,"
		   "\"delivered\":%llu,\"deferred\":%llu,\"failed\":%llu,"
		   "\"reports\":%llu,\"connections\":%llu,\"unreached\":%llu,"
		   "\"reused\":%llu,\"clear\":%llu",
		   c->slot_count - c->waiting, c->line_count,
		   (unsigned long long)n->leased, (unsigned long long)n->delivered,
		   (unsigned long long)n->deferred, (unsigned long long)n->failed,
		   (unsigned long long)n->reports,
		   (unsigned long long)n->connections,
		   (unsigned long long)n->unreached,
		   (unsigned long long)n->reused, (unsigned long long)n->clear);
	struct courier_sts_counts s = courier_sts_counts(c->sts);
	struct courier_tlsrpt_counts t = courier_tlsrpt_counts(c->tlsrpt);
	buf_printf(json,
		   ",\"sts_cached\":%zu,\"sts_fetched\":%llu,\"sts_failed\":%llu,"
		   "\"tlsrpt_sessions\":%llu,\"tlsrpt_domains\":%zu,"
		   "\"tlsrpt_sent\":%llu,\"tlsrpt_failed\":%llu",
		   s.cached, (unsigned long long)s.fetched,
		   (unsigned long long)s.failed, (unsigned long long)t.sessions,
		   t.domains, (unsigned long long)(t.mailed + t.posted),
		   (unsigned long long)t.failed);
	for (unsigned i = POLICY_LEVEL_MAY; i <= POLICY_LEVEL_SECURE; i++)
		buf_printf(json, ",\"tls_%s\":%llu", policy_level_text(i),
			   (unsigned long long)n->levels[i]);
}

const struct role_def courier_role = {
	.create = create,
	.destroy = destroy,
	.attach = attach,
	.material = material,
	.rights = rights,
	.start = start,
	.adopt = adopt,
	.drain = drain,
	.status = status,
};
