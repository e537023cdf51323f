/* SPDX-License-Identifier: Apache-2.0 */
/* The records of a host and of a domain, as they would be pasted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "example.h"

#define MEMORY 262144u

/* All lines of the needs, one behind the other. */
static struct span lines(struct buf *out, const struct posture_needs *n)
{
	buf_init(out, 65536);
	for (size_t i = 0; i < n->count; i++)
		for (size_t k = 0; k < n->at[i].count; k++) {
			posture_line(out, &n->at[i], k);
			buf_addc(out, '\n');
		}
	assert_true(buf_ok(out));
	return buf_span(out);
}

static void expect(const struct posture_needs *n, const char *text)
{
	struct buf b;
	struct span s = lines(&b, n);
	if (!span_eq(s, span_cstr(text)))
		fail_msg("%.*s", (int)s.len, s.ptr);
	buf_free(&b);
}

static void test_host(void **state)
{
	struct example e;
	struct posture_needs n;
	struct arena *a = arena_new(MEMORY);
	(void)state;
	example_make(&e);
	assert_true(posture_host(&e.server, a, &n));
	expect(&n,
	       "mx.example.org. 3600 IN A 192.0.2.25\n"
	       "mx.example.org. 3600 IN AAAA 2001:db8::25\n"
	       "25.2.0.192.in-addr.arpa. 3600 IN PTR mx.example.org.\n"
	       "5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. "
	       "3600 IN PTR mx.example.org.\n"
	       "mx.example.org. 3600 IN TXT \"v=spf1 a -all\"\n"
	       "_25._tcp.mx.example.org. 3600 IN TLSA " KEY_A "\n"
	       "_25._tcp.mx.example.org. 3600 IN TLSA " KEY_B "\n"
	       "_25._tcp.mx.example.org. 3600 IN TLSA " KEY_C "\n"
	       "_465._tcp.mx.example.org. 3600 IN TLSA " KEY_A "\n"
	       "_465._tcp.mx.example.org. 3600 IN TLSA " KEY_B "\n"
	       "_465._tcp.mx.example.org. 3600 IN TLSA " KEY_C "\n"
	       "_993._tcp.mx.example.org. 3600 IN TLSA " KEY_A "\n"
	       "_993._tcp.mx.example.org. 3600 IN TLSA " KEY_B "\n"
	       "_993._tcp.mx.example.org. 3600 IN TLSA " KEY_C "\n"
	       "_143._tcp.mx.example.org. 3600 IN TLSA " KEY_A "\n"
	       "_143._tcp.mx.example.org. 3600 IN TLSA " KEY_B "\n"
	       "_143._tcp.mx.example.org. 3600 IN TLSA " KEY_C "\n"
	       "mx.example.org. 3600 IN CAA 0 issue \"letsencrypt.org\"\n");
	arena_free(a);
}

static void test_domain(void **state)
{
	struct example e;
	struct posture_needs n;
	struct arena *a = arena_new(MEMORY);
	(void)state;
	example_make(&e);
	assert_true(posture_domain(&e.server, SPAN("example.org"), a, &n));
	for (size_t i = 0; i < n.count; i++)
		if (n.at[i].kind == POSTURE_STS)
			/* The id is that of a policy, which only this host is in. */
			n.at[i].count = 0;
	expect(&n,
	       "example.org. 3600 IN MX 10 mx.example.org.\n"
	       "example.org. 3600 IN TXT \"v=spf1 mx -all\"\n"
	       "_dmarc.example.org. 3600 IN TXT \"v=DMARC1; p=none; "
	       "rua=mailto:postmaster@example.org\"\n"
	       "_smtp._tls.example.org. 3600 IN TXT \"v=TLSRPTv1; "
	       "rua=mailto:postmaster@example.org\"\n"
	       "_submissions._tcp.example.org. 3600 IN SRV 0 1 465 mx.example.org.\n"
	       "_imaps._tcp.example.org. 3600 IN SRV 0 1 993 mx.example.org.\n"
	       "_imap._tcp.example.org. 3600 IN SRV 10 1 143 mx.example.org.\n");
	arena_free(a);
}

