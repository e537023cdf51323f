/* SPDX-License-Identifier: Apache-2.0 */
/* box: the tree, limits, quota, tokens, large sets, the log's end, fsck. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "box/format.h"
#include "box/fsck.h"
#include "box/gone.h"
#include "box/query.h"
#include "box/tree.h"
#include "crypto/hash.h"

struct test {
	struct fixture f;
	struct box *b;
	struct arena *a;
	uint32_t inbox;
};

struct answer {
	bool done;
	enum box_result result;
};

static void answered(void *arg, enum box_result r)
{
	struct answer *a = arg;
	assert_false(a->done);
	*a = (struct answer){true, r};
}

static enum box_result wait_for(struct test *t, enum box_result started,
				struct answer *a)
{
	if (started != BOX_OK)
		return started;
	assert_false(a->done);
	while (!a->done)
		kv_poll(t->f.kv);
	return a->result;
}

static enum box_result tree(struct test *t, enum box_tree_verb verb,
			    const char *name, const char *to, uint32_t *id)
{
	struct answer a = {0};
	struct box_tree q = {
		.verb = verb, .name = span_cstr(name), .to = span_cstr(to)};
	enum box_result r = wait_for(t, box_tree(t->b, &q, answered, &a), &a);
	if (id)
		*id = q.mailbox;
	return r;
}

static void start(struct test *t)
{
	*t = (struct test){.a = arena_new(64 << 20)};
	fixture_start(&t->f, MEMORY, 1);
	assert_int_equal(box_open(t->f.kv, 1, &t->b), BOX_OK);
	assert_int_equal(box_ready(t->b, KV_VISIBLE), BOX_NONE);
	assert_int_equal(tree(t, BOX_SETUP, "", "", &t->inbox), BOX_OK);
	assert_int_equal(tree(t, BOX_SETUP, "", "", NULL), BOX_EXISTS);
	assert_int_equal(box_ready(t->b, KV_VISIBLE), BOX_OK);
}

static void stop(struct test *t)
{
	box_close(t->b);
	fixture_stop(&t->f);
	arena_free(t->a);
}

static struct box_new mail_of(struct test *t, uint32_t mailbox,
			      struct span body)
{
	return (struct box_new){.mailbox = mailbox,
				.prefix = SPAN("P: x\r\n"),
				.body = kv_body_name(t->f.kv),
				.bytes = body,
				.body_size = body.len,
				.body_crc = crc32c(0, body),
				.date = 1000,
				.summary = SPAN("s")};
}

static enum box_result insert(struct test *t, struct box_insert *q)
{
	struct answer a = {0};
	return wait_for(t, box_insert(t->b, q, answered, &a), &a);
}

static uint32_t put(struct test *t, uint32_t mailbox, const char *body)
{
	struct box_new m = mail_of(t, mailbox, span_cstr(body));
	struct box_insert q = {.messages = &m, .count = 1};
	assert_int_equal(insert(t, &q), BOX_OK);
	return m.uid;
}

static void put_many(struct test *t, uint32_t mailbox, unsigned n)
{
	struct box_new m[BOX_INSERT_MAX];
	while (n) {
		unsigned k = n < BOX_INSERT_MAX ? n : BOX_INSERT_MAX;
		for (unsigned i = 0; i < k; i++)
			m[i] = mail_of(t, mailbox, SPAN("body"));
		struct box_insert q = {.messages = m, .count = k};
		assert_int_equal(insert(t, &q), BOX_OK);
		n -= k;
	}
}

typedef enum box_result verb_fn(struct box *, struct box_change *,
				box_done_fn *, void *);

static enum box_result change(struct test *t, verb_fn *verb,
			      struct box_change *q)
{
	struct answer a = {0};
	q->arena = t->a;
	return wait_for(t, verb(t->b, q, answered, &a), &a);
}

static struct box_uids range(struct test *t, uint32_t first, uint32_t last)
{
	struct box_uids u;
	box_uids_init(&u, t->a);
	assert_true(box_uids_add(&u, first, last));
	return u;
}

static struct box_status status(struct test *t, uint32_t mailbox)
{
	struct box_status st;
	assert_int_equal(box_status(t->b, KV_VISIBLE, mailbox, &st), BOX_OK);
	return st;
}

static void clean(struct test *t)
{
	struct box_fsck_count c;
	assert_int_equal(box_fsck(t->b, BOX_FSCK_DEEP, NULL, NULL, &c), BOX_OK);
	assert_true(c.wrong == 0);
}

/* ---- the tree ---- */

static size_t listed(struct test *t, struct box_entry *e, size_t max)
{
	size_t n, all = 0;
	struct span after = {0};
	do { /* in small steps, as a session does */
		assert_int_equal(box_list(t->b, KV_VISIBLE, t->a, after,
					  e + all, 2, &n),
				 BOX_OK);
		all += n;
		assert_true(all + 2 <= max);
		if (n)
			after = e[all - 1].name;
	} while (n == 2);
	return all;
}

static void a_new_account_has_its_mailboxes(void **state)
{
	(void)state;
	static const char *const want[] = {"Archive", "Drafts", "INBOX",
					   "Junk",    "Sent",	"Trash"};
	struct test t;
	struct box_entry e[32];
	uint32_t id;
	start(&t);
	assert_int_equal(listed(&t, e, 32), 6);
	for (size_t i = 0; i < 6; i++) {
		assert_true(span_eq(e[i].name, span_cstr(want[i])));
		assert_true(e[i].subscribed && e[i].mailbox && !e[i].children);
	}
	assert_true(e[3].use == BOX_USE_JUNK && e[2].use == BOX_USE_NONE);
	assert_int_equal(box_find_use(t.b, KV_VISIBLE, BOX_USE_TRASH, &id),
			 BOX_OK);
	assert_true(id == e[5].mailbox);
	assert_int_equal(box_find_use(t.b, KV_VISIBLE, BOX_USE_ALL, &id),
			 BOX_NONE);
	stop(&t);
}

