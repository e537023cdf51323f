/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/policy - profiles turned into OpenSSL's settings.
 *
 * The keys live in the vault, which signs handshakes and never decrypts, so RSA
 * key exchange cannot be served; finite-field DHE, which RFC 10015 forbids for
 * TLS 1.2, only where the settings name a group.  What cannot be served is taken
 * out of every list, like anonymous and NULL suites, however a custom string
 * spells it: doc/decisions/0006.
 *
 * A client chooses otherwise.  On port 25 what follows a handshake that fails is
 * clear text, so it offers all that is not broken: DHE and RSA key exchange,
 * keys of 1024 bits, servers without RFC 5746.  That never touches what has to
 * be verified: tls/judge asks authorities for more.
 */
#include "tls/policy_own.h"

#include <stdio.h>
#include <stdlib.h>

#include "tls/ffdhe.h"

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
	"!aNULL:!eNULL:!aDSS:!PSK:!SRP:!3DES:!RC4:!DES:!MD5"
#define REMOVE_RSA ":!kRSA"
#define REMOVE_DHE ":!kEDH"
/* What a client offers behind these. */
#define CLIENT_REST ":kEECDH:kEDH:kRSA:!SEED:!IDEA:!RC2"
/* SHA-2 only, best first; the order is ours, see SSL_OP_CIPHER_... */
#define SIGNATURES                                                             \
	"ECDSA+SHA256:ed25519:ECDSA+SHA384:rsa_pss_rsae_sha256:"               \
	"rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:RSA+SHA256:RSA+SHA384:"       \
	"RSA+SHA512"
/* A client's: the curves and the RSA keys that others have are not our choice. */
#define CLIENT_SIGNATURES                                                      \
	"ECDSA+SHA256:ed25519:ECDSA+SHA384:ECDSA+SHA512:ed448:"                \
	"rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"         \
	"rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:"            \
	"RSA+SHA256:RSA+SHA384:RSA+SHA512"
/* Key shares of both kinds, where OpenSSL knows the first (3.5 and later). */
#define GROUPS_QUANTUM "*X25519MLKEM768:*X25519:P-256:P-384"

static char *keep(struct span s)
{
	char *p = malloc(s.len + 1);

	if (p) {
		memcpy(p, s.ptr, s.len);
		p[s.len] = '\0';
	}
	return p;
}

bool tls_choice_make(struct tls_choice *c, enum tls_profile profile,
		     struct span ciphers, struct span groups, struct buf *why)
{
	bool custom = profile == TLS_CUSTOM;

	*c = (struct tls_choice){.profile = profile};
	if (custom && (ciphers.len == 0 || ciphers.len > TLS_CIPHERS_MAX ||
		       span_has(ciphers, '\0'))) {
		buf_printf(why, "the cipher string is empty or over %u bytes",
			   TLS_CIPHERS_MAX);
		return false;
	}
	if (groups.len > 256 || span_has(groups, '\0')) {
		buf_printf(why, "the group list is over 256 bytes");
		return false;
	}
	c->ciphers = custom ? keep(ciphers) : NULL;
	c->groups = groups.len > 0 ? keep(groups) : NULL;
	if ((custom && !c->ciphers) || (groups.len > 0 && !c->groups)) {
		buf_printf(why, "no memory");
		return false;
	}
	return true;
}

void tls_choice_free(struct tls_choice *c)
{
	free(c->ciphers);
	free(c->groups);
	*c = (struct tls_choice){0};
}

static bool set_server_ciphers(SSL_CTX *ssl, const struct tls_choice *c,
			       bool on)
{
	char list[TLS_CIPHERS_MAX + 1024];
	const char *base = AEAD, *dhe = DHE_AEAD;
	int n;

	switch (c->profile) {
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
		     REMOVE REMOVE_RSA, on ? "" : REMOVE_DHE);
	return n > 0 && (size_t)n < sizeof(list) &&
	       SSL_CTX_set_cipher_list(ssl, list) == 1;
}

static bool set_client_ciphers(SSL_CTX *ssl, const struct tls_choice *c)
{
	char list[TLS_CIPHERS_MAX + 1024];
	const char *base = AEAD;
	int n;

	if (c->profile == TLS_OPPORTUNISTIC || c->profile == TLS_LEGACY)
		base = AEAD ":" CBC CLIENT_REST;
	else if (c->profile == TLS_CUSTOM)
		base = c->ciphers;
	n = snprintf(list, sizeof(list), "%s:%s", base, REMOVE);
	return n > 0 && (size_t)n < sizeof(list) &&
	       SSL_CTX_set_cipher_list(ssl, list) == 1;
}

