/* SPDX-License-Identifier: Apache-2.0 */
/* directory: objects, resolving with loops and limits, who may send as whom. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "directory/directory.h"
#include "directory/format.h"

struct test {
	struct fixture f;
	struct directory *d;
	struct arena *a;
	uint64_t last_told;
	unsigned told;
};

static void changed(void *arg, uint64_t account)
{
	struct test *t = arg;
	t->told++;
	t->last_told = account;
}

static void start(struct test *t)
{
	*t = (struct test){.a = arena_new(16 << 20)};
	fixture_start(&t->f, MEMORY, 1);
	assert_int_equal(directory_open(t->f.kv, &t->d), DIRECTORY_OK);
	directory_set_separators(t->d, SPAN("+"));
	directory_on_change(t->d, changed, t);
}

static void stop(struct test *t)
{
	directory_close(t->d);
	fixture_stop(&t->f);
	arena_free(t->a);
}

struct answer {
	bool done;
	enum directory_result result;
};

static void answered(void *arg, enum directory_result r)
{
	struct answer *a = arg;
	*a = (struct answer){true, r};
}

static enum directory_result change(struct test *t, struct directory_change *q)
{
	struct answer a = {0};
	enum directory_result r = directory_change(t->d, q, answered, &a);
	if (r != DIRECTORY_OK)
		return r;
	assert_false(a.done);
	while (!a.done)
		kv_poll(t->f.kv);
	return a.result;
}

static enum directory_result domain(struct test *t, const char *name,
				    const char *catch_all)
{
	return change(t, &(struct directory_change){
				 .verb = DIRECTORY_DOMAIN_PUT,
				 .domain = {.name = span_cstr(name),
					    .catch_all = span_cstr(catch_all)}});
}

static enum directory_result account(struct test *t, const char *name,
				     uint64_t *id)
{
	struct directory_change q = {.verb = DIRECTORY_ACCOUNT_ADD,
				     .account = {.name = span_cstr(name)}};
	enum directory_result r = change(t, &q);
	if (id)
		*id = q.account.id;
	return r;
}

static enum directory_result alias(struct test *t, const char *address,
				   const char *targets)
{
	struct span list[8], rest = span_cstr(targets);
	size_t n = 0;
	while (rest.len)
		span_cut(&rest, ' ', &list[n++]);
	return change(t, &(struct directory_change){
				 .verb = DIRECTORY_ALIAS_PUT,
				 .alias = {.address = span_cstr(address),
					   .targets = list,
					   .count = n}});
}

static struct directory_resolved resolve(struct test *t, const char *address)
{
	struct directory_resolved r;
	arena_reset(t->a);
	assert_true(directory_resolve(t->d, t->a, span_cstr(address), &r));
	return r;
}

static void expect_one(struct test *t, const char *address, uint64_t id,
		       const char *detail)
{
	struct directory_resolved r = resolve(t, address);
	assert_int_equal(r.answer, DIRECTORY_OURS);
	assert_int_equal(r.count, 1);
	assert_true(r.targets[0].account == id);
	assert_true(span_eq(r.targets[0].detail, span_cstr(detail)));
}

static void addresses_resolve_in_order(void **state)
{
	(void)state;
	struct test t;
	uint64_t ann, bob, pm;
	start(&t);
	assert_int_equal(account(&t, "ann@example.org", &ann), DIRECTORY_BAD);
	assert_int_equal(domain(&t, "Example.org", ""), DIRECTORY_OK);
	assert_int_equal(domain(&t, "other.net", "bob@example.org"),
			 DIRECTORY_OK);
	assert_int_equal(account(&t, "Ann@Example.org", &ann), DIRECTORY_OK);
	assert_true(t.last_told == ann);
	assert_int_equal(account(&t, "ann@example.org", &bob),
			 DIRECTORY_EXISTS);
	assert_int_equal(account(&t, "bob@example.org", &bob), DIRECTORY_OK);
	assert_true(ann != bob);
	expect_one(&t, "ANN@EXAMPLE.ORG", ann, "");
	expect_one(&t, "ann+lists@example.org", ann, "lists");
	expect_one(&t, "ann+a+b@example.org", ann, "a+b");
	assert_int_equal(resolve(&t, "ann-x@example.org").answer,
			 DIRECTORY_UNKNOWN);
	directory_set_separators(t.d, SPAN("+-_="));
	expect_one(&t, "ann-x+y@example.org", ann, "x+y");
	expect_one(&t, "ann=@example.org", ann, "");
	directory_set_separators(t.d, SPAN(""));
	assert_int_equal(resolve(&t, "ann+x@example.org").answer,
			 DIRECTORY_UNKNOWN);
	directory_set_separators(t.d, SPAN("+"));
	expect_one(&t, "whoever@other.net", bob, "");
	assert_int_equal(resolve(&t, "nobody@example.org").answer,
			 DIRECTORY_UNKNOWN);
	assert_int_equal(resolve(&t, "+x@example.org").answer,
			 DIRECTORY_UNKNOWN);
	assert_int_equal(resolve(&t, "x@elsewhere.com").answer,
			 DIRECTORY_REMOTE);
	/* Whose local parts mind their case. */
	assert_true(span_eq(resolve(&t, "Jo.X@Elsewhere.COM").targets[0].address,
			    SPAN("Jo.X@elsewhere.com")));
	assert_int_equal(resolve(&t, "x").answer, DIRECTORY_UNKNOWN);
	assert_int_equal(resolve(&t, "").answer, DIRECTORY_UNKNOWN);
	/* postmaster and abuse always go somewhere. */
	assert_int_equal(resolve(&t, "postmaster").answer, DIRECTORY_UNKNOWN);
	directory_set_postmaster(t.d, SPAN("ann@example.org"));
	expect_one(&t, "postmaster", ann, "");
	expect_one(&t, "Abuse@example.org", ann, "");
	assert_int_equal(account(&t, "postmaster@other.net", &pm),
			 DIRECTORY_OK);
	expect_one(&t, "postmaster@other.net", pm, "");
	expect_one(&t, "PostMaster@example.org", pm, "");
	expect_one(&t, "abuse@example.org", ann, "");
	expect_one(&t, "postmaster", pm, "");
	stop(&t);
}

