/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/peer - what is told of a server's certificate after the handshake.
 *
 * The leaf is kept by the judge, so that a handshake which failed because of it
 * can be told of, too.
 */
#include "tls/peer.h"

#include <openssl/err.h>

#include "base/ensure.h"
#include "tls/certificate_read.h"
#include "tls/client_own.h"
#include "tls/facts.h"
#include "tls/facts_own.h"
#include "tls/pkey.h"

enum tls_peer tls_peer(const struct tls_conn *c)
{
	ENSURE_TAG(c, TAG_CONN);
	ENSURE(c->judged);
	if (c->judged->refused || c->up)
		return c->judged->peer;
	/* OpenSSL's word for what it could not do itself. */
	if (c->ours || c->alert == SSL_AD_INTERNAL_ERROR)
		return TLS_PEER_OURS;
	return TLS_PEER_HANDSHAKE;
}

static bool copy_name(struct arena *a, const X509_NAME *name, struct span *out)
{
	struct buf b;
	bool ok;

	buf_init(&b, TLS_PEER_MAX);
	tls_name_add(&b, name, TLS_PEER_MAX);
	ok = buf_ok(&b) && arena_copy(a, buf_span(&b), out);
	buf_free(&b);
	return ok;
}

static bool copy_names(struct arena *a, X509 *leaf, struct tls_peer_facts *f)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL,
					      NULL);
	int n = all ? sk_GENERAL_NAME_num(all) : 0;
	struct span name;
	bool ok = true;

	for (int i = 0; ok && i < n; i++) {
		if (!tls_dns_name(sk_GENERAL_NAME_value(all, i), &name))
			continue;
		if (f->name_count == TLS_PEER_NAMES_MAX)
			f->more_names++;
		else
			ok = arena_copy(a, name, &f->names[f->name_count++]);
	}
	GENERAL_NAMES_free(all);
	return ok;
}

static bool key_text(struct arena *a, X509 *leaf, struct span *out)
{
	EVP_PKEY *key = X509_get0_pubkey(leaf);
	enum tls_key_kind kind;
	int bits;

	if (!key)
		*out = SPAN("unreadable");
	else if (!tls_pkey_kind(key, &kind, &bits))
		*out = arena_printf(a, "of another kind, %d bits", bits);
	else if (kind == TLS_KEY_RSA)
		*out = arena_printf(a, "RSA %d", bits);
	else
		*out = span_cstr(tls_key_kind_text(kind));
	return out->len > 0;
}

static bool read_leaf(struct arena *a, X509 *leaf, struct tls_peer_facts *f)
{
	f->shown = true;
	if (!tls_asn1_seconds(X509_get0_notBefore(leaf), &f->not_before) ||
	    !tls_asn1_seconds(X509_get0_notAfter(leaf), &f->not_after))
		f->not_before = f->not_after = 0; /* unreadable */
	return tls_x509_spki(leaf, f->spki_sha256) &&
	       copy_name(a, X509_get_subject_name(leaf), &f->subject) &&
	       copy_name(a, X509_get_issuer_name(leaf), &f->issuer) &&
	       copy_names(a, leaf, f) && key_text(a, leaf, &f->key);
}

/* What a certificate that is good was verified by. */
static struct span verified_by(const struct tls_judged *j)
{
	if (j->peer != TLS_PEER_GOOD)
		return span_of(NULL, 0);
	switch (j->what) {
	case TLS_EXPECT_ANYTHING:
		return j->anchored ? SPAN("an authority, its name aside")
				   : span_of(NULL, 0);
	case TLS_EXPECT_NAMES:
		return SPAN("an authority");
	case TLS_EXPECT_TLSA:
		return span_cstr(j->by);
	case TLS_EXPECT_KEYS:
		return SPAN("its key");
	}
	return span_of(NULL, 0);
}

bool tls_peer_facts(const struct tls_conn *c, struct arena *a,
		    struct tls_peer_facts *out)
{
	const struct tls_judged *j = c->judged;
	int nid;
	bool ok;

	*out = (struct tls_peer_facts){.peer = tls_peer(c), .tlsa = -1};
	out->tlsa = j->tlsa;
	out->asked = j->asked;
	out->gave = j->asked && SSL_get_signature_nid(c->ssl, &nid) == 1;
	out->chain_len = j->chain_len;
	ok = arena_copy(a, j->why[0] != '\0' ? span_cstr(j->why)
					     : tls_reason(c), &out->why) &&
	     arena_copy(a, verified_by(j), &out->by);
	if (ok && j->leaf)
		ok = read_leaf(a, j->leaf, out);
	ERR_clear_error();
	return ok;
}

const char *tls_peer_text(enum tls_peer p)
{
	static const char *const texts[TLS_PEERS] = {
		[TLS_PEER_GOOD] = "good",
		[TLS_PEER_HANDSHAKE] = "handshake",
		[TLS_PEER_OURS] = "ours",
		[TLS_PEER_NAME] = "name",
		[TLS_PEER_EXPIRED] = "expired",
		[TLS_PEER_UNTRUSTED] = "untrusted",
		[TLS_PEER_TLSA] = "tlsa-mismatch",
		[TLS_PEER_KEY] = "key",
		[TLS_PEER_CERTIFICATE] = "certificate",
	};

	return texts[p];
}
