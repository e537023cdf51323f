/* SPDX-License-Identifier: Apache-2.0 */
/* role/admin/role - the admin pool as something to start: letterlock-admin. */
#pragma once

#include "role/common/role.h"

extern const struct role_def admin_role;
