/* SPDX-License-Identifier: Apache-2.0 */
/*
 * url/imap - URLs of messages and of their parts (RFC 5092), with a signature
 * that lets others read them (RFC 4467).
 *
 *     [imap://user@host]/mailbox[;UIDVALIDITY=n]/;UID=n[/;SECTION=s][/;PARTIAL=o[.n]]
 *     ;UID=n...           of the selected mailbox
 *     ...;EXPIRE=date;URLAUTH=access[:mechanism:token]
 *
 * Nothing else that an IMAP URL can name is understood.  What is encoded never
 * ends a piece.  The mailbox is UTF-8 with INBOX in capitals, else as it was written:
 * whether a mailbox may have that name is for others to say.
 */
#pragma once

#include "base/arena.h"

#define URL_IMAP_MAX   4096u /* bytes of one */
#define URL_TOKEN_MAX  256u  /* hexadecimal digits */

enum url_access { /* RFC 4467 3: who may read */
	URL_NOT_SIGNED,
	URL_SUBMIT, /* whoever submits mail for `reader` */
	URL_USER,   /* `reader` */
	URL_AUTHUSER,
	URL_ANONYMOUS,
};

struct url_imap {
	bool absolute;     /* user and host are given */
	struct span user;  /* decoded; may be empty */
	struct span host;  /* with its port */
	bool has_mailbox;  /* else the selected one is meant */
	struct span mailbox;
	uint32_t uid_validity; /* 0: any */
	uint32_t uid;
	struct span section;   /* decoded, as in BODY[...]; empty: all of it */
	bool partial;
	uint64_t offset, length; /* length UINT64_MAX: to the end */

	bool expires;
	int64_t expire; /* the last second */
	enum url_access access;
	struct span reader;    /* decoded */
	struct span rump;      /* what the token vouches for: up to the access */
	struct span mechanism; /* empty: there is no token yet */
	struct span token;     /* hexadecimal digits */
};

/* Results live in the arena or borrow the text.  False: not one of the above. */
MUST_USE bool url_imap_parse(struct arena *, struct span text, struct url_imap *);
