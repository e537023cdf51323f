/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/tlsrpt: a day is counted, survives restarts, and is reported once, to
 * whom the record of that moment names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/base64.h"
#include "gzip/gzip.h"
#include "peers.h"
#include "policy/report_sent.h"
#include "role/courier/tlsrpt.h"

#define NOON 1795348800 /* of 22 Nov 2026 */
#define DAY  (NOON / POLICY_REPORT_DAY)
#define HOUR 3600u
#define NOTE "020779 good.test"

_Static_assert(DAY == 20779, "the note's name");

struct fix {
	struct peers peers;
	struct courier_tlsrpt *t;
	struct peers_page *record, *web;
};

static void begin(struct fix *f)
{
	const struct courier_tlsrpt_use use = {.loop = f->peers.loop,
					       .store = &f->peers.store,
					       .dialer = &f->peers.dialer,
					       .fetch = &f->peers.fetch};

	f->t = courier_tlsrpt_new(&use);
	assert_non_null(f->t);
	courier_tlsrpt_host(f->t, SPAN("mx.sender.test"));
	courier_tlsrpt_start(f->t);
}

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof *f);

	assert_non_null(f);
	peers_new(&f->peers, 8);
	sim_wall_set(f->peers.world, (struct wall){.sec = NOON});
	f->record = &f->peers.pages[0];
	f->web = &f->peers.pages[1];
	*f->record = (struct peers_page){.name = "_smtp._tls.good.test",
					 .trust = COURIER_DIALER_TRUST_INSECURE,
					 .txt = {"v=TLSRPTv1; rua=mailto:tls@reports.test"}};
	*f->web = (struct peers_page){.name = "https://reports.test/in",
				      .outcome = COURIER_FETCH_OUTCOME_ANSWERED,
				      .status = 201};
	begin(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	courier_tlsrpt_free(f->t);
	peers_free(&f->peers);
	free(f);
	return 0;
}

static void restart(struct fix *f)
{
	courier_tlsrpt_free(f->t);
	begin(f);
}

static void count(struct fix *f, const char *domain, enum policy_failure failure, unsigned times)
{
	static const struct span lines[] = {SPAN_INIT("version: STSv1"),
					    SPAN_INIT("mode: enforce")};
	const struct policy_session s = {.domain = span_cstr(domain),
					 .type = POLICY_TYPE_STS,
					 .strings = lines,
					 .string_count = 2,
					 .failure = failure,
					 .receiving_mx = SPAN("mx.good.test"),
					 .reason = SPAN("it is \"old\"")};

	while (times-- > 0)
		courier_tlsrpt_count(f->t, &s);
}

/* ---- what was sent ------------------------------------------------------------------ */

static void unzip(struct span in, struct buf *json)
{
	buf_init(json, 1u << 20);
	assert_int_equal(gzip_unpack(json, in), GZIP_OK);
}

/* The report out of a mail. */
static void report_of(const struct peers_sent *s, struct buf *json)
{
	struct span mail = span_of(s->body, s->len), line;
	struct buf text, gz;
	size_t at = span_find_span(mail, SPAN(".json.gz\"\r\n\r\n"));

	assert_true(at != SIZE_MAX);
	mail = span_skip(mail, at + 13);
	buf_init(&text, 1u << 20);
	buf_init(&gz, 1u << 20);
	for (;;) {
		(void)span_cut(&mail, '\n', &line);
		if (span_starts(line, SPAN("--")))
			break;
		buf_add(&text, span_sub(line, 0, line.len - 1));
	}
	assert_int_equal(base64_decode(&gz, buf_span(&text)), BASE64_OK);
	unzip(buf_span(&gz), json);
	buf_free(&text);
	buf_free(&gz);
}

static void has(const struct buf *json, const char *what)
{
	if (span_find_span(buf_span(json), span_cstr(what)) == SIZE_MAX)
		fail_msg("no %s in %.*s", what, SPAN_FMT(buf_span(json)));
}

/* ---- cases ----------------------------------------------------------------------------- */

/* What is known of the report to this address. */
static struct policy_sent sent_to(struct fix *f, size_t index)
{
	struct peers_note *n = peers_note(&f->peers, COURIER_STORE_NOTE_REPORT, NOTE);
	struct policy_sent s = {0};
	assert_non_null(n);
	struct span rest = span_of(n->value, n->len);
	for (size_t i = 0; i <= index; i++)
		assert_true(policy_sent_next(&rest, &s));
	return s;
}

