/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one lease costs by the length of the queue: so many recipients queued for one
 * destination, and for 10,000, on RocksDB; 2,000 leases are taken and settled as
 * delivered, and the time of the thread is divided.  Then the queue is opened anew: how
 * long until the first lease, and until all destinations are known.
 *
 *     curve [MOST]     recipients, from 1,000 by tens
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/hash.h"
#include "spool/carry.h"

#define LEASES	 2000u
#define EXPIRES	 1500000000 /* of the leases' time not yet, of the spool's long ago: none is at hand */
#define TOGETHER 500u

static const struct schedule_rules rules = {
	.per_destination = 20, .steps = {300}, .step_count = 1};
static const uint8_t secret[SIPHASH_KEY] = "fifteen letters";

static void answered(void *arg, enum spool_result r)
{
	assert_int_equal(r, SPOOL_OK);
	--*(unsigned *)arg;
}

static double seconds(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fill(struct fixture *f, struct spool *s, unsigned count,
		 unsigned destinations)
{
	static struct spool_accept q[TOGETHER];
	static struct spool_recipient r[TOGETHER];
	static char names[TOGETHER][40];
	unsigned under_way = 0;
	for (unsigned i = 0; i < count; i += TOGETHER) {
		for (unsigned k = 0; k < TOGETHER; k++) {
			struct span body = SPAN("hello");
			snprintf(names[k], sizeof names[k], "a@d%u.example",
				 (i + k) % destinations);
			r[k] = (struct spool_recipient){
				.state = SPOOL_REMOTE,
				.address = span_cstr(names[k]),
				.next = 1000 + (i + k) / 1000};
			q[k] = (struct spool_accept){
				.job = {.id = spool_name(s),
					.priority = SPOOL_NORMAL,
					.sender = SPAN("from@example.org"),
					.body = kv_body_name(f->kv),
					.body_size = body.len,
					.body_crc = crc32c(0, body),
					.expires = EXPIRES,
					.warns = SPOOL_NEVER},
				.bytes = body,
				.recipients = &r[k],
				.count = 1};
			assert_int_equal(spool_accept(s, &q[k], answered,
						      &under_way),
					 SPOOL_OK);
			under_way++;
		}
		while (under_way > 0)
			(void)kv_pause(f->kv);
	}
}

struct cost {
	double take, settle; /* microseconds of the thread, one */
};

static struct cost work(struct fixture *f, struct spool *s, struct carry *c,
			unsigned leases)
{
	struct arena *a = arena_new(16u << 20);
	struct cost cost = {0};
	unsigned done = 0;
	int me;
	while (done < leases) {
		static struct spool_settle q[20];
		static struct spool_verdict v[20];
		static struct lease *out[20];
		unsigned n = 0, under_way = 0;
		double from = seconds(CLOCK_THREAD_CPUTIME_ID);
		for (; n < ARRAY_LEN(out); n++) {
			struct carried w;
			struct carry_ask ask = {.owner = &me, .now = 1 << 30};
			enum spool_result r;
			arena_reset(a);
			do
				r = carry_take(c, &ask, a, &w);
			while (r == SPOOL_STALE);
			if (r != SPOOL_OK)
				break;
			out[n] = w.lease;
		}
		double mid = seconds(CLOCK_THREAD_CPUTIME_ID);
		if (n == 0)
			break;
		for (unsigned i = 0; i < n; i++) {
			v[i] = (struct spool_verdict){
				.n = lease_recipient(out[i], 0),
				.state = SPOOL_DONE};
			q[i] = (struct spool_settle){.id = *lease_job(out[i]),
						     .verdicts = &v[i],
						     .recipients = 1,
						     .count = 1};
			assert_int_equal(spool_settle(s, &q[i], answered,
						      &under_way),
					 SPOOL_OK);
			under_way++;
		}
		while (under_way > 0)
			(void)kv_pause(f->kv);
		for (unsigned i = 0; i < n; i++)
			carry_end(c, out[i], SCHEDULE_FINE, true, 1 << 30, 0);
		cost.take += mid - from;
		cost.settle += seconds(CLOCK_THREAD_CPUTIME_ID) - mid;
		done += n;
	}
	arena_free(a);
	cost.take *= 1e6 / done;
	cost.settle *= 1e6 / done;
	return cost;
}

static struct carry *open_queue(struct fixture *f, struct spool **s)
{
	assert_int_equal(spool_open(f->kv, s), SPOOL_OK);
	struct carry *c = carry_new(*s, secret, &rules, SCHEDULE_MOST);
	assert_non_null(c);
	return c;
}

static void measure(unsigned count, unsigned destinations)
{
	struct fixture f;
	struct spool *s;
	struct arena *a = arena_new(16u << 20);
	struct carried w;
	int me;
	fixture_start(&f, ROCKSDB, 1);
	struct carry *c = open_queue(&f, &s);
	fill(&f, s, count, destinations);
	while (carry_discover(c, 0))
		;
	struct cost cost = work(&f, s, c, LEASES < count / 2 ? LEASES : count / 2);
	struct cost again = work(&f, s, c, LEASES < count / 4 ? LEASES : count / 4);
	carry_free(c);
	spool_close(s);
	fixture_reopen(&f);
	c = open_queue(&f, &s);
	double from = seconds(CLOCK_MONOTONIC);
	struct carry_ask ask = {.owner = &me, .now = 1 << 30};
	while (carry_take(c, &ask, a, &w) != SPOOL_OK)
		assert_true(carry_discover(c, 1 << 30));
	double first = seconds(CLOCK_MONOTONIC);
	while (carry_discover(c, 1 << 30))
		;
	double all = seconds(CLOCK_MONOTONIC);
	printf("%8u recipients, %5u destinations: lease %6.1f us, then %6.1f us; "
	       "settle %6.1f us; opened: first after %.1f ms, all known after %.0f ms\n",
	       count, destinations, cost.take, again.take, cost.settle,
	       (first - from) * 1e3, (all - from) * 1e3);
	fflush(stdout);
	carry_free(c);
	spool_close(s);
	fixture_stop(&f);
	arena_free(a);
}

int main(int argc, char **argv)
{
	unsigned long most = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
	for (unsigned n = 1000; n <= most; n *= 10) {
		measure(n, 1);
		measure(n, 10000);
	}
	return 0;
}
