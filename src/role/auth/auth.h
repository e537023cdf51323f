/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/auth/auth - the role's object, as its files see it.
 *
 *   auth.c      rights, channels, life
 *   edge.c      what edges ask: exchanges come, go and are answered
 *   login.c     one credential, from name to binding, in a fiber
 *   admin.c     passwords are set
 *   users, hasher, throttle, remember: parts that know nothing of each other
 */
#pragma once

#include "os/fiber.h"
#include "role/auth/hasher.h"
#include "role/auth/remember.h"
#include "role/auth/role.h"
#include "role/auth/throttle.h"
#include "sasl/server.h"
#include "wire/admin_auth.h"
#include "role/auth/book.h"
#include "wire/edge_auth.h"

#define CHANNELS_MAX  ROLE_PROCESSES_MAX
/* SASL exchanges under way: of one edge, and until one is given up. */
#define EXCHANGES_MAX 4096u
#define EXCHANGE_NS   (60 * NS_PER_SEC)
/* A question to the store; then the client hears "later". */
#define STORE_WAIT_NS (1500 * NS_PER_MS)
/* A login that still waits for its turn or its hash then is not hashed any more;
 * the hop's deadline is the edge's. */
#define LOGIN_WAIT_NS (60 * NS_PER_SEC)
/* A change may overtake a check; it is then made again, so often. */
#define CHECKS_MAX    3u

struct auth;

struct client {
	struct auth *auth;
	struct role_peer peer;
	struct edge_auth *edge;   /* one of the two, or none: free */
	struct admin_auth *admin;
	struct list exchanges; /* the longest silent first */
	size_t exchange_count;
};

struct auth {
	struct role *role;
	const struct conf *conf;
	struct sasl_library *sasl;
	struct hasher *hasher;
	struct throttle *throttle;
	struct book book; /* what it knows outlives this process */
	struct remember *remember;
	struct users *users;
	struct auth_store *store; /* NULL: not there */
	struct role_peer store_peer;
	struct map *exchanges;    /* by id */
	struct timer expiry;
	unsigned char unknown_secret[32]; /* the store's; SCRAM only */
	bool has_secret;
	struct client clients[CHANNELS_MAX];
	size_t fibers; /* that hold a pointer to this */
	size_t in_line; /* logins that wait for others to end */
	uint64_t verified, remembered, failed, throttled, later;
};

struct password_cost auth_cost(const struct auth *);
/* Monotonic, at most `wait` from now and not after the call's own deadline. */
uint64_t auth_deadline(const struct auth *, const struct ipc_call *,
		       uint64_t wait);

/* ---- login.c -------------------------------------------------------------- */

/* One credential under way; lives in an exchange. */
struct login {
	struct auth *auth;
	uint64_t session;
	enum edge_auth_service service;
	struct addr peer;
	struct span mechanism; /* a literal */
	char key[SASL_NAME_MAX];
	size_t key_len;
	struct throttle_attempt attempt;
	struct fiber *fiber; /* while it stands in line */
	struct user *user;
};

struct verdict {
	enum edge_auth_state state;
	char user[SASL_NAME_MAX]; /* when bound */
	size_t user_len;
	char why[128];
};

/* The name as it is looked up; false: not a usable name. */
MUST_USE bool login_name(struct login *, struct span name);
/*
 * Each gives the verdict, or EDGE_AUTH_STATE_MORE: go on.  All park.
 */
/* The throttle; after the name. */
void login_admit(struct login *, struct ipc_call *, struct verdict *);
void login_lookup(struct login *, struct ipc_call *, struct verdict *);
void login_check(struct login *, struct ipc_call *, struct span password,
		    struct verdict *);
/* Salts of unknown names are made from this: asked of the store once. */
void login_secret(struct login *, struct ipc_call *, unsigned char out[32],
		  struct verdict *);
/* SCRAM's proof was right, or the exchange failed. */
void login_proven(struct login *, struct ipc_call *, struct verdict *);
void login_refused(struct login *, enum sasl_failure, struct verdict *);
/* Given up: nothing counts. */
void login_end(struct login *);

/* ---- edge.c, admin.c ------------------------------------------------------ */

extern const struct edge_auth_at_auth auth_edge_handlers;
extern const struct admin_auth_at_auth auth_admin_handlers;

/* The channel is gone, and its exchanges with it. */
void edge_drop_all(struct client *);
