/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/auth/throttle: leaky buckets in a map, the longest unused one at the front
 * of a list.
 *
 * A level is in thousandths of a failure.  Entries with an attempt under way
 * are never forgotten.
 *
 * A bucket has a line only while an attempt under way holds a place in it: the
 * end of that one lets the first in line on, or into the line of another of its
 * buckets.
 */
#include "role/auth/throttle.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "base/map.h"

#define UNIT    1000u
#define QUARTER (UNIT / 4)

enum kind { BY_ADDRESS = 1, BY_NETWORK, BY_ACCOUNT, BY_PAIR, KNOWN_PAIR };

struct key {
	uint8_t kind;
	uint8_t ip[16];
	uint8_t account[SIPHASH_KEY];
};

struct bucket {
	struct key key;
	struct list link;
	uint64_t stamp, until, limit, cap_ns, level;
	unsigned pending, delays;
	unsigned held;	   /* by us, for the length of a call */
	struct list line;  /* of attempts */
	size_t standing;   /* in it */
	size_t slot;
};

/* That an account logged in from an address. */
struct pair {
	struct key key;
	struct list link;
	uint64_t stamp;
	size_t slot;
};

struct throttle {
	uint32_t tag;
	struct throttle_limits limits;
	uint8_t secret[2 * SIPHASH_KEY];
	struct map *buckets, *pairs;
	struct list bucket_list, pair_list;
	struct throttle_keeper keeper;
	/* Slots from here on were never used; SIZE_MAX as a slot: none. */
	size_t next_bucket, next_pair;
};
#define TAG_THROTTLE TAG4('T', 'H', 'R', 'O')

static struct span key_span(const struct key *k)
{
	return span_of(k, sizeof *k);
}

struct throttle *throttle_new(const uint8_t secret[2 * SIPHASH_KEY],
			      const struct throttle_limits *limits)
{
	struct throttle *t = calloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	t->tag = TAG_THROTTLE;
	t->limits = *limits;
	memcpy(t->secret, secret, sizeof t->secret);
	list_init(&t->bucket_list);
	list_init(&t->pair_list);
	t->next_pair = THROTTLE_BUCKETS;
	t->buckets = map_new(secret, THROTTLE_BUCKETS);
	t->pairs = map_new(secret + SIPHASH_KEY, THROTTLE_KNOWN);
	if (t->buckets != NULL && t->pairs != NULL)
		return t;
	throttle_free(t);
	return NULL;
}

void throttle_free(struct throttle *t)
{
	if (t == NULL)
		return;
	ENSURE_TAG(t, TAG_THROTTLE);
	LIST_EACH(&t->bucket_list, b)
		free(CONTAINER_OF(b, struct bucket, link));
	LIST_EACH(&t->pair_list, p)
		free(CONTAINER_OF(p, struct pair, link));
	map_free(t->buckets);
	map_free(t->pairs);
	t->tag = 0;
	free(t);
}

void throttle_set(struct throttle *t, const struct throttle_limits *limits)
{
	ENSURE_TAG(t, TAG_THROTTLE);
	t->limits = *limits;
}

/* ---- keys ---------------------------------------------------------------- */

/* 128 bits of a name under two keys: no name is kept, no two are taken for one. */
static void hash_name(const struct throttle *t, struct span name, uint8_t *out)
{
	uint64_t h[2] = {siphash(t->secret, name),
			 siphash(t->secret + SIPHASH_KEY, name)};
	memcpy(out, h, sizeof h);
}

static struct key key_of(enum kind kind, const struct addr *peer,
			 const uint8_t *account)
{
	struct key k = {.kind = (uint8_t)kind};
	if (kind == BY_NETWORK)
		memcpy(k.ip, cidr_of(peer, 24, 64).ip, sizeof k.ip);
	else if (kind != BY_ACCOUNT)
		memcpy(k.ip, peer->ip, sizeof k.ip);
	if (kind >= BY_ACCOUNT)
		memcpy(k.account, account, sizeof k.account);
	return k;
}

/* ---- keeping --------------------------------------------------------------- */

static void put(uint8_t *at, uint64_t v)
{
	memcpy(at, &v, sizeof v); /* read by a process of the same program */
}

static uint64_t get(const uint8_t *at)
{
	uint64_t v;
	memcpy(&v, at, sizeof v);
	return v;
}

#define AT_STAMP  sizeof(struct key)
#define AT_UNTIL  (AT_STAMP + 8)
#define AT_LEVEL  (AT_UNTIL + 8)
_Static_assert(AT_LEVEL + 7 <= THROTTLE_RECORD && sizeof(struct key) == 33,
	       "an entry fits its record; delays stand in its last byte");

