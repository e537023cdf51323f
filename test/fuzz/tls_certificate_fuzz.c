/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chain file as an administrator might name one: any bytes.  Judging it must
 * never crash, and an unusable chain must say why.
 */
#include "base/ensure.h"
#include "tls/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(262144);
	struct tls_certificate c;

	if (arena && tls_certificate_check(arena, span_of(data, size),
					   SPAN("fuzz.pem"), 1700000000, NULL,
					   &c)) {
		ENSURE(c.usable || c.finding_count > 0);
		ENSURE(c.name_count <= TLS_NAMES_MAX);
		(void)tls_certificate_matches(&c, SPAN("mx.example.test"));
	}
	arena_free(arena);
	return 0;
}
