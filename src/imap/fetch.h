/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/fetch - what a FETCH asks for, and how each item is written.  Private.
 *
 * Parsing knows no message, writing no command line: between them stands the
 * flat list below.
 */
#pragma once

#include "imap/state.h"
#include "summary/summary.h"

#define IMAP_FETCH_ITEMS_MAX  64u  /* items of one command */
#define IMAP_FETCH_FIELDS_MAX 128u /* names in one HEADER.FIELDS */
#define IMAP_HEADER_SCAN_MAX  (1u << 20) /* bytes of header that are searched */

enum imap_item {
	IMAP_ITEM_UID,
	IMAP_ITEM_FLAGS,
	IMAP_ITEM_MODSEQ,
	IMAP_ITEM_DATE,
	IMAP_ITEM_SIZE,
	IMAP_ITEM_SAVEDATE,      /* RFC 8514 */
	IMAP_ITEM_EMAILID,       /* RFC 8474 */
	IMAP_ITEM_THREADID,
	IMAP_ITEM_ENVELOPE,
	IMAP_ITEM_BODY,          /* structure without extension data */
	IMAP_ITEM_BODYSTRUCTURE,
	IMAP_ITEM_SECTION,       /* BODY[...] and the three RFC822 forms */
	IMAP_ITEM_BINARY,        /* decoded: RFC 3516 */
	IMAP_ITEM_BINARY_SIZE,
	IMAP_ITEM_PREVIEW,       /* RFC 8970 */
};

enum imap_section_kind {
	IMAP_SECTION_ALL,
	IMAP_SECTION_HEADER,
	IMAP_SECTION_FIELDS,
	IMAP_SECTION_FIELDS_NOT,
	IMAP_SECTION_TEXT,
	IMAP_SECTION_MIME,
};

struct imap_section {
	enum imap_section_kind kind;
	uint32_t numbers[SUMMARY_DEPTH_MAX];
	size_t count;
	struct span *fields;
	size_t field_count;
};

struct imap_fetch_item {
	enum imap_item item;
	const char *legacy; /* "RFC822.HEADER": how it is called in the answer */
	bool peek;
	struct imap_section section;
	bool partial;
	uint64_t offset, length;
};

/* "1:100" or "-1:-100": so many from the beginning or from the end. */
struct imap_part {
	bool asked, from_end;
	uint32_t first, last; /* first <= last */
};
MUST_USE bool imap_part_parse(struct imap_lex *, struct imap_part *);
/* out := that part; out is initialised.  False: out of memory. */
MUST_USE bool imap_part_of(const struct imap_part *, const struct imap_set *all,
			   struct imap_set *out);

struct imap_fetch {
	struct imap_fetch_item items[IMAP_FETCH_ITEMS_MAX];
	size_t count;
	bool flags;   /* slots are needed */
	bool rows;    /* cold rows are needed */
	bool summary; /* ... and their summaries */
	bool origin;  /* ... and where they come from */
	bool seen;    /* reading sets \Seen */
	bool whole;   /* all bytes of each message are wanted */
	bool modseq;  /* RFC 7162: the client minds them */
	uint64_t since;   /* CHANGEDSINCE; 0: whenever */
	bool vanished;    /* ... and what went since then */
	struct imap_part part; /* PARTIAL, RFC 9394 */
};

/* "1.2.MIME", "HEADER.FIELDS (To)" ...: what stands between the brackets, at least. */
MUST_USE bool imap_section_parse(struct imap_lex *, struct imap_section *);

/* Everything after the message set.  False: BAD. */
MUST_USE bool imap_fetch_parse(struct imap_lex *, struct imap_fetch *);

/* Of a row; what cannot be read is opaque.  NULL: out of memory. */
MUST_USE struct summary *imap_summary_of(struct arena *, const struct imap_row *);

/* A list of items in parentheses, which is kept as it was written.  False: BAD. */
MUST_USE bool imap_fetch_list(struct imap_lex *, struct span *out);
/* The items of such a list for these messages; no flag is set by that. */
MUST_USE enum imap_answer imap_fetch_listed(struct imap_session *, struct span list,
					    const struct imap_set *uids);
/* FETCH answers about messages of the view, with their UIDs.  Nothing ends the command. */
MUST_USE enum imap_answer imap_fetch_tell(struct imap_session *, const struct imap_fetch *,
					  const struct imap_set *uids);

/* A byte range of the message as the client sees it. */
struct imap_range {
	bool exists;
	uint64_t from, to;
};
struct imap_range imap_section_range(const struct imap_section *, const struct imap_row *,
				     const struct summary *);

/*
 * The fields that a section names (or all others) and the blank line where there
 * is one, from the bytes of one header.  False: out of memory.
 */
MUST_USE bool imap_header_pick(const struct imap_section *, struct span header,
			       struct buf *out);

enum imap_binary {
	IMAP_BINARY_SENT,
	IMAP_BINARY_DAMAGED, /* nothing was sent */
	IMAP_BINARY_UNKNOWN, /* nor here: its encoding is none of ours */
	IMAP_BINARY_BROKEN,  /* inside a literal: the session has to end */
};
/* The value of a BINARY or BINARY.SIZE item, without the blank before it. */
MUST_USE enum imap_binary imap_binary_send(struct imap_session *, uint64_t mailbox,
					   const struct imap_fetch_item *,
					   const struct imap_row *,
					   const struct summary *);

void imap_envelope_write(struct stream *, const struct summary_envelope *);
void imap_structure_write(struct stream *, const struct summary *, bool extended);
/* Of one of its parts alone. */
void imap_part_write(struct stream *, const struct summary *, const struct summary_part *);
/* BODY[...]<n> as it is called in the answer. */
void imap_section_name(struct stream *, const struct imap_fetch_item *);
