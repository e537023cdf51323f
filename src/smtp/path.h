/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/path - addresses in MAIL and RCPT, and the name in EHLO (RFC 5321
 * 4.1.2, 4.1.3; RFC 6531 for UTF-8; RFC 5890 is the resolver's business).
 *
 * A path is a plain value of fixed size.  `local` is the local part without
 * its quotes and backslashes, so one mailbox has one spelling; `domain` is in
 * lower case (ASCII letters), an address literal in its brackets and checked.
 *
 * Decided once, for every caller: source routes ("<@a,@b:c@d>") are refused,
 * not ignored; control bytes are refused even inside quotes; a name may hold
 * underscores (hosts do) and no final dot.
 */
#pragma once

#include "base/buf.h"
#include "base/span.h"

#define SMTP_LOCAL_MAX  64u  /* octets, unquoted; RFC 5321 4.5.3.1.1 */
#define SMTP_DOMAIN_MAX 255u /* 4.5.3.1.2 */
#define SMTP_PATH_MAX   256u /* with both angle brackets; 4.5.3.1.3 */
#define SMTP_LABEL_MAX  63u
#define SMTP_ADDRESS_MAX (2u * SMTP_LOCAL_MAX + 3u + SMTP_DOMAIN_MAX)

struct smtp_path {
	bool null;    /* <> */
	bool literal; /* domain is "[...]" */
	bool utf8;    /* holds a byte over 127 */
	uint8_t local_len, domain_len;
	char local[SMTP_LOCAL_MAX];
	char domain[SMTP_DOMAIN_MAX];
};

static inline struct span smtp_path_local(const struct smtp_path *p)
{
	return span_of(p->local, p->local_len);
}
static inline struct span smtp_path_domain(const struct smtp_path *p)
{
	return span_of(p->domain, p->domain_len);
}

enum smtp_path_result {
	SMTP_PATH_OK,
	SMTP_PATH_SYNTAX, /* 501 */
	SMTP_PATH_ROUTE,  /* a source route */
	SMTP_PATH_LONG,   /* over one of the limits */
	SMTP_PATH_NO_DOMAIN, /* a local part alone, and not Postmaster */
};

/* A bare address: user@domain, "quoted"@domain, user@[192.0.2.1]. */
MUST_USE enum smtp_path_result smtp_address_parse(struct span, struct smtp_path *);

#define SMTP_PATH_NULL       1u /* <> is allowed (MAIL) */
#define SMTP_PATH_POSTMASTER 2u /* <Postmaster> without a domain (RCPT) */

/*
 * A path in angle brackets at the start of *s; *s moves behind it.  What
 * follows is the caller's to check.
 */
MUST_USE enum smtp_path_result smtp_path_parse(struct span *s, unsigned allow,
					       struct smtp_path *);

/* The normal form, without brackets; quoted only where it must be. */
void smtp_path_write(const struct smtp_path *, struct buf *);

/* Same mailbox: local parts byte by byte, domains without case. */
bool smtp_path_eq(const struct smtp_path *, const struct smtp_path *);

/* A host name of letters, digits, '-' and '_' in labels of 1 to 63. */
bool smtp_name_ok(struct span);
/* "[192.0.2.1]", "[IPv6:2001:db8::1]"; no other tags. */
bool smtp_literal_ok(struct span);
/* Either of them: what EHLO may carry.  UTF-8 is not allowed here. */
bool smtp_hello_ok(struct span);
