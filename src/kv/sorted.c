/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/sorted: a skip list.  One search fills the predecessors of a key on every
 * level; everything else follows from it.  Must never hold a key twice.
 */
#include "kv/sorted.h"

#include <stdlib.h>

#include "base/ensure.h"

struct kv_sorted {
	uint32_t tag;
	uint32_t seed;
	size_t count;
	struct kv_sorted_node *head; /* of full height, without key */
};

#define SORTED_TAG TAG4('S', 'O', 'R', 'T')

static struct kv_sorted_node *node_new(unsigned height)
{
	struct kv_sorted_node *n =
		calloc(1, sizeof(*n) + height * sizeof(n->next[0]));
	if (n)
		n->height = height;
	return n;
}

static void node_free(struct kv_sorted_node *n)
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

struct kv_sorted *kv_sorted_new(void)
{
	struct kv_sorted *m = calloc(1, sizeof(*m));
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

void kv_sorted_clear(struct kv_sorted *m)
{
	ENSURE_TAG(m, SORTED_TAG);
	for (struct kv_sorted_node *n = m->head->next[0], *next; n; n = next) {
		next = n->next[0];
		node_free(n);
	}
	for (unsigned i = 0; i < SORTED_HEIGHT; i++)
		m->head->next[i] = NULL;
	m->count = 0;
}

void kv_sorted_free(struct kv_sorted *m)
{
	if (!m)
		return;
	kv_sorted_clear(m);
	m->tag = 0;
	free(m->head);
	free(m);
}

size_t kv_sorted_count(const struct kv_sorted *m)
{
	ENSURE_TAG(m, SORTED_TAG);
	return m->count;
}

/* The last node with a smaller key, and the same for each level. */
static struct kv_sorted_node *search(const struct kv_sorted *m, struct span key,
			       struct kv_sorted_node *before[SORTED_HEIGHT])
{
	ENSURE_TAG(m, SORTED_TAG);
	struct kv_sorted_node *n = m->head;
	for (unsigned i = SORTED_HEIGHT; i-- > 0;) {
		while (n->next[i] && span_cmp(n->next[i]->key, key) < 0)
			n = n->next[i];
		if (before)
			before[i] = n;
	}
	return n;
}

struct kv_sorted_node *kv_sorted_from(const struct kv_sorted *m, struct span key)
{
	return search(m, key, NULL)->next[0];
}

struct kv_sorted_node *kv_sorted_find(const struct kv_sorted *m, struct span key)
{
	struct kv_sorted_node *n = kv_sorted_from(m, key);
	return n && span_cmp(n->key, key) == 0 ? n : NULL;
}

struct kv_sorted_node *kv_sorted_before(const struct kv_sorted *m, struct span key)
{
	struct kv_sorted_node *n = search(m, key, NULL);
	return n == m->head ? NULL : n;
}

struct kv_sorted_node *kv_sorted_last(const struct kv_sorted *m)
{
	ENSURE_TAG(m, SORTED_TAG);
	struct kv_sorted_node *n = m->head;
	for (unsigned i = SORTED_HEIGHT; i-- > 0;)
		while (n->next[i])
			n = n->next[i];
	return n == m->head ? NULL : n;
}

static unsigned height(struct kv_sorted *m)
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

struct kv_sorted_node *kv_sorted_make(struct kv_sorted *m, struct span key, struct span value)
{
	ENSURE_TAG(m, SORTED_TAG);
	struct kv_sorted_node *n = node_new(height(m));
	if (!n)
		return NULL;
	if (copy(key, &n->key) && copy(value, &n->value))
		return n;
	node_free(n);
	return NULL;
}

void kv_sorted_unmake(struct kv_sorted_node *n) { node_free(n); }

struct kv_sorted_node *kv_sorted_insert(struct kv_sorted *m, struct kv_sorted_node *n)
{
	struct kv_sorted_node *before[SORTED_HEIGHT];
	struct kv_sorted_node *old = search(m, n->key, before)->next[0];
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

struct kv_sorted_node *kv_sorted_put(struct kv_sorted *m, struct span key, struct span value)
{
	struct kv_sorted_node *n = kv_sorted_make(m, key, value);
	return n ? kv_sorted_insert(m, n) : NULL;
}

bool kv_sorted_remove(struct kv_sorted *m, struct span key)
{
	struct kv_sorted_node *before[SORTED_HEIGHT];
	struct kv_sorted_node *n = search(m, key, before)->next[0];
	if (!n || span_cmp(n->key, key) != 0)
		return false;
	for (unsigned i = 0; i < n->height; i++)
		before[i]->next[i] = n->next[i];
	node_free(n);
	m->count--;
	return true;
}
