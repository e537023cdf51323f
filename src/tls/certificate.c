/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/certificate - what stands in a chain file, and whether clients like it.
 *
 * Reading (here) fills the facts; judging is one small function per kind of
 * mistake, in tls/certificate_check.c.  Errors are what no client accepts or
 * what we refuse on principle; warnings what some client refuses; notes what an
 * administrator may want to know.
 */
#include "tls/certificate_read.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdarg.h>
#include <stdio.h>

#include "crypto/hash.h"
#include "tls/pkey.h"

void tls_finding(struct tls_reading *r, enum tls_finding_kind kind,
		 enum tls_level level, const char *fmt, ...)
{
	struct tls_certificate *c = r->out;
	char text[512];
	struct span s;
	va_list ap;

	if (level == TLS_ERROR)
		c->usable = false;
	if (c->finding_count == TLS_FINDINGS_MAX)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	s = arena_printf(r->arena, "%.*s: %s", SPAN_FMT(r->where), text);
	r->memory = r->memory && s.len > 0;
	c->findings[c->finding_count++] = (struct tls_finding){kind, level, s};
}

static struct span keep(struct tls_reading *r, struct span s)
{
	struct span copy = {NULL, 0};

	if (!arena_copy(r->arena, s, &copy))
		r->memory = false;
	return copy;
}

static struct span name_text(struct tls_reading *r, const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct span out = {NULL, 0};
	char *p;
	long n;

	if (!bio || X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) < 0) {
		r->memory = false;
	} else {
		n = BIO_get_mem_data(bio, &p);
		out = keep(r, span_of(p, n > 0 ? (size_t)n : 0));
	}
	BIO_free(bio);
	return out;
}

bool tls_asn1_seconds(const ASN1_TIME *t, int64_t *out)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days = 0, secs = 0;
	bool ok = epoch && ASN1_TIME_diff(&days, &secs, epoch, t) == 1;

	ASN1_TIME_free(epoch);
	if (ok)
		*out = (int64_t)days * 86400 + secs;
	return ok;
}

/* Letters, digits, '-', '_' and '.', and a '*' label in front. */
static bool dns_shape(struct span s)
{
	if (s.len == 0 || s.len > 253)
		return false;
	if (span_starts(s, SPAN("*.")))
		s = span_skip(s, 2);
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_alnum(s.ptr[i]) && s.ptr[i] != '-' &&
		    s.ptr[i] != '_' && s.ptr[i] != '.')
			return false;
	return s.len > 0;
}

static struct span bytes_of(const ASN1_STRING *a)
{
	return span_of(ASN1_STRING_get0_data(a), (size_t)ASN1_STRING_length(a));
}

bool tls_dns_name(const GENERAL_NAME *g, struct span *out)
{
	if (g->type != GEN_DNS)
		return false;
	*out = bytes_of(g->d.dNSName);
	return dns_shape(*out);
}

static void read_name(struct tls_reading *r, const GENERAL_NAME *g)
{
	struct tls_certificate *c = r->out;
	struct span s;
	char lower[253];

	if (g->type == GEN_IPADD) {
		s = bytes_of(g->d.iPAddress);
		if (s.len == 4 || s.len == 16)
			c->addresses[c->address_count++] = keep(r, s);
		return;
	}
	if (!tls_dns_name(g, &s))
		return;
	for (size_t i = 0; i < s.len; i++)
		lower[i] = ascii_lower(s.ptr[i]);
	c->names[c->name_count++] = keep(r, span_of(lower, s.len));
}

static void read_names(struct tls_reading *r, X509 *leaf)
{
	struct tls_certificate *c = r->out;
	GENERAL_NAMES *all =
		X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	int n = all ? sk_GENERAL_NAME_num(all) : 0;

	if (n > (int)TLS_NAMES_MAX)
		n = (int)TLS_NAMES_MAX;
	if (n > 0) {
		c->names = ARENA_ARRAY(r->arena, (size_t)n, struct span);
		c->addresses = ARENA_ARRAY(r->arena, (size_t)n, struct span);
		r->memory = r->memory && c->names && c->addresses;
	}
	for (int i = 0; i < n && r->memory; i++)
		read_name(r, sk_GENERAL_NAME_value(all, i));
	GENERAL_NAMES_free(all);
}

