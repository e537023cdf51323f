/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/sorted: a skip list.  One search fills the predecessors of a key on every
 * level; everything else follows from it.  Must never hold a key twice.
 */
#include "kv/sorted.h"

#include <stdlib.h>

#include "base/ensure.h"

struct sorted {
	uint32_t tag;
	uint32_t seed;
	size_t count;
	struct sorted_node *head; /* of full height, without key */
};

#define SORTED_TAG TAG4('S', 'O', 'R', 'T')

static struct sorted_node *node_new(unsigned height)
{
	struct sorted_node *n =
		calloc(1, sizeof(*n) + height * sizeof(n->next[0]));
	if (n)
		n->height = height;
	return n;
}

static void node_free(struct sorted_node *n)
{
	free((void *)(uintptr_t)n->key.ptr);
	free((void *)(uintptr_t)n->value.ptr);
	free(n);
}

static bool copy(struct span from, struct span *to)
{
	char *p = malloc(from.len ? from.len : 1);
	if (!p)
		return false;
	if (from.len)
		memcpy(p, from.ptr, from.len);
	*to = span_of(p, from.len);
	return true;
}

struct sorted *sorted_new(void)
{
	struct sorted *m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->tag = SORTED_TAG;
	m->seed = 2463534242u;
	m->head = node_new(SORTED_HEIGHT);
	if (!m->head) {
		free(m);
		return NULL;
	}
	return m;
}

void sorted_clear(struct sorted *m)
{
	ENSURE_TAG(m, SORTED_TAG);
	for (struct sorted_node *n = m->head->next[0], *next; n; n = next) {
		next = n->next[0];
		node_free(n);
	}
	for (unsigned i = 0; i < SORTED_HEIGHT; i++)
		m->head->next[i] = NULL;
	m->count = 0;
}

void sorted_free(struct sorted *m)
{
	if (!m)
		return;
	sorted_clear(m);
	m->tag = 0;
	free(m->head);
	free(m);
}

size_t sorted_count(const struct sorted *m)
{
	ENSURE_TAG(m, SORTED_TAG);
	return m->count;
}

/* The last node with a smaller key, and the same for each level. */
static struct sorted_node *search(const struct sorted *m, struct span key,
			       struct sorted_node *before[SORTED_HEIGHT])
{
	ENSURE_TAG(m, SORTED_TAG);
	struct sorted_node *n = m->head;
	for (unsigned i = SORTED_HEIGHT; i-- > 0;) {
		while (n->next[i] && span_cmp(n->next[i]->key, key) < 0)
			n = n->next[i];
		if (before)
			before[i] = n;
	}
	return n;
}

struct sorted_node *sorted_from(const struct sorted *m, struct span key)
{
	return search(m, key, NULL)->next[0];
}

struct sorted_node *sorted_find(const struct sorted *m, struct span key)
{
	struct sorted_node *n = sorted_from(m, key);
	return n && span_cmp(n->key, key) == 0 ? n : NULL;
}

struct sorted_node *sorted_before(const struct sorted *m, struct span key)
{
	struct sorted_node *n = search(m, key, NULL);
	return n == m->head ? NULL : n;
}

struct sorted_node *sorted_last(const struct sorted *m)
{
	ENSURE_TAG(m, SORTED_TAG);
	struct sorted_node *n = m->head;
	for (unsigned i = SORTED_HEIGHT; i-- > 0;)
		while (n->next[i])
			n = n->next[i];
	return n == m->head ? NULL : n;
}

static unsigned height(struct sorted *m)
{
	m->seed ^= m->seed << 13;
	m->seed ^= m->seed >> 17;
	m->seed ^= m->seed << 5;
	unsigned h = 1;
	for (uint32_t bits = m->seed; (bits & 3) == 0 && h < SORTED_HEIGHT;
	     bits >>= 2)
		h++;
	return h;
}

struct sorted_node *sorted_make(struct sorted *m, struct span key, struct span value)
{
	ENSURE_TAG(m, SORTED_TAG);
	struct sorted_node *n = node_new(height(m));
	if (!n)
		return NULL;
	if (copy(key, &n->key) && copy(value, &n->value))
		return n;
	node_free(n);
	return NULL;
}

void sorted_unmake(struct sorted_node *n) { node_free(n); }

struct sorted_node *sorted_insert(struct sorted *m, struct sorted_node *n)
{
	struct sorted_node *before[SORTED_HEIGHT];
	struct sorted_node *old = search(m, n->key, before)->next[0];
	if (old && span_cmp(old->key, n->key) == 0) {
		struct span value = old->value;
		old->value = n->value;
		old->gone = false;
		n->value = value;
		node_free(n);
		return old;
	}
	for (unsigned i = 0; i < n->height; i++) {
		n->next[i] = before[i]->next[i];
		before[i]->next[i] = n;
	}
	m->count++;
	return n;
}

struct sorted_node *sorted_put(struct sorted *m, struct span key, struct span value)
{
	struct sorted_node *n = sorted_make(m, key, value);
	return n ? sorted_insert(m, n) : NULL;
}

bool sorted_remove(struct sorted *m, struct span key)
{
	struct sorted_node *before[SORTED_HEIGHT];
	struct sorted_node *n = search(m, key, before)->next[0];
	if (!n || span_cmp(n->key, key) != 0)
		return false;
	for (unsigned i = 0; i < n->height; i++)
		before[i]->next[i] = n->next[i];
	node_free(n);
	m->count--;
	return true;
}
