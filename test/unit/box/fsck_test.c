/* SPDX-License-Identifier: Apache-2.0 */
/* box/fsck: one kind of damage at a time, found, mended, and found no more. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "box/format.h"
#include "box/fsck.h"
#include "box/tree.h"
#include "crypto/hash.h"

#define MAILS 600u

struct test {
	struct fixture f;
	struct box *b;
	uint32_t inbox;
	struct box_new first; /* UID 1 */
};

static void answered(void *arg, enum box_result r)
{
	*(enum box_result *)arg = r;
}

#define PENDING BOX_TOO_OLD

static void start(struct test *t)
{
	enum box_result r = PENDING;
	struct box_tree q = {.verb = BOX_SETUP};
	*t = (struct test){0};
	fixture_start(&t->f, MEMORY, 1);
	assert_int_equal(box_open(t->f.kv, 1, &t->b), BOX_OK);
	assert_int_equal(box_tree(t->b, &q, answered, &r), BOX_OK);
	kv_wait(t->f.kv);
	assert_int_equal(r, BOX_OK);
	t->inbox = q.mailbox;
	for (unsigned i = 0; i < MAILS; i += 10) {
		struct box_new m[10];
		struct box_insert in = {.messages = m, .count = 10};
		for (unsigned k = 0; k < 10; k++)
			m[k] = (struct box_new){
				.mailbox = t->inbox,
				.body = kv_body_name(t->f.kv),
				.bytes = SPAN("hello"),
				.body_size = 5,
				.body_crc = crc32c(0, SPAN("hello")),
				.flags = k % 2 ? BOX_SEEN : 0};
		r = PENDING;
		assert_int_equal(box_insert(t->b, &in, answered, &r), BOX_OK);
		kv_wait(t->f.kv);
		assert_int_equal(r, BOX_OK);
		if (i == 0)
			t->first = m[0];
	}
}

static void stop(struct test *t)
{
	box_close(t->b);
	fixture_stop(&t->f);
}

static struct box_fsck_count fsck(struct test *t, unsigned how)
{
	struct box_fsck_count c;
	assert_int_equal(box_fsck(t->b, how, NULL, NULL, &c), BOX_OK);
	return c;
}

static struct box_status status(struct test *t)
{
	struct box_status st;
	assert_int_equal(box_status(t->b, KV_VISIBLE, t->inbox, &st), BOX_OK);
	return st;
}

/* Raw rows, as a broken disk or a broken program would leave them. */
struct raw {
	struct box_key key;
	struct span value;
	bool gone;
};

static enum kv_result raw_run(struct kv_op *op, struct kv_batch *b, void *arg)
{
	struct raw *r = arg;
	(void)op;
	if (r->gone)
		kv_delete(b, box_key_span(&r->key));
	else
		kv_put(b, box_key_span(&r->key), r->value);
	return KV_OK;
}

static void raw(struct test *t, struct box_key key, struct span value,
		bool gone)
{
	struct raw r = {key, value, gone};
	assert_int_equal(kv_op_wait(box_space(t->b), 0, raw_run, &r, NULL),
			 KV_OK);
}

/* Found, untouched without leave, mended with it, and right afterwards. */
static void expect(struct test *t, uint32_t messages)
{
	struct box_status before = {0};
	bool had = box_status(t->b, KV_VISIBLE, t->inbox, &before) == BOX_OK;
	struct box_fsck_count c = fsck(t, BOX_FSCK_DEEP);
	assert_true(c.wrong > 0 && c.repaired == 0);
	c = fsck(t, BOX_FSCK_DEEP | BOX_FSCK_REPAIR);
	assert_true(c.wrong > 0 && c.repaired == c.wrong);
	c = fsck(t, BOX_FSCK_DEEP);
	assert_true(c.wrong == 0 && c.messages == messages);
	struct box_status after = status(t);
	assert_int_equal(after.messages, messages);
	if (had) {
		assert_true(after.uid_next >= before.uid_next &&
			    after.version >= before.version &&
			    after.uid_validity == before.uid_validity);
	}
	/* Old versions are told to read everything. */
	struct arena *a = arena_new(1 << 20);
	struct box_changes ch;
	assert_int_equal(box_changes(t->b, KV_VISIBLE, t->inbox, 1, false, a,
				     &ch),
			 BOX_TOO_OLD);
	arena_free(a);
}

