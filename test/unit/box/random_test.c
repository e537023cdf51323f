/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thousands of random operations on one account against a naive model, on
 * the memory engine with injected conflicts, unknown outcomes, failed groups
 * and power cuts.
 *
 * After each step the account equals the model (or, when a power cut came
 * between, the model before or after the step).  Sessions that remember a
 * version are brought up to date by deltas and must see the same.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "box/fsck.h"
#include "box/gone.h"
#include "box/query.h"
#include "box/tree.h"
#include "crypto/hash.h"

#define BOXES	 6u
#define MAILS	 700u
#define SESSIONS 4u
#define GONE	 1000u /* what one commit forgets */
#define REMOVED	 8u /* "a/b" at most so often, with mail in it */

struct mail {
	uint32_t uid;
	uint32_t flags;
	uint64_t keywords, modseq, size;
	int content;
};

struct mbox {
	bool exists;
	uint32_t id, uid_validity, uid_next;
	size_t count;
	struct mail mail[MAILS];
};

/* Expunged and kept. */
struct gone {
	uint32_t id;
	struct mail mail;
};

struct model {
	struct mbox box[BOXES];
	size_t gone_count, removed_count;
	struct gone gone[GONE];
	struct mbox removed[REMOVED]; /* in the order of their end */
	uint32_t last_validity;
	int next_content;
};

struct session {
	bool open;
	unsigned box;
	uint32_t id, uid_next;
	uint64_t version;
	size_t count;
	struct mail mail[MAILS];
};

struct test {
	struct fixture f;
	struct box *box;
	struct model now, next; /* next: after the step under way */
	struct session session[SESSIONS];
	uint64_t seed;
	struct arena *arena;
	unsigned cuts, unknown;
	uint64_t told_version[BOXES];
};

static const char *const names[BOXES] = {"INBOX",   "Drafts", "Sent",
					 "Archive", "a",      "a/b"};

static uint64_t r(struct test *t, uint64_t below)
{
	return roll(&t->seed, below);
}

/* ---- waiting for an operation ---- */

struct answer {
	bool done;
	enum box_result result;
};

static void answered(void *arg, enum box_result result)
{
	struct answer *a = arg;
	assert_false(a->done);
	*a = (struct answer){true, result};
}

/* False: a power cut came first, nobody knows. */
static bool wait_for(struct test *t, struct answer *a, bool may_cut)
{
	unsigned polls = 0, cut = may_cut && r(t, 40) == 0
					 ? 1 + (unsigned)r(t, 4)
					 : UINT32_MAX;
	while (!a->done && polls++ < cut)
		kv_poll(t->f.kv);
	if (a->done)
		return true;
	t->cuts++;
	kv_space_hold(box_space(t->box));
	struct kv_space *s = box_space(t->box);
	box_close(t->box);
	kv_space_close(s);
	fixture_cut(&t->f);
	assert_int_equal(box_open(t->f.kv, 1, &t->box), BOX_OK);
	return false;
}

/* ---- comparing ---- */

static char content_byte(int content, size_t i)
{
	return (char)(content * 31 + (int)(i * 7));
}

static size_t content_len(int content)
{
	return (size_t)(content * 37 % 3000);
}

static bool same_box(struct test *t, const struct mbox *m, const char *name)
{
	struct box_status st;
	struct box_slot slots[64];
	uint32_t id, next = 1;
	size_t n, i = 0;
	uint64_t bytes = 0;
	uint32_t unseen = 0, deleted = 0;
	enum box_result found =
		box_find(t->box, KV_VISIBLE, span_cstr(name), &id);
	if (!m->exists || found != BOX_OK)
		return !m->exists && found == BOX_NONE;
	if (id != m->id)
		return false;
	assert_int_equal(box_status(t->box, KV_VISIBLE, id, &st), BOX_OK);
	if (st.uid_next != m->uid_next || st.messages != m->count)
		return false;
	assert_true(st.uid_validity == m->uid_validity);
	while (next) {
		assert_int_equal(box_slots(t->box, KV_VISIBLE, id, next, 0,
					   slots, 64, &n, &next),
				 BOX_OK);
		for (size_t k = 0; k < n; k++, i++) {
			if (i >= m->count || slots[k].uid != m->mail[i].uid ||
			    slots[k].flags != m->mail[i].flags ||
			    slots[k].keywords != m->mail[i].keywords ||
			    slots[k].modseq != m->mail[i].modseq)
				return false;
			bytes += m->mail[i].size;
			unseen += !(slots[k].flags & BOX_SEEN);
			deleted += (slots[k].flags & BOX_DELETED) != 0;
			assert_true(slots[k].modseq <= st.version);
		}
	}
	return i == m->count && st.bytes == bytes && st.unseen == unseen &&
	       st.deleted == deleted;
}

