/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carrying mail out, by the hop: leases, their bytes, what became of them, reports
 * and notes; couriers that die.  The courier is the test.
 */
#include "rig.h"

#include <stdio.h>

#include "summary/summary.h"

#include "os/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAR  "x@far.test"
#define HOUR 3600000u

struct scene {
	struct rig *r;
	struct courier_store *c;
	uint64_t alice; /* submits */
};

static struct scene begin(void **state)
{
	struct scene s = {.r = *state};
	s.c = rig_courier(s.r);
	s.alice = rig_session(s.r, RIG_ACCESS, EDGE_STORE_SERVICE_SUBMISSION,
			      "alice@example.test");
	return s;
}

static void end(struct scene *s)
{
	ipc_free(courier_store_ipc(s->c));
	rig_run(s->r, 50);
}

#define BODY                                                                   \
	SPAN("From: alice@example.test\r\nSubject: out\r\n"                    \
	     "Date: Sun, 22 Nov 2026 03:18:41 +0000\r\n"                       \
	     "Message-ID: <1@example.test>\r\n\r\nhello\r\n")

static void submit(struct scene *s, const char *to, struct span body)
{
	struct edge_store_offer_reply said =
		rig_send(s->r, RIG_ACCESS, s->alice, "alice@example.test", body,
			 to, NULL);
	assert_int_equal(said.answer, EDGE_STORE_ANSWER_YES);
}

static struct courier_store_lease_reply lease(struct scene *s,
					      const char *prefer, bool only)
{
	struct courier_store_lease_reply rep;
	ASK(s->r, s->c, courier_store_lease, &rep, .prefer = span_cstr(prefer),
	    .only = only);
	return rep;
}

static struct courier_store_lease_reply leased(struct scene *s)
{
	struct courier_store_lease_reply rep = lease(s, "", false);
	assert_int_equal(rep.answer, COURIER_STORE_ANSWER_YES);
	return rep;
}

/* Is nothing due at the moment? */
static void nothing_for(struct scene *s, const char *destination)
{
	assert_int_equal(lease(s, destination, true).answer,
			 COURIER_STORE_ANSWER_NONE);
}

static enum courier_store_answer settle(struct scene *s, uint64_t number,
					enum courier_store_fate fate,
					enum courier_store_mood mood)
{
	struct courier_store_settle_reply rep;
	struct courier_store_outcome o = {.fate = fate,
					  .code = 250,
					  .status = SPAN("2.0.0"),
					  .text = SPAN("so it went"),
					  .host = SPAN("mx.far.test")};
	ASK(s->r, s->c, courier_store_settle, &rep, .lease = number,
	    .outcomes = &o, .outcomes_count = 1, .mood = mood);
	return rep.answer;
}

#define DELIVERED COURIER_STORE_FATE_DELIVERED
#define DEFERRED  COURIER_STORE_FATE_DEFERRED
#define FAILED	  COURIER_STORE_FATE_FAILED
#define FINE	  COURIER_STORE_MOOD_FINE
#define DOWN	  COURIER_STORE_MOOD_DOWN
#define YES	  COURIER_STORE_ANSWER_YES

static size_t waiting(struct scene *s)
{
	struct admin_store_queue_reply rep;
	ASK(s->r, s->r->admin, admin_store_queue, &rep, .after = SPAN(""));
	assert_int_equal(rep.answer, ADMIN_STORE_ANSWER_DONE);
	return rep.jobs_count;
}

