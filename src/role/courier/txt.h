/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/txt - TXT records below a name, asked of the dialer.
 *
 * The dialer joins the strings of a record; policy/ reads RDATA.  Everything lives
 * in the arena.
 */
#pragma once

#include "base/arena.h"
#include "policy/lookup.h"
#include "wire/courier_dialer.h"

#define TXT_RECORDS_MAX 64u /* of the schema */

struct txt_answer {
	struct policy_lookup lookup;
	const struct span *rdata;
	size_t count;
};

/*
 * PREFIX.DOMAIN.  Parks the fiber.  dialer NULL, or no answer of it: the look-up
 * failed.  False: memory is short.
 */
MUST_USE bool txt_find(struct courier_dialer *, const char *prefix,
		       struct span domain, struct arena *, uint64_t deadline,
		       struct txt_answer *);
