/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/addr: every text form both ways, what must be refused, and networks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "os/addr.h"

static void check_both(const char *in, const char *want)
{
	char text[ADDR_TEXT_MAX];
	struct addr a;

	assert_true(addr_parse(span_cstr(in), &a));
	(void)addr_format(&a, text);
	assert_string_equal(text, want);
}

static void test_forms(void **state)
{
	(void)state;
	check_both("192.0.2.1", "192.0.2.1");
	check_both("0.0.0.0", "0.0.0.0");
	check_both("::ffff:192.0.2.1", "192.0.2.1");
	check_both("::ffff:c000:201", "192.0.2.1");
	check_both("::", "::");
	check_both("::1", "::1");
	check_both("1::", "1::");
	check_both("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1");
	check_both("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1");
	check_both("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8");
	check_both("64:ff9b::192.0.2.33", "64:ff9b::c000:221");
}

static void test_refused(void **state)
{
	static const char *const bad[] = {"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256",
		"01.2.3.4", "1.2.3.4 ", "1..3.4", ":", ":::", "1::2::3",
		"1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "fe80::1%lo",
		"1:2:3:4:5:6:7::8", "::1.2.3", "1.2.3.4::", "g::", "1:2:3:4:5:6:7:1.2.3.4"};
	struct addr a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (addr_parse(span_cstr(bad[i]), &a))
			fail_msg("accepted: %s", bad[i]);
}

static void test_ports(void **state)
{
	static const char *const bad[] = {"1.2.3.4", "1.2.3.4:", "1.2.3.4:65536",
		"1.2.3.4:025", "::1:25", "[::1]", "[1.2.3.4]:25", "[]:1", ":25"};
	char text[ADDR_TEXT_MAX];
	struct addr a;

	(void)state;
	assert_true(addr_parse_port(SPAN("[2001:db8::1]:65535"), &a));
	(void)addr_format_port(&a, text);
	assert_string_equal(text, "[2001:db8::1]:65535");
	assert_true(addr_parse_port(SPAN("127.0.0.1:25"), &a));
	assert_true(addr_is_loopback(&a) && a.port == 25);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (addr_parse_port(span_cstr(bad[i]), &a))
			fail_msg("accepted: %s", bad[i]);
}

static void test_networks(void **state)
{
	struct addr a = addr_v4(192, 0, 2, 255, 0), b = addr_v4(192, 0, 3, 0, 0), six;
	struct cidr c;

	(void)state;
	assert_true(cidr_parse(SPAN("192.0.2.0/24"), &c));
	assert_true(cidr_match(&c, &a));
	assert_false(cidr_match(&c, &b));
	assert_true(cidr_parse(SPAN("192.0.2.254/31"), &c) && cidr_match(&c, &a));
	assert_true(cidr_parse(SPAN("0.0.0.0/0"), &c) && cidr_match(&c, &b));
	assert_true(addr_parse(SPAN("2001:db8::1"), &six));
	assert_false(cidr_match(&c, &six));
	assert_true(cidr_parse(SPAN("2001:db8::/32"), &c) && cidr_match(&c, &six));
	assert_true(cidr_parse(SPAN("::/0"), &c) && cidr_match(&c, &a));
	assert_false(cidr_parse(SPAN("192.0.2.1/24"), &c));
	assert_false(cidr_parse(SPAN("192.0.2.0/33"), &c));
	assert_false(cidr_parse(SPAN("2001:db8::/129"), &c));
	assert_false(cidr_parse(SPAN("192.0.2.0/"), &c));
	c = cidr_of(&a, 24, 64);
	assert_false(cidr_match(&c, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_ports), cmocka_unit_test(test_networks)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
