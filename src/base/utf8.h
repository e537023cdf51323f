/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/utf8 - UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates,
 * nothing above U+10FFFF.
 *
 * NUL and other controls are valid here; who minds them checks for them.
 */
#pragma once

#include "base/buf.h"

#define UTF8_MAX         4u      /* bytes of one code point */
#define UTF8_REPLACEMENT 0xfffdu /* what stands for bytes that are not UTF-8 */

/*
 * The code point at the front and the bytes it takes; 0, and *cp untouched,
 * when s is empty or does not begin with a whole valid sequence.
 */
size_t utf8_decode(struct span s, uint32_t *cp);

/* Bytes written (1 to 4), or 0 when cp is a surrogate or above U+10FFFF. */
size_t utf8_encode(uint32_t cp, char out[UTF8_MAX]);

bool utf8_valid(struct span);
/* Only ASCII (which is valid UTF-8 as well). */
bool utf8_ascii(struct span);

/*
 * Append s with U+FFFD in place of what is not valid: one for every longest
 * beginning of a sequence that could have become valid, else one per byte.
 * At most 3 bytes are written for each byte of s.
 */
void utf8_repair(struct buf *, struct span s);

/* The longest front of valid UTF-8 s with at most max bytes, no point cut. */
struct span utf8_fit(struct span s, size_t max);
