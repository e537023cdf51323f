/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_search: which messages match, a slice at a time.
 *
 * Flags, dates and sizes are judged from rows.  For texts the index says which
 * messages hold them, which may, and which do not (consult.h); of those that may, and
 * of those too new to be in it, the Subject is judged from the summary.  What then only
 * a parser of mail may judge is asked of the sorter, all such keys of a message at once;
 * the query waits there with nothing open in the engine.
 */
#include "base/check.h"
#include "base/ensure.h"
#include "box/query.h"
#include "index/ask.h"
#include "role/store/access.h"
#include "role/store/attach.h"
#include "role/store/consult.h"
#include "role/store/search.h"
#include "role/store/understand.h"
#include "summary/summary.h"
#include "terms/field.h"
#include "terms/fold.h"

#define RANGES_MAX   4096u
#define SLICE	     512u /* units of work without asking anybody */
#define SLICE_NS     (50 * NS_PER_MS)  /* then others have their turn */
#define ANSWER_NS    (500 * NS_PER_MS) /* then what was found is told */
#define LEAVES_MAX   64u
#define NEEDLES_MAX  16u /* of one question */
#define DAY	     86400
#define CONSULT_ARENA (64u << 20) /* for sets of UIDs */

/* A key that the sorter judges. */
struct leaf {
	enum op_kind kind;
	int64_t day;
	struct span name, text;
	struct buf folded;
	struct needle needle;
	size_t op;	/* in the program */
	bool truth;
};

struct search {
	struct job *job;
	struct open_box *box;
	uint32_t mailbox;
	struct box_query query;
	struct box_query_op *ops;
	struct leaf *leaves;
	size_t leaf_count;
	uint32_t asked; /* the message that the leaves' truths are of; 0: none */
	struct box_message message; /* the one that is asked about */
	struct arena *arena; /* of one message */
	struct arena *sets;  /* of what the index says */
};

/* ---- the program ------------------------------------------------------------- */

static bool put_op(struct search *q, enum box_query_kind kind, uint64_t number)
{
	if (q->query.count == BOX_QUERY_OPS)
		return false;
	q->ops[q->query.count++] =
		(struct box_query_op){.kind = kind, .number = number};
	return true;
}

static bool put_leaf(struct search *q, const struct edge_store_op *op)
{
	if (q->leaf_count == LEAVES_MAX ||
	    !put_op(q, BOX_Q_LEAF, q->leaf_count))
		return false;
	struct leaf *l = &q->leaves[q->leaf_count++];
	*l = (struct leaf){.kind = (enum op_kind)op->kind,
			   .day = op->day,
			   .name = op->name,
			   .text = op->text,
			   .op = q->query.count - 1};
	buf_init(&l->folded, FOLD_GROWTH * op->text.len + 1);
	terms_fold(&l->folded, op->text);
	needle_cut(&l->needle, buf_span(&l->folded));
	return buf_ok(&l->folded);
}

static bool put_uids(struct search *q, const struct edge_store_search *m,
		     const struct edge_store_op *op)
{
	struct box_uids *u = ARENA_NEW(q->job->arena, struct box_uids);
	uint32_t after = 0;
	if (u == NULL || op->first > m->sets_count ||
	    op->count > m->sets_count - op->first || !put_op(q, BOX_Q_UIDS, 0))
		return false;
	box_uids_init(u, q->job->arena);
	for (size_t i = 0; i < op->count; i++) {
		const struct edge_store_range *r = &m->sets[op->first + i];
		if (r->first <= after || r->last < r->first ||
		    !box_uids_add(u, r->first, r->last))
			return false;
		after = r->last;
	}
	q->ops[q->query.count - 1].uids = u;
	return true;
}

static bool put_email(struct search *q, const struct edge_store_op *op)
{
	struct kv_id id;
	if (op->text.len != sizeof id.byte || !put_op(q, BOX_Q_EMAIL, 0))
		return false;
	memcpy(id.byte, op->text.ptr, sizeof id.byte);
	q->ops[q->query.count - 1].id = id;
	return true;
}

static uint64_t seconds(int64_t day)
{
	if (day < -1000000 || day > 4000000)
		day = day < 0 ? -1000000 : 4000000;
	return (uint64_t)(day * DAY);
}

