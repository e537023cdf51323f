/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/keeper/check: a store that nobody runs, verified and mended.
 *
 *     check [repair]      folder: the store's
 *
 * What the engine refuses, and rows that it cannot read, are left behind by a
 * salvage (kv/salvage.h): all that can be read becomes a new engine folder, the
 * old one is kept as rocksdb.damaged.  Then the models mend their rows.
 *
 * Must never: change anything without `repair`, or remove what was damaged.
 */
#include "box/fsck.h"
#include "directory/directory.h"
#include "kv/rocksdb.h"
#include "kv/salvage.h"
#include "role/keeper/keeper.h"
#include "spool/spool.h"

#include <stdio.h>
#include <stdlib.h>

#define ACCOUNTS_STEP 256u
#define BODIES_BYTES  (4u << 20) /* of one commit */
#define DAMAGED_MAX   100u

struct check {
	struct keeper *k;
	struct kv *kv;
	struct directory *directory;
	bool repair;
	bool unreadable; /* the engine could not read something */
	uint64_t damaged; /* bodies, as of the last finding */
	const char *kind, *where;
	/* salvage */
	struct kv_salvage *salvage;
	struct kv_space *space;
	struct kv_batch *batch;
	struct kv_id *ids; /* named by one account, or by the queue */
	size_t id_count, id_cap, in_batch, held;
	bool short_of_memory;
	uint64_t bodies, lost;
};

static void tell(struct check *c, const char *what, bool mended)
{
	keeper_row(c->k,
		   "\"kind\":\"%s\",\"where\":\"%s\",\"what\":\"%s\","
		   "\"mended\":%s",
		   c->kind, c->where, keeper_text(c->k, span_cstr(what)),
		   mended ? "true" : "false");
}

/* What is repaired is so when the check of its space ends; lost bodies are not. */
static void found(struct check *c, const char *what, uint64_t damaged)
{
	if (what != NULL)
		tell(c, what, c->repair && damaged == c->damaged);
	c->damaged = damaged;
}

static void box_found(void *arg, const struct box_fsck_count *n,
		      const char *what)
{
	found(arg, what, n->damaged);
}

static void spool_found(void *arg, const struct spool_fsck_count *n,
			const char *what)
{
	found(arg, what, n->damaged);
}

static void directory_found(void *arg, const struct directory_fsck_count *n,
			    const char *what)
{
	(void)n;
	found(arg, what, 0);
}

/* ---- looking ------------------------------------------------------------------- */

static bool cannot_read(struct check *c, const char *why)
{
	c->unreadable = true;
	if (!c->repair)
		tell(c, why, false);
	return true;
}

static void check_directory(struct check *c)
{
	struct directory_fsck_count n;
	c->kind = c->where = "directory";
	c->damaged = 0;
	enum directory_result r = directory_open(c->kv, &c->directory);
	if (r == DIRECTORY_OK)
		r = directory_fsck(c->directory, c->repair, directory_found, c,
				   &n);
	if (r != DIRECTORY_OK)
		(void)cannot_read(c, "rows cannot be read");
}

static void check_spool(struct check *c)
{
	struct spool_fsck_count n;
	struct spool *s = NULL;
	c->kind = c->where = "queue";
	c->damaged = 0;
	enum spool_result r = spool_open(c->kv, &s);
	if (r == SPOOL_OK)
		r = spool_fsck(s, true, c->repair, spool_found, c, &n);
	if (r != SPOOL_OK)
		(void)cannot_read(c, "rows cannot be read");
	spool_close(s);
}

static void check_account(struct check *c, uint64_t id)
{
	char where[400];
	struct box_fsck_count n;
	struct box *b;
	const struct directory_account *a =
		c->directory ? directory_account(c->directory, id) : NULL;
	snprintf(where, sizeof where, "%s (%llu)",
		 a ? keeper_text(c->k, a->name) : "unknown",
		 (unsigned long long)id);
	c->kind = "account";
	c->where = where;
	c->damaged = 0;
	enum box_result r = box_open(c->kv, id, &b);
	if (r == BOX_OK) {
		r = box_fsck(b, BOX_FSCK_DEEP | (c->repair ? BOX_FSCK_REPAIR : 0),
			     box_found, c, &n);
		box_close(b);
	}
	if (r != BOX_OK)
		(void)cannot_read(c, "rows cannot be read");
	c->where = "";
}

