/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store by its hops: searches with a mailbox's index, while it is made, when it is damaged,
 * and without the sorter.  Run once with each engine.
 */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "box/index.h"
#include "index/segment.h"
#include "role/store/index.h"
#include "role/store/search.h"

#define COUNT 100u

static void fill(struct rig *r, uint64_t s, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		char text[300];
		int n = snprintf(text, sizeof text,
				 "From: s%u@client.test\r\nSubject: letter %u\r\n\r\nword%u and "
				 "some more, every%uth\r\n",
				 i % 5, i, i, i % 10);
		assert_int_equal(rig_append(r, s, "Archive", span_of(text, (size_t)n)).answer,
				 EDGE_STORE_ANSWER_YES);
	}
}

static uint64_t found(struct rig *r, uint64_t s, uint64_t box, enum op_kind kind,
		      const char *name, const char *text)
{
	struct edge_store_op op = {.kind = (uint8_t)kind, .name = span_cstr(name), .text = span_cstr(text)};
	struct edge_store_search_reply rep = rig_search(r, s, box, &op, 1);
	uint64_t n = 0;
	assert_int_equal(rep.answer, EDGE_STORE_ANSWER_YES);
	for (size_t i = 0; i < rep.uids_count; i++)
		n += rep.uids[i].last - rep.uids[i].first + 1u;
	return n;
}

/* With so many messages, whatever stands in the index. */
static void all_right(struct rig *r, uint64_t s, uint64_t box, unsigned count)
{
	assert_int_equal(found(r, s, box, OP_BODY, "", "word7"), 1 + (count > 79 ? 10 : 0));
	assert_int_equal(found(r, s, box, OP_BODY, "", "ORD42"), 1);
	assert_int_equal(found(r, s, box, OP_BODY, "", "some more, every3"), (count + 6) / 10);
	assert_int_equal(found(r, s, box, OP_BODY, "", "letter"), 0);
	assert_int_equal(found(r, s, box, OP_TEXT, "", "letter"), count);
	assert_int_equal(found(r, s, box, OP_HEADER, "subject", "letter 55"), 1);
	assert_int_equal(found(r, s, box, OP_HEADER, "from", "s3@client"), (count + 1) / 5);
	assert_int_equal(found(r, s, box, OP_BODY, "", "nowhere"), 0);
}

static struct admin_store_index_rebuild_reply rebuild(struct rig *r, bool fresh)
{
	struct admin_store_index_rebuild_reply rep;
	ASK(r, r->admin, admin_store_index_rebuild, &rep, .name = SPAN("alice@example.test"),
	    .mailbox = SPAN("Archive"), .fresh = fresh);
	assert_int_equal(rep.answer, ADMIN_STORE_ANSWER_DONE);
	return rep;
}

static void as_it_grows(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	fill(r, s, 0, INDEX_LEAST - 1);
	uint64_t box = rig_select(r, s, "Archive").mailbox;
	all_right(r, s, box, INDEX_LEAST - 1);
	assert_int_equal(rebuild(r, false).segments, 0); /* too few */
	fill(r, s, INDEX_LEAST - 1, INDEX_LEAST);
	all_right(r, s, box, INDEX_LEAST);
	assert_int_equal(rebuild(r, false).indexed, INDEX_LEAST);
	fill(r, s, INDEX_LEAST, COUNT);
	all_right(r, s, box, COUNT);
	assert_int_equal(rebuild(r, false).done, INDEX_LEAST); /* the others are looked at */
	assert_int_equal(rebuild(r, true).segments, 0);
	struct admin_store_index_rebuild_reply rep = rebuild(r, false);
	assert_true(rep.done == COUNT && rep.indexed == COUNT && rep.of == COUNT && !rep.more);
	all_right(r, s, box, COUNT);
}

/* Nobody searches: it is there all the same. */
static void in_the_background(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	fill(r, s, 0, 2 * INDEX_LEAST);
	for (int i = 0; i < 50 && rebuild(r, false).segments == 0; i++)
		rig_run(r, 100);
	assert_true(rebuild(r, false).done >= INDEX_LEAST);
}

static uint32_t covered(struct rig *r)
{
	struct store *st = r->store.role->self;
	static struct index_shelf shelf;
	enum box_result how;
	uint32_t id;
	struct buf row;
	struct open_box *b = box_hold(st, rig_account(r, "alice@example.test"), &how);
	assert_non_null(b);
	buf_init(&row, INDEX_ROW_MAX);
	index_shelf_init(&shelf);
	assert_int_equal(box_find(b->box, KV_VISIBLE, SPAN("Archive"), &id), BOX_OK);
	if (box_index_shelf(b->box, id, &row) == BOX_OK)
		assert_true(index_shelf_read(buf_span(&row), &shelf));
	buf_free(&row);
	box_release(b);
	return shelf.covered;
}

