/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLSA records, each behind a byte with its length: none is used twice, none
 * that is unusable is used, and none is lost.
 */
#include "base/ensure.h"
#include "policy/dane.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy_tlsa_set set;
	struct span rest = span_of(data, size), rdata[POLICY_TLSA_MAX];
	struct policy_tlsa r;
	size_t count = 0, usable = 0;
	while (rest.len > 0 && count < POLICY_TLSA_MAX) {
		rdata[count] = span_sub(rest, 1, (uint8_t)rest.ptr[0]);
		rest = span_skip(rest, 1 + rdata[count].len);
		usable += policy_tlsa_parse(rdata[count], &r) == NULL;
		count++;
	}
	policy_tlsa_choose(rdata, count, &set);
	ENSURE(set.count + set.weaker == usable);
	ENSURE(usable + set.unusable == count);
	ENSURE((set.count > 0) == (usable > 0));
	ENSURE((set.why != NULL) == (set.unusable > 0));
	for (size_t i = 0; i < set.count; i++) {
		ENSURE(set.records[i].usage == 2 || set.records[i].usage == 3);
		ENSURE(set.records[i].selector < 2);
		ENSURE(set.records[i].matching < 3);
	}
	return 0;
}
