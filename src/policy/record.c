/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/record: strings joined, fields taken.
 *
 * Must never take a record for another version, or two records for one.
 */
#include "policy/record.h"

/* False: the strings do not fill the RDATA, or are too long together. */
static bool join(struct span rdata, char room[POLICY_RECORD_MAX],
		 struct span *text)
{
	size_t len = 0;
	bool fits = true;
	while (rdata.len > 0) {
		size_t n = (unsigned char)rdata.ptr[0];
		if (n > rdata.len - 1)
			return false;
		size_t copy = n;
		if (copy > POLICY_RECORD_MAX - len) {
			copy = POLICY_RECORD_MAX - len;
			fits = false;
		}
		if (copy > 0)
			memcpy(room + len, rdata.ptr + 1, copy);
		len += copy;
		rdata = span_skip(rdata, n + 1);
	}
	*text = span_of(room, len);
	return fits;
}

static struct span blanks(struct span s)
{
	while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
		s = span_skip(s, 1);
	return s;
}

/* "v=STSv1" and a semicolon; what is not that is somebody else's record. */
static bool of_version(struct span text, struct span version, struct span *rest)
{
	if (!span_starts(text, version))
		return false;
	*rest = blanks(span_skip(text, version.len));
	return rest->len > 0 && rest->ptr[0] == ';';
}

enum policy_record policy_record_pick(const struct span *rdata, size_t count,
				      struct span version,
				      char room[POLICY_RECORD_MAX],
				      struct span *text)
{
	size_t found = 0, which = 0;
	struct span rest;
	bool whole = false;
	for (size_t i = 0; i < count; i++) {
		struct span s = {0};
		bool ok = join(rdata[i], room, &s);
		if (!of_version(s, version, &rest))
			continue;
		found++;
		which = i;
		whole = ok;
	}
	*text = (struct span){0};
	if (found != 1)
		return found == 0 ? POLICY_RECORD_NONE : POLICY_RECORD_MANY;
	if (!whole)
		return POLICY_RECORD_BAD;
	struct span s = {0};
	if (!join(rdata[which], room, &s) || !of_version(s, version, text))
		return POLICY_RECORD_BAD;
	return POLICY_RECORD_ONE;
}

bool policy_field_name(struct span s)
{
	if (s.len == 0 || s.len > POLICY_RECORD_NAME_MAX ||
	    !ascii_alnum(s.ptr[0]))
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (!ascii_alnum(s.ptr[i]) &&
		    !span_has(SPAN("_-."), s.ptr[i]))
			return false;
	return true;
}

bool policy_record_field(struct span *text, struct span *name,
			 struct span *value)
{
	if (text->len == 0 || text->ptr[0] != ';')
		return false;
	struct span rest = blanks(span_skip(*text, 1)), field;
	if (rest.len == 0) { /* a semicolon at the end */
		*text = rest;
		return false;
	}
	size_t end = span_find(rest, ';');
	field = span_trim(span_sub(rest, 0, end));
	if (!span_has(field, '='))
		return false;
	(void)span_cut(&field, '=', name);
	*value = field;
	if (!policy_field_name(*name) || value->len == 0)
		return false;
	for (size_t i = 0; i < value->len; i++)
		if ((value->ptr[i] < ' ' && value->ptr[i] != '\t') ||
		    value->ptr[i] == 0x7f)
			return false;
	*text = end == SIZE_MAX ? span_of(NULL, 0) : span_skip(rest, end);
	return true;
}
