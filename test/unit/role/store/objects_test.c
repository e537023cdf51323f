/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store by its hops: ages, the day of arrival, the names of messages and
 * mailboxes that outlive copies and renames, messages that come together and
 * that replace others.  Run once with each engine.
 */
#include "rig.h"

#include "box/box.h"
#include "role/store/search.h"

/* Appended as of RIG_DATE; that one counts in both. */
static void searching_ages(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	rig_fill(r, s);
	uint64_t box = rig_select(r, s, "Archive").mailbox;
	for (int i = -1; i <= 1; i++) {
		struct edge_store_op old = {.kind = OP_OLDER, .number = (uint64_t)(RIG_DATE + i)};
		struct edge_store_op young = {.kind = OP_YOUNGER, .number = (uint64_t)(RIG_DATE + i)};
		assert_int_equal(rig_search(r, s, box, &old, 1).uids_count, i >= 0);
		assert_int_equal(rig_search(r, s, box, &young, 1).uids_count, i <= 0);
	}
	/* Before 1970, and so far away that nothing is older. */
	struct edge_store_op never = {.kind = OP_OLDER, .number = (uint64_t)-1};
	assert_int_equal(rig_search(r, s, box, &never, 1).uids_count, 0);
}

/* A message has the day of its way into this mailbox, a copy its own. */
static void saved(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	rig_fill(r, s);
	uint64_t box = rig_select(r, s, "Archive").mailbox;
	int64_t day = world_wall(r->world).sec / 86400;
	for (int i = -1; i <= 1; i++) {
		struct edge_store_op before = {.kind = OP_SAVEDBEFORE, .day = day + i};
		struct edge_store_op on = {.kind = OP_SAVEDON, .day = day + i};
		struct edge_store_op since = {.kind = OP_SAVEDSINCE, .day = day + i};
		assert_int_equal(rig_search(r, s, box, &before, 1).uids_count, i > 0);
		assert_int_equal(rig_search(r, s, box, &on, 1).uids_count, i == 0);
		assert_int_equal(rig_search(r, s, box, &since, 1).uids_count, i <= 0);
	}
	struct edge_store_rows_reply rows;
	uint32_t uid = 1;
	ASK(r, r->edge[RIG_ACCESS], edge_store_rows, &rows, .session = s,
	    .mailbox = box, .uids = &uid, .uids_count = 1, .origins = true);
	assert_int_equal(rows.rows[0].internal_date, RIG_DATE);
	assert_int_equal(rows.rows[0].origin.saved / 86400, day);
	ASK(r, r->edge[RIG_ACCESS], edge_store_rows, &rows, .session = s,
	    .mailbox = box, .uids = &uid, .uids_count = 1);
	assert_false(rows.rows[0].has_origin);
}

/* A copy is another message with the same email id, a renamed mailbox the same. */
static void objects(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	rig_fill(r, s);
	struct edge_store_select_reply from = rig_select(r, s, "Archive");
	struct edge_store_copy_reply copied;
	struct edge_store_range two = {2, 2};
	ASK(r, r->edge[RIG_ACCESS], edge_store_copy, &copied, .session = s,
	    .mailbox = from.mailbox, .uids = &two, .uids_count = 1,
	    .to = SPAN("Sent"));
	struct edge_store_select_reply to = rig_select(r, s, "Sent");
	struct edge_store_rows_reply old, new;
	uint32_t uids[] = {1, 2};
	ASK(r, r->edge[RIG_ACCESS], edge_store_rows, &old, .session = s,
	    .mailbox = from.mailbox, .uids = uids, .uids_count = 2, .origins = true);
	const struct edge_store_origin one = old.rows[0].origin, two_ = old.rows[1].origin;
	ASK(r, r->edge[RIG_ACCESS], edge_store_rows, &new, .session = s,
	    .mailbox = to.mailbox, .uids = uids, .uids_count = 1, .origins = true);
	assert_memory_equal(new.rows[0].origin.email, two_.email, sizeof two_.email);
	assert_memory_not_equal(one.email, two_.email, sizeof one.email);
	struct edge_store_op key = {.kind = OP_EMAIL, .text = span_of(&two_.email, 16)};
	struct edge_store_search_reply found = rig_search(r, s, from.mailbox, &key, 1);
	assert_int_equal(found.uids_count, 1);
	assert_int_equal(found.uids[0].first, 2);
	key.text.len = 15;
	assert_int_equal(rig_search(r, s, from.mailbox, &key, 1).answer, EDGE_STORE_ANSWER_LIMIT);
	struct edge_store_rename_reply moved;
	ASK(r, r->edge[RIG_ACCESS], edge_store_rename, &moved, .session = s,
	    .name = SPAN("Archive"), .to = SPAN("Old"));
	assert_int_equal(rig_status(r, s, "Old").object, from.object);
	assert_true(from.object != to.object);
	struct edge_store_create_reply made;
	ASK(r, r->edge[RIG_ACCESS], edge_store_create, &made, .session = s,
	    .name = SPAN("Archive"));
	assert_int_equal(rig_status(r, s, "Archive").object, made.object);
	assert_true(made.object != from.object);
}

static struct edge_store_append_reply put(struct rig *r, uint64_t s, const char *box,
					  bool hold)
{
	struct edge_store_append_reply rep;
	struct span names[] = {SPAN("$work"), SPAN("$home")};
	ASK(r, r->edge[RIG_ACCESS], edge_store_append, &rep, .session = s,
	    .name = span_cstr(box), .keywords = names, .keywords_count = 2,
	    .body = MAIL("held"), .hold = hold);
	return rep;
}

