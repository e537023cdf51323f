/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/way: from a domain to hosts, and to the protection that each
 * needs: our rule or MX, addresses, TLSA, MTA-STS, the decision.
 *
 * Must never: take an answer that failed or is bogus for "there is none".
 */
#include "base/check.h"
#include "base/ensure.h"
#include "base/hex.h"
#include "os/addr.h"
#include "role/courier/job.h"

#define LMTP_PORT  24u
#define FINGERPRINT_LEN 32u
#define STEPS_TEXT 4096u

struct seeking {
	const struct way_ask *ask;
	struct courier *courier;
	struct arena *arena;
	struct way *way;
	struct verdict *verdict;
};

/* ---- what the dialer says -------------------------------------------------- */

static enum policy_trust trust_of(enum courier_dialer_trust t)
{
	switch (t) {
	case COURIER_DIALER_TRUST_BOGUS:
		return POLICY_DNS_BOGUS;
	case COURIER_DIALER_TRUST_INSECURE:
		return POLICY_DNS_INSECURE;
	case COURIER_DIALER_TRUST_SECURE:
		return POLICY_DNS_SECURE;
	case COURIER_DIALER_TRUST_FAILED:
		break;
	}
	return POLICY_DNS_FAILED;
}

static struct policy_lookup lookup_of(enum courier_dialer_trust t, bool found)
{
	struct policy_lookup l = {.trust = trust_of(t)};
	l.found = found && policy_answered(l);
	return l;
}

static bool no_way(struct seeking *s, bool failed, const char *status,
		   struct span text)
{
	*s->verdict = (struct verdict){.failed = failed,
				       .status = status,
				       .text = text,
				       .down = true};
	return false;
}

static bool no_memory(struct seeking *s)
{
	*s->verdict = (struct verdict){.status = "4.3.0",
				       .text = SPAN("memory is short")};
	return false;
}

static bool no_dialer(struct seeking *s)
{
	return no_way(s, false, "4.3.0",
		      SPAN("the process that asks the DNS does not answer"));
}

static uint64_t until(const struct seeking *s)
{
	return courier_within(s->courier, COURIER_LOOKUP_NS);
}

