/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store does when nobody looks: an engine that failed comes back, the
 * sweep takes what nobody names and nothing else, mail for an account that went
 * is kept in sight.  Days pass here, so all of it runs on the simulated world.
 */
#include "rig.h"

#include "base/acl.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "kv/op.h"
#include "os/sim.h"
#include "role/store/store.h"

#define HOUR_MS 3600000u

static struct store *store_of(struct rig *r) { return r->store.role->self; }

static void hours(struct rig *r, unsigned n)
{
	while (n-- > 0)
		rig_run(r, HOUR_MS);
}

static enum edge_store_answer send_to(struct rig *r, const char *to,
				      struct span body)
{
	uint64_t mx = rig_session(r, RIG_MX, EDGE_STORE_SERVICE_MX, NULL);
	return rig_send(r, RIG_MX, mx, "a@client.test", body, to, NULL).answer;
}

/* ---- the engine ------------------------------------------------------------------ */

static void fault(struct rig *r, const char *name, bool on)
{
	assert_true(sim_fault_set(r->world, name, on ? 1000000 : 0));
}

static void a_failed_engine_comes_back(void **state)
{
	struct rig *r = *state;
	uint64_t alice = rig_reader(r, "alice@example.test");
	assert_int_equal(send_to(r, "alice@example.test", MAIL("first")),
			 EDGE_STORE_ANSWER_YES);
	/* A write fails, and the engine cannot be opened again at once. */
	fault(r, "kv.write", true);
	fault(r, "kv.reopen", true);
	assert_int_equal(send_to(r, "alice@example.test", MAIL("lost")),
			 EDGE_STORE_ANSWER_LATER);
	assert_int_equal(rig_figure(r, "jobs"), 0);
	rig_run(r, 5000);
	assert_int_equal(send_to(r, "alice@example.test", MAIL("lost")),
			 EDGE_STORE_ANSWER_LATER);
	/* Nobody asks while it comes back. */
	fault(r, "kv.write", false);
	fault(r, "kv.reopen", false);
	rig_run(r, 3000);
	assert_int_equal(rig_status(r, alice, "INBOX").messages, 1);
	assert_int_equal(send_to(r, "alice@example.test", MAIL("second")),
			 EDGE_STORE_ANSWER_YES);
	assert_int_equal(rig_status(r, alice, "INBOX").messages, 2);
}

/* The sync failed, nobody was told yes, and yet the queue has it: it is moved. */
static void what_got_into_the_queue_unseen_is_moved(void **state)
{
	struct rig *r = *state;
	uint64_t alice = rig_reader(r, "alice@example.test");
	fault(r, "kv.write.late", true);
	fault(r, "kv.reopen", true);
	assert_int_equal(send_to(r, "team@example.test", MAIL("unseen")),
			 EDGE_STORE_ANSWER_LATER);
	fault(r, "kv.write.late", false);
	fault(r, "kv.reopen", false);
	rig_run(r, 130000);
	assert_int_equal(rig_status(r, alice, "INBOX").messages, 1);
}

static void a_full_disk_refuses_and_recovers(void **state)
{
	struct rig *r = *state;
	uint64_t alice = rig_reader(r, "alice@example.test");
	struct edge_store_append_reply put;
	fault(r, "kv.full", true);
	assert_int_equal(send_to(r, "alice@example.test", MAIL("no")),
			 EDGE_STORE_ANSWER_LIMIT);
	assert_int_equal(send_to(r, "team@example.test", MAIL("no")),
			 EDGE_STORE_ANSWER_LIMIT);
	ASK(r, r->edge[RIG_ACCESS], edge_store_append, &put, .session = alice,
	    .name = SPAN("INBOX"), .body = MAIL("no"));
	assert_int_equal(put.answer, EDGE_STORE_ANSWER_LIMIT);
	fault(r, "kv.full", false);
	rig_run(r, 2000);
	assert_int_equal(rig_status(r, alice, "INBOX").messages, 0);
	assert_int_equal(send_to(r, "alice@example.test", MAIL("yes")),
			 EDGE_STORE_ANSWER_YES);
	assert_int_equal(rig_status(r, alice, "INBOX").messages, 1);
}