/* Messages wait, seen by nobody, for the one that takes them along, or go. */
static void held(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	uint64_t staged = rig_figure(r, "staged");
	for (int i = 0; i < 3; i++)
		assert_int_equal(put(r, s, "Archive", true).answer, EDGE_STORE_ANSWER_YES);
	assert_int_equal(rig_status(r, s, "Archive").messages, 0);
	struct edge_store_append_reply last = put(r, s, "Archive", false);
	assert_int_equal(last.answer, EDGE_STORE_ANSWER_YES);
	assert_int_equal(last.uid, 1);
	assert_int_equal(rig_status(r, s, "Archive").messages, 4);
	struct edge_store_select_reply box = rig_select(r, s, "Archive");
	assert_true(span_eq(rig_read(r, s, box.mailbox, 2), MAIL("held")));
	struct edge_store_op key = {.kind = OP_KEYWORDS, .number = 3};
	assert_int_equal(rig_search(r, s, box.mailbox, &key, 1).uids[0].last, 4);
	/* A reset, a refusal and the end of the session forget what waits. */
	struct edge_store_reset reset = {.session = s};
	(void)put(r, s, "Archive", true);
	assert_int_equal(edge_store_reset(r->edge[RIG_ACCESS], &reset), IPC_OK);
	assert_int_equal(put(r, s, "Archive", false).uid, 5);
	(void)put(r, s, "Archive", true);
	assert_int_equal(put(r, s, "Nowhere", false).answer, EDGE_STORE_ANSWER_UNKNOWN);
	assert_int_equal(put(r, s, "Archive", false).uid, 6);
	(void)put(r, s, "Archive", true);
	struct edge_store_session_close end = {.session = s};
	assert_int_equal(edge_store_session_close(r->edge[RIG_ACCESS], &end), IPC_OK);
	rig_run(r, 20);
	s = rig_reader(r, "alice@example.test");
	assert_int_equal(rig_status(r, s, "Archive").messages, 6);
	assert_int_equal(rig_figure(r, "staged"), staged);
}

/* As many as one insert takes; then the quota, which counts those that wait. */
static void held_limits(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	for (unsigned i = 1; i < BOX_INSERT_MAX; i++)
		assert_int_equal(put(r, s, "Sent", true).answer, EDGE_STORE_ANSWER_YES);
	assert_int_equal(put(r, s, "Sent", false).answer, EDGE_STORE_ANSWER_YES);
	assert_int_equal(rig_status(r, s, "Sent").messages, BOX_INSERT_MAX);
	for (unsigned i = 1; i < BOX_INSERT_MAX; i++)
		(void)put(r, s, "Sent", true);
	assert_int_equal(put(r, s, "Sent", true).answer, EDGE_STORE_ANSWER_LIMIT);
	assert_int_equal(put(r, s, "Sent", false).uid, BOX_INSERT_MAX + 1);
	assert_int_equal(rig_status(r, s, "Sent").messages, BOX_INSERT_MAX + 1);
	uint64_t carol = rig_reader(r, "carol@example.test"); /* 3,000 bytes */
	enum edge_store_answer a = EDGE_STORE_ANSWER_YES;
	uint64_t fit = 3000 / MAIL("held").len;
	for (uint64_t i = 0; i <= fit; i++) {
		assert_int_equal(a, EDGE_STORE_ANSWER_YES);
		a = put(r, carol, "INBOX", true).answer;
	}
	assert_int_equal(a, EDGE_STORE_ANSWER_OVER_QUOTA);
	assert_int_equal(rig_status(r, carol, "INBOX").messages, 0);
}

static enum edge_store_answer replace(struct rig *r, uint64_t s, const char *box,
				      uint64_t mailbox, uint32_t uid)
{
	struct edge_store_append_reply rep;
	ASK(r, r->edge[RIG_ACCESS], edge_store_append, &rep, .session = s,
	    .name = span_cstr(box), .body = MAIL("new"), .mailbox = mailbox, .replaces = uid);
	return rep.answer;
}

/* Also where the quota is used up by what goes. */
static void replaced(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "carol@example.test");
	uint32_t n = 0;
	while (put(r, s, "INBOX", false).answer == EDGE_STORE_ANSWER_YES)
		n++;
	uint64_t box = rig_select(r, s, "INBOX").mailbox;
	assert_int_equal(replace(r, s, "INBOX", box, 2), EDGE_STORE_ANSWER_YES);
	assert_int_equal(rig_status(r, s, "INBOX").messages, n);
	assert_int_equal(replace(r, s, "INBOX", box, 2), EDGE_STORE_ANSWER_CANNOT);
	assert_int_equal(replace(r, s, "INBOX", box + 1, 1), EDGE_STORE_ANSWER_CANNOT);
	assert_int_equal(replace(r, s, "Drafts", box, 1), EDGE_STORE_ANSWER_YES);
	assert_int_equal(rig_status(r, s, "INBOX").messages, n - 1);
	assert_int_equal(rig_status(r, s, "Drafts").messages, 1);
	assert_int_equal(replace(r, s, "Nowhere", box, 3), EDGE_STORE_ANSWER_UNKNOWN);
	assert_int_equal(rig_status(r, s, "INBOX").messages, n - 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(searching_ages),
		TEST(saved),
		TEST(objects),
		TEST(held),
		TEST(held_limits),
		TEST(replaced),
	};
	return cmocka_run_group_tests_name("role/store/objects", tests, NULL, NULL);
}
