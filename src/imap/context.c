/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/context: see context.h.
 *
 * A result speaks of the session's view: it changes when the view does.  Expunged
 * messages leave it before their EXPUNGE is told, by the numbers of then; all
 * else is looked at afterwards, by the numbers of now.  `version` says up to where
 * that was done, so an attempt that failed is made again by the next command.
 *
 * Must never tell of a message that the client was not told of, nor change a result
 * without telling.
 */
#include "imap/context.h"

#include <stdlib.h>

#include "base/check.h"
#include "imap/flags.h"

#define LINE_MAX_BYTES (4u << 20)
#define PIVOTS	       63u /* members of an order that a new one is compared with at once */

struct context {
	char tag[IMAP_TAG_MAX];
	size_t tag_len;
	bool by_uid, sorted;
	struct imap_order how;
	struct arena *arena; /* holds the query */
	struct imap_query query;
	struct span fetch; /* items of new messages that come in; or empty */
	struct imap_run *runs; /* the result of SEARCH ... */
	uint32_t *order;       /* ... and of SORT; the other one is NULL */
	size_t count;
};

struct imap_contexts {
	struct context *all[IMAP_CONTEXTS_MAX];
	size_t count;
	uint32_t uid_next; /* of then: others are new */
	uint64_t version; /* all that happened up to it is in the results */
};

/* What happens to one result: it is put together before any of it is told. */
struct update {
	struct context *c;
	struct imap_set gone, added;   /* of SEARCH */
	uint32_t *order;	       /* of SORT: the new one ... */
	size_t count;
	struct buf removes, adds;      /* ... and the pairs that lead there */
};

static struct span tag_of(const struct context *c)
{
	return span_of(c->tag, c->tag_len);
}

static void context_free(struct context *c)
{
	if (c == NULL)
		return;
	arena_free(c->arena);
	free(c->runs);
	free(c->order);
	free(c);
}

void imap_contexts_drop(struct imap_session *s)
{
	struct imap_contexts *all = s->contexts;
	for (size_t i = 0; all != NULL && i < all->count; i++)
		context_free(all->all[i]);
	free(all);
	s->contexts = NULL;
}

static void remove_at(struct imap_session *s, size_t at)
{
	struct imap_contexts *all = s->contexts;
	context_free(all->all[at]);
	for (; at + 1 < all->count; at++)
		all->all[at] = all->all[at + 1];
	if (--all->count == 0)
		imap_contexts_drop(s);
}

static size_t find(const struct imap_session *s, struct span tag)
{
	size_t n = s->contexts != NULL ? s->contexts->count : 0;
	for (size_t i = 0; i < n; i++)
		if (span_eq(tag_of(s->contexts->all[i]), tag))
			return i;
	return SIZE_MAX;
}

bool imap_context_tag_free(struct imap_session *s)
{
	if (find(s, span_of(s->word, s->word_len)) == SIZE_MAX)
		return true;
	imap_bad(s, "A result of this tag is kept up to date already");
	return false;
}

bool imap_context_cancel(struct imap_session *s, struct span tag)
{
	size_t at = find(s, tag);
	if (at == SIZE_MAX)
		return false;
	remove_at(s, at);
	return true;
}

static void refuse(struct imap_session *s, struct span tag, const char *why)
{
	stream_printf(s->stream, "* NO [NOUPDATE \"%.*s\"] %s\r\n", SPAN_FMT(tag), why);
}

void imap_context_refuse(struct imap_session *s, const char *why)
{
	refuse(s, span_of(s->word, s->word_len), why);
}

/* ---- keeping ------------------------------------------------------------------ */

static size_t memory_of(const struct context *c)
{
	return arena_used(c->arena) + sizeof *c +
	       c->count * (c->sorted ? sizeof *c->order : sizeof *c->runs);
}

/* Would `count` members of c, beside all others, be too much? */
static bool too_much(const struct imap_session *s, const struct context *c, size_t count)
{
	size_t sum = arena_used(c->arena) + sizeof *c +
		     count * (c->sorted ? sizeof *c->order : sizeof *c->runs);
	for (size_t i = 0; s->contexts != NULL && i < s->contexts->count; i++)
		if (s->contexts->all[i] != c)
			sum += memory_of(s->contexts->all[i]);
	return sum > IMAP_CONTEXT_MEMORY;
}

