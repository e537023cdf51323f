/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/annotation - names with values that hang on a mailbox (RFC 5464), or on
 * the account itself (mailbox 0).
 *
 * They follow the mailbox's number: a new name keeps them, a removed mailbox
 * takes them along and BOX_REVIVE has them back.  They move no version and
 * count in no quota; what there may be of them is bounded here instead, per
 * mailbox and per account.  Names are lower case, their grammar is below.
 */
#pragma once

#include "box/change.h"

#define BOX_ANNOTATION_NAME_MAX  255u
#define BOX_ANNOTATION_MAX       16384u		/* bytes of a value */
#define BOX_ANNOTATIONS_MAX      128u		/* of one mailbox */
#define BOX_ANNOTATIONS_BYTES    (256u * 1024u)	/* ... with their names */
#define BOX_ANNOTATIONS_ALL      20000u		/* of an account */
#define BOX_ANNOTATIONS_ALL_BYTES (4096u * 1024u)
#define BOX_ANNOTATE_MAX         64u		/* that one commit changes */

struct box_annotation {
	struct span name;
	bool set;	   /* false: it goes */
	struct span value; /* any bytes, none too */
};

/* "/private/..." or "/shared/...": printable ASCII in lower case, no "*" or "%", no empty level. */
bool box_annotation_name_ok(struct span name);

/* All or none.  BOX_LIMIT: too large, or too many; what makes less of them always may. */
struct box_annotate {
	uint32_t mailbox; /* 0: the account itself */
	const struct box_annotation *list;
	size_t count; /* 1 .. BOX_ANNOTATE_MAX; of one name twice the last counts */
	struct box_own own;
};
MUST_USE enum box_result box_annotate(struct box *, struct box_annotate *,
				      box_done_fn *, void *arg);

/* Called for each name behind `after`, bytewise; spans are of this call.  False: enough. */
typedef bool box_annotation_fn(void *arg, struct span name, struct span value);
MUST_USE enum box_result box_annotations(struct box *, enum kv_view,
					 uint32_t mailbox, struct span after,
					 box_annotation_fn *, void *arg);