/* Each account's number; false: the list cannot be read. */
static bool each_account(struct check *c, void (*fn)(struct check *, uint64_t))
{
	uint64_t ids[ACCOUNTS_STEP], from = 0, done = 0;
	size_t count = ACCOUNTS_STEP;
	while (count == ACCOUNTS_STEP) {
		count = 0;
		if (kv_space_list(c->kv, KV_ACCOUNT, from, ids, ACCOUNTS_STEP,
				  &count) != KV_OK)
			return false;
		for (size_t i = 0; i < count; i++) {
			fn(c, ids[i]);
			from = ids[i] + 1;
			done++;
			keeper_progress(c->k, "accounts", done, done);
		}
	}
	return true;
}

/* False: it could not be opened, or something in it could not be read. */
static bool look(struct check *c)
{
	struct kv_rocksdb how = {.world = c->k->world, .dir = SPAN(".")};
	struct buf why;
	bool ok = false;
	c->unreadable = false;
	buf_init(&why, 4096);
	enum kv_result r = kv_open_rocksdb(&how, &c->kv, &why);
	c->kind = "engine";
	c->where = "rocksdb";
	if (r == KV_OK) {
		check_directory(c);
		check_spool(c);
		if (!each_account(c, check_account))
			(void)cannot_read(c, "the accounts cannot be listed");
		directory_close(c->directory);
		c->directory = NULL;
		kv_close(c->kv);
		ok = !c->unreadable;
	} else if (r == KV_REFUSED) { /* in use, or of a newer letterlock */
		(void)keeper_fail(c->k, "%.*s", SPAN_FMT(buf_span(&why)));
		c->repair = false;
	} else {
		tell(c, buf_len(&why) ? arena_cstr(c->k->arena, buf_span(&why))
				      : kv_result_name(r),
		     c->repair);
	}
	buf_free(&why);
	return ok;
}

/* ---- salvage -------------------------------------------------------------------- */

static void ignore(void *arg, const struct kv_done *d)
{
	*(enum kv_result *)arg = d->result;
}

/* What the batch holds is durable, and the batch empty. */
static void flush_bodies(struct check *c)
{
	enum kv_result r = KV_OK;
	if (kv_commit(c->space, c->batch, kv_turn(c->space, KV_STAGED),
		      kv_token(c->kv), KV_QUIET | KV_SHRINKS, ignore, &r) == KV_OK)
		kv_wait(c->kv);
	else
		r = KV_UNAVAILABLE;
	if (r != KV_OK)
		c->lost += c->in_batch; /* fsck names them */
	kv_batch_clear(c->batch);
	c->in_batch = c->held = 0;
}

static void name_body(void *arg, const struct kv_id *id)
{
	struct check *c = arg;
	if (c->id_count == c->id_cap) {
		size_t cap = c->id_cap ? c->id_cap * 2 : 4096;
		struct kv_id *more = realloc(c->ids, cap * sizeof *more);
		if (more == NULL) {
			c->short_of_memory = true;
			return;
		}
		c->ids = more;
		c->id_cap = cap;
	}
	c->ids[c->id_count++] = *id;
}

static void take_body(struct check *c, const struct kv_id *id)
{
	struct buf body;
	uint64_t size;
	if (kv_body_size(c->kv, id, &size) == KV_OK)
		return; /* copies share one */
	buf_init(&body, KV_BODY_INLINE);
	enum kv_result r = kv_salvage_body(c->salvage, id, &body);
	if (r == KV_OK) {
		kv_put_body(c->batch, id, buf_span(&body));
		c->bodies++;
		c->held += buf_len(&body);
	} else if (r == KV_CORRUPT) {
		c->lost++;
	}
	buf_free(&body);
	if (c->held > BODIES_BYTES || ++c->in_batch == KV_BODIES_MAX)
		flush_bodies(c);
}

static void take_named(struct check *c)
{
	for (size_t i = 0; i < c->id_count; i++)
		take_body(c, &c->ids[i]);
	flush_bodies(c);
	c->id_count = 0;
}

