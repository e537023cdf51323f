/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/world - everything a role can do to the world, behind one table.
 *
 * A role gets its `struct world *` when it starts, keeps it in its role object
 * and passes it on; nothing else in the program reaches a clock, randomness, a
 * socket or a file.  Two implementations: world_linux (system calls) and
 * world_sim (os/sim.h: virtual clock, seeded randomness, sockets and files in
 * memory, faults).  Code above never knows which it has.
 *
 * Descriptors are ints, -1 is none.  In the simulation they name objects of
 * the sim world instead of the kernel's; both are passed, duplicated and closed
 * alike.  All are non-blocking and close-on-exec.
 *
 * Call the wrappers of world.h, sock.h and file.h, not the table.  A world is
 * used by one thread at a time, except world_linux, which any thread may use.
 */
#pragma once

#include "base/span.h"
#include "os/addr.h"
#include "os/status.h"

#define NS_PER_SEC 1000000000ull
#define NS_PER_MS  1000000ull
#define NS_NEVER   UINT64_MAX /* a deadline that does not come */

/* A descriptor packet: os/sock.h. */
#define WORLD_PACKET_MAX 65536u

struct world;

/* Seconds since 1970, UTC. */
struct wall {
	int64_t sec;
	uint32_t nsec;
};

/* Who is at the other end of a local socket, as the kernel says. */
struct peer_cred {
	int32_t pid;
	uint32_t uid, gid;
};

/* Readiness, as asked for and as reported. */
#define READY_IN  1u
#define READY_OUT 2u
#define READY_END 4u /* reported only: the other end closed or an error waits */

struct ready {
	void *token;
	unsigned what;
};

/* A place for what outlives the roles of a world: see world_kept. */
struct world_kept {
	void *what; /* NULL: nothing yet */
	void (*free)(void *what);
};

/* What a poller's owner offers to the simulation; world_linux ignores it. */
struct world_party {
	void (*turn)(void *arg);      /* run what is due, never wait */
	uint64_t (*next)(void *arg);  /* when it is next due; NS_NEVER */
	void *arg;
};

struct poller; /* one per loop */

struct listen_how {
	bool reuse_addr;
	unsigned backlog; /* 0: the default, 1024 */
};

/* How to open a file; see os/file.h. */
struct open_how {
	bool write, create, exclusive, append, truncate, directory;
};

struct file_facts {
	uint64_t size;
	int64_t mtime; /* seconds */
	uint32_t mode; /* permission bits */
	uint32_t uid;
	bool is_dir, is_file;
};

/* Names come in no order, without "." and "..".  Return false to stop. */
typedef bool file_each_fn(void *arg, const char *name);

struct world_ops {
	uint64_t (*now)(struct world *);
	struct wall (*wall)(struct world *);
	void (*random)(struct world *, void *out, size_t len);
	bool (*fault)(struct world *, const char *name);
	struct world_kept *(*kept)(struct world *); /* NULL: there is no such place */
	void (*free)(struct world *);

	void (*close)(struct world *, int fd);
	enum os (*dup)(struct world *, int fd, int *out);

	enum os (*poller_new)(struct world *, struct world_party,
			      struct poller **);
	void (*poller_free)(struct poller *);
	enum os (*poller_add)(struct poller *, int fd, unsigned want, void *token);
	enum os (*poller_change)(struct poller *, int fd, unsigned want, void *token);
	void (*poller_remove)(struct poller *, int fd);
	/* Waits until the time `until` at the latest; 0 does not wait. */
	size_t (*poller_wait)(struct poller *, uint64_t until, struct ready *,
			      size_t max);

	/* loop.h's signals and pokes; *fd is -1 where there is nothing to watch. */
	enum os (*signals)(struct world *, unsigned set, int *fd);
	unsigned (*signals_take)(struct world *, int fd);
	enum os (*poke_new)(struct world *, int *fd);
	void (*poke)(struct world *, int fd);
	void (*poke_take)(struct world *, int fd);

