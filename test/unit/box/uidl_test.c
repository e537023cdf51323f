/* SPDX-License-Identifier: Apache-2.0 */
/* box/uidl: given, read in pages, never another message's; goes with the mailbox. */
#include "rig.h"

#include <stdio.h>

#include "box/format.h"

#define LONGEST "1234567890123456789012345678901234567890123456789012345678901234567890"

static enum box_result keep(struct test *t, uint32_t mailbox, const struct box_uidl *list,
			    size_t count, size_t *wrong)
{
	struct answer a = {0};
	struct box_uidl_keep q = {.mailbox = mailbox, .list = list, .count = count};
	enum box_result r = wait_for(t, box_uidl_keep(t->b, &q, answered, &a), &a);
	if (wrong != NULL)
		*wrong = q.wrong;
	return r;
}

static enum box_result give(struct test *t, uint32_t mailbox, uint32_t uid, const char *text)
{
	return keep(t, mailbox, &(struct box_uidl){uid, span_cstr(text)}, 1, NULL);
}

static void has(struct test *t, uint32_t mailbox, uint32_t from, uint32_t to, const char *want)
{
	struct box_uidl two[2];
	char got[400] = "";
	size_t count, len = 0;
	do {
		assert_int_equal(box_uidls(t->b, KV_VISIBLE, mailbox, from, to, t->a, two,
					   2, &count, &from), BOX_OK);
		for (size_t i = 0; i < count; i++)
			len += (size_t)snprintf(got + len, sizeof got - len, "%u=%.*s;",
						two[i].uid, SPAN_FMT(two[i].text));
	} while (from != 0);
	assert_string_equal(got, want);
}

static void given_and_read(void **state)
{
	(void)state;
	struct test t;
	start(&t);
	put_many(&t, t.inbox, 6);
	uint64_t version = status(&t, t.inbox).version;
	has(&t, t.inbox, 1, UINT32_MAX, "");
	assert_int_equal(give(&t, t.inbox, 5, "e"), BOX_OK);
	struct box_uidl list[] = {{1, SPAN_INIT("000000014d41c4f6")}, {2, SPAN_INIT("!~")},
				  {3, SPAN_INIT("UID3-1795362000")}};
	assert_int_equal(keep(&t, t.inbox, list, 3, NULL), BOX_OK);
	has(&t, t.inbox, 1, UINT32_MAX, "1=000000014d41c4f6;2=!~;3=UID3-1795362000;5=e;");
	has(&t, t.inbox, 2, 3, "2=!~;3=UID3-1795362000;");
	has(&t, t.inbox, 6, UINT32_MAX, "");
	has(&t, t.inbox, UINT32_MAX, UINT32_MAX, "");
	has(&t, t.inbox, 3, 2, "");
	assert_int_equal(give(&t, t.inbox, 5, "e"), BOX_OK); /* again */
	assert_int_equal(give(&t, t.inbox, 5, "f"), BOX_OK); /* a slip, mended */
	has(&t, t.inbox, 4, UINT32_MAX, "5=f;");
	assert_int_equal(status(&t, t.inbox).version, version);
	stop(&t);
}

static void what_is_no_id(void **state)
{
	(void)state;
	struct test t;
	start(&t);
	put_many(&t, t.inbox, 3);
	assert_int_equal(give(&t, t.inbox, 1, &LONGEST[1]), BOX_OK);
	assert_int_equal(give(&t, t.inbox, 2, LONGEST), BOX_OK);
	assert_int_equal(give(&t, t.inbox, 3, LONGEST "1"), BOX_CANNOT);
	assert_int_equal(give(&t, t.inbox, 3, ""), BOX_CANNOT);
	assert_int_equal(give(&t, t.inbox, 3, "a b"), BOX_CANNOT);
	assert_int_equal(give(&t, t.inbox, 3, "a\x7f"), BOX_CANNOT);
	assert_int_equal(give(&t, t.inbox, 3, "gr\xc3\xbc\xc3\x9f" "e"), BOX_CANNOT);
	assert_int_equal(give(&t, t.inbox, 4, "x"), BOX_NONE);
	assert_int_equal(give(&t, 999, 1, "x"), BOX_NONE);
	has(&t, t.inbox, 3, UINT32_MAX, "");
	stop(&t);
}

