/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/param: what follows a path in MAIL and RCPT (RFC 5321 4.1.2).
 * Must never give a value with a blank or control byte.
 */
#include "smtp/state.h"

static bool key_ok(struct span k)
{
	if (k.len == 0 || !ascii_alnum(k.ptr[0]))
		return false;
	for (size_t i = 0; i < k.len; i++)
		if (!ascii_alnum(k.ptr[i]) && k.ptr[i] != '-')
			return false;
	return true;
}

bool smtp_param_next(struct span *rest, struct smtp_param *p, bool *bad)
{
	*p = (struct smtp_param){0};
	*bad = false;
	struct span r = span_trim(*rest);
	if (r.len == 0)
		return false;
	*bad = true;
	if (rest->ptr[0] != ' ')
		return false;
	struct span word;
	span_cut(&r, ' ', &word);
	p->value = word;
	p->has_value = span_cut(&p->value, '=', &p->key);
	if (!key_ok(p->key) || span_has(word, '\t') ||
	    (p->has_value && p->value.len == 0))
		return false;
	/* The blank that was cut off belongs to the next parameter. */
	*rest = r.len > 0 ? span_of(r.ptr - 1, r.len + 1) : r;
	*bad = false;
	return true;
}

enum smtp_reply smtp_path_reply(enum smtp_path_result r, enum smtp_reply syntax)
{
	switch (r) {
	case SMTP_PATH_OK:
		return SMTP_R_NONE;
	case SMTP_PATH_ROUTE:
		return SMTP_R_SOURCE_ROUTE;
	case SMTP_PATH_LONG:
		return SMTP_R_ADDRESS_LONG;
	case SMTP_PATH_NO_DOMAIN:
		return SMTP_R_NO_DOMAIN;
	case SMTP_PATH_SYNTAX:
		break;
	}
	return syntax;
}
