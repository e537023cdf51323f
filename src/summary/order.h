/* SPDX-License-Identifier: Apache-2.0 */
/*
 * summary/order - what SORT and THREAD need of a message, in few bytes.
 *
 * Made by the sorter with the summary, of which it is a part; the store keeps a
 * copy in a row of its own, so that a mailbox is ordered without reading one
 * summary (RFC 5256, 5957).
 *
 * Strings are keys, not texts: decoded, in the form of i;unicode-casemap (RFC
 * 5051), compared as bytes and cut at the limits here.  What is equal up to
 * its limit is equal.  Message-IDs are hashes of 64 bits without a secret: who
 * makes two of them collide joins two threads of those to whom he can write.
 */
#pragma once

#include "base/buf.h"
#include "base/span.h"

#define SUMMARY_ORDER_MAX     1000u /* bytes of a written record */
#define SUMMARY_ORDER_SUBJECT 255u
#define SUMMARY_ORDER_NAME    64u /* each of the others */
#define SUMMARY_ORDER_IDS     48u /* References: the first and the last ones */

#define SUMMARY_ORDER_SENT  1u /* `sent` is valid */
#define SUMMARY_ORDER_REPLY 2u /* the subject says that it answers or forwards */
#define SUMMARY_ORDER_FLAGS 3u

enum summary_order_key {
	SUMMARY_ORDER_BASE, /* base subject (RFC 5256 2.1) */
	SUMMARY_ORDER_FROM, /* local part of the first address */
	SUMMARY_ORDER_TO,
	SUMMARY_ORDER_CC,
	SUMMARY_ORDER_SHOWN_FROM, /* its name, or else the whole address */
	SUMMARY_ORDER_SHOWN_TO,
	SUMMARY_ORDER_KEYS
};

struct summary_order {
	uint32_t flags;
	int64_t sent; /* seconds since 1970, UTC */
	uint64_t subject; /* hash of the whole base subject; 0: it is empty */
	uint64_t id;	  /* of Message-ID; 0: none */
	struct span key[SUMMARY_ORDER_KEYS];
	/* Of References, or of In-Reply-To: ids, oldest first; read by summary_order_id. */
	struct span ids;
};

/* False, nothing appended: over a limit. */
MUST_USE bool summary_order_write(const struct summary_order *, struct buf *);
/* Spans borrow the record.  False: not a record. */
MUST_USE bool summary_order_read(struct span record, struct summary_order *out);

static inline size_t summary_order_ids(const struct summary_order *o)
{
	return o->ids.len / sizeof(uint64_t);
}
uint64_t summary_order_id(const struct summary_order *, size_t i);

/* The record inside of a written summary; empty where an older program wrote it. */
struct span summary_order_of(struct span summary);