static void names_come_go_and_move(void **state)
{
	(void)state;
	struct test t;
	struct box_entry e[32];
	uint32_t b, c, found;
	start(&t);
	assert_int_equal(tree(&t, BOX_CREATE, "a/b/c", "", &c), BOX_OK);
	assert_int_equal(tree(&t, BOX_CREATE, "a/b/c", "", NULL), BOX_EXISTS);
	assert_int_equal(box_find(t.b, KV_VISIBLE, SPAN("a/b"), &b), BOX_OK);
	assert_true(status(&t, b).uid_validity != status(&t, c).uid_validity);
	put(&t, c, "x");
	/* Removed while something stands below: a bare level stays. */
	assert_int_equal(tree(&t, BOX_REMOVE_MAILBOX, "a/b", "", NULL),
			 BOX_OK);
	assert_int_equal(box_find(t.b, KV_VISIBLE, SPAN("a/b"), &found),
			 BOX_NONE);
	assert_int_equal(tree(&t, BOX_REMOVE_MAILBOX, "a/b", "", NULL),
			 BOX_CHILDREN);
	assert_int_equal(listed(&t, e, 32), 9);
	assert_true(e[7].mailbox == 0 && e[7].children &&
		    span_eq(e[7].name, SPAN("a/b")));
	/* Made again: another UIDVALIDITY, another number. */
	assert_int_equal(tree(&t, BOX_CREATE, "a/b", "", &found), BOX_OK);
	assert_true(found > c &&
		    status(&t, found).uid_validity > status(&t, c).uid_validity);
	/* With everything below; into a place that has to be made. */
	assert_int_equal(tree(&t, BOX_RENAME, "a", "z/y", NULL), BOX_OK);
	assert_int_equal(box_find(t.b, KV_VISIBLE, SPAN("z/y/b/c"), &found),
			 BOX_OK);
	assert_true(found == c && status(&t, c).messages == 1);
	assert_int_equal(box_find(t.b, KV_VISIBLE, SPAN("z"), &found), BOX_OK);
	assert_int_equal(box_find(t.b, KV_VISIBLE, SPAN("a"), &found),
			 BOX_NONE);
	assert_int_equal(tree(&t, BOX_RENAME, "z", "z/q", NULL), BOX_CANNOT);
	assert_int_equal(tree(&t, BOX_RENAME, "z", "Sent", NULL), BOX_EXISTS);
	assert_int_equal(tree(&t, BOX_RENAME, "none", "n2", NULL), BOX_NONE);
	assert_int_equal(tree(&t, BOX_REMOVE_MAILBOX, "INBOX", "", NULL),
			 BOX_CANNOT);
	assert_int_equal(tree(&t, BOX_REMOVE_MAILBOX, "none", "", NULL),
			 BOX_NONE);
	/* INBOX stays when it is renamed. */
	assert_int_equal(tree(&t, BOX_RENAME, "INBOX", "old", &found), BOX_OK);
	assert_int_equal(box_find(t.b, KV_VISIBLE, SPAN("INBOX"), &b), BOX_OK);
	assert_true(b == t.inbox && found != b);
	/* Subscriptions are names of their own. */
	assert_int_equal(tree(&t, BOX_SUBSCRIBE, "not/there", "", NULL),
			 BOX_OK);
	assert_int_equal(tree(&t, BOX_SUBSCRIBE, "not/there", "", NULL),
			 BOX_OK);
	size_t n = listed(&t, e, 32);
	bool seen = false;
	for (size_t i = 0; i < n; i++)
		seen |= span_eq(e[i].name, SPAN("not/there")) &&
			!e[i].mailbox && e[i].subscribed;
	assert_true(seen);
	assert_int_equal(tree(&t, BOX_UNSUBSCRIBE, "not/there", "", NULL),
			 BOX_OK);
	clean(&t);
	stop(&t);
}

static void names_have_rules(void **state)
{
	(void)state;
	static const char *const bad[] = {"",	  "/",	   "/a",  "a/",
					  "a//b", "a\nb",  "\x7f", "a\xff",
					  "\xc2\x85"};
	struct test t;
	char name[BOX_NAME_MAX + 2], deep[2 * BOX_DEPTH_MAX + 3];
	start(&t);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(tree(&t, BOX_CREATE, bad[i], "", NULL),
				 BOX_CANNOT);
	for (unsigned n = BOX_NAME_MAX - 1; n <= BOX_NAME_MAX + 1; n++) {
		memset(name, 'n', n);
		name[n] = 0;
		assert_int_equal(tree(&t, BOX_CREATE, name, "", NULL),
				 n > BOX_NAME_MAX ? BOX_CANNOT : BOX_OK);
		assert_int_equal(tree(&t, BOX_SUBSCRIBE, name, "", NULL),
				 n > BOX_NAME_MAX ? BOX_CANNOT : BOX_OK);
	}
	for (unsigned n = BOX_DEPTH_MAX - 1; n <= BOX_DEPTH_MAX + 1; n++) {
		for (unsigned i = 0; i < n; i++)
			memcpy(deep + 2 * i, "d/", 2);
		deep[2 * n - 1] = 0;
		assert_int_equal(tree(&t, BOX_CREATE, deep, "", NULL),
				 n > BOX_DEPTH_MAX ? BOX_CANNOT : BOX_OK);
	}
	/* A rename may not push what is below over the limit either. */
	assert_int_equal(tree(&t, BOX_RENAME, "d", "e/d", NULL), BOX_LIMIT);
	assert_int_equal(tree(&t, BOX_CREATE, "Umlaut-\xc3\xa4", "", NULL),
			 BOX_OK);
	clean(&t);
	stop(&t);
}

