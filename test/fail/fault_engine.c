/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of an engine of kv with a question before each call that can fail.
 *
 * __wrap_kv_over exchanges the table when an engine is taken over.  Writing a
 * group fails by kv's own named faults (fault_world.c): the engine's calls that
 * stand here are those that read, and those that write large bodies.
 */
#include "fault_inner.h"
#include "kv/engine.h"

#define HERE __builtin_return_address(0)

static struct {
	const struct engine_ops *real;
	struct engine_ops ops;
} hooked;

struct kv *__real_kv_over(struct engine *);
struct kv *__wrap_kv_over(struct engine *);

static enum kv_result ask(const char *what, const void *where)
{
	static const enum kv_result ways[] = {KV_UNAVAILABLE, KV_CORRUPT, KV_FULL};
	unsigned way = 0;
	return fault_now(FAULT_ENGINE, what, where, &way) ? ways[way] : KV_OK;
}

/* Only what writes can find the disk full. */
static enum kv_result ask_read(const char *what, const void *where)
{
	enum kv_result r = ask(what, where);
	return r == KV_FULL ? KV_UNAVAILABLE : r;
}

#define READ(name, ...)                                                        \
	do {                                                                   \
		enum kv_result r = ask_read(#name, HERE);                      \
		unsigned before = fault_outside();                             \
		r = r != KV_OK ? r : hooked.real->name(__VA_ARGS__);           \
		fault_back(before);                                            \
		return r;                                                      \
	} while (0)
#define WRITE(name, ...)                                                       \
	do {                                                                   \
		enum kv_result r = ask(#name, HERE);                           \
		unsigned before = fault_outside();                             \
		r = r != KV_OK ? r : hooked.real->name(__VA_ARGS__);           \
		fault_back(before);                                            \
		return r;                                                      \
	} while (0)

static enum kv_result f_head(struct engine *e, struct kv_name name, struct buf *out)
{
	READ(head, e, name, out);
}

static enum kv_result f_heads(struct engine *e, enum kv_kind kind, uint64_t from,
			      uint64_t *ids, size_t n, size_t *count)
{
	READ(heads, e, kind, from, ids, n, count);
}

static enum kv_result f_get(struct engine *e, struct kv_name name, struct span key,
			    struct buf *out)
{
	READ(get, e, name, key, out);
}

static enum kv_result f_iter(struct engine *e, struct kv_name name, struct span from,
			     struct span to, bool reverse, struct engine_iter **out)
{
	READ(iter, e, name, from, to, reverse, out);
}

static enum kv_result f_iter_row(struct engine_iter *i, struct span *key,
				 struct span *value)
{
	READ(iter_row, i, key, value);
}

/* One by one, so that each may fail by itself. */
static void f_bodies_read(struct engine *e, struct kv_piece *pieces, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		pieces[i].result = ask_read("bodies_read", HERE);
		if (pieces[i].result != KV_OK)
			continue;
		unsigned before = fault_outside();
		hooked.real->bodies_read(e, &pieces[i], 1);
		fault_back(before);
	}
}

static enum kv_result f_body_size(struct engine *e, const struct kv_id *id,
				  uint64_t *size)
{
	READ(body_size, e, id, size);
}

static enum kv_result f_body_list(struct engine *e, const struct kv_id *from,
				  size_t max, struct kv_id *next, kv_body_fn *each,
				  void *arg)
{
	READ(body_list, e, from, max, next, each, arg);
}

static enum kv_result f_large_begin(struct engine *e, const struct kv_id *id,
				    struct engine_large **out)
{
	WRITE(large_begin, e, id, out);
}

static enum kv_result f_large_append(struct engine_large *l, struct span bytes)
{
	WRITE(large_append, l, bytes);
}

/* The engine is the disk here: its own memory is not ours. */
static void f_start(struct engine *e, struct group *g)
{
	unsigned before = fault_outside();
	hooked.real->start(e, g);
	fault_back(before);
}

static bool f_finish(struct engine *e, struct group *g)
{
	unsigned before = fault_outside();
	bool done = hooked.real->finish(e, g);
	fault_back(before);
	return done;
}

/* As the real one: what cannot be finished is dropped. */
static enum kv_result f_large_finish(struct engine_large *l)
{
	enum kv_result r = ask("large_finish", HERE);
	unsigned before = fault_outside();
	if (r == KV_OK)
		r = hooked.real->large_finish(l);
	else
		hooked.real->large_drop(l);
	fault_back(before);
	return r;
}

struct kv *__wrap_kv_over(struct engine *e)
{
	hooked.real = e->ops;
	hooked.ops = *e->ops;
	hooked.ops.head = f_head;
	hooked.ops.start = f_start;
	hooked.ops.finish = f_finish;
	hooked.ops.heads = f_heads;
	hooked.ops.get = f_get;
	hooked.ops.iter = f_iter;
	hooked.ops.iter_row = f_iter_row;
	hooked.ops.bodies_read = f_bodies_read;
	hooked.ops.body_size = f_body_size;
	hooked.ops.body_list = f_body_list;
	hooked.ops.large_begin = f_large_begin;
	hooked.ops.large_append = f_large_append;
	hooked.ops.large_finish = f_large_finish;
	e->ops = &hooked.ops;
	return __real_kv_over(e);
}
