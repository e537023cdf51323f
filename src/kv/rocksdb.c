/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/rocksdb: three column families, one write batch with one sync a group.
 *
 *   default  "format" -> the folder's format number, 4 bytes
 *            space key -> head (kv/head.c)
 *   rows     space key + row key -> value
 *   bodies   id -> format 1, time of making 7, bytes; from 1 KiB on in blob files
 *
 * Visible reads go through a snapshot that advance() takes between two groups,
 * so that rows which are written but not answered yet are not seen.
 *
 * Recovery stops at the first damaged record of the newest log (a torn write
 * of a group that nobody was answered for); damage before that is found by
 * RocksDB's check of sequence numbers and refuses the start.
 */
#include "kv/rocksdb.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "kv/rocks.h"
#include "kv/wal.h"
#include "os/file.h"

#define MIB	       (1024u * 1024u)
#define BODY_BLOB_FROM 1024u
#define READERS_MAX    32u
/* Garbage collection of blob files, in per cent of their bytes; kv/churn_test. */
#define GARBAGE_FROM   30u
#define GARBAGE_UNTIL  15u
#define GARBAGE_GUESS  4096u /* bytes of a body that is forgotten */
#define SYNCERS	       4u /* of large bodies at a time: the disk joins their syncs */

struct engine_iter {
	rocksdb_iterator_t *it;
	rocksdb_readoptions_t *how;
	bool reverse;
	char from[SPACE_KEY + KV_KEY_MAX + 1], to[SPACE_KEY + KV_KEY_MAX + 1];
};

/* ---- opening ---- */

static rocksdb_options_t *options_common(const struct rocks *r, size_t memtable)
{
	rocksdb_options_t *o = rocksdb_options_create();
	rocksdb_block_based_table_options_t *t = rocksdb_block_based_options_create();
	rocksdb_block_based_options_set_block_cache(t, r->cache);
	rocksdb_block_based_options_set_filter_policy(
		t, rocksdb_filterpolicy_create_bloom_full(10));
	rocksdb_options_set_block_based_table_factory(o, t);
	rocksdb_block_based_options_destroy(t);
	rocksdb_options_set_write_buffer_size(o, memtable);
	rocksdb_options_set_max_write_buffer_number(o, 3);
	rocksdb_options_set_compression(o, rocksdb_lz4_compression);
	rocksdb_options_set_paranoid_checks(o, 1);
	return o;
}

static rocksdb_options_t *options_bodies(const struct rocks *r)
{
	rocksdb_options_t *o = options_common(r, r->memtable);
	rocksdb_options_set_enable_blob_files(o, 1);
	rocksdb_options_set_min_blob_size(o, BODY_BLOB_FROM + BODY_HEAD);
	rocksdb_options_set_blob_file_size(o, 256ull * MIB);
	rocksdb_options_set_blob_compression_type(o, rocksdb_zstd_compression);
	/* Switched on while there is much to collect: see collect(). */
	rocksdb_options_set_enable_blob_gc(o, 0);
	rocksdb_options_set_blob_gc_age_cutoff(o, 0.25);
	rocksdb_options_set_blob_gc_force_threshold(o, 0.5);
	return o;
}

static rocksdb_options_t *options_db(const struct rocks *r)
{
	rocksdb_options_t *o = options_common(r, r->memtable / 4);
	rocksdb_options_set_create_if_missing(o, !r->read_only);
	rocksdb_options_set_create_missing_column_families(o, !r->read_only);
	rocksdb_options_set_max_background_jobs(o, 2);
	/* What a start has to read, and to write out before it counts: a killed
	 * process may have left bytes that no sync covered. */
	rocksdb_options_set_max_total_wal_size(o, 2 * r->memtable);
	rocksdb_options_set_keep_log_file_num(o, 2);
	rocksdb_options_set_max_log_file_size(o, MIB);
	rocksdb_options_set_info_log_level(o, 2); /* warnings */
	rocksdb_options_set_max_open_files(o, 512);
	rocksdb_options_set_bytes_per_sync(o, MIB);
	rocksdb_options_set_skip_stats_update_on_db_open(o, 1);
	rocksdb_options_set_manual_wal_flush(o, 0);
	rocksdb_options_set_wal_recovery_mode(o, 2); /* point in time */
	return o;
}