static void a_day(void **state)
{
	struct fix *f = *state;
	struct buf json;

	count(f, "good.test", POLICY_FAILURE_NONE, 3);
	count(f, "Good.Test", POLICY_CERTIFICATE_EXPIRED, 2);
	peers_run(&f->peers, 2 * 60);
	assert_non_null(peers_note(&f->peers, COURIER_STORE_NOTE_TALLY, NOTE));
	peers_run(&f->peers, 11 * HOUR);
	assert_int_equal(f->peers.sent_count, 0); /* the day is not over */
	peers_run(&f->peers, 6 * HOUR);
	assert_int_equal(f->peers.sent_count, 1);
	assert_null(peers_note(&f->peers, COURIER_STORE_NOTE_TALLY, NOTE));
	assert_string_equal(f->peers.sent[0].to, "tls@reports.test");
	assert_string_equal(f->peers.sent[0].sender, "tls-reports@mx.sender.test");
	assert_int_equal(sent_to(f, 0).outcome, POLICY_SENT_QUEUED);
	assert_true(span_eq(sent_to(f, 0).to, SPAN("tls@reports.test")));
	report_of(&f->peers.sent[0], &json);
	has(&json, "\"organization-name\":\"mx.sender.test\"");
	has(&json, "\"start-datetime\":\"2026-11-22T00:00:00Z\"");
	has(&json, "\"end-datetime\":\"2026-11-22T23:59:59Z\"");
	has(&json, "\"policy-domain\":\"good.test\"");
	has(&json, "\"total-successful-session-count\":3");
	has(&json, "\"total-failure-session-count\":2");
	has(&json, "\"result-type\":\"certificate-expired\"");
	buf_free(&json);
	/* Once. */
	peers_run(&f->peers, 48 * HOUR);
	assert_int_equal(f->peers.sent_count, 1);
	assert_int_equal(courier_tlsrpt_counts(f->t).mailed, 1);
	assert_int_equal(courier_tlsrpt_counts(f->t).domains, 0);
	/* It is known for a month. */
	peers_run(&f->peers, (COURIER_TLSRPT_KEEP - 4) * 24 * HOUR);
	assert_non_null(peers_note(&f->peers, COURIER_STORE_NOTE_REPORT, NOTE));
	peers_run(&f->peers, 4 * 24 * HOUR);
	assert_null(peers_note(&f->peers, COURIER_STORE_NOTE_REPORT, NOTE));
}

/* Again and again, in the middle of the day and behind its end. */
static void restarts(void **state)
{
	struct fix *f = *state;
	struct buf json;

	for (int i = 0; i < 5; i++) {
		count(f, "good.test", POLICY_FAILURE_NONE, 10);
		peers_run(&f->peers, 90);
		restart(f);
		count(f, "good.test", POLICY_CERTIFICATE_EXPIRED, 1); /* before it was read back */
		peers_run(&f->peers, 90);
	}
	restart(f);
	peers_run(&f->peers, 12 * HOUR);
	restart(f);
	peers_run(&f->peers, 5 * HOUR);
	assert_int_equal(f->peers.sent_count, 1);
	report_of(&f->peers.sent[0], &json);
	has(&json, "\"total-successful-session-count\":50");
	has(&json, "\"total-failure-session-count\":5");
	buf_free(&json);
}

/* The server was off when the day ended. */
static void it_was_off(void **state)
{
	struct fix *f = *state;

	count(f, "good.test", POLICY_FAILURE_NONE, 1);
	peers_run(&f->peers, 90);
	courier_tlsrpt_free(f->t);
	f->t = NULL;
	peers_run(&f->peers, 20 * HOUR);
	begin(f);
	peers_run(&f->peers, 60);
	assert_int_equal(f->peers.sent_count, 1);
}

