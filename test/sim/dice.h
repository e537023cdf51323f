/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Randomness that a seed decides, also where libraries throw the dice themselves.
 *
 * dice_load makes every random byte of OpenSSL and of libsodium in this process
 * follow from the seed, so that handshakes and salts are the same in each run.
 * For tests alone: what is encrypted with this is not secret.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct dice {
	uint64_t state;
};

uint64_t dice_draw(struct dice *);
/* Below n, which is not 0. */
uint64_t dice_below(struct dice *, uint64_t n);
/* True so many times of a hundred. */
int dice_chance(struct dice *, unsigned of_hundred);

void dice_load(uint64_t seed);
