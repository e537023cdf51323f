/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/html - HTML becomes the text that a reader sees, for searching.
 *
 * Tags go, and those that a browser sets apart leave a line end; comments,
 * scripts and style sheets go with what is in them; character references become
 * characters; blanks in a row become one.  Values of href, alt and title stay,
 * each as a line of its own: people look for addresses too.
 *
 * Any bytes are taken and nothing is an error; UTF-8 stays UTF-8.  Pieces may be
 * cut anywhere.  Linear; a few bytes are held between two pieces.
 */
#pragma once

#include "base/buf.h"

#define HTML_NAME_MAX 12u /* of a tag, attribute or reference: longer ones mean nothing */

enum html_state {
	HTML_TEXT,
	HTML_LESS,	/* behind < */
	HTML_NAME,	/* of a tag */
	HTML_TAG,	/* between attributes */
	HTML_ATTRIBUTE, /* its name */
	HTML_BEFORE,	/* behind = */
	HTML_VALUE,
	HTML_MARKUP, /* <! or <?: to the next > */
	HTML_COMMENT,
	HTML_RAW, /* script, style: to its end tag */
};

struct html {
	enum html_state state;
	char quote;	 /* of a value; 0: none */
	bool shown;	 /* the value is text */
	bool is_end, blank; /* an end tag; blanks came, none was written yet */
	unsigned dashes; /* of a comment */
	char name[HTML_NAME_MAX + 1];
	size_t name_len;
	char raw[HTML_NAME_MAX + 1]; /* the tag whose end is waited for */
	char ref[HTML_NAME_MAX + 1]; /* a reference under way, with its & */
	size_t ref_len, raw_at;
};

/* All zero is the beginning. */
void html_text(struct html *, struct span piece, struct buf *out);
/* What was held back at the end of the text. */
void html_end(struct html *, struct buf *out);