/* A copy that outlives the command; false: too large. */
static bool keep_query(struct context *c, const struct imap_query *q)
{
	struct arena *a = c->arena;
	size_t runs = 0;
	/* As it was softened: how near a message comes is not told again. */
	c->query = (struct imap_query){.count = q->count, .modseq = q->modseq};
	c->query.ops = ARENA_ARRAY(a, q->count, struct imap_query_op);
	/* Two more will say which messages are meant. */
	if (c->query.ops == NULL || q->count > IMAP_QUERY_OPS - 2)
		return false;
	for (size_t i = 0; i < q->count; i++) {
		struct imap_query_op *to = &c->query.ops[i];
		const struct imap_set *uids = &q->ops[i].uids;
		*to = q->ops[i];
		runs += q->ops[i].kind == IMAP_Q_UIDS ? uids->count : 0;
		if (runs > IMAP_CONTEXT_RUNS || !arena_copy(a, to->name, &to->name) ||
		    !arena_copy(a, to->text, &to->text))
			return false;
		if (to->kind != IMAP_Q_UIDS)
			continue;
		imap_set_init(&to->uids, a);
		for (size_t k = 0; k < uids->count; k++)
			if (!imap_set_add(&to->uids, uids->runs[k].first, uids->runs[k].last))
				return false;
	}
	return true;
}

static struct context *context_new(struct imap_session *s, const struct imap_query *q,
				   struct span fetch)
{
	struct context *c = calloc(1, sizeof *c);
	if (c == NULL)
		return NULL;
	c->arena = arena_new(IMAP_CONTEXT_MEMORY);
	memcpy(c->tag, s->word, s->word_len);
	c->tag_len = s->word_len;
	c->by_uid = s->work->by_uid;
	if (c->arena != NULL && keep_query(c, q) && arena_copy(c->arena, fetch, &c->fetch))
		return c;
	context_free(c);
	return NULL;
}

static bool replace(void **place, const void *from, size_t count, size_t size)
{
	void *copy = calloc(count + 1, size);
	if (copy == NULL)
		return false;
	if (count > 0)
		memcpy(copy, from, count * size);
	free(*place);
	*place = copy;
	return true;
}

static bool keep_runs(struct imap_session *s, struct context *c, const struct imap_set *set)
{
	void *place = c->runs;
	if (too_much(s, c, set->count) ||
	    !replace(&place, set->runs, set->count, sizeof *set->runs))
		return false;
	c->runs = place;
	c->count = set->count;
	return true;
}

static bool keep_order(struct imap_session *s, struct context *c, const uint32_t *uids,
		       size_t count)
{
	void *place = c->order;
	if (too_much(s, c, count) || !replace(&place, uids, count, sizeof *uids))
		return false;
	c->order = place;
	c->count = count;
	return true;
}

/* The list takes it, or the client hears why not. */
static void enlist(struct imap_session *s, struct context *c, bool kept)
{
	struct span tag = span_of(s->word, s->word_len);
	if (!kept) {
		refuse(s, tag, "The result or the query is too large");
		context_free(c);
		return;
	}
	if (s->contexts == NULL) {
		s->contexts = calloc(1, sizeof *s->contexts);
		if (s->contexts != NULL)
			*s->contexts = (struct imap_contexts){.uid_next = s->uid_next,
							      .version = s->version};
	}
	if (s->contexts == NULL || s->contexts->count == IMAP_CONTEXTS_MAX) {
		refuse(s, tag, "Too many results are kept up to date");
		context_free(c);
		return;
	}
	s->contexts->all[s->contexts->count++] = c;
}

void imap_context_of_search(struct imap_session *s, const struct imap_query *q,
			    struct span fetch, const struct imap_set *found)
{
	struct context *c = context_new(s, q, fetch);
	enlist(s, c, c != NULL && keep_runs(s, c, found));
}

