/* SPDX-License-Identifier: Apache-2.0 */
/* dns/typed: what counts in an answer, what does not, and the limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/pack.h"
#include "dns/typed.h"

struct fix {
	struct dns_answer a;
	struct dns_mx_list mx;
	struct dns_addresses addresses;
	struct dns_bytes bytes;
	struct buf packet, text;
	unsigned count;
};

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof *f);
	assert_non_null(f);
	buf_init(&f->packet, DNS_PACKET_MAX);
	buf_init(&f->text, DNS_BYTES_ALL_MAX);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;
	buf_free(&f->packet);
	buf_free(&f->text);
	free(f);
	return 0;
}

static void u16(struct buf *b, unsigned v)
{
	pack_u8(b, (uint8_t)(v >> 8));
	pack_u8(b, (uint8_t)v);
}

static void add_name(struct buf *b, const char *text)
{
	struct dns_name n;
	assert_true(dns_name_parse(span_cstr(text), &n));
	buf_add(b, span_of(n.wire, n.len));
}

/* A question for "example.org"; records are added, then it is read. */
static void begin(struct fix *f, unsigned type)
{
	struct buf *b = &f->packet;
	buf_clear(b);
	buf_clear(&f->text);
	f->count = 0;
	u16(b, 1);
	u16(b, 0x8180);
	u16(b, 1);
	u16(b, 0);
	pack_u32_be(b, 0);
	add_name(b, "example.org");
	u16(b, type);
	u16(b, DNS_CLASS_IN);
}

static void add(struct fix *f, const char *owner, unsigned type,
		struct span data)
{
	struct buf *b = &f->packet;
	add_name(b, owner);
	u16(b, type);
	u16(b, DNS_CLASS_IN);
	pack_u32_be(b, 300);
	u16(b, (unsigned)data.len);
	buf_add(b, data);
	f->count++;
}

static void add_named(struct fix *f, const char *owner, unsigned type,
		      struct span front, const char *name)
{
	struct buf b;
	buf_init(&b, 512);
	buf_add(&b, front);
	add_name(&b, name);
	add(f, owner, type, buf_span(&b));
	buf_free(&b);
}

static void add_mx(struct fix *f, unsigned preference, const char *name)
{
	char front[2] = {(char)(preference >> 8), (char)preference};
	add_named(f, "example.org", DNS_MX, span_of(front, 2), name);
}

static void read_it(struct fix *f)
{
	char *p = f->packet.data + f->packet.from;
	p[6] = (char)(f->count >> 8);
	p[7] = (char)f->count;
	assert_true(dns_packet_read(buf_span(&f->packet), &f->a));
}

static struct span host(const struct fix *f, size_t i)
{
	assert_true(i < f->mx.count);
	return span_of(f->mx.at[i].name, f->mx.at[i].len);
}

static void best_comes_first(void **state)
{
	struct fix *f = *state;
	begin(f, DNS_MX);
	add_mx(f, 65535, "last.example.org");
	add_mx(f, 10, "MX1.Example.Org");
	add_mx(f, 0, "first.example.net");
	add_mx(f, 20, "mx1.example.org"); /* there already, and better */
	add_named(f, "other.org", DNS_MX, SPAN("\0\0"), "evil.example");
	add(f, "example.org", DNS_TXT, SPAN("\x01x"));
	read_it(f);
	assert_true(dns_mx_read(&f->a, 1, &f->mx));
	assert_true(f->mx.found);
	assert_int_equal(f->mx.count, 3);
	assert_int_equal(f->mx.left_out, 0);
	assert_true(span_eq(host(f, 0), SPAN("first.example.net")));
	assert_true(span_eq(host(f, 1), SPAN("mx1.example.org")));
	assert_int_equal(f->mx.at[1].preference, 10);
	assert_int_equal(f->mx.at[2].preference, 65535);
}

