/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/renew - every mailbox of an account gets a new UIDVALIDITY.
 *
 * For an account that came back from a copy: what clients were told since the
 * copy was made is forgotten here, so they have to forget it, too.  Messages,
 * UIDs and flags stay.  Polls the kv: for a store that nobody serves from.
 */
#pragma once

#include "box/box.h"

struct box_renewed {
	uint64_t mailboxes, messages;
};

/* change false: only counted. */
MUST_USE enum box_result box_renew(struct box *, bool change,
				   struct box_renewed *out);
