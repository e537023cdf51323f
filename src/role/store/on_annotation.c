/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_annotation: annotations of mailboxes and of the account (RFC 5464).
 *
 * The account's own, which IMAP calls the server's, are private to it; what is
 * shared by all users of the server is written by nobody here.
 */
#include "box/annotation.h"
#include "role/store/session.h"

#define LIST_MAX   512u
#define LIST_BYTES 57344u
#define ENTRY_HEAD 16u
#define DEPTH_ALL  255u

/* Who may do what is decided here alone. */
static bool may_change(struct span mailbox, struct span entry)
{
	return mailbox.len > 0 || span_starts(entry, SPAN("/private/"));
}

static enum box_result find(struct open_box *b, struct span mailbox, uint32_t *id)
{
	*id = 0;
	return mailbox.len > 0 ? box_find(b->box, KV_VISIBLE, mailbox, id) : BOX_OK;
}

/* ---- set ---- */

static enum box_result annotate(struct job *j, struct open_box *b,
				struct box_annotation *list)
{
	const struct edge_store_annotate *m = j->ask;
	struct box_annotate q = {.list = list, .count = m->list_count};
	for (size_t i = 0; i < m->list_count; i++)
		list[i] = (struct box_annotation){.name = m->list[i].name,
						  .set = m->list[i].has_value,
						  .value = m->list[i].value};
	enum box_result r = find(b, m->mailbox, &q.mailbox);
	if (r != BOX_OK)
		return r;
	return job_box(j, box_annotate(b->box, &q, box_gate, job_gate(j)));
}

static void run_annotate(struct job *j)
{
	const struct edge_store_annotate *m = j->ask;
	struct edge_store_annotate_reply rep = {.answer = EDGE_STORE_ANSWER_YES};
	struct box_annotation *list =
		ARENA_ARRAY(j->arena, m->list_count + 1, struct box_annotation);
	if (list == NULL)
		rep.answer = EDGE_STORE_ANSWER_LATER;
	for (size_t i = 0; i < m->list_count; i++)
		if (!may_change(m->mailbox, m->list[i].name))
			rep.answer = EDGE_STORE_ANSWER_NO;
	if (rep.answer == EDGE_STORE_ANSWER_YES) {
		struct open_box *b = own_box(j, &rep.answer);
		if (b != NULL)
			rep.answer = answer_of(annotate(j, b, list));
		box_release(b);
	}
	edge_store_annotate_answer(j->call, &rep);
}
BOUND_JOB(annotate)

/* ---- get ---- */

struct gather {
	const struct edge_store_annotations *m;
	struct arena *arena;
	struct edge_store_annotated *list;
	size_t count, bytes;
	bool more, short_of_memory;
};

/* Under one of the entries, and not too deep? */
static bool wanted(const struct edge_store_annotations *m, struct span name)
{
	for (size_t i = 0; i < m->entries_count; i++) {
		struct span entry = m->entries[i];
		if (!span_starts(name, entry))
			continue;
		struct span below = span_skip(name, entry.len);
		if (below.len == 0)
			return true;
		if (below.ptr[0] != '/')
			continue;
		size_t levels = 0;
		for (size_t k = 0; k < below.len; k++)
			levels += below.ptr[k] == '/';
		if (m->depth == DEPTH_ALL || levels <= m->depth)
			return true;
	}
	return false;
}

static bool gather(void *arg, struct span name, struct span value)
{
	struct gather *g = arg;
	if (!wanted(g->m, name))
		return true;
	bool has = value.len <= g->m->largest;
	size_t bytes = ENTRY_HEAD + name.len + (has ? value.len : 0);
	g->more = g->count == LIST_MAX || bytes > LIST_BYTES - g->bytes;
	if (g->more)
		return false;
	struct edge_store_annotated *a = &g->list[g->count];
	*a = (struct edge_store_annotated){.size = (uint32_t)value.len,
					   .has_value = has};
	g->short_of_memory = !arena_copy(g->arena, name, &a->name) ||
			     (has && !arena_copy(g->arena, value, &a->value));
	if (g->short_of_memory)
		return false;
	g->bytes += bytes;
	g->count++;
	return true;
}

/* RFC 5464 3.2.1.1: whom to write to.  Every domain of ours has a postmaster. */
static void gather_admin(struct job *j, struct gather *g)
{
	const struct directory_account *a =
		directory_account(j->store->directory, j->session->account);
	struct span name = SPAN("/shared/admin");
	struct buf value;
	size_t at = a != NULL ? span_find_last(a->name, '@') : SIZE_MAX;
	if (at == SIZE_MAX || g->more || span_cmp(name, g->m->after) <= 0)
		return;
	buf_init(&value, BOX_ANNOTATION_MAX);
	buf_add(&value, SPAN("mailto:postmaster"));
	buf_add(&value, span_skip(a->name, at));
	(void)gather(g, name, buf_span(&value));
	buf_free(&value);
}

static enum box_result annotations(struct job *j, struct open_box *b,
				   struct edge_store_annotations_reply *rep)
{
	struct gather g = {.m = j->ask, .arena = j->arena};
	uint32_t mailbox;
	g.list = ARENA_ARRAY(j->arena, LIST_MAX, struct edge_store_annotated);
	if (g.list == NULL)
		return BOX_UNAVAILABLE;
	enum box_result r = find(b, g.m->mailbox, &mailbox);
	if (r == BOX_OK)
		r = box_annotations(b->box, KV_VISIBLE, mailbox, g.m->after, gather, &g);
	if (r == BOX_OK && mailbox == 0)
		gather_admin(j, &g);
	rep->list = g.list;
	rep->list_count = r == BOX_OK ? g.count : 0;
	rep->more = g.more;
	return r == BOX_OK && g.short_of_memory ? BOX_UNAVAILABLE : r;
}

static void run_annotations(struct job *j)
{
	struct edge_store_annotations_reply rep = {0};
	struct open_box *b = own_box(j, &rep.answer);
	if (b != NULL)
		rep.answer = answer_of(annotations(j, b, &rep));
	edge_store_annotations_answer(j->call, &rep);
	box_release(b);
}
BOUND_JOB(annotations)
