/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/context - one SSL_CTX for each site, all with the same policy.
 *
 * A handshake begins on the first site's; its server-name callback moves the
 * connection to the site whose certificate has the name.  Names come in as
 * bytes from the network: bounded, compared, never kept.
 */
#include "tls/context_own.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdlib.h>

#include "base/ensure.h"
#include "tls/library_own.h"
#include "tls/pkey.h"

#define SITE_ARENA 131072u

static const char *const alpn_names[] = {
	[TLS_FOR_SMTP] = "smtp",	 [TLS_FOR_IMAP] = "imap",
	[TLS_FOR_POP3] = "pop3",	 [TLS_FOR_SIEVE] = "managesieve",
	[TLS_FOR_HTTP] = "http/1.1",
};

static int choose_alpn(SSL *ssl, const unsigned char **out,
		       unsigned char *out_len, const unsigned char *in,
		       unsigned int in_len, void *arg)
{
	const struct tls_context *c = arg;
	struct span want = span_cstr(alpn_names[c->settings.protocol]);

	(void)ssl;
	for (unsigned int i = 0; i < in_len; i += 1u + in[i]) {
		if (in[i] >= in_len - i)
			break;
		if (span_eq(span_of(in + i + 1, in[i]), want)) {
			*out = in + i + 1;
			*out_len = in[i];
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static const struct tls_site *find_site(const struct tls_context *c,
					struct span host)
{
	for (size_t i = 0; i < c->site_count; i++)
		for (size_t k = 0; k < c->sites[i].name_count; k++)
			if (tls_name_matches(c->sites[i].names[k], host))
				return &c->sites[i];
	return NULL;
}

static int choose_site(SSL *ssl, int *alert, void *arg)
{
	const struct tls_context *c = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct span host = span_cstr(name);
	const struct tls_site *site;

	(void)alert;
	if (host.len == 0 || host.len > TLS_SNI_MAX)
		return SSL_TLSEXT_ERR_NOACK;
	site = find_site(c, host);
	if (!site)
		return SSL_TLSEXT_ERR_NOACK;
	return SSL_set_SSL_CTX(ssl, site->ssl) ? SSL_TLSEXT_ERR_OK
					       : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int look_at_client(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(
		store, SSL_get_ex_data_X509_STORE_CTX_idx());

	if (!ok && ssl && tls_conn_of(ssl))
		tls_conn_note_verify(tls_conn_of(ssl),
				     X509_STORE_CTX_get_error(store));
	return 1;
}

static bool set_client(SSL_CTX *ssl, const struct tls_context *c)
{
	STACK_OF(X509_NAME) *names;

	if (c->settings.client == TLS_CLIENT_OFF)
		return true;
	if (c->client_ca) {
		names = SSL_dup_CA_list(c->client_ca->names);
		if (!names)
			return false;
		SSL_CTX_set1_cert_store(ssl, c->client_ca->store);
		SSL_CTX_set_client_CA_list(ssl, names);
	}
	if (c->settings.client == TLS_CLIENT_REQUIRE) {
		SSL_CTX_set_verify(ssl,
				   SSL_VERIFY_PEER |
					   SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
				   NULL);
		return true;
	}
	/* Other servers' certificates are for servers only nowadays. */
	SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, look_at_client);
	return SSL_CTX_set_purpose(ssl, X509_PURPOSE_ANY) == 1;
}

static SSL_CTX *make_ssl(struct tls_context *c)
{
	SSL_CTX *ssl = SSL_CTX_new_ex(c->library->lib, NULL,
				      TLS_server_method());

	if (!ssl || !tls_policy_server(ssl, &c->choice, c->settings.order,
				       c->settings.dhe, c->library->lib) ||
	    !set_client(ssl, c)) {
		SSL_CTX_free(ssl);
		return NULL;
	}
	SSL_CTX_set_alpn_select_cb(ssl, choose_alpn, c);
	SSL_CTX_set_tlsext_servername_callback(ssl, choose_site);
	SSL_CTX_set_tlsext_servername_arg(ssl, c);
	SSL_CTX_set_info_callback(ssl, tls_conn_watch);
	return ssl;
}

static bool fill(struct tls_context *c, const struct tls_settings *s,
		 struct buf *why)
{
	if (!tls_choice_make(&c->choice, s->profile, s->ciphers, s->groups,
			     why))
		return false;
	if (s->client_ca.len > 0) {
		c->client_ca = tls_authorities_new(s->client_ca, why);
		if (!c->client_ca)
			return false;
	}
	c->bare = make_ssl(c);
	if (!c->bare)
		buf_printf(why, "OpenSSL knows no suite of \"%.*s\" that has "
				"forward secrecy, or no group of \"%.*s\"",
			   SPAN_FMT(s->ciphers), SPAN_FMT(s->groups));
	ERR_clear_error();
	return c->bare != NULL;
}

struct tls_context *tls_context_new(struct tls_library *library,
				    const struct tls_settings *s,
				    struct buf *why)
{
	struct tls_context *c;

	ENSURE_TAG(library, TAG_LIBRARY);
	c = calloc(1, sizeof(*c));
	if (!c) {
		buf_printf(why, "no memory");
		return NULL;
	}
	c->tag = TAG_CONTEXT;
	c->references = 1;
	c->library = library;
	c->settings = *s;
	if (fill(c, s, why))
		return c;
	tls_context_free(c);
	return NULL;
}

void tls_context_hold(struct tls_context *c)
{
	ENSURE_TAG(c, TAG_CONTEXT);
	c->references++;
}

static void site_free(struct tls_site *s)
{
	SSL_CTX_free(s->ssl);
	arena_free(s->arena);
}

void tls_context_free(struct tls_context *c)
{
	if (!c)
		return;
	ENSURE_TAG(c, TAG_CONTEXT);
	if (--c->references > 0)
		return;
	for (size_t i = 0; i < c->site_count; i++)
		site_free(&c->sites[i]);
	SSL_CTX_free(c->bare);
	tls_authorities_free(c->client_ca);
	free(c->sites);
	tls_choice_free(&c->choice);
	c->tag = 0;
	free(c);
}

bool tls_chain_use(SSL_CTX *ssl, OSSL_LIB_CTX *lib,
		   const struct tls_identity *id)
{
	BIO *bio = BIO_new_mem_buf(id->chain.ptr, (int)id->chain.len);
	X509 *leaf = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	EVP_PKEY *public = leaf ? X509_get0_pubkey(leaf) : NULL;
	EVP_PKEY *key = public ? provider_key(lib, public, id->key)
			       : NULL;
	X509 *x;
	bool ok = key && SSL_CTX_use_certificate(ssl, leaf) == 1 &&
		  SSL_CTX_use_PrivateKey(ssl, key) == 1 &&
		  SSL_CTX_clear_chain_certs(ssl) == 1;

	while (ok && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		if (SSL_CTX_add0_chain_cert(ssl, x) != 1) {
			X509_free(x);
			ok = false;
		}
	EVP_PKEY_free(key);
	X509_free(leaf);
	BIO_free(bio);
	return ok;
}

static bool add_identity(struct tls_site *site, struct tls_context *c,
			 const struct tls_identity *id, struct buf *why)
{
	struct tls_certificate cert;

	if (!tls_certificate_check(site->arena, id->chain, SPAN("certificate"),
				   0, NULL, &cert)) {
		buf_printf(why, "no memory for the certificate's names");
		return false;
	}
	for (size_t i = 0; i < cert.finding_count && !cert.usable; i++)
		if (cert.findings[i].level == TLS_ERROR) {
			buf_add(why, cert.findings[i].text);
			return false;
		}
	if (!tls_chain_use(site->ssl, c->library->lib, id)) {
		buf_printf(why, "OpenSSL does not take the certificate: %s",
			   ERR_reason_error_string(ERR_peek_last_error()));
		return false;
	}
	site->rsa |= cert.kind == TLS_KEY_RSA;
	site->ecdsa |= cert.kind != TLS_KEY_RSA;
	/* All certificates of a site serve the same names: keep the first's. */
	if (site->name_count == 0) {
		site->names = cert.names;
		site->name_count = cert.name_count;
	}
	return true;
}

bool tls_context_add(struct tls_context *c, const struct tls_identity *ids,
		     size_t count, struct buf *why)
{
	struct tls_site site = {0}, *more;
	bool ok;

	ENSURE_TAG(c, TAG_CONTEXT);
	if (count == 0 || count > TLS_SITE_CERTS ||
	    c->site_count == TLS_SITES_MAX) {
		buf_printf(why, "a site has 1 to %u certificates, a listener at "
				"most %u sites", TLS_SITE_CERTS, TLS_SITES_MAX);
		return false;
	}
	site.arena = arena_new(SITE_ARENA);
	site.ssl = make_ssl(c);
	more = realloc(c->sites, (c->site_count + 1) * sizeof(*more));
	if (more)
		c->sites = more;
	ok = site.arena && site.ssl && more;
	if (!ok)
		buf_printf(why, "no memory");
	for (size_t i = 0; ok && i < count; i++)
		ok = add_identity(&site, c, &ids[i], why);
	ERR_clear_error();
	if (ok)
		c->sites[c->site_count++] = site;
	else
		site_free(&site);
	return ok;
}

void tls_context_show(const struct tls_context *c, struct buf *out)
{
	STACK_OF(SSL_CIPHER) *all;
	int lowest;

	ENSURE_TAG(c, TAG_CONTEXT);
	all = SSL_CTX_get_ciphers(c->bare);
	lowest = (int)SSL_CTX_get_min_proto_version(c->bare);
	for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
		const SSL_CIPHER *s = sk_SSL_CIPHER_value(all, i);
		unsigned id = SSL_CIPHER_get_protocol_id(s);
		const char *version = SSL_CIPHER_get_version(s);

		if (strcmp(version, "TLSv1.0") == 0)
			version = "TLSv1"; /* the tool's word for it */
		if (lowest == TLS1_3_VERSION && id >> 8 != 0x13)
			continue;
		buf_printf(out, "0x%02X,0x%02X - %s %s\n", id >> 8, id & 0xff,
			   SSL_CIPHER_get_name(s), version);
	}
}

bool tls_context_misfit(const struct tls_context *c, struct buf *why)
{
	STACK_OF(SSL_CIPHER) *all;
	bool rsa = false, ecdsa = false;

	ENSURE_TAG(c, TAG_CONTEXT);
	if (c->settings.profile == TLS_MODERN)
		return false;
	all = SSL_CTX_get_ciphers(c->bare);
	for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
		int nid = SSL_CIPHER_get_auth_nid(sk_SSL_CIPHER_value(all, i));

		rsa |= nid == NID_auth_rsa;
		ecdsa |= nid == NID_auth_ecdsa;
	}
	for (size_t i = 0; i < c->site_count; i++) {
		const struct tls_site *s = &c->sites[i];
		const char *have = s->rsa ? "RSA" : "ECDSA";
		struct span name = s->name_count > 0 ? s->names[0]
						     : SPAN("site 1");

		if ((!s->rsa || !rsa) && (!s->ecdsa || !ecdsa))
			buf_printf(why, "no suite for TLS 1.2 fits the %s "
					"certificate of %.*s: such clients "
					"cannot connect; widen the cipher string "
					"or add a certificate",
				   have, SPAN_FMT(name));
		else if (c->settings.dhe != TLS_DHE_OFF && !s->rsa)
			buf_printf(why, "DHE takes an RSA certificate, and %.*s "
					"has none: clients without ECDHE cannot "
					"connect; add a certificate",
				   SPAN_FMT(name));
		else
			continue;
		return true;
	}
	return false;
}
