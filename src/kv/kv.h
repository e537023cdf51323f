/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv - the ground of the store: ordered maps with guarded commits.
 *
 * A *space* (an account, a partition of the spool or of the directory) is one
 * ordered map from bytes to bytes.  A *commit* changes rows of one space and
 * adds new bodies, all or nothing, if the space is still where the caller saw
 * it.  Atomicity ends at the space: nothing here ever spans two of them, so
 * that a cluster engine (one object, one transaction) can keep the promise.
 *
 * Visible implies durable.  A commit is first *staged*: guards, and readers
 * that ask for KV_STAGED, see it at once, so that the next operation can build
 * on it.  It is *visible* (KV_VISIBLE) when the group that it travels in has
 * been written and synced; only then its callback runs and hints go out.
 * Replies to anybody outside rest on visible state only.
 *
 * Gathering: what is staged while a group is written is the next group.  There
 * is no timer.  kv_poll finishes a written group and starts the next.
 *
 * Two counters per space.  The *turn* moves with every commit and is what
 * guards compare.  The *version* moves with every commit that is not KV_QUIET;
 * it is the MODSEQ that clients are told.
 *
 * Unknown outcome (a failed write, a lost connection): KV_UNKNOWN.  Whoever
 * sends the same batch, guard and token again is told what happened: KV_OK if
 * it had gone in or goes in now, KV_CONFLICT if somebody else was first.
 * kv/op.h does this, and reruns on conflict; models use that.
 *
 * Threads: everything here is called by one thread, the owner's.  The engine
 * has threads of its own; nothing calls back but from kv_poll and kv_wait.
 *
 * Fault points (world_fault): "kv.write" a group's write fails, "kv.reopen" the
 * engine cannot be opened again yet, "kv.body" a large body's write or sync
 * fails, "kv.full" the reserve counts as reached.
 */
#pragma once

#include "base/buf.h"
#include "base/span.h"

#define KV_FORMAT        1u	       /* of the data folder; a newer one is refused */
#define KV_ROWS_MAX      2000u	       /* puts and deletes of one commit */
#define KV_BYTES_MAX     (1024u * 1024u) /* keys and values of one commit */
#define KV_KEY_MAX       512u
#define KV_VALUE_MAX     65536u
#define KV_BODY_INLINE   (256u * 1024u) /* larger bodies are written apart */
#define KV_BODIES_MAX    256u	       /* new inline bodies of one commit */
#define KV_STAGED_MAX    (64u * 1024u * 1024u) /* bytes staged, not yet durable */
#define KV_TOKENS        8u	       /* last commits of a space that can be resent */

enum kv_result {
	KV_OK,
	KV_NONE,	/* no such row or body; end of a scan */
	KV_CONFLICT,	/* the guard did not hold: read again, build again */
	KV_UNKNOWN,	/* may or may not have gone in: send the same again */
	KV_UNAVAILABLE, /* certainly not done; the engine is down or overloaded */
	KV_FULL,	/* the disk's reserve is reached: only KV_SHRINKS goes on */
	KV_LIMIT,	/* a limit above is exceeded */
	KV_CORRUPT,	/* what was read is damaged */
	KV_REFUSED,	/* open: newer format, or another instance holds it */
};
const char *kv_result_name(enum kv_result);

enum kv_view { KV_STAGED, KV_VISIBLE };

/* What a space belongs to.  The numbers are part of the format. */
enum kv_kind {
	KV_SYSTEM = 1,	  /* id 0: the store's own notes */
	KV_ACCOUNT = 2,	  /* id: the account's number */
	KV_SPOOL = 3,	  /* id: 0..255 */
	KV_DIRECTORY = 4, /* id: 0..255 */
};

struct kv_name {
	enum kv_kind kind;
	uint64_t id;
};

struct kv_id { /* a body's name, 128 random bits */
	uint8_t byte[16];
};
static inline bool kv_id_eq(const struct kv_id *a, const struct kv_id *b)
{
	return memcmp(a->byte, b->byte, sizeof(a->byte)) == 0;
}

struct kv;
struct kv_space;
struct kv_batch;
struct kv_scan;
struct kv_body;

/* ---- open and close: see kv/rocksdb.h and kv/memory.h for opening ---- */

/* Finishes what is staged, then closes.  No space, scan or body is in use. */
void kv_close(struct kv *);
/*
 * Closes like a killed process: what is not written yet is lost.  Whoever waits
 * is answered KV_UNKNOWN (or KV_UNAVAILABLE) and must not start anything new.
 */
void kv_abandon(struct kv *);

/*
 * Readable when kv_poll has something to finish.  -1: the engine works only
 * inside kv_poll (memory).
 */
int kv_fd(const struct kv *);
/*
 * Finish what was written (callbacks run here, in the order of staging, then
 * hints) and start the next group.  Call it when kv_fd is readable and once
 * per loop turn in which something was staged.  True: something is still
 * staged or being written.
 */
