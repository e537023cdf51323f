/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/heap: the children of place p stand at 2p and 2p + 1, places begin at 1.
 * Must never leave an item whose `place` is not where it stands.
 */
#include "base/heap.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"

#define HEAP_FIRST 16u

void heap_init(struct heap *h, size_t limit)
{
	*h = (struct heap){.limit = limit};
}

void heap_free(struct heap *h)
{
	free(h->items);
	*h = (struct heap){.limit = h->limit};
}

static struct heap_item *at(const struct heap *h, size_t place)
{
	return h->items[place - 1];
}

static void set(struct heap *h, size_t place, struct heap_item *i)
{
	h->items[place - 1] = i;
	i->place = place;
}

static void sift_up(struct heap *h, struct heap_item *i)
{
	size_t place = i->place;
	for (; place > 1 && at(h, place / 2)->key > i->key; place /= 2)
		set(h, place, at(h, place / 2));
	set(h, place, i);
}

static void sift_down(struct heap *h, struct heap_item *i)
{
	size_t place = i->place;
	for (;;) {
		size_t child = place * 2;
		if (child > h->count)
			break;
		if (child < h->count &&
		    at(h, child + 1)->key < at(h, child)->key)
			child++;
		if (at(h, child)->key >= i->key)
			break;
		set(h, place, at(h, child));
		place = child;
	}
	set(h, place, i);
}

static bool grow(struct heap *h)
{
	size_t cap = h->cap ? h->cap * 2 : HEAP_FIRST, bytes;
	if (!size_mul(cap, sizeof *h->items, &bytes))
		return false;
	struct heap_item **items = realloc(h->items, bytes);
	if (items == NULL)
		return false;
	h->items = items;
	h->cap = cap;
	return true;
}

bool heap_add(struct heap *h, struct heap_item *i, uint64_t key)
{
	ENSURE(i->place == 0);
	if (h->count >= h->limit || (h->count == h->cap && !grow(h)))
		return false;
	i->key = key;
	set(h, ++h->count, i);
	sift_up(h, i);
	return true;
}

/* Move an item to where its key belongs. */
static void settle(struct heap *h, struct heap_item *i)
{
	sift_up(h, i);
	sift_down(h, i);
}

void heap_remove(struct heap *h, struct heap_item *i)
{
	size_t place = i->place;
	if (place == 0)
		return;
	ENSURE(place <= h->count && at(h, place) == i);
	struct heap_item *last = at(h, h->count--);
	i->place = 0;
	if (last != i) {
		set(h, place, last);
		settle(h, last);
	}
}

void heap_change(struct heap *h, struct heap_item *i, uint64_t key)
{
	ENSURE(i->place != 0 && i->place <= h->count && at(h, i->place) == i);
	i->key = key;
	settle(h, i);
}

struct heap_item *heap_first(const struct heap *h)
{
	return h->count ? h->items[0] : NULL;
}

struct heap_item *heap_pop(struct heap *h)
{
	struct heap_item *i = heap_first(h);
	if (i != NULL)
		heap_remove(h, i);
	return i;
}
