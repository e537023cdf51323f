/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/client - one SSL_CTX for a kind of destination, and connections from it.
 *
 * What is expected of one server is set on its SSL alone; the judge
 * (tls/judge.c) is called where OpenSSL would verify.
 */
#include "tls/client.h"

#include <openssl/err.h>

#include <stdlib.h>

#include "base/ensure.h"
#include "tls/client_own.h"
#include "tls/library_own.h"

#define CHECK_ARENA 131072u

/*
 * A server asks for a certificate.  Only the text of TLS 1.3 is one that the
 * vault signs; in 1.2 the connection forgets that it has any.
 */
static int asked_for_certificate(SSL *ssl, void *arg)
{
	(void)arg;
	tls_conn_of(ssl)->judged->asked = true;
	if (SSL_version(ssl) < TLS1_3_VERSION)
		SSL_certs_clear(ssl);
	return 1;
}

static bool usable(const struct tls_identity *id, struct buf *why)
{
	struct arena *arena = arena_new(CHECK_ARENA);
	struct tls_certificate cert;
	bool ok = arena && tls_certificate_check(arena, id->chain,
						 SPAN("certificate"), 0, NULL,
						 &cert);

	if (!ok)
		buf_printf(why, "no memory for the certificate's names");
	/* That it is not for servers is right here. */
	for (size_t i = 0; ok && i < cert.finding_count; i++)
		if (cert.findings[i].level == TLS_ERROR &&
		    cert.findings[i].kind != TLS_F_NO_SERVER_AUTH) {
			buf_add(why, cert.findings[i].text);
			ok = false;
		}
	arena_free(arena);
	return ok;
}

static bool add_identities(struct tls_client *c,
			   const struct tls_client_settings *s,
			   struct buf *why)
{
	if (s->identity_count > TLS_SITE_CERTS) {
		buf_printf(why, "a destination is shown at most %u certificates",
			   TLS_SITE_CERTS);
		return false;
	}
	for (size_t i = 0; i < s->identity_count; i++) {
		if (!usable(&s->identities[i], why))
			return false;
		if (!tls_chain_use(c->ssl, c->library->lib,
				   &s->identities[i])) {
			buf_printf(why, "OpenSSL does not take the certificate: %s",
				   ERR_reason_error_string(
					   ERR_peek_last_error()));
			return false;
		}
	}
	return true;
}

static bool set_alpn(SSL_CTX *ssl, struct span name)
{
	unsigned char list[256];

	if (name.len == 0)
		return true;
	if (name.len > 255)
		return false;
	list[0] = (unsigned char)name.len;
	memcpy(list + 1, name.ptr, name.len);
	return SSL_CTX_set_alpn_protos(ssl, list, (unsigned)name.len + 1) == 0;
}

static bool fill(struct tls_client *c, const struct tls_client_settings *s,
		 struct buf *why)
{
	struct tls_choice choice;
	bool ok = tls_choice_make(&choice, s->profile, s->ciphers, s->groups,
				  why);

	if (ok && !(c->ssl = SSL_CTX_new_ex(c->library->lib, NULL,
					    TLS_client_method()))) {
		buf_printf(why, "no memory");
		ok = false;
	}
	if (ok && (!tls_policy_client(c->ssl, &choice) ||
		   !set_alpn(c->ssl, s->alpn) ||
		   SSL_CTX_dane_enable(c->ssl) != 1)) {
		buf_printf(why, "OpenSSL knows no suite of \"%.*s\" or no group "
				"of \"%.*s\"",
			   SPAN_FMT(s->ciphers), SPAN_FMT(s->groups));
		ok = false;
	}
	tls_choice_free(&choice);
	if (!ok)
		return false;
	SSL_CTX_set_verify(c->ssl, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(c->ssl, tls_judge_chain, NULL);
	SSL_CTX_set_cert_cb(c->ssl, asked_for_certificate, NULL);
	SSL_CTX_set_info_callback(c->ssl, tls_conn_watch);
	SSL_CTX_set_max_cert_list(c->ssl, (long)TLS_PEER_CHAIN_MAX);
	return add_identities(c, s, why);
}

struct tls_client *tls_client_new(struct tls_library *library,
				  const struct tls_client_settings *s,
				  struct buf *why)
{
	struct tls_client *c;
	bool ok;

	ENSURE_TAG(library, TAG_LIBRARY);
	c = calloc(1, sizeof(*c));
	if (!c) {
		buf_printf(why, "no memory");
		return NULL;
	}
	c->tag = TAG_CLIENT;
	c->references = 1;
	c->library = library;
	ERR_clear_error();
	ok = fill(c, s, why);
	ERR_clear_error();
	if (ok)
		return c;
	tls_client_free(c);
	return NULL;
}

void tls_client_free(struct tls_client *c)
{
	if (!c)
		return;
	ENSURE_TAG(c, TAG_CLIENT);
	if (--c->references > 0)
		return;
	SSL_CTX_free(c->ssl);
	c->tag = 0;
	free(c);
}

/* A name and no address: RFC 6066 section 3. */
static bool sni_of(struct span s, char out[TLS_SNI_MAX + 1])
{
	bool letters = false;

	if (s.len > 0 && s.ptr[s.len - 1] == '.')
		s.len--;
	if (s.len == 0 || s.len > TLS_SNI_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] <= ' ' || s.ptr[i] > '~' || s.ptr[i] == ':')
			return false;
		letters |= s.ptr[i] != '.' && !ascii_digit(s.ptr[i]);
		out[i] = s.ptr[i];
	}
	out[s.len] = '\0';
	return letters;
}

/* OpenSSL judges which records it can use; usages 0 and 1 are not for mail. */
static bool set_tlsa(struct tls_conn *c, const struct tls_expect *e)
{
	if (SSL_dane_enable(c->ssl, NULL) <= 0)
		return false;
	(void)SSL_dane_set_flags(c->ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	for (size_t i = 0; i < e->tlsa_count; i++) {
		const struct tls_tlsa *t = &e->tlsa[i];
		int r;

		if (t->usage != 2 && t->usage != 3)
			continue;
		r = SSL_dane_tlsa_add(c->ssl, t->usage, t->selector,
				      t->matching,
				      (const unsigned char *)t->data.ptr,
				      t->data.len);
		if (r < 0)
			return false;
		c->judged->usable += r > 0;
	}
	return true;
}

static bool expect(struct tls_conn *c, const struct tls_expect *e)
{
	char sni[TLS_SNI_MAX + 1];

	c->judged = tls_judged_new(e);
	if (!c->judged ||
	    (sni_of(e->sni, sni) &&
	     SSL_set_tlsext_host_name(c->ssl, sni) != 1) ||
	    (e->what == TLS_EXPECT_TLSA && !set_tlsa(c, e)))
		return false;
	return !e->authorities ||
	       SSL_set1_verify_cert_store(c->ssl, e->authorities->store) == 1;
}

struct tls_conn *tls_client_conn(struct tls_client *client,
				 const struct tls_expect *e,
				 const struct tls_transport *transport)
{
	struct tls_conn *c;
	bool ok;

	ENSURE_TAG(client, TAG_CLIENT);
	c = tls_conn_make(client->library, client->ssl, transport);
	if (!c)
		return NULL;
	c->client = client;
	client->references++;
	SSL_set_connect_state(c->ssl);
	ok = expect(c, e);
	ERR_clear_error();
	if (ok)
		return c;
	tls_conn_free(c);
	return NULL;
}
