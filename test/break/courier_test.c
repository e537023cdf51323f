/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The courier against a store and a dialer that were taken over, and against
 * servers that hate it: whatever they say, an honest message that comes after it
 * goes out, and nothing is left open.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "attack.h"
#include "carry.h"
#include "hostile.h"
#include "os/sock.h"
#include "wire/admin_courier.h"
#include "wire/courier_fetch.h"
#include "wire/courier_vault.h"

#define ROUNDS 6u /* of each lie */

static const char conf[] = RULE("") "outgoing { idle 0s; }";

static struct server good = {.greeting = "220 hi\r\n",
			     .ehlo = "250-there\r\n250 PIPELINING\r\n",
			     .end = "250 taken\r\n"};

/* With new channels to both, as when the supervisor replaced them. */
static void honest_delivers(void *arg)
{
	struct scene *s = arg;
	size_t before = good.messages;

	s->fixed = &good;
	s->job_count = s->leased = s->settled_count = 0;
	scene_join(s);
	scene_job(s, &(struct test_job){0});
	scene_run(s, 1);
	assert_int_equal(s->settled[0].at[0].fate, COURIER_STORE_FATE_DELIVERED);
	assert_int_equal(good.messages, before + 1);
	buf_clear(&good.data);
	buf_clear(&good.heard);
}

static int setup(void **state)
{
	*state = scene_new(conf);
	return 0;
}

static int teardown(void **state)
{
	scene_free(*state);
	good = (struct server){.greeting = good.greeting, .ehlo = good.ehlo, .end = good.end};
	return 0;
}

static struct target as_store(struct scene *s)
{
	return (struct target){.house = s->house,
			       .role = s->courier,
			       .schema = &courier_store_hop,
			       .hop = HOP_COURIER_STORE,
			       .peer = KIND_STORE,
			       .side = 1,
			       .honest = honest_delivers,
			       .arg = s};
}

static struct target as_dialer(struct scene *s)
{
	struct target t = as_store(s);

	t.schema = &courier_dialer_hop;
	t.hop = HOP_COURIER_DIALER;
	t.peer = KIND_DIALER;
	return t;
}

static void test_framing_of_store(void **state)
{
	struct target t = as_store(*state);

	attack_framing(&t, 0xc0a1);
}

static void test_framing_of_dialer(void **state)
{
	struct target t = as_dialer(*state);

	attack_framing(&t, 0xc0a2);
}

/* A taken-over edge-admin: it may ask, and no more. */
static void test_framing_of_admin(void **state)
{
	struct target t = as_store(*state);

	t.schema = &admin_courier_hop;
	t.hop = HOP_ADMIN_COURIER;
	t.peer = KIND_EDGE_ADMIN;
	t.side = 0;
	attack_framing(&t, 0xc0a3);
}

/* A job is there, and one of the two that are asked about it lies. */
static void lies(struct scene *s, const struct target *t)
{
	struct world *w = house_world(s->house);
	uint64_t seed = 0x11e7;

	honest_delivers(s);
	house_run(s->house, 100);
	size_t before = sim_open(w);
	for (unsigned i = 0; i < ROUNDS * LIE_COUNT; i++) {
		bool never = false;
		int fd = attack_join(t);
		if (t->hop == HOP_COURIER_DIALER)
			scene_job(s, &(struct test_job){0});
		(void)attack_lie(t, &fd, (enum lie)(i % LIE_COUNT), &seed, &never, 2000);
		world_close(w, fd);
		house_run(s->house, 5000);
		honest_delivers(s);
		house_run(s->house, 5000);
	}
	assert_int_equal(sim_open(w), before);
}

static void test_lying_store(void **state)
{
	struct target t = as_store(*state);

	lies(*state, &t);
}

static void test_lying_dialer(void **state)
{
	struct target t = as_dialer(*state);

	lies(*state, &t);
}

/* ---- fetch ------------------------------------------------------------------------ */

static struct target as_fetch(struct scene *s)
{
	struct target t = as_store(s);

	t.schema = &courier_fetch_hop;
	t.hop = HOP_COURIER_FETCH;
	t.peer = KIND_FETCH;
	return t;
}

static void test_framing_of_fetch(void **state)
{
	struct target t = as_fetch(*state);

	attack_framing(&t, 0xc0a3);
}

/* No lie makes a policy, and none keeps mail back: its web server is as if it were away. */
static void test_lying_fetch(void **state)
{
	struct server there = {.greeting = good.greeting, .ehlo = good.ehlo, .end = good.end};
	struct scene *s = scene_new(SCENE_CONF "outgoing { idle 0s; }");
	struct target t = as_fetch(s);
	struct world *w = house_world(s->house);
	uint64_t seed = 0x11e8;
	size_t before = 0;
	char record[32];

	(void)state;
	s->zone[0] = (struct zone_host){.name = "there.example",
					.trust = COURIER_DIALER_TRUST_INSECURE,
					.mx = {{10, "mx.there.example"}},
					.mx_count = 1};
	s->zone[1] = (struct zone_host){.name = "mx.there.example",
					.trust = COURIER_DIALER_TRUST_INSECURE,
					.v4 = {192, 0, 2, 9},
					.server = &there};
	s->zone_count = 2;
	for (unsigned i = 0; i < 3 * LIE_COUNT; i++) {
		int fd = attack_join(&t);
		/* Another id: it is asked for again. */
		(void)snprintf(record, sizeof record, "v=STSv1; id=a%u", i);
		s->txt = record;
		s->job_count = s->leased = s->settled_count = 0;
		s->reached = false;
		s->want = 1;
		scene_job(s, &(struct test_job){.destination = "there.example"});
		if (!attack_lie(&t, &fd, (enum lie)(i % LIE_COUNT), &seed, &s->reached, 100000))
			fail_msg("lie %u: the mail hangs", i % LIE_COUNT);
		assert_int_equal(s->settled[0].at[0].fate, COURIER_STORE_FATE_DELIVERED);
		world_close(w, fd);
		house_run(s->house, 5000);
		if (i == LIE_COUNT)
			before = sim_open(w);
	}
	assert_int_equal(sim_open(w), before);
	assert_true(house_figure(s->courier, "sts_failed") >= 3 * LIE_COUNT);
	scene_free(s);
}

