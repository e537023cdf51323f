/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/contexts: certificates from the vault, and signatures.
 *
 * One fiber asks for all certificates of this pool and makes a context for each
 * port.  Nobody is accepted before the first time that this has worked.  When
 * the vault tells of new ones it is done again; connections keep the context
 * that they began with.
 *
 * Must never leave a port without the context that it had because a new one
 * could not be made.
 */
#include "base/check.h"
#include "os/fiber.h"
#include "role/edge/connection.h"

#define SHELF_MAX    (16u << 20)
#define CERTS_MAX    128u
#define WHY_MAX      2048u
#define SUITES_MAX   16384u /* a field of the log takes the first 4 KiB */
#define AGAIN_NS     (200 * NS_PER_MS)
#define SIGN_REPLY_MAX 65536u

struct certificate {
	struct span name, chain;
	uint32_t key;
};

struct shelf {
	struct arena *arena;
	struct certificate certs[CERTS_MAX];
	size_t count;
};

/* ---- signatures --------------------------------------------------------------- */

enum tls_sign_result contexts_sign(void *owner, uint32_t key,
				   enum tls_scheme scheme, struct span tbs,
				   char *out, size_t cap, size_t *len)
{
	struct edge *e = owner;
	struct edge_vault_sign m = {
		.key = key, .scheme = (uint16_t)scheme, .text = tbs};
	struct edge_vault_sign_reply r;
	struct arena *a = arena_new(SIGN_REPLY_MAX);
	enum tls_sign_result result = TLS_SIGN_UNAVAILABLE;
	if (a != NULL && e->vault != NULL &&
	    edge_vault_sign(e->vault, &m, a, &r,
			    edge_within(e, EDGE_ASK_NS)) == IPC_OK) {
		result = TLS_SIGN_REFUSED;
		if (r.result == EDGE_VAULT_SIGN_RESULT_SIGNED &&
		    r.signature.len > 0 && r.signature.len <= cap) {
			memcpy(out, r.signature.ptr, r.signature.len);
			*len = r.signature.len;
			result = TLS_SIGNED;
		}
	}
	arena_free(a);
	return result;
}

/* ---- certificates --------------------------------------------------------------- */

static bool fetch_chain(struct edge *e, struct shelf *s,
			const struct edge_vault_certificate *c)
{
	struct edge_vault_chain m = {.id = c->id};
	struct edge_vault_chain_reply r;
	if (e->vault == NULL ||
	    edge_vault_chain(e->vault, &m, s->arena, &r,
			     edge_within(e, EDGE_ASK_NS)) != IPC_OK)
		return false;
	if (!r.found || s->count == CERTS_MAX)
		return true; /* it went meanwhile; `changed` follows */
	s->certs[s->count++] = (struct certificate){
		.name = c->name, .chain = r.pem, .key = c->key};
	return true;
}

static bool fetch(struct edge *e, struct shelf *s)
{
	struct edge_vault_certificates m = {0};
	struct edge_vault_certificates_reply r;
	if (e->vault == NULL ||
	    edge_vault_certificates(e->vault, &m, s->arena, &r,
				    edge_within(e, EDGE_ASK_NS)) != IPC_OK)
		return false;
	if (r.generation == 0)
		return false; /* it has only just started: no keys yet */
	for (size_t i = 0; i < r.certificates_count; i++)
		if (!fetch_chain(e, s, &r.certificates[i]))
			return false;
	return true;
}

static bool add_site(struct tls_context *t, const struct shelf *s,
		     struct span name, struct buf *why)
{
	struct tls_identity ids[TLS_SITE_CERTS];
	size_t count = 0;
	for (size_t i = 0; i < s->count && count < TLS_SITE_CERTS; i++)
		if (span_eq(s->certs[i].name, name))
			ids[count++] = (struct tls_identity){
				.chain = s->certs[i].chain,
				.key = s->certs[i].key};
	if (count > 0)
		return tls_context_add(t, ids, count, why);
	buf_printf(why, "certificate \"%.*s\" is not in the vault",
		   SPAN_FMT(name));
	return false;
}

