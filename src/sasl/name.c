/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sasl/name - user names in one spelling, before anybody is asked about them.
 *
 * The local part keeps its case (whether it matters is the directory's affair);
 * the domain is lower-cased in ASCII.
 */
#include "base/utf8.h"
#include "sasl/server.h"

bool sasl_name_normalise(struct span name, char out[SASL_NAME_MAX], size_t *len)
{
	size_t at = span_find_last(name, '@');

	if (name.len == 0 || name.len > SASL_NAME_MAX || at == 0 ||
	    at == name.len - 1 || !utf8_valid(name))
		return false;
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];
		/* C1 controls are two bytes, C2 80 to C2 9F. */
		bool c1 = c == 0xc2 && (unsigned char)name.ptr[i + 1] < 0xa0;

		if (c < 0x20 || c == 0x7f || c1)
			return false;
		out[i] = at != SIZE_MAX && i > at ? ascii_lower((char)c)
						  : (char)c;
	}
	*len = name.len;
	return true;
}
