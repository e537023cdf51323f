/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/vault/ends - the vault's ends of its hops, and what hangs on them.
 *
 * Edges and couriers have the same three questions: which certificates, which
 * chain, sign this.  What a channel may see and sign with follows from the hop and the pool that the
 * supervisor named when it made the channel, and from nothing that is said on it.
 */
#pragma once

#include "role/common/role.h"
#include "role/vault/shelf.h"
#include "wire/admin_vault.h"
#include "wire/courier_vault.h"
#include "wire/edge_vault.h"

#define CHANNELS_MAX ROLE_PROCESSES_MAX

struct vault;

/* One of the channels is set, or none: the place is free.  The admin pool's is
 * told of public keys (role/vault/on_admin.h), never given a signature. */
struct client {
	struct vault *vault;
	struct role_peer peer;
	struct edge_vault *edge;
	struct courier_vault *courier;
	struct admin_vault *admin;
};

struct vault {
	struct role *role;
	const struct conf *conf, *next_conf;
	struct shelf *now, *next, *old;
	struct client clients[CHANNELS_MAX];
	struct timer retire;
	uint64_t signed_, refused_key, refused_text, refused_scheme, failed;
};

static inline bool client_lives(const struct client *c)
{
	return c->edge != NULL || c->courier != NULL || c->admin != NULL;
}

/* False: no hop of ours; the link is still the caller's. */
MUST_USE bool client_join(struct client *, struct ipc_link *);
/* Tells of new certificates; nobody there is allowed, here and below. */
void client_changed(struct client *, uint32_t generation);
void client_free(struct client *);
