/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns/packet - an answer packet as a list of records.
 *
 * One pass, every offset checked, every name in a header read once; names
 * inside of record data are checked where the type is known to hold them.
 * Records borrow the packet.  A packet with more than DNS_RECORDS_MAX records in
 * its answer section is refused, as is one that ends early; authority and
 * additional sections are not looked at.
 */
#pragma once

#include "dns/name.h"
#include "dns/type.h"

#define DNS_PACKET_MAX  65535u
#define DNS_HEADER_LEN  12u
#define DNS_RECORDS_MAX 256u

struct dns_record {
	struct dns_name name;
	uint16_t type, class_;
	uint32_t ttl;
	uint16_t data_at, data_len; /* within the packet */
};

struct dns_answer {
	struct span packet;
	uint16_t id;
	unsigned rcode;
	bool truncated, authentic;
	struct dns_name question; /* len 0: there is none */
	uint16_t question_type;
	size_t count;
	struct dns_record records[DNS_RECORDS_MAX];
};

#define DNS_QUERY_MAX (DNS_HEADER_LEN + DNS_NAME_MAX + 4u)
/* A question for recursion that wants to know whether the answer is authentic. */
void dns_query_write(const struct dns_name *, uint16_t type, uint16_t id,
		     struct buf *);

/* False: not an answer packet within the limits. */
MUST_USE bool dns_packet_read(struct span packet, struct dns_answer *out);

/* CNAMEs on the way; resolvers stop earlier. */
#define DNS_FOLLOW_MAX 16u
/*
 * Where the question's CNAMEs lead; the question itself when there are none.
 * False: there is no question, or they do not end within DNS_FOLLOW_MAX.
 */
MUST_USE bool dns_follow(const struct dns_answer *, struct dns_name *out);
/* The smallest of all records; 0 when there are none. */
uint32_t dns_least_ttl(const struct dns_answer *);

/*
 * "mail.example.org. 3600 IN MX 10 mx.example.org.": A NS CNAME SOA PTR MX TXT
 * SPF AAAA SRV DNAME TLSA SMIMEA CAA in their own form, others and malformed
 * ones as RFC 3597 has it ("\# 4 c0000201").
 */
void dns_record_text(const struct dns_answer *, const struct dns_record *,
		     struct buf *);
