/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns/anchor: every state and event of RFC 5011 section 4.2, at the second; the
 * text; lines of trust anchor files.  Real signatures: test/interop/anchor_test.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/pack.h"
#include "dns/anchor.h"

#define NOW 1800000000
#define TTL 172800u
#define SEP (DNS_KEY_ZONE | DNS_KEY_SEP)

static struct dns_key key_of(char c, unsigned flags)
{
	struct dns_key k = {.flags = (uint16_t)flags, .len = 64, .algorithm = 13};
	memset(k.bytes, c, k.len);
	return k;
}

static struct dns_anchors *fresh(void)
{
	struct dns_anchors *a = calloc(1, sizeof *a);
	assert_non_null(a);
	return a;
}

/* One answer with the keys of `what`: a letter is a key; capital: revoked and
 * signed by itself; '!' before: revoked, not signed; '+' before: configured. */
static void show(struct dns_anchors *a, const char *what, int64_t now)
{
	struct dns_key keys[DNS_KEYS_MAX];
	struct dns_seen seen[DNS_KEYS_MAX];
	size_t n = 0;
	for (; *what; what++) {
		struct dns_seen s = {0};
		bool lie = false;
		for (; *what == '+' || *what == '!'; what++) {
			s.configured |= *what == '+';
			lie |= *what == '!';
		}
		bool revoked = lie || (*what >= 'A' && *what <= 'Z');
		keys[n] = key_of(ascii_lower(*what),
				 SEP | (revoked ? DNS_KEY_REVOKE : 0));
		s.key = &keys[n];
		s.self_signed = revoked && !lie;
		seen[n++] = s;
	}
	dns_anchors_step(a, seen, n, TTL, now);
}

/* Of key c: "-" when it is not known. */
static const char *state(const struct dns_anchors *a, char c)
{
	struct dns_key k = key_of(c, SEP);
	for (size_t i = 0; i < a->count; i++)
		if (dns_key_same(&a->at[i].key, &k))
			return dns_anchor_state_text(a->at[i].state);
	return "-";
}

static void a_new_key_is_held_down(void **st)
{
	struct dns_anchors *a = fresh();
	(void)st;
	show(a, "+a", NOW);
	assert_string_equal(state(a, 'a'), "valid");
	show(a, "ab", NOW + 10);
	assert_string_equal(state(a, 'b'), "pending");
	show(a, "ab", NOW + 10 + DNS_ANCHOR_ADD - 1);
	assert_string_equal(state(a, 'b'), "pending");
	show(a, "ab", NOW + 10 + DNS_ANCHOR_ADD);
	assert_string_equal(state(a, 'b'), "valid");
	/* Away once in that time, and it begins anew. */
	show(a, "abc", NOW);
	show(a, "ab", NOW + 100);
	assert_string_equal(state(a, 'c'), "-");
	show(a, "abc", NOW + 200);
	show(a, "abc", NOW + 100 + DNS_ANCHOR_ADD);
	assert_string_equal(state(a, 'c'), "pending");
	show(a, "abc", NOW + 200 + DNS_ANCHOR_ADD);
	assert_string_equal(state(a, 'c'), "valid");
	/* A clock that was set back helps nobody. */
	show(a, "abcd", NOW);
	show(a, "abcd", NOW - 10 * DNS_ANCHOR_ADD);
	assert_string_equal(state(a, 'd'), "pending");
	free(a);
}

static void a_long_ttl_holds_longer(void **st)
{
	struct dns_anchors *a = fresh();
	struct dns_key k = key_of('a', SEP);
	struct dns_seen s = {.key = &k};
	uint32_t ttl = DNS_ANCHOR_ADD + 1000;
	(void)st;
	dns_anchors_step(a, &s, 1, ttl, NOW);
	dns_anchors_step(a, &s, 1, ttl, NOW + ttl - 1);
	assert_string_equal(state(a, 'a'), "pending");
	dns_anchors_step(a, &s, 1, ttl, NOW + ttl);
	assert_string_equal(state(a, 'a'), "valid");
	free(a);
}

