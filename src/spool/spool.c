/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/spool: the handle, names, and the questions.
 */
#include "spool/spool.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "spool/format.h"

const char *spool_result_name(enum spool_result r)
{
	static const char *const names[] = {
		[SPOOL_OK] = "ok",
		[SPOOL_NONE] = "none",
		[SPOOL_STALE] = "stale",
		[SPOOL_LIMIT] = "limit",
		[SPOOL_FULL] = "disk full",
		[SPOOL_UNAVAILABLE] = "unavailable",
		[SPOOL_CORRUPT] = "corrupt",
	};
	ENSURE((unsigned)r < ARRAY_LEN(names));
	return names[r];
}

const char *spool_state_name(enum spool_state s)
{
	static const char *const names[] = {
		[SPOOL_LOCAL] = "local",     [SPOOL_REMOTE] = "remote",
		[SPOOL_HELD] = "held",	     [SPOOL_DONE] = "done",
		[SPOOL_FAILED] = "failed",   [SPOOL_DROPPED] = "dropped",
	};
	ENSURE((unsigned)s >= SPOOL_LOCAL && (unsigned)s < ARRAY_LEN(names));
	return names[s];
}

enum spool_result spool_from_kv(enum kv_result r)
{
	switch (r) {
	case KV_OK:
		return SPOOL_OK;
	case KV_NONE:
		return SPOOL_NONE;
	case KV_FULL:
		return SPOOL_FULL;
	case KV_LIMIT:
		return SPOOL_LIMIT;
	case KV_CORRUPT:
		return SPOOL_CORRUPT;
	case KV_CONFLICT:
	case KV_UNKNOWN:
	case KV_UNAVAILABLE:
	case KV_REFUSED:
		break;
	}
	return SPOOL_UNAVAILABLE;
}

enum spool_result spool_open(struct kv *kv, struct spool **out)
{
	struct spool *s = calloc(1, sizeof(*s));
	*out = s;
	if (!s)
		return SPOOL_UNAVAILABLE;
	s->tag = SPOOL_TAG;
	s->kv = kv;
	kv_random(kv, &s->named, sizeof(s->named));
	return SPOOL_OK;
}

void spool_close(struct spool *s)
{
	if (!s)
		return;
	ENSURE_TAG(s, SPOOL_TAG);
	for (unsigned i = 0; i < SPOOL_PARTITIONS; i++)
		kv_space_close(s->space[i]);
	s->tag = 0;
	free(s);
}

struct kv_space *spool_space(struct spool *s, unsigned partition,
			     enum spool_result *r)
{
	ENSURE_TAG(s, SPOOL_TAG);
	ENSURE(partition < SPOOL_PARTITIONS);
	*r = SPOOL_OK;
	if (!s->space[partition])
		*r = spool_from_kv(kv_space_open(
			s->kv, (struct kv_name){KV_SPOOL, partition},
			&s->space[partition]));
	return s->space[partition];
}

/* ---- names ---- */

/*
 * What comes together lies together: many jobs in a row have one partition, so that
 * their commits share its head and its ledger, and within it they stand by time, so
 * that reading one brings its neighbours.  Partition 1, seconds 4, number 3, random 8.
 */
struct spool_id spool_name(struct spool *s)
{
	struct spool_id id;
	ENSURE_TAG(s, SPOOL_TAG);
	uint64_t front = (uint64_t)(s->named / SPOOL_TOGETHER % SPOOL_PARTITIONS)
				 << 56 |
			 ((uint64_t)kv_now(s->kv) & UINT32_MAX) << 24 |
			 (s->named & 0xffffff);
	s->named++;
	for (unsigned i = 0; i < 8; i++)
		id.byte[i] = (uint8_t)(front >> (56 - 8 * i));
	kv_random(s->kv, id.byte + 8, sizeof(id.byte) - 8);
	return id;
}

int64_t spool_now(const struct spool *s) { return kv_now(s->kv); }

void spool_id_text(const struct spool_id *id, char out[SPOOL_ID_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < sizeof(id->byte); i++) {
		out[2 * i] = digits[id->byte[i] >> 4];
		out[2 * i + 1] = digits[id->byte[i] & 15];
	}
	out[2 * sizeof(id->byte)] = 0;
}