static void a_healthy_account_has_no_findings(void **state)
{
	(void)state;
	struct test t;
	start(&t);
	struct box_fsck_count c = fsck(&t, BOX_FSCK_DEEP | BOX_FSCK_REPAIR);
	assert_true(c.wrong == 0 && c.messages == MAILS && c.mailboxes == 6 &&
		    c.bodies == MAILS && c.bytes == 5 * MAILS);
	stop(&t);
}

static void a_slot_without_message_goes(void **state)
{
	(void)state;
	struct test t;
	start(&t);
	raw(&t, box_key_two('M', t.inbox, 3), (struct span){0}, true);
	raw(&t, box_key_two('M', t.inbox, 590), (struct span){0}, true);
	expect(&t, MAILS - 2);
	stop(&t);
}

static void a_lost_or_damaged_page_is_built_anew(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 2; kind++) {
		struct test t;
		start(&t);
		raw(&t, box_key_two('P', t.inbox, 1),
		    kind ? SPAN("\1\3garbage") : (struct span){0}, !kind);
		expect(&t, MAILS);
		struct box_slot s;
		size_t n;
		uint32_t next;
		assert_int_equal(box_slots(t.b, KV_VISIBLE, t.inbox, 300, 0, &s,
					   1, &n, &next),
				 BOX_OK);
		assert_true(n == 1 && s.uid == 300 && s.flags == 0);
		stop(&t);
	}
}

static void a_lost_head_gets_a_new_uidvalidity(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 2; kind++) {
		struct test t;
		start(&t);
		struct box_status before = status(&t);
		raw(&t, box_key_mailbox('H', t.inbox),
		    kind ? SPAN("\2") : (struct span){0}, !kind);
		expect(&t, MAILS);
		struct box_status after = status(&t);
		assert_true(after.uid_validity > before.uid_validity &&
			    after.uid_next == MAILS + 1);
		stop(&t);
	}
}

static void wrong_counts_are_counted_anew(void **state)
{
	(void)state;
	struct test t;
	struct buf row;
	static struct head h;
	struct box_key k;
	start(&t);
	k = box_key_mailbox('H', t.inbox);
	buf_init(&row, BOX_ROW_MAX);
	assert_int_equal(kv_get(box_space(t.b), KV_VISIBLE, box_key_span(&k), &row),
			 KV_OK);
	assert_true(box_head_unpack(buf_span(&row), true, &h));
	h.unseen++;
	h.bytes += 3;
	buf_clear(&row);
	box_head_pack(&row, &h);
	raw(&t, k, buf_span(&row), false);
	expect(&t, MAILS);
	assert_true(status(&t).unseen == MAILS / 2 &&
		    status(&t).bytes == 5 * MAILS);
	/* UIDNEXT that fell: no UID may be given twice. */
	h.uid_next = 17;
	buf_clear(&row);
	box_head_pack(&row, &h);
	raw(&t, k, buf_span(&row), false);
	struct box_fsck_count c = fsck(&t, BOX_FSCK_REPAIR);
	assert_true(c.wrong > 0);
	assert_true(status(&t).uid_next == MAILS + 1);
	buf_free(&row);
	stop(&t);
}

static void a_damaged_body_is_marked(void **state)
{
	(void)state;
	struct test t;
	struct box_slot s;
	size_t n;
	uint32_t next;
	start(&t);
	assert_true(kv_disk_damage_body(t.f.disk, &t.first.body, 2));
	assert_true(fsck(&t, 0).damaged == 0); /* the length is right */
	struct box_fsck_count c = fsck(&t, BOX_FSCK_DEEP | BOX_FSCK_REPAIR);
	assert_true(c.damaged == 1 && c.wrong == 1);
	assert_int_equal(box_slots(t.b, KV_VISIBLE, t.inbox, 1, 0, &s, 1, &n,
				   &next),
			 BOX_OK);
	assert_true(s.uid == 1 && s.keywords == 1);
	struct arena *a = arena_new(1 << 16);
	struct span names[BOX_KEYWORDS_MAX];
	assert_int_equal(box_keywords(t.b, KV_VISIBLE, t.inbox, a, names, &n),
			 BOX_OK);
	assert_true(n == 1 && span_eq(names[0], SPAN("$Damaged")));
	arena_free(a);
	stop(&t);
}

