/* SPDX-License-Identifier: Apache-2.0 */
/* What every engine promises: run as it is on memory and on RocksDB. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

static enum which engine;

struct told {
	unsigned calls;
	struct kv_done last;
};

static void tell(void *arg, const struct kv_done *d)
{
	struct told *t = arg;
	t->calls++;
	t->last = *d;
}

static void read_told(void *arg, enum kv_result r)
{
	struct told *t = arg;
	t->calls++;
	t->last.result = r;
}

static struct kv_space *space(struct fixture *f, uint64_t id)
{
	struct kv_space *s;
	assert_int_equal(kv_space_open(f->kv, (struct kv_name){KV_ACCOUNT, id},
				       &s),
			 KV_OK);
	return s;
}

static struct kv_batch *batch(void)
{
	struct kv_batch *b = kv_batch_new();
	assert_non_null(b);
	return b;
}

/* Stage, wait, and give the outcome. */
static enum kv_result commit(struct kv_space *s, struct kv_batch *b,
			     uint64_t guard, unsigned flags)
{
	struct told t = {0};
	enum kv_result r = kv_commit(s, b, guard, kv_token(kv_space_kv(s)),
				     flags, tell, &t);
	if (r != KV_OK)
		return r;
	kv_wait(kv_space_kv(s));
	assert_int_equal(t.calls, 1);
	return t.last.result;
}

static enum kv_result put(struct kv_space *s, const char *key,
			  const char *value)
{
	struct kv_batch *b = batch();
	kv_put(b, span_cstr(key), span_cstr(value));
	enum kv_result r = commit(s, b, kv_turn(s, KV_STAGED), 0);
	kv_batch_free(b);
	return r;
}

static void expect(struct kv_space *s, enum kv_view view, const char *key,
		   const char *value)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	enum kv_result r = kv_get(s, view, span_cstr(key), &out);
	assert_int_equal(r, value ? KV_OK : KV_NONE);
	if (value)
		assert_true(span_eq(buf_span(&out), span_cstr(value)));
	buf_free(&out);
}

static void rows_and_counters_survive_a_reopen(void **state)
{
	(void)state;
	struct fixture f;
	fixture_start(&f, engine, 1);
	struct kv_space *s = space(&f, 7);
	assert_true(kv_turn(s, KV_VISIBLE) == 0);
	assert_int_equal(put(s, "a", "1"), KV_OK);
	assert_int_equal(put(s, "b", "2"), KV_OK);
	struct kv_batch *b = batch();
	kv_delete(b, SPAN("a"));
	kv_put(b, SPAN("c"), SPAN(""));
	kv_put(b, SPAN("d"), SPAN("x"));
	kv_delete(b, SPAN("d"));
	assert_int_equal(commit(s, b, 2, KV_QUIET), KV_OK);
	kv_batch_free(b);
	struct kv_stamp stamp = kv_stamp(s, KV_VISIBLE);
	kv_space_close(s);
	fixture_reopen(&f);
	s = space(&f, 7);
	assert_true(kv_turn(s, KV_VISIBLE) == 3);
	assert_true(kv_version(s, KV_STAGED) == 2);
	assert_true(kv_stamp(s, KV_STAGED).token == stamp.token);
	expect(s, KV_VISIBLE, "a", NULL);
	expect(s, KV_VISIBLE, "b", "2");
	expect(s, KV_VISIBLE, "c", "");
	expect(s, KV_VISIBLE, "d", NULL);
	kv_space_close(s);
	fixture_stop(&f);
}

static void guards_compare_the_staged_turn(void **state)
{
	(void)state;
	struct fixture f;
	struct told one = {0}, two = {0};
	fixture_start(&f, engine, 2);
	struct kv_space *s = space(&f, 1);
	struct kv_batch *a = batch(), *b = batch();
	kv_put(a, SPAN("k"), SPAN("a"));
	kv_put(b, SPAN("k"), SPAN("b"));
	assert_int_equal(kv_commit(s, a, 1, 11, 0, tell, &one), KV_CONFLICT);
	assert_int_equal(kv_commit(s, a, 0, 11, 0, tell, &one), KV_OK);
	assert_int_equal(kv_commit(s, b, 0, 12, 0, tell, &two), KV_CONFLICT);
	assert_int_equal(kv_commit(s, b, 1, 12, 0, tell, &two), KV_OK);
	/* Staged, not visible, nobody told. */
	assert_true(kv_turn(s, KV_STAGED) == 2);
	assert_true(kv_turn(s, KV_VISIBLE) == 0);
	expect(s, KV_STAGED, "k", "b");
	expect(s, KV_VISIBLE, "k", NULL);
	assert_int_equal(one.calls + two.calls, 0);
	kv_wait(f.kv);
	assert_true(one.calls == 1 && one.last.result == KV_OK &&
		    one.last.turn == 1 && one.last.version == 1);
	assert_true(two.calls == 1 && two.last.turn == 2);
	expect(s, KV_VISIBLE, "k", "b");
	kv_batch_free(a);
	kv_batch_free(b);
	kv_space_close(s);
	fixture_stop(&f);
}

