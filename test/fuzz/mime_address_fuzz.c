/* SPDX-License-Identifier: Apache-2.0 */
/* mime/address: any field gives a list within the limit, with balanced groups. */
#include "base/ensure.h"
#include "base/utf8.h"
#include "mime/address.h"
#include "mime/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct summary_list l;
	struct arena *a = arena_new(8u << 20);
	struct buf b;
	ENSURE(a != NULL);
	buf_init(&b, 4u << 20);
	if (mime_address_list(span_of(data, size), a, &l) != MIME_ADDRESS_MEMORY) {
		bool group = false;
		ENSURE(l.count <= MIME_ADDRESSES_MAX);
		for (size_t i = 0; i < l.count; i++) {
			if (l.at[i].host.ptr != NULL)
				continue;
			ENSURE(group == (l.at[i].mailbox.ptr == NULL));
			group = !group;
		}
		ENSURE(!group);
		mime_address_text(NULL, l, &b);
		ENSURE(!buf_ok(&b) || utf8_valid(buf_span(&b)));
	}
	buf_free(&b);
	arena_free(a);
	return 0;
}