/* ---- the sweep ------------------------------------------------------------------- */

static void count_body(void *arg, const struct kv_id *id, uint64_t size,
		       int64_t made)
{
	size_t *n = arg;
	(void)id, (void)size, (void)made;
	++*n;
}

static size_t bodies(struct rig *r)
{
	struct kv_id from = {{0}};
	size_t n = 0;
	assert_int_equal(kv_body_list(store_of(r)->kv, &from, 10000, &from,
				      count_body, &n),
			 KV_NONE);
	return n;
}

static void finished(void *arg, enum kv_result r)
{
	*(bool *)arg = r == KV_OK;
}

/* A large body that no commit ever named. */
static void orphan(struct rig *r)
{
	struct kv *kv = store_of(r)->kv;
	struct kv_id id = kv_body_name(kv);
	struct kv_body *b;
	bool done = false;
	assert_int_equal(kv_body_begin(kv, &id, &b), KV_OK);
	assert_int_equal(kv_body_append(b, SPAN("nobody's")), KV_OK);
	kv_body_finish(b, finished, &done);
	kv_wait(kv);
	assert_true(done);
}

static struct span large(struct rig *r)
{
	size_t len = 300000;
	char *p = arena_bytes(r->answer, len);
	struct span head = SPAN("From: a@client.test\r\n\r\n");
	assert_non_null(p);
	memset(p, 'x', len);
	memcpy(p, head.ptr, head.len);
	for (size_t i = head.len + 70; i + 2 < len; i += 70)
		memcpy(p + i, "\r\n", 2);
	memcpy(p + len - 2, "\r\n", 2);
	return span_of(p, len);
}

static void the_sweep_takes_orphans_only(void **state)
{
	struct rig *r = *state;
	uint64_t alice = rig_reader(r, "alice@example.test");
	struct edge_store_remove_reply removed;
	struct edge_store_create_reply made;
	struct edge_store_append_reply put;
	assert_int_equal(send_to(r, "alice@example.test", MAIL("small")),
			 EDGE_STORE_ANSWER_YES);
	struct span big = large(r);
	assert_int_equal(send_to(r, "alice@example.test", big),
			 EDGE_STORE_ANSWER_YES);
	assert_int_equal(send_to(r, "far@example.test", MAIL("queued")),
			 EDGE_STORE_ANSWER_YES);
	size_t live = bodies(r);
	ASK(r, r->edge[RIG_ACCESS], edge_store_create, &made, .session = alice,
	    .name = SPAN("Gone"));
	ASK(r, r->edge[RIG_ACCESS], edge_store_append, &put, .session = alice,
	    .name = SPAN("Gone"), .body = MAIL("gone"));
	assert_int_equal(put.answer, EDGE_STORE_ANSWER_YES);
	ASK(r, r->edge[RIG_ACCESS], edge_store_remove, &removed,
	    .session = alice, .name = SPAN("Gone"));
	assert_int_equal(removed.answer, EDGE_STORE_ANSWER_YES);
	orphan(r);
	rig_run(r, 100);
	size_t all = bodies(r);
	assert_true(all > live + 1);
	hours(r, 20);
	assert_int_equal(bodies(r), all); /* all are younger than a day */
	hours(r, 12);
	assert_int_equal(bodies(r), live + 1); /* what was removed can be had back */
	hours(r, 30);
	assert_int_equal(bodies(r), live);
	struct edge_store_select_reply box = rig_select(r, alice, "INBOX");
	assert_int_equal(box.exists, 2);
	assert_true(span_ends(rig_read(r, alice, box.mailbox, 1),
			      MAIL("small")));
	assert_int_equal(rig_read(r, alice, box.mailbox, 2).len > 300000, true);
}