static bool has_gone(const struct model *m, const struct box_gone *g)
{
	for (size_t i = 0; i < m->gone_count; i++)
		if (m->gone[i].id == g->mailbox && m->gone[i].mail.uid == g->uid)
			return m->gone[i].mail.size == g->message.size &&
			       m->gone[i].mail.flags == g->flags;
	return false;
}

static bool same_gone(struct test *t, const struct model *m)
{
	static struct box_gone page[50];
	struct box_gone_mailbox boxes[REMOVED + 1];
	struct box_gone at = {0};
	size_t n, all = 0;
	do {
		assert_int_equal(box_gone_list(t->box, KV_VISIBLE, t->arena, &at,
					       page, 50, &n),
				 BOX_OK);
		for (size_t i = 0; i < n; i++)
			if (!has_gone(m, &page[i]))
				return false;
		all += n;
		if (n > 0)
			at = page[n - 1];
	} while (n == 50);
	assert_int_equal(box_gone_mailboxes(t->box, KV_VISIBLE, t->arena, 0,
					    boxes, REMOVED + 1, &n),
			 BOX_OK);
	/* One whose rows go at present has no way back and no time. */
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		kept += boxes[i].when != 0;
	if (all != m->gone_count || kept != m->removed_count)
		return false;
	for (size_t i = 0, k = 0; i < n; i++)
		if (boxes[i].when != 0 &&
		    boxes[i].messages != m->removed[k++].count)
			return false;
	return true;
}

static bool same(struct test *t, const struct model *m)
{
	uint64_t bytes = 0, messages = 0;
	struct box_quota q;
	for (unsigned i = 0; i < BOXES; i++) {
		if (!same_box(t, &m->box[i], names[i]))
			return false;
		if (!m->box[i].exists)
			continue;
		messages += m->box[i].count;
		for (size_t k = 0; k < m->box[i].count; k++)
			bytes += m->box[i].mail[k].size;
	}
	assert_int_equal(box_quota(t->box, KV_VISIBLE, &q), BOX_OK);
	return q.bytes == bytes && q.messages == messages && same_gone(t, m);
}

/* ---- steps: each fills t->next and starts the operation ---- */

static struct mbox *any_box(struct test *t, struct model *m, bool exists)
{
	for (unsigned i = 0; i < 50; i++) {
		struct mbox *b = &m->box[r(t, BOXES)];
		if (b->exists == exists)
			return b;
	}
	return NULL;
}

static void pick(struct test *t, const struct mbox *m, struct box_uids *out)
{
	box_uids_init(out, t->arena);
	uint32_t at = 1 + (uint32_t)r(t, 3);
	if (r(t, 4) == 0) {
		assert_true(box_uids_add(out, 1, UINT32_MAX));
		return;
	}
	while (at < m->uid_next + 5) {
		uint32_t len = (uint32_t)r(t, r(t, 3) ? 4 : 200);
		assert_true(box_uids_add(out, at, at + len));
		at += len + 2 + (uint32_t)r(t, 60);
	}
}

