/* SPDX-License-Identifier: Apache-2.0 */
/*
 * summary/summary - what is known of a message without reading it again.
 *
 * Made once, on arrival, by the sorter (subject mime); kept beside the body;
 * read by IMAP (ENVELOPE, BODYSTRUCTURE, BODY[1.2.MIME], SEARCH) and by box
 * queries.  A summary names bytes of the body by offset and holds the short
 * values themselves.
 *
 * Three steps, two worlds: `struct summary` is a plain value in memory, made
 * by mime or by summary_read; summary_write turns it into bytes; summary_read
 * takes bytes from a less trusted writer and promises, when it answers OK,
 * every invariant below.  Spans borrow from the bytes read; arrays live in the
 * arena.  NIL is a span with ptr NULL; an empty value has a non-NULL ptr.
 *
 * Invariants (checked by both write and read):
 *  - parts[0] is the message; parts stand in preorder; parent < own index;
 *    depth = depth of parent + 1 < SUMMARY_DEPTH_MAX
 *  - header_start <= body_start <= body_end <= size of the message, and a
 *    part lies within the body of its parent
 *  - kind MULTIPART may have children, MESSAGE has exactly one (with envelope),
 *    LEAF has none
 *  - counts and lengths stay below the constants here
 *
 * An opaque summary (SUMMARY_OPAQUE) has one LEAF part over all bytes and an
 * envelope of NILs: the message was kept although it could not be understood.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/span.h"

#define SUMMARY_FORMAT        2u /* 1 is read, too */
#define SUMMARY_MAX           (48u << 10) /* bytes of a written summary */
#define SUMMARY_PARTS_MAX     1000u
#define SUMMARY_DEPTH_MAX     50u
#define SUMMARY_PARAMS_MAX    100u  /* one part, type and disposition each */
#define SUMMARY_ADDRESSES_MAX 1000u /* one header field */
#define SUMMARY_LANGUAGES_MAX 32u
#define SUMMARY_VALUES_MAX    256u  /* indexed header values */
#define SUMMARY_IDS_MAX       256u  /* References */
#define SUMMARY_STRING_MAX    (64u << 10)
#define SUMMARY_PREVIEW_MAX   256u

#define SUMMARY_OPAQUE     1u  /* not understood: see above */
#define SUMMARY_TRUNCATED  2u  /* a limit was met: later parts or values are missing */
#define SUMMARY_ATTACHMENT 4u  /* holds what a person would call an attachment */
#define SUMMARY_8BIT       8u  /* a byte over 127 occurs */
#define SUMMARY_NUL        16u /* a NUL occurs: FETCH BINARY or literal8 only */
#define SUMMARY_HAS_DATE   32u /* `sent` is valid */
#define SUMMARY_BARE       64u /* a bare CR or LF occurs */
#define SUMMARY_FLAGS_ALL  127u

/* As IMAP's address structure (RFC 3501 7.4.2), raw bytes of the header. */
struct summary_address {
	struct span name;    /* display name, quotes taken off, RFC 2047 as written */
	struct span adl;     /* source route, obsolete */
	struct span mailbox; /* local part; group start: its name; group end: NIL */
	struct span host;    /* NIL for both ends of a group */
};

struct summary_list {
	const struct summary_address *at;
	size_t count; /* 0: NIL */
};

enum summary_who {
	SUMMARY_FROM,
	SUMMARY_SENDER,
	SUMMARY_REPLY_TO,
	SUMMARY_TO,
	SUMMARY_CC,
	SUMMARY_BCC,
	SUMMARY_WHO_COUNT
};

/*
 * As in the header, unfolded.  Sender and Reply-To are NIL when the message
 * has none: IMAP puts From in their place when it answers (RFC 3501 7.4.2).
 */
struct summary_envelope {
	struct span date, subject, in_reply_to, message_id;
	struct summary_list who[SUMMARY_WHO_COUNT];
};

struct summary_param {
	struct span name;  /* as written: "charset", "filename*0*" */
	struct span value; /* quotes taken off */
};