static void a_rename_moves_so_many_names(void **state)
{
	(void)state;
	struct test t;
	char name[32];
	start(&t);
	for (unsigned i = 0; i < BOX_RENAME_MAX; i++) {
		snprintf(name, sizeof(name), "r/%u", i);
		assert_int_equal(tree(&t, BOX_CREATE, name, "", NULL), BOX_OK);
		if (i + 2 == BOX_RENAME_MAX)
			assert_int_equal(tree(&t, BOX_RENAME, "r", "s", NULL),
					 BOX_OK);
		if (i + 2 == BOX_RENAME_MAX)
			assert_int_equal(tree(&t, BOX_RENAME, "s", "r", NULL),
					 BOX_OK);
	}
	assert_int_equal(tree(&t, BOX_RENAME, "r", "s", NULL), BOX_LIMIT);
	stop(&t);
}

/* ---- messages ---- */

static void an_insert_is_remembered_by_its_token(void **state)
{
	(void)state;
	struct test t;
	start(&t);
	struct box_new m[2] = {mail_of(&t, t.inbox, SPAN("one")),
			       mail_of(&t, 999, SPAN("two"))};
	struct box_insert q = {
		.messages = m, .count = 2, .token = {{1, 2, 3}}};
	assert_int_equal(insert(&t, &q), BOX_NONE); /* 999 is nowhere */
	m[1].fallback = t.inbox;
	assert_int_equal(insert(&t, &q), BOX_OK);
	assert_true(!q.again && m[0].uid == 1 && m[1].uid == 2 &&
		    m[1].into == t.inbox);
	uint64_t version = q.version;
	m[0].uid = m[1].uid = 0;
	m[0].bytes = m[1].bytes = SPAN("xxx");
	assert_int_equal(insert(&t, &q), BOX_OK);
	assert_true(q.again && m[0].uid == 1 && m[1].uid == 2);
	assert_true(q.version == version);
	assert_int_equal(status(&t, t.inbox).messages, 2);
	/* Tokens are forgotten by age. */
	struct answer a = {0};
	struct box_forget f = {.before = kv_now(t.f.kv)};
	assert_int_equal(wait_for(&t, box_forget(t.b, &f, answered, &a), &a),
			 BOX_OK);
	assert_int_equal(insert(&t, &q), BOX_OK);
	assert_true(q.again);
	a = (struct answer){0};
	f = (struct box_forget){.before = kv_now(t.f.kv) + 1};
	assert_int_equal(wait_for(&t, box_forget(t.b, &f, answered, &a), &a),
			 BOX_OK);
	assert_false(f.more);
	m[0] = mail_of(&t, t.inbox, SPAN("one"));
	m[1] = mail_of(&t, t.inbox, SPAN("two"));
	assert_int_equal(insert(&t, &q), BOX_OK);
	assert_true(!q.again && m[1].uid == 4);
	clean(&t);
	stop(&t);
}

static void quota_is_judged_at_the_border(void **state)
{
	(void)state;
	struct test t;
	struct box_quota quota;
	start(&t);
	for (int d = -1; d <= 1; d++) {
		struct box_new m = mail_of(&t, t.inbox, SPAN("0123456789"));
		assert_int_equal(box_quota(t.b, KV_VISIBLE, &quota), BOX_OK);
		struct box_insert q = {
			.messages = &m,
			.count = 1,
			.quota_bytes = (uint64_t)((int64_t)quota.bytes + 16 - d)};
		assert_int_equal(insert(&t, &q),
				 d > 0 ? BOX_OVERQUOTA : BOX_OK);
		q.custody = true;
		if (d > 0)
			assert_int_equal(insert(&t, &q), BOX_OK);
		assert_int_equal(box_quota(t.b, KV_VISIBLE, &quota), BOX_OK);
		q = (struct box_insert){
			.messages = &m,
			.count = 1,
			.quota_messages =
				(uint64_t)((int64_t)quota.messages + 1 - d)};
		m.body = kv_body_name(t.f.kv);
		assert_int_equal(insert(&t, &q),
				 d > 0 ? BOX_OVERQUOTA : BOX_OK);
	}
	struct box_quota staged;
	assert_int_equal(box_quota(t.b, KV_VISIBLE, &quota), BOX_OK);
	assert_int_equal(box_quota(t.b, KV_STAGED, &staged), BOX_OK);
	assert_memory_equal(&quota, &staged, sizeof(quota));
	/* A copy counts, and stops where the quota ends. */
	uint32_t sent;
	assert_int_equal(box_find(t.b, KV_VISIBLE, SPAN("Sent"), &sent),
			 BOX_OK);
	struct box_uids all = range(&t, 1, UINT32_MAX);
	struct box_change c = {.mailbox = t.inbox,
			       .to = sent,
			       .uids = &all,
			       .quota_messages = quota.messages};
	assert_int_equal(change(&t, box_copy, &c), BOX_OVERQUOTA);
	assert_int_equal(status(&t, sent).messages, 0);
	c.quota_messages = 2 * quota.messages;
	assert_int_equal(change(&t, box_copy, &c), BOX_OK);
	assert_true(c.pairs == quota.messages);
	/* A mailbox that goes gives its share back at once. */
	assert_int_equal(tree(&t, BOX_REMOVE_MAILBOX, "Sent", "", NULL),
			 BOX_OK);
	assert_int_equal(box_quota(t.b, KV_STAGED, &staged), BOX_OK);
	assert_memory_equal(&quota, &staged, sizeof(quota));
	stop(&t);
}

