/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store by its hops: arriving, custody, submission, reading, changing,
 * searching, and what is refused.  Run once with each engine.
 */
#include "rig.h"

#include "imap/query.h"
#include "role/store/offer.h"
#include "role/store/search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void wait_for_messages(struct rig *r, uint64_t session, const char *box,
			      uint32_t n)
{
	for (unsigned i = 0; i < 200; i++) {
		if (rig_status(r, session, box).messages == n)
			return;
		rig_run(r, 5);
	}
	fail_msg("%s has %u messages, not %u", box,
		 rig_status(r, session, box).messages, n);
}

/* ---- arriving ---------------------------------------------------------------- */

static void one_mail_to_one_account(void **state)
{
	struct rig *r = *state;
	uint64_t mx = rig_session(r, RIG_MX, EDGE_STORE_SERVICE_MX, NULL);
	uint64_t alice = rig_reader(r, "alice@example.test");
	struct edge_store_offer_reply said = rig_send(
		r, RIG_MX, mx, "a@client.test", MAIL("one"),
		"alice+tag@example.test", NULL);
	assert_int_equal(said.answer, EDGE_STORE_ANSWER_YES);
	/* Readable before the answer: nothing to wait for. */
	struct edge_store_select_reply box = rig_select(r, alice, "INBOX");
	assert_int_equal(box.answer, EDGE_STORE_ANSWER_YES);
	assert_int_equal(box.exists, 1);
	assert_int_equal(box.recent, 1);
	assert_int_equal(box.first_unseen, 1);
	struct span all = rig_read(r, alice, box.mailbox, 1);
	struct span head = SPAN("Return-Path: <a@client.test>\r\n"
				"Delivered-To: alice@example.test\r\n"
				"Received: from client.test\r\n\tby mx; now\r\n");
	assert_true(span_starts(all, head));
	assert_true(span_eq(span_skip(all, head.len), MAIL("one")));
	assert_int_equal(rig_figure(r, "kept_direct"), 1);
	assert_int_equal(rig_figure(r, "opaque"), 0);

	struct edge_store_rows_reply rows;
	uint32_t uid = 1;
	ASK(r, r->edge[RIG_ACCESS], edge_store_rows, &rows, .session = alice,
	    .mailbox = box.mailbox, .uids = &uid, .uids_count = 1,
	    .summaries = true);
	assert_int_equal(rows.rows_count, 1);
	assert_int_equal(rows.rows[0].prefix, head.len);
	assert_int_equal(rows.rows[0].size, all.len);
	assert_true(rows.rows[0].summary.len > 0);
	/* The second select finds nothing new. */
	assert_int_equal(rig_select(r, alice, "INBOX").recent, 0);
}

static struct admin_store_queue_reply queue(struct rig *r)
{
	struct admin_store_queue_reply q;
	ASK(r, r->admin, admin_store_queue, &q);
	assert_int_equal(q.answer, ADMIN_STORE_ANSWER_DONE);
	return q;
}

#define LARGE (BODY_APART + 12u) /* a file of its own */

static void several_recipients_of_ours(void **state)
{
	struct rig *r = *state;
	uint64_t mx = rig_session(r, RIG_MX, EDGE_STORE_SERVICE_MX, NULL);
	uint64_t who[] = {rig_reader(r, "alice@example.test"),
			  rig_reader(r, "bob@example.test")};
	static const char line[] = "0123456789\r\n";
	char *large = malloc(LARGE);
	assert_non_null(large);
	for (size_t i = 0; i < LARGE; i++)
		large[i] = line[i % 12];
	memcpy(large, "A: b\r\n\r\n", 8);
	struct span mail[] = {MAIL("two"), span_of(large, LARGE)};
	for (uint32_t i = 0; i < ARRAY_LEN(mail); i++) {
		assert_int_equal(rig_send(r, RIG_MX, mx, "a@client.test",
					  mail[i], "alice@example.test",
					  "bob@example.test",
					  "team@example.test", NULL)
					 .answer,
				 EDGE_STORE_ANSWER_YES);
		/* Once each, although the alias named both again, and at once. */
		for (size_t k = 0; k < ARRAY_LEN(who); k++) {
			struct edge_store_select_reply box =
				rig_select(r, who[k], "INBOX");
			assert_int_equal(box.exists, i + 1);
			struct span all =
				rig_read(r, who[k], box.mailbox, i + 1);
			assert_true(span_ends(all, mail[i]));
			assert_true(span_find_span(
					    all, k == 0 ? SPAN("Delivered-To: alice@")
							: SPAN("Delivered-To: bob@")) !=
				    SIZE_MAX);
		}
	}
	free(large);
	assert_int_equal(rig_figure(r, "kept_direct"), 2);
	assert_int_equal(rig_figure(r, "kept_spool"), 0);
	assert_int_equal(queue(r).jobs_count, 0);
}

static void some_of_ours_and_some_elsewhere(void **state)
{
	struct rig *r = *state;
	uint64_t mx = rig_session(r, RIG_MX, EDGE_STORE_SERVICE_MX, NULL);
	uint64_t alice = rig_reader(r, "alice@example.test");
	uint64_t bob = rig_reader(r, "bob@example.test");
	assert_int_equal(rig_send(r, RIG_MX, mx, "a@client.test", MAIL("mixed"),
				  "team@example.test", "far@example.test", NULL)
				 .answer,
			 EDGE_STORE_ANSWER_YES);
	wait_for_messages(r, alice, "INBOX", 1);
	wait_for_messages(r, bob, "INBOX", 1);
	rig_run(r, 50);
	assert_int_equal(rig_status(r, alice, "INBOX").messages, 1);
	assert_int_equal(rig_figure(r, "kept_spool"), 1);
	assert_int_equal(rig_figure(r, "delivered"), 2);
	assert_int_equal(queue(r).jobs_count, 1); /* the one elsewhere */
	struct edge_store_select_reply box = rig_select(r, bob, "INBOX");
	assert_true(span_find_span(rig_read(r, bob, box.mailbox, 1),
				   SPAN("Delivered-To: bob@example.test")) !=
		    SIZE_MAX);
}

