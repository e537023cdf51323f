/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posture/need: which records a host and a mail domain need.
 *
 * Must never list a record that would close a door: DANE and MTA-STS records
 * are made from keys and names that the server really shows.
 */
#include "posture/posture.h"

#include "base/ensure.h"
#include "base/hex.h"
#include "base/siphash.h"
#include "conf/net.h"

#define STRING_FULL  180u /* bytes: another address does fit */
#define STS_AGE	     604800u /* seconds */

const char *posture_level_text(enum posture_level l)
{
	static const char *const texts[] = {"right", "advice", "unknown",
					    "wrong"};
	return texts[l];
}

/* ---- addresses ------------------------------------------------------------ */

bool posture_public(const struct conf_net *n)
{
	static const struct conf_net local[] = {
		{4, 8, {0}},	       {4, 8, {10}},
		{4, 10, {100, 64}},    {4, 8, {127}},
		{4, 16, {169, 254}},   {4, 12, {172, 16}},
		{4, 16, {192, 168}},   {4, 3, {224}},
	};
	static const struct conf_net world6 = {6, 3, {0x20}};
	if (n->family == 6)
		return conf_net_has(&world6, 6, n->bytes);
	for (size_t i = 0; i < ARRAY_LEN(local); i++)
		if (conf_net_has(&local[i], 4, n->bytes))
			return false;
	return true;
}