static void a_token_sent_again_is_recognised(void **state)
{
	(void)state;
	struct fixture f;
	fixture_start(&f, engine, 3);
	struct kv_space *s = space(&f, 1);
	struct kv_batch *b = batch();
	kv_put(b, SPAN("k"), SPAN("v"));
	struct told t = {0};
	assert_int_equal(kv_commit(s, b, 0, 77, 0, tell, &t), KV_OK);
	kv_wait(f.kv);
	for (unsigned i = 1; i < KV_TOKENS; i++)
		assert_int_equal(put(s, "other", "x"), KV_OK);
	kv_space_close(s);
	fixture_reopen(&f);
	s = space(&f, 1);
	/* The last place where it is still known, across a restart. */
	t = (struct told){0};
	assert_int_equal(kv_commit(s, b, 0, 77, 0, tell, &t), KV_OK);
	assert_int_equal(t.calls, 0);
	kv_wait(f.kv);
	assert_true(t.calls == 1 && t.last.result == KV_OK);
	assert_true(t.last.turn == 1 && t.last.version == 1);
	assert_true(kv_turn(s, KV_VISIBLE) == KV_TOKENS);
	/* Another token at that place is a conflict. */
	assert_int_equal(kv_commit(s, b, 0, 78, 0, tell, &t), KV_CONFLICT);
	assert_int_equal(put(s, "other", "y"), KV_OK);
	assert_int_equal(kv_commit(s, b, 0, 77, 0, tell, &t), KV_CONFLICT);
	kv_batch_free(b);
	kv_space_close(s);
	fixture_stop(&f);
}

static void limits_of_rows_and_bytes(void **state)
{
	(void)state;
	struct fixture f;
	fixture_start(&f, engine, 4);
	struct kv_space *s = space(&f, 1);
	char key[24], *big = calloc(1, KV_VALUE_MAX + 1);
	for (size_t n = KV_ROWS_MAX - 1; n <= KV_ROWS_MAX + 1; n++) {
		struct kv_batch *b = batch();
		for (size_t i = 0; i < n; i++) {
			snprintf(key, sizeof(key), "%zu", i);
			kv_put(b, span_cstr(key), SPAN("v"));
		}
		assert_int_equal(commit(s, b, kv_turn(s, KV_STAGED), 0),
				 n > KV_ROWS_MAX ? KV_LIMIT : KV_OK);
		kv_batch_free(b);
	}
	for (int d = -1; d <= 1; d++) {
		struct kv_batch *b = batch();
		size_t left = (size_t)((int)KV_BYTES_MAX + d);
		for (unsigned i = 0; left > 0; i++) {
			snprintf(key, sizeof(key), "%07u", i);
			size_t n = left - 7 < KV_VALUE_MAX ? left - 7
							   : KV_VALUE_MAX - 64;
			kv_put(b, span_cstr(key), span_of(big, n));
			left -= n + 7;
		}
		assert_int_equal(kv_batch_room(b, 0, 0), d <= 0);
		assert_int_equal(commit(s, b, kv_turn(s, KV_STAGED), 0),
				 d > 0 ? KV_LIMIT : KV_OK);
		kv_batch_free(b);
	}
	for (int d = -1; d <= 1; d++) {
		struct kv_batch *b = batch();
		kv_put(b, span_of(big, (size_t)((int)KV_KEY_MAX + d)),
		       SPAN("v"));
		assert_int_equal(commit(s, b, kv_turn(s, KV_STAGED), 0),
				 d > 0 ? KV_LIMIT : KV_OK);
		kv_batch_clear(b);
		kv_put(b, SPAN("v"),
		       span_of(big, (size_t)((int)KV_VALUE_MAX + d)));
		assert_int_equal(commit(s, b, kv_turn(s, KV_STAGED), 0),
				 d > 0 ? KV_LIMIT : KV_OK);
		kv_batch_clear(b);
		for (int i = 0; i < (int)KV_BODIES_MAX + d; i++) {
			struct kv_id id = kv_body_name(f.kv);
			kv_put_body(b, &id, SPAN("b"));
		}
		assert_int_equal(commit(s, b, kv_turn(s, KV_STAGED), 0),
				 d > 0 ? KV_LIMIT : KV_OK);
		kv_batch_free(b);
	}
	/* An empty key is no key. */
	struct kv_batch *b = batch();
	kv_put(b, SPAN(""), SPAN("v"));
	assert_int_equal(commit(s, b, kv_turn(s, KV_STAGED), 0), KV_LIMIT);
	kv_batch_free(b);
	free(big);
	kv_space_close(s);
	fixture_stop(&f);
}