/* The UIDs of a mailbox as a set. */
static struct box_uids uids_of(struct test *t, uint32_t mailbox)
{
	struct box_status s = status(t, mailbox);
	struct box_uids u;
	box_uids_init(&u, t->a);
	assert_int_equal(box_view(t->b, KV_VISIBLE, mailbox, s.version, s.uid_next, &u),
			 BOX_OK);
	return u;
}

/* One commit: what comes is there when what it replaces is not. */
static void an_insert_may_replace(void **state)
{
	(void)state;
	struct test t;
	uint32_t sent;
	struct box_quota before, after;
	start(&t);
	assert_int_equal(box_find(t.b, KV_VISIBLE, SPAN("Sent"), &sent), BOX_OK);
	put_many(&t, t.inbox, BOX_PAGE - 2);
	assert_int_equal(box_quota(t.b, KV_VISIBLE, &before), BOX_OK);
	/* In the tail's page, while the new one stays in it, and opens the next. */
	static const uint32_t gone[] = {7, BOX_PAGE - 3, 8, BOX_PAGE - 2};
	for (size_t i = 0; i < ARRAY_LEN(gone); i++) {
		struct box_new m = mail_of(&t, t.inbox, SPAN("body"));
		struct box_insert q = {.messages = &m, .count = 1,
				       .replaces = gone[i], .replaces_in = t.inbox,
				       .quota_messages = before.messages};
		uint64_t version = status(&t, t.inbox).version;
		assert_int_equal(insert(&t, &q), BOX_OK);
		assert_int_equal(m.uid, BOX_PAGE - 1 + i);
		struct box_uids now = uids_of(&t, t.inbox);
		assert_false(box_uids_has(&now, gone[i]));
		assert_true(box_uids_has(&now, m.uid));
		struct box_changes c;
		assert_int_equal(box_changes(t.b, KV_VISIBLE, t.inbox, version, false, t.a, &c), BOX_OK);
		assert_true(box_uids_has(&c.vanished, gone[i]));
		assert_int_equal(c.now.messages, BOX_PAGE - 2);
	}
	assert_int_equal(box_quota(t.b, KV_VISIBLE, &after), BOX_OK);
	assert_memory_equal(&before, &after, sizeof before);
	/* Out of another mailbox. */
	struct box_new m = mail_of(&t, sent, SPAN("body"));
	struct box_insert q = {.messages = &m, .count = 1, .replaces = 1, .replaces_in = t.inbox};
	assert_int_equal(insert(&t, &q), BOX_OK);
	assert_int_equal(status(&t, t.inbox).messages, BOX_PAGE - 3);
	assert_int_equal(status(&t, sent).messages, 1);
	/* Gone already, in each of them, or with its mailbox: nothing happens. */
	q.replaces = 7;
	assert_int_equal(insert(&t, &q), BOX_CANNOT);
	m.mailbox = t.inbox;
	assert_int_equal(insert(&t, &q), BOX_CANNOT);
	q.replaces_in = 4711;
	assert_int_equal(insert(&t, &q), BOX_CANNOT);
	assert_int_equal(status(&t, sent).messages, 1);
	assert_int_equal(status(&t, t.inbox).messages, BOX_PAGE - 3);
	clean(&t);
	stop(&t);
}

static void sizes_have_limits(void **state)
{
	(void)state;
	struct test t;
	char *big = calloc(1, BOX_SUMMARY_MAX + 1);
	struct box_message m;
	start(&t);
	static const size_t prefix[] = {BOX_PREFIX_MAX - 1, BOX_PREFIX_MAX,
					BOX_PREFIX_MAX + 1};
	static const size_t summary[] = {
		BOX_SUMMARY_ROW, BOX_SUMMARY_ROW + 1, BOX_SUMMARY_MAX - 1,
		BOX_SUMMARY_MAX, BOX_SUMMARY_MAX + 1};
	for (size_t i = 0; i < ARRAY_LEN(prefix); i++) {
		struct box_new n = mail_of(&t, t.inbox, SPAN("x"));
		n.prefix = span_of(big, prefix[i]);
		struct box_insert q = {.messages = &n, .count = 1};
		assert_int_equal(insert(&t, &q), prefix[i] > BOX_PREFIX_MAX
							 ? BOX_LIMIT
							 : BOX_OK);
	}
	for (size_t i = 0; i < ARRAY_LEN(summary); i++) {
		struct box_new n = mail_of(&t, t.inbox, SPAN("x"));
		n.summary = span_of(big, summary[i]);
		struct box_insert q = {.messages = &n, .count = 1};
		bool over = summary[i] > BOX_SUMMARY_MAX;
		assert_int_equal(insert(&t, &q), over ? BOX_LIMIT : BOX_OK);
		if (over)
			continue;
		assert_int_equal(box_message(t.b, KV_VISIBLE, t.inbox, n.uid,
					     true, t.a, &m),
				 BOX_OK);
		assert_true(m.summary.len == summary[i]);
	}
	for (size_t n = BOX_INSERT_MAX - 1; n <= BOX_INSERT_MAX + 1; n++) {
		struct box_new many[BOX_INSERT_MAX + 1];
		for (size_t i = 0; i < n; i++) {
			many[i] = mail_of(&t, t.inbox, SPAN("x"));
			many[i].summary = span_of(big, BOX_SUMMARY_ROW + 1);
		}
		struct box_insert q = {.messages = many, .count = n};
		assert_int_equal(insert(&t, &q),
				 n > BOX_INSERT_MAX ? BOX_LIMIT : BOX_OK);
	}
	for (size_t n = BOX_TOKEN_MAX - 1; n <= BOX_TOKEN_MAX + 1; n++) {
		struct box_new many[BOX_TOKEN_MAX + 1];
		struct box_insert q = {.messages = many, .count = n,
				       .token = {{1, (uint8_t)n}}};
		for (size_t i = 0; i < n; i++)
			many[i] = mail_of(&t, t.inbox, SPAN("x"));
		assert_int_equal(insert(&t, &q),
				 n > BOX_TOKEN_MAX ? BOX_LIMIT : BOX_OK);
	}
	clean(&t);
	free(big);
	stop(&t);
}

