/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns/packet: reading.
 */
#include "dns/packet.h"

#include "base/pack.h"

#define FLAG_ANSWER    0x8000u
#define FLAG_TRUNCATED 0x0200u
#define FLAG_RECURSION 0x0100u
#define FLAG_AUTHENTIC 0x0020u
#define QUESTION_REST  4u  /* type, class */
#define RECORD_REST    10u /* type, class, ttl, length */

static unsigned u16_at(struct span s, size_t at)
{
	const uint8_t *p = (const uint8_t *)s.ptr + at;
	return (unsigned)p[0] << 8 | p[1];
}

static void u16(struct buf *b, unsigned v)
{
	pack_u8(b, (uint8_t)(v >> 8));
	pack_u8(b, (uint8_t)v);
}

void dns_query_write(const struct dns_name *name, uint16_t type, uint16_t id,
		     struct buf *b)
{
	u16(b, id);
	u16(b, FLAG_RECURSION | FLAG_AUTHENTIC);
	u16(b, 1);
	for (int i = 0; i < 3; i++)
		u16(b, 0);
	buf_add(b, span_of(name->wire, name->len));
	u16(b, type);
	u16(b, DNS_CLASS_IN);
}

static bool read_question(struct span packet, size_t *at, struct dns_answer *out)
{
	if (!dns_name_read(packet, *at, &out->question, at) ||
	    packet.len - *at < QUESTION_REST)
		return false;
	out->question_type = (uint16_t)u16_at(packet, *at);
	*at += QUESTION_REST;
	return true;
}

static bool read_record(struct span packet, size_t *at, struct dns_record *r)
{
	if (!dns_name_read(packet, *at, &r->name, at) ||
	    packet.len - *at < RECORD_REST)
		return false;
	r->type = (uint16_t)u16_at(packet, *at);
	r->class_ = (uint16_t)u16_at(packet, *at + 2);
	r->ttl = (uint32_t)u16_at(packet, *at + 4) << 16 |
		 (uint32_t)u16_at(packet, *at + 6);
	r->data_len = (uint16_t)u16_at(packet, *at + 8);
	*at += RECORD_REST;
	if (packet.len - *at < r->data_len)
		return false;
	r->data_at = (uint16_t)*at;
	*at += r->data_len;
	return true;
}

bool dns_packet_read(struct span packet, struct dns_answer *out)
{
	size_t at = DNS_HEADER_LEN;
	if (packet.len < DNS_HEADER_LEN || packet.len > DNS_PACKET_MAX)
		return false;
	unsigned flags = u16_at(packet, 2);
	unsigned questions = u16_at(packet, 4), answers = u16_at(packet, 6);
	out->packet = packet;
	out->id = (uint16_t)u16_at(packet, 0);
	out->rcode = flags & 15u;
	out->truncated = (flags & FLAG_TRUNCATED) != 0;
	out->authentic = (flags & FLAG_AUTHENTIC) != 0;
	out->question.len = 0;
	out->question_type = 0;
	out->count = 0;
	if ((flags & FLAG_ANSWER) == 0 || questions > 1 ||
	    answers > DNS_RECORDS_MAX)
		return false;
	if (questions == 1 && !read_question(packet, &at, out))
		return false;
	for (; out->count < answers; out->count++)
		if (!read_record(packet, &at, &out->records[out->count]))
			return false;
	return true;
}

static const struct dns_record *cname_at(const struct dns_answer *a,
					 const struct dns_name *name)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->records[i].type == DNS_CNAME &&
		    a->records[i].class_ == DNS_CLASS_IN &&
		    dns_name_eq(&a->records[i].name, name))
			return &a->records[i];
	return NULL;
}

bool dns_follow(const struct dns_answer *a, struct dns_name *out)
{
	size_t end;
	*out = a->question;
	for (unsigned hop = 0; hop <= DNS_FOLLOW_MAX; hop++) {
		const struct dns_record *r = cname_at(a, out);
		if (r == NULL)
			return out->len > 0;
		if (!dns_name_read(a->packet, r->data_at, out, &end) ||
		    end != (size_t)r->data_at + r->data_len)
			return false;
	}
	return false;
}

uint32_t dns_least_ttl(const struct dns_answer *a)
{
	uint32_t least = a->count > 0 ? UINT32_MAX : 0;
	for (size_t i = 0; i < a->count; i++)
		if (a->records[i].ttl < least)
			least = a->records[i].ttl;
	return least;
}