/* Messages marked and expunged in INBOX; one of them had back. */
static void what_was_deleted_is_kept_for_its_time(void **state)
{
	struct rig *r = *state;
	uint64_t alice = rig_reader(r, "alice@example.test");
	const struct edge_store_range first = {1, 2};
	struct edge_store_expunge_reply gone;
	struct admin_store_expunged_reply list;
	struct admin_store_undelete_reply back;
	size_t none = bodies(r);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(send_to(r, "alice@example.test", MAIL("back")),
				 EDGE_STORE_ANSWER_YES);
	struct edge_store_select_reply box = rig_select(r, alice, "INBOX");
	ASK(r, r->edge[RIG_ACCESS], edge_store_expunge, &gone, .session = alice,
	    .mailbox = box.mailbox, .force = true, .uids = &first, .uids_count = 1);
	assert_int_equal(gone.answer, EDGE_STORE_ANSWER_YES);
	hours(r, 40);
	ASK(r, r->admin, admin_store_expunged, &list, .name = SPAN("alice@example.test"));
	assert_int_equal(list.messages_count, 2);
	assert_true(span_eq(list.messages[0].subject, SPAN("back")) &&
		    span_eq(list.messages[0].mailbox, SPAN("INBOX")) && !list.more);
	const struct admin_store_place id = {.number = list.messages[0].number, .uid = 2};
	ASK(r, r->admin, admin_store_undelete, &back, .name = SPAN("alice@example.test"),
	    .mailbox = SPAN("INBOX"), .ids = &id, .ids_count = 1);
	assert_true(back.answer == ADMIN_STORE_ANSWER_DONE && back.restored == 1);
	assert_true(span_ends(rig_read(r, alice, box.mailbox, 3), MAIL("back")));
	hours(r, 20);
	ASK(r, r->admin, admin_store_expunged, &list, .name = SPAN("alice@example.test"));
	assert_int_equal(list.messages_count, 0);
	hours(r, 12);
	assert_int_equal(bodies(r), none + 1);
	assert_true(span_ends(rig_read(r, alice, box.mailbox, 3), MAIL("back")));
}

/* Not for longer than there is room: the first who is refused starts a round. */
static void a_full_disk_keeps_nothing_that_was_deleted(void **state)
{
	struct rig *r = *state;
	uint64_t alice = rig_reader(r, "alice@example.test");
	const struct edge_store_range first = {1, 1};
	struct edge_store_expunge_reply gone;
	struct edge_store_append_check_reply may;
	struct admin_store_expunged_reply list;
	size_t none = bodies(r);
	assert_int_equal(send_to(r, "alice@example.test", MAIL("gone")),
			 EDGE_STORE_ANSWER_YES);
	struct edge_store_select_reply box = rig_select(r, alice, "INBOX");
	ASK(r, r->edge[RIG_ACCESS], edge_store_expunge, &gone, .session = alice,
	    .mailbox = box.mailbox, .force = true, .uids = &first, .uids_count = 1);
	assert_int_equal(gone.answer, EDGE_STORE_ANSWER_YES);
	hours(r, 25);
	fault(r, "kv.full", true);
	rig_run(r, 60000);
	ASK(r, r->admin, admin_store_expunged, &list, .name = SPAN("alice@example.test"));
	assert_int_equal(list.messages_count, 1);
	ASK(r, r->edge[RIG_ACCESS], edge_store_append_check, &may,
	    .session = alice, .name = SPAN("INBOX"), .size = 10);
	assert_int_equal(may.answer, EDGE_STORE_ANSWER_LIMIT);
	rig_run(r, 60000);
	ASK(r, r->admin, admin_store_expunged, &list, .name = SPAN("alice@example.test"));
	assert_int_equal(list.messages_count, 0);
	assert_int_equal(bodies(r), none);
	fault(r, "kv.full", false);
	rig_run(r, 2000);
	assert_int_equal(send_to(r, "alice@example.test", MAIL("yes")),
			 EDGE_STORE_ANSWER_YES);
}

