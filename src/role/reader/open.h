/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/reader/open - the report on TLS in a file, however it is wrapped: JSON, JSON
 * in gzip, or a mail with one of these as a part (RFC 8460 5.3).
 *
 * Everything is a stranger's: linear time, and never more than
 * POLICY_REPORT_TEXT_MAX comes out of whatever is packed.
 */
#pragma once

#include "base/arena.h"

#define READER_FILE_MAX (16u << 20) /* bytes of a file */

/* NULL: *json lives in the arena or in the file.  Else what is wrong. */
MUST_USE const char *reader_open(struct arena *, struct span file,
				 struct span *json);
