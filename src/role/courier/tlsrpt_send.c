/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/tlsrpt: the reports of days that are over, one by one.
 *
 * What is to be sent is what notes are left: a note goes when its report is in the
 * queue or at a web server, when nobody wants it any more, or when it is too old.
 */
#include "gzip/gzip.h"
#include "policy/report_sent.h"
#include "role/courier/tlsrpt_inner.h"

#define TEXT_MAX   POLICY_REPORT_TEXT_MAX
#define TALLY_MAX  (4u << 20) /* one domain's counts */
#define RANDOM_LEN 16u

/* A look at all notes. */
struct look {
	int64_t now, before; /* this one, and the last one; 0: none in this life */
};

struct report {
	struct courier_tlsrpt *t;
	struct arena *arena;
	struct span domain, id;
	struct policy_report_head head;
	struct policy_tally *tally; /* the domain's alone */
	struct buf gzip;
};

/* ---- the report ---------------------------------------------------------------- */

static void fill_head(struct report *r, int64_t day)
{
	static const uint8_t nobody[SIPHASH_KEY];
	r->id = arena_printf(r->arena, "%lld-%016llx", (long long)day,
			     (unsigned long long)siphash(nobody, r->domain));
	r->head = (struct policy_report_head){
		.organization = r->t->host,
		.contact = arena_printf(r->arena, "postmaster@%.*s",
					SPAN_FMT(r->t->host)),
		.id = r->id,
		.start = day * POLICY_REPORT_DAY,
		.end = (day + 1) * POLICY_REPORT_DAY - 1};
}

/* The counts again with less in them. */
static bool reduce(struct report *r, enum policy_tally_part part)
{
	struct policy_tally *less = policy_tally_new(r->t->secret, TALLY_MAX);
	struct buf row;
	bool ok;
	buf_init(&row, TALLY_MAX);
	policy_tally_pack(&row, policy_tally_find(r->tally, r->domain), part);
	ok = less != NULL && buf_ok(&row) &&
	     policy_tally_unpack(less, r->domain, buf_span(&row));
	buf_free(&row);
	policy_tally_free(ok ? r->tally : less);
	if (ok)
		r->tally = less;
	return ok;
}

static bool write_gzip(struct report *r)
{
	struct buf text;
	buf_init(&text, TEXT_MAX);
	policy_report_write(&text, &r->head,
			    policy_tally_find(r->tally, r->domain));
	buf_clear(&r->gzip);
	if (buf_ok(&text))
		gzip_pack(&r->gzip, buf_span(&text));
	bool ok = buf_ok(&text) && buf_ok(&r->gzip);
	buf_free(&text);
	return ok;
}

static struct span random_letters(struct report *r)
{
	uint8_t bytes[RANDOM_LEN];
	char *text = arena_bytes(r->arena, 2 * RANDOM_LEN);
	if (text == NULL)
		return (struct span){0};
	world_random(loop_world(r->t->use.loop), bytes, sizeof bytes);
	for (size_t i = 0; i < RANDOM_LEN; i++) {
		text[2 * i] = (char)('a' + (bytes[i] >> 4));
		text[2 * i + 1] = (char)('a' + (bytes[i] & 15));
	}
	return span_of(text, 2 * RANDOM_LEN);
}

static bool write_mail(struct report *r, struct span to, struct buf *out)
{
	const struct policy_report_mail m = {
		.from = span_of(r->t->sender, r->t->sender_len),
		.to = to,
		.submitter = r->t->host,
		.domain = r->domain,
		.head = &r->head,
		.message_id = arena_printf(r->arena, "%.*s@%.*s",
					   SPAN_FMT(r->id), SPAN_FMT(r->t->host)),
		.boundary = random_letters(r),
		.now = tlsrpt_wall(r->t),
		.gzip = buf_span(&r->gzip)};
	buf_clear(out);
	return policy_report_mail(out, &m) && buf_ok(out);
}

/* ---- to whom ------------------------------------------------------------------------ */

static bool send_mail(struct report *r, struct span to)
{
	struct courier_tlsrpt *t = r->t;
	struct courier_store_send_reply rep;
	struct buf mail;
	bool ok = true;
	buf_init(&mail, TLSRPT_VALUE_MAX);
	/* Whatever does not fit one message is told as sums. */
	for (int part = POLICY_TALLY_BARE; !write_mail(r, to, &mail); part++)
		if (part > POLICY_TALLY_SUMS ||
		    !reduce(r, (enum policy_tally_part)part) || !write_gzip(r)) {
			ok = false;
			break;
		}
	struct courier_store_send m = {
		.sender = span_of(t->sender, t->sender_len),
		.recipient = to,
		.body = buf_span(&mail)};
	ok = ok && *t->use.store != NULL &&
	     courier_store_send(*t->use.store, &m, r->arena, &rep,
				tlsrpt_within(t, TLSRPT_CALL_NS)) == IPC_OK &&
	     rep.answer == COURIER_STORE_ANSWER_YES;
	buf_free(&mail);
	t->counts.mailed += ok;
	return ok;
}

static bool post(struct report *r, struct span url, struct span *why)
{
	struct courier_tlsrpt *t = r->t;
	struct courier_fetch_post_reply rep;
	for (int part = POLICY_TALLY_BARE; buf_len(&r->gzip) > TLSRPT_VALUE_MAX;
	     part++)
		if (part > POLICY_TALLY_SUMS ||
		    !reduce(r, (enum policy_tally_part)part) || !write_gzip(r)) {
			*why = SPAN("memory is short");
			return false;
		}
	struct courier_fetch_post m = {.url = url,
				       .media = SPAN("application/tlsrpt+gzip"),
				       .body = buf_span(&r->gzip)};
	bool said = *t->use.fetch != NULL &&
		    courier_fetch_post(*t->use.fetch, &m, r->arena, &rep,
				       tlsrpt_within(t, TLSRPT_POST_NS)) == IPC_OK;
	bool answered = said && rep.outcome == COURIER_FETCH_OUTCOME_ANSWERED;
	bool ok = answered && rep.status / 100 == 2;
	*why = answered ? arena_printf(r->arena, "HTTP %u", rep.status)
			: SPAN("no answer");
	t->counts.posted += ok;
	return ok;
}

