/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/follow: see follow.h.
 *
 * A hint says only that something happened; all else is looked for when a session asks,
 * so an account whose sessions are busy is looked at when they are not, and once for all.
 *
 * Must never forget a change silently: a session that a number was taken from hears of overflow.
 */
#include "role/store/follow.h"

#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"

#define ENTRIES	    512u
#define PAGE_MEMORY (1u << 20)
#define LOOK_SHARE  20u /* a look takes at most this part of the time */

struct row {
	char *name, *old; /* old: before it was renamed the last time, or NULL */
	uint32_t mailbox; /* 0: a bare level, or a subscription alone */
	bool subscribed, children;
	uint32_t uid_validity, uid_next, messages;
	uint64_t version;
	uint64_t counts_at, flags_at, name_at, subscribed_at; /* numbers of the last changes */
};

struct lost {
	char *name;
	bool renamed, subscribed;
	uint64_t at;
};

struct follow {
	struct open_box *box; /* held */
	struct list sessions;
	struct row *rows; /* by name */
	size_t count;
	uint64_t version; /* of the account, when it was looked at */
	uint64_t number;  /* of the last change */
	struct lost lost[FOLLOW_GONE];
	size_t lost_count;
	uint64_t forgotten; /* the last change that is known no more */
	uint64_t look_at;   /* not before */
	bool looking;
	bool over; /* it would take too much memory */
};

static struct span name_of(const struct row *r)
{
	return span_cstr(r->name);
}

static void rows_free(struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(rows[i].name);
		free(rows[i].old);
	}
	free(rows);
}

static void follow_free(struct follow *f)
{
	for (size_t i = 0; i < f->lost_count; i++)
		free(f->lost[i].name);
	rows_free(f->rows, f->count);
	f->box->follow = NULL;
	box_release(f->box);
	free(f);
}

void follow_end(struct session *ss)
{
	struct follow *f = ss->follow;
	if (f == NULL)
		return;
	list_remove(&ss->following);
	ss->follow = NULL;
	/* One who looks at it frees it then. */
	if (list_empty(&f->sessions) && !f->looking)
		follow_free(f);
}

static bool follow_begin(struct session *ss)
{
	enum box_result r;
	if (ss->follow != NULL)
		return true;
	struct open_box *b = box_hold(ss->store, ss->account, &r);
	if (b == NULL)
		return false;
	if (b->follow == NULL) {
		b->follow = calloc(1, sizeof *b->follow);
		if (b->follow == NULL) {
			box_release(b);
			return false;
		}
		list_init(&b->follow->sessions);
		b->follow->box = box_again(b);
	}
	ss->follow = b->follow;
	list_push_back(&b->follow->sessions, &ss->following);
	box_release(b);
	return true;
}

bool follow_hint(struct open_box *b)
{
	struct follow *f = b->follow;
	bool all = true;
	if (f == NULL)
		return true;
	if (loop_now(b->store->role->loop) < f->look_at)
		return false;
	uint64_t version = kv_version(box_space(b->box), KV_VISIBLE);
	LIST_EACH(&f->sessions, l) {
		struct session *ss = CONTAINER_OF(l, struct session, following);
		struct peer *p = ss->peer;
		struct edge_store_hint h = {.session = ss->id, .version = version};
		if (ss->news_hinted == version || p == NULL || p->channel == NULL)
			continue;
		if (edge_store_hint(edge_store_of(p->channel), &h) != IPC_OK) {
			all = false;
			continue;
		}
		ss->news_hinted = version;
		p->store->count.hints++;
	}
	return all;
}

/* ---- a look at all mailboxes ------------------------------------------------------ */

struct look {
	struct follow *f;
	struct row *rows;
	size_t count, cap, bytes;
};

