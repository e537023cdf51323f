/* SPDX-License-Identifier: Apache-2.0 */
/* conf/value and conf/net: units, addresses and how they are written back. */
#include "help.h"

#include "conf/net.h"
#include "conf/options.h"
#include "conf/shape.h"
#include "conf/value.h"

static void sizes_and_durations_take_units(void **state)
{
	(void)state;
	struct conf_snapshot *s = must_parse(
		HOST "limits { message-size 3KiB; recipients 1000; }"
		     "store { cache 2MiB; staged 1g; reserve-least 0; }"
		     "timeouts { imap-idle 1h30m; command 1m5s; }"
		     "auth { remember 0; window 3600s; }"
		     "accounts { quota 1T; }");
	const struct conf *c = conf_values(s);
	assert_int_equal(c->limits.message_size, 3072);
	assert_int_equal(c->limits.recipients, 1000);
	assert_int_equal(c->store.cache, 2 << 20);
	assert_int_equal(c->store.staged, 1 << 30);
	assert_int_equal(c->store.reserve_least, 0);
	assert_int_equal(c->timeouts.imap_idle, 5400);
	assert_int_equal(c->timeouts.command, 65);
	assert_int_equal(c->auth.remember, 0);
	assert_int_equal(c->auth.window, 3600);
	assert_true(c->accounts.quota == 1ull << 40);
	conf_snapshot_free(s);
}

