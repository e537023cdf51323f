/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/name - does a certificate's DNS name match a host name?
 *
 * RFC 9525 section 6.3: without case; "*" only as the whole left-most label,
 * for exactly one label, and with at least two labels after it.
 */
#include "tls/certificate.h"

bool tls_name_matches(struct span pattern, struct span host)
{
	struct span label;

	if (host.len > 1 && host.ptr[host.len - 1] == '.')
		host.len--;
	if (host.len == 0)
		return false;
	if (!span_starts(pattern, SPAN("*.")))
		return span_eq_nocase(pattern, host);
	pattern = span_skip(pattern, 2);
	if (!span_has(pattern, '.') || !span_cut(&host, '.', &label) ||
	    label.len == 0)
		return false;
	return span_eq_nocase(pattern, host);
}

bool tls_certificate_matches(const struct tls_certificate *c, struct span host)
{
	for (size_t i = 0; i < c->name_count; i++)
		if (tls_name_matches(c->names[i], host))
			return true;
	return false;
}
