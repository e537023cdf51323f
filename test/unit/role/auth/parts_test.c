/* SPDX-License-Identifier: Apache-2.0 */
/* role/auth's parts alone: throttle, remember, app passwords, real threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto/library.h"
#include "role/auth/hasher.h"
#include "role/auth/remember.h"
#include "os/file.h"
#include "role/auth/book.h"
#include "role/auth/throttle.h"

#define SEC NS_PER_SEC

static const uint8_t secret[32] = "throttle tests";

static uint64_t guess(struct throttle *t, uint64_t now, struct addr from,
		      enum throttle_end end)
{
	struct throttle_attempt a = {0};
	if (throttle_begin(t, now, &from, SPAN("u@x"), &a) == THROTTLE_GO)
		throttle_end(t, now, &a, end);
	return a.wait_ns;
}

static void delays_grow_and_leak(void **state)
{
	struct throttle_limits l = {.window_ns = 600 * SEC, .address = 3};
	struct throttle *t = throttle_new(secret, &l);
	struct addr from = addr_v4(192, 0, 2, 1, 1);
	uint64_t now = 1000 * SEC;
	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(guess(t, now, from, THROTTLE_WRONG), 0);
	assert_int_equal(guess(t, now, from, THROTTLE_RIGHT), 0);
	from.ip[15]++; /* another one, unknown still */
	for (int i = 0; i < 3; i++)
		assert_int_equal(guess(t, now, from, THROTTLE_WRONG), 0);
	uint64_t delay = THROTTLE_FIRST_NS;
	for (int i = 0; i < 6; i++) {
		assert_int_equal(guess(t, now, from, THROTTLE_WRONG), delay);
		now += delay - 1;
		assert_int_equal(guess(t, now, from, THROTTLE_WRONG), 1);
		now++;
		assert_int_equal(guess(t, now, from, THROTTLE_WRONG), 0);
		delay *= 2;
	}
	now += 1200 * SEC; /* all leaked out: as at first */
	for (int i = 0; i < 3; i++)
		assert_int_equal(guess(t, now, from, THROTTLE_WRONG), 0);
	assert_int_equal(guess(t, now, from, THROTTLE_WRONG), THROTTLE_FIRST_NS);
	throttle_free(t);
}

static void networks(void **state)
{
	struct throttle_limits l = {.window_ns = 600 * SEC, .network = 4};
	struct throttle *t = throttle_new(secret, &l);
	uint8_t ip[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1};
	(void)state;
	for (uint8_t i = 0; i < 4; i++) {
		ip[15] = i;
		assert_int_equal(guess(t, 1, addr_v6(ip, 1), THROTTLE_WRONG), 0);
		assert_int_equal(guess(t, 1, addr_v4(192, 0, 2, i, 1),
				       THROTTLE_WRONG), 0);
	}
	ip[15] = 200;
	assert_int_not_equal(guess(t, 1, addr_v6(ip, 1), THROTTLE_WRONG), 0);
	assert_int_not_equal(guess(t, 1, addr_v4(192, 0, 2, 200, 1),
				   THROTTLE_WRONG), 0);
	ip[7] = 2;
	assert_int_equal(guess(t, 1, addr_v6(ip, 1), THROTTLE_WRONG), 0);
	assert_int_equal(guess(t, 1, addr_v4(192, 0, 3, 1, 1), THROTTLE_WRONG), 0);
	throttle_free(t);
}

#define LINE_UP THROTTLE_LINE_UP

struct guest {
	struct throttle_attempt attempt;
	unsigned turns;
};

static void on_turn(struct throttle_attempt *a)
{
	struct guest *g = CONTAINER_OF(a, struct guest, attempt);
	g->turns++;
}

static struct guest *guests_new(size_t count)
{
	struct guest *g = calloc(count, sizeof *g);
	assert_non_null(g);
	for (size_t i = 0; i < count; i++)
		g[i].attempt.turn = on_turn;
	return g;
}

static enum throttle_way come(struct throttle *t, struct guest *g,
			      struct addr from, const char *name)
{
	return throttle_begin(t, 1, &from, span_cstr(name), &g->attempt);
}