/* Nobody logged in, and still a report of a failure hits nobody but him. */
static void mail_of_a_user_of_this_machine(void **state)
{
	struct scene s = begin(state);
	struct edge_store_local_reply his;
	uint64_t session = rig_session(s.r, RIG_LOCAL, EDGE_STORE_SERVICE_LOCAL, NULL);
	ASK(s.r, s.r->edge[RIG_LOCAL], edge_store_local, &his, .session = session,
	    .uid = 1000, .name = SPAN("carol"));
	assert_int_equal(his.answer, EDGE_STORE_ANSWER_YES);
	/* Twice is once too often, and so is another pool. */
	ASK(s.r, s.r->edge[RIG_LOCAL], edge_store_local, &his, .session = session,
	    .uid = 0, .name = SPAN("root"));
	assert_int_equal(his.answer, EDGE_STORE_ANSWER_NO);
	ASK(s.r, s.r->edge[RIG_ACCESS], edge_store_local, &his, .session = s.alice,
	    .uid = 0, .name = SPAN("root"));
	assert_int_equal(his.answer, EDGE_STORE_ANSWER_NO);
	struct edge_store_offer_reply said =
		rig_send(s.r, RIG_LOCAL, session, "", BODY, FAR, NULL);
	assert_int_equal(said.answer, EDGE_STORE_ANSWER_NO); /* From is alice's */
	session = rig_session(s.r, RIG_LOCAL, EDGE_STORE_SERVICE_LOCAL, NULL);
	ASK(s.r, s.r->edge[RIG_LOCAL], edge_store_local, &his, .session = session,
	    .uid = 0, .name = SPAN("root"));
	said = rig_send(s.r, RIG_LOCAL, session, "alice@example.test", BODY, FAR, NULL);
	assert_int_equal(said.answer, EDGE_STORE_ANSWER_YES);
	assert_true(leased(&s).proven);
	end(&s);
}

static void a_message_is_leased_and_settled(void **state)
{
	struct scene s = begin(state);
	submit(&s, FAR, BODY);
	struct courier_store_lease_reply l = leased(&s);
	assert_int_equal(l.work, COURIER_STORE_WORK_CARRY);
	assert_true(span_eq(l.destination, SPAN("far.test")) &&
		    span_eq(l.sender, SPAN("alice@example.test")) &&
		    span_eq(l.id, SPAN("id1")) && l.proven &&
		    l.recipients_count == 1 &&
		    span_eq(l.recipients[0].address, SPAN(FAR)) &&
		    span_starts(l.prefix, SPAN("Received: from client.test")) &&
		    l.size == l.body.len && span_ends(l.body, SPAN("hello\r\n")));
	/* It is out: nobody else gets it. */
	nothing_for(&s, "far.test");
	assert_int_equal(settle(&s, l.lease, DELIVERED, FINE), YES);
	assert_int_equal(settle(&s, l.lease, DELIVERED, FINE),
			 COURIER_STORE_ANSWER_STALE);
	assert_int_equal(waiting(&s), 0);
	assert_int_equal(rig_figure(s.r, "sent"), 1);
	end(&s);
}

/* What is kept of the structure goes with the lease, and with nothing else. */
static void the_structure_of_a_leased_message(void **state)
{
	struct scene s = begin(state);
	struct courier_store_structure_reply rep;
	struct summary *known;
	submit(&s, FAR, BODY);
	struct courier_store_lease_reply l = leased(&s);
	ASK(s.r, s.c, courier_store_structure, &rep, .lease = l.lease);
	assert_int_equal(rep.answer, YES);
	struct arena *a = arena_new(1u << 20);
	assert_int_equal(summary_read(rep.summary, l.size, a, &known), SUMMARY_OK);
	assert_int_equal(known->part_count, 1);
	arena_free(a);
	assert_int_equal(settle(&s, l.lease, DELIVERED, FINE), YES);
	ASK(s.r, s.c, courier_store_structure, &rep, .lease = l.lease);
	assert_int_equal(rep.answer, COURIER_STORE_ANSWER_STALE);
	end(&s);
}

/* What a courier notes of reports the administrator reads, page by page. */
static void reports_that_were_sent(void **state)
{
	struct scene s = begin(state);
	struct admin_store_reports_reply page;
	for (unsigned i = 0; i < 8; i++) {
		char name[32];
		struct courier_store_note_put_reply put;
		snprintf(name, sizeof name, "02077%u good.test", i);
		ASK(s.r, s.c, courier_store_note_put, &put, .kind = COURIER_STORE_NOTE_REPORT,
		    .name = span_cstr(name),
		    .value = i == 7 ? SPAN("\xff") : SPAN("1 queued tls@good.test\n"));
		assert_int_equal(put.answer, YES);
	}
	ASK(s.r, s.r->admin, admin_store_reports, &page, .after = SPAN(""));
	assert_int_equal(page.answer, ADMIN_STORE_ANSWER_DONE);
	assert_true(page.more && page.reports_count == 6);
	assert_true(span_eq(page.reports[0].name, SPAN("020770 good.test")));
	assert_true(span_eq(page.reports[0].sent, SPAN("1 queued tls@good.test\n")));
	ASK(s.r, s.r->admin, admin_store_reports, &page, .after = SPAN("020775 good.test"));
	assert_true(!page.more && page.reports_count == 2);
	assert_int_equal(page.reports[1].sent.len, 0); /* no text */
	end(&s);
}