static void a_removed_account_is_kept_for_its_time(void **state)
{
	struct rig *r = *state;
	struct admin_store_account_remove_reply gone;
	struct admin_store_account_restore_reply back;
	size_t none = bodies(r);
	assert_int_equal(send_to(r, "bob@example.test", MAIL("keep")),
			 EDGE_STORE_ANSWER_YES);
	ASK(r, r->admin, admin_store_account_remove, &gone,
	    .name = SPAN("bob@example.test"));
	hours(r, 40);
	ASK(r, r->admin, admin_store_account_restore, &back,
	    .name = SPAN("bob@example.test"));
	assert_int_equal(back.answer, ADMIN_STORE_ANSWER_DONE);
	uint64_t bob = rig_reader(r, "bob@example.test");
	struct edge_store_select_reply box = rig_select(r, bob, "INBOX");
	assert_true(span_ends(rig_read(r, bob, box.mailbox, 1), MAIL("keep")));
	ASK(r, r->admin, admin_store_account_remove, &gone,
	    .name = SPAN("bob@example.test"));
	hours(r, 80);
	ASK(r, r->admin, admin_store_account_restore, &back,
	    .name = SPAN("bob@example.test"));
	assert_int_equal(back.answer, ADMIN_STORE_ANSWER_UNKNOWN);
	assert_int_equal(bodies(r), none);
}

struct row {
	struct span key, value;
};

static enum kv_result put_row(struct kv_op *op, struct kv_batch *b, void *arg)
{
	const struct row *row = arg;
	(void)op;
	kv_put(b, row->key, row->value);
	return KV_OK;
}

/* A row of the directory that cannot be read is no leave to remove mail. */
static void a_damaged_directory_costs_no_mail(void **state)
{
	struct rig *r = *state;
	uint64_t id = rig_account(r, "alice@example.test");
	char key[9] = {'A'};
	struct kv_space *space;
	struct buf old;
	struct admin_store_accounts_reply list;
	assert_int_equal(send_to(r, "alice@example.test", MAIL("precious")),
			 EDGE_STORE_ANSWER_YES);
	for (unsigned i = 0; i < 8; i++)
		key[1 + i] = (char)(id >> (56 - 8 * i));
	assert_int_equal(kv_space_open(store_of(r)->kv,
				       (struct kv_name){KV_DIRECTORY, id % 256},
				       &space),
			 KV_OK);
	buf_init(&old, 65536);
	assert_int_equal(kv_get(space, KV_VISIBLE, span_of(key, 9), &old), KV_OK);
	struct row bad = {span_of(key, 9), SPAN("\xff")};
	assert_int_equal(kv_op_wait(space, 0, put_row, &bad, NULL), KV_OK);
	ASK(r, r->admin, admin_store_accounts, &list,
	    .name = SPAN("alice@example.test"));
	assert_int_equal(list.answer, ADMIN_STORE_ANSWER_UNKNOWN);
	hours(r, 60);
	struct row good = {span_of(key, 9), buf_span(&old)};
	assert_int_equal(kv_op_wait(space, 0, put_row, &good, NULL), KV_OK);
	kv_space_close(space);
	buf_free(&old);
	uint64_t alice = rig_reader(r, "alice@example.test");
	struct edge_store_select_reply box = rig_select(r, alice, "INBOX");
	assert_true(span_ends(rig_read(r, alice, box.mailbox, 1),
			      MAIL("precious")));
}

/* ---- custody --------------------------------------------------------------------- */