static void go(struct throttle *t, struct guest *g, enum throttle_end end)
{
	throttle_end(t, 1, &g->attempt, end);
}

static void many_at_once_stand_in_line(void **state)
{
	struct throttle_limits l = {.window_ns = 600 * SEC, .address = 2};
	struct throttle *t = throttle_new(secret, &l);
	struct addr from = addr_v4(192, 0, 2, 1, 1);
	struct guest *g = guests_new(12);
	struct throttle_attempt hasty = {0};
	(void)state;
	for (int i = 0; i < 8; i++)
		assert_int_equal(come(t, &g[i], from, "u"), THROTTLE_GO);
	for (int i = 8; i < 12; i++)
		assert_int_equal(come(t, &g[i], from, "u"), LINE_UP);
	assert_int_equal(throttle_begin(t, 1, &from, SPAN("u"), &hasty),
			 THROTTLE_FULL);
	/* One for one, the first first; who was right is known from then on. */
	go(t, &g[0], THROTTLE_NEITHER);
	assert_int_equal(g[8].turns, 1);
	assert_int_equal(g[8].attempt.way, THROTTLE_GO);
	assert_int_equal(g[9].turns, 0);
	go(t, &g[9], THROTTLE_NEITHER); /* it left */
	go(t, &g[1], THROTTLE_NEITHER);
	assert_int_equal(g[9].turns, 0);
	assert_int_equal(g[10].attempt.way, THROTTLE_GO);
	assert_int_equal(g[11].attempt.way, LINE_UP);
	go(t, &g[2], THROTTLE_RIGHT);
	assert_true(g[11].attempt.way == THROTTLE_GO && g[11].attempt.known);
	for (int i = 3; i < 12; i++)
		go(t, &g[i], THROTTLE_NEITHER);
	free(g);
	throttle_free(t);
}

static void failures_send_the_line_away(void **state)
{
	struct throttle_limits l = {.window_ns = 600 * SEC, .address = 2};
	struct throttle *t = throttle_new(secret, &l);
	struct addr from = addr_v4(192, 0, 2, 1, 1);
	struct guest *g = guests_new(10);
	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(come(t, &g[i], from, "u"),
				 i < 8 ? THROTTLE_GO : LINE_UP);
	/* A failure takes the room of four. */
	go(t, &g[0], THROTTLE_WRONG);
	assert_int_equal(g[8].turns, 0);
	go(t, &g[1], THROTTLE_WRONG);
	for (int i = 8; i < 10; i++) {
		assert_int_equal(g[i].turns, 1);
		assert_int_equal(g[i].attempt.way, THROTTLE_SLOWED);
		assert_int_equal(g[i].attempt.wait_ns, THROTTLE_FIRST_NS);
	}
	for (int i = 2; i < 10; i++)
		go(t, &g[i], THROTTLE_NEITHER);
	free(g);
	throttle_free(t);
}

/* Full here and there: it waits for one after the other, and holds nobody up. */
static void from_one_line_into_another(void **state)
{
	struct throttle_limits l = {
		.window_ns = 600 * SEC, .address = 1, .account = 1};
	struct throttle *t = throttle_new(secret, &l);
	struct addr here = addr_v4(192, 0, 2, 1, 1), there = addr_v4(192, 0, 3, 1, 1);
	struct guest *g = guests_new(10);
	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(come(t, &g[i], here, "a"), THROTTLE_GO);
		assert_int_equal(come(t, &g[4 + i], there, "b"), THROTTLE_GO);
	}
	assert_int_equal(come(t, &g[8], here, "b"), LINE_UP);
	assert_int_equal(come(t, &g[9], here, "c"), LINE_UP);
	/* Here is room, b is busy: the next one here goes first. */
	go(t, &g[0], THROTTLE_NEITHER);
	assert_int_equal(g[8].attempt.way, LINE_UP);
	assert_int_equal(g[9].attempt.way, THROTTLE_GO);
	/* Room for b, none here. */
	go(t, &g[4], THROTTLE_NEITHER);
	assert_int_equal(g[8].attempt.way, LINE_UP);
	go(t, &g[1], THROTTLE_NEITHER);
	assert_int_equal(g[8].attempt.way, THROTTLE_GO);
	for (int i = 2; i < 10; i++)
		go(t, &g[i], THROTTLE_NEITHER);
	free(g);
	throttle_free(t);
}