/* The same seed gives the same order; over many seeds each is first. */
static void equal_ones_are_shuffled(void **state)
{
	struct fix *f = *state;
	unsigned first[4] = {0};
	begin(f, DNS_MX);
	for (unsigned i = 0; i < 4; i++) {
		char name[32];
		(void)snprintf(name, sizeof name, "%u.example.org", i);
		add_mx(f, 10, name);
	}
	add_mx(f, 5, "best.example.org");
	read_it(f);
	for (uint64_t seed = 0; seed < 400; seed++) {
		assert_true(dns_mx_read(&f->a, seed, &f->mx));
		assert_true(span_eq(host(f, 0), SPAN("best.example.org")));
		char was = host(f, 1).ptr[0];
		first[was - '0']++;
		assert_true(dns_mx_read(&f->a, seed, &f->mx));
		assert_int_equal(host(f, 1).ptr[0], was);
	}
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(first[i], 60, 140);
}

static void null_mx(void **state)
{
	struct fix *f = *state;
	begin(f, DNS_MX);
	add_mx(f, 0, ".");
	read_it(f);
	assert_true(dns_mx_read(&f->a, 1, &f->mx));
	assert_true(f->mx.found);
	assert_int_equal(f->mx.count, 1);
	assert_int_equal(f->mx.at[0].len, 0);
	/* RFC 7505 section 3: with others beside it, it means nothing. */
	add_mx(f, 10, "mx.example.org");
	read_it(f);
	assert_true(dns_mx_read(&f->a, 1, &f->mx));
	assert_int_equal(f->mx.count, 1);
	assert_int_equal(f->mx.left_out, 1);
	assert_true(span_eq(host(f, 0), SPAN("mx.example.org")));
}

static void what_is_no_host(void **state)
{
	struct fix *f = *state;
	begin(f, DNS_MX);
	add_mx(f, 10, "a b.example.org");
	add_mx(f, 10, "a\\.b.example.org");
	add_mx(f, 10, "\\255.example.org");
	add(f, "example.org", DNS_MX, SPAN("\0"));
	add(f, "example.org", DNS_MX, SPAN("\0\x0a"));
	add(f, "example.org", DNS_MX, SPAN("\0\x0a\x01""a\0x"));
	read_it(f);
	assert_true(dns_mx_read(&f->a, 1, &f->mx));
	assert_true(f->mx.found); /* so nobody asks for an address instead */
	assert_int_equal(f->mx.count, 0);
	assert_int_equal(f->mx.left_out, 6);
	begin(f, DNS_MX);
	read_it(f);
	assert_true(dns_mx_read(&f->a, 1, &f->mx));
	assert_false(f->mx.found);
}

static void mx_limit(void **state)
{
	struct fix *f = *state;
	for (unsigned n = DNS_MX_MAX - 1; n <= DNS_MX_MAX + 1; n++) {
		begin(f, DNS_MX);
		for (unsigned i = n; i > 0; i--) {
			char name[32];
			(void)snprintf(name, sizeof name, "%u.example.org", i);
			add_mx(f, i, name);
		}
		read_it(f);
		assert_true(dns_mx_read(&f->a, 1, &f->mx));
		assert_int_equal(f->mx.count, n < DNS_MX_MAX ? n : DNS_MX_MAX);
		assert_int_equal(f->mx.left_out, n > DNS_MX_MAX);
		/* The best are kept. */
		assert_int_equal(f->mx.at[f->mx.count - 1].preference,
				 f->mx.count);
	}
}

static void behind_aliases(void **state)
{
	struct fix *f = *state;
	begin(f, DNS_MX);
	add_named(f, "example.org", DNS_CNAME, SPAN(""), "a.example.net");
	add_named(f, "A.example.net", DNS_CNAME, SPAN(""), "b.example.net");
	add_named(f, "b.example.net", DNS_MX, SPAN("\0\1"), "mx.example.net");
	add_named(f, "example.org", DNS_MX, SPAN("\0\1"), "evil.example");
	read_it(f);
	assert_true(dns_mx_read(&f->a, 1, &f->mx));
	assert_int_equal(f->mx.count, 1);
	assert_true(span_eq(host(f, 0), SPAN("mx.example.net")));
}