static enum box_result step_insert(struct test *t, struct answer *a)
{
	static const struct span kw[] = {SPAN_INIT("$Fwd"), SPAN_INIT("Blue")};
	struct mbox *m = any_box(t, &t->next, true);
	struct box_new *news =
		ARENA_ARRAY(t->arena, BOX_INSERT_MAX, struct box_new);
	struct box_insert *q = ARENA_NEW(t->arena, struct box_insert);
	uint64_t version = kv_version(box_space(t->box), KV_STAGED) + 1;
	size_t n = 1 + (size_t)r(t, r(t, 3) ? 3 : r(t, 8) ? BOX_TOKEN_MAX : BOX_INSERT_MAX);
	if (m->count + n > MAILS)
		return BOX_LIMIT;
	for (size_t i = 0; i < n; i++) {
		int c = t->next.next_content++;
		size_t len = content_len(c);
		char *p = arena_bytes(t->arena, len + 1);
		for (size_t k = 0; k < len; k++)
			p[k] = content_byte(c, k);
		uint32_t flags = (uint32_t)r(t, 32);
		news[i] = (struct box_new){.mailbox = m->id,
					   .prefix = SPAN("Return-Path: <>\r\n"),
					   .body = kv_body_name(t->f.kv),
					   .bytes = span_of(p, len),
					   .body_size = len,
					   .body_crc = crc32c(0, span_of(p, len)),
					   .flags = flags,
					   .keywords = kw,
					   .keyword_count = r(t, 4) == 0 ? 2 : 0,
					   .summary = SPAN("summary")};
		m->mail[m->count++] = (struct mail){
			m->uid_next++, flags,
			news[i].keyword_count ? 3 : 0, version, len + 17, c};
	}
	*q = (struct box_insert){.messages = news, .count = n};
	if (n <= BOX_TOKEN_MAX && r(t, 2))
		for (unsigned i = 0; i < 16; i++)
			q->token.byte[i] = (uint8_t)(1 + r(t, 255));
	return box_insert(t->box, q, answered, a);
}

static enum box_result step_store(struct test *t, struct answer *a)
{
	struct mbox *m = any_box(t, &t->next, true);
	struct box_change *q = ARENA_NEW(t->arena, struct box_change);
	struct box_uids *u = ARENA_NEW(t->arena, struct box_uids);
	uint64_t version = kv_version(box_space(t->box), KV_STAGED) + 1;
	pick(t, m, u);
	*q = (struct box_change){.mailbox = m->id,
				 .uids = u,
				 .arena = t->arena,
				 .how = (enum box_how)r(t, 3),
				 .flags = (uint32_t)r(t, 32),
				 .keywords = r(t, 4),
				 .unchanged_since = r(t, 3) ? UINT64_MAX
							    : version - r(t, 20)};
	for (size_t i = 0; i < m->count; i++) {
		struct mail *x = &m->mail[i], was = *x;
		if (!box_uids_has(u, x->uid) || x->modseq > q->unchanged_since)
			continue;
		if (q->how == BOX_SET) {
			x->flags = q->flags;
			x->keywords = q->keywords;
		} else if (q->how == BOX_ADD) {
			x->flags |= q->flags;
			x->keywords |= q->keywords;
		} else {
			x->flags &= ~q->flags;
			x->keywords &= ~q->keywords;
		}
		if (x->flags != was.flags || x->keywords != was.keywords)
			x->modseq = version;
	}
	return box_store(t->box, q, answered, a);
}

static void drop(struct mbox *m, const struct box_uids *u, bool deleted_only)
{
	size_t keep = 0;
	for (size_t i = 0; i < m->count; i++)
		if (!box_uids_has(u, m->mail[i].uid) ||
		    (deleted_only && !(m->mail[i].flags & BOX_DELETED)))
			m->mail[keep++] = m->mail[i];
	m->count = keep;
}

/* False: the model has no room. */
static bool keep_gone(struct model *all, const struct mbox *m,
		      const struct box_uids *u, bool deleted_only)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct mail *x = &m->mail[i];
		if (!box_uids_has(u, x->uid) ||
		    (deleted_only && !(x->flags & BOX_DELETED)))
			continue;
		if (all->gone_count == GONE)
			return false;
		all->gone[all->gone_count++] = (struct gone){m->id, *x};
	}
	return true;
}

static void back_in_model(struct test *t, struct mbox *m, const struct box_gone *g,
			  uint64_t version)
{
	struct model *all = &t->next;
	size_t i = 0;
	while (all->gone[i].id != g->mailbox || all->gone[i].mail.uid != g->uid)
		assert_true(++i < all->gone_count);
	struct mail x = all->gone[i].mail;
	x.uid = m->uid_next++;
	x.flags &= ~(uint32_t)BOX_DELETED;
	x.modseq = version;
	m->mail[m->count++] = x;
	all->gone[i] = all->gone[--all->gone_count];
}

