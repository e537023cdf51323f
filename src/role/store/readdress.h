/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/readdress - the addresses of an envelope that the configuration has
 * become others (rewrite/rewrite.h).
 *
 * Of mail of our users both sides; of mail of others the recipients that become
 * an address at a domain of ours: nobody gets a relay out of a rule.
 */
#pragma once

#include "role/store/session.h"

/*
 * What stands for the address; the address itself where no rule is for it.  False:
 * memory is short.
 */
MUST_USE bool readdress_recipient(const struct session *, struct arena *,
				  struct span address, struct span *out);
MUST_USE bool readdress_sender(const struct session *, struct arena *,
			       struct span address, struct span *out);
/* May its user send as this address, or as what becomes of it? */
MUST_USE enum directory_leave readdress_may_send_as(const struct session *,
						    struct span address);
