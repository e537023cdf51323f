/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A site, one role of which was taken over: the edge against store, vault and auth,
 * the store against the sorter.
 *
 * However one of them answers, the client of the edge gets replies of its own
 * protocol in bounded time; while an answer was wrong in its form no mail is taken
 * and no handshake begun.  After a new attach an honest delivery goes through.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "attack.h"
#include "client.h"
#include "hostile.h"
#include "role/sorter/role.h"
#include "site.h"
#include "wire/edge_auth.h"
#include "wire/edge_store.h"
#include "wire/edge_vault.h"
#include "wire/store_sorter.h"

#define CLIENT_MS 120000u /* virtual; a client asks a few times, 2 s each at most */
#define ROUNDS    6u      /* of every lie */
#define SESSIONS  2000u   /* that come and go */

struct scene {
	struct target target;
	struct site *site;
	int sorter; /* of the channel to it, see house_join */
};

/* What a client was told. */
struct talk {
	struct site *site;
	unsigned greeting, tls, mail, rcpt, data, end, quit;
	bool done;
};

static void talk(void *arg)
{
	struct talk *t = arg;
	struct client c;

	client_open(&c, house_loop(t->site->house), SITE_PORT);
	t->greeting = c.code;
	(void)client_say(&c, "EHLO elsewhere.test");
	t->tls = client_say(&c, "STARTTLS");
	t->mail = client_say(&c, "MAIL FROM:<bob@elsewhere.test>");
	t->rcpt = client_say(&c, "RCPT TO:<" SITE_USER ">");
	t->data = client_say(&c, "DATA");
	if (t->data == 354)
		t->end = client_say(&c, "Subject: hello\r\n\r\ntext\r\n.");
	t->quit = client_say(&c, "QUIT");
	client_close(&c);
	t->done = true;
}

static struct talk deliver(struct site *s)
{
	struct talk t = {.site = s};

	house_do(s->house, talk, &t);
	return t;
}

/* The true ones are back: mail is taken. */
static void honest_delivers(void *arg)
{
	struct scene *s = arg;
	struct site *site = s->site;
	struct world *w = house_world(site->house);

	world_close(w, house_join(site->edge, site->store, HOP_EDGE_STORE));
	world_close(w, house_join(site->edge, site->vault, HOP_EDGE_VAULT));
	if (s->sorter >= 0) {
		sim_break(w, s->sorter); /* the store may have several of them */
		world_close(w, s->sorter);
	}
	s->sorter = house_join(site->store, site->sorter, HOP_STORE_SORTER);
	struct talk t = deliver(site);
	assert_int_equal(t.greeting, 220);
	if (t.end != 250)
		fail_msg("%u %u %u %u", t.mail, t.rcpt, t.data, t.end);
	assert_int_equal(t.quit, 221);
	house_run(site->house, 5);
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof *s);

	s->site = site_new(18);
	s->sorter = -1;
	/* The one that has a channel already has to go. */
	house_fall(s->site->sorter);
	s->site->sorter = house_raise(s->site->house, &sorter_role, KIND_SORTER_MX);
	assert_true(house_activate(s->site->sorter));
	s->target = (struct target){.house = s->site->house,
				    .role = s->site->edge,
				    .side = 1,
				    .honest = honest_delivers,
				    .arg = s};
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	/* The edge asks a vault that failed again after a while. */
	house_run(s->site->house, 60000);
	world_close(house_world(s->site->house), s->sorter);
	site_free(s->site);
	free(s);
	return 0;
}

static struct target as_store(struct scene *s)
{
	struct target t = s->target;

	t.schema = &edge_store_hop;
	t.hop = HOP_EDGE_STORE;
	t.peer = KIND_STORE;
	return t;
}

static struct target as_vault(struct scene *s)
{
	struct target t = s->target;

	t.schema = &edge_vault_hop;
	t.hop = HOP_EDGE_VAULT;
	t.peer = KIND_VAULT;
	return t;
}

static struct target as_auth(struct scene *s)
{
	struct target t = s->target;

	t.schema = &edge_auth_hop;
	t.hop = HOP_EDGE_AUTH;
	t.peer = KIND_AUTH;
	return t;
}

