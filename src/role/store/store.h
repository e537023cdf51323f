/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/store - the role's object, shared by the files of this folder.
 *
 * The store is the only writer of mailboxes, queue and directory.  Requests
 * that only read are answered in their handler; what has to wait (a commit, the
 * sorter) is a job: a fiber that keeps its call.  Everything that was staged in
 * a turn of the loop is written as one group; an answer that promises anything
 * is given after the commit that it rests on is durable.
 *
 * Who may do what hangs on the channel: each has a peer record with the hop and
 * the pool that the supervisor named.  A session belongs to the channel that
 * opened it and is looked up by both.
 */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "box/box.h"
#include "conf/conf.h"
#include "directory/directory.h"
#include "kv/kv.h"
#include "kv/memory.h"
#include "os/fiber.h"
#include "role/common/role.h"
#include "role/store/load.h"
#include "spool/carry.h"
#include "wire/admin_store.h"
#include "wire/auth_store.h"
#include "wire/courier_store.h"
#include "wire/edge_store.h"
#include "wire/store_sorter.h"

#define STORE_SECRET 32u
#define STORE_PEERS_MAX	   ROLE_PROCESSES_MAX
#define STORE_SESSIONS_MAX 1000000u
#define STORE_JOBS_IDLE	   64u		/* kept with their memory */
#define STORE_JOB_MEMORY   (16u << 20)	/* of one request's answer */
#define STORE_BOXES_IDLE   1024u	/* open boxes that nobody uses */
#define STORE_FRAME_BODY   49152u	/* a body inside a request, bytes */
#define STORE_SORTER_NS	   (5 * NS_PER_SEC) /* for one attempt */

struct store;
struct session;

/* The other end of one channel. */
struct peer {
	struct store *store;
	struct role_peer who;
	struct ipc *channel; /* NULL: the place is free, or it waits */
	struct ipc_link *link; /* joined once the engine is open */
	struct list sessions;
	enum edge_store_level level; /* edge: what it was told of our load */
	bool leaving;		     /* sorter: it has a successor */
};

/* An account's box, while somebody uses it and some time longer. */
struct open_box {
	struct list link; /* in idle, when nobody uses it */
	struct store *store;
	struct box *box;
	uint64_t account;
	size_t users;
	bool ready;	/* set up: INBOX and so on are there */
	uint32_t inbox;
	struct kv_watch watch;
	struct list watchers; /* selected mailboxes that want hints */
	struct follow *follow; /* for sessions that want news of the account; NULL: none */
	struct list hinting;  /* in the store's list of boxes that moved */
	struct list index_wait; /* in the store's list of boxes to be indexed */
	uint64_t index_looked;	/* the version at which that was asked last */
	bool index_busy;	/* somebody is at its index */
	bool granting;		/* somebody changes grants in it */
	uint64_t hinted_at;
	uint64_t pop3_at; /* a POP3 session's last select; 0: not known */
};

/* A request that has to wait. */
struct job {
	struct list link; /* in idle_jobs or busy_jobs */
	struct store *store;
	struct fiber *fiber;
	struct session *session; /* held; NULL for other hops */
	struct ipc_call *call;
	const void *ask;
	void (*run)(struct job *);
	struct arena *arena;
	struct fiber_gate gate;
	struct list waits; /* in the load's list */
	uint64_t waits_since;
};

struct counters {
	uint64_t offered, kept_direct, kept_spool, refused, opaque, loops;
	uint64_t appended, delivered, undelivered, violations, hints;
	uint64_t sent, deferred, failed, reported; /* recipients; messages */
};