static void write_down(const struct throttle *t, size_t slot,
		       const struct key *key, uint64_t stamp,
		       const struct bucket *b)
{
	uint8_t record[THROTTLE_RECORD] = {0};
	if (t->keeper.keep == NULL || slot == SIZE_MAX)
		return;
	memcpy(record, key, sizeof *key);
	put(record + AT_STAMP, stamp);
	if (b != NULL) {
		uint32_t level = (uint32_t)u64_min(b->level, UINT32_MAX);
		put(record + AT_UNTIL, b->until);
		memcpy(record + AT_LEVEL, &level, sizeof level);
		record[THROTTLE_RECORD - 1] =
			(uint8_t)(b->delays < 63 ? b->delays : 63);
	}
	t->keeper.keep(t->keeper.ctx, slot, record);
}

void throttle_keep(struct throttle *t, const struct throttle_keeper *k)
{
	ENSURE_TAG(t, TAG_THROTTLE);
	t->keeper = k != NULL ? *k : (struct throttle_keeper){0};
}

static size_t fresh_slot(size_t *next, size_t end)
{
	return *next < end ? (*next)++ : SIZE_MAX;
}

/* ---- buckets ------------------------------------------------------------- */

/* Its slot, for the next one. */
static size_t forget_oldest(struct throttle *t)
{
	LIST_EACH(&t->bucket_list, link) {
		struct bucket *b = CONTAINER_OF(link, struct bucket, link);
		if (b->pending > 0 || b->held > 0)
			continue;
		list_remove(&b->link);
		size_t slot = b->slot;
		(void)map_remove(t->buckets, key_span(&b->key));
		free(b);
		return slot;
	}
	return SIZE_MAX;
}

static bool bucket_add(struct throttle *t, struct bucket *b)
{
	list_init(&b->line);
	if (!map_put(t->buckets, key_span(&b->key), b)) {
		free(b);
		return false;
	}
	list_push_back(&t->bucket_list, &b->link);
	return true;
}

/* NULL: no memory; then nobody is slowed by it. */
static struct bucket *bucket_get(struct throttle *t, const struct key *key,
				 uint64_t now)
{
	struct bucket *b = map_get(t->buckets, key_span(key));
	if (b != NULL) {
		list_remove(&b->link);
		list_push_back(&t->bucket_list, &b->link);
		return b;
	}
	size_t slot = map_count(t->buckets) >= THROTTLE_BUCKETS
			      ? forget_oldest(t)
			      : fresh_slot(&t->next_bucket, THROTTLE_BUCKETS);
	b = calloc(1, sizeof *b);
	if (b == NULL)
		return NULL;
	b->key = *key;
	b->stamp = now;
	b->slot = slot;
	return bucket_add(t, b) ? b : NULL;
}

/* What has leaked out since the last look: `limit` failures in a window. */
static void leak(const struct throttle *t, struct bucket *b, uint64_t now)
{
	uint64_t passed = now > b->stamp ? now - b->stamp : 0;
	uint64_t one = t->limits.window_ns / (b->limit * UNIT);
	uint64_t out = passed / (one > 0 ? one : 1);
	if (out == 0)
		return;
	b->stamp = now;
	b->level = b->level > out ? b->level - out : 0;
	if (b->level < b->limit * UNIT / 2)
		b->delays = 0;
}

/* Those under way could fill it, each by a quarter. */
static bool crowded(const struct bucket *b)
{
	return b->pending > 0 &&
	       b->level + (uint64_t)b->pending * QUARTER >= b->limit * UNIT;
}

static void fill(struct bucket *b, uint64_t now)
{
	b->level = u64_min(b->level + UNIT, (b->limit + 1) * UNIT);
	/* What leaked out between two failures in a row is not to matter. */
	if (b->level < b->limit * UNIT - UNIT / 2)
		return;
	uint64_t delay = THROTTLE_FIRST_NS << (b->delays < 30 ? b->delays : 30);
	b->until = now + u64_min(delay, b->cap_ns);
	b->delays++;
}

/* ---- known pairs --------------------------------------------------------- */

static bool pair_known(struct throttle *t, const struct key *key, uint64_t now)
{
	struct pair *p = map_get(t->pairs, key_span(key));
	return p != NULL && now - p->stamp < THROTTLE_LATELY_NS;
}

