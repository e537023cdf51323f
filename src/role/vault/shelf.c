/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/vault/shelf: pairs chains with keys and judges them for their listeners.
 *
 * Must never take a key whose certificate it does not fit, nor let a pool use a
 * key that none of its listeners shows, or couriers one that no destination
 * names.
 */
#include "role/vault/shelf.h"

#include <stdlib.h>

#include "base/ensure.h"

#define SHELF_MEMORY (32u << 20)

struct shelf *shelf_new(uint32_t generation)
{
	struct shelf *s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->generation = generation;
	s->arena = arena_new(SHELF_MEMORY);
	s->keys = tls_keybox_new();
	if (s->arena != NULL && s->keys != NULL)
		return s;
	shelf_free(s);
	return NULL;
}

void shelf_free(struct shelf *s)
{
	if (s == NULL)
		return;
	tls_keybox_free(s->keys);
	arena_free(s->arena);
	free(s);
}

static uint64_t pool_bit(const struct conf_listener *l)
{
	switch (conf_pool(l->role)) {
	case CONF_EDGE_MX:
		return 1u << KIND_EDGE_MX;
	case CONF_EDGE_ACCESS:
		return 1u << KIND_EDGE_ACCESS;
	case CONF_EDGE_ADMIN:
		return 1u << KIND_EDGE_ADMIN;
	default:
		return 0;
	}
}

static bool shows(const struct conf_listener *l, struct span certificate)
{
	if (!l->enabled)
		return false;
	for (size_t i = 0; i < l->sni.count; i++)
		if (span_eq(l->sni.at[i].certificate, certificate))
			return true;
	return span_eq(l->tls.certificate, certificate);
}

static void set_rights(struct pair *p, const struct conf *conf)
{
	for (size_t i = 0; i < conf->listener_count; i++) {
		const struct conf_listener *l = &conf->listeners[i];
		if (!shows(l, p->certificate))
			continue;
		p->rights |= pool_bit(l);
		if (l->tls.dhe != CONF_DHE_OFF)
			p->dhe |= pool_bit(l);
	}
	for (size_t i = 0; i < conf->destination_count; i++)
		if (span_eq(conf->destinations[i].certificate, p->certificate))
			p->client = SHELF_COURIER;
}

static struct pair *find(struct shelf *s, struct span label)
{
	for (size_t i = 0; i < s->count; i++)
		if (span_eq(s->pairs[i].label, label))
			return &s->pairs[i];
	return NULL;
}

bool shelf_add_chain(struct shelf *s, const struct conf *conf,
		     struct span label, struct span pem, struct buf *why)
{
	struct pair *p = &s->pairs[s->count];
	size_t blank = span_find_last(label, ' ');
	if (s->count == SHELF_MAX) {
		buf_printf(why, "more than %u certificates", SHELF_MAX);
		return false;
	}
	*p = (struct pair){.id = s->generation * 1024 + (uint32_t)s->count};
	if (!arena_copy(s->arena, label, &p->label) ||
	    !arena_copy(s->arena, pem, &p->chain)) {
		buf_add(why, SPAN("memory is short"));
		return false;
	}
	p->certificate = span_sub(p->label, 0, blank);
	set_rights(p, conf);
	s->count++;
	return true;
}

static bool self_signed_is_error(const struct conf_listener *l)
{
	return l->role != CONF_ROLE_MX && !l->tls.allow_self_signed;
}

/* Self-signed: MX still gets encryption from it, a person's client must not. */
static bool judge_self_signed(const struct conf *conf, const struct pair *p,
			      struct buf *why, struct buf *notes)
{
	if (!p->facts.self_signed)
		return true;
	for (size_t i = 0; i < conf->listener_count; i++) {
		const struct conf_listener *l = &conf->listeners[i];
		if (!shows(l, p->certificate))
			continue;
		if (self_signed_is_error(l)) {
			buf_printf(why,
				   "certificate \"%.*s\" is self-signed, and "
				   "listener \"%.*s\" shows it to people's "
				   "programs: get one from a certificate "
				   "authority, or write `allow-self-signed on;` "
				   "in the listener's tls block",
				   SPAN_FMT(p->certificate), SPAN_FMT(l->name));
			return false;
		}
		buf_printf(notes, "certificate \"%.*s\" of listener \"%.*s\" is "
				  "self-signed: it is temporary\n",
			   SPAN_FMT(p->certificate), SPAN_FMT(l->name));
	}
	return true;
}

