/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/common/role - the life of a role, the same for all of them.
 *
 * A role is a program that the supervisor starts with one descriptor, the
 * channel of the hop boss_role.  Then:
 *
 *     configure   its slice of the configuration  -> create
 *     material    folders, certificates, log file -> material
 *     attach      its ends of hops                -> attach
 *     listener    listening sockets               -> listener
 *     activate    rights, confinement             -> start; it is ready
 *
 * From then on it is confined and serves.  A reload is configure (-> prepare,
 * which may say no) and activate (-> adopt).  A peer that died comes back as a
 * new attach.  drain ends new work; the role exits when its channel to the
 * supervisor closes.
 *
 * All state hangs on the role's object (`self`), so several roles can live in
 * one process on a simulated world: role_new and role_free are that entry,
 * role_main the one of a program.
 */
#pragma once

#include "base/buf.h"
#include "conf/conf.h"
#include "ipc/ipc.h"
#include "os/confine.h"
#include "os/loop.h"
#include "os/sock.h"
#include "role/common/hops.h"
#include "role/common/log.h"
#include "wire/boss_role.h"

/* Of one instance: beside the guests of `isolate user` those on their way out,
 * those that are ready for the next, and all others. */
#define ROLE_PROCESSES_MAX (CONF_ISOLATED_MAX + 96u)

#define ROLE_FD 3 /* where a program finds its channel */
#define ROLE_PROBE_WORD "probe" /* its third argument: it may be probed */

/* What every role has.  Borrowed by `self` for its life. */
struct role {
	struct world *world;
	struct loop *loop;
	struct log *log;
	const struct role_def *def;
	void *self;
	enum kind kind;
	unsigned index; /* in its pool */
	uint64_t fds; /* descriptors that it may hold; 0: no limit is known */
};

/* What a file is that the supervisor opened for a role. */
enum material {
	MATERIAL_CHAIN, /* PEM; name: the certificate's, a blank, its number */
	MATERIAL_KEY,   /* PEM, unencrypted; named as its chain */
	MATERIAL_LOG,   /* opened to append */
	MATERIAL_DIR,   /* the role's own folder */
	MATERIAL_CLIENT_CA, /* PEM; name: the listener's */
	MATERIAL_BOOK,	/* memory that outlives the process: auth's throttle */
	MATERIAL_NEXT_KEY, /* PEM; name: the certificate's that it will follow */
	MATERIAL_AUTHORITIES, /* PEM; those that other servers are held to */
	MATERIAL_TRAIL,	   /* the logger's events by id, to read and write */
	MATERIAL_USERS, /* passwd(5): who is who on this machine */
	MATERIAL_SECRET, /* a password; name: the destination's */
	MATERIAL_LAST = MATERIAL_SECRET
};

struct role_peer {
	enum hop hop;
	enum kind kind;
	unsigned index;
	uint32_t pid;
};

/*
 * What makes a role this role.  `why` takes one sentence for the administrator
 * when the answer is false.  create, attach and activate are required.
 */
struct role_def {
	/* Make the object.  conf is borrowed until adopt gives a newer one. */
	void *(*create)(struct role *, const struct conf *, struct buf *why);
	void (*destroy)(void *self);
	/* A hop's end; the link is the role's from here on. */
	void (*attach)(void *self, const struct role_peer *, struct ipc_link *);
	void (*listener)(void *self, struct span name, int fd);
	bool (*material)(void *self, enum material, struct span name, int fd,
			 struct buf *why);
	/* The first page: everything that this role may do. */
	void (*rights)(void *self, struct rights *);
	/* Confined now: begin to serve. */
	bool (*start)(void *self, struct buf *why);
	/* A new configuration: can it be taken (no prepare: always)?  Then take
	 * it; without adopt the role keeps the first one. */
	bool (*prepare)(void *self, const struct conf *, struct buf *why);
	void (*adopt)(void *self, const struct conf *);
	/* No new work.  Call role_drained when the rest is done. */
	void (*drain)(void *self, uint32_t within_ms);
	/* A successor serves: take nothing new, go on with what there is, and
	 * call role_retired when nothing is left.  None: at once. */
	void (*retire)(void *self);
	/* isolate user, see wire/boss_role.wire: a connection to a listener; say
	 * role_guest_over when it has ended.  The porter: what became of one. */
	void (*come)(void *self, struct span listener, const struct addr *,
		     int fd);
	void (*make_way)(void *self); /* unless ours has logged in */
	void (*guest_known)(void *self, uint64_t id, bool known);
	/* Members of a JSON object, each followed by nothing, comma between. */
	void (*status)(void *self, struct buf *json);
};

/* In a process of its own; returns the exit code. */
int role_main(const struct role_def *, int argc, char **argv);

/* In this process: kind, index, a link to the supervisor. No confinement. */
MUST_USE struct role *role_new(const struct role_def *, struct world *,
			       struct loop *, enum kind, unsigned index,
			       struct ipc_link *boss);
void role_free(struct role *);

/* The work that drain left is done. */
void role_drained(struct role *);
/* This process has done its share: a successor, please.  May be ignored, so say
 * it again.  old: see wire/boss_role.wire. */
void role_worn(struct role *, bool old);
void role_retired(struct role *); /* nothing is left since `retire` */

/* A connection that the porter accepted and does not read. */
struct role_guest {
	uint64_t id;
	struct span listener;
	const struct addr *peer;
	int fd;
};
/*
 * Hand it to a process of its own; the descriptor goes with it in any case.
 * True: `left` is called once, when the guest has gone.
 */
MUST_USE bool role_guest(struct role *, const struct role_guest *,
			 void (*left)(void *ctx), void *ctx);
void role_dismiss(struct role *, uint64_t id); /* it has to make room */
void role_known(struct role *, bool known); /* ours has logged in, or out */
void role_guest_over(struct role *);
/*
 * Of a channel's `dead`: frees it, and when the peer broke the rules instead of
 * leaving, has the supervisor replace that peer.  Every channel of a role but
 * its logger's ends here: without a report nobody would make a new one.
 */
void role_peer_dead(struct role *, const struct role_peer *, struct ipc *,
		    const char *why);
