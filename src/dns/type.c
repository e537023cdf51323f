/* SPDX-License-Identifier: Apache-2.0 */
/* dns/type: one table. */
#include "dns/type.h"

#include <stdio.h>

static const struct {
	uint16_t number;
	const char *name;
} types[] = {
	{DNS_A, "A"},		  {DNS_NS, "NS"},     {DNS_CNAME, "CNAME"},
	{DNS_SOA, "SOA"},	  {DNS_PTR, "PTR"},   {DNS_MX, "MX"},
	{DNS_TXT, "TXT"},	  {DNS_AAAA, "AAAA"}, {DNS_SRV, "SRV"},
	{DNS_DNAME, "DNAME"},	  {DNS_DS, "DS"},     {DNS_RRSIG, "RRSIG"},
	{DNS_NSEC, "NSEC"},	  {DNS_DNSKEY, "DNSKEY"},
	{DNS_NSEC3, "NSEC3"},	  {DNS_TLSA, "TLSA"}, {DNS_SMIMEA, "SMIMEA"},
	{DNS_OPENPGPKEY, "OPENPGPKEY"},
	{DNS_SVCB, "SVCB"},	  {DNS_HTTPS, "HTTPS"}, {DNS_SPF, "SPF"},
	{DNS_ANY, "ANY"},	  {DNS_CAA, "CAA"},
};

bool dns_type_parse(struct span text, uint16_t *out)
{
	uint64_t number;
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (span_eq_nocase(text, span_cstr(types[i].name))) {
			*out = types[i].number;
			return true;
		}
	if (span_starts_nocase(text, SPAN("TYPE")))
		text = span_skip(text, 4);
	if (!span_u64(text, UINT16_MAX, &number))
		return false;
	*out = (uint16_t)number;
	return true;
}

struct span dns_type_text(uint16_t type, char out[DNS_TYPE_TEXT])
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].number == type)
			return span_cstr(types[i].name);
	int n = snprintf(out, DNS_TYPE_TEXT, "TYPE%u", type);
	return span_of(out, (size_t)n);
}

const char *dns_rcode_text(unsigned rcode)
{
	static const char *const names[] = {"NOERROR", "FORMERR", "SERVFAIL",
					    "NXDOMAIN", "NOTIMP",  "REFUSED"};
	return rcode < ARRAY_LEN(names) ? names[rcode] : "unknown";
}