static void valid_ones_go_missing_and_come_back(void **st)
{
	struct dns_anchors *a = fresh();
	(void)st;
	show(a, "+a+b", NOW);
	show(a, "a", NOW + 1);
	assert_string_equal(state(a, 'b'), "missing");
	assert_true(dns_anchor_counts(&a->at[1]));
	show(a, "a", NOW + 100 * DNS_ANCHOR_ADD);
	assert_string_equal(state(a, 'b'), "missing");
	show(a, "ab", NOW + 100 * DNS_ANCHOR_ADD);
	assert_string_equal(state(a, 'b'), "valid");
	/* An answer without any is no news of them. */
	show(a, "", NOW);
	assert_string_equal(state(a, 'a'), "missing");
	free(a);
}

static void revoked_is_for_ever(void **st)
{
	struct dns_anchors *a = fresh();
	(void)st;
	show(a, "+a+b", NOW);
	show(a, "a!b", NOW + 1); /* the bit alone */
	assert_string_equal(state(a, 'b'), "missing");
	assert_true(dns_anchor_counts(&a->at[1]));
	show(a, "aB", NOW + 2);
	assert_string_equal(state(a, 'b'), "revoked");
	assert_false(dns_anchor_counts(&a->at[1]));
	show(a, "ab", NOW + 3);
	show(a, "a+b", NOW + 2 + DNS_ANCHOR_REMOVE - 1);
	assert_string_equal(state(a, 'b'), "revoked");
	show(a, "a", NOW + 2 + DNS_ANCHOR_REMOVE);
	assert_string_equal(state(a, 'b'), "removed");
	show(a, "a+b", NOW + 100 * DNS_ANCHOR_ADD);
	assert_string_equal(state(a, 'b'), "removed");
	/* Missing ones can be revoked; pending ones are just gone. */
	show(a, "c", NOW);
	show(a, "abC", NOW);
	assert_string_equal(state(a, 'c'), "-");
	assert_string_equal(state(a, 'a'), "valid");
	show(a, "b", NOW);
	show(a, "A", NOW);
	assert_string_equal(state(a, 'a'), "revoked");
	/* One that was configured, and first seen revoked, never counts. */
	show(a, "+D", NOW);
	assert_string_equal(state(a, 'd'), "revoked");
	show(a, "+!e", NOW);
	assert_string_equal(state(a, 'e'), "-");
	free(a);
}

static void what_is_configured_counts_at_once(void **st)
{
	struct dns_anchors *a = fresh();
	struct dns_key zone = key_of('z', DNS_KEY_ZONE), other = key_of('y', DNS_KEY_SEP);
	struct dns_seen seen[] = {{.key = &zone, .configured = true},
				  {.key = &other, .configured = true}};
	(void)st;
	show(a, "+ab", NOW);
	assert_string_equal(state(a, 'b'), "pending");
	show(a, "a+b", NOW + 1); /* an upgrade brought it */
	assert_string_equal(state(a, 'b'), "valid");
	/* No key to begin with: no entry point, or of no zone. */
	dns_anchors_step(a, seen, 2, TTL, NOW);
	assert_int_equal(a->count, 2);
	free(a);
}

static void there_is_room_for_so_many(void **st)
{
	struct dns_anchors *a = fresh();
	(void)st;
	for (unsigned i = 0; i < DNS_ANCHORS_MAX; i++) {
		struct dns_key k = key_of((char)(i + 1), SEP);
		struct dns_seen s = {.key = &k, .configured = true};
		dns_anchors_step(a, &s, 1, TTL, NOW);
		assert_int_equal(a->count, i + 1);
	}
	show(a, "z", NOW);
	assert_int_equal(a->count, DNS_ANCHORS_MAX);
	assert_string_equal(state(a, 'z'), "-");
	/* Only what is over makes room, the oldest first. */
	a->at[5].state = a->at[7].state = DNS_ANCHOR_REMOVED;
	a->at[5].since = 100;
	a->at[7].since = 50;
	show(a, "z", NOW);
	assert_string_equal(state(a, 'z'), "pending");
	assert_int_equal(a->at[7].since, NOW);
	free(a);
}

