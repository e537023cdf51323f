/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/index_build: new messages become a segment, segments become fewer.
 *
 * Rows are written under the number of a segment that is on no shelf yet, as many
 * commits as it takes; the last one has the shelf that names it.  What stood in its
 * place is written down as gone with the same commit, and deleted after it.
 *
 * Must never cover a UID whose message was not looked at: a search would not find it.
 */
#include <stdlib.h>

#include "base/check.h"
#include "box/index.h"
#include "index/gather.h"
#include "index/merge.h"
#include "role/store/attach.h"
#include "role/store/index.h"
#include "role/store/understand.h"

#define ROWS_MAX      16u /* of one commit */
#define BYTES_MAX     (ROWS_MAX * INDEX_ROW)
#define SLOTS	      256u
#define PACE	      16u /* messages in the background between two looks around */
#define PACE_NS	      (4 * NS_PER_MS)
#define MESSAGE_ARENA (2u << 20)
#define ANSWERS_MAX   12u /* of the sorter for one message */
#define ATTEMPTS      2u

struct put_row {
	uint32_t segment, n;
	uint8_t part;
	size_t at, len; /* in bytes */
};

struct build {
	struct index_box *x;
	uint64_t until; /* 0: in the background */
	struct index_sink sink;
	struct buf bytes;
	struct put_row rows[ROWS_MAX];
	size_t count;
	bool failed;
	struct index_gather *gather;
	struct arena *arena; /* of one message */
	struct box_uids alive;
	size_t paced;
};

static struct store *store_of(const struct build *b) { return b->x->job->store; }

/* ---- writing ---- */

/* What waits, with a shelf or without. */
static bool commit(struct build *b, struct span shelf)
{
	struct job *j = b->x->job;
	struct box_index_change rows[ROWS_MAX];
	struct box_index_put q = {.mailbox = b->x->mailbox, .rows = rows,
				  .count = b->count, .shelf = shelf};
	for (size_t i = 0; i < b->count; i++)
		rows[i] = (struct box_index_change){
			.segment = b->rows[i].segment,
			.part = b->rows[i].part,
			.n = b->rows[i].n,
			.row = span_sub(buf_span(&b->bytes), b->rows[i].at,
					b->rows[i].len)};
	if (!b->failed)
		b->failed = job_box(j, box_index_put(b->x->box->box, &q, box_gate,
						     job_gate(j))) != BOX_OK;
	b->count = 0;
	buf_clear(&b->bytes);
	return !b->failed;
}

static bool put_row(void *arg, uint32_t segment, enum index_part part, uint32_t n,
		    struct span row)
{
	struct build *b = arg;
	if (b->count == ROWS_MAX && !commit(b, span_of(NULL, 0)))
		return false;
	b->rows[b->count++] = (struct put_row){segment, n, (uint8_t)part,
					       buf_len(&b->bytes), row.len};
	buf_add(&b->bytes, row);
	b->failed = b->failed || !buf_ok(&b->bytes);
	return !b->failed;
}

static bool commit_shelf(struct build *b)
{
	struct buf row;
	buf_init(&row, INDEX_SHELF_MAX);
	index_shelf_write(&row, &b->x->shelf);
	bool ok = buf_ok(&row) && commit(b, buf_span(&row));
	buf_free(&row);
	return ok;
}

/* Rows of a part, deleted some at a time. */
static bool delete_rows(struct build *b, uint32_t segment, enum index_part part,
			uint32_t count)
{
	struct job *j = b->x->job;
	struct box_index_change rows[64];
	bool ok = true;
	for (uint32_t n = 0; n < count && ok;) {
		struct box_index_put q = {.mailbox = b->x->mailbox, .rows = rows};
		while (q.count < ARRAY_LEN(rows) && n < count)
			rows[q.count++] = (struct box_index_change){segment, (uint8_t)part,
								    n++, {NULL, 0}};
		ok = job_box(j, box_index_put(b->x->box->box, &q, box_gate, job_gate(j))) ==
		     BOX_OK;
	}
	return ok;
}

static bool delete_gone(struct build *b)
{
	struct index_shelf *s = &b->x->shelf;
	while (s->gone_count > 0) {
		const struct index_gone *g = &s->gone[s->gone_count - 1];
		if (!delete_rows(b, g->id, INDEX_WORDS, g->word_rows) ||
		    !delete_rows(b, g->id, INDEX_DOCS, g->docs_rows) ||
		    !delete_rows(b, g->id, INDEX_UIDS, g->uids_rows))
			return false;
		s->gone_count--;
		if (s->gone_count == 0 && !commit_shelf(b))
			return false;
	}
	return true;
}

