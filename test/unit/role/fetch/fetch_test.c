/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/fetch as the program that it is, confined, against a web server with every
 * bad manner: what is answered, within which limits, and that no request needs
 * anything of the system that the role has not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

#define ACTIVE_MAX 16u /* as role/fetch has it */
#define BODY_MAX   61440u

static char *const *args; /* the program's */

static int setup(void **state)
{
	static struct rig rig;

	rig_new(&rig, args[1], args[2]);
	rig_authorities(&rig, "ca.pem");
	*state = &rig;
	return 0;
}

/* Whatever was asked: nothing was refused by the filter, and it is the same process. */
static int teardown(void **state)
{
	struct rig *r = *state;

#ifndef LL_SANITIZE
	assert_true(rig_confined(r));
	assert_int_equal(rig_figure(r, "count"), 0);
#endif
	assert_int_equal(rig_figure(r, "active"), 0);
	assert_int_equal(rig_figure(r, "waiting"), 0);
	rig_free(r);
	return 0;
}

/* ---- asking ---------------------------------------------------------------- */

struct got {
	struct courier_fetch_get_reply get;
	struct courier_fetch_post_reply post;
	enum ipc_result result;
	bool done;
};

static void answered(void *ctx, enum ipc_result result)
{
	struct got *g = ctx;

	g->result = result;
	g->done = true;
}

static void begin(struct rig *r, struct got *g, const char *host, const char *path, uint64_t ms)
{
	struct courier_fetch_get m = {.host = span_cstr(host), .path = span_cstr(path)};

	*g = (struct got){0};
	assert_int_equal(courier_fetch_get_start(r->courier, &m, r->arena, &g->get,
						 world_now(r->world) + ms * NS_PER_MS, answered,
						 g),
			 IPC_OK);
}

static struct courier_fetch_get_reply get(struct rig *r, const char *host, const char *path,
					  uint64_t ms)
{
	struct got g;

	arena_reset(r->arena);
	begin(r, &g, host, path, ms);
	assert_true(rig_until(r, &g.done, ms + 5000));
	if (g.result != IPC_OK)
		fail_msg("%s: %s", path, ipc_result_name(g.result));
	return g.get;
}

static struct courier_fetch_post_reply post(struct rig *r, const char *url, struct span media,
					    struct span body)
{
	struct courier_fetch_post m = {.url = span_cstr(url), .media = media, .body = body};
	struct got g = {0};

	arena_reset(r->arena);
	assert_int_equal(courier_fetch_post_start(r->courier, &m, r->arena, &g.post,
						  world_now(r->world) + 10 * NS_PER_SEC, answered,
						  &g),
			 IPC_OK);
	assert_true(rig_until(r, &g.done, 15000));
	assert_int_equal(g.result, IPC_OK);
	return g.post;
}

static void expect(struct rig *r, const char *host, const char *path,
		   enum courier_fetch_outcome outcome)
{
	struct courier_fetch_get_reply a = get(r, host, path, 10000);

	if (a.outcome != outcome)
		fail_msg("%s%s: %d, not %d: %.*s", host, path, a.outcome, outcome,
			 SPAN_FMT(a.why));
	if (outcome != COURIER_FETCH_OUTCOME_ANSWERED) {
		assert_int_equal(a.status, 0);
		assert_int_equal(a.body.len, 0);
		assert_true(a.why.len > 0);
	}
}

/* ---- answers ------------------------------------------------------------------ */

static void test_policy(void **state)
{
	struct rig *r = *state;
	struct courier_fetch_get_reply a = get(r, "good.test", "/.well-known/mta-sts.txt", 10000);

	assert_int_equal(a.outcome, COURIER_FETCH_OUTCOME_ANSWERED);
	assert_int_equal(a.status, 200);
	assert_true(span_eq(a.media, SPAN("text/plain")));
	assert_true(span_starts(a.body, SPAN("version: STSv1\n")));
	assert_string_equal(r->host, "good.test");
	assert_int_equal(r->port, 443);
	assert_int_equal(rig_figure(r, "authorities"), 1);
	assert_int_equal(rig_figure(r, "answered"), 1);
}

/* Who we are, and not one word more; a cookie does not come back. */
static void test_what_is_sent(void **state)
{
	struct rig *r = *state;

	for (int i = 0; i < 2; i++) {
		struct courier_fetch_get_reply a = get(r, "good.test", "/echo", 10000);
		assert_true(span_eq(a.body, SPAN("GET /echo HTTP/1.1\r\n"
						 "Host: good.test\r\n"
						 "User-Agent: letterlock\r\n"
						 "Accept: */*\r\n\r\n")));
	}
	assert_int_equal(r->dialed, 2);
}

