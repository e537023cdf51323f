/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsn/inner - what the files that write a report share; nobody else includes it.
 *
 * Everything untrusted passes dsn_clean, dsn_text_field, dsn_address_field or
 * dsn_qp on its way into the report.
 */
#pragma once

#include "base/arena.h"
#include "dsn/write.h"

#define DSN_COLUMN	   76u
#define DSN_CANDIDATES	   36u /* last characters of a boundary: 0-9, a-z */

/* field.c */

/*
 * Append at most `max` octets of the text as valid UTF-8 of one line: line
 * ends, controls and what turns the direction of writing become blanks, runs
 * of blanks one, none at either end.
 */
void dsn_clean(struct span text, size_t max, struct buf *out);
/* "Name: type; value", folded; what is not ASCII, or looks like one, as encoded
 * words (RFC 2047) unless utf8. */
void dsn_text_field(struct buf *, const char *name_and_type, struct span clean, bool utf8);
/* "Name: rfc822; a@b"; "utf-8; ..." when the address is not ASCII. */
void dsn_address_field(struct buf *, const char *name, struct span address, bool utf8);
void dsn_date_field(struct buf *, const char *name, int64_t seconds);
/* Quoted-printable of text whose lines end with CRLF; any other CR, LF encoded. */
void dsn_qp(struct span, struct buf *);

/* What there is to say of a recipient: the address that the sender may see. */
struct span dsn_shown(const struct dsn_recipient *);
bool dsn_hidden(const struct dsn_recipient *); /* it went elsewhere in the end */
/* What may be shown of the reply, cleaned; empty when there is nothing. */
void dsn_shown_reply(const struct dsn_recipient *, struct buf *out);

/* original.c: the message that the report is about, as far as it is returned. */
struct dsn_original {
	struct buf bytes;
	size_t header; /* octets of it, with the line end of its last line */
	bool whole;    /* `bytes` holds all of the message */
	bool cut;      /* the header went on */
};

/* Bytes of it, judged: what may carry them. */
struct dsn_scan {
	bool eight_bit, invalid; /* a byte over 127; not UTF-8 */
	bool unfit; /* NUL, a bare CR or LF, a line over DSN_LINE_MAX */
	uint64_t taken; /* bit n: candidate n of the boundary occurs */
};

void dsn_original_init(struct dsn_original *);
void dsn_original_free(struct dsn_original *);
MUST_USE enum dsn_result dsn_original_pull(struct dsn_original *, const struct dsn_letter *,
					   bool whole, size_t return_max);
/* Lines that begin with "--" and the stem and a candidate are noted. */
struct dsn_scan dsn_scan(struct span, struct span stem);

/* text.c: the part for a person, in UTF-8 with CRLF. */
void dsn_person(struct buf *, const struct dsn_how *, const struct dsn_letter *,
		const struct dsn_recipient *, size_t count, struct span subject, bool whole);
/* The action that leads: the first of the list that occurs. */
enum dsn_action dsn_leads(const struct dsn_recipient *, size_t count);
const char *dsn_subject(enum dsn_action);
