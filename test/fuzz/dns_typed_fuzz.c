/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer packet, read as mail reads it: nothing is over its limit, MX records
 * are in order and once, names are host names, and what is borrowed lies inside.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "dns/typed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mx(const struct dns_answer *a)
{
	static struct dns_mx_list m;
	struct dns_name name;
	char text[DNS_HOST_MAX];
	if (!dns_mx_read(a, a->id, &m))
		return;
	ENSURE(m.count <= DNS_MX_MAX && (m.found || m.count == 0));
	for (size_t i = 0; i < m.count; i++) {
		struct span s = span_of(m.at[i].name, m.at[i].len);
		if (s.len == 0) {
			ENSURE(m.count == 1);
			continue;
		}
		ENSURE(i == 0 || m.at[i - 1].preference <= m.at[i].preference);
		ENSURE(dns_name_parse(s, &name));
		ENSURE(span_eq(dns_host_text(&name, text), s));
		for (size_t k = 0; k < i; k++)
			ENSURE(!span_eq(s, span_of(m.at[k].name, m.at[k].len)));
	}
}

static void bytes(struct span packet, const struct dns_bytes *b)
{
	size_t all = 0;
	ENSURE(b->count <= DNS_BYTES_MAX);
	for (size_t i = 0; i < b->count; i++) {
		ENSURE(b->at[i].len <= DNS_BYTES_LEN_MAX);
		ENSURE(b->at[i].len == 0 || packet.len == 0 ||
		       (b->at[i].ptr >= packet.ptr &&
			b->at[i].ptr + b->at[i].len <= packet.ptr + packet.len));
		all += b->at[i].len;
	}
	ENSURE(all <= DNS_BYTES_ALL_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_answer *a = malloc(sizeof *a);
	struct dns_addresses addresses;
	struct dns_bytes b;
	struct buf text;
	ENSURE(a != NULL);
	buf_init(&text, DNS_BYTES_ALL_MAX);
	if (dns_packet_read(span_of(data, size), a)) {
		uint16_t asked = a->question_type;
		struct buf query;
		buf_init(&query, DNS_QUERY_MAX);
		dns_query_write(&a->question, asked, a->id, &query);
		ENSURE(buf_ok(&query));
		buf_free(&query);
		mx(a);
		if (dns_addresses_read(a, &addresses))
			ENSURE(addresses.count <= DNS_ADDR_MAX);
		if (dns_tlsa_read(a, &b))
			bytes(a->packet, &b);
		/* Whatever was asked for. */
		if (dns_txt_read(a, &text, &b))
			bytes(span_of(NULL, 0), &b);
		a->question_type = DNS_MX;
		mx(a);
		a->question_type = asked;
	}
	buf_free(&text);
	free(a);
	return 0;
}
