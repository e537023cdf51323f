/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/net - addresses and networks as text: 192.0.2.0/24, 2001:db8::1.
 */
#pragma once

#include "base/buf.h"
#include "conf/conf.h"

/* ADDRESS or ADDRESS/BITS; without bits the whole address. */
MUST_USE bool conf_net_parse(struct span, struct conf_net *);
/* Clears the bits behind the prefix; true when one was set. */
bool conf_net_mask(struct conf_net *);
void conf_net_print(const struct conf_net *, bool whole, struct buf *);
