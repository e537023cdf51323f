/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/admin/survey: one server, described once; then every need in turn.
 *
 * Must never hold what grows with the number of domains.
 */
#include "role/admin/survey.h"

#include <stdlib.h>

#define SERVER_MEMORY (1u << 20)
#define NEED_MEMORY   (4u << 20) /* one domain's needs, one answer */
#define KEYS_TRIES    3u	 /* while certificates change */
#define START_NS      (5 * NS_PER_SEC)
#define RELOAD_NS     (2 * NS_PER_SEC)
#define START_LINES   64u /* differences told at the start */
#define CLOSE_TURNS   100u

struct work {
	const struct survey *ask;
	struct arena *arena;   /* the server's */
	struct arena *page;    /* a page of domains */
	struct arena *scratch; /* one need, and its answer */
	struct posture_server server;
	struct conf_net addresses[POSTURE_ADDRESSES_MAX];
	struct posture_service services[CONF_LISTENERS_MAX];
	struct posture_sender senders[POSTURE_SENDERS_MAX];
	struct posture_key keys[SURVEY_KEYS_MAX];
	struct posture_needs needs;
	struct posture_findings findings;
	struct span records[POSTURE_RECORDS_MAX];
	enum survey_end end;
	enum ipc_result result;
};

static uint64_t deadline(const struct work *w)
{
	return world_now(w->ask->admin->role->world) + ADMIN_STEP_NS;
}

/* A question went wrong. */
static bool failed(struct work *w, enum survey_end end, enum ipc_result r)
{
	w->end = r == IPC_STOPPED ? SURVEY_STOPPED : end;
	w->result = r;
	return false;
}

static bool out_of_memory(struct work *w)
{
	return failed(w, SURVEY_SHORT, IPC_OK);
}

/* ---- look-ups ------------------------------------------------------------- */

static enum policy_trust trust_of(enum admin_dialer_verdict v)
{
	switch (v) {
	case ADMIN_DIALER_VERDICT_SECURE:
		return POLICY_DNS_SECURE;
	case ADMIN_DIALER_VERDICT_INSECURE:
		return POLICY_DNS_INSECURE;
	case ADMIN_DIALER_VERDICT_BOGUS:
		return POLICY_DNS_BOGUS;
	default:
		return POLICY_DNS_FAILED;
	}
}

/* The answer lives in the scratch arena. */
static bool look_up(struct work *w, struct span name, const char *type,
		    struct posture_found *f)
{
	struct admin_dialer *dialer = w->ask->admin->dialer;
	struct admin_dialer_query m = {.name = name, .type = span_cstr(type)};
	struct admin_dialer_query_reply rep = {0};
	enum ipc_result r = IPC_DEAD;
	if (dialer != NULL)
		r = admin_dialer_query(dialer, &m, w->scratch, &rep,
				       deadline(w));
	if (r != IPC_OK)
		return failed(w, SURVEY_NO_DIALER, r);
	if (rep.verdict == ADMIN_DIALER_VERDICT_OFF)
		return failed(w, SURVEY_OFF, r);
	*f = (struct posture_found){
		.lookup = {trust_of(rep.verdict), rep.records_count > 0},
		.records = rep.records,
		.count = rep.records_count,
		.canonical = rep.canonical,
		.why = rep.why.len > 0 ? rep.why : SPAN("the resolver says so")};
	return true;
}

/* RFC 8659 3: the first name upwards that has any. */
static bool look_up_need(struct work *w, const struct posture_need *n,
			 struct posture_found *f)
{
	struct span name = n->name;
	do {
		if (!look_up(w, name, n->type, f))
			return false;
		name = posture_above(name);
	} while (n->kind == POSTURE_CAA && policy_answered(f->lookup) &&
		 f->count == 0 && name.len > 0);
	return true;
}

/* ---- the server ----------------------------------------------------------- */

static bool kind_of(const struct conf_listener *l,
		    enum posture_service_kind *out)
{
	bool implicit = l->security == CONF_SECURITY_IMPLICIT;
	switch (l->role) {
	case CONF_ROLE_MX:
		*out = POSTURE_SMTP;
		return true;
	case CONF_ROLE_SUBMISSION:
		*out = implicit ? POSTURE_SUBMISSIONS : POSTURE_SUBMISSION;
		return true;
	case CONF_ROLE_IMAP:
		*out = implicit ? POSTURE_IMAPS : POSTURE_IMAP;
		return true;
	case CONF_ROLE_POP3:
		*out = implicit ? POSTURE_POP3S : POSTURE_POP3;
		return true;
	default:
		return false;
	}
}

