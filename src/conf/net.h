/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/net - addresses and networks as text: 192.0.2.0/24, 2001:db8::1; and
 * addresses with a port: 192.0.2.1:5353, [2001:db8::1]:5353.
 */
#pragma once

#include "base/buf.h"
#include "conf/conf.h"

/* ADDRESS or ADDRESS/BITS; without bits the whole address. */
MUST_USE bool conf_net_parse(struct span, struct conf_net *);
/* Clears the bits behind the prefix; true when one was set. */
bool conf_net_mask(struct conf_net *);
void conf_net_print(const struct conf_net *, bool whole, struct buf *);

enum conf_port {
	CONF_PORT_RIGHT,
	CONF_PORT_ALONE,   /* an address in brackets, and no port behind it */
	CONF_PORT_RANGE,   /* an address, and behind it no port of 1 to 65535 */
	CONF_PORT_AT,      /* an address and a port, but with @ between them */
	CONF_PORT_ADDRESS, /* no address */
};

/* Right: *out is the whole.  ALONE and AT: what was probably meant. */
MUST_USE enum conf_port conf_resolver_parse(struct span,
					    struct conf_resolver *out);
/* Port 53 is not written. */
void conf_resolver_print(const struct conf_resolver *, struct buf *);