static void one_message_each(void **state)
{
	(void)state;
	struct test t;
	char ours[40];
	size_t wrong;
	start(&t);
	put_many(&t, t.inbox, 4);
	assert_int_equal(give(&t, t.inbox, 1, "a"), BOX_OK);
	assert_int_equal(give(&t, t.inbox, 2, "a"), BOX_EXISTS);
	struct box_uidl twice[] = {{2, SPAN_INIT("b")}, {3, SPAN_INIT("b")}};
	assert_int_equal(keep(&t, t.inbox, twice, 2, &wrong), BOX_EXISTS);
	assert_int_equal(wrong, 1);
	struct box_uidl same[] = {{2, SPAN_INIT("b")}, {2, SPAN_INIT("c")}};
	assert_int_equal(keep(&t, t.inbox, same, 2, NULL), BOX_EXISTS);
	has(&t, t.inbox, 2, UINT32_MAX, ""); /* all or none */
	/* What is computed for another one, and for itself. */
	uint32_t validity = status(&t, t.inbox).uid_validity;
	snprintf(ours, sizeof ours, "%u.3", validity);
	assert_int_equal(give(&t, t.inbox, 2, ours), BOX_EXISTS);
	assert_int_equal(give(&t, t.inbox, 3, ours), BOX_OK);
	snprintf(ours, sizeof ours, "%u.3", validity - 1);
	assert_int_equal(give(&t, t.inbox, 2, ours), BOX_OK);
	/* Another mailbox has its own. */
	uint32_t other;
	assert_int_equal(tree(&t, BOX_CREATE, "other", "", &other), BOX_OK);
	put_many(&t, other, 1);
	assert_int_equal(give(&t, other, 1, "a"), BOX_OK);
	/* When the message is gone its id is nobody else's. */
	struct box_uids first = range(&t, 1, 1);
	struct box_change q = {.mailbox = t.inbox, .uids = &first, .arena = t.a};
	assert_int_equal(change(&t, box_expunge, &q), BOX_OK);
	assert_int_equal(give(&t, t.inbox, 4, "a"), BOX_EXISTS);
	stop(&t);
}

/* BOX_UIDL_STEP: one less, as many, one more. */
static void as_many_at_a_time(void **state)
{
	(void)state;
	struct test t;
	char text[BOX_UIDL_STEP + 1][16];
	struct box_uidl list[BOX_UIDL_STEP + 1];
	start(&t);
	put_many(&t, t.inbox, BOX_UIDL_STEP + 1);
	for (uint32_t i = 0; i <= BOX_UIDL_STEP; i++) {
		snprintf(text[i], sizeof text[i], "id-%u", i);
		list[i] = (struct box_uidl){i + 1, span_cstr(text[i])};
	}
	assert_int_equal(keep(&t, t.inbox, list, 0, NULL), BOX_LIMIT);
	assert_int_equal(keep(&t, t.inbox, list, BOX_UIDL_STEP - 1, NULL), BOX_OK);
	assert_int_equal(keep(&t, t.inbox, list, BOX_UIDL_STEP, NULL), BOX_OK);
	assert_int_equal(keep(&t, t.inbox, list, BOX_UIDL_STEP + 1, NULL), BOX_LIMIT);
	stop(&t);
}

static void rows_of(struct test *t, char kind, unsigned want)
{
	struct box_key k = box_key_kind(kind), end = box_key_end(&k);
	struct kv_scan *scan;
	struct span key, value;
	unsigned n = 0;
	assert_int_equal(kv_scan_open(box_space(t->b), KV_VISIBLE, box_key_span(&k),
				      box_key_span(&end), false, &scan), KV_OK);
	while (kv_scan_next(scan, &key, &value) == KV_OK)
		n++;
	kv_scan_close(scan);
	assert_int_equal(n, want);
}

static void goes_with_its_mailbox(void **state)
{
	(void)state;
	struct test t;
	uint32_t other;
	start(&t);
	assert_int_equal(tree(&t, BOX_CREATE, "other", "", &other), BOX_OK);
	put_many(&t, other, 2);
	assert_int_equal(give(&t, other, 1, "a"), BOX_OK);
	assert_int_equal(tree(&t, BOX_RENAME, "other", "new", NULL), BOX_OK);
	has(&t, other, 1, UINT32_MAX, "1=a;");
	assert_int_equal(tree(&t, BOX_REMOVE_MAILBOX, "new", "", NULL), BOX_OK);
	clean(&t);
	rows_of(&t, 'U', 1); /* it may come back */
	struct box_tree q = {.verb = BOX_PURGE, .before = INT64_MAX};
	do {
		struct answer a = {0};
		assert_int_equal(wait_for(&t, box_tree(t.b, &q, answered, &a), &a), BOX_OK);
	} while (q.more);
	rows_of(&t, 'U', 0);
	rows_of(&t, 'V', 0);
	stop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(given_and_read), cmocka_unit_test(what_is_no_id),
		cmocka_unit_test(one_message_each), cmocka_unit_test(as_many_at_a_time),
		cmocka_unit_test(goes_with_its_mailbox),
	};
	return cmocka_run_group_tests_name("box_uidl", tests, NULL, NULL);
}
