/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/words - header text for people: RFC 2047 encoded words and RFC 2231
 * parameters, decoded to UTF-8 for searching and display.
 *
 * Results are always valid UTF-8 without line ends or other controls (a blank
 * stands in their place).  A word that cannot be decoded stays as it is written.
 */
#pragma once

#include "base/buf.h"
#include "mime/charset.h"
#include "summary/summary.h"

/* Append the field body `text`, unfolded and decoded. */
void mime_words_decode(struct mime_charsets *, struct span text, struct buf *out);

/*
 * Append the value of parameter `name`: plain, in pieces (name*0, name*1 ...),
 * with charset (name*), or, as many send it, with an encoded word inside.
 * False when there is no such parameter.  At most MIME_PIECES_MAX pieces.
 */
bool mime_param_decode(struct mime_charsets *, struct summary_params, struct span name,
		       struct buf *out);