/* ---- vault ------------------------------------------------------------------------ */

static const char conf_vault[] = SCENE_CONF
	"outgoing { idle 0s; }"
	"certificate ours { chain /o.pem; key file:/o.key; }"
	"destination own { domain wants.example; host 192.0.2.1; certificate ours; }"
	"destination out { domain *; host 192.0.2.1; }";

static struct target as_vault(struct scene *s)
{
	struct target t = as_store(s);

	t.schema = &courier_vault_hop;
	t.hop = HOP_COURIER_VAULT;
	t.peer = KIND_VAULT;
	return t;
}

static void test_framing_of_vault(void **state)
{
	struct target t = as_vault(*state);

	attack_framing(&t, 0xc0a4);
}

/* No lie makes a certificate: mail that wants one waits, all other mail goes. */
static void test_lying_vault(void **state)
{
	struct scene *s = scene_new(conf_vault);
	struct target t = as_vault(s);
	struct world *w = house_world(s->house);
	uint64_t seed = 0x11e9;
	size_t before = 0;

	(void)state;
	s->fixed = &good;
	for (unsigned i = 0; i < 3 * LIE_COUNT; i++) {
		int fd = attack_join(&t);
		for (unsigned k = 0; k < 2; k++) {
			s->job_count = s->leased = s->settled_count = 0;
			s->reached = false;
			s->want = 1;
			scene_job(s, &(struct test_job){.destination = k == 0 ? "wants.example" : NULL});
			if (!attack_lie(&t, &fd, (enum lie)(i % LIE_COUNT), &seed, &s->reached, 100000))
				fail_msg("lie %u: the mail hangs", i % LIE_COUNT);
			assert_int_equal(s->settled[0].at[0].fate, k == 0 ? COURIER_STORE_FATE_DEFERRED
									  : COURIER_STORE_FATE_DELIVERED);
		}
		assert_int_equal(good.messages, i + 1);
		world_close(w, fd);
		house_run(s->house, 5000);
		if (i == LIE_COUNT)
			before = sim_open(w);
	}
	assert_int_equal(sim_open(w), before);
	scene_free(s);
	good = (struct server){.greeting = good.greeting, .ehlo = good.ehlo, .end = good.end};
}

/* ---- servers ------------------------------------------------------------------- */

/* No mail of ours is called delivered, and none is refused for good, by noise. */
static void test_noise_of_servers(void **state)
{
	struct scene *s = *state;
	static const char *const noise[] = {"\r\n\r\n\r\n", "220 hi\r\n220 hi\r\n220 hi\r\n250 ok\r\n",
					    "250 ok\r\n", "354 go\r\n", "999 what\r\n", "2\r\n",
					    "220-a\r\n550 b\r\n", "\x16\x03\x01\x02", "220 \xff\xfe\r\n"};
	static const char *const places[] = {"MAIL", "RCPT", "DATA"};
	for (size_t i = 0; i < ARRAY_LEN(noise); i++)
		for (size_t k = 0; k <= ARRAY_LEN(places); k++) {
			struct server evil = good;
			if (i == 3 && k == 3)
				continue; /* the right answer there */
			evil.heard = evil.data = (struct buf){0};
			evil.messages = 0;
			if (k == 0)
				evil.greeting = noise[i];
			else
				evil.replies[0] = (struct line_reply){places[k - 1], noise[i]};
			s->fixed = &evil;
			s->job_count = s->leased = s->settled_count = 0;
			scene_join(s);
			scene_job(s, &(struct test_job){0});
			scene_run(s, 1);
			bool taken = evil.messages == 1;
			assert_int_equal(s->settled[0].at[0].fate,
					 taken ? COURIER_STORE_FATE_DELIVERED
					       : COURIER_STORE_FATE_DEFERRED);
			house_run(s->house, 1000);
			buf_free(&evil.heard);
			buf_free(&evil.data);
		}
	honest_delivers(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_framing_of_store, setup, teardown),
		cmocka_unit_test_setup_teardown(test_framing_of_dialer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_framing_of_admin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lying_store, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lying_dialer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_framing_of_fetch, setup, teardown),
		cmocka_unit_test(test_lying_fetch),
		cmocka_unit_test_setup_teardown(test_framing_of_vault, setup, teardown),
		cmocka_unit_test(test_lying_vault),
		cmocka_unit_test_setup_teardown(test_noise_of_servers, setup, teardown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
