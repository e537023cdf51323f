/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/submit - what submission puts right in a header (RFC 6409 8), as a list
 * of cuts and a prefix: the body itself is never rewritten.
 *
 * Date and Message-ID are added when missing and never changed.  Bcc fields are
 * cut.  Sender: kept in retain mode; otherwise cut when From is the login
 * identity alone, and set to the login identity when it is not.
 * Addresses that become others (mime/readdress.h) are replaced in From, Sender,
 * Reply-To, To, Cc and their Resent- kin: the field is cut and goes into the
 * prefix.  Where a signature covers the header (DKIM-Signature, ARC-Seal) all of
 * them stay.
 * The addresses in From are given as they were written, for the check whether
 * this login may use them; a message without From, or with two, is named.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "mime/readdress.h"
#include "summary/summary.h"

#define MIME_CUTS_MAX   64u
#define MIME_PREFIX_MAX 8192u

struct mime_cut {
	uint64_t from, to; /* bytes [from, to) of the body are left out */
};

struct mime_submit {
	bool retain_sender;
	struct span login;     /* "user@domain" of the account */
	struct span message_id; /* with brackets, used when one is missing */
	int64_t date;          /* used when one is missing */
	const struct mime_rewriting *rewriting; /* NULL: none */
};

struct mime_edit {
	struct mime_cut cuts[MIME_CUTS_MAX]; /* ascending, apart */
	size_t cut_count;
	struct span prefix; /* goes before the body; whole header lines */
	struct summary_list from;
	size_t from_fields; /* From fields found: anything but 1 is refused by the caller */
};

enum mime_submit_result {
	MIME_SUBMIT_OK,
	MIME_SUBMIT_TOO_MUCH, /* more cuts or prefix than allowed, or header too long */
	MIME_SUBMIT_MEMORY,
};

/*
 * `header` holds the message from its first byte to the end of its header block
 * at least; more does no harm.
 */
MUST_USE enum mime_submit_result mime_submit(struct span header, const struct mime_submit *,
					     struct arena *, struct mime_edit *out);
