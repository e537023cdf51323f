/* SPDX-License-Identifier: Apache-2.0 */
/* role/dialer/reach: the address policy, each class in each of its spellings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "role/dialer/reach.h"

static struct addr parse(const char *text)
{
	struct addr a;
	if (!addr_parse(span_cstr(text), &a))
		fail_msg("%s", text);
	return a;
}

static const char *judge(const struct conf *c, const char *text)
{
	struct addr a = parse(text);
	return reach_refuses(c, &a);
}

/* First and last address of each network that is forbidden, and its neighbours. */
static const char *const forbidden[] = {
	"0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0",
	"100.127.255.255", "127.0.0.0", "127.0.0.1", "127.255.255.255",
	"169.254.0.0", "169.254.169.254", "169.254.255.255", "172.16.0.0",
	"172.31.255.255", "192.0.0.0", "192.0.0.255", "192.0.2.0", "192.0.2.255",
	"192.88.99.1", "192.168.0.0", "192.168.255.255", "198.18.0.0",
	"198.19.255.255", "198.51.100.0", "198.51.100.255", "203.0.113.0",
	"203.0.113.255", "224.0.0.0", "239.255.255.255", "240.0.0.0",
	"255.255.255.255",
	"::", "::1", "::2", "::127.0.0.1", "::8.8.8.8", "100::", "100::1",
	"64:ff9b:1::8.8.8.8", "2001::", "2001:0:1::1", "2001:1ff:ffff::",
	"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "3fff::",
	"3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "5f00::1", "4000::", "1fff::1",
	"fc00::", "fd00::1", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe80::1",
	"febf::1", "fec0::1", "ff00::", "ff02::1", "ffff::1",
	/* an IPv4 address in other clothes */
	"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0.0.0.0",
	"64:ff9b::127.0.0.1", "64:ff9b::10.1.2.3", "64:ff9b::169.254.169.254",
	"64:ff9b::224.0.0.1", "64:ff9b::255.255.255.255", "2002:7f00:1::1",
	"2002:a00:1::1", "2002:c0a8:101::", "2002:a9fe:a9fe::1", "::ffff:0:127.0.0.1",
};
static const char *const allowed[] = {
	"1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
	"126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0",
	"172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0",
	"192.0.3.0", "192.88.98.255", "192.88.100.0", "192.167.255.255",
	"192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255",
	"198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
	"8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1",
	"2000::1", "2001:200::1", "2001:db7:ffff::1", "2001:db9::", "2620:fe::fe",
	"2a00::1", "3ffe::1", "3fff:1000::",
};

static void classes(void **state)
{
	struct conf c = {0};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(forbidden); i++)
		if (judge(&c, forbidden[i]) == NULL)
			fail_msg("%s may be connected to", forbidden[i]);
	for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
		if (judge(&c, allowed[i]) != NULL)
			fail_msg("%s: %s", allowed[i], judge(&c, allowed[i]));
}

