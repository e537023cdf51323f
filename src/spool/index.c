/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/index: the rows by which a job is found when it is due.
 *
 * A commit that changes recipients says of each how it was and how it will be;
 * per destination the earliest time counts.  What does not move is not written.
 *
 * Must never: leave a job with a recipient that waits for a time without the
 * row that finds it then.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "spool/format.h"

#define NAMES_MAX (SPOOL_RECIPIENTS_MAX * (SPOOL_DESTINATION_MAX + 1u))

struct span spool_destination(const struct spool_recipient *r,
			      char room[SPOOL_DESTINATION_MAX])
{
	struct span name = r->destination;
	if (name.len == 0) {
		size_t at = span_find_last(r->address, '@');
		name = at == SIZE_MAX ? span_of(NULL, 0)
				      : span_skip(r->address, at + 1);
	}
	name = span_sub(name, 0, SPOOL_DESTINATION_MAX);
	for (size_t i = 0; i < name.len; i++)
		room[i] = ascii_lower(name.ptr[i]);
	return span_of(room, name.len);
}

struct index *index_new(void)
{
	struct index *x = calloc(1, sizeof(*x));
	if (x)
		buf_init(&x->names, NAMES_MAX);
	return x;
}

void index_free(struct index *x)
{
	if (!x)
		return;
	buf_free(&x->names);
	free(x->at);
	free(x);
}

void index_begin(struct index *x, const struct count_row *c)
{
	x->count = 0;
	buf_clear(&x->names);
	x->failed = false;
	x->local = x->tell = SPOOL_NEVER;
	x->priority = c->priority;
	x->warns = c->warns;
	x->expires = c->expires;
}

static struct index_entry *entry(struct index *x, struct span name)
{
	uint64_t hash = spool_hash(name);
	for (size_t i = x->count; i-- > 0;)
		if (x->at[i].hash == hash)
			return &x->at[i];
	if (x->count == x->cap) {
		size_t cap = x->cap ? x->cap * 4 : 1;
		struct index_entry *more =
			realloc(x->at, cap * sizeof(*more));
		if (!more)
			return NULL;
		x->at = more;
		x->cap = cap;
	}
	size_t at = buf_len(&x->names);
	buf_add(&x->names, name);
	if (!buf_ok(&x->names))
		return NULL;
	x->at[x->count] = (struct index_entry){
		hash, SPOOL_NEVER, SPOOL_NEVER, at, name.len};
	return &x->at[x->count++];
}

static void earlier(int64_t *at, int64_t than)
{
	if (than < *at)
		*at = than;
}

static int64_t tell_of(const struct index *x, const struct spool_recipient *r)
{
	if (r->marks & (SPOOL_GIVE_UP | SPOOL_DELIVERED))
		return 0;
	return (r->marks & SPOOL_TOLD) || x->warns > x->expires ? x->expires
								 : x->warns;
}

static bool is_carried(const struct spool_recipient *r)
{
	return r->state == SPOOL_REMOTE && !(r->marks & SPOOL_DELIVERED);
}

void index_add(struct index *x, const struct spool_recipient *was,
	       const struct spool_recipient *is)
{
	bool from = was && is_carried(was);
	char room[SPOOL_DESTINATION_MAX];
	struct index_entry *e;
	if (is->state == SPOOL_LOCAL)
		earlier(&x->local, is->next);
	if (from) {
		e = entry(x, spool_destination(was, room));
		x->failed |= !e;
		if (e)
			earlier(&e->before, was->next);
	}
	if (is->state != SPOOL_REMOTE)
		return;
	earlier(&x->tell, tell_of(x, is));
	if (!is_carried(is))
		return;
	e = entry(x, spool_destination(is, room));
	x->failed |= !e;
	if (e)
		earlier(&e->after, is->next);
}

static struct span name_of(const struct index *x, const struct index_entry *e)
{
	return span_sub(buf_span(&x->names), e->name, e->name_len);
}

static void move(struct kv_batch *b, char kind, const struct spool_id *id,
		 int64_t from, int64_t to)
{
	struct spool_key old = spool_key_due(kind, from, id),
			 new = spool_key_due(kind, to, id);
	if (from == to)
		return;
	if (from != SPOOL_NEVER)
		kv_delete(b, spool_span(&old));
	if (to != SPOOL_NEVER)
		kv_put(b, spool_span(&new), SPAN("\1"));
}

static void move_destination(const struct index *x, struct kv_batch *b,
			     const struct spool_id *id,
			     const struct index_entry *e, int64_t to)
{
	struct spool_key old = spool_key_destination(e->hash, x->priority,
						     e->before, id),
			 new = spool_key_destination(e->hash, x->priority, to,
						     id);
	if (e->before == to)
		return;
	if (e->before != SPOOL_NEVER)
		kv_delete(b, spool_span(&old));
	if (to != SPOOL_NEVER)
		kv_put(b, spool_span(&new), name_of(x, e));
}

bool index_write(struct index *x, struct kv_batch *b,
		 const struct spool_id *id, struct count_row *count)
{
	if (x->failed)
		return false;
	for (size_t i = 0; i < x->count; i++)
		move_destination(x, b, id, &x->at[i], x->at[i].after);
	move(b, 'T', id, count->due, x->local);
	move(b, 'X', id, count->tell, x->tell);
	count->due = x->local;
	count->tell = x->tell;
	return true;
}

void index_remove(struct index *x, struct kv_batch *b,
		  const struct spool_id *id, const struct count_row *count)
{
	for (size_t i = 0; i < x->count; i++) {
		move_destination(x, b, id, &x->at[i], SPOOL_NEVER);
		x->at[i].after = SPOOL_NEVER;
	}
	move(b, 'T', id, count->due, SPOOL_NEVER);
	move(b, 'X', id, count->tell, SPOOL_NEVER);
	x->local = x->tell = SPOOL_NEVER;
}

void index_tell(const struct index *x, const struct spool *s,
		unsigned partition)
{
	const struct spool_watch *w = &s->watch;
	int64_t now = kv_now(s->kv);
	for (size_t i = 0; w->due && i < x->count; i++)
		if (x->at[i].after != SPOOL_NEVER &&
		    x->at[i].after != x->at[i].before)
			w->due(w->arg, partition, name_of(x, &x->at[i]),
			       x->priority, x->at[i].after, now);
	if (w->tell && x->tell != SPOOL_NEVER)
		w->tell(w->arg, partition, x->tell);
}
