/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/format - the rows of a partition, byte by byte.  Private to src/spool.
 *
 *  E            lease: epoch, owner, until
 *  J id         job; never changes
 *  C id         what changes of it: open recipients, when it is due
 *  T due id     index of jobs by the time when their next recipient is due
 *  R id n       recipient
 *
 * Times in keys are big-endian with the sign bit turned, so that they sort.
 * A job none of whose open recipients waits for a time (all are held) has no
 * T row, and SPOOL_NEVER in its C row.
 */
#pragma once

#include "base/pack.h"
#include "spool/spool.h"

#define SPOOL_FORMAT 1u
#define SPOOL_NEVER  INT64_MAX
#define SPOOL_ROW    KV_VALUE_MAX

struct spool {
	uint32_t tag;
	struct kv *kv;
	struct kv_space *space[SPOOL_PARTITIONS]; /* opened at first use */
};

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
struct spool_key spool_key_due(int64_t due, const struct spool_id *);
struct spool_key spool_key_n(const struct spool_id *, uint32_t n);
/* The n of an R key. */
uint32_t spool_key_number(struct span key);
struct spool_key spool_key_end(const struct spool_key *);
MUST_USE bool spool_key_due_of(struct span key, int64_t *due,
			       struct spool_id *);

struct lease_row {
	uint64_t epoch, owner;
	int64_t until;
};
struct count_row {
	uint32_t open;
	int64_t due;
};
/* summary: in the row, or the id of its body. */
struct job_row {
	struct spool_job job;
	bool summary_kept;
	struct kv_id summary_id;
	uint32_t summary_len;
};

void spool_lease_write(struct buf *, const struct lease_row *);
MUST_USE bool spool_lease_read(struct span, struct lease_row *);
void spool_count_write(struct buf *, const struct count_row *);
MUST_USE bool spool_count_read(struct span, struct count_row *);
void spool_job_write(struct buf *, const struct job_row *);
MUST_USE bool spool_job_read(struct span, const struct spool_id *,
		       struct job_row *); /* spans borrow */
void spool_recipient_write(struct buf *, const struct spool_recipient *);
MUST_USE bool spool_recipient_read(struct span, uint32_t n,
			     struct spool_recipient *); /* spans borrow */

/* ---- shared by the files of spool ---- */

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
/* When a recipient wants to be looked at; SPOOL_NEVER. */
int64_t spool_due_of(const struct spool_recipient *);
/* Out of the index at one time, into it at another. */
void spool_move_due(struct kv_batch *, const struct spool_id *, int64_t from,
		    int64_t to);