static void aliases_nest_and_are_counted_once(void **state)
{
	(void)state;
	struct test t;
	uint64_t ann, bob;
	char name[64], next[64];
	start(&t);
	assert_int_equal(domain(&t, "e.org", ""), DIRECTORY_OK);
	assert_int_equal(account(&t, "ann@e.org", &ann), DIRECTORY_OK);
	assert_int_equal(account(&t, "bob@e.org", &bob), DIRECTORY_OK);
	assert_int_equal(alias(&t, "all@e.org", "ann@e.org staff@e.org"),
			 DIRECTORY_OK);
	assert_int_equal(alias(&t, "staff@e.org",
			       "bob@e.org ANN@e.org all@e.org x@far.com"),
			 DIRECTORY_OK);
	struct directory_resolved r = resolve(&t, "all@e.org");
	assert_int_equal(r.answer, DIRECTORY_SET);
	assert_int_equal(r.count, 3);
	assert_int_equal(alias(&t, "me@e.org", "ann+tag@e.org"), DIRECTORY_OK);
	expect_one(&t, "me@e.org", ann, "tag");
	/* A loop that leads nowhere. */
	assert_int_equal(alias(&t, "l1@e.org", "l2@e.org"), DIRECTORY_OK);
	assert_int_equal(alias(&t, "l2@e.org", "l1@e.org"), DIRECTORY_OK);
	assert_int_equal(resolve(&t, "l1@e.org").answer, DIRECTORY_UNKNOWN);
	/* Depth at the limit, and one more. */
	for (unsigned i = 0; i <= DIRECTORY_DEPTH_MAX; i++) {
		snprintf(name, sizeof(name), "d%u@e.org", i);
		snprintf(next, sizeof(next), "d%u@e.org", i + 1);
		assert_int_equal(alias(&t, name,
				       i == DIRECTORY_DEPTH_MAX ? "ann@e.org"
								: next),
				 DIRECTORY_OK);
	}
	expect_one(&t, "d1@e.org", ann, "");
	expect_one(&t, "d2@e.org", ann, "");
	assert_int_equal(resolve(&t, "d0@e.org").answer, DIRECTORY_LOOP);
	/* An alias to one account elsewhere stays a set. */
	assert_int_equal(alias(&t, "out@e.org", "x@far.com"), DIRECTORY_OK);
	assert_int_equal(resolve(&t, "out@e.org").answer, DIRECTORY_SET);
	stop(&t);
}

