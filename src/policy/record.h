/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/record - TXT records of the form "v=X1; name=value; name=value".
 *
 * RFC 8461 3.1 and RFC 8460 3 share the grammar: a version with its case, then
 * fields between semicolons that may have blanks around them; strings of one
 * record are joined; records of other versions do not count, and two of this
 * one are none.
 *
 * Linear; a record longer than POLICY_RECORD_MAX is malformed.
 */
#pragma once

#include "base/span.h"

#define POLICY_RECORD_MAX      4096u /* bytes of one record's joined strings */
#define POLICY_RECORD_NAME_MAX 32u   /* bytes of a field's name */

enum policy_record {
	POLICY_RECORD_ONE,
	POLICY_RECORD_NONE, /* no record of this version */
	POLICY_RECORD_MANY, /* more than one: as if there were none */
	POLICY_RECORD_BAD,  /* one, malformed: as if there were none */
};

/*
 * The one record of this version ("v=STSv1") among the TXT records, given as
 * RDATA (strings with a length byte each).  *text lies in `room` and is what
 * follows the version.
 */
enum policy_record policy_record_pick(const struct span *rdata, size_t count,
				      struct span version,
				      char room[POLICY_RECORD_MAX],
				      struct span *text);

/*
 * The next field; false at the end, or with *text not empty when what stands
 * there is no field.  Values are trimmed and not empty.
 */
MUST_USE bool policy_record_field(struct span *text, struct span *name,
				  struct span *value);

/* A name of a field: letter or digit, then those, '_', '-', '.'; at most 32. */
bool policy_field_name(struct span);