static enum box_result add(struct look *k, const struct box_entry *e)
{
	struct box_status st = {0};
	enum box_result r = BOX_OK;
	if (e->mailbox != 0)
		r = box_status(k->f->box->box, KV_VISIBLE, e->mailbox, &st);
	if (r != BOX_OK)
		return r == BOX_NONE ? BOX_OK : r; /* gone since it was listed */
	k->bytes += sizeof *k->rows + e->name.len + 1;
	if (k->bytes > FOLLOW_BYTES)
		return BOX_LIMIT;
	if (k->count == k->cap) {
		size_t cap = k->cap == 0 ? 16 : 2 * k->cap;
		struct row *rows = realloc(k->rows, cap * sizeof *rows);
		if (rows == NULL)
			return BOX_UNAVAILABLE;
		k->rows = rows;
		k->cap = cap;
	}
	struct row *to = &k->rows[k->count];
	*to = (struct row){.mailbox = e->mailbox,
			   .subscribed = e->subscribed,
			   .children = e->children,
			   .uid_validity = st.uid_validity,
			   .uid_next = st.uid_next,
			   .messages = st.messages,
			   .version = st.version};
	to->name = strndup(e->name.ptr, e->name.len);
	k->count += to->name != NULL;
	return to->name != NULL ? BOX_OK : BOX_UNAVAILABLE;
}

static enum box_result gather(struct look *k, struct loop *loop)
{
	struct arena *a = arena_new(PAGE_MEMORY);
	struct box_entry *page = calloc(ENTRIES, sizeof *page);
	size_t count = ENTRIES;
	enum box_result r = a != NULL && page != NULL ? BOX_OK : BOX_UNAVAILABLE;
	while (r == BOX_OK && count == ENTRIES) {
		arena_reset(a);
		struct span after = k->count > 0 ? name_of(&k->rows[k->count - 1]) : SPAN("");
		r = box_list(k->f->box->box, KV_VISIBLE, a, after, page, ENTRIES, &count);
		for (size_t i = 0; r == BOX_OK && i < count; i++)
			r = add(k, &page[i]);
		fiber_yield(loop);
	}
	free(page);
	arena_free(a);
	return r;
}

/* ---- what became different ---------------------------------------------------------- */

static void forget_oldest(struct follow *f)
{
	f->forgotten = f->lost[0].at;
	free(f->lost[0].name);
	memmove(&f->lost[0], &f->lost[1], --f->lost_count * sizeof f->lost[0]);
}

/* The old row's name goes over to it. */
static void lose(struct follow *f, struct row *old, bool renamed)
{
	char *name = renamed ? strdup(old->name) : old->name;
	if (f->lost_count == FOLLOW_GONE)
		forget_oldest(f);
	f->number++;
	if (name == NULL) {
		f->forgotten = f->number;
		return;
	}
	if (!renamed)
		old->name = NULL;
	f->lost[f->lost_count++] = (struct lost){.name = name,
						 .renamed = renamed,
						 .subscribed = old->subscribed,
						 .at = f->number};
}

static void same_name(struct follow *f, struct row *now, struct row *was)
{
	now->counts_at = was->counts_at;
	now->flags_at = was->flags_at;
	now->name_at = was->name_at;
	now->subscribed_at = was->subscribed_at;
	now->old = was->old;
	was->old = NULL;
	bool made = now->mailbox != was->mailbox;
	bool counts = now->uid_next != was->uid_next || now->messages != was->messages ||
		      now->uid_validity != was->uid_validity;
	if (!made && now->subscribed == was->subscribed && now->version == was->version)
		return;
	f->number++;
	if (made)
		now->name_at = f->number;
	if (now->subscribed != was->subscribed)
		now->subscribed_at = f->number;
	if (!made && now->version != was->version)
		*(counts ? &now->counts_at : &now->flags_at) = f->number;
}

/* A row that came or went, or whose name is another mailbox's now, or only a subscription's. */
struct odd {
	struct row *row;
	bool stays; /* its name does */
};

/* The mailbox had another name: that is no more, or is left as a subscription. */
static void find_old_name(struct follow *f, struct row *now, struct odd *gone, size_t count)
{
	for (size_t i = 0; i < count && now->mailbox != 0; i++) {
		struct row *was = gone[i].row;
		if (was == NULL || was->mailbox != now->mailbox)
			continue;
		if (!gone[i].stays)
			lose(f, was, true);
		free(now->old);
		now->old = was->name;
		was->name = NULL;
		gone[i].row = NULL;
		return;
	}
}