static void take_account(struct check *c, uint64_t id)
{
	struct box *b;
	if (box_open(c->kv, id, &b) != BOX_OK)
		return;
	/* A row that cannot be read names nothing that could be kept. */
	(void)!box_bodies(b, name_body, c);
	box_close(b);
	take_named(c);
}

static bool take_bodies(struct check *c, struct buf *why)
{
	struct kv_rocksdb how = {.world = c->k->world, .dir = SPAN(KV_SALVAGE)};
	struct spool *spool;
	if (kv_open_rocksdb(&how, &c->kv, why) != KV_OK)
		return false;
	bool ok = kv_space_open(c->kv, (struct kv_name){KV_SYSTEM, 0},
				&c->space) == KV_OK;
	c->batch = kv_batch_new();
	if (ok && c->batch != NULL) {
		if (spool_open(c->kv, &spool) == SPOOL_OK) {
			(void)!spool_bodies(spool, name_body, c);
			spool_close(spool);
			take_named(c);
		}
		ok = each_account(c, take_account);
	}
	if (c->short_of_memory)
		buf_add(why, SPAN("memory is short"));
	free(c->ids);
	c->ids = NULL;
	kv_batch_free(c->batch);
	kv_space_close(c->space);
	kv_close(c->kv);
	return ok && !c->short_of_memory;
}

static enum os swap(struct check *c, char *kept, size_t cap)
{
	struct world *w = c->k->world;
	int dir = -1, taken;
	enum os r = file_dir_at(w, KEEPER_FOLDER, KV_SALVAGE, &dir);
	for (unsigned i = 1; r == OS_OK && i < DAMAGED_MAX; i++) {
		snprintf(kept, cap, "rocksdb.damaged-%u", i);
		if (file_dir_at(w, KEEPER_FOLDER, kept, &taken) != OS_OK)
			break;
		world_close(w, taken);
	}
	if (r == OS_OK)
		r = file_rename(w, KEEPER_FOLDER, "rocksdb", KEEPER_FOLDER, kept);
	if (r == OS_OK)
		r = file_rename(w, dir, "rocksdb", KEEPER_FOLDER, "rocksdb");
	if (r == OS_OK)
		r = file_dir_sync(w, KEEPER_FOLDER);
	world_close(w, dir);
	if (r == OS_OK)
		r = file_tree_remove(w, KEEPER_FOLDER, KV_SALVAGE);
	return r;
}

static bool salvage(struct check *c)
{
	struct kv_salvaged n;
	struct buf why;
	char kept[32], text[400];
	buf_init(&why, 4096);
	enum kv_result r = kv_salvage_open(c->k->world, KEEPER_FOLDER,
					   &c->salvage, &n, &why);
	bool ok = r == KV_OK && take_bodies(c, &why);
	kv_salvage_close(c->salvage);
	enum os o = ok ? swap(c, kept, sizeof kept) : OS_OK;
	if (!ok || o != OS_OK) {
		(void)keeper_fail(c->k, "the store cannot be salvaged (%.*s): "
					"restore a backup",
				  SPAN_FMT(o != OS_OK ? span_cstr(os_text(o))
						      : buf_span(&why)));
	} else {
		c->kind = "engine";
		c->where = "rocksdb";
		snprintf(text, sizeof text,
			 "%llu rows and %llu bodies were brought into a new "
			 "folder%s; %llu holes, %llu bodies lost; the old "
			 "folder is kept as store/%s",
			 (unsigned long long)n.rows,
			 (unsigned long long)c->bodies,
			 n.rebuilt ? ", without the lost list of files" : "",
			 (unsigned long long)n.holes,
			 (unsigned long long)c->lost, kept);
		tell(c, text, true);
	}
	buf_free(&why);
	return ok && o == OS_OK;
}

bool keeper_check(struct keeper *k)
{
	struct check c = {.k = k, .repair = keeper_argument(k, "repair")};
	if (file_enter(k->world, KEEPER_FOLDER) != OS_OK)
		return keeper_fail(k, "the store's folder cannot be entered");
	if (look(&c))
		return true;
	if (!c.repair)
		return c.unreadable;
	return salvage(&c) && look(&c);
}
