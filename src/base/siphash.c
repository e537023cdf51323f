/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/siphash: two rounds for each eight bytes, four at the end, as Aumasson
 * and Bernstein define it; checked against the vectors of their paper.
 */
#include "base/siphash.h"

struct state {
	uint64_t a, b, c, d;
};

static uint64_t rotate(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static void sip_round(struct state *s)
{
	s->a += s->b;
	s->c += s->d;
	s->b = rotate(s->b, 13) ^ s->a;
	s->d = rotate(s->d, 16) ^ s->c;
	s->a = rotate(s->a, 32) + s->d;
	s->c += s->b;
	s->d = rotate(s->d, 21) ^ s->a;
	s->b = rotate(s->b, 17) ^ s->c;
	s->c = rotate(s->c, 32);
}

/* Up to eight bytes as a little-endian number. */
static uint64_t load(const uint8_t *p, size_t n)
{
	uint64_t v = 0;
	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static void absorb(struct state *s, uint64_t word)
{
	s->d ^= word;
	sip_round(s);
	sip_round(s);
	s->a ^= word;
}

uint64_t siphash(const uint8_t key[SIPHASH_KEY], struct span in)
{
	const uint8_t *p = (const uint8_t *)in.ptr;
	uint64_t low = load(key, 8), high = load(key + 8, 8);
	struct state s = {low ^ 0x736f6d6570736575, high ^ 0x646f72616e646f6d,
			  low ^ 0x6c7967656e657261, high ^ 0x7465646279746573};
	size_t left = in.len;
	for (; left >= 8; left -= 8, p += 8)
		absorb(&s, load(p, 8));
	absorb(&s, load(p, left) | (uint64_t)in.len << 56);
	s.c ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.a ^ s.b ^ s.c ^ s.d;
}