/* So many CNAMEs in a row are followed; one more, or a ring, is no answer. */
static void aliases_end(void **state)
{
	struct fix *f = *state;
	for (unsigned n = DNS_FOLLOW_MAX - 1; n <= DNS_FOLLOW_MAX + 1; n++) {
		char from[32] = "example.org", to[32];
		begin(f, DNS_A);
		for (unsigned i = 0; i < n; i++) {
			(void)snprintf(to, sizeof to, "%u.example.org", i);
			add_named(f, from, DNS_CNAME, SPAN(""), to);
			memcpy(from, to, sizeof from);
		}
		add(f, from, DNS_A, SPAN("\xc0\0\2\1"));
		read_it(f);
		assert_int_equal(dns_addresses_read(&f->a, &f->addresses),
				 n <= DNS_FOLLOW_MAX);
		assert_int_equal(f->addresses.count, n <= DNS_FOLLOW_MAX);
	}
	begin(f, DNS_MX);
	add_named(f, "example.org", DNS_CNAME, SPAN(""), "a.example.org");
	add_named(f, "a.example.org", DNS_CNAME, SPAN(""), "example.org");
	read_it(f);
	assert_false(dns_mx_read(&f->a, 1, &f->mx));
	assert_false(dns_addresses_read(&f->a, &f->addresses));
	assert_false(dns_tlsa_read(&f->a, &f->bytes));
	assert_false(dns_txt_read(&f->a, &f->text, &f->bytes));
}

static void both_families(void **state)
{
	static const char v6[16] = "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x19";
	static const uint8_t v4[16] = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 25};
	struct fix *f = *state;
	begin(f, DNS_A);
	add(f, "example.org", DNS_A, SPAN("\xc0\0\2\x19"));
	add(f, "example.org", DNS_A, SPAN("\xc0\0\2\x19"));
	add(f, "example.org", DNS_AAAA, span_of(v6, 16));
	add(f, "other.org", DNS_A, SPAN("\1\1\1\1"));
	read_it(f);
	assert_true(dns_addresses_read(&f->a, &f->addresses));
	assert_int_equal(f->addresses.count, 1);
	assert_memory_equal(f->addresses.at[0], v4, 16);
	begin(f, DNS_AAAA);
	add(f, "example.org", DNS_AAAA, span_of(v6, 16));
	read_it(f);
	assert_true(dns_addresses_read(&f->a, &f->addresses));
	assert_int_equal(f->addresses.count, 1);
	assert_memory_equal(f->addresses.at[0], v6, 16);
	add(f, "example.org", DNS_AAAA, SPAN("\xc0\0\2\x19"));
	read_it(f);
	assert_false(dns_addresses_read(&f->a, &f->addresses));
}

static void address_limit(void **state)
{
	struct fix *f = *state;
	for (unsigned n = DNS_ADDR_MAX - 1; n <= DNS_ADDR_MAX + 1; n++) {
		begin(f, DNS_A);
		for (unsigned i = 0; i < n; i++) {
			char ip[4] = {10, 0, 0, (char)i};
			add(f, "example.org", DNS_A, span_of(ip, 4));
		}
		read_it(f);
		assert_true(dns_addresses_read(&f->a, &f->addresses));
		assert_int_equal(f->addresses.count,
				 n < DNS_ADDR_MAX ? n : DNS_ADDR_MAX);
		assert_int_equal(f->addresses.left_out, n > DNS_ADDR_MAX);
	}
}

static void tlsa(void **state)
{
	struct fix *f = *state;
	begin(f, DNS_TLSA);
	add(f, "example.org", DNS_TLSA, SPAN("\3\1\1abc"));
	add(f, "example.org", DNS_TLSA, SPAN("\3")); /* policy says what it is */
	add(f, "example.org", DNS_RRSIG, SPAN("x"));
	read_it(f);
	assert_true(dns_tlsa_read(&f->a, &f->bytes));
	assert_int_equal(f->bytes.count, 2);
	assert_true(span_eq(f->bytes.at[0], SPAN("\3\1\1abc")));
	assert_true(span_eq(f->bytes.at[1], SPAN("\3")));
}

