/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/dialer/courier: what the courier asks: MX, addresses, TLSA, TXT, connections.
 *
 * Nothing but the name and the addresses comes from the courier; what it may reach
 * is the configuration's affair.  Must never answer "no record" where nobody said so.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "role/dialer/dialer.h"

_Static_assert((int)LOOKUP_FAILED == (int)COURIER_DIALER_TRUST_FAILED &&
		       (int)LOOKUP_SECURE == (int)COURIER_DIALER_TRUST_SECURE &&
		       (int)DIAL_CONNECTED == (int)COURIER_DIALER_REACHED_CONNECTED &&
		       (int)DIAL_OURSELVES == (int)COURIER_DIALER_REACHED_OURSELVES,
	       "the schema's words stand in the same order");

#define OFF	  SPAN("lookups are off (dns lookups)")
#define NO_NAME	  SPAN("that is no domain name")
#define NO_SENSE  SPAN("the answer has no end, or is larger than can be used")
#define LEFT_OUT  SPAN("some records are left out: they name no host, or are too many")

struct asking {
	struct client *client;
	struct ipc_call *call;
};

/* The call as something that waits; NULL: it was refused. */
static struct asking *keep(struct client *c, struct ipc_call *call)
{
	struct asking *q = calloc(1, sizeof *q);
	if (q == NULL) {
		ipc_refuse(call, IPC_BUSY);
		return NULL;
	}
	*q = (struct asking){.client = c, .call = call};
	ipc_keep(call);
	c->dialer->asked++;
	return q;
}

static enum courier_dialer_trust trust_of(enum resolver_verdict v)
{
	return (enum courier_dialer_trust)lookup_trust(v);
}

/* Only a trusted or unsigned answer has records. */
static bool answered(const struct resolver_answer *a)
{
	bool yes = a->verdict == RESOLVER_SECURE ||
		   a->verdict == RESOLVER_INSECURE;
	ENSURE(!yes || a->answer != NULL);
	return yes;
}

/*
 * Asks, or says at once why not: *trust and *why are the answer then.  A name that
 * cannot be one has no records, and nobody could sign any.
 */
static bool begin(struct asking *q, struct span text, uint16_t type,
		  resolver_done_fn *done, enum courier_dialer_trust *trust,
		  struct span *why)
{
	struct dialer *d = q->client->dialer;
	struct dns_name name;
	*trust = COURIER_DIALER_TRUST_FAILED;
	*why = OFF;
	if (d->resolver == NULL)
		return false;
	if (!dns_name_parse_idna(text, &name)) {
		*trust = COURIER_DIALER_TRUST_INSECURE;
		*why = NO_NAME;
		return false;
	}
	*why = SPAN("too many questions are under way");
	return resolver_ask(d->resolver, &name, type,
			    dialer_deadline(d, q->call), done, q);
}

/* ---- MX --------------------------------------------------------------------------- */

static void fill_mx(const struct asking *q, const struct dns_answer *a,
		    struct courier_dialer_mx_reply *rep,
		    struct dns_mx_list *list,
		    struct courier_dialer_host hosts[DNS_MX_MAX],
		    char canonical[DNS_HOST_MAX])
{
	struct dns_name end;
	uint64_t seed = world_random_u64(q->client->dialer->role->world);
	if (!dns_mx_read(a, seed, list)) {
		rep->trust = COURIER_DIALER_TRUST_FAILED;
		rep->why = NO_SENSE;
		return;
	}
	for (size_t i = 0; i < list->count; i++)
		hosts[i] = (struct courier_dialer_host){
			.preference = list->at[i].preference,
			.name = span_of(list->at[i].name, list->at[i].len)};
	rep->found = list->found;
	rep->mx = hosts;
	rep->mx_count = list->count;
	rep->ttl = dns_least_ttl(a);
	if (list->left_out > 0)
		rep->why = LEFT_OUT;
	if (dns_follow(a, &end) && !dns_name_eq(&end, &a->question))
		rep->canonical = dns_host_text(&end, canonical);
}

