/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world's DNS as a table: what the real dialer asks is answered from its rows,
 * with the trust that they name.
 *
 *     static const struct names_row rows[] = {
 *             {"example.org", DNS_MX, "10 mx.example.org", RESOLVER_SECURE},
 *             {"mx.example.org", DNS_A, "192.0.2.1", RESOLVER_INSECURE},
 *             {"broken.example", 0, NULL, RESOLVER_BOGUS}};
 *     struct names names = {.rows = rows, .count = ARRAY_LEN(rows)};
 *     names_serve(&names, dialer);
 *
 * CNAME rows are followed, and the answer is trusted as its weakest row.  Type 0
 * and no data: every question for the name ends so.  A name without a row does not
 * exist, one without a row of the type has none; both as `absent` says.
 */
#pragma once

#include "base/list.h"
#include "house.h"
#include "role/dialer/resolver.h"

struct names_row {
	const char *name; /* in small letters, without a dot at the end */
	uint16_t type;
	/* "192.0.2.1", "2001:db8::1", "10 mx.example.org" ("0 ." is the null MX),
	 * "alias.example.org", a text of less than 256 bytes, TLSA as hex. */
	const char *data;
	enum resolver_verdict verdict;
};

struct names {
	const struct names_row *rows;
	size_t count;
	enum resolver_verdict absent;
	/* How long a question takes, and what is said instead when *instead is set to
	 * FAILED, TIMEOUT or BOGUS.  NULL: all are answered at once. */
	uint64_t (*takes)(void *arg, enum resolver_verdict *instead);
	void *arg;
	/* Kept here: */
	unsigned asked;
	struct loop *loop; /* the dialer's */
	struct list late;  /* questions that wait; zeroed before the first dialer */
};

/* From now on this dialer's questions come here; names lives as long as it does. */
void names_serve(struct names *, struct house_role *dialer);
/* That dialer is about to end: what waits is answered no more. */
void names_drop(struct names *);
