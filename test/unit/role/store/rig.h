/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store with its sorters in one process; edge, auth and the administrator are
 * the test.  On the simulated world with the memory engine, or on the real one
 * with RocksDB in a folder of its own: the same tests run on both.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "os/loop.h"
#include "role/common/role.h"
#include "wire/admin_store.h"
#include "wire/auth_store.h"
#include "wire/courier_store.h"
#include "wire/edge_store.h"

enum rig_engine { RIG_MEMORY, RIG_ROCKSDB };
enum rig_edge { RIG_MX, RIG_MX2, RIG_ACCESS, RIG_LOCAL, RIG_EDGES };

struct rig_role {
	struct loop *loop;
	struct role *role;
};

struct rig {
	enum rig_engine engine;
	struct world *world;
	struct loop *loop; /* the test's */
	struct conf_snapshot *conf;
	char dir[64];
	struct rig_role store, sorter_mx, sorter_access;
	struct edge_store *edge[RIG_EDGES];
	struct auth_store *auth;
	struct admin_store *admin;
	struct arena *answer; /* of the last calls */
	uint8_t notify;	      /* of the recipients that come */
	bool dead[RIG_EDGES];
	unsigned hints, changed, loads; /* loads: from both edges */
	enum edge_store_level level;
	struct edge_store_hint hint; /* the last one */
	struct edge_store_left gone[32];
	struct edge_store_flagged flags[32];
	uint64_t changed_account;
};

#define MAIL(text)                                                             \
	SPAN("From: someone@client.test\r\nSubject: " text                     \
	     "\r\nDate: Sun, 22 Nov 2026 03:18:41 +0000\r\n\r\nhello " text "\r\n")

/* STORE_ENGINE says which engine: rocksdb, or memory. */
bool rig_real(void);
/* cmocka's: with that engine. */
int rig_set_up(void **state);
int rig_tear_down(void **state);
/* A bound IMAP session. */
uint64_t rig_reader(struct rig *, const char *name);

struct rig *rig_new(enum rig_engine);
void rig_free(struct rig *);
/* A courier's channel; the caller frees it. */
struct courier_store *rig_courier(struct rig *);
/* The store ends and starts again on the same data (RocksDB). */
void rig_restart(struct rig *);
void rig_sorters_die(struct rig *);
void rig_sorters_start(struct rig *);
void rig_run(struct rig *, uint64_t ms);
bool rig_until(struct rig *, const bool *flag, uint64_t ms);
uint64_t rig_figure(struct rig *, const char *name);

struct rig_wait {
	bool done;
	enum ipc_result result;
};
void rig_answered(void *wait, enum ipc_result);
void rig_wait(struct rig *, struct rig_wait *);

/* Make a call from the test and wait for its answer in `rep`. */
#define ASK(rig, channel, verb, rep, ...)                                      \
	do {                                                                   \
		struct rig_wait w_ = {0};                                      \
		struct verb m_ = {__VA_ARGS__};                                \
		assert_int_equal(verb##_start((channel), &m_, (rig)->answer,   \
					      (rep), IPC_NEVER, rig_answered,  \
					      &w_),                            \
				 IPC_OK);                                      \
		rig_wait((rig), &w_);                                          \
	} while (0)

/* Accounts alice, bob and carol (3,000 bytes); team -> alice, bob; one -> alice;
 * far -> somebody elsewhere. */
void rig_people(struct rig *);
uint64_t rig_account(struct rig *, const char *name);
void rig_add_account(struct rig *, const char *name, uint64_t quota);

/* A session; bound to an account when `name` is given. */
uint64_t rig_session(struct rig *, enum rig_edge, enum edge_store_service,
		     const char *name);
enum edge_store_answer rig_rcpt(struct rig *, enum rig_edge, uint64_t session,
				const char *address, uint64_t *handle);
/* RCPT for each of the addresses (NULL ends them), then the message. */
struct edge_store_offer_reply rig_send(struct rig *, enum rig_edge,
				       uint64_t session, const char *from,
				       struct span body, ...);
/* Read everything of a message of INBOX by the wire. */
struct span rig_read(struct rig *, uint64_t session, uint64_t mailbox,
		     uint32_t uid);
struct edge_store_select_reply rig_select(struct rig *, uint64_t session,
					  const char *name);
struct edge_store_status_reply rig_status(struct rig *, uint64_t session,
					  const char *name);
/* With \Seen and $work, as of second RIG_DATE. */
#define RIG_DATE 1000000
struct edge_store_append_reply rig_append(struct rig *, uint64_t session,
					  const char *box, struct span body);
/* apple, pear and plum into Archive. */
void rig_fill(struct rig *, uint64_t session);
/* The request's one set is 2:3. */
struct edge_store_search_reply rig_search(struct rig *, uint64_t session,
					  uint64_t mailbox,
					  const struct edge_store_op *,
					  size_t count);