struct store {
	struct role *role;
	const struct conf *conf;
	struct kv *kv;
	bool sorting;	     /* a SORT or THREAD is at work */
	uint64_t sort_held;  /* bytes of what they wait to be asked for */
	struct kv_disk *disk; /* the memory engine's, unless the world keeps it */
	struct spool *spool;
	struct directory *directory;
	int folder;
	struct rights_dir dir;
	struct watch kv_ready;
	struct hook poll;
	struct timer poll_later;
	struct peer peers[STORE_PEERS_MAX];
	unsigned next_sorter;
	struct map *sessions;
	struct list idle_jobs, busy_jobs;
	size_t idle_job_count, jobs;
	bool draining, closing;
	uint64_t staged; /* bytes of bodies on their way in */

	struct map *boxes;
	struct list idle_boxes;
	size_t idle_box_count;
	struct list hinting;
	struct timer hint_timer;

	struct map *moving;  /* jobs of the spool with local recipients left */
	struct list waiting; /* ... those that nobody works on now */
	size_t movers;
	bool unlisted; /* jobs stand in the spool that are not in `moving` */
	struct timer look;
	struct timer sweep;
	uint64_t hurried; /* when a full disk last asked for a round */

	struct { /* mailboxes with mail that is in no index yet */
		struct list boxes;
		struct timer timer;
		bool running;
		uint64_t window;       /* when the present one began */
		unsigned came, before; /* commits in it, and in the one before it */
	} index;

	/* Mail for other servers: what is due, and couriers that wait for it. */
	struct {
		struct carry *carry;
		uint64_t owner; /* of the partitions' epochs */
		struct list asks;
		size_t waiting, giving; /* asks; those that a fiber looks at */
		bool finding;		/* a fiber reads what waits */
		uint64_t looked;
		struct timer look, wake;
	} queue;

	/* Bodies that copies between accounts name: the sweep spares them. */
	struct {
		struct kv_id *ids;
		size_t count, cap;
		size_t copies; /* under way */
		bool round;    /* of the sweep, under way */
	} spared;

	/* A copy under way: the checkpoint stays, and the sweep rests. */
	struct {
		bool busy, held; /* being made or dropped; there */
		struct timer lapse;
	} backup;

	/* What the administrator brings back from a backup: one at a time. */
	struct {
		uint64_t session;
		char folder[BOX_NAME_MAX + 1];
		struct timer lapse;
	} restore;

	/* What senders of forwarded mail are rewritten with, once it is read. */
	unsigned char srs_key[STORE_SECRET];
	bool has_srs_key;

	uint64_t *changed; /* accounts that auth has to hear of */
	size_t changed_count, changed_cap;
	bool telling;

	struct load load;
	struct counters count;
};

/* Seconds of real time. */
static inline int64_t now_wall(const struct store *s)
{
	return world_wall(s->role->world).sec;
}

/* ---- load.c ---- */
/* The job waits for what makes load, from now until it is done. */
void load_waits(struct job *);
void load_done(struct job *);
void load_watch(struct store *); /* somebody has to be told */
void load_end(struct store *);
void load_figures(const struct store *, struct buf *json);

/* ---- engine.c: the data folder, groups ---- */
/* What the present configuration says about the data. */
void engine_adopt(struct store *);
MUST_USE bool engine_open(struct store *, struct buf *why);
MUST_USE bool engine_watch(struct store *);
void engine_close(struct store *);
/* Something was staged: a group goes out at the end of this turn. */
void engine_touch(struct store *);

/* ---- job.c ---- */
/* ask must live until the call is answered, as requests do.  session may be
 * NULL, and is held.  Answers IPC_BUSY itself when there is no room. */
void job_start(struct store *, struct ipc_call *, const void *ask,
	       struct session *, void (*run)(struct job *));
/* The same at once and on the loop's own stack: run must not wait. */
void job_now(struct store *, struct ipc_call *, const void *ask,
	     struct session *, void (*run)(struct job *));
/* A fiber for work that nobody asked for; false: no room. */
MUST_USE bool job_background(struct store *, void (*run)(struct job *),
			     const void *ask);
