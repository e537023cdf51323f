/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns/type - types of records and codes of answers, by number and by name.
 *
 * Types without a name of ours are "TYPE4711" (RFC 3597 section 5).
 */
#pragma once

#include "base/buf.h"

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_SRV = 33,
	DNS_DNAME = 39,
	DNS_DS = 43,
	DNS_RRSIG = 46,
	DNS_NSEC = 47,
	DNS_DNSKEY = 48,
	DNS_NSEC3 = 50,
	DNS_TLSA = 52,
	DNS_SMIMEA = 53,
	DNS_OPENPGPKEY = 61,
	DNS_SVCB = 64,
	DNS_HTTPS = 65,
	DNS_SPF = 99,
	DNS_ANY = 255,
	DNS_CAA = 257,
};

#define DNS_CLASS_IN   1u
#define DNS_NOERROR    0u
#define DNS_SERVFAIL   2u
#define DNS_NXDOMAIN   3u
#define DNS_TYPE_TEXT  12u /* longest, with its NUL */

/* Names compare without case; "TYPE4711" and plain numbers are taken too. */
MUST_USE bool dns_type_parse(struct span text, uint16_t *out);
struct span dns_type_text(uint16_t, char out[DNS_TYPE_TEXT]);
/* "NXDOMAIN"; "RCODE23" is not made: "unknown". */
const char *dns_rcode_text(unsigned);