static void test_post(void **state)
{
	struct rig *r = *state;
	static char body[49152];
	struct courier_fetch_post_reply a;

	memset(body, 'g', sizeof body);
	a = post(r, "https://good.test:8443/echo?a=b", SPAN("application/tlsrpt+gzip"),
		 span_of(body, sizeof body));
	assert_int_equal(a.outcome, COURIER_FETCH_OUTCOME_ANSWERED);
	assert_int_equal(r->port, 8443);
	a = post(r, "https://good.test/.well-known/mta-sts.txt", SPAN("text/plain"), SPAN("x"));
	assert_int_equal(a.outcome, COURIER_FETCH_OUTCOME_ANSWERED);
	assert_int_equal(a.status, 200);
	a = post(r, "https://good.test/missing", SPAN("text/plain"), SPAN(""));
	assert_int_equal(a.status, 404);
}

static void test_status_is_told(void **state)
{
	struct rig *r = *state;
	struct courier_fetch_get_reply a = get(r, "good.test", "/redirect", 10000);

	assert_int_equal(a.outcome, COURIER_FETCH_OUTCOME_ANSWERED);
	assert_int_equal(a.status, 302);
	assert_int_equal(r->dialed, 1);
	a = get(r, "good.test", "/missing", 10000);
	assert_int_equal(a.status, 404);
	assert_int_equal(a.media.len, 0); /* longer than we take */
}

/* ---- certificates ------------------------------------------------------------- */

static void test_certificates(void **state)
{
	struct rig *r = *state;
	const char *path = "/.well-known/mta-sts.txt";

	expect(r, "wrong.test", path, COURIER_FETCH_OUTCOME_CERTIFICATE);
	expect(r, "expired.test", path, COURIER_FETCH_OUTCOME_CERTIFICATE);
	expect(r, "stranger.test", path, COURIER_FETCH_OUTCOME_CERTIFICATE);
	expect(r, "good.test", path, COURIER_FETCH_OUTCOME_ANSWERED);
	/* Others are trusted now, and the first ones no more. */
	rig_authorities(r, "stranger.test.pem");
	expect(r, "stranger.test", path, COURIER_FETCH_OUTCOME_ANSWERED);
	expect(r, "good.test", path, COURIER_FETCH_OUTCOME_CERTIFICATE);
	assert_int_equal(rig_figure(r, "certificate"), 4);
}

static void test_no_tls(void **state)
{
	struct rig *r = *state;

	r->dial = DIAL_PLAIN;
	expect(r, "good.test", "/.well-known/mta-sts.txt", COURIER_FETCH_OUTCOME_BROKEN);
}

/* ---- limits --------------------------------------------------------------------- */

static void test_size(void **state)
{
	struct rig *r = *state;
	static const struct {
		const char *path;
		size_t size; /* 0: too large */
	} cases[] = {{"/large/61439", BODY_MAX - 1}, {"/large/61440", BODY_MAX},
		     {"/large/61441", 0},	     {"/large/100000000", 0},
		     {"/chunks/60", BODY_MAX},	     {"/chunks/61", 0},
		     {"/endless", 0},		     {"/fields", 0},
		     {"/interim", 0}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct courier_fetch_get_reply a = get(r, "good.test", cases[i].path, 10000);
		if (a.outcome != (cases[i].size > 0 ? COURIER_FETCH_OUTCOME_ANSWERED
						    : COURIER_FETCH_OUTCOME_TOO_LARGE))
			fail_msg("%s: %d %.*s", cases[i].path, a.outcome, SPAN_FMT(a.why));
		assert_int_equal(a.body.len, cases[i].size);
	}
	/* A line without an end is ended by the library's own limit. */
	assert_int_equal(get(r, "good.test", "/line", 10000).outcome,
			 COURIER_FETCH_OUTCOME_BROKEN);
}

static void test_time(void **state)
{
	struct rig *r = *state;
	static const char *const paths[] = {"/slow", "/silent"};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		uint64_t began = world_now(r->world);
		assert_int_equal(get(r, "good.test", paths[i], 700).outcome,
				 COURIER_FETCH_OUTCOME_LATE);
		assert_true(world_now(r->world) - began >= 500 * NS_PER_MS);
	}
	r->dial = DIAL_SILENCE;
	assert_int_equal(get(r, "good.test", "/echo", 500).outcome, COURIER_FETCH_OUTCOME_LATE);
}

static void test_ends_early(void **state)
{
	struct rig *r = *state;

	expect(r, "good.test", "/short", COURIER_FETCH_OUTCOME_BROKEN);
	expect(r, "good.test", "/cut", COURIER_FETCH_OUTCOME_BROKEN);
	/* The library does not tell one from the other. */
	expect(r, "good.test", "/closed", COURIER_FETCH_OUTCOME_BROKEN);
	expect(r, "good.test", "/nothing", COURIER_FETCH_OUTCOME_BROKEN);
	expect(r, "good.test", "/old", COURIER_FETCH_OUTCOME_BROKEN);
}

