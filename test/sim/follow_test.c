/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What takes minutes and hours, on the virtual clock: processes that want a
 * successor and what is left in them, and a client that does not take what it
 * asked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "client.h"
#include "os/sock.h"
#include "role/sorter/role.h"
#include "site.h"

#define MINUTE_MS (60ull * 1000)
#define HOUR_MS	  (60 * MINUTE_MS)
#define GROUPS	  40u /* of recipients: more than a socket holds of replies */
#define EACH	  100u

struct talk {
	struct site *site;
	struct client client;
	unsigned code;
};

static void open_one(void *arg)
{
	struct talk *t = arg;

	client_open(&t->client, house_loop(t->site->house), SITE_PORT);
	t->code = t->client.code;
	if (t->code == 220)
		t->code = client_say(&t->client, "EHLO elsewhere.test");
}

static void send_one(void *arg)
{
	struct talk *t = arg;

	assert_int_equal(client_say(&t->client, "MAIL FROM:<bob@elsewhere.test>"), 250);
	assert_int_equal(client_say(&t->client, "RCPT TO:<" SITE_USER ">"), 250);
	assert_int_equal(client_say(&t->client, "DATA"), 354);
	client_send(&t->client, SPAN("From: bob@elsewhere.test\r\n\r\nhello\r\n"));
	t->code = client_say(&t->client, ".");
}

static void close_one(void *arg)
{
	struct talk *t = arg;

	t->code = client_say(&t->client, "QUIT");
	client_close(&t->client);
}

static void talk(struct talk *t, struct site *s)
{
	*t = (struct talk){.site = s};
	house_do(s->house, open_one, t);
}

static void mail(struct talk *t)
{
	house_do(t->site->house, send_one, t);
	assert_int_equal(t->code, 250);
}

/* A sorter that nobody used stays; one that was asks at its age, and again. */
static void a_used_one_asks_at_its_age(void **state)
{
	struct site *s = site_new(1);
	struct talk t, second;
	(void)state;

	house_run(s->house, 15 * MINUTE_MS);
	assert_int_equal(s->sorter->worn, 0);
	talk(&t, s);
	mail(&t);
	house_do(s->house, close_one, &t);
	house_run(s->house, 6 * MINUTE_MS);
	assert_true(s->sorter->worn > 1);

	/* The next one serves, and this one hears the store say so. */
	struct house_role *next = house_raise(s->house, &sorter_role, KIND_SORTER_MX);
	world_close(house_world(s->house), house_join(s->store, next, HOP_STORE_SORTER));
	assert_true(house_activate(next));
	house_retire(s->sorter);
	assert_true(house_until(s->house, &s->sorter->retired, 1000));
	talk(&second, s);
	mail(&second);
	house_do(s->house, close_one, &second);
	assert_int_equal(house_figure(s->sorter, "understood"), 1);
	assert_int_equal(house_figure(next, "understood"), 1);
	assert_int_equal(house_figure(s->store, "opaque"), 0);
	unsigned before = s->sorter->worn;
	house_run(s->house, HOUR_MS);
	assert_int_equal(s->sorter->worn, before);
	site_free(s);
}

/* An edge asks after its hour; retired, it lets nobody in and nobody down. */
static void an_edge_goes_on_with_what_it_has(void **state)
{
	struct site *s = site_new(2);
	struct talk t, late;
	(void)state;

	house_run(s->house, 2 * HOUR_MS);
	assert_int_equal(s->edge->worn, 0);
	talk(&t, s);
	house_run(s->house, 30 * 1000);
	assert_true(s->edge->worn > 0);
	assert_true(s->edge->worn_old);
	house_retire(s->edge);
	house_run(s->house, 100);
	talk(&late, s);
	assert_int_equal(late.code, 0);
	client_close(&late.client);
	mail(&t);
	assert_int_equal(site_count(s), 1);
	assert_false(s->edge->retired);
	house_do(s->house, close_one, &t);
	assert_int_equal(t.code, 221);
	assert_true(house_until(s->house, &s->edge->retired, 5000));
	site_free(s);
}

static void ask_much(void *arg)
{
	struct talk *t = arg;

	for (unsigned g = 0; g < GROUPS && t->client.fd >= 0; g++) {
		client_send(&t->client, SPAN("MAIL FROM:<b@elsewhere.test>\r\n"));
		for (unsigned i = 0; i < EACH; i++)
			client_send(&t->client, SPAN("RCPT TO:<" SITE_USER ">\r\n"));
		client_send(&t->client, SPAN("RSET\r\n"));
	}
}

/* Who takes a byte now and then has no answer for ever: threat 192, written. */
static void a_slow_reader_ends(void **state)
{
	struct site *s = site_new(3);
	struct talk t;
	struct world *w = house_world(s->house);
	uint64_t taken = 0;
	char byte;
	size_t got;
	(void)state;

	talk(&t, s);
	assert_int_equal(t.code, 250);
	/* It may be cut before everything is asked: it runs on by itself. */
	assert_non_null(fiber_start(house_loop(s->house), ask_much, &t));
	house_run(s->house, 10 * 1000);
	assert_int_equal(house_figure(s->edge, "connections"), 1);
	while (house_figure(s->edge, "connections") > 0 && taken < 60) {
		house_run(s->house, 119 * 1000);
		if (sock_read(w, t.client.fd, &byte, 1, &got) == OS_OK)
			taken++;
	}
	assert_in_range(taken, 1, 3);
	house_run(s->house, 2 * HOUR_MS); /* the fiber sees the end, or gives up */
	client_close(&t.client);
	site_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_used_one_asks_at_its_age),
		cmocka_unit_test(an_edge_goes_on_with_what_it_has),
		cmocka_unit_test(a_slow_reader_ends),
	};
	return cmocka_run_group_tests_name("sim/follow", tests, NULL, NULL);
}