static struct span certificate_for(const struct conf_listener *l,
				   struct span host)
{
	if (l->security == CONF_SECURITY_NONE)
		return SPAN("");
	for (size_t i = 0; i < l->sni.count; i++)
		if (span_eq_nocase(l->sni.at[i].name, host))
			return l->sni.at[i].certificate;
	return l->tls.certificate;
}

static void take_services(struct work *w)
{
	const struct conf *c = w->ask->admin->conf;
	for (size_t i = 0; i < c->listener_count; i++) {
		const struct conf_listener *l = &c->listeners[i];
		struct posture_service *v =
			&w->services[w->server.service_count];
		if (!l->enabled || !kind_of(l, &v->kind))
			continue;
		/* Others come to port 25, whatever leads from there to us. */
		v->port = v->kind == POSTURE_SMTP ? 25 : (uint16_t)l->port;
		v->certificate = certificate_for(l, c->hostname);
		w->server.service_count++;
	}
	w->server.services = w->services;
}

static bool take_key(struct work *w, const struct admin_vault_key_reply *r)
{
	struct posture_key *k = &w->keys[w->server.key_count];
	*k = (struct posture_key){.next = r->next, .names_host = r->names_host};
	if (!arena_copy(w->arena, r->certificate, &k->certificate) ||
	    !arena_copy(w->arena, r->issuer, &k->issuer))
		return false;
	memcpy(k->spki_sha256, r->spki, sizeof k->spki_sha256);
	w->server.key_count++;
	return true;
}

/* False: another generation came, or it failed. */
static bool keys_once(struct work *w, bool *again)
{
	struct admin_vault_key_reply rep = {.found = true};
	uint32_t generation = 0;
	*again = false;
	w->server.key_count = 0;
	for (uint16_t i = 0; i < SURVEY_KEYS_MAX; i++) {
		struct admin_vault *vault = w->ask->admin->vault;
		struct admin_vault_key m = {.index = i,
					    .host = w->server.host};
		enum ipc_result r = IPC_DEAD;
		arena_reset(w->scratch);
		if (vault != NULL)
			r = admin_vault_key(vault, &m, w->scratch, &rep,
					    deadline(w));
		if (r != IPC_OK)
			return failed(w, SURVEY_NO_VAULT, r);
		*again = i > 0 && rep.generation != generation;
		generation = rep.generation;
		if (*again || !rep.found)
			return !*again;
		if (!take_key(w, &rep))
			return out_of_memory(w);
	}
	return true;
}

static bool take_keys(struct work *w)
{
	bool again = true;
	w->server.keys = w->keys;
	for (unsigned i = 0; i < KEYS_TRIES; i++)
		if (keys_once(w, &again) || !again)
			break;
	return w->end == SURVEY_DONE;
}

static void take_net(struct work *w, const struct conf_net *n)
{
	struct posture_server *s = &w->server;
	for (size_t i = 0; i < s->address_count; i++)
		if (w->addresses[i].family == n->family &&
		    memcmp(w->addresses[i].bytes, n->bytes, sizeof n->bytes) == 0)
			return;
	if (s->address_count < POSTURE_ADDRESSES_MAX)
		w->addresses[s->address_count++] = *n;
}

static void take_configured(struct work *w)
{
	const struct conf *c = w->ask->admin->conf;
	for (size_t i = 0; i < c->dns.addresses.count; i++)
		take_net(w, &c->dns.addresses.at[i]);
	for (size_t i = 0;
	     c->dns.addresses.count == 0 && i < c->listener_count; i++) {
		const struct conf_listener *l = &c->listeners[i];
		if (!l->enabled || l->role != CONF_ROLE_MX)
			continue;
		for (size_t k = 0; k < l->address.count; k++)
			if (posture_public(&l->address.at[k]))
				take_net(w, &l->address.at[k]);
	}
	w->server.addresses = w->addresses;
	w->server.addresses_known = w->server.address_count > 0;
}

static void take_sources(struct work *w, const struct conf_nets *from,
			 struct span hello)
{
	struct posture_server *s = &w->server;
	for (size_t i = 0; i < from->count; i++)
		if (s->sender_count < POSTURE_SENDERS_MAX &&
		    posture_public(&from->at[i]))
			w->senders[s->sender_count++] = (struct posture_sender){
				.address = from->at[i], .hello = hello};
}