/* A lease that is asked for early comes when there is something. */
static void an_ask_waits(void **state)
{
	struct scene s = begin(state);
	struct courier_store_lease_reply l = {0};
	struct courier_store_lease m = {.only = false};
	struct rig_wait w = {0};
	struct arena *a = arena_new(1u << 20);
	assert_int_equal(courier_store_lease_start(s.c, &m, a, &l, IPC_NEVER,
						   rig_answered, &w),
			 IPC_OK);
	rig_run(s.r, 100);
	assert_false(w.done);
	submit(&s, FAR, BODY);
	rig_wait(s.r, &w);
	assert_int_equal(l.answer, YES);
	assert_int_equal(settle(&s, l.lease, DELIVERED, FINE), YES);
	arena_free(a);
	end(&s);
}

static void a_long_body_is_read_on(void **state)
{
	struct scene s = begin(state);
	struct buf b;
	buf_init(&b, 1u << 20);
	buf_add(&b, BODY);
	while (buf_len(&b) < 200000)
		buf_add(&b, SPAN("0123456789012345678901234567890123456789\r\n"));
	submit(&s, FAR, buf_span(&b));
	struct courier_store_lease_reply l = leased(&s);
	struct buf got;
	buf_init(&got, 1u << 20);
	buf_add(&got, l.body);
	assert_int_equal(l.body.len, 32768);
	while (buf_len(&got) < l.size) {
		struct courier_store_body_reply rep;
		ASK(s.r, s.c, courier_store_body, &rep, .lease = l.lease,
		    .offset = buf_len(&got), .length = 61440);
		assert_int_equal(rep.answer, YES);
		assert_true(rep.bytes.len > 0);
		buf_add(&got, rep.bytes);
	}
	assert_true(span_ends(buf_span(&b), span_skip(buf_span(&got), 4096)));
	struct courier_store_body_reply rep;
	ASK(s.r, s.c, courier_store_body, &rep, .lease = l.lease,
	    .offset = l.size, .length = 100);
	assert_true(rep.answer == YES && rep.bytes.len == 0);
	ASK(s.r, s.c, courier_store_body, &rep, .lease = l.lease + 1,
	    .length = 100);
	assert_int_equal(rep.answer, COURIER_STORE_ANSWER_STALE);
	assert_int_equal(settle(&s, l.lease, DELIVERED, FINE), YES);
	buf_free(&b);
	buf_free(&got);
	end(&s);
}

/* The channel ends: what was leased is due again, at once. */
static void a_courier_dies(void **state)
{
	struct scene s = begin(state);
	submit(&s, FAR, BODY);
	struct courier_store_lease_reply l = leased(&s);
	struct courier_store *other = rig_courier(s.r);
	struct scene o = {.r = s.r, .c = other};
	nothing_for(&o, "far.test");
	/* Another channel's number says nothing here. */
	assert_int_equal(settle(&o, l.lease, DELIVERED, FINE),
			 COURIER_STORE_ANSWER_STALE);
	end(&s);
	struct courier_store_lease_reply again = leased(&o);
	assert_int_not_equal(again.lease, l.lease);
	assert_int_equal(settle(&o, again.lease, FAILED, FINE), YES);
	assert_int_equal(waiting(&o), 0);
	end(&o);
}