/* What a crash left of a segment that was never finished. */
static bool delete_unfinished(struct build *b)
{
	struct job *j = b->x->job;
	struct box_index_drop d = {.mailbox = b->x->mailbox,
				   .segment = b->x->shelf.next_id, .more = true};
	enum box_result r = BOX_OK;
	while (r == BOX_OK && d.more)
		r = job_box(j, box_index_drop(b->x->box->box, &d, box_gate, job_gate(j)));
	return r == BOX_OK;
}

/* ---- a message ---- */

enum asked { ASKED, ASKED_AGAIN, ASKED_NOT };

static enum asked ask_once(struct build *b, const struct box_message *m,
			   struct attached *a, uint32_t skip,
			   struct store_sorter_terms_reply *r)
{
	struct store *s = store_of(b);
	struct store_sorter *c = sorter_of(b->x->job, KIND_SORTER_ACCESS);
	struct store_sorter_terms ask = {.size = m->body_size,
					 .body = a->bytes,
					 .file = -1,
					 .prefix = m->prefix,
					 .summary = m->summary,
					 .skip = skip};
	if (c == NULL)
		return ASKED_NOT;
	if (a->file >= 0 && world_dup(s->role->world, a->file, &ask.file) != OS_OK)
		return ASKED_NOT;
	ask.has_file = a->file >= 0;
	enum ipc_result said = store_sorter_terms(c, &ask, b->arena, r,
						  sorter_deadline(s, m->body_size));
	if (said == IPC_NO_MEMORY || said == IPC_BUSY ||
	    (said == IPC_OK && r->answer == STORE_SORTER_ANSWER_LATER))
		return ASKED_NOT;
	return said == IPC_OK && r->answer == STORE_SORTER_ANSWER_UNDERSTOOD ? ASKED
									     : ASKED_AGAIN;
}

/* All that the sorter says; what ends it twice is left open.  False: not now. */
static bool ask_terms(struct build *b, const struct box_message *m, struct attached *a)
{
	static const struct span open = {"", 1}; /* no term: the index says nothing of it */
	struct store_sorter_terms_reply r = {.more = true};
	unsigned attempts = 0, answers = 0;
	uint32_t skip = 0;
	while (r.more) {
		enum asked said = ask_once(b, m, a, skip, &r);
		if (said == ASKED_NOT)
			return false;
		if (said == ASKED_AGAIN && ++attempts < ATTEMPTS) {
			r.more = true;
			continue;
		}
		if (said == ASKED_AGAIN || (r.more && ++answers == ANSWERS_MAX))
			return index_gather_terms(b->gather, open);
		if (!index_gather_terms(b->gather, r.terms))
			return false;
		skip += (uint32_t)r.terms.len;
	}
	return true;
}

/* False: not now.  A body that is lost holds nothing any more. */
static bool add_message(struct build *b, uint32_t uid)
{
	struct box_message m;
	struct attached a;
	arena_reset(b->arena);
	enum box_result r = box_message(b->x->box->box, KV_VISIBLE, b->x->mailbox, uid, true,
					b->arena, &m);
	if (r == BOX_NONE)
		return true;
	if (r != BOX_OK && r != BOX_CORRUPT)
		return false;
	index_gather_message(b->gather, uid);
	if (r == BOX_CORRUPT)
		return true;
	uint64_t end = u64_min(attach_text_end(&m, b->arena), ATTACH_BODY_MAX);
	enum kv_result k = attach_body(b->x->job, &m, end, b->arena, &a);
	if (k == KV_NONE || k == KV_CORRUPT)
		return true;
	if (k != KV_OK)
		return false;
	bool ok = ask_terms(b, &m, &a);
	world_close(store_of(b)->role->world, a.file);
	return ok;
}

/* ---- a segment ---- */

static bool is_over(const struct build *b)
{
	const struct store *s = store_of(b);
	const struct ipc_call *call = b->x->job->call;
	return s->closing || s->draining ||
	       (b->until != 0 && world_now(s->role->world) >= b->until) ||
	       (call != NULL && ipc_call_is_late(call));
}

/* In the background deliveries go first. */
static void pace(struct build *b)
{
	struct kv_stats st;
	if (b->until != 0 || ++b->paced % PACE != 0)
		return;
	kv_stats(store_of(b)->kv, &st);
	if (st.staged_bytes > 0)
		job_sleep(b->x->job, PACE_NS);
	while (store_of(b)->load.level > EDGE_STORE_LEVEL_CALM && !is_over(b))
		job_sleep(b->x->job, PACE_NS);
}

