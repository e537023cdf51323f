/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_care: verification in steps, figures.
 *
 * fsck looks at one key space a call, and lets others have their turn after
 * each SLICE_NS of an account.  A repair does not: it commits and waits by itself,
 * on the loop's own stack, and nothing may change under it.
 */
#include "base/hex.h"
#include "base/pack.h"
#include "box/fsck.h"
#include "role/store/admin.h"

#define FINDINGS_MAX  32u
#define FSCK_MEMORY   (64u << 10)
#define JSON_MAX      16384u
/* Bodies of larger accounts are looked for but not read. */
#define FSCK_DEEP_BYTES (256ull << 20)
#define SLICE_NS	(2 * NS_PER_MS)

static struct span cut_to(struct span s, size_t max)
{
	return span_sub(s, 0, max);
}

/* ---- fsck --------------------------------------------------------------------- */

struct check {
	struct job *job;
	uint64_t slice; /* when it began */
	struct store *store;
	struct arena *arena;
	bool repair;
	struct admin_store_finding findings[FINDINGS_MAX];
	size_t count;
	uint64_t damaged; /* bodies, as of the last finding */
	struct span where;
	const char *kind;
};

/* What is repaired is so when the check of its space ends; lost bodies are not. */
static void find(struct check *c, const char *what, uint64_t damaged)
{
	struct admin_store_finding *f = &c->findings[c->count];
	if (what == NULL || c->count == FINDINGS_MAX)
		return;
	*f = (struct admin_store_finding){.kind = span_cstr(c->kind),
					  .where = c->where,
					  .mended = c->repair &&
						    damaged == c->damaged};
	if (arena_copy(c->arena, cut_to(span_cstr(what), 512), &f->what))
		c->count++;
	c->damaged = damaged;
	LOG(c->store->role->log, WARNING, "fsck.finding", 0,
	    F("where", c->where), F_CSTR("what", what));
}

static void give_way(struct check *c)
{
	struct world *w = c->store->role->world;
	if (c->repair || c->store->closing ||
	    world_now(w) - c->slice < SLICE_NS)
		return;
	job_sleep(c->job, SLICE_NS);
	c->slice = world_now(w);
}

static void box_found(void *arg, const struct box_fsck_count *n,
		      const char *what)
{
	if (what == NULL)
		give_way(arg);
	find(arg, what, n->damaged);
}

static void spool_found(void *arg, const struct spool_fsck_count *n,
			const char *what)
{
	find(arg, what, n->damaged);
}

static void directory_found(void *arg, const struct directory_fsck_count *n,
			    const char *what)
{
	(void)n;
	find(arg, what, 0);
}

/* The engine cannot read some row: nothing that runs can mend that. */
static bool unreadable(struct check *c)
{
	find(c, "rows cannot be read: `letterlock stop`, then `letterlock fsck "
		"--repair`",
	     c->damaged + 1);
	return true;
}

static bool check_box(struct check *c, uint64_t account)
{
	struct box_fsck_count n = {0};
	struct box_quota q = {0};
	const struct directory_account *a =
		directory_account(c->store->directory, account);
	enum box_result r;
	unsigned how = c->repair ? BOX_FSCK_REPAIR : 0;
	struct open_box *b = box_hold(c->store, account, &r);
	c->kind = "account";
	c->where = arena_printf(c->arena, "%.*s (%llu)",
				SPAN_FMT(a ? a->name : SPAN("unknown")),
				(unsigned long long)account);
	if (b == NULL)
		return false;
	if (box_quota(b->box, KV_VISIBLE, &q) == BOX_OK &&
	    q.bytes <= FSCK_DEEP_BYTES)
		how |= BOX_FSCK_DEEP;
	r = box_ready(b->box, KV_VISIBLE);
	if (r == BOX_OK)
		r = box_fsck(b->box, how, box_found, c, &n);
	else if (r == BOX_NONE) /* not used yet */
		r = BOX_OK;
	box_release(b);
	return r == BOX_CORRUPT ? unreadable(c) : r == BOX_OK;
}

static bool check_directory(struct check *c)
{
	struct directory_fsck_count n = {0};
	c->kind = "directory";
	c->where = SPAN("directory");
	return directory_fsck(c->store->directory, c->repair, directory_found,
			      c, &n) == DIRECTORY_OK;
}