static void waits(void **st)
{
	(void)st;
	assert_int_equal(dns_anchors_wait(172800, 864000, true), 86400);
	assert_int_equal(dns_anchors_wait(172800, 100000, true), 50000);
	assert_int_equal(dns_anchors_wait(UINT32_MAX, INT32_MAX, true), 15 * 86400);
	assert_int_equal(dns_anchors_wait(300, 864000, true), 3600);
	assert_int_equal(dns_anchors_wait(172800, -5, true), 3600);
	assert_int_equal(dns_anchors_wait(172800, 864000, false), 17280);
	assert_int_equal(dns_anchors_wait(UINT32_MAX, INT32_MAX, false), 86400);
	assert_int_equal(dns_anchors_wait(0, 0, false), 3600);
}

static void a_restart_forgets_nothing(void **st)
{
	struct dns_anchors *a = fresh(), *b = fresh();
	struct buf text;
	(void)st;
	buf_init(&text, DNS_ANCHORS_TEXT);
	show(a, "+a+bc", NOW);
	show(a, "aBc", NOW + 1);
	a->again = NOW + 77;
	dns_anchors_write(a, &text);
	assert_true(buf_ok(&text));
	assert_true(dns_anchors_read(buf_span(&text), b));
	assert_int_equal(b->count, 3);
	assert_int_equal(b->again, NOW + 77);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(a->at[i].state, b->at[i].state);
		assert_int_equal(a->at[i].since, b->at[i].since);
		assert_true(dns_key_same(&a->at[i].key, &b->at[i].key));
		assert_int_equal(a->at[i].key.flags, b->at[i].key.flags);
	}
	/* Cut anywhere but at the end of a line, it is none. */
	struct span s = buf_span(&text);
	for (size_t n = 0; n < s.len; n++)
		if (n < 36 || s.ptr[n - 1] != '\n')
			assert_false(dns_anchors_read(span_sub(s, 0, n), b));
	buf_free(&text);
	free(a);
	free(b);
}

#define HEAD "letterlock trust anchors 1\n"

static void texts_that_are_none(void **st)
{
	static const char *const bad[] = {
		"", "\n", HEAD, "letterlock trust anchors 2\nagain 0\n",
		HEAD "again\n", HEAD "again -1\n", HEAD "again 1 2\n",
		HEAD "again 0\nvalid 1 257 8\n", HEAD "again 0\nvalid 1 257 8 \n",
		HEAD "again 0\nvalid 1 257 8 AA=\n", HEAD "again 0\nvalid 1 257 8 AAAA",
		HEAD "again 0\nvalid x 257 8 AAAA\n", HEAD "again 0\nvalid 1 65536 8 AAAA\n",
		HEAD "again 0\nvalid 1 257 256 AAAA\n", HEAD "again 0\nvald 1 257 8 AAAA\n",
		HEAD "again 0\nvalid 1 385 8 AAAA\n", /* the bit is never kept */
		HEAD "again 0\nvalid 1 257 8 AAAA\nrevoked 1 257 8 AAAA\n",
		HEAD "again 0\nvalid 1 257 8 AAAA \n", HEAD "again 0\n\n",
		HEAD "again 9223372036854775808\n",
	};
	struct dns_anchors *a = fresh();
	(void)st;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (dns_anchors_read(span_cstr(bad[i]), a))
			fail_msg("%s", bad[i]);
	assert_true(dns_anchors_read(SPAN(HEAD "again 0\n"), a));
	assert_true(dns_anchors_read(SPAN(HEAD "again 0\nvalid 1 257 8 AAAA\n"), a));
	for (unsigned n = DNS_ANCHORS_MAX - 1; n <= DNS_ANCHORS_MAX + 1; n++) {
		struct buf b;
		buf_init(&b, DNS_ANCHORS_TEXT);
		buf_add(&b, SPAN(HEAD "again 0\n"));
		for (unsigned i = 0; i < n; i++)
			buf_printf(&b, "valid 1 257 8 AA%c%c\n", 'a' + (int)(i % 26),
				   'a' + (int)(i / 26));
		assert_int_equal(dns_anchors_read(buf_span(&b), a),
				 n <= DNS_ANCHORS_MAX);
		buf_free(&b);
	}
	free(a);
}

