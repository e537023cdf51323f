/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TXT records, one after another with a length of two bytes, read as those of
 * MTA-STS and of TLSRPT: what comes out keeps to its grammar.
 */
#include "base/ensure.h"
#include "policy/record.h"
#include "policy/report.h"
#include "policy/sts.h"

#define RECORDS 8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void harmless(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		ENSURE(s.ptr[i] > ' ' && s.ptr[i] < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct policy_lookup l = {POLICY_DNS_INSECURE, true};
	struct span rest = span_of(data, size), rdata[RECORDS];
	struct arena *arena = arena_new(1u << 20);
	struct policy_reporting r;
	size_t count = 0;
	if (arena == NULL)
		return 0;
	while (rest.len >= 2 && count < RECORDS) {
		size_t n = (size_t)(uint8_t)rest.ptr[0] << 8 |
			   (uint8_t)rest.ptr[1];
		rdata[count] = span_sub(rest, 2, n);
		rest = span_skip(rest, 2 + rdata[count].len);
		count++;
	}
	struct policy_sts_record sts = policy_sts_record(l, rdata, count);
	struct span id = policy_sts_id(&sts);
	ENSURE((sts.kind == POLICY_STS_TXT_ID) == (id.len > 0));
	for (size_t i = 0; i < id.len; i++)
		ENSURE(ascii_alnum(id.ptr[i]));
	if (policy_reporting_read(arena, rdata, count, &r)) {
		ENSURE(r.count <= POLICY_RUA_MAX);
		for (size_t i = 0; i < r.count; i++) {
			harmless(r.rua[i].uri);
			ENSURE(span_has(r.rua[i].uri,
					r.rua[i].https ? '/' : '@'));
		}
	}
	arena_free(arena);
	return 0;
}
