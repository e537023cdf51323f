/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/sts: when a policy is fetched, who waits for it, what a restart and
 * a failure leave of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "peers.h"
#include "role/courier/sts.h"

#define DAY 86400u
#define ENFORCE                                                                \
	"version: STSv1\nmode: enforce\nmx: mx.good.test\nmax_age: 604800\n"
#define TESTING                                                                \
	"version: STSv1\nmode: testing\nmx: mx.good.test\nmax_age: 604800\n"

struct fix {
	struct peers peers;
	struct courier_sts *sts;
	struct peers_page *record, *web;
};

static struct courier_sts *sts_of(struct peers *p)
{
	const struct courier_sts_use use = {.loop = p->loop,
					    .store = &p->store,
					    .dialer = &p->dialer,
					    .fetch = &p->fetch};
	struct courier_sts *s = courier_sts_new(&use);

	assert_non_null(s);
	return s;
}

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof *f);

	assert_non_null(f);
	peers_new(&f->peers, 7);
	f->record = &f->peers.pages[0];
	f->web = &f->peers.pages[1];
	*f->record = (struct peers_page){.name = "_mta-sts.good.test",
					 .trust = COURIER_DIALER_TRUST_INSECURE,
					 .txt = {"v=STSv1; id=a"}};
	*f->web = (struct peers_page){.name = "mta-sts.good.test",
				      .outcome = COURIER_FETCH_OUTCOME_ANSWERED,
				      .status = 200,
				      .body = ENFORCE};
	f->sts = sts_of(&f->peers);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	courier_sts_free(f->sts);
	peers_free(&f->peers);
	free(f);
	return 0;
}

/* ---- asking --------------------------------------------------------------------- */

struct ask {
	struct fix *fix;
	const char *domain;
	struct arena *arena;
	struct courier_sts_answer answer;
	bool known, done;
};

static void asks(void *arg)
{
	struct ask *a = arg;

	a->known = courier_sts_for(a->fix->sts, span_cstr(a->domain), a->arena, &a->answer);
	a->done = true;
}

/* The mode that applies; -1: none does, -2: it is not known. */
static int mode(struct fix *f, const char *domain)
{
	struct ask a = {.fix = f, .domain = domain, .arena = arena_new(1u << 20)};
	int m;

	peers_do(&f->peers, asks, &a);
	m = !a.known ? -2 : a.answer.policy == NULL ? -1 : (int)a.answer.policy->mode;
	if (a.known && a.answer.policy == NULL && a.answer.txt == POLICY_STS_TXT_ID)
		assert_true(a.answer.wrong != NULL &&
			    a.answer.failure != POLICY_FAILURE_NONE);
	else if (a.known)
		assert_null(a.answer.wrong);
	arena_free(a.arena);
	return m;
}

static enum policy_failure failure(struct fix *f, const char *domain)
{
	struct ask a = {.fix = f, .domain = domain, .arena = arena_new(1u << 20)};

	peers_do(&f->peers, asks, &a);
	assert_true(a.known);
	arena_free(a.arena);
	return a.answer.failure;
}

static void restart(struct fix *f)
{
	courier_sts_free(f->sts);
	f->sts = sts_of(&f->peers);
}

/* ---- cases ----------------------------------------------------------------------- */

static void fetched_once(void **state)
{
	struct fix *f = *state;

	assert_int_equal(mode(f, "good.test"), POLICY_STS_MODE_ENFORCE);
	assert_int_equal(mode(f, "GOOD.test"), POLICY_STS_MODE_ENFORCE);
	assert_int_equal(f->web->asked, 1);
	assert_int_equal(f->record->asked, 2);
	assert_non_null(peers_note(&f->peers, COURIER_STORE_NOTE_STS, "good.test"));
	/* No record, no question to a web server. */
	assert_int_equal(mode(f, "other.test"), -1);
	assert_int_equal(mode(f, "[192.0.2.1]"), -1);
	assert_int_equal(f->web->asked, 1);
}