static void as_many_as_go_direct(void **state)
{
	struct rig *r = *state;
	uint64_t mx = rig_session(r, RIG_MX, EDGE_STORE_SERVICE_MX, NULL);
	uint64_t handles[DIRECT_MOST + 1];
	char name[64];
	for (unsigned i = 0; i < DIRECT_MOST + 1; i++) {
		(void)snprintf(name, sizeof name, "p%u@example.test", i);
		rig_add_account(r, name, 0);
	}
	for (unsigned n = DIRECT_MOST - 1; n <= DIRECT_MOST + 1; n++) {
		struct edge_store_offer_reply rep;
		for (unsigned i = 0; i < n; i++) {
			(void)snprintf(name, sizeof name, "p%u@example.test", i);
			assert_int_equal(rig_rcpt(r, RIG_MX, mx, name, &handles[i]),
					 EDGE_STORE_ANSWER_YES);
		}
		ASK(r, r->edge[RIG_MX], edge_store_offer, &rep, .session = mx,
		    .id = SPAN("id1"), .sender = SPAN("a@client.test"),
		    .recipients = handles, .recipients_count = n,
		    .trace = SPAN("Received: from client.test\r\n"),
		    .body = MAIL("many"));
		assert_int_equal(rep.answer, EDGE_STORE_ANSWER_YES);
		assert_int_equal(rig_figure(r, "kept_direct"),
				 n <= DIRECT_MOST ? n - DIRECT_MOST + 2 : 2);
		assert_int_equal(rig_figure(r, "kept_spool"), n > DIRECT_MOST);
	}
	wait_for_messages(r, rig_reader(r, "p100@example.test"), "INBOX", 1);
	wait_for_messages(r, rig_reader(r, "p0@example.test"), "INBOX", 3);
	wait_for_messages(r, rig_reader(r, "p98@example.test"), "INBOX", 3);
	rig_run(r, 50);
	assert_int_equal(queue(r).jobs_count, 0);
}

static void aliases(void **state)
{
	struct rig *r = *state;
	uint64_t mx = rig_session(r, RIG_MX, EDGE_STORE_SERVICE_MX, NULL);
	uint64_t alice = rig_reader(r, "alice@example.test");
	/* One target, given twice: the direct path. */
	assert_int_equal(rig_send(r, RIG_MX, mx, "", MAIL("three"),
				  "one@example.test", "Alice@Example.Test", NULL)
				 .answer,
			 EDGE_STORE_ANSWER_YES);
	assert_int_equal(rig_figure(r, "kept_direct"), 1);
	assert_int_equal(rig_status(r, alice, "INBOX").messages, 1);
	/* Elsewhere by alias: waits in the queue. */
	assert_int_equal(rig_send(r, RIG_MX, mx, "a@client.test", MAIL("four"),
				  "far@example.test", NULL)
				 .answer,
			 EDGE_STORE_ANSWER_YES);
	struct admin_store_queue_reply queue;
	ASK(r, r->admin, admin_store_queue, &queue);
	assert_int_equal(queue.jobs_count, 1);
	assert_true(span_eq(queue.jobs[0].recipient,
			    SPAN("somebody@elsewhere.test")));
	assert_true(span_eq(queue.jobs[0].state, SPAN("remote")));
	ASK(r, r->admin, admin_store_queue, &queue, .after = queue.after);
	assert_int_equal(queue.jobs_count, 0);
}

static void who_is_refused_at_rcpt(void **state)
{
	struct rig *r = *state;
	uint64_t mx = rig_session(r, RIG_MX, EDGE_STORE_SERVICE_MX, NULL);
	uint64_t handle;
	assert_int_equal(rig_rcpt(r, RIG_MX, mx, "nobody@example.test", &handle),
			 EDGE_STORE_ANSWER_UNKNOWN);
	assert_int_equal(rig_rcpt(r, RIG_MX, mx, "a@elsewhere.test", &handle),
			 EDGE_STORE_ANSWER_RELAY_DENIED);
	/* A handle that was never given. */
	struct edge_store_offer_reply said;
	uint64_t wrong = 12345;
	assert_int_equal(rig_rcpt(r, RIG_MX, mx, "alice@example.test", &handle),
			 EDGE_STORE_ANSWER_YES);
	ASK(r, r->edge[RIG_MX], edge_store_offer, &said, .session = mx,
	    .id = SPAN("x"), .recipients = &wrong, .recipients_count = 1,
	    .body = MAIL("no"));
	assert_int_equal(said.answer, EDGE_STORE_ANSWER_NO);
	/* The envelope went with that offer. */
	ASK(r, r->edge[RIG_MX], edge_store_offer, &said, .session = mx,
	    .id = SPAN("x"), .recipients = &handle, .recipients_count = 1,
	    .body = MAIL("no"));
	assert_int_equal(said.answer, EDGE_STORE_ANSWER_NO);
	/* A trace that would end the header. */
	assert_int_equal(rig_rcpt(r, RIG_MX, mx, "alice@example.test", &handle),
			 EDGE_STORE_ANSWER_YES);
	ASK(r, r->edge[RIG_MX], edge_store_offer, &said, .session = mx,
	    .id = SPAN("x"), .recipients = &handle, .recipients_count = 1,
	    .trace = SPAN("Received: x\r\n\r\nbody"), .body = MAIL("no"));
	assert_int_equal(said.answer, EDGE_STORE_ANSWER_NO);
}

