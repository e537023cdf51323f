/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns/typed - the records that mail asks for, out of an answer packet.
 *
 * Only records count that stand at the end of the question's CNAMEs, of the
 * question's type and class IN; whatever else a server puts into an answer is not
 * looked at.  Nothing here knows whether an answer is to be trusted.
 *
 * A reader answers false when the packet cannot be taken at its word: CNAMEs
 * without an end, or more than the limit where a part would be worse than
 * nothing.  That is a failed lookup, never "no record".
 */
#pragma once

#include "dns/packet.h"

#define DNS_HOST_MAX   253u  /* a host name as text, without a dot at the end */
#define DNS_MX_MAX     64u   /* hosts; the best ones are kept */
#define DNS_ADDR_MAX   32u   /* of one family; the first ones are kept */
#define DNS_BYTES_MAX  64u   /* TLSA or TXT records; more is a failed lookup */
#define DNS_BYTES_LEN_MAX  8192u  /* of one of them, likewise */
#define DNS_BYTES_ALL_MAX  56000u /* and of all of them */

/*
 * In small letters and without a dot at the end.  Empty: no host name (RFC 1123
 * section 2.1; underscores are let through), the root among them.
 */
struct span dns_host_text(const struct dns_name *, char out[DNS_HOST_MAX]);

struct dns_mx {
	uint16_t preference;
	uint8_t len;
	char name[DNS_HOST_MAX]; /* dns_host_text; len 0: the null MX */
};

struct dns_mx_list {
	bool found;	 /* there are MX records */
	size_t count;	 /* hosts that can be used, or one null MX (RFC 7505) */
	size_t left_out; /* others: no host name, or over DNS_MX_MAX */
	struct dns_mx at[DNS_MX_MAX];
};

/*
 * Ascending by preference; equal ones in an order drawn from the seed (RFC 5321
 * section 5.1).  A host that stands there twice counts where it is better.  A null
 * MX beside others is left out.
 */
MUST_USE bool dns_mx_read(const struct dns_answer *, uint64_t seed,
			  struct dns_mx_list *out);

struct dns_addresses {
	size_t count, left_out;
	uint8_t at[DNS_ADDR_MAX][16]; /* IPv4 as ::ffff:192.0.2.1 */
};

/* The question was for A or AAAA.  Addresses that stand there twice count once. */
MUST_USE bool dns_addresses_read(const struct dns_answer *,
				 struct dns_addresses *out);

struct dns_bytes {
	size_t count;
	struct span at[DNS_BYTES_MAX];
};

/* RDATA, borrowed from the packet. */
MUST_USE bool dns_tlsa_read(const struct dns_answer *, struct dns_bytes *out);
/*
 * The strings of each record joined, in text (limit DNS_BYTES_ALL_MAX).  A
 * malformed record is a failed lookup.
 */
MUST_USE bool dns_txt_read(const struct dns_answer *, struct buf *text,
			   struct dns_bytes *out);
