/* SPDX-License-Identifier: Apache-2.0 */
/* box/gone: what was expunged or removed comes back, once, within limits. */
#include "rig.h"

#include "box/gone.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expunged_mail_comes_back),
		cmocka_unit_test(what_comes_back_has_limits),
		cmocka_unit_test(a_removed_mailbox_comes_back),
		cmocka_unit_test(a_purge_that_began_is_final),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
