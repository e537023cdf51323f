/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two bytes of scheme, then the text.  Whatever is recognised must have the
 * shape that it is said to have, judged here by other means.
 */
#include "base/ensure.h"
#include "tls/ffdhe.h"
#include "tls/recognise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The two numbers of n bytes and what stands around them. */
static void judge_dhe(uint16_t scheme, struct span tbs)
{
	size_t n = (tbs.len - 71) / 2;
	struct span prime = span_sub(tbs, 66, n), y = span_skip(tbs, 71 + n);

	ENSURE((scheme & 0xff) != 3 && scheme != 0x0807);
	ENSURE(n >= 256 && n <= TLS_FFDHE_MAX && tbs.len == 71 + 2 * n &&
	       y.len == n);
	ENSURE((unsigned char)tbs.ptr[64] * 256u + (unsigned char)tbs.ptr[65] ==
	       n);
	ENSURE(tls_ffdhe_bytes(tls_ffdhe_of(prime)) == n);
	ENSURE(memcmp(tbs.ptr + 66 + n, "\0\1\2", 3) == 0);
	ENSURE(memcmp(y.ptr, prime.ptr, n) < 0);
	while (y.len > 1 && y.ptr[0] == 0)
		y = span_skip(y, 1);
	ENSURE(y.len > 1 || (unsigned char)y.ptr[0] > 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char server[] = "TLS 1.3, server CertificateVerify";
	static const char client[] = "TLS 1.3, client CertificateVerify";
	struct span tbs;
	enum tls_recognised r;
	uint16_t scheme;

	if (size < 2)
		return 0;
	tbs = span_of(data + 2, size - 2);
	scheme = (uint16_t)(data[0] << 8 | data[1]);
	r = tls_recognise(scheme, tbs);
	ENSURE(tls_recognised_text(r)[0] != '\0');
	if (r == TLS_IS_13_VERIFY || r == TLS_IS_13_CLIENT)
		ENSURE(span_find_span(tbs, span_of(r == TLS_IS_13_CLIENT
							   ? client
							   : server,
						   sizeof(server))) == 64 &&
		       (tbs.len == 130 || tbs.len == 146));
	if (r == TLS_IS_12_KEY_EXCHANGE)
		ENSURE(tbs.ptr[64] == 3 &&
		       tbs.len == 68u + (unsigned char)tbs.ptr[67] &&
		       span_find_span(tbs, SPAN("                                ")) != 0);
	if (r == TLS_IS_12_DHE)
		judge_dhe(scheme, tbs);
	/* The keybox's answers alone. */
	ENSURE(r != TLS_NOT_ALLOWED && r != TLS_NOT_SIDE);
	return 0;
}
