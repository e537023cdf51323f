/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/facts - reading a finished handshake, and the line that tells of it.
 */
#include "tls/facts.h"

#include <openssl/err.h>
#include <openssl/objects.h>

#include "base/ensure.h"
#include "tls/client_own.h"
#include "tls/facts_own.h"

/* The label of RFC 9266 section 2; no context. */
#define BINDING_LABEL "EXPORTER-Channel-Binding"

/* Text that goes into a log is printable ASCII. */
static char printable(char c) { return c > 0x20 && c < 0x7f ? c : '?'; }

static bool clean(struct arena *a, struct span s, size_t max, struct span *out)
{
	char *p;

	if (s.len > max)
		s.len = max;
	p = arena_bytes(a, s.len + 1);
	if (!p)
		return false;
	for (size_t i = 0; i < s.len; i++)
		p[i] = printable(s.ptr[i]);
	*out = span_of(p, s.len);
	return true;
}

/* To be freed; NULL: no memory. */
static BIO *name_text(const X509_NAME *name, struct span *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p;
	long n;

	if (!bio || X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) < 0) {
		BIO_free(bio);
		return NULL;
	}
	n = BIO_get_mem_data(bio, &p);
	*out = span_of(p, n > 0 ? (size_t)n : 0);
	return bio;
}

void tls_name_add(struct buf *b, const X509_NAME *name, size_t max)
{
	struct span text;
	BIO *bio = name_text(name, &text);

	text = bio ? span_sub(text, 0, max) : SPAN("?");
	for (size_t i = 0; i < text.len; i++)
		buf_addc(b, text.ptr[i] == ' ' ? ' ' : printable(text.ptr[i]));
	BIO_free(bio);
}

static bool name_clean(struct arena *a, const X509_NAME *name, size_t max,
		       struct span *out)
{
	struct span text;
	BIO *bio = name_text(name, &text);
	bool ok = bio && clean(a, text, max, out);

	BIO_free(bio);
	return ok;
}

static struct span group_name(const struct tls_conn *c)
{
	int kx = SSL_CIPHER_get_kx_nid(SSL_get_current_cipher(c->ssl));
	int nid = (int)SSL_get_negotiated_group(c->ssl);

	/* OpenSSL negotiates none for DHE in TLS 1.2: it is the one we set, or
	 * one of the server's. */
	if (kx == NID_kx_dhe)
		return c->context ? span_cstr(tls_ffdhe_name(
					    c->context->settings.dhe))
				  : SPAN("DHE");

	if (nid == NID_X9_62_prime256v1)
		return SPAN("P-256");
	if (nid == NID_secp384r1)
		return SPAN("P-384");
	if (nid == NID_secp521r1)
		return SPAN("P-521");
	return span_cstr(nid > 0 ? OBJ_nid2sn(nid) : NULL);
}

/* Of the server that we are the client of. */
static enum tls_trust trust_of(const struct tls_judged *j)
{
	if (j->what != TLS_EXPECT_ANYTHING && j->peer == TLS_PEER_GOOD)
		return TLS_VERIFIED;
	return j->anchored ? TLS_TRUSTED : TLS_UNTRUSTED;
}

static bool peer_facts(const struct tls_conn *c, struct arena *arena,
		       struct tls_facts *out)
{
	X509 *peer = SSL_get0_peer_certificate(c->ssl);

	if (!peer)
		return true;
	out->trust = TLS_TRUSTED;
	if (c->judged) {
		out->trust = trust_of(c->judged);
		out->why = span_cstr(c->judged->why);
	} else if (c->verify != X509_V_OK) {
		out->trust = TLS_UNTRUSTED;
		out->why = span_cstr(X509_verify_cert_error_string(c->verify));
	}
	return name_clean(arena, X509_get_subject_name(peer), TLS_PEER_MAX,
			      &out->peer);
}

bool tls_facts(const struct tls_conn *c, struct arena *arena,
	       struct tls_facts *out)
{
	const SSL_CIPHER *suite;
	const unsigned char *alpn = NULL;
	unsigned int alpn_len = 0;
	bool ok;

	ENSURE_TAG(c, TAG_CONN);
	ENSURE(c->up);
	*out = (struct tls_facts){.trust = TLS_ANONYMOUS,
				  .outgoing = c->client != NULL};
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
	out->bindable = tls_binding(c, out->binding);
	return ok;
}

bool tls_binding(const struct tls_conn *c, unsigned char out[TLS_BINDING_LEN])
{
	/* In 1.2 the exporter is unique only with the extended secret. */
	bool ok = (SSL_version(c->ssl) == TLS1_3_VERSION ||
		   SSL_get_extms_support(c->ssl) == 1) &&
		  SSL_export_keying_material(c->ssl, out, TLS_BINDING_LEN,
					     BINDING_LABEL,
					     sizeof(BINDING_LABEL) - 1, NULL, 0,
					     0) == 1;
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
		[TLS_VERIFIED] = "Verified",
	};

	buf_printf(out,
		   "%s TLS connection established %s %.*s[%.*s]: %.*s with "
		   "cipher %.*s (%d/%d bits)",
		   words[f->trust], f->outgoing ? "to" : "from",
		   SPAN_FMT(host), SPAN_FMT(ip),
		   SPAN_FMT(f->version), SPAN_FMT(f->suite), f->bits,
		   f->bits_total);
	if (f->group.len > 0)
		buf_printf(out, " group %.*s", SPAN_FMT(f->group));
	buf_printf(out, " verified %s",
		   f->trust == (f->outgoing ? TLS_VERIFIED : TLS_TRUSTED)
			   ? "yes"
			   : "no");
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