static void pair_note(struct throttle *t, const struct key *key, uint64_t now)
{
	struct pair *p = map_get(t->pairs, key_span(key));
	if (p == NULL) {
		size_t slot;
		if (map_count(t->pairs) < THROTTLE_KNOWN) {
			slot = fresh_slot(&t->next_pair, THROTTLE_SLOTS);
		} else {
			p = CONTAINER_OF(list_pop_front(&t->pair_list),
					 struct pair, link);
			slot = p->slot;
			(void)map_remove(t->pairs, key_span(&p->key));
			free(p);
		}
		p = calloc(1, sizeof *p);
		if (p == NULL)
			return;
		p->slot = slot;
		p->key = *key;
		if (!map_put(t->pairs, key_span(&p->key), p)) {
			free(p);
			return;
		}
	}
	p->stamp = now;
	list_remove(&p->link);
	list_push_back(&t->pair_list, &p->link);
	write_down(t, p->slot, &p->key, now, NULL);
}

/* ---- what a process before knew ------------------------------------------ */

static bool take_pair(struct throttle *t, uint64_t stamp, size_t slot,
		      const struct key *key)
{
	if (slot < THROTTLE_BUCKETS || map_get(t->pairs, key_span(key)) != NULL)
		return false;
	struct pair *p = calloc(1, sizeof *p);
	if (p == NULL)
		return false;
	*p = (struct pair){.key = *key, .stamp = stamp, .slot = slot};
	if (!map_put(t->pairs, key_span(&p->key), p)) {
		free(p);
		return false;
	}
	list_push_back(&t->pair_list, &p->link);
	if (slot >= t->next_pair)
		t->next_pair = slot + 1;
	return true;
}

static bool take_bucket(struct throttle *t, uint64_t now, size_t slot,
			const struct bucket *like)
{
	uint64_t longest = like->key.kind == BY_PAIR ? THROTTLE_OWNER_NS
						     : t->limits.window_ns;
	if (slot >= THROTTLE_BUCKETS ||
	    map_get(t->buckets, key_span(&like->key)) != NULL)
		return false;
	struct bucket *b = calloc(1, sizeof *b);
	if (b == NULL)
		return false;
	*b = *like;
	b->slot = slot;
	if (b->until > now && b->until - now > longest)
		b->until = now + longest;
	if (!bucket_add(t, b))
		return false;
	if (slot >= t->next_bucket)
		t->next_bucket = slot + 1;
	return true;
}

bool throttle_take(struct throttle *t, uint64_t now, size_t slot,
		   const uint8_t record[THROTTLE_RECORD])
{
	ENSURE_TAG(t, TAG_THROTTLE);
	struct bucket b = {0};
	uint32_t level;
	memcpy(&b.key, record, sizeof b.key);
	memcpy(&level, record + AT_LEVEL, sizeof level);
	b.stamp = get(record + AT_STAMP);
	b.until = get(record + AT_UNTIL);
	b.level = level;
	b.delays = record[THROTTLE_RECORD - 1];
	if (slot >= THROTTLE_SLOTS || b.stamp > now || b.delays > 63)
		return false;
	if (b.key.kind == KNOWN_PAIR)
		return take_pair(t, b.stamp, slot, &b.key);
	return b.key.kind >= BY_ADDRESS && b.key.kind <= BY_PAIR &&
	       take_bucket(t, now, slot, &b);
}

/* ---- attempts ------------------------------------------------------------ */

/* What an attempt met at its buckets. */
struct meeting {
	struct throttle *t;
	uint64_t now;
	struct throttle_attempt *a;
	bool newcomer; /* nobody who stands in line is overtaken */
	struct bucket *crowd;
};

static void meet(struct meeting *m, enum kind kind, uint64_t limit, uint64_t cap)
{
	struct throttle_attempt *a = m->a;
	if (limit == 0)
		return;
	struct key key = key_of(kind, &a->peer, a->account);
	struct bucket *b = bucket_get(m->t, &key, m->now);
	if (b == NULL)
		return;
	b->limit = limit;
	b->cap_ns = cap;
	leak(m->t, b, m->now);
	if (m->now < b->until)
		a->wait_ns = u64_max(a->wait_ns, b->until - m->now);
	if (m->crowd == NULL &&
	    (crowded(b) || (m->newcomer && b->standing > 0)))
		m->crowd = b;
	b->pending++; /* it stays while we look at the others */
	a->buckets[a->count++] = b;
}

