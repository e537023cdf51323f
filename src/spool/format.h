/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/format - the rows of a partition, byte by byte.  Private to src/spool.
 *
 *  E            lease: epoch, owner, until
 *  A            the ledger: what became of all recipients
 *  J id         job; never changes
 *  C id         what changes of it: open recipients, when it is due
 *  R id n       recipient
 *  T due id     index of jobs by the time when their next local recipient is due
 *  D hash priority due id
 *               index of jobs by destination, for remote recipients; holds its
 *               name.  hash: the first 64 bits of the SHA-256 of the name
 *  X time id    index of jobs by the time when the sender has to hear something
 *  W id         a whole job: one that was just accepted and is likely to be carried at
 *               once has this row alone, and none in an index; whoever accepted it
 *               has it in memory.  What else becomes of it first gives it the rows
 *               above; a start does so to all.  Its body is named by it alone.
 *  P id kind n  a report about the job was accepted
 *  N kind name  a note (spool/note.h)
 *
 * Times in keys are big-endian with the sign bit turned, so that they sort.
 * What waits for no time has no row in an index, and SPOOL_NEVER in the C row.
 *
 * Format 1 had neither A, D, X nor P; its T rows told of remote recipients as well,
 * and recipients had no destination of their own.  A job is of format 1 as long as
 * its C row is: the first commit that touches it makes the rows that lack and
 * counts it in the ledger; spool_upgrade does so to all.
 */
#pragma once

#include "base/pack.h"
#include "spool/spool.h"

#define SPOOL_FORMAT 2u
#define SPOOL_OLD    1u
#define SPOOL_ROW    KV_VALUE_MAX
#define SPOOL_FEW    8u /* recipients that are read one by one */


#define SPOOL_TAG TAG4('S', 'P', 'O', 'L')

struct spool_key {
	char bytes[40];
	size_t len;
};
static inline struct span spool_span(const struct spool_key *k)
{
	return span_of(k->bytes, k->len);
}
struct spool_key spool_key(char kind);
struct spool_key spool_key_id(char kind, const struct spool_id *);
/* kind 'T' or 'X' */
struct spool_key spool_key_due(char kind, int64_t due, const struct spool_id *);
struct spool_key spool_key_destination(uint64_t hash, enum spool_priority,
				       int64_t due, const struct spool_id *);
struct spool_key spool_key_hash(uint64_t hash);
struct spool_key spool_key_report(const struct spool_id *, uint8_t kind,
				  uint32_t n);
struct spool_key spool_key_n(const struct spool_id *, uint32_t n);
/* The n of an R key. */
uint32_t spool_key_number(struct span key);
struct spool_key spool_key_end(const struct spool_key *);
MUST_USE bool spool_key_due_of(struct span key, int64_t *due,
			       struct spool_id *);
struct due_row {
	uint64_t hash;
	enum spool_priority priority;
	int64_t due;
	struct spool_id id;
};
MUST_USE bool spool_key_destination_of(struct span key, struct due_row *);
uint64_t spool_hash(struct span destination);

struct lease_row {
	uint64_t epoch, owner;
	int64_t until;
};
struct count_row {
	bool old; /* format 1: only open and due */
	uint32_t open;
	int64_t due;  /* of local recipients */
	int64_t tell; /* the X row */
	enum spool_priority priority;
	int64_t warns, expires;
	bool reported; /* it has P rows */
};
struct ledger_row {
	bool upgraded; /* no job of format 1 is left */
	struct spool_ledger n;
};
/*
 * The rows E and A of a partition as they were staged by the commit that the stamp
 * names: while nothing else was committed there they need not be read again.
 */
struct desk {
	struct kv_stamp stamp; /* 0, 0: nothing is known */
	struct lease_row lease;
	struct ledger_row ledger;
};
struct spool {
	uint32_t tag;
	struct kv *kv;
	struct kv_space *space[SPOOL_PARTITIONS]; /* opened at first use */
	struct desk desk[SPOOL_PARTITIONS];
	uint64_t owner; /* of this start; 0: not said */
	uint64_t epoch[SPOOL_PARTITIONS]; /* under which it is ours; 0: it is not */
	uint32_t named; /* jobs so far, from any number on */
	struct spool_watch watch;
};
/* summary: in the row, or the id of its body. */
struct job_row {
	struct spool_job job;
	bool summary_kept;
	struct kv_id summary_id;
	uint32_t summary_len;
};