static void keywords_take_bits_until_there_are_none(void **state)
{
	(void)state;
	struct test t;
	char name[BOX_KEYWORD_MAX + 2];
	struct span names[BOX_KEYWORDS_MAX];
	size_t n;
	start(&t);
	for (unsigned i = 0; i <= BOX_KEYWORDS_MAX; i++) {
		struct answer a = {0};
		snprintf(name, sizeof(name), "k%u", i);
		struct box_keyword q = {.mailbox = t.inbox,
					.name = span_cstr(name)};
		enum box_result r = wait_for(
			&t, box_keyword_add(t.b, &q, answered, &a), &a);
		assert_int_equal(r,
				 i < BOX_KEYWORDS_MAX ? BOX_OK : BOX_LIMIT);
		assert_true(i == BOX_KEYWORDS_MAX || q.bit == i);
	}
	struct answer a = {0};
	struct box_keyword q = {.mailbox = t.inbox, .name = SPAN("K7")};
	assert_int_equal(
		wait_for(&t, box_keyword_add(t.b, &q, answered, &a), &a),
		BOX_OK);
	assert_int_equal(q.bit, 7);
	assert_int_equal(
		box_keywords(t.b, KV_VISIBLE, t.inbox, t.a, names, &n), BOX_OK);
	assert_true(n == 64 && span_eq(names[63], SPAN("k63")));
	memset(name, 'x', sizeof(name));
	q.name = span_of(name, BOX_KEYWORD_MAX + 1);
	assert_int_equal(box_keyword_add(t.b, &q, answered, &a), BOX_LIMIT);
	stop(&t);
}

static void large_sets_go_in_chunks(void **state)
{
	(void)state;
	struct test t;
	uint32_t to;
	start(&t);
	put_many(&t, t.inbox, 2600);
	struct box_status st = status(&t, t.inbox);
	assert_true(st.messages == 2600 && st.uid_next == 2601);
	struct box_uids all = range(&t, 1, UINT32_MAX);
	struct box_change c = {.mailbox = t.inbox,
			       .uids = &all,
			       .how = BOX_ADD,
			       .flags = BOX_SEEN | BOX_DELETED,
			       .unchanged_since = UINT64_MAX};
	assert_int_equal(change(&t, box_store, &c), BOX_OK);
	assert_true(box_uids_size(&c.done_uids) == 2600 &&
		    c.done_uids.count == 1 && c.after > c.before);
	st = status(&t, t.inbox);
	assert_true(st.unseen == 0 && st.deleted == 2600);
	assert_int_equal(box_find(t.b, KV_VISIBLE, SPAN("Archive"), &to),
			 BOX_OK);
	/* Onto itself: each is copied once, and the copies are not. */
	c = (struct box_change){
		.mailbox = t.inbox, .to = t.inbox, .uids = &all};
	assert_int_equal(change(&t, box_copy, &c), BOX_OK);
	assert_true(c.pairs == 2600 && c.into[0] == 2601 &&
		    c.into[2599] == 5200);
	assert_int_equal(change(&t, box_move, &c), BOX_CANNOT);
	c.to = to;
	assert_int_equal(change(&t, box_move, &c), BOX_OK);
	assert_true(c.pairs == 5200 && status(&t, t.inbox).messages == 0 &&
		    status(&t, to).messages == 5200);
	for (size_t i = 0; i < c.pairs; i++)
		assert_true(c.from[i] == i + 1 && c.into[i] == i + 1);
	clean(&t);
	c = (struct box_change){
		.mailbox = to, .uids = &all, .deleted_only = true};
	assert_int_equal(change(&t, box_expunge, &c), BOX_OK);
	assert_true(box_uids_size(&c.done_uids) == 5200);
	st = status(&t, to);
	assert_true(st.messages == 0 && st.bytes == 0 && st.uid_next == 5201);
	clean(&t);
	/* Rows of a removed mailbox go in the background, when its time is over. */
	put_many(&t, to, 1500);
	assert_int_equal(tree(&t, BOX_REMOVE_MAILBOX, "Archive", "", NULL),
			 BOX_OK);
	struct answer a;
	struct box_tree q = {.verb = BOX_PURGE, .before = INT64_MAX};
	unsigned rounds = 0;
	do {
		a = (struct answer){0};
		assert_int_equal(
			wait_for(&t, box_tree(t.b, &q, answered, &a), &a),
			BOX_OK);
		rounds++;
	} while (q.more);
	assert_true(rounds >= 2);
	struct kv_scan *scan;
	struct span k, v;
	struct box_key m = box_key_mailbox('M', to), end = box_key_end(&m);
	assert_int_equal(kv_scan_open(box_space(t.b), KV_VISIBLE, box_key_span(&m),
				      box_key_span(&end), false, &scan),
			 KV_OK);
	assert_int_equal(kv_scan_next(scan, &k, &v), KV_NONE);
	kv_scan_close(scan);
	stop(&t);
}

/* ---- what is gone ---- */

static size_t gone(struct test *t, struct box_gone *list, size_t max)
{
	size_t n;
	assert_int_equal(box_gone_list(t->b, KV_VISIBLE, t->a,
				       &(struct box_gone){0}, list, max, &n),
			 BOX_OK);
	return n;
}

