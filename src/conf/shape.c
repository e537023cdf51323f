/* SPDX-License-Identifier: Apache-2.0 */
/* conf/shape: what a host, a name, a path, an address of a map may look like.
 */
#include "conf/shape.h"

bool conf_is_host(struct span s)
{
	struct span label;
	bool more = true;
	if (s.len < 1 || s.len > 253)
		return false;
	while (more) {
		more = span_cut(&s, '.', &label);
		if (label.len < 1 || label.len > 63 || label.ptr[0] == '-' ||
		    label.ptr[label.len - 1] == '-')
			return false;
		for (size_t i = 0; i < label.len; i++)
			if (!ascii_alnum(label.ptr[i]) && label.ptr[i] != '-')
				return false;
	}
	/* A name that ends in a number is an address in disguise. */
	size_t digits = 0;
	while (digits < label.len && ascii_digit(label.ptr[digits]))
		digits++;
	return digits != label.len;
}

bool conf_is_name(struct span s)
{
	if (s.len < 1 || s.len > CONF_NAME_MAX || !ascii_alnum(s.ptr[0]))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_alnum(s.ptr[i]) && !memchr("-_.", s.ptr[i], 3))
			return false;
	return true;
}

bool conf_is_pattern(struct span s)
{
	if (span_starts(s, SPAN(".")))
		s = span_skip(s, 1);
	else if (span_eq(s, SPAN("*")))
		return true;
	return conf_is_host(s);
}

/* RFC 5322 3.2.3, without what has to be quoted. */
static bool is_dot_atom(struct span s)
{
	if (s.len < 1 || s.len > 64 || s.ptr[0] == '.' ||
	    s.ptr[s.len - 1] == '.')
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_alnum(s.ptr[i]) &&
		    !memchr("!#$%&'*+-/=?^_`{|}~.", s.ptr[i], 20))
			return false;
	return span_find_span(s, SPAN("..")) == SIZE_MAX;
}

bool conf_is_address(struct span s)
{
	size_t at = span_find_last(s, '@');
	return at != SIZE_MAX && is_dot_atom(span_sub(s, 0, at)) &&
	       conf_is_host(span_skip(s, at + 1));
}

static bool is_at_domain(struct span s)
{
	return span_starts(s, SPAN("@")) && conf_is_host(span_skip(s, 1));
}

bool conf_is_map_side(struct span s)
{
	return conf_is_address(s) || is_at_domain(s);
}

bool conf_is_map(struct span from, struct span to)
{
	return is_at_domain(from)
		       ? is_at_domain(to)
		       : conf_is_address(from) && conf_is_address(to);
}

bool conf_is_path(struct span s)
{
	return s.len > 0 && s.ptr[0] == '/' && !span_has(s, 0);
}

bool conf_is_delimiter(char c)
{
	return c > ' ' && c <= '~' && c != '@' && c != '.' && !ascii_alnum(c);
}