/* A name that was not there: a mailbox that has another name now, a new one, a subscription. */
static void new_name(struct follow *f, const struct odd *fresh, struct odd *gone, size_t count)
{
	struct row *now = fresh->row;
	find_old_name(f, now, gone, count);
	f->number++;
	if (now->mailbox != 0 || now->children)
		now->name_at = f->number;
	if (now->subscribed && !fresh->stays)
		now->subscribed_at = f->number;
}

static bool compare(struct follow *f, struct row *rows, size_t count)
{
	struct odd *gone = calloc(f->count + 1, sizeof *gone), *fresh = calloc(count + 1, sizeof *fresh);
	size_t i = 0, k = 0, gone_count = 0, fresh_count = 0;
	bool room = gone != NULL && fresh != NULL;
	while (room && (i < f->count || k < count)) {
		int c = i == f->count ? 1 : k == count ? -1 : span_cmp(name_of(&f->rows[i]), name_of(&rows[k]));
		bool odd = c != 0 || f->rows[i].mailbox != rows[k].mailbox;
		if (c == 0)
			same_name(f, &rows[k], &f->rows[i]);
		if (odd && c <= 0 && (c < 0 || f->rows[i].mailbox != 0))
			gone[gone_count++] = (struct odd){&f->rows[i], c == 0};
		if (odd && c >= 0 && (c > 0 || rows[k].mailbox != 0))
			fresh[fresh_count++] = (struct odd){&rows[k], c == 0};
		i += c <= 0;
		k += c >= 0;
	}
	for (size_t n = 0; n < fresh_count; n++)
		new_name(f, &fresh[n], gone, gone_count);
	for (size_t n = 0; n < gone_count; n++)
		if (gone[n].row != NULL && !gone[n].stays)
			lose(f, gone[n].row, false);
	free(gone);
	free(fresh);
	return room;
}

static enum box_result look(struct job *j, struct follow *f)
{
	struct loop *loop = j->store->role->loop;
	struct look k = {.f = f};
	uint64_t began = loop_now(loop), version = kv_version(box_space(f->box->box), KV_VISIBLE);
	if (f->rows != NULL && f->version == version)
		return BOX_OK;
	f->looking = true;
	enum box_result r = gather(&k, loop);
	f->looking = false;
	if (r == BOX_OK && f->rows != NULL && !compare(f, k.rows, k.count))
		r = BOX_UNAVAILABLE;
	if (r != BOX_OK) {
		f->over |= r == BOX_LIMIT;
		rows_free(k.rows, k.count);
		return r;
	}
	rows_free(f->rows, f->count);
	f->rows = k.rows;
	f->count = k.count;
	f->version = version;
	uint64_t now = loop_now(loop);
	f->look_at = now + LOOK_SHARE * (now - began);
	return BOX_OK;
}

/* ---- what one session is told ---------------------------------------------------------- */

struct pending {
	uint64_t at;
	const struct row *row; /* NULL: lost */
	const struct lost *lost;
};

static uint64_t larger(uint64_t a, uint64_t b) { return a > b ? a : b; }

static uint64_t last_of(const struct row *r)
{
	return larger(larger(r->counts_at, r->flags_at), larger(r->name_at, r->subscribed_at));
}

static int by_number(const void *a, const void *b)
{
	const struct pending *x = a, *y = b;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* Was it told, or will it be, as the old name of another one? */
static bool has_new_name(const struct follow *f, const struct lost *l, uint64_t told)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->rows[i].old != NULL && f->rows[i].name_at > told &&
		    strcmp(f->rows[i].old, l->name) == 0)
			return true;
	return false;
}

static size_t collect(const struct follow *f, uint64_t told, struct pending *out)
{
	size_t n = 0;
	for (size_t i = 0; i < f->count; i++)
		if (last_of(&f->rows[i]) > told)
			out[n++] = (struct pending){.at = last_of(&f->rows[i]), .row = &f->rows[i]};
	for (size_t i = 0; i < f->lost_count; i++)
		if (f->lost[i].at > told &&
		    !(f->lost[i].renamed && has_new_name(f, &f->lost[i], told)))
			out[n++] = (struct pending){.at = f->lost[i].at, .lost = &f->lost[i]};
	qsort(out, n, sizeof *out, by_number);
	return n;
}