static bool listed(const struct service *v, size_t i)
{
	bool seen = span_eq(v->sni[i], v->certificate);
	for (size_t k = 0; k < i; k++)
		seen = seen || span_eq(v->sni[i], v->sni[k]);
	return seen;
}

static struct tls_context *build(struct port *p, const struct shelf *s,
				 struct buf *why)
{
	const struct service *v = p->service;
	struct tls_settings settings = v->tls_settings;
	settings.client_ca = span_of(p->client_ca, p->client_ca_len);
	struct tls_context *t = tls_context_new(p->edge->tls, &settings, why);
	bool ok = t != NULL && add_site(t, s, v->certificate, why);
	for (size_t i = 0; ok && i < v->sni_count; i++)
		ok = listed(v, i) || add_site(t, s, v->sni[i], why);
	if (ok)
		return t;
	tls_context_free(t);
	return NULL;
}

/* What the listener's policy came to: a cipher string is shown resolved. */
static void tell_suites(struct edge *e, const struct service *v)
{
	struct buf lines, one;
	struct span rest, line;
	buf_init(&lines, SUITES_MAX);
	buf_init(&one, SUITES_MAX);
	tls_context_show(v->tls, &lines);
	rest = buf_span(&lines);
	while (rest.len > 0) {
		(void)span_cut(&rest, '\n', &line);
		buf_add(&one, buf_len(&one) > 0 ? SPAN("; ") : SPAN(""));
		buf_add(&one, line);
	}
	LOG(e->role->log, INFO, "tls.context", 0, F("listener", v->name),
	    F("suites", buf_span(&one)));
	buf_free(&one);
	buf_free(&lines);
}

static void give_context(struct port *p, const struct shelf *s)
{
	struct edge *e = p->edge;
	struct service *v = p->service;
	struct buf why;
	if (!v->implicit && !v->starttls)
		return;
	buf_init(&why, WHY_MAX);
	struct tls_context *t = build(p, s, &why);
	if (t != NULL && tls_context_misfit(t, &why))
		LOG(e->role->log, WARNING, "tls.misfit", 0,
		    F("listener", v->name), F("why", buf_span(&why)));
	if (t != NULL) {
		tls_context_free(v->tls);
		v->tls = t;
		tell_suites(e, v);
	} else {
		LOG(e->role->log, ERROR, "tls.no-context", 0,
		    F("listener", v->name), F("why", buf_span(&why)),
		    F_CSTR("kept", v->tls != NULL ? "the one of before"
						  : "none"));
	}
	buf_free(&why);
}

/* False: the vault could not be asked. */
static bool refresh(struct edge *e)
{
	struct shelf s = {.arena = arena_new(SHELF_MAX)};
	bool ok = s.arena != NULL && fetch(e, &s);
	for (size_t i = 0; ok && i < e->port_count; i++)
		if (e->ports[i].service != NULL)
			give_context(&e->ports[i], &s);
	arena_free(s.arena);
	return ok;
}

static void refresh_fiber(void *arg)
{
	struct edge *e = arg;
	struct loop *l = e->role->loop;
	enum woke woke = WOKE_TIMEOUT;
	do {
		e->contexts_again = false;
		if (refresh(e)) {
			e->serving = true;
			listener_open(e);
			porter_serve(e);
		} else if (e->vault != NULL) {
			e->contexts_again = true; /* it is there but slow */
			woke = fiber_sleep_until(l, loop_now(l) + AGAIN_NS);
		}
	} while (e->contexts_again && woke == WOKE_TIMEOUT && !e->draining);
	e->contexts = NULL;
}

void contexts_refresh(struct edge *e)
{
	e->contexts_again = true;
	if (e->contexts == NULL)
		e->contexts = fiber_start(e->role->loop, refresh_fiber, e);
	if (e->contexts == NULL)
		LOG(e->role->log, ERROR, "tls.no-context", 0,
		    F_CSTR("why", "memory is short"));
}
