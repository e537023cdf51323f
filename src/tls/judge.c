/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/judge - the judge of a server's certificate.
 *
 * OpenSSL calls it in place of its own verification.  Chains are built and
 * TLSA records matched by X509_verify_cert, which knows what RFC 7671 wants of
 * both (an anchor that is only a key in a record is nothing to write again);
 * names and keys are compared here, with the code that reads our own
 * certificates, and which answer follows from OpenSSL's error is decided here.
 *
 * Must never: answer GOOD with a check left out, nor let one that has to be
 * good pass because memory ran out.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <stdlib.h>

#include "base/ensure.h"
#include "tls/certificate_read.h"
#include "tls/client_own.h"
#include "tls/judge_own.h"
#include "tls/pkey.h"

/* What authorities' chains need: 112 bits, so no SHA-1 and no RSA 1024. */
#define AUTHORITY_LEVEL 2

struct tls_judged *tls_judged_new(const struct tls_expect *e)
{
	struct tls_judged *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->expect = *e;
	j->what = e->what;
	j->tlsa = -1;
	j->peer = TLS_PEER_HANDSHAKE; /* until there is a certificate */
	return j;
}

void tls_judged_free(struct tls_judged *j)
{
	if (!j)
		return;
	X509_free(j->leaf);
	free(j);
}

static enum tls_peer peer_of(int error)
{
	switch (error) {
	case X509_V_OK:
		return TLS_PEER_GOOD;
	case X509_V_ERR_OUT_OF_MEM:
	case X509_V_ERR_UNSPECIFIED:
		return TLS_PEER_OURS;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return TLS_PEER_EXPIRED;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_CERT_UNTRUSTED:
	case X509_V_ERR_CERT_REJECTED:
		return TLS_PEER_UNTRUSTED;
	case X509_V_ERR_DANE_NO_MATCH:
		return TLS_PEER_TLSA;
	default:
		return TLS_PEER_CERTIFICATE;
	}
}

/* The alert that a refused certificate gets follows from this. */
static int error_of(enum tls_peer peer)
{
	switch (peer) {
	case TLS_PEER_OURS:
		return X509_V_ERR_OUT_OF_MEM; /* internal_error */
	case TLS_PEER_EXPIRED:
		return X509_V_ERR_CERT_HAS_EXPIRED;
	case TLS_PEER_UNTRUSTED:
		return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
	default:
		return X509_V_ERR_CERT_REJECTED; /* bad_certificate */
	}
}

/* OpenSSL's chain building, with our clock. */
static enum tls_peer verify(struct tls_judged *j, X509_STORE_CTX *x, int level)
{
	X509_VERIFY_PARAM *p = X509_STORE_CTX_get0_param(x);
	int error;

	X509_VERIFY_PARAM_set_time(p, (time_t)j->expect.now);
	X509_VERIFY_PARAM_set_depth(p, TLS_PEER_DEPTH);
	if (level > 0)
		X509_VERIFY_PARAM_set_auth_level(p, level);
	if (X509_verify_cert(x) == 1)
		return TLS_PEER_GOOD;
	error = X509_STORE_CTX_get_error(x);
	if (error == X509_V_OK)
		error = X509_V_ERR_UNSPECIFIED;
	tls_say_error(j, x, error);
	return peer_of(error);
}

/* `wanted` with a dot in front: any name below it.  It is no pattern. */
static bool name_serves(struct span name, struct span wanted)
{
	if (span_has(wanted, '*'))
		return false;
	if (!span_starts(wanted, SPAN(".")))
		return tls_name_matches(name, wanted);
	return name.len > wanted.len && span_ends_nocase(name, wanted);
}

static bool serves_one(const struct tls_expect *e, struct span name)
{
	for (size_t i = 0; i < e->name_count; i++)
		if (name_serves(name, e->names[i]))
			return true;
	return false;
}

static enum tls_peer judge_name(struct tls_judged *j)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(j->leaf, NID_subject_alt_name,
					      NULL, NULL);
	int n = all ? sk_GENERAL_NAME_num(all) : 0;
	bool found = false;
	struct span name;

	for (int i = 0; i < n && !found; i++)
		found = tls_dns_name(sk_GENERAL_NAME_value(all, i), &name) &&
			serves_one(&j->expect, name);
	if (!found)
		tls_say_name(j, all);
	GENERAL_NAMES_free(all);
	return found ? TLS_PEER_GOOD : TLS_PEER_NAME;
}

