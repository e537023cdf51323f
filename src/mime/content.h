/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/content - Content-Type and Content-Disposition: a value and parameters
 * (RFC 2045 5.1, RFC 2183), comments and blanks anywhere.
 *
 * Forgiving: what cannot be a parameter is skipped up to the next ';'.  Quotes
 * and backslashes are taken off.  Results live in the arena.
 */
#pragma once

#include "base/arena.h"
#include "summary/summary.h"

struct mime_content {
	struct span value;   /* "attachment"; for a type the part before '/' */
	struct span subtype; /* empty when there was no '/' */
	struct summary_params params;
	bool cut; /* more than SUMMARY_PARAMS_MAX: later ones are missing */
};

/* `field` is unfolded.  False: the arena is full. */
MUST_USE bool mime_content_parse(struct span field, struct arena *, struct mime_content *);

/* Skip blanks and comments at the front; deep or open comments end the text. */
void mime_skip_cfws(struct span *);