static bool put_key(struct search *q, const struct edge_store_search *m,
		    const struct edge_store_op *op)
{
	switch ((enum op_kind)op->kind) {
	case OP_ALL:
		return put_op(q, BOX_Q_ALL, 0);
	case OP_NONE:
		return put_op(q, BOX_Q_NOTHING, 0);
	case OP_FLAGS:
		return put_op(q, BOX_Q_FLAGS, op->number);
	case OP_KEYWORDS:
		return put_op(q, BOX_Q_KEYWORDS, op->number);
	case OP_UIDS:
		return put_uids(q, m, op);
	case OP_BEFORE:
		return put_op(q, BOX_Q_BEFORE, seconds(op->day));
	case OP_ON:
		return put_op(q, BOX_Q_SINCE, seconds(op->day)) &&
		       put_op(q, BOX_Q_BEFORE, seconds(op->day + 1)) &&
		       put_op(q, BOX_Q_AND, 0);
	case OP_SINCE:
		return put_op(q, BOX_Q_SINCE, seconds(op->day));
	case OP_SAVEDBEFORE:
		return put_op(q, BOX_Q_SAVED_BEFORE, seconds(op->day));
	case OP_SAVEDON:
		return put_op(q, BOX_Q_SAVED_SINCE, seconds(op->day)) &&
		       put_op(q, BOX_Q_SAVED_BEFORE, seconds(op->day + 1)) &&
		       put_op(q, BOX_Q_AND, 0);
	case OP_SAVEDSINCE:
		return put_op(q, BOX_Q_SAVED_SINCE, seconds(op->day));
	case OP_OLDER:
		return put_op(q, BOX_Q_BEFORE, op->number + 1);
	case OP_YOUNGER:
		return put_op(q, BOX_Q_SINCE, op->number);
	case OP_LARGER:
		return put_op(q, BOX_Q_LARGER, op->number);
	case OP_SMALLER:
		return put_op(q, BOX_Q_SMALLER, op->number);
	case OP_MODSEQ:
		return put_op(q, BOX_Q_MODSEQ, op->number);
	case OP_EMAIL:
		return put_email(q, op);
	case OP_NOT:
		return put_op(q, BOX_Q_NOT, 0);
	case OP_AND:
		return put_op(q, BOX_Q_AND, 0);
	case OP_OR:
		return put_op(q, BOX_Q_OR, 0);
	case OP_SENTBEFORE:
	case OP_SENTON:
	case OP_SENTSINCE:
	case OP_HEADER:
	case OP_BODY:
	case OP_TEXT:
		return put_leaf(q, op);
	}
	return false;
}

/* ---- leaves ---------------------------------------------------------------------- */

/* Folded, as the sorter compares. */
static bool holds(struct span line, const struct leaf *l)
{
	struct buf folded;
	buf_init(&folded, FOLD_GROWTH * line.len + 1);
	terms_fold(&folded, line);
	bool there = buf_len(&l->folded) == 0 ||
		     span_find_span(buf_span(&folded), buf_span(&l->folded)) != SIZE_MAX;
	buf_free(&folded);
	return there;
}

/* False: the summary does not say.  It has the Subject as the sorter would
 * decode it again, and most searches are for that. */
static bool in_summary(struct search *q, const struct box_message *m,
		       const struct leaf *l, bool *truth)
{
	struct summary *s;
	if (l->kind != OP_HEADER || l->text.len == 0 ||
	    !span_eq_nocase(l->name, SPAN("Subject")))
		return false;
	arena_reset(q->arena);
	if (summary_read(m->summary, m->body_size, q->arena, &s) !=
		    SUMMARY_OK ||
	    (s->flags & (SUMMARY_OPAQUE | SUMMARY_TRUNCATED)) != 0)
		return false;
	*truth = false;
	for (size_t i = 0; i < s->value_count && !*truth; i++)
		*truth = s->values[i].field == SUMMARY_F_SUBJECT &&
			 holds(s->values[i].text, l);
	return true;
}

static bool is_sent(enum op_kind k)
{
	return k == OP_SENTBEFORE || k == OP_SENTON || k == OP_SENTSINCE;
}

static bool wants_body(const struct search *q)
{
	for (size_t i = 0; i < q->leaf_count; i++)
		if (q->leaves[i].kind == OP_BODY || q->leaves[i].kind == OP_TEXT)
			return true;
	return false;
}

/* The message for the sorter: all that its keys may be about. */
static bool attach(struct search *q, struct store_sorter_match *m)
{
	const struct box_message *of = &q->message;
	struct attached a;
	uint64_t end = ATTACH_HEADER_MAX;
	if (wants_body(q))
		end = u64_min(attach_text_end(of, q->arena), ATTACH_BODY_MAX);
	if (attach_body(q->job, of, u64_min(end, of->body_size), q->arena, &a) != KV_OK)
		return false;
	m->size = of->body_size;
	m->body = a.bytes;
	m->file = a.file;
	m->has_file = a.file >= 0;
	return true;
}

