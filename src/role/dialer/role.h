/* SPDX-License-Identifier: Apache-2.0 */
/* role/dialer/role - the role's table, for its program and the simulation. */
#pragma once

#include "role/common/role.h"
#include "role/dialer/resolver.h"

extern const struct role_def dialer_role;

/*
 * For the simulation: from now on questions go to the script (resolver.h), whatever
 * the configuration says of lookups.  self: the role's object.  False: no memory.
 */
MUST_USE bool dialer_script(void *self, resolver_source_fn *, void *ctx);