	enum os (*listen)(struct world *, const struct addr *, struct listen_how,
			  int *fd);
	enum os (*accept)(struct world *, int fd, int *out, struct addr *peer);
	enum os (*connect)(struct world *, const struct addr *to,
			   const struct addr *from, int *fd);
	enum os (*connected)(struct world *, int fd);
	enum os (*local)(struct world *, int fd, struct addr *);
	enum os (*read)(struct world *, int fd, void *, size_t, size_t *got);
	enum os (*write)(struct world *, int fd, const void *, size_t, size_t *done);
	enum os (*shutdown)(struct world *, int fd);
	enum os (*stream_pair)(struct world *, int out[2]);

	enum os (*packet_pair)(struct world *, int out[2]);
	enum os (*packet_listen)(struct world *, const char *path, uint32_t mode,
				 int *fd);
	enum os (*packet_accept)(struct world *, int fd, int *out,
				 struct peer_cred *);
	enum os (*packet_connect)(struct world *, const char *path, int *fd);
	enum os (*packet_send)(struct world *, int fd, const void *, size_t,
			       int pass);
	enum os (*packet_recv)(struct world *, int fd, void *, size_t cap,
			       size_t *len, int *passed);

	enum os (*blob_new)(struct world *, int *fd);
	enum os (*blob_seal)(struct world *, int fd);
	enum os (*blob_check)(struct world *, int fd, uint64_t *size);

	enum os (*open)(struct world *, int dir, const char *name,
			struct open_how, int *fd);
	enum os (*pread)(struct world *, int fd, void *, size_t, uint64_t at,
			 size_t *got);
	enum os (*pwrite)(struct world *, int fd, const void *, size_t,
			  uint64_t at, size_t *done);
	enum os (*append)(struct world *, int fd, const void *, size_t,
			  size_t *done);
	enum os (*sync)(struct world *, int fd, bool data_only);
	enum os (*truncate)(struct world *, int fd, uint64_t size);
	enum os (*reserve)(struct world *, int fd, uint64_t size);
	enum os (*facts)(struct world *, int fd, struct file_facts *);
	enum os (*mkdir)(struct world *, int dir, const char *name);
	enum os (*own)(struct world *, int fd, uint32_t uid, uint32_t gid);
	enum os (*enter)(struct world *, int dir);
	enum os (*rename)(struct world *, int dir, const char *from,
			  int to_dir, const char *to);
	enum os (*link)(struct world *, int dir, const char *name, int to_dir,
			const char *to);
	enum os (*unlink)(struct world *, int dir, const char *name);
	enum os (*rmdir)(struct world *, int dir, const char *name);
	enum os (*each)(struct world *, int dir, file_each_fn *, void *arg);
	enum os (*lock)(struct world *, int fd);
	enum os (*space)(struct world *, int fd, uint64_t *avail, uint64_t *total);
};

/* The first member of both implementations. */
struct world {
	uint32_t tag;
	const struct world_ops *ops;
};

/* The real one.  NULL when memory is short. */
MUST_USE struct world *world_linux(void);
void world_free(struct world *); /* NULL is allowed */

/* Nanoseconds of a clock that never goes back; its zero means nothing. */
uint64_t world_now(struct world *);
struct wall world_wall(struct world *);
/* Unpredictable bytes (in the simulation: from its seed). Cannot fail. */
void world_random(struct world *, void *out, size_t len);
uint64_t world_random_u64(struct world *);

/*
 * Shall what is called `name` ("store.commit.before_sync") fail here?  Always
 * false in the real world; in the simulation by the rate set for the name.
 */
bool world_fault(struct world *, const char *name);

/*
 * Where the memory engine leaves its disk, so that a store that is started again
 * in a simulated world finds it.  NULL in the real world: there the disk does that.
 */
struct world_kept *world_kept(struct world *);

void world_close(struct world *, int fd); /* -1 is allowed */
MUST_USE enum os world_dup(struct world *, int fd, int *out);