static void set_sent(struct search *q,
		     const struct store_sorter_match_reply *r)
{
	for (size_t i = 0; i < q->leaf_count; i++) {
		struct leaf *l = &q->leaves[i];
		if (!is_sent(l->kind))
			continue;
		l->truth = r->has_day &&
			   (l->kind == OP_SENTBEFORE ? r->day < l->day
			    : l->kind == OP_SENTON   ? r->day == l->day
						     : r->day >= l->day);
	}
}

/* Our own fields in front of the body are ours to judge. */
static bool in_prefix(const struct search *q, const struct leaf *l)
{
	struct span rest = q->message.prefix, line;
	bool named = false;
	while (rest.len > 0) {
		(void)span_cut(&rest, '\n', &line);
		bool folded = line.len > 0 &&
			      (line.ptr[0] == ' ' || line.ptr[0] == '\t');
		if (!folded)
			named = l->kind == OP_TEXT ||
				(span_starts_nocase(line, l->name) &&
				 line.len > l->name.len &&
				 line.ptr[l->name.len] == ':');
		if (named && holds(line, l))
			return true;
	}
	return false;
}

/* One question for up to NEEDLES_MAX keys from `from` on; the next one. */
static size_t put_needles(struct search *q, size_t from,
			  struct store_sorter_needle *out, size_t *index,
			  size_t *count)
{
	*count = 0;
	for (; from < q->leaf_count && *count < NEEDLES_MAX; from++) {
		const struct leaf *l = &q->leaves[from];
		if (is_sent(l->kind))
			continue;
		index[*count] = from;
		out[(*count)++] = (struct store_sorter_needle){
			.name = l->kind == OP_HEADER ? l->name
						     : span_of(NULL, 0),
			.whole = l->kind == OP_TEXT,
			.text = l->text};
	}
	return from;
}

static bool ask_some(struct search *q, size_t *from)
{
	struct store *s = q->job->store;
	struct store_sorter_needle needles[NEEDLES_MAX];
	size_t index[NEEDLES_MAX], count;
	struct store_sorter_match_reply r = {0};
	struct store_sorter_match m = {.summary = q->message.summary,
				       .needles = needles};
	*from = put_needles(q, *from, needles, index, &count);
	m.needles_count = count;
	if (!attach(q, &m))
		return false;
	/* Only now: while the body was read, a sorter may have left for its successor. */
	struct store_sorter *c = sorter_of(q->job, KIND_SORTER_ACCESS);
	if (c == NULL) {
		world_close(s->role->world, m.file);
		return false;
	}
	enum ipc_result said = store_sorter_match(
		c, &m, q->arena, &r, sorter_deadline(s, m.size));
	if (said != IPC_OK || r.answer == STORE_SORTER_ANSWER_LATER)
		return false;
	/* A message that was not understood holds none of it. */
	for (size_t i = 0; i < count; i++) {
		struct leaf *l = &q->leaves[index[i]];
		l->truth = (r.answer == STORE_SORTER_ANSWER_UNDERSTOOD &&
			    (r.hits >> i & 1) != 0) ||
			   (l->kind != OP_BODY && in_prefix(q, l));
	}
	set_sent(q, &r);
	return true;
}

/* All keys of one message. */
static enum box_result ask_leaves(struct search *q)
{
	size_t from = 0;
	do
		if (!ask_some(q, &from))
			return BOX_UNAVAILABLE;
	while (from < q->leaf_count);
	q->asked = q->message.uid;
	return BOX_OK;
}

/* Inside the run, which holds nothing open meanwhile: it may wait. */
static enum box_result judge_leaf(void *arg, const struct box_message *m,
				  uint64_t number, bool *truth)
{
	struct search *q = arg;
	if (q->asked == m->uid) {
		*truth = q->leaves[number].truth;
		return BOX_OK;
	}
	if (in_summary(q, m, &q->leaves[number], truth))
		return BOX_OK;
	arena_reset(q->arena);
	q->message = *m;
	enum box_result r = ask_leaves(q);
	*truth = r == BOX_OK && q->leaves[number].truth;
	return r;
}

/* ---- the index ---------------------------------------------------------------------- */

/* False: the index has nothing for this key. */
static bool in_index(struct leaf *l, struct consulted *c)
{
	*c = (struct consulted){.needle = &l->needle};
	switch (l->kind) {
	case OP_BODY:
		c->fields = 1u << TERM_BODY;
		break;
	case OP_TEXT:
		c->fields = (1u << TERM_FIELDS) - 1;
		break;
	case OP_HEADER:
		if (term_field_is_seal(l->name))
			return false;
		c->fields = 1u << term_field_named(l->name);
		c->only_may = term_field_named(l->name) == TERM_HEADER;
		break;
	default:
		return false;
	}
	return l->needle.count > 0;
}