void imap_context_of_sort(struct imap_session *s, const struct imap_query *q,
			  struct span fetch, const struct imap_order *how,
			  const struct imap_ordered *found)
{
	struct context *c = context_new(s, q, fetch);
	if (c != NULL) {
		c->sorted = true;
		c->how = *how;
	}
	enlist(s, c, c != NULL && keep_order(s, c, found->uids, found->count));
}

/* ---- telling ------------------------------------------------------------------- */

static bool by_uid(const struct imap_session *s, const struct context *c)
{
	return c->by_uid || s->uidonly;
}

static uint32_t number_of(const struct imap_session *s, const struct context *c, uint32_t uid)
{
	return by_uid(s, c) ? uid : imap_set_rank(&s->work->map, uid);
}

static void put_set(struct imap_session *s, const struct context *c, const char *what,
		    const struct imap_set *uids, struct buf *line)
{
	struct imap_set ranks;
	imap_set_init(&ranks, s->work->arena);
	if (uids->count == 0)
		return;
	buf_printf(line, " %s (0 ", what);
	if (by_uid(s, c))
		imap_set_text(uids, line);
	else if (imap_set_ranks(&s->work->map, uids, &ranks))
		imap_set_text(&ranks, line);
	else
		line->failed = true;
	buf_addc(line, ')');
}

static void put_pairs(const char *what, struct buf *pairs, struct buf *line)
{
	if (buf_len(pairs) == 0)
		return;
	buf_printf(line, " %s (", what);
	buf_add(line, buf_span(pairs));
	buf_addc(line, ')');
	if (!buf_ok(pairs))
		line->failed = true;
}

static void update_begin(struct imap_session *s, struct update *u, struct context *c)
{
	*u = (struct update){.c = c};
	imap_set_init(&u->gone, s->work->arena);
	imap_set_init(&u->added, s->work->arena);
	buf_init(&u->removes, LINE_MAX_BYTES);
	buf_init(&u->adds, LINE_MAX_BYTES);
}

static void update_end(struct update *u)
{
	buf_free(&u->removes);
	buf_free(&u->adds);
}

/* The result as the update has it becomes the context's.  False: it cannot be kept. */
static bool take(struct imap_session *s, struct update *u)
{
	struct context *c = u->c;
	struct imap_set have = {.runs = c->runs, .count = c->count}, left;
	if (c->sorted)
		return keep_order(s, c, u->order, u->count);
	imap_set_init(&left, s->work->arena);
	if (!imap_set_minus(&have, &u->gone, &left))
		return false;
	for (size_t i = 0; i < u->added.count; i++)
		if (!imap_set_add(&left, u->added.runs[i].first, u->added.runs[i].last))
			return false;
	imap_set_sort(&left);
	return keep_runs(s, c, &left);
}

/* One line, or none where nothing became different.  False: the context has to go. */
static bool finish(struct imap_session *s, struct update *u)
{
	struct context *c = u->c;
	struct buf line;
	buf_init(&line, LINE_MAX_BYTES);
	if (c->sorted) {
		put_pairs("REMOVEFROM", &u->removes, &line);
		put_pairs("ADDTO", &u->adds, &line);
	} else {
		put_set(s, c, "REMOVEFROM", &u->gone, &line);
		put_set(s, c, "ADDTO", &u->added, &line);
	}
	bool good = buf_ok(&line) && (buf_len(&line) == 0 || take(s, u));
	if (good && buf_len(&line) > 0) {
		stream_printf(s->stream, "* ESEARCH (TAG \"%.*s\")%s", SPAN_FMT(tag_of(c)),
			      by_uid(s, c) ? " UID" : "");
		stream_write(s->stream, buf_span(&line));
		stream_write(s->stream, SPAN("\r\n"));
	}
	buf_free(&line);
	if (!good)
		refuse(s, tag_of(c), "The result has become too large");
	return good;
}

/* ---- orders ---------------------------------------------------------------------- */

/* Room for `more` members.  False: out of memory. */
static bool order_begin(struct imap_session *s, struct update *u, size_t more)
{
	struct context *c = u->c;
	u->order = ARENA_ARRAY(s->work->arena, c->count + more + 1, uint32_t);
	if (u->order == NULL)
		return false;
	if (c->count > 0)
		memcpy(u->order, c->order, c->count * sizeof *u->order);
	u->count = c->count;
	return true;
}

