/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/imap_read: what stands in the selected mailbox, asked of the store.
 *
 * A set or list that one frame cannot hold is asked for in parts.  Where the
 * parts have to belong to one state (changes) they are asked for again when the
 * state moved in between.
 */
#include "base/check.h"
#include "role/edge/imap_side.h"

#define CHANGES_TRIES 8u
#define PROGRESS_NS   (10 * NS_PER_SEC) /* between two lines that say so */
#define QUERY_RUNS    2048u
#define QUERY_TEXT    1024u
#define QUERY_NAME    255u

struct edge_store_range *imap_side_runs(struct arena *arena,
					const struct imap_set *set, size_t at,
					size_t *count)
{
	size_t n = size_min(set->count - at, IMAP_RUNS_MAX);
	struct edge_store_range *runs =
		ARENA_ARRAY(arena, n + 1, struct edge_store_range);
	for (size_t i = 0; runs != NULL && i < n; i++)
		runs[i] = (struct edge_store_range){
			.first = set->runs[at + i].first,
			.last = set->runs[at + i].last};
	*count = n;
	return runs;
}

bool imap_side_add(struct imap_set *set, const struct edge_store_range *runs,
		   size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!imap_set_add(set, runs[i].first, runs[i].last))
			return false;
	return true;
}

static enum imap_answer uids(struct imap_host *h, uint64_t mailbox,
			     struct imap_set *out)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_uids m = {
		.session = c->session, .mailbox = mailbox, .from = 1};
	do {
		struct edge_store_uids_reply r;
		enum imap_answer a = IMAP_ASK(c, uids, &m, connection_scratch(c),
					      &r, EDGE_READ_NS);
		if (a != IMAP_YES)
			return a;
		if (!imap_side_add(out, r.ranges, r.ranges_count) ||
		    (r.next != 0 && r.next <= m.from))
			return IMAP_UNAVAILABLE;
		m.from = r.next;
	} while (m.from != 0);
	imap_set_sort(out);
	return IMAP_YES;
}

static enum imap_answer pages(struct imap_host *h, uint64_t mailbox,
			      uint32_t first, uint32_t last, uint64_t above,
			      struct arena *arena, struct imap_slots *out)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_pages m = {.session = c->session,
				     .mailbox = mailbox,
				     .from = first,
				     .above = above,
				     .most = (uint16_t)u64_min((uint64_t)last - first + 1,
							       IMAP_BATCH)};
	struct edge_store_pages_reply r;
	enum imap_answer a = IMAP_ASK(c, pages, &m, connection_scratch(c), &r,
				      EDGE_READ_NS);
	if (a != IMAP_YES)
		return a;
	out->slots = ARENA_ARRAY(arena, size_min(r.slots_count, IMAP_BATCH) + 1,
				 struct imap_slot);
	if (out->slots == NULL)
		return IMAP_UNAVAILABLE;
	out->count = 0;
	out->next = r.next > last ? 0 : r.next;
	for (size_t i = 0; i < r.slots_count; i++) {
		const struct edge_store_slot *s = &r.slots[i];
		if (s->uid > last || out->count == IMAP_BATCH) {
			out->next = s->uid > last ? 0 : s->uid;
			break;
		}
		out->slots[out->count++] =
			(struct imap_slot){.uid = s->uid,
					   .flags = s->flags,
					   .keywords = s->keywords,
					   .modseq = s->modseq};
	}
	return IMAP_YES;
}

static enum imap_answer rows(struct imap_host *h, uint64_t mailbox,
			     struct arena *arena, const uint32_t *list,
			     size_t count, unsigned want,
			     struct imap_row *out)
{
	struct connection *c = imap_side_of(h)->c;
	size_t done = 0;
	while (done < count) {
		struct edge_store_rows m = {.session = c->session,
					    .mailbox = mailbox,
					    .uids = list + done,
					    .uids_count = count - done,
					    .summaries = want & IMAP_WANT_SUMMARY,
					    .origins = want & IMAP_WANT_ORIGIN};
		struct edge_store_rows_reply r;
		enum imap_answer a =
			IMAP_ASK(c, rows, &m, arena, &r, EDGE_READ_NS);
		if (a != IMAP_YES)
			return a;
		if (r.rows_count == 0 || r.rows_count > count - done)
			return IMAP_UNAVAILABLE;
		for (size_t i = 0; i < r.rows_count; i++) {
			out[done + i] = (struct imap_row){
				.uid = list[done + i],
				.found = r.rows[i].found,
				.internal_date = r.rows[i].internal_date,
				.saved = r.rows[i].origin.saved,
				.size = r.rows[i].size,
				.prefix = r.rows[i].prefix,
				.summary = r.rows[i].summary,
			};
			memcpy(out[done + i].email, r.rows[i].origin.email,
			       IMAP_EMAIL_LEN);
		}
		done += r.rows_count;
	}
	return IMAP_YES;
}