static void nobody_asks(void **state)
{
	struct fix *f = *state;

	count(f, "silent.test", POLICY_FAILURE_NONE, 1);
	f->record->txt[0] = "v=TLSRPTv1; rua=ftp://reports.test/";
	count(f, "good.test", POLICY_FAILURE_NONE, 1);
	peers_run(&f->peers, 20 * HOUR);
	assert_int_equal(f->peers.puts, 0);
	assert_int_equal(f->peers.sent_count, 0);
	assert_true(courier_tlsrpt_ours(f->t, SPAN("TLS-reports@mx.sender.test")));
	assert_false(courier_tlsrpt_ours(f->t, SPAN("")));
	assert_false(courier_tlsrpt_ours(f->t, SPAN("tls-reports@other.test")));
}

/* It asked in the morning, and takes it back. */
static void asks_no_more(void **state)
{
	struct fix *f = *state;

	count(f, "good.test", POLICY_FAILURE_NONE, 1);
	peers_run(&f->peers, 90);
	assert_non_null(peers_note(&f->peers, COURIER_STORE_NOTE_TALLY, NOTE));
	f->record->txt[0] = NULL;
	peers_run(&f->peers, 20 * HOUR);
	assert_int_equal(f->peers.sent_count, 0);
	assert_null(peers_note(&f->peers, COURIER_STORE_NOTE_TALLY, NOTE));
}

static void posted(void **state)
{
	struct fix *f = *state;
	struct buf json;

	f->record->txt[0] = "v=TLSRPTv1; rua=https://reports.test/in,mailto:tls@reports.test";
	count(f, "good.test", POLICY_STS_FETCH_ERROR, 1);
	peers_run(&f->peers, 17 * HOUR);
	assert_int_equal(f->peers.sent_count, 2);
	assert_string_equal(f->peers.sent[0].to, "https://reports.test/in");
	assert_string_equal(f->peers.sent[0].media, "application/tlsrpt+gzip");
	unzip(span_of(f->peers.sent[0].body, f->peers.sent[0].len), &json);
	has(&json, "\"result-type\":\"sts-policy-fetch-error\"");
	buf_free(&json);
	assert_string_equal(f->peers.sent[1].to, "tls@reports.test");
	assert_int_equal(sent_to(f, 0).outcome, POLICY_SENT_POSTED);
	assert_int_equal(sent_to(f, 1).outcome, POLICY_SENT_QUEUED);
}

/* Every hour for a day; then it is too late. */
static void retries(void **state)
{
	struct fix *f = *state;

	f->record->txt[0] = "v=TLSRPTv1; rua=https://reports.test/in";
	f->web->status = 500;
	count(f, "good.test", POLICY_FAILURE_NONE, 1);
	peers_run(&f->peers, 22 * HOUR);
	assert_in_range(f->web->asked, 6, 11);
	assert_int_equal(sent_to(f, 0).outcome, POLICY_SENT_FAILED);
	assert_true(span_eq(sent_to(f, 0).why, SPAN("HTTP 500")));
	f->web->outcome = COURIER_FETCH_OUTCOME_LATE;
	peers_run(&f->peers, 25 * HOUR);
	assert_in_range(f->web->asked, 24, 32);
	assert_null(peers_note(&f->peers, COURIER_STORE_NOTE_TALLY, NOTE));
	assert_int_equal(courier_tlsrpt_counts(f->t).given_up, 1);
	assert_int_equal(f->peers.sent_count, 0);
	assert_true(span_eq(sent_to(f, 0).why, SPAN("no answer")));
}

static void works_again(void **state)
{
	struct fix *f = *state;

	f->peers.send_answer = COURIER_STORE_ANSWER_LATER;
	f->record->trust = COURIER_DIALER_TRUST_FAILED;
	count(f, "good.test", POLICY_FAILURE_NONE, 1);
	peers_run(&f->peers, 18 * HOUR);
	f->record->trust = COURIER_DIALER_TRUST_INSECURE;
	peers_run(&f->peers, 2 * HOUR);
	assert_int_equal(f->peers.sent_count, 0);
	f->peers.send_answer = COURIER_STORE_ANSWER_YES;
	peers_run(&f->peers, 2 * HOUR);
	assert_int_equal(f->peers.sent_count, 1);
}