static enum tls_peer judge_names(struct tls_judged *j, X509_STORE_CTX *x)
{
	enum tls_peer peer = verify(j, x, AUTHORITY_LEVEL);

	if (peer != TLS_PEER_GOOD)
		return peer;
	j->anchored = true;
	return judge_name(j);
}

/* Which of the records it was that OpenSSL matched, and its usage. */
static bool matched(struct tls_judged *j, SSL *ssl, uint8_t *usage)
{
	const unsigned char *data;
	uint8_t selector, matching;
	size_t len;

	if (SSL_get0_dane_tlsa(ssl, usage, &selector, &matching, &data, &len) <
	    0)
		return false;
	for (size_t i = 0; i < j->expect.tlsa_count; i++) {
		const struct tls_tlsa *t = &j->expect.tlsa[i];

		if (t->usage != *usage || t->selector != selector ||
		    t->matching != matching ||
		    !span_eq(t->data, span_of(data, len)))
			continue;
		j->tlsa = (int)i;
		tls_say_by(j, t);
		return true;
	}
	return false;
}

static enum tls_peer judge_tlsa(struct tls_judged *j, X509_STORE_CTX *x,
				SSL *ssl)
{
	enum tls_peer peer;
	uint8_t usage;

	if (j->usable == 0) {
		tls_say(j, "none of the %zu TLSA records is usable",
			j->expect.tlsa_count);
		return TLS_PEER_TLSA;
	}
	peer = verify(j, x, 0);
	if (peer == TLS_PEER_TLSA)
		tls_say_tlsa(j);
	if (peer != TLS_PEER_GOOD)
		return peer;
	if (!matched(j, ssl, &usage)) {
		tls_say(j, "OpenSSL does not say which TLSA record matches");
		return TLS_PEER_CERTIFICATE;
	}
	/* Usage 3 is the host's own word for this very key: RFC 7671 5.1. */
	return usage == 3 ? TLS_PEER_GOOD : judge_name(j);
}

static enum tls_peer judge_key(struct tls_judged *j)
{
	unsigned char spki[32];
	struct span seen = span_of(spki, sizeof(spki));

	if (!tls_x509_spki(j->leaf, spki)) {
		tls_say(j, "the certificate's key cannot be read");
		return TLS_PEER_CERTIFICATE;
	}
	for (size_t i = 0; i < j->expect.key_count; i++)
		if (span_eq(j->expect.keys[i], seen))
			return TLS_PEER_GOOD;
	tls_say_key(j, seen);
	return TLS_PEER_KEY;
}

static enum tls_peer judge_by(struct tls_judged *j, X509_STORE_CTX *x, SSL *ssl)
{
	switch (j->what) {
	case TLS_EXPECT_ANYTHING:
		/* Told, and nothing more. */
		if (j->expect.authorities)
			j->anchored = verify(j, x, AUTHORITY_LEVEL) ==
				      TLS_PEER_GOOD;
		return TLS_PEER_GOOD;
	case TLS_EXPECT_NAMES:
		return judge_names(j, x);
	case TLS_EXPECT_TLSA:
		return judge_tlsa(j, x, ssl);
	case TLS_EXPECT_KEYS:
		return judge_key(j);
	}
	return TLS_PEER_CERTIFICATE;
}

int tls_judge_chain(X509_STORE_CTX *x, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(
		x, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_judged *j = tls_conn_of(ssl)->judged;
	STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(x);

	(void)arg;
	ENSURE(!j->leaf);
	j->leaf = X509_STORE_CTX_get0_cert(x);
	ENSURE(j->leaf && X509_up_ref(j->leaf) == 1);
	j->chain_len = sent ? (size_t)sk_X509_num(sent) : 0;
	j->peer = judge_by(j, x, ssl);
	/* What could not be read for want of memory is not the peer's fault. */
	if (tls_failed_by_us() && j->peer != TLS_PEER_GOOD) {
		tls_say(j, "memory was short while the certificate was judged");
		j->peer = TLS_PEER_OURS;
	}
	/* Where nothing has to hold, the handshake goes on without an answer. */
	if (j->peer == TLS_PEER_OURS && !j->expect.enforce)
		j->peer = TLS_PEER_CERTIFICATE;
	j->refused = j->peer != TLS_PEER_GOOD && j->expect.enforce;
	X509_STORE_CTX_set_error(x, j->refused ? error_of(j->peer) : X509_V_OK);
	return !j->refused;
}