static bool same(const struct conf_net *a, const struct conf_net *b)
{
	return a->family == b->family &&
	       memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static struct span usual_hello(const struct posture_server *s)
{
	return s->hello.len > 0 ? s->hello : s->host;
}

struct span posture_name_of(const struct posture_server *s,
			    const struct conf_net *n)
{
	for (size_t i = 0; i < s->sender_count; i++)
		if (same(&s->senders[i].address, n))
			return s->senders[i].hello;
	return s->sender_count == 0 ? usual_hello(s) : s->host;
}

bool posture_is_ours(const struct posture_server *s, const struct conf_net *n)
{
	for (size_t i = 0; i < s->address_count; i++)
		if (same(&s->addresses[i], n))
			return true;
	return false;
}

size_t posture_sending(const struct posture_server *s,
		       struct conf_net out[POSTURE_ADDRESSES_MAX])
{
	_Static_assert(POSTURE_SENDERS_MAX <= POSTURE_ADDRESSES_MAX, "");
	size_t count = s->sender_count;
	for (size_t i = 0; i < count; i++)
		out[i] = s->senders[i].address;
	if (count == 0)
		for (; count < s->address_count; count++)
			out[count] = s->addresses[count];
	return count;
}

static struct span address_text(struct arena *a, const struct conf_net *n)
{
	struct buf b;
	struct span out = {0};
	buf_init(&b, 64);
	conf_net_print(n, true, &b);
	if (!buf_ok(&b) || !arena_copy(a, buf_span(&b), &out))
		out = SPAN("");
	buf_free(&b);
	return out;
}

static struct span reverse_name(struct arena *a, const struct conf_net *n)
{
	struct buf b;
	struct span out = {0};
	const uint8_t *p = n->bytes;
	buf_init(&b, POSTURE_NAME_MAX);
	if (n->family == 4)
		buf_printf(&b, "%u.%u.%u.%u.in-addr.arpa", p[3], p[2], p[1],
			   p[0]);
	else {
		for (size_t i = 16; i-- > 0;)
			buf_printf(&b, "%x.%x.", p[i] & 15u, p[i] >> 4);
		buf_add(&b, SPAN("ip6.arpa"));
	}
	if (!buf_ok(&b) || !arena_copy(a, buf_span(&b), &out))
		out = SPAN("");
	buf_free(&b);
	return out;
}

/* ---- making needs --------------------------------------------------------- */

/* The list under way; ok turns false when the arena is full. */
struct making {
	const struct posture_server *server;
	struct posture_needs *list;
	struct arena *arena;
	struct span domain;
	bool ok;
};

static struct posture_need *add(struct making *m, enum posture_kind kind,
				struct span name, const char *type,
				enum posture_level absent)
{
	/* The last place takes what is too much, and nobody sees it. */
	static const size_t last = POSTURE_NEEDS_MAX - 1;
	size_t at = m->list->count < last ? m->list->count++ : last;
	m->list->at[at] = (struct posture_need){.kind = kind,
						.domain = m->domain,
						.name = name,
						.type = type,
						.absent = absent};
	m->ok = m->ok && (name.len > 0 || kind == POSTURE_NOTE);
	return &m->list->at[at];
}

static void one(struct making *m, struct posture_need *n, struct span data)
{
	struct span *p = ARENA_NEW(m->arena, struct span);
	m->ok = m->ok && p != NULL && data.len > 0;
	if (!m->ok)
		return;
	*p = data;
	n->data = p;
	n->count = 1;
}

static void note(struct making *m, struct span text)
{
	m->ok = m->ok && text.len > 0;
	add(m, POSTURE_NOTE, SPAN(""), NULL, POSTURE_RIGHT)->note = text;
}

#define TEXT(m, ...) arena_printf((m)->arena, __VA_ARGS__)

/* ---- the host ------------------------------------------------------------- */

static void addresses_of(struct making *m, uint8_t family)
{
	const struct posture_server *s = m->server;
	struct span *list =
		ARENA_ARRAY(m->arena, s->address_count + 1, struct span);
	struct posture_need *n =
		add(m, POSTURE_ADDRESS, s->host, family == 4 ? "A" : "AAAA",
		    POSTURE_RIGHT);
	m->ok = m->ok && list != NULL;
	for (size_t i = 0; m->ok && i < s->address_count; i++)
		if (s->addresses[i].family == family) {
			list[n->count] = address_text(m->arena, &s->addresses[i]);
			m->ok = list[n->count++].len > 0;
		}
	n->data = list;
	/* Without any address one of the two is told to be missing. */
	if (n->count > 0 || (s->address_count == 0 && family == 4))
		n->absent = POSTURE_WRONG;
}

static void reverse_of(struct making *m, const struct conf_net *a)
{
	struct posture_need *n = add(m, POSTURE_PTR, reverse_name(m->arena, a),
				     "PTR", POSTURE_WRONG);
	one(m, n, TEXT(m, "%.*s.", SPAN_FMT(posture_name_of(m->server, a))));
	n->note = SPAN("published by whoever assigned the address");
}

static void reverse(struct making *m)
{
	const struct posture_server *s = m->server;
	for (size_t i = 0; i < s->address_count; i++)
		reverse_of(m, &s->addresses[i]);
	for (size_t i = 0; i < s->sender_count; i++)
		if (!posture_is_ours(s, &s->senders[i].address))
			reverse_of(m, &s->senders[i].address);
}

static void host_spf(struct making *m, struct span name)
{
	struct posture_need *n =
		add(m, POSTURE_SPF, name, "TXT", POSTURE_ADVICE);
	one(m, n, SPAN("\"v=spf1 a -all\""));
	n->note = SPAN("for bounces, whose sender is the name in EHLO");
}

/* The addresses from which this name is said, of one family. */
static void hello_addresses(struct making *m, struct span name, uint8_t family)
{
	struct conf_net from[POSTURE_ADDRESSES_MAX];
	size_t n = posture_sending(m->server, from), count = 0;
	struct span *list = ARENA_ARRAY(m->arena, n + 1, struct span);
	m->ok = m->ok && list != NULL;
	for (size_t i = 0; m->ok && i < n; i++)
		if (from[i].family == family &&
		    span_eq_nocase(posture_name_of(m->server, &from[i]), name)) {
			list[count] = address_text(m->arena, &from[i]);
			m->ok = list[count++].len > 0;
		}
	if (count == 0)
		return;
	struct posture_need *x = add(m, POSTURE_ADDRESS, name,
				     family == 4 ? "A" : "AAAA", POSTURE_WRONG);
	x->data = list;
	x->count = count;
}

/* Names in EHLO lead to the addresses that they are said from. */
static void hellos(struct making *m)
{
	struct conf_net from[POSTURE_ADDRESSES_MAX];
	size_t n = posture_sending(m->server, from);
	for (size_t i = 0; i < n; i++) {
		struct span name = posture_name_of(m->server, &from[i]);
		bool seen = span_eq_nocase(name, m->server->host);
		for (size_t k = 0; k < i; k++)
			seen = seen || span_eq_nocase(posture_name_of(
							      m->server, &from[k]),
						      name);
		if (seen)
			continue;
		hello_addresses(m, name, 4);
		hello_addresses(m, name, 6);
		host_spf(m, name);
	}
}

static bool shown_at(const struct posture_server *s, size_t service,
		     const struct posture_key *k)
{
	return s->services[service].certificate.len > 0 &&
	       span_eq(s->services[service].certificate, k->certificate);
}

static struct span tlsa_data(struct arena *a, const struct posture_key *k)
{
	struct buf b;
	struct span out = {0};
	buf_init(&b, 80);
	buf_add(&b, SPAN("3 1 1 "));
	hex_encode(&b, span_of(k->spki_sha256, sizeof k->spki_sha256));
	if (!buf_ok(&b) || !arena_copy(a, buf_span(&b), &out))
		out = SPAN("");
	buf_free(&b);
	return out;
}

/* Two listeners on one port show the same names: one need. */
static bool seen_port(const struct posture_server *s, size_t service)
{
	for (size_t i = 0; i < service; i++)
		if (s->services[i].port == s->services[service].port)
			return true;
	return false;
}

static void keys_at(struct making *m, size_t service)
{
	const struct posture_server *s = m->server;
	struct span *list = ARENA_ARRAY(m->arena, s->key_count + 1, struct span);
	struct span name = TEXT(m, "_%u._tcp.%.*s", s->services[service].port,
				SPAN_FMT(s->host));
	bool smtp = s->services[service].kind == POSTURE_SMTP;
	size_t count = 0;
	m->ok = m->ok && list != NULL;
	for (size_t i = 0; m->ok && i < s->key_count; i++)
		if (shown_at(s, service, &s->keys[i])) {
			list[count] = tlsa_data(m->arena, &s->keys[i]);
			m->ok = list[count++].len > 0;
		}
	if (count == 0)
		return;
	struct posture_need *n = add(m, POSTURE_TLSA, name, "TLSA",
				     smtp ? POSTURE_ADVICE : POSTURE_RIGHT);
	n->data = list;
	n->count = count;
	if (smtp)
		n->note = SPAN("counts only where the zone is signed; keys that "
			       "are to follow have their record beforehand");
}

/* RFC 8659: how authorities are named there. */
static struct span authority(struct span issuer)
{
	static const struct {
		struct span part, name;
	} known[] = {
		{SPAN_INIT("Let's Encrypt"), SPAN_INIT("letsencrypt.org")},
		{SPAN_INIT("Google Trust Services"), SPAN_INIT("pki.goog")},
		{SPAN_INIT("DigiCert"), SPAN_INIT("digicert.com")},
		{SPAN_INIT("Sectigo"), SPAN_INIT("sectigo.com")},
		{SPAN_INIT("ZeroSSL"), SPAN_INIT("sectigo.com")},
		{SPAN_INIT("GlobalSign"), SPAN_INIT("globalsign.com")},
		{SPAN_INIT("Buypass"), SPAN_INIT("buypass.com")},
		{SPAN_INIT("Actalis"), SPAN_INIT("actalis.it")},
		{SPAN_INIT("SSL.com"), SPAN_INIT("ssl.com")},
		{SPAN_INIT("Entrust"), SPAN_INIT("entrust.net")},
		{SPAN_INIT("Certum"), SPAN_INIT("certum.pl")},
		{SPAN_INIT("HARICA"), SPAN_INIT("harica.gr")},
		{SPAN_INIT("SwissSign"), SPAN_INIT("swisssign.com")},
	};
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (span_find_span(issuer, known[i].part) != SIZE_MAX)
			return known[i].name;
	return SPAN("");
}

static bool listed(const struct span *list, size_t count, struct span what)
{
	for (size_t i = 0; i < count; i++)
		if (span_eq(list[i], what))
			return true;
	return false;
}

static void authorities(struct making *m)
{
	const struct posture_server *s = m->server;
	struct span *list = ARENA_ARRAY(m->arena, s->key_count + 1, struct span);
	struct span unknown = SPAN("");
	size_t count = 0;
	m->ok = m->ok && list != NULL;
	for (size_t i = 0; m->ok && i < s->key_count; i++) {
		struct span name = authority(s->keys[i].issuer);
		if (name.len == 0) {
			if (s->keys[i].issuer.len > 0)
				unknown = s->keys[i].issuer;
			continue;
		}
		struct span data = TEXT(m, "0 issue \"%.*s\"", SPAN_FMT(name));
		if (!listed(list, count, data))
			list[count++] = data;
	}
	if (count > 0) {
		struct posture_need *n = add(m, POSTURE_CAA, s->host, "CAA",
					     POSTURE_ADVICE);
		n->data = list;
		n->count = count;
	}
	if (unknown.len > 0)
		note(m, TEXT(m, "CAA: ask the authority \"%.*s\" by which name "
				"it looks for itself there",
			     SPAN_FMT(unknown)));
}

bool posture_host(const struct posture_server *s, struct arena *a,
		  struct posture_needs *out)
{
	struct making m = {s, out, a, s->host, true};
	out->count = 0;
	if (!s->addresses_known)
		note(&m, SPAN("the addresses are those that its name has now: "
			      "write them as `dns { addresses ...; }` to have "
			      "them compared"));
	addresses_of(&m, 4);
	addresses_of(&m, 6);
	reverse(&m);
	host_spf(&m, s->host);
	hellos(&m);
	for (size_t i = 0; i < s->service_count; i++)
		if (!seen_port(s, i))
			keys_at(&m, i);
	authorities(&m);
	return m.ok;
}

/* ---- a domain ------------------------------------------------------------- */

/* It changes when the policy does. */
static uint64_t sts_id(const struct posture_server *s)
{
	static const uint8_t key[SIPHASH_KEY] = {'s', 't', 's'};
	return siphash(key, s->host);
}

static void transport_security(struct making *m)
{
	const struct posture_server *s = m->server;
	struct posture_need *n =
		add(m, POSTURE_STS, TEXT(m, "_mta-sts.%.*s", SPAN_FMT(m->domain)),
		    "TXT", POSTURE_ADVICE);
	one(m, n, TEXT(m, "\"v=STSv1; id=%016llx;\"",
		       (unsigned long long)sts_id(s)));
	n->note = TEXT(
		m,
		"only when a web server gives at https://mta-sts.%.*s"
		"/.well-known/mta-sts.txt the lines: version: STSv1 | mode: "
		"enforce | mx: %.*s | max_age: %u  (letterlock does not serve "
		"it)",
		SPAN_FMT(m->domain), SPAN_FMT(s->host), STS_AGE);
	n = add(m, POSTURE_TLSRPT,
		TEXT(m, "_smtp._tls.%.*s", SPAN_FMT(m->domain)), "TXT",
		POSTURE_ADVICE);
	one(m, n, TEXT(m, "\"v=TLSRPTv1; rua=mailto:postmaster@%.*s\"",
		       SPAN_FMT(m->domain)));
}

static const struct {
	const char *label;
	unsigned priority; /* RFC 8314: TLS from the first byte goes first */
} services[] = {
	[POSTURE_SUBMISSIONS] = {"_submissions", 0},
	[POSTURE_SUBMISSION] = {"_submission", 10},
	[POSTURE_IMAPS] = {"_imaps", 0},
	[POSTURE_IMAP] = {"_imap", 10},
	[POSTURE_POP3S] = {"_pop3s", 20},
	[POSTURE_POP3] = {"_pop3", 30},
};

static void service(struct making *m, const struct posture_service *v)
{
	if (v->kind == POSTURE_SMTP)
		return;
	struct posture_need *n =
		add(m, POSTURE_SRV,
		    TEXT(m, "%s._tcp.%.*s", services[v->kind].label,
			 SPAN_FMT(m->domain)),
		    "SRV", POSTURE_ADVICE);
	one(m, n, TEXT(m, "%u 1 %u %.*s.", services[v->kind].priority, v->port,
		       SPAN_FMT(m->server->host)));
}

static bool first_of_kind(const struct posture_server *s, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (s->services[i].kind == s->services[at].kind)
			return false;
	return true;
}

/*
 * Addresses that mail leaves from and that no MX record leads to are named.  A
 * string of a TXT record has 255 bytes at most: they are joined as they are.
 */
static struct span domain_spf(struct making *m)
{
	struct conf_net from[POSTURE_ADDRESSES_MAX];
	size_t n = posture_sending(m->server, from), begin = 0;
	struct span out = SPAN("");
	struct buf b;
	buf_init(&b, 4096);
	buf_add(&b, SPAN("\"v=spf1 mx"));
	for (size_t i = 0; i < n; i++) {
		if (posture_is_ours(m->server, &from[i]))
			continue;
		if (buf_len(&b) - begin > STRING_FULL) {
			begin = buf_len(&b);
			buf_add(&b, SPAN("\" \""));
		}
		buf_printf(&b, " ip%u:", from[i].family);
		conf_net_print(&from[i], true, &b);
	}
	buf_add(&b, SPAN(" -all\""));
	if (!buf_ok(&b) || !arena_copy(m->arena, buf_span(&b), &out))
		out = SPAN("");
	buf_free(&b);
	return out;
}

bool posture_domain(const struct posture_server *s, struct span domain,
		    struct arena *a, struct posture_needs *out)
{
	struct making m = {s, out, a, domain, true};
	out->count = 0;
	one(&m, add(&m, POSTURE_MX, domain, "MX", POSTURE_WRONG),
	    arena_printf(a, "10 %.*s.", SPAN_FMT(s->host)));
	/* The host's own name has a record already, of the same owner. */
	if (!span_eq_nocase(s->host, domain))
		one(&m, add(&m, POSTURE_SPF, domain, "TXT", POSTURE_WRONG),
		    domain_spf(&m));
	one(&m,
	    add(&m, POSTURE_DMARC,
		arena_printf(a, "_dmarc.%.*s", SPAN_FMT(domain)), "TXT",
		POSTURE_WRONG),
	    arena_printf(a, "\"v=DMARC1; p=none; rua=mailto:postmaster@%.*s\"",
			 SPAN_FMT(domain)));
	note(&m, SPAN("DKIM: nothing signs mail yet, so there is no key to "
		      "publish"));
	transport_security(&m);
	for (size_t i = 0; i < s->service_count; i++)
		if (first_of_kind(s, i))
			service(&m, &s->services[i]);
	note(&m, SPAN("autoconfig and autodiscover need a web server and are not "
		      "served: mail programs find their way by SRV"));
	return m.ok;
}

/* ---- text ----------------------------------------------------------------- */

void posture_line(struct buf *out, const struct posture_need *n, size_t i)
{
	ENSURE(n->type != NULL && i < n->count);
	buf_add(out, n->name);
	buf_printf(out, ". %u IN %s ", POSTURE_TTL, n->type);
	buf_add(out, n->data[i]);
}

struct span posture_above(struct span name)
{
	struct span head;
	if (!span_cut(&name, '.', &head) || !span_has(name, '.'))
		return SPAN("");
	return name;
}
