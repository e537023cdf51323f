/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by fault*.c: one question for each call that could fail, and a way out
 * of the count for what the simulated world does underneath.
 */
#pragma once

#include "base/attr.h"
#include "fault.h"

/* Shall this call fail, and how? */
bool fault_now(enum fault_kind, const char *what, const void *where, unsigned *way);

/* Nothing counts until fault_back. */
unsigned fault_outside(void);
void fault_back(unsigned before);
