/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/addr - parse, format and compare network addresses.
 *
 * The parser is written out because the C library's accepts forms that differ
 * between systems; what decides about relaying must mean one thing only.
 */
#include "os/addr.h"

#include <stdio.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct addr addr_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
	struct addr r = {.port = port};
	memcpy(r.ip, mapped, sizeof(mapped));
	r.ip[12] = a;
	r.ip[13] = b;
	r.ip[14] = c;
	r.ip[15] = d;
	return r;
}

struct addr addr_v6(const uint8_t ip[16], uint16_t port)
{
	struct addr r = {.port = port};
	memcpy(r.ip, ip, sizeof(r.ip));
	return r;
}

bool addr_is_v4(const struct addr *a)
{
	return memcmp(a->ip, mapped, sizeof(mapped)) == 0;
}

bool addr_is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = {[15] = 1};
	return addr_is_v4(a) ? a->ip[12] == 127
			     : memcmp(a->ip, one, sizeof(one)) == 0;
}

bool addr_is_any(const struct addr *a)
{
	static const uint8_t zero[16];
	if (addr_is_v4(a))
		return memcmp(a->ip + 12, zero, 4) == 0;
	return memcmp(a->ip, zero, sizeof(zero)) == 0;
}

bool addr_same_host(const struct addr *a, const struct addr *b)
{
	return memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return addr_same_host(a, b) && a->port == b->port;
}

/* Without leading zeros: what one reader takes for octal, another does not. */
static bool plain_number(struct span s, uint64_t max, uint64_t *out)
{
	if (s.len > 1 && s.ptr[0] == '0')
		return false;
	return span_u64(s, max, out);
}

static bool parse_v4(struct span text, uint8_t out[4])
{
	for (int i = 0; i < 4; i++) {
		struct span part;
		uint64_t n;
		bool dot = span_cut(&text, '.', &part);
		if (dot != (i < 3) || !plain_number(part, 255, &n))
			return false;
		out[i] = (uint8_t)n;
	}
	return true;
}

