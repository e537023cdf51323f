/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The auth role in a simulated world, with a store of a few accounts behind it
 * and an edge and an administrator before it.  Everything runs on one loop and
 * a virtual clock: a hash takes HASHER_SIM_NS.
 */
#pragma once

#include "role/auth/auth.h"

#define HOUSE_ALICE 7u
#define HOUSE_APPS  4u
#define HOUSE_KEPT  16u

/* What the store knows of alice@example.org, and what it was asked. */
struct house {
	struct world *world;
	struct loop *loop;
	struct role *role;
	int boss; /* the supervisor's end, silent */
	struct conf conf;
	struct auth *auth;
	struct edge_auth *edge;
	struct admin_auth *admin;
	struct auth_store *store; /* the store's end */
	/* The store. */
	uint64_t version;
	char argon2[PASSWORD_TEXT_MAX];
	bool has_scram;
	struct scram_verifier scram;
	struct {
		uint32_t scopes;
		char argon2[PASSWORD_TEXT_MAX];
	} apps[HOUSE_APPS];
	size_t app_count;
	enum auth_store_answer bind_answer, verifiers_answer, secret_answer;
	bool silent; /* answers nothing; calls stay open */
	struct ipc_call *kept[HOUSE_KEPT];
	size_t kept_count;
	unsigned asked, binds, secrets;
	uint64_t bound_session, bound_account;
};

/* Alice's password is "right horse". */
#define HOUSE_PASSWORD "right horse"

void house_open(struct house *);
void house_close(struct house *);
void house_run(struct house *, uint64_t ns);
void house_connect_store(struct house *);
/* The store's password, and the cast that tells of it. */
void house_set_password(struct house *, const char *password);
void house_change(struct house *);

struct house_answer {
	bool done;
	enum ipc_result result;
	enum edge_auth_state state;
	uint64_t exchange;
	char user[64], why[128];
	char blob[512];
	size_t blob_len;
};

struct house_ask {
	const char *user, *password, *mechanism;
	enum edge_auth_service service;
	struct addr from;
	uint64_t session;
};

/* Starts a login by `password`; the answer comes with house_run. */
void house_login_start(struct house *, const struct house_ask *,
		       struct house_answer *);
struct house_answer house_login(struct house *, const char *user,
				const char *password, struct addr from);
struct house_answer house_login_as(struct house *, const struct house_ask *);
struct house_answer house_start(struct house *, const struct house_ask *,
				struct span binding, const struct span *initial);
struct house_answer house_step(struct house *, uint64_t exchange, struct span);
