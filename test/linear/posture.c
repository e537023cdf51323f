/* SPDX-License-Identifier: Apache-2.0 */
/* test/linear: records of strangers' zones, compared with those that are needed. */
#include "base/ensure.h"
#include "linear.h"
#include "posture/posture.h"

static const struct conf_net address = {4, 32, {192, 0, 2, 25}};
static const struct posture_server server = {.host = SPAN_INIT("mx.example.org"),
					     .addresses = &address,
					     .address_count = 1,
					     .addresses_known = true};

static void judge(struct span in)
{
	static struct posture_needs needs;
	struct posture_findings f;
	struct arena *a = arena_new(64u << 20);
	struct posture_found found = {.lookup = {POLICY_DNS_SECURE, true},
				      .records = &in,
				      .count = 1};
	ENSURE(a != NULL && posture_domain(&server, SPAN("example.org"), a, &needs));
	for (size_t i = 0; i < needs.count; i++)
		(void)!posture_judge(&server, &needs.at[i], &found, a, &f);
	arena_free(a);
}

#define TXT_HEAD "x. 1 IN TXT \"v=spf1"
#define ROW(max, b, u, e) {.name = "posture", .before = SPAN_INIT(b), .unit = SPAN_INIT(u), \
	.after = SPAN_INIT(e), .limit = max, .run = judge}

static const struct linear_case cases[] = {
	ROW(65535, TXT_HEAD "\"", " \" a\"", ""),
	ROW(65535, TXT_HEAD "\"", " \" ip4:1.2.3.4\"", ""),
	ROW(65535, TXT_HEAD "\"", " \"\"", ""),
	ROW(65535, TXT_HEAD "\" \"", "\\065", ""),
	ROW(65535, "x. 1 IN TXT", " ", ""),
	ROW(65535, "x. 1 IN MX", " ", "mx."),
	ROW(65535, "x. 1 IN SRV 0 0 ", "a.", ""),
};

struct linear_cases linear_posture(void)
{
	return (struct linear_cases){cases, ARRAY_LEN(cases)};
}
