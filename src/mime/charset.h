/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/charset - text in any of the usual charsets becomes UTF-8.
 *
 * US-ASCII, UTF-8, ISO-8859-1 and windows-1252 are built in and need nothing.
 * Others come from iconv, which loads files: so a `mime_charsets` object opens
 * an allow-list of them once, before the process is confined.  Without one
 * (NULL) only the built-in charsets are known.
 *
 * Conversion never fails: bytes that mean nothing become U+FFFD, and an unknown
 * charset is read as ASCII with U+FFFD for each run of high bytes.  ISO-8859-1
 * is read as windows-1252, and US-ASCII as UTF-8 where it is that: so its users mean them.
 */
#pragma once

#include "base/buf.h"
#include "base/span.h"

struct mime_charsets;

/* NULL when memory is short.  Charsets that the system lacks are left out. */
MUST_USE struct mime_charsets *mime_charsets_open(void);
void mime_charsets_close(struct mime_charsets *); /* NULL is allowed */

/* Does the name (without case) stand for something that can be read? */
bool mime_charset_known(const struct mime_charsets *, struct span name);

/* Append `text` as valid UTF-8.  A whole text: no state is kept. */
void mime_to_utf8(struct mime_charsets *, struct span charset, struct span text,
		  struct buf *out);
