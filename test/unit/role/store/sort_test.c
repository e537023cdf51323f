/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_sort: order and threads, in pieces, of messages without a record, and what is
 * refused.  Run once with each engine.
 */
#include "rig.h"

#include "base/arena.h"
#include "summary/sort.h"

static uint32_t append(struct rig *r, uint64_t session, struct span mail)
{
	struct edge_store_append_reply rep;
	ASK(r, r->edge[RIG_ACCESS], edge_store_append, &rep, .session = session,
	    .name = SPAN("Archive"), .body = mail);
	assert_int_equal(rep.answer, EDGE_STORE_ANSWER_YES);
	return rep.uid;
}

#define THREAD(subject, id, more)                                              \
	SPAN("From: a@b\r\nSubject: " subject "\r\nMessage-ID: <" id "@x>\r\n" more "\r\nhello\r\n")

static struct edge_store_sort_reply sort(struct rig *r, uint64_t s, uint64_t box, unsigned threads,
					 uint8_t key, uint32_t last)
{
	struct edge_store_sort_reply rep;
	struct edge_store_range all = {1, last};
	ASK(r, r->edge[RIG_ACCESS], edge_store_sort, &rep, .session = s, .mailbox = box,
	    .threads = (uint8_t)threads, .keys = &key, .keys_count = 1, .uids = &all, .uids_count = 1);
	return rep;
}

static void uids_are(const struct edge_store_sort_reply *rep, const uint32_t *want, size_t n)
{
	assert_int_equal(rep->answer, EDGE_STORE_ANSWER_YES);
	assert_int_equal(rep->count, n);
	assert_int_equal(rep->uids_count, n);
	assert_memory_equal(rep->uids, want, n * sizeof *want);
}
#define UIDS_ARE(rep, ...)                                                     \
	uids_are((rep), (const uint32_t[]){__VA_ARGS__},                       \
		 sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static void in_order(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	append(r, s, MAIL("plum"));
	append(r, s, MAIL("Re: [list] apple"));
	append(r, s, MAIL("pear"));
	uint64_t box = rig_select(r, s, "Archive").mailbox;
	struct edge_store_sort_reply rep = sort(r, s, box, 0, SUMMARY_BY_SUBJECT, 3);
	UIDS_ARE(&rep, 2, 3, 1);
	assert_int_equal(rep.depths_count, 0);
	rep = sort(r, s, box, 0, SUMMARY_BY_SUBJECT | SUMMARY_BY_REVERSE, 3);
	UIDS_ARE(&rep, 1, 3, 2);
	rep = sort(r, s, box, 0, SUMMARY_BY_SIZE, 99);
	UIDS_ARE(&rep, 1, 3, 2);
	rep = sort(r, s, box, 0, SUMMARY_BY_COUNT, 3);
	assert_int_equal(rep.answer, EDGE_STORE_ANSWER_NO);
	rep = sort(r, s, box, SUMMARY_THREAD_COUNT + 1, SUMMARY_BY_SIZE, 3);
	assert_int_equal(rep.answer, EDGE_STORE_ANSWER_NO);
	rep = sort(r, s, box, 0, SUMMARY_BY_SIZE, SUMMARY_SORT_MAX + 1);
	assert_int_equal(rep.answer, EDGE_STORE_ANSWER_LIMIT);
	rep = sort(r, s, box + 1, 0, SUMMARY_BY_SIZE, 3);
	assert_int_equal(rep.answer, EDGE_STORE_ANSWER_NO);
	rep = sort(r, s, box, 0, SUMMARY_BY_SIZE, SUMMARY_SORT_MAX);
	UIDS_ARE(&rep, 1, 3, 2);
}

static void in_threads(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	append(r, s, THREAD("one", "1", ""));
	append(r, s, THREAD("Re: one", "2", "References: <1@x>\r\n"));
	append(r, s, THREAD("two", "3", ""));
	append(r, s, THREAD("Re: one", "4", "In-Reply-To: <2@x>\r\n"));
	uint64_t box = rig_select(r, s, "Archive").mailbox;
	struct edge_store_sort_reply rep = sort(r, s, box, 1 + SUMMARY_THREAD_REFERENCES, 0, 4);
	static const uint16_t depths[] = {0, 1, 2, 0};
	UIDS_ARE(&rep, 1, 2, 4, 3);
	assert_int_equal(rep.depths_count, 4);
	assert_memory_equal(rep.depths, depths, sizeof depths);
}

/* Messages that were not understood have no record until they are asked for. */
static void without_records(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	append(r, s, MAIL("plum"));
	rig_sorters_die(r);
	append(r, s, MAIL("apple"));
	rig_sorters_start(r);
	append(r, s, MAIL("pear"));
	uint64_t box = rig_select(r, s, "Archive").mailbox;
	struct edge_store_sort_reply rep = sort(r, s, box, 0, SUMMARY_BY_SUBJECT, 3);
	UIDS_ARE(&rep, 2, 3, 1);
	/* Now it has one: nobody is asked. */
	rig_sorters_die(r);
	rep = sort(r, s, box, 0, SUMMARY_BY_SUBJECT, 3);
	UIDS_ARE(&rep, 2, 3, 1);
	/* Another of them cannot be had now. */
	append(r, s, MAIL("lemon"));
	rep = sort(r, s, box, 0, SUMMARY_BY_SUBJECT, 4);
	assert_int_equal(rep.answer, EDGE_STORE_ANSWER_LATER);
}

/* UIDs that come in pieces; a piece that is out of order; what was sent is forgotten then. */
static void in_pieces(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	append(r, s, MAIL("plum"));
	append(r, s, MAIL("apple"));
	append(r, s, MAIL("pear"));
	uint64_t box = rig_select(r, s, "Archive").mailbox;
	const struct edge_store_range first = {1, 1}, second = {2, 2};
	const uint8_t key = SUMMARY_BY_SUBJECT;
	struct edge_store_sort_reply rep;
	for (unsigned i = 0; i < 2; i++) {
		ASK(r, r->edge[RIG_ACCESS], edge_store_sort, &rep, .session = s, .mailbox = box,
		    .more = true, .uids = i == 0 ? &first : &second, .uids_count = 1);
		assert_int_equal(rep.answer, EDGE_STORE_ANSWER_YES);
		assert_int_equal(rep.count, 0);
		ASK(r, r->edge[RIG_ACCESS], edge_store_sort, &rep, .session = s, .mailbox = box,
		    .keys = &key, .keys_count = 1, .uids = i == 0 ? &second : &first, .uids_count = 1);
		if (i == 0)
			UIDS_ARE(&rep, 2, 1);
		else
			assert_int_equal(rep.answer, EDGE_STORE_ANSWER_LIMIT);
	}
	rep = sort(r, s, box, 0, key, 3);
	UIDS_ARE(&rep, 2, 3, 1);
	struct edge_store_sort_more_reply more;
	ASK(r, r->edge[RIG_ACCESS], edge_store_sort_more, &more, .session = s, .mailbox = box, .from = 0);
	assert_int_equal(more.answer, EDGE_STORE_ANSWER_NO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(in_order), TEST(in_threads), TEST(without_records), TEST(in_pieces),
	};
	return cmocka_run_group_tests_name("role/store/sort", tests, NULL, NULL);
}