static void tell(struct report *r, struct span to, bool ok)
{
	if (r->t->use.log == NULL)
		return;
	if (ok)
		LOG(r->t->use.log, INFO, "tlsrpt.sent", 0, F("domain", r->domain),
		    F("to", to), F("report", r->id));
	else
		LOG(r->t->use.log, NOTICE, "tlsrpt.not-sent", 0,
		    F("domain", r->domain), F("to", to), F("report", r->id));
}

/* To one of them, and what became of it. */
static bool deliver_one(struct report *r, const struct policy_rua *to, struct buf *lines)
{
	struct policy_sent s = {.when = tlsrpt_wall(r->t), .to = to->uri};
	bool ok = to->https ? post(r, to->uri, &s.why) : send_mail(r, to->uri);
	s.outcome = !ok ? POLICY_SENT_FAILED
		    : to->https ? POLICY_SENT_POSTED
				: POLICY_SENT_QUEUED;
	if (!ok && !to->https)
		s.why = SPAN("the queue did not take it");
	policy_sent_write(lines, &s);
	tell(r, to->uri, ok);
	return ok;
}

/* To each of them; one that has it is enough for the note to go. */
static bool deliver(struct report *r, const struct policy_reporting *wanted,
		    struct span name)
{
	bool any = false;
	struct buf lines;
	buf_init(&lines, POLICY_SENT_MAX);
	for (size_t i = 0; i < wanted->count && !r->t->ending; i++)
		any |= deliver_one(r, &wanted->rua[i], &lines);
	if (buf_ok(&lines) && buf_len(&lines) > 0)
		(void)!tlsrpt_put(r->t, COURIER_STORE_NOTE_REPORT, name,
				  buf_span(&lines), r->arena);
	buf_free(&lines);
	return any;
}

/* True: there is nothing left to send. */
static bool send_report(struct courier_tlsrpt *t, int64_t day, struct span domain,
			struct span name, struct arena *a)
{
	struct policy_reporting wanted;
	struct span row;
	if (!tlsrpt_wanted(t, domain, a, &wanted) || !tlsrpt_get(t, name, a, &row))
		return false;
	if (wanted.count == 0 || row.len == 0)
		return true;
	struct report r = {.t = t, .arena = a, .domain = domain};
	r.tally = policy_tally_new(t->secret, TALLY_MAX);
	if (r.tally == NULL)
		return false;
	buf_init(&r.gzip, TEXT_MAX);
	fill_head(&r, day);
	bool ours = policy_tally_unpack(r.tally, domain, row);
	bool done = !ours || (write_gzip(&r) && deliver(&r, &wanted, name));
	buf_free(&r.gzip);
	policy_tally_free(r.tally);
	return done;
}

/* ---- when --------------------------------------------------------------------------- */

/* Never twice between two moments of its own, an hour apart. */
static bool due(const struct look *l, int64_t first)
{
	if (l->now < first)
		return false;
	return l->before < first || (l->now - first) / COURIER_TLSRPT_RETRY !=
					    (l->before - first) /
						    COURIER_TLSRPT_RETRY;
}

static bool look_at(struct courier_tlsrpt *t, struct span name,
		    struct arena *each, void *arg)
{
	const struct look *l = arg;
	struct span domain;
	int64_t day;
	if (!tlsrpt_name_read(name, &day, &domain)) {
		(void)!tlsrpt_put(t, COURIER_STORE_NOTE_TALLY, name, SPAN(""), each);
		return true;
	}
	if (day >= t->day)
		return false; /* and so are all behind it */
	int64_t end = (day + 1) * POLICY_REPORT_DAY;
	int64_t first = end + (int64_t)(siphash(t->secret, name) %
					COURIER_TLSRPT_SPREAD);
	if (!due(l, first))
		return true;
	bool done = send_report(t, day, domain, name, each);
	bool old = l->now > end + COURIER_TLSRPT_SPREAD + COURIER_TLSRPT_GIVE_UP;
	t->counts.failed += !done;
	t->counts.given_up += !done && old;
	if (done || old)
		(void)!tlsrpt_put(t, COURIER_STORE_NOTE_TALLY, name, SPAN(""), each);
	return true;
}

/* What is older than it has to be known; names go by day. */
static bool forget(struct courier_tlsrpt *t, struct span name, struct arena *each,
		   void *arg)
{
	const struct look *l = arg;
	struct span domain;
	int64_t day = 0;
	if (tlsrpt_name_read(name, &day, &domain) &&
	    day >= l->now / POLICY_REPORT_DAY - COURIER_TLSRPT_KEEP)
		return false;
	return tlsrpt_put(t, COURIER_STORE_NOTE_REPORT, name, SPAN(""), each);
}

void tlsrpt_send_due(struct courier_tlsrpt *t)
{
	struct look l = {.now = tlsrpt_wall(t), .before = t->looked};
	if (tlsrpt_each(t, COURIER_STORE_NOTE_TALLY, SPAN(""), look_at, &l))
		t->looked = l.now;
	(void)!tlsrpt_each(t, COURIER_STORE_NOTE_REPORT, SPAN(""), forget, &l);
}
