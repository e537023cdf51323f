/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/supervisor - starts, confines, restarts and reloads; parses nothing.
 *
 * The parent of all roles.  It holds the listening sockets, so that a role that
 * ends, or an upgrade, refuses no connection; it opens files for roles that may
 * open none; it makes the channels of the process graph and hands both ends
 * out.  It reads no byte of configuration text, of mail, or of a peer.
 *
 * One file per duty, all on this object:
 *   main.c      arguments, the order of a start
 *   settings.c  the throw-away child that turns text into slices
 *   ports.c     listening sockets and what to say when one is taken
 *   material.c  certificates, keys, the log, data folders
 *   process.c   the life of one role's process
 *   graph.c     channels between roles
 *   cohort.c    one process of a pool after the other
 *   guest.c     a process for each connection (isolate user)
 *   control.c   signals: reload, drain, stop
 *   report.c    status, endpoints file, the admin hop
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "conf/conf.h"
#include "os/fiber.h"
#include "os/spawn.h"
#include "role/common/hops.h"
#include "role/common/role.h"
#include "wire/admin_boss.h"
#include "wire/boss_role.h"

#define POOL_MAX         16u  /* processes of one kind, retired ones too */
#define POOL_AUTO_MAX    4u   /* without a setting */
#define PROCESSES_MAX    ROLE_PROCESSES_MAX
#define SOCKETS_MAX      256u /* listening */
#define STEP_NS          (20 * NS_PER_SEC) /* one step of bringing a role up */
#define PARSER_NS        (20 * NS_PER_SEC) /* one reading of the configuration */
#define PARSER_END_NS    NS_PER_SEC        /* for the parser to end by itself */
#define BACKOFF_FIRST_NS (100 * NS_PER_MS)
#define BACKOFF_MAX_NS   (10 * NS_PER_SEC)
#define WORDS_MAX        3u
#define EARLY_DEATH_NS   NS_PER_SEC /* a death so soon after ready backs off */
#define PATH_LEN_MAX     4096u

enum state {
	FREE,       /* a place in the table that nobody has */
	DOWN,       /* no process */
	COMING,     /* started, not configured */
	CONFIGURED, /* may be given channels */
	READY,      /* confined and serving */
	RETIRED,    /* its successor serves; it goes on with what it has */
	LEAVING,    /* was told to drain */
};

struct super;

struct process {
	struct super *super;
	enum kind kind;
	unsigned index;
	enum state state;
	int32_t pid; /* 0: none */
	struct boss_role *channel;
	struct admin_boss *admin; /* edge-admin only: its hop to us */
	struct role_logger *log;  /* logger only: ours to it */
	uint64_t started, ready;
	unsigned restarts, early_deaths;
	unsigned words; /* against auth, in this life; see graph.c */
	bool drained;
	struct boss_role_drain_reply drain_reply; /* unread: it came */
	struct arena *drain_arena;
	/* Whom it follows once it is ready; who is to follow it. */
	struct process *before, *after;
	struct boss_role_retire_reply retire_reply; /* unread: it came */
	struct arena *retire_arena;
	struct timer again;
	struct fiber *raising;
	/* isolate user: the porter's call for the connection that this process
	 * has, or is to have; NULL: none.  See guest.c. */
	struct ipc_call *guest;
	const struct boss_role_guest *guest_ask;
	uint64_t guest_id;
	int guest_fd; /* -1: handed over */
	struct boss_role_come_reply come_reply; /* unread: it came */
	struct arena *come_arena;
	struct {
		int32_t pid;
		uint32_t hops; /* 1 << enum hop */
	} linked[PROCESSES_MAX]; /* each peer that we joined it to */
};

/* A listening socket and the listener that it belongs to. */
struct port {
	char name[64];
	enum kind pool;
	struct addr addr; /* port 0: a Unix socket */
	int fd;
};

/* A configuration in force, or one that is being prepared. */
struct settings {
	struct arena *arena;
	const struct conf *conf;     /* our own slice */
	int slices[CONF_ROLES];      /* sealed, -1: none */
	int text;                    /* all of it, sealed, until committed */
	uint32_t generation;
	uint64_t hash;
};

struct options {
	const char *config;    /* path, absolute */
	const char *endpoints; /* file to write once all is ready, or NULL */
	const char *part;      /* beginning of its content */
	const char *populate;  /* accounts to make first, or NULL */
	bool probe;            /* answer probes: test instances only */
	bool weak;             /* start on a kernel that lacks some confinement */
};

