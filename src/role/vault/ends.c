/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/vault/ends: certificates shown and handshakes signed, for edges as
 * servers and for couriers as clients; public keys told to the admin pool.
 *
 * Must never sign for a courier what a server signs, nor for an edge what a
 * client signs, nor answer anything that tells which other keys exist.
 */
#include "role/vault/ends.h"

#include "role/vault/on_admin.h"

/* Its place in the masks of rights. */
static uint64_t bit_of(const struct client *c)
{
	return c->courier != NULL ? SHELF_COURIER : 1u << c->peer.kind;
}

static bool may_see(const struct client *c, const struct pair *p)
{
	return p->has_key && ((p->rights | p->client) & bit_of(c)) != 0;
}

/* The chain of a certificate that this channel may see, or NULL. */
static const struct pair *pair_of(const struct client *c, uint32_t id)
{
	const struct shelf *s = c->vault->now;
	for (size_t i = 0; s != NULL && i < s->count; i++)
		if (s->pairs[i].id == id && may_see(c, &s->pairs[i]) &&
		    s->pairs[i].chain.len <= SHELF_CHAIN_MAX)
			return &s->pairs[i];
	return NULL;
}

/* ---- signatures ---------------------------------------------------------- */

static void log_refusal(struct client *c, const char *why, uint32_t key)
{
	LOG(c->vault->role->log, WARNING, "vault.refused", 0,
	    F_CSTR("why", why), F_CSTR("pool", kind_name(c->peer.kind)),
	    F_U64("key", key));
}

static enum edge_vault_sign_result answer_of(struct client *c,
					     enum tls_keybox_answer a,
					     enum tls_recognised seen,
					     uint32_t key)
{
	struct vault *v = c->vault;
	switch (a) {
	case TLS_KEYBOX_SIGNED:
		v->signed_++;
		return EDGE_VAULT_SIGN_RESULT_SIGNED;
	case TLS_KEYBOX_NO_KEY:
		v->refused_key++;
		log_refusal(c, "no such key for this pool", key);
		return EDGE_VAULT_SIGN_RESULT_UNKNOWN_KEY;
	case TLS_KEYBOX_UNRECOGNISED:
		v->refused_text++;
		log_refusal(c, tls_recognised_text(seen), key);
		return EDGE_VAULT_SIGN_RESULT_NOT_RECOGNISED;
	case TLS_KEYBOX_SCHEME:
		v->refused_scheme++;
		log_refusal(c, "the scheme does not fit the key", key);
		return EDGE_VAULT_SIGN_RESULT_BAD_SCHEME;
	case TLS_KEYBOX_FAILED:
		break;
	}
	v->failed++;
	return EDGE_VAULT_SIGN_RESULT_FAILED;
}

/* Keys of the shelf before this one still serve handshakes under way. */
static enum edge_vault_sign_result sign(struct client *c, uint32_t key,
					uint16_t scheme, struct span text,
					char *out, size_t *len)
{
	struct vault *v = c->vault;
	struct shelf *const shelves[] = {v->now, v->old};
	enum tls_recognised seen = TLS_NOT_LENGTH;
	enum tls_keybox_answer a = TLS_KEYBOX_NO_KEY;
	for (size_t i = 0; i < 2 && a == TLS_KEYBOX_NO_KEY; i++)
		if (shelves[i] != NULL)
			a = tls_keybox_sign(shelves[i]->keys, bit_of(c), key,
					    scheme, text, &seen, out, len);
	return answer_of(c, a, seen, key);
}

/* ---- what edges ask ------------------------------------------------------ */

static void edge_certificates(void *ctx, struct ipc_call *call,
			      const struct edge_vault_certificates *m)
{
	struct client *c = ctx;
	struct shelf *s = c->vault->now;
	struct edge_vault_certificate list[SHELF_MAX];
	struct edge_vault_certificates_reply rep = {.certificates = list};
	(void)m;
	for (size_t i = 0; s != NULL && i < s->count; i++)
		if (may_see(c, &s->pairs[i]))
			list[rep.certificates_count++] =
				(struct edge_vault_certificate){
					.id = s->pairs[i].id,
					.name = s->pairs[i].certificate,
					.key = s->pairs[i].id};
	rep.generation = s != NULL ? s->generation : 0;
	edge_vault_certificates_answer(call, &rep);
}

static void edge_chain(void *ctx, struct ipc_call *call,
		       const struct edge_vault_chain *m)
{
	const struct pair *p = pair_of(ctx, m->id);
	struct edge_vault_chain_reply rep = {.found = p != NULL};
	if (p != NULL)
		rep.pem = p->chain;
	edge_vault_chain_answer(call, &rep);
}

