/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/certs: certificates that destinations name, and signatures of the
 * vault with their keys.
 *
 * One fiber asks for all of them and makes a TLS client for each name.  When the
 * vault tells of new ones it is done again; connections keep the client that they
 * began with.
 *
 * Must never: leave a destination without the client that it had because a new
 * one could not be made; show a certificate to whom no rule of ours names it for.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "os/fiber.h"
#include "role/courier/courier.h"

#define SHELF_MAX	(16u << 20)
#define CERTS_MAX	128u
#define WHY_MAX		2048u
#define AGAIN_NS	(200 * NS_PER_MS)
#define SIGN_REPLY_MAX	65536u
#define SIGN_TEXT_MAX	256u

/* A TLS client that shows the certificate of this name. */
struct courier_cert {
	struct list link;
	struct tls_client *client;
	bool listed; /* in the vault's last list */
	size_t name_len;
	char name[];
};

struct pair {
	struct span name, chain;
	uint32_t key;
};

struct shelf {
	struct arena *arena;
	struct pair pairs[CERTS_MAX];
	size_t count;
};

static struct span name_of(const struct courier_cert *c)
{
	return span_of(c->name, c->name_len);
}

static struct courier_cert *find(const struct courier *c, struct span name)
{
	LIST_EACH (&c->certs, at) {
		struct courier_cert *one =
			CONTAINER_OF(at, struct courier_cert, link);
		if (span_eq(name_of(one), name))
			return one;
	}
	return NULL;
}

struct tls_client *certs_client(const struct courier *c, struct span name)
{
	if (name.len == 0)
		return c->tls;
	const struct courier_cert *one = find(c, name);
	return one != NULL ? one->client : NULL;
}

/* ---- signatures ------------------------------------------------------------ */

enum tls_sign_result certs_sign(void *owner, uint32_t key, enum tls_scheme scheme,
				struct span tbs, char *out, size_t cap, size_t *len)
{
	struct courier *c = owner;
	struct courier_vault_sign m = {
		.key = key, .scheme = (uint16_t)scheme, .text = tbs};
	struct courier_vault_sign_reply r;
	struct arena *a = arena_new(SIGN_REPLY_MAX);
	enum tls_sign_result result = TLS_SIGN_UNAVAILABLE;
	if (tbs.len > SIGN_TEXT_MAX) {
		result = TLS_SIGN_REFUSED; /* none of TLS 1.3 */
	} else if (a != NULL && c->vault != NULL &&
		   courier_vault_sign(c->vault, &m, a, &r,
				      courier_within(c, COURIER_VAULT_NS)) ==
			   IPC_OK) {
		result = TLS_SIGN_REFUSED;
		if (r.result == COURIER_VAULT_SIGN_RESULT_SIGNED &&
		    r.signature.len > 0 && r.signature.len <= cap) {
			memcpy(out, r.signature.ptr, r.signature.len);
			*len = r.signature.len;
			result = TLS_SIGNED;
		}
	}
	arena_free(a);
	return result;
}

/* ---- certificates ---------------------------------------------------------- */

static bool fetch_chain(struct courier *c, struct shelf *s,
			const struct courier_vault_certificate *cert)
{
	struct courier_vault_chain m = {.id = cert->id};
	struct courier_vault_chain_reply r;
	if (c->vault == NULL ||
	    courier_vault_chain(c->vault, &m, s->arena, &r,
				courier_within(c, COURIER_VAULT_NS)) != IPC_OK)
		return false;
	if (!r.found || s->count == CERTS_MAX)
		return true; /* it went meanwhile; `changed` follows */
	s->pairs[s->count++] = (struct pair){
		.name = cert->name, .chain = r.pem, .key = cert->key};
	return true;
}

static bool fetch(struct courier *c, struct shelf *s)
{
	struct courier_vault_certificates m = {0};
	struct courier_vault_certificates_reply r;
	if (c->vault == NULL ||
	    courier_vault_certificates(c->vault, &m, s->arena, &r,
				       courier_within(c, COURIER_VAULT_NS)) !=
		    IPC_OK)
		return false;
	if (r.generation == 0)
		return false; /* it has only just started: no keys yet */
	for (size_t i = 0; i < r.certificates_count; i++)
		if (!fetch_chain(c, s, &r.certificates[i]))
			return false;
	return true;
}