/* One that is shown to servers alone need not be for servers. */
static bool matters(const struct pair *p, const struct tls_finding *f)
{
	bool client_alone = p->client != 0 && p->rights == 0;
	return !client_alone || f->kind != TLS_F_NO_SERVER_AUTH;
}

static bool judge(const struct conf *conf, const struct pair *p,
		  struct buf *why, struct buf *notes)
{
	if (p->client != 0 && !p->facts.client_auth)
		buf_printf(notes, "certificate \"%.*s\" of a destination is not "
				  "for clients (no clientAuth): servers that "
				  "verify it will not take it\n",
			   SPAN_FMT(p->certificate));
	for (size_t i = 0; i < p->facts.finding_count; i++) {
		const struct tls_finding *f = &p->facts.findings[i];
		if (!matters(p, f))
			continue;
		if (f->level == TLS_ERROR) {
			buf_add(why, f->text);
			return false;
		}
		if (f->level == TLS_WARNING && f->kind != TLS_F_SELF_SIGNED)
			buf_printf(notes, "%.*s\n", SPAN_FMT(f->text));
	}
	return judge_self_signed(conf, p, why, notes);
}

static const char *load_text(enum tls_key_load r)
{
	static const char *const texts[] = {
		[TLS_KEY_LOADED] = "",
		[TLS_KEY_UNREADABLE] = "no unencrypted private key in PEM",
		[TLS_KEY_UNFIT] = "neither RSA >= 2048, P-256, P-384 nor Ed25519",
		[TLS_KEY_DUPLICATE] = "its number is taken",
		[TLS_KEY_FULL] = "too many keys",
	};
	return texts[r];
}

bool shelf_add_key(struct shelf *s, const struct conf *conf, struct span label,
		   struct span pem, int64_t now, struct buf *why,
		   struct buf *notes)
{
	struct pair *p = find(s, label);
	unsigned char spki[32];
	if (p == NULL || p->has_key) {
		buf_printf(why, "certificate \"%.*s\": a key without a chain",
			   SPAN_FMT(label));
		return false;
	}
	enum tls_key_load r = tls_keybox_add(s->keys, p->id, p->rights, pem);
	if (r != TLS_KEY_LOADED) {
		buf_printf(why, "the key of certificate \"%.*s\": %s",
			   SPAN_FMT(p->certificate), load_text(r));
		return false;
	}
	p->has_key = true;
	ENSURE(tls_keybox_allow_dhe(s->keys, p->id, p->dhe));
	ENSURE(tls_keybox_allow_client(s->keys, p->id, p->client));
	ENSURE(tls_keybox_spki(s->keys, p->id, spki));
	if (!tls_certificate_check(s->arena, p->chain, p->label, now, spki,
				   &p->facts)) {
		buf_add(why, SPAN("memory is short"));
		return false;
	}
	return judge(conf, p, why, notes);
}

bool shelf_add_next(struct shelf *s, struct span certificate, struct span pem,
		    struct buf *why)
{
	struct next_key *n = &s->next[s->next_count];
	struct tls_keybox *box;
	if (s->next_count == SHELF_MAX) {
		buf_printf(why, "more than %u keys to follow", SHELF_MAX);
		return false;
	}
	box = tls_keybox_new();
	if (box == NULL || !arena_copy(s->arena, certificate, &n->certificate)) {
		tls_keybox_free(box);
		buf_add(why, SPAN("memory is short"));
		return false;
	}
	enum tls_key_load r = tls_keybox_add(box, 0, 0, pem);
	if (r == TLS_KEY_LOADED) {
		ENSURE(tls_keybox_spki(box, 0, n->spki));
		s->next_count++;
	} else {
		buf_printf(why, "the next key of certificate \"%.*s\": %s",
			   SPAN_FMT(certificate), load_text(r));
	}
	tls_keybox_free(box);
	return r == TLS_KEY_LOADED;
}
