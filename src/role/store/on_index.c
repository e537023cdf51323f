/* SPDX-License-Identifier: Apache-2.0 */
/* role/store/on_index: the administrator has a mailbox's search index made again. */
#include "role/store/admin.h"
#include "role/store/index.h"

#define STEP_NS (2 * NS_PER_SEC) /* of one question */

static void figures(struct index_box *x, struct admin_store_index_rebuild_reply *rep)
{
	struct box_status now;
	if (box_status(x->box->box, KV_VISIBLE, x->mailbox, &now) != BOX_OK)
		return;
	rep->messages = now.messages;
	rep->of = now.uid_next - 1;
	if (index_box_load(x) != BOX_OK)
		return;
	rep->done = x->shelf.covered;
	rep->segments = (uint32_t)x->shelf.count;
	for (size_t i = 0; i < x->shelf.count; i++) {
		const struct index_segment *s = &x->shelf.segment[i];
		rep->indexed += s->docs;
		rep->terms += s->terms;
		rep->bytes += s->words_bytes + s->docs_bytes + s->uids_bytes;
	}
}

/* One step; with `fresh` the old one goes first. */
static struct admin_end step(struct job *j, struct open_box *b,
			     const struct admin_store_index_rebuild *m,
			     struct admin_store_index_rebuild_reply *rep)
{
	struct world *w = j->store->role->world;
	uint64_t until = world_now(w) + STEP_NS;
	uint32_t id;
	enum box_result r = box_find(b->box, KV_VISIBLE, m->mailbox, &id);
	if (r != BOX_OK)
		return admin_box_end(r);
	struct index_box *x = index_box_new(j, b, id);
	if (x == NULL)
		return admin_box_end(BOX_UNAVAILABLE);
	while (b->index_busy && world_now(w) < until)
		job_sleep(j, NS_PER_MS);
	enum index_progress p = INDEX_LATER;
	if (m->fresh && !b->index_busy)
		index_box_drop(x);
	else if (!m->fresh)
		p = index_box_catch_up(x, until);
	rep->more = p == INDEX_LATER;
	rep->begun = !m->fresh || !b->index_busy;
	figures(x, rep);
	index_box_free(x);
	return p == INDEX_CANNOT
		       ? (struct admin_end){ADMIN_STORE_ANSWER_LATER,
					    SPAN("messages cannot be read or rows not "
						 "written now: the log says more")}
		       : admin_box_end(BOX_OK);
}

static void run_index_rebuild(struct job *j)
{
	const struct admin_store_index_rebuild *m = j->ask;
	struct admin_store_index_rebuild_reply rep = {0};
	struct admin_end end;
	struct open_box *b = admin_box(j, m->name, &end);
	if (b != NULL)
		end = step(j, b, m, &rep);
	rep.answer = end.answer;
	rep.why = end.why;
	admin_store_index_rebuild_answer(j->call, &rep);
	box_release(b);
}
ADMIN_ON(index_rebuild)