static void on_mx_back(void *ctx, const struct resolver_answer *a)
{
	struct asking *q = ctx;
	struct dns_mx_list list;
	struct courier_dialer_host hosts[DNS_MX_MAX];
	char canonical[DNS_HOST_MAX];
	struct courier_dialer_mx_reply rep = {
		.trust = trust_of(a->verdict),
		.why = span_sub(a->why, 0, DIALER_WHY_MAX)};
	dialer_count(q->client->dialer, a->verdict);
	if (answered(a))
		fill_mx(q, a->answer, &rep, &list, hosts, canonical);
	courier_dialer_mx_answer(q->call, &rep);
	free(q);
}

static void on_mx(void *ctx, struct ipc_call *call,
		  const struct courier_dialer_mx *m)
{
	struct courier_dialer_mx_reply rep = {0};
	struct asking *q = keep(ctx, call);
	if (q == NULL ||
	    begin(q, m->name, DNS_MX, on_mx_back, &rep.trust, &rep.why))
		return;
	courier_dialer_mx_answer(call, &rep);
	free(q);
}

/* ---- TLSA, TXT ------------------------------------------------------------------------ */

static void on_tlsa_back(void *ctx, const struct resolver_answer *a)
{
	struct asking *q = ctx;
	struct dns_bytes records;
	struct courier_dialer_tlsa_reply rep = {
		.trust = trust_of(a->verdict),
		.why = span_sub(a->why, 0, DIALER_WHY_MAX)};
	dialer_count(q->client->dialer, a->verdict);
	if (answered(a) && dns_tlsa_read(a->answer, &records)) {
		rep.found = records.count > 0;
		rep.ttl = dns_least_ttl(a->answer);
		rep.records = records.at;
		rep.records_count = records.count;
	} else if (answered(a)) {
		rep.trust = COURIER_DIALER_TRUST_FAILED;
		rep.why = NO_SENSE;
	}
	courier_dialer_tlsa_answer(q->call, &rep);
	free(q);
}

static void on_tlsa(void *ctx, struct ipc_call *call,
		    const struct courier_dialer_tlsa *m)
{
	struct courier_dialer_tlsa_reply rep = {0};
	struct asking *q = keep(ctx, call);
	if (q == NULL ||
	    begin(q, m->name, DNS_TLSA, on_tlsa_back, &rep.trust, &rep.why))
		return;
	courier_dialer_tlsa_answer(call, &rep);
	free(q);
}

static void on_txt_back(void *ctx, const struct resolver_answer *a)
{
	struct asking *q = ctx;
	struct dns_bytes records;
	struct buf text;
	struct courier_dialer_txt_reply rep = {
		.trust = trust_of(a->verdict),
		.why = span_sub(a->why, 0, DIALER_WHY_MAX)};
	dialer_count(q->client->dialer, a->verdict);
	buf_init(&text, DNS_BYTES_ALL_MAX);
	if (answered(a) && dns_txt_read(a->answer, &text, &records)) {
		rep.found = records.count > 0;
		rep.ttl = dns_least_ttl(a->answer);
		rep.records = records.at;
		rep.records_count = records.count;
	} else if (answered(a)) {
		rep.trust = COURIER_DIALER_TRUST_FAILED;
		rep.why = NO_SENSE;
	}
	courier_dialer_txt_answer(q->call, &rep);
	buf_free(&text);
	free(q);
}

static void on_txt(void *ctx, struct ipc_call *call,
		   const struct courier_dialer_txt *m)
{
	struct courier_dialer_txt_reply rep = {0};
	struct asking *q = keep(ctx, call);
	if (q == NULL ||
	    begin(q, m->name, DNS_TXT, on_txt_back, &rep.trust, &rep.why))
		return;
	courier_dialer_txt_answer(call, &rep);
	free(q);
}

/* ---- addresses ---------------------------------------------------------------------------- */

