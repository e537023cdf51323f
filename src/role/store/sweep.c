/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/sweep: what nobody names any more goes, in the background.
 *
 * A round: accounts whose grace is over are forgotten, their rows first; tokens
 * of old deliveries, expunged mail and removed mailboxes whose time is over go; then every body id that
 * an account or a job of the queue names is gathered and the others, if they
 * are older than a day, are removed.  Between the steps others have their turn,
 * and under load the round waits.
 *
 * Must never remove a body that a commit may still name: anything younger than
 * BODY_AGE_S is spared, and a round that could not read all names, or in which
 * the clock was set, removes nothing.  That an account is missing from the
 * directory says nothing: its row may be damaged.
 */
#include <stdlib.h>

#include "box/change.h"
#include "box/fsck.h"
#include "box/gone.h"
#include "box/tree.h"
#include "role/store/store.h"

#define ROUND_NS     (6 * 3600 * NS_PER_SEC)
#define FIRST_NS     (600 * NS_PER_SEC)
#define HURRY_NS     (600 * NS_PER_SEC) /* between rounds of a full disk */
#define STEP_NS	     (5 * NS_PER_MS)
#define BODY_AGE_S   86400
#define TOKEN_AGE_S  (14 * 86400)
#define BODIES_STEP  256u
#define ACCOUNTS_STEP 64u
#define CLOCK_S	      3600 /* by which the clocks may differ in a round */

struct sweep {
	struct store *store;
	struct kv_id *names; /* sorted once all are known */
	size_t count, cap;
	bool failed;
	struct kv_id *old; /* of one page: to be removed */
	size_t old_count;
	int64_t now;
	uint64_t began; /* the same moment, monotonic */
};

static void name_body(void *arg, const struct kv_id *id)
{
	struct sweep *w = arg;
	if (w->count == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 4096;
		struct kv_id *more = realloc(w->names, cap * sizeof *more);
		if (more == NULL) {
			w->failed = true;
			return;
		}
		w->names = more;
		w->cap = cap;
	}
	w->names[w->count++] = *id;
}

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct kv_id));
}

/*
 * A copy may stand in an account that was read before it came, of a message that has
 * left another one before that was read.  So what was copied since this round began is
 * kept, and what was on its way then: older copies are found where they stand.
 */
static void spared_end(struct store *s)
{
	if (s->spared.copies > 0 || s->spared.round)
		return;
	free(s->spared.ids);
	s->spared.ids = NULL;
	s->spared.count = s->spared.cap = 0;
}

void sweep_copying(struct store *s, bool begins)
{
	if (begins)
		s->spared.copies++;
	else
		s->spared.copies--;
	spared_end(s);
}

bool sweep_spare(struct store *s, const struct kv_id *id)
{
	if (s->spared.count == s->spared.cap) {
		size_t cap = s->spared.cap ? 2 * s->spared.cap : 64;
		struct kv_id *more = realloc(s->spared.ids, cap * sizeof *more);
		if (more == NULL)
			return false;
		s->spared.ids = more;
		s->spared.cap = cap;
	}
	s->spared.ids[s->spared.count++] = *id;
	return true;
}

static bool is_spared(const struct store *s, const struct kv_id *id)
{
	for (size_t i = 0; i < s->spared.count; i++)
		if (kv_id_eq(&s->spared.ids[i], id))
			return true;
	return false;
}

static void judge_body(void *arg, const struct kv_id *id, uint64_t size,
		       int64_t made)
{
	struct sweep *w = arg;
	(void)size;
	if (made + BODY_AGE_S >= w->now ||
	    (w->count > 0 && bsearch(id, w->names, w->count, sizeof *id,
				     by_id) != NULL) ||
	    is_spared(w->store, id))
		return;
	w->old[w->old_count++] = *id;
}

static bool over(const struct store *s)
{
	return s->closing || s->draining;
}

/* Others first: a step only when nothing waits for the disk. */
static void give_way(struct job *j)
{
	struct kv_stats st;
	do {
		job_sleep(j, STEP_NS);
		kv_stats(j->store->kv, &st);
	} while ((st.staged_bytes > 0 ||
		  j->store->load.level > EDGE_STORE_LEVEL_CALM) &&
		 !over(j->store));
}

/* ---- accounts ------------------------------------------------------------------ */

