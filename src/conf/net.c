/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/net - addresses and networks as text.
 *
 * IPv4 is four decimal numbers without leading zeros; IPv6 is RFC 4291 section
 * 2.2 without zones, printed as RFC 5952 asks.
 */
#include "conf/net.h"

static bool ipv4(struct span s, uint8_t *out)
{
	for (int i = 0; i < 4; i++) {
		struct span part;
		uint64_t v;
		bool dot = span_cut(&s, '.', &part);
		if (dot != (i < 3) || !span_u64(part, 255, &v) ||
		    (part.len > 1 && part.ptr[0] == '0'))
			return false;
		out[i] = (uint8_t)v;
	}
	return true;
}

static bool group(struct span s, uint8_t *out)
{
	unsigned v = 0;
	if (s.len < 1 || s.len > 4)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = ascii_lower(s.ptr[i]);
		if (!ascii_digit(c) && !(c >= 'a' && c <= 'f'))
			return false;
		v = v * 16 + (unsigned)(ascii_digit(c) ? c - '0' : c - 'a' + 10);
	}
	out[0] = (uint8_t)(v >> 8);
	out[1] = (uint8_t)v;
	return true;
}

/* A run of groups, the last of which may be IPv4, into out; SIZE_MAX: no. */
static size_t groups(struct span s, uint8_t *out, bool last)
{
	size_t n = 0;
	if (span_empty(s))
		return 0;
	for (bool colon = true; colon;) {
		struct span part;
		colon = span_cut(&s, ':', &part);
		if (!colon && last && span_has(part, '.')) {
			if (n > 12 || !ipv4(part, out + n))
				return SIZE_MAX;
			return n + 4;
		}
		if (n > 14 || !group(part, out + n))
			return SIZE_MAX;
		n += 2;
	}
	return n;
}

static bool ipv6(struct span s, uint8_t *out)
{
	uint8_t head[16] = {0}, tail[16] = {0};
	if (s.len > 45)
		return false;
	size_t gap = span_find_span(s, SPAN("::"));
	if (gap == SIZE_MAX)
		return groups(s, out, true) == 16;
	size_t h = groups(span_sub(s, 0, gap), head, false);
	size_t t = groups(span_skip(s, gap + 2), tail, true);
	if (h == SIZE_MAX || t == SIZE_MAX || h + t > 14)
		return false;
	memset(out, 0, 16);
	memcpy(out, head, h);
	memcpy(out + 16 - t, tail, t);
	return true;
}

bool conf_net_parse(struct span s, struct conf_net *out)
{
	struct span addr;
	struct conf_net n = {0};
	bool slash = span_cut(&s, '/', &addr);
	n.family = span_has(addr, ':') ? 6 : 4;
	uint64_t bits = n.family == 6 ? 128 : 32;
	if (!(n.family == 6 ? ipv6(addr, n.bytes) : ipv4(addr, n.bytes)))
		return false;
	if (slash && (!span_u64(s, bits, &bits) ||
		      (s.len > 1 && s.ptr[0] == '0')))
		return false;
	n.bits = (uint8_t)bits;
	*out = n;
	return true;
}

bool conf_net_mask(struct conf_net *n)
{
	bool changed = false;
	for (unsigned i = 0; i < (n->family == 6 ? 16u : 4u); i++) {
		unsigned keep = n->bits <= i * 8 ? 0 : n->bits - i * 8;
		uint8_t mask = (uint8_t)(0xff00u >> (keep < 8 ? keep : 8));
		changed |= (n->bytes[i] & ~mask) != 0;
		n->bytes[i] = (uint8_t)(n->bytes[i] & mask);
	}
	return changed;
}

static void print6(const uint8_t *b, struct buf *out)
{
	unsigned g[8], best = 8, run = 1;
	for (unsigned i = 0; i < 8; i++)
		g[i] = (unsigned)b[2 * i] << 8 | b[2 * i + 1];
	for (unsigned i = 0; i < 8; i++) {
		unsigned n = 0;
		while (i + n < 8 && g[i + n] == 0)
			n++;
		if (n > run) {
			run = n;
			best = i;
		}
	}
	for (unsigned i = 0; i < 8; i++) {
		if (i == best) {
			buf_add(out, SPAN("::"));
			i += run - 1;
			continue;
		}
		buf_printf(out, "%s%x", i > 0 && i != best + run ? ":" : "",
			   g[i]);
	}
}

