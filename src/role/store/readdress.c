/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/readdress: see readdress.h.
 *
 * Must never let mail of others out by a rule, nor forbid what was allowed for
 * the address that was written.
 */
#include "role/store/readdress.h"

#include "rewrite/rewrite.h"

static bool becomes(const struct session *ss, enum rewrite_party party,
		    struct arena *a, struct span address, struct span *out)
{
	struct buf b;
	*out = address;
	buf_init(&b, REWRITE_ADDRESS_MAX);
	bool any = rewrite_address(&ss->store->conf->rewrite, party, address, &b);
	bool ok = !buf_short(&b) &&
		  (!any || arena_copy(a, buf_span(&b), out));
	buf_free(&b);
	return ok;
}

bool readdress_recipient(const struct session *ss, struct arena *a,
			 struct span address, struct span *out)
{
	if (!becomes(ss, REWRITE_RECIPIENT, a, address, out))
		return false;
	size_t at = span_find_last(*out, '@');
	if (!session_submits(ss) && at != SIZE_MAX &&
	    directory_domain(ss->store->directory, span_skip(*out, at + 1)) == NULL)
		*out = address;
	return true;
}

bool readdress_sender(const struct session *ss, struct arena *a,
		      struct span address, struct span *out)
{
	*out = address;
	return !session_submits(ss) || address.len == 0 ||
	       becomes(ss, REWRITE_SENDER, a, address, out);
}

enum directory_leave readdress_may_send_as(const struct session *ss,
					   struct span address)
{
	enum directory_leave may = session_may_send_as(ss, address);
	if (may != DIRECTORY_MAY_NOT || !rewrite_any(&ss->store->conf->rewrite))
		return may;
	struct arena *a = arena_new(4 * REWRITE_ADDRESS_MAX);
	struct span other;
	may = DIRECTORY_MAY_UNKNOWN;
	if (a != NULL && readdress_sender(ss, a, address, &other))
		may = session_may_send_as(ss, other);
	arena_free(a);
	return may;
}