static void put_pair(struct imap_session *s, struct update *u, struct buf *pairs, size_t at,
		     uint32_t uid)
{
	buf_printf(pairs, "%s%zu %u", buf_len(pairs) > 0 ? " " : "", at + 1,
		   number_of(s, u->c, uid));
}

static void order_remove(struct imap_session *s, struct update *u, const struct imap_set *gone)
{
	size_t kept = 0;
	for (size_t i = 0; i < u->count; i++)
		if (imap_set_has(gone, u->order[i]))
			put_pair(s, u, &u->removes, kept, u->order[i]);
		else
			u->order[kept++] = u->order[i];
	u->count = kept;
}

static enum imap_answer sort_set(struct imap_session *s, const struct update *u,
				 struct imap_set *set, struct imap_ordered *out)
{
	imap_set_sort(set);
	return s->host->sort(s->host, s->mailbox, &u->c->how, set, s->work->batch, out);
}

static size_t index_of(const struct update *u, uint32_t uid, size_t from, size_t to)
{
	while (from < to && u->order[from] != uid)
		from++;
	return from;
}

/* Where among members `*from` to `*to` a message belongs, closer than before.  *there: it is. */
static enum imap_answer narrow(struct imap_session *s, struct update *u, uint32_t uid,
			       size_t *from, size_t *to, bool *there)
{
	struct imap_set set;
	struct imap_ordered o = {0};
	size_t begin = *from, end = *to, step = (end - begin) / (PIVOTS + 1) + 1;
	arena_reset(s->work->batch);
	imap_set_init(&set, s->work->batch);
	bool room = imap_set_add(&set, uid, uid);
	for (size_t i = begin + step - 1; room && i < end; i += step)
		room = imap_set_add(&set, u->order[i], u->order[i]);
	enum imap_answer r = room ? sort_set(s, u, &set, &o) : IMAP_UNAVAILABLE;
	size_t at = 0;
	while (r == IMAP_YES && at < o.count && o.uids[at] != uid)
		at++;
	*there = at < o.count;
	if (r != IMAP_YES || !*there)
		return r;
	if (at > 0)
		*from = index_of(u, o.uids[at - 1], begin, end) + 1;
	if (at + 1 < o.count)
		*to = index_of(u, o.uids[at + 1], begin, end);
	/* All were asked about, or those asked about are gone: no closer than this. */
	if (step == 1 || *to - *from >= end - begin)
		*to = *from;
	return r;
}

static enum imap_answer order_add_one(struct imap_session *s, struct update *u, uint32_t uid)
{
	size_t from = 0, to = u->count;
	bool there;
	enum imap_answer r = IMAP_YES;
	do
		r = narrow(s, u, uid, &from, &to, &there);
	while (r == IMAP_YES && there && from < to);
	if (r != IMAP_YES || !there)
		return r;
	memmove(u->order + from + 1, u->order + from, (u->count - from) * sizeof *u->order);
	u->order[from] = uid;
	u->count++;
	put_pair(s, u, &u->adds, from, uid);
	return r;
}

/* All members are ordered anew: dear, but many come in at once. */
static enum imap_answer order_add_many(struct imap_session *s, struct update *u,
				       const struct imap_set *added, size_t more)
{
	struct imap_set set;
	struct imap_ordered o = {0};
	arena_reset(s->work->batch);
	imap_set_init(&set, s->work->batch);
	uint32_t *merged = ARENA_ARRAY(s->work->arena, u->count + more + 1, uint32_t);
	bool room = merged != NULL;
	for (size_t i = 0; room && i < u->count; i++)
		room = imap_set_add(&set, u->order[i], u->order[i]);
	for (size_t i = 0; room && i < added->count; i++)
		room = imap_set_add(&set, added->runs[i].first, added->runs[i].last);
	enum imap_answer r = room ? sort_set(s, u, &set, &o) : IMAP_UNAVAILABLE;
	if (r != IMAP_YES)
		return r;
	size_t taken = 0, n = 0; /* of the old order; in the new one */
	for (size_t i = 0; i < o.count; i++) {
		if (!imap_set_has(added, o.uids[i])) {
			while (taken < u->count && (n == 0 || merged[n - 1] != o.uids[i]))
				merged[n++] = u->order[taken++];
			continue;
		}
		put_pair(s, u, &u->adds, n, o.uids[i]);
		merged[n++] = o.uids[i];
	}
	while (taken < u->count)
		merged[n++] = u->order[taken++];
	u->order = merged;
	u->count = n;
	return r;
}