static void take_snapshot(struct rocks *r)
{
	if (r->snapshot)
		rocksdb_release_snapshot(r->db, r->snapshot);
	r->snapshot = rocksdb_create_snapshot(r->db);
	rocksdb_readoptions_set_snapshot(r->visible, r->snapshot);
}

static void db_close(struct rocks *r)
{
	if (!r->db)
		return;
	rocksdb_readoptions_set_snapshot(r->visible, NULL);
	if (r->snapshot)
		rocksdb_release_snapshot(r->db, r->snapshot);
	r->snapshot = NULL;
	for (unsigned i = 0; i < CFS; i++)
		rocksdb_column_family_handle_destroy(r->cf[i]);
	rocksdb_close(r->db);
	r->db = NULL;
}

/* err: RocksDB's words, to be freed, when the answer is not KV_OK. */
static enum kv_result db_open(struct rocks *r, char **err)
{
	static const char *const names[CFS] = {"default", "rows", "bodies"};
	rocksdb_options_t *db = options_db(r);
	rocksdb_options_t *rows = options_common(r, r->memtable);
	rocksdb_options_t *bodies = options_bodies(r);
	const rocksdb_options_t *const each[CFS] = {db, rows, bodies};
	*err = NULL;
	r->db = r->read_only
			? rocksdb_open_for_read_only_column_families(
				  db, r->path, CFS, names, each, r->cf, 0, err)
			: rocksdb_open_column_families(db, r->path, CFS, names,
						       each, r->cf, err);
	rocksdb_options_destroy(db);
	rocksdb_options_destroy(rows);
	rocksdb_options_destroy(bodies);
	if (*err || !r->db) {
		r->db = NULL;
		return *err && strstr(*err, "orruption") ? KV_CORRUPT
							 : KV_UNAVAILABLE;
	}
	take_snapshot(r);
	r->collects = false;
	r->unseen = r->memtable; /* the first group looks */
	return KV_OK;
}

/* Read the format number; write it into a new folder. */
static enum kv_result check_format(struct rocks *r, struct buf *why)
{
	char *err = NULL;
	size_t len;
	char *v = rocksdb_get_cf(r->db, r->latest, r->cf[CF_DEFAULT], "format",
				 6, &len, &err);
	uint32_t format = 0;
	for (size_t i = 0; v && i < 4 && len == 4; i++)
		format = format << 8 | (uint8_t)v[i];
	bool fresh = !v && !err;
	rocksdb_free(v);
	if (fresh && !r->read_only) {
		char mine[4] = {0, 0, 0, KV_FORMAT};
		rocksdb_put_cf(r->db, r->sync, r->cf[CF_DEFAULT], "format", 6,
			       mine, sizeof(mine), &err);
		format = KV_FORMAT;
		take_snapshot(r);
	}
	if (err) {
		buf_printf(why, "the store cannot be read: %s", err);
		rocksdb_free(err);
		return KV_UNAVAILABLE;
	}
	if (format == KV_FORMAT)
		return KV_OK;
	if (format == 0) {
		buf_printf(why, "the store's format number is damaged");
		return KV_CORRUPT;
	}
	buf_printf(why,
		   "the store has format %u, made by a newer letterlock; "
		   "this one reads up to format %u",
		   format, KV_FORMAT);
	return KV_REFUSED;
}

/* ---- logs that no crash leaves behind -------------------------------------- */

struct log_check {
	struct world *world;
	int dir;
	enum kv_result result;
	struct buf *why;
};

static bool check_log(void *arg, const char *name)
{
	struct log_check *c = arg;
	struct wal_scan scan = {0};
	size_t n = strlen(name), got = WAL_BLOCK;
	uint64_t at = 0;
	int fd;
	if (n < 4 || strcmp(name + n - 4, ".log") != 0)
		return true;
	char *block = malloc(WAL_BLOCK);
	enum os r = block ? file_open(c->world, c->dir, name,
				      (struct open_how){0}, &fd)
			  : OS_NOMEM;
	for (; r == OS_OK && got == WAL_BLOCK; at += got) {
		r = file_read_at(c->world, fd, block, WAL_BLOCK, at, &got);
		if (r == OS_OK)
			kv_wal_block(&scan, span_of(block, got), at);
	}
	if (block && r != OS_NOENT)
		world_close(c->world, fd);
	free(block);
	if (scan.in_midst) {
		buf_printf(c->why,
			   "the log %s is damaged at byte %llu: what it holds "
			   "behind that would be lost; `letterlock fsck "
			   "--repair` reads around it",
			   name, (unsigned long long)scan.at);
		c->result = KV_CORRUPT;
	} else if (r != OS_OK) {
		buf_printf(c->why, "the log %s: %s", name, os_text(r));
		c->result = KV_UNAVAILABLE;
	}
	return c->result == KV_OK;
}

