/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/salvage: the damaged folder opened for reading only, with every check that
 * would refuse the whole of it left out; checksums of blocks stay on.
 *
 * Must never: copy bytes whose checksum is wrong.
 */
#include "kv/salvage.h"

#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "kv/engine.h"
#include "kv/rocksdb.h"
#include "os/file.h"

#define BODY_HEAD   8u
#define BODY_FORMAT 1u
#define COPY_BYTES  (4u << 20) /* of one write */
#define KEY_MAX	    (SPACE_KEY + KV_KEY_MAX)
#define STEP_DEPTH  (SPACE_KEY + 16u) /* bytes of a key that are looked at */

enum { CF_DEFAULT, CF_ROWS, CF_BODIES, CFS };
static const char *const cf_names[CFS] = {"default", "rows", "bodies"};

struct side {
	rocksdb_t *db;
	rocksdb_column_family_handle_t *cf[CFS];
};

struct kv_salvage {
	struct world *world;
	int dir;
	struct side old, fresh;
	rocksdb_readoptions_t *how;
};

/* ---- opening ----------------------------------------------------------------- */

static rocksdb_options_t *lenient(void)
{
	rocksdb_options_t *o = rocksdb_options_create();
	rocksdb_options_set_paranoid_checks(o, 0);
	rocksdb_options_set_wal_recovery_mode(o, 3); /* around what is damaged */
	rocksdb_options_set_compression(o, rocksdb_lz4_compression);
	rocksdb_options_set_max_open_files(o, 512);
	return o;
}

static bool side_open(struct side *s, const char *path, bool read_only,
		      struct buf *why)
{
	rocksdb_options_t *o = lenient();
	const rocksdb_options_t *const each[CFS] = {o, o, o};
	char *err = NULL;
	s->db = read_only ? rocksdb_open_for_read_only_column_families(
				    o, path, CFS, cf_names, each, s->cf, 0, &err)
			  : rocksdb_open_column_families(o, path, CFS, cf_names,
							 each, s->cf, &err);
	rocksdb_options_destroy(o);
	if (err != NULL) {
		buf_printf(why, "%s", err);
		rocksdb_free(err);
		s->db = NULL;
	}
	return s->db != NULL;
}

static void side_close(struct side *s)
{
	if (s->db == NULL)
		return;
	for (unsigned i = 0; i < CFS; i++)
		rocksdb_column_family_handle_destroy(s->cf[i]);
	rocksdb_close(s->db);
	s->db = NULL;
}

/* ---- with another list of files, or without one -------------------------------- */

struct tables {
	struct kv_salvage *s;
	int from, to;
	bool lists; /* also blob files and lists */
	uint64_t newest; /* list */
	enum os result;
};

static bool ends(const char *name, const char *end)
{
	size_t n = strlen(name), e = strlen(end);
	return n > e && strcmp(name + n - e, end) == 0;
}

static bool link_one(void *arg, const char *name)
{
	struct tables *t = arg;
	struct span s = span_cstr(name);
	bool list = span_starts(s, SPAN("MANIFEST-"));
	uint64_t number;
	if (list && span_u64(span_skip(s, 9), UINT32_MAX, &number))
		t->newest = u64_max(t->newest, number);
	if (ends(name, ".sst") || ends(name, ".log") ||
	    (t->lists && (list || ends(name, ".blob"))))
		t->result = file_link(t->s->world, t->from, name, t->to, name);
	return t->result == OS_OK;
}

/* Second names in the scratch folder: what happens there harms nobody. */
static enum os link_all(struct tables *t, int salvage)
{
	struct world *w = t->s->world;
	enum os r = file_tree_remove(w, salvage, "tables");
	t->from = t->to = -1;
	t->result = OS_OK;
	if (r == OS_OK)
		r = file_mkdir(w, salvage, "tables");
	if (r == OS_OK)
		r = file_dir_at(w, salvage, "tables", &t->to);
	if (r == OS_OK)
		r = file_dir_at(w, t->s->dir, "rocksdb", &t->from);
	if (r == OS_OK)
		r = file_each(w, t->from, link_one, t);
	return r == OS_OK ? t->result : r;
}

/* CURRENT says which list counts: the newest, whatever it says now. */
static bool newest_list(struct kv_salvage *s, int salvage)
{
	struct tables t = {.s = s, .lists = true};
	char line[32];
	struct buf why;
	enum os r = link_all(&t, salvage);
	snprintf(line, sizeof(line), "MANIFEST-%06llu\n",
		 (unsigned long long)t.newest);
	if (r == OS_OK && t.newest > 0)
		r = file_replace(s->world, t.to, "CURRENT", span_cstr(line));
	world_close(s->world, t.from);
	world_close(s->world, t.to);
	buf_init(&why, 4096);
	bool ok = r == OS_OK && t.newest > 0 &&
		  side_open(&s->old, KV_SALVAGE "/tables", true, &why);
	buf_free(&why);
	return ok;
}

