/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/certificate, tls/issue: what is made is found good; each mistake is found
 * by its kind; names match as RFC 9525 has it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/library.h"
#include "tls/issue.h"
#include "tls/keybox.h"

#define NOW INT64_C(1800000000)
#define DAY INT64_C(86400)

struct made {
	struct buf key, chain, ca;
	struct arena *arena;
	struct tls_certificate cert;
};

static void make(struct made *m, enum tls_key_kind kind, int bits)
{
	struct span dns[] = {SPAN("Mx.Example.test"), SPAN("localhost"),
			     SPAN("*.w.test")};
	struct span ips[] = {SPAN("\x7f\0\0\1"),
			     SPAN("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1")};
	struct tls_issue_names names = {dns, 3, ips, 2};
	struct tls_issued leaf = {&m->key, &m->chain, kind, bits};

	buf_init(&m->key, 65536);
	buf_init(&m->chain, 65536);
	buf_init(&m->ca, 65536);
	m->arena = arena_new(262144);
	assert_true(tls_issue_throwaway(SPAN("A CA"), &names, NOW, 100, &leaf, 1,
					&m->ca));
}

static void unmake(struct made *m)
{
	buf_free(&m->key);
	buf_free(&m->chain);
	buf_free(&m->ca);
	arena_free(m->arena);
}

/* One bit for each kind found. */
static unsigned check(struct made *m, struct span pem, int64_t now,
		      const unsigned char *spki)
{
	unsigned found = 0;

	assert_true(tls_certificate_check(m->arena, pem, SPAN("mx.pem"), now,
					  spki, &m->cert));
	for (size_t i = 0; i < m->cert.finding_count; i++) {
		found |= 1u << m->cert.findings[i].kind;
		assert_true(span_starts(m->cert.findings[i].text,
					SPAN("mx.pem: ")));
	}
	return found;
}

#define BIT(kind) (1u << TLS_F_##kind)
#define USUAL     (BIT(NO_CLIENT_AUTH) | BIT(LEAF_ALONE))

static void test_good(void **state)
{
	static const enum tls_key_kind kinds[] = {TLS_KEY_RSA, TLS_KEY_P256,
						  TLS_KEY_P384,
						  TLS_KEY_ED25519};
	static const int bits[] = {2048, 256, 384, 256};

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		struct tls_keybox *box = tls_keybox_new();
		unsigned char spki[32];
		struct made m;
		unsigned found;

		make(&m, kinds[i], 2048);
		assert_int_equal(tls_keybox_add(box, i, 1, buf_span(&m.key)),
				 TLS_KEY_LOADED);
		assert_true(tls_keybox_spki(box, i, spki));
		found = check(&m, buf_span(&m.chain), NOW, spki);
		assert_int_equal(found,
				 USUAL | (i == 0 ? BIT(KEY_SIZE) : 0u));
		assert_true(m.cert.usable);
		assert_int_equal(m.cert.kind, kinds[i]);
		assert_true(m.cert.key_bits >= bits[i] - 3);
		assert_int_equal(m.cert.name_count, 3);
		assert_int_equal(m.cert.address_count, 2);
		assert_true(span_eq(m.cert.names[0], SPAN("mx.example.test")));
		assert_true(m.cert.not_before == NOW - 3600);
		assert_true(m.cert.not_after == NOW + 100 * DAY);
		spki[0] ^= 1;
		found = check(&m, buf_span(&m.chain), NOW, spki);
		assert_true(found & BIT(KEY));
		assert_false(m.cert.usable);
		tls_keybox_free(box);
		unmake(&m);
	}
}

