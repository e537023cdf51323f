/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/dialer/follow - keeps the root's trust anchors up to date: RFC 5011.
 *
 * What there is to begin with (built in, or the root's lines of `dns {
 * trust-anchor }`) and what was learned since (the file root.key in the role's own
 * folder) make the anchors together; anchors of other zones stay as they are.  The
 * root's keys are asked for from time to time as anything else is, and only a
 * secure answer counts.
 *
 * A change is written to the file before it is believed.
 */
#pragma once

#include "dns/anchor.h"
#include "role/common/role.h"
#include "role/dialer/resolver.h"

#define FOLLOW_FILE "root.key"

struct follow;

/*
 * configured: the text of the trust anchors to begin with; borrowed.  NULL: memory
 * is short.
 */
MUST_USE struct follow *follow_new(struct role *, struct span configured);
void follow_free(struct follow *); /* NULL is allowed */

/* The role's own folder: reads what is kept there.  False: why tells. */
MUST_USE bool follow_folder(struct follow *, int dir, struct buf *why);
/* Is there a root key to follow, and a folder? */
bool follow_works(const struct follow *);
int follow_dir(const struct follow *);

/* The text for resolver_new.  False: no anchor of the root is left, or no memory. */
MUST_USE bool follow_text(struct follow *, struct buf *out);
/* Confined now: begin to ask. */
MUST_USE bool follow_start(struct follow *, struct resolver *, uint64_t timeout);
/* "valid":1,"pending":0 ... for status. */
void follow_status(const struct follow *, struct buf *json);
