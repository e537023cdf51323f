/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns/anchor: DNSKEY and RRSIG records, and the bytes that are signed.
 */
#include <stdlib.h>

#include "base/pack.h"
#include "dns/anchor.h"

#define KEY_HEAD   4u  /* flags, protocol, algorithm */
#define RRSIG_HEAD 18u /* up to the signer's name */
#define PROTOCOL   3u

static struct span data_of(const struct dns_answer *a, const struct dns_record *r)
{
	return span_sub(a->packet, r->data_at, r->data_len);
}

static unsigned u16_at(struct span s, size_t at)
{
	const uint8_t *p = (const uint8_t *)s.ptr + at;
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t u32_at(struct span s, size_t at)
{
	return (uint32_t)u16_at(s, at) << 16 | (uint32_t)u16_at(s, at + 2);
}

static bool key(struct span data, struct dns_key *out)
{
	if (data.len <= KEY_HEAD || data.len - KEY_HEAD > DNS_KEY_MAX ||
	    data.ptr[2] != (char)PROTOCOL)
		return false;
	out->flags = (uint16_t)u16_at(data, 0);
	out->algorithm = (uint8_t)data.ptr[3];
	out->len = (uint16_t)(data.len - KEY_HEAD);
	memcpy(out->bytes, data.ptr + KEY_HEAD, out->len);
	return true;
}

static bool signature(const struct dns_answer *a, const struct dns_record *r,
		      struct dns_rrsig *out)
{
	struct span d = data_of(a, r);
	size_t next, end = (size_t)r->data_at + r->data_len;
	if (d.len <= RRSIG_HEAD ||
	    !dns_name_read(a->packet, (size_t)r->data_at + RRSIG_HEAD,
			   &out->signer, &next) ||
	    next >= end)
		return false;
	out->algorithm = (uint8_t)d.ptr[2];
	out->labels = (uint8_t)d.ptr[3];
	out->ttl = u32_at(d, 4);
	out->expires = u32_at(d, 8);
	out->incepts = u32_at(d, 12);
	out->tag = (uint16_t)u16_at(d, 16);
	out->signature = span_sub(a->packet, next, end - next);
	return true;
}

bool dns_keyset_read(const struct dns_answer *a, struct dns_keyset *out)
{
	out->count = out->signatures = 0;
	for (size_t i = 0; i < a->count; i++) {
		const struct dns_record *r = &a->records[i];
		if (r->class_ != DNS_CLASS_IN ||
		    !dns_name_eq(&r->name, &a->question))
			continue;
		if (r->type == DNS_DNSKEY) {
			if (out->count == DNS_KEYS_MAX ||
			    !key(data_of(a, r), &out->keys[out->count++]))
				return false;
		} else if (r->type == DNS_RRSIG && r->data_len > 2 &&
			   u16_at(data_of(a, r), 0) == DNS_DNSKEY) {
			if (out->signatures == DNS_KEYS_MAX ||
			    !signature(a, r, &out->by[out->signatures++]))
				return false;
		}
	}
	return out->count > 0;
}

void dns_key_data(const struct dns_key *k, struct buf *b)
{
	pack_u8(b, (uint8_t)(k->flags >> 8));
	pack_u8(b, (uint8_t)k->flags);
	pack_u8(b, PROTOCOL);
	pack_u8(b, k->algorithm);
	buf_add(b, span_of(k->bytes, k->len));
}

/* RFC 4034 appendix B. */
uint16_t dns_key_tag(const struct dns_key *k)
{
	uint32_t sum = k->flags + ((uint32_t)PROTOCOL << 8 | k->algorithm);
	for (size_t i = 0; i < k->len; i++)
		sum += i % 2 == 0 ? (uint32_t)k->bytes[i] << 8 : k->bytes[i];
	sum += sum >> 16 & 0xffff;
	return (uint16_t)sum;
}

bool dns_key_same(const struct dns_key *a, const struct dns_key *b)
{
	return a->algorithm == b->algorithm && a->len == b->len &&
	       (a->flags | DNS_KEY_REVOKE) == (b->flags | DNS_KEY_REVOKE) &&
	       memcmp(a->bytes, b->bytes, a->len) == 0;
}

bool dns_rrsig_is_now(const struct dns_rrsig *s, int64_t now)
{
	/* Serial numbers: RFC 1982. */
	uint32_t t = (uint32_t)now;
	return (int32_t)(t - s->incepts) >= 0 && (int32_t)(s->expires - t) >= 0;
}

/* As RDATA they sort by bytes: flags first, then protocol, algorithm, key. */
static int by_data(const void *x, const void *y)
{
	const struct dns_key *a = *(const struct dns_key *const *)x;
	const struct dns_key *b = *(const struct dns_key *const *)y;
	if (a->flags != b->flags)
		return a->flags < b->flags ? -1 : 1;
	if (a->algorithm != b->algorithm)
		return a->algorithm < b->algorithm ? -1 : 1;
	return span_cmp(span_of(a->bytes, a->len), span_of(b->bytes, b->len));
}

static void lower_name(const struct dns_name *n, struct buf *b)
{
	/* Lengths are below 'A': they stay what they are. */
	for (size_t i = 0; i < n->len; i++)
		buf_addc(b, ascii_lower((char)n->wire[i]));
}

static void u16(struct buf *b, unsigned v)
{
	pack_u8(b, (uint8_t)(v >> 8));
	pack_u8(b, (uint8_t)v);
}

void dns_keyset_signed(const struct dns_keyset *set, const struct dns_name *owner,
		       const struct dns_rrsig *s, struct buf *b)
{
	const struct dns_key *order[DNS_KEYS_MAX];
	for (size_t i = 0; i < set->count; i++)
		order[i] = &set->keys[i];
	qsort(order, set->count, sizeof *order, by_data);
	u16(b, DNS_DNSKEY);
	pack_u8(b, s->algorithm);
	pack_u8(b, s->labels);
	pack_u32_be(b, s->ttl);
	pack_u32_be(b, s->expires);
	pack_u32_be(b, s->incepts);
	u16(b, s->tag);
	lower_name(&s->signer, b);
	for (size_t i = 0; i < set->count; i++) {
		if (i > 0 && by_data(&order[i - 1], &order[i]) == 0)
			continue;
		lower_name(owner, b);
		u16(b, DNS_DNSKEY);
		u16(b, DNS_CLASS_IN);
		pack_u32_be(b, s->ttl);
		u16(b, KEY_HEAD + order[i]->len);
		dns_key_data(order[i], b);
	}
}
