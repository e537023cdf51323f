/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A house: roles of one configuration in one process, on a simulated world.
 *
 * The house plays the supervisor.  It parses the configuration, hands each role
 * its slice in sealed memory, makes channels and listening sockets, activates.
 * Each role has a loop of its own, as if it were a process; the test has one,
 * too.  Nothing here waits for real time, and the same seed gives the same run.
 *
 * What goes wrong in the house itself fails the test (cmocka).  Test code calls
 * from outside of any loop; each call runs the world until the role answered.
 */
#pragma once

#include "os/fiber.h"
#include "os/sim.h"
#include "role/common/role.h"

#define HOUSE_ROLES_MAX 12u

struct house;

struct house_role {
	struct house *house;
	enum kind kind;
	struct loop *loop;
	struct role *role;
	struct boss_role *boss; /* our end; NULL: it hung up */
	unsigned broken;        /* peers that it complained about */
	enum kind broken_kind;  /* the last one of these */
	unsigned worn;          /* wishes for a successor */
	bool worn_old;          /* the last one of these: by its age */
	bool retired;           /* since house_retire: nothing is left in it */
	struct boss_role_retire_reply retire_reply;
	struct arena *retire_arena;
};

struct house *house_new(uint64_t seed, const char *conf);
/* Ends the roles that still live; every descriptor must be back by then. */
void house_free(struct house *);
struct world *house_world(struct house *);
struct loop *house_loop(struct house *); /* the test's own */
/* Let virtual time pass. */
void house_run(struct house *, uint64_t ms);
/* The same until *flag is set, at most so long.  True: it is. */
bool house_until(struct house *, const bool *flag, uint64_t ms);
/* Run fn in a fiber of the test's loop until it returns: there calls may wait. */
void house_do(struct house *, fiber_fn *fn, void *arg);
/* The test's own end of a channel of the role, as a link on the test's loop. */
struct ipc_link *house_link(struct house_role *, enum hop, enum kind peer);

/* The slice of another configuration for a role, for who configures one by hand. */
int house_slice(struct house *, const char *conf, enum kind);
/*
 * In two steps, for who wants to see a start fail: a loop and an end of the
 * supervisor's channel, then the role on it.  False: it could not be made; house_kill
 * takes the rest away.
 */
struct house_role *house_place(struct house *, enum kind, int *end);
MUST_USE bool house_born(struct house_role *, const struct role_def *, unsigned index,
			 int end);
/* Start a role and configure it; it awaits channels, material, listeners. */
struct house_role *house_raise(struct house *, const struct role_def *, enum kind);
/*
 * A file with these bytes.  True: the role took it.  keep: NULL, or gets another
 * descriptor of the file, the caller's, to see what the role does with it.
 */
bool house_material(struct house_role *, enum material, const char *name,
		    struct span bytes, int *keep);
/* A listening socket on 127.0.0.1; the descriptor is the role's from here on. */
void house_lend(struct house_role *, const char *name, int fd);
/* The same with a socket made for it. */
void house_listen(struct house_role *, const char *name, uint16_t port);
/*
 * A channel between two roles; a is side 0 of the schema.  The answer is another
 * descriptor of a's end, the caller's, with which sim_break breaks the channel.
 */
int house_join(struct house_role *a, struct house_role *b, enum hop);
/* A channel of the role whose other end, a packet socket, is the test's. */
int house_peer(struct house_role *, enum hop, enum kind peer, unsigned index);
bool house_activate(struct house_role *);
/* The role's status, JSON; valid until the next call. */
struct span house_status(struct house_role *);
/* A number out of it by the member's name. */
uint64_t house_figure(struct house_role *, const char *name);
/* Nothing new for it, as when its successor serves. */
void house_retire(struct house_role *);
/* The role ends as when its process dies; the handle is free again. */
void house_fall(struct house_role *);
/*
 * Its process is killed at this moment: nothing that it has not sent yet reaches
 * anybody.  Every descriptor that it had must be back by then; false: one is not.
 */
MUST_USE bool house_kill(struct house_role *);
