/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/dnssec - the two operations that following a trust anchor takes: does
 * this key sign these bytes, and what is its digest.
 *
 * Algorithms 8 and 10 (RSA with SHA-256 and SHA-512, at least 1024 bits), 13 and
 * 14 (ECDSA P-256 and P-384), 15 (Ed25519); digests 2 and 4 (SHA-256, SHA-384).
 * Anything else verifies nothing.  All inputs are a stranger's.
 */
#pragma once

#include "base/span.h"

#define DNSSEC_DIGEST_MAX 48u

/* key and signature as DNSKEY and RRSIG hold them. */
MUST_USE bool dnssec_verify(uint8_t algorithm, struct span key,
			    struct span data, struct span signature);
/* The length, or 0: that digest type is not known. */
MUST_USE size_t dnssec_digest(uint8_t type, struct span data,
			      uint8_t out[DNSSEC_DIGEST_MAX]);