static void expunge(struct test *t, uint32_t mailbox, uint32_t first, uint32_t last)
{
	struct box_uids u = range(t, first, last);
	struct box_change c = {.mailbox = mailbox, .uids = &u, .keep = true};
	assert_int_equal(change(t, box_expunge, &c), BOX_OK);
}

static enum box_result undelete(struct test *t, struct box_undelete *q)
{
	struct answer a = {0};
	return wait_for(t, box_undelete(t->b, q, answered, &a), &a);
}

static void forget(struct test *t, int64_t before)
{
	struct box_gone_forget q = {.before = before};
	do {
		struct answer a = {0};
		assert_int_equal(wait_for(t, box_gone_forget(t->b, &q, answered, &a), &a),
				 BOX_OK);
	} while (q.more);
}

static void expunged_mail_comes_back(void **state)
{
	(void)state;
	struct test t;
	struct box_gone list[8];
	struct box_slot s[8];
	size_t n;
	uint32_t next;
	start(&t);
	put_many(&t, t.inbox, 5);
	struct box_uids two = range(&t, 2, 3);
	struct box_change c = {.mailbox = t.inbox, .uids = &two, .how = BOX_SET,
			       .flags = BOX_SEEN | BOX_FLAGGED | BOX_DELETED,
			       .unchanged_since = UINT64_MAX};
	assert_int_equal(change(&t, box_store, &c), BOX_OK);
	uint64_t bytes = status(&t, t.inbox).bytes;
	expunge(&t, t.inbox, 2, 3);
	assert_int_equal(gone(&t, list, 8), 2);
	assert_true(list[0].uid == 2 && list[1].uid == 3 && list[0].mailbox == t.inbox &&
		    list[0].when > 0 && list[0].flags == (BOX_SEEN | BOX_FLAGGED | BOX_DELETED) &&
		    span_eq(list[0].message.summary, SPAN("s")));
	struct box_undelete q = {.mailbox = t.inbox, .messages = list, .count = 2};
	assert_int_equal(undelete(&t, &q), BOX_OK);
	assert_int_equal(q.done, 2);
	assert_int_equal(gone(&t, list + 2, 6), 0);
	assert_int_equal(box_slots(t.b, KV_VISIBLE, t.inbox, 5, 0, s, 8, &n, &next), BOX_OK);
	/* New UIDs, the flags of then without \Deleted. */
	assert_true(n == 3 && s[1].uid == 6 && s[2].uid == 7 &&
		    s[1].flags == (BOX_SEEN | BOX_FLAGGED));
	assert_true(status(&t, t.inbox).bytes == bytes);
	/* Once only. */
	assert_int_equal(undelete(&t, &q), BOX_OK);
	assert_true(q.done == 0 && status(&t, t.inbox).messages == 5);
	/* Not kept, and kept till its time is over. */
	struct box_uids one = range(&t, 1, 1);
	c = (struct box_change){.mailbox = t.inbox, .uids = &one};
	assert_int_equal(change(&t, box_expunge, &c), BOX_OK);
	assert_int_equal(gone(&t, list, 8), 0);
	expunge(&t, t.inbox, 4, 5);
	assert_int_equal(gone(&t, list, 8), 2);
	forget(&t, list[0].when);
	assert_int_equal(gone(&t, list, 8), 2);
	forget(&t, list[0].when + 1);
	assert_int_equal(gone(&t, list, 8), 0);
	clean(&t);
	stop(&t);
}

static void what_comes_back_has_limits(void **state)
{
	(void)state;
	struct test t;
	static struct box_gone list[BOX_GONE_STEP + 1];
	start(&t);
	put_many(&t, t.inbox, BOX_GONE_STEP + 1);
	expunge(&t, t.inbox, 1, BOX_GONE_STEP + 1);
	size_t n = gone(&t, list, BOX_GONE_STEP + 1);
	struct box_undelete q = {.mailbox = t.inbox, .messages = list, .count = n};
	assert_int_equal(undelete(&t, &q), BOX_LIMIT);
	q.count = 0;
	assert_int_equal(undelete(&t, &q), BOX_LIMIT);
	/* Quota: all or none. */
	q.count = n - 1;
	for (uint64_t m = n - 2; m <= n; m++) {
		q.quota_messages = m;
		assert_int_equal(undelete(&t, &q), m < n - 1 ? BOX_OVERQUOTA : BOX_OK);
		assert_int_equal(status(&t, t.inbox).messages, m < n - 1 ? 0 : n - 1);
		if (m >= n - 1)
			expunge(&t, t.inbox, 1, UINT32_MAX - 1);
		n = gone(&t, list, BOX_GONE_STEP + 1);
	}
	/* From a mailbox that is not there. */
	q = (struct box_undelete){.mailbox = 999, .messages = list, .count = 1};
	assert_int_equal(undelete(&t, &q), BOX_NONE);
	clean(&t);
	stop(&t);
}

