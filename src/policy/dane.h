/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/dane - which TLSA records count for a mail host: RFC 7672, 7671, 6698.
 *
 * Usages 2 (DANE-TA) and 3 (DANE-EE) count, 0 and 1 do not (7672 3.1.3).  Per
 * usage and selector the strongest digest counts alone, full values always
 * (7671 section 9).  Records are looked up only where the host's addresses, or
 * the alias that leads to them, are signed; what cannot be looked up then makes
 * the host unusable for now, since "no answer" is what an attacker can cause.
 *
 * Whether a certificate matches is tls' business.  Records borrow their RDATA.
 */
#pragma once

#include "policy/lookup.h"

#define POLICY_TLSA_MAX	  64u   /* records of one host; more is an error */
#define POLICY_TLSA_BASES 2u    /* names where a host's may be */

struct policy_tlsa {
	uint8_t usage, selector, matching;
	struct span data;
};

/* NULL: usable for mail.  Else why it is not; *out is set if it could be read. */
MUST_USE const char *policy_tlsa_parse(struct span rdata,
				       struct policy_tlsa *out);

struct policy_tlsa_set {
	size_t count;	 /* to match the certificate against */
	size_t unusable; /* others, and ... */
	const char *why; /* ... what is wrong with the first of them */
	size_t weaker;	 /* usable, but a stronger digest is there */
	struct policy_tlsa records[POLICY_TLSA_MAX];
};

/* count <= POLICY_TLSA_MAX. */
void policy_tlsa_choose(const struct span *rdata, size_t count,
			struct policy_tlsa_set *out);

struct policy_tlsa_answer {
	struct policy_lookup lookup;
	const struct span *rdata;
	size_t count;
};

/* A host and what was looked up for it. */
struct policy_host {
	struct span name;     /* as the MX record, or the route, has it */
	uint16_t preference;
	struct policy_lookup a, aaaa; /* at the end of its aliases */
	struct span expanded; /* that end; empty: it is no alias */
	/* The CNAME at `name` alone, asked for if it is one and its end is
	 * not secure. */
	struct policy_lookup alias;
	/* _25._tcp.BASE for the names of policy_dane_bases, in their order. */
	struct policy_tlsa_answer tlsa[POLICY_TLSA_BASES];
};

/* Names below which to ask for TLSA records, best first; 0: do not ask. */
size_t policy_dane_bases(const struct policy_host *,
			 struct span bases[POLICY_TLSA_BASES]);

enum policy_dane {
	POLICY_DANE_NONE,     /* no signed record: DANE says nothing */
	POLICY_DANE_UNUSABLE, /* encrypt, but there is nothing to verify with */
	POLICY_DANE_USABLE,   /* encrypt and verify */
	POLICY_DANE_UNKNOWN,  /* cannot be known now: do not use the host */
};

struct policy_dane_result {
	enum policy_dane state;
	bool bogus;	     /* UNKNOWN by a forged or broken answer */
	const char *why;     /* of UNKNOWN */
	struct span base;    /* the TLSA base domain: SNI, first name to verify */
	struct policy_tlsa_set set;
};

void policy_dane_find(const struct policy_host *, struct policy_dane_result *out);

/* It has an address that can be used. */
bool policy_host_has_address(const struct policy_host *);
/* An answer for one of its addresses, or for its alias, is bogus. */
bool policy_host_bogus(const struct policy_host *);
