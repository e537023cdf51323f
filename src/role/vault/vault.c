/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/vault - private keys, and nothing else.
 *
 * Rights: its channels.  Keys come as open files from the supervisor at start
 * and at a reload, are read once and closed.  It signs the handshakes of TLS
 * servers that it recognises as such, with a key that the asking pool may use;
 * everything else is refused and counted.  The admin pool is told the hashes of
 * public keys.
 *
 * Must never sign a blob that somebody merely names, nor answer an edge anything
 * that tells which keys exist.
 */
#include <stdlib.h>

#include "crypto/library.h"
#include "crypto/secret.h"
#include "os/file.h"
#include "role/common/role.h"
#include "role/vault/on_admin.h"
#include "role/vault/role.h"
#include "role/vault/shelf.h"
#include "wire/edge_vault.h"

#define CHANNELS_MAX   64u
#define CLERKS_MAX     8u
#define VAULT_GRACE_NS (60 * NS_PER_SEC) /* old keys, after a reload */
#define NOTES_MAX      16384u

struct vault;

struct client {
	struct vault *vault;
	struct role_peer peer;
	struct edge_vault *channel;
};

/* The admin pool's end: told of public keys, never given a signature. */
struct clerk {
	struct vault *vault;
	struct role_peer peer;
	struct admin_vault *channel;
};

struct vault {
	struct role *role;
	const struct conf *conf, *next_conf;
	struct shelf *now, *next, *old;
	struct client clients[CHANNELS_MAX];
	struct clerk clerks[CLERKS_MAX];
	struct timer retire;
	uint64_t signed_, refused_key, refused_text, refused_scheme, failed;
};

/* ---- rights: the first page --------------------------------------------- */

static void rights(void *self, struct rights *r)
{
	(void)self;
	*r = (struct rights){.sys = RIGHT_BASE, .max_fds = 256};
}

/* ---- what edges ask ------------------------------------------------------ */

static uint64_t bit_of(const struct client *c)
{
	return 1u << c->peer.kind;
}

static void on_certificates(void *ctx, struct ipc_call *call,
			    const struct edge_vault_certificates *m)
{
	struct client *c = ctx;
	struct shelf *s = c->vault->now;
	struct edge_vault_certificate list[SHELF_MAX];
	struct edge_vault_certificates_reply rep = {.certificates = list};
	(void)m;
	for (size_t i = 0; s != NULL && i < s->count; i++) {
		struct pair *p = &s->pairs[i];
		if ((p->rights & bit_of(c)) != 0 && p->has_key)
			list[rep.certificates_count++] =
				(struct edge_vault_certificate){
					.id = p->id,
					.name = p->certificate,
					.key = p->id};
	}
	rep.generation = s != NULL ? s->generation : 0;
	edge_vault_certificates_answer(call, &rep);
}

static void on_chain(void *ctx, struct ipc_call *call,
		     const struct edge_vault_chain *m)
{
	struct client *c = ctx;
	struct edge_vault_chain_reply rep = {.found = false};
	struct shelf *s = c->vault->now;
	for (size_t i = 0; s != NULL && i < s->count; i++) {
		struct pair *p = &s->pairs[i];
		if (p->id == m->id && (p->rights & bit_of(c)) != 0 &&
		    p->chain.len <= 61440) {
			rep.found = true;
			rep.pem = p->chain;
		}
	}
	edge_vault_chain_answer(call, &rep);
}

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
static enum tls_keybox_answer sign(struct client *c,
				   const struct edge_vault_sign *m,
				   enum tls_recognised *seen, char *out,
				   size_t *len)
{
	struct vault *v = c->vault;
	enum tls_keybox_answer a = TLS_KEYBOX_NO_KEY;
	if (v->now != NULL)
		a = tls_keybox_sign(v->now->keys, bit_of(c), m->key, m->scheme,
				    m->text, seen, out, len);
	if (a == TLS_KEYBOX_NO_KEY && v->old != NULL)
		a = tls_keybox_sign(v->old->keys, bit_of(c), m->key, m->scheme,
				    m->text, seen, out, len);
	return a;
}