static void a_removed_mailbox_comes_back(void **state)
{
	(void)state;
	struct test t;
	struct box_gone_mailbox list[4];
	struct box_gone mail[4];
	uint32_t first, second, id;
	size_t n;
	start(&t);
	assert_int_equal(tree(&t, BOX_CREATE, "a/b", "", &first), BOX_OK);
	put_many(&t, first, 300);
	expunge(&t, first, 7, 7);
	uint32_t validity = status(&t, first).uid_validity;
	uint64_t bytes = status(&t, first).bytes;
	assert_int_equal(tree(&t, BOX_REMOVE_MAILBOX, "a/b", "", NULL), BOX_OK);
	assert_int_equal(tree(&t, BOX_CREATE, "a/b", "", &second), BOX_OK);
	put(&t, second, "later");
	assert_int_equal(tree(&t, BOX_REMOVE_MAILBOX, "a/b", "", NULL), BOX_OK);
	/* An empty one is not kept. */
	assert_int_equal(tree(&t, BOX_CREATE, "a/b", "", NULL), BOX_OK);
	assert_int_equal(tree(&t, BOX_REMOVE_MAILBOX, "a/b", "", NULL), BOX_OK);
	struct answer a = {0};
	struct box_tree q = {.verb = BOX_PURGE};
	assert_int_equal(wait_for(&t, box_tree(t.b, &q, answered, &a), &a), BOX_OK);
	assert_int_equal(box_gone_mailboxes(t.b, KV_VISIBLE, t.a, 0, list, 4, &n), BOX_OK);
	assert_true(n == 2 && list[0].mailbox == first && list[0].messages == 299 &&
		    list[0].bytes == bytes && list[0].when > 0 &&
		    span_eq(list[1].name, SPAN("a/b")) && list[1].messages == 1);
	struct box_quota quota;
	assert_int_equal(box_quota(t.b, KV_VISIBLE, &quota), BOX_OK);
	assert_int_equal(quota.messages, 0);
	/* The last one first; then the name is taken. */
	assert_int_equal(tree(&t, BOX_REVIVE, "a/b", "", &id), BOX_OK);
	assert_int_equal(id, second);
	assert_int_equal(tree(&t, BOX_REVIVE, "a/b", "", NULL), BOX_EXISTS);
	assert_int_equal(tree(&t, BOX_REVIVE, "a/b", "x//y", NULL), BOX_CANNOT);
	assert_int_equal(tree(&t, BOX_REVIVE, "a/b", "old/b", &id), BOX_OK);
	assert_int_equal(id, first);
	assert_true(status(&t, first).messages == 299 && status(&t, first).uid_next == 301 &&
		    status(&t, first).uid_validity > validity);
	assert_int_equal(box_find(t.b, KV_VISIBLE, SPAN("old"), &id), BOX_OK);
	assert_int_equal(tree(&t, BOX_REVIVE, "a/b", "", NULL), BOX_NONE);
	/* And now what was expunged in it. */
	assert_int_equal(gone(&t, mail, 4), 1);
	struct box_undelete u = {.mailbox = first, .messages = mail, .count = 1};
	assert_int_equal(undelete(&t, &u), BOX_OK);
	assert_int_equal(status(&t, first).messages, 300);
	assert_int_equal(box_quota(t.b, KV_VISIBLE, &quota), BOX_OK);
	assert_int_equal(quota.messages, 301);
	clean(&t);
	stop(&t);
}

/* Half purged is gone. */
static void a_purge_that_began_is_final(void **state)
{
	(void)state;
	struct test t;
	uint32_t id;
	start(&t);
	assert_int_equal(tree(&t, BOX_CREATE, "big", "", &id), BOX_OK);
	put_many(&t, id, 2000);
	assert_int_equal(tree(&t, BOX_REMOVE_MAILBOX, "big", "", NULL), BOX_OK);
	struct answer a = {0};
	struct box_tree q = {.verb = BOX_PURGE, .before = INT64_MAX};
	assert_int_equal(wait_for(&t, box_tree(t.b, &q, answered, &a), &a), BOX_OK);
	assert_true(q.more);
	assert_int_equal(tree(&t, BOX_REVIVE, "big", "", NULL), BOX_NONE);
	stop(&t);
}

static void the_log_ends_where_it_must(void **state)
{
	(void)state;
	struct test t;
	struct box_changes ch;
	struct box_uids view;
	start(&t);
	put_many(&t, t.inbox, 600);
	uint64_t then = status(&t, t.inbox).version;
	for (unsigned i = 0; i < BOX_LOG_MAX + 10; i++) {
		struct box_uids one = range(&t, 5, 5);
		struct box_change c = {.mailbox = t.inbox,
				       .uids = &one,
				       .how = i % 2 ? BOX_REMOVE : BOX_ADD,
				       .flags = BOX_FLAGGED,
				       .unchanged_since = UINT64_MAX};
		if (i == 20) {
			struct box_uids gone = range(&t, 7, 9);
			struct box_change x = {.mailbox = t.inbox,
					       .uids = &gone};
			assert_int_equal(change(&t, box_expunge, &x), BOX_OK);
			box_uids_init(&view, t.a);
			assert_int_equal(box_changes(t.b, KV_VISIBLE, t.inbox,
						     then, false, t.a, &ch),
					 BOX_OK);
			assert_true(box_uids_size(&ch.vanished) == 3);
			assert_int_equal(box_view(t.b, KV_VISIBLE, t.inbox,
						  then, 601, &view),
					 BOX_OK);
			assert_true(box_uids_size(&view) == 600);
		}
		assert_int_equal(change(&t, box_store, &c), BOX_OK);
		arena_reset(t.a);
	}
	assert_int_equal(box_changes(t.b, KV_VISIBLE, t.inbox, then, false,
				     t.a, &ch),
			 BOX_TOO_OLD);
	box_uids_init(&view, t.a);
	assert_int_equal(
		box_view(t.b, KV_VISIBLE, t.inbox, then, 601, &view),
		BOX_TOO_OLD);
	assert_int_equal(box_changes(t.b, KV_VISIBLE, t.inbox, then, true, t.a,
				     &ch),
			 BOX_OK);
	assert_true(box_uids_size(&ch.vanished) == 3 &&
		    box_uids_has(&ch.vanished, 8));
	clean(&t);
	stop(&t);
}