static struct tls_client *build(struct courier *c, const struct shelf *s,
				struct span name, struct buf *why)
{
	struct tls_identity ids[TLS_SITE_CERTS];
	struct tls_client_settings set = {.profile = TLS_OPPORTUNISTIC,
					  .identities = ids};
	for (size_t i = 0; i < s->count; i++)
		if (span_eq(s->pairs[i].name, name) &&
		    set.identity_count < TLS_SITE_CERTS)
			ids[set.identity_count++] = (struct tls_identity){
				.chain = s->pairs[i].chain,
				.key = s->pairs[i].key};
	return tls_client_new(c->library, &set, why);
}

static void forget(struct courier_cert *one)
{
	list_remove(&one->link);
	tls_client_free(one->client);
	free(one);
}

static bool keep(struct courier *c, struct span name, struct tls_client *client)
{
	struct courier_cert *one = malloc(sizeof *one + name.len);
	if (one == NULL)
		return false;
	*one = (struct courier_cert){
		.client = client, .listed = true, .name_len = name.len};
	memcpy(one->name, name.ptr, name.len);
	list_push_back(&c->certs, &one->link);
	return true;
}

static void take(struct courier *c, const struct shelf *s, struct span name)
{
	struct courier_cert *one = find(c, name);
	struct buf why;
	if (one != NULL && one->listed)
		return; /* another pair of the same certificate */
	buf_init(&why, WHY_MAX);
	struct tls_client *client = build(c, s, name, &why);
	if (one != NULL)
		one->listed = true;
	if (client != NULL && one != NULL) {
		tls_client_free(one->client);
		one->client = client;
	} else if (client != NULL && !keep(c, name, client)) {
		tls_client_free(client);
		client = NULL;
		buf_add(&why, SPAN("memory is short"));
	}
	if (client == NULL)
		LOG(c->role->log, ERROR, "tls.no-context", 0,
		    F("certificate", name), F("why", buf_span(&why)),
		    F_CSTR("kept", one != NULL ? "the one of before" : "none"));
	buf_free(&why);
}

static void forget_unlisted(struct courier *c)
{
	for (struct list *at = c->certs.next, *next; at != &c->certs; at = next) {
		struct courier_cert *one =
			CONTAINER_OF(at, struct courier_cert, link);
		next = at->next;
		if (!one->listed)
			forget(one);
	}
}

/* False: the vault could not be asked. */
static bool refresh(struct courier *c)
{
	struct shelf s = {.arena = arena_new(SHELF_MAX)};
	bool ok = s.arena != NULL && fetch(c, &s);
	if (ok) {
		LIST_EACH (&c->certs, at)
			CONTAINER_OF(at, struct courier_cert, link)->listed = false;
		for (size_t i = 0; i < s.count; i++)
			take(c, &s, s.pairs[i].name);
		forget_unlisted(c);
	}
	arena_free(s.arena);
	return ok;
}

static void refresh_fiber(void *arg)
{
	struct courier *c = arg;
	struct loop *l = c->role->loop;
	enum woke woke = WOKE_TIMEOUT;
	do {
		c->certs_again = false;
		if (!refresh(c) && c->vault != NULL) {
			c->certs_again = true; /* it is there but slow */
			woke = fiber_sleep_until(l, loop_now(l) + AGAIN_NS);
		}
	} while (c->certs_again && woke == WOKE_TIMEOUT);
	c->certs_fiber = NULL;
}

void certs_refresh(struct courier *c)
{
	c->certs_again = true;
	if (c->certs_fiber == NULL)
		c->certs_fiber = fiber_start(c->role->loop, refresh_fiber, c);
	if (c->certs_fiber == NULL)
		LOG(c->role->log, ERROR, "tls.no-context", 0,
		    F_CSTR("why", "memory is short"));
}

bool certs_wait(struct courier *c, struct span name)
{
	struct loop *l = c->role->loop;
	uint64_t until = courier_within(c, COURIER_CERTS_NS);
	while (certs_client(c, name) == NULL && loop_now(l) < until)
		if (fiber_sleep_until(l, loop_now(l) + AGAIN_NS) != WOKE_TIMEOUT)
			return false;
	return certs_client(c, name) != NULL;
}

void certs_end(struct courier *c)
{
	while (!list_empty(&c->certs))
		forget(CONTAINER_OF(c->certs.next, struct courier_cert, link));
}