static bool is_v4(const uint8_t a[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	return memcmp(a, mapped, sizeof mapped) == 0;
}

/* False: the dialer is not there. */
static bool find_addresses(struct seeking *s, size_t i)
{
	struct way_host *h = &s->way->hosts[i];
	struct policy_host *known = &s->way->known[i];
	struct courier_dialer_addresses m = {.name = h->name};
	struct courier_dialer_addresses_reply rep;
	bool v4 = false, v6 = false;
	if (s->courier->dialer == NULL ||
	    courier_dialer_addresses(s->courier->dialer, &m, s->arena, &rep,
				     until(s)) != IPC_OK)
		return false;
	for (size_t k = 0; k < rep.addresses_count; k++) {
		bool four = is_v4(rep.addresses[k]);
		if (trust_of(four ? rep.v4 : rep.v6) < POLICY_DNS_INSECURE)
			continue;
		v4 |= four;
		v6 |= !four;
		if (h->count < WAY_ADDRESSES_MAX)
			h->addresses[h->count++] =
				addr_v6(rep.addresses[k], s->way->port);
	}
	known->a = lookup_of(rep.v4, v4);
	known->aaaa = lookup_of(rep.v6, v6);
	known->expanded = rep.canonical;
	if (rep.canonical.len > 0)
		known->alias = lookup_of(rep.canonical_trust, true);
	h->why = rep.why;
	TELL(s->ask->story, "carry.host", F("host", h->name),
	     F_U64("preference", known->preference),
	     F_U64("addresses", h->count), F("canonical", rep.canonical),
	     F_CSTR("v4", policy_trust_text(known->a.trust)),
	     F_CSTR("v6", policy_trust_text(known->aaaa.trust)),
	     F("text", rep.why));
	return true;
}

static bool find_tlsa(struct seeking *s, size_t i)
{
	struct policy_host *known = &s->way->known[i];
	struct span bases[POLICY_TLSA_BASES];
	size_t n = policy_dane_bases(known, bases);
	for (size_t k = 0; k < n; k++) {
		struct courier_dialer_tlsa m;
		struct courier_dialer_tlsa_reply rep;
		m.name = arena_printf(s->arena, "_%u._tcp.%.*s",
				      (unsigned)s->way->port, SPAN_FMT(bases[k]));
		if (m.name.len == 0 || s->courier->dialer == NULL ||
		    courier_dialer_tlsa(s->courier->dialer, &m, s->arena, &rep,
					until(s)) != IPC_OK)
			return false;
		known->tlsa[k] = (struct policy_tlsa_answer){
			.lookup = lookup_of(rep.trust, rep.found),
			.rdata = rep.records,
			.count = size_min(rep.records_count, POLICY_TLSA_MAX)};
		TELL(s->ask->story, "carry.tlsa", F("host", known->name),
		     F("name", m.name), F_U64("records", rep.records_count),
		     F_CSTR("trust",
			    policy_trust_text(known->tlsa[k].lookup.trust)),
		     F("text", rep.why));
	}
	return true;
}

/* ---- where ----------------------------------------------------------------- */

const struct conf_destination *courier_rule(const struct courier *c,
					    struct span domain)
{
	return conf_destination_for(c->conf, domain);
}

static bool take_fingerprints(struct seeking *s, struct policy_rule *p)
{
	const struct conf_words *f = &s->way->rule->fingerprints;
	struct span *keys = ARENA_ARRAY(s->arena, f->count + 1, struct span);
	for (size_t i = 0; keys != NULL && i < f->count; i++) {
		char *key = arena_bytes(s->arena, FINGERPRINT_LEN);
		if (key == NULL || !hex_decode(f->at[i], key, FINGERPRINT_LEN))
			return false;
		keys[i] = span_of(key, FINGERPRINT_LEN);
	}
	p->keys = keys;
	p->key_count = f->count;
	return keys != NULL;
}

static bool copy_words(struct arena *a, struct conf_words *w)
{
	struct span *at = ARENA_ARRAY(a, w->count + 1, struct span);
	for (size_t i = 0; at != NULL && i < w->count; i++)
		if (!arena_copy(a, w->at[i], &at[i]))
			return false;
	w->at = at;
	return at != NULL;
}

/* A reload may take the configuration away while its mail is on the way. */
static bool copy_rule(struct arena *a, const struct conf_destination *from,
		      const struct conf_destination **out)
{
	struct conf_destination *d = ARENA_NEW(a, struct conf_destination);
	if (d == NULL)
		return false;
	*d = *from;
	d->domain = d->password = (struct conf_words){0};
	struct span *const texts[] = {&d->name, &d->file, &d->host,
				      &d->certificate, &d->login, &d->hello};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (!arena_copy(a, *texts[i], texts[i]))
			return false;
	struct conf_net *nets =
		ARENA_ARRAY(a, from->source.count + 1, struct conf_net);
	if (nets == NULL || !copy_words(a, &d->names) ||
	    !copy_words(a, &d->fingerprints))
		return false;
	for (size_t i = 0; i < from->source.count; i++)
		nets[i] = from->source.at[i];
	d->source.at = nets;
	*out = d;
	return true;
}

static bool take_rule(struct seeking *s)
{
	struct way *w = s->way;
	const struct conf_destination *d =
		courier_rule(s->courier, s->ask->domain);
	struct policy_rule *p = &w->policy_rule;
	if (d != NULL && !copy_rule(s->arena, d, &d))
		return false;
	w->rule = d;
	w->rules = s->courier->rules;
	w->domain = s->ask->domain;
	w->port = (uint16_t)s->courier->conf->outgoing.port;
	if (d == NULL)
		return true;
	w->lmtp = d->protocol == CONF_PROTOCOL_LMTP;
	if (d->port != 0)
		w->port = (uint16_t)d->port;
	else if (w->lmtp)
		w->port = LMTP_PORT;
	if (d->host.len > 0)
		w->domain = d->host;
	*p = (struct policy_rule){.level = (enum policy_level)d->level,
				  .ignore_published = d->ignore_published,
				  .file = d->file,
				  .line = (uint32_t)d->line,
				  .names = d->names.at,
				  .name_count = d->names.count};
	w->in.rule = p;
	return take_fingerprints(s, p);
}

static void add_host(struct way *w, struct span name, uint16_t preference)
{
	size_t i = w->in.host_count++;
	w->hosts[i].name = name;
	w->known[i].name = name;
	w->known[i].preference = preference;
}

/* A host of our configuration: a name, or an address that needs no look-up. */
static bool by_rule(struct seeking *s)
{
	struct way *w = s->way;
	struct addr a;
	w->in.route = POLICY_ROUTE_HOST;
	add_host(w, w->rule->host, 0);
	if (!addr_parse(w->rule->host, &a))
		return find_addresses(s, 0) || no_dialer(s);
	a.port = w->port;
	w->hosts[0].addresses[0] = a;
	w->hosts[0].count = 1;
	w->known[0].a = (struct policy_lookup){POLICY_DNS_INSECURE,
					       addr_is_v4(&a)};
	w->known[0].aaaa = (struct policy_lookup){POLICY_DNS_INSECURE,
						  !addr_is_v4(&a)};
	return true;
}

/* user@[192.0.2.1] */
static bool by_literal(struct seeking *s)
{
	struct way *w = s->way;
	struct span inside = span_sub(w->domain, 1, w->domain.len - 2);
	struct addr a;
	if (!s->courier->conf->dns.lookups)
		return no_way(s, false, "4.4.3",
			      SPAN("lookups are off: mail goes where a "
				   "destination of the configuration says, and "
				   "nowhere else"));
	if (span_starts_nocase(inside, SPAN("IPv6:")))
		inside = span_skip(inside, 5);
	if (!addr_parse(inside, &a))
		return no_way(s, true, "5.1.2",
			      SPAN("the address in brackets cannot be read"));
	a.port = w->port;
	w->in.route = POLICY_ROUTE_ADDRESS;
	w->in.mx = (struct policy_lookup){POLICY_DNS_INSECURE, false};
	add_host(w, inside, 0);
	w->hosts[0].addresses[0] = a;
	w->hosts[0].count = 1;
	w->known[0].a = (struct policy_lookup){POLICY_DNS_INSECURE,
					       addr_is_v4(&a)};
	w->known[0].aaaa = (struct policy_lookup){POLICY_DNS_INSECURE,
						  !addr_is_v4(&a)};
	return true;
}

static size_t own_names(const struct courier *c, struct span own[2])
{
	own[0] = c->conf->hostname;
	own[1] = c->conf->outgoing.hello;
	return own[1].len > 0 ? 2 : 1;
}

static bool take_mx(struct seeking *s, const struct courier_dialer_mx_reply *rep)
{
	struct way *w = s->way;
	struct route_mx mx[ROUTE_MX_MAX], hosts[ROUTE_HOSTS_MAX];
	struct span own[2];
	size_t n = size_min(rep->mx_count, ROUTE_MX_MAX), count;
	for (size_t i = 0; i < n; i++)
		mx[i] = (struct route_mx){rep->mx[i].preference,
					  rep->mx[i].name};
	switch (route_mx(mx, n, own, own_names(s->courier, own), hosts, &count)) {
	case ROUTE_HOSTS:
		break;
	case ROUTE_NULL:
		return no_way(s, true, "5.1.10",
			      SPAN("the domain says that it takes no mail (null "
				   "MX)"));
	case ROUTE_NONE:
		return no_way(s, true, "5.4.4",
			      SPAN("the MX records of the domain name no host"));
	case ROUTE_LOOP:
		return no_way(s, true, "5.4.6",
			      SPAN("the MX records of the domain lead to this "
				   "server, which does not know it"));
	}
	for (size_t i = 0; i < count; i++)
		add_host(w, hosts[i].name, hosts[i].preference);
	return true;
}

static bool by_mx(struct seeking *s)
{
	struct way *w = s->way;
	struct courier_dialer_mx m = {.name = w->domain};
	struct courier_dialer_mx_reply rep;
	if (s->courier->dialer == NULL ||
	    courier_dialer_mx(s->courier->dialer, &m, s->arena, &rep, until(s)) !=
		    IPC_OK)
		return no_dialer(s);
	w->in.mx = lookup_of(rep.trust, rep.found);
	TELL(s->ask->story, "carry.mx", F("domain", w->domain),
	     F_CSTR("trust", policy_trust_text(w->in.mx.trust)),
	     F_U64("records", rep.mx_count), F("canonical", rep.canonical),
	     F("text", rep.why));
	if (!policy_answered(w->in.mx))
		return no_way(s, false, "4.4.3",
			      arena_printf(s->arena,
					   "the MX records cannot be looked up: "
					   "%.*s",
					   SPAN_FMT(rep.why)));
	w->in.route = rep.found ? POLICY_ROUTE_MX : POLICY_ROUTE_ADDRESS;
	if (!rep.found)
		add_host(w, w->domain, 0);
	else if (!take_mx(s, &rep))
		return false;
	for (size_t i = 0; i < w->in.host_count; i++)
		if (!find_addresses(s, i))
			return no_dialer(s);
	return true;
}

/* There is nobody to speak to, and no look-up that may change that. */
static bool somebody(struct seeking *s)
{
	const struct way *w = s->way;
	struct span why = {0};
	bool later = false;
	for (size_t i = 0; i < w->in.host_count; i++) {
		const struct policy_host *h = &w->known[i];
		if (w->hosts[i].count > 0)
			return true;
		later |= !policy_answered(h->a) || !policy_answered(h->aaaa);
		if (why.len == 0)
			why = w->hosts[i].why;
	}
	if (later)
		return no_way(s, false, "4.4.3",
			      arena_printf(s->arena,
					   "the addresses cannot be looked up: "
					   "%.*s",
					   SPAN_FMT(why)));
	if (w->in.route == POLICY_ROUTE_ADDRESS)
		return no_way(s, true, "5.1.2",
			      SPAN("the domain has neither MX records nor an "
				   "address: is it spelled right?"));
	return no_way(s, true, "5.4.4",
		      SPAN("none of the domain's mail servers has an address"));
}

/* ---- how ------------------------------------------------------------------- */

/* All steps in one text: input | rule | outcome, one a line. */
static struct span steps(struct seeking *s, const struct policy_decision *d)
{
	struct buf b;
	struct span out = {0};
	buf_init(&b, 16 * STEPS_TEXT);
	for (size_t i = 0; i < d->step_count; i++)
		buf_printf(&b, "%s%.*s | %.*s | %.*s", i > 0 ? "\n" : "",
			   SPAN_FMT(d->steps[i].input), SPAN_FMT(d->steps[i].rule),
			   SPAN_FMT(d->steps[i].outcome));
	if (!arena_copy(s->arena, span_sub(buf_span(&b), 0, STEPS_TEXT), &out))
		out = (struct span){0};
	buf_free(&b);
	return out;
}

static struct span rule_text(struct seeking *s, const struct policy_decision *d)
{
	if (d->file.len == 0)
		return s->way->rule != NULL ? s->way->rule->name : SPAN("");
	return arena_printf(s->arena, "%.*s:%u", SPAN_FMT(d->file), d->line);
}

/* What the domain publishes by MTA-STS; of a host of ours nobody asks. */
static bool find_sts(struct seeking *s)
{
	struct way *w = s->way;
	struct courier_sts_answer a;
	w->in.sts_txt = POLICY_STS_TXT_NONE;
	if (w->in.route == POLICY_ROUTE_HOST ||
	    (w->rule != NULL && w->rule->ignore_published))
		return true;
	if (!courier_sts_for(s->courier->sts, w->domain, s->arena, &a))
		return no_way(s, false, "4.7.5",
			      SPAN("it cannot be known now whether the domain has "
				   "a policy on TLS (MTA-STS)"));
	w->in.sts_txt = a.txt;
	w->in.sts = a.policy;
	w->in.sts_wrong = a.wrong;
	w->in.sts_failure = a.failure;
	return true;
}

static bool decide(struct seeking *s)
{
	struct way *w = s->way;
	struct policy_decision *d = &w->decision;
	w->in.domain = w->domain;
	w->in.port = w->port;
	w->in.hosts = w->known;
	w->in.requiretls = s->ask->requiretls;
	w->in.tls_required_no = s->ask->tls_optional;
	if (!policy_decide(&w->in, s->arena, d))
		return no_memory(s);
	TELL(s->ask->story, "carry.decided", F("domain", w->domain),
	     F_CSTR("outcome", policy_action_text(d->action)),
	     F_CSTR("level", policy_level_text(d->level)),
	     F_CSTR("by", policy_by_text(d->by)), F("rule", rule_text(s, d)),
	     F_CSTR("status", d->action == POLICY_DELIVER ? "" : d->status),
	     F("text", d->reason), F("policy", steps(s, d)));
	if (d->action == POLICY_DELIVER)
		return true;
	return no_way(s, d->action == POLICY_BOUNCE, d->status, d->reason);
}

bool way_find(const struct way_ask *ask, struct way *w, struct verdict *v)
{
	struct seeking s = {.ask = ask,
			    .courier = ask->courier,
			    .arena = ask->arena,
			    .way = w,
			    .verdict = v};
	*w = (struct way){0};
	if (!take_rule(&s))
		return no_memory(&s);
	bool found;
	if (w->rule != NULL && w->rule->host.len > 0)
		found = by_rule(&s);
	else if (span_starts(w->domain, SPAN("[")))
		found = by_literal(&s);
	else
		found = by_mx(&s);
	if (!found || !somebody(&s))
		return false;
	for (size_t i = 0; i < w->in.host_count; i++)
		if (!find_tlsa(&s, i))
			return no_dialer(&s);
	return find_sts(&s) && decide(&s);
}
