/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/url - URLs of messages and of their parts (RFC 5092), and the bytes
 * behind them.  Private.
 *
 *     [imap://user@host]/mailbox[;UIDVALIDITY=n]/;UID=n[/;SECTION=s][/;PARTIAL=o[.n]]
 *     ;UID=n...           of the selected mailbox
 *
 * Nothing else that an IMAP URL can name is understood here.
 */
#pragma once

#include "imap/fetch.h"

#define IMAP_URL_MAX 4096u /* bytes of one */

struct imap_url {
	bool absolute;     /* user and host are given */
	struct span user;  /* decoded; may be empty */
	struct span host;  /* with its port */
	bool has_mailbox;  /* else the selected one is meant */
	struct span mailbox; /* as the host's questions have it */
	uint32_t uid_validity; /* 0: any */
	uint32_t uid;
	struct imap_section section;
	bool partial;
	uint64_t offset, length;
};

/* Results live in the arena.  False: not one of the above. */
MUST_USE bool imap_url_parse(struct arena *, struct span text, struct imap_url *);

/* What a URL names, open for reading. */
struct imap_url_bytes {
	struct imap_session *s;
	uint64_t mailbox;
	bool own;          /* selected for this alone */
	uint32_t uid;
	uint64_t from, to; /* of the message; `from` moves on */
	bool picked;       /* header fields are in `fields` instead */
	struct buf fields;
};

/*
 * NONEXISTENT: nothing is there under that URL.  Uses the batch arena.  After YES,
 * close it; the selected mailbox is not touched.
 */
MUST_USE enum imap_answer imap_url_open(struct imap_session *, const struct imap_url *,
					struct imap_url_bytes *);
/* The next bytes, until the next question to the host; none: that was all. */
MUST_USE enum imap_answer imap_url_read(struct imap_url_bytes *, struct span *out);
void imap_url_close(struct imap_url_bytes *);