static enum kv_result check_logs(struct rocks *r, struct buf *why)
{
	struct log_check c = {r->engine.world, -1, KV_OK, why};
	enum os o = file_dir_at(c.world, r->dir, "rocksdb", &c.dir);
	if (o == OS_NOENT) /* a new store */
		return KV_OK;
	if (o == OS_OK)
		o = file_each(c.world, c.dir, check_log, &c);
	world_close(c.world, c.dir);
	if (o != OS_OK) {
		buf_printf(why, "the logs cannot be read: %s", os_text(o));
		return KV_UNAVAILABLE;
	}
	return c.result;
}

static void rocks_free(struct rocks *r)
{
	workers_free(r->engine.workers);
	db_close(r);
	kv_large_close(r->large);
	if (r->cache)
		rocksdb_cache_destroy(r->cache);
	if (r->visible)
		rocksdb_readoptions_destroy(r->visible);
	if (r->latest)
		rocksdb_readoptions_destroy(r->latest);
	if (r->sync)
		rocksdb_writeoptions_destroy(r->sync);
	world_close(r->engine.world, r->lock);
	world_close(r->engine.world, r->dir);
	free(r->path);
	free(r);
}

static void rocks_close(struct engine *e) { rocks_free(ROCKS(e)); }

/*
 * RocksDB would make its folder, too, but not the folder's name durable.  Synced
 * at each start: the one that made it was perhaps killed before its sync.
 */
static enum os make_folders(struct rocks *r, enum kv_result *large)
{
	enum os o = file_mkdir(r->engine.world, r->dir, "rocksdb");
	*large = kv_large_open(r->engine.world, r->dir, &r->large);
	return o == OS_OK || o == OS_EXIST
		       ? file_dir_sync(r->engine.world, r->dir)
		       : o;
}

static enum kv_result open_folder(struct rocks *r, struct span dir,
				  bool checkpoint, struct buf *why)
{
	const char *sub = checkpoint ? "/" KV_CHECKPOINT "/rocksdb" : "/rocksdb";
	r->path = malloc(dir.len + strlen(sub) + 1);
	if (!r->path)
		return KV_UNAVAILABLE;
	memcpy(r->path, dir.ptr, dir.len);
	r->path[dir.len] = 0;
	enum os o = file_dir_open(r->engine.world, r->path, &r->dir);
	memcpy(r->path + dir.len, sub, strlen(sub) + 1);
	if (o != OS_OK) {
		buf_printf(why, "the folder %.*s cannot be opened: %s",
			   SPAN_FMT(dir), os_text(o));
		return KV_UNAVAILABLE;
	}
	if (r->read_only) {
		enum kv_result copy = kv_large_open_copy(r->engine.world, r->dir,
							 &r->large);
		if (copy != KV_OK)
			buf_printf(why, "the folder %.*s/bodies cannot be read",
				   SPAN_FMT(dir));
		return copy;
	}
	o = file_lock(r->engine.world, r->dir, "lock", &r->lock);
	if (o == OS_BUSY) {
		buf_printf(why,
			   "the folder %.*s is in use by another letterlock; "
			   "stop that one first",
			   SPAN_FMT(dir));
		return KV_REFUSED;
	}
	if (o != OS_OK) {
		buf_printf(why, "the folder %.*s cannot be locked: %s",
			   SPAN_FMT(dir), os_text(o));
		return KV_UNAVAILABLE;
	}
	/* What cannot be removed now is replaced by the next checkpoint. */
	(void)!file_tree_remove(r->engine.world, r->dir, KV_CHECKPOINT);
	enum kv_result k;
	o = make_folders(r, &k);
	if (k != KV_OK) {
		buf_printf(why, "the folder %.*s/bodies cannot be used",
			   SPAN_FMT(dir));
	} else if (o != OS_OK) {
		buf_printf(why, "the folder %.*s/rocksdb cannot be made: %s",
			   SPAN_FMT(dir), os_text(o));
		k = KV_UNAVAILABLE;
	}
	return k;
}

