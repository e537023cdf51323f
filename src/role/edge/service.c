/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/service: a listener's settings, copied out of a configuration so
 * that connections can outlive it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/ensure.h"
#include "role/edge/connection.h"

#define SERVICE_ARENA_MAX (1u << 20)

static const struct protocol *protocol_of(uint32_t role)
{
	switch (role) {
	case CONF_ROLE_MX:
	case CONF_ROLE_SUBMISSION:
		return &smtp_protocol;
	case CONF_ROLE_IMAP:
		return &imap_protocol;
	case CONF_ROLE_POP3:
		return &pop3_protocol;
	default:
		return NULL;
	}
}

static enum tls_profile profile_of(const struct conf_tls *t)
{
	if (t->minimum == CONF_TLS_1_3 || t->profile == CONF_PROFILE_MODERN)
		return TLS_MODERN;
	if (t->ciphers.len > 0)
		return TLS_CUSTOM;
	if (t->profile == CONF_PROFILE_OPPORTUNISTIC)
		return TLS_OPPORTUNISTIC;
	return t->profile == CONF_PROFILE_LEGACY ? TLS_LEGACY : TLS_STRICT;
}

static enum tls_order order_of(const struct conf_tls *t)
{
	if (t->order == CONF_ORDER_SERVER)
		return TLS_ORDER_SERVER;
	return t->order == CONF_ORDER_CLIENT ? TLS_ORDER_CLIENT
					     : TLS_ORDER_CHACHA;
}

static enum tls_client_certificate client_of(const struct conf_tls *t)
{
	if (t->client_certificate == CONF_CLIENT_REQUIRE)
		return TLS_CLIENT_REQUIRE;
	return t->client_certificate == CONF_CLIENT_REQUEST
		       ? TLS_CLIENT_REQUEST
		       : TLS_CLIENT_OFF;
}

static enum tls_dhe dhe_of(const struct conf_tls *t)
{
	static const enum tls_dhe groups[] = {
		[CONF_DHE_OFF] = TLS_DHE_OFF,	[CONF_DHE_2048] = TLS_DHE_2048,
		[CONF_DHE_3072] = TLS_DHE_3072, [CONF_DHE_4096] = TLS_DHE_4096};
	ENSURE(t->dhe < ARRAY_LEN(groups));
	return groups[t->dhe];
}

static enum tls_protocol alpn_of(uint32_t role)
{
	if (role == CONF_ROLE_IMAP)
		return TLS_FOR_IMAP;
	return role == CONF_ROLE_POP3 ? TLS_FOR_POP3 : TLS_FOR_SMTP;
}

static bool groups_of(struct arena *a, const struct conf_words *words,
		      struct span *out)
{
	struct buf text;
	buf_init(&text, 4096);
	for (size_t i = 0; i < words->count; i++) {
		if (i > 0)
			buf_addc(&text, ':');
		buf_add(&text, words->at[i]);
	}
	bool ok = buf_ok(&text) && arena_copy(a, buf_span(&text), out);
	buf_free(&text);
	return ok;
}

static bool tls_of(struct service *s, const struct conf_listener *l)
{
	s->tls_settings = (struct tls_settings){
		.profile = profile_of(&l->tls),
		.order = order_of(&l->tls),
		.protocol = alpn_of(l->role),
		.client = client_of(&l->tls),
		.dhe = dhe_of(&l->tls),
	};
	struct span *sni = ARENA_ARRAY(s->arena, l->sni.count + 1, struct span);
	if (sni == NULL)
		return false;
	for (size_t i = 0; i < l->sni.count; i++)
		if (!arena_copy(s->arena, l->sni.at[i].certificate, &sni[i]))
			return false;
	s->sni = sni;
	s->sni_count = l->sni.count;
	return arena_copy(s->arena, l->tls.certificate, &s->certificate) &&
	       arena_copy(s->arena, l->tls.ciphers, &s->tls_settings.ciphers) &&
	       groups_of(s->arena, &l->tls.groups, &s->tls_settings.groups);
}

static uint32_t seconds(uint64_t n)
{
	return (uint32_t)u64_min(n, UINT32_MAX);
}

static void smtp_of(struct service *s, const struct conf_listener *l)
{
	struct smtp_limits limits = SMTP_LIMITS_DEFAULT;
	limits.message = l->limits.message_size;
	limits.recipients = (uint32_t)u64_min(l->limits.recipients,
					      EDGE_RECIPIENTS_MAX);
	limits.bad_commands = (uint32_t)u64_min(l->limits.errors, UINT32_MAX);
	limits.command_seconds = seconds(l->timeouts.command);
	/* A slice of data may take longer than a pause in it. */
	limits.data_seconds =
		seconds(u64_max(l->timeouts.data, limits.data_seconds));
	enum smtp_tls_mode mode = SMTP_TLS_NONE;
	if (s->implicit)
		mode = SMTP_TLS_IMPLICIT;
	else if (s->starttls)
		mode = l->role == CONF_ROLE_MX ? SMTP_TLS_OFFERED
					       : SMTP_TLS_REQUIRED;
	s->smtp = (struct smtp_settings){
		.role = l->role == CONF_ROLE_MX ? SMTP_MX : SMTP_SUBMISSION,
		.tls = mode,
		.hostname = s->hostname,
		/* MX tells no sender whom nobody proved: who hands it over and
		 * does not see DSN tells its own sender that it went on. */
		.extensions = l->role == CONF_ROLE_MX
				      ? SMTP_EXT_ALL & ~SMTP_EXT_DSN
				      : SMTP_EXT_ALL,
		.limits = limits,
	};
}

static bool copy_limits(struct service *s, const struct conf_listener *l)
{
	size_t n = l->limits.exempt.count;
	struct conf_net *nets = ARENA_ARRAY(s->arena, n + 1, struct conf_net);
	if (nets == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		nets[i] = l->limits.exempt.at[i];
	s->limits = l->limits;
	s->limits.exempt = (struct conf_nets){nets, n};
	s->timeouts = l->timeouts;
	if (l->role == CONF_ROLE_MX)
		s->timeouts.login = 0;
	return true;
}

struct service *service_new(const struct conf *conf,
			    const struct conf_listener *l)
{
	const struct protocol *p = protocol_of(l->role);
	struct service *s = p != NULL ? calloc(1, sizeof *s) : NULL;
	if (s == NULL)
		return NULL;
	s->refs = 1;
	s->protocol = p;
	s->implicit = l->security == CONF_SECURITY_IMPLICIT;
	s->starttls = l->security == CONF_SECURITY_STARTTLS;
	s->arena = arena_new(SERVICE_ARENA_MAX);
	if (s->arena != NULL && arena_copy(s->arena, l->name, &s->name) &&
	    arena_copy(s->arena, conf->hostname, &s->hostname) &&
	    tls_of(s, l) && copy_limits(s, l)) {
		smtp_of(s, l);
		return s;
	}
	service_release(s);
	return NULL;
}

void service_hold(struct service *s)
{
	s->refs++;
}

void service_release(struct service *s)
{
	if (s == NULL)
		return;
	ENSURE(s->refs > 0);
	if (--s->refs > 0)
		return;
	tls_context_free(s->tls);
	arena_free(s->arena);
	free(s);
}
