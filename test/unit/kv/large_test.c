/* SPDX-License-Identifier: Apache-2.0 */
/* kv/large: bodies in files, every byte of which is missed when it changes. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "kv/large.h"

struct test {
	struct world *w;
	struct large *l;
	char path[64], file[160];
	int dir;
	struct kv_id id;
	char *bytes;
	size_t size;
};

static void start(struct test *t, size_t size)
{
	uint64_t seed = size + 1;
	struct engine_large *b;
	*t = (struct test){.w = world_linux(), .size = size,
			   .bytes = malloc(size + 1)};
	snprintf(t->path, sizeof t->path, "/tmp/kv_large.XXXXXX");
	assert_non_null(mkdtemp(t->path));
	assert_int_equal(file_dir_open(t->w, t->path, &t->dir), OS_OK);
	assert_int_equal(kv_large_open(t->w, t->dir, &t->l), KV_OK);
	for (size_t i = 0; i < size; i++)
		t->bytes[i] = (char)roll(&seed, 256);
	t->id.byte[0] = 0xab;
	assert_int_equal(kv_large_begin(t->l, &t->id, &b), KV_OK);
	for (size_t at = 0; at < size; at += 10007)
		assert_int_equal(kv_large_append(
					 b, span_sub(span_of(t->bytes, size), at,
						     10007)),
				 KV_OK);
	assert_int_equal(kv_large_finish(b), KV_OK);
	snprintf(t->file, sizeof t->file, "%s/bodies/ab/ab%030d", t->path, 0);
}

static void stop(struct test *t)
{
	assert_int_equal(file_tree_remove(t->w, t->dir, "bodies"), OS_OK);
	kv_large_close(t->l);
	world_close(t->w, t->dir);
	assert_int_equal(rmdir(t->path), 0);
	world_free(t->w);
	free(t->bytes);
}

/* The whole body: right, or an error and nothing. */
static enum kv_result reads(struct test *t)
{
	struct buf out;
	buf_init(&out, t->size + 1);
	enum kv_result r = kv_large_read(t->l, &t->id, 0, t->size + 1, &out);
	if (r == KV_OK)
		assert_true(span_eq(buf_span(&out), span_of(t->bytes, t->size)));
	else
		assert_int_equal(buf_len(&out), 0);
	buf_free(&out);
	return r;
}

static void every_range_is_right(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, LARGE_PIECE - 1, LARGE_PIECE,
				       LARGE_PIECE + 1, 3 * LARGE_PIECE + 77};
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct test t;
		uint64_t size, seed = i;
		int64_t made;
		start(&t, sizes[i]);
		assert_int_equal(kv_large_facts(t.l, &t.id, &size, &made),
				 KV_OK);
		assert_int_equal(size, sizes[i]);
		assert_int_equal(reads(&t), KV_OK);
		for (unsigned n = 0; n < 50; n++) {
			size_t from = (size_t)roll(&seed, sizes[i] + 10);
			size_t len = (size_t)roll(&seed, 2 * LARGE_PIECE);
			struct buf out;
			buf_init(&out, 2 * LARGE_PIECE);
			assert_int_equal(kv_large_read(t.l, &t.id, from, len,
						       &out),
					 KV_OK);
			assert_true(span_eq(
				buf_span(&out),
				span_sub(span_of(t.bytes, t.size),
					 size_min(from, t.size), len)));
			buf_free(&out);
		}
		stop(&t);
	}
}

static void patch(const char *path, long at, int bit)
{
	FILE *f = fopen(path, "r+b");
	assert_non_null(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	int c = fgetc(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	assert_int_not_equal(fputc(c ^ bit, f), EOF);
	assert_int_equal(fclose(f), 0);
}

/* The time of its making (bytes 8 to 15) alone may change unnoticed. */
static void a_changed_byte_is_noticed(void **state)
{
	(void)state;
	struct test t;
	start(&t, LARGE_PIECE + 1000);
	long length = LARGE_HEAD + LARGE_PIECE + 1000 + 8 + LARGE_END;
	for (long at = 0; at < length; at += at < 32 || at > length - 40 ? 1 : 611) {
		patch(t.file, at, 0x40);
		assert_int_equal(reads(&t),
				 at >= 8 && at < 16 ? KV_OK : KV_CORRUPT);
		patch(t.file, at, 0x40);
	}
	assert_int_equal(reads(&t), KV_OK);
	/* Damage costs its own piece, not the others. */
	patch(t.file, LARGE_HEAD + LARGE_PIECE + 5, 1);
	struct buf out;
	buf_init(&out, LARGE_PIECE);
	assert_int_equal(kv_large_read(t.l, &t.id, 0, LARGE_PIECE, &out), KV_OK);
	assert_int_equal(kv_large_read(t.l, &t.id, LARGE_PIECE, 1, &out),
			 KV_CORRUPT);
	assert_int_equal(buf_len(&out), LARGE_PIECE);
	buf_free(&out);
	stop(&t);
}

static void another_length_is_noticed(void **state)
{
	(void)state;
	struct test t;
	start(&t, 2000);
	long length = LARGE_HEAD + 2000 + 4 + LARGE_END;
	patch(t.file, length, 1); /* one byte more */
	assert_int_equal(reads(&t), KV_CORRUPT);
	for (long cut = length - 1; cut >= 0; cut -= 7) {
		assert_int_equal(truncate(t.file, cut), 0);
		assert_int_equal(reads(&t), KV_CORRUPT);
	}
	stop(&t);
}

static void the_first_format_is_read(void **state)
{
	(void)state;
	static const char head[] = "LLBODY\0\1\0\0\0\0\0\0\0\7";
	struct test t;
	uint64_t size;
	int64_t made;
	start(&t, 1000);
	FILE *f = fopen(t.file, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(head, 1, LARGE_HEAD, f), LARGE_HEAD);
	assert_int_equal(fwrite(t.bytes, 1, t.size, f), t.size);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(reads(&t), KV_OK);
	assert_int_equal(kv_large_facts(t.l, &t.id, &size, &made), KV_OK);
	assert_int_equal(size, 1000);
	assert_int_equal(made, 7);
	stop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_range_is_right),
		cmocka_unit_test(a_changed_byte_is_noticed),
		cmocka_unit_test(another_length_is_noticed),
		cmocka_unit_test(the_first_format_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
