/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/map: robin hood hashing.  On insertion the entry that is further from
 * its home slot stays; on removal the followers move back one slot.  So a
 * search may stop at the first entry that is nearer to its home than the
 * search is, and no slot is ever marked as deleted.
 *
 * Must never hold more than `limit` entries, and never be fuller than 3/4.
 */
#include "base/map.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"

#define MAP_TAG	  TAG4('M', 'A', 'P', ' ')
#define MAP_FIRST 16u

/* A number has ptr NULL and stands in n; a span never has ptr NULL here. */
struct key {
	const char *ptr;
	uint64_t n;
};

struct slot {
	uint64_t hash;
	struct key key;
	void *value; /* NULL: the slot is empty */
};

struct map {
	uint32_t tag;
	uint8_t secret[SIPHASH_KEY];
	size_t limit, count, cap; /* cap is a power of two, or 0 */
	struct slot *slots;
};

struct map *map_new(const uint8_t secret[SIPHASH_KEY], size_t limit)
{
	struct map *m = calloc(1, sizeof *m);
	if (m == NULL)
		return NULL;
	m->tag = MAP_TAG;
	m->limit = limit;
	memcpy(m->secret, secret, SIPHASH_KEY);
	return m;
}

void map_free(struct map *m)
{
	if (m == NULL)
		return;
	ENSURE_TAG(m, MAP_TAG);
	m->tag = 0;
	free(m->slots);
	free(m);
}

static struct key key_of_span(struct span s)
{
	return (struct key){s.len ? s.ptr : "", s.len};
}

static struct key key_of_id(uint64_t id)
{
	return (struct key){NULL, id};
}

static bool key_eq(struct key a, struct key b)
{
	if (a.n != b.n || (a.ptr == NULL) != (b.ptr == NULL))
		return false;
	return a.ptr == NULL || memcmp(a.ptr, b.ptr, (size_t)a.n) == 0;
}

static uint64_t key_hash(const struct map *m, struct key k)
{
	return siphash(m->secret, k.ptr ? span_of(k.ptr, (size_t)k.n)
					: span_of(&k.n, sizeof k.n));
}

/* How far the entry in slot i stands from its home. */
static size_t distance(const struct map *m, size_t i)
{
	return (i - (size_t)m->slots[i].hash) & (m->cap - 1);
}

static struct slot *find(const struct map *m, struct key k, uint64_t hash)
{
	ENSURE_TAG(m, MAP_TAG);
	if (m->cap == 0)
		return NULL;
	size_t i = (size_t)hash & (m->cap - 1);
	for (size_t far = 0;; far++, i = (i + 1) & (m->cap - 1)) {
		struct slot *s = &m->slots[i];
		if (s->value == NULL || distance(m, i) < far)
			return NULL;
		if (s->hash == hash && key_eq(s->key, k))
			return s;
	}
}

/* There is room, and the key is not there. */
static void place(struct map *m, struct slot entry)
{
	size_t i = (size_t)entry.hash & (m->cap - 1);
	for (size_t far = 0;; far++, i = (i + 1) & (m->cap - 1)) {
		struct slot *s = &m->slots[i];
		if (s->value == NULL) {
			*s = entry;
			return;
		}
		if (distance(m, i) < far) {
			struct slot nearer = *s;
			far = distance(m, i);
			*s = entry;
			entry = nearer;
		}
	}
}

static bool grow(struct map *m)
{
	struct slot *old = m->slots;
	size_t old_cap = m->cap, cap = MAP_FIRST;
	if (old_cap != 0 && !size_mul(old_cap, 2, &cap))
		return false;
	struct slot *slots = calloc(cap, sizeof *slots);
	if (slots == NULL)
		return false;
	m->slots = slots;
	m->cap = cap;
	for (size_t i = 0; i < old_cap; i++)
		if (old[i].value != NULL)
			place(m, old[i]);
	free(old);
	return true;
}

static bool put(struct map *m, struct key k, void *value)
{
	ENSURE(value != NULL);
	uint64_t hash = key_hash(m, k);
	struct slot entry = {hash, k, value};
	struct slot *s = find(m, k, hash);
	if (s != NULL) {
		*s = entry;
		return true;
	}
	if (m->count >= m->limit)
		return false;
	if (m->count >= m->cap - m->cap / 4 && !grow(m))
		return false;
	place(m, entry);
	m->count++;
	return true;
}

static void *get(const struct map *m, struct key k)
{
	const struct slot *s = find(m, k, key_hash(m, k));
	return s ? s->value : NULL;
}

static void *take(struct map *m, struct key k)
{
	struct slot *s = find(m, k, key_hash(m, k));
	if (s == NULL)
		return NULL;
	void *value = s->value;
	size_t hole = (size_t)(s - m->slots);
	for (;;) {
		size_t next = (hole + 1) & (m->cap - 1);
		if (m->slots[next].value == NULL || distance(m, next) == 0)
			break;
		m->slots[hole] = m->slots[next];
		hole = next;
	}
	m->slots[hole] = (struct slot){.value = NULL};
	m->count--;
	return value;
}

bool map_put(struct map *m, struct span key, void *value)
{
	return put(m, key_of_span(key), value);
}

bool map_put_id(struct map *m, uint64_t key, void *value)
{
	return put(m, key_of_id(key), value);
}

void *map_get(const struct map *m, struct span key)
{
	return get(m, key_of_span(key));
}

void *map_get_id(const struct map *m, uint64_t key)
{
	return get(m, key_of_id(key));
}

void *map_remove(struct map *m, struct span key)
{
	return take(m, key_of_span(key));
}

void *map_remove_id(struct map *m, uint64_t key)
{
	return take(m, key_of_id(key));
}

size_t map_count(const struct map *m)
{
	ENSURE_TAG(m, MAP_TAG);
	return m->count;
}

void *map_next(const struct map *m, size_t *at)
{
	ENSURE_TAG(m, MAP_TAG);
	while (*at < m->cap) {
		void *value = m->slots[(*at)++].value;
		if (value != NULL)
			return value;
	}
	return NULL;
}