static enum box_result step_undelete(struct test *t, struct answer *a)
{
	struct mbox *m = any_box(t, &t->next, true);
	struct box_undelete *q = ARENA_NEW(t->arena, struct box_undelete);
	struct box_gone *list = ARENA_ARRAY(t->arena, BOX_GONE_STEP, struct box_gone);
	struct box_gone at = {0};
	uint64_t version = kv_version(box_space(t->box), KV_STAGED) + 1;
	size_t n, count = 0;
	assert_int_equal(box_gone_list(t->box, KV_VISIBLE, t->arena, &at, list,
				       BOX_GONE_STEP, &n),
			 BOX_OK);
	for (size_t i = 0; i < n && m->count < MAILS; i++) {
		if (list[i].mailbox != m->id || r(t, 3) == 0)
			continue;
		back_in_model(t, m, &list[i], version);
		list[count++] = list[i];
	}
	if (count == 0)
		return BOX_LIMIT;
	*q = (struct box_undelete){.mailbox = m->id, .messages = list, .count = count};
	return box_undelete(t->box, q, answered, a);
}

static enum box_result step_expunge(struct test *t, struct answer *a)
{
	struct mbox *m = any_box(t, &t->next, true);
	struct box_change *q = ARENA_NEW(t->arena, struct box_change);
	struct box_uids *u = ARENA_NEW(t->arena, struct box_uids);
	pick(t, m, u);
	*q = (struct box_change){.mailbox = m->id,
				 .uids = u,
				 .arena = t->arena,
				 .deleted_only = r(t, 4) > 0,
				 .keep = r(t, 3) > 0};
	if (q->keep && !keep_gone(&t->next, m, u, q->deleted_only))
		return BOX_LIMIT;
	drop(m, u, q->deleted_only);
	return box_expunge(t->box, q, answered, a);
}

static enum box_result step_copy(struct test *t, struct answer *a)
{
	struct mbox *m = any_box(t, &t->next, true),
		    *to = any_box(t, &t->next, true);
	struct box_change *q = ARENA_NEW(t->arena, struct box_change);
	struct box_uids *u = ARENA_NEW(t->arena, struct box_uids);
	uint64_t version = kv_version(box_space(t->box), KV_STAGED) + 1;
	bool move = r(t, 2) && m != to;
	size_t n = 0, count = m->count;
	pick(t, m, u);
	for (size_t i = 0; i < count; i++)
		n += box_uids_has(u, m->mail[i].uid);
	/* One chunk only: its version is known. */
	if (to->count + n > MAILS || n > 60 ||
	    (m == to && (to->uid_next - 1) % BOX_PAGE + n > BOX_PAGE - 1))
		return BOX_LIMIT;
	*q = (struct box_change){
		.mailbox = m->id, .to = to->id, .uids = u, .arena = t->arena};
	/* Keywords are $Fwd and Blue in this order in every mailbox. */
	for (size_t i = 0; i < count; i++)
		if (box_uids_has(u, m->mail[i].uid)) {
			struct mail x = m->mail[i];
			x.uid = to->uid_next++;
			x.modseq = version;
			to->mail[to->count++] = x;
		}
	if (move)
		drop(m, u, false);
	return move ? box_move(t->box, q, answered, a)
		    : box_copy(t->box, q, answered, a);
}

/* Only "a" and "a/b" come and go. */
static enum box_result step_tree(struct test *t, struct answer *a)
{
	struct box_tree *q = ARENA_NEW(t->arena, struct box_tree);
	struct mbox *child = &t->next.box[5];
	if (!t->next.box[4].exists || r(t, 6))
		return BOX_LIMIT;
	if (child->exists) {
		if (t->next.removed_count == REMOVED)
			return BOX_LIMIT;
		if (child->count > 0)
			t->next.removed[t->next.removed_count++] = *child;
		q->verb = BOX_REMOVE_MAILBOX;
		child->exists = false;
	} else if (t->next.removed_count > 0 && r(t, 2)) {
		q->verb = BOX_REVIVE;
		*child = t->next.removed[--t->next.removed_count];
		child->id = 0; /* learnt again, with its UIDVALIDITY */
	} else {
		q->verb = BOX_CREATE;
		child->exists = true;
		child->id = 0; /* learnt afterwards */
		child->count = 0;
		child->uid_next = 1;
	}
	q->name = span_cstr(names[5]);
	return box_tree(t->box, q, answered, a);
}