static void recent_is_claimed_once(void **state)
{
	(void)state;
	struct test t;
	start(&t);
	put_many(&t, t.inbox, 3);
	struct box_claim q = {.mailbox = t.inbox};
	struct answer a = {0};
	uint64_t version = status(&t, t.inbox).version;
	assert_int_equal(wait_for(&t, box_claim(t.b, &q, answered, &a), &a),
			 BOX_OK);
	assert_true(q.from == 1 && q.uid_next == 4);
	a = (struct answer){0};
	assert_int_equal(wait_for(&t, box_claim(t.b, &q, answered, &a), &a),
			 BOX_OK);
	assert_true(q.from == 4 && q.uid_next == 4);
	assert_true(status(&t, t.inbox).version == version);
	stop(&t);
}

static void nothing_is_told_before_it_is_durable(void **state)
{
	(void)state;
	struct test t;
	struct box_slot s[4];
	size_t n;
	uint32_t next;
	start(&t);
	struct box_new m = mail_of(&t, t.inbox, SPAN("x"));
	struct box_insert q = {.messages = &m, .count = 1};
	struct answer a = {0};
	assert_int_equal(box_insert(t.b, &q, answered, &a), BOX_OK);
	assert_false(a.done);
	assert_int_equal(status(&t, t.inbox).messages, 0);
	assert_int_equal(box_slots(t.b, KV_VISIBLE, t.inbox, 1, 0, s, 4, &n,
				   &next),
			 BOX_OK);
	assert_int_equal(n, 0);
	assert_int_equal(box_slots(t.b, KV_STAGED, t.inbox, 1, 0, s, 4, &n,
				   &next),
			 BOX_OK);
	assert_int_equal(n, 1);
	kv_wait(t.f.kv);
	assert_true(a.done && status(&t, t.inbox).messages == 1);
	stop(&t);
}

/* ---- queries ---- */

static enum box_result leaf(void *arg, const struct box_message *m,
			    uint64_t number, bool *truth)
{
	unsigned *asked = arg;
	++*asked;
	*truth = m->uid % 2 == number;
	return number == 9 ? BOX_UNAVAILABLE : BOX_OK;
}

static void queries_ask_the_dear_keys_last(void **state)
{
	(void)state;
	struct test t;
	unsigned asked = 0;
	struct box_uids out;
	uint64_t highest = 0;
	uint32_t next = 1;
	start(&t);
	put_many(&t, t.inbox, 10);
	struct box_uids some = range(&t, 3, 6);
	struct box_query_op ops[] = {
		{.kind = BOX_Q_LEAF, .number = 1},
		{.kind = BOX_Q_UIDS, .uids = &some},
		{.kind = BOX_Q_AND},
	};
	struct box_query q = {ops, 3, leaf, &asked};
	box_uids_init(&out, t.a);
	assert_int_equal(box_query_run(t.b, KV_VISIBLE, t.inbox, &q, 1, 10000,
				       &out, &highest, &next),
			 BOX_OK);
	assert_true(box_uids_size(&out) == 2 && box_uids_has(&out, 3) &&
		    box_uids_has(&out, 5) && next == 0);
	assert_int_equal(asked, 4);
	ops[0].number = 9;
	assert_int_equal(box_query_run(t.b, KV_VISIBLE, t.inbox, &q, 1, 10000,
				       &out, &highest, &next),
			 BOX_UNAVAILABLE);
	/* Programs that make no sense. */
	q.leaf = NULL;
	assert_int_equal(box_query_check(&q), BOX_LIMIT);
	q = (struct box_query){.ops = ops + 1, .count = 2};
	assert_int_equal(box_query_check(&q), BOX_LIMIT);
	q.count = 0;
	assert_int_equal(box_query_check(&q), BOX_LIMIT);
	static struct box_query_op many[BOX_QUERY_OPS + 2];
	for (size_t n = BOX_QUERY_OPS - 1; n <= BOX_QUERY_OPS + 1; n++) {
		for (size_t i = 0; i < n; i++)
			many[i].kind = i == 0 ? BOX_Q_ALL : BOX_Q_NOT;
		q = (struct box_query){.ops = many, .count = n};
		assert_int_equal(box_query_check(&q),
				 n > BOX_QUERY_OPS ? BOX_LIMIT : BOX_OK);
	}
	for (size_t d = BOX_QUERY_DEPTH - 1; d <= BOX_QUERY_DEPTH + 1; d++) {
		for (size_t i = 0; i < d; i++)
			many[i].kind = BOX_Q_ALL;
		for (size_t i = d; i < 2 * d - 1; i++)
			many[i].kind = BOX_Q_AND;
		q = (struct box_query){.ops = many, .count = 2 * d - 1};
		assert_int_equal(box_query_check(&q),
				 d > BOX_QUERY_DEPTH ? BOX_LIMIT : BOX_OK);
	}
	stop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_account_has_its_mailboxes),
		cmocka_unit_test(names_come_go_and_move),
		cmocka_unit_test(names_have_rules),
		cmocka_unit_test(a_rename_moves_so_many_names),
		cmocka_unit_test(an_insert_is_remembered_by_its_token),
		cmocka_unit_test(quota_is_judged_at_the_border),
		cmocka_unit_test(an_insert_may_replace),
		cmocka_unit_test(sizes_have_limits),
		cmocka_unit_test(keywords_take_bits_until_there_are_none),
		cmocka_unit_test(large_sets_go_in_chunks),
		cmocka_unit_test(expunged_mail_comes_back),
		cmocka_unit_test(what_comes_back_has_limits),
		cmocka_unit_test(a_removed_mailbox_comes_back),
		cmocka_unit_test(a_purge_that_began_is_final),
		cmocka_unit_test(the_log_ends_where_it_must),
		cmocka_unit_test(recent_is_claimed_once),
		cmocka_unit_test(nothing_is_told_before_it_is_durable),
		cmocka_unit_test(queries_ask_the_dear_keys_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