static void numbers_are_written_in_their_largest_unit(void **state)
{
	(void)state;
	static const struct {
		uint8_t type;
		uint64_t v;
		const char *text;
	} rows[] = {
		{CONF_SIZE, 0, "0"},	       {CONF_SIZE, 1023, "1023"},
		{CONF_SIZE, 1024, "1K"},       {CONF_SIZE, 52428800, "50M"},
		{CONF_DURATION, 5400, "90m"},  {CONF_DURATION, 86400, "1d"},
		{CONF_DURATION, 7200, "2h"},   {CONF_DURATION, 61, "61s"},
		{CONF_PERCENT, 2, "2%"},       {CONF_NUMBER, 1024, "1024"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf_option o = {.type = rows[i].type};
		struct buf b;
		buf_init(&b, 100);
		conf_number_print(&o, rows[i].v, &b);
		assert_true(span_eq(buf_span(&b), span_cstr(rows[i].text)));
		buf_free(&b);
	}
}

static void addresses_are_read_strictly_and_written_shortest(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{"192.0.2.1", "192.0.2.1"},
		{"::", "::"},
		{"::1", "::1"},
		{"1::", "1::"},
		{"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"0:0:0:0:0:0:0:1", "::1"},
		{"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
		{"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
		{"::ffff:192.0.2.1", "::ffff:c000:201"},
		{"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
	};
	static const char *const bad[] = {
		"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.04", "1.2.3.",
		":", ":::", "1:", ":1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
		"1:2:3:4:5:6:7:8::", "12345::", "g::", "::1%lo", "::1.2.3",
		"1.2.3.4::", "::1/129", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/08",
		"1:2:3:4:5:6:7:1.2.3.4", "1.2.3.4/-1"};
	struct conf_net n;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b;
		buf_init(&b, 100);
		assert_true(conf_net_parse(span_cstr(rows[i][0]), &n));
		conf_net_print(&n, true, &b);
		assert_true(span_eq(buf_span(&b), span_cstr(rows[i][1])));
		buf_free(&b);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (conf_net_parse(span_cstr(bad[i]), &n))
			fail_msg("%s", bad[i]);
}

static void resolvers_may_have_a_port(void **state)
{
	(void)state;
	static const struct {
		const char *text, *back;
		uint8_t family;
		uint16_t port;
	} rows[] = {
		{"192.0.2.1", "192.0.2.1", 4, 53},
		{"192.0.2.1:53", "192.0.2.1", 4, 53},
		{"192.0.2.1:1", "192.0.2.1:1", 4, 1},
		{"192.0.2.1:2", "192.0.2.1:2", 4, 2},
		{"192.0.2.1:65534", "192.0.2.1:65534", 4, 65534},
		{"192.0.2.1:65535", "192.0.2.1:65535", 4, 65535},
		{"2001:DB8::1", "2001:db8::1", 6, 53},
		{"[2001:db8::1]:53", "2001:db8::1", 6, 53},
		{"[2001:db8:0:0::1]:5353", "[2001:db8::1]:5353", 6, 5353},
		{"::1:53", "::1:53", 6, 53}, /* all of it is the address */
	};
	static const struct {
		const char *text;
		enum conf_port found;
	} bad[] = {
		{"", CONF_PORT_ADDRESS},	{":", CONF_PORT_ADDRESS},
		{":53", CONF_PORT_ADDRESS},	{"@53", CONF_PORT_ADDRESS},
		{"[", CONF_PORT_ADDRESS},	{"[]", CONF_PORT_ADDRESS},
		{"[]:53", CONF_PORT_ADDRESS},	{"[::1", CONF_PORT_ADDRESS},
		{"::1]:53", CONF_PORT_ADDRESS}, {"[1.2.3.4]", CONF_PORT_ADDRESS},
		{"1.2.3.4/32", CONF_PORT_ADDRESS},
		{"1.2.3.4/32:53", CONF_PORT_ADDRESS},
		{"1.2.3.4:0", CONF_PORT_RANGE}, {"1.2.3.4:65536", CONF_PORT_RANGE},
		{"1.2.3.4:-1", CONF_PORT_RANGE},
		{"1.2.3.4:99999999999999999999", CONF_PORT_RANGE},
		{"[::1]:", CONF_PORT_RANGE},	{"[::1]x", CONF_PORT_RANGE},
		{"[::1]", CONF_PORT_ALONE},	{"1.2.3.4@53", CONF_PORT_AT},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf_resolver r, again;
		struct buf b;
		buf_init(&b, 100);
		assert_int_equal(conf_resolver_parse(span_cstr(rows[i].text), &r),
				 CONF_PORT_RIGHT);
		assert_int_equal(r.family, rows[i].family);
		assert_int_equal(r.port, rows[i].port);
		conf_resolver_print(&r, &b);
		assert_true(span_eq(buf_span(&b), span_cstr(rows[i].back)));
		assert_int_equal(conf_resolver_parse(buf_span(&b), &again),
				 CONF_PORT_RIGHT);
		assert_true(conf_resolver_eq(&r, &again));
		again.port++;
		assert_false(conf_resolver_eq(&r, &again));
		buf_free(&b);
	}
	struct conf_snapshot *s = must_parse(
		HOST "dns { resolvers ::1 ::2 ::3 ::4 ::5 ::6 ::7 [::7]:54; }");
	assert_int_equal(conf_values(s)->dns.resolvers.count, 8);
	conf_snapshot_free(s);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct conf_resolver r;
		if (conf_resolver_parse(span_cstr(bad[i].text), &r) !=
		    bad[i].found)
			fail_msg("%s", bad[i].text);
	}
}

static void durations_may_come_twice(void **state)
{
	(void)state;
	struct conf_snapshot *s = must_parse(HOST "queue { retry 10s 1m 1m 7d; }");
	const struct conf_durations *d = &conf_values(s)->queue.retry;
	const struct conf_option *o =
		&conf_options[conf_option_find(CONF_B_QUEUE, SPAN("retry"))];
	struct buf b;
	assert_true(d->count == 4 && d->at[0] == 10 && d->at[1] == 60 &&
		    d->at[2] == 60 && d->at[3] == 604800);
	buf_init(&b, 100);
	conf_value_print(o, d, 0, &b);
	assert_true(span_eq(buf_span(&b), SPAN("10s 1m 1m 7d")));
	buf_free(&b);
	conf_snapshot_free(s);
	s = must_parse(HOST
		       "queue { retry 1m 1m 1m 1m 1m 1m 1m 1m 1m 1m 1m 1m 1m 1m 1m 1m; }");
	assert_int_equal(conf_values(s)->queue.retry.count, CONF_STEPS_MAX);
	conf_snapshot_free(s);
	s = must_parse(HOST);
	assert_int_equal(conf_values(s)->queue.retry.count, 7);
	conf_snapshot_free(s);
}

static void networks_know_their_members(void **state)
{
	(void)state;
	static const uint8_t in[16] = {10, 1, 2, 3}, out[16] = {10, 2};
	static const uint8_t six[16] = {0x20, 0x01, 0x0d, 0xb8};
	struct conf_net n;
	assert_true(conf_net_parse(SPAN("10.1.0.0/15"), &n));
	assert_true(conf_net_mask(&n));
	assert_true(conf_net_parse(SPAN("10.1.0.0/16"), &n));
	assert_false(conf_net_mask(&n));
	assert_true(conf_net_has(&n, 4, in));
	assert_false(conf_net_has(&n, 4, out));
	assert_false(conf_net_has(&n, 6, in));
	assert_true(conf_net_parse(SPAN("2001:db8::/33"), &n));
	assert_true(conf_net_has(&n, 6, six));
	assert_true(conf_net_parse(SPAN("0.0.0.0/0"), &n));
	assert_true(conf_net_has(&n, 4, out));
}

static void host_names_have_labels(void **state)
{
	(void)state;
	char label[70], name[300];
	memset(label, 'a', sizeof(label));
	assert_true(conf_is_host(span_of(label, 62)));
	assert_true(conf_is_host(span_of(label, 63)));
	assert_false(conf_is_host(span_of(label, 64)));
	memset(name, 'a', sizeof(name));
	for (size_t i = 50; i < sizeof(name); i += 51)
		name[i] = '.';
	assert_true(conf_is_host(span_of(name, 252)));
	assert_true(conf_is_host(span_of(name, 253)));
	assert_false(conf_is_host(span_of(name, 254)));
	assert_false(conf_is_host(SPAN("-a.b")));
	assert_false(conf_is_host(SPAN("a-.b")));
	assert_false(conf_is_host(SPAN("a..b")));
	assert_false(conf_is_host(SPAN("a.b.")));
	assert_false(conf_is_host(SPAN("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_and_durations_take_units),
		cmocka_unit_test(numbers_are_written_in_their_largest_unit),
		cmocka_unit_test(
			addresses_are_read_strictly_and_written_shortest),
		cmocka_unit_test(resolvers_may_have_a_port),
		cmocka_unit_test(durations_may_come_twice),
		cmocka_unit_test(networks_know_their_members),
		cmocka_unit_test(host_names_have_labels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