static enum box_result step_quiet(struct test *t, struct answer *a)
{
	if (r(t, 3) == 0) {
		struct box_gone_forget *q =
			ARENA_NEW(t->arena, struct box_gone_forget);
		if (r(t, 2)) {
			q->before = INT64_MAX;
			t->next.gone_count = 0;
		}
		return box_gone_forget(t->box, q, answered, a);
	}
	if (r(t, 2)) {
		struct box_tree *q = ARENA_NEW(t->arena, struct box_tree);
		q->verb = BOX_PURGE;
		return box_tree(t->box, q, answered, a);
	}
	struct box_claim *q = ARENA_NEW(t->arena, struct box_claim);
	q->mailbox = any_box(t, &t->next, true)->id;
	return box_claim(t->box, q, answered, a);
}

/* A mailbox that was just made: its number and UIDVALIDITY. */
static void learn(struct test *t, struct model *m)
{
	struct box_status st;
	for (unsigned i = 0; i < BOXES; i++) {
		struct mbox *b = &m->box[i];
		uint32_t id;
		if (!b->exists || b->id)
			continue;
		if (box_find(t->box, KV_VISIBLE, span_cstr(names[i]), &id) !=
		    BOX_OK)
			continue;
		b->id = id;
		assert_int_equal(box_status(t->box, KV_VISIBLE, id, &st),
				 BOX_OK);
		b->uid_validity = st.uid_validity;
		/* Keywords in the order that the model has. */
		for (unsigned k = 0; k < 2; k++) {
			struct answer a = {0};
			struct box_keyword q = {
				.mailbox = id,
				.name = k ? SPAN("Blue") : SPAN("$Fwd")};
			assert_int_equal(box_keyword_add(t->box, &q, answered,
							 &a),
					 BOX_OK);
			while (!a.done)
				kv_poll(t->f.kv);
			assert_int_equal(a.result, BOX_OK);
			assert_int_equal(q.bit, k);
		}
		assert_true(st.uid_validity > m->last_validity);
		m->last_validity = st.uid_validity;
	}
}

/* ---- sessions ---- */

static void session_open(struct test *t, struct session *s)
{
	const struct mbox *m = any_box(t, &t->now, true);
	struct box_status st;
	assert_int_equal(box_status(t->box, KV_VISIBLE, m->id, &st), BOX_OK);
	s->open = true;
	s->box = (unsigned)(m - t->now.box);
	s->id = m->id;
	s->uid_next = st.uid_next;
	s->version = st.version;
	s->count = m->count;
	memcpy(s->mail, m->mail, sizeof(s->mail));
}

static void session_sync(struct test *t, struct session *s)
{
	const struct mbox *m = &t->now.box[s->box];
	struct box_changes c;
	struct box_uids view;
	struct box_slot slots[16];
	uint32_t next = 1;
	size_t n;
	if (!m->exists || m->id != s->id) {
		s->open = false;
		return;
	}
	/* The view that it had. */
	box_uids_init(&view, t->arena);
	assert_int_equal(box_view(t->box, KV_VISIBLE, s->id, s->version,
				  s->uid_next, &view),
			 BOX_OK);
	assert_true(box_uids_size(&view) == s->count);
	for (size_t i = 0; i < s->count; i++)
		assert_true(box_uids_has(&view, s->mail[i].uid));
	/* And the way to the present. */
	assert_int_equal(box_changes(t->box, KV_VISIBLE, s->id, s->version,
				     false, t->arena, &c),
			 BOX_OK);
	assert_true(c.now.version >= s->version &&
		    c.now.uid_next >= s->uid_next);
	size_t keep = 0;
	for (size_t i = 0; i < s->count; i++)
		if (!box_uids_has(&c.vanished, s->mail[i].uid))
			s->mail[keep++] = s->mail[i];
	s->count = keep;
	while (next) {
		assert_int_equal(box_slots(t->box, KV_VISIBLE, s->id, next,
					   s->version, slots, 16, &n, &next),
				 BOX_OK);
		for (size_t i = 0; i < n; i++) {
			size_t k = 0;
			while (k < s->count && s->mail[k].uid < slots[i].uid)
				k++;
			if (k == s->count || s->mail[k].uid != slots[i].uid) {
				assert_true(slots[i].uid >= s->uid_next);
				assert_true(k == s->count);
				s->count++;
			}
			s->mail[k].uid = slots[i].uid;
			s->mail[k].flags = slots[i].flags;
			s->mail[k].keywords = slots[i].keywords;
			s->mail[k].modseq = slots[i].modseq;
		}
	}
	assert_true(s->count == m->count);
	for (size_t i = 0; i < m->count; i++)
		assert_true(s->mail[i].uid == m->mail[i].uid &&
			    s->mail[i].flags == m->mail[i].flags &&
			    s->mail[i].keywords == m->mail[i].keywords &&
			    s->mail[i].modseq == m->mail[i].modseq);
	s->version = c.now.version;
	s->uid_next = c.now.uid_next;
}