/* Accepted for alice and bob; bob's account goes before it gets there. */
static void accept_and_remove(struct rig *r)
{
	uint64_t mx = rig_session(r, RIG_MX, EDGE_STORE_SERVICE_MX, NULL);
	uint64_t handles[2];
	struct edge_store_offer_reply rep;
	struct admin_store_account_remove_reply gone;
	struct rig_wait wait = {0};
	assert_int_equal(rig_rcpt(r, RIG_MX, mx, "alice@example.test",
				  &handles[0]),
			 EDGE_STORE_ANSWER_YES);
	assert_int_equal(rig_rcpt(r, RIG_MX, mx, "bob@example.test",
				  &handles[1]),
			 EDGE_STORE_ANSWER_YES);
	rig_sorters_die(r); /* the store waits for one */
	rig_run(r, 20);
	struct edge_store_offer m = {
		.session = mx,
		.id = SPAN("id1"),
		.recipients = handles,
		.recipients_count = 2,
		.trace = SPAN("Received: from client.test\r\n"),
		.body = MAIL("custody")};
	assert_int_equal(edge_store_offer_start(r->edge[RIG_MX], &m, r->answer,
						&rep, IPC_NEVER, rig_answered,
						&wait),
			 IPC_OK);
	rig_run(r, 100);
	assert_false(wait.done);
	ASK(r, r->admin, admin_store_account_remove, &gone,
	    .name = SPAN("bob@example.test"));
	rig_sorters_start(r);
	rig_wait(r, &wait);
	assert_int_equal(rep.answer, EDGE_STORE_ANSWER_YES);
	rig_run(r, 1000);
}

static struct admin_store_queue_reply queue(struct rig *r)
{
	struct admin_store_queue_reply q;
	ASK(r, r->admin, admin_store_queue, &q);
	assert_int_equal(q.answer, ADMIN_STORE_ANSWER_DONE);
	return q;
}

static void mail_for_a_removed_account_waits(void **state)
{
	struct rig *r = *state;
	struct admin_store_account_restore_reply back;
	accept_and_remove(r);
	struct admin_store_queue_reply q = queue(r);
	assert_int_equal(q.jobs_count, 1);
	assert_true(span_eq(q.jobs[0].recipient, SPAN("bob@example.test")));
	assert_true(span_eq(q.jobs[0].why, SPAN("the account is removed")));
	ASK(r, r->admin, admin_store_account_restore, &back,
	    .name = SPAN("bob@example.test"));
	assert_int_equal(back.answer, ADMIN_STORE_ANSWER_DONE);
	rig_run(r, 70000);
	assert_int_equal(queue(r).jobs_count, 0);
	uint64_t bob = rig_reader(r, "bob@example.test");
	assert_int_equal(rig_status(r, bob, "INBOX").messages, 1);
	uint64_t alice = rig_reader(r, "alice@example.test");
	assert_int_equal(rig_status(r, alice, "INBOX").messages, 1);
}

static void mail_for_a_forgotten_account_is_held(void **state)
{
	struct rig *r = *state;
	accept_and_remove(r);
	hours(r, 60);
	struct admin_store_queue_reply q = queue(r);
	assert_int_equal(q.jobs_count, 1);
	assert_true(span_eq(q.jobs[0].state, SPAN("held")));
	assert_true(span_eq(q.jobs[0].why, SPAN("the account is gone")));
}

/* ---- mail of others ---------------------------------------------------------- */

