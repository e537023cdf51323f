/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linear [NAME]: measure every case, or those of one name; TAP.
 *
 * The time of this thread is counted, not the clock's, and of five runs of n
 * and 2n in turn the best of each; a ratio that is too high is measured again
 * twice, since a neighbour on the same core can cost cache.  What is below 5 ms
 * is repeated until it is not.  Under half a nanosecond a byte is linear: no
 * parser that looks at bytes more than once is that fast.
 */
#include "linear.h"

#include <malloc.h>
#include <stdio.h>
#include <time.h>

#include "base/check.h"
#include "base/ensure.h"

#define RATIO	2.5
#define RUNS	5
#define AGAIN	3
#define LEAST_NS 5000000u
#define ROUNDS	(1u << 20)

static uint64_t now(void)
{
	struct timespec t;
	ENSURE(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t timed(const struct linear_case *c, struct span input, unsigned rounds)
{
	uint64_t start = now();
	for (unsigned i = 0; i < rounds; i++)
		c->run(input);
	return now() - start;
}

static void build(const struct linear_case *c, size_t n, struct buf *b)
{
	buf_clear(b);
	if (c->build != NULL) {
		c->build(b, n);
	} else {
		size_t fixed = c->before.len + c->after.len;
		buf_add(b, c->before);
		while (buf_len(b) + c->after.len + c->unit.len <= n)
			buf_add(b, c->unit);
		buf_add(b, c->after);
		ENSURE(n > fixed + c->unit.len);
	}
	ENSURE(buf_ok(b) && buf_len(b) > 0 && buf_len(b) <= n);
}

/* Time for 2n by time for n; n is at least 5 ms of work. */
static double ratio(const struct linear_case *c, struct span one, struct span two)
{
	uint64_t best_one = UINT64_MAX, best_two = UINT64_MAX;
	unsigned rounds = 1;
	uint64_t took;
	while ((took = timed(c, one, rounds)) < LEAST_NS / 8 && rounds < ROUNDS)
		rounds *= 2;
	if (took < LEAST_NS)
		rounds = (unsigned)(rounds * LEAST_NS / (took + 1)) + 1;
	for (int i = 0; i < RUNS; i++) {
		best_one = u64_min(best_one, timed(c, one, rounds));
		best_two = u64_min(best_two, timed(c, two, rounds));
	}
	/* As fast as memory is read: n and 2n differ by the cache that holds them. */
	if (best_two * 2 < (uint64_t)two.len * rounds)
		return 2.0;
	return (double)best_two / (double)best_one;
}

static bool judge(const struct linear_case *c, size_t limit, double *worst)
{
	struct buf one, two;
	double r = 0;
	buf_init(&one, limit);
	buf_init(&two, limit);
	build(c, limit / 2, &one);
	build(c, limit, &two);
	for (int i = 0; i < AGAIN; i++) {
		r = ratio(c, buf_span(&one), buf_span(&two));
		if (r < RATIO)
			break;
	}
	buf_free(&one);
	buf_free(&two);
	*worst = r > *worst ? r : *worst;
	return r < RATIO;
}

static void said(unsigned number, const struct linear_case *c, bool good, double worst)
{
	printf("%s %u - %s %.1f", good ? "ok" : "not ok", number, c->name, worst);
	for (size_t i = 0; i < c->unit.len && i < 24; i++) {
		char x = c->unit.ptr[i];
		printf("%s%c", i == 0 ? " " : "", x > ' ' && x < 0x7f && x != '#' ? x : '_');
	}
	printf("\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const struct linear_cases lists[] = {linear_text(), linear_mail(), linear_sessions(), linear_rows(),
					     linear_policy(), linear_posture(), linear_peers()};
	struct span only = argc > 1 ? span_cstr(argv[1]) : SPAN("");
	unsigned number = 0, failed = 0;
	/* Large blocks from the heap like small ones: no page faults by size. */
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_TOP_PAD, 64 << 20);
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		for (size_t i = 0; i < lists[l].count; i++) {
			const struct linear_case *c = &lists[l].at[i];
			double worst = 0;
			if (only.len > 0 && !span_eq(only, span_cstr(c->name)))
				continue;
			/* At the limit, and where small pieces still fit it all. */
			bool good = judge(c, c->limit, &worst) && judge(c, c->limit / 4, &worst);
			said(++number, c, good, worst);
			failed += !good;
		}
	printf("1..%u\n", number);
	return failed > 0 || number == 0;
}