/* The names in EHLO; where no source is set the system chooses an address. */
static void take_senders(struct work *w)
{
	const struct conf *c = w->ask->admin->conf;
	struct span usual = c->outgoing.hello.len > 0 ? c->outgoing.hello
						      : c->hostname;
	w->server.hello = usual;
	w->server.senders = w->senders;
	if (c->outgoing.source.count == 0)
		return;
	take_sources(w, &c->outgoing.source, usual);
	for (size_t i = 0; i < c->destination_count; i++) {
		const struct conf_destination *d = &c->destinations[i];
		take_sources(w, &d->source,
			     d->hello.len > 0 ? d->hello : usual);
	}
}

/* Those that the name has now.  Without look-ups there are none. */
static bool take_found(struct work *w)
{
	static const char *const types[] = {"A", "AAAA"};
	struct posture_found f;
	struct conf_net n;
	for (size_t k = 0; k < ARRAY_LEN(types); k++) {
		arena_reset(w->scratch);
		if (!look_up(w, w->server.host, types[k], &f)) {
			if (w->ask->look || w->end != SURVEY_OFF)
				return false;
			w->end = SURVEY_DONE;
			return true;
		}
		for (size_t i = 0; i < f.count; i++)
			if (posture_address(f.records[i], &n))
				take_net(w, &n);
	}
	return true;
}

static bool describe(struct work *w)
{
	w->server.host = w->ask->admin->conf->hostname;
	take_services(w);
	take_configured(w);
	take_senders(w);
	return take_keys(w) && (w->ask->keys_only || w->server.addresses_known ||
				take_found(w));
}

/* ---- needs ---------------------------------------------------------------- */

static bool wanted(const struct work *w, const struct posture_need *n)
{
	return !w->ask->keys_only ||
	       (n->kind == POSTURE_TLSA &&
		span_starts(n->name, SPAN("_25.")));
}

static bool go_through(struct work *w)
{
	for (size_t i = 0; i < w->needs.count; i++) {
		const struct posture_need *n = &w->needs.at[i];
		struct posture_found f = {0};
		struct survey_item item = {.server = &w->server, .need = n};
		if (!wanted(w, n))
			continue;
		arena_reset(w->scratch);
		if (w->ask->look && n->kind != POSTURE_NOTE) {
			if (!look_up_need(w, n, &f))
				return false;
			if (!posture_judge(&w->server, n, &f, w->scratch,
					   &w->findings))
				return out_of_memory(w);
			item.found = &f;
			item.findings = &w->findings;
		}
		w->ask->told(w->ask->ctx, &item);
	}
	return true;
}

static bool host(struct work *w)
{
	struct survey_item item = {.server = &w->server,
				   .findings = &w->findings};
	arena_reset(w->page);
	if (!posture_host(&w->server, w->page, &w->needs))
		return out_of_memory(w);
	if (!go_through(w))
		return false;
	if (!w->ask->look || w->ask->keys_only)
		return true;
	arena_reset(w->scratch);
	if (!posture_certificates(&w->server, w->scratch, &w->findings))
		return out_of_memory(w);
	w->ask->told(w->ask->ctx, &item);
	return true;
}

static bool page(struct work *w, char after[256], size_t *len, bool *more,
		 bool *seen)
{
	struct admin_store *store = w->ask->admin->store;
	struct admin_store_domains m = {.after = span_of(after, *len)};
	struct admin_store_domains_reply rep = {0};
	struct arena *needs = arena_new(NEED_MEMORY);
	enum ipc_result r = IPC_DEAD;
	bool ok = needs != NULL;
	arena_reset(w->page);
	if (store != NULL && ok)
		r = admin_store_domains(store, &m, w->page, &rep, deadline(w));
	if (ok && (r != IPC_OK || rep.answer != ADMIN_STORE_ANSWER_DONE))
		ok = failed(w, SURVEY_NO_STORE, r != IPC_OK ? r : IPC_BUSY);
	else if (!ok)
		out_of_memory(w);
	*more = rep.more && rep.domains_count > 0;
	for (size_t i = 0; ok && i < rep.domains_count; i++) {
		struct span name = rep.domains[i].name;
		*len = name.len;
		memcpy(after, name.ptr, name.len); /* at most 255 */
		if (w->ask->only.len > 0 && !span_eq_nocase(name, w->ask->only))
			continue;
		*seen = true;
		arena_reset(needs);
		ok = posture_domain(&w->server, name, needs, &w->needs) ||
		     out_of_memory(w);
		ok = ok && go_through(w);
	}
	arena_free(needs);
	return ok;
}