static char *pattern(size_t n, unsigned seed)
{
	char *p = malloc(n + 1);
	uint64_t st = seed + 1;
	for (size_t i = 0; i < n; i++)
		p[i] = (char)roll(&st, 256);
	return p;
}

static void check_body(struct fixture *f, const struct kv_id *id,
		       const char *p, size_t n)
{
	uint64_t size;
	struct buf out;
	buf_init(&out, 1 << 20);
	assert_int_equal(kv_body_size(f->kv, id, &size), KV_OK);
	assert_true(size == n);
	const size_t from[] = {0, 1, n / 2, n ? n - 1 : 0, n, n + 1};
	for (size_t i = 0; i < ARRAY_LEN(from); i++)
		for (size_t len = 0; len < 2 * n + 3; len = len * 3 + 1) {
			size_t want = from[i] > n ? 0 : n - from[i];
			want = want < len ? want : len;
			buf_clear(&out);
			assert_int_equal(kv_body_read(f->kv, id, from[i], len,
						      &out),
					 KV_OK);
			assert_true(span_eq(buf_span(&out),
					    span_of(p + from[i], want)));
		}
	buf_free(&out);
}

static void finish_body(struct fixture *f, const struct kv_id *id,
			const char *p, size_t n)
{
	struct kv_body *b;
	struct told t = {0};
	assert_int_equal(kv_body_begin(f->kv, id, &b), KV_OK);
	for (size_t at = 0; at < n; at += 50000)
		assert_int_equal(
			kv_body_append(b, span_of(p + at, n - at < 50000
								  ? n - at
								  : 50000)),
			KV_OK);
	kv_body_finish(b, read_told, &t);
	assert_int_equal(t.calls, 0);
	kv_wait(f->kv);
	assert_true(t.calls == 1 && t.last.result == KV_OK);
}

static void bodies_of_every_size_are_read_by_range(void **state)
{
	(void)state;
	static const size_t sizes[] = {
		0,    1,    1023,		1024,		   1025,
		65536, 65537, KV_BODY_INLINE - 1, KV_BODY_INLINE, KV_BODY_INLINE + 1};
	struct fixture f;
	fixture_start(&f, engine, 5);
	struct kv_space *s = space(&f, 1);
	struct kv_id ids[ARRAY_LEN(sizes)];
	struct kv_batch *b = batch();
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char *p = pattern(sizes[i], (unsigned)i);
		ids[i] = kv_body_name(f.kv);
		if (sizes[i] > KV_BODY_INLINE) {
			kv_put_body(b, &ids[i], span_of(p, sizes[i]));
			assert_int_equal(commit(s, b, kv_turn(s, KV_STAGED), 0),
					 KV_LIMIT);
			kv_batch_clear(b);
			finish_body(&f, &ids[i], p, sizes[i]);
		} else {
			kv_put_body(b, &ids[i], span_of(p, sizes[i]));
			kv_put(b, SPAN("k"), SPAN("v"));
			assert_int_equal(commit(s, b, kv_turn(s, KV_STAGED), 0),
					 KV_OK);
			kv_batch_clear(b);
		}
		free(p);
	}
	kv_space_close(s);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			char *p = pattern(sizes[i], (unsigned)i);
			check_body(&f, &ids[i], p, sizes[i]);
			free(p);
		}
		fixture_reopen(&f);
	}
	struct kv_id none = kv_body_name(f.kv);
	uint64_t size;
	assert_int_equal(kv_body_size(f.kv, &none, &size), KV_NONE);
	kv_batch_free(b);
	fixture_stop(&f);
}

struct listed {
	struct kv_id ids[64];
	uint64_t sizes[64];
	size_t n;
};

static void list_one(void *arg, const struct kv_id *id, uint64_t size,
		     int64_t made)
{
	struct listed *l = arg;
	(void)made;
	assert_true(l->n < 64);
	l->sizes[l->n] = size;
	l->ids[l->n++] = *id;
}

static struct listed list_all(struct fixture *f, size_t step)
{
	struct listed l = {.n = 0};
	struct kv_id at = {{0}};
	while (kv_body_list(f->kv, &at, step, &at, list_one, &l) == KV_OK)
		;
	for (size_t i = 1; i < l.n; i++)
		assert_true(memcmp(&l.ids[i - 1], &l.ids[i], 16) < 0);
	return l;
}