static struct target as_sorter(struct scene *s)
{
	struct target t = s->target;

	t.role = s->site->store;
	t.schema = &store_sorter_hop;
	t.hop = HOP_STORE_SORTER;
	t.peer = KIND_SORTER_MX;
	return t;
}

static void test_framing_of_store(void **state)
{
	struct target t = as_store(*state);

	attack_framing(&t, 0xed01);
}

static void test_framing_of_vault(void **state)
{
	struct target t = as_vault(*state);

	attack_framing(&t, 0xed02);
}

static void test_framing_of_auth(void **state)
{
	struct target t = as_auth(*state);

	attack_framing(&t, 0xed03);
}

static void test_framing_of_sorter(void **state)
{
	struct target t = as_sorter(*state);

	attack_framing(&t, 0xed04);
}

/* An answer of SMTP, or the end of the connection after a goodbye. */
static bool refused(unsigned code)
{
	return code == 0 || code / 100 == 4 || code / 100 == 5;
}

/* An answer that is right in its form comes first. */
static bool decodes(enum lie how)
{
	return how == LIE_ZEROES || how == LIE_FLIPPED || how == LIE_TWICE;
}

static void one_lie(const struct target *t, struct site *site, int sorter, enum lie how,
		    uint64_t *seed)
{
	struct world *w = house_world(t->house);
	struct talk k = {.site = site};
	unsigned before = t->hop == HOP_STORE_SORTER ? site_count(site) : 0;
	uint64_t from = world_now(w);
	int fd = attack_join(t);

	if (t->hop == HOP_STORE_SORTER)
		sim_break(w, sorter);
	assert_non_null(fiber_start(house_loop(t->house), talk, &k));
	if (!attack_lie(t, &fd, how, seed, &k.done, CLIENT_MS))
		fail_msg("%s, lie %d: the client waits", t->schema->name, how);
	assert_int_equal(k.greeting, 220);
	assert_true(refused(k.tls));
	assert_true(world_now(w) - from < 30 * NS_PER_SEC);
	if (t->hop == HOP_EDGE_STORE && !decodes(how) && !refused(k.end))
		fail_msg("%s, lie %d: mail was taken", t->schema->name, how);
	/* What no sorter understands is kept all the same, and once. */
	if (t->hop == HOP_STORE_SORTER)
		assert_int_equal(site_count(site), before + (k.end == 250));
	world_close(w, fd);
	house_run(t->house, 5);
}

static void lies(const struct target *t, struct scene *s)
{
	struct world *w = house_world(t->house);
	uint64_t seed = 0x11e7;
	size_t before;

	honest_delivers(s);
	before = sim_open(w);
	for (unsigned i = 0; i < ROUNDS * LIE_COUNT; i++) {
		one_lie(t, s->site, s->sorter, (enum lie)(i % LIE_COUNT), &seed);
		honest_delivers(s);
	}
	assert_int_equal(sim_open(w), before);
}

static void test_lying_store(void **state)
{
	struct target t = as_store(*state);

	lies(&t, *state);
}

static void test_lying_vault(void **state)
{
	struct target t = as_vault(*state);

	lies(&t, *state);
}

static void test_lying_sorter(void **state)
{
	struct target t = as_sorter(*state);

	lies(&t, *state);
}

/* Sessions come and go: nothing is left of them. */
static void test_comes_and_goes(void **state)
{
	struct scene *s = *state;
	struct world *w = house_world(s->site->house);
	size_t before;

	honest_delivers(s);
	before = sim_open(w);
	for (unsigned i = 0; i < SESSIONS; i++) {
		struct talk t = deliver(s->site);
		assert_int_equal(t.quit, 221);
	}
	house_run(s->site->house, 5);
	assert_int_equal(sim_open(w), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_framing_of_store, setup, teardown),
		cmocka_unit_test_setup_teardown(test_framing_of_vault, setup, teardown),
		cmocka_unit_test_setup_teardown(test_framing_of_auth, setup, teardown),
		cmocka_unit_test_setup_teardown(test_framing_of_sorter, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lying_store, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lying_vault, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lying_sorter, setup, teardown),
		cmocka_unit_test_setup_teardown(test_comes_and_goes, setup, teardown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