static void results_and_targets_have_limits(void **state)
{
	(void)state;
	struct test t;
	static char text[DIRECTORY_TARGETS_MAX + 1][24];
	static struct span list[DIRECTORY_TARGETS_MAX + 1];
	start(&t);
	assert_int_equal(domain(&t, "e.org", ""), DIRECTORY_OK);
	for (unsigned i = 0; i <= DIRECTORY_TARGETS_MAX; i++) {
		snprintf(text[i], sizeof(text[i]), "u%u@far.com", i);
		list[i] = span_cstr(text[i]);
	}
	for (size_t n = DIRECTORY_TARGETS_MAX - 1;
	     n <= DIRECTORY_TARGETS_MAX + 1; n++)
		assert_int_equal(
			change(&t,
			       &(struct directory_change){
				       .verb = DIRECTORY_ALIAS_PUT,
				       .alias = {SPAN("big@e.org"), list, n,
						 0}}),
			n > DIRECTORY_TARGETS_MAX ? DIRECTORY_LIMIT
						  : DIRECTORY_OK);
	struct directory_resolved r = resolve(&t, "big@e.org");
	assert_int_equal(r.answer, DIRECTORY_SET);
	assert_int_equal(r.count, DIRECTORY_RESULTS_MAX);
	assert_int_equal(alias(&t, "more@e.org", "big@e.org one@far.net"),
			 DIRECTORY_OK);
	assert_int_equal(resolve(&t, "more@e.org").answer, DIRECTORY_LOOP);
	stop(&t);
}

static void accounts_come_go_and_come_back(void **state)
{
	(void)state;
	struct test t;
	uint64_t a, b;
	start(&t);
	assert_int_equal(domain(&t, "e.org", ""), DIRECTORY_OK);
	assert_int_equal(account(&t, "a@e.org", &a), DIRECTORY_OK);
	struct directory_change q = {.verb = DIRECTORY_ACCOUNT_REMOVE,
				     .account = {.id = a}};
	assert_int_equal(change(&t, &q), DIRECTORY_OK);
	assert_int_equal(change(&t, &q), DIRECTORY_NONE);
	assert_int_equal(resolve(&t, "a@e.org").answer, DIRECTORY_UNKNOWN);
	assert_null(directory_account_named(t.d, SPAN("a@e.org")));
	assert_int_equal(directory_account(t.d, a)->state, DIRECTORY_REMOVED);
	/* The address is free; the old account cannot come back to it then. */
	assert_int_equal(account(&t, "a@e.org", &b), DIRECTORY_OK);
	assert_true(b > a);
	struct directory_change back = {
		.verb = DIRECTORY_ACCOUNT_SET,
		.account = {.id = a, .state = DIRECTORY_ACTIVE}};
	assert_int_equal(change(&t, &back), DIRECTORY_EXISTS);
	q.account.id = b;
	assert_int_equal(change(&t, &q), DIRECTORY_OK);
	assert_int_equal(change(&t, &back), DIRECTORY_OK);
	expect_one(&t, "a@e.org", a, "");
	q = (struct directory_change){.verb = DIRECTORY_ACCOUNT_FORGET,
				      .account = {.id = a}};
	assert_int_equal(change(&t, &q), DIRECTORY_NONE); /* it is active */
	q.account.id = b;
	assert_int_equal(change(&t, &q), DIRECTORY_OK);
	assert_null(directory_account(t.d, b));
	/* Numbers are never given twice. */
	uint64_t c;
	assert_int_equal(change(&t, &(struct directory_change){
					    .verb = DIRECTORY_ACCOUNT_REMOVE,
					    .account = {.id = a}}),
			 DIRECTORY_OK);
	assert_int_equal(account(&t, "a@e.org", &c), DIRECTORY_OK);
	assert_true(c > b);
	/* A domain in use stays. */
	struct directory_change gone = {.verb = DIRECTORY_DOMAIN_REMOVE,
					.domain = {.name = SPAN("e.org")}};
	assert_int_equal(change(&t, &gone), DIRECTORY_IN_USE);
	stop(&t);
}