/* Messages above what is covered, until there is enough for a segment. */
static bool gather(struct build *b, uint32_t uid_next, uint32_t *last)
{
	struct box_slot slots[SLOTS];
	uint32_t next = b->x->shelf.covered + 1;
	*last = b->x->shelf.covered;
	while (next != 0 && next < uid_next) {
		size_t n;
		uint32_t from = next;
		if (box_slots(b->x->box->box, KV_VISIBLE, b->x->mailbox, from, 0, slots,
			      SLOTS, &n, &next) != BOX_OK)
			return false;
		for (size_t i = 0; i < n && slots[i].uid < uid_next; i++) {
			if (index_gather_full(b->gather) || is_over(b))
				return true;
			pace(b);
			if (!add_message(b, slots[i].uid))
				return false;
			*last = slots[i].uid;
		}
	}
	*last = uid_next - 1;
	return true;
}

static bool new_segment(struct build *b, uint32_t uid_next)
{
	struct index_shelf *s = &b->x->shelf;
	struct index_segment made;
	uint8_t secret[SIPHASH_KEY];
	uint32_t last, first = s->covered + 1;
	world_random(store_of(b)->role->world, secret, sizeof secret);
	b->gather = index_gather_new(secret);
	if (b->gather == NULL || !gather(b, uid_next, &last))
		return false;
	if (last < first)
		return true;
	if (index_gather_docs(b->gather) > 0) {
		if (!index_gather_write(b->gather, &b->sink, s->next_id, first, last,
					&made))
			return false;
		s->next_id++;
		s->segment[s->count++] = made;
	}
	s->covered = last;
	return commit_shelf(b);
}

/* ---- fewer segments ---- */

static bool is_alive(void *arg, uint32_t uid)
{
	return box_uids_has(arg, uid);
}

static bool merge_some(struct build *b)
{
	struct index_shelf *s = &b->x->shelf;
	struct index_alive alive = {is_alive, &b->alive};
	struct index_segment made;
	struct box_status now;
	size_t from, n = index_shelf_due(s, &from);
	if (n == 0)
		return true;
	arena_reset(b->arena);
	struct arena *uids = arena_new(64u << 20);
	box_uids_init(&b->alive, uids);
	enum index_result r = INDEX_MEMORY;
	if (uids != NULL &&
	    box_status(b->x->box->box, KV_VISIBLE, b->x->mailbox, &now) == BOX_OK &&
	    box_view(b->x->box->box, KV_VISIBLE, b->x->mailbox, now.version, now.uid_next,
		     &b->alive) == BOX_OK)
		r = index_merge(&s->segment[from], n, &b->x->rows, &b->sink, &alive,
				s->next_id, &made);
	arena_free(uids);
	if (r == INDEX_DAMAGED && !b->x->is_short)
		index_box_drop(b->x);
	if (r != INDEX_OK)
		return false;
	s->next_id++;
	index_shelf_replace(s, from, n, &made);
	return commit_shelf(b) && delete_gone(b);
}

/* ---- a step ---- */

static bool step(struct build *b, const struct box_status *now)
{
	struct index_shelf *s = &b->x->shelf;
	if (!delete_gone(b) || !delete_unfinished(b))
		return false;
	if (s->count < INDEX_SEGMENTS && !new_segment(b, now->uid_next))
		return false;
	return merge_some(b) && s->count < INDEX_SEGMENTS;
}

static enum index_progress advance(struct index_box *x, uint64_t until)
{
	struct box_status now;
	enum box_result r = index_box_load(x);
	if (r != BOX_OK && r != BOX_NONE)
		return INDEX_CANNOT;
	bool fresh = r == BOX_NONE;
	if (box_status(x->box->box, KV_VISIBLE, x->mailbox, &now) != BOX_OK)
		return INDEX_DONE; /* it is gone */
	if (now.uid_next - 1 < x->shelf.covered + (uint64_t)INDEX_LEAST)
		return INDEX_DONE;
	struct build *b = calloc(1, sizeof *b);
	if (b == NULL)
		return INDEX_CANNOT;
	b->x = x;
	b->until = until;
	b->sink = (struct index_sink){put_row, b};
	b->arena = arena_new(MESSAGE_ARENA);
	buf_init(&b->bytes, BYTES_MAX + INDEX_ROW_MAX);
	if (fresh)
		index_box_drop(x); /* rows of a shelf that could not be read */
	bool ok = b->arena != NULL && step(b, &now);
	index_gather_free(b->gather);
	arena_free(b->arena);
	buf_free(&b->bytes);
	free(b);
	return ok ? INDEX_LATER : INDEX_CANNOT;
}

enum index_progress index_box_advance(struct index_box *x, uint64_t until)
{
	x->box->index_busy = true;
	enum index_progress p = advance(x, until);
	x->box->index_busy = false;
	return p;
}
