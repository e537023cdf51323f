/* SPDX-License-Identifier: Apache-2.0 */
/* role/courier/txt: one call, and its strings cut again as they stand in a record. */
#include "role/courier/txt.h"

#define STRING_MAX 255u

static bool as_rdata(struct arena *a, struct span text, struct span *out)
{
	size_t strings = text.len == 0 ? 1 : (text.len - 1) / STRING_MAX + 1;
	char *to = arena_bytes(a, text.len + strings), *at = to;
	if (to == NULL)
		return false;
	do {
		struct span one = span_sub(text, 0, STRING_MAX);
		*at++ = (char)one.len;
		if (one.len > 0)
			memcpy(at, one.ptr, one.len);
		at += one.len;
		text = span_skip(text, one.len);
	} while (text.len > 0);
	*out = span_of(to, (size_t)(at - to));
	return true;
}

static struct policy_lookup lookup_of(const struct courier_dialer_txt_reply *r)
{
	switch (r->trust) {
	case COURIER_DIALER_TRUST_BOGUS:
		return (struct policy_lookup){POLICY_DNS_BOGUS, false};
	case COURIER_DIALER_TRUST_INSECURE:
		return (struct policy_lookup){POLICY_DNS_INSECURE, r->found};
	case COURIER_DIALER_TRUST_SECURE:
		return (struct policy_lookup){POLICY_DNS_SECURE, r->found};
	case COURIER_DIALER_TRUST_FAILED:
		break;
	}
	return (struct policy_lookup){POLICY_DNS_FAILED, false};
}

bool txt_find(struct courier_dialer *dialer, const char *prefix,
	      struct span domain, struct arena *a, uint64_t deadline,
	      struct txt_answer *out)
{
	struct courier_dialer_txt m = {
		.name = arena_printf(a, "%s.%.*s", prefix, SPAN_FMT(domain))};
	struct courier_dialer_txt_reply rep;
	*out = (struct txt_answer){.lookup = {POLICY_DNS_FAILED, false}};
	if (m.name.len == 0)
		return false;
	if (dialer == NULL ||
	    courier_dialer_txt(dialer, &m, a, &rep, deadline) != IPC_OK)
		return true;
	struct span *rdata =
		ARENA_ARRAY(a, rep.records_count + 1, struct span);
	if (rdata == NULL)
		return false;
	for (size_t i = 0; i < rep.records_count; i++)
		if (!as_rdata(a, rep.records[i], &rdata[i]))
			return false;
	*out = (struct txt_answer){.lookup = lookup_of(&rep),
				   .rdata = rdata,
				   .count = rep.records_count};
	return true;
}