static void on_addresses_back(void *ctx, const struct lookup_addresses *l)
{
	struct asking *q = ctx;
	uint8_t all[2 * DNS_ADDR_MAX][16];
	char canonical[DNS_HOST_MAX];
	size_t n6 = l->found[1].count, n4 = l->found[0].count;
	struct courier_dialer_addresses_reply rep = {
		.v4 = (enum courier_dialer_trust)l->trust[0],
		.v6 = (enum courier_dialer_trust)l->trust[1],
		.canonical = dns_host_text(&l->canonical, canonical),
		.canonical_trust = (enum courier_dialer_trust)l->canonical_trust,
		.ttl = l->ttl,
		.addresses = (const uint8_t (*)[16])all,
		.addresses_count = n6 + n4,
		.why = span_of(l->why, l->why_len)};
	memcpy(all, l->found[1].at, n6 * sizeof all[0]);
	memcpy(all + n6, l->found[0].at, n4 * sizeof all[0]);
	courier_dialer_addresses_answer(q->call, &rep);
	free(q);
}

static void on_addresses(void *ctx, struct ipc_call *call,
			 const struct courier_dialer_addresses *m)
{
	struct client *c = ctx;
	struct dialer *d = c->dialer;
	struct courier_dialer_addresses_reply rep = {.why = OFF};
	struct dns_name name;
	bool named = dns_name_parse_idna(m->name, &name);
	if (d->resolver == NULL || !named) {
		if (d->resolver != NULL) {
			rep.v4 = rep.v6 = COURIER_DIALER_TRUST_INSECURE;
			rep.why = NO_NAME;
		}
		courier_dialer_addresses_answer(call, &rep);
		return;
	}
	struct asking *q = keep(c, call);
	if (q == NULL || lookup_addresses(d->resolver, &name,
					  dialer_deadline(d, call),
					  on_addresses_back, q))
		return;
	ipc_refuse(call, IPC_BUSY);
	free(q);
}

/* ---- connections ---------------------------------------------------------------------------- */

static void on_connect_back(void *ctx, const struct dial_answer *a)
{
	struct asking *q = ctx;
	struct courier_dialer_attempt attempts[DIAL_TARGETS_MAX];
	struct courier_dialer_connect_reply rep = {
		.reached = (enum courier_dialer_reached)a->end,
		.has_connection = a->end == DIAL_CONNECTED,
		.connection = a->fd,
		.of = a->of,
		.attempts = attempts,
		.attempts_count = a->attempt_count,
		.why = span_cstr(a->why)};
	memcpy(rep.local, a->local.ip, sizeof rep.local);
	for (size_t i = 0; i < a->attempt_count; i++)
		attempts[i] = (struct courier_dialer_attempt){
			.of = a->attempts[i].of,
			.milliseconds = a->attempts[i].milliseconds,
			.why = span_cstr(a->attempts[i].why)};
	courier_dialer_connect_answer(q->call, &rep);
	free(q);
}

static void on_connect(void *ctx, struct ipc_call *call,
		       const struct courier_dialer_connect *m)
{
	struct client *c = ctx;
	struct dialer *d = c->dialer;
	struct addr targets[DIAL_TARGETS_MAX];
	struct addr source4 = {0}, source6 = {0};
	if (m->targets_count == 0) {
		ipc_refuse(call, IPC_NOT_NOW);
		return;
	}
	for (size_t i = 0; i < m->targets_count; i++)
		targets[i] = addr_v6(m->targets[i].address, m->targets[i].port);
	memcpy(source4.ip, m->source4, sizeof source4.ip);
	memcpy(source6.ip, m->source6, sizeof source6.ip);
	struct asking *q = keep(c, call);
	if (q == NULL)
		return;
	struct dial_request r = {
		.conf = d->conf,
		.owner = c,
		.targets = targets,
		.count = m->targets_count,
		.port = reach_mail_port,
		.source4 = m->has_source4 ? &source4 : NULL,
		.source6 = m->has_source6 ? &source6 : NULL,
		.deadline = ipc_call_deadline(call)};
	if (dial(d->dials, &r, on_connect_back, q))
		return;
	ipc_refuse(call, IPC_BUSY);
	free(q);
}

const struct courier_dialer_at_dialer courier_handlers = {
	.mx = on_mx,
	.addresses = on_addresses,
	.tlsa = on_tlsa,
	.txt = on_txt,
	.connect = on_connect,
};
