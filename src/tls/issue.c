/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/issue - keys, requests and a CA that exists for one function call.
 *
 * Names go into subjectAltName as data, never through OpenSSL's text syntax.
 * Must never: let the CA's key out, or write a certificate that a strict
 * verifier refuses (key identifiers, critical basicConstraints and keyUsage
 * where RFC 5280 wants them).
 */
#include "tls/issue.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "tls/pkey.h"

#define HOUR 3600
#define CN_MAX 64u /* ub-common-name */

static EVP_PKEY *make_key(enum tls_key_kind kind, int bits)
{
	switch (kind) {
	case TLS_KEY_RSA:
		if (bits < TLS_RSA_MIN || bits > 8192)
			return NULL;
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);
	case TLS_KEY_P256:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	case TLS_KEY_P384:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	case TLS_KEY_ED25519:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	}
	return NULL;
}

/* What a memory BIO gathered, into the caller's buf; the BIO is freed. */
static bool drain(BIO *bio, bool ok, struct buf *out)
{
	char *p;
	long n;

	if (ok) {
		n = BIO_get_mem_data(bio, &p);
		buf_add(out, span_of(p, n > 0 ? (size_t)n : 0));
		OPENSSL_cleanse(p, n > 0 ? (size_t)n : 0);
	}
	BIO_free(bio);
	return ok && buf_ok(out);
}

static bool write_key(EVP_PKEY *key, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());

	return drain(bio, bio && PEM_write_bio_PKCS8PrivateKey(
					 bio, key, NULL, NULL, 0, NULL, NULL),
		     out);
}

static bool write_certificate(X509 *x, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());

	return drain(bio, bio && PEM_write_bio_X509(bio, x), out);
}

bool tls_issue_key(enum tls_key_kind kind, int bits, struct buf *pem)
{
	EVP_PKEY *key = make_key(kind, bits);
	bool ok = key && write_key(key, pem);

	EVP_PKEY_free(key);
	ERR_clear_error();
	return ok;
}

static bool host_name(struct span s)
{
	struct span rest = span_starts(s, SPAN("*.")) ? span_skip(s, 2) : s;

	if (rest.len == 0 || s.len > 253)
		return false;
	for (size_t i = 0; i < rest.len; i++)
		if (!ascii_alnum(rest.ptr[i]) && rest.ptr[i] != '-' &&
		    rest.ptr[i] != '.')
			return false;
	return true;
}

static bool names_ok(const struct tls_issue_names *n)
{
	if (n->dns_count == 0 || n->dns_count > TLS_ISSUE_NAMES ||
	    n->ip_count > TLS_ISSUE_NAMES)
		return false;
	for (size_t i = 0; i < n->dns_count; i++)
		if (!host_name(n->dns[i]))
			return false;
	for (size_t i = 0; i < n->ip_count; i++)
		if (n->ips[i].len != 4 && n->ips[i].len != 16)
			return false;
	return true;
}

static bool add_name(GENERAL_NAMES *all, int type, struct span s)
{
	GENERAL_NAME *g = GENERAL_NAME_new();
	ASN1_STRING *a = type == GEN_DNS ? ASN1_IA5STRING_new()
					 : ASN1_OCTET_STRING_new();

	if (!g || !a || ASN1_STRING_set(a, s.ptr, (int)s.len) != 1) {
		GENERAL_NAME_free(g);
		ASN1_STRING_free(a);
		return false;
	}
	GENERAL_NAME_set0_value(g, type, a);
	if (sk_GENERAL_NAME_push(all, g) > 0)
		return true;
	GENERAL_NAME_free(g);
	return false;
}

static GENERAL_NAMES *alt_names(const struct tls_issue_names *n)
{
	GENERAL_NAMES *all = GENERAL_NAMES_new();
	bool ok = all != NULL;

	for (size_t i = 0; ok && i < n->dns_count; i++)
		ok = add_name(all, GEN_DNS, n->dns[i]);
	for (size_t i = 0; ok && i < n->ip_count; i++)
		ok = add_name(all, GEN_IPADD, n->ips[i]);
	if (ok)
		return all;
	GENERAL_NAMES_free(all);
	return NULL;
}

/* The common name is for people; one that is too long is left out. */
static bool set_cn(X509_NAME *name, struct span cn)
{
	if (cn.len > CN_MAX)
		return true;
	return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
					  (const unsigned char *)cn.ptr,
					  (int)cn.len, -1, 0) == 1;
}

static const EVP_MD *digest_for(EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();
}

static bool write_request(X509_REQ *req, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());

	return drain(bio, bio && PEM_write_bio_X509_REQ(bio, req), out);
}

