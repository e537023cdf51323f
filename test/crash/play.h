/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The player: starts the real store program and is everybody around it - the
 * supervisor, auth, two edges, a courier, the command line - with real sorters beside it.
 *
 * It reads a script, a command a line, and prints what was asked, what was
 * answered, and which packet carried the answer; judge.py sets that beside the
 * recorder's log.  Nothing here judges.
 */
#pragma once

#include <stdio.h>

#include "os/fiber.h"
#include "os/spawn.h"
#include "role/common/role.h"
#include "wire/admin_store.h"
#include "wire/auth_store.h"
#include "wire/courier_store.h"
#include "wire/edge_store.h"

#define PLAY_WORDS_MAX 128u
#define PLAY_BODY_MAX  (2u << 20)
#define PLAY_PIECE     61440u

/* The socket and the packets of a channel that came to us. */
struct tap {
	struct tap *next;
	struct ipc_link *link;
	const struct ipc_link_ops *ops;
	struct ipc_link_ops mine;
	uint64_t ino; /* of the role's end */
	uint64_t packets;
};

struct child { /* a role's process and its supervisor's channel */
	struct play *play;
	enum kind kind;
	int32_t pid;
	struct boss_role *boss;
};

struct play {
	struct world *world;
	struct loop *loop;
	struct conf_snapshot *conf;
	const char *folder, *store, *sorter, *preload;
	struct tap *taps;
	struct child children[3]; /* the store and two sorters */
	struct admin_store *admin;
	struct auth_store *auth;
	struct edge_store *mx, *access, *other;
	struct courier_store *courier;
	struct tap *mx_tap, *access_tap, *other_tap, *admin_tap, *auth_tap, *courier_tap;
	FILE *script;
	unsigned step, running; /* fibers of a `par` */
	bool watching, stop_watching, failed;
};

/* One answer to wait for: which packet brought it is noted when it comes. */
struct asked {
	struct loop *loop;
	const struct tap *tap;
	uint64_t packet;
	enum ipc_result result;
	struct fiber_gate gate;
};

void asked_init(struct asked *, struct play *, const struct tap *);
void asked_done(void *asked, enum ipc_result);
/* True: it was answered. */
bool asked_wait(struct asked *, enum ipc_result started);

#define ASK(p, who, call, channel, m, a, rep, out)                             \
	(asked_init((out), (p), (who)),                                        \
	 asked_wait((out), call##_start((channel), (m), (a), (rep), IPC_NEVER, \
					asked_done, (out))))

/* play_start.c */
bool play_start(struct play *);
void play_kill(struct play *); /* SIGKILL, and wait */
/* play_do.c: false, the command is unknown. */
bool play_do(struct play *, char **words, size_t count, unsigned number);
/* A session of the account, bound; 0: it cannot be had. */
uint64_t play_session(struct play *, struct edge_store *, const struct tap *, const char *user,
		      uint32_t service);
/* The message that a label and a size stand for. */
struct span play_message(struct arena *, const char *from, const char *label, size_t size);
/* play_carry.c: one job for the domain is leased, and that is all (fate NULL); or it is
 * settled like that; or first reported as failed to its sender, with this label.
 * code: of the answer that counts, `said`. */
bool play_carry(struct play *, struct arena *, const char *domain, const char *fate,
		const char *label, struct asked *said, unsigned *code);
/* play_dump.c: everything that can be read, in lines. */
void play_dump(struct play *);
void play_watch(struct play *, const char *user, const char *box);
bool play_fsck(struct play *);
