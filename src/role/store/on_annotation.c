/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_annotation: annotations of mailboxes and of the account (RFC 5464).
 *
 * The account's own, which IMAP calls the server's, are private to it; what is
 * shared by all users of the server is written by nobody here.
 */
#include "box/annotation.h"
#include "role/store/access.h"

#define LIST_MAX   512u
#define LIST_BYTES 57344u
#define ENTRY_HEAD 16u
#define DEPTH_ALL  255u

/* Of somebody else's mailbox what is shared alone: what is private is its owner's. */
static bool is_private(struct span entry)
{
	return span_starts(entry, SPAN("/private/"));
}

/* The mailbox, or with an empty name the account itself; held with yes. */
static enum edge_store_answer reach(struct job *j, struct span mailbox, uint32_t need,
				    struct reached *at)
{
	if (mailbox.len > 0)
		return access_reach(j, mailbox, ACL_L | need, at);
	enum edge_store_answer a;
	*at = (struct reached){.own = true};
	at->box = own_box(j, &a);
	return a;
}

/* ---- set ---- */

static enum box_result annotate(struct job *j, const struct reached *at,
				struct box_annotation *list)
{
	const struct edge_store_annotate *m = j->ask;
	struct box_annotate q = {
		.mailbox = at->mailbox, .list = list, .count = m->list_count};
	for (size_t i = 0; i < m->list_count; i++)
		list[i] = (struct box_annotation){.name = m->list[i].name,
						  .set = m->list[i].has_value,
						  .value = m->list[i].value};
	return job_box(j, box_annotate(at->box->box, &q, box_gate, job_gate(j)));
}

/* Who may do what is decided here alone. */
static bool may_change(const struct edge_store_annotate *m, bool own)
{
	for (size_t i = 0; i < m->list_count; i++)
		if (is_private(m->list[i].name) ? !own : m->mailbox.len == 0)
			return false;
	return true;
}

static void run_annotate(struct job *j)
{
	const struct edge_store_annotate *m = j->ask;
	struct edge_store_annotate_reply rep = {0};
	struct reached at;
	struct box_annotation *list =
		ARENA_ARRAY(j->arena, m->list_count + 1, struct box_annotation);
	rep.answer = reach(j, m->mailbox, ACL_R | ACL_W, &at);
	if (rep.answer == EDGE_STORE_ANSWER_YES && !may_change(m, at.own))
		rep.answer = EDGE_STORE_ANSWER_NO;
	if (rep.answer == EDGE_STORE_ANSWER_YES)
		rep.answer = list == NULL ? EDGE_STORE_ANSWER_LATER
					  : answer_of(annotate(j, &at, list));
	edge_store_annotate_answer(j->call, &rep);
	box_release(at.box);
}
BOUND_JOB(annotate)

/* ---- get ---- */

struct gather {
	const struct edge_store_annotations *m;
	struct arena *arena;
	struct edge_store_annotated *list;
	size_t count, bytes;
	bool own; /* and so what is private there */
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
	if (!wanted(g->m, name) || (!g->own && is_private(name)))
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

static enum box_result annotations(struct job *j, const struct reached *at,
				   struct edge_store_annotations_reply *rep)
{
	struct gather g = {.m = j->ask, .arena = j->arena, .own = at->own};
	g.list = ARENA_ARRAY(j->arena, LIST_MAX, struct edge_store_annotated);
	if (g.list == NULL)
		return BOX_UNAVAILABLE;
	enum box_result r = box_annotations(at->box->box, KV_VISIBLE, at->mailbox,
					    g.m->after, gather, &g);
	if (r == BOX_OK && at->mailbox == 0)
		gather_admin(j, &g);
	rep->list = g.list;
	rep->list_count = r == BOX_OK ? g.count : 0;
	rep->more = g.more;
	return r == BOX_OK && g.short_of_memory ? BOX_UNAVAILABLE : r;
}

static void run_annotations(struct job *j)
{
	const struct edge_store_annotations *m = j->ask;
	struct edge_store_annotations_reply rep = {0};
	struct reached at;
	rep.answer = reach(j, m->mailbox, ACL_R, &at);
	if (rep.answer == EDGE_STORE_ANSWER_YES)
		rep.answer = answer_of(annotations(j, &at, &rep));
	edge_store_annotations_answer(j->call, &rep);
	box_release(at.box);
}
BOUND_JOB(annotations)
