/* SPDX-License-Identifier: Apache-2.0 */
/* Opening RocksDB's folder: one instance, no newer format, backups open. */
#include "fixture.h"

#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>

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

static enum kv_result put_row(struct kv_op *op, struct kv_batch *b, void *arg)
{
	(void)op;
	kv_put(b, SPAN("k"), span_cstr(arg));
	return KV_OK;
}

static void a_checkpoint_is_a_store_of_its_moment(void **state)
{
	(void)state;
	struct fixture f;
	struct kv *kv;
	struct kv_space *s;
	struct buf out;
	char path[256], why[1024], then[] = "then", now[] = "now";
	const struct kv_name name = {KV_ACCOUNT, 1};
	fixture_start(&f, ROCKSDB, 1);
	assert_int_equal(kv_space_open(f.kv, name, &s), KV_OK);
	assert_int_equal(kv_op_wait(s, 0, put_row, then, NULL), KV_OK);
	snprintf(path, sizeof(path), "mkdir %s/copy", f.dir);
	assert_int_equal(system(path), 0);
	snprintf(path, sizeof(path), "%s/copy/rocksdb", f.dir);
	assert_int_equal(kv_checkpoint(f.kv, span_cstr(path)), KV_OK);
	assert_int_equal(kv_op_wait(s, 0, put_row, now, NULL), KV_OK);
	kv_space_close(s);
	snprintf(path, sizeof(path), "%s/copy", f.dir);
	assert_int_equal(open_at(&f, path, &kv, why, sizeof(why)), KV_OK);
	assert_int_equal(kv_space_open(kv, name, &s), KV_OK);
	buf_init(&out, 100);
	assert_int_equal(kv_get(s, KV_VISIBLE, SPAN("k"), &out), KV_OK);
	assert_true(span_eq(buf_span(&out), SPAN("then")));
	buf_free(&out);
	kv_space_close(s);
	kv_close(kv);
	fixture_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_instance_is_refused),
		cmocka_unit_test(a_newer_format_is_refused_by_name),
		cmocka_unit_test(a_checkpoint_is_a_store_of_its_moment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