/* A message each five milliseconds of the simulated clock. */
static void stream(struct rig *r, uint64_t s, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		fill(r, s, i, i + 1);
		rig_run(r, 5);
	}
}

/* Deliveries go first, a search is right all the same, and a box gets only so far behind. */
static void while_mail_streams_it_waits(void **state)
{
	struct rig *r = *state;
	if (r->engine != RIG_MEMORY)
		return; /* it goes by the simulated clock */
	uint64_t s = rig_reader(r, "alice@example.test");
	stream(r, s, 0, INDEX_BEHIND - 1);
	assert_int_equal(covered(r), 0);
	stream(r, s, INDEX_BEHIND - 1, 2 * INDEX_BEHIND);
	assert_true(covered(r) >= INDEX_BEHIND - 1);
	stream(r, s, 2 * INDEX_BEHIND, 3 * INDEX_BEHIND - 10);
	uint64_t box = rig_select(r, s, "Archive").mailbox;
	assert_int_equal(found(r, s, box, OP_BODY, "", "every3th"), (3 * INDEX_BEHIND - 4) / 10);
	stream(r, s, 3 * INDEX_BEHIND - 10, 3 * INDEX_BEHIND + INDEX_LEAST);
	for (int i = 0; i < 100 && covered(r) < 3 * INDEX_BEHIND; i++)
		rig_run(r, 100);
	assert_true(covered(r) >= 3 * INDEX_BEHIND);
}

/* What is certain needs no sorter; what is not, waits for one, as does the index. */
static void without_a_sorter(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	fill(r, s, 0, COUNT);
	uint64_t box = rig_select(r, s, "Archive").mailbox;
	all_right(r, s, box, COUNT);
	rig_sorters_die(r);
	assert_int_equal(found(r, s, box, OP_BODY, "", "word42"), 1);
	assert_int_equal(found(r, s, box, OP_BODY, "", "word 42"), 0);
	struct edge_store_op op = {.kind = OP_BODY, .text = SPAN("every3th\r\n")};
	struct edge_store_search_reply rep = rig_search(r, s, box, &op, 1);
	assert_int_equal(rep.answer, EDGE_STORE_ANSWER_LATER);
	rig_sorters_start(r);
	all_right(r, s, box, COUNT);
}

/* ---- damage ---- */

static void box_done(void *arg, enum box_result result)
{
	assert_int_equal(result, BOX_OK);
	*(bool *)arg = true;
}

/* A row of the index as the test wants it; ptr NULL: gone.  part < 0: the shelf. */
static void spoil(struct rig *r, int part, struct span row)
{
	struct store *st = r->store.role->self;
	enum box_result how;
	struct open_box *b = box_hold(st, rig_account(r, "alice@example.test"), &how);
	struct box_index_change change = {.segment = 1, .part = (uint8_t)part, .row = row};
	struct box_index_put q = {.rows = &change, .count = part >= 0};
	bool done = false;
	assert_non_null(b);
	assert_int_equal(box_find(b->box, KV_VISIBLE, SPAN("Archive"), &q.mailbox), BOX_OK);
	if (part < 0)
		q.shelf = row;
	assert_int_equal(box_index_put(b->box, &q, box_done, &done), BOX_OK);
	engine_touch(st);
	assert_true(rig_until(r, &done, 5000));
	box_release(b);
}

static void damaged(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	static const struct span rows[] = {{NULL, 0}, SPAN_INIT("\1garbage"), SPAN_INIT("\1\5\0\2\x11" "a\2"),
					   SPAN_INIT("\xff\xff\xff\xff\xff")};
	fill(r, s, 0, COUNT);
	uint64_t box = rig_select(r, s, "Archive").mailbox;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (int part = INDEX_WORDS; part <= INDEX_UIDS; part++) {
			(void)rebuild(r, true);
			(void)rebuild(r, false);
			spoil(r, part, rows[i]);
			all_right(r, s, box, COUNT);
			assert_int_equal(rebuild(r, false).indexed, COUNT);
		}
	spoil(r, -1, SPAN("no shelf"));
	all_right(r, s, box, COUNT);
	assert_int_equal(rebuild(r, false).indexed, COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(as_it_grows, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(in_the_background, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(while_mail_streams_it_waits, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(without_a_sorter, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(damaged, rig_set_up, rig_tear_down),
	};
	return cmocka_run_group_tests_name("role/store/index", tests, NULL, NULL);
}