static void what_is_due_again_waits(void **state)
{
	struct scene s = begin(state);
	if (rig_real()) /* hours pass */
		return end(&s);
	submit(&s, FAR, BODY);
	struct courier_store_lease_reply l = leased(&s);
	assert_int_equal(settle(&s, l.lease, DEFERRED, FINE), YES);
	assert_int_equal(waiting(&s), 1);
	nothing_for(&s, "far.test");
	rig_run(s.r, 157000); /* 3 minutes, an eighth less at most */
	nothing_for(&s, "far.test");
	rig_run(s.r, 46000);
	l = leased(&s);
	assert_int_equal(l.recipients[0].attempts, 1);
	assert_true(span_eq(l.recipients[0].reason, SPAN("so it went")));
	/* Nobody could be spoken to: others that go there wait, too. */
	submit(&s, "y@far.test", BODY);
	assert_int_equal(settle(&s, l.lease, DEFERRED, DOWN), YES);
	nothing_for(&s, "far.test");
	submit(&s, "y@near.test", BODY);
	l = leased(&s);
	assert_true(span_eq(l.destination, SPAN("near.test")));
	assert_int_equal(settle(&s, l.lease, DELIVERED, FINE), YES);
	rig_run(s.r, 203000);
	l = leased(&s); /* one alone tries */
	nothing_for(&s, "far.test");
	assert_int_equal(settle(&s, l.lease, DELIVERED, FINE), YES);
	end(&s);
}

static void report(struct scene *s, uint64_t number, const char *kind,
		   enum courier_store_answer want)
{
	struct courier_store_report_reply rep;
	ASK(s->r, s->c, courier_store_report, &rep, .lease = number,
	    .kind = kind[0] == 'd' ? COURIER_STORE_KIND_DELAY
				   : COURIER_STORE_KIND_FAILURE,
	    .first = 0, .body = MAIL("report"));
	assert_int_equal(rep.answer, want);
}

static uint32_t inbox(struct scene *s)
{
	rig_run(s->r, 200);
	return rig_status(s->r, rig_reader(s->r, "alice@example.test"), "INBOX")
		.messages;
}

static void senders_hear_of_it_once(void **state)
{
	struct scene s = begin(state);
	submit(&s, FAR, BODY);
	struct courier_store_lease_reply l = leased(&s);
	report(&s, l.lease, "failure", YES);
	assert_int_equal(inbox(&s), 1);
	/* Said again, also by the next courier: the same one. */
	report(&s, l.lease, "failure", YES);
	end(&s);
	s.c = rig_courier(s.r);
	l = leased(&s);
	report(&s, l.lease, "failure", YES);
	assert_int_equal(inbox(&s), 1);
	assert_int_equal(settle(&s, l.lease, FAILED, FINE), YES);
	report(&s, l.lease, "failure", COURIER_STORE_ANSWER_STALE);
	assert_int_equal(waiting(&s), 0);
	end(&s);
}

/* In the mailbox first, then told; by the name that the sender knows. */
static void a_sender_hears_that_it_arrived(void **state)
{
	struct scene s = begin(state);
	struct courier_store_report_reply rep;
	s.r->notify = 2 | 4; /* SUCCESS,FAILURE */
	submit(&s, "team@example.test", BODY);
	struct courier_store_lease_reply l = leased(&s);
	assert_int_equal(inbox(&s), 1);
	assert_int_equal(l.work, COURIER_STORE_WORK_DELIVERED);
	assert_true(l.proven && l.recipients_count == 1 && l.prefix.len == 0);
	assert_true(span_eq(l.recipients[0].address, SPAN("team@example.test")));
	assert_int_equal(l.recipients[0].notify, 6);
	/* It cannot have failed, and its courier may die. */
	assert_int_equal(settle(&s, l.lease, FAILED, FINE),
			 COURIER_STORE_ANSWER_REFUSED);
	end(&s);
	s.c = rig_courier(s.r);
	l = leased(&s);
	assert_int_equal(l.work, COURIER_STORE_WORK_DELIVERED);
	s.r->notify = 0;
	ASK(s.r, s.c, courier_store_report, &rep, .lease = l.lease,
	    .kind = COURIER_STORE_KIND_SUCCESS, .first = l.recipients[0].n,
	    .body = MAIL("report"));
	assert_int_equal(rep.answer, YES);
	assert_int_equal(settle(&s, l.lease, DELIVERED, FINE), YES);
	assert_int_equal(inbox(&s), 2);
	assert_int_equal(waiting(&s), 0);
	end(&s);
}