/* ---- contents and queries ---- */

/* UIDs of the model and of messages that are not there, some far apart. */
struct heard {
	struct test *t;
	const struct mbox *m;
	const uint32_t *uids;
	size_t at, stop;
};

static bool hear(void *arg, uint32_t uid, const struct box_message *msg)
{
	struct heard *h = arg;
	const struct mail *x = NULL;
	assert_int_equal(uid, h->uids[h->at++]);
	for (size_t i = 0; i < h->m->count; i++)
		if (h->m->mail[i].uid == uid)
			x = &h->m->mail[i];
	assert_true((x != NULL) == (msg != NULL));
	assert_true(x == NULL || (msg->uid == uid && msg->size == x->size &&
				  span_eq(msg->summary, SPAN("summary"))));
	return h->at != h->stop;
}

static void check_many(struct test *t)
{
	const struct mbox *m = any_box(t, &t->now, true);
	uint32_t uids[64], uid = 1 + (uint32_t)r(t, 4);
	size_t n = 1 + r(t, ARRAY_LEN(uids));
	for (size_t i = 0; i < n; i++) {
		uids[i] = uid;
		uid += 1 + (r(t, 4) ? 0 : (uint32_t)r(t, 20));
	}
	struct heard h = {t, m, uids, 0, 1 + r(t, n)};
	assert_int_equal(box_messages(t->box, KV_VISIBLE, m->id, uids, n, true, t->arena, hear,
				      &h),
			 BOX_OK);
	assert_int_equal(h.at, h.stop);
}

static void check_content(struct test *t)
{
	const struct mbox *m = any_box(t, &t->now, true);
	struct box_message msg;
	struct buf b;
	if (m->count == 0)
		return;
	const struct mail *x = &m->mail[r(t, m->count)];
	size_t len = content_len(x->content);
	assert_int_equal(box_message(t->box, KV_VISIBLE, m->id, x->uid, true,
				     t->arena, &msg),
			 BOX_OK);
	assert_true(msg.size == x->size && msg.body_size == len);
	assert_true(span_eq(msg.summary, SPAN("summary")));
	buf_init(&b, 1 << 16);
	assert_int_equal(box_read(t->box, &msg, 17, 1 << 15, &b), BOX_OK);
	assert_true(buf_len(&b) == len);
	for (size_t i = 0; i < len; i++)
		assert_true(b.data[i] == content_byte(x->content, i));
	buf_clear(&b);
	assert_int_equal(box_read(t->box, &msg, 10, 20, &b), BOX_OK);
	assert_true(buf_len(&b) == (len < 13 ? len + 7 : 20));
	buf_free(&b);
}

static void check_query(struct test *t)
{
	const struct mbox *m = any_box(t, &t->now, true);
	uint32_t flag = 1u << r(t, 5);
	uint64_t size = r(t, 3000);
	struct box_uids set, out;
	uint32_t next = 1;
	uint64_t highest = 0, want = 0;
	pick(t, m, &set);
	box_uids_init(&out, t->arena);
	/* (set AND NOT flag) OR larger */
	const struct box_query_op ops[] = {
		{.kind = BOX_Q_UIDS, .uids = &set},
		{.kind = BOX_Q_FLAGS, .number = flag},
		{.kind = BOX_Q_NOT},
		{.kind = BOX_Q_AND},
		{.kind = BOX_Q_LARGER, .number = size},
		{.kind = BOX_Q_OR},
	};
	const struct box_query q = {.ops = ops, .count = ARRAY_LEN(ops)};
	while (next)
		assert_int_equal(box_query_run(t->box, KV_VISIBLE, m->id, &q,
					       next, 1 + r(t, 60), &out,
					       &highest, &next),
				 BOX_OK);
	size_t n = 0;
	for (size_t i = 0; i < m->count; i++) {
		const struct mail *x = &m->mail[i];
		bool yes = (box_uids_has(&set, x->uid) &&
			    !(x->flags & flag)) ||
			   x->size > size;
		assert_int_equal(box_uids_has(&out, x->uid), yes);
		n += yes;
		if (yes && x->modseq > want)
			want = x->modseq;
	}
	assert_true(box_uids_size(&out) == n && highest == want);
}

