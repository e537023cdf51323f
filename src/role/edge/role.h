/* SPDX-License-Identifier: Apache-2.0 */
/* role/edge/role - the role's table, for its program and the simulation. */
#pragma once

#include "role/common/role.h"

extern const struct role_def edge_role;