bool kv_poll(struct kv *);
/* kv_poll until nothing is staged or under way.  Blocks; start-up and tests. */
void kv_wait(struct kv *);
/* One step of that: sleep until something was finished, then poll. */
bool kv_pause(struct kv *);
/* False while the engine is closed for repair: reads and commits fail. */
bool kv_up(const struct kv *);

/* Tests and counters. */
struct kv_stats {
	uint64_t groups, commits, rows, row_bytes, bodies, body_bytes;
	uint64_t conflicts, unknown, reopened;
	size_t staged_bytes; /* now */
	size_t open_spaces;  /* now */
};
void kv_stats(const struct kv *, struct kv_stats *);

/* ---- spaces ---- */

/*
 * A handle, counted; NULL in *out unless KV_OK.  A space exists once something
 * was committed; before that it is empty and at turn 0.
 */
MUST_USE enum kv_result kv_space_open(struct kv *, struct kv_name,
				      struct kv_space **out);
struct kv_space *kv_space_hold(struct kv_space *);
void kv_space_close(struct kv_space *); /* NULL is allowed */
struct kv_name kv_space_name(const struct kv_space *);
struct kv *kv_space_kv(const struct kv_space *);

/*
 * The counters.  After the engine was reopened they are read again; while that
 * cannot be done they keep their last visible value.
 */
uint64_t kv_turn(const struct kv_space *, enum kv_view);
uint64_t kv_version(const struct kv_space *, enum kv_view);

/*
 * Names one state of a space for ever: two moments with the same stamp hold
 * the same rows.  What a cache of decoded rows is checked by.
 */
struct kv_stamp {
	uint64_t turn, token; /* of the last commit; 0, 0: nothing yet */
};
struct kv_stamp kv_stamp(const struct kv_space *, enum kv_view);

/* Names of existing spaces of a kind with id >= from, ascending, at most n. */
MUST_USE enum kv_result kv_space_list(struct kv *, enum kv_kind, uint64_t from,
				      uint64_t *ids, size_t n, size_t *count);

/*
 * Called after a commit that moved the visible version, from kv_poll, at most
 * once a group.  A hint: after a repair it may be late or doubled.
 */
struct kv_watch {
	void (*moved)(struct kv_watch *, struct kv_space *, uint64_t version);
	struct kv_watch *next, **prev; /* kv's own */
};
void kv_watch_add(struct kv_space *, struct kv_watch *);
void kv_watch_del(struct kv_watch *); /* not from inside `moved` of another */

/* ---- rows ---- */

/* The row's value appended to out.  KV_NONE when there is none. */
MUST_USE enum kv_result kv_get(struct kv_space *, enum kv_view,
			       struct span key, struct buf *out);

/* Does a commit that is staged, and not visible yet, change this row? */
bool kv_is_staged(const struct kv_space *, struct span key);

/*
 * Rows with from <= key < to, ascending or descending.  An empty `to` means
 * no end.  A scan sees one moment; close it before anything is committed or
 * polled (that is checked).  Key and value are borrowed until the next call.
 */
MUST_USE enum kv_result kv_scan_open(struct kv_space *, enum kv_view,
				     struct span from, struct span to,
				     bool reverse, struct kv_scan **out);
MUST_USE enum kv_result kv_scan_next(struct kv_scan *, struct span *key,
				     struct span *value);
void kv_scan_close(struct kv_scan *); /* NULL is allowed */

/* ---- commits ---- */

/* NULL: out of memory.  Later failures show as KV_UNAVAILABLE at the commit. */
MUST_USE struct kv_batch *kv_batch_new(void);
void kv_batch_free(struct kv_batch *);	/* NULL is allowed */
void kv_batch_clear(struct kv_batch *); /* empty again, for a rerun */

/* Of several changes to one key the last counts.  Bytes are copied. */
void kv_put(struct kv_batch *, struct span key, struct span value);
/* The same of a row that was written into a buf: one that failed fails the commit. */
void kv_put_row(struct kv_batch *, struct span key, const struct buf *row);
void kv_delete(struct kv_batch *, struct span key);
/* The same of a row that was put once and never changed: nothing of it stays behind
 * for scans to step over. */
void kv_delete_once(struct kv_batch *, struct span key);
/* A new body of at most KV_BODY_INLINE bytes, durable with the rows. */
void kv_put_body(struct kv_batch *, const struct kv_id *, struct span bytes);
/* Forget a body (the sweep's work); missing ones are no error. */
void kv_delete_body(struct kv_batch *, const struct kv_id *);
/* The same of one that kv_put_body made, and that nothing else forgets. */
void kv_delete_body_once(struct kv_batch *, const struct kv_id *);
size_t kv_batch_rows(const struct kv_batch *);
size_t kv_batch_bytes(const struct kv_batch *);
/* Room for `rows` more rows of `bytes` in all? */
bool kv_batch_room(const struct kv_batch *, size_t rows, size_t bytes);