/* What was moved into another account stays when its first one has forgotten it. */
static void a_copy_in_another_account_keeps_its_body(void **state)
{
	struct rig *r = *state;
	char large[40000];
	struct edge_store_grant_reply granted;
	struct edge_store_copy_reply copied;
	struct edge_store_append_reply kept;
	memset(large, 'x', sizeof large);
	memcpy(large, "A: b\r\n\r\n", 8);
	uint64_t alice = rig_reader(r, "alice@example.test");
	ASK(r, r->edge[RIG_ACCESS], edge_store_append, &kept, .session = alice,
	    .name = SPAN("INBOX"), .body = span_of(large, sizeof large));
	assert_int_equal(kept.answer, EDGE_STORE_ANSWER_YES);
	ASK(r, r->edge[RIG_ACCESS], edge_store_grant, &granted, .session = alice,
	    .name = SPAN("INBOX"), .who = SPAN("bob@example.test"),
	    .rights = ACL_R | ACL_T | ACL_E);
	assert_int_equal(granted.answer, EDGE_STORE_ANSWER_YES);
	uint64_t bob = rig_reader(r, "bob@example.test");
	uint64_t from = rig_select(r, bob, "Other Users/alice@example.test/INBOX").mailbox;
	struct edge_store_range one = {1, 1};
	ASK(r, r->edge[RIG_ACCESS], edge_store_copy, &copied, .session = bob,
	    .mailbox = from, .uids = &one, .uids_count = 1, .to = SPAN("Sent"), .move = true);
	assert_int_equal(copied.answer, EDGE_STORE_ANSWER_YES);
	assert_int_equal(rig_status(r, alice, "INBOX").messages, 0);
	hours(r, 24 * 9); /* what was expunged is forgotten, rounds of the sweep */
	bob = rig_reader(r, "bob@example.test");
	struct span whole = rig_read(r, bob, rig_select(r, bob, "Sent").mailbox, 1);
	assert_int_equal(whole.len, sizeof large);
	assert_memory_equal(whole.ptr, large, sizeof large);
}

/* ---- mail out of a backup ---------------------------------------------------- */

#define FOLDER "Restored/2026"

static struct admin_store_restore_begin_reply begin(struct rig *r, const char *name,
						    bool into)
{
	struct admin_store_restore_begin_reply rep;
	ASK(r, r->admin, admin_store_restore_begin, &rep, .name = span_cstr(name),
	    .folder = SPAN(FOLDER), .into = into);
	return rep;
}

static enum admin_store_answer put(struct rig *r, uint64_t session,
				   const char *mailbox, struct span body)
{
	const struct span words[] = {SPAN("$Work"), SPAN("later")};
	struct admin_store_restore_message_reply rep;
	ASK(r, r->admin, admin_store_restore_message, &rep, .session = session,
	    .mailbox = span_cstr(mailbox), .flags = 0xff, .keywords = words,
	    .keywords_count = 2, .date = 760134745, .body = body);
	return rep.answer;
}

static enum admin_store_answer end(struct rig *r, uint64_t session)
{
	struct admin_store_restore_end_reply rep;
	ASK(r, r->admin, admin_store_restore_end, &rep, .session = session);
	return rep.answer;
}