static void verifiers_and_everything_survive_a_restart(void **state)
{
	(void)state;
	struct test t;
	uint64_t a;
	size_t n;
	start(&t);
	assert_int_equal(domain(&t, "e.org", "a@e.org"), DIRECTORY_OK);
	assert_int_equal(account(&t, "a@e.org", &a), DIRECTORY_OK);
	assert_int_equal(alias(&t, "b@e.org", "a@e.org"), DIRECTORY_OK);
	struct directory_change q = {
		.verb = DIRECTORY_VERIFIER_PUT,
		.account = {.id = a},
		.verifier = {.argon2 = SPAN("$argon2id$x"),
			     .scram = SPAN("scram"),
			     .scopes = DIRECTORY_ALL}};
	assert_int_equal(change(&t, &q), DIRECTORY_OK);
	for (unsigned i = 1; i <= DIRECTORY_APPS_MAX + 1; i++) {
		q.verifier = (struct directory_verifier){
			.number = UINT32_MAX,
			.label = SPAN("phone"),
			.scopes = DIRECTORY_IMAP};
		assert_int_equal(change(&t, &q), i > DIRECTORY_APPS_MAX
							 ? DIRECTORY_LIMIT
							 : DIRECTORY_OK);
		if (i <= DIRECTORY_APPS_MAX)
			assert_int_equal(q.verifier.number, i);
	}
	q.verb = DIRECTORY_VERIFIER_REMOVE;
	q.verifier.number = 1;
	assert_int_equal(change(&t, &q), DIRECTORY_OK);
	assert_int_equal(change(&t, &q), DIRECTORY_NONE);
	for (int round = 0; round < 2; round++) {
		const struct directory_verifier *v =
			directory_verifiers(t.d, a, &n);
		assert_int_equal(n, DIRECTORY_APPS_MAX);
		assert_true(v[0].number == 0 && v[1].number == 2);
		assert_true(span_eq(v[0].argon2, SPAN("$argon2id$x")));
		assert_true(span_eq(v[1].label, SPAN("phone")));
		expect_one(&t, "b@e.org", a, "");
		expect_one(&t, "zzz@e.org", a, "");
		assert_true(span_eq(
			directory_domain_next(t.d, SPAN(""))->name,
			SPAN("e.org")));
		assert_null(directory_domain_next(t.d, SPAN("e.org")));
		assert_true(span_eq(
			directory_alias_next(t.d, SPAN(""))->address,
			SPAN("b@e.org")));
		assert_true(directory_account_next(t.d, 0)->id == a);
		assert_null(directory_account_next(t.d, a));
		struct directory_fsck_count c;
		assert_int_equal(directory_fsck(t.d, false, NULL, NULL, &c),
				 DIRECTORY_OK);
		assert_true(c.wrong == 0 && c.domains == 1 && c.aliases == 1 &&
			    c.accounts == 1 &&
			    c.verifiers == DIRECTORY_APPS_MAX);
		directory_close(t.d);
		fixture_cut(&t.f);
		assert_int_equal(directory_open(t.f.kv, &t.d), DIRECTORY_OK);
	}
	stop(&t);
}

static void sending_as_others_needs_a_reason(void **state)
{
	(void)state;
	struct test t;
	uint64_t a, b;
	start(&t);
	assert_int_equal(domain(&t, "e.org", "a@e.org"), DIRECTORY_OK);
	assert_int_equal(domain(&t, "f.org", ""), DIRECTORY_OK);
	assert_int_equal(account(&t, "a@e.org", &a), DIRECTORY_OK);
	assert_int_equal(account(&t, "b@e.org", &b), DIRECTORY_OK);
	assert_int_equal(alias(&t, "only@e.org", "a@e.org"), DIRECTORY_OK);
	assert_int_equal(alias(&t, "both@e.org", "a@e.org b@e.org"),
			 DIRECTORY_OK);
	struct span grants[] = {SPAN("boss@far.com"), SPAN("@f.org")};
	struct directory_change q = {.verb = DIRECTORY_ACCOUNT_SET,
				     .account = {.id = b,
						 .state = DIRECTORY_ACTIVE,
						 .grants = grants,
						 .grant_count = 2}};
	assert_int_equal(change(&t, &q), DIRECTORY_OK);
	assert_true(directory_may_send_as(t.d, a, SPAN("A@e.org")));
	assert_true(directory_may_send_as(t.d, a, SPAN("a+x@e.org")));
	assert_true(directory_may_send_as(t.d, a, SPAN("only@e.org")));
	assert_true(directory_may_send_as(t.d, a, SPAN("only+x@e.org")));
	assert_false(directory_may_send_as(t.d, a, SPAN("both@e.org")));
	assert_false(directory_may_send_as(t.d, a, SPAN("b@e.org")));
	assert_false(directory_may_send_as(t.d, a, SPAN("caught@e.org")));
	assert_false(directory_may_send_as(t.d, b, SPAN("a@e.org")));
	assert_true(directory_may_send_as(t.d, b, SPAN("Boss@far.com")));
	assert_true(directory_may_send_as(t.d, b, SPAN("any@f.org")));
	assert_false(directory_may_send_as(t.d, b, SPAN("any@far.com")));
	assert_false(directory_may_send_as(t.d, b, SPAN("@f.org")));
	assert_false(directory_may_send_as(t.d, 12345, SPAN("a@e.org")));
	stop(&t);
}