static enum kv_result rocks_open(struct rocks *r, const struct kv_rocksdb *how,
				 struct buf *why)
{
	unsigned readers = how->readers ? how->readers : 2;
	ENSURE(readers <= READERS_MAX);
	r->read_only = how->read_only;
	ENSURE(r->read_only || !how->checkpoint);
	enum kv_result k = open_folder(r, how->dir, how->checkpoint, why);
	if (k != KV_OK)
		return k;
	r->memtable = how->memtable ? how->memtable : 32 * MIB;
	r->cache = rocksdb_cache_create_lru(how->cache ? how->cache : 64 * MIB);
	r->visible = rocksdb_readoptions_create();
	r->latest = rocksdb_readoptions_create();
	r->sync = rocksdb_writeoptions_create();
	rocksdb_writeoptions_set_sync(r->sync, 1);
	char *err;
	k = check_logs(r, why);
	if (k != KV_OK)
		return k;
	k = db_open(r, &err);
	if (k != KV_OK) {
		buf_printf(why, "the store cannot be opened (`letterlock fsck "
				"--repair` saves what can be read): %s",
			   err ? err : "no reason given");
		rocksdb_free(err);
		return k;
	}
	k = check_format(r, why);
	if (k != KV_OK)
		return k;
	r->engine.workers = workers_new(
		(const unsigned[LANES]){[LANE_WRITE] = 1,
					[LANE_BODY] = SYNCERS,
					[LANE_READ] = readers},
		LANES);
	if (!r->engine.workers)
		buf_printf(why, "no threads can be started");
	return r->engine.workers ? KV_OK : KV_UNAVAILABLE;
}

/* ---- reading ---- */

enum kv_result rocks_error(char *err)
{
	enum kv_result k = strstr(err, "orruption") ? KV_CORRUPT : KV_UNAVAILABLE;
	rocksdb_free(err);
	return k;
}

enum kv_result rocks_find(struct rocks *r, rocksdb_readoptions_t *how,
			  unsigned cf, struct span key,
			  rocksdb_pinnableslice_t **out)
{
	char *err = NULL;
	*out = rocksdb_get_pinned_cf(r->db, how, r->cf[cf], key.ptr, key.len,
				     &err);
	if (err)
		return rocks_error(err);
	return *out ? KV_OK : KV_NONE;
}

static enum kv_result get_into(struct rocks *r, unsigned cf, struct span key,
			       struct buf *out)
{
	rocksdb_pinnableslice_t *p;
	enum kv_result k = rocks_find(r, r->visible, cf, key, &p);
	if (k != KV_OK)
		return k;
	buf_add(out, rocks_pinned(p));
	rocksdb_pinnableslice_destroy(p);
	return buf_ok(out) ? KV_OK : KV_UNAVAILABLE;
}

static enum kv_result rocks_head(struct engine *e, struct kv_name name,
				 struct buf *out)
{
	uint8_t k[SPACE_KEY];
	kv_space_key(name, k);
	return get_into(ROCKS(e), CF_DEFAULT, span_of(k, sizeof(k)), out);
}

static size_t full_key(struct kv_name name, struct span key, char *out)
{
	kv_space_key(name, (uint8_t *)out);
	if (key.len)
		memcpy(out + SPACE_KEY, key.ptr, key.len);
	return SPACE_KEY + key.len;
}

static enum kv_result rocks_get(struct engine *e, struct kv_name name,
				struct span key, struct buf *out)
{
	char k[SPACE_KEY + KV_KEY_MAX];
	if (key.len > KV_KEY_MAX)
		return KV_NONE;
	size_t n = full_key(name, key, k);
	return get_into(ROCKS(e), CF_ROWS, span_of(k, n), out);
}

