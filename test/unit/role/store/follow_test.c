/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store by its hops: news of all mailboxes of an account (RFC 5465).  Run once with each
 * engine.
 */
#include <stdio.h>

#include "rig.h"
#include "role/store/follow.h"

static struct edge_store_news_reply news(struct rig *r, uint64_t s, bool begin)
{
	struct edge_store_news_reply rep;
	ASK(r, r->edge[RIG_ACCESS], edge_store_news, &rep, .session = s, .begin = begin);
	return rep;
}

static void tree(struct rig *r, uint64_t s, const char *verb, const char *a, const char *b)
{
	enum edge_store_answer answer = EDGE_STORE_ANSWER_NO;
	if (strcmp(verb, "create") == 0) {
		struct edge_store_create_reply rep;
		ASK(r, r->edge[RIG_ACCESS], edge_store_create, &rep, .session = s, .name = span_cstr(a));
		answer = rep.answer;
	} else if (strcmp(verb, "remove") == 0) {
		struct edge_store_remove_reply rep;
		ASK(r, r->edge[RIG_ACCESS], edge_store_remove, &rep, .session = s, .name = span_cstr(a));
		answer = rep.answer;
	} else if (strcmp(verb, "rename") == 0) {
		struct edge_store_rename_reply rep;
		ASK(r, r->edge[RIG_ACCESS], edge_store_rename, &rep, .session = s, .name = span_cstr(a), .to = span_cstr(b));
		answer = rep.answer;
	} else {
		struct edge_store_subscribe_reply rep;
		ASK(r, r->edge[RIG_ACCESS], edge_store_subscribe, &rep, .session = s, .name = span_cstr(a), .on = b != NULL);
		answer = rep.answer;
	}
	assert_int_equal(answer, EDGE_STORE_ANSWER_YES);
}

static const struct edge_store_moved *of(const struct edge_store_news_reply *n, const char *name)
{
	for (size_t i = 0; i < n->moved_count; i++)
		if (span_eq(n->moved[i].name, span_cstr(name)))
			return &n->moved[i];
	return NULL;
}

static void store_flag(struct rig *r, uint64_t s, uint64_t box)
{
	struct edge_store_store_flags_reply rep;
	struct edge_store_range one = {1, 1};
	ASK(r, r->edge[RIG_ACCESS], edge_store_store_flags, &rep, .session = s, .mailbox = box, .uids = &one, .uids_count = 1, .how = 1, .flags = 4, .unchanged_since = UINT64_MAX);
	assert_int_equal(rep.answer, EDGE_STORE_ANSWER_YES);
}

/* Each kind of change, once, to each who follows. */
static void what_happens(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test"), other = rig_reader(r, "alice@example.test");
	assert_int_equal(news(r, s, false).answer, EDGE_STORE_ANSWER_NO);
	assert_int_equal(news(r, s, true).moved_count, 0);
	assert_int_equal(news(r, s, false).moved_count, 0);
	struct edge_store_append_reply kept = rig_append(r, other, "Archive", MAIL("a"));
	assert_int_equal(kept.answer, EDGE_STORE_ANSWER_YES);
	struct edge_store_news_reply n = news(r, s, false);
	assert_int_equal(n.moved_count, 1);
	assert_true(span_eq(n.moved[0].name, SPAN("Archive")));
	assert_int_equal(n.moved[0].what, FOLLOW_COUNTS);
	assert_int_equal(n.moved[0].messages, 1);
	assert_int_equal(n.moved[0].uid_next, 2);
	assert_int_equal(n.moved[0].uid_validity, kept.uid_validity);
	assert_int_equal(n.moved[0].version, rig_status(r, s, "Archive").version);
	assert_int_equal(news(r, s, false).moved_count, 0);
	store_flag(r, other, rig_select(r, other, "Archive").mailbox);
	assert_int_equal(news(r, other, true).moved_count, 0);
	n = news(r, s, false);
	assert_int_equal(n.moved_count, 1);
	assert_int_equal(n.moved[0].what, FOLLOW_FLAGS);
	tree(r, other, "create", "x", NULL);
	tree(r, other, "subscribe", "x", "on");
	n = news(r, s, false);
	assert_int_equal(n.moved_count, 1);
	assert_int_equal(n.moved[0].what, FOLLOW_NAME | FOLLOW_SUBSCRIBED);
	assert_true(n.moved[0].subscribed);
	/* A subscription stays with the name. */
	tree(r, other, "rename", "x", "y");
	n = news(r, s, false);
	assert_int_equal(n.moved_count, 2);
	assert_true(span_eq(of(&n, "y")->old, SPAN("x")));
	assert_int_equal(of(&n, "x")->mailbox, 0);
	tree(r, other, "subscribe", "x", NULL);
	assert_int_equal(of(&(struct edge_store_news_reply[]){news(r, s, false)}[0], "x")->what, FOLLOW_LOST);
	/* Only the end of what nobody asked about meanwhile. */
	tree(r, other, "rename", "y", "z");
	tree(r, other, "create", "gone", NULL);
	tree(r, other, "remove", "gone", NULL);
	n = news(r, s, false);
	assert_int_equal(n.moved_count, 1);
	assert_true(span_eq(n.moved[0].old, SPAN("y")));
	/* The other one was told of nothing yet: y came from x and is z. */
	n = news(r, other, false);
	assert_non_null(of(&n, "z"));
	assert_int_equal(of(&n, "x")->what, FOLLOW_LOST);
	tree(r, other, "remove", "z", NULL);
	n = news(r, s, false);
	assert_int_equal(n.moved[0].what, FOLLOW_LOST);
}