struct summary_params {
	const struct summary_param *at;
	size_t count;
};

enum summary_kind { SUMMARY_LEAF, SUMMARY_MULTIPART, SUMMARY_MESSAGE };

#define SUMMARY_NO_PARENT UINT32_MAX

struct summary_part {
	enum summary_kind kind;
	uint32_t parent; /* index, or SUMMARY_NO_PARENT */
	uint32_t depth;
	/* Derived: filled by summary_link, never written. */
	uint32_t children, first_child, next_sibling; /* 0: none */

	uint64_t header_start, body_start, body_end;
	uint64_t lines; /* of the body; LF ends one, a rest without it counts */

	struct span type, subtype; /* as written; never NIL ("text", "plain") */
	struct summary_params params;
	struct span id, description, encoding, md5, location; /* NIL when missing */
	struct span disposition;   /* NIL when missing */
	struct summary_params disposition_params;
	const struct span *languages;
	size_t language_count;
	/* parts[0] and the child of a MESSAGE; else NULL. */
	const struct summary_envelope *envelope;
};

/* Header values made for searching: RFC 2047 decoded, UTF-8, unfolded. */
enum summary_field {
	SUMMARY_F_SUBJECT,
	SUMMARY_F_FROM, /* whole field as a person reads it: "Jos\u00e9 <jose@example>" */
	SUMMARY_F_TO,
	SUMMARY_F_CC,
	SUMMARY_F_BCC,
	SUMMARY_F_LIST_ID,
	SUMMARY_F_FILENAME, /* of an attachment, decoded */
	SUMMARY_F_COUNT
};

struct summary_value {
	enum summary_field field;
	struct span text;
};

struct summary {
	uint32_t flags;
	uint64_t size; /* of the message in bytes */
	int64_t sent;  /* Date: in seconds since 1970, when SUMMARY_HAS_DATE */
	uint32_t received_count; /* Received fields in the header */

	struct summary_part *parts;
	size_t part_count;
	const struct summary_value *values;
	size_t value_count;
	const struct span *references; /* ids with their angle brackets */
	size_t reference_count;
	struct span preview; /* UTF-8, first words of the text; may be empty */
	struct span order;   /* summary/order.h; empty: not made */
};

enum summary_result {
	SUMMARY_OK,
	SUMMARY_INVALID, /* not a summary, or not of this message */
	SUMMARY_NEWER,   /* a format that this program does not know */
	SUMMARY_MEMORY,  /* the arena is full */
};

/* Check the invariants and derive the links between parts. */
MUST_USE bool summary_link(struct summary *);

/*
 * Append the written form.  False, with nothing appended, when it would pass
 * SUMMARY_MAX or the buffer's limit, or when an invariant does not hold.
 */
MUST_USE bool summary_write(const struct summary *, struct buf *);

/* `size` is that of the body, which the caller knows for certain. */
MUST_USE enum summary_result summary_read(struct span bytes, uint64_t size,
					  struct arena *, struct summary **out);

/* The summary of a message that could not be understood. */
MUST_USE struct summary *summary_opaque(struct arena *, uint64_t size);

/*
 * The part that IMAP calls by numbers ("1.2.3"; RFC 3501 6.4.5), or NULL.
 * count 0 names the message itself.  In a message that is no multipart, 1 is
 * its only body.  A MESSAGE part is given as itself: its child is the nested
 * message whose HEADER, TEXT and numbers continue.
 */
const struct summary_part *summary_find(const struct summary *, const uint32_t *numbers,
					size_t count);

/* text/plain; charset=us-ascii (RFC 2045 5.2), which takes one byte when written. */
void summary_default_type(struct summary_part *);

/* First child and next sibling, or NULL. */
const struct summary_part *summary_child(const struct summary *, const struct summary_part *);
const struct summary_part *summary_sibling(const struct summary *,
					   const struct summary_part *);

/* Value of a parameter by name without case; NIL when missing. */
struct span summary_param(struct summary_params, struct span name);
