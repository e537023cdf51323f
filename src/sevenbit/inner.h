/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sevenbit/inner - what the files of sevenbit share; nobody else includes it.
 */
#pragma once

#include "base/ensure.h"
#include "sevenbit/sevenbit.h"

#define SEVENBIT_TAG  TAG4('7', 'b', 'i', 't')
#define SEVENBIT_NAME 32u /* longer names of fields are none that counts */
#define SEVENBIT_LINE 998u /* RFC 5322 2.1.1 */

/* ---- encode.c: one leaf at a time ---- */

enum sevenbit_form { SEVENBIT_AS_IS, SEVENBIT_QP, SEVENBIT_BASE64 };

struct sevenbit_encoder {
	enum sevenbit_form form;
	unsigned column;
	char blank;    /* qp: one that may stand at the end of a line; 0: none */
	bool cr;       /* qp: a CR that may begin a line end */
	unsigned held; /* base64 */
	char line[57];
};
void sevenbit_encode(struct sevenbit_encoder *, struct span, struct buf *out);
void sevenbit_encode_end(struct sevenbit_encoder *, struct buf *out);

/* ---- header.c: one header block at a time ---- */

enum sevenbit_at { SEVENBIT_LINE_START, SEVENBIT_IN_NAME, SEVENBIT_IN_LINE,
		   SEVENBIT_MAYBE_END, SEVENBIT_BODY };

struct sevenbit_header {
	enum sevenbit_at at;
	bool drops;	/* Content-Transfer-Encoding goes */
	bool dropping;	/* this field */
	struct span add; /* before the empty line */
	/* What was seen. */
	bool mime_version, content_type, signature, ended, high;
	size_t held;
	char name[SEVENBIT_NAME];
};
/* out NULL: only look. */
void sevenbit_header(struct sevenbit_header *, struct span, struct buf *out);
/* Its bytes are over: what is held is written. */
void sevenbit_header_end(struct sevenbit_header *, struct buf *out);

/* ---- plan.c ---- */

/* What was seen of a part, and what becomes of it. */
struct sevenbit_part {
	uint64_t high, longest, line; /* bytes over 127; longest line, this line */
	bool sealed; /* a signature covers it */
	bool mime_version, content_type, ended;
	bool drops;  /* its Content-Transfer-Encoding */
	enum sevenbit_form form;
};

/* Header or body of a part; in the order of the message, apart. */
struct sevenbit_region {
	uint64_t from, to;
	uint32_t part;
	bool header;
};

struct sevenbit {
	uint32_t tag;
	const struct summary *summary;
	struct sevenbit_part *parts;
	struct sevenbit_region *regions;
	size_t region_count;
	enum sevenbit_can can;
	bool judged, signature, header_high, between_high, disorder;
	/* Of a reading. */
	uint64_t at;
	size_t region;
	bool open; /* the region has begun */
	struct sevenbit_header header;
	struct sevenbit_encoder encoder;
	char last; /* byte written */
};

/* The piece that belongs together, off the front of *rest; its region or NULL. */
struct span sevenbit_next(struct sevenbit *, struct span *rest,
			  const struct sevenbit_region **);
/* What stands before the empty line of a part's header. */
struct span sevenbit_fields(const struct sevenbit *, uint32_t part);
