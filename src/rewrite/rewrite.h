/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rewrite - which address takes the place of another one, by the rules of the
 * configuration's block `rewrite`.
 *
 * The first rule that fits is applied, once: an address of the party's own
 * list, an address of `canonical`, a domain of the party's own list, a domain of
 * `canonical`.  What came of it is masqueraded: below a domain of `masquerade`
 * becomes that domain, the longest one that fits, but for the domains and users
 * that are kept.
 *
 * Letter case does not count.  A local part that is quoted without need is the
 * same as without quotes; any other quoted one fits rules for domains alone.
 * Domains are compared as they are written, A-labels as A-labels.
 */
#pragma once

#include "base/buf.h"
#include "conf/conf.h"

#define REWRITE_ADDRESS_MAX 254u /* bytes; what would become longer stays */

enum rewrite_party {
	REWRITE_SENDER,
	REWRITE_RECIPIENT,	 /* of the envelope: never masqueraded */
	REWRITE_SHOWN_RECIPIENT, /* of the header */
};

/*
 * Appends what becomes of local@domain.  False: it stays as it is, and nothing is
 * appended, or buf_ok is false.
 */
MUST_USE bool rewrite_address(const struct conf_rewrite *, enum rewrite_party,
			      struct span address, struct buf *out);

/* Is there a rule at all? */
bool rewrite_any(const struct conf_rewrite *);
