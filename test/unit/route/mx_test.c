/* SPDX-License-Identifier: Apache-2.0 */
/* route/mx: order, null MX, our own place, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "route/mx.h"

static const struct span own[] = {SPAN_INIT("mx.us.example"), SPAN_INIT("us.example")};

static enum route_mx_result run(const struct route_mx *mx, size_t n, struct route_mx *out,
				size_t *count)
{
	return route_mx(mx, n, own, 2, out, count);
}

static void test_order(void **state)
{
	(void)state;
	const struct route_mx mx[] = {{20, SPAN("c")}, {10, SPAN("a")}, {20, SPAN("d")},
				      {10, SPAN("b")}, {10, SPAN("A")}, {0, SPAN("z")}};
	struct route_mx out[ROUTE_HOSTS_MAX];
	size_t n;
	assert_int_equal(run(mx, 6, out, &n), ROUTE_HOSTS);
	assert_int_equal(n, 5);
	const char *want = "zabcd";
	for (size_t i = 0; i < n; i++)
		assert_int_equal(out[i].name.ptr[0], want[i]);
}

static void test_null_and_none(void **state)
{
	(void)state;
	const struct route_mx null[] = {{0, SPAN("")}};
	const struct route_mx mixed[] = {{0, SPAN("")}, {10, SPAN("a")}};
	const struct route_mx odd[] = {{0, SPAN("")}, {10, SPAN("")}};
	struct route_mx out[ROUTE_HOSTS_MAX];
	size_t n;
	assert_int_equal(run(null, 1, out, &n), ROUTE_NULL);
	assert_int_equal(run(NULL, 0, out, &n), ROUTE_NONE);
	assert_int_equal(run(odd, 2, out, &n), ROUTE_NONE);
	/* A null MX beside others is none (RFC 7505 3). */
	assert_int_equal(run(mixed, 2, out, &n), ROUTE_HOSTS);
	assert_int_equal(n, 1);
}

static void test_own_place(void **state)
{
	(void)state;
	const struct route_mx backup[] = {{10, SPAN("first")}, {20, SPAN("MX.us.example")},
					  {20, SPAN("beside")}, {30, SPAN("behind")}};
	const struct route_mx best[] = {{10, SPAN("us.example")}, {20, SPAN("other")}};
	struct route_mx out[ROUTE_HOSTS_MAX];
	size_t n;
	assert_int_equal(run(backup, 4, out, &n), ROUTE_HOSTS);
	assert_int_equal(n, 1);
	assert_true(span_eq(out[0].name, SPAN("first")));
	assert_int_equal(run(best, 2, out, &n), ROUTE_LOOP);
	assert_int_equal(n, 0);
}

static void test_limits(void **state)
{
	(void)state;
	static char names[ROUTE_MX_MAX + 1][8];
	struct route_mx mx[ROUTE_MX_MAX + 1], out[ROUTE_HOSTS_MAX];
	size_t n;
	for (size_t i = 0; i <= ROUTE_MX_MAX; i++) {
		snprintf(names[i], sizeof names[i], "h%zu", i);
		mx[i] = (struct route_mx){(uint16_t)(1000 - i), span_cstr(names[i])};
	}
	for (size_t most = ROUTE_HOSTS_MAX - 1; most <= ROUTE_HOSTS_MAX + 1; most++) {
		assert_int_equal(run(mx, most, out, &n), ROUTE_HOSTS);
		assert_int_equal(n, most < ROUTE_HOSTS_MAX ? most : ROUTE_HOSTS_MAX);
	}
	for (size_t most = ROUTE_MX_MAX - 1; most <= ROUTE_MX_MAX + 1; most++) {
		size_t best = (most < ROUTE_MX_MAX ? most : ROUTE_MX_MAX) - 1;
		assert_int_equal(run(mx, most, out, &n), ROUTE_HOSTS);
		assert_true(span_eq(out[0].name, span_cstr(names[best])));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order), cmocka_unit_test(test_null_and_none),
		cmocka_unit_test(test_own_place), cmocka_unit_test(test_limits)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
