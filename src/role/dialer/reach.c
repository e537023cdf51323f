/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/dialer/reach: the address policy, as tables.
 *
 * Must never let an address through because it is written in another form.
 */
#include "role/dialer/reach.h"

static const char ours[] = "it leads back to this server";

struct class {
	const char *what;
	uint8_t ip[16]; /* IPv4: the first four bytes */
	uint8_t bits;
};

/* IANA IPv4 Special-Purpose Address Registry, and multicast. */
static const struct class v4[] = {
	{"an address of this network", {0}, 8},
	{"a private address", {10}, 8},
	{"a shared address (RFC 6598)", {100, 64}, 10},
	{"a loopback address", {127}, 8},
	{"a link-local address", {169, 254}, 16},
	{"a private address", {172, 16}, 12},
	{"a reserved address", {192, 0, 0}, 24},
	{"an address for documentation", {192, 0, 2}, 24},
	{"a reserved address", {192, 88, 99}, 24}, /* relays of 6to4 */
	{"a private address", {192, 168}, 16},
	{"a reserved address", {198, 18}, 15}, /* benchmarks */
	{"an address for documentation", {198, 51, 100}, 24},
	{"an address for documentation", {203, 0, 113}, 24},
	{"a multicast address", {224}, 4},
	{"a reserved address", {240}, 4},
};

/* IANA IPv6 Special-Purpose Address Registry; the rest has to be in 2000::/3. */
static const struct class v6[] = {
	{"a loopback address", {[15] = 1}, 128},
	{"a private address", {0xfc}, 7},
	{"a link-local address", {0xfe, 0x80}, 10},
	{"a private address", {0xfe, 0xc0}, 10}, /* site-local of old */
	{"a multicast address", {0xff}, 8},
	{"a reserved address", {0x20, 0x01, 0, 0}, 23}, /* protocols, Teredo */
	{"an address for documentation", {0x20, 0x01, 0x0d, 0xb8}, 32},
	{"an address for documentation", {0x3f, 0xff}, 20},
};

/* Not even the configuration can name these. */
static const struct class never4[] = {
	{"an address of this network", {0}, 8},
	{"a multicast address", {224}, 4},
	{"a reserved address", {255, 255, 255, 255}, 32},
};
static const struct class never6[] = {
	{"an address that means none", {0}, 128},
	{"a multicast address", {0xff}, 8},
};

/* Prefixes of 12 and 2 bytes before an IPv4 address: RFC 6052, RFC 3056. */
static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
static const uint8_t sixtofour[2] = {0x20, 0x02};

static const char *class_of(const struct class *rows, size_t count,
			    uint8_t family, const uint8_t *ip)
{
	for (size_t i = 0; i < count; i++) {
		struct conf_net n = {.family = family, .bits = rows[i].bits};
		memcpy(n.bytes, rows[i].ip, sizeof n.bytes);
		if (conf_net_has(&n, family, ip))
			return rows[i].what;
	}
	return NULL;
}

static bool named(const struct conf *c, uint8_t family, const uint8_t *ip)
{
	for (size_t i = 0; i < c->outgoing.reach.count; i++)
		if (conf_net_has(&c->outgoing.reach.at[i], family, ip))
			return true;
	return false;
}

static const char *judge4(const struct conf *c, const uint8_t *ip)
{
	const char *why = class_of(never4, ARRAY_LEN(never4), 4, ip);
	if (why != NULL || named(c, 4, ip))
		return why;
	return class_of(v4, ARRAY_LEN(v4), 4, ip);
}

static const char *judge6(const struct conf *c, const uint8_t *ip)
{
	const char *why = class_of(never6, ARRAY_LEN(never6), 6, ip);
	if (why != NULL)
		return why;
	if (memcmp(ip, nat64, sizeof nat64) == 0)
		return judge4(c, ip + sizeof nat64);
	if (memcmp(ip, sixtofour, sizeof sixtofour) == 0)
		return judge4(c, ip + sizeof sixtofour);
	if (named(c, 6, ip))
		return NULL;
	why = class_of(v6, ARRAY_LEN(v6), 6, ip);
	if (why == NULL && (ip[0] & 0xe0) != 0x20)
		why = "a reserved address";
	return why;
}

/* ---- ourselves ------------------------------------------------------------- */

static bool wildcard(const struct conf_net *n)
{
	static const uint8_t zero[16];
	return memcmp(n->bytes, zero, sizeof zero) == 0;
}

/* Is there a listener on that port, with this address or (own) with none? */
static bool listens(const struct conf *c, const struct addr *a, bool own)
{
	uint8_t family = addr_is_v4(a) ? 4 : 6;
	const uint8_t *ip = a->ip + (family == 4 ? 12 : 0);
	for (size_t i = 0; i < c->listener_count; i++) {
		const struct conf_listener *l = &c->listeners[i];
		if (!l->enabled || l->port != a->port)
			continue;
		for (size_t k = 0; k < l->address.count; k++)
			if (l->address.at[k].family == family &&
			    (conf_net_has(&l->address.at[k], family, ip) ||
			     (own && wildcard(&l->address.at[k]))))
				return true;
	}
	return false;
}

const char *reach_refuses(const struct conf *c, const struct addr *to)
{
	const char *why = addr_is_v4(to) ? judge4(c, to->ip + 12)
					 : judge6(c, to->ip);
	if (why == NULL && listens(c, to, addr_is_loopback(to)))
		why = ours;
	return why;
}

const char *reach_refuses_made(const struct conf *c, const struct addr *local,
			       const struct addr *to)
{
	bool own = addr_same_host(local, to);
	return addr_eq(local, to) || listens(c, to, own) ? ours : NULL;
}

bool reach_is_ours(const char *why)
{
	return why == ours;
}

/* ---- ports and sources -------------------------------------------------------- */

bool reach_mail_port(const struct conf *c, uint16_t port)
{
	for (size_t i = 0; i < c->destination_count; i++)
		if (c->destinations[i].port == port && port != 0)
			return true;
	return port == 25 || port == 24 || port == 465 || port == 587 ||
	       (c->outgoing.port == port && port != 0) ||
	       conf_port_listed(&c->outgoing.ports, port);
}

bool reach_web_port(const struct conf *c, uint16_t port)
{
	return port == 443 || conf_port_listed(&c->outgoing.web_ports, port);
}

/* The first of a list that is of that family, and the wanted one if there is one. */
static bool pick(const struct conf_nets *list, bool v4_wanted,
		 const struct addr *wanted, struct addr *out)
{
	for (size_t i = 0; i < list->count; i++) {
		const uint8_t *b = list->at[i].bytes;
		bool is_v4 = list->at[i].family == 4;
		struct addr a = is_v4 ? addr_v4(b[0], b[1], b[2], b[3], 0)
				      : addr_v6(b, 0);
		if (is_v4 != v4_wanted ||
		    (wanted != NULL && !addr_same_host(&a, wanted)))
			continue;
		*out = a;
		return true;
	}
	return false;
}

bool reach_source(const struct conf *c, bool v4_wanted,
		  const struct addr *wanted, struct addr *out, bool *any)
{
	*any = false;
	if (pick(&c->outgoing.source, v4_wanted, wanted, out))
		return true;
	for (size_t i = 0; wanted != NULL && i < c->destination_count; i++)
		if (pick(&c->destinations[i].source, v4_wanted, wanted, out))
			return true;
	*any = wanted == NULL;
	return *any;
}
