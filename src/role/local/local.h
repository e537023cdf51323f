/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/local/local - the object of the role, and one client of it.
 *
 * A client is one connection to the local socket; its number and its name come
 * from the kernel and from the list of users, never from itself.  It has one
 * session at the store and asks one thing at a time, in a fiber.  A message is
 * staged at the store piece by piece; at most one piece is here.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "os/fiber.h"
#include "os/user_row.h"
#include "role/common/doors.h"
#include "role/local/role.h"
#include "wire/cmd_local.h"
#include "wire/edge_store.h"

#define LOCAL_CLIENTS_MAX   64u
#define LOCAL_CLIENTS_EACH  16u /* of one user; root has no such limit */
#define LOCAL_RECIPIENTS    1000u
#define LOCAL_PIECE	    49152u
#define LOCAL_ADDRESS_MAX   320u
#define LOCAL_ASK_NS	    (30 * NS_PER_SEC)
#define LOCAL_ANSWER_MEMORY (256u * 1024u)
#define LOCAL_ID	    16u

struct local;

struct client {
	struct local *local;
	struct cmd_local *channel; /* NULL: gone */
	uint32_t uid;
	int32_t pid;
	bool taken, busy;
	char name[USER_NAME_MAX + 1];
	char domain[256]; /* empty: the store was not asked yet */
	uint64_t session, epoch; /* at the store; 0: none */

	/* What is being answered. */
	struct ipc_call *call;
	const void *ask;
	void (*run)(struct client *);
	struct arena *arena;

	/* The message. */
	bool open;
	char sender[LOCAL_ADDRESS_MAX + 1];
	char envid[101];
	uint8_t ret;
	bool eight_bit, utf8;
	uint64_t recipients[LOCAL_RECIPIENTS];
	size_t count;
	uint64_t staged, size;
	struct buf rest;
};

struct local {
	struct role *role;
	const struct conf *conf;
	struct client clients[LOCAL_CLIENTS_MAX];
	struct doors doors;
	struct edge_store *store;
	struct role_peer store_peer;
	uint64_t epoch; /* of the channel to the store */
	struct buf users; /* as passwd(5) */
	unsigned jobs;
	bool draining;
	uint64_t kept, refused, refused_peers;
};

/* message.c: each runs in the client's fiber and answers its call. */
void message_who(struct client *);
void message_begin(struct client *);
void message_recipient(struct client *);
void message_piece(struct client *);
void message_end(struct client *);
/* Nothing of the client is left at the store. */
void message_forget(struct client *);