/* Ten that need the answer at once: one asks. */
static void waiters_share(void **state)
{
	struct fix *f = *state;
	struct ask a[10];
	unsigned done = 0;

	f->web->delay_ms = 20000;
	for (size_t i = 0; i < ARRAY_LEN(a); i++) {
		a[i] = (struct ask){.fix = f, .domain = "good.test", .arena = arena_new(1u << 20)};
		assert_non_null(fiber_start(f->peers.loop, asks, &a[i]));
	}
	peers_run(&f->peers, 10);
	for (size_t i = 0; i < ARRAY_LEN(a); i++)
		done += a[i].done;
	assert_int_equal(done, 0);
	peers_run(&f->peers, 15);
	for (size_t i = 0; i < ARRAY_LEN(a); i++) {
		assert_true(a[i].done && a[i].known);
		assert_non_null(a[i].answer.policy);
		arena_free(a[i].arena);
	}
	assert_int_equal(f->web->asked, 1);
}

static void a_restart_keeps_it(void **state)
{
	struct fix *f = *state;

	assert_int_equal(mode(f, "good.test"), POLICY_STS_MODE_ENFORCE);
	restart(f);
	/* Record and web server are gone: what is kept applies. */
	f->record->txt[0] = NULL;
	f->web->outcome = COURIER_FETCH_OUTCOME_UNREACHABLE;
	assert_int_equal(mode(f, "good.test"), POLICY_STS_MODE_ENFORCE);
	assert_int_equal(f->web->asked, 1);
}

/* For a week, whatever the web server and the name server do. */
static void failures_weaken_nothing(void **state)
{
	struct fix *f = *state;

	assert_int_equal(mode(f, "good.test"), POLICY_STS_MODE_ENFORCE);
	f->web->outcome = COURIER_FETCH_OUTCOME_CERTIFICATE;
	f->record->txt[0] = "v=STSv1; id=b";
	for (int day = 0; day < 6; day++) {
		assert_int_equal(mode(f, "good.test"), POLICY_STS_MODE_ENFORCE);
		if (day == 3)
			f->record->trust = COURIER_DIALER_TRUST_FAILED;
		if (day % 2 == 0)
			restart(f);
		peers_run(&f->peers, DAY);
	}
	assert_true(f->web->asked > 3);
	f->record->trust = COURIER_DIALER_TRUST_INSECURE;
	peers_run(&f->peers, 2 * DAY);
	assert_int_equal(mode(f, "good.test"), -1); /* its time is over */
	assert_int_equal(failure(f, "good.test"), POLICY_STS_WEBPKI_INVALID);
}

static void a_new_id_is_a_new_policy(void **state)
{
	struct fix *f = *state;

	assert_int_equal(mode(f, "good.test"), POLICY_STS_MODE_ENFORCE);
	f->web->body = TESTING;
	assert_int_equal(mode(f, "good.test"), POLICY_STS_MODE_ENFORCE);
	f->record->txt[0] = "v=STSv1; id=b";
	assert_int_equal(mode(f, "good.test"), POLICY_STS_MODE_TESTING);
	assert_int_equal(f->web->asked, 2);
}