void conf_net_print(const struct conf_net *n, bool whole, struct buf *out)
{
	if (n->family == 6)
		print6(n->bytes, out);
	else
		buf_printf(out, "%u.%u.%u.%u", n->bytes[0], n->bytes[1],
			   n->bytes[2], n->bytes[3]);
	if (!whole)
		buf_printf(out, "/%u", n->bits);
}

static bool whole(struct span s, struct conf_resolver *out)
{
	struct conf_net n;
	if (span_has(s, '/') || !conf_net_parse(s, &n))
		return false;
	*out = (struct conf_resolver){.family = n.family,
				      .port = CONF_RESOLVER_PORT};
	memcpy(out->bytes, n.bytes, sizeof(out->bytes));
	return true;
}

static bool port(struct span s, struct conf_resolver *out)
{
	uint64_t v;
	if (!span_u64(s, 65535, &v) || v == 0 || s.ptr[0] == '0')
		return false;
	out->port = (uint16_t)v;
	return true;
}

/* Behind the bracket: "::1]", "::1]:53". */
static enum conf_port bracketed(struct span s, struct conf_resolver *out)
{
	struct span addr;
	if (!span_cut(&s, ']', &addr) || !whole(addr, out) || out->family != 6)
		return CONF_PORT_ADDRESS;
	if (span_empty(s))
		return CONF_PORT_ALONE;
	if (s.ptr[0] == '@' && port(span_skip(s, 1), out))
		return CONF_PORT_AT;
	return s.ptr[0] == ':' && port(span_skip(s, 1), out) ? CONF_PORT_RIGHT
							      : CONF_PORT_RANGE;
}

enum conf_port conf_resolver_parse(struct span s, struct conf_resolver *out)
{
	struct span addr, rest = s;
	*out = (struct conf_resolver){0};
	if (whole(s, out))
		return CONF_PORT_RIGHT;
	if (span_starts(s, SPAN("[")))
		return bracketed(span_skip(s, 1), out);
	if (span_cut(&rest, '@', &addr) && whole(addr, out))
		return port(rest, out) ? CONF_PORT_AT : CONF_PORT_RANGE;
	/* One colon is a port's: more of them are an IPv6 address's own. */
	rest = s;
	if (!span_cut(&rest, ':', &addr) || !whole(addr, out))
		return CONF_PORT_ADDRESS;
	return port(rest, out) ? CONF_PORT_RIGHT : CONF_PORT_RANGE;
}

void conf_resolver_print(const struct conf_resolver *r, struct buf *out)
{
	struct conf_net n = {.family = r->family};
	bool own = r->port != CONF_RESOLVER_PORT;
	memcpy(n.bytes, r->bytes, sizeof(n.bytes));
	if (own && r->family == 6)
		buf_addc(out, '[');
	conf_net_print(&n, true, out);
	if (own)
		buf_printf(out, "%s:%u", r->family == 6 ? "]" : "", r->port);
}

bool conf_port_listed(const struct conf_words *list, uint16_t number)
{
	uint64_t v;
	for (size_t i = 0; i < list->count; i++)
		if (span_u64(list->at[i], 65535, &v) && v == number)
			return true;
	return false;
}

bool conf_resolver_eq(const struct conf_resolver *a,
		      const struct conf_resolver *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool conf_net_same(const struct conf_net *a, const struct conf_net *b)
{
	return a->family == b->family &&
	       memcmp(a->bytes, b->bytes, a->family == 6 ? 16 : 4) == 0;
}

bool conf_net_listed(const struct conf_nets *list, const struct conf_net *n)
{
	for (size_t i = 0; i < list->count; i++)
		if (conf_net_same(&list->at[i], n))
			return true;
	return false;
}

bool conf_net_has(const struct conf_net *n, uint8_t family, const uint8_t *addr)
{
	struct conf_net a = {.family = family, .bits = n->bits};
	if (family != n->family || n->bits > (family == 6 ? 128 : 32))
		return false;
	memcpy(a.bytes, addr, family == 6 ? 16 : 4);
	conf_net_mask(&a);
	return memcmp(a.bytes, n->bytes, sizeof(a.bytes)) == 0;
}