/* A mail domain of the host's own name has the host's SPF record and no other. */
static void test_domain_of_the_host(void **state)
{
	struct example e;
	struct posture_needs n;
	struct arena *a = arena_new(MEMORY);
	(void)state;
	example_make(&e);
	assert_true(posture_domain(&e.server, SPAN("MX.example.org"), a, &n));
	for (size_t i = 0; i < n.count; i++)
		assert_int_not_equal(n.at[i].kind, POSTURE_SPF);
	arena_free(a);
}

/* Mail leaves from an address of its own, under a name of its own (G12). */
static void test_senders(void **state)
{
	struct example e;
	struct posture_needs n;
	struct posture_sender senders[2] = {{.hello = SPAN("out.example.org")},
					    {.hello = SPAN("out.example.org")}};
	struct arena *a = arena_new(MEMORY);
	(void)state;
	example_make(&e);
	assert_true(conf_net_parse(SPAN("192.0.2.77"), &senders[0].address));
	senders[1].address = e.addresses[1];
	e.server.senders = senders;
	e.server.sender_count = 2;
	e.server.service_count = e.server.key_count = 0;
	assert_true(posture_host(&e.server, a, &n));
	expect(&n,
	       "mx.example.org. 3600 IN A 192.0.2.25\n"
	       "mx.example.org. 3600 IN AAAA 2001:db8::25\n"
	       "25.2.0.192.in-addr.arpa. 3600 IN PTR mx.example.org.\n"
	       "5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. "
	       "3600 IN PTR out.example.org.\n"
	       "77.2.0.192.in-addr.arpa. 3600 IN PTR out.example.org.\n"
	       "mx.example.org. 3600 IN TXT \"v=spf1 a -all\"\n"
	       "out.example.org. 3600 IN A 192.0.2.77\n"
	       "out.example.org. 3600 IN AAAA 2001:db8::25\n"
	       "out.example.org. 3600 IN TXT \"v=spf1 a -all\"\n");
	assert_true(posture_domain(&e.server, SPAN("example.org"), a, &n));
	assert_true(span_eq(n.at[1].data[0], SPAN("\"v=spf1 mx ip4:192.0.2.77 -all\"")));
	arena_free(a);
}

/* Without sources of its own, another name in EHLO is said from every address. */
static void test_hello(void **state)
{
	struct example e;
	struct posture_needs n;
	struct arena *a = arena_new(MEMORY);
	(void)state;
	example_make(&e);
	e.server.hello = SPAN("out.example.org");
	e.server.service_count = e.server.key_count = 0;
	assert_true(posture_host(&e.server, a, &n));
	for (size_t i = 0; i < n.count; i++)
		if (n.at[i].kind == POSTURE_PTR)
			assert_true(span_eq(n.at[i].data[0], SPAN("out.example.org.")));
	assert_int_equal(n.count, 2 + 2 + 1 + 3);
	arena_free(a);
}

/* A record of many strings, each short enough, read back as one. */
static void test_many_senders(void **state)
{
	static struct posture_sender many[POSTURE_SENDERS_MAX];
	struct example e;
	struct posture_needs n;
	struct posture_findings f;
	struct arena *a = arena_new(1u << 20);
	(void)state;
	example_make(&e);
	for (size_t i = 0; i < ARRAY_LEN(many); i++) {
		many[i] = (struct posture_sender){e.addresses[1], SPAN("out.example.org")};
		memset(many[i].address.bytes + 2, (int)i + 17, 14);
	}
	e.server.senders = many;
	e.server.sender_count = ARRAY_LEN(many);
	assert_true(posture_host(&e.server, a, &n));
	assert_true(n.count < POSTURE_NEEDS_MAX);
	assert_true(posture_domain(&e.server, SPAN("example.org"), a, &n));
	struct span line = arena_printf(a, "x. 1 IN TXT %.*s", (int)n.at[1].data[0].len,
					n.at[1].data[0].ptr);
	struct posture_found found = {.lookup = {POLICY_DNS_SECURE, true}, .records = &line,
				      .count = 1};
	assert_true(posture_judge(&e.server, &n.at[1], &found, a, &f));
	assert_int_equal(f.count, 0);
	many[0].address.bytes[15] ^= 1;
	assert_true(posture_judge(&e.server, &n.at[1], &found, a, &f));
	assert_int_equal(f.count, 1);
	arena_free(a);
}