static void an_unreadable_message_row_goes_alone(void **state)
{
	(void)state;
	struct test t;
	start(&t);
	struct box_key k = box_key_two('M', t.inbox, 44);
	assert_true(kv_disk_damage_row(t.f.disk, (struct kv_name){KV_ACCOUNT, 1},
				       box_key_span(&k), 0));
	expect(&t, MAILS - 1);
	stop(&t);
}

static void a_mailbox_without_name_gets_one(void **state)
{
	(void)state;
	struct test t;
	uint32_t id;
	start(&t);
	raw(&t, box_key_name('N', SPAN("INBOX")), (struct span){0}, true);
	raw(&t, box_key_name('N', SPAN("Junk")), (struct span){0}, true);
	expect(&t, MAILS);
	assert_int_equal(box_find(t.b, KV_VISIBLE, SPAN("INBOX"), &id),
			 BOX_OK);
	assert_true(id == t.inbox);
	assert_int_equal(box_find(t.b, KV_VISIBLE, SPAN("Recovered-4"), &id),
			 BOX_OK);
	stop(&t);
}

static void count_body(void *arg, const struct kv_id *id)
{
	(void)id;
	++*(size_t *)arg;
}

static void the_sweep_hears_of_every_body(void **state)
{
	(void)state;
	struct test t;
	size_t n = 0;
	start(&t);
	assert_int_equal(box_bodies(t.b, count_body, &n), BOX_OK);
	assert_int_equal(n, MAILS);
	raw(&t, box_key_two('M', t.inbox, 44), SPAN("?"), false);
	assert_int_equal(box_bodies(t.b, count_body, &n), BOX_CORRUPT);
	stop(&t);
}

/* Mail comes and goes in each pause of a check. */
struct meanwhile {
	struct test *t;
	unsigned pauses, told;
	uint32_t gone;
};

static void disturb(void *arg, const struct box_fsck_count *n, const char *what)
{
	struct meanwhile *w = arg;
	struct test *t = w->t;
	enum box_result r = PENDING;
	struct box_run run = {w->gone + 1, w->gone + 1};
	struct box_uids uids = {.runs = &run, .count = 1, .cap = 1};
	struct box_new m = {.mailbox = t->inbox,
			    .body = kv_body_name(t->f.kv),
			    .bytes = SPAN("hello"),
			    .body_size = 5,
			    .body_crc = crc32c(0, SPAN("hello"))};
	struct box_insert in = {.messages = &m, .count = 1};
	(void)n;
	if (what != NULL) {
		w->told++;
		return;
	}
	if (w->pauses++ % 8 != 0 || w->gone >= MAILS / 2)
		return;
	assert_int_equal(box_insert(t->b, &in, answered, &r), BOX_OK);
	kv_wait(t->f.kv);
	assert_int_equal(r, BOX_OK);
	struct box_change c = {.mailbox = t->inbox, .uids = &uids,
			       .arena = arena_new(1 << 20)};
	r = PENDING;
	assert_int_equal(box_expunge(t->b, &c, answered, &r), BOX_OK);
	kv_wait(t->f.kv);
	assert_int_equal(r, BOX_OK);
	arena_free(c.arena);
	w->gone++;
}

static void what_changes_meanwhile_is_no_finding(void **state)
{
	(void)state;
	struct test t;
	struct box_fsck_count c;
	start(&t);
	struct meanwhile w = {.t = &t};
	assert_int_equal(box_fsck(t.b, BOX_FSCK_DEEP, disturb, &w, &c), BOX_OK);
	assert_int_equal(w.told, 0);
	assert_int_equal(c.wrong, 0);
	assert_true(w.pauses > MAILS && w.gone > 10);
	assert_int_equal(fsck(&t, BOX_FSCK_DEEP).wrong, 0);
	stop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_healthy_account_has_no_findings),
		cmocka_unit_test(a_slot_without_message_goes),
		cmocka_unit_test(a_lost_or_damaged_page_is_built_anew),
		cmocka_unit_test(a_lost_head_gets_a_new_uidvalidity),
		cmocka_unit_test(wrong_counts_are_counted_anew),
		cmocka_unit_test(a_damaged_body_is_marked),
		cmocka_unit_test(an_unreadable_message_row_goes_alone),
		cmocka_unit_test(a_mailbox_without_name_gets_one),
		cmocka_unit_test(what_changes_meanwhile_is_no_finding),
		cmocka_unit_test(the_sweep_hears_of_every_body),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
