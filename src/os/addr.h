/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/addr - network addresses as plain values, without a system header.
 *
 * An IPv4 address is kept as ::ffff:a.b.c.d and is therefore the same value
 * whether it arrived on an IPv4 or a dual-stack socket; `addr_is_v4` tells.
 * Values are compared with addr_eq (with port) and addr_same_host.
 *
 * Text forms: "192.0.2.1", "2001:db8::1" (RFC 5952), with port
 * "192.0.2.1:25", "[2001:db8::1]:25".  Parsing is strict: no octal, no
 * leading zeros in IPv4, no zone index, no white space.
 */
#pragma once

#include "base/span.h"

#define ADDR_TEXT_MAX 56u /* longest text of any form, with its NUL */

struct addr {
	uint8_t ip[16]; /* network order; IPv4 mapped */
	uint16_t port;  /* host order */
};

/* A network: the first `bits` of ip; IPv4 prefixes are stored with 96 added. */
struct cidr {
	uint8_t ip[16];
	uint8_t bits; /* 0..128 */
};

struct addr addr_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port);
struct addr addr_v6(const uint8_t ip[16], uint16_t port);

bool addr_is_v4(const struct addr *);
bool addr_is_loopback(const struct addr *);
bool addr_is_any(const struct addr *); /* 0.0.0.0 or :: */
bool addr_eq(const struct addr *, const struct addr *);
bool addr_same_host(const struct addr *, const struct addr *);

/* An address without a port (port 0). */
MUST_USE bool addr_parse(struct span text, struct addr *out);
/* With a port: "a.b.c.d:25" or "[v6]:25". */
MUST_USE bool addr_parse_port(struct span text, struct addr *out);
/* Both NUL-terminate within ADDR_TEXT_MAX and return the text's span. */
struct span addr_format(const struct addr *, char out[ADDR_TEXT_MAX]);
struct span addr_format_port(const struct addr *, char out[ADDR_TEXT_MAX]);

/* "192.0.2.0/24", "2001:db8::/32", or an address alone; host bits must be 0. */
MUST_USE bool cidr_parse(struct span text, struct cidr *out);
bool cidr_match(const struct cidr *, const struct addr *);
/* The network of the address: v4_bits of 32 or v6_bits of 128. */
struct cidr cidr_of(const struct addr *, unsigned v4_bits, unsigned v6_bits);
