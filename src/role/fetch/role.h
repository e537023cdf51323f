/* SPDX-License-Identifier: Apache-2.0 */
/* role/fetch/role - the role's table, for its program and the tests. */
#pragma once

#include "role/common/role.h"

extern const struct role_def fetch_role;
