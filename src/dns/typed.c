/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns/typed: reading records of a type.
 *
 * Must never count a record that stands at another name than the one that the
 * question leads to.
 */
#include "dns/typed.h"

#include <stdlib.h>

#define PREFERENCE_LEN 2u

struct span dns_host_text(const struct dns_name *n, char out[DNS_HOST_MAX])
{
	size_t len = 0;
	for (size_t at = 0; at < n->len && n->wire[at] > 0;
	     at += 1u + n->wire[at]) {
		if (len > 0)
			out[len++] = '.';
		for (size_t i = at + 1; i <= at + n->wire[at]; i++) {
			char c = ascii_lower((char)n->wire[i]);
			if (!ascii_alnum(c) && c != '-' && c != '_')
				return (struct span){0};
			out[len++] = c;
		}
	}
	return span_of(out, len);
}

/* The next record from *at on that answers the question. */
static const struct dns_record *next(const struct dns_answer *a,
				     const struct dns_name *owner, size_t *at)
{
	while (*at < a->count) {
		const struct dns_record *r = &a->records[(*at)++];
		if (r->type == a->question_type && r->class_ == DNS_CLASS_IN &&
		    dns_name_eq(&r->name, owner))
			return r;
	}
	return NULL;
}

static struct span data_of(const struct dns_answer *a,
			   const struct dns_record *r)
{
	return span_sub(a->packet, r->data_at, r->data_len);
}

/* ---- MX ------------------------------------------------------------------- */

struct draw {
	uint64_t key; /* preference, then chance, then place */
	uint8_t place;
};
_Static_assert(DNS_RECORDS_MAX <= 256, "places are bytes");

/* splitmix64: the same seed, the same order. */
static uint64_t mix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static int by_key(const void *a, const void *b)
{
	uint64_t x = ((const struct draw *)a)->key;
	uint64_t y = ((const struct draw *)b)->key;
	return x < y ? -1 : x > y;
}

/* Of an MX record; false: it does not hold one. */
static bool exchange(const struct dns_answer *a, const struct dns_record *r,
		     struct dns_name *out)
{
	size_t end;
	return r->data_len > PREFERENCE_LEN &&
	       dns_name_read(a->packet, (size_t)r->data_at + PREFERENCE_LEN, out,
			     &end) &&
	       end == (size_t)r->data_at + r->data_len;
}

static size_t preference_of(const struct dns_answer *a,
			    const struct dns_record *r)
{
	struct span d = data_of(a, r);
	return d.len < PREFERENCE_LEN ? 0
				      : (size_t)(unsigned char)d.ptr[0] << 8 |
						(unsigned char)d.ptr[1];
}

static void add_host(struct dns_mx_list *out, uint16_t preference,
		     struct span name)
{
	for (size_t i = 0; i < out->count; i++)
		if (span_eq(span_of(out->at[i].name, out->at[i].len), name))
			return;
	if (out->count == DNS_MX_MAX) {
		out->left_out++;
		return;
	}
	struct dns_mx *m = &out->at[out->count++];
	m->preference = preference;
	m->len = (uint8_t)name.len;
	if (name.len > 0)
		memcpy(m->name, name.ptr, name.len);
}

bool dns_mx_read(const struct dns_answer *a, uint64_t seed,
		 struct dns_mx_list *out)
{
	struct draw order[DNS_RECORDS_MAX];
	struct dns_name owner, host;
	char text[DNS_HOST_MAX];
	size_t count = 0, at = 0, null = 0;
	out->found = false;
	out->count = out->left_out = 0;
	if (!dns_follow(a, &owner))
		return false;
	for (const struct dns_record *r; (r = next(a, &owner, &at)) != NULL;) {
		uint64_t preference = preference_of(a, r);
		order[count].place = (uint8_t)(at - 1);
		order[count++].key = preference << 48 | mix(&seed) >> 24 << 8 |
				     (at - 1);
	}
	qsort(order, count, sizeof *order, by_key);
	for (size_t i = 0; i < count; i++) {
		const struct dns_record *r = &a->records[order[i].place];
		bool good = exchange(a, r, &host);
		struct span name = good ? dns_host_text(&host, text)
					: (struct span){0};
		bool root = good && host.len == 1;
		null += root;
		if (name.len > 0)
			add_host(out, (uint16_t)preference_of(a, r), name);
		else
			out->left_out++;
	}
	out->found = count > 0;
	if (null > 0 && null == count) {
		out->left_out = 0;
		add_host(out, 0, (struct span){0});
	}
	return true;
}

/* ---- addresses -------------------------------------------------------------- */

static void add_address(struct dns_addresses *out, struct span data)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	uint8_t ip[16];
	if (data.len == 4) {
		memcpy(ip, mapped, sizeof mapped);
		memcpy(ip + 12, data.ptr, 4);
	} else {
		memcpy(ip, data.ptr, 16);
	}
	for (size_t i = 0; i < out->count; i++)
		if (memcmp(out->at[i], ip, sizeof ip) == 0)
			return;
	if (out->count == DNS_ADDR_MAX)
		out->left_out++;
	else
		memcpy(out->at[out->count++], ip, sizeof ip);
}

bool dns_addresses_read(const struct dns_answer *a, struct dns_addresses *out)
{
	size_t want = a->question_type == DNS_A ? 4 : 16, at = 0;
	struct dns_name owner;
	*out = (struct dns_addresses){0};
	if (!dns_follow(a, &owner))
		return false;
	for (const struct dns_record *r; (r = next(a, &owner, &at)) != NULL;) {
		if (r->data_len != want)
			return false;
		add_address(out, data_of(a, r));
	}
	return true;
}

/* ---- bytes ------------------------------------------------------------------ */

static bool add_bytes(struct dns_bytes *out, struct span s, size_t *all)
{
	if (out->count == DNS_BYTES_MAX || s.len > DNS_BYTES_LEN_MAX ||
	    s.len > DNS_BYTES_ALL_MAX - *all)
		return false;
	*all += s.len;
	out->at[out->count++] = s;
	return true;
}

bool dns_tlsa_read(const struct dns_answer *a, struct dns_bytes *out)
{
	struct dns_name owner;
	size_t at = 0, all = 0;
	out->count = 0;
	if (!dns_follow(a, &owner))
		return false;
	for (const struct dns_record *r; (r = next(a, &owner, &at)) != NULL;)
		if (!add_bytes(out, data_of(a, r), &all))
			return false;
	return true;
}

/* The strings of one record behind each other. */
static bool join(struct span data, struct buf *text)
{
	if (data.len == 0)
		return false;
	while (data.len > 0) {
		size_t len = (unsigned char)data.ptr[0];
		if (len > data.len - 1)
			return false;
		buf_add(text, span_sub(data, 1, len));
		data = span_skip(data, 1 + len);
	}
	return buf_ok(text);
}

bool dns_txt_read(const struct dns_answer *a, struct buf *text,
		  struct dns_bytes *out)
{
	struct dns_name owner;
	size_t ends[DNS_BYTES_MAX], count = 0, at = 0, all = 0;
	out->count = 0;
	if (!dns_follow(a, &owner))
		return false;
	for (const struct dns_record *r; (r = next(a, &owner, &at)) != NULL;) {
		if (count == DNS_BYTES_MAX || !join(data_of(a, r), text))
			return false;
		ends[count++] = buf_len(text);
	}
	/* Only now does the text stay where it is. */
	for (size_t i = 0; i < count; i++) {
		size_t from = i == 0 ? 0 : ends[i - 1];
		if (!add_bytes(out, span_sub(buf_span(text), from, ends[i] - from),
			       &all))
			return false;
	}
	return true;
}