/* A hint says that there is something, also of a mailbox that nobody selected. */
static void hinted(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	unsigned before = r->hints;
	(void)rig_append(r, s, "Archive", MAIL("a"));
	rig_run(r, 50);
	assert_int_equal(r->hints, before);
	assert_int_equal(news(r, s, true).answer, EDGE_STORE_ANSWER_YES);
	rig_run(r, 50);
	before = r->hints;
	for (int i = 0; i < 20; i++)
		(void)rig_append(r, s, "Archive", MAIL("a"));
	rig_run(r, 300);
	assert_true(r->hints > before && r->hints <= before + 20);
	assert_int_equal(r->hint.session, s);
	assert_int_equal(r->hint.mailbox, 0);
	assert_int_equal(news(r, s, false).moved[0].messages, 21);
	/* Nobody else's account, and nothing after the end. */
	uint64_t bob = rig_reader(r, "bob@example.test");
	assert_int_equal(news(r, bob, true).answer, EDGE_STORE_ANSWER_YES);
	(void)edge_store_no_news(r->edge[RIG_ACCESS], &(struct edge_store_no_news){.session = s});
	rig_run(r, 50);
	before = r->hints;
	(void)rig_append(r, s, "Archive", MAIL("a"));
	rig_run(r, 300);
	assert_int_equal(r->hints, before);
	assert_int_equal(news(r, bob, false).moved_count, 0);
	assert_int_equal(news(r, s, false).answer, EDGE_STORE_ANSWER_NO);
}

/* More than one answer holds: in the order in which it happened. */
static void in_parts(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	char name[16];
	assert_int_equal(news(r, s, true).answer, EDGE_STORE_ANSWER_YES);
	for (unsigned i = 0; i < FOLLOW_NEWS + 5; i++) {
		snprintf(name, sizeof name, "n%u", i);
		tree(r, s, "create", name, NULL);
	}
	struct edge_store_news_reply n = news(r, s, false);
	assert_true(n.more);
	assert_int_equal(n.moved_count, FOLLOW_NEWS);
	tree(r, s, "create", "later", NULL);
	n = news(r, s, false);
	assert_false(n.more);
	assert_int_equal(n.moved_count, 6);
	assert_non_null(of(&n, "later"));
}

/* As many names that are no more are known; with one more a session that was told of none has lost count. */
static void as_many_lost(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test"), other = rig_reader(r, "alice@example.test");
	for (unsigned over = 0; over < 3; over++) {
		assert_int_equal(news(r, s, true).answer, EDGE_STORE_ANSWER_YES);
		assert_int_equal(news(r, other, true).answer, EDGE_STORE_ANSWER_YES);
		for (unsigned i = 0; i < FOLLOW_GONE - 1 + over; i++) {
			tree(r, other, "create", "n", NULL);
			(void)news(r, other, false);
			tree(r, other, "remove", "n", NULL);
			(void)news(r, other, false);
		}
		struct edge_store_news_reply n = news(r, s, false);
		assert_int_equal(n.answer, EDGE_STORE_ANSWER_YES);
		assert_int_equal(n.overflow, over == 2);
		(void)edge_store_no_news(r->edge[RIG_ACCESS], &(struct edge_store_no_news){.session = s});
		(void)edge_store_no_news(r->edge[RIG_ACCESS], &(struct edge_store_no_news){.session = other});
	}
	assert_int_equal(news(r, s, false).answer, EDGE_STORE_ANSWER_NO);
}

/* Strangers hear nothing. */
static void not_bound(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_session(r, RIG_ACCESS, EDGE_STORE_SERVICE_IMAP, NULL);
	assert_int_equal(news(r, s, true).answer, EDGE_STORE_ANSWER_NO);
	(void)edge_store_no_news(r->edge[RIG_ACCESS], &(struct edge_store_no_news){.session = s});
	(void)edge_store_no_news(r->edge[RIG_ACCESS], &(struct edge_store_no_news){.session = 99});
	rig_run(r, 10);
}

/* A session that ends takes nothing along. */
static void they_end(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test"), other = rig_reader(r, "alice@example.test");
	assert_int_equal(news(r, s, true).answer, EDGE_STORE_ANSWER_YES);
	assert_int_equal(news(r, other, true).answer, EDGE_STORE_ANSWER_YES);
	(void)edge_store_session_close(r->edge[RIG_ACCESS], &(struct edge_store_session_close){.session = s});
	(void)rig_append(r, other, "Archive", MAIL("a"));
	assert_int_equal(news(r, other, false).moved_count, 1);
	(void)edge_store_session_close(r->edge[RIG_ACCESS], &(struct edge_store_session_close){.session = other});
	rig_run(r, 50);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
	const struct CMUnitTest tests[] = {
		T(what_happens), T(hinted), T(in_parts), T(as_many_lost), T(not_bound), T(they_end),
	};
	return cmocka_run_group_tests_name("store_follow", tests, NULL, NULL);
}
