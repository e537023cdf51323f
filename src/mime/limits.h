/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/limits - how much of a message is looked at.  What lies beyond a limit
 * is still kept, byte for byte; only the summary knows less of it and says so
 * with SUMMARY_TRUNCATED.
 */
#pragma once

#define MIME_HEADER_BLOCK_MAX (1u << 20) /* one header block */
#define MIME_FIELD_MAX        (64u << 10) /* one field with its folds */
#define MIME_FIELDS_MAX       1000u /* fields of one block */
#define MIME_DEPTH_MAX        50u   /* levels, the message being the first */
#define MIME_PARTS_MAX        1000u
#define MIME_PIECES_MAX       100u  /* RFC 2231 continuations of one parameter */
#define MIME_ADDRESSES_MAX    1000u /* of one field */
#define MIME_COMMENT_DEPTH    100u  /* deeper ones end the field's meaning */
#define MIME_BOUNDARY_MAX     70u   /* RFC 2046 5.1.1 */
#define MIME_BOUNDARY_TAKEN   200u  /* what is accepted all the same */
#define MIME_ENCODED_WORD_MAX 998u  /* 75 in RFC 2047; people send more */
