/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store by its hops: ages, the day of arrival, and the names of messages and
 * mailboxes that outlive copies and renames.  Run once with each engine.
 */
#include "rig.h"

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(searching_ages),
		TEST(saved),
		TEST(objects),
	};
	return cmocka_run_group_tests_name("role/store/objects", tests, NULL, NULL);
}