void tls_read_leaf(struct tls_reading *r)
{
	struct tls_certificate *c = r->out;
	X509 *leaf = r->chain[0];
	uint32_t flags = X509_get_extension_flags(leaf);
	uint32_t usage = X509_get_extended_key_usage(leaf);
	EVP_PKEY *key = X509_get0_pubkey(leaf);

	c->chain_len = r->count;
	c->subject = name_text(r, X509_get_subject_name(leaf));
	c->issuer = name_text(r, X509_get_issuer_name(leaf));
	c->self_signed = (flags & EXFLAG_SS) != 0;
	c->server_auth = (usage & XKU_SSL_SERVER) != 0;
	c->client_auth = (usage & XKU_SSL_CLIENT) != 0;
	if ((flags & EXFLAG_INVALID) != 0 || !key ||
	    !tls_asn1_seconds(X509_get0_notBefore(leaf), &c->not_before) ||
	    !tls_asn1_seconds(X509_get0_notAfter(leaf), &c->not_after) ||
	    !tls_x509_spki(leaf, c->spki_sha256)) {
		tls_finding(r, TLS_F_BROKEN, TLS_ERROR,
			    "the certificate has an unreadable key, time or "
			    "extension; have it issued again");
		return;
	}
	r->leaf_readable = true;
	r->kind_known = tls_pkey_kind(key, &c->kind, &c->key_bits);
	read_names(r, leaf);
}

static void take_certificate(struct tls_reading *r, const unsigned char *der,
			     long len)
{
	const unsigned char *p = der;
	X509 *x;

	if (r->count == TLS_CHAIN_MAX) {
		tls_finding(r, TLS_F_TOO_LARGE, TLS_ERROR,
			    "more than %u certificates; keep the server's and "
			    "its intermediates", TLS_CHAIN_MAX);
		return;
	}
	x = d2i_X509(NULL, &p, len);
	if (!x || p != der + len) {
		X509_free(x);
		tls_finding(r, TLS_F_BROKEN, TLS_ERROR,
			    "certificate %zu cannot be read; copy the file "
			    "again", r->count + 1);
		return;
	}
	r->chain[r->count++] = x;
}

static void take_block(struct tls_reading *r, struct span name,
		       const unsigned char *der, long len)
{
	if (span_eq(name, SPAN("CERTIFICATE")) ||
	    span_eq(name, SPAN("X509 CERTIFICATE")))
		take_certificate(r, der, len);
	else if (span_ends(name, SPAN("DH PARAMETERS")))
		tls_finding(r, TLS_F_DH_IGNORED, TLS_NOTE,
			    "DH parameters are ignored; they can be removed "
			    "(only elliptic curves are used)");
	else if (span_ends(name, SPAN("PRIVATE KEY")))
		tls_finding(r, TLS_F_KEY_IN_FILE, TLS_WARNING,
			    "a private key stands among the certificates and "
			    "is ignored; move it to the key file");
}

/* All blocks of the file, in order. */
static void read_blocks(struct tls_reading *r, struct span pem)
{
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	char *name, *header;
	unsigned char *der;
	long len;

	if (!bio) {
		r->memory = false;
		return;
	}
	while (r->out->finding_count < TLS_FINDINGS_MAX &&
	       PEM_read_bio(bio, &name, &header, &der, &len) == 1) {
		take_block(r, span_cstr(name), der, len);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(der, len > 0 ? (size_t)len : 0);
	}
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE &&
	    ERR_peek_last_error() != 0)
		tls_finding(r, TLS_F_BROKEN, TLS_ERROR,
			    "the block after certificate %zu is damaged; copy "
			    "the file again", r->count);
	ERR_clear_error();
	BIO_free(bio);
}

bool tls_certificate_check(struct arena *arena, struct span pem,
			   struct span where, int64_t now,
			   const unsigned char *key_spki,
			   struct tls_certificate *out)
{
	struct tls_reading r = {.arena = arena, .out = out, .where = where,
				.now = now, .key_spki = key_spki,
				.memory = true};

	*out = (struct tls_certificate){.usable = true};
	ERR_clear_error();
	if (pem.len > TLS_PEM_MAX)
		tls_finding(&r, TLS_F_TOO_LARGE, TLS_ERROR,
			    "larger than %u bytes; keep the server's "
			    "certificate and its intermediates", TLS_PEM_MAX);
	else if (pem.len > 0)
		read_blocks(&r, pem);
	if (r.count == 0 && out->usable)
		tls_finding(&r, TLS_F_EMPTY, TLS_ERROR,
			    "no certificate in it; it needs PEM blocks that "
			    "begin with -----BEGIN CERTIFICATE-----");
	if (r.count > 0) {
		tls_read_leaf(&r);
		if (r.leaf_readable)
			tls_judge(&r);
	}
	for (size_t i = 0; i < r.count; i++)
		X509_free(r.chain[i]);
	ERR_clear_error();
	return r.memory;
}