/* A part of the records would be worse than none. */
static void bytes_limits(void **state)
{
	static char big[DNS_BYTES_LEN_MAX + 1];
	struct fix *f = *state;
	for (unsigned n = DNS_BYTES_MAX - 1; n <= DNS_BYTES_MAX + 1; n++) {
		begin(f, DNS_TLSA);
		for (unsigned i = 0; i < n; i++)
			add(f, "example.org", DNS_TLSA, SPAN("\3\1\1x"));
		read_it(f);
		assert_int_equal(dns_tlsa_read(&f->a, &f->bytes),
				 n <= DNS_BYTES_MAX);
		begin(f, DNS_TXT);
		for (unsigned i = 0; i < n; i++)
			add(f, "example.org", DNS_TXT, SPAN("\1x"));
		read_it(f);
		assert_int_equal(dns_txt_read(&f->a, &f->text, &f->bytes),
				 n <= DNS_BYTES_MAX);
	}
	for (size_t n = DNS_BYTES_LEN_MAX - 1; n <= DNS_BYTES_LEN_MAX + 1; n++) {
		begin(f, DNS_TLSA);
		add(f, "example.org", DNS_TLSA, span_of(big, n));
		read_it(f);
		assert_int_equal(dns_tlsa_read(&f->a, &f->bytes),
				 n <= DNS_BYTES_LEN_MAX);
	}
	_Static_assert(DNS_BYTES_ALL_MAX == 7 * 8000, "the sum below");
	for (size_t n = 7999; n <= 8001; n++) {
		begin(f, DNS_TLSA);
		for (size_t i = 0; i < 6; i++)
			add(f, "example.org", DNS_TLSA, span_of(big, 8000));
		add(f, "example.org", DNS_TLSA, span_of(big, n));
		read_it(f);
		assert_int_equal(dns_tlsa_read(&f->a, &f->bytes), n <= 8000);
	}
}

static void txt(void **state)
{
	struct fix *f = *state;
	begin(f, DNS_TXT);
	add(f, "example.org", DNS_TXT, SPAN("\5v=STS\2v1"));
	add(f, "example.org", DNS_TXT, SPAN("\0"));
	add(f, "example.org", DNS_TXT, SPAN("\3a\0b"));
	read_it(f);
	assert_true(dns_txt_read(&f->a, &f->text, &f->bytes));
	assert_int_equal(f->bytes.count, 3);
	assert_true(span_eq(f->bytes.at[0], SPAN("v=STSv1")));
	assert_int_equal(f->bytes.at[1].len, 0);
	assert_true(span_eq(f->bytes.at[2], SPAN("a\0b")));
	begin(f, DNS_TXT);
	add(f, "example.org", DNS_TXT, SPAN("\5v=S"));
	read_it(f);
	assert_false(dns_txt_read(&f->a, &f->text, &f->bytes));
	begin(f, DNS_TXT);
	add(f, "example.org", DNS_TXT, SPAN(""));
	read_it(f);
	assert_false(dns_txt_read(&f->a, &f->text, &f->bytes));
}

static void hosts_as_text(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"mx.example.org.", "mx.example.org"}, {"MX_1.X", "mx_1.x"},
		{".", ""}, {"a\\.b.c", ""}, {"a\\032b", ""}, {"1.2.3.4", "1.2.3.4"},
	};
	char out[DNS_HOST_MAX], longest[DNS_NAME_MAX + 1] = "";
	struct dns_name n;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(dns_name_parse(span_cstr(rows[i].in), &n));
		assert_true(span_eq(dns_host_text(&n, out),
				    span_cstr(rows[i].out)));
	}
	for (size_t i = 0; i < DNS_HOST_MAX; i++)
		longest[i] = i % 64 == 63 ? '.' : 'a';
	assert_true(dns_name_parse(span_cstr(longest), &n));
	assert_int_equal(n.len, DNS_NAME_MAX);
	assert_true(span_eq(dns_host_text(&n, out), span_cstr(longest)));
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(best_comes_first), TEST(equal_ones_are_shuffled),
		TEST(null_mx),		TEST(what_is_no_host),
		TEST(mx_limit),		TEST(behind_aliases),
		TEST(aliases_end),	TEST(both_families),
		TEST(address_limit),	TEST(tlsa),
		TEST(bytes_limits),	TEST(txt),
		TEST(hosts_as_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