static void named_networks_only(void **state)
{
	static const struct conf_net nets[] = {
		{4, 8, {10}}, {4, 32, {127, 0, 0, 2}}, {6, 8, {0xfd}},
		{6, 32, {0x20, 0x01, 0x0d, 0xb8}}};
	struct conf c = {.outgoing = {.reach = {nets, ARRAY_LEN(nets)}}};
	static const char *const yes[] = {"10.0.0.1", "::ffff:10.0.0.1",
					  "64:ff9b::10.0.0.1", "127.0.0.2",
					  "fd00::1", "2001:db8::1", "8.8.8.8"};
	static const char *const no[] = {"127.0.0.1", "127.0.0.3", "192.168.0.1",
					 "fc00::1", "::1", "::ffff:127.0.0.1",
					 "2002:7f00:1::1"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		assert_null(judge(&c, yes[i]));
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		assert_non_null(judge(&c, no[i]));
}

/* "Everything" is not these. */
static void some_cannot_be_named(void **state)
{
	static const struct conf_net nets[] = {{4, 0, {0}}, {6, 0, {0}}};
	struct conf c = {.outgoing = {.reach = {nets, ARRAY_LEN(nets)}}};
	static const char *const no[] = {
		"0.0.0.0", "0.1.2.3", "224.0.0.1", "239.1.1.1", "255.255.255.255",
		"::", "ff02::1", "::ffff:0.0.0.0", "64:ff9b::224.0.0.1"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		assert_non_null(judge(&c, no[i]));
	assert_null(judge(&c, "127.0.0.1"));
	assert_null(judge(&c, "::1"));
	assert_null(judge(&c, "240.0.0.1"));
}

static void own_listeners(void **state)
{
	static const struct conf_net everything[] = {{4, 32, {0}}, {6, 128, {0}}};
	static const struct conf_net one[] = {{4, 32, {8, 8, 4, 4}}};
	static const struct conf_net reach[] = {{4, 8, {127}}};
	struct conf_listener l[] = {
		{.enabled = true, .port = 25, .address = {everything, 2}},
		{.enabled = true, .port = 587, .address = {one, 1}},
		{.enabled = false, .port = 465, .address = {one, 1}}};
	struct conf c = {.outgoing = {.reach = {reach, 1}},
			 .listeners = l,
			 .listener_count = ARRAY_LEN(l)};
	static const struct {
		const char *to, *local;
		uint16_t port;
		bool before, after; /* refused */
	} rows[] = {
		{"127.0.0.1", "127.0.0.1", 25, true, true},
		{"127.9.9.9", "127.0.0.1", 25, true, false},
		{"127.0.0.1", "127.0.0.1", 26, false, false},
		{"8.8.4.4", "8.8.8.8", 587, true, true},
		{"8.8.4.4", "8.8.8.8", 465, false, false},
		/* The listener has no address: ours, as it turns out. */
		{"8.8.8.8", "8.8.8.8", 25, false, true},
		{"8.8.8.8", "9.9.9.9", 25, false, false},
		{"2a00::1", "2a00::1", 25, false, true},
		{"2a00::1", "2a00::1", 24, false, false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr to = parse(rows[i].to), local = parse(rows[i].local);
		to.port = rows[i].port;
		local.port = 40000;
		assert_int_equal(reach_refuses(&c, &to) != NULL, rows[i].before);
		assert_int_equal(reach_refuses_made(&c, &local, &to) != NULL,
				 rows[i].after);
	}
	/* A socket that found itself. */
	struct addr self = parse("8.8.8.8");
	self.port = 24;
	assert_non_null(reach_refuses_made(&c, &self, &self));
}

static void ports(void **state)
{
	static const struct span more[] = {SPAN_INIT("2525"), SPAN_INIT("65535")};
	static const struct span web[] = {SPAN_INIT("8443")};
	static const struct conf_destination d[] = {{.port = 0}, {.port = 10025}};
	struct conf c = {.outgoing = {.ports = {more, 2}, .web_ports = {web, 1}, .port = 26},
			 .destinations = d,
			 .destination_count = 2};
	struct conf none = {0};
	(void)state;
	for (unsigned p = 0; p <= 65535; p++) {
		bool mail = p == 24 || p == 25 || p == 465 || p == 587;
		assert_int_equal(reach_mail_port(&none, (uint16_t)p), mail);
		assert_int_equal(reach_mail_port(&c, (uint16_t)p),
				 mail || p == 26 || p == 2525 || p == 10025 ||
					 p == 65535);
		assert_int_equal(reach_web_port(&none, (uint16_t)p), p == 443);
		assert_int_equal(reach_web_port(&c, (uint16_t)p),
				 p == 443 || p == 8443);
	}
}

static void sources(void **state)
{
	static const struct conf_net own[] = {{4, 32, {8, 8, 8, 8}},
					      {4, 32, {9, 9, 9, 9}},
					      {6, 128, {0x2a}}};
	static const struct conf_net theirs[] = {{4, 32, {6, 6, 6, 6}}};
	static const struct conf_destination d[] = {{.source = {theirs, 1}}};
	struct conf c = {.outgoing = {.source = {own, 3}},
			 .destinations = d,
			 .destination_count = 1};
	struct conf none = {.destinations = d, .destination_count = 1};
	struct addr sixth = parse("6.6.6.6");
	struct addr a, first = parse("8.8.8.8"), second = parse("9.9.9.9"),
		       foreign = parse("7.7.7.7");
	bool any;
	(void)state;
	assert_true(reach_source(&c, true, NULL, &a, &any));
	assert_true(!any && addr_same_host(&a, &first));
	assert_true(reach_source(&c, true, &second, &a, &any));
	assert_true(!any && addr_same_host(&a, &second));
	assert_true(reach_source(&c, false, NULL, &a, &any));
	assert_true(!any && !addr_is_v4(&a));
	assert_true(reach_source(&c, true, &sixth, &a, &any));
	assert_true(!any && addr_same_host(&a, &sixth));
	assert_false(reach_source(&c, true, &foreign, &a, &any));
	assert_false(reach_source(&c, false, &second, &a, &any));
	assert_true(reach_source(&none, true, NULL, &a, &any));
	assert_true(any);
	assert_false(reach_source(&none, true, &first, &a, &any));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes),
		cmocka_unit_test(named_networks_only),
		cmocka_unit_test(some_cannot_be_named),
		cmocka_unit_test(own_listeners),
		cmocka_unit_test(ports),
		cmocka_unit_test(sources),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