/* ---- what is not asked ---------------------------------------------------------- */

static void test_refused(void **state)
{
	struct rig *r = *state;
	static const struct {
		const char *host, *path;
	} cases[] = {{"", "/"},		 {"good.test", ""},	    {"good.test", "x"},
		     {"a@good.test", "/"}, {"good.test:80", "/"},   {"192.0.2.1", "/"},
		     {"[2001:db8::1]", "/"}, {"good.test/x", "/"}, {"good.test", "/a b"},
		     {"good.test", "/a\r\nX: y"}, {"good test", "/"}, {"g\xc3\xb6od.test", "/"},
		     {"good.test", "/#part"}, {"0x7f000001", "/"}, {"2130706433", "/"}};
	static const char *const urls[] = {"",
					   "http://good.test/",
					   "ftp://good.test/",
					   "file:///etc/passwd",
					   "https://u:p@good.test/",
					   "https://good.test:0/",
					   "https://good.test:65536/",
					   "https://127.0.0.1/",
					   "good.test",
					   "mailto:a@good.test"};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct courier_fetch_get_reply a = get(r, cases[i].host, cases[i].path, 5000);
		if (a.outcome != COURIER_FETCH_OUTCOME_REFUSED)
			fail_msg("%s%s: %d", cases[i].host, cases[i].path, a.outcome);
	}
	for (size_t i = 0; i < ARRAY_LEN(urls); i++)
		if (post(r, urls[i], SPAN("text/plain"), SPAN("x")).outcome !=
		    COURIER_FETCH_OUTCOME_REFUSED)
			fail_msg("%s", urls[i]);
	assert_int_equal(post(r, "https://good.test/", SPAN("a\r\nX: y"), SPAN("x")).outcome,
			 COURIER_FETCH_OUTCOME_REFUSED);
	assert_int_equal(r->dialed, 0);
	assert_int_equal(rig_figure(r, "turned_away"), ARRAY_LEN(cases) + ARRAY_LEN(urls) + 1);
}

/* ---- the dialer --------------------------------------------------------------------- */

static void test_no_connection(void **state)
{
	struct rig *r = *state;

	r->dial = DIAL_NOBODY;
	struct courier_fetch_get_reply a = get(r, "good.test", "/echo", 5000);
	assert_int_equal(a.outcome, COURIER_FETCH_OUTCOME_UNREACHABLE);
	assert_true(span_eq(a.why, SPAN("nobody is there")));
	/* A yes without a connection is no answer: the dialer is reported. */
	r->dial = DIAL_LIE;
	expect(r, "good.test", "/echo", COURIER_FETCH_OUTCOME_UNREACHABLE);
	bool gone = false;
	(void)rig_until(r, &gone, 50);
	assert_int_equal(r->broken, 1);
	assert_null(r->dialer);
	expect(r, "good.test", "/echo", COURIER_FETCH_OUTCOME_UNREACHABLE);
	r->dial = DIAL_TLS;
	rig_join_dialer(r);
	expect(r, "good.test", "/echo", COURIER_FETCH_OUTCOME_ANSWERED);
}

/* So many at a time, the rest waits in line; none of them for ever. */
static void test_many(void **state)
{
	struct rig *r = *state;
	static struct got g[ACTIVE_MAX + 4];
	unsigned late = 0;
	bool never = false;

	arena_reset(r->arena);
	for (size_t i = 0; i < ARRAY_LEN(g); i++)
		begin(r, &g[i], "good.test", i < ACTIVE_MAX ? "/silent" : "/echo", 4000);
	(void)rig_until(r, &never, 500);
	assert_int_equal(r->dialed, ACTIVE_MAX);
	for (size_t i = 0; i < ARRAY_LEN(g); i++) {
		assert_true(rig_until(r, &g[i].done, 10000));
		assert_int_equal(g[i].result, IPC_OK);
		late += g[i].get.outcome == COURIER_FETCH_OUTCOME_LATE;
	}
	assert_int_equal(late, ARRAY_LEN(g));
	arena_reset(r->arena);
	for (size_t i = 0; i < ARRAY_LEN(g); i++)
		begin(r, &g[i], "good.test", "/echo", 20000);
	for (size_t i = 0; i < ARRAY_LEN(g); i++) {
		assert_true(rig_until(r, &g[i].done, 20000));
		assert_int_equal(g[i].get.outcome, COURIER_FETCH_OUTCOME_ANSWERED);
	}
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		(void)fprintf(stderr, "usage: fetch_test PROGRAM SERVER\n");
		return 2;
	}
	args = argv;
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(policy),  T(what_is_sent), T(post),	 T(status_is_told), T(certificates),
		T(no_tls),  T(size),	     T(time),	 T(ends_early),	    T(refused),
		T(no_connection), T(many)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
