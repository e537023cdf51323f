/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store by its hops: annotations are set, told in pieces that fit a frame, and
 * still there after a restart.  Run once with each engine.
 */
#include "rig.h"

#include <stdio.h>

#define DEPTH_ALL 255

static enum edge_store_answer set(struct rig *r, uint64_t s, const char *mailbox,
				  const struct edge_store_annotation *list, size_t count)
{
	struct edge_store_annotate_reply rep;
	ASK(r, r->edge[RIG_ACCESS], edge_store_annotate, &rep, .session = s,
	    .mailbox = span_cstr(mailbox), .list = list, .list_count = count);
	return rep.answer;
}

static enum edge_store_answer set_one(struct rig *r, uint64_t s, const char *mailbox,
				      const char *name, struct span value)
{
	struct edge_store_annotation a = {.name = span_cstr(name), .has_value = true,
					  .value = value};
	return set(r, s, mailbox, &a, 1);
}

static struct edge_store_annotations_reply get(struct rig *r, uint64_t s, const char *mailbox,
					       const char *entry, uint8_t depth,
					       uint32_t largest, struct span after)
{
	struct edge_store_annotations_reply rep;
	struct span name = span_cstr(entry);
	ASK(r, r->edge[RIG_ACCESS], edge_store_annotations, &rep, .session = s,
	    .mailbox = span_cstr(mailbox), .entries = &name, .entries_count = 1,
	    .depth = depth, .largest = largest, .after = after);
	return rep;
}

static void has(struct rig *r, uint64_t s, const char *mailbox, const char *entry, const char *value)
{
	struct edge_store_annotations_reply a = get(r, s, mailbox, entry, 0, UINT32_MAX, SPAN(""));
	assert_int_equal(a.answer, EDGE_STORE_ANSWER_YES);
	assert_int_equal(a.list_count, value != NULL);
	if (value != NULL)
		assert_true(a.list[0].has_value && span_eq(a.list[0].value, span_cstr(value)));
}

static void annotated(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	uint64_t other = rig_reader(r, "bob@example.test");
	struct edge_store_annotation list[] = {
		{.name = SPAN("/private/a"), .has_value = true, .value = SPAN("one")},
		{.name = SPAN("/private/a/b"), .has_value = true, .value = SPAN("two")},
		{.name = SPAN("/private/a/b/c"), .has_value = true, .value = SPAN("three")},
		{.name = SPAN("/private/ab"), .has_value = true, .value = SPAN("")}};
	assert_int_equal(set(r, s, "INBOX", list, 4), EDGE_STORE_ANSWER_YES);
	has(r, s, "INBOX", "/private/a", "one");
	has(r, s, "INBOX", "/private", NULL);
	has(r, s, "INBOX", "/private/ab", "");
	has(r, other, "INBOX", "/private/a", NULL);
	assert_int_equal(get(r, s, "INBOX", "/private/a", 1, 99, SPAN("")).list_count, 2);
	assert_int_equal(get(r, s, "INBOX", "/private/a", DEPTH_ALL, 99, SPAN("")).list_count, 3);
	assert_int_equal(get(r, s, "INBOX", "/private", 1, 99, SPAN("")).list_count, 2);
	struct edge_store_annotations_reply a = get(r, s, "INBOX", "/private", DEPTH_ALL, 3, SPAN("/private/a"));
	assert_true(a.list_count == 3 && a.list[0].has_value && !a.list[1].has_value && a.list[1].size == 5);
	/* One that is not allowed, and none is set. */
	list[0].value = SPAN("new");
	list[1].name = SPAN("nothing");
	assert_int_equal(set(r, s, "INBOX", list, 2), EDGE_STORE_ANSWER_CANNOT);
	has(r, s, "INBOX", "/private/a", "one");
	assert_int_equal(set_one(r, s, "Nowhere", "/private/a", SPAN("x")), EDGE_STORE_ANSWER_UNKNOWN);
	assert_int_equal(get(r, s, "Nowhere", "/private/a", 0, 9, SPAN("")).answer, EDGE_STORE_ANSWER_UNKNOWN);
	assert_int_equal(set(r, s, "INBOX", list, 0), EDGE_STORE_ANSWER_LIMIT);
}

/* What a user sees as the server's. */
static void of_the_server(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	uint64_t other = rig_reader(r, "bob@example.test");
	assert_int_equal(set_one(r, s, "", "/private/comment", SPAN("mine")), EDGE_STORE_ANSWER_YES);
	assert_int_equal(set_one(r, s, "", "/shared/comment", SPAN("ours")), EDGE_STORE_ANSWER_NO);
	assert_int_equal(set_one(r, s, "", "/shared/admin", SPAN("me")), EDGE_STORE_ANSWER_NO);
	has(r, s, "", "/private/comment", "mine");
	has(r, other, "", "/private/comment", NULL);
	has(r, other, "", "/shared/admin", "mailto:postmaster@example.test");
	assert_int_equal(get(r, s, "", "/shared", 1, 99, SPAN("/private/z")).list_count, 1);
	assert_int_equal(get(r, s, "", "/shared", 1, 99, SPAN("/shared/admin")).list_count, 0);
	has(r, s, "INBOX", "/shared/admin", NULL);
}

/* Nobody without an account. */
static void strangers(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_session(r, RIG_ACCESS, EDGE_STORE_SERVICE_IMAP, NULL);
	assert_int_equal(set_one(r, s, "INBOX", "/private/a", SPAN("x")), EDGE_STORE_ANSWER_NO);
	assert_int_equal(get(r, s, "INBOX", "/private/a", 0, 9, SPAN("")).answer, EDGE_STORE_ANSWER_NO);
}

/* More than a frame holds comes in pieces, each once. */
static void in_pieces(void **state)
{
	static char value[16384];
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	memset(value, 'v', sizeof value);
	for (unsigned i = 0; i < 9; i++) {
		char name[32];
		snprintf(name, sizeof name, "/shared/%u", i);
		assert_int_equal(set_one(r, s, "INBOX", name, span_of(value, sizeof value)), EDGE_STORE_ANSWER_YES);
	}
	struct edge_store_annotations_reply a = {.more = true};
	char after[64] = "";
	size_t count = 0, pieces = 0;
	while (a.more) {
		a = get(r, s, "INBOX", "/shared", 1, UINT32_MAX, span_cstr(after));
		assert_true(a.answer == EDGE_STORE_ANSWER_YES && a.list_count > 0);
		snprintf(after, sizeof after, "%.*s", SPAN_FMT(a.list[a.list_count - 1].name));
		count += a.list_count;
		pieces++;
	}
	assert_int_equal(count, 9);
	assert_int_equal(pieces, 3);
}

static void after_a_restart(void **state)
{
	struct rig *r = *state;
	if (!rig_real())
		return; /* what is in memory ends with it */
	uint64_t s = rig_reader(r, "alice@example.test");
	assert_int_equal(set_one(r, s, "Sent", "/shared/comment", SPAN("kept")), EDGE_STORE_ANSWER_YES);
	rig_restart(r);
	s = rig_session(r, RIG_ACCESS, EDGE_STORE_SERVICE_IMAP, "alice@example.test");
	has(r, s, "Sent", "/shared/comment", "kept");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(annotated), TEST(of_the_server), TEST(strangers), TEST(in_pieces), TEST(after_a_restart),
	};
	return cmocka_run_group_tests_name("role/store/annotation", tests, NULL, NULL);
}
