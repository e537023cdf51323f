/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message arrives, in a simulated world: from the bytes of an SMTP client to the
 * bytes in a mailbox.  The same seed gives the same run.  Whenever the store goes
 * away, a 250 that was said is kept, and nothing else was promised.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "client.h"
#include "site.h"

#define BREAKS 60u /* moments at which the store is taken away */

static const char message[] =
	"From: Bob <bob@elsewhere.test>\r\n"
	"To: alice@example.test\r\n"
	"Subject: =?utf-8?q?caf=C3=A9?=\r\n"
	"Message-ID: <1@elsewhere.test>\r\n"
	"\r\n"
	"First line\r\n"
	"..two dots were three\r\n"
	"\ttab, 8 bit: \xc3\xa9\xff\r\n"
	"\r\n"
	"last line\r\n";

/* What the client does, and what it was told at the end. */
struct delivery {
	struct site *site;
	unsigned rcpt, data, end, quit;
	bool at_end; /* the last dot is under way */
	char text[512];
};

static void stuffed(struct client *c, struct span text)
{
	struct span line;

	while (text.len > 0) {
		(void)span_cut(&text, '\n', &line);
		if (line.len > 0 && line.ptr[0] == '.')
			client_send(c, SPAN("."));
		client_send(c, line);
		client_send(c, SPAN("\n"));
	}
}

static void deliver(void *arg)
{
	struct delivery *d = arg;
	struct client c;

	client_open(&c, house_loop(d->site->house), SITE_PORT);
	assert_int_equal(c.code, 220);
	assert_int_equal(client_say(&c, "EHLO elsewhere.test"), 250);
	if (client_say(&c, "MAIL FROM:<bob@elsewhere.test>") == 250)
		d->rcpt = client_say(&c, "RCPT TO:<" SITE_USER ">");
	if (d->rcpt == 250)
		d->data = client_say(&c, "DATA");
	if (d->data == 354) {
		stuffed(&c, span_cstr(message));
		d->at_end = true;
		d->end = client_say(&c, ".");
		memcpy(d->text, c.text, sizeof d->text);
	}
	d->quit = client_say(&c, "QUIT");
	client_close(&c);
}

static struct delivery send_one(struct site *s)
{
	struct delivery d = {.site = s};

	house_do(s->house, deliver, &d);
	return d;
}

/* It ends in what was sent, and before that stand only lines of ours. */
static void whole(struct site *s, unsigned number)
{
	struct span m = site_message(s, number), own, line;
	size_t len = strlen(message);

	assert_true(m.len > len);
	own = span_sub(m, 0, m.len - len);
	assert_memory_equal(m.ptr + own.len, message, len);
	assert_true(span_starts(own, SPAN("Return-Path: <bob@elsewhere.test>\r\n")));
	assert_true(span_find_span(own, SPAN("\r\nReceived: ")) != SIZE_MAX);
	while (own.len > 0) {
		(void)span_cut(&own, '\n', &line);
		assert_true(line.len > 1 && line.ptr[line.len - 1] == '\r');
	}
	free((void *)(uintptr_t)m.ptr);
}

static uint64_t arrive(uint64_t seed)
{
	struct site *s = site_new(seed);
	struct delivery d = send_one(s);
	uint64_t steps;

	assert_int_equal(d.rcpt, 250);
	assert_int_equal(d.data, 354);
	if (d.end != 250)
		fail_msg("%u: %s", d.end, d.text);
	assert_int_equal(d.quit, 221);
	assert_int_equal(site_count(s), 1);
	whole(s, 1);
	steps = sim_steps(house_world(s->house));
	site_free(s);
	return steps;
}

static void test_arrives(void **state)
{
	uint64_t first = arrive(1);

	(void)state;
	assert_int_equal(first, arrive(1)); /* the same seed, the same run */
	for (uint64_t seed = 2; seed < 12; seed++)
		(void)arrive(seed);
}

/* The channel to the store is gone before the client comes. */
static void test_without_store(void **state)
{
	struct site *s = site_new(3);
	struct delivery d;

	(void)state;
	site_break(s);
	house_run(s->house, 10);
	uint64_t before = world_now(house_world(s->house));
	d = send_one(s);
	assert_int_not_equal(d.end, 250);
	assert_true(d.rcpt == 0 || d.rcpt / 100 == 4);
	assert_true(world_now(house_world(s->house)) - before < 5 * NS_PER_SEC);
	assert_int_equal(site_count(s), 0);
	site_mend(s);
	d = send_one(s);
	assert_int_equal(d.end, 250);
	assert_int_equal(site_count(s), 1);
	whole(s, 1);
	site_free(s);
}

/* It is taken away so many turns after the last dot was sent. */
static unsigned break_after(uint64_t turns)
{
	struct site *s = site_new(100 + turns);
	struct world *w = house_world(s->house);
	struct delivery d = {.site = s}, again;
	unsigned count;

	assert_non_null(fiber_start(house_loop(s->house), deliver, &d));
	while (!d.at_end)
		(void)sim_run(w, world_now(w) + NS_PER_MS, 1);
	(void)sim_run(w, world_now(w) + NS_PER_SEC, turns);
	site_break(s);
	while (d.quit == 0)
		house_run(s->house, 10);
	if (d.end != 250 && d.end / 100 != 4)
		fail_msg("after %u turns: %u %s", (unsigned)turns, d.end, d.text);
	count = site_count(s);
	/* Said is kept.  Not said may be kept, too: the client comes again. */
	assert_true(d.end == 250 ? count == 1 : count <= 1);
	site_mend(s);
	again = send_one(s);
	assert_int_equal(again.end, 250);
	assert_int_equal(site_count(s), count + 1);
	for (unsigned n = 1; n <= count + 1; n++)
		whole(s, n);
	site_free(s);
	return d.end;
}

static void test_breaks(void **state)
{
	unsigned kept = 0, refused = 0;

	(void)state;
	for (uint64_t turns = 0; turns < BREAKS; turns++) {
		unsigned end = break_after(turns);
		kept += end == 250;
		refused += end != 250;
	}
	/* Both happened, or the moments were not the right ones. */
	assert_true(kept > 0);
	assert_true(refused > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_arrives),
					   cmocka_unit_test(test_without_store),
					   cmocka_unit_test(test_breaks)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