/* The store is away over midnight: no session is lost, and none counted twice. */
static void without_a_store(void **state)
{
	struct fix *f = *state;
	struct buf json;

	count(f, "good.test", POLICY_FAILURE_NONE, 1);
	peers_run(&f->peers, 90);
	f->peers.store_fails = true;
	restart(f);
	count(f, "good.test", POLICY_FAILURE_NONE, 1);
	peers_run(&f->peers, 10 * 60);
	f->peers.store_fails = false;
	peers_run(&f->peers, 11 * HOUR);
	f->peers.store_fails = true;
	count(f, "good.test", POLICY_FAILURE_NONE, 1);
	peers_run(&f->peers, 2 * HOUR);
	f->peers.store_fails = false;
	peers_run(&f->peers, 6 * HOUR);
	assert_int_equal(f->peers.sent_count, 1);
	report_of(&f->peers.sent[0], &json);
	has(&json, "\"total-successful-session-count\":3");
	buf_free(&json);
}

static void saves(void *arg)
{
	struct fix *f = arg;

	assert_true(courier_tlsrpt_save(f->t));
}

/* At the end of the role nothing is lost at all. */
static void saved_when_told(void **state)
{
	struct fix *f = *state;

	peers_run(&f->peers, 1);
	count(f, "good.test", POLICY_FAILURE_NONE, 1);
	assert_null(peers_note(&f->peers, COURIER_STORE_NOTE_TALLY, NOTE));
	peers_do(&f->peers, saves, f);
	assert_non_null(peers_note(&f->peers, COURIER_STORE_NOTE_TALLY, NOTE));
}

/* Hundreds of domains, spread over the hours; none gets two. */
static void many(void **state)
{
	struct fix *f = *state;
	static char names[10][40];
	char domain[32];

	for (size_t i = 0; i < 10; i++) {
		(void)snprintf(names[i], sizeof names[i], "_smtp._tls.d%zu.test", i);
		f->peers.pages[2 + i] = (struct peers_page){
			.name = names[i],
			.trust = COURIER_DIALER_TRUST_SECURE,
			.txt = {"v=TLSRPTv1;rua=mailto:a@b.test"}};
	}
	for (unsigned i = 0; i < 250; i++) {
		(void)snprintf(domain, sizeof domain, "d%u.test", i);
		count(f, domain, POLICY_FAILURE_NONE, i);
	}
	peers_run(&f->peers, 13 * HOUR);
	assert_in_range(f->peers.sent_count, 0, 9);
	peers_run(&f->peers, 24 * HOUR);
	assert_int_equal(f->peers.sent_count, 9); /* of d0 nothing was counted */
}

/* More particulars than one mail has room for: the sums are told. */
static void too_much(void **state)
{
	struct fix *f = *state;
	static char ip[POLICY_TALLY_DETAILS * POLICY_TALLY_POLICIES][3001];
	struct buf json;
	uint32_t dice = 5;

	for (size_t i = 0; i < ARRAY_LEN(ip); i++) {
		for (size_t k = 0; k < 3000; k++)
			ip[i][k] = (char)('!' + ((dice = dice * 1664525 + 1013904223) >> 24) % 90);
		const struct policy_session s = {.domain = SPAN("good.test"),
						 .type = POLICY_TYPE_TLSA,
						 .failure = POLICY_TLSA_INVALID,
						 .reason = span_of(ip[i], 3000)};
		courier_tlsrpt_count(f->t, &s);
	}
	peers_run(&f->peers, 17 * HOUR);
	assert_int_equal(f->peers.sent_count, 1);
	assert_true(f->peers.sent[0].len < 49152);
	report_of(&f->peers.sent[0], &json);
	has(&json, "\"total-failure-session-count\":128");
	buf_free(&json);
}

/* Names that no version of ours wrote, and rows that are none, go. */
static void foreign_notes(void **state)
{
	struct fix *f = *state;
	static const char *const names[] = {"nonsense", "020700 ", "020700 good.test", "x20700 a.b"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct peers_note *n = &f->peers.notes[i];
		n->kind = COURIER_STORE_NOTE_TALLY;
		(void)snprintf(n->name, sizeof n->name, "%s", names[i]);
		n->value = calloc(1, 4);
		assert_non_null(n->value);
		n->len = 3;
	}
	peers_run(&f->peers, 17 * HOUR);
	assert_int_equal(f->peers.sent_count, 0);
	assert_null(peers_note(&f->peers, COURIER_STORE_NOTE_TALLY, "020700 good.test"));
	assert_null(peers_note(&f->peers, COURIER_STORE_NOTE_TALLY, "020700 "));
}