/* A W row; recipients are read one after the other, they are numbered from 0. */
struct whole {
	struct job_row job;
	struct count_row count;
	uint32_t at;
	struct span rest;
};

void spool_lease_write(struct buf *, const struct lease_row *);
MUST_USE bool spool_lease_read(struct span, struct lease_row *);
void spool_count_write(struct buf *, const struct count_row *);
MUST_USE bool spool_count_read(struct span, struct count_row *);
void spool_ledger_write(struct buf *, const struct ledger_row *);
MUST_USE bool spool_ledger_read(struct span, struct ledger_row *);
void spool_job_write(struct buf *, const struct job_row *);
MUST_USE bool spool_job_read(struct span, const struct spool_id *,
		       struct job_row *); /* spans borrow */
void spool_recipient_write(struct buf *, const struct spool_recipient *);
MUST_USE bool spool_recipient_read(struct span, uint32_t n,
			     struct spool_recipient *); /* spans borrow */

MUST_USE bool spool_whole_write(struct buf *, const struct spool_job *,
				const struct spool_recipient *, size_t count);
/* All of it can be read; spans borrow. */
MUST_USE bool spool_whole_read(struct span, const struct spool_id *,
			       struct whole *);
/* False: that was the last one. */
MUST_USE bool spool_whole_next(struct whole *, struct spool_recipient *);

/* ---- shared by the files of spool ---- */

/* The row is read into the buf.  KV_NONE: it is no whole job. */
MUST_USE enum kv_result spool_whole_load(struct kv_space *, enum kv_view,
					 const struct spool_id *, struct buf *,
					 struct whole *);
/* The first of them behind *id; KV_NONE. */
MUST_USE enum kv_result spool_job_next(struct kv_space *, enum kv_view,
				       char kind, struct spool_id *id);

enum spool_result spool_from_kv(enum kv_result);
/* The space of a partition; NULL: *r says why. */
struct kv_space *spool_space(struct spool *, unsigned partition,
			     enum spool_result *r);
MUST_USE enum kv_result spool_row(struct kv_space *, enum kv_view,
				  const struct spool_key *, struct buf *);
MUST_USE enum kv_result spool_scan(struct kv_space *, enum kv_view,
				   const struct spool_key *prefix,
				   struct kv_scan **);
void spool_put_count(struct kv_batch *, const struct spool_id *,
		     const struct count_row *);
/* The partition's; all zero when there is none. */
MUST_USE enum kv_result spool_ledger_load(struct kv_space *, enum kv_view,
					  struct ledger_row *);
void spool_ledger_put(struct kv_batch *, const struct ledger_row *);
/* E and A as they are staged. */
MUST_USE enum kv_result spool_desk(struct spool *, const struct kv_op *,
				   struct desk *);
/* How the commit of the operation leaves them. */
void spool_desk_keep(struct spool *, const struct kv_op *, struct desk *);
/* One recipient goes from a state (0: it is new, or not counted yet) to another. */
void spool_ledger_move(struct spool_ledger *, enum spool_state from,
		       enum spool_state to);

/* Its spans into the arena. */
MUST_USE bool spool_recipient_copy(struct arena *, struct spool_recipient *);

/* ---- index.c: what a commit changes in the indexes of one job ---- */

/*
 * Filled with every recipient as it was and as it will be, then written.
 * Afterwards it is what the watcher hears.
 */
struct index_entry {
	uint64_t hash;
	int64_t before, after;
	size_t name, name_len; /* in names */
};
struct index {
	struct index_entry *at;
	size_t count, cap;
	struct buf names;
	bool failed;
	int64_t local, tell; /* after */
	enum spool_priority priority;
	int64_t warns, expires;
};
struct index *index_new(void); /* NULL: memory */
void index_free(struct index *); /* NULL is allowed */
/* Empty, for a job with these times. */
void index_begin(struct index *, const struct count_row *);
/* was: NULL for a new one, and for one that stands in no index. */
void index_add(struct index *, const struct spool_recipient *was,
	       const struct spool_recipient *is);
/* Into the batch; count->due and tell become those of now.  False: memory. */
MUST_USE bool index_write(struct index *, struct kv_batch *,
			  const struct spool_id *, struct count_row *count);
/* Every row of the job goes, whatever it will be. */
void index_remove(struct index *, struct kv_batch *, const struct spool_id *,
		  const struct count_row *count);
void index_tell(const struct index *, const struct spool *, unsigned partition);
