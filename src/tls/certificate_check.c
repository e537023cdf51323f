/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/certificate_check - one function per kind of mistake.
 *
 * An expired certificate is a warning and not an error: a host that restarts
 * after a forgotten renewal must still take mail from other servers, most of
 * which do not look.  Whether a self-signed one will do is the listener's
 * affair, so here it is a warning too.
 */
#include "tls/certificate_read.h"

#include <openssl/x509v3.h>

#include "tls/pkey.h"

static void judge_key(struct tls_reading *r)
{
	const struct tls_certificate *c = r->out;

	if (r->key_spki && memcmp(r->key_spki, c->spki_sha256, 32) != 0)
		tls_finding(r, TLS_F_KEY, TLS_ERROR,
			    "the private key belongs to another certificate; "
			    "name the key that was used for the request");
	if (!r->kind_known)
		tls_finding(r, TLS_F_KEY_KIND, TLS_ERROR,
			    "its key is neither RSA, P-256, P-384 nor Ed25519; "
			    "make a new one with P-256");
	else if (c->kind == TLS_KEY_RSA && c->key_bits < TLS_RSA_MIN)
		tls_finding(r, TLS_F_KEY_SIZE, TLS_ERROR,
			    "an RSA key of %d bits is too short; use P-256 or "
			    "RSA 3072", c->key_bits);
	else if (c->kind == TLS_KEY_RSA && c->key_bits < TLS_RSA_GOOD)
		tls_finding(r, TLS_F_KEY_SIZE, TLS_NOTE,
			    "an RSA key of %d bits is not for long-term use; "
			    "prefer P-256 or RSA 3072", c->key_bits);
}

static void judge_time(struct tls_reading *r)
{
	const struct tls_certificate *c = r->out;
	long long days;

	if (r->now < c->not_before) {
		days = (c->not_before - r->now) / 86400;
		tls_finding(r, TLS_F_NOT_YET, TLS_WARNING,
			    "not valid before %lld days from now; is the clock "
			    "right?", days);
	} else if (r->now > c->not_after) {
		days = (r->now - c->not_after) / 86400;
		tls_finding(r, TLS_F_EXPIRED, TLS_WARNING,
			    "expired %lld days ago; renew it", days);
	} else if (c->not_after - r->now < TLS_EXPIRY_SOON) {
		days = (c->not_after - r->now) / 86400;
		tls_finding(r, TLS_F_EXPIRES_SOON, TLS_WARNING,
			    "expires in %lld days; renew it", days);
	}
}

static void judge_usage(struct tls_reading *r)
{
	const struct tls_certificate *c = r->out;
	uint32_t flags = X509_get_extension_flags(r->chain[0]);

	if (!c->server_auth)
		tls_finding(r, TLS_F_NO_SERVER_AUTH, TLS_ERROR,
			    "it is not for servers (extended key usage without "
			    "serverAuth); have it issued for a TLS server");
	else if (!c->client_auth)
		tls_finding(r, TLS_F_NO_CLIENT_AUTH, TLS_NOTE,
			    "it cannot be used as a client certificate (no "
			    "clientAuth); usual today, and enough for a server");
	if ((flags & EXFLAG_CA) != 0 && !c->self_signed)
		tls_finding(r, TLS_F_LEAF_IS_CA, TLS_ERROR,
			    "the first certificate is a CA's; put the server's "
			    "first, then its intermediates");
	if (c->name_count == 0 && c->address_count == 0)
		tls_finding(r, TLS_F_NO_NAMES, TLS_WARNING,
			    "no name in subjectAltName (the common name does "
			    "not count); have it issued with the host's name");
}

static bool weak_signature(X509 *x)
{
	int md = NID_undef;

	if (X509_get_signature_info(x, &md, NULL, NULL, NULL) != 1)
		return true;
	/* Ed25519 and RSA-PSS name no digest here or a good one. */
	return md == NID_sha1 || md == NID_md5 || md == NID_md5_sha1 ||
	       md == NID_md4 || md == NID_md2;
}

static bool self_issued(X509 *x)
{
	return (X509_get_extension_flags(x) & EXFLAG_SS) != 0;
}

/* Signatures and the key sizes of the CAs. */
static void judge_chain(struct tls_reading *r)
{
	enum tls_key_kind kind;
	int bits;

	for (size_t i = 0; i < r->count; i++) {
		EVP_PKEY *key = X509_get0_pubkey(r->chain[i]);
		bool root = i > 0 && self_issued(r->chain[i]);

		if (!root && weak_signature(r->chain[i]))
			tls_finding(r, TLS_F_SHA1, TLS_ERROR,
				    "certificate %zu is signed with SHA-1 or "
				    "MD5; have it issued again", i + 1);
		if (i > 0 && key && tls_pkey_kind(key, &kind, &bits) &&
		    kind == TLS_KEY_RSA && bits < TLS_RSA_MIN)
			tls_finding(r, TLS_F_KEY_SIZE, TLS_ERROR,
				    "the CA key of certificate %zu has only %d "
				    "bits; use another CA", i + 1, bits);
	}
}

static void judge_order(struct tls_reading *r)
{
	for (size_t i = 0; i + 1 < r->count; i++) {
		EVP_PKEY *above = X509_get0_pubkey(r->chain[i + 1]);

		if (X509_check_issued(r->chain[i + 1], r->chain[i]) !=
			    X509_V_OK ||
		    !above || X509_verify(r->chain[i], above) != 1)
			tls_finding(r, TLS_F_ORDER, TLS_WARNING,
				    "certificate %zu is not issued by the one "
				    "after it; order them server first, each "
				    "followed by its issuer", i + 1);
	}
	if (r->count > 1 && self_issued(r->chain[r->count - 1]))
		tls_finding(r, TLS_F_ROOT_SENT, TLS_NOTE,
			    "the root certificate is sent too; clients have "
			    "their own, it can be removed");
	if (r->out->self_signed)
		tls_finding(r, TLS_F_SELF_SIGNED, TLS_WARNING,
			    "self-signed: clients cannot verify it; get one "
			    "from a CA");
	else if (r->count == 1)
		tls_finding(r, TLS_F_LEAF_ALONE, TLS_NOTE,
			    "no intermediate certificate; right only if a root "
			    "that clients know has issued it");
}

void tls_judge(struct tls_reading *r)
{
	judge_key(r);
	judge_time(r);
	judge_usage(r);
	judge_chain(r);
	judge_order(r);
}
