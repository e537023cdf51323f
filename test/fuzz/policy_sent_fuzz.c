/* SPDX-License-Identifier: Apache-2.0 */
/* policy/report_sent: what is read is what would be written. */
#include "base/ensure.h"
#include "policy/report_sent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of(data, size);
	struct policy_sent one, again;
	while (policy_sent_next(&rest, &one)) {
		struct buf b;
		buf_init(&b, POLICY_SENT_MAX);
		policy_sent_write(&b, &one);
		struct span s = buf_span(&b);
		ENSURE(buf_ok(&b) && policy_sent_next(&s, &again) && s.len == 0);
		ENSURE(one.when == again.when && one.outcome == again.outcome &&
		       span_eq(one.to, again.to) && span_eq(one.why, again.why));
		buf_free(&b);
	}
	return 0;
}
