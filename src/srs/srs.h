/* SPDX-License-Identifier: Apache-2.0 */
/*
 * srs/srs - the sender rewriting scheme: what is forwarded gets a reverse path
 * of ours, so that SPF of the sender's domain does not fail where it arrives,
 * and a bounce finds its way back.
 *
 *   SRS0=hash=time=domain=local@ours	       from local@domain
 *   SRS1=hash=first==hash=time=domain=local@ours  from SRS0=...@first
 *
 * hash: 8 digits of base 32 (40 bits) of HMAC-SHA-256 over what follows, in
 * lower case, because local parts lose their case on the way; time: the day,
 * modulo 1024.  Only who has the key can make an address that leads anywhere
 * else, and it does so for SRS_DAYS.  An SRS1 address leads to the server that
 * made the SRS0 in it, which judges that.
 *
 * A local part has 64 octets at most; a sender that would need more, or that
 * needs quotes, is not rewritten.  Pure: the caller has the key and the time.
 */
#pragma once

#include "base/buf.h"

#define SRS_KEY	 32u
#define SRS_DAYS 21
#define SRS_LOCAL_MAX 64u

enum srs_result {
	SRS_OK,
	SRS_NOT,    /* reverse: not of this form */
	SRS_FORGED, /* reverse: another key made it, or nobody */
	SRS_OLD,    /* reverse: more than SRS_DAYS ago */
	SRS_CANNOT, /* forward: too long, or no plain address */
	SRS_MEMORY,
};

/* Does this address begin like one that reverse may know? */
bool srs_looks(struct span address);

/* Append the address at `domain` (ours) that stands for `sender`. */
MUST_USE enum srs_result srs_forward(struct span key, int64_t now, struct span sender,
				     struct span domain, struct buf *out);

/* Append the address that this one stands for. */
MUST_USE enum srs_result srs_reverse(struct span key, int64_t now, struct span address,
				     struct buf *out);