static void what_failed_is_named(void **state)
{
	struct fix *f = *state;
	static const struct {
		enum courier_fetch_outcome outcome;
		unsigned status;
		const char *body, *media;
		enum policy_failure failure;
	} cases[] = {
		{COURIER_FETCH_OUTCOME_UNREACHABLE, 0, "", NULL, POLICY_STS_FETCH_ERROR},
		{COURIER_FETCH_OUTCOME_LATE, 0, "", NULL, POLICY_STS_FETCH_ERROR},
		{COURIER_FETCH_OUTCOME_CERTIFICATE, 0, "", NULL, POLICY_STS_WEBPKI_INVALID},
		{COURIER_FETCH_OUTCOME_ANSWERED, 404, ENFORCE, NULL, POLICY_STS_FETCH_ERROR},
		{COURIER_FETCH_OUTCOME_ANSWERED, 301, ENFORCE, NULL, POLICY_STS_FETCH_ERROR},
		{COURIER_FETCH_OUTCOME_ANSWERED, 200, "nonsense", NULL, POLICY_STS_INVALID},
		{COURIER_FETCH_OUTCOME_ANSWERED, 200, ENFORCE, "text/html", POLICY_STS_INVALID}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		f->web->outcome = cases[i].outcome;
		f->web->status = cases[i].status;
		f->web->body = cases[i].body;
		f->web->media = cases[i].media;
		assert_int_equal(failure(f, "good.test"), cases[i].failure);
		assert_int_equal(f->web->asked, i + 1);
		/* Not again at once, in this life or the next. */
		assert_int_equal(failure(f, "good.test"), cases[i].failure);
		restart(f);
		assert_int_equal(failure(f, "good.test"), POLICY_STS_FETCH_ERROR);
		assert_int_equal(f->web->asked, i + 1);
		peers_run(&f->peers, POLICY_STS_RETRY_MAX);
	}
}

/* A store that does not answer keeps nothing back and gives nothing away. */
static void without_a_store(void **state)
{
	struct fix *f = *state;
	struct courier_store *store = f->peers.store;

	f->peers.store_fails = true;
	assert_int_equal(mode(f, "good.test"), -2);
	assert_int_equal(f->web->asked, 0);
	f->peers.store = NULL;
	assert_int_equal(mode(f, "good.test"), -2);
	f->peers.store = store;
	f->peers.store_fails = false;
	assert_int_equal(mode(f, "good.test"), POLICY_STS_MODE_ENFORCE);
	/* It fails later: what is in memory counts. */
	f->peers.store_fails = true;
	f->record->txt[0] = "v=STSv1; id=b";
	assert_int_equal(mode(f, "good.test"), POLICY_STS_MODE_ENFORCE);
}

static void without_dialer_or_fetch(void **state)
{
	struct fix *f = *state;
	struct courier_dialer *dialer = f->peers.dialer;
	struct courier_fetch *fetch = f->peers.fetch;

	f->peers.dialer = NULL;
	assert_int_equal(mode(f, "good.test"), -1); /* no record is known */
	f->peers.dialer = dialer;
	f->peers.fetch = NULL;
	assert_int_equal(failure(f, "good.test"), POLICY_STS_FETCH_ERROR);
	f->peers.fetch = fetch;
	peers_run(&f->peers, POLICY_STS_RETRY_MAX);
	assert_int_equal(mode(f, "good.test"), POLICY_STS_MODE_ENFORCE);
	f->peers.dialer = NULL;
	assert_int_equal(mode(f, "good.test"), POLICY_STS_MODE_ENFORCE);
	f->peers.dialer = dialer;
}

/* Mail does not wait for what is only renewed. */
static void renewed_behind_the_back(void **state)
{
	struct fix *f = *state;

	assert_int_equal(mode(f, "good.test"), POLICY_STS_MODE_ENFORCE);
	peers_run(&f->peers, DAY);
	f->web->delay_ms = 30000;
	uint64_t before = world_now(f->peers.world);
	assert_int_equal(mode(f, "good.test"), POLICY_STS_MODE_ENFORCE);
	assert_int_equal(mode(f, "good.test"), POLICY_STS_MODE_ENFORCE);
	assert_true(world_now(f->peers.world) - before < NS_PER_SEC);
	peers_run(&f->peers, 60);
	assert_int_equal(f->web->asked, 2);
	assert_int_equal(courier_sts_counts(f->sts).renewed, 1);
	/* It ends in the middle of one. */
	peers_run(&f->peers, DAY);
	assert_int_equal(mode(f, "good.test"), POLICY_STS_MODE_ENFORCE);
}