enum kv_result rocks_iter_error(rocksdb_iterator_t *it)
{
	char *err = NULL;
	rocksdb_iter_get_error(it, &err);
	return err ? rocks_error(err) : KV_NONE;
}

static enum kv_result rocks_heads(struct engine *e, enum kv_kind kind,
				  uint64_t from, uint64_t *ids, size_t n,
				  size_t *count)
{
	struct rocks *r = ROCKS(e);
	uint8_t k[SPACE_KEY];
	kv_space_key((struct kv_name){kind, from}, k);
	rocksdb_iterator_t *it = rocksdb_create_iterator_cf(
		r->db, r->visible, r->cf[CF_DEFAULT]);
	rocksdb_iter_seek(it, (const char *)k, sizeof(k));
	enum kv_result result = KV_OK;
	for (; *count < n; rocksdb_iter_next(it)) {
		size_t len;
		if (!rocksdb_iter_valid(it)) {
			result = rocks_iter_error(it) == KV_NONE ? KV_OK
							   : KV_UNAVAILABLE;
			break;
		}
		const char *key = rocksdb_iter_key(it, &len);
		if (len != SPACE_KEY || (uint8_t)key[0] != kind)
			break;
		uint64_t id = 0;
		for (unsigned i = 1; i < SPACE_KEY; i++)
			id = id << 8 | (uint8_t)key[i];
		ids[(*count)++] = id;
	}
	rocksdb_iter_destroy(it);
	return result;
}

static enum kv_result rocks_iter(struct engine *e, struct kv_name name,
				 struct span from, struct span to, bool reverse,
				 struct engine_iter **out)
{
	struct rocks *r = ROCKS(e);
	struct engine_iter *i = calloc(1, sizeof(*i));
	if (!i)
		return KV_UNAVAILABLE;
	from.len = size_min(from.len, KV_KEY_MAX + 1);
	to.len = size_min(to.len, KV_KEY_MAX + 1);
	size_t from_len = full_key(name, from, i->from);
	size_t to_len = sizeof(i->to);
	if (to.len) {
		to_len = full_key(name, to, i->to);
	} else { /* behind every key of the space */
		memset(i->to, 0xff, sizeof(i->to));
		kv_space_key(name, (uint8_t *)i->to);
	}
	i->reverse = reverse;
	i->how = rocksdb_readoptions_create();
	rocksdb_readoptions_set_snapshot(i->how, r->snapshot);
	rocksdb_readoptions_set_iterate_lower_bound(i->how, i->from, from_len);
	rocksdb_readoptions_set_iterate_upper_bound(i->how, i->to, to_len);
	i->it = rocksdb_create_iterator_cf(r->db, i->how, r->cf[CF_ROWS]);
	if (reverse)
		rocksdb_iter_seek_to_last(i->it);
	else
		rocksdb_iter_seek_to_first(i->it);
	*out = i;
	return KV_OK;
}

static enum kv_result rocks_iter_row(struct engine_iter *i, struct span *key,
				     struct span *value)
{
	if (!rocksdb_iter_valid(i->it))
		return rocks_iter_error(i->it);
	size_t len;
	const char *p = rocksdb_iter_key(i->it, &len);
	*key = span_skip(span_of(p, len), SPACE_KEY);
	p = rocksdb_iter_value(i->it, &len);
	*value = span_of(p, len);
	return KV_OK;
}

static void rocks_iter_next(struct engine_iter *i)
{
	if (i->reverse)
		rocksdb_iter_prev(i->it);
	else
		rocksdb_iter_next(i->it);
}

static void rocks_iter_close(struct engine_iter *i)
{
	rocksdb_iter_destroy(i->it);
	rocksdb_readoptions_destroy(i->how);
	free(i);
}

/* ---- writing: in the writer's thread ---- */

static void write_rows(struct rocks *r, rocksdb_writebatch_t *wb,
		       const struct staged *c)
{
	char key[SPACE_KEY + KV_KEY_MAX];
	for (size_t i = 0; i < c->batch->count; i++) {
		if (c->batch->rows[i].stale)
			continue;
		size_t n = full_key(c->name, batch_key(c->batch, i), key);
		struct span v = batch_value(c->batch, i);
		if (c->batch->rows[i].once)
			rocksdb_writebatch_singledelete_cf(wb, r->cf[CF_ROWS],
							   key, n);
		else if (c->batch->rows[i].gone)
			rocksdb_writebatch_delete_cf(wb, r->cf[CF_ROWS], key,
						     n);
		else
			rocksdb_writebatch_put_cf(wb, r->cf[CF_ROWS], key, n,
						  v.ptr, v.len);
	}
}