static void quota(void **state)
{
	struct rig *r = *state;
	uint64_t mx = rig_session(r, RIG_MX, EDGE_STORE_SERVICE_MX, NULL);
	uint64_t handle;
	char text[3000];
	memset(text, 'x', sizeof text);
	memcpy(text, "A: b\r\n\r\n", 8);
	/* More than there is: refused in the commit. */
	assert_int_equal(rig_send(r, RIG_MX, mx, "a@client.test",
				  span_of(text, sizeof text),
				  "carol@example.test", NULL)
				 .answer,
			 EDGE_STORE_ANSWER_OVER_QUOTA);
	assert_int_equal(rig_send(r, RIG_MX, mx, "a@client.test",
				  span_of(text, 2800), "carol@example.test",
				  NULL)
				 .answer,
			 EDGE_STORE_ANSWER_YES);
	assert_int_equal(rig_send(r, RIG_MX, mx, "a@client.test", MAIL("a"),
				  "carol@example.test", NULL)
				 .answer,
			 EDGE_STORE_ANSWER_OVER_QUOTA);
	/* Several recipients: the answer is for all, and she had room. */
	uint64_t carol = rig_reader(r, "carol@example.test");
	assert_int_equal(rig_send(r, RIG_MX, mx, "a@client.test",
				  span_of(text, 1000), "carol@example.test",
				  "bob@example.test", NULL)
				 .answer,
			 EDGE_STORE_ANSWER_YES);
	assert_int_equal(rig_status(r, carol, "INBOX").messages, 2);
	assert_int_equal(rig_rcpt(r, RIG_MX, mx, "carol@example.test", &handle),
			 EDGE_STORE_ANSWER_OVER_QUOTA);
	struct edge_store_quota_reply q;
	ASK(r, r->edge[RIG_ACCESS], edge_store_quota, &q, .session = carol);
	assert_int_equal(q.bytes_limit, 3000);
	assert_int_equal(q.messages, 2);
}

static void loops(void **state)
{
	struct rig *r = *state;
	uint64_t mx = rig_session(r, RIG_MX, EDGE_STORE_SERVICE_MX, NULL);
	struct buf b;
	for (unsigned hops = 19; hops <= 21; hops++) {
		buf_init(&b, 65536);
		for (unsigned i = 0; i < hops; i++)
			buf_add(&b, SPAN("Received: by x; now\r\n"));
		buf_add(&b, SPAN("Subject: l\r\n\r\nx\r\n"));
		assert_int_equal(rig_send(r, RIG_MX, mx, "a@client.test",
					  buf_span(&b), "bob@example.test", NULL)
					 .answer,
				 hops <= 20 ? EDGE_STORE_ANSWER_YES
					    : EDGE_STORE_ANSWER_LOOP);
		buf_free(&b);
	}
	assert_int_equal(
		rig_send(r, RIG_MX, mx, "a@client.test",
			 SPAN("Delivered-To: Alice@example.test\r\n\r\nx\r\n"),
			 "one@example.test", NULL)
			.answer,
		EDGE_STORE_ANSWER_LOOP);
	assert_int_equal(rig_figure(r, "loops"), 2);
}

static void sorter_dead(void **state)
{
	struct rig *r = *state;
	uint64_t mx = rig_session(r, RIG_MX, EDGE_STORE_SERVICE_MX, NULL);
	uint64_t alice = rig_reader(r, "alice@example.test");
	rig_sorters_die(r);
	assert_int_equal(rig_send(r, RIG_MX, mx, "a@client.test", MAIL("dead"),
				  "alice@example.test", NULL)
				 .answer,
			 EDGE_STORE_ANSWER_YES);
	assert_int_equal(rig_figure(r, "opaque"), 1);
	struct edge_store_select_reply box = rig_select(r, alice, "INBOX");
	struct edge_store_rows_reply rows;
	uint32_t uid = 1;
	ASK(r, r->edge[RIG_ACCESS], edge_store_rows, &rows, .session = alice,
	    .mailbox = box.mailbox, .uids = &uid, .uids_count = 1,
	    .summaries = true);
	assert_int_equal(rows.rows_count, 1);
	assert_int_equal(rows.rows[0].summary.len, 0);
	assert_true(span_ends(rig_read(r, alice, box.mailbox, 1), MAIL("dead")));
	/* It is there again: everything goes on. */
	rig_sorters_start(r);
	assert_int_equal(rig_send(r, RIG_MX, mx, "a@client.test", MAIL("back"),
				  "alice@example.test", NULL)
				 .answer,
			 EDGE_STORE_ANSWER_YES);
	assert_int_equal(rig_figure(r, "opaque"), 1);
}