static void edge_sign(void *ctx, struct ipc_call *call,
		      const struct edge_vault_sign *m)
{
	char out[TLS_SIGNATURE_MAX];
	size_t len = 0;
	struct edge_vault_sign_reply rep = {
		.result = sign(ctx, m->key, m->scheme, m->text, out, &len)};
	if (rep.result == EDGE_VAULT_SIGN_RESULT_SIGNED)
		rep.signature = span_of(out, len);
	edge_vault_sign_answer(call, &rep);
}

static const struct edge_vault_at_vault edge_handlers = {
	.certificates = edge_certificates,
	.chain = edge_chain,
	.sign = edge_sign,
};

/* ---- what couriers ask --------------------------------------------------- */

#define SAME(x)                                                                \
	_Static_assert((int)COURIER_VAULT_SIGN_RESULT_##x ==                   \
			       (int)EDGE_VAULT_SIGN_RESULT_##x,                \
		       "both hops call it by the same number")
SAME(SIGNED);
SAME(UNKNOWN_KEY);
SAME(NOT_RECOGNISED);
SAME(BAD_SCHEME);
SAME(FAILED);

static void courier_certificates(void *ctx, struct ipc_call *call,
				 const struct courier_vault_certificates *m)
{
	struct client *c = ctx;
	struct shelf *s = c->vault->now;
	struct courier_vault_certificate list[SHELF_MAX];
	struct courier_vault_certificates_reply rep = {.certificates = list};
	(void)m;
	for (size_t i = 0; s != NULL && i < s->count; i++)
		if (may_see(c, &s->pairs[i]))
			list[rep.certificates_count++] =
				(struct courier_vault_certificate){
					.id = s->pairs[i].id,
					.name = s->pairs[i].certificate,
					.key = s->pairs[i].id};
	rep.generation = s != NULL ? s->generation : 0;
	courier_vault_certificates_answer(call, &rep);
}

static void courier_chain(void *ctx, struct ipc_call *call,
			  const struct courier_vault_chain *m)
{
	const struct pair *p = pair_of(ctx, m->id);
	struct courier_vault_chain_reply rep = {.found = p != NULL};
	if (p != NULL)
		rep.pem = p->chain;
	courier_vault_chain_answer(call, &rep);
}

static void courier_sign(void *ctx, struct ipc_call *call,
			 const struct courier_vault_sign *m)
{
	char out[TLS_SIGNATURE_MAX];
	size_t len = 0;
	struct courier_vault_sign_reply rep = {
		.result = (enum courier_vault_sign_result)sign(
			ctx, m->key, m->scheme, m->text, out, &len)};
	if (rep.result == COURIER_VAULT_SIGN_RESULT_SIGNED)
		rep.signature = span_of(out, len);
	courier_vault_sign_answer(call, &rep);
}

static const struct courier_vault_at_vault courier_handlers = {
	.certificates = courier_certificates,
	.chain = courier_chain,
	.sign = courier_sign,
};

/* ---- what the admin pool asks --------------------------------------------- */

static void admin_key(void *ctx, struct ipc_call *call,
		      const struct admin_vault_key *m)
{
	struct client *c = ctx;
	on_admin_key(c->vault->now, call, m);
}

static const struct admin_vault_at_vault admin_handlers = {.key = admin_key};

/* ---- channels ------------------------------------------------------------ */

static void client_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct client *cl = ctx;
	cl->edge = NULL;
	cl->courier = NULL;
	cl->admin = NULL;
	role_peer_dead(cl->vault->role, &cl->peer, c, reason);
}

bool client_join(struct client *c, struct ipc_link *link)
{
	struct ipc_owner owner = {.role = c, .dead = client_dead};
	switch (c->peer.hop) {
	case HOP_EDGE_VAULT:
		c->edge = edge_vault_join_vault(link, &owner, &edge_handlers);
		return true;
	case HOP_COURIER_VAULT:
		c->courier = courier_vault_join_vault(link, &owner,
						      &courier_handlers);
		return true;
	case HOP_ADMIN_VAULT:
		c->admin = admin_vault_join_vault(link, &owner,
						  &admin_handlers);
		return true;
	default:
		return false;
	}
}

void client_changed(struct client *c, uint32_t generation)
{
	if (c->edge != NULL)
		(void)edge_vault_changed(
			c->edge, &(struct edge_vault_changed){generation});
	if (c->courier != NULL)
		(void)courier_vault_changed(
			c->courier,
			&(struct courier_vault_changed){generation});
}

void client_free(struct client *c)
{
	if (c->edge != NULL)
		ipc_free(edge_vault_ipc(c->edge));
	if (c->courier != NULL)
		ipc_free(courier_vault_ipc(c->courier));
	if (c->admin != NULL)
		ipc_free(admin_vault_ipc(c->admin));
	c->edge = NULL;
	c->courier = NULL;
	c->admin = NULL;
}