static void test_time(void **state)
{
	static const struct {
		int64_t now;
		unsigned want;
	} cases[] = {
		{NOW - 3601, BIT(NOT_YET)},
		{NOW - 3600, 0},
		{NOW + 86 * DAY, 0},
		{NOW + 86 * DAY + 1, BIT(EXPIRES_SOON)},
		{NOW + 100 * DAY, BIT(EXPIRES_SOON)},
		{NOW + 100 * DAY + 1, BIT(EXPIRED)},
	};
	struct made m;

	(void)state;
	make(&m, TLS_KEY_P256, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(check(&m, buf_span(&m.chain), cases[i].now,
				       NULL),
				 USUAL | cases[i].want);
	unmake(&m);
}

static void join(struct buf *out, const struct buf *a, const struct buf *b)
{
	buf_clear(out);
	buf_add(out, buf_span(a));
	buf_add(out, buf_span(b));
}

static void test_chains(void **state)
{
	static const char dh[] = "-----BEGIN DH PARAMETERS-----\nMAMCAQE=\n"
				 "-----END DH PARAMETERS-----\n";
	struct made m, other;
	struct buf both;

	(void)state;
	buf_init(&both, TLS_PEM_MAX + 2);
	make(&m, TLS_KEY_P256, 0);
	make(&other, TLS_KEY_P256, 0);
	join(&both, &m.chain, &m.ca);
	assert_int_equal(check(&m, buf_span(&both), NOW, NULL),
			 BIT(NO_CLIENT_AUTH) | BIT(ROOT_SENT));
	join(&both, &m.chain, &other.ca);
	assert_true(check(&m, buf_span(&both), NOW, NULL) & BIT(ORDER));
	/* The same name, another key: only the signature tells. */
	join(&both, &m.ca, &m.chain);
	assert_true(check(&m, buf_span(&both), NOW, NULL) & BIT(SELF_SIGNED));
	assert_int_equal(check(&m, buf_span(&m.ca), NOW, NULL),
			 BIT(NO_NAMES) | BIT(SELF_SIGNED));
	join(&both, &m.chain, &m.key);
	assert_int_equal(check(&m, buf_span(&both), NOW, NULL),
			 USUAL | BIT(KEY_IN_FILE));
	buf_clear(&both);
	buf_add(&both, buf_span(&m.chain));
	buf_add(&both, span_cstr(dh));
	assert_int_equal(check(&m, buf_span(&both), NOW, NULL),
			 USUAL | BIT(DH_IGNORED));
	assert_true(m.cert.usable);
	buf_free(&both);
	unmake(&m);
	unmake(&other);
}

static void test_broken(void **state)
{
	static const struct span cases[] = {
		SPAN_INIT("-----BEGIN CERTIFICATE-----\nAAAA\n"
			  "-----END CERTIFICATE-----\n"),
		SPAN_INIT("-----BEGIN CERTIFICATE-----\n!!!!\n"
			  "-----END CERTIFICATE-----\n"),
		SPAN_INIT("-----BEGIN CERTIFICATE-----\nAAAA\n"),
	};
	struct made m;
	struct buf text;

	(void)state;
	make(&m, TLS_KEY_P256, 0);
	assert_int_equal(check(&m, SPAN(""), NOW, NULL), BIT(EMPTY));
	assert_int_equal(check(&m, SPAN("hello\n"), NOW, NULL), BIT(EMPTY));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_true(check(&m, cases[i], NOW, NULL) & BIT(BROKEN));
		assert_false(m.cert.usable);
	}
	buf_init(&text, TLS_PEM_MAX + 2);
	for (unsigned n = TLS_CHAIN_MAX - 1; n <= TLS_CHAIN_MAX + 1; n++) {
		buf_clear(&text);
		for (unsigned i = 0; i < n; i++)
			buf_add(&text, buf_span(&m.chain));
		assert_int_equal((check(&m, buf_span(&text), NOW, NULL) &
				  BIT(TOO_LARGE)) != 0,
				 n > TLS_CHAIN_MAX);
	}
	for (size_t n = TLS_PEM_MAX - 1; n <= TLS_PEM_MAX + 1; n++) {
		buf_clear(&text);
		buf_add(&text, buf_span(&m.chain));
		while (buf_len(&text) < n)
			buf_addc(&text, '\n');
		assert_true(buf_ok(&text));
		assert_int_equal((check(&m, buf_span(&text), NOW, NULL) &
				  BIT(TOO_LARGE)) != 0,
				 n > TLS_PEM_MAX);
	}
	buf_free(&text);
	unmake(&m);
}

static void test_names(void **state)
{
	static const struct {
		struct span pattern, host;
		bool want;
	} cases[] = {
		{SPAN_INIT("a.test"), SPAN_INIT("A.TEST"), true},
		{SPAN_INIT("a.test"), SPAN_INIT("a.test."), true},
		{SPAN_INIT("a.test"), SPAN_INIT("b.a.test"), false},
		{SPAN_INIT("*.a.test"), SPAN_INIT("b.a.test"), true},
		{SPAN_INIT("*.a.test"), SPAN_INIT("c.b.a.test"), false},
		{SPAN_INIT("*.a.test"), SPAN_INIT("a.test"), false},
		{SPAN_INIT("*.a.test"), SPAN_INIT(".a.test"), false},
		{SPAN_INIT("*.test"), SPAN_INIT("a.test"), false},
		{SPAN_INIT("b*.a.test"), SPAN_INIT("bx.a.test"), false},
		{SPAN_INIT("*"), SPAN_INIT("a"), false},
		{SPAN_INIT("a.test"), SPAN_INIT(""), false},
		{SPAN_INIT(""), SPAN_INIT(""), false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(tls_name_matches(cases[i].pattern,
						  cases[i].host),
				 cases[i].want);
}

static void test_issue(void **state)
{
	struct span good = SPAN("mx.test"), bad = SPAN("a\nb");
	struct span ip = SPAN("abc");
	struct buf key, csr;

	(void)state;
	buf_init(&key, 65536);
	buf_init(&csr, 65536);
	assert_false(tls_issue_key(TLS_KEY_RSA, TLS_RSA_MIN - 1, &key));
	assert_true(tls_issue_key(TLS_KEY_RSA, TLS_RSA_MIN, &key));
	assert_false(tls_issue_key(TLS_KEY_RSA, 8193, &key));
	assert_true(tls_issue_request(
		buf_span(&key), &(struct tls_issue_names){&good, 1, NULL, 0},
		&csr));
	assert_true(span_starts(buf_span(&csr),
				SPAN("-----BEGIN CERTIFICATE REQUEST-----")));
	assert_false(tls_issue_request(
		buf_span(&key), &(struct tls_issue_names){&bad, 1, NULL, 0},
		&csr));
	assert_false(tls_issue_request(
		buf_span(&key), &(struct tls_issue_names){&good, 1, &ip, 1},
		&csr));
	assert_false(tls_issue_request(
		buf_span(&key), &(struct tls_issue_names){&good, 0, NULL, 0},
		&csr));
	buf_free(&key);
	buf_free(&csr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),   cmocka_unit_test(test_time),
		cmocka_unit_test(test_chains), cmocka_unit_test(test_broken),
		cmocka_unit_test(test_names),  cmocka_unit_test(test_issue),
	};

	if (!crypto_library_start())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
