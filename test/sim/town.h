/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A town: a house in which every role lives that carries mail, joined as the
 * supervisor would, with TLS, real logins and a few accounts.
 *
 * Any role can be killed at any moment and raised again; its listening sockets
 * and the store's disk stay.  Call from outside of any loop, but for the ends of
 * channels (town_admin ...), which fibers of the test's loop use.
 */
#pragma once

#include "dice.h"
#include "house.h"
#include "kv/memory.h"
#include "names.h"
#include "wire/admin_store.h"
#include "wire/auth_store.h"
#include "wire/edge_store.h"

#define TOWN_MX         2525u
#define TOWN_SUBMISSION 2465u
#define TOWN_IMAP       2993u
#define TOWN_POP3       2995u
#define TOWN_PASSWORD   "right horse battery"
#define TOWN_WALL       1800000000
#define TOWN_BY_ONE     2u /* connections of the usual source */
#define TOWN_PEOPLE     5u /* u0 ... at example.test; team: u0 u1 u2 */

struct town {
	struct house *house;
	struct house_role *role[KIND_COUNT]; /* NULL: dead */
	int sockets[4];
	struct names *names; /* the dialer's DNS */
	unsigned kills, raised, leaks;
	unsigned severed; /* of these, store or courier: what was under way is unclear */
	unsigned couriers; /* of these, couriers */
};

/* Once in a process: keys and certificates, which all towns share. */
void town_prepare(void);
/* patient: its queue tries for days, not for an hour. */
struct town *town_new(uint64_t seed, bool patient, struct names *);
void town_free(struct town *);
struct kv_disk *town_disk(struct town *);

/* The roles that live here, in the order in which they are raised. */
extern const enum kind town_kinds[];
extern const size_t town_kinds_count;

void town_kill(struct town *, enum kind);
/* All at once, the machine with them. */
void town_power_cut(struct town *);
void town_raise(struct town *, enum kind); /* when it is dead */

/* ---- ends of the test's own, at a store that lives; free with ipc_free ---- */
struct admin_store *town_admin(struct town *, const struct ipc_owner *);
struct edge_store *town_access(struct town *, const struct ipc_owner *);
struct auth_store *town_auth(struct town *, const struct ipc_owner *);
/*
 * A session of that account at this end, bound without a password; 0: refused.  The
 * ends may die while it waits: whoever frees them puts NULL or new ones there.
 */
uint64_t town_session(struct edge_store *const *, struct auth_store *const *,
		      const char *user, struct arena *);
/* Verifiers for the password; true: durable. */
bool town_password(struct auth_store *, const char *user, struct arena *);