/* Nothing is waited for any more but the engine: the store ends. */
void jobs_hurry(struct store *);
void jobs_free(struct store *);
/* For the `arg` of an operation: begins to wait. */
void *job_gate(struct job *);
/* done callbacks that open a gate with the result. */
void box_gate(void *gate, enum box_result);
void spool_gate(void *gate, enum spool_result);
void directory_gate(void *gate, enum directory_result);
void kv_gate(void *gate, enum kv_result);
/* What the operation said once it is durable, if it was started at all. */
enum box_result job_box(struct job *, enum box_result started);
enum spool_result job_spool(struct job *, enum spool_result started);
enum directory_result job_directory(struct job *, enum directory_result started);
enum kv_result job_kv(struct job *, enum kv_result started);
void job_sleep(struct job *, uint64_t ns);

/* ---- boxes.c ---- */
/* NULL, and why in *r, when it cannot be had now.  Pair with box_release. */
struct open_box *box_hold(struct store *, uint64_t account, enum box_result *r);
struct open_box *box_again(struct open_box *); /* one more user */
void box_release(struct open_box *);	       /* NULL is allowed */
/* Held and set up; may wait, so only in a job. */
struct open_box *box_prepared(struct job *, uint64_t account,
			      enum box_result *r);
void boxes_close(struct store *);
enum edge_store_answer answer_of(enum box_result);

/* ---- watch.c: hints ---- */
void watch_moved(struct kv_watch *, struct kv_space *, uint64_t version);
void watches_stop(struct store *);

/* ---- directory's questions that several files ask ---- */
/* The limit of an account in bytes; 0: none. */
uint64_t quota_of(const struct store *, const struct directory_account *);

/* ---- sweep.c: what was deleted ---- */
/* Not at all by the configuration, nor on a full disk. */
bool keeps_deleted(const struct store *);
/* What was deleted before has had its time. */
int64_t deleted_before(const struct store *);

/* ---- custody.c ---- */
void custody_begin(struct store *);
void custody_end(struct store *);
/* A job was accepted: move its local recipients. */
void custody_kick(struct store *, const struct spool_id *);
/* Jobs of a partition with local recipients; false: not all of them, now. */
MUST_USE bool custody_find(struct store *, unsigned partition);

/* ---- queue.c: mail for other servers ---- */
MUST_USE bool queue_open(struct store *, struct buf *why);
void queue_adopt(struct store *);
void queue_begin(struct store *);
void queue_end(struct store *);
void queue_close(struct store *);
/* Something may be due now. */
void queue_kick(struct store *);
/* on_courier.c: a courier's channel is gone. */
void queue_left(struct peer *);

/* ---- secret.c ---- */
/* Made when it is not there yet.  Parks.  False: not now. */
MUST_USE bool secret_of(struct job *, struct span name,
			unsigned char out[STORE_SECRET]);

/* ---- sweep.c: what nobody names any more ---- */
/* For who would take mail: the disk's reserve is reached.  Then a round begins
 * now, in which nothing that was deleted is kept any longer. */
MUST_USE bool store_full(struct store *);
void sweep_begin(struct store *);
void sweep_end(struct store *);

/* A copy into another account begins or ends. */
void sweep_copying(struct store *, bool begins);
/* It will name this body.  False: no memory. */
MUST_USE bool sweep_spare(struct store *, const struct kv_id *);

/* ---- on_backup.c ---- */
/* May bodies be removed now? */
bool backup_spares(const struct store *);
void backup_stop(struct store *);

/* ---- on_restore.c ---- */
void restore_stop(struct store *);

/* ---- store.c ---- */
/* Members of a JSON object. */
void store_figures(struct store *, struct buf *json);

/* ---- tables of the hops ---- */
extern const struct edge_store_at_store store_for_edge;
extern const struct auth_store_at_store store_for_auth;
extern const struct admin_store_at_store store_for_admin;
/* postmaster.c: when accounts may have changed. */
void postmaster_choose(struct store *);
/* on_auth.c: directory_on_change. */
void account_changed(void *store, uint64_t account);
