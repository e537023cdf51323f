/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill -9 on the RocksDB engine: a writer commits and reports each answer over a
 * pipe; it is killed at a random moment; a checker opens the store again and
 * looks for every answered commit, byte for byte, and for halves of others.
 *
 * Commit n of space s writes the rows "a<n>" and "b<n>" (the same value), the
 * row "last" (n), and a body of 0 bytes to 400 KiB whose id and bytes follow
 * from (s, n).  So the checker needs to know (s, n) only.
 */
#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SPACES 8u
#ifdef __SANITIZE_ADDRESS__ /* says more, slowly */
#define ROUNDS 6u
#else
#define ROUNDS 16u
#endif
#define AHEAD  12u /* commits of one space staged at a time */

struct report {
	uint32_t space, n;
};

struct writer {
	struct fixture f;
	struct kv_space *space[SPACES];
	uint32_t next[SPACES];
	unsigned out;
	int pipe;
};

struct one {
	struct writer *w;
	struct kv_batch *batch;
	struct report report;
};

static uint64_t mix(uint32_t space, uint32_t n)
{
	uint64_t x = ((uint64_t)space << 32 | n) * 0x9e3779b97f4a7c15ull;
	x ^= x >> 29;
	return x * 0xbf58476d1ce4e5b9ull;
}

static size_t body_len(uint32_t space, uint32_t n)
{
	uint64_t x = mix(space, n) >> 20;
	if (x % 97 == 0)
		return KV_BODY_INLINE + 1 + x % 150000;
	return x % 7 == 0 ? x % 60000 : x % 3000;
}

static struct kv_id body_id(uint32_t space, uint32_t n)
{
	struct kv_id id;
	uint64_t x = mix(space, n), y = mix(n, space);
	memcpy(id.byte, &x, 8);
	memcpy(id.byte + 8, &y, 8);
	return id;
}

static char *body_bytes(uint32_t space, uint32_t n)
{
	size_t len = body_len(space, n);
	char *p = malloc(len + 1);
	uint64_t st = mix(space, n);
	for (size_t i = 0; i < len; i++) {
		st = st * 6364136223846793005ull + 1442695040888963407ull;
		p[i] = (char)(st >> 56);
	}
	return p;
}

/* ---- the writer: never returns ---- */

static void start_one(struct writer *w, uint32_t space);

static void answered(void *arg, const struct kv_done *d)
{
	struct one *o = arg;
	struct writer *w = o->w;
	if (d->result != KV_OK)
		_exit(3);
	/* A pipe write of this size is whole or not at all. */
	if (write(w->pipe, &o->report, sizeof(o->report)) !=
	    (ssize_t)sizeof(o->report))
		_exit(4);
	w->out--;
	kv_batch_free(o->batch);
	free(o);
}

static void commit_one(struct one *o)
{
	struct writer *w = o->w;
	uint32_t s = o->report.space;
	if (kv_commit(w->space[s], o->batch, kv_turn(w->space[s], KV_STAGED),
		      kv_token(w->f.kv), 0, answered, o) != KV_OK)
		_exit(5);
}

static void body_kept(void *arg, enum kv_result r)
{
	if (r != KV_OK)
		_exit(6);
	commit_one(arg);
}

static void start_one(struct writer *w, uint32_t space)
{
	struct one *o = calloc(1, sizeof(*o));
	uint32_t n = ++w->next[space];
	struct kv_id id = body_id(space, n);
	size_t len = body_len(space, n);
	char key[16], value[600], *body = body_bytes(space, n);
	o->w = w;
	o->report = (struct report){space, n};
	o->batch = kv_batch_new();
	for (unsigned i = 0; i < 2; i++) {
		int k = snprintf(key, sizeof(key), "%c%08u", "ab"[i], n);
		memset(value, (int)('0' + n % 70), sizeof(value));
		kv_put(o->batch, span_of(key, (size_t)k),
		       span_of(value, mix(n, n) % sizeof(value)));
	}
	int k = snprintf(value, sizeof(value), "%u", n);
	kv_put(o->batch, SPAN("last"), span_of(value, (size_t)k));
	w->out++;
	if (len > KV_BODY_INLINE) {
		struct kv_body *b;
		if (kv_body_begin(w->f.kv, &id, &b) != KV_OK ||
		    kv_body_append(b, span_of(body, len)) != KV_OK)
			_exit(7);
		kv_body_finish(b, body_kept, o);
	} else {
		kv_put_body(o->batch, &id, span_of(body, len));
		commit_one(o);
	}
	free(body);
}