static void bodies_are_listed_and_forgotten(void **state)
{
	(void)state;
	struct fixture f;
	fixture_start(&f, engine, 6);
	struct kv_space *s = space(&f, 1);
	struct kv_batch *b = batch();
	char *p = pattern(KV_BODY_INLINE + 5, 1);
	struct kv_id ids[24];
	for (unsigned i = 0; i < 24; i++) {
		ids[i] = kv_body_name(f.kv);
		ids[i].byte[0] = (uint8_t)(i % 3 * 127);
		if (i % 2)
			finish_body(&f, &ids[i], p, KV_BODY_INLINE + 5);
		else
			kv_put_body(b, &ids[i], span_of(p, 2000 + i));
	}
	assert_int_equal(commit(s, b, 0, 0), KV_OK);
	assert_int_equal(list_all(&f, 1).n, 24);
	assert_int_equal(list_all(&f, 5).n, 24);
	assert_int_equal(list_all(&f, 100).n, 24);
	kv_batch_clear(b);
	for (unsigned i = 0; i < 12; i++)
		kv_delete_body(b, &ids[i]);
	assert_int_equal(commit(s, b, 1, KV_QUIET | KV_SHRINKS), KV_OK);
	assert_int_equal(list_all(&f, 7).n, 12);
	/* One that was begun and dropped, or never finished, is not there. */
	struct kv_body *body;
	struct kv_id id = kv_body_name(f.kv);
	assert_int_equal(kv_body_begin(f.kv, &id, &body), KV_OK);
	assert_int_equal(kv_body_append(body, span_of(p, 100000)), KV_OK);
	kv_body_drop(body);
	assert_int_equal(list_all(&f, 7).n, 12);
	struct buf out;
	buf_init(&out, 1 << 20);
	struct told t = {0};
	assert_int_equal(kv_body_fetch(f.kv, &ids[13], 5, 1000, &out, read_told,
				       &t),
			 KV_OK);
	assert_int_equal(t.calls, 0);
	kv_wait(f.kv);
	assert_true(t.calls == 1 && t.last.result == KV_OK);
	assert_true(span_eq(buf_span(&out), span_of(p + 5, 1000)));
	buf_clear(&out);
	/* Many at once: each tells what became of it. */
	struct kv_piece many[40] = {{.id = kv_body_name(f.kv), .len = 10, .out = &out}};
	struct buf each[ARRAY_LEN(many)];
	for (size_t i = 1; i < ARRAY_LEN(many); i++) {
		buf_init(&each[i], 1 << 20);
		many[i] = (struct kv_piece){
			.id = ids[12 + i % 12], .from = i, .len = 100 * i, .out = &each[i]};
	}
	t = (struct told){0};
	assert_int_equal(kv_bodies_fetch(f.kv, many, ARRAY_LEN(many), read_told, &t), KV_OK);
	kv_wait(f.kv);
	assert_true(t.calls == 1 && t.last.result == KV_OK);
	assert_true(many[0].result == KV_NONE && buf_len(&out) == 0);
	for (size_t i = 1; i < ARRAY_LEN(many); i++) {
		size_t which = 12 + i % 12;
		size_t size = which % 2 ? KV_BODY_INLINE + 5 : 2000 + which;
		struct span got = buf_span(&each[i]);
		assert_int_equal(many[i].result, KV_OK);
		assert_int_equal(got.len, 100 * i < size - i ? 100 * i : size - i);
		assert_true(span_eq(got, span_of(p + i, got.len)));
		buf_free(&each[i]);
	}
	buf_free(&out);
	free(p);
	kv_batch_free(b);
	kv_space_close(s);
	fixture_stop(&f);
}

static void a_barrier_waits_and_moves_nothing(void **state)
{
	(void)state;
	struct fixture f;
	struct told t = {0}, bar = {0};
	fixture_start(&f, engine, 7);
	struct kv_space *s = space(&f, 1);
	struct kv_batch *b = batch(), *empty = batch();
	kv_put(b, SPAN("k"), SPAN("v"));
	assert_int_equal(kv_commit(s, b, 0, 5, 0, tell, &t), KV_OK);
	assert_int_equal(kv_commit(s, empty, 1, 6, 0, tell, &bar), KV_OK);
	assert_int_equal(bar.calls, 0);
	kv_wait(f.kv);
	assert_true(bar.calls == 1 && bar.last.result == KV_OK);
	assert_true(bar.last.turn == 1 && kv_turn(s, KV_VISIBLE) == 1);
	/* And alone. */
	assert_int_equal(kv_commit(s, empty, 1, 6, 0, tell, &bar), KV_OK);
	assert_int_equal(bar.calls, 1);
	kv_wait(f.kv);
	assert_int_equal(bar.calls, 2);
	kv_batch_free(b);
	kv_batch_free(empty);
	kv_space_close(s);
	fixture_stop(&f);
}

struct hints {
	struct kv_watch watch;
	unsigned calls;
	uint64_t version;
	const struct told *told; /* answers come before hints */
	unsigned told_then;
};

static void moved(struct kv_watch *w, struct kv_space *s, uint64_t version)
{
	struct hints *h = CONTAINER_OF(w, struct hints, watch);
	h->calls++;
	h->version = version;
	h->told_then = h->told->calls;
	assert_true(kv_version(s, KV_VISIBLE) == version);
}