static void write_bodies(struct rocks *r, rocksdb_writebatch_t *wb,
			 const struct staged *c)
{
	for (size_t i = 0; i < c->batch->body_count; i++) {
		const struct batch_body *b = &c->batch->bodies[i];
		const char *id = (const char *)b->id.byte;
		size_t id_len = sizeof(b->id.byte);
		if (b->once) {
			rocksdb_writebatch_singledelete_cf(wb, r->cf[CF_BODIES],
							   id, id_len);
			continue;
		}
		if (b->gone) {
			rocksdb_writebatch_delete_cf(wb, r->cf[CF_BODIES], id,
						     id_len);
			continue;
		}
		char head[BODY_HEAD] = {BODY_FORMAT};
		for (unsigned k = 1; k < BODY_HEAD; k++)
			head[k] = (char)(b->made >> (56 - 8 * k));
		rocksdb_writebatch_putv_cf(
			wb, r->cf[CF_BODIES], 1, &id, &id_len, 2,
			(const char *const[]){head, b->bytes},
			(const size_t[]){BODY_HEAD, b->len});
	}
}

static uint64_t property(struct rocks *r, const char *name)
{
	uint64_t v = 0;
	(void)!rocksdb_property_int_cf(r->db, r->cf[CF_BODIES], name, &v);
	return v;
}

/*
 * Collecting rewrites the oldest blob files whether they hold garbage or not, at
 * each compaction, so what it costs grows with the store.  It is on only while
 * what is forgotten is a large part.
 */
static void collect(struct rocks *r, const struct group *g)
{
	for (const struct staged *c = g->first; c; c = c->next)
		for (size_t i = 0; i < c->batch->body_count; i++)
			r->unseen += c->batch->bodies[i].gone
					     ? GARBAGE_GUESS
					     : c->batch->bodies[i].len;
	if (r->unseen < r->memtable)
		return;
	r->unseen = 0;
	uint64_t all = property(r, "rocksdb.live-blob-file-size");
	uint64_t garbage = property(r, "rocksdb.live-blob-file-garbage-size");
	bool on = garbage > all / 100 * (r->collects ? GARBAGE_UNTIL
						     : GARBAGE_FROM);
	if (on == r->collects)
		return;
	const char *key = "enable_blob_garbage_collection";
	const char *value = on ? "true" : "false";
	char *err = NULL;
	rocksdb_set_options_cf(r->db, r->cf[CF_BODIES], 1, &key, &value, &err);
	if (!err)
		r->collects = on;
	rocksdb_free(err);
}

static void remove_large(struct rocks *r, const struct group *g)
{
	for (const struct staged *c = g->first; c; c = c->next)
		for (size_t i = 0; i < c->batch->body_count; i++)
			/* One that stays is an orphan: the next sweep's. */
			if (c->batch->bodies[i].gone &&
			    !c->batch->bodies[i].once)
				(void)!kv_large_remove(r->large,
						    &c->batch->bodies[i].id);
}

static void write_run(struct worker_job *job)
{
	struct group *g = CONTAINER_OF(job, struct group, job);
	struct rocks *r = ROCKS(g->engine);
	rocksdb_writebatch_t *wb = rocksdb_writebatch_create();
	char *err = NULL;
	for (struct staged *c = g->first; c; c = c->next) {
		if (c->barrier)
			continue;
		write_rows(r, wb, c);
		write_bodies(r, wb, c);
		if (c->last) {
			uint8_t key[SPACE_KEY], head[HEAD_MAX];
			kv_space_key(c->name, key);
			rocksdb_writebatch_put_cf(
				wb, r->cf[CF_DEFAULT], (const char *)key,
				sizeof(key), (const char *)head,
				kv_head_write(&c->head, head));
		}
	}
	g->broken = g->fault;
	if (!g->broken)
		rocksdb_write(r->db, r->sync, wb, &err);
	g->broken |= err != NULL;
	rocksdb_free(err);
	rocksdb_writebatch_destroy(wb);
	for (struct staged *c = g->first; c; c = c->next)
		c->result = g->broken ? KV_UNKNOWN : KV_OK;
	if (g->broken)
		return;
	remove_large(r, g);
	collect(r, g);
}