/* 48 KiB in a request, 64 KiB in the engine, above that a file: each side of both. */
static void sizes(void **state)
{
	static const size_t sizes[] = {49151,	       49152,	   49153,
				       BODY_APART - 1, BODY_APART,
				       BODY_APART + 1, 1500000};
	struct rig *r = *state;
	uint64_t mx = rig_session(r, RIG_MX, EDGE_STORE_SERVICE_MX, NULL);
	uint64_t alice = rig_reader(r, "alice@example.test");
	char *text = malloc(4u << 20);
	assert_non_null(text);
	for (size_t i = 0; i < 4u << 20; i++)
		text[i] = i % 64 == 62	 ? '\r'
			  : i % 64 == 63 ? '\n'
					 : (char)('a' + i / 64 % 26);
	memcpy(text, "Subject: size\r\n\r\n", 17);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		arena_reset(r->answer);
		assert_int_equal(rig_send(r, RIG_MX, mx, "a@client.test",
					  span_of(text, sizes[i]),
					  "alice@example.test", NULL)
					 .answer,
				 EDGE_STORE_ANSWER_YES);
	}
	assert_int_equal(rig_figure(r, "staged"), 0);
	assert_int_equal(rig_figure(r, "opaque"), 0);
	struct edge_store_select_reply box = rig_select(r, alice, "INBOX");
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		arena_reset(r->answer);
		struct span all = rig_read(r, alice, box.mailbox,
					   (uint32_t)i + 1);
		assert_true(span_ends(all, span_of(text, sizes[i])));
	}
	/* The limit is 3 MiB: a piece too many ends it. */
	uint64_t handle;
	struct edge_store_stage_reply rep = {0};
	assert_int_equal(rig_rcpt(r, RIG_MX, mx, "alice@example.test", &handle),
			 EDGE_STORE_ANSWER_YES);
	for (size_t at = 0; at + 61440 <= 3u << 20; at += 61440) {
		ASK(r, r->edge[RIG_MX], edge_store_stage, &rep, .session = mx,
		    .staged = rep.staged, .piece = span_of(text, 61440));
		assert_int_equal(rep.answer, EDGE_STORE_ANSWER_YES);
	}
	ASK(r, r->edge[RIG_MX], edge_store_stage, &rep, .session = mx,
	    .staged = rep.staged, .piece = span_of(text, 61440));
	assert_int_equal(rep.answer, EDGE_STORE_ANSWER_TOO_BIG);
	assert_int_equal(rig_figure(r, "staged"), 0);
	free(text);
}

/* The sum of all sessions is 4 MiB, a tenth of it for users; what is staged goes with its session. */
static void staged_sum(void **state)
{
	struct rig *r = *state;
	static char text[61440];
	uint64_t session[2], handle, staged[2] = {0};
	struct edge_store_stage_reply rep = {.answer = EDGE_STORE_ANSWER_YES};
	unsigned pieces = 0;
	memset(text, 'y', sizeof text);
	for (int i = 0; i < 2; i++) {
		session[i] = rig_session(r, RIG_MX, EDGE_STORE_SERVICE_MX, NULL);
		assert_int_equal(rig_rcpt(r, RIG_MX, session[i],
					  "alice@example.test", &handle),
				 EDGE_STORE_ANSWER_YES);
	}
	for (; rep.answer == EDGE_STORE_ANSWER_YES; pieces++) {
		ASK(r, r->edge[RIG_MX], edge_store_stage, &rep,
		    .session = session[pieces % 2],
		    .staged = staged[pieces % 2],
		    .piece = span_of(text, sizeof text));
		staged[pieces % 2] = rep.staged;
	}
	assert_int_equal(rep.answer, EDGE_STORE_ANSWER_LIMIT);
	assert_int_equal(pieces, (4u << 20) * 9 / 10 / sizeof text + 1);
	uint64_t user = rig_reader(r, "alice@example.test");
	ASK(r, r->edge[RIG_ACCESS], edge_store_stage, &rep, .session = user,
	    .piece = span_of(text, sizeof text));
	assert_int_equal(rep.answer, EDGE_STORE_ANSWER_YES);
	struct edge_store_session_close off = {.session = user};
	assert_int_equal(edge_store_session_close(r->edge[RIG_ACCESS], &off), IPC_OK);
	for (int i = 0; i < 2; i++) {
		struct edge_store_session_close bye = {.session = session[i]};
		assert_int_equal(edge_store_session_close(r->edge[RIG_MX], &bye),
				 IPC_OK);
	}
	rig_run(r, 10);
	assert_int_equal(rig_figure(r, "staged"), 0);
}

/* ---- submission -------------------------------------------------------------------- */

static struct span submission(const char *from, struct rig *r)
{
	return arena_printf(r->answer,
			    "From: %s\r\nBcc: secret@example.test\r\n"
			    "Subject: s\r\n\r\nhello\r\n",
			    from);
}

