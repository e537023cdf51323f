/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/build - what scanner (parse.c) and header reader (header.c) share of a
 * parser; nobody else includes it.
 */
#pragma once

#include "base/ensure.h"
#include "mime/parse.h"
#include "summary/order.h"

#define MIME_PARSER_TAG TAG4('M', 'I', 'M', 'E')

/*
 * Bytes of the written summary, shared out beforehand so that it always fits:
 * a long recipient list may not cost the structure, nor many parts the subject.
 * Parts may use what strings leave.
 */
#define MIME_KEEP_MAX   (22u << 10)
#define MIME_PARTS_COST (18u << 10)
#define MIME_INDEX_MAX  (6u << 10)
#define MIME_PART_COST  32u
#define MIME_ENVELOPE_COST 12u
#define MIME_VALUE_MAX  4096u /* one indexed value */
#define MIME_LINE_HEAD  (MIME_BOUNDARY_TAKEN + 56u) /* kept of a line of a body */
#define MIME_PREVIEW_RAW 1024u
#define MIME_ARENA_MAX  (16u << 20)

_Static_assert(MIME_KEEP_MAX + MIME_PARTS_COST + MIME_INDEX_MAX + SUMMARY_ORDER_MAX + 1024 <=
		       SUMMARY_MAX,
	       "what a parser makes can be written");

struct mime_open {
	uint32_t part;
	struct span boundary; /* empty: not a multipart */
};

enum mime_state {
	MIME_IN_HEADER,
	MIME_IN_PART, /* the body of a leaf */
	MIME_BETWEEN, /* preamble, epilogue, or parts past a limit */
};

struct mime_parser {
	uint32_t tag;
	struct mime_charsets *charsets;
	struct arena *arena, *scratch;
	bool no_memory;
	bool is_short; /* ... and it was the machine's, not a limit of ours */

	struct summary summary;
	struct summary_envelope *envelope; /* of the part whose header is read */
	size_t part_cap;
	uint64_t *lines_before; /* line ends before a part's body */
	struct mime_open open[MIME_DEPTH_MAX];
	size_t depth; /* open[0..depth) contain the current position */
	enum mime_state state;
	size_t keep_left, index_left, parts_left;
	struct summary_value *values;

	/* The line that is being read. */
	uint64_t at, line_start, line_ends;
	uint64_t last_len;  /* of the line before, without its end */
	unsigned last_end;  /* bytes of the end before: 0, 1, 2 */
	bool last_was_cr;
	char head[MIME_LINE_HEAD];
	size_t head_len;

	struct buf block; /* the header that is being read */
	bool block_cut;

	uint32_t preview_part; /* 0: none yet, else index + 1 */
	struct buf preview;
};

/* The header of the newest part is complete: fill the part from it. */
void mime_header_read(struct mime_parser *, struct summary_part *, struct span *boundary);
/* Take the cost from the parts' share, or from what strings leave. */
bool mime_pay_part(struct mime_parser *, size_t cost);
void mime_index(struct mime_parser *, enum summary_field, struct span utf8);