enum kv_flag {
	KV_QUIET = 1,	/* internal state: the version does not move */
	KV_SHRINKS = 2, /* frees space or settles custody: goes on when full */
};

struct kv_done {
	enum kv_result result; /* OK, CONFLICT, UNKNOWN, UNAVAILABLE, FULL */
	uint64_t turn, version; /* after the commit, when KV_OK */
};

/*
 * Stage a batch if the space's staged turn is `guard`.  KV_OK: staged; done
 * is called once, later, from kv_poll; the batch is the kv's until then (it is
 * not freed).  Anything else: nothing happened and done is not called.
 *
 * A batch without rows and bodies is a barrier: it moves nothing, and done is
 * called when all that was staged in the space before is durable.
 *
 * token: 8 random bytes, not zero, the same when the same batch is sent again.
 */
typedef void kv_done_fn(void *arg, const struct kv_done *);
MUST_USE enum kv_result kv_commit(struct kv_space *, struct kv_batch *,
				  uint64_t guard, uint64_t token,
				  unsigned flags, kv_done_fn *done, void *arg);
uint64_t kv_token(struct kv *); /* a new one */

/* Of the world that the kv was opened with, for the models above. */
int64_t kv_now(struct kv *); /* seconds of real time */
void kv_random(struct kv *, void *out, size_t len);

/* ---- bodies ---- */

struct kv_id kv_body_name(struct kv *); /* a new one */

/*
 * Bytes [from, from+len) of a body appended to out, fewer at its end.
 * KV_NONE: no such body.  Sees visible bodies.  Blocks for a disk read.
 */
MUST_USE enum kv_result kv_body_read(struct kv *, const struct kv_id *,
				     uint64_t from, size_t len,
				     struct buf *out);
MUST_USE enum kv_result kv_body_size(struct kv *, const struct kv_id *,
				     uint64_t *size);

/*
 * The same by a pool of readers, so that a cold disk holds up nobody else: done
 * is called from kv_poll; `out` is the reader's until then.  KV_OK: started.
 */
typedef void kv_read_fn(void *arg, enum kv_result);
MUST_USE enum kv_result kv_body_fetch(struct kv *, const struct kv_id *,
				      uint64_t from, size_t len,
				      struct buf *out, kv_read_fn *done,
				      void *arg);
/*
 * Many by one reader, which is woken once for all.  `done` is told KV_OK; what became of
 * each stands in it.  The list is the reader's until then, too.
 */
struct kv_piece {
	struct kv_id id;
	uint64_t from;
	size_t len;
	struct buf *out;
	enum kv_result result;
};
MUST_USE enum kv_result kv_bodies_fetch(struct kv *, struct kv_piece *, size_t count,
					kv_read_fn *done, void *arg);

/*
 * A body of any size, written while it arrives.  finish syncs it in the
 * background; after KV_OK it is durable under its id and a commit may name it.
 * A body that no commit ever names is an orphan for the sweep.
 * begin answers KV_FULL below the reserve.  finish and drop give the handle
 * away.
 */
MUST_USE enum kv_result kv_body_begin(struct kv *, const struct kv_id *,
				      struct kv_body **out);
MUST_USE enum kv_result kv_body_append(struct kv_body *, struct span bytes);
void kv_body_finish(struct kv_body *, kv_read_fn *done, void *arg);
void kv_body_drop(struct kv_body *); /* NULL is allowed */

/*
 * All visible bodies with id >= from, ascending, at most `max` of them, each
 * handed to `each` with its size and the time (seconds) of its making.  *next
 * is where to go on; KV_NONE when the end was reached.
 */
typedef void kv_body_fn(void *arg, const struct kv_id *, uint64_t size,
			int64_t made);
MUST_USE enum kv_result kv_body_list(struct kv *, const struct kv_id *from,
				     size_t max, struct kv_id *next,
				     kv_body_fn *each, void *arg);

/* ---- space on disk, backup ---- */

/*
 * What is kept free: a share of the file system, at least so many bytes.
 * KV_RESERVE_PERCENT and KV_RESERVE_LEAST until it is said.
 */
#define KV_RESERVE_PERCENT 2u
#define KV_RESERVE_LEAST   (256ull * 1024 * 1024)
void kv_set_reserve(struct kv *, unsigned percent, uint64_t least);
/* Is less free than that? */
bool kv_full(struct kv *);

/*
 * A consistent copy of all rows and inline bodies, of everything visible now
 * and maybe of what comes while it is made: the folder KV_CHECKPOINT of the data folder, laid
 * out like it (hard links where possible); a former one goes first.  Large
 * bodies are not in it: they are copied from the data folder, and nothing may
 * delete bodies until the copy is done.  Made and dropped in the background;
 * what is there when the data folder is opened belongs to nobody and goes.
 */
#define KV_CHECKPOINT "backup"
MUST_USE enum kv_result kv_checkpoint(struct kv *, kv_read_fn *done, void *arg);
MUST_USE enum kv_result kv_checkpoint_drop(struct kv *, kv_read_fn *done,
					   void *arg);
