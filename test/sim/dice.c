/* SPDX-License-Identifier: Apache-2.0 */
/* The dice: splitmix64, and the two libraries made to use it. */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD is the only way in */
#include "dice.h"

#include <openssl/rand.h>
#include <sodium.h>
#include <string.h>

uint64_t dice_draw(struct dice *d)
{
	uint64_t z = (d->state += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

uint64_t dice_below(struct dice *d, uint64_t n) { return dice_draw(d) % n; }

int dice_chance(struct dice *d, unsigned of_hundred)
{
	return dice_below(d, 100) < of_hundred;
}

/* Of the process, as the libraries' own state is. */
static struct dice loaded;

static int bytes(unsigned char *out, int len)
{
	for (size_t i = 0; i < (size_t)len; i += 8) {
		uint64_t r = dice_draw(&loaded);
		size_t rest = (size_t)len - i;
		memcpy(out + i, &r, rest < sizeof r ? rest : sizeof r);
	}
	return 1;
}

static int status(void) { return 1; }

static const RAND_METHOD method = {.bytes = bytes, .pseudorand = bytes,
				   .status = status};

static const char *name(void) { return "dice"; }

static uint32_t word(void) { return (uint32_t)dice_draw(&loaded); }

static void fill(void *const out, const size_t len) { (void)bytes(out, (int)len); }

static struct randombytes_implementation sodium_dice = {
	.implementation_name = name, .random = word, .buf = fill};

void dice_load(uint64_t seed)
{
	loaded.state = seed;
	(void)RAND_set_rand_method(&method);
	(void)randombytes_set_implementation(&sodium_dice);
}