static void submitting(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_session(r, RIG_ACCESS, EDGE_STORE_SERVICE_SUBMISSION,
				 "alice@example.test");
	uint64_t bob = rig_reader(r, "bob@example.test");
	struct edge_store_sender_reply sender;
	ASK(r, r->edge[RIG_ACCESS], edge_store_sender, &sender, .session = s,
	    .address = SPAN("bob@example.test"));
	assert_int_equal(sender.answer, EDGE_STORE_ANSWER_NO);
	ASK(r, r->edge[RIG_ACCESS], edge_store_sender, &sender, .session = s,
	    .address = SPAN("alice@example.test"));
	assert_int_equal(sender.answer, EDGE_STORE_ANSWER_YES);
	/* Another's From, two of them, none. */
	struct edge_store_offer_reply said =
		rig_send(r, RIG_ACCESS, s, "alice@example.test",
			 submission("bob@example.test", r), "bob@example.test",
			 NULL);
	assert_int_equal(said.answer, EDGE_STORE_ANSWER_NO);
	assert_int_equal(said.code, 550);
	assert_true(said.why.len > 0);
	assert_int_equal(rig_send(r, RIG_ACCESS, s, "alice@example.test",
				  submission("alice@example.test\r\nFrom: "
					     "alice@example.test",
					     r),
				  "bob@example.test", NULL)
				 .answer,
			 EDGE_STORE_ANSWER_NO);
	assert_int_equal(rig_send(r, RIG_ACCESS, s, "alice@example.test",
				  SPAN("Subject: x\r\n\r\nx\r\n"),
				  "bob@example.test", NULL)
				 .answer,
			 EDGE_STORE_ANSWER_NO);
	/* Its own: Bcc is cut, Date and Message-ID are added. */
	assert_int_equal(rig_send(r, RIG_ACCESS, s, "alice@example.test",
				  submission("Alice <alice@example.test>", r),
				  "bob@example.test", NULL)
				 .answer,
			 EDGE_STORE_ANSWER_YES);
	struct edge_store_select_reply box = rig_select(r, bob, "INBOX");
	assert_int_equal(box.exists, 1);
	struct span all = rig_read(r, bob, box.mailbox, 1);
	assert_true(span_find_span(all, SPAN("secret")) == SIZE_MAX);
	assert_true(span_find_span(all, SPAN("\r\nDate: ")) != SIZE_MAX);
	assert_true(span_find_span(all, SPAN("Message-ID: <")) != SIZE_MAX);
	assert_true(span_ends(all, SPAN("Subject: s\r\n\r\nhello\r\n")));
	/* To elsewhere: the queue. */
	assert_int_equal(rig_send(r, RIG_ACCESS, s, "alice@example.test",
				  submission("alice@example.test", r),
				  "x@elsewhere.test", NULL)
				 .answer,
			 EDGE_STORE_ANSWER_YES);
	struct admin_store_queue_reply queue;
	ASK(r, r->admin, admin_store_queue, &queue);
	assert_int_equal(queue.jobs_count, 1);
	/* Without a sorter its author cannot be known. */
	rig_sorters_die(r);
	assert_int_equal(rig_send(r, RIG_ACCESS, s, "alice@example.test",
				  submission("alice@example.test", r),
				  "bob@example.test", NULL)
				 .answer,
			 EDGE_STORE_ANSWER_LATER);
}

static void large_submission(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_session(r, RIG_ACCESS, EDGE_STORE_SERVICE_SUBMISSION,
				 "alice@example.test");
	uint64_t bob = rig_reader(r, "bob@example.test");
	struct buf b;
	buf_init(&b, 1u << 20);
	buf_add(&b, submission("alice@example.test", r));
	while (buf_len(&b) < 400000)
		buf_add(&b, SPAN("the quick brown fox jumps over it\r\n"));
	assert_int_equal(rig_send(r, RIG_ACCESS, s, "alice@example.test",
				  buf_span(&b), "bob@example.test", NULL)
				 .answer,
			 EDGE_STORE_ANSWER_YES);
	struct edge_store_select_reply box = rig_select(r, bob, "INBOX");
	struct span all = rig_read(r, bob, box.mailbox, 1);
	assert_true(span_find_span(all, SPAN("secret")) == SIZE_MAX);
	size_t at = span_find_span(buf_span(&b), SPAN("Subject: s"));
	assert_true(span_ends(all, span_skip(buf_span(&b), at)));
	buf_free(&b);
}

/* ---- reading and changing ------------------------------------------------------------- */

static void changing(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	struct edge_store *e = r->edge[RIG_ACCESS];
	rig_fill(r, s);
	struct edge_store_select_reply box = rig_select(r, s, "Archive");
	assert_int_equal(box.exists, 3);
	assert_int_equal(box.first_unseen, 0);
	struct edge_store_pages_reply pages;
	ASK(r, e, edge_store_pages, &pages, .session = s, .mailbox = box.mailbox,
	    .from = 1);
	assert_int_equal(pages.slots_count, 3);
	assert_int_equal(pages.slots[0].flags, 1);
	assert_int_equal(pages.slots[0].keywords, 1);
	struct edge_store_keywords_reply names;
	ASK(r, e, edge_store_keywords, &names, .session = s,
	    .mailbox = box.mailbox);
	assert_true(span_eq(names.names[0], SPAN("$work")));
	struct edge_store_keyword_add_reply bit;
	ASK(r, e, edge_store_keyword_add, &bit, .session = s,
	    .mailbox = box.mailbox, .name = SPAN("$home"));
	assert_int_equal(bit.answer, EDGE_STORE_ANSWER_YES);
	assert_int_equal(bit.bit, 1);

	struct edge_store_store_flags_reply flags;
	struct edge_store_range two = {2, 2}, all = {1, 3};
	ASK(r, e, edge_store_store_flags, &flags, .session = s,
	    .mailbox = box.mailbox, .uids = &two, .uids_count = 1, .how = 1,
	    .flags = 8, .unchanged_since = UINT64_MAX);
	assert_int_equal(flags.answer, EDGE_STORE_ANSWER_YES);
	assert_true(flags.after > flags.before);
	/* Nothing is newer than the version before. */
	struct edge_store_store_flags_reply kept;
	ASK(r, e, edge_store_store_flags, &kept, .session = s,
	    .mailbox = box.mailbox, .uids = &all, .uids_count = 1, .how = 1,
	    .flags = 4, .unchanged_since = flags.before);
	assert_int_equal(kept.modified_count, 1);
	assert_int_equal(kept.modified[0].first, 2);

	struct edge_store_copy_reply copied;
	ASK(r, e, edge_store_copy, &copied, .session = s, .mailbox = box.mailbox,
	    .uids = &all, .uids_count = 1, .to = SPAN("Drafts"));
	assert_int_equal(copied.answer, EDGE_STORE_ANSWER_YES);
	assert_int_equal(copied.source_count, 1);
	assert_int_equal(copied.target[0].last, 3);
	struct edge_store_range one = {1, 1};
	ASK(r, e, edge_store_copy, &copied, .session = s, .mailbox = box.mailbox,
	    .uids = &one, .uids_count = 1, .to = SPAN("Trash"), .move = true);
	assert_int_equal(copied.answer, EDGE_STORE_ANSWER_YES);

	struct edge_store_expunge_reply gone;
	ASK(r, e, edge_store_expunge, &gone, .session = s,
	    .mailbox = box.mailbox, .all = true);
	assert_int_equal(gone.answer, EDGE_STORE_ANSWER_YES);
	struct edge_store_changes_reply changes;
	ASK(r, e, edge_store_changes, &changes, .session = s,
	    .mailbox = box.mailbox, .since = box.version);
	assert_int_equal(changes.exists, 1);
	assert_int_equal(changes.vanished_count, 1);
	assert_int_equal(changes.vanished[0].first, 1);
	assert_int_equal(changes.vanished[0].last, 2);
	struct edge_store_uids_reply uids;
	ASK(r, e, edge_store_uids, &uids, .session = s, .mailbox = box.mailbox);
	assert_int_equal(uids.ranges_count, 1);
	assert_int_equal(uids.ranges[0].first, 3);
	assert_int_equal(rig_status(r, s, "Drafts").messages, 3);
	assert_int_equal(rig_status(r, s, "Trash").messages, 1);
	/* POP3 expunges without \Deleted. */
	struct edge_store_range three = {3, 3};
	ASK(r, e, edge_store_expunge, &gone, .session = s,
	    .mailbox = box.mailbox, .force = true, .uids = &three,
	    .uids_count = 1);
	assert_int_equal(rig_status(r, s, "Archive").messages, 0);
	/* Ranges that go down are not believed. */
	struct edge_store_range down[] = {{5, 6}, {1, 2}};
	ASK(r, e, edge_store_expunge, &gone, .session = s,
	    .mailbox = box.mailbox, .uids = down, .uids_count = 2);
	assert_int_equal(gone.answer, EDGE_STORE_ANSWER_CANNOT);
}

