/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/hash, crypto/secret: published vectors (FIPS 180-2, RFC 4231, RFC 3720)
 * and that streams and parts equal one shot.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/hash.h"
#include "crypto/library.h"
#include "crypto/secret.h"

static void hex(struct sha256 h, char out[65])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < SHA256_LEN; i++) {
		out[2 * i] = digits[h.bytes[i] >> 4];
		out[2 * i + 1] = digits[h.bytes[i] & 15];
	}
	out[64] = '\0';
}

static void assert_hash(struct sha256 h, const char *want)
{
	char got[65];

	hex(h, got);
	assert_string_equal(got, want);
}

static void test_sha256(void **state)
{
	(void)state;
	assert_hash(sha256_of(SPAN("")),
		    "e3b0c44298fc1c149afbf4c8996fb924"
		    "27ae41e4649b934ca495991b7852b855");
	assert_hash(sha256_of(SPAN("abc")),
		    "ba7816bf8f01cfea414140de5dae2223"
		    "b00361a396177a9cb410ff61f20015ad");
	assert_hash(sha256_of(SPAN("abcdbcdecdefdefgefghfghighijhijkijkljklmklm"
				   "nlmnomnopnopq")),
		    "248d6a61d20638b8e5c026930c3e6039"
		    "a33ce45964ff2167f6ecedd419db06c1");
}

static void test_stream(void **state)
{
	char bytes[200];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)i;
	for (size_t cut = 0; cut <= sizeof(bytes); cut++) {
		struct sha256_stream *s = sha256_stream_new();
		struct sha256 a, b = sha256_of(span_of(bytes, sizeof(bytes)));

		assert_non_null(s);
		sha256_stream_add(s, span_of(bytes, cut));
		sha256_stream_add(s, span_of(NULL, 0));
		sha256_stream_add(s, span_of(bytes + cut, sizeof(bytes) - cut));
		a = sha256_stream_end(s);
		assert_memory_equal(a.bytes, b.bytes, SHA256_LEN);
	}
	sha256_stream_drop(sha256_stream_new());
	sha256_stream_drop(NULL);
}

static void test_hmac(void **state)
{
	char key[131];
	struct span parts[3] = {SPAN("what do ya want "), SPAN(""),
				SPAN("for nothing?")};

	(void)state;
	memset(key, 0x0b, 20);
	assert_hash(hmac_sha256(span_of(key, 20), SPAN("Hi There")),
		    "b0344c61d8db38535ca8afceaf0bf12b"
		    "881dc200c9833da726e9376c2e32cff7");
	assert_hash(hmac_sha256(SPAN("Jefe"),
				SPAN("what do ya want for nothing?")),
		    "5bdcc146bf60754e6a042426089575c7"
		    "5a003f089d2739839dec58b964ec3843");
	assert_hash(hmac_sha256_parts(SPAN("Jefe"), parts, 3),
		    "5bdcc146bf60754e6a042426089575c7"
		    "5a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, 131);
	assert_hash(hmac_sha256(span_of(key, 131),
				SPAN("Test Using Larger Than Block-Size Key - "
				     "Hash Key First")),
		    "60e431591ee0b67f0d8a26aacbf5b77f"
		    "8e0bc6213728c5140546040f0ee37f54");
}

static void test_crc(void **state)
{
	char zeros[32] = {0}, ones[32];
	struct span nine = SPAN("123456789");

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	assert_int_equal(crc32c(0, nine), 0xe3069283);
	assert_int_equal(crc32c(0, span_of(zeros, 32)), 0x8a9136aa);
	assert_int_equal(crc32c(0, span_of(ones, 32)), 0x62a8ab43);
	assert_int_equal(crc32c(0, SPAN("")), 0);
	for (size_t cut = 0; cut <= nine.len; cut++)
		assert_int_equal(crc32c(crc32c(0, span_sub(nine, 0, cut)),
					span_skip(nine, cut)),
				 0xe3069283);
}

static void test_secret(void **state)
{
	char a[4] = "abc";

	(void)state;
	assert_true(secret_eq(SPAN("abc"), span_of(a, 3)));
	assert_true(secret_eq(SPAN(""), span_of(NULL, 0)));
	assert_false(secret_eq(SPAN("abd"), span_of(a, 3)));
	assert_false(secret_eq(SPAN("ab"), span_of(a, 3)));
	assert_false(secret_eq(SPAN("abcd"), span_of(a, 3)));
	secret_wipe(a, sizeof(a));
	assert_memory_equal(a, "\0\0\0\0", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_crc),
		cmocka_unit_test(test_secret),
	};

	if (!crypto_library_start())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
