/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/heap - a queue ordered by a number: the smallest key first.
 *
 * Binary heap; adding, removing any item and changing its key take O(log n).
 * The items belong to the caller and embed a struct heap_item (zeroed before
 * first use); the heap owns only an array of pointers, at most `limit` of them.
 * Among equal keys the order is not defined, but the same calls always give
 * the same order.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct heap_item {
	uint64_t key; /* read it; change it with heap_change only */
	size_t place; /* 0: in no heap */
};

struct heap {
	struct heap_item **items;
	size_t count, cap, limit;
};

void heap_init(struct heap *, size_t limit);
void heap_free(struct heap *); /* the items are the caller's */

/* False, and nothing changed: `limit` items are in it, or memory is short. */
MUST_USE bool heap_add(struct heap *, struct heap_item *, uint64_t key);
/* Nothing happens when the item is in no heap. */
void heap_remove(struct heap *, struct heap_item *);
/* The item must be in the heap. */
void heap_change(struct heap *, struct heap_item *, uint64_t key);

/* The item with the smallest key, or NULL.  pop also takes it out. */
struct heap_item *heap_first(const struct heap *);
struct heap_item *heap_pop(struct heap *);

static inline bool heap_holds(const struct heap_item *i)
{
	return i->place != 0;
}