bool tls_issue_request(struct span key_pem, const struct tls_issue_names *names,
		       struct buf *pem)
{
	EVP_PKEY *key = names_ok(names) ? tls_pkey_read(key_pem) : NULL;
	X509_REQ *req = X509_REQ_new();
	GENERAL_NAMES *san = key ? alt_names(names) : NULL;
	STACK_OF(X509_EXTENSION) *exts = NULL;
	bool ok;

	ok = key && req && san && X509_REQ_set_version(req, 0) == 1 &&
	     X509_REQ_set_pubkey(req, key) == 1 &&
	     set_cn(X509_REQ_get_subject_name(req), names->dns[0]) &&
	     X509V3_add1_i2d(&exts, NID_subject_alt_name, san, 0,
			     X509V3_ADD_DEFAULT) == 1 &&
	     X509_REQ_add_extensions(req, exts) == 1 &&
	     X509_REQ_sign(req, key, digest_for(key)) > 0 &&
	     write_request(req, pem);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	GENERAL_NAMES_free(san);
	X509_REQ_free(req);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return ok;
}

/* 127 random bits: positive, and never seen before. */
static bool set_serial(X509 *x)
{
	unsigned char bytes[16];
	BIGNUM *n;
	bool ok;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
	n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;
	BN_free(n);
	return ok;
}

static bool extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *e;
	X509V3_CTX ctx;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = e && X509_add_ext(x, e, -1) == 1;
	X509_EXTENSION_free(e);
	return ok;
}

static X509 *start(EVP_PKEY *key, struct span cn, int64_t now, int days)
{
	X509 *x = X509_new();
	int64_t until = now + (int64_t)days * 86400;
	bool ok;

	ok = x && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) &&
	     ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(now - HOUR)) &&
	     ASN1_TIME_set(X509_getm_notAfter(x), (time_t)until) &&
	     X509_set_pubkey(x, key) == 1 &&
	     set_cn(X509_get_subject_name(x), cn);
	if (ok)
		return x;
	X509_free(x);
	return NULL;
}

static X509 *make_ca(EVP_PKEY *key, struct span name, int64_t now, int days)
{
	X509 *x = start(key, name, now, days);

	if (x && X509_set_issuer_name(x, X509_get_subject_name(x)) == 1 &&
	    extend(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	    extend(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	    extend(x, x, NID_subject_key_identifier, "hash") &&
	    X509_sign(x, key, EVP_sha256()) > 0)
		return x;
	X509_free(x);
	return NULL;
}

static X509 *make_leaf(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key,
		       const struct tls_issue_names *names, int64_t now,
		       int days)
{
	X509 *x = start(key, names->dns[0], now, days);
	GENERAL_NAMES *san = alt_names(names);
	/* Without a subject the names must be critical (RFC 5280 4.2.1.6). */
	int critical = names->dns[0].len > CN_MAX;
	bool ok;

	ok = x && san &&
	     X509_set_issuer_name(x, X509_get_subject_name(ca)) == 1 &&
	     extend(x, ca, NID_basic_constraints, "critical,CA:FALSE") &&
	     extend(x, ca, NID_key_usage, "critical,digitalSignature") &&
	     extend(x, ca, NID_ext_key_usage, "serverAuth") &&
	     extend(x, ca, NID_subject_key_identifier, "hash") &&
	     extend(x, ca, NID_authority_key_identifier, "keyid:always") &&
	     X509_add1_ext_i2d(x, NID_subject_alt_name, san, critical,
			       X509V3_ADD_DEFAULT) == 1 &&
	     X509_sign(x, ca_key, EVP_sha256()) > 0;
	GENERAL_NAMES_free(san);
	if (ok)
		return x;
	X509_free(x);
	return NULL;
}

bool tls_issue_throwaway(struct span ca_name, const struct tls_issue_names *names,
			 int64_t now, int days, struct tls_issued *leaves,
			 size_t count, struct buf *ca_pem)
{
	EVP_PKEY *ca_key = NULL;
	X509 *ca = NULL;
	bool ok;

	if (!names_ok(names) || ca_name.len == 0 || ca_name.len > CN_MAX ||
	    days <= 0)
		return false;
	ca_key = make_key(TLS_KEY_P256, 0);
	if (ca_key)
		ca = make_ca(ca_key, ca_name, now, days);
	ok = ca && write_certificate(ca, ca_pem);
	for (size_t i = 0; ok && i < count; i++) {
		EVP_PKEY *key = make_key(leaves[i].kind, leaves[i].bits);
		X509 *x = key ? make_leaf(key, ca, ca_key, names, now, days)
			      : NULL;

		ok = x && write_key(key, leaves[i].key) &&
		     write_certificate(x, leaves[i].chain);
		X509_free(x);
		EVP_PKEY_free(key);
	}
	X509_free(ca);
	EVP_PKEY_free(ca_key);
	ERR_clear_error();
	return ok;
}