static void a_line_has_an_end(void **state)
{
	struct throttle_limits l = {.window_ns = 600 * SEC, .address = 1};
	struct throttle *t = throttle_new(secret, &l);
	struct addr from = addr_v4(192, 0, 2, 1, 1);
	struct guest *g = guests_new(4 + THROTTLE_LINE + 1);
	(void)state;
	for (unsigned i = 0; i < 4 + THROTTLE_LINE; i++)
		assert_int_equal(come(t, &g[i], from, "u"),
				 i < 4 ? THROTTLE_GO : LINE_UP);
	struct guest *last = &g[4 + THROTTLE_LINE];
	assert_int_equal(come(t, last, from, "u"), THROTTLE_FULL);
	assert_int_equal(come(t, last, addr_v4(192, 0, 2, 2, 1), "u"),
			 THROTTLE_GO);
	/* It is given up: everybody is told. */
	throttle_settle(t);
	for (unsigned i = 4; i < 4 + THROTTLE_LINE; i++) {
		assert_int_equal(g[i].turns, 1);
		assert_int_equal(g[i].attempt.way, THROTTLE_FULL);
	}
	for (unsigned i = 0; i < 4 + THROTTLE_LINE + 1; i++)
		go(t, &g[i], THROTTLE_NEITHER);
	free(g);
	throttle_free(t);
}

/* The oldest entries go when others come, but none that is waited for. */
static void a_full_table_keeps_its_lines(void **state)
{
	struct throttle_limits l = {.window_ns = 600 * SEC, .address = 1};
	struct throttle *t = throttle_new(secret, &l);
	struct addr from = addr_v4(192, 0, 2, 1, 1);
	struct guest *g = guests_new(5);
	(void)state;
	for (int i = 0; i < 5; i++)
		(void)come(t, &g[i], from, "u");
	for (uint32_t i = 0; i < THROTTLE_BUCKETS + 1; i++)
		(void)guess(t, 1,
			    addr_v4(10, (uint8_t)(i >> 16), (uint8_t)(i >> 8),
				    (uint8_t)i, 1),
			    THROTTLE_WRONG);
	assert_int_equal(g[4].attempt.way, LINE_UP);
	for (int i = 0; i < 4; i++)
		go(t, &g[i], THROTTLE_NEITHER);
	assert_int_equal(g[4].attempt.way, THROTTLE_GO);
	go(t, &g[4], THROTTLE_NEITHER);
	free(g);
	throttle_free(t);
}

static void an_owner_waits_half_a_minute_at_most(void **state)
{
	struct throttle_limits l = {
		.window_ns = 600 * SEC, .address = 1, .account = 1};
	struct throttle *t = throttle_new(secret, &l);
	struct addr home = addr_v4(192, 0, 2, 1, 1);
	uint64_t now = SEC, worst = 0;
	(void)state;
	assert_int_equal(guess(t, now, home, THROTTLE_RIGHT), 0);
	for (int i = 0; i < 200; i++) {
		uint64_t wait = guess(t, now, home, THROTTLE_WRONG);
		worst = wait > worst ? wait : worst;
		now += wait;
	}
	assert_int_equal(worst, THROTTLE_OWNER_NS);
	throttle_free(t);
}

static void the_table_is_bounded(void **state)
{
	struct throttle_limits l = {.window_ns = 600 * SEC, .address = 1};
	struct throttle *t = throttle_new(secret, &l);
	(void)state;
	for (uint32_t i = 0; i < THROTTLE_BUCKETS + 1; i++) {
		assert_int_equal(throttle_count(t), i);
		(void)guess(t, 1,
			    addr_v4(10, (uint8_t)(i >> 16), (uint8_t)(i >> 8),
				    (uint8_t)i, 1),
			    THROTTLE_WRONG);
	}
	assert_int_equal(throttle_count(t), THROTTLE_BUCKETS);
	/* The first was forgotten, the second not. */
	assert_int_not_equal(guess(t, 1, addr_v4(10, 0, 0, 1, 1), THROTTLE_WRONG),
			     0);
	assert_int_equal(guess(t, 1, addr_v4(10, 0, 0, 0, 1), THROTTLE_WRONG), 0);
	throttle_free(t);
}