/* The row may be looked at again before the answer is written: names are copied. */
static bool put(struct job *j, struct edge_store_moved *to, const struct pending *p, uint64_t told)
{
	if (p->row == NULL) {
		*to = (struct edge_store_moved){.what = FOLLOW_LOST, .subscribed = p->lost->subscribed};
		return arena_copy(j->arena, span_cstr(p->lost->name), &to->name);
	}
	const struct row *r = p->row;
	*to = (struct edge_store_moved){
		.what = (uint8_t)((r->counts_at > told ? FOLLOW_COUNTS : 0) |
				  (r->flags_at > told ? FOLLOW_FLAGS : 0) |
				  (r->name_at > told ? FOLLOW_NAME : 0) |
				  (r->subscribed_at > told ? FOLLOW_SUBSCRIBED : 0)),
		.mailbox = r->mailbox,
		.subscribed = r->subscribed,
		.children = r->children,
		.uid_validity = r->uid_validity,
		.uid_next = r->uid_next,
		.messages = r->messages,
		.version = r->version};
	return arena_copy(j->arena, name_of(r), &to->name) &&
	       (r->old == NULL || r->name_at <= told ||
		arena_copy(j->arena, span_cstr(r->old), &to->old));
}

static bool tell(struct job *j, struct session *ss, struct edge_store_news_reply *rep)
{
	struct follow *f = ss->follow;
	struct pending *all = calloc(f->count + f->lost_count + 1, sizeof *all);
	struct edge_store_moved *out = ARENA_ARRAY(j->arena, FOLLOW_NEWS, struct edge_store_moved);
	bool room = all != NULL && out != NULL;
	size_t n = room ? collect(f, ss->news_told, all) : 0;
	for (size_t i = 0; room && i < n && i < FOLLOW_NEWS; i++)
		room = put(j, &out[rep->moved_count++], &all[i], ss->news_told);
	rep->moved = out;
	rep->more = n > FOLLOW_NEWS;
	if (room)
		ss->news_told = rep->more ? all[FOLLOW_NEWS - 1].at : f->number;
	free(all);
	return room;
}

static enum edge_store_answer news(struct job *j, struct session *ss, bool begin,
				   struct edge_store_news_reply *rep)
{
	bool fresh = ss->follow == NULL;
	if (begin && !follow_begin(ss))
		return EDGE_STORE_ANSWER_LATER;
	while (ss->follow != NULL && ss->follow->looking && !ipc_call_is_late(j->call))
		job_sleep(j, NS_PER_MS);
	struct follow *f = ss->follow;
	if (f == NULL)
		return EDGE_STORE_ANSWER_NO;
	if (f->looking)
		return EDGE_STORE_ANSWER_LATER;
	enum box_result r = look(j, f);
	if (list_empty(&f->sessions)) { /* all of them went meanwhile */
		follow_free(f);
		return EDGE_STORE_ANSWER_NO;
	}
	if (ss->follow != f)
		return EDGE_STORE_ANSWER_NO;
	if (fresh)
		ss->news_told = f->number;
	rep->overflow = f->over || ss->news_told < f->forgotten;
	if (rep->overflow) {
		follow_end(ss);
		return EDGE_STORE_ANSWER_YES;
	}
	if (r != BOX_OK || !tell(j, ss, rep))
		return EDGE_STORE_ANSWER_LATER;
	return EDGE_STORE_ANSWER_YES;
}

static void run_news(struct job *j)
{
	const struct edge_store_news *m = j->ask;
	struct edge_store_news_reply rep = {0};
	rep.answer = news(j, j->session, m->begin, &rep);
	if (rep.answer != EDGE_STORE_ANSWER_YES)
		rep.moved_count = 0;
	edge_store_news_answer(j->call, &rep);
}
BOUND_JOB(news)

void on_no_news(void *ctx, struct edge_store *c, const struct edge_store_no_news *m)
{
	struct session *ss = session_find(ctx, m->session);
	(void)c;
	if (ss != NULL)
		follow_end(ss);
}
