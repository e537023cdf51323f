/* SPDX-License-Identifier: Apache-2.0 */
/* role/courier/role - the role's table, for its program and for tests. */
#pragma once

#include "role/common/role.h"

extern const struct role_def courier_role;
