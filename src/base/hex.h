/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/hex - bytes as two hexadecimal digits each.
 *
 * Written in lower case, read in either.
 */
#pragma once

#include "base/buf.h"

/* The value of a digit, or -1. */
static inline int hex_value(char c)
{
	if (ascii_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void hex_encode(struct buf *, struct span bytes);

/* Exactly n bytes from exactly 2 n digits; false otherwise, out undefined. */
MUST_USE bool hex_decode(struct span digits, void *out, size_t n);

/* A whole number of 1 to 16 digits, no sign, no prefix. */
MUST_USE bool hex_u64(struct span digits, uint64_t *out);