static void hints_come_once_a_group_and_after_the_answers(void **state)
{
	(void)state;
	struct fixture f;
	struct told t = {0};
	struct hints h = {.watch = {.moved = moved}, .told = &t};
	fixture_start(&f, engine, 8);
	struct kv_space *s = space(&f, 1);
	kv_watch_add(s, &h.watch);
	struct kv_batch *b[3];
	for (unsigned i = 0; i < 3; i++) {
		b[i] = batch();
		kv_put(b[i], SPAN("k"), SPAN("v"));
		assert_int_equal(kv_commit(s, b[i], i, i + 1, 0, tell, &t),
				 KV_OK);
	}
	kv_wait(f.kv);
	assert_true(h.calls == 1 && h.version == 3 && h.told_then == 3);
	assert_int_equal(commit(s, b[0], 3, KV_QUIET), KV_OK);
	assert_int_equal(h.calls, 1);
	kv_watch_del(&h.watch);
	assert_int_equal(commit(s, b[0], 4, 0), KV_OK);
	assert_int_equal(h.calls, 1);
	for (unsigned i = 0; i < 3; i++)
		kv_batch_free(b[i]);
	kv_space_close(s);
	fixture_stop(&f);
}

static void a_full_disk_lets_go_what_shrinks(void **state)
{
	(void)state;
	struct fixture f;
	fixture_start(&f, engine, 9);
	struct kv_space *s = space(&f, 1);
	assert_int_equal(put(s, "k", "v"), KV_OK);
	fixture_fault(&f, "kv.full", 2);
	assert_int_equal(put(s, "k", "w"), KV_FULL);
	struct kv_body *body;
	struct kv_id id = kv_body_name(f.kv);
	assert_int_equal(kv_body_begin(f.kv, &id, &body), KV_FULL);
	fixture_fault(&f, "kv.full", 100);
	struct kv_batch *b = batch();
	kv_delete(b, SPAN("k"));
	assert_int_equal(commit(s, b, 1, KV_SHRINKS), KV_OK);
	expect(s, KV_VISIBLE, "k", NULL);
	kv_batch_free(b);
	kv_space_close(s);
	fixture_stop(&f);
}

static void a_failed_body_is_never_named(void **state)
{
	(void)state;
	struct fixture f;
	fixture_start(&f, engine, 10);
	for (int at_end = 0; at_end < 2; at_end++) {
		struct kv_body *body;
		struct told t = {0};
		struct kv_id id = kv_body_name(f.kv);
		uint64_t size;
		assert_int_equal(kv_body_begin(f.kv, &id, &body), KV_OK);
		if (!at_end) {
			fixture_fault(&f, "kv.body", 1);
			assert_int_equal(kv_body_append(body, SPAN("x")),
					 KV_UNAVAILABLE);
			assert_int_equal(kv_body_append(body, SPAN("x")),
					 KV_UNAVAILABLE);
		} else {
			assert_int_equal(kv_body_append(body, SPAN("x")),
					 KV_OK);
			fixture_fault(&f, "kv.body", 1);
		}
		kv_body_finish(body, read_told, &t);
		kv_wait(f.kv);
		assert_true(t.calls == 1 && t.last.result == KV_UNAVAILABLE);
		assert_int_equal(kv_body_size(f.kv, &id, &size), KV_NONE);
	}
	fixture_stop(&f);
}

static void a_failed_write_answers_nobody_yes(void **state)
{
	(void)state;
	struct fixture f;
	struct told first = {0}, second = {0};
	fixture_start(&f, engine, 11);
	struct kv_space *s = space(&f, 1), *o = space(&f, 2);
	assert_int_equal(put(s, "old", "1"), KV_OK);
	struct kv_batch *a = batch(), *b = batch();
	kv_put(a, SPAN("k"), SPAN("a"));
	kv_put(b, SPAN("k"), SPAN("b"));
	fixture_fault(&f, "kv.write", 1);
	assert_int_equal(kv_commit(s, a, 1, 21, 0, tell, &first), KV_OK);
	kv_poll(f.kv); /* its group is on the way */
	assert_int_equal(kv_commit(o, b, 0, 22, 0, tell, &second), KV_OK);
	while (!first.calls)
		kv_pause(f.kv);
	assert_int_equal(first.last.result, KV_UNKNOWN);
	kv_wait(f.kv);
	assert_int_equal(second.last.result, KV_UNAVAILABLE);
	assert_true(kv_up(f.kv));
	assert_true(kv_turn(s, KV_STAGED) == 1 && kv_turn(o, KV_STAGED) == 0);
	expect(s, KV_STAGED, "k", NULL);
	expect(s, KV_VISIBLE, "old", "1");
	/* The same again settles it. */
	assert_int_equal(kv_commit(s, a, 1, 21, 0, tell, &first), KV_OK);
	kv_wait(f.kv);
	assert_int_equal(first.last.result, KV_OK);
	expect(s, KV_VISIBLE, "k", "a");
	struct kv_stats stats;
	kv_stats(f.kv, &stats);
	assert_true(stats.reopened == 1 && stats.staged_bytes == 0);
	kv_batch_free(a);
	kv_batch_free(b);
	kv_space_close(s);
	kv_space_close(o);
	fixture_stop(&f);
}

