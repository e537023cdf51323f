/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/imap_change: what a session changes in its mailbox.
 *
 * A set that one frame cannot hold is changed in parts, each durable by itself.
 */
#include "base/check.h"
#include "role/edge/imap_side.h"

#define COPIED_MAX (1u << 20) /* UIDs in one answer to COPY */

static enum imap_answer keyword_add(struct imap_host *h, uint64_t mailbox,
				    struct span name, unsigned *bit)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_keyword_add m = {
		.session = c->session, .mailbox = mailbox, .name = name};
	struct edge_store_keyword_add_reply r;
	enum imap_answer a = IMAP_ASK(c, keyword_add, &m, connection_scratch(c),
				      &r, EDGE_LONG_NS);
	if (a == IMAP_YES && r.bit >= IMAP_KEYWORDS_MAX)
		return IMAP_UNAVAILABLE;
	if (a == IMAP_YES)
		*bit = r.bit;
	return a;
}

static enum imap_answer store_part(struct connection *c, struct arena *arena,
				   struct edge_store_store_flags *m,
				   struct imap_stored *out, bool first)
{
	struct edge_store_store_flags_reply r;
	enum imap_answer a = IMAP_ASK(c, store_flags, m, arena, &r,
				      EDGE_LONG_NS);
	if (a != IMAP_YES)
		return a;
	if (!imap_side_add(&out->modified, r.modified, r.modified_count))
		return IMAP_UNAVAILABLE;
	if (first)
		out->before = r.before;
	else if (r.before != out->after)
		out->before = 0; /* others changed something in between */
	out->after = r.after;
	return IMAP_YES;
}

static enum imap_answer store(struct imap_host *h, uint64_t mailbox,
			      const struct imap_set *set,
			      const struct imap_store *s, struct arena *arena,
			      struct imap_stored *out)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_store_flags m = {
		.session = c->session,
		.mailbox = mailbox,
		.how = (uint8_t)s->how,
		.flags = (uint8_t)s->flags,
		.keywords = s->keywords,
		.unchanged_since = s->unchanged_since,
	};
	imap_set_init(&out->modified, arena);
	for (size_t at = 0; at < set->count; at += m.uids_count) {
		m.uids = imap_side_runs(arena, set, at, &m.uids_count);
		if (m.uids == NULL)
			return IMAP_UNAVAILABLE;
		enum imap_answer a = store_part(c, arena, &m, out, at == 0);
		if (a != IMAP_YES)
			return a;
	}
	imap_set_sort(&out->modified);
	return IMAP_YES;
}

static enum imap_answer expunge(struct imap_host *h, uint64_t mailbox,
				const struct imap_set *set)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_expunge m = {.session = c->session,
				       .mailbox = mailbox,
				       .all = set == NULL};
	struct edge_store_expunge_reply r;
	enum imap_answer a = IMAP_YES;
	size_t at = 0;
	do {
		struct arena *arena = connection_scratch(c);
		if (set != NULL)
			m.uids = imap_side_runs(arena, set, at, &m.uids_count);
		if (set != NULL && m.uids == NULL)
			return IMAP_UNAVAILABLE;
		a = IMAP_ASK(c, expunge, &m, arena, &r, EDGE_LONG_NS);
		at += m.uids_count;
	} while (a == IMAP_YES && set != NULL && at < set->count);
	return a;
}

/* ---- COPY and MOVE ---------------------------------------------------------- */

static uint64_t size_of(const struct edge_store_range *runs, size_t count)
{
	uint64_t n = 0;
	for (size_t i = 0; i < count; i++)
		n += runs[i].last >= runs[i].first
			     ? (uint64_t)runs[i].last - runs[i].first + 1
			     : 0;
	return n;
}

static void expand(const struct edge_store_range *runs, size_t count,
		   uint32_t *out)
{
	for (size_t i = 0; i < count; i++)
		for (uint64_t n = runs[i].first; n <= runs[i].last; n++)
			*out++ = (uint32_t)n;
}

/* The pairs of one answer behind those that are there. */
static bool add_pairs(struct arena *arena, struct imap_copied *out,
		      const struct edge_store_copy_reply *r)
{
	uint64_t n = size_of(r->source, r->source_count);
	if (n != size_of(r->target, r->target_count) ||
	    n > COPIED_MAX - out->count)
		return false;
	size_t total = out->count + (size_t)n;
	uint32_t *from = ARENA_ARRAY(arena, total + 1, uint32_t);
	uint32_t *to = ARENA_ARRAY(arena, total + 1, uint32_t);
	if (from == NULL || to == NULL)
		return false;
	for (size_t i = 0; i < out->count; i++) {
		from[i] = out->from[i];
		to[i] = out->to[i];
	}
	expand(r->source, r->source_count, from + out->count);
	expand(r->target, r->target_count, to + out->count);
	out->from = from;
	out->to = to;
	out->count = total;
	out->uid_validity = r->uid_validity;
	return true;
}

static enum imap_answer copy(struct imap_host *h, uint64_t mailbox,
			     const struct imap_set *set, struct span to,
			     bool move, struct arena *arena,
			     struct imap_copied *out)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_copy m = {.session = c->session,
				    .mailbox = mailbox,
				    .to = to,
				    .move = move};
	*out = (struct imap_copied){0};
	for (size_t at = 0; at < set->count; at += m.uids_count) {
		struct edge_store_copy_reply r;
		m.uids = imap_side_runs(arena, set, at, &m.uids_count);
		if (m.uids == NULL)
			return IMAP_UNAVAILABLE;
		enum imap_answer a =
			IMAP_ASK(c, copy, &m, arena, &r, EDGE_LONG_NS);
		if (a != IMAP_YES)
			return a;
		if (!add_pairs(arena, out, &r))
			return IMAP_UNAVAILABLE;
	}
	return IMAP_YES;
}

void imap_change_ops(struct imap_host *h)
{
	h->keyword_add = keyword_add;
	h->store = store;
	h->expunge = expunge;
	h->copy = copy;
}