/* Nothing is known but the name: only what follows from it is asked for. */
static void test_bare(void **state)
{
	struct example e;
	struct posture_needs n;
	struct arena *a = arena_new(MEMORY);
	(void)state;
	example_make(&e);
	e.server.address_count = e.server.service_count = e.server.key_count = 0;
	e.server.addresses_known = false;
	assert_true(posture_host(&e.server, a, &n));
	expect(&n, "mx.example.org. 3600 IN TXT \"v=spf1 a -all\"\n");
	assert_int_equal(n.at[1].kind, POSTURE_ADDRESS);
	assert_int_equal(n.at[1].absent, POSTURE_WRONG);
	assert_int_equal(n.at[2].absent, POSTURE_RIGHT);
	arena_free(a);
}

/* As many addresses and ports as there may be. */
static void test_most(void **state)
{
	static struct conf_net many[POSTURE_ADDRESSES_MAX];
	static struct posture_service services[CONF_LISTENERS_MAX];
	struct example e;
	static struct posture_needs n;
	struct arena *a = arena_new(1u << 20);
	(void)state;
	example_make(&e);
	for (size_t i = 0; i < ARRAY_LEN(many); i++) {
		many[i] = e.addresses[0];
		many[i].bytes[3] = (uint8_t)i;
	}
	for (size_t i = 0; i < ARRAY_LEN(services); i++)
		services[i] = (struct posture_service){POSTURE_SMTP, (uint16_t)(i + 1),
						       SPAN("main")};
	e.server.addresses = many;
	e.server.address_count = ARRAY_LEN(many);
	e.server.services = services;
	e.server.service_count = ARRAY_LEN(services);
	assert_true(posture_host(&e.server, a, &n));
	assert_true(n.count < POSTURE_NEEDS_MAX);
	assert_int_equal(n.count, 2 + 32 + 1 + 64 + 1);
	arena_free(a);
}

static void test_memory(void **state)
{
	struct example e;
	struct posture_needs n;
	size_t full = 0;
	(void)state;
	example_make(&e);
	for (size_t limit = 64; full == 0 && limit < MEMORY; limit += 64) {
		struct arena *a = arena_new(limit);
		bool host = posture_host(&e.server, a, &n);
		arena_reset(a);
		bool domain = posture_domain(&e.server, SPAN("example.org"), a, &n);
		arena_free(a);
		if (host && domain)
			full = limit;
		else
			assert_true(limit < 16384);
	}
	assert_true(full > 1024);
}

static void test_public(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} rows[] = {
		{"192.0.2.1", true},   {"9.255.255.255", true}, {"10.0.0.1", false},
		{"11.0.0.0", true},    {"100.63.0.1", true},	{"100.64.0.1", false},
		{"127.0.0.1", false},  {"169.254.1.1", false},	{"172.15.0.1", true},
		{"172.16.0.1", false}, {"172.32.0.1", true},	{"192.168.0.1", false},
		{"224.0.0.1", false},  {"0.0.0.0", false},	{"2001:db8::1", true},
		{"fe80::1", false},    {"fd00::1", false},	{"::1", false},
		{"::", false},	       {"ff02::1", false},	{"3fff::1", true},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf_net n;
		assert_true(conf_net_parse(span_cstr(rows[i].text), &n));
		if (posture_public(&n) != rows[i].is)
			fail_msg("%s", rows[i].text);
	}
}

static void test_above(void **state)
{
	(void)state;
	assert_true(span_eq(posture_above(SPAN("mx.example.org")), SPAN("example.org")));
	assert_int_equal(posture_above(SPAN("example.org")).len, 0);
	assert_int_equal(posture_above(SPAN("org")).len, 0);
	assert_int_equal(posture_above(SPAN("")).len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_domain),
		cmocka_unit_test(test_domain_of_the_host),
		cmocka_unit_test(test_senders),
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_many_senders),
		cmocka_unit_test(test_bare),
		cmocka_unit_test(test_most),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_public),
		cmocka_unit_test(test_above),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