static void while_it_is_down_everything_says_so(void **state)
{
	(void)state;
	struct fixture f;
	struct told t = {0};
	fixture_start(&f, engine, 12);
	struct kv_space *s = space(&f, 1);
	struct kv_batch *b = batch();
	kv_put(b, SPAN("k"), SPAN("v"));
	assert_int_equal(kv_commit(s, b, 0, 1, 0, tell, &t), KV_OK);
	fixture_fault(&f, "kv.write", 1);
	kv_poll(f.kv);
	if (engine == MEMORY)
		kv_poll(f.kv); /* fails, and is opened again at once */
	else
		while (!t.calls)
			kv_pause(f.kv);
	kv_wait(f.kv);
	fixture_fault(&f, "kv.write", 1);
	assert_int_equal(kv_commit(s, b, 0, 1, 0, tell, &t), KV_OK);
	kv_poll(f.kv);
	fixture_fault(&f, "kv.reopen", 1);
	kv_wait(f.kv);
	if (kv_up(f.kv)) { /* the write fault was asked for too late */
		fixture_fault(&f, "kv.none", 0);
	} else {
		struct buf out;
		struct kv_scan *scan;
		buf_init(&out, 100);
		assert_int_equal(kv_get(s, KV_VISIBLE, SPAN("k"), &out),
				 KV_UNAVAILABLE);
		assert_int_equal(kv_scan_open(s, KV_VISIBLE, SPAN(""), SPAN(""),
					      false, &scan),
				 KV_UNAVAILABLE);
		assert_int_equal(kv_commit(s, b, 0, 1, 0, tell, &t),
				 KV_UNAVAILABLE);
		buf_free(&out);
	}
	kv_batch_free(b);
	kv_space_close(s);
	fixture_stop(&f);
}

static size_t count_rows(struct kv_space *s, enum kv_view view, bool reverse)
{
	struct kv_scan *scan;
	struct span k, v;
	size_t n = 0;
	assert_int_equal(kv_scan_open(s, view, SPAN(""), SPAN(""), reverse,
				      &scan),
			 KV_OK);
	while (kv_scan_next(scan, &k, &v) == KV_OK)
		n++;
	kv_scan_close(scan);
	return n;
}

static void a_scan_sees_only_its_view_while_commits_are_under_way(void **state)
{
	(void)state;
	struct fixture f;
	struct told t = {0};
	fixture_start(&f, engine, 13);
	struct kv_space *s = space(&f, 1), *o = space(&f, 2);
	struct kv_batch *b[20];
	char key[16];
	assert_int_equal(put(o, "elsewhere", "x"), KV_OK);
	for (unsigned i = 0; i < 20; i++) {
		b[i] = batch();
		for (unsigned k = 0; k < 10; k++) {
			snprintf(key, sizeof(key), "%u.%u", i, k);
			kv_put(b[i], span_cstr(key), SPAN("v"));
		}
		assert_int_equal(kv_commit(s, b[i], i, i + 1, 0, tell, &t),
				 KV_OK);
		kv_poll(f.kv); /* the writer may be at work now */
		size_t seen = count_rows(s, KV_VISIBLE, i % 2);
		assert_int_equal(seen, kv_turn(s, KV_VISIBLE) * 10);
		assert_int_equal(count_rows(s, KV_STAGED, i % 2), (i + 1) * 10);
	}
	kv_wait(f.kv);
	assert_int_equal(t.calls, 20);
	assert_int_equal(count_rows(s, KV_VISIBLE, false), 200);
	uint64_t ids[4];
	size_t n;
	assert_int_equal(kv_space_list(f.kv, KV_ACCOUNT, 0, ids, 4, &n), KV_OK);
	assert_true(n == 2 && ids[0] == 1 && ids[1] == 2);
	assert_int_equal(kv_space_list(f.kv, KV_ACCOUNT, 2, ids, 1, &n), KV_OK);
	assert_true(n == 1 && ids[0] == 2);
	assert_int_equal(kv_space_list(f.kv, KV_SPOOL, 0, ids, 4, &n), KV_OK);
	assert_int_equal(n, 0);
	for (unsigned i = 0; i < 20; i++)
		kv_batch_free(b[i]);
	kv_space_close(s);
	kv_space_close(o);
	fixture_stop(&f);
}

/* ---- random steps against a plain table ---- */

#define KEYS   40u
#define SPACES 3u

struct model {
	int value[SPACES][KEYS]; /* -1: none */
};

struct flight {
	struct kv_batch *batch;
	struct model before; /* of all, as staged */
	unsigned space;
	bool done;
	struct model *visible;
	int rows[8][2];
	unsigned n;
};

