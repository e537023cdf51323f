/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/url - the bytes that a URL (url/imap.h) names.  Private.
 */
#pragma once

#include "imap/fetch.h"
#include "url/imap.h"

/* What a URL names, open for reading. */
struct imap_url_bytes {
	struct imap_session *s;
	uint64_t mailbox;
	bool own;          /* opened for this alone */
	struct imap_row row;
	struct summary *summary; /* in the batch arena */
	struct imap_fetch_item item; /* as if FETCH asked for it */
	uint64_t from, to; /* of the message; `from` moves on */
	bool picked;       /* header fields are in `fields` instead */
	struct buf fields;
};

/*
 * A message of the user's own.  NONEXISTENT: nothing is there under that URL.  Uses
 * the batch arena.  After YES, close it; the selected mailbox is not touched.
 */
MUST_USE enum imap_answer imap_url_open(struct imap_session *, const struct url_imap *,
					struct imap_url_bytes *);
/* The same by the signature of its owner (RFC 4467); `text` is the whole URL. */
MUST_USE enum imap_answer imap_url_open_signed(struct imap_session *, struct span text,
					       const struct url_imap *,
					       struct imap_url_bytes *);
/* The next bytes, until the next question to the host; none: that was all. */
MUST_USE enum imap_answer imap_url_read(struct imap_url_bytes *, struct span *out);
void imap_url_close(struct imap_url_bytes *);