/* GO holds a place in each bucket; the others hold none. */
static void judge(struct meeting *m)
{
	const struct throttle_limits *l = &m->t->limits;
	struct throttle_attempt *a = m->a;
	struct key pair = key_of(KNOWN_PAIR, &a->peer, a->account);
	a->known = pair_known(m->t, &pair, m->now);
	a->wait_ns = 0;
	if (a->known) {
		meet(m, BY_PAIR, l->address > 0 ? l->address : l->account,
		     THROTTLE_OWNER_NS);
	} else {
		meet(m, BY_ADDRESS, l->address, l->window_ns);
		meet(m, BY_NETWORK, l->network, l->window_ns);
		meet(m, BY_ACCOUNT, l->account, l->window_ns);
	}
	a->way = a->wait_ns > 0	    ? THROTTLE_SLOWED
		 : m->crowd == NULL ? THROTTLE_GO
				    : THROTTLE_LINE_UP;
	if (a->way == THROTTLE_GO)
		return;
	for (size_t i = 0; i < a->count; i++)
		a->buckets[i]->pending--;
	a->count = 0;
}

/* Before `at` in its line. */
static void line_up(struct throttle_attempt *a, struct bucket *b,
		    struct list *at)
{
	ENSURE(b->pending > 0);
	if (b->standing >= THROTTLE_LINE || a->turn == NULL) {
		a->way = THROTTLE_FULL;
		return;
	}
	a->line = b;
	b->standing++;
	list_insert_before(at, &a->link);
}

static void leave(struct throttle_attempt *a)
{
	a->line->standing--;
	a->line = NULL;
	list_remove(&a->link);
}

/* Those in line go on, as far as there is room; nobody is called back into us. */
static void advance(struct throttle *t, uint64_t now, struct bucket *b)
{
	while (b->standing > 0) {
		struct throttle_attempt *a = CONTAINER_OF(
			list_first(&b->line), struct throttle_attempt, link);
		struct meeting m = {.t = t, .now = now, .a = a};
		leave(a);
		judge(&m);
		if (a->way == THROTTLE_LINE_UP && m.crowd == b) {
			line_up(a, b, b->line.next); /* the first still */
			return;
		}
		if (a->way == THROTTLE_LINE_UP)
			line_up(a, m.crowd, &m.crowd->line);
		if (a->way != THROTTLE_LINE_UP)
			a->turn(a);
	}
}

enum throttle_way throttle_begin(struct throttle *t, uint64_t now,
				 const struct addr *peer, struct span account,
				 struct throttle_attempt *a)
{
	ENSURE_TAG(t, TAG_THROTTLE);
	struct meeting m = {.t = t, .now = now, .a = a, .newcomer = true};
	*a = (struct throttle_attempt){.turn = a->turn, .peer = *peer};
	hash_name(t, account, a->account);
	judge(&m);
	if (a->way == THROTTLE_LINE_UP)
		line_up(a, m.crowd, &m.crowd->line);
	return a->way;
}

static void let_go(struct throttle *t, uint64_t now, struct bucket *b,
		   enum throttle_end end)
{
	ENSURE(b->pending > 0);
	b->pending--;
	b->held++;
	leak(t, b, now);
	if (end != THROTTLE_WRONG)
		return;
	fill(b, now);
	write_down(t, b->slot, &b->key, b->stamp, b);
}

void throttle_end(struct throttle *t, uint64_t now, struct throttle_attempt *a,
		  enum throttle_end end)
{
	ENSURE_TAG(t, TAG_THROTTLE);
	if (a->line != NULL)
		leave(a);
	for (size_t i = 0; i < a->count; i++)
		let_go(t, now, a->buckets[i], end);
	if (end == THROTTLE_RIGHT) {
		struct key pair = key_of(KNOWN_PAIR, &a->peer, a->account);
		pair_note(t, &pair, now);
	}
	for (size_t i = 0; i < a->count; i++)
		advance(t, now, a->buckets[i]);
	for (size_t i = 0; i < a->count; i++)
		a->buckets[i]->held--;
	*a = (struct throttle_attempt){.turn = a->turn};
}

void throttle_settle(struct throttle *t)
{
	ENSURE_TAG(t, TAG_THROTTLE);
	LIST_EACH(&t->bucket_list, link) {
		struct bucket *b = CONTAINER_OF(link, struct bucket, link);
		LIST_EACH(&b->line, at) {
			struct throttle_attempt *a =
				CONTAINER_OF(at, struct throttle_attempt, link);
			leave(a);
			a->way = THROTTLE_FULL;
			a->turn(a);
		}
	}
}

size_t throttle_count(const struct throttle *t)
{
	ENSURE_TAG(t, TAG_THROTTLE);
	return map_count(t->buckets);
}
