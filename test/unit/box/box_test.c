/* SPDX-License-Identifier: Apache-2.0 */
/* box: the tree, limits, quota, tokens, large sets, the log's end, fsck. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "box/format.h"
#include "box/fsck.h"
#include "crypto/hash.h"

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
		cmocka_unit_test(the_log_ends_where_it_must),
		cmocka_unit_test(recent_is_claimed_once),
		cmocka_unit_test(nothing_is_told_before_it_is_durable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
