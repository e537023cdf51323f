/* SPDX-License-Identifier: Apache-2.0 */
/* Names from text, with and without IDNA, and back: text that we made is read
 * as the same name. */
#include "base/ensure.h"
#include "dns/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct dns_name n, again;
	struct buf b;
	buf_init(&b, DNS_TEXT_MAX + 1);
	for (int idna = 0; idna < 2; idna++) {
		if (!(idna ? dns_name_parse_idna(in, &n)
			   : dns_name_parse(in, &n)))
			continue;
		size_t next = 0;
		ENSURE(dns_name_read(span_of(n.wire, n.len), 0, &again, &next));
		ENSURE(next == n.len && dns_name_eq(&n, &again));
		buf_clear(&b);
		dns_name_text(&n, &b);
		ENSURE(buf_ok(&b) && dns_name_parse(buf_span(&b), &again));
		ENSURE(dns_name_eq(&n, &again));
	}
	buf_free(&b);
	return 0;
}