static void report_to(struct fix *f, struct buf *json)
{
	peers_run(&f->peers, 17 * HOUR);
	assert_int_equal(f->peers.sent_count, 1);
	report_of(&f->peers.sent[0], json);
}

/* Sessions as the courier sees them: decided, judged. */
static void seen_sts(void **state)
{
	struct fix *f = *state;
	const struct policy_sts sts = {.mode = POLICY_STS_MODE_ENFORCE,
				       .max_age = 604800,
				       .mx_count = 2,
				       .mx = {SPAN("mx.good.test"), SPAN("*.good.test")}};
	const struct policy_inputs in = {.domain = SPAN("good.test"), .sts = &sts};
	const struct policy_target target = {.host = SPAN("mx.good.test"),
					     .type = POLICY_TYPE_STS,
					     .level = POLICY_LEVEL_STS};
	struct courier_tlsrpt_seen seen = {.in = &in, .target = &target};
	struct buf json;

	courier_tlsrpt_saw(f->t, &seen);
	seen.failure = POLICY_CERTIFICATE_HOST_MISMATCH;
	seen.reason = SPAN("it is for others");
	seen.receiving_ip = SPAN("192.0.2.25");
	courier_tlsrpt_saw(f->t, &seen);
	report_to(f, &json);
	has(&json, "\"policy-type\":\"sts\",\"policy-string\":[\"version: STSv1\",\"mode: enforce\","
		   "\"mx: mx.good.test\",\"mx: *.good.test\",\"max_age: 604800\"],"
		   "\"policy-domain\":\"good.test\",\"mx-host\":[\"mx.good.test\",\"*.good.test\"]");
	has(&json, "\"total-successful-session-count\":1,\"total-failure-session-count\":1");
	has(&json, "\"result-type\":\"certificate-host-mismatch\",\"receiving-mx-hostname\":"
		   "\"mx.good.test\",\"receiving-ip\":\"192.0.2.25\",\"failure-reason-code\":"
		   "\"it is for others\"");
	buf_free(&json);
}

/* The recipient's domain gets the report, the policy is the host's. */
static void seen_tlsa(void **state)
{
	struct fix *f = *state;
	const struct policy_tlsa_set set = {.count = 1,
					    .records = {{3, 1, 1, SPAN_INIT("\x12\xab")}}};
	const struct policy_inputs in = {.domain = SPAN("good.test")};
	const struct policy_target target = {.host = SPAN("mx.provider.test"),
					     .sni = SPAN("base.provider.test"),
					     .type = POLICY_TYPE_TLSA,
					     .tlsa = &set};
	struct buf json;

	courier_tlsrpt_saw(f->t, &(struct courier_tlsrpt_seen){.in = &in, .target = &target});
	report_to(f, &json);
	has(&json, "\"policy-type\":\"tlsa\",\"policy-string\":[\"3 1 1 12ab\"],"
		   "\"policy-domain\":\"base.provider.test\"}");
	buf_free(&json);
}

/* What was found before anybody connected goes before how it went. */
static void seen_before(void **state)
{
	struct fix *f = *state;
	const struct policy_inputs in = {.domain = SPAN("good.test"),
					 .sts_wrong = "HTTP 404",
					 .sts_failure = POLICY_STS_FETCH_ERROR};
	const struct policy_target target = {.host = SPAN("mx.good.test"),
					     .type = POLICY_TYPE_STS,
					     .failure = POLICY_STS_FETCH_ERROR};
	struct buf json;

	courier_tlsrpt_saw(f->t, &(struct courier_tlsrpt_seen){.in = &in, .target = &target});
	report_to(f, &json);
	has(&json, "\"total-failure-session-count\":1");
	has(&json, "\"result-type\":\"sts-policy-fetch-error\"");
	has(&json, "\"failure-reason-code\":\"HTTP 404\"");
	buf_free(&json);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_day), T(restarts), T(it_was_off), T(nobody_asks), T(asks_no_more), T(posted),
		T(retries), T(works_again), T(without_a_store), T(saved_when_told), T(many),
		T(too_much), T(foreign_notes), T(seen_sts), T(seen_tlsa), T(seen_before)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