/* NEVER, other wishes, no sender, strangers: straight into the mailbox. */
static void others_hear_nothing(void **state)
{
	struct scene s = begin(state);
	static const uint8_t wishes[] = {0, 1, 4, 8, 4 | 8};
	for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
		s.r->notify = wishes[i];
		submit(&s, "alice@example.test", BODY);
	}
	s.r->notify = 2;
	assert_int_equal(rig_send(s.r, RIG_ACCESS, s.alice, "", BODY,
				  "alice@example.test", NULL)
				 .answer,
			 YES);
	uint64_t mx = rig_session(s.r, RIG_MX, EDGE_STORE_SERVICE_MX, NULL);
	assert_int_equal(rig_send(s.r, RIG_MX, mx, "x@far.test", BODY,
				  "alice@example.test", NULL)
				 .answer,
			 YES);
	assert_int_equal(waiting(&s), 0);
	assert_int_equal(inbox(&s), ARRAY_LEN(wishes) + 2);
	nothing_for(&s, "example.test");
	end(&s);
}

/* Mail without a sender is never answered. */
static void no_report_of_a_report(void **state)
{
	struct scene s = begin(state);
	struct courier_store_send_reply sent;
	ASK(s.r, s.c, courier_store_send, &sent, .sender = SPAN(""),
	    .recipient = SPAN(FAR), .body = MAIL("report"));
	assert_int_equal(sent.answer, YES);
	struct courier_store_lease_reply l = leased(&s);
	assert_int_equal(l.sender.len, 0);
	report(&s, l.lease, "failure", COURIER_STORE_ANSWER_REFUSED);
	assert_true(l.proven); /* from here */
	assert_int_equal(settle(&s, l.lease, COURIER_STORE_FATE_HELD, FINE), YES);
	assert_int_equal(waiting(&s), 1); /* for a person */
	/* Nobody else's name. */
	ASK(s.r, s.c, courier_store_send, &sent,
	    .sender = SPAN("president@far.test"), .recipient = SPAN(FAR),
	    .body = MAIL("x"));
	assert_int_equal(sent.answer, COURIER_STORE_ANSWER_REFUSED);
	ASK(s.r, s.c, courier_store_send, &sent,
	    .sender = SPAN("tls@mx.example.test"),
	    .recipient = SPAN("bob@example.test"), .body = MAIL("x"));
	assert_int_equal(sent.answer, YES);
	(void)inbox(&s); /* some time */
	assert_int_equal(waiting(&s), 1);
	end(&s);
}

/* What comes first, after so much time at most. */
static struct courier_store_lease_reply lease_within(struct scene *s,
						     struct arena *a,
						     uint64_t ms)
{
	static struct courier_store_lease_reply l;
	struct courier_store_lease m = {.only = false};
	struct rig_wait w = {0};
	l = (struct courier_store_lease_reply){0};
	assert_int_equal(courier_store_lease_start(s->c, &m, a, &l, IPC_NEVER,
						   rig_answered, &w),
			 IPC_OK);
	for (uint64_t at = 0; at < ms && !w.done; at += 1000)
		rig_run(s->r, 1000);
	assert_true(w.done);
	assert_int_equal(l.answer, YES);
	return l;
}