static enum imap_answer order_change(struct imap_session *s, struct update *u,
				     const struct imap_set *gone, const struct imap_set *added)
{
	enum imap_answer r = IMAP_YES;
	size_t more = (size_t)imap_set_size(added);
	if (!order_begin(s, u, more))
		return IMAP_UNAVAILABLE;
	order_remove(s, u, gone);
	if (more > IMAP_CONTEXT_SINGLY)
		return order_add_many(s, u, added, more);
	for (size_t i = 0; i < added->count; i++)
		for (uint64_t uid = added->runs[i].first;
		     r == IMAP_YES && uid <= added->runs[i].last; uid++)
			r = order_add_one(s, u, (uint32_t)uid);
	return r;
}

/* ---- what changed ----------------------------------------------------------------- */

/* The members of a result, as a set. */
static bool members(struct imap_session *s, const struct context *c, struct imap_set *out)
{
	imap_set_init(out, s->work->arena);
	if (!c->sorted) {
		*out = (struct imap_set){.runs = c->runs, .count = c->count};
		return true;
	}
	for (size_t i = 0; i < c->count; i++)
		if (!imap_set_add(out, c->order[i], c->order[i]))
			return false;
	imap_set_sort(out);
	return true;
}

/* Ends an update that was put together; a context that cannot go on leaves the list. */
static enum imap_answer settle(struct imap_session *s, struct update *u, size_t *at,
			       enum imap_answer r)
{
	if (r != IMAP_YES || finish(s, u))
		++*at;
	else
		remove_at(s, *at);
	update_end(u);
	return r;
}

void imap_contexts_gone(struct imap_session *s, const struct imap_set *gone)
{
	for (size_t i = 0; s->contexts != NULL && i < s->contexts->count;) {
		struct context *c = s->contexts->all[i];
		struct imap_set have, none;
		struct update u;
		update_begin(s, &u, c);
		imap_set_init(&none, s->work->arena);
		enum imap_answer r = IMAP_UNAVAILABLE;
		if (members(s, c, &have) && imap_set_and(&have, gone, &u.gone))
			r = c->sorted ? order_change(s, &u, &u.gone, &none) : IMAP_YES;
		if (r == IMAP_YES) {
			(void)!settle(s, &u, &i, r);
			continue;
		}
		/* The numbers are about to change: it would never be right again. */
		refuse(s, tag_of(c), "Out of memory");
		update_end(&u);
		remove_at(s, i);
	}
}

/* The query, asked of some messages alone. */
static enum imap_answer matching(struct imap_session *s, const struct context *c,
				 const struct imap_set *among, struct imap_set *out)
{
	struct imap_keywords keywords;
	uint64_t highest = 0;
	struct imap_query q = c->query;
	struct imap_set found;
	enum imap_answer r = imap_keywords_get(s, &keywords);
	imap_set_init(&found, s->work->arena);
	q.ops = ARENA_ARRAY(s->work->arena, q.count + 2, struct imap_query_op);
	if (r != IMAP_YES || q.ops == NULL)
		return r != IMAP_YES ? r : IMAP_UNAVAILABLE;
	memcpy(q.ops, c->query.ops, c->query.count * sizeof *q.ops);
	/* A keyword that nobody used when the client asked. */
	for (size_t i = 0; i < q.count; i++)
		if (q.ops[i].kind == IMAP_Q_NONE && q.ops[i].name.len > 0)
			q.ops[i] = imap_query_keyword(&keywords, q.ops[i].name);
	q.ops[q.count++] = (struct imap_query_op){.kind = IMAP_Q_UIDS, .uids = *among};
	q.ops[q.count++] = (struct imap_query_op){.kind = IMAP_Q_AND};
	r = s->host->search(s->host, s->mailbox, &q, &found, &highest);
	return r != IMAP_YES || imap_set_and(&found, among, out) ? r : IMAP_UNAVAILABLE;
}