static void forget_tokens(struct job *j, struct open_box *b, int64_t now)
{
	struct box_forget f = {.before = now - TOKEN_AGE_S, .more = true};
	enum box_result r = BOX_OK;
	while (r == BOX_OK && f.more && !over(j->store)) {
		give_way(j);
		r = job_box(j, box_forget(b->box, &f, box_gate, job_gate(j)));
	}
}

bool keeps_deleted(const struct store *s)
{
	return s->conf->store.keep_deleted > 0 && !kv_full(s->kv);
}

int64_t deleted_before(const struct store *s)
{
	int64_t now = world_wall(s->role->world).sec;
	return keeps_deleted(s) ? now - (int64_t)s->conf->store.keep_deleted
				: INT64_MAX;
}

static void forget_expunged(struct job *j, struct open_box *b)
{
	struct box_gone_forget f = {.before = deleted_before(j->store),
				    .more = true};
	enum box_result r = BOX_OK;
	while (r == BOX_OK && f.more && !over(j->store)) {
		give_way(j);
		r = job_box(j, box_gone_forget(b->box, &f, box_gate, job_gate(j)));
	}
}

static void purge_removed(struct job *j, struct open_box *b)
{
	struct box_tree t = {.verb = BOX_PURGE,
			     .before = deleted_before(j->store),
			     .more = true};
	enum box_result r = BOX_OK;
	while (r == BOX_OK && t.more && !over(j->store)) {
		give_way(j);
		r = job_box(j, box_tree(b->box, &t, box_gate, job_gate(j)));
	}
}

static void name_account(struct job *j, struct sweep *w, uint64_t account)
{
	enum box_result r;
	struct open_box *b = box_hold(j->store, account, &r);
	if (b == NULL) {
		w->failed = true;
		return;
	}
	if (box_ready(b->box, KV_VISIBLE) == BOX_OK) {
		forget_tokens(j, b, w->now);
		forget_expunged(j, b);
		purge_removed(j, b);
	}
	if (box_bodies(b->box, name_body, w) != BOX_OK)
		w->failed = true;
	box_release(b);
}

static void name_all(struct job *j, struct sweep *w)
{
	struct store *s = j->store;
	uint64_t ids[ACCOUNTS_STEP], from = 0;
	size_t count = ACCOUNTS_STEP;
	/* Before the accounts: a delivery moves names from here to there. */
	if (spool_bodies(s->spool, name_body, w) != SPOOL_OK)
		w->failed = true;
	while (count == ACCOUNTS_STEP && !w->failed && !over(s)) {
		if (kv_space_list(s->kv, KV_ACCOUNT, from, ids, ACCOUNTS_STEP,
				  &count) != KV_OK) {
			w->failed = true;
			return;
		}
		for (size_t i = 0; i < count && !over(s); i++) {
			give_way(j);
			name_account(j, w, ids[i]);
			from = ids[i] + 1;
		}
	}
}

static const struct directory_account *
removed(struct store *s, uint64_t account, int64_t now)
{
	int64_t keep = (int64_t)s->conf->store.keep_removed;
	const struct directory_account *a =
		directory_account(s->directory, account);
	return a != NULL && a->state == DIRECTORY_REMOVED &&
			       a->removed + keep <= now
		       ? a
		       : NULL;
}

/* True: it has no row any more.  It may be restored while we wait. */
static bool erase(struct job *j, uint64_t account, int64_t now)
{
	struct box_tree t = {.verb = BOX_ERASE, .more = true};
	enum box_result r;
	struct open_box *b = box_hold(j->store, account, &r);
	while (b != NULL && r == BOX_OK && t.more && !over(j->store)) {
		give_way(j);
		if (removed(j->store, account, now) == NULL)
			break;
		b->ready = false;
		r = job_box(j, box_tree(b->box, &t, box_gate, job_gate(j)));
	}
	box_release(b);
	return r == BOX_OK && !t.more;
}

static void forget_account(struct job *j, uint64_t account, int64_t now)
{
	struct store *s = j->store;
	struct directory_change c = {.verb = DIRECTORY_ACCOUNT_FORGET,
				     .account = {.id = account}};
	if (!erase(j, account, now))
		return;
	const struct directory_account *a = removed(s, account, now);
	if (a == NULL)
		return;
	LOG(s->role->log, NOTICE, "account.forgotten", 0, F("name", a->name));
	(void)job_directory(j, directory_change(s->directory, &c,
						directory_gate, job_gate(j)));
}

