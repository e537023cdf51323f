/* SPDX-License-Identifier: Apache-2.0 */
/* role/local/role - mail of users of this machine: letterlock-local. */
#pragma once

#include "role/common/role.h"

extern const struct role_def local_role;