/* A list that lost its end names tables that were replaced since. */
static bool names_missing(struct kv_salvage *s)
{
	const rocksdb_livefiles_t *l = rocksdb_livefiles(s->old.db);
	int rocks = -1, fd;
	bool missing = l == NULL ||
		       file_dir_at(s->world, s->dir, "rocksdb", &rocks) != OS_OK;
	for (int i = 0; !missing && i < rocksdb_livefiles_count(l); i++) {
		const char *name = rocksdb_livefiles_name(l, i);
		missing = file_open(s->world, rocks, name + (*name == '/'),
				    (struct open_how){0}, &fd) != OS_OK;
		if (!missing)
			world_close(s->world, fd);
	}
	world_close(s->world, rocks);
	if (l != NULL)
		rocksdb_livefiles_destroy(l);
	return missing;
}

/* A new list made from tables and logs, which become tables by that. */
static bool rebuild(struct kv_salvage *s, int salvage, struct buf *why)
{
	struct tables t = {.s = s};
	char *err = NULL;
	enum os r = link_all(&t, salvage);
	world_close(s->world, t.from);
	world_close(s->world, t.to);
	if (r != OS_OK) {
		buf_printf(why, "%s", os_text(r));
		return false;
	}
	rocksdb_options_t *o = lenient();
	rocksdb_repair_db(o, KV_SALVAGE "/tables", &err);
	rocksdb_options_destroy(o);
	if (err != NULL) {
		buf_printf(why, "%s", err);
		rocksdb_free(err);
		return false;
	}
	return side_open(&s->old, KV_SALVAGE "/tables", true, why);
}

/* ---- rows ------------------------------------------------------------------------ */

struct place {
	char key[KEY_MAX + 1];
	size_t len;
};

static bool stands(rocksdb_iterator_t *it, struct place *p)
{
	size_t len;
	if (!rocksdb_iter_valid(it))
		return false;
	const char *key = rocksdb_iter_key(it, &len);
	p->len = size_min(len, KEY_MAX);
	memcpy(p->key, key, p->len);
	return true;
}

static bool failed(rocksdb_iterator_t *it)
{
	char *err = NULL;
	rocksdb_iter_get_error(it, &err);
	bool yes = err != NULL;
	rocksdb_free(err);
	return yes;
}

static bool readable_from(rocksdb_iterator_t *it, const struct place *p)
{
	rocksdb_iter_seek(it, p->key, p->len);
	return rocksdb_iter_valid(it) || !failed(it);
}

/* The smallest last byte from `from` on with which the rest can be read. */
static bool least(rocksdb_iterator_t *it, struct place *p, unsigned from)
{
	for (unsigned v = from; v < 256; v++) {
		p->key[p->len - 1] = (char)v;
		if (readable_from(it, p))
			return true;
	}
	return false;
}

/*
 * Behind the last readable key something is damaged.  First larger and larger
 * keys, the last byte before the one in front of it, until one can be read
 * from; then back towards the damage, a byte more at a time.  False: nothing
 * behind it can be read, or there is nothing.
 */
static bool step_over(rocksdb_iterator_t *it, const struct place *last)
{
	struct place p = *last, best;
	unsigned from = last->len > 0;
	if (p.len == 0)
		p = (struct place){.len = 1};
	while (!least(it, &p, (unsigned)(uint8_t)p.key[p.len - 1] + from)) {
		if (--p.len == 0)
			return false;
		p.key[p.len - 1] = last->key[p.len - 1];
		from = 1;
	}
	best = p;
	while (p.len < STEP_DEPTH && p.key[p.len - 1] != 0) {
		p.key[p.len - 1] = (char)((uint8_t)p.key[p.len - 1] - 1);
		p.len++;
		if (!least(it, &p, 0))
			break;
		best = p;
	}
	rocksdb_iter_seek(it, best.key, best.len);
	return rocksdb_iter_valid(it);
}

static bool copy_rows(struct kv_salvage *s, unsigned cf, struct kv_salvaged *n,
		      struct buf *why)
{
	rocksdb_iterator_t *it =
		rocksdb_create_iterator_cf(s->old.db, s->how, s->old.cf[cf]);
	rocksdb_writeoptions_t *w = rocksdb_writeoptions_create();
	rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
	struct place last = {.len = 0};
	char *err = NULL;
	size_t held = 0;
	rocksdb_iter_seek_to_first(it);
	while (err == NULL) {
		if (!rocksdb_iter_valid(it)) {
			if (!failed(it))
				break;
			n->holes++;
			if (!step_over(it, &last))
				break;
		}
		size_t len, key_len;
		const char *key = rocksdb_iter_key(it, &key_len);
		const char *value = rocksdb_iter_value(it, &len);
		rocksdb_writebatch_put_cf(batch, s->fresh.cf[cf], key, key_len,
					  value, len);
		n->rows++;
		(void)stands(it, &last);
		if ((held += key_len + len) > COPY_BYTES) {
			rocksdb_write(s->fresh.db, w, batch, &err);
			rocksdb_writebatch_clear(batch);
			held = 0;
		}
		rocksdb_iter_next(it);
	}
	if (err == NULL)
		rocksdb_write(s->fresh.db, w, batch, &err);
	if (err != NULL)
		buf_printf(why, "%s", err);
	rocksdb_free(err);
	rocksdb_iter_destroy(it);
	rocksdb_writebatch_destroy(batch);
	rocksdb_writeoptions_destroy(w);
	return buf_len(why) == 0;
}

