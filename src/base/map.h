/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/map - a hash table from a span, or from a 64-bit number, to a pointer.
 *
 * Each map hashes with a secret of its own (fresh random bytes from the owner),
 * so a peer that chooses keys cannot make them collide.  Open addressing with
 * bounded displacement: expected constant time.  At most `limit` entries.
 *
 * Keys are borrowed: the bytes must live and stay unchanged until the entry is
 * removed; usually they are a member of the value.  Values are never touched.
 * A number and a span are never the same key, so one map may hold both.
 */
#pragma once

#include "base/siphash.h"
#include "base/span.h"

struct map;

/* NULL: memory is short.  The secret is copied. */
MUST_USE struct map *map_new(const uint8_t secret[SIPHASH_KEY], size_t limit);
void map_free(struct map *); /* NULL is allowed */

/*
 * Add, or replace key and value of the entry that is there.  value is not NULL.
 * False, and nothing changed: the limit is reached, or memory is short.
 */
MUST_USE bool map_put(struct map *, struct span key, void *value);
MUST_USE bool map_put_id(struct map *, uint64_t key, void *value);

/* The value, or NULL. */
void *map_get(const struct map *, struct span key);
void *map_get_id(const struct map *, uint64_t key);

/* Take the entry out: its value, or NULL when there was none. */
void *map_remove(struct map *, struct span key);
void *map_remove_id(struct map *, uint64_t key);

size_t map_count(const struct map *);

/*
 * The next value in no special order, or NULL at the end; *at is 0 at first.
 * The map must not change during the walk (the values may, and may be freed
 * when map_free follows).
 */
void *map_next(const struct map *, size_t *at);