/* The keys that the index knows get their sets. */
static void consult(struct search *q)
{
	struct consulted c[INDEX_LEAVES];
	size_t of[INDEX_LEAVES], n = 0;
	for (size_t i = 0; i < q->leaf_count && n < INDEX_LEAVES; i++)
		if (in_index(&q->leaves[i], &c[n]))
			of[n++] = i;
	if (n == 0)
		return;
	q->sets = arena_new(CONSULT_ARENA);
	uint32_t known = q->sets == NULL ? 0
					 : index_consult(q->job, q->box, q->mailbox, c, n,
							 q->sets);
	for (size_t i = 0; i < n && known > 0; i++) {
		struct box_query_op *op = &q->ops[q->leaves[of[i]].op];
		struct box_uids *sets = ARENA_ARRAY(q->sets, 2, struct box_uids);
		if (sets == NULL)
			break;
		sets[0] = c[i].sure;
		sets[1] = c[i].may;
		op->uids = &sets[0];
		op->may = &sets[1];
		op->known = known;
	}
}

/* ---- running ------------------------------------------------------------------------ */

static enum box_result run_slices(struct search *q, uint32_t from,
				  struct box_uids *out,
				  struct edge_store_search_reply *rep)
{
	struct world *w = q->job->store->role->world;
	uint64_t began = world_now(w), turn = began;
	enum box_result r = BOX_OK;
	rep->next = from != 0 ? from : 1;
	q->query.most = RANGES_MAX; /* a frame takes no more */
	while (r == BOX_OK && rep->next != 0 && out->count < RANGES_MAX) {
		uint32_t at = rep->next;
		uint64_t now = world_now(w);
		if (now - began > ANSWER_NS || ipc_call_is_late(q->job->call))
			break;
		if (now - turn > SLICE_NS) {
			fiber_yield(q->job->store->role->loop);
			turn = now;
		}
		r = box_query_run(q->box->box, KV_VISIBLE, q->mailbox, &q->query,
				  at, SLICE, out, &rep->highest, &rep->next);
	}
	return r;
}

static enum box_result search(struct search *q,
			      struct edge_store_search_reply *rep)
{
	const struct edge_store_search *m = q->job->ask;
	struct arena *a = q->job->arena;
	struct box_uids found;
	struct edge_store_range *out =
		ARENA_ARRAY(a, RANGES_MAX, struct edge_store_range);
	q->ops = ARENA_ARRAY(a, BOX_QUERY_OPS, struct box_query_op);
	q->leaves = ARENA_ARRAY(a, LEAVES_MAX, struct leaf);
	if (out == NULL || q->ops == NULL || q->leaves == NULL)
		return BOX_UNAVAILABLE;
	q->query.ops = q->ops;
	for (size_t i = 0; i < m->ops_count; i++)
		if (!put_key(q, m, &m->ops[i]))
			return BOX_LIMIT;
	q->query.leaf = q->leaf_count > 0 ? judge_leaf : NULL;
	q->query.arg = q;
	box_uids_init(&found, a);
	consult(q);
	enum box_result r = run_slices(q, m->from, &found, rep);
	if (r != BOX_OK)
		return r;
	ENSURE(found.count <= RANGES_MAX);
	for (size_t i = 0; i < found.count; i++)
		out[i] = (struct edge_store_range){found.runs[i].first,
						   found.runs[i].last};
	rep->uids = out;
	rep->uids_count = found.count;
	return BOX_OK;
}

static void run_search(struct job *j)
{
	const struct edge_store_search *m = j->ask;
	struct edge_store_search_reply rep = {0};
	struct selected *sel =
		access_selected(j->session, m->mailbox, 0, &rep.answer);
	struct search q = {.job = j};
	if (sel != NULL) {
		q.box = box_again(sel->box);
		q.mailbox = sel->mailbox;
		q.arena = arena_new(1u << 20);
		enum box_result r = q.arena ? search(&q, &rep) : BOX_UNAVAILABLE;
		rep.answer = r == BOX_NONE ? EDGE_STORE_ANSWER_GONE : answer_of(r);
		if (r != BOX_OK)
			rep.next = 0;
	}
	edge_store_search_answer(j->call, &rep);
	for (size_t i = 0; i < q.leaf_count; i++)
		buf_free(&q.leaves[i].folded);
	arena_free(q.sets);
	arena_free(q.arena);
	box_release(q.box);
}
BOUND_JOB(search)