static void on_sign(void *ctx, struct ipc_call *call,
		    const struct edge_vault_sign *m)
{
	struct client *c = ctx;
	char out[TLS_SIGNATURE_MAX];
	size_t len = 0;
	enum tls_recognised seen = TLS_NOT_LENGTH;
	enum tls_keybox_answer a = sign(c, m, &seen, out, &len);
	struct edge_vault_sign_reply rep = {
		.result = answer_of(c, a, seen, m->key)};
	if (a == TLS_KEYBOX_SIGNED)
		rep.signature = span_of(out, len);
	edge_vault_sign_answer(call, &rep);
}

static const struct edge_vault_at_vault handlers = {
	.certificates = on_certificates,
	.chain = on_chain,
	.sign = on_sign,
};

/* ---- channels ------------------------------------------------------------ */

static void client_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct client *cl = ctx;
	cl->channel = NULL;
	role_peer_dead(cl->vault->role, &cl->peer, c, reason);
}

static void on_key(void *ctx, struct ipc_call *call,
		   const struct admin_vault_key *m)
{
	struct clerk *c = ctx;
	on_admin_key(c->vault->now, call, m);
}

static const struct admin_vault_at_vault admin_handlers = {.key = on_key};

static void clerk_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct clerk *cl = ctx;
	cl->channel = NULL;
	role_peer_dead(cl->vault->role, &cl->peer, c, reason);
}

static bool attach_admin(struct vault *v, const struct role_peer *peer,
			 struct ipc_link *link)
{
	for (size_t i = 0; i < CLERKS_MAX; i++) {
		struct clerk *c = &v->clerks[i];
		if (c->channel != NULL)
			continue;
		*c = (struct clerk){.vault = v, .peer = *peer};
		struct ipc_owner owner = {.role = c, .dead = clerk_dead};
		c->channel = admin_vault_join_vault(link, &owner,
						    &admin_handlers);
		return true;
	}
	return false;
}

static void attach(void *self, const struct role_peer *peer,
		   struct ipc_link *link)
{
	struct vault *v = self;
	if (peer->hop == HOP_ADMIN_VAULT && attach_admin(v, peer, link))
		return;
	for (size_t i = 0; peer->hop == HOP_EDGE_VAULT && i < CHANNELS_MAX; i++) {
		struct client *c = &v->clients[i];
		if (c->channel != NULL)
			continue;
		*c = (struct client){.vault = v, .peer = *peer};
		struct ipc_owner owner = {.role = c, .dead = client_dead};
		c->channel = edge_vault_join_vault(link, &owner, &handlers);
		return;
	}
	link->ops->close(link);
	link->ops->free(link);
}

/* ---- keys come and go ---------------------------------------------------- */

static bool read_pem(struct vault *v, int fd, char *pem, size_t cap,
		     size_t *len, struct buf *why)
{
	enum os r = file_read_at(v->role->world, fd, pem, cap, 0, len);
	if (r == OS_OK && *len < cap)
		return true;
	buf_add(why, r == OS_OK ? SPAN("the file is too large for a "
				       "certificate or key")
				: span_cstr(os_text(r)));
	return false;
}

static void tell_notes(struct vault *v, struct buf *notes)
{
	struct span rest = buf_span(notes), line;
	while (rest.len > 0) {
		(void)span_cut(&rest, '\n', &line);
		LOG(v->role->log, WARNING, "certificate.note", 0,
		    F("what", line));
	}
}

static bool take(struct vault *v, enum material kind, struct span label,
		 struct span pem, struct buf *why)
{
	const struct conf *conf = v->next_conf ? v->next_conf : v->conf;
	struct buf notes;
	if (v->next == NULL)
		v->next = shelf_new(v->now ? v->now->generation + 1 : 1);
	if (v->next == NULL) {
		buf_add(why, SPAN("memory is short"));
		return false;
	}
	if (kind == MATERIAL_CHAIN)
		return shelf_add_chain(v->next, conf, label, pem, why);
	if (kind == MATERIAL_NEXT_KEY)
		return shelf_add_next(v->next, label, pem, why);
	buf_init(&notes, NOTES_MAX);
	bool ok = shelf_add_key(v->next, conf, label, pem,
				world_wall(v->role->world).sec, why, &notes);
	tell_notes(v, &notes);
	buf_free(&notes);
	return ok;
}

