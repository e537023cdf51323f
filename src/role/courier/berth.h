/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/berth - a place for each connection among those that may leave by an
 * own address at a time (blocks `source` of the configuration).
 *
 * One is taken before a connection is made, while it is not known yet whether it
 * will be one of IPv4 or of IPv6, and given back with its end.  The store lets out
 * no more messages than there are places; connections that are kept for more give
 * way here.  What is left is waited for: a connection of older rules, or one that
 * an administrator asked for.
 *
 * Must never: let more connections stand by the addresses of a block than it says,
 * whatever the rules were when they were made.
 */
#pragma once

#include "conf/conf.h"
#include "os/loop.h"

struct courier;

#define COURIER_BERTH_NS (30 * NS_PER_SEC) /* that a place is waited for */

/* By family: IPv6, IPv4. */
struct berth {
	struct list link;
	struct courier *courier;
	bool by[2];    /* may be one of this family */
	bool named[2]; /* from this address; else from what the system chooses */
	struct conf_net from[2];
};

/* For a connection by this rule (NULL: none); v6, v4: to which families.  Parks.
 * NULL: it has one; else the block that has no place. */
const struct conf_source *berth_take(struct courier *, struct berth *,
				     const struct conf_destination *, bool v6,
				     bool v4);
/* The rules are others: who waits looks again. */
void berths_changed(struct courier *);
/* It became one of this family. */
void berth_settle(struct berth *, bool v4);
/* Another one has it from here on. */
void berth_move(struct berth *to, struct berth *from);
/* One that was never taken is allowed. */
void berth_leave(struct berth *);