static void senders_hear_of_delay_and_expiry(void **state)
{
	struct scene s = begin(state);
	unsigned tries = 0, delays = 0;
	struct courier_store_lease_reply l;
	struct arena *a = arena_new(1u << 20);
	if (rig_real()) {
		arena_free(a);
		end(&s);
		return;
	}
	submit(&s, FAR, BODY);
	uint64_t start = world_now(s.r->world), told = 0;
	for (;;) {
		arena_reset(a);
		l = lease_within(&s, a, HOUR);
		if (l.work == COURIER_STORE_WORK_EXPIRED)
			break;
		tries += l.work == COURIER_STORE_WORK_CARRY;
		if (l.work == COURIER_STORE_WORK_DELAY) {
			delays++;
			told = world_now(s.r->world) - start;
		}
		assert_int_equal(settle(&s, l.lease, DEFERRED, FINE), YES);
	}
	/* 90 minutes, two days; each 3 minutes once, then each 10. */
	assert_int_equal(delays, 1);
	assert_in_range(told / NS_PER_SEC, 5400, 5420);
	assert_in_range((world_now(s.r->world) - start) / NS_PER_SEC, 172800,
			172820);
	assert_in_range(tries, 172800 / 675, 172800 / 525);
	/* It is not carried any more. */
	assert_int_equal(settle(&s, l.lease, DEFERRED, FINE),
			 COURIER_STORE_ANSWER_REFUSED);
	report(&s, l.lease, "failure", YES);
	assert_int_equal(settle(&s, l.lease, FAILED, FINE), YES);
	assert_int_equal(inbox(&s), 1);
	assert_int_equal(waiting(&s), 0);
	arena_free(a);
	end(&s);
}

static void a_destination_has_a_limit(void **state)
{
	struct scene s = begin(state);
	submit(&s, FAR, BODY);
	submit(&s, "y@far.test", BODY);
	submit(&s, "z@far.test", BODY);
	struct courier_store_lease_reply l = leased(&s);
	(void)leased(&s);
	nothing_for(&s, "far.test");
	assert_int_equal(settle(&s, l.lease, DELIVERED, FINE), YES);
	l = lease(&s, "far.test", true);
	assert_int_equal(l.answer, YES);
	nothing_for(&s, "far.test");
	end(&s);
}

/* A rule of ours has a limit of its own, for each of its domains. */
static void a_rule_has_a_limit(void **state)
{
	struct scene s = begin(state);
	submit(&s, "x@one.test", BODY);
	submit(&s, "y@one.test", BODY);
	submit(&s, "z@two.one.test", BODY);
	struct courier_store_lease_reply l = lease(&s, "one.test", true);
	assert_int_equal(l.answer, YES);
	nothing_for(&s, "one.test");
	assert_int_equal(lease(&s, "two.one.test", true).answer, YES);
	assert_int_equal(settle(&s, l.lease, DELIVERED, FINE), YES);
	assert_int_equal(lease(&s, "one.test", true).answer, YES);
	end(&s);
}

static void a_rule_has_a_pace(void **state)
{
	struct scene s = begin(state);
	submit(&s, "x@paced.test", BODY);
	submit(&s, "y@paced.test", BODY);
	struct courier_store_lease_reply l = lease(&s, "paced.test", true);
	assert_int_equal(l.answer, YES);
	assert_int_equal(settle(&s, l.lease, DELIVERED, FINE), YES);
	nothing_for(&s, "paced.test");
	if (rig_real()) /* a minute passes */
		return end(&s);
	rig_run(s.r, 50000);
	nothing_for(&s, "paced.test");
	rig_run(s.r, 12000);
	assert_int_equal(lease(&s, "paced.test", true).answer, YES);
	end(&s);
}

/* Domains that leave by one address share what it may have. */
static void a_source_has_limits(void **state)
{
	struct scene s = begin(state);
	submit(&s, "x@by.test", BODY);
	submit(&s, "y@two.by.test", BODY);
	submit(&s, "x@at.test", BODY);
	submit(&s, "y@two.at.test", BODY);
	struct courier_store_lease_reply l = lease(&s, "by.test", true);
	assert_int_equal(l.answer, YES);
	nothing_for(&s, "two.by.test");
	assert_int_equal(settle(&s, l.lease, DELIVERED, FINE), YES);
	submit(&s, "z@by.test", BODY);
	assert_int_equal(lease(&s, "two.by.test", true).answer, YES);
	nothing_for(&s, "by.test");
	l = lease(&s, "at.test", true);
	assert_int_equal(l.answer, YES);
	assert_int_equal(settle(&s, l.lease, DELIVERED, FINE), YES);
	nothing_for(&s, "two.at.test");
	/* The courier is lost while one is full: the place is not. */
	struct scene o = {.r = s.r, .c = rig_courier(s.r)};
	nothing_for(&o, "by.test");
	end(&s);
	l = lease(&o, "by.test", true);
	assert_int_equal(l.answer, YES);
	nothing_for(&o, "two.by.test");
	assert_int_equal(settle(&o, l.lease, DELIVERED, FINE), YES);
	assert_int_equal(lease(&o, "two.by.test", true).answer, YES);
	nothing_for(&o, "two.at.test");
	rig_run(o.r, 62000);
	assert_int_equal(lease(&o, "two.at.test", true).answer, YES);
	end(&o);
}