/* All parts; *moved when they are not of one state. */
static enum imap_answer changes_once(struct connection *c, uint64_t mailbox,
				     uint64_t since, struct imap_changes *out,
				     bool *moved)
{
	struct edge_store_changes m = {.session = c->session,
				       .mailbox = mailbox,
				       .since = since,
				       .from = 1};
	*moved = false;
	do {
		struct edge_store_changes_reply r;
		enum imap_answer a = IMAP_ASK(c, changes, &m,
					      connection_scratch(c), &r,
					      EDGE_READ_NS);
		if (a != IMAP_YES)
			return a;
		if (m.from != 1 && r.version != out->version) {
			*moved = true;
			return IMAP_YES;
		}
		out->version = r.version;
		out->uid_next = r.uid_next;
		out->exists = r.exists;
		if (!imap_side_add(&out->vanished, r.vanished,
				   r.vanished_count) ||
		    (r.next != 0 && r.next <= m.from))
			return IMAP_UNAVAILABLE;
		m.from = r.next;
	} while (m.from != 0);
	imap_set_sort(&out->vanished);
	return IMAP_YES;
}

static enum imap_answer changes(struct imap_host *h, uint64_t mailbox,
				uint64_t since, struct arena *arena,
				struct imap_changes *out)
{
	struct connection *c = imap_side_of(h)->c;
	for (unsigned i = 0; i < CHANGES_TRIES; i++) {
		bool moved;
		imap_set_init(&out->vanished, arena);
		enum imap_answer a =
			changes_once(c, mailbox, since, out, &moved);
		if (a != IMAP_YES || !moved)
			return a;
	}
	return IMAP_UNAVAILABLE;
}

static enum imap_answer keywords(struct imap_host *h, uint64_t mailbox,
				 struct arena *arena, struct span **names,
				 size_t *count)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_keywords m = {.session = c->session,
					.mailbox = mailbox};
	struct edge_store_keywords_reply r;
	enum imap_answer a =
		IMAP_ASK(c, keywords, &m, arena, &r, EDGE_READ_NS);
	if (a != IMAP_YES)
		return a;
	*names = ARENA_ARRAY(arena, r.names_count + 1, struct span);
	if (*names == NULL)
		return IMAP_UNAVAILABLE;
	for (size_t i = 0; i < r.names_count; i++)
		(*names)[i] = r.names[i];
	*count = r.names_count;
	return IMAP_YES;
}

/* ---- SEARCH --------------------------------------------------------------- */

static bool put_query(struct arena *arena, const struct imap_query *q,
		      struct edge_store_search *m)
{
	struct edge_store_op *ops =
		ARENA_ARRAY(arena, q->count + 1, struct edge_store_op);
	struct edge_store_range *sets =
		ARENA_ARRAY(arena, QUERY_RUNS, struct edge_store_range);
	size_t used = 0;
	if (ops == NULL || sets == NULL)
		return false;
	for (size_t i = 0; i < q->count; i++) {
		const struct imap_query_op *from = &q->ops[i];
		size_t n = from->kind == IMAP_Q_UIDS ? from->uids.count : 0;
		if (n > QUERY_RUNS - used || from->text.len > QUERY_TEXT ||
		    from->name.len > QUERY_NAME)
			return false;
		ops[i] = (struct edge_store_op){.kind = (uint8_t)from->kind,
						.day = from->day,
						.number = from->number,
						.name = from->name,
						.text = from->text,
						.first = (uint16_t)used,
						.count = (uint16_t)n};
		for (size_t k = 0; k < n; k++)
			sets[used++] = (struct edge_store_range){
				.first = from->uids.runs[k].first,
				.last = from->uids.runs[k].last};
	}
	m->ops = ops;
	m->ops_count = q->count;
	m->sets = sets;
	m->sets_count = used;
	return true;
}

/* A client that hears nothing for long takes the connection for dead. */
static void tell_progress(struct imap_side *s, uint32_t uid, uint64_t *told)
{
	uint64_t now = world_now(s->c->edge->role->world);
	if (uid == 0 || now - *told < PROGRESS_NS)
		return;
	*told = now;
	imap_session_progress(s->session, uid);
}

static enum imap_answer search_parts(struct imap_side *s,
				     struct edge_store_search *m,
				     struct imap_set *out, uint64_t *highest)
{
	struct connection *c = s->c;
	uint64_t told = world_now(c->edge->role->world);
	do {
		struct edge_store_search_reply r;
		enum imap_answer a = IMAP_ASK(c, search, m,
					      connection_scratch(c), &r,
					      EDGE_LONG_NS);
		if (a != IMAP_YES)
			return a;
		*highest = u64_max(*highest, r.highest);
		if (!imap_side_add(out, r.uids, r.uids_count) ||
		    (r.next != 0 && r.next <= m->from))
			return IMAP_UNAVAILABLE;
		m->from = r.next;
		tell_progress(s, m->from, &told);
	} while (m->from != 0);
	imap_set_sort(out);
	return IMAP_YES;
}

