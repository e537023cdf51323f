/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/user_row - the users of this machine as passwd(5) lists them: who has a
 * number, by name.  Pure: the bytes are the caller's.
 */
#pragma once

#include "base/span.h"

#define USER_NAME_MAX 64u
#define USERS_MAX     (1u << 20) /* bytes of the list that are looked at */

/* The first name with this number; NIL: nobody, or its name is no plain one. */
struct span users_name(struct span list, uint32_t uid);