static void forget_removed(struct job *j, int64_t now)
{
	struct store *s = j->store;
	const struct directory_account *a;
	uint64_t id = 0;
	while ((a = directory_account_next(s->directory, id)) != NULL &&
	       !over(s)) {
		id = a->id;
		if (removed(s, id, now) != NULL)
			forget_account(j, id, now);
	}
}

/* ---- orphans ---------------------------------------------------------------------- */

static void batch_done(void *arg, const struct kv_done *d)
{
	kv_gate(arg, d->result);
}

static void remove_old(struct job *j, struct sweep *w, struct kv_space *space)
{
	for (size_t i = 0; i < w->old_count && !over(j->store);) {
		struct kv_batch *b = kv_batch_new();
		if (b == NULL)
			return;
		for (size_t n = 0; n < KV_BODIES_MAX && i < w->old_count; n++)
			kv_delete_body(b, &w->old[i++]);
		give_way(j);
		if (backup_spares(j->store)) {
			kv_batch_free(b);
			return;
		}
		(void)job_kv(j, kv_commit(space, b, kv_turn(space, KV_STAGED),
					  kv_token(j->store->kv),
					  KV_QUIET | KV_SHRINKS, batch_done,
					  job_gate(j)));
		kv_batch_free(b);
	}
}

/* Ages mean nothing when the clock was set since the names were gathered. */
static bool clock_set(const struct store *s, const struct sweep *w)
{
	int64_t wall = world_wall(s->role->world).sec - w->now;
	int64_t gone = (int64_t)((world_now(s->role->world) - w->began) /
				 NS_PER_SEC);
	return wall < gone - CLOCK_S || wall > gone + CLOCK_S;
}

static void remove_orphans(struct job *j, struct sweep *w)
{
	struct store *s = j->store;
	struct kv_space *space;
	struct kv_id from = {{0}};
	enum kv_result r = KV_OK;
	uint64_t gone = 0;
	if (kv_space_open(s->kv, (struct kv_name){KV_SYSTEM, 0}, &space) !=
	    KV_OK)
		return;
	if (w->count > 0)
		qsort(w->names, w->count, sizeof *w->names, by_id);
	while (r == KV_OK && !over(s)) {
		give_way(j);
		w->old_count = 0;
		r = kv_body_list(s->kv, &from, BODIES_STEP, &from, judge_body,
				 w);
		if (clock_set(s, w) || backup_spares(s))
			break;
		remove_old(j, w, space);
		gone += w->old_count;
	}
	kv_space_close(space);
	if (gone > 0)
		LOG(s->role->log, INFO, "sweep.removed", 0,
		    F_U64("bodies", gone));
}

/* ---- a round ------------------------------------------------------------------------ */

static void plan(struct store *, uint64_t in);

static void run_round(struct job *j)
{
	struct store *s = j->store;
	struct sweep w = {.store = s,
			  .now = world_wall(s->role->world).sec,
			  .began = world_now(s->role->world)};
	s->spared.round = true;
	w.old = calloc(BODIES_STEP, sizeof *w.old);
	if (w.old != NULL && kv_up(s->kv)) {
		forget_removed(j, w.now);
		name_all(j, &w);
		if (!w.failed && !over(s))
			remove_orphans(j, &w);
	}
	free(w.names);
	free(w.old);
	s->spared.round = false;
	spared_end(s);
	plan(s, ROUND_NS);
}

static void round_due(struct timer *t)
{
	struct store *s = t->arg;
	if (s->draining || !job_background(s, run_round, NULL))
		plan(s, ROUND_NS);
}

static void plan(struct store *s, uint64_t in)
{
	if (!s->closing)
		(void)!timer_start(s->role->loop, &s->sweep,
				   loop_now(s->role->loop) + in, round_due, s);
}

bool store_full(struct store *s)
{
	uint64_t now = loop_now(s->role->loop);
	if (!kv_full(s->kv))
		return false;
	/* No timer: a round is under way. */
	if (timer_active(&s->sweep) && now >= s->hurried + HURRY_NS) {
		s->hurried = now;
		plan(s, 0);
	}
	return true;
}

void sweep_begin(struct store *s)
{
	plan(s, FIRST_NS);
}

void sweep_end(struct store *s)
{
	timer_stop(&s->sweep);
}
