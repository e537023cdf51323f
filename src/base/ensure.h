/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/ensure - asserts that stay on.
 *
 * A false ENSURE is a bug of ours: it writes one line to standard error and
 * aborts; the supervisor replaces the process.  It never judges what a peer
 * sent or what the world did: those are replies and enums.
 *
 * TAG: every opaque type starts with `uint32_t tag` set by its constructor and
 * cleared by its destructor; ENSURE_TAG on entry catches stale and wrong
 * pointers before they do harm.
 */
#pragma once

#include <stdint.h>

#include "base/attr.h"

#define ENSURE(cond)                                                           \
	do {                                                                   \
		if (__builtin_expect(!(cond), 0))                              \
			ensure_failed(#cond, __FILE__, __LINE__);              \
	} while (0)

#define TAG4(a, b, c, d)                                                       \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 |      \
	 (uint32_t)(d))

#define ENSURE_TAG(p, t) ENSURE((p) != NULL && (p)->tag == (t))

NORETURN void ensure_failed(const char *what, const char *file, int line);