static void write_for_ever(const char *dir, int pipe, const uint32_t *from)
{
	struct writer w = {.pipe = pipe};
	w.f.which = ROCKSDB;
	w.f.memtable = 4 << 20;
	w.f.world = world_linux();
	snprintf(w.f.dir, sizeof(w.f.dir), "%s", dir);
	fixture_open(&w.f);
	for (uint32_t i = 0; i < SPACES; i++) {
		w.next[i] = from[i];
		if (kv_space_open(w.f.kv, (struct kv_name){KV_ACCOUNT, i},
				  &w.space[i]) != KV_OK)
			_exit(8);
	}
	for (uint32_t i = 0;; i++) {
		if (w.out < AHEAD * SPACES)
			start_one(&w, i % SPACES);
		else
			kv_pause(w.f.kv);
		if (i % 16 == 0)
			kv_poll(w.f.kv);
	}
}

/* ---- the checker ---- */

struct counts {
	uint64_t checked, missing, changed, halves, last[SPACES];
};

static void check_commit(struct kv *kv, struct kv_space *s, uint32_t space,
			 uint32_t n, bool answered_ok, struct counts *c)
{
	char key[16];
	struct buf a, b;
	buf_init(&a, 1 << 20);
	buf_init(&b, 1 << 20);
	struct kv_id id = body_id(space, n);
	size_t len = body_len(space, n);
	snprintf(key, sizeof(key), "a%08u", n);
	enum kv_result ra = kv_get(s, KV_VISIBLE, span_cstr(key), &a);
	key[0] = 'b';
	enum kv_result rb = kv_get(s, KV_VISIBLE, span_cstr(key), &b);
	if (ra != rb || !span_eq(buf_span(&a), buf_span(&b)))
		c->halves++;
	if (ra != KV_OK) {
		c->missing += answered_ok;
	} else {
		char *want = body_bytes(space, n);
		buf_clear(&a);
		if (kv_body_read(kv, &id, 0, len + 1, &a) != KV_OK ||
		    !span_eq(buf_span(&a), span_of(want, len)))
			c->changed++;
		free(want);
	}
	c->checked++;
	buf_free(&a);
	buf_free(&b);
}

/* Commits after `from` of each space up to what was answered and beyond. */
static void check(const char *dir, const uint32_t *from, const uint32_t *acked,
		  struct counts *c)
{
	struct fixture f = {.which = ROCKSDB, .memtable = 4 << 20};
	f.world = world_linux();
	snprintf(f.dir, sizeof(f.dir), "%s", dir);
	fixture_open(&f);
	for (uint32_t i = 0; i < SPACES; i++) {
		struct kv_space *s;
		struct buf last;
		uint64_t n = 0;
		buf_init(&last, 64);
		if (kv_space_open(f.kv, (struct kv_name){KV_ACCOUNT, i}, &s) !=
		    KV_OK)
			_exit(9);
		if (kv_get(s, KV_VISIBLE, SPAN("last"), &last) == KV_OK &&
		    !span_u64(buf_span(&last), UINT32_MAX, &n))
			c->changed++;
		/* Numbers may leave gaps (large bodies overtake nobody, but a
		 * killed one is missing); "last" is the newest commit's. */
		for (uint32_t k = from[i] + 1;
		     k <= (n > acked[i] ? n : acked[i]) + AHEAD; k++)
			check_commit(f.kv, s, i, k, false, c);
		c->last[i] = n;
		buf_free(&last);
		kv_space_close(s);
	}
	kv_close(f.kv);
}