static bool sync_fresh(struct kv_salvage *s, struct buf *why)
{
	rocksdb_flushoptions_t *f = rocksdb_flushoptions_create();
	char *err = NULL;
	rocksdb_flushoptions_set_wait(f, 1);
	for (unsigned i = 0; i < CFS && err == NULL; i++)
		rocksdb_flush_cf(s->fresh.db, f, s->fresh.cf[i], &err);
	if (err != NULL)
		buf_printf(why, "%s", err);
	rocksdb_free(err);
	rocksdb_flushoptions_destroy(f);
	return buf_len(why) == 0;
}

/* A new store, made as every other, and filled behind its back. */
static bool make_fresh(struct kv_salvage *s, struct kv_salvaged *n,
		       struct buf *why)
{
	struct kv_rocksdb how = {.world = s->world, .dir = SPAN(KV_SALVAGE)};
	struct kv *kv;
	if (kv_open_rocksdb(&how, &kv, why) != KV_OK)
		return false;
	kv_close(kv);
	bool ok = side_open(&s->fresh, KV_SALVAGE "/rocksdb", false, why) &&
		  copy_rows(s, CF_DEFAULT, n, why) &&
		  copy_rows(s, CF_ROWS, n, why) && sync_fresh(s, why);
	side_close(&s->fresh);
	return ok;
}

static enum kv_result open_both(struct kv_salvage *s, struct kv_salvaged *n,
				struct buf *why)
{
	int salvage = -1;
	enum os r = file_tree_remove(s->world, s->dir, KV_SALVAGE);
	if (r == OS_OK)
		r = file_mkdir(s->world, s->dir, KV_SALVAGE);
	if (r == OS_OK)
		r = file_dir_at(s->world, s->dir, KV_SALVAGE, &salvage);
	if (r != OS_OK) {
		buf_printf(why, "the folder \"" KV_SALVAGE "\": %s", os_text(r));
		return KV_UNAVAILABLE;
	}
	bool ok = side_open(&s->old, "rocksdb", true, why) ||
		  newest_list(s, salvage);
	buf_clear(why);
	if (ok && names_missing(s)) {
		side_close(&s->old);
		ok = false;
	}
	if (!ok) {
		n->rebuilt = true;
		ok = rebuild(s, salvage, why);
	}
	world_close(s->world, salvage);
	return ok && make_fresh(s, n, why) ? KV_OK : KV_CORRUPT;
}

enum kv_result kv_salvage_open(struct world *world, int dir,
			       struct kv_salvage **out, struct kv_salvaged *n,
			       struct buf *why)
{
	struct kv_salvage *s = calloc(1, sizeof(*s));
	*out = NULL;
	*n = (struct kv_salvaged){0};
	if (s == NULL)
		return KV_UNAVAILABLE;
	s->world = world;
	s->dir = dir;
	s->how = rocksdb_readoptions_create();
	enum kv_result k = open_both(s, n, why);
	if (k == KV_OK)
		*out = s;
	else
		kv_salvage_close(s);
	return k;
}

void kv_salvage_close(struct kv_salvage *s)
{
	if (s == NULL)
		return;
	side_close(&s->old);
	side_close(&s->fresh);
	rocksdb_readoptions_destroy(s->how);
	free(s);
}

enum kv_result kv_salvage_body(struct kv_salvage *s, const struct kv_id *id,
			       struct buf *out)
{
	char *err = NULL;
	rocksdb_pinnableslice_t *p = rocksdb_get_pinned_cf(
		s->old.db, s->how, s->old.cf[CF_BODIES], (const char *)id->byte,
		sizeof(id->byte), &err);
	if (err != NULL) {
		rocksdb_free(err);
		return KV_CORRUPT;
	}
	if (p == NULL)
		return KV_NONE;
	size_t len;
	const char *v = rocksdb_pinnableslice_value(p, &len);
	bool right = len >= BODY_HEAD && v[0] == BODY_FORMAT;
	if (right)
		buf_add(out, span_of(v + BODY_HEAD, len - BODY_HEAD));
	rocksdb_pinnableslice_destroy(p);
	if (!right)
		return KV_CORRUPT;
	return buf_ok(out) ? KV_OK : KV_UNAVAILABLE;
}