static enum imap_answer search(struct imap_host *h, uint64_t mailbox,
			       const struct imap_query *q, struct imap_set *out,
			       uint64_t *highest)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_search m = {
		.session = c->session, .mailbox = mailbox, .from = 1};
	struct arena *arena = arena_new(EDGE_ARENA_MAX);
	enum imap_answer a = IMAP_LIMIT;
	*highest = 0;
	if (arena == NULL)
		return IMAP_UNAVAILABLE;
	if (put_query(arena, q, &m))
		a = search_parts(imap_side_of(h), &m, out, highest);
	arena_free(arena);
	return a;
}

/* ---- order ---------------------------------------------------------------- */

/* All runs of the UIDs but those of the last piece, which asks. */
static enum imap_answer send_set(struct connection *c, struct edge_store_sort *m,
				 const struct imap_set *uids, struct arena *arena)
{
	size_t at = 0;
	do {
		struct edge_store_sort_reply r;
		size_t n;
		m->uids = imap_side_runs(arena, uids, at, &n);
		if (m->uids == NULL)
			return IMAP_UNAVAILABLE;
		m->uids_count = n;
		at += n;
		m->more = at < uids->count;
		if (!m->more)
			return IMAP_YES;
		enum imap_answer a = IMAP_ASK(c, sort, m, connection_scratch(c), &r, EDGE_LONG_NS);
		if (a != IMAP_YES)
			return a;
	} while (true);
}

static bool take_piece(struct imap_ordered *out, size_t all, const uint32_t *uids, size_t count,
		       const uint16_t *depths, size_t depths_count)
{
	if (count > all - out->count || (out->depths != NULL && depths_count != count))
		return false;
	if (count > 0)
		memcpy(out->uids + out->count, uids, count * sizeof *uids);
	if (count > 0 && out->depths != NULL)
		memcpy(out->depths + out->count, depths, count * sizeof *depths);
	out->count += count;
	return true;
}

static enum imap_answer sort_all(struct connection *c, struct edge_store_sort *m,
				 struct arena *arena, struct imap_ordered *out)
{
	struct edge_store_sort_reply r;
	enum imap_answer a = IMAP_ASK(c, sort, m, connection_scratch(c), &r, EDGE_LONG_NS);
	if (a != IMAP_YES)
		return a;
	size_t all = r.count;
	/* Threads have places for messages that are not here. */
	if (all > 8u * SUMMARY_SORT_MAX)
		return IMAP_UNAVAILABLE;
	out->uids = ARENA_ARRAY(arena, all + 1, uint32_t);
	out->depths = m->threads != 0 ? ARENA_ARRAY(arena, all + 1, uint16_t) : NULL;
	if (out->uids == NULL || (m->threads != 0 && out->depths == NULL) ||
	    !take_piece(out, all, r.uids, r.uids_count, r.depths, r.depths_count))
		return IMAP_UNAVAILABLE;
	while (out->count < all) {
		struct edge_store_sort_more more = {.session = m->session,
						    .mailbox = m->mailbox,
						    .from = (uint32_t)out->count};
		struct edge_store_sort_more_reply p;
		a = IMAP_ASK(c, sort_more, &more, connection_scratch(c), &p, EDGE_LONG_NS);
		if (a != IMAP_YES)
			return a;
		if (p.uids_count == 0 ||
		    !take_piece(out, all, p.uids, p.uids_count, p.depths, p.depths_count))
			return IMAP_UNAVAILABLE;
	}
	return IMAP_YES;
}

static enum imap_answer sort(struct imap_host *h, uint64_t mailbox, const struct imap_order *how,
			     const struct imap_set *uids, struct arena *arena,
			     struct imap_ordered *out)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_sort m = {.session = c->session,
				    .mailbox = mailbox,
				    .threads = how->threads ? (uint8_t)(how->how + 1) : 0,
				    .keys = how->keys,
				    .keys_count = how->threads ? 0 : how->key_count};
	*out = (struct imap_ordered){0};
	if (uids->count == 0)
		return IMAP_YES;
	enum imap_answer a = send_set(c, &m, uids, arena);
	return a == IMAP_YES ? sort_all(c, &m, arena, out) : a;
}

void imap_read_ops(struct imap_host *h)
{
	h->uids = uids;
	h->pages = pages;
	h->rows = rows;
	h->changes = changes;
	h->keywords = keywords;
	h->search = search;
	h->sort = sort;
}
