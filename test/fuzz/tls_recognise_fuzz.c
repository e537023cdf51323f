/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two bytes of scheme, then the text.  Whatever is recognised must have the
 * shape that it is said to have, judged here by other means.
 */
#include "base/ensure.h"
#include "tls/recognise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char context[] = "TLS 1.3, server CertificateVerify";
	struct span tbs;
	enum tls_recognised r;

	if (size < 2)
		return 0;
	tbs = span_of(data + 2, size - 2);
	r = tls_recognise((uint16_t)(data[0] << 8 | data[1]), tbs);
	ENSURE(tls_recognised_text(r)[0] != '\0');
	if (r == TLS_IS_13_VERIFY)
		ENSURE(span_find_span(tbs, span_of(context, sizeof(context))) ==
			       64 &&
		       (tbs.len == 130 || tbs.len == 146));
	if (r == TLS_IS_12_KEY_EXCHANGE)
		ENSURE(tbs.ptr[64] == 3 &&
		       tbs.len == 68u + (unsigned char)tbs.ptr[67] &&
		       span_find_span(tbs, SPAN("                                ")) != 0);
	return 0;
}