static bool check_spool(struct check *c)
{
	struct spool_fsck_count n = {0};
	c->kind = "queue";
	c->where = SPAN("queue");
	return spool_fsck(c->store->spool, true, c->repair, spool_found, c,
			  &n) == SPOOL_OK;
}

/* Which space is next; accounts in the order of their numbers. */
static bool cursor_read(struct span s, enum kv_kind *kind, uint64_t *id)
{
	struct unpack u = unpack_of(s);
	*kind = KV_DIRECTORY;
	*id = 0;
	if (s.len == 0)
		return true;
	*kind = (enum kv_kind)unpack_u8(&u);
	*id = unpack_u64(&u);
	return unpack_done(&u) && (*kind == KV_SPOOL || *kind == KV_ACCOUNT);
}

static bool check_one(struct check *c, enum kv_kind kind, uint64_t id,
		      struct buf *cursor)
{
	uint64_t ids[2];
	size_t count = 0;
	bool ok = kind == KV_DIRECTORY ? check_directory(c)
		  : kind == KV_SPOOL   ? check_spool(c)
				       : check_box(c, id);
	uint64_t from = kind == KV_ACCOUNT ? id + 1 : 0;
	if (kind == KV_DIRECTORY) {
		pack_u8(cursor, KV_SPOOL);
		pack_u64(cursor, 0);
		return ok;
	}
	if (kv_space_list(c->store->kv, KV_ACCOUNT, from, ids, 2, &count) !=
	    KV_OK)
		return false;
	if (count > 0) {
		pack_u8(cursor, KV_ACCOUNT);
		pack_u64(cursor, ids[0]);
	}
	return ok;
}

static uint64_t accounts_of(struct directory *d, uint64_t up_to)
{
	const struct directory_account *a = NULL;
	uint64_t n = 0;
	while ((a = directory_account_next(d, a != NULL ? a->id : 0)) != NULL)
		n += a->id <= up_to;
	return n;
}

static void check_step(struct job *j)
{
	const struct admin_store_fsck *m = j->ask;
	struct store *s = j->store;
	struct admin_store_fsck_reply rep = {
		.answer = ADMIN_STORE_ANSWER_INVALID};
	struct check *c = ARENA_NEW(j->arena, struct check);
	struct buf cursor;
	enum kv_kind kind;
	uint64_t id;
	buf_init(&cursor, 64);
	if (c != NULL && cursor_read(m->cursor, &kind, &id)) {
		*c = (struct check){
			.job = j,
			.slice = world_now(s->role->world),
			.store = s,
			.arena = j->arena,
			.repair = m->repair};
		bool ok = check_one(c, kind, id, &cursor);
		rep.answer = ok ? ADMIN_STORE_ANSWER_DONE
				: ADMIN_STORE_ANSWER_LATER;
		rep.findings = c->findings;
		rep.findings_count = c->count;
		rep.of = 2 + accounts_of(s->directory, UINT64_MAX);
		rep.done = kind == KV_DIRECTORY ? 1
			   : kind == KV_SPOOL	? 2
						: 2 + accounts_of(s->directory, id);
		rep.more = buf_len(&cursor) > 0;
		rep.cursor = buf_span(&cursor);
	}
	admin_store_fsck_answer(j->call, &rep);
	engine_touch(s);
	buf_free(&cursor);
}

void on_fsck(void *ctx, struct ipc_call *call, const struct admin_store_fsck *m)
{
	struct peer *p = ctx;
	(m->repair ? job_now : job_start)(p->store, call, m, NULL, check_step);
}

/* ---- figures -------------------------------------------------------------------- */

void on_statistics(void *ctx, struct ipc_call *call,
		   const struct admin_store_statistics *m)
{
	struct peer *p = ctx;
	struct buf json;
	(void)m;
	buf_init(&json, JSON_MAX);
	buf_addc(&json, '{');
	store_figures(p->store, &json);
	buf_addc(&json, '}');
	admin_store_statistics_answer(call,
				      &(struct admin_store_statistics_reply){
					      .json = buf_ok(&json)
							      ? buf_span(&json)
							      : SPAN("{}")});
	buf_free(&json);
}
