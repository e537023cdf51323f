/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route/mx - which hosts of a domain are tried, and in which order (RFC 5321
 * 5.1, RFC 7505).
 *
 * The lower preference comes first, equal ones stay in the order given, which
 * the resolver has shuffled.  Where the list names this host itself, hosts of
 * its preference and behind it are left out: they would give the mail back to
 * us.  A host that stands twice counts once.
 *
 * Must never: name this host, or one that a server behind us would ask.
 */
#pragma once

#include "base/span.h"

#define ROUTE_MX_MAX	64u /* records that are looked at */
#define ROUTE_HOSTS_MAX 12u /* hosts that are tried; others are left out */

struct route_mx {
	uint16_t preference;
	struct span name; /* empty: the null MX */
};

enum route_mx_result {
	ROUTE_HOSTS,
	ROUTE_NONE, /* no record names a host */
	ROUTE_NULL, /* the domain takes no mail: 5.1.10 */
	ROUTE_LOOP, /* this host is the best one, and does not know the domain */
};

/* `own`: names of this host.  *hosts borrow the names. */
MUST_USE enum route_mx_result route_mx(const struct route_mx *, size_t count,
				       const struct span *own, size_t own_count,
				       struct route_mx hosts[ROUTE_HOSTS_MAX],
				       size_t *host_count);
