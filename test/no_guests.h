/* SPDX-License-Identifier: Apache-2.0 */
/*
 * no_guests - what a stand-in for the supervisor has where nobody isolates.
 *
 * A role that hands over a guest there, or speaks of one, is wrong.  Put
 * NO_GUESTS into a struct boss_role_at_boss.
 */
#pragma once

#include "base/ensure.h"
#include "wire/boss_role.h"

static inline void no_guest(void *ctx, struct ipc_call *call,
			    const struct boss_role_guest *m)
{
	(void)ctx, (void)call;
	ENSURE(m == NULL);
}

static inline void no_dismiss(void *ctx, struct boss_role *c,
			      const struct boss_role_dismiss *m)
{
	(void)ctx, (void)c;
	ENSURE(m == NULL);
}

static inline void no_known(void *ctx, struct boss_role *c,
			    const struct boss_role_known *m)
{
	(void)ctx, (void)c;
	ENSURE(m == NULL);
}

#define NO_GUESTS .guest = no_guest, .dismiss = no_dismiss, .known = no_known