static void mail_out_of_a_backup_has_no_quota_and_a_folder_of_its_own(void **state)
{
	struct rig *r = *state;
	char large[61440];
	memset(large, 'x', sizeof large);
	memcpy(large, "A: b\r\n\r\n", 8);
	uint64_t carol = rig_reader(r, "carol@example.test"); /* 3,000 bytes */
	assert_int_equal(begin(r, "nobody@example.test", false).answer,
			 ADMIN_STORE_ANSWER_UNKNOWN);
	struct admin_store_restore_begin_reply b =
		begin(r, "carol@example.test", false);
	assert_int_equal(b.answer, ADMIN_STORE_ANSWER_DONE);
	assert_int_equal(begin(r, "alice@example.test", false).answer,
			 ADMIN_STORE_ANSWER_REFUSED);
	struct admin_store_restore_mailbox_reply made;
	ASK(r, r->admin, admin_store_restore_mailbox, &made, .session = b.session,
	    .mailbox = SPAN("INBOX"));
	assert_int_equal(made.answer, ADMIN_STORE_ANSWER_DONE);
	ASK(r, r->admin, admin_store_restore_mailbox, &made, .session = b.session,
	    .mailbox = SPAN("a//b"));
	assert_int_equal(made.answer, ADMIN_STORE_ANSWER_INVALID);
	struct admin_store_restore_stage_reply staged;
	for (unsigned i = 0; i < 5; i++) /* more than a row holds */
		ASK(r, r->admin, admin_store_restore_stage, &staged,
		    .session = b.session, .piece = span_of(large, sizeof large));
	assert_int_equal(staged.answer, ADMIN_STORE_ANSWER_DONE);
	assert_int_equal(put(r, b.session, "INBOX", SPAN("the end\r\n")),
			 ADMIN_STORE_ANSWER_DONE);
	assert_int_equal(put(r, b.session, "INBOX", MAIL("small")),
			 ADMIN_STORE_ANSWER_DONE);
	assert_int_equal(put(r, b.session, "Sent", MAIL("elsewhere")),
			 ADMIN_STORE_ANSWER_UNKNOWN);
	assert_int_equal(put(r, b.session + 1, "INBOX", MAIL("another's")),
			 ADMIN_STORE_ANSWER_REFUSED);
	struct edge_store_status_reply now =
		rig_status(r, carol, FOLDER "/INBOX");
	assert_int_equal(now.messages, 2);
	assert_int_equal(now.unseen, 0);
	assert_int_equal(rig_status(r, carol, "INBOX").messages, 0);
	assert_int_equal(end(r, b.session), ADMIN_STORE_ANSWER_DONE);
	assert_int_equal(end(r, b.session), ADMIN_STORE_ANSWER_REFUSED);
	/* The folder may be used again only by who says so. */
	assert_int_equal(begin(r, "carol@example.test", false).answer,
			 ADMIN_STORE_ANSWER_EXISTS);
	b = begin(r, "carol@example.test", true);
	assert_int_equal(b.answer, ADMIN_STORE_ANSWER_DONE);
	assert_int_equal(put(r, b.session, "", MAIL("top")),
			 ADMIN_STORE_ANSWER_DONE);
	assert_int_equal(rig_status(r, carol, FOLDER).messages, 1);
}

static void a_restore_that_fell_silent_is_in_nobodys_way(void **state)
{
	struct rig *r = *state;
	struct admin_store_restore_begin_reply b =
		begin(r, "alice@example.test", false);
	struct admin_store_restore_stage_reply staged;
	struct edge_store_quota_reply q;
	ASK(r, r->admin, admin_store_restore_stage, &staged, .session = b.session,
	    .piece = SPAN("Subject: half\r\n"));
	/* Edge cannot use it, whatever it guesses. */
	ASK(r, r->edge[RIG_ACCESS], edge_store_quota, &q, .session = b.session);
	assert_int_equal(q.answer, EDGE_STORE_ANSWER_NO);
	rig_run(r, 59000);
	assert_int_equal(put(r, b.session, "", MAIL("slow")),
			 ADMIN_STORE_ANSWER_DONE);
	rig_run(r, 59000);
	assert_int_equal(begin(r, "bob@example.test", false).answer,
			 ADMIN_STORE_ANSWER_REFUSED);
	rig_run(r, 2000);
	assert_int_equal(put(r, b.session, "", MAIL("too late")),
			 ADMIN_STORE_ANSWER_REFUSED);
	assert_int_equal(begin(r, "bob@example.test", false).answer,
			 ADMIN_STORE_ANSWER_DONE);
	assert_int_equal(store_of(r)->staged, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_failed_engine_comes_back),
		TEST(what_got_into_the_queue_unseen_is_moved),
		TEST(a_full_disk_refuses_and_recovers),
		TEST(the_sweep_takes_orphans_only),
		TEST(what_was_deleted_is_kept_for_its_time),
		TEST(a_full_disk_keeps_nothing_that_was_deleted),
		TEST(a_removed_account_is_kept_for_its_time),
		TEST(a_damaged_directory_costs_no_mail),
		TEST(mail_for_a_removed_account_waits),
		TEST(mail_for_a_forgotten_account_is_held),
		TEST(a_copy_in_another_account_keeps_its_body),
		TEST(mail_out_of_a_backup_has_no_quota_and_a_folder_of_its_own),
		TEST(a_restore_that_fell_silent_is_in_nobodys_way),
	};
	return cmocka_run_group_tests_name("role/store/care", tests, NULL, NULL);
}
