/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/arena: a chain of blocks that grow from 4 KiB to 64 KiB; an allocation
 * larger than that gets a block of its own.  Must never hand out more than the
 * limit, whatever sizes are asked for.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"

#define ARENA_TAG   TAG4('A', 'R', 'N', 'A')
#define BLOCK_FIRST 4096u
#define BLOCK_MAX   65536u
#define ALIGN       _Alignof(max_align_t)

struct block {
	struct block *next;
	size_t size, used;
	_Alignas(max_align_t) char data[];
};

struct arena {
	uint32_t tag;
	struct block *blocks; /* the first one is filled */
	size_t limit, used;
	bool no_memory;
};

struct arena *arena_new(size_t limit)
{
	struct arena *a = calloc(1, sizeof *a);
	if (a == NULL)
		return NULL;
	a->tag = ARENA_TAG;
	a->limit = limit;
	return a;
}

static void blocks_free(struct block *b)
{
	while (b != NULL) {
		struct block *next = b->next;
		free(b);
		b = next;
	}
}

void arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	ENSURE_TAG(a, ARENA_TAG);
	blocks_free(a->blocks);
	a->tag = 0;
	free(a);
}

void arena_reset(struct arena *a)
{
	ENSURE_TAG(a, ARENA_TAG);
	struct block *keep = a->blocks;
	if (keep != NULL) {
		blocks_free(keep->next);
		keep->next = NULL;
		keep->used = 0;
		if (keep->size > BLOCK_MAX) {
			free(keep);
			a->blocks = NULL;
		}
	}
	a->used = 0;
	a->no_memory = false;
}

bool arena_short(const struct arena *a)
{
	ENSURE_TAG(a, ARENA_TAG);
	return a->no_memory;
}

static struct block *block_add(struct arena *a, size_t need)
{
	size_t size = a->blocks ? size_min(a->blocks->size * 2, BLOCK_MAX)
				: BLOCK_FIRST;
	size_t total;
	size = size_max(size, need);
	if (!size_add(size, sizeof(struct block), &total))
		return NULL;
	struct block *b = malloc(total);
	a->no_memory |= b == NULL;
	if (b == NULL)
		return NULL;
	b->next = a->blocks;
	b->size = size;
	b->used = 0;
	a->blocks = b;
	return b;
}

static char *take(struct arena *a, size_t size, size_t align)
{
	ENSURE_TAG(a, ARENA_TAG);
	struct block *b = a->blocks;
	size_t at = b ? (b->used + align - 1) & ~(align - 1) : 0;
	if (size > a->limit - a->used)
		return NULL;
	if (b == NULL || at > b->size || size > b->size - at) {
		b = block_add(a, size);
		at = 0;
		if (b == NULL)
			return NULL;
	}
	b->used = at + size;
	a->used += size;
	return b->data + at;
}

void *arena_alloc(struct arena *a, size_t size)
{
	char *p = take(a, size, ALIGN);
	return p ? memset(p, 0, size) : NULL;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	size_t total;
	return size_mul(count, size, &total) ? arena_alloc(a, total) : NULL;
}

char *arena_bytes(struct arena *a, size_t size)
{
	return take(a, size, 1);
}

bool arena_copy(struct arena *a, struct span s, struct span *out)
{
	char *p = take(a, s.len, 1);
	if (p == NULL)
		return false;
	if (s.len)
		memcpy(p, s.ptr, s.len);
	*out = span_of(p, s.len);
	return true;
}

char *arena_cstr(struct arena *a, struct span s)
{
	size_t total;
	char *p = size_add(s.len, 1, &total) ? take(a, total, 1) : NULL;
	if (p == NULL)
		return NULL;
	if (s.len)
		memcpy(p, s.ptr, s.len);
	p[s.len] = '\0';
	return p;
}

struct span arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	ENSURE(n >= 0);
	char *p = take(a, (size_t)n + 1, 1);
	if (p != NULL)
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p ? span_of(p, (size_t)n) : span_of(NULL, 0);
}

size_t arena_used(const struct arena *a)
{
	ENSURE_TAG(a, ARENA_TAG);
	return a->used;
}