/* What a second process knows that has the book of the first. */
static void a_book_goes_on(void **state)
{
	struct throttle_limits l = {
		.window_ns = 600 * SEC, .address = 3, .account = 3};
	struct world *w = world_linux();
	struct addr bad = addr_v4(192, 0, 2, 1, 0), owner = addr_v4(192, 0, 2, 9, 0);
	struct book book;
	int fd, again, third;
	(void)state;
	assert_int_equal(blob_new(w, &fd), OS_OK);
	assert_int_equal(world_dup(w, fd, &again), OS_OK);
	assert_int_equal(world_dup(w, fd, &third), OS_OK);
	struct throttle *t = book_open(&book, w, fd, SEC, &l);
	assert_non_null(t);
	assert_int_equal(guess(t, SEC, owner, THROTTLE_RIGHT), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(guess(t, SEC, bad, THROTTLE_WRONG), 0);
	uint64_t wait = guess(t, SEC, bad, THROTTLE_WRONG);
	assert_true(wait > 0);
	throttle_free(t);
	book_close(&book);
	/* The guesser goes on waiting, and the owner gets in. */
	t = book_open(&book, w, again, 2 * SEC - SEC / 2, &l);
	assert_non_null(t);
	assert_int_equal(throttle_count(t), 2);
	assert_int_equal(guess(t, 2 * SEC - SEC / 2, bad, THROTTLE_WRONG), wait - SEC / 2);
	assert_int_equal(guess(t, 2 * SEC - SEC / 2, owner, THROTTLE_RIGHT), 0);
	throttle_free(t);
	book_close(&book);
	/* Whatever stands in it: times to come are not believed, waits are cut. */
	uint8_t junk[4 * THROTTLE_RECORD];
	memset(junk, 0xff, sizeof junk);
	assert_int_equal(file_write_at(w, third, span_of(junk, sizeof junk), 64 + THROTTLE_RECORD * 4),
			 OS_OK);
	uint64_t far[1] = {UINT64_MAX};
	assert_int_equal(file_write_at(w, third, span_of(far, sizeof far), 64 + 2 * THROTTLE_RECORD + 33 + 8),
			 OS_OK);
	t = book_open(&book, w, third, 3 * SEC, &l);
	assert_non_null(t);
	assert_int_equal(throttle_count(t), 2);
	assert_true(guess(t, 3 * SEC, bad, THROTTLE_NEITHER) <= l.window_ns);
	throttle_free(t);
	book_close(&book);
	world_free(w);
}

static void remembering(void **state)
{
	unsigned char key[32] = "key";
	struct remember *r = remember_new(key, secret);
	struct remembered a = {7, 1, SPAN_INIT("pw")}, b = a;
	uint32_t scopes = 0;
	(void)state;
	remember_put(r, 100, &a, 5);
	assert_true(remember_check(r, 99, &a, &scopes));
	assert_int_equal(scopes, 5);
	b.version = 2;
	assert_false(remember_check(r, 1, &b, &scopes));
	b = a;
	b.account = 8;
	assert_false(remember_check(r, 1, &b, &scopes));
	b = a;
	b.password = SPAN("pw ");
	assert_false(remember_check(r, 1, &b, &scopes));
	remember_drop(r, 8);
	assert_int_equal(remember_count(r), 1);
	assert_false(remember_check(r, 100, &a, &scopes));
	assert_int_equal(remember_count(r), 0);
	for (uint64_t i = 0; i < REMEMBER_MAX + 1; i++) {
		b.version = i;
		remember_put(r, 100, &b, 1);
	}
	assert_int_equal(remember_count(r), REMEMBER_MAX);
	b.version = 0; /* the oldest went */
	assert_false(remember_check(r, 1, &b, &scopes));
	b.version = 1;
	assert_true(remember_check(r, 1, &b, &scopes));
	remember_free(r);
}

static void app_password_form(void **state)
{
	unsigned char zero[15] = {0}, ones[15];
	char text[APP_PASSWORD_TEXT], digits[APP_PASSWORD_DIGITS];
	(void)state;
	memset(ones, 0xff, sizeof ones);
	app_password_text(zero, text);
	assert_memory_equal(text, "aaaa-aaaa-aaaa-aaaa-aaaa-aaaa", sizeof text);
	app_password_text(ones, text);
	assert_memory_equal(text, "7777-7777-7777-7777-7777-7777", sizeof text);
	unsigned char count[15] = {0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6,
				   0x35, 0xcf, 0x84, 0x65, 0x3a, 0x56, 0xd7};
	app_password_text(count, text);
	assert_memory_equal(text, "abcd-efgh-ijkl-mnop-qrst-uvwx", sizeof text);
	assert_true(app_password_digits(SPAN("ABCDefgh ijkl-mnopqrst-uvwx"),
					digits));
	assert_memory_equal(digits, "abcdefghijklmnopqrstuvwx", sizeof digits);
	assert_false(app_password_digits(SPAN("abcdefghijklmnopqrstuvw"), digits));
	assert_false(app_password_digits(SPAN("abcdefghijklmnopqrstuvwxy"),
					 digits));
	assert_false(app_password_digits(SPAN("abcdefghijklmnopqrstuvw1"),
					 digits));
}

/* Real threads, real time: each job comes back to its fiber. */
struct threads {
	struct loop *loop;
	struct hasher *hasher;
	struct user *user;
	unsigned right, wrong, later;
};

static void check_fiber(void *arg)
{
	struct threads *t = arg;
	struct hash_job *j = calloc(1, sizeof *j);
	bool right = (t->right + t->wrong + t->later) % 2 == 0;
	assert_non_null(j);
	j->work = HASH_CHECK;
	j->cost = (struct password_cost){PASSWORD_MEMORY_MIN, 1};
	j->user = t->user;
	j->password_len = right ? 5 : 4;
	memcpy(j->password, "right", j->password_len);
	switch (hasher_run(t->hasher, j, NS_NEVER)) {
	case HASH_DONE:
		t->right++;
		break;
	case HASH_WRONG:
		t->wrong++;
		break;
	case HASH_LATER:
		t->later++;
		break;
	}
	free(j);
	if (t->right + t->wrong + t->later == 20)
		loop_stop(t->loop);
}

static void threads_work(void **state)
{
	struct world *w = world_linux();
	struct threads t = {.loop = loop_new(w)};
	(void)state;
	assert_true(crypto_library_start() && password_library_start());
	t.hasher = hasher_new(t.loop, 2, 8);
	t.user = calloc(1, sizeof *t.user);
	assert_non_null(t.hasher);
	assert_non_null(t.user);
	assert_int_equal(password_hash(SPAN("right"),
				       (struct password_cost){
					       PASSWORD_MEMORY_MIN, 1},
				       t.user->argon2),
			 PASSWORD_OK);
	for (int i = 0; i < 20; i++)
		assert_non_null(fiber_start(t.loop, check_fiber, &t));
	loop_run(t.loop);
	assert_int_equal(t.right, 8); /* two at once and six that waited */
	assert_int_equal(t.later, 12);
	hasher_free(t.hasher);
	free(t.user);
	loop_free(t.loop);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delays_grow_and_leak),
		cmocka_unit_test(networks),
		cmocka_unit_test(many_at_once_stand_in_line),
		cmocka_unit_test(failures_send_the_line_away),
		cmocka_unit_test(from_one_line_into_another),
		cmocka_unit_test(a_line_has_an_end),
		cmocka_unit_test(a_full_table_keeps_its_lines),
		cmocka_unit_test(an_owner_waits_half_a_minute_at_most),
		cmocka_unit_test(the_table_is_bounded),
		cmocka_unit_test(a_book_goes_on),
		cmocka_unit_test(remembering),
		cmocka_unit_test(app_password_form),
		cmocka_unit_test(threads_work),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