static bool material(void *self, enum material kind, struct span label, int fd,
		     struct buf *why)
{
	struct vault *v = self;
	size_t cap = kind == MATERIAL_CHAIN ? TLS_PEM_MAX + 1
					    : TLS_KEY_PEM_MAX + 1;
	size_t len = 0;
	bool ok = false;
	bool taken = kind <= MATERIAL_KEY || kind == MATERIAL_NEXT_KEY;
	char *pem = taken ? malloc(cap) : NULL;
	if (pem != NULL && read_pem(v, fd, pem, cap, &len, why))
		ok = take(v, kind, label, span_of(pem, len), why);
	if (pem != NULL)
		secret_wipe(pem, cap);
	free(pem);
	world_close(v->role->world, fd);
	if (!ok) {
		shelf_free(v->next);
		v->next = NULL;
	}
	return ok;
}

static void retire(struct timer *t)
{
	struct vault *v = t->arg;
	shelf_free(v->old);
	v->old = NULL;
}

/* Loaded and proven: edges switch now, the old keys go after the grace. */
static void switch_shelf(struct vault *v)
{
	if (v->next == NULL)
		return;
	shelf_free(v->old);
	v->old = v->now;
	v->now = v->next;
	v->next = NULL;
	if (!timer_start(v->role->loop, &v->retire,
			 loop_now(v->role->loop) + VAULT_GRACE_NS, retire, v))
		retire(&(struct timer){.arg = v});
	struct edge_vault_changed m = {.generation = v->now->generation};
	for (size_t i = 0; i < CHANNELS_MAX; i++)
		if (v->clients[i].channel != NULL)
			(void)edge_vault_changed(v->clients[i].channel, &m);
}

/* ---- life ---------------------------------------------------------------- */

static void *create(struct role *role, const struct conf *conf, struct buf *why)
{
	struct vault *v = calloc(1, sizeof *v);
	if (v == NULL || !crypto_library_start()) {
		buf_add(why, SPAN("the crypto library cannot work here"));
		free(v);
		return NULL;
	}
	v->role = role;
	v->conf = conf;
	return v;
}

static void destroy(void *self)
{
	struct vault *v = self;
	timer_stop(&v->retire);
	for (size_t i = 0; i < CHANNELS_MAX; i++)
		if (v->clients[i].channel != NULL)
			ipc_free(edge_vault_ipc(v->clients[i].channel));
	for (size_t i = 0; i < CLERKS_MAX; i++)
		if (v->clerks[i].channel != NULL)
			ipc_free(admin_vault_ipc(v->clerks[i].channel));
	shelf_free(v->now);
	shelf_free(v->next);
	shelf_free(v->old);
	free(v);
}

static bool start(void *self, struct buf *why)
{
	struct vault *v = self;
	/* No certificates is an answer, too: edges wait for generation 1. */
	if (v->next == NULL)
		v->next = shelf_new(1);
	if (v->next == NULL)
		buf_add(why, SPAN("memory is short"));
	else
		switch_shelf(v);
	return v->now != NULL;
}

static bool prepare(void *self, const struct conf *conf, struct buf *why)
{
	struct vault *v = self;
	(void)why;
	shelf_free(v->next);
	v->next = NULL;
	v->next_conf = conf;
	return true;
}

static void adopt(void *self, const struct conf *conf)
{
	struct vault *v = self;
	v->conf = conf;
	v->next_conf = NULL;
	switch_shelf(v);
}

static void status(void *self, struct buf *json)
{
	struct vault *v = self;
	buf_printf(json,
		   "\"keys\":%zu,\"generation_keys\":%u,\"signed\":%llu,"
		   "\"refused_key\":%llu,\"refused_text\":%llu,"
		   "\"refused_scheme\":%llu,\"failed\":%llu",
		   v->now ? v->now->count : 0, v->now ? v->now->generation : 0,
		   (unsigned long long)v->signed_,
		   (unsigned long long)v->refused_key,
		   (unsigned long long)v->refused_text,
		   (unsigned long long)v->refused_scheme,
		   (unsigned long long)v->failed);
}

const struct role_def vault_role = {
	.create = create,
	.destroy = destroy,
	.attach = attach,
	.material = material,
	.rights = rights,
	.start = start,
	.prepare = prepare,
	.adopt = adopt,
	.status = status,
};
