/* SPDX-License-Identifier: Apache-2.0 */
/* backup/manifest: written and read, and nothing else is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "backup/manifest.h"
#include "base/hex.h"

static struct manifest three(struct arena *a)
{
	static const char *const paths[] = {"rocksdb/CURRENT",
					    "bodies/ab/abcd",
					    "rocksdb/000012.sst"};
	struct manifest m;
	manifest_init(&m, a);
	m.made = 1795328400;
	for (unsigned i = 0; i < 3; i++) {
		struct manifest_file f = {.path = span_cstr(paths[i]),
					  .size = 10 * i,
					  .mtime = 1795328000 + i,
					  .hash = sha256_of(span_cstr(paths[i]))};
		assert_true(manifest_add(&m, &f));
	}
	manifest_sort(&m);
	return m;
}

static enum manifest_result reads(struct span text)
{
	struct arena *a = arena_new(1 << 20);
	struct manifest m;
	manifest_init(&m, a);
	enum manifest_result r = manifest_read(text, &m);
	manifest_free(&m);
	arena_free(a);
	return r;
}

static void what_was_written_is_read(void **state)
{
	(void)state;
	struct arena *a = arena_new(1 << 20);
	struct manifest m = three(a), again;
	struct buf text, second;
	buf_init(&text, 4096);
	buf_init(&second, 4096);
	manifest_write(&m, &text);
	manifest_init(&again, a);
	assert_int_equal(manifest_read(buf_span(&text), &again), MANIFEST_OK);
	assert_int_equal(again.count, 3);
	assert_int_equal(again.bytes, 30);
	assert_int_equal(again.made, m.made);
	const struct manifest_file *f =
		manifest_find(&again, SPAN("rocksdb/000012.sst"));
	assert_non_null(f);
	assert_int_equal(f->size, 20);
	assert_int_equal(f->mtime, 1795328002);
	assert_null(manifest_find(&again, SPAN("rocksdb/000013.sst")));
	manifest_write(&again, &second);
	assert_true(span_eq(buf_span(&text), buf_span(&second)));
	manifest_free(&m);
	manifest_free(&again);
	buf_free(&text);
	buf_free(&second);
	arena_free(a);
}

static void every_changed_byte_and_every_end_is_noticed(void **state)
{
	(void)state;
	struct arena *a = arena_new(1 << 20);
	struct manifest m = three(a);
	struct buf text;
	buf_init(&text, 4096);
	manifest_write(&m, &text);
	size_t n = buf_len(&text);
	char *bytes = text.data + text.from;
	assert_int_equal(reads(span_of(bytes, n)), MANIFEST_OK);
	for (size_t i = 0; i < n; i++) {
		bytes[i] ^= 1;
		assert_int_not_equal(reads(span_of(bytes, n)), MANIFEST_OK);
		bytes[i] ^= 1;
		assert_int_not_equal(reads(span_of(bytes, i)), MANIFEST_OK);
	}
	manifest_free(&m);
	buf_free(&text);
	arena_free(a);
}

/* Lines with a right end below them. */
static enum manifest_result reads_lines(const char *lines, const char *end)
{
	struct buf text;
	buf_init(&text, 4096);
	buf_add(&text, span_cstr(lines));
	struct sha256 all = sha256_of(buf_span(&text));
	buf_add(&text, span_cstr(end));
	hex_encode(&text, span_of(all.bytes, sizeof all.bytes));
	buf_addc(&text, '\n');
	enum manifest_result r = reads(buf_span(&text));
	buf_free(&text);
	return r;
}

#define HASH "0000000000000000000000000000000000000000000000000000000000000000"
#define FILE_OF(path) "file " HASH " 1 1 " path "\n"
#define OPENING "letterlock-backup 1\nmade 1\n"

static void a_right_checksum_does_not_make_it_right(void **state)
{
	(void)state;
	const char *one = OPENING FILE_OF("a/b");
	assert_int_equal(reads_lines(one, "end 1 1 "), MANIFEST_OK);
	assert_int_equal(reads_lines(one, "end 2 1 "), MANIFEST_DAMAGED);
	assert_int_equal(reads_lines(one, "end 1 2 "), MANIFEST_DAMAGED);
	assert_int_equal(reads_lines(OPENING, "end 0 0 "), MANIFEST_OK);
	assert_int_equal(reads_lines("letterlock-backup 2\nmade 1\n", "end 0 0 "),
			 MANIFEST_NEWER);
	assert_int_equal(reads_lines("letterlock-backup 0\nmade 1\n", "end 0 0 "),
			 MANIFEST_DAMAGED);
	assert_int_equal(reads_lines(OPENING FILE_OF("b") FILE_OF("a"),
				     "end 2 2 "),
			 MANIFEST_DAMAGED);
	assert_int_equal(reads_lines(OPENING FILE_OF("a") FILE_OF("a"),
				     "end 2 2 "),
			 MANIFEST_DAMAGED);
	assert_int_equal(reads_lines(OPENING FILE_OF("../a"), "end 1 1 "),
			 MANIFEST_DAMAGED);
}

static void paths_stay_inside(void **state)
{
	(void)state;
	static const char *const good[] = {"a", "a/b", "a/b/c", "A-Z_0.9"};
	static const char *const bad[] = {"",	   "/",	    "/a",   "a/",
					  "a//b",  ".",	    "..",   "../a",
					  "a/../b", "a/.b", "a/b/c/d", "a b",
					  "a\nb",  "a\\b"};
	char edge[MANIFEST_PATH_MAX + 2];
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(manifest_path_ok(span_cstr(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(manifest_path_ok(span_cstr(bad[i])));
	memset(edge, 'a', sizeof edge);
	assert_true(manifest_path_ok(span_of(edge, MANIFEST_PATH_MAX - 1)));
	assert_true(manifest_path_ok(span_of(edge, MANIFEST_PATH_MAX)));
	assert_false(manifest_path_ok(span_of(edge, MANIFEST_PATH_MAX + 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(every_changed_byte_and_every_end_is_noticed),
		cmocka_unit_test(a_right_checksum_does_not_make_it_right),
		cmocka_unit_test(paths_stay_inside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