static void names(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "bob@example.test");
	struct edge_store *e = r->edge[RIG_ACCESS];
	struct edge_store_entries_reply list;
	ASK(r, e, edge_store_entries, &list, .session = s);
	assert_int_equal(list.entries_count, 6);
	assert_false(list.more);
	struct edge_store_create_reply made;
	ASK(r, e, edge_store_create, &made, .session = s, .name = SPAN("a/b/c"));
	assert_int_equal(made.answer, EDGE_STORE_ANSWER_YES);
	ASK(r, e, edge_store_create, &made, .session = s, .name = SPAN("a/b/c"));
	assert_int_equal(made.answer, EDGE_STORE_ANSWER_EXISTS);
	ASK(r, e, edge_store_create, &made, .session = s, .name = SPAN("bin"),
	    .use = BOX_USE_TRASH); /* setup gave it to another */
	assert_int_equal(made.answer, EDGE_STORE_ANSWER_CANNOT);
	ASK(r, e, edge_store_create, &made, .session = s, .name = SPAN("bin"),
	    .use = BOX_USE_TRASH + 1);
	assert_int_equal(made.answer, EDGE_STORE_ANSWER_CANNOT);
	struct edge_store_remove_reply gone;
	ASK(r, e, edge_store_remove, &gone, .session = s, .name = SPAN("Trash"));
	ASK(r, e, edge_store_create, &made, .session = s, .name = SPAN("Trash"),
	    .use = BOX_USE_TRASH);
	assert_int_equal(made.answer, EDGE_STORE_ANSWER_YES);
	ASK(r, e, edge_store_entries, &list, .session = s, .after = SPAN("Sent"));
	assert_int_equal(list.entries[0].use, BOX_USE_TRASH);
	struct edge_store_rename_reply moved;
	ASK(r, e, edge_store_rename, &moved, .session = s, .name = SPAN("a"),
	    .to = SPAN("z"));
	assert_int_equal(moved.answer, EDGE_STORE_ANSWER_YES);
	assert_int_equal(rig_append(r, s, "INBOX", MAIL("in")).answer,
			 EDGE_STORE_ANSWER_YES);
	ASK(r, e, edge_store_rename, &moved, .session = s, .name = SPAN("INBOX"),
	    .to = SPAN("Old"));
	assert_int_equal(moved.answer, EDGE_STORE_ANSWER_YES);
	assert_int_equal(rig_status(r, s, "INBOX").messages, 0);
	assert_int_equal(rig_status(r, s, "Old").messages, 1);
	struct edge_store_select_reply box = rig_select(r, s, "z/b/c");
	assert_int_equal(box.answer, EDGE_STORE_ANSWER_YES);
	struct edge_store_subscribe_reply sub;
	ASK(r, e, edge_store_subscribe, &sub, .session = s,
	    .name = SPAN("z/b/c"), .on = true);
	assert_int_equal(sub.answer, EDGE_STORE_ANSWER_YES);
	ASK(r, e, edge_store_remove, &gone, .session = s, .name = SPAN("INBOX"));
	assert_int_equal(gone.answer, EDGE_STORE_ANSWER_CANNOT);
	ASK(r, e, edge_store_remove, &gone, .session = s, .name = SPAN("z/b/c"));
	assert_int_equal(gone.answer, EDGE_STORE_ANSWER_YES);
	/* The handle of a mailbox that is gone. */
	struct edge_store_uids_reply uids;
	ASK(r, e, edge_store_uids, &uids, .session = s, .mailbox = box.mailbox);
	assert_int_equal(uids.answer, EDGE_STORE_ANSWER_GONE);
}

