/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/flags - flags between the wire, bits and keyword names.  Private.
 *
 * System flags are bits of enum imap_flag; keywords are bits whose names the
 * host knows.  \Recent is never set or cleared by a client (RFC 3501 2.3.2).
 */
#pragma once

#include "imap/state.h"

struct imap_flag_args {
	uint32_t system;
	struct span keywords[IMAP_KEYWORDS_MAX];
	size_t count;
};

/*
 * "(" flags ")", or without parentheses where `bare` allows it.  False: not
 * flags, a keyword too long, or too many.
 */
MUST_USE bool imap_flags_parse(struct imap_lex *, bool bare,
			       struct imap_flag_args *out);

/* The names behind the bits, for one command. */
struct imap_keywords {
	struct span *names;
	size_t count;
};
MUST_USE enum imap_answer imap_keywords_get(struct imap_session *,
					    struct imap_keywords *);
/* FLAGS (\Seen ...), without the blank in front of it. */
void imap_flags_write(struct imap_session *, const struct imap_keywords *,
		      const struct imap_slot *);
/* What an answer about a message begins with. */
void imap_uid_write(struct stream *, uint32_t uid); /* "UID 7" */
void imap_fetch_open(struct imap_session *, uint32_t uid, uint32_t rank);
/* A whole answer about changed flags, with all that the client wants to see then. */
void imap_flags_tell(struct imap_session *, const struct imap_keywords *,
		     const struct imap_slot *, uint32_t rank);
/* " MODSEQ (7)", where the client minds. */
void imap_modseq_tell(struct imap_session *, const struct imap_slot *);
/* A name that may stand as \Flag or keyword; 0: no system flag. */
uint32_t imap_flag_bit(struct span name);