static bool domains(struct work *w)
{
	char after[256];
	size_t len = 0;
	bool more = true, seen = false;
	while (more)
		if (!page(w, after, &len, &more, &seen))
			return false;
	if (w->ask->only.len > 0 && !seen)
		return failed(w, SURVEY_NO_DOMAIN, IPC_OK);
	return true;
}

enum survey_end survey_run(const struct survey *ask, enum ipc_result *result)
{
	struct work *w = calloc(1, sizeof *w);
	enum survey_end end = SURVEY_SHORT;
	*result = IPC_OK;
	if (w == NULL)
		return end;
	*w = (struct work){.ask = ask,
			   .arena = arena_new(SERVER_MEMORY),
			   .page = arena_new(NEED_MEMORY),
			   .scratch = arena_new(NEED_MEMORY)};
	if (w->arena == NULL || w->page == NULL || w->scratch == NULL)
		out_of_memory(w);
	else if (describe(w) && host(w) && !ask->keys_only)
		(void)domains(w);
	end = w->end;
	*result = w->result;
	arena_free(w->arena);
	arena_free(w->page);
	arena_free(w->scratch);
	free(w);
	return end;
}

/* ---- at the start --------------------------------------------------------- */

struct warning {
	struct admin *admin;
	bool keys; /* after a reload */
	unsigned levels[POSTURE_WRONG + 1];
};

static void warn(void *ctx, const struct survey_item *it)
{
	struct warning *w = ctx;
	for (size_t i = 0; it->findings != NULL && i < it->findings->count;
	     i++) {
		const struct posture_finding *f = &it->findings->at[i];
		if (w->levels[f->level]++ >= START_LINES ||
		    f->level != POSTURE_WRONG)
			continue;
		if (w->keys) {
			LOG(w->admin->role->log, ERROR, "dane.key-not-announced",
			    0, F("name", it->need->name), F("what", f->what),
			    F("mend", f->mend));
			continue;
		}
		LOG(w->admin->role->log, WARNING, "dns.difference", 0,
		    F("name", it->need ? it->need->name : it->server->host),
		    F_CSTR("type", it->need ? it->need->type : "certificate"),
		    F("what", f->what), F("mend", f->mend));
	}
}

static void at_start(void *arg)
{
	struct admin *a = arg;
	struct warning w = {.admin = a, .keys = a->survey_keys};
	struct survey ask = {.admin = a,
			     .look = true,
			     .keys_only = a->survey_keys,
			     .told = warn,
			     .ctx = &w};
	a->survey_keys = false;
	enum ipc_result r;
	enum survey_end end = survey_run(&ask, &r);
	if (end == SURVEY_DONE)
		LOG(a->role->log, INFO, "dns.checked", 0,
		    F_U64("wrong", w.levels[POSTURE_WRONG]),
		    F_U64("unknown", w.levels[POSTURE_UNKNOWN]),
		    F_U64("advice", w.levels[POSTURE_ADVICE]));
	else if (end != SURVEY_OFF && end != SURVEY_STOPPED)
		LOG(a->role->log, NOTICE, "dns.not-checked", 0,
		    F_CSTR("why", ipc_result_name(r)));
	a->survey = NULL;
}

static void due(struct timer *t)
{
	struct admin *a = t->arg;
	if (!a->draining && a->survey == NULL)
		a->survey = fiber_start(a->role->loop, at_start, a);
}

/* One of the pool is enough; without a timer there is no warning. */
void survey_at_start(struct admin *a)
{
	if (a->role->index == 0)
		(void)!timer_start(a->role->loop, &a->survey_due,
				   loop_now(a->role->loop) + START_NS, due, a);
}

/* The whole of it is yet to come where the server has just started. */
void survey_after_reload(struct admin *a)
{
	if (a->role->index != 0 || timer_active(&a->survey_due))
		return;
	a->survey_keys = true;
	(void)!timer_start(a->role->loop, &a->survey_due,
			   loop_now(a->role->loop) + RELOAD_NS, due, a);
}

void survey_finish(struct admin *a)
{
	timer_stop(&a->survey_due);
	for (unsigned i = 0; i < CLOSE_TURNS && a->survey != NULL; i++) {
		fiber_stop(a->survey);
		(void)loop_turn(a->role->loop);
	}
}
