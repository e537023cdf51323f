/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/ffdhe - the finite-field groups of RFC 7919, and no others.
 *
 * They are the only ones that a TLS 1.2 server of ours uses, and the only ones
 * under which the vault signs: safe primes of 2048 to 4096 bits whose generator
 * is 2.  A group from anywhere else may hide a trapdoor, or be small; the two
 * larger ones of the RFC hold a whole process up for 70 and 150 ms a handshake.
 *
 * TLS_DHE_OFF is 0, so that settings that say nothing have none.
 */
#pragma once

#include "base/span.h"

#define TLS_FFDHE_MAX 512u /* bytes of the largest prime */

enum tls_dhe {
	TLS_DHE_OFF,
	TLS_DHE_2048,
	TLS_DHE_3072,
	TLS_DHE_4096,
	TLS_DHE_KINDS
};

/* "ffdhe2048", as RFC 7919 and OpenSSL call it; NULL for TLS_DHE_OFF. */
const char *tls_ffdhe_name(enum tls_dhe);
/* Bytes of the prime, and so of each number in a handshake; 0 for off. */
size_t tls_ffdhe_bytes(enum tls_dhe);
/* The group whose prime has exactly these bytes; TLS_DHE_OFF: none has. */
enum tls_dhe tls_ffdhe_of(struct span prime);
/* 1 < y < p - 1, written with the same number of bytes as the prime p. */
bool tls_ffdhe_public(struct span y, struct span prime);