static void rocks_start(struct engine *e, struct group *g)
{
	g->fault = world_fault(e->world, "kv.write");
	g->job.run = write_run;
	workers_submit(e->workers, LANE_WRITE, &g->job);
}

/* Groups come back as finished jobs. */
static bool rocks_finish(struct engine *e, struct group *g)
{
	(void)e, (void)g;
	return false;
}

static void rocks_advance(struct engine *e) { take_snapshot(ROCKS(e)); }

static enum kv_result rocks_reopen(struct engine *e)
{
	struct rocks *r = ROCKS(e);
	char *err;
	db_close(r);
	if (world_fault(e->world, "kv.reopen"))
		return KV_UNAVAILABLE;
	enum kv_result k = db_open(r, &err);
	rocksdb_free(err);
	return k;
}

/* ---- the rest ---- */

static enum kv_result rocks_checkpoint_drop(struct engine *e)
{
	return file_tree_remove(e->world, ROCKS(e)->dir, KV_CHECKPOINT) == OS_OK
		       ? KV_OK
		       : KV_UNAVAILABLE;
}

/* The memtables are flushed first: what a former copy has is not copied again
 * as a log. */
static enum kv_result rocks_checkpoint(struct engine *e)
{
	static const char sub[] = "/" KV_CHECKPOINT "/rocksdb";
	struct rocks *r = ROCKS(e);
	size_t above = strlen(r->path) - strlen("/rocksdb");
	char *err = NULL, *path = malloc(above + sizeof(sub));
	enum kv_result k = path ? rocks_checkpoint_drop(e) : KV_UNAVAILABLE;
	if (k == KV_OK && file_mkdir(e->world, r->dir, KV_CHECKPOINT) != OS_OK)
		k = KV_UNAVAILABLE;
	if (k != KV_OK) {
		free(path);
		return k;
	}
	memcpy(path, r->path, above);
	memcpy(path + above, sub, sizeof(sub));
	rocksdb_checkpoint_t *c = rocksdb_checkpoint_object_create(r->db, &err);
	if (!err)
		rocksdb_checkpoint_create(c, path, 0, &err);
	if (c)
		rocksdb_checkpoint_object_destroy(c);
	free(path);
	return err ? rocks_error(err) : KV_OK;
}

static bool rocks_disk(struct engine *e, uint64_t *avail, uint64_t *total)
{
	return file_space(e->world, ROCKS(e)->dir, avail, total) == OS_OK;
}

static const struct engine_ops rocks_ops = {
	.close = rocks_close,
	.head = rocks_head,
	.heads = rocks_heads,
	.get = rocks_get,
	.iter = rocks_iter,
	.iter_row = rocks_iter_row,
	.iter_next = rocks_iter_next,
	.iter_close = rocks_iter_close,
	.start = rocks_start,
	.finish = rocks_finish,
	.advance = rocks_advance,
	.reopen = rocks_reopen,
	.bodies_read = rocks_bodies_read,
	.body_size = rocks_body_size,
	.body_list = rocks_body_list,
	.large_begin = rocks_large_begin,
	.large_append = kv_large_append,
	.large_finish = kv_large_finish,
	.large_drop = kv_large_drop,
	.checkpoint = rocks_checkpoint,
	.checkpoint_drop = rocks_checkpoint_drop,
	.disk = rocks_disk,
};

enum kv_result kv_open_rocksdb(const struct kv_rocksdb *how, struct kv **out,
			       struct buf *why)
{
	*out = NULL;
	struct rocks *r = calloc(1, sizeof(*r));
	if (!r)
		return KV_UNAVAILABLE;
	r->engine.ops = &rocks_ops;
	r->engine.world = how->world;
	r->dir = r->lock = -1;
	enum kv_result k = rocks_open(r, how, why);
	if (k != KV_OK) {
		rocks_free(r);
		return k;
	}
	*out = kv_over(&r->engine);
	return *out ? KV_OK : KV_UNAVAILABLE;
}