/* Nobody writes to the domain, and its policy lives on; another is forgotten. */
static void rounds(void **state)
{
	struct fix *f = *state;

	assert_int_equal(mode(f, "good.test"), POLICY_STS_MODE_ENFORCE);
	f->peers.pages[2] = (struct peers_page){.name = "_mta-sts.bad.test",
						.trust = COURIER_DIALER_TRUST_INSECURE,
						.txt = {"v=STSv1; id=x"}};
	assert_int_equal(mode(f, "bad.test"), -1);
	assert_non_null(peers_note(&f->peers, COURIER_STORE_NOTE_STS, "bad.test"));
	f->peers.pages[2].name = NULL;
	courier_sts_start(f->sts);
	peers_run(&f->peers, 20 * DAY);
	assert_in_range(f->web->asked, 18, 21);
	assert_int_equal(mode(f, "good.test"), POLICY_STS_MODE_ENFORCE);
	/* The domain gives it up: it ends a week later, and is forgotten. */
	f->record->txt[0] = NULL;
	peers_run(&f->peers, 8 * DAY);
	assert_int_equal(mode(f, "good.test"), -1);
	assert_non_null(peers_note(&f->peers, COURIER_STORE_NOTE_STS, "good.test"));
	peers_run(&f->peers, 40 * DAY);
	assert_null(peers_note(&f->peers, COURIER_STORE_NOTE_STS, "good.test"));
	assert_null(peers_note(&f->peers, COURIER_STORE_NOTE_STS, "bad.test"));
}

/* More than one page of names. */
static void rounds_go_through_all(void **state)
{
	struct fix *f = *state;
	struct policy_sts_kept k = {.failures = 1, .failed = 1};
	struct buf row;

	buf_init(&row, 1024);
	policy_sts_pack(&row, &k);
	for (size_t i = 0; i < 250; i++) {
		struct peers_note *n = &f->peers.notes[i];
		n->kind = COURIER_STORE_NOTE_STS;
		(void)snprintf(n->name, sizeof n->name, "d%03zu.test", i);
		n->len = buf_len(&row);
		n->value = malloc(n->len);
		assert_non_null(n->value);
		memcpy(n->value, buf_span(&row).ptr, n->len);
	}
	buf_free(&row);
	sim_wall_set(f->peers.world, (struct wall){.sec = 2000000000});
	courier_sts_start(f->sts);
	peers_run(&f->peers, 2 * COURIER_STS_ROUND);
	for (size_t i = 0; i < 250; i++)
		assert_null(f->peers.notes[i].value);
}

/* The cache is bounded; what falls out comes back from the store. */
static void bounded(void **state)
{
	struct fix *f = *state;
	char name[32];

	assert_int_equal(mode(f, "good.test"), POLICY_STS_MODE_ENFORCE);
	for (unsigned i = 0; i < COURIER_STS_CACHE; i++) {
		(void)snprintf(name, sizeof name, "n%u.test", i);
		assert_int_equal(mode(f, name), -1);
	}
	assert_int_equal(courier_sts_counts(f->sts).cached, COURIER_STS_CACHE);
	f->record->txt[0] = NULL;
	assert_int_equal(mode(f, "good.test"), POLICY_STS_MODE_ENFORCE);
	assert_int_equal(f->web->asked, 1);
}

/* A row that is no row of ours protects nobody, and is replaced. */
static void a_damaged_row(void **state)
{
	struct fix *f = *state;

	assert_int_equal(mode(f, "good.test"), POLICY_STS_MODE_ENFORCE);
	peers_note(&f->peers, COURIER_STORE_NOTE_STS, "good.test")->len--;
	restart(f);
	assert_int_equal(mode(f, "good.test"), POLICY_STS_MODE_ENFORCE);
	assert_int_equal(f->web->asked, 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(fetched_once),
		T(waiters_share),
		T(a_restart_keeps_it),
		T(failures_weaken_nothing),
		T(a_new_id_is_a_new_policy),
		T(what_failed_is_named),
		T(without_a_store),
		T(without_dialer_or_fetch),
		T(renewed_behind_the_back),
		T(rounds),
		T(rounds_go_through_all),
		T(bounded),
		T(a_damaged_row)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