/* ---- the run ---- */

static void setup(struct test *t)
{
	struct answer a = {0};
	struct box_tree q = {.verb = BOX_SETUP};
	assert_int_equal(box_tree(t->box, &q, answered, &a), BOX_OK);
	assert_true(wait_for(t, &a, false) && a.result == BOX_OK);
	a = (struct answer){0};
	q = (struct box_tree){.verb = BOX_CREATE, .name = SPAN("a")};
	assert_int_equal(box_tree(t->box, &q, answered, &a), BOX_OK);
	assert_true(wait_for(t, &a, false) && a.result == BOX_OK);
	for (unsigned i = 0; i < BOXES; i++) {
		t->now.box[i].exists = i != 5;
		t->now.box[i].uid_next = 1;
	}
	/* UIDVALIDITY rises in the order of making. */
	struct mbox archive = t->now.box[3];
	t->now.box[3].exists = t->now.box[4].exists = false;
	learn(t, &t->now);
	t->now.box[3] = archive;
	learn(t, &t->now);
	t->now.box[4].exists = true;
	learn(t, &t->now);
}

static void step(struct test *t)
{
	struct answer a = {0};
	enum box_result started = BOX_LIMIT;
	arena_reset(t->arena);
	t->next = t->now;
	switch (r(t, 13)) {
	case 0:
	case 1:
	case 2:
		started = step_insert(t, &a);
		break;
	case 3:
	case 4:
	case 5:
		started = step_store(t, &a);
		break;
	case 6:
	case 7:
		started = step_expunge(t, &a);
		break;
	case 8:
		started = step_copy(t, &a);
		break;
	case 9:
		started = step_tree(t, &a);
		break;
	case 10:
		started = step_quiet(t, &a);
		break;
	case 11:
		started = step_undelete(t, &a);
		break;
	default:
		check_content(t);
		check_many(t);
		check_query(t);
	}
	if (started != BOX_OK)
		return;
	bool known = wait_for(t, &a, true);
	if (known && a.result == BOX_OK) {
		learn(t, &t->next);
		t->now = t->next;
		assert_true(same(t, &t->now));
		return;
	}
	t->unknown++;
	learn(t, &t->next);
	if (!same(t, &t->now)) {
		assert_true(same(t, &t->next));
		t->now = t->next;
	}
}

static void run(uint64_t seed, unsigned steps, bool faults, unsigned *cuts,
		unsigned *unknown)
{
	struct test *t = calloc(1, sizeof(*t));
	struct box_fsck_count count;
	t->seed = seed * 7919;
	t->arena = arena_new(16 << 20);
	fixture_start(&t->f, MEMORY, seed);
	assert_int_equal(box_open(t->f.kv, 1, &t->box), BOX_OK);
	setup(t);
	/* Versions of a step are foretold, so conflicts must not reorder. */
	if (faults)
		kv_disk_faults(t->f.disk, &(struct kv_memory_faults){
						  .conflict = 50,
						  .unknown_done = 50,
						  .unknown_lost = 50,
						  .group_failed = 20});
	for (unsigned i = 0; i < steps; i++) {
		step(t);
		struct session *s = &t->session[r(t, SESSIONS)];
		if (s->open)
			session_sync(t, s);
		else
			session_open(t, s);
		if (r(t, 30) == 0)
			s->open = false;
	}
	assert_int_equal(box_fsck(t->box, BOX_FSCK_DEEP, NULL, NULL, &count),
			 BOX_OK);
	assert_true(count.wrong == 0);
	*cuts += t->cuts;
	*unknown += t->unknown;
	box_close(t->box);
	fixture_stop(&t->f);
	arena_free(t->arena);
	free(t);
}

static void the_account_equals_the_model(void **state)
{
	(void)state;
	unsigned cuts = 0, unknown = 0;
	for (uint64_t seed = 1; seed <= 4; seed++)
		run(seed, 800, false, &cuts, &unknown);
	for (uint64_t seed = 5; seed <= 12; seed++)
		run(seed, 600, true, &cuts, &unknown);
	print_message("8000 steps, power cuts %u, outcomes unknown %u\n", cuts,
		      unknown);
	assert_true(cuts > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_account_equals_the_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
