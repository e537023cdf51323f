/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/facts - reading a finished handshake, and the line that tells of it.
 */
#include "tls/facts.h"

#include <openssl/err.h>
#include <openssl/objects.h>

#include "base/ensure.h"
#include "tls/conn_own.h"

/* The label of RFC 9266 section 2; no context. */
#define BINDING_LABEL "EXPORTER-Channel-Binding"

/* Printable ASCII only, at most max bytes. */
static bool clean(struct arena *a, struct span s, size_t max, struct span *out)
{
	char *p;

	if (s.len > max)
		s.len = max;
	p = arena_bytes(a, s.len + 1);
	if (!p)
		return false;
	for (size_t i = 0; i < s.len; i++)
		p[i] = s.ptr[i] > 0x20 && s.ptr[i] < 0x7f ? s.ptr[i] : '?';
	*out = span_of(p, s.len);
	return true;
}

static struct span group_name(const struct tls_conn *c)
{
	int kx = SSL_CIPHER_get_kx_nid(SSL_get_current_cipher(c->ssl));
	int nid = (int)SSL_get_negotiated_group(c->ssl);

	/* OpenSSL negotiates none for DHE in TLS 1.2: it is the one we set. */
	if (kx == NID_kx_dhe)
		return span_cstr(tls_ffdhe_name(c->context->settings.dhe));

	if (nid == NID_X9_62_prime256v1)
		return SPAN("P-256");
	if (nid == NID_secp384r1)
		return SPAN("P-384");
	if (nid == NID_secp521r1)
		return SPAN("P-521");
	return span_cstr(nid > 0 ? OBJ_nid2sn(nid) : NULL);
}

static bool peer_facts(const struct tls_conn *c, struct arena *arena,
		       struct tls_facts *out)
{
	X509 *peer = SSL_get0_peer_certificate(c->ssl);
	BIO *bio;
	char *p;
	long n;
	bool ok;

	if (!peer)
		return true;
	out->trust = TLS_TRUSTED;
	if (c->verify != X509_V_OK) {
		out->trust = TLS_UNTRUSTED;
		out->why = span_cstr(X509_verify_cert_error_string(c->verify));
	}
	bio = BIO_new(BIO_s_mem());
	ok = bio && X509_NAME_print_ex(bio, X509_get_subject_name(peer), 0,
				       XN_FLAG_RFC2253) >= 0;
	if (ok) {
		n = BIO_get_mem_data(bio, &p);
		ok = clean(arena, span_of(p, n > 0 ? (size_t)n : 0),
			   TLS_PEER_MAX, &out->peer);
	}
	BIO_free(bio);
	return ok;
}

bool tls_facts(const struct tls_conn *c, struct arena *arena,
	       struct tls_facts *out)
{
	const SSL_CIPHER *suite;
	const unsigned char *alpn = NULL;
	unsigned int alpn_len = 0;
	bool ok;

	ENSURE_TAG(c, TAG_CONN);
	ENSURE(SSL_is_init_finished(c->ssl));
	*out = (struct tls_facts){.trust = TLS_ANONYMOUS};
	ERR_clear_error();
	suite = SSL_get_current_cipher(c->ssl);
	out->version = span_cstr(SSL_get_version(c->ssl));
	out->suite = span_cstr(SSL_CIPHER_get_name(suite));
	out->bits = SSL_CIPHER_get_bits(suite, &out->bits_total);
	out->group = group_name(c);
	out->resumed = SSL_session_reused(c->ssl) == 1;
	SSL_get0_alpn_selected(c->ssl, &alpn, &alpn_len);
	ok = clean(arena, span_of(alpn, alpn_len), 255, &out->alpn) &&
	     clean(arena,
		   span_cstr(SSL_get_servername(c->ssl,
						TLSEXT_NAMETYPE_host_name)),
		   TLS_SNI_MAX, &out->sni) &&
	     peer_facts(c, arena, out);
	/* In 1.2 the exporter is unique only with the extended secret. */
	out->bindable = (SSL_version(c->ssl) == TLS1_3_VERSION ||
			 SSL_get_extms_support(c->ssl) == 1) &&
			SSL_export_keying_material(
				c->ssl, out->binding, TLS_BINDING_LEN,
				BINDING_LABEL, sizeof(BINDING_LABEL) - 1, NULL,
				0, 0) == 1;
	ERR_clear_error();
	return ok;
}

void tls_facts_log(const struct tls_facts *f, struct span host, struct span ip,
		   struct buf *out)
{
	static const char *const words[] = {
		[TLS_ANONYMOUS] = "Anonymous",
		[TLS_UNTRUSTED] = "Untrusted",
		[TLS_TRUSTED] = "Trusted",
	};

	buf_printf(out,
		   "%s TLS connection established from %.*s[%.*s]: %.*s with "
		   "cipher %.*s (%d/%d bits)",
		   words[f->trust], SPAN_FMT(host), SPAN_FMT(ip),
		   SPAN_FMT(f->version), SPAN_FMT(f->suite), f->bits,
		   f->bits_total);
	if (f->group.len > 0)
		buf_printf(out, " group %.*s", SPAN_FMT(f->group));
	buf_printf(out, " verified %s", f->trust == TLS_TRUSTED ? "yes" : "no");
	if (f->why.len > 0)
		buf_printf(out, " (%.*s)", SPAN_FMT(f->why));
	if (f->sni.len > 0)
		buf_printf(out, " sni %.*s", SPAN_FMT(f->sni));
	if (f->alpn.len > 0)
		buf_printf(out, " alpn %.*s", SPAN_FMT(f->alpn));
	if (f->peer.len > 0)
		buf_printf(out, " peer \"%.*s\"", SPAN_FMT(f->peer));
	if (f->resumed)
		buf_printf(out, " resumed");
}
