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

struct kv_sorted_node {
	struct span key, value; /* owned by the node */
	uint64_t mark;		/* the owner's */
	bool gone;		/* the owner's: a deletion */
	unsigned height;
	struct kv_sorted_node *next[];
};

struct kv_sorted;

MUST_USE struct kv_sorted *kv_sorted_new(void);
void kv_sorted_free(struct kv_sorted *); /* NULL is allowed */
size_t kv_sorted_count(const struct kv_sorted *);

struct kv_sorted_node *kv_sorted_find(const struct kv_sorted *, struct span key);
/* The first with a key >= key; the last with a key < key; or NULL. */
struct kv_sorted_node *kv_sorted_from(const struct kv_sorted *, struct span key);
struct kv_sorted_node *kv_sorted_before(const struct kv_sorted *, struct span key);
struct kv_sorted_node *kv_sorted_last(const struct kv_sorted *);
static inline struct kv_sorted_node *kv_sorted_next(const struct kv_sorted_node *n)
{
	return n->next[0];
}
/*
 * A node of the map that is not in it yet (NULL: out of memory), and back.
 * kv_sorted_insert cannot fail; it returns the node that holds the key now, which is
 * the older one when the key was there (its value is replaced, gone cleared).
 */
MUST_USE struct kv_sorted_node *kv_sorted_make(struct kv_sorted *, struct span key,
				   struct span value);
void kv_sorted_unmake(struct kv_sorted_node *);
struct kv_sorted_node *kv_sorted_insert(struct kv_sorted *, struct kv_sorted_node *);
/* Make and insert. */
MUST_USE struct kv_sorted_node *kv_sorted_put(struct kv_sorted *, struct span key,
				  struct span value);
bool kv_sorted_remove(struct kv_sorted *, struct span key);
void kv_sorted_clear(struct kv_sorted *);
