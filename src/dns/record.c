/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns/record: records as text.
 *
 * Data that does not fit its type is shown as bytes, never guessed at.
 */
#include <stdio.h>

#include "base/hex.h"
#include "base/pack.h"
#include "dns/packet.h"

/* A reader that stays inside of one record's data. */
struct data {
	struct span packet;
	size_t at, end;
	bool bad;
};

static unsigned take(struct data *d, size_t n)
{
	unsigned value = 0;
	if (d->bad || d->end - d->at < n) {
		d->bad = true;
		return 0;
	}
	while (n-- > 0)
		value = value << 8 | (unsigned char)d->packet.ptr[d->at++];
	return value;
}

static struct span take_bytes(struct data *d, size_t n)
{
	if (d->bad || d->end - d->at < n) {
		d->bad = true;
		return (struct span){0};
	}
	struct span s = span_sub(d->packet, d->at, n);
	d->at += n;
	return s;
}

/* A name may lead out of the record by its pointer, but has to begin and end
 * inside. */
static void name(struct data *d, struct buf *b)
{
	struct dns_name n;
	size_t next = 0;
	if (d->bad || d->at >= d->end ||
	    !dns_name_read(d->packet, d->at, &n, &next) || next > d->end) {
		d->bad = true;
		return;
	}
	d->at = next;
	dns_name_text(&n, b);
}

static void quoted(struct span s, struct buf *b)
{
	buf_addc(b, '"');
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c >= ' ' && c < 0x7f)
			buf_addc(b, (char)c);
		else
			buf_printf(b, "\\%03u", c);
	}
	buf_addc(b, '"');
}

/* ---- types ---------------------------------------------------------------- */

static void v4(struct data *d, struct buf *b)
{
	unsigned part[4];
	for (size_t i = 0; i < 4; i++)
		part[i] = take(d, 1);
	buf_printf(b, "%u.%u.%u.%u", part[0], part[1], part[2], part[3]);
}

/* RFC 5952: the longest run of zeros, at least two, becomes "::". */
static void v6(struct data *d, struct buf *b)
{
	unsigned group[8];
	size_t best = 8, best_len = 1;
	for (size_t i = 0; i < 8; i++)
		group[i] = take(d, 2);
	for (size_t i = 0; i < 8; i++) {
		size_t n = 0;
		while (i + n < 8 && group[i + n] == 0)
			n++;
		if (n > best_len) {
			best = i;
			best_len = n;
		}
	}
	for (size_t i = 0; i < 8; i++) {
		if (i == best) {
			buf_add(b, SPAN("::"));
			i += best_len - 1;
			continue;
		}
		if (i > 0 && (best == 8 || i != best + best_len))
			buf_addc(b, ':');
		buf_printf(b, "%x", group[i]);
	}
}

static void texts(struct data *d, struct buf *b)
{
	size_t count = 0;
	do {
		if (count++ > 0)
			buf_addc(b, ' ');
		quoted(take_bytes(d, take(d, 1)), b);
	} while (!d->bad && d->at < d->end);
}

static void mx(struct data *d, struct buf *b)
{
	buf_printf(b, "%u ", take(d, 2));
	name(d, b);
}

static void srv(struct data *d, struct buf *b)
{
	for (int i = 0; i < 3; i++)
		buf_printf(b, "%u ", take(d, 2));
	name(d, b);
}

static void soa(struct data *d, struct buf *b)
{
	name(d, b);
	buf_addc(b, ' ');
	name(d, b);
	for (int i = 0; i < 5; i++)
		buf_printf(b, " %u", take(d, 4));
}

static void tlsa(struct data *d, struct buf *b)
{
	for (int i = 0; i < 3; i++)
		buf_printf(b, "%u ", take(d, 1));
	hex_encode(b, take_bytes(d, d->end - d->at));
}

static void caa(struct data *d, struct buf *b)
{
	buf_printf(b, "%u ", take(d, 1));
	struct span tag = take_bytes(d, take(d, 1));
	for (size_t i = 0; i < tag.len; i++)
		if (!ascii_alnum(tag.ptr[i]))
			d->bad = true;
	d->bad |= tag.len == 0;
	buf_add(b, tag);
	buf_addc(b, ' ');
	quoted(take_bytes(d, d->end - d->at), b);
}

static const struct {
	uint16_t type;
	void (*show)(struct data *, struct buf *);
} forms[] = {
	{DNS_A, v4},	 {DNS_AAAA, v6},    {DNS_NS, name},   {DNS_CNAME, name},
	{DNS_PTR, name}, {DNS_DNAME, name}, {DNS_MX, mx},     {DNS_SRV, srv},
	{DNS_SOA, soa},	 {DNS_TXT, texts},  {DNS_SPF, texts}, {DNS_TLSA, tlsa},
	{DNS_SMIMEA, tlsa},		    {DNS_CAA, caa},
};

static bool show(struct data *d, uint16_t type, struct buf *b)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (forms[i].type != type)
			continue;
		forms[i].show(d, b);
		return !d->bad && d->at == d->end;
	}
	return false;
}

void dns_record_text(const struct dns_answer *a, const struct dns_record *r,
		     struct buf *b)
{
	char type[DNS_TYPE_TEXT];
	struct data d = {.packet = a->packet,
			 .at = r->data_at,
			 .end = (size_t)r->data_at + r->data_len};
	dns_name_text(&r->name, b);
	buf_printf(b, " %u ", r->ttl);
	if (r->class_ == DNS_CLASS_IN)
		buf_add(b, SPAN("IN "));
	else
		buf_printf(b, "CLASS%u ", r->class_);
	buf_add(b, dns_type_text(r->type, type));
	buf_addc(b, ' ');
	size_t before = buf_len(b);
	if (show(&d, r->type, b) || !buf_ok(b))
		return;
	buf_cut(b, buf_len(b) - before);
	buf_printf(b, "\\# %u ", r->data_len);
	hex_encode(b, span_sub(a->packet, r->data_at, r->data_len));
}
