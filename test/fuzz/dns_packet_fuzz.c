/* SPDX-License-Identifier: Apache-2.0 */
/* An answer packet: read, followed, and every record shown. */
#include <stdlib.h>

#include "base/ensure.h"
#include "dns/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_answer *a = malloc(sizeof *a);
	struct buf b;
	ENSURE(a != NULL);
	/* A byte becomes up to four, and each record has a name. */
	buf_init(&b, 2 * DNS_TEXT_MAX + 8 * DNS_PACKET_MAX);
	if (dns_packet_read(span_of(data, size), a)) {
		struct dns_name end;
		(void)!dns_follow(a, &end);
		(void)dns_least_ttl(a);
		for (size_t i = 0; i < a->count; i++) {
			buf_clear(&b);
			dns_record_text(a, &a->records[i], &b);
			ENSURE(buf_ok(&b) && buf_len(&b) > 0);
		}
	}
	buf_free(&b);
	free(a);
	return 0;
}