static void key_of(unsigned k, char out[8]) { snprintf(out, 8, "%02u", k); }

static void landed(void *arg, const struct kv_done *d)
{
	struct flight *fl = arg;
	assert_int_equal(d->result, KV_OK);
	for (unsigned i = 0; i < fl->n; i++)
		fl->visible->value[fl->space][fl->rows[i][0]] = fl->rows[i][1];
	kv_batch_free(fl->batch);
	free(fl);
}

static void compare(struct kv_space *s, const struct model *m, unsigned sp,
		    enum kv_view view, uint64_t *seed)
{
	unsigned from = (unsigned)roll(seed, KEYS),
		 to = (unsigned)roll(seed, KEYS + 1);
	bool reverse = roll(seed, 2);
	char a[8], z[8], text[16];
	struct kv_scan *scan;
	struct span k, v;
	key_of(from, a);
	key_of(to, z);
	assert_int_equal(kv_scan_open(s, view, span_cstr(a),
				      to == KEYS ? SPAN("") : span_cstr(z),
				      reverse, &scan),
			 KV_OK);
	for (unsigned i = 0; i < KEYS; i++) {
		unsigned n = reverse ? KEYS - 1 - i : i;
		if (n < from || n >= to || m->value[sp][n] < 0)
			continue;
		assert_int_equal(kv_scan_next(scan, &k, &v), KV_OK);
		key_of(n, text);
		assert_true(span_eq(k, span_cstr(text)));
		snprintf(text, sizeof(text), "%d", m->value[sp][n]);
		assert_true(span_eq(v, span_cstr(text)));
	}
	assert_int_equal(kv_scan_next(scan, &k, &v), KV_NONE);
	kv_scan_close(scan);
}

static void random_step(struct fixture *f, struct kv_space **s,
			struct model *staged, struct model *visible,
			uint64_t *seed)
{
	unsigned sp = (unsigned)roll(seed, SPACES);
	char key[8], value[16];
	struct flight *fl = calloc(1, sizeof(*fl));
	fl->batch = batch();
	fl->space = sp;
	fl->visible = visible;
	fl->n = 1 + (unsigned)roll(seed, 8);
	for (unsigned i = 0; i < fl->n; i++) {
		unsigned k = (unsigned)roll(seed, KEYS);
		int v = roll(seed, 3) ? (int)roll(seed, 1000) : -1;
		key_of(k, key);
		snprintf(value, sizeof(value), "%d", v);
		if (v < 0)
			kv_delete(fl->batch, span_cstr(key));
		else
			kv_put(fl->batch, span_cstr(key), span_cstr(value));
		fl->rows[i][0] = (int)k;
		fl->rows[i][1] = v;
		staged->value[sp][k] = v;
	}
	assert_int_equal(kv_commit(s[sp], fl->batch, kv_turn(s[sp], KV_STAGED),
				   kv_token(f->kv), 0, landed, fl),
			 KV_OK);
}

static void random_steps_agree_with_a_table(void **state)
{
	(void)state;
	struct fixture f;
	struct kv_space *s[SPACES];
	struct model staged, visible;
	uint64_t seed = 4711;
	fixture_start(&f, engine, 14);
	memset(&staged, 0xff, sizeof(staged));
	visible = staged;
	for (unsigned i = 0; i < SPACES; i++)
		s[i] = space(&f, i);
	for (unsigned step = 0; step < 6000; step++) {
		switch (roll(&seed, 8)) {
		case 0:
			kv_poll(f.kv);
			break;
		case 1:
		case 2: {
			unsigned sp = (unsigned)roll(&seed, SPACES);
			compare(s[sp], &staged, sp, KV_STAGED, &seed);
			compare(s[sp], &visible, sp, KV_VISIBLE, &seed);
			break;
		}
		case 3:
			if (roll(&seed, 200) == 0) {
				for (unsigned i = 0; i < SPACES; i++)
					kv_space_close(s[i]);
				fixture_reopen(&f);
				for (unsigned i = 0; i < SPACES; i++)
					s[i] = space(&f, i);
				break;
			}
			/* fall through */
		default:
			random_step(&f, s, &staged, &visible, &seed);
		}
	}
	kv_wait(f.kv);
	assert_memory_equal(&staged, &visible, sizeof(staged));
	for (unsigned i = 0; i < SPACES; i++) {
		compare(s[i], &visible, i, KV_VISIBLE, &seed);
		kv_space_close(s[i]);
	}
	fixture_stop(&f);
}

/* ---- checkpoints ---- */

