/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/sorted - an ordered map from bytes to bytes in memory (a skip list).
 *
 * Holds the staged rows of a space until they are visible, and everything in
 * the memory engine.  A node stays where it is until it is removed.  Keys and
 * values are copied.  Heights come from a generator of the map's own, so that
 * the same calls build the same list.
 */
#pragma once

#include "base/span.h"

#define SORTED_HEIGHT 16u

struct sorted_node {
	struct span key, value; /* owned by the node */
	uint64_t mark;		/* the owner's */
	bool gone;		/* the owner's: a deletion */
	unsigned height;
	struct sorted_node *next[];
};

struct sorted;

MUST_USE struct sorted *sorted_new(void);
void sorted_free(struct sorted *); /* NULL is allowed */
size_t sorted_count(const struct sorted *);

struct sorted_node *sorted_find(const struct sorted *, struct span key);
/* The first with a key >= key; the last with a key < key; or NULL. */
struct sorted_node *sorted_from(const struct sorted *, struct span key);
struct sorted_node *sorted_before(const struct sorted *, struct span key);
struct sorted_node *sorted_last(const struct sorted *);
static inline struct sorted_node *sorted_next(const struct sorted_node *n)
{
	return n->next[0];
}
/*
 * A node of the map that is not in it yet (NULL: out of memory), and back.
 * sorted_insert cannot fail; it returns the node that holds the key now, which is
 * the older one when the key was there (its value is replaced, gone cleared).
 */
MUST_USE struct sorted_node *sorted_make(struct sorted *, struct span key,
				   struct span value);
void sorted_unmake(struct sorted_node *);
struct sorted_node *sorted_insert(struct sorted *, struct sorted_node *);
/* Make and insert. */
MUST_USE struct sorted_node *sorted_put(struct sorted *, struct span key,
				  struct span value);
bool sorted_remove(struct sorted *, struct span key);
void sorted_clear(struct sorted *);