static int hex_digit(char c)
{
	c = ascii_lower(c);
	if (ascii_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_group(struct span s, uint8_t out[2])
{
	unsigned v = 0;
	if (s.len == 0 || s.len > 4)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		int d = hex_digit(s.ptr[i]);
		if (d < 0)
			return false;
		v = v << 4 | (unsigned)d;
	}
	out[0] = (uint8_t)(v >> 8);
	out[1] = (uint8_t)(v & 255);
	return true;
}

/* Groups between colons; the last may be an IPv4 address.  *len in bytes. */
static bool parse_groups(struct span s, bool v4_end, uint8_t out[16], size_t *len)
{
	*len = 0;
	if (span_empty(s))
		return true;
	for (;;) {
		struct span part;
		bool more = span_cut(&s, ':', &part);
		if (!more && v4_end && span_has(part, '.')) {
			if (*len > 12 || !parse_v4(part, out + *len))
				return false;
			*len += 4;
			return true;
		}
		if (*len > 14 || !parse_group(part, out + *len))
			return false;
		*len += 2;
		if (!more)
			return true;
	}
}

static bool parse_v6(struct span text, uint8_t out[16])
{
	uint8_t head[16], tail[16];
	size_t head_len, tail_len, gap = span_find_span(text, SPAN("::"));

	memset(out, 0, 16);
	if (gap == SIZE_MAX)
		return parse_groups(text, true, out, &head_len) && head_len == 16;
	if (!parse_groups(span_sub(text, 0, gap), false, head, &head_len) ||
	    !parse_groups(span_skip(text, gap + 2), true, tail, &tail_len) ||
	    head_len + tail_len > 14)
		return false;
	memcpy(out, head, head_len);
	memcpy(out + 16 - tail_len, tail, tail_len);
	return true;
}

bool addr_parse(struct span text, struct addr *out)
{
	uint8_t ip[16];

	if (text.len >= ADDR_TEXT_MAX)
		return false;
	if (!span_has(text, ':')) {
		memcpy(ip, mapped, sizeof(mapped));
		if (!parse_v4(text, ip + 12))
			return false;
	} else if (!parse_v6(text, ip)) {
		return false;
	}
	*out = addr_v6(ip, 0);
	return true;
}

bool addr_parse_port(struct span text, struct addr *out)
{
	size_t colon = span_find_last(text, ':');
	struct span host = span_sub(text, 0, colon == SIZE_MAX ? 0 : colon);
	struct addr a;
	uint64_t port;
	bool v6 = host.len >= 2 && host.ptr[0] == '[' &&
		  host.ptr[host.len - 1] == ']';

	if (v6)
		host = span_sub(host, 1, host.len - 2);
	if (colon == SIZE_MAX || span_has(host, ':') != v6 ||
	    !plain_number(span_skip(text, colon + 1), 65535, &port) ||
	    !addr_parse(host, &a))
		return false;
	*out = addr_v6(a.ip, (uint16_t)port);
	return true;
}

/* The longest run of at least two zero groups, the first of equals. */
static void zero_run(const unsigned g[8], int *from, int *len)
{
	*from = -1;
	*len = 1;
	for (int i = 0; i < 8; i++) {
		int n = 0;
		while (i + n < 8 && g[i + n] == 0)
			n++;
		if (n > *len) {
			*from = i;
			*len = n;
		}
	}
}

struct span addr_format(const struct addr *a, char out[ADDR_TEXT_MAX])
{
	unsigned g[8];
	int from, len, n = 0;

	if (addr_is_v4(a)) {
		n = snprintf(out, ADDR_TEXT_MAX, "%u.%u.%u.%u", a->ip[12],
			     a->ip[13], a->ip[14], a->ip[15]);
		return span_of(out, (size_t)n);
	}
	for (int i = 0; i < 8; i++)
		g[i] = (unsigned)a->ip[2 * i] << 8 | a->ip[2 * i + 1];
	zero_run(g, &from, &len);
	for (int i = 0; i < 8; i++) {
		size_t room = ADDR_TEXT_MAX - (size_t)n;
		if (i == from) {
			n += snprintf(out + n, room, "::");
			i += len - 1;
			continue;
		}
		bool colon = i > 0 && i != from + len;
		n += snprintf(out + n, room, colon || (i > 0 && from < 0) ? ":%x" : "%x",
			      g[i]);
	}
	return span_of(out, (size_t)n);
}

struct span addr_format_port(const struct addr *a, char out[ADDR_TEXT_MAX])
{
	char host[ADDR_TEXT_MAX];
	int n;

	(void)addr_format(a, host);
	n = snprintf(out, ADDR_TEXT_MAX, addr_is_v4(a) ? "%s:%u" : "[%s]:%u", host,
		     (unsigned)a->port);
	return span_of(out, (size_t)n);
}

static void mask(uint8_t ip[16], unsigned bits)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = bits > i * 8 ? bits - i * 8 : 0;
		if (keep < 8)
			ip[i] &= (uint8_t)(0xff00u >> keep);
	}
}

bool cidr_parse(struct span text, struct cidr *out)
{
	struct span host;
	struct addr a;
	struct cidr c;
	uint64_t bits;
	bool slash = span_cut(&text, '/', &host);

	if (!addr_parse(host, &a))
		return false;
	bits = addr_is_v4(&a) ? 32 : 128;
	if (slash && !plain_number(text, bits, &bits))
		return false;
	c = cidr_of(&a, (unsigned)bits, (unsigned)bits);
	if (memcmp(c.ip, a.ip, sizeof(c.ip)) != 0)
		return false;
	*out = c;
	return true;
}

bool cidr_match(const struct cidr *c, const struct addr *a)
{
	uint8_t ip[16];

	memcpy(ip, a->ip, sizeof(ip));
	mask(ip, c->bits);
	return memcmp(ip, c->ip, sizeof(ip)) == 0;
}

struct cidr cidr_of(const struct addr *a, unsigned v4_bits, unsigned v6_bits)
{
	struct cidr c;
	unsigned bits = addr_is_v4(a) ? 96 + (v4_bits > 32 ? 32 : v4_bits)
				      : (v6_bits > 128 ? 128 : v6_bits);

	memcpy(c.ip, a->ip, sizeof(c.ip));
	c.bits = (uint8_t)bits;
	mask(c.ip, bits);
	return c;
}