/* Every answered commit by its number. */
static void check_acked(const char *dir, const struct report *r, size_t n,
			struct counts *c)
{
	struct fixture f = {.which = ROCKSDB, .memtable = 4 << 20};
	f.world = world_linux();
	snprintf(f.dir, sizeof(f.dir), "%s", dir);
	fixture_open(&f);
	struct kv_space *s[SPACES];
	for (uint32_t i = 0; i < SPACES; i++)
		if (kv_space_open(f.kv, (struct kv_name){KV_ACCOUNT, i},
				  &s[i]) != KV_OK)
			_exit(9);
	for (size_t i = 0; i < n; i++)
		check_commit(f.kv, s[r[i].space], r[i].space, r[i].n, true, c);
	for (uint32_t i = 0; i < SPACES; i++)
		kv_space_close(s[i]);
	kv_close(f.kv);
}

static struct counts in_child(const char *dir, const uint32_t *from,
			      const uint32_t *acked, const struct report *r,
			      size_t n)
{
	int p[2], status;
	struct counts c = {0};
	assert_int_equal(pipe(p), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		check_acked(dir, r, n, &c);
		if (from)
			check(dir, from, acked, &c);
		_exit(write(p[1], &c, sizeof(c)) == (ssize_t)sizeof(c) ? 0 : 1);
	}
	close(p[1]);
	assert_int_equal(read(p[0], &c, sizeof(c)), sizeof(c));
	close(p[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return c;
}

static void sleep_ms(uint64_t ms)
{
	nanosleep(&(struct timespec){(time_t)(ms / 1000),
				     (long)(ms % 1000) * 1000000},
		  NULL);
}

static void nothing_answered_is_lost(void **state)
{
	(void)state;
	char dir[] = "/tmp/kv_kill.XXXXXX", text[64];
	uint32_t from[SPACES] = {0}, acked[SPACES] = {0};
	struct report *all = NULL;
	size_t count = 0, cap = 0;
	uint64_t seed = (uint64_t)time(NULL), kills = 0, halves = 0;
	struct counts c = {0};
	assert_non_null(mkdtemp(dir));
	for (unsigned round = 0; round < ROUNDS; round++) {
		int p[2], status;
		size_t first = count;
		assert_int_equal(pipe(p), 0);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			write_for_ever(dir, p[1], from);
		close(p[1]);
		sleep_ms(60 + roll(&seed, 600));
		kill(pid, SIGKILL);
		struct report r;
		while (read(p[0], &r, sizeof(r)) == (ssize_t)sizeof(r)) {
			if (count == cap) {
				cap = cap ? cap * 2 : 1024;
				all = realloc(all, cap * sizeof(*all));
			}
			all[count++] = r;
			if (acked[r.space] < r.n)
				acked[r.space] = r.n;
		}
		close(p[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		kills++;
		c = in_child(dir, from, acked, all + first, count - first);
		halves += c.halves;
		assert_true(c.missing == 0 && c.changed == 0 && c.halves == 0);
		/* Numbers that were on the way are not used again. */
		for (unsigned i = 0; i < SPACES; i++)
			from[i] = (uint32_t)(c.last[i] > acked[i] ? c.last[i]
								  : acked[i]) +
				  2 * AHEAD;
	}
	c = in_child(dir, NULL, NULL, all, count);
	print_message("kills %u, answered %zu, missing %u, changed %u, "
		      "halves %u\n",
		      (unsigned)kills, count, (unsigned)c.missing,
		      (unsigned)c.changed, (unsigned)(halves + c.halves));
	assert_true(c.missing == 0 && c.changed == 0 && c.halves == 0);
	assert_true(count > ROUNDS * 50);
	free(all);
	snprintf(text, sizeof(text), "rm -rf %s", dir);
	assert_int_equal(system(text), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_answered_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
