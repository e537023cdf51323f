/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc/over_os - a link over a packet socket in a loop, real or simulated.
 */
#pragma once

#include "ipc/link.h"
#include "os/loop.h"

/*
 * fd: one end of a sock_packet_pair, the link's from here on, also on failure.
 * Hand the link to a <hop>_join_<side> at once.  NULL: out of memory.
 */
MUST_USE struct ipc_link *ipc_link_os(struct loop *, int fd);
/* What it sends leaves at the very end of a turn: no peer waits for it. */
void ipc_link_last(struct ipc_link *);
