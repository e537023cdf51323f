/* SPDX-License-Identifier: Apache-2.0 */
/* smtp/xtext: see xtext.h.  Must never write past what the caller gave. */
#include "smtp/xtext.h"

#include "smtp/host.h"

static int hex_upper(char c)
{
	if (ascii_digit(c))
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool smtp_xtext_decode(struct span s, char *out, size_t cap, size_t *len)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++, n++) {
		char c = s.ptr[i];
		if (n == cap || c < '!' || c > '~' || c == '=')
			return false;
		if (c == '+') {
			if (s.len - i < 3)
				return false;
			int hi = hex_upper(s.ptr[i + 1]), lo = hex_upper(s.ptr[i + 2]);
			if (hi < 0 || lo < 0)
				return false;
			c = (char)(hi << 4 | lo);
			i += 2;
		}
		out[n] = c;
	}
	*len = n;
	return true;
}

bool smtp_xtext_ok(struct span s)
{
	char out[SMTP_ORCPT_MAX];
	size_t len;
	return smtp_xtext_decode(s, out, sizeof out, &len);
}
