/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/siphash - SipHash-2-4, a keyed hash of 64 bits.
 *
 * For hash tables whose keys a peer chooses: without the key nobody can find
 * inputs that collide.  It is no signature and proves nothing to anybody.
 */
#pragma once

#include "base/span.h"

#define SIPHASH_KEY 16u /* bytes */

uint64_t siphash(const uint8_t key[SIPHASH_KEY], struct span);