static void notes_are_kept(void **state)
{
	struct scene s = begin(state);
	struct courier_store_note_put_reply put;
	struct courier_store_note_get_reply got;
	struct courier_store_notes_reply list;
	ASK(s.r, s.c, courier_store_note_get, &got, .name = SPAN("a.test"));
	assert_int_equal(got.answer, COURIER_STORE_ANSWER_NONE);
	for (unsigned i = 0; i < 130; i++) {
		char name[16];
		snprintf(name, sizeof name, "n%03u.test", i);
		ASK(s.r, s.c, courier_store_note_put, &put,
		    .name = span_cstr(name), .value = SPAN("v"));
		assert_int_equal(put.answer, YES);
	}
	ASK(s.r, s.c, courier_store_note_put, &put,
	    .kind = COURIER_STORE_NOTE_TALLY, .name = SPAN("n000.test"),
	    .value = SPAN("other"));
	ASK(s.r, s.c, courier_store_note_get, &got, .name = SPAN("n000.test"));
	assert_true(got.answer == YES && span_eq(got.value, SPAN("v")));
	ASK(s.r, s.c, courier_store_notes, &list, .after = SPAN(""));
	assert_true(list.answer == YES && list.names_count == 100 && list.more);
	ASK(s.r, s.c, courier_store_notes, &list, .after = list.names[99]);
	assert_true(list.names_count == 30 && !list.more &&
		    span_eq(list.names[29], SPAN("n129.test")));
	ASK(s.r, s.c, courier_store_note_put, &put, .name = SPAN("n000.test"));
	assert_int_equal(put.answer, YES);
	ASK(s.r, s.c, courier_store_note_get, &got, .name = SPAN("n000.test"));
	assert_int_equal(got.answer, COURIER_STORE_ANSWER_NONE);
	ASK(s.r, s.c, courier_store_note_put, &put, .name = SPAN(""),
	    .value = SPAN("x"));
	assert_int_equal(put.answer, COURIER_STORE_ANSWER_LIMIT);
	end(&s);
}

/* What waited is found by the next store. */
static void a_restart_finds_what_waits(void **state)
{
	struct scene s = begin(state);
	if (!rig_real())
		return end(&s);
	submit(&s, FAR, BODY);
	submit(&s, "y@near.test", BODY);
	struct courier_store_lease_reply l = leased(&s);
	assert_int_equal(settle(&s, l.lease, DELIVERED, FINE), YES);
	end(&s);
	rig_restart(s.r);
	s = begin(state);
	l = leased(&s);
	assert_int_equal(settle(&s, l.lease, DELIVERED, FINE), YES);
	assert_int_equal(waiting(&s), 0);
	end(&s);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_is_leased_and_settled),
		TEST(the_structure_of_a_leased_message),
		TEST(reports_that_were_sent),
		TEST(mail_of_a_user_of_this_machine),
		TEST(an_ask_waits),
		TEST(a_long_body_is_read_on),
		TEST(a_courier_dies),
		TEST(what_is_due_again_waits),
		TEST(senders_hear_of_it_once),
		TEST(a_sender_hears_that_it_arrived),
		TEST(others_hear_nothing),
		TEST(no_report_of_a_report),
		TEST(senders_hear_of_delay_and_expiry),
		TEST(a_destination_has_a_limit),
		TEST(a_rule_has_a_limit),
		TEST(a_rule_has_a_pace),
		TEST(a_source_has_limits),
		TEST(notes_are_kept),
		TEST(a_restart_finds_what_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