struct super {
	struct world *world;
	struct loop *loop;
	struct log *log;
	struct options options;
	struct settings settings;
	struct process processes[PROCESSES_MAX];
	size_t process_count;
	struct port ports[SOCKETS_MAX];
	size_t port_count;
	int programs[KIND_COUNT + 2]; /* by kind, then conf and populate */
	/* Opened at start: later we may not look into other users' folders. */
	int folders[KIND_COUNT];
	int book; /* of auth's throttle, for the next process; -1: not yet */
	int notify, data_dir, run_lock;
	int32_t populate_pid;
	int32_t parser_pid; /* of the last reading, until it has ended */
	uint64_t parser_ns; /* PARSER_NS */
	struct timer parser_end;
	bool root, up, populated, stopping;
	bool last_used; /* started with what was in force before a mistake */
	unsigned lacks; /* LACKS_*: what this kernel has not */
	int exit_code;
	uint64_t started;
	struct timer force; /* end of the drain */
	struct fiber *fiber; /* the start, a reload, or the stop */
};

#define PROGRAM_CONF     KIND_COUNT
#define PROGRAM_POPULATE (KIND_COUNT + 1)

/* settings.c.  False: `why` says what is wrong.  In a fiber. */
MUST_USE bool settings_read(struct super *, struct settings *out,
			    struct buf *why);
void settings_drop(struct super *, struct settings *);
void settings_commit(struct super *); /* it is in force */
void settings_child_gone(struct super *, const struct spawn_exit *);

/* ports.c.  Binds what conf asks for and is not bound yet; keeps the rest. */
MUST_USE bool ports_open(struct super *, const struct conf *, struct buf *why);

/* material.c */
MUST_USE bool path_open(struct super *, const char *path, struct open_how,
			int *fd, struct buf *why);
MUST_USE bool folders_make(struct super *, const struct conf *, struct buf *why);
/* Everything that a role of this kind is handed.  In a fiber. */
MUST_USE bool material_give(struct process *, struct buf *why);

/* process.c */
void process_raise(struct process *); /* starts a fiber */
void process_end(struct process *); /* takes its channel away */
void process_died(struct super *, const struct spawn_exit *);
/* One step of bringing it up or reloading it; false: `why`. In a fiber. */
MUST_USE bool process_configure(struct process *, struct buf *why);
MUST_USE bool process_activate(struct process *, struct buf *why);
MUST_USE bool process_listeners(struct process *);
bool processes_ready(const struct super *);

/* cohort.c */
void cohort_worn(struct process *, bool old); /* it wants a successor */
void cohort_ready(struct process *);	      /* it may be one */
/* The process has ended: true if nobody takes its place. */
bool cohort_ended(struct process *);
/* One more of a kind, to be raised; NULL: the table is full. */
struct process *cohort_add(struct super *, enum kind);

/* guest.c */
bool guest_porter(const struct process *); /* it accepts for all of them */
bool guest_place(const struct process *); /* it is for one guest */
bool guest_serves(const struct process *); /* it has its guest */
void guest_json(const struct super *, struct buf *); /* all of them in short */
void guest_came(struct process *porter, struct ipc_call *,
		const struct boss_role_guest *);
void guest_ready(struct process *); /* who waits for it is handed over */
void guest_known(struct process *, bool known);
void guest_dismiss(struct process *porter, uint64_t id);
void guest_died(struct process *);
void guest_top_up(struct super *); /* some stand ready */

/* graph.c.  Channels to every peer that can take one.  In a fiber. */
MUST_USE bool graph_connect(struct process *);
void graph_broken(struct process *reporter, const struct boss_role_broken *);
/* A channel of edge-admin for the populating program: its other end. */
MUST_USE bool graph_admit_command(struct super *, int *fd);

/* control.c */
MUST_USE bool control_start(struct super *);
void control_reload(struct super *);
bool control_reload_now(struct super *, struct buf *why); /* in a fiber */
void control_stop(struct super *, uint32_t within_ms, int exit_code);
void control_child_gone(struct super *); /* while stopping */

/* report.c */
void report_changed(struct super *); /* a role is ready or gone */
extern const struct admin_boss_at_boss report_admin;
