/* SPDX-License-Identifier: Apache-2.0 */
/* spool/due: range scans over the indexes. */
#include "spool/due.h"

#include "base/ensure.h"
#include "spool/format.h"

static enum kv_result scan_from(struct kv_space *space,
				const struct spool_key *from, bool behind,
				const struct spool_key *prefix,
				struct kv_scan **out)
{
	struct spool_key start = *from, end = spool_key_end(prefix);
	if (behind)
		start.bytes[start.len++] = 0;
	return kv_scan_open(space, KV_VISIBLE, spool_span(&start),
			    spool_span(&end), false, out);
}

/* ---- one destination ---- */

struct looking {
	struct kv_space *space;
	uint64_t hash;
	int64_t now;
	spool_due_fn *fn;
	void *arg;
	int64_t *next;
	bool ended;
};

/* The rows from *p on, or behind `from`; *p: the priority to go on with. */
static enum kv_result look(struct looking *l, unsigned *p,
			   const struct spool_due *from)
{
	struct spool_key prefix = spool_key_hash(l->hash);
	struct spool_key start = spool_key_destination(
		l->hash, (enum spool_priority)*p, 0, NULL);
	struct kv_scan *scan;
	struct span key, value;
	start.len = 1 + 8 + 1;
	if (from)
		start = spool_key_destination(l->hash, from->priority,
					      from->at, &from->id);
	enum kv_result r = scan_from(l->space, &start, from, &prefix, &scan);
	*p = SPOOL_LAST + 1;
	if (r != KV_OK)
		return r;
	while (!l->ended && (r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		struct due_row d;
		if (!spool_key_destination_of(key, &d)) {
			r = KV_CORRUPT;
			break;
		}
		if (d.due > l->now) {
			if (d.due < *l->next)
				*l->next = d.due;
			*p = d.priority + 1u;
			break;
		}
		l->ended = !l->fn(l->arg,
				  &(struct spool_due){d.id, d.priority, d.due},
				  value);
	}
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

enum spool_result spool_due(struct spool *s, unsigned partition,
			    struct span destination, int64_t now,
			    const struct spool_due *from, spool_due_fn *fn,
			    void *arg, int64_t *next)
{
	enum spool_result sr;
	struct looking l = {.space = spool_space(s, partition, &sr),
			    .hash = spool_hash(destination),
			    .now = now,
			    .fn = fn,
			    .arg = arg,
			    .next = next};
	enum kv_result r = KV_OK;
	*next = SPOOL_NEVER;
	if (!l.space)
		return sr;
	for (unsigned p = from ? from->priority : SPOOL_FIRST;
	     p <= SPOOL_LAST && r == KV_OK && !l.ended; from = NULL)
		r = look(&l, &p, from);
	return spool_from_kv(r);
}

/* ---- all of them ---- */

/* The first row at or behind the key; *name may be NULL. */
static enum kv_result first_row(struct kv_space *space,
				const struct spool_key *from,
				struct due_row *out, char *room,
				struct span *name)
{
	struct spool_key kind = spool_key('D');
	struct kv_scan *scan;
	struct span key, value;
	enum kv_result r = scan_from(space, from, false, &kind, &scan);
	if (r != KV_OK)
		return r;
	r = kv_scan_next(scan, &key, &value);
	if (r == KV_OK && (!spool_key_destination_of(key, out) ||
			   value.len > SPOOL_DESTINATION_MAX))
		r = KV_CORRUPT;
	if (r == KV_OK && name) {
		if (value.len)
			memcpy(room, value.ptr, value.len);
		*name = span_of(room, value.len);
	}
	kv_scan_close(scan);
	return r;
}

enum spool_result spool_destination_next(struct spool *s, unsigned partition,
					 uint64_t *hash,
					 char room[SPOOL_DESTINATION_MAX],
					 struct span *name,
					 enum spool_priority *priority,
					 int64_t *at)
{
	enum spool_result sr;
	struct kv_space *space = spool_space(s, partition, &sr);
	struct spool_key from = spool_key_hash(*hash);
	struct due_row d;
	if (!space)
		return sr;
	enum kv_result r = first_row(space, &from, &d, room, name);
	if (r != KV_OK)
		return spool_from_kv(r);
	*hash = d.hash;
	*priority = d.priority;
	*at = d.due;
	while (d.priority < SPOOL_LAST) {
		from = spool_key_hash(*hash);
		from.bytes[from.len++] = (char)(d.priority + 1);
		r = first_row(space, &from, &d, room, NULL);
		if (r == KV_NONE || (r == KV_OK && d.hash != *hash))
			break;
		if (r != KV_OK)
			return spool_from_kv(r);
		if (d.due < *at)
			*at = d.due;
	}
	return SPOOL_OK;
}

/* ---- by time ---- */

static enum spool_result by_time(struct spool *s, unsigned partition,
				 char kind, int64_t now,
				 const struct spool_due *from,
				 spool_due_fn *fn, void *arg, int64_t *next)
{
	enum spool_result sr;
	struct kv_space *space = spool_space(s, partition, &sr);
	struct spool_key prefix = spool_key(kind), start = prefix;
	struct kv_scan *scan;
	struct span key, value;
	bool go = true;
	*next = SPOOL_NEVER;
	if (!space)
		return sr;
	if (from)
		start = spool_key_due(kind, from->at, &from->id);
	enum kv_result r = scan_from(space, &start, from, &prefix, &scan);
	if (r != KV_OK)
		return spool_from_kv(r);
	while (go && (r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		struct spool_due d = {.priority = SPOOL_NORMAL};
		if (!spool_key_due_of(key, &d.at, &d.id)) {
			r = KV_CORRUPT;
			break;
		}
		if (d.at > now) {
			*next = d.at;
			break;
		}
		go = fn(arg, &d, span_of(NULL, 0));
	}
	kv_scan_close(scan);
	return spool_from_kv(r == KV_NONE ? KV_OK : r);
}

enum spool_result spool_tells(struct spool *s, unsigned partition, int64_t now,
			      const struct spool_due *from, spool_due_fn *fn,
			      void *arg, int64_t *next)
{
	return by_time(s, partition, 'X', now, from, fn, arg, next);
}

enum spool_result spool_locals(struct spool *s, unsigned partition,
			       spool_due_fn *fn, void *arg)
{
	int64_t next;
	return by_time(s, partition, 'T', SPOOL_NEVER - 1, NULL, fn, arg,
		       &next);
}

/* ---- recipients ---- */

/* SPOOL_OK: it was wanted and kept, or not wanted. */
static enum kv_result gather_one(struct arena *a, spool_want_fn *want,
				 void *arg, struct spool_recipient *rc,
				 struct spool_recipient *out, size_t max,
				 size_t *count, bool *more)
{
	if (!want(arg, rc))
		return KV_OK;
	*more = *count == max;
	if (*more)
		return KV_OK;
	if (!spool_recipient_copy(a, rc))
		return KV_UNAVAILABLE;
	out[(*count)++] = *rc;
	return KV_OK;
}

/* One row after the other: cheaper than a range while there are few. */
static enum kv_result gather_few(struct kv_space *space,
				 const struct spool_id *id, uint32_t recipients,
				 struct arena *a, spool_want_fn *want,
				 void *arg, struct spool_recipient *out,
				 size_t max, size_t *count, bool *more)
{
	struct spool_recipient rc;
	struct buf row;
	enum kv_result r = KV_OK;
	buf_init(&row, SPOOL_ROW);
	for (uint32_t n = 0; n < recipients && r == KV_OK && !*more; n++) {
		struct spool_key k = spool_key_n(id, n);
		r = spool_row(space, KV_VISIBLE, &k, &row);
		if (r == KV_OK && !spool_recipient_read(buf_span(&row), n, &rc))
			r = KV_CORRUPT;
		if (r == KV_OK)
			r = gather_one(a, want, arg, &rc, out, max, count,
				       more);
	}
	buf_free(&row);
	return r;
}

static enum kv_result gather_whole(struct kv_space *space,
				   const struct spool_id *id, struct arena *a,
				   spool_want_fn *want, void *arg,
				   struct spool_recipient *out, size_t max,
				   size_t *count, bool *more)
{
	struct spool_recipient rc;
	struct whole w;
	struct buf row;
	buf_init(&row, SPOOL_ROW);
	enum kv_result r = spool_whole_load(space, KV_VISIBLE, id, &row, &w);
	while (r == KV_OK && !*more && spool_whole_next(&w, &rc))
		r = gather_one(a, want, arg, &rc, out, max, count, more);
	buf_free(&row);
	return r == KV_NONE ? KV_OK : r;
}

enum spool_result spool_gather(struct spool *s, const struct spool_id *id,
			       uint32_t recipients, struct arena *a, spool_want_fn *want, void *arg,
			       struct spool_recipient *out, size_t max,
			       size_t *count, bool *more)
{
	enum spool_result sr;
	struct kv_space *space = spool_space(s, id->byte[0], &sr);
	struct spool_key prefix = spool_key_id('R', id);
	struct kv_scan *scan;
	struct span key, value;
	struct spool_recipient rc;
	bool any = false;
	*count = 0;
	*more = false;
	if (!space)
		return sr;
	if (recipients > 0 && recipients <= SPOOL_FEW) {
		enum kv_result few = gather_few(space, id, recipients, a, want,
						arg, out, max, count, more);
		if (few != KV_NONE || *count > 0)
			return spool_from_kv(few == KV_NONE ? KV_CORRUPT : few);
	}
	enum kv_result r = spool_scan(space, KV_VISIBLE, &prefix, &scan);
	if (r != KV_OK)
		return spool_from_kv(r);
	while (!*more && (r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		any = true;
		if (!spool_recipient_read(value, spool_key_number(key), &rc))
			r = KV_CORRUPT;
		else
			r = gather_one(a, want, arg, &rc, out, max, count,
				       more);
		if (r != KV_OK)
			break;
	}
	kv_scan_close(scan);
	if (r == KV_NONE && !any)
		r = gather_whole(space, id, a, want, arg, out, max, count,
				 more);
	return spool_from_kv(r == KV_NONE ? KV_OK : r);
}