static void lines(void **st)
{
	static const struct {
		const char *line;
		bool good, key;
		unsigned tag;
	} rows[] = {
		{". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D", true, false, 20326},
		{".\t3600 IN  DS 20326 8 2 e06d44b8 0b8f1d39 ; comment", true, false, 20326},
		{". in ds 1 8 2 00", true, false, 1},
		{". DNSKEY 257 3 8 AwEA AQ==", true, true, 0},
		{". 172800 IN DNSKEY 257 3 8 AwEAAQ==", true, true, 0},
		{". IN DNSKEY 385 3 8 AwEAAQ==", false, false, 0},
		{". IN DNSKEY 257 2 8 AwEAAQ==", false, false, 0},
		{". IN DNSKEY 257 3 8 ", false, false, 0},
		{". IN DS 20326 8 2 E", false, false, 0},
		{". IN DS 20326 8 2 ", false, false, 0},
		{". IN DS 20326 8 2 XX", false, false, 0},
		{". IN DS 65536 8 2 00", false, false, 0},
		{"example. IN DS 1 8 2 00", false, false, 0},
		{"; . IN DS 1 8 2 00", false, false, 0},
		{". IN A 1.2.3.4", false, false, 0},
		{".", false, false, 0}, {"", false, false, 0},
	};
	struct dns_anchor_line *l = malloc(sizeof *l);
	(void)st;
	assert_non_null(l);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (dns_anchor_line_read(span_cstr(rows[i].line), l) != rows[i].good)
			fail_msg("%s", rows[i].line);
		if (!rows[i].good)
			continue;
		assert_int_equal(l->is_key, rows[i].key);
		if (!rows[i].key)
			assert_int_equal(l->tag, rows[i].tag);
		else
			assert_int_equal(l->tag, dns_key_tag(&l->key));
	}
	free(l);
}

/* ---- answers ------------------------------------------------------------------ */

static void u16(struct buf *b, unsigned v)
{
	pack_u8(b, (uint8_t)(v >> 8));
	pack_u8(b, (uint8_t)v);
}

static void packet(struct buf *b, unsigned keys, unsigned signatures, size_t key_len)
{
	static const char bytes[DNS_KEY_MAX + 1];
	buf_clear(b);
	u16(b, 1);
	u16(b, 0x81a0);
	u16(b, 1);
	u16(b, keys + signatures);
	pack_u32_be(b, 0);
	buf_addc(b, 0);
	u16(b, DNS_DNSKEY);
	u16(b, DNS_CLASS_IN);
	for (unsigned i = 0; i < keys + signatures; i++) {
		bool key = i < keys;
		buf_addc(b, 0);
		u16(b, key ? DNS_DNSKEY : DNS_RRSIG);
		u16(b, DNS_CLASS_IN);
		pack_u32_be(b, 300);
		u16(b, (unsigned)(key ? 4 + key_len : 18 + 1 + 3));
		if (key) {
			u16(b, SEP);
			pack_u8(b, 3);
			pack_u8(b, (uint8_t)(i + 1));
			buf_add(b, span_of(bytes, key_len));
			continue;
		}
		u16(b, DNS_DNSKEY);
		pack_u8(b, 8);
		pack_u8(b, 0);
		pack_u32_be(b, 172800);
		pack_u32_be(b, 2000);
		pack_u32_be(b, 1000);
		u16(b, 20326);
		buf_addc(b, 0);
		buf_add(b, SPAN("sig"));
	}
}

