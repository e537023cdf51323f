/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/policy - profiles turned into OpenSSL's settings.
 *
 * The keys live in the vault, which signs handshakes and never decrypts, so RSA
 * key exchange cannot be served; finite-field DHE, which RFC 10015 forbids for
 * TLS 1.2, only where the settings name a group.  What cannot be served is taken
 * out of every list, like anonymous and NULL suites, however a custom string
 * spells it: doc/decisions/0006.
 */
#include <stdio.h>

#include "tls/context_own.h"
#include "tls/library_own.h"

#define AEAD                                                                   \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"           \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"           \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define CBC                                                                    \
	"ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:"                   \
	"ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:"                   \
	"ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:"                         \
	"ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA"
#define REST   "kEECDH"
/* Behind all of ECDHE: they are slow, and in TLS 1.2 the server chooses. */
#define DHE_AEAD                                                               \
	":DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:"                \
	"DHE-RSA-CHACHA20-POLY1305"
#define DHE_CBC                                                                \
	":DHE-RSA-AES128-SHA256:DHE-RSA-AES256-SHA256:"                        \
	"DHE-RSA-AES128-SHA:DHE-RSA-AES256-SHA"
#define DHE_REST ":kEDH"
#define REMOVE                                                                 \
	"!aNULL:!eNULL:!kRSA:!aDSS:!PSK:!SRP:!3DES:!RC4:!DES:!MD5"
#define REMOVE_DHE ":!kEDH"
/* SHA-2 only, best first; the order is ours, see SSL_OP_CIPHER_... */
#define SIGNATURES                                                             \
	"ECDSA+SHA256:ed25519:ECDSA+SHA384:rsa_pss_rsae_sha256:"               \
	"rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:RSA+SHA256:RSA+SHA384:"       \
	"RSA+SHA512"

static bool set_ciphers(SSL_CTX *ssl, const struct tls_context *c)
{
	char list[TLS_CIPHERS_MAX + 1024];
	const char *base = AEAD, *dhe = DHE_AEAD;
	bool on = c->settings.dhe != TLS_DHE_OFF;
	int n;

	switch (c->settings.profile) {
	case TLS_MODERN:
	case TLS_STRICT:
		break;
	case TLS_OPPORTUNISTIC:
		base = AEAD ":" CBC;
		dhe = DHE_AEAD DHE_CBC;
		break;
	case TLS_LEGACY:
		base = AEAD ":" CBC ":" REST;
		dhe = DHE_AEAD DHE_CBC DHE_REST;
		break;
	case TLS_CUSTOM:
		base = c->ciphers;
		dhe = "";
		break;
	}
	n = snprintf(list, sizeof(list), "%s%s:%s%s", base, on ? dhe : "",
		     REMOVE, on ? "" : REMOVE_DHE);
	return n > 0 && (size_t)n < sizeof(list) &&
	       SSL_CTX_set_cipher_list(ssl, list) == 1;
}

/*
 * One group, chosen by us: OpenSSL's own choice would be a group of RFC 3526,
 * which the vault does not know.  Each handshake makes a new key in it.
 */
static bool set_group(SSL_CTX *ssl, const struct tls_context *c)
{
	const char *name = tls_ffdhe_name(c->settings.dhe);
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *group = NULL;
	bool ok;

	if (!name)
		return true;
	ctx = EVP_PKEY_CTX_new_from_name(c->library->lib, "DH", NULL);
	ok = ctx && EVP_PKEY_paramgen_init(ctx) == 1 &&
	     EVP_PKEY_CTX_set_group_name(ctx, name) == 1 &&
	     EVP_PKEY_paramgen(ctx, &group) == 1 &&
	     SSL_CTX_set0_tmp_dh_pkey(ssl, group) == 1;
	if (!ok)
		EVP_PKEY_free(group);
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static void set_options(SSL_CTX *ssl, enum tls_order order)
{
	uint64_t on = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
		      SSL_OP_NO_TICKET;

	if (order != TLS_ORDER_CLIENT)
		on |= SSL_OP_CIPHER_SERVER_PREFERENCE;
	if (order == TLS_ORDER_CHACHA)
		on |= SSL_OP_PRIORITIZE_CHACHA;
	(void)SSL_CTX_set_options(ssl, on);
	(void)SSL_CTX_clear_options(ssl, SSL_OP_LEGACY_SERVER_CONNECT |
						 SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS |
					    SSL_MODE_ENABLE_PARTIAL_WRITE |
					    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	(void)SSL_CTX_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_read_ahead(ssl, 1);
	(void)SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
}

bool tls_policy_set(SSL_CTX *ssl, const struct tls_context *c)
{
	int lowest = c->settings.profile == TLS_MODERN ? TLS1_3_VERSION
						       : TLS1_2_VERSION;
	bool ok;

	set_options(ssl, c->settings.order);
	ok = SSL_CTX_set_min_proto_version(ssl, lowest) == 1 &&
	     SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) == 1 &&
	     set_ciphers(ssl, c) && set_group(ssl, c) &&
	     SSL_CTX_set1_groups_list(ssl, c->groups) == 1 &&
	     SSL_CTX_set1_sigalgs_list(ssl, SIGNATURES) == 1 &&
	     SSL_CTX_set_num_tickets(ssl, 0) == 1 &&
	     SSL_CTX_set_max_early_data(ssl, 0) == 1 &&
	     SSL_CTX_set_session_id_context(
		     ssl, (const unsigned char *)"letterlock", 10) == 1;
	/* After the string, which could lower it. */
	SSL_CTX_set_security_level(ssl, 2);
	return ok;
}