/*
 * One group, chosen by us: OpenSSL's own choice would be a group of RFC 3526,
 * which the vault does not know.  Each handshake makes a new key in it.
 */
static bool set_dhe(SSL_CTX *ssl, enum tls_dhe dhe, OSSL_LIB_CTX *lib)
{
	const char *name = tls_ffdhe_name(dhe);
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *group = NULL;
	bool ok;

	if (!name)
		return true;
	ctx = EVP_PKEY_CTX_new_from_name(lib, "DH", NULL);
	ok = ctx && EVP_PKEY_paramgen_init(ctx) == 1 &&
	     EVP_PKEY_CTX_set_group_name(ctx, name) == 1 &&
	     EVP_PKEY_paramgen(ctx, &group) == 1 &&
	     SSL_CTX_set0_tmp_dh_pkey(ssl, group) == 1;
	if (!ok)
		EVP_PKEY_free(group);
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/* What both sides have in common. */
static bool set_common(SSL_CTX *ssl, enum tls_profile profile)
{
	int lowest = profile == TLS_MODERN ? TLS1_3_VERSION : TLS1_2_VERSION;

	(void)SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION |
					       SSL_OP_NO_COMPRESSION |
					       SSL_OP_NO_TICKET);
	(void)SSL_CTX_clear_options(ssl, SSL_OP_LEGACY_SERVER_CONNECT |
						 SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS |
					    SSL_MODE_ENABLE_PARTIAL_WRITE |
					    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	(void)SSL_CTX_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_read_ahead(ssl, 1);
	(void)SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	return SSL_CTX_set_min_proto_version(ssl, lowest) == 1 &&
	       SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) == 1;
}

static void set_order(SSL_CTX *ssl, enum tls_order order)
{
	if (order != TLS_ORDER_CLIENT)
		(void)SSL_CTX_set_options(ssl,
					  SSL_OP_CIPHER_SERVER_PREFERENCE);
	if (order == TLS_ORDER_CHACHA)
		(void)SSL_CTX_set_options(ssl, SSL_OP_PRIORITIZE_CHACHA);
}

bool tls_policy_server(SSL_CTX *ssl, const struct tls_choice *c,
		       enum tls_order order, enum tls_dhe dhe,
		       OSSL_LIB_CTX *lib)
{
	const char *groups = c->groups ? c->groups : TLS_GROUPS_DEFAULT;
	bool ok;

	set_order(ssl, order);
	ok = set_common(ssl, c->profile) &&
	     set_server_ciphers(ssl, c, dhe != TLS_DHE_OFF) &&
	     set_dhe(ssl, dhe, lib) &&
	     SSL_CTX_set1_groups_list(ssl, groups) == 1 &&
	     SSL_CTX_set1_sigalgs_list(ssl, SIGNATURES) == 1 &&
	     SSL_CTX_set_num_tickets(ssl, 0) == 1 &&
	     SSL_CTX_set_max_early_data(ssl, 0) == 1 &&
	     SSL_CTX_set_session_id_context(
		     ssl, (const unsigned char *)"letterlock", 10) == 1;
	/* After the string, which could lower it. */
	SSL_CTX_set_security_level(ssl, 2);
	return ok;
}

static bool set_client_groups(SSL_CTX *ssl, const char *groups)
{
	if (groups)
		return SSL_CTX_set1_groups_list(ssl, groups) == 1;
	return SSL_CTX_set1_groups_list(ssl, GROUPS_QUANTUM) == 1 ||
	       SSL_CTX_set1_groups_list(ssl, TLS_GROUPS_DEFAULT) == 1;
}

bool tls_policy_client(SSL_CTX *ssl, const struct tls_choice *c)
{
	bool all = c->profile == TLS_OPPORTUNISTIC || c->profile == TLS_LEGACY;
	bool ok;

	ok = set_common(ssl, c->profile) && set_client_ciphers(ssl, c) &&
	     set_client_groups(ssl, c->groups) &&
	     SSL_CTX_set1_sigalgs_list(ssl, CLIENT_SIGNATURES) == 1;
	if (all)
		(void)SSL_CTX_set_options(ssl, SSL_OP_LEGACY_SERVER_CONNECT);
	SSL_CTX_set_security_level(ssl, all ? 1 : 2);
	return ok;
}
