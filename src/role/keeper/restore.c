/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/keeper/restore: a backup verified, and brought back.
 *
 *     facts, verify       folder: the backup
 *     restore [latest]    folders: the backup, the new one for the store
 *
 * Each file is compared with its checksum while it is copied.  Unless the copy
 * is the latest state that any client saw, mailboxes get a new UIDVALIDITY:
 * UIDs that were given after the backup would be given a second time.
 *
 * Must never: leave a store behind that passes for whole and is not.
 */
#include "box/renew.h"
#include "kv/rocksdb.h"
#include "role/keeper/keeper.h"

#define ACCOUNTS_STEP 256u

static bool same(const struct sha256 *a, const struct sha256 *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static void damaged(struct keeper *k, const struct manifest_file *f,
		    const char *what)
{
	keeper_row(k, "\"name\":\"%s\",\"path\":\"%s\",\"what\":\"%s\"",
		   keeper_value(k, "name="), keeper_text(k, f->path), what);
}

bool keeper_facts(struct keeper *k)
{
	struct manifest m;
	bool ok = files_manifest(k, KEEPER_FOLDER, &m);
	if (ok)
		keeper_row(k,
			   "\"name\":\"%s\",\"made\":%lld,\"files\":%zu,"
			   "\"bytes\":%llu",
			   keeper_value(k, "name="), (long long)m.made, m.count,
			   (unsigned long long)m.bytes);
	manifest_free(&m);
	return ok;
}

bool keeper_verify(struct keeper *k)
{
	struct manifest m;
	struct sha256 hash;
	uint64_t size, done = 0;
	bool ok = files_manifest(k, KEEPER_FOLDER, &m);
	for (size_t i = 0; ok && i < m.count; i++) {
		const struct manifest_file *f = &m.files[i];
		enum os r = files_hash(k, KEEPER_FOLDER, f->path, &size, &hash);
		if (r != OS_OK)
			damaged(k, f, os_text(r));
		else if (size != f->size)
			damaged(k, f, "has another length");
		else if (!same(&hash, &f->hash))
			damaged(k, f, "has another checksum");
		keeper_progress(k, "verified", done += f->size, m.bytes);
	}
	manifest_free(&m);
	return ok;
}

static bool copy_back(struct keeper *k, const struct manifest *m, int to)
{
	uint64_t done = 0, size;
	struct sha256 hash;
	for (size_t i = 0; i < m->count; i++) {
		const struct manifest_file *f = &m->files[i];
		enum os r = files_copy(k, KEEPER_FOLDER, f->path, to, f->path,
				       &size, &hash);
		if (r != OS_OK)
			return keeper_fail(k, "%.*s: %s", SPAN_FMT(f->path),
					   os_text(r));
		if (size != f->size || !same(&hash, &f->hash))
			return keeper_fail(k, "%.*s in the backup is damaged: "
					      "restore another one (`letterlock "
					      "backup verify` tells which are "
					      "sound)",
					   SPAN_FMT(f->path));
		keeper_progress(k, "restored", done += f->size, m->bytes);
	}
	enum os r = files_sync(k, to);
	return r == OS_OK || keeper_fail(k, "the new folder: %s", os_text(r));
}

/* ---- as a store ------------------------------------------------------------- */

struct tally {
	uint64_t accounts, mailboxes, messages;
};

static bool renew_one(struct keeper *k, struct kv *kv, uint64_t account,
		      bool latest, struct tally *t)
{
	struct box_renewed n = {0};
	struct box *b;
	enum box_result r = box_open(kv, account, &b);
	if (r == BOX_OK) {
		r = box_renew(b, !latest, &n);
		box_close(b);
	}
	t->accounts++;
	t->mailboxes += n.mailboxes;
	t->messages += n.messages;
	if (r == BOX_OK || r == BOX_CORRUPT) /* fsck's, once it runs */
		return true;
	return keeper_fail(k, "account %llu: %s", (unsigned long long)account,
			   box_result_name(r));
}

static bool renew_all(struct keeper *k, struct kv *kv, bool latest,
		      struct tally *t)
{
	uint64_t ids[ACCOUNTS_STEP], from = 0;
	size_t count = ACCOUNTS_STEP;
	while (count == ACCOUNTS_STEP) {
		count = 0;
		if (kv_space_list(kv, KV_ACCOUNT, from, ids, ACCOUNTS_STEP,
				  &count) != KV_OK)
			return keeper_fail(k, "the accounts cannot be listed");
		for (size_t i = 0; i < count; i++) {
			if (!renew_one(k, kv, ids[i], latest, t))
				return false;
			from = ids[i] + 1;
		}
	}
	return true;
}

static bool open_restored(struct keeper *k, int folder, bool latest,
			  struct tally *t)
{
	struct kv_rocksdb how = {.world = k->world, .dir = SPAN(".")};
	struct kv *kv;
	struct buf why;
	buf_init(&why, 4096);
	bool ok = file_enter(k->world, folder) == OS_OK &&
		  kv_open_rocksdb(&how, &kv, &why) == KV_OK;
	if (!ok) {
		(void)keeper_fail(k, "what was restored cannot be opened: %.*s",
				  SPAN_FMT(buf_span(&why)));
	} else {
		ok = renew_all(k, kv, latest, t);
		kv_close(kv);
	}
	buf_free(&why);
	return ok;
}

bool keeper_restore(struct keeper *k)
{
	const int to = KEEPER_FOLDER + 1;
	struct tally t = {0};
	struct manifest m;
	bool latest = keeper_argument(k, "latest");
	bool ok = files_manifest(k, KEEPER_FOLDER, &m) && copy_back(k, &m, to) &&
		  open_restored(k, to, latest, &t);
	if (ok)
		keeper_row(k,
			   "\"made\":%lld,\"files\":%zu,\"bytes\":%llu,"
			   "\"accounts\":%llu,\"mailboxes\":%llu,"
			   "\"messages\":%llu,\"uidvalidity\":\"%s\"",
			   (long long)m.made, m.count,
			   (unsigned long long)m.bytes,
			   (unsigned long long)t.accounts,
			   (unsigned long long)t.mailboxes,
			   (unsigned long long)t.messages,
			   latest ? "kept" : "new");
	manifest_free(&m);
	return ok;
}