static void bad_names_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"",	   "a",	      "@e.org", "a@",
					  "a@-x.y", "a@x..y", "a@x-.y", "a b@",
					  "a\1@e.org", "a@e.org.", "a@e_f"};
	struct test t;
	char local[80];
	start(&t);
	assert_int_equal(domain(&t, "e.org", ""), DIRECTORY_OK);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(account(&t, bad[i], NULL), DIRECTORY_BAD);
		assert_int_equal(alias(&t, "x@e.org", *bad[i] ? bad[i] : "@"),
				 DIRECTORY_BAD);
	}
	for (unsigned n = DIRECTORY_LOCAL_MAX - 1; n <= DIRECTORY_LOCAL_MAX + 1;
	     n++) {
		memset(local, 'x', n);
		snprintf(local + n, sizeof(local) - n, "@e.org");
		assert_int_equal(account(&t, local, NULL),
				 n > DIRECTORY_LOCAL_MAX ? DIRECTORY_BAD
							 : DIRECTORY_OK);
	}
	assert_int_equal(domain(&t, "a..b", ""), DIRECTORY_BAD);
	struct directory_change q = {
		.verb = DIRECTORY_DOMAIN_PUT,
		.domain = {.name = SPAN("e.org")}};
	assert_int_equal(change(&t, &q), DIRECTORY_OK);
	q.fresh = true;
	assert_int_equal(change(&t, &q), DIRECTORY_EXISTS);
	stop(&t);
}

static void damage_is_found_and_bounded(void **state)
{
	(void)state;
	struct test t;
	struct directory_fsck_count c;
	uint64_t a;
	start(&t);
	assert_int_equal(domain(&t, "e.org", ""), DIRECTORY_OK);
	assert_int_equal(account(&t, "a@e.org", &a), DIRECTORY_OK);
	assert_int_equal(alias(&t, "b@e.org", "a@e.org"), DIRECTORY_OK);
	directory_close(t.d);
	struct directory_key k = directory_key_text('U', SPAN("b@e.org"));
	assert_true(kv_disk_damage_row(
		t.f.disk,
		(struct kv_name){KV_DIRECTORY,
				 directory_partition(SPAN("b@e.org"))},
		directory_key_span(&k), 0));
	assert_int_equal(directory_open(t.f.kv, &t.d), DIRECTORY_OK);
	expect_one(&t, "a@e.org", a, "");
	assert_int_equal(resolve(&t, "b@e.org").answer, DIRECTORY_UNKNOWN);
	assert_int_equal(directory_fsck(t.d, true, NULL, NULL, &c),
			 DIRECTORY_OK);
	assert_true(c.wrong == 1 && c.repaired == 1);
	assert_int_equal(directory_fsck(t.d, true, NULL, NULL, &c),
			 DIRECTORY_OK);
	assert_true(c.wrong == 0);
	stop(&t);
}

/* Answers may be lost and groups fail: table and rows stay the same thing. */
static void the_table_follows_the_rows_through_faults(void **state)
{
	(void)state;
	struct test t;
	uint64_t seed = 3;
	char name[32];
	start(&t);
	assert_int_equal(domain(&t, "e.org", ""), DIRECTORY_OK);
	kv_disk_faults(t.f.disk,
		       &(struct kv_memory_faults){.conflict = 80,
						  .unknown_done = 80,
						  .unknown_lost = 80,
						  .group_failed = 50});
	for (unsigned i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "u%u@e.org",
			 (unsigned)roll(&seed, 30));
		const struct directory_account *acc =
			directory_account_named(t.d, span_cstr(name));
		if (acc && roll(&seed, 2))
			change(&t, &(struct directory_change){
					   .verb = DIRECTORY_ACCOUNT_REMOVE,
					   .account = {.id = acc->id}});
		else if (!acc)
			account(&t, name, NULL);
	}
	kv_disk_faults(t.f.disk, &(struct kv_memory_faults){0});
	kv_wait(t.f.kv);
	struct directory *fresh;
	assert_int_equal(directory_open(t.f.kv, &fresh), DIRECTORY_OK);
	for (unsigned i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "u%u@e.org", i);
		const struct directory_account *x = directory_account_named(
						       t.d, span_cstr(name)),
					       *y = directory_account_named(
						       fresh, span_cstr(name));
		assert_true(!x == !y && (!x || x->id == y->id));
	}
	directory_close(fresh);
	stop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_resolve_in_order),
		cmocka_unit_test(aliases_nest_and_are_counted_once),
		cmocka_unit_test(results_and_targets_have_limits),
		cmocka_unit_test(accounts_come_go_and_come_back),
		cmocka_unit_test(verifiers_and_everything_survive_a_restart),
		cmocka_unit_test(sending_as_others_needs_a_reason),
		cmocka_unit_test(bad_names_are_refused),
		cmocka_unit_test(damage_is_found_and_bounded),
		cmocka_unit_test(the_table_follows_the_rows_through_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