static int digit(char c)
{
	if (ascii_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool spool_id_parse(struct span s, struct spool_id *out)
{
	if (s.len != 2 * sizeof(out->byte))
		return false;
	for (size_t i = 0; i < sizeof(out->byte); i++) {
		int hi = digit(s.ptr[2 * i]), lo = digit(s.ptr[2 * i + 1]);
		if (hi < 0 || lo < 0)
			return false;
		out->byte[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

/* Its end is random, so adding n to it names nobody else's delivery. */
struct spool_token spool_token(const struct spool_id *id, uint32_t n)
{
	struct spool_token t;
	uint64_t carry = (uint64_t)n + 1;
	memcpy(t.byte, id->byte, sizeof(t.byte));
	for (size_t i = sizeof(t.byte); i-- > 0 && carry;) {
		carry += t.byte[i];
		t.byte[i] = (uint8_t)carry;
		carry >>= 8;
	}
	return t;
}

/* ---- rows ---- */

enum kv_result spool_row(struct kv_space *s, enum kv_view view,
			 const struct spool_key *k, struct buf *row)
{
	buf_clear(row);
	return kv_get(s, view, spool_span(k), row);
}

enum kv_result spool_scan(struct kv_space *s, enum kv_view view,
			  const struct spool_key *prefix, struct kv_scan **out)
{
	struct spool_key end = spool_key_end(prefix);
	return kv_scan_open(s, view, spool_span(prefix), spool_span(&end),
			    false, out);
}

void spool_put_count(struct kv_batch *b, const struct spool_id *id,
		     const struct count_row *c)
{
	struct spool_key k = spool_key_id('C', id);
	struct buf row;
	buf_init(&row, SPOOL_ROW);
	spool_count_write(&row, c);
	kv_put_row(b, spool_span(&k), &row);
	buf_free(&row);
}

void spool_watch(struct spool *s, const struct spool_watch *w)
{
	s->watch = w ? *w : (struct spool_watch){0};
}

enum kv_result spool_whole_load(struct kv_space *space, enum kv_view view,
				const struct spool_id *id, struct buf *row,
				struct whole *w)
{
	struct spool_key k = spool_key_id('W', id);
	enum kv_result r = spool_row(space, view, &k, row);
	if (r == KV_OK && !spool_whole_read(buf_span(row), id, w))
		r = KV_CORRUPT;
	return r;
}

enum kv_result spool_job_next(struct kv_space *space, enum kv_view view,
			      char kind, struct spool_id *id)
{
	struct spool_key from = spool_key_id(kind, id), all = spool_key(kind);
	struct spool_key end = spool_key_end(&all);
	struct kv_scan *scan;
	struct span key, value;
	from.bytes[from.len++] = 0;
	enum kv_result r = kv_scan_open(space, view, spool_span(&from),
					spool_span(&end), false, &scan);
	if (r != KV_OK)
		return r;
	r = kv_scan_next(scan, &key, &value);
	if (r == KV_OK && key.len == 1 + sizeof(id->byte))
		memcpy(id->byte, key.ptr + 1, sizeof(id->byte));
	else if (r == KV_OK)
		r = KV_CORRUPT;
	kv_scan_close(scan);
	return r;
}

/* ---- the ledger ---- */

enum kv_result spool_ledger_load(struct kv_space *space, enum kv_view view,
				 struct ledger_row *l)
{
	struct spool_key k = spool_key('A');
	struct buf row;
	*l = (struct ledger_row){0};
	buf_init(&row, SPOOL_ROW);
	enum kv_result r = spool_row(space, view, &k, &row);
	if (r == KV_OK && !spool_ledger_read(buf_span(&row), l))
		r = KV_CORRUPT;
	buf_free(&row);
	return r == KV_NONE ? KV_OK : r;
}

void spool_ledger_put(struct kv_batch *b, const struct ledger_row *l)
{
	struct spool_key k = spool_key('A');
	struct buf row;
	buf_init(&row, SPOOL_ROW);
	spool_ledger_write(&row, l);
	kv_put_row(b, spool_span(&k), &row);
	buf_free(&row);
}

enum kv_result spool_desk(struct spool *s, const struct kv_op *op,
			  struct desk *out)
{
	unsigned partition = (unsigned)kv_space_name(op->space).id;
	struct desk *known = &s->desk[partition];
	struct kv_stamp now = kv_stamp(op->space, KV_STAGED);
	struct spool_key k = spool_key('E');
	struct buf row;
	if (now.turn == known->stamp.turn && now.token == known->stamp.token &&
	    now.turn != 0) {
		*out = *known;
		return KV_OK;
	}
	*out = (struct desk){0};
	enum kv_result r = spool_ledger_load(op->space, KV_STAGED, &out->ledger);
	if (r != KV_OK)
		return r;
	/* Where nothing was before, nothing is of an earlier format: a start need
	 * not look at what is there by then. */
	struct spool_id none = {{0}};
	if (out->ledger.n.accepted == 0 && !out->ledger.upgraded)
		out->ledger.upgraded = spool_job_next(op->space, KV_STAGED, 'J',
						      &none) == KV_NONE;
	buf_init(&row, SPOOL_ROW);
	r = spool_row(op->space, KV_STAGED, &k, &row);
	if (r == KV_OK && !spool_lease_read(buf_span(&row), &out->lease))
		r = KV_CORRUPT;
	buf_free(&row);
	return r == KV_NONE ? KV_OK : r;
}

/* A commit that does not come to be leaves a stamp that no state has. */
void spool_desk_keep(struct spool *s, const struct kv_op *op, struct desk *d)
{
	d->stamp = (struct kv_stamp){op->turn + 1, op->token};
	s->desk[kv_space_name(op->space).id] = *d;
}

static uint64_t *place(struct spool_ledger *l, enum spool_state s)
{
	switch (s) {
	case SPOOL_LOCAL:
	case SPOOL_REMOTE:
		return &l->open;
	case SPOOL_HELD:
		return &l->held;
	case SPOOL_DONE:
		return &l->delivered;
	case SPOOL_FAILED:
		return &l->bounced;
	case SPOOL_DROPPED:
		break;
	}
	return &l->discarded;
}

void spool_ledger_move(struct spool_ledger *l, enum spool_state from,
		       enum spool_state to)
{
	if (from)
		--*place(l, from);
	else
		l->accepted++;
	++*place(l, to);
}

bool spool_balanced(const struct spool_ledger *l)
{
	return l->accepted ==
	       l->delivered + l->bounced + l->discarded + l->held + l->open;
}

enum spool_result spool_ledger(struct spool *s, unsigned partition,
			       struct spool_ledger *out)
{
	enum spool_result sr;
	struct kv_space *space = spool_space(s, partition, &sr);
	struct ledger_row l;
	if (!space)
		return sr;
	enum kv_result r = spool_ledger_load(space, KV_VISIBLE, &l);
	*out = l.n;
	return spool_from_kv(r);
}

static enum kv_result recount_whole(struct kv_space *space,
				    struct spool_ledger *out)
{
	static const struct spool_id none = {{0}};
	struct spool_key prefix = spool_key('W');
	struct kv_scan *scan;
	struct span key, value;
	struct whole w;
	enum kv_result r = spool_scan(space, KV_VISIBLE, &prefix, &scan);
	if (r != KV_OK)
		return r;
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		if (!spool_whole_read(value, &none, &w)) {
			r = KV_CORRUPT;
			break;
		}
		out->open += w.count.open;
	}
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

enum spool_result spool_recount(struct spool *s, unsigned partition,
				struct spool_ledger *out)
{
	enum spool_result sr;
	struct kv_space *space = spool_space(s, partition, &sr);
	struct spool_key prefix = spool_key('R');
	struct kv_scan *scan;
	struct span key, value;
	struct spool_recipient rc;
	*out = (struct spool_ledger){0};
	if (!space)
		return sr;
	enum kv_result r = spool_scan(space, KV_VISIBLE, &prefix, &scan);
	if (r != KV_OK)
		return spool_from_kv(r);
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		if (!spool_recipient_read(value, 0, &rc)) {
			r = KV_CORRUPT;
			break;
		}
		if (!spool_settled(rc.state))
			spool_ledger_move(out, 0, rc.state);
	}
	kv_scan_close(scan);
	if (r == KV_NONE)
		r = recount_whole(space, out);
	out->accepted = 0;
	return spool_from_kv(r);
}

/* ---- questions ---- */

bool spool_recipient_copy(struct arena *a, struct spool_recipient *r)
{
	return arena_copy(a, r->address, &r->address) &&
	       arena_copy(a, r->original, &r->original) &&
	       arena_copy(a, r->folder, &r->folder) &&
	       arena_copy(a, r->prefix, &r->prefix) &&
	       arena_copy(a, r->reason, &r->reason) &&
	       arena_copy(a, r->destination, &r->destination) &&
	       arena_copy(a, r->status, &r->status) &&
	       arena_copy(a, r->host, &r->host);
}

static enum kv_result whole_recipient(struct kv_space *space,
				      const struct spool_id *id, uint32_t n,
				      struct buf *row,
				      struct spool_recipient *out)
{
	struct whole w;
	enum kv_result r = spool_whole_load(space, KV_VISIBLE, id, row, &w);
	while (r == KV_OK)
		if (!spool_whole_next(&w, out))
			r = KV_NONE;
		else if (out->n == n)
			break;
	return r;
}

enum spool_result spool_recipient(struct spool *s, const struct spool_id *id,
				  uint32_t n, struct arena *a,
				  struct spool_recipient *out)
{
	enum spool_result sr;
	struct kv_space *space = spool_space(s, id->byte[0], &sr);
	struct spool_key k = spool_key_n(id, n);
	struct buf row;
	if (!space)
		return sr;
	buf_init(&row, SPOOL_ROW);
	enum kv_result r = spool_row(space, KV_VISIBLE, &k, &row);
	if (r == KV_OK && !spool_recipient_read(buf_span(&row), n, out))
		r = KV_CORRUPT;
	else if (r == KV_NONE)
		r = whole_recipient(space, id, n, &row, out);
	if (r == KV_OK && !spool_recipient_copy(a, out))
		r = KV_UNAVAILABLE;
	buf_free(&row);
	return spool_from_kv(r);
}

static enum kv_result summary_of(struct spool *s, const struct job_row *j,
				 struct arena *a, struct span *out)
{
	struct buf b;
	if (!j->summary_kept)
		return arena_copy(a, j->job.summary, out) ? KV_OK
							  : KV_UNAVAILABLE;
	buf_init(&b, SPOOL_SUMMARY_MAX);
	enum kv_result r =
		kv_body_read(s->kv, &j->summary_id, 0, j->summary_len, &b);
	/* A damaged summary is none: the message itself is what counts. */
	if (r == KV_NONE || r == KV_CORRUPT ||
	    (r == KV_OK && buf_len(&b) != j->summary_len)) {
		buf_clear(&b);
		r = KV_OK;
	}
	if (r == KV_OK && !arena_copy(a, buf_span(&b), out))
		r = KV_UNAVAILABLE;
	buf_free(&b);
	return r;
}

enum spool_result spool_job(struct spool *s, const struct spool_id *id,
			    struct arena *a, struct spool_job *out)
{
	enum spool_result sr;
	struct kv_space *space = spool_space(s, id->byte[0], &sr);
	struct spool_key k = spool_key_id('J', id), c = spool_key_id('C', id);
	struct job_row job;
	struct count_row count;
	struct whole whole = {0};
	struct buf row, crow;
	if (!space)
		return sr;
	buf_init(&row, SPOOL_ROW);
	buf_init(&crow, SPOOL_ROW);
	enum kv_result r = spool_row(space, KV_VISIBLE, &k, &row);
	if (r == KV_OK)
		r = spool_row(space, KV_VISIBLE, &c, &crow);
	if (r == KV_OK && (!spool_job_read(buf_span(&row), id, &job) ||
			   !spool_count_read(buf_span(&crow), &count)))
		r = KV_CORRUPT;
	else if (r == KV_NONE)
		r = spool_whole_load(space, KV_VISIBLE, id, &row, &whole);
	if (whole.count.open > 0) {
		job = whole.job;
		count = whole.count;
	}
	if (r == KV_OK)
		r = summary_of(s, &job, a, &job.job.summary);
	if (r == KV_OK && (!arena_copy(a, job.job.sender, &job.job.sender) ||
			   !arena_copy(a, job.job.facts, &job.job.facts)))
		r = KV_UNAVAILABLE;
	if (r == KV_OK) {
		*out = job.job;
		out->open = count.open;
		out->priority = count.priority;
		out->warns = count.warns;
	}
	buf_free(&row);
	buf_free(&crow);
	return spool_from_kv(r);
}

/* ---- lists ---- */

#define LIST_STEP 64u

/* Ids of a partition's jobs > after, a handful at a time, so that no scan is
 * open while the caller's function runs. */
static enum kv_result ids_of(struct kv_space *space, char row,
			     const struct spool_id *after,
			     struct spool_id ids[LIST_STEP], size_t *count)
{
	struct spool_key from = spool_key_id(row, after), kind = spool_key(row);
	struct spool_key end = spool_key_end(&kind);
	struct kv_scan *scan;
	struct span key, value;
	*count = 0;
	from.bytes[from.len++] = 0;
	enum kv_result r =
		kv_scan_open(space, KV_VISIBLE, spool_span(&from),
			     spool_span(&end), false, &scan);
	if (r != KV_OK)
		return r;
	while (*count < LIST_STEP &&
	       (r = kv_scan_next(scan, &key, &value)) == KV_OK)
		if (key.len == 1 + sizeof(ids[0].byte))
			memcpy(ids[(*count)++].byte, key.ptr + 1,
			       sizeof(ids[0].byte));
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

/* Those with rows of their own and those in one, the smaller first. */
static enum kv_result list_ids(struct kv_space *space,
			       const struct spool_id *after,
			       struct spool_id ids[LIST_STEP], size_t *count)
{
	struct spool_id spread[LIST_STEP], whole[LIST_STEP];
	size_t n, m, i = 0, k = 0;
	*count = 0;
	enum kv_result r = ids_of(space, 'J', after, spread, &n);
	if (r == KV_OK)
		r = ids_of(space, 'W', after, whole, &m);
	if (r != KV_OK)
		return r;
	while (*count < LIST_STEP && (i < n || k < m)) {
		bool first = k == m || (i < n && memcmp(&spread[i], &whole[k],
							sizeof(*ids)) < 0);
		ids[(*count)++] = first ? spread[i++] : whole[k++];
	}
	return KV_OK;
}

static enum spool_result list_partition(struct spool *s, unsigned partition,
					struct spool_id after,
					struct arena *a, spool_job_fn *fn,
					void *arg, bool *go)
{
	struct spool_id ids[LIST_STEP];
	enum spool_result r;
	size_t n = LIST_STEP;
	bool damaged = false;
	struct kv_space *space = spool_space(s, partition, &r);
	while (space && *go && n == LIST_STEP) {
		r = spool_from_kv(list_ids(space, &after, ids, &n));
		if (r != SPOOL_OK)
			break;
		for (size_t i = 0; i < n && *go; i++) {
			struct spool_job job;
			arena_reset(a);
			r = spool_job(s, &ids[i], a, &job);
			if (r == SPOOL_OK)
				*go = fn(arg, &job);
			else if (r == SPOOL_CORRUPT)
				damaged = true;
			else if (r != SPOOL_NONE)
				return r;
			after = ids[i];
		}
		r = SPOOL_OK;
	}
	return r == SPOOL_OK && damaged ? SPOOL_CORRUPT : r;
}

enum spool_result spool_list(struct spool *s, const struct spool_id *after,
			     spool_job_fn *fn, void *arg)
{
	bool go = true;
	enum spool_result r = SPOOL_OK;
	struct arena *a = arena_new(SPOOL_SUMMARY_MAX + SPOOL_FACTS_MAX +
				    SPOOL_ADDRESS_MAX + 1024);
	if (!a)
		return SPOOL_UNAVAILABLE;
	bool damaged = false;
	for (unsigned p = after->byte[0];
	     p < SPOOL_PARTITIONS && go && r == SPOOL_OK; p++) {
		struct spool_id from = *after;
		if (p != after->byte[0]) {
			from = (struct spool_id){{0}};
			from.byte[0] = (uint8_t)p;
		}
		r = list_partition(s, p, from, a, fn, arg, &go);
		damaged |= r == SPOOL_CORRUPT;
		if (r == SPOOL_CORRUPT)
			r = SPOOL_OK;
	}
	arena_free(a);
	return r == SPOOL_OK && damaged ? SPOOL_CORRUPT : r;
}

enum spool_result spool_recipients(struct spool *s, const struct spool_id *id,
				   spool_recipient_fn *fn, void *arg)
{
	struct arena *a = arena_new(SPOOL_ROW + 1024);
	enum spool_result r = SPOOL_OK;
	bool go = true;
	if (!a)
		return SPOOL_UNAVAILABLE;
	for (uint32_t n = 0; go && n < SPOOL_RECIPIENTS_MAX; n++) {
		struct spool_recipient rc;
		arena_reset(a);
		r = spool_recipient(s, id, n, a, &rc);
		if (r == SPOOL_NONE && n > 0)
			r = SPOOL_OK, go = false;
		else if (r != SPOOL_OK)
			break;
		else
			go = fn(arg, &rc);
	}
	arena_free(a);
	return r;
}
