/* SPDX-License-Identifier: Apache-2.0 */
/* Opening RocksDB's folder: one instance, no newer format, backups open. */
#include "fixture.h"

#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>

#include "os/file.h"

static enum kv_result open_at(struct fixture *f, const char *dir,
			      struct kv **kv, char *why, size_t len)
{
	struct buf b;
	buf_init(&b, 1024);
	enum kv_result r = kv_open_rocksdb(
		&(struct kv_rocksdb){.world = f->world, .dir = span_cstr(dir)},
		kv, &b);
	snprintf(why, len, "%.*s", SPAN_FMT(buf_span(&b)));
	buf_free(&b);
	return r;
}

static void a_second_instance_is_refused(void **state)
{
	(void)state;
	struct fixture f;
	struct kv *kv;
	char why[1024];
	fixture_start(&f, ROCKSDB, 1);
	assert_int_equal(open_at(&f, f.dir, &kv, why, sizeof(why)), KV_REFUSED);
	assert_null(kv);
	assert_non_null(strstr(why, "in use by another"));
	assert_int_equal(open_at(&f, "/nonexistent/x", &kv, why, sizeof(why)),
			 KV_UNAVAILABLE);
	fixture_stop(&f);
}

/* Write another format number with RocksDB's own hands. */
static void set_format(const char *dir, uint32_t format)
{
	static const char *const names[] = {"default", "rows", "bodies"};
	rocksdb_column_family_handle_t *cf[3];
	char path[128], value[4] = {0, 0, 0, (char)format}, *err = NULL;
	snprintf(path, sizeof(path), "%s/rocksdb", dir);
	rocksdb_options_t *o = rocksdb_options_create();
	const rocksdb_options_t *const os[] = {o, o, o};
	rocksdb_t *db = rocksdb_open_column_families(o, path, 3, names, os, cf,
						     &err);
	assert_null(err);
	rocksdb_writeoptions_t *w = rocksdb_writeoptions_create();
	rocksdb_put_cf(db, w, cf[0], "format", 6, value, 4, &err);
	assert_null(err);
	rocksdb_writeoptions_destroy(w);
	for (int i = 0; i < 3; i++)
		rocksdb_column_family_handle_destroy(cf[i]);
	rocksdb_close(db);
	rocksdb_options_destroy(o);
}

static void a_newer_format_is_refused_by_name(void **state)
{
	(void)state;
	struct fixture f;
	struct kv *kv;
	char why[1024];
	fixture_start(&f, ROCKSDB, 1);
	kv_close(f.kv);
	set_format(f.dir, KV_FORMAT + 1);
	assert_int_equal(open_at(&f, f.dir, &kv, why, sizeof(why)), KV_REFUSED);
	assert_non_null(strstr(why, "format 2, made by a newer letterlock"));
	set_format(f.dir, 0);
	assert_int_equal(open_at(&f, f.dir, &kv, why, sizeof(why)), KV_CORRUPT);
	set_format(f.dir, KV_FORMAT);
	fixture_open(&f);
	fixture_stop(&f);
}

static enum kv_result read_only_at(const char *dir, struct fixture *f, struct kv **kv)
{
	struct buf b;
	buf_init(&b, 1024);
	enum kv_result r = kv_open_rocksdb(
		&(struct kv_rocksdb){.world = f->world, .dir = span_cstr(dir), .read_only = true},
		kv, &b);
	buf_free(&b);
	return r;
}

/* Two at a time, for nothing is locked; and nothing is made where nothing is. */
static void a_copy_is_read_and_left_as_it_is(void **state)
{
	(void)state;
	struct fixture f;
	struct kv *one, *two;
	char empty[160];
	int dir;
	fixture_start(&f, ROCKSDB, 1);
	kv_close(f.kv);
	assert_int_equal(read_only_at(f.dir, &f, &one), KV_OK);
	assert_int_equal(read_only_at(f.dir, &f, &two), KV_OK);
	kv_close(one);
	kv_close(two);
	snprintf(empty, sizeof empty, "%s/bodies", f.dir);
	assert_int_equal(read_only_at(empty, &f, &one), KV_UNAVAILABLE);
	assert_int_equal(file_dir_open(f.world, empty, &dir), OS_OK);
	assert_int_equal(file_dir_at(f.world, dir, "rocksdb", &(int){-1}), OS_NOENT);
	assert_int_equal(file_dir_at(f.world, dir, "bodies", &(int){-1}), OS_NOENT);
	world_close(f.world, dir);
	fixture_open(&f);
	fixture_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_instance_is_refused),
		cmocka_unit_test(a_copy_is_read_and_left_as_it_is),
		cmocka_unit_test(a_newer_format_is_refused_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
