/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/dialer/reach - which addresses and ports may be connected to.
 *
 * What a name leads to is for a stranger to say, so nothing that the whole
 * internet cannot reach is connected to unless `outgoing { reach }` names it:
 * IANA's special purpose registries (RFC 6890), multicast, and IPv6 outside of
 * 2000::/3.  An IPv4 address inside of an IPv6 one (mapped, NAT64, 6to4) is
 * judged as that IPv4 address.  "Any" and multicast addresses, and our own
 * listeners, cannot be named.
 */
#pragma once

#include "conf/conf.h"
#include "os/addr.h"

/* NULL: it may be connected to; else what forbids it, a few words. */
const char *reach_refuses(const struct conf *, const struct addr *);

/*
 * The same for a connection that stands, from `local` to `to`: only now is it
 * known which addresses are our own where a listener has no address.
 */
const char *reach_refuses_made(const struct conf *, const struct addr *local,
			       const struct addr *to);
/* Is this, of one of the two above, that the address is this server's? */
bool reach_is_ours(const char *why);

/* Ports that mail, or the web, may use: those of the protocol and configured ones. */
bool reach_mail_port(const struct conf *, uint16_t);
bool reach_web_port(const struct conf *, uint16_t);

/*
 * The own address to connect from: *out (port 0).  wanted: one of `outgoing {
 * source }` or of a destination's, or NULL for the first of that family.  False: it is none of them.
 * *any: there is none, the system chooses.
 */
MUST_USE bool reach_source(const struct conf *, bool v4,
			   const struct addr *wanted, struct addr *out,
			   bool *any);