/* The store's kinds are those of the IMAP session, which it cannot see. */
#define SAME(op, imap) _Static_assert((int)(op) == (int)(imap), #op)
SAME(OP_ALL, IMAP_Q_ALL);
SAME(OP_NONE, IMAP_Q_NONE);
SAME(OP_FLAGS, IMAP_Q_FLAGS);
SAME(OP_KEYWORDS, IMAP_Q_KEYWORDS);
SAME(OP_UIDS, IMAP_Q_UIDS);
SAME(OP_BEFORE, IMAP_Q_BEFORE);
SAME(OP_ON, IMAP_Q_ON);
SAME(OP_SINCE, IMAP_Q_SINCE);
SAME(OP_SAVEDBEFORE, IMAP_Q_SAVEDBEFORE);
SAME(OP_SAVEDON, IMAP_Q_SAVEDON);
SAME(OP_SAVEDSINCE, IMAP_Q_SAVEDSINCE);
SAME(OP_SENTBEFORE, IMAP_Q_SENTBEFORE);
SAME(OP_SENTON, IMAP_Q_SENTON);
SAME(OP_SENTSINCE, IMAP_Q_SENTSINCE);
SAME(OP_OLDER, IMAP_Q_OLDER);
SAME(OP_YOUNGER, IMAP_Q_YOUNGER);
SAME(OP_LARGER, IMAP_Q_LARGER);
SAME(OP_SMALLER, IMAP_Q_SMALLER);
SAME(OP_HEADER, IMAP_Q_HEADER);
SAME(OP_BODY, IMAP_Q_BODY);
SAME(OP_TEXT, IMAP_Q_TEXT);
SAME(OP_MODSEQ, IMAP_Q_MODSEQ);
SAME(OP_EMAIL, IMAP_Q_EMAIL);
SAME(OP_NOT, IMAP_Q_NOT);
SAME(OP_AND, IMAP_Q_AND);
SAME(OP_OR, IMAP_Q_OR);

static void searching(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	rig_fill(r, s);
	uint64_t box = rig_select(r, s, "Archive").mailbox;
	struct edge_store_search_reply found;
	found = rig_search(r, s, box,
		       (struct edge_store_op[]){{.kind = OP_HEADER,
						 .name = SPAN("subject"),
						 .text = SPAN("PEAR")}},
		       1);
	assert_int_equal(found.answer, EDGE_STORE_ANSWER_YES);
	assert_int_equal(found.uids_count, 1);
	assert_int_equal(found.uids[0].first, 2);
	found = rig_search(r, s, box,
		       (struct edge_store_op[]){
			       {.kind = OP_BODY, .text = SPAN("hello p")},
			       {.kind = OP_UIDS, .first = 0, .count = 1},
			       {.kind = OP_AND},
			       {.kind = OP_TEXT, .text = SPAN("apple")},
			       {.kind = OP_OR},
			       {.kind = OP_FLAGS, .number = 1},
			       {.kind = OP_AND}},
		       7);
	assert_int_equal(found.uids_count, 1);
	assert_int_equal(found.uids[0].first, 1);
	assert_int_equal(found.uids[0].last, 3);
	/* 22 November 2026 is day 20779. */
	found = rig_search(r, s, box,
		       (struct edge_store_op[]){{.kind = OP_SENTON, .day = 20779}},
		       1);
	assert_int_equal(found.uids_count, 1);
	found = rig_search(r, s, box,
		       (struct edge_store_op[]){
			       {.kind = OP_SENTBEFORE, .day = 20779}},
		       1);
	assert_int_equal(found.uids_count, 0);
	/* The internal date that append gave: day 11. */
	found = rig_search(r, s, box,
		       (struct edge_store_op[]){{.kind = OP_ON, .day = 11},
						{.kind = OP_NOT}},
		       2);
	assert_int_equal(found.uids_count, 0);
	/* Not a program: one value too many; a set that is not there. */
	struct edge_store_op two[] = {{.kind = OP_ALL}, {.kind = OP_ALL}};
	assert_int_equal(rig_search(r, s, box, two, 2).answer,
			 EDGE_STORE_ANSWER_LIMIT);
	struct edge_store_op wrong[] = {{.kind = OP_UIDS, .first = 1, .count = 1}};
	assert_int_equal(rig_search(r, s, box, wrong, 1).answer,
			 EDGE_STORE_ANSWER_LIMIT);
}

/* The summary knows the Subject, decoded: no sorter is asked. */
static void searching_subjects(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	rig_fill(r, s);
	assert_int_equal(
		rig_append(r, s, "Archive", MAIL("=?utf-8?Q?plum_p=C3=A9ar?="))
			.uid,
		4);
	uint64_t box = rig_select(r, s, "Archive").mailbox;
	struct edge_store_op key = {.kind = OP_HEADER, .name = SPAN("SUBJECT")};
	rig_sorters_die(r);
	key.text = SPAN("P\xc3\xa9""AR");
	struct edge_store_search_reply found = rig_search(r, s, box, &key, 1);
	assert_int_equal(found.answer, EDGE_STORE_ANSWER_YES);
	assert_int_equal(found.uids_count, 1);
	assert_int_equal(found.uids[0].first, 4);
	key.text = SPAN("plum");
	found = rig_search(r, s, box, &key, 1);
	assert_int_equal(found.uids_count, 1);
	assert_int_equal(found.uids[0].first, 3);
	assert_int_equal(found.uids[0].last, 4);
	key.text = SPAN("utf-8");
	assert_int_equal(rig_search(r, s, box, &key, 1).uids_count, 0);
	/* Is there one at all?  Only the message says. */
	key.text = SPAN("");
	found = rig_search(r, s, box, &key, 1);
	assert_int_equal(found.answer, EDGE_STORE_ANSWER_LATER);
	rig_sorters_start(r);
	found = rig_search(r, s, box, &key, 1);
	assert_int_equal(found.uids[0].last, 4);
}