/* The fixture's checkpoint as a store of its own. */
static struct kv *open_checkpoint(struct fixture *f)
{
	struct kv *kv = NULL;
	struct buf why;
	char path[96];
	enum kv_result r = KV_NONE;
	buf_init(&why, 1024);
	snprintf(path, sizeof(path), "%s/" KV_CHECKPOINT, f->dir);
	if (f->which == MEMORY && kv_disk_checkpoint(f->disk) != NULL)
		r = kv_open_memory(kv_disk_checkpoint(f->disk), f->world, &kv);
	else if (f->which == ROCKSDB)
		r = kv_open_rocksdb(
			&(struct kv_rocksdb){.world = f->world,
					     .dir = span_cstr(path),
					     .memtable = f->memtable},
			&kv, &why);
	if (r != KV_OK)
		fail_msg("%s: %.*s", kv_result_name(r), SPAN_FMT(buf_span(&why)));
	buf_free(&why);
	return kv;
}

static void waited(struct fixture *f, enum kv_result started, struct told *t)
{
	assert_int_equal(started, KV_OK);
	while (t->calls == 0)
		(void)kv_pause(f->kv);
	assert_int_equal(t->calls, 1);
	assert_int_equal(t->last.result, KV_OK);
	*t = (struct told){0};
}

static void expect_row(struct kv *kv, const char *value)
{
	struct kv_space *s;
	struct buf out;
	buf_init(&out, 100);
	assert_int_equal(kv_space_open(kv, (struct kv_name){KV_ACCOUNT, 1}, &s),
			 KV_OK);
	assert_int_equal(kv_get(s, KV_VISIBLE, SPAN("k"), &out), KV_OK);
	assert_true(span_eq(buf_span(&out), span_cstr(value)));
	kv_space_close(s);
	buf_free(&out);
}

static void a_checkpoint_is_a_store_of_its_moment(void **state)
{
	(void)state;
	struct fixture f;
	struct told t = {0};
	struct buf out;
	buf_init(&out, 100);
	fixture_start(&f, engine, 1);
	struct kv_space *s = space(&f, 1);
	struct kv_batch *b = batch();
	struct kv_id id = kv_body_name(f.kv), late = kv_body_name(f.kv);
	kv_put_body(b, &id, SPAN("a body"));
	assert_int_equal(commit(s, b, 0, 0), KV_OK);
	assert_int_equal(put(s, "k", "first"), KV_OK);
	waited(&f, kv_checkpoint(f.kv, read_told, &t), &t);
	assert_int_equal(put(s, "k", "then"), KV_OK);
	/* A second one takes the first one's place. */
	waited(&f, kv_checkpoint(f.kv, read_told, &t), &t);
	assert_int_equal(put(s, "k", "now"), KV_OK);
	kv_batch_clear(b);
	kv_put_body(b, &late, SPAN("a late body"));
	kv_delete_body(b, &id);
	assert_int_equal(commit(s, b, kv_turn(s, KV_STAGED), 0), KV_OK);
	kv_batch_free(b);

	struct kv *copy = open_checkpoint(&f);
	expect_row(copy, "then");
	expect_row(f.kv, "now");
	assert_int_equal(kv_body_read(copy, &id, 0, 100, &out), KV_OK);
	assert_true(span_eq(buf_span(&out), SPAN("a body")));
	assert_int_equal(kv_body_read(copy, &late, 0, 100, &out), KV_NONE);
	kv_close(copy);
	waited(&f, kv_checkpoint_drop(f.kv, read_told, &t), &t);
	if (engine == MEMORY)
		assert_null(kv_disk_checkpoint(f.disk));
	waited(&f, kv_checkpoint_drop(f.kv, read_told, &t), &t);
	/* What is left over is nobody's. */
	waited(&f, kv_checkpoint(f.kv, read_told, &t), &t);
	kv_space_close(s);
	fixture_reopen(&f);
	waited(&f, kv_checkpoint(f.kv, read_told, &t), &t);
	buf_free(&out);
	fixture_stop(&f);
}

int main(int argc, char **argv)
{
	engine = argc > 1 && strcmp(argv[1], "rocksdb") == 0 ? ROCKSDB : MEMORY;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_and_counters_survive_a_reopen),
		cmocka_unit_test(guards_compare_the_staged_turn),
		cmocka_unit_test(a_token_sent_again_is_recognised),
		cmocka_unit_test(limits_of_rows_and_bytes),
		cmocka_unit_test(bodies_of_every_size_are_read_by_range),
		cmocka_unit_test(bodies_are_listed_and_forgotten),
		cmocka_unit_test(a_barrier_waits_and_moves_nothing),
		cmocka_unit_test(hints_come_once_a_group_and_after_the_answers),
		cmocka_unit_test(a_full_disk_lets_go_what_shrinks),
		cmocka_unit_test(a_failed_body_is_never_named),
		cmocka_unit_test(a_failed_write_answers_nobody_yes),
		cmocka_unit_test(while_it_is_down_everything_says_so),
		cmocka_unit_test(
			a_scan_sees_only_its_view_while_commits_are_under_way),
		cmocka_unit_test(a_checkpoint_is_a_store_of_its_moment),
		cmocka_unit_test(random_steps_agree_with_a_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
