/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/linear - does each parser take time in proportion to its input?
 *
 * A case is a parser and a hostile shape: what stands before, what is repeated
 * until the input is as long as wanted, what stands behind; or a function that
 * builds it.  It is run on n and on 2n bytes, up to the parser's own limit.
 * test/fuzz/parsers.list names the cases of each file, by `name`.
 */
#pragma once

#include "base/buf.h"

#define LINEAR_INPUT (256u << 10) /* where the parser has no limit; fits a cache */

struct linear_case {
	const char *name;
	struct span before, unit, after;
	size_t limit; /* bytes in all */
	void (*run)(struct span input);
	void (*build)(struct buf *, size_t n); /* instead of the three spans */
};

struct linear_cases {
	const struct linear_case *at;
	size_t count;
};

struct linear_cases linear_text(void);	   /* base, conf, dns, cmd, os */
struct linear_cases linear_mail(void);	   /* mime, summary, smtp, dsn */
struct linear_cases linear_sessions(void); /* smtp, imap, pop3, sasl */
struct linear_cases linear_policy(void);   /* policy, reports */
struct linear_cases linear_posture(void);  /* the records of own names */
struct linear_cases linear_peers(void);   /* certificates of servers */
struct linear_cases linear_rows(void);	   /* rows, hops, certificates */
