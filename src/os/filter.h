/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/filter - build the system call filter for these rights and load it.
 *
 * confine() is the one caller; no_new_privs is set by then.
 */
#pragma once

#include "os/confine.h"

/* r->sys is complete (RIGHT_BASE is in it).  False: nothing was loaded. */
MUST_USE bool filter_load(const struct rights *);