/* RFC 5465 7: those that are new, before they are told to be in the result. */
static enum imap_answer show_new(struct imap_session *s, const struct context *c,
				 const struct imap_set *added)
{
	struct imap_set since, fresh;
	imap_set_init(&since, s->work->arena);
	imap_set_init(&fresh, s->work->arena);
	if (c->fetch.len == 0 || added->count == 0)
		return IMAP_YES;
	if (!imap_set_add(&since, s->contexts->uid_next, UINT32_MAX) ||
	    !imap_set_and(added, &since, &fresh))
		return IMAP_UNAVAILABLE;
	return fresh.count > 0 ? imap_fetch_listed(s, c->fetch, &fresh) : IMAP_YES;
}

/* Some messages may have come into a result or have left it. */
static enum imap_answer changed_in(struct imap_session *s, struct context *c,
				   const struct imap_set *changed, struct update *u)
{
	struct imap_set have, match, were, gone, added;
	imap_set_init(&match, s->work->arena);
	imap_set_init(&were, s->work->arena);
	imap_set_init(&gone, s->work->arena);
	imap_set_init(&added, s->work->arena);
	enum imap_answer r = matching(s, c, changed, &match);
	if (r != IMAP_YES)
		return r;
	if (!members(s, c, &have) || !imap_set_and(&have, changed, &were) ||
	    !imap_set_minus(&were, &match, &gone) || !imap_set_minus(&match, &have, &added))
		return IMAP_UNAVAILABLE;
	r = show_new(s, c, &added);
	if (r != IMAP_YES)
		return r;
	if (c->sorted && gone.count + added.count > 0)
		return order_change(s, u, &gone, &added);
	u->gone = gone;
	u->added = added;
	return IMAP_YES;
}

static enum imap_answer changed_in_all(struct imap_session *s, const struct imap_set *changed)
{
	enum imap_answer r = IMAP_YES;
	for (size_t i = 0; s->contexts != NULL && i < s->contexts->count && r == IMAP_YES;) {
		struct update u;
		update_begin(s, &u, s->contexts->all[i]);
		r = settle(s, &u, &i, changed_in(s, s->contexts->all[i], changed, &u));
	}
	return r;
}

void imap_contexts_tell(struct imap_session *s)
{
	struct imap_work *w = s->work;
	struct imap_slots slots = {.next = 1};
	if (s->contexts == NULL || s->contexts->version >= s->version)
		return;
	uint64_t since = s->contexts->version, version = s->version;
	enum imap_answer r = imap_view_numbers(s);
	struct arena *command = w->arena, *own = arena_new(IMAP_ARENA_MAX);
	if (own == NULL)
		return;
	w->arena = own; /* of one round, however many there are */
	while (r == IMAP_YES && slots.next != 0 && slots.next < s->uid_next) {
		struct imap_set changed;
		uint32_t from = slots.next;
		slots = (struct imap_slots){0};
		arena_reset(own);
		arena_reset(w->batch);
		imap_set_init(&changed, own);
		r = s->host->pages(s->host, s->mailbox, from, s->uid_next - 1, since, w->batch,
				   &slots);
		for (size_t i = 0; r == IMAP_YES && i < slots.count; i++)
			if (imap_set_has(&w->map, slots.slots[i].uid) &&
			    !imap_set_add(&changed, slots.slots[i].uid, slots.slots[i].uid))
				r = IMAP_UNAVAILABLE;
		if (r == IMAP_YES && changed.count > 0)
			r = changed_in_all(s, &changed);
	}
	w->arena = command;
	arena_free(own);
	if (r == IMAP_YES && s->contexts != NULL) {
		s->contexts->version = version;
		s->contexts->uid_next = s->uid_next;
	}
}