static void answers(void **st)
{
	struct dns_answer *a = malloc(sizeof *a);
	struct dns_keyset *set = malloc(sizeof *set);
	struct buf b;
	(void)st;
	assert_true(a != NULL && set != NULL);
	buf_init(&b, DNS_PACKET_MAX);
	packet(&b, 2, 1, 10);
	assert_true(dns_packet_read(buf_span(&b), a));
	assert_true(dns_keyset_read(a, set));
	assert_int_equal(set->count, 2);
	assert_int_equal(set->signatures, 1);
	assert_int_equal(set->by[0].tag, 20326);
	assert_int_equal(set->by[0].ttl, 172800);
	assert_true(span_eq(set->by[0].signature, SPAN("sig")));
	assert_false(dns_rrsig_is_now(&set->by[0], 999));
	assert_true(dns_rrsig_is_now(&set->by[0], 1000));
	assert_true(dns_rrsig_is_now(&set->by[0], 2000));
	assert_false(dns_rrsig_is_now(&set->by[0], 2001));
	for (unsigned n = DNS_KEYS_MAX - 1; n <= DNS_KEYS_MAX + 1; n++) {
		packet(&b, n, 0, 10);
		assert_true(dns_packet_read(buf_span(&b), a));
		assert_int_equal(dns_keyset_read(a, set), n <= DNS_KEYS_MAX);
		packet(&b, 1, n, 10);
		assert_true(dns_packet_read(buf_span(&b), a));
		assert_int_equal(dns_keyset_read(a, set), n <= DNS_KEYS_MAX);
	}
	for (size_t n = DNS_KEY_MAX - 1; n <= DNS_KEY_MAX + 1; n++) {
		packet(&b, 1, 0, n);
		assert_true(dns_packet_read(buf_span(&b), a));
		assert_int_equal(dns_keyset_read(a, set), n <= DNS_KEY_MAX);
	}
	packet(&b, 0, 1, 10);
	assert_true(dns_packet_read(buf_span(&b), a));
	assert_false(dns_keyset_read(a, set));
	packet(&b, 1, 0, 0);
	assert_true(dns_packet_read(buf_span(&b), a));
	assert_false(dns_keyset_read(a, set));
	buf_free(&b);
	free(a);
	free(set);
}

/* Order and doubles do not matter to what is signed. */
static void signed_bytes(void **st)
{
	struct dns_keyset *x = calloc(1, sizeof *x);
	struct dns_name root = {.len = 1}, upper;
	struct dns_rrsig s = {.algorithm = 8, .ttl = 300, .signer = {.len = 1}};
	struct buf a, b;
	(void)st;
	assert_non_null(x);
	buf_init(&a, 4096);
	buf_init(&b, 4096);
	x->count = 3;
	x->keys[0] = key_of('a', SEP);
	x->keys[1] = key_of('b', SEP);
	x->keys[2] = key_of('a', SEP);
	dns_keyset_signed(x, &root, &s, &a);
	x->keys[2] = x->keys[1];
	x->keys[1] = x->keys[0];
	x->keys[0] = x->keys[2];
	dns_keyset_signed(x, &root, &s, &b);
	assert_true(span_eq(buf_span(&a), buf_span(&b)));
	assert_int_equal(buf_len(&a), 18 + 1 + 2 * (1 + 10 + 4 + 64));
	/* Names in small letters. */
	assert_true(dns_name_parse(SPAN("A.Example"), &upper));
	buf_clear(&a);
	dns_keyset_signed(x, &upper, &s, &a);
	assert_true(span_find_span(buf_span(&a), SPAN("\1a\7example\0")) != SIZE_MAX);
	buf_free(&a);
	buf_free(&b);
	free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_key_is_held_down),
		cmocka_unit_test(a_long_ttl_holds_longer),
		cmocka_unit_test(valid_ones_go_missing_and_come_back),
		cmocka_unit_test(revoked_is_for_ever),
		cmocka_unit_test(what_is_configured_counts_at_once),
		cmocka_unit_test(there_is_room_for_so_many),
		cmocka_unit_test(waits),
		cmocka_unit_test(a_restart_forgets_nothing),
		cmocka_unit_test(texts_that_are_none),
		cmocka_unit_test(lines),
		cmocka_unit_test(answers),
		cmocka_unit_test(signed_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
