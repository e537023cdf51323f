/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/arena - memory with one life: a connection, a transaction, a command.
 *
 * Allocations are never freed one by one; arena_reset forgets all of them and
 * keeps one block for the next life, arena_free gives everything back.  Every
 * arena has a limit in bytes that a peer cannot push it over.
 *
 * arena_alloc returns NULL when the limit or the machine's memory is reached:
 * the world's failure, answered by the caller with 4xx or NO.  Memory is
 * zeroed and aligned for any type; that of arena_bytes is neither.
 */
#pragma once

#include <stddef.h>

#include "base/span.h"

struct arena;

/* limit: total bytes handed out in one life.  NULL when memory is short. */
MUST_USE struct arena *arena_new(size_t limit);
void arena_free(struct arena *); /* NULL is allowed */
void arena_reset(struct arena *);

MUST_USE void *arena_alloc(struct arena *, size_t size);
MUST_USE void *arena_array(struct arena *, size_t count, size_t size);
MUST_USE char *arena_bytes(struct arena *, size_t size);

/* A copy of s that lives as long as the arena.  False: out of memory. */
MUST_USE bool arena_copy(struct arena *, struct span s, struct span *out);
/* The same with a NUL after it, for the operating system. */
MUST_USE char *arena_cstr(struct arena *, struct span s);
/* printf into the arena; empty span when it did not fit. */
PRINTF_LIKE(2, 3) struct span arena_printf(struct arena *, const char *fmt, ...);

/* Was NULL answered in this life because the machine's memory was short? */
bool arena_short(const struct arena *);

/* Bytes handed out in this life. */
size_t arena_used(const struct arena *);

#define ARENA_NEW(a, type)      ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, n, type) ((type *)arena_array((a), (n), sizeof(type)))