static void hints(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	uint64_t mx = rig_session(r, RIG_MX, EDGE_STORE_SERVICE_MX, NULL);
	struct edge_store_select_reply box = rig_select(r, s, "INBOX");
	struct edge_store_watch on = {
		.session = s, .mailbox = box.mailbox, .on = true};
	assert_int_equal(edge_store_watch(r->edge[RIG_ACCESS], &on), IPC_OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(rig_send(r, RIG_MX, mx, "", MAIL("hint"),
					  "alice@example.test", NULL)
					 .answer,
				 EDGE_STORE_ANSWER_YES);
	rig_run(r, 50);
	assert_in_range(r->hints, 1, 3);
	assert_int_equal(r->hint.mailbox, box.mailbox);
	assert_int_equal(r->hint.version,
			 rig_status(r, s, "INBOX").version);
	on.on = false;
	assert_int_equal(edge_store_watch(r->edge[RIG_ACCESS], &on), IPC_OK);
	unsigned before = r->hints;
	assert_int_equal(rig_send(r, RIG_MX, mx, "", MAIL("hint"),
				  "alice@example.test", NULL)
				 .answer,
			 EDGE_STORE_ANSWER_YES);
	rig_run(r, 50);
	assert_int_equal(r->hints, before);
}

static void set_flags(struct rig *r, uint64_t s, uint64_t mailbox,
		      uint32_t first, uint32_t last, uint8_t flags)
{
	struct edge_store_store_flags_reply rep;
	struct edge_store_range run = {first, last};
	ASK(r, r->edge[RIG_ACCESS], edge_store_store_flags, &rep, .session = s,
	    .mailbox = mailbox, .uids = &run, .uids_count = 1, .how = 0,
	    .flags = flags, .unchanged_since = UINT64_MAX);
	assert_int_equal(rep.answer, EDGE_STORE_ANSWER_YES);
	rig_run(r, 50);
}

/* A hint says what happened, with the listener's numbers, while it is little. */
static void hints_carry_the_change(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	uint64_t other = rig_reader(r, "alice@example.test");
	struct edge_store *e = r->edge[RIG_ACCESS];
	for (int i = 0; i < 40; i++)
		assert_int_equal(rig_append(r, other, "Sent", MAIL("m")).answer,
				 EDGE_STORE_ANSWER_YES);
	struct edge_store_select_reply box = rig_select(r, s, "Sent");
	struct edge_store_select_reply theirs = rig_select(r, other, "Sent");
	struct edge_store_watch on = {
		.session = s, .mailbox = box.mailbox, .on = true};
	assert_int_equal(edge_store_watch(e, &on), IPC_OK);
	rig_run(r, 50);
	set_flags(r, other, theirs.mailbox, 3, 4, 8);
	assert_int_equal(r->hints, 1);
	assert_int_equal(r->hint.since, box.version);
	assert_int_equal(r->hint.exists, 40);
	assert_int_equal(r->hint.flags_count, 2);
	assert_int_equal(r->flags[1].uid, 4);
	assert_int_equal(r->flags[1].flags, 8);
	assert_int_equal(r->flags[1].rank, 4);
	assert_int_equal(r->hint.gone_count, 0);
	/* Two expunged: the numbers of before; and the flag of a later one. */
	uint64_t before = r->hint.version;
	struct edge_store_expunge_reply gone;
	ASK(r, e, edge_store_expunge, &gone, .session = other,
	    .mailbox = theirs.mailbox, .all = true);
	rig_run(r, 50);
	assert_int_equal(r->hint.since, before);
	assert_int_equal(r->hint.gone_count, 1);
	assert_int_equal(r->gone[0].first, 3);
	assert_int_equal(r->gone[0].last, 4);
	assert_int_equal(r->gone[0].rank, 3);
	assert_int_equal(r->hint.exists, 38);
	set_flags(r, other, theirs.mailbox, 10, 10, 1);
	assert_int_equal(r->flags[0].rank, 8);
	/* New messages alone: counts. */
	assert_int_equal(rig_append(r, other, "Sent", MAIL("n")).uid, 41);
	rig_run(r, 50);
	assert_int_equal(r->hint.flags_count + r->hint.gone_count, 0);
	assert_int_equal(r->hint.exists, 39);
	assert_int_equal(r->hint.uid_next, 42);
	assert_true(r->hint.since != 0);
	/* As many as a hint takes, and one more: then it has to be asked. */
	set_flags(r, other, theirs.mailbox, 5, 35, 4);
	assert_int_equal(r->hint.flags_count, 31);
	set_flags(r, other, theirs.mailbox, 5, 36, 1);
	assert_int_equal(r->hint.flags_count, 32);
	set_flags(r, other, theirs.mailbox, 5, 37, 4);
	assert_int_equal(r->hint.since, 0);
	assert_int_equal(r->hint.flags_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_mail_to_one_account),
		TEST(several_recipients_of_ours),
		TEST(some_of_ours_and_some_elsewhere),
		TEST(as_many_as_go_direct),
		TEST(aliases),
		TEST(who_is_refused_at_rcpt),
		TEST(quota),
		TEST(loops),
		TEST(sorter_dead),
		TEST(sizes),
		TEST(staged_sum),
		TEST(submitting),
		TEST(large_submission),
		TEST(changing),
		TEST(names),
		TEST(searching),
		TEST(searching_subjects),
		TEST(hints),
		TEST(hints_carry_the_change),
	};
	return cmocka_run_group_tests_name("role/store", tests, NULL, NULL);
}
