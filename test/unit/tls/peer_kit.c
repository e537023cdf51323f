/* SPDX-License-Identifier: Apache-2.0 */
/* peer_kit: certificates made by hand, and two ends that meet in memory. */
#include "peer_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "base/check.h"

static void add_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

static void add_padding(X509 *x, size_t n)
{
	ASN1_IA5STRING *s = ASN1_IA5STRING_new();
	char *p = malloc(n + 1);

	memset(p, 'x', n);
	p[n] = '\0';
	assert_int_equal(ASN1_STRING_set(s, p, (int)n), 1);
	assert_int_equal(X509_add1_ext_i2d(x, NID_netscape_comment, s, 0, 0),
			 1);
	ASN1_IA5STRING_free(s);
	free(p);
}

static EVP_PKEY *new_key(const char *kind)
{
	if (!kind)
		return EVP_EC_gen("P-256");
	return EVP_RSA_gen(strcmp(kind, "RSA1024") == 0 ? 1024u : 2048u);
}

struct made kit_make(const struct plan *p, const struct made *issuer)
{
	static long serial; /* a test's own */
	struct made m = {X509_new(), new_key(p->kind)};
	const struct made *by = issuer ? issuer : &m;
	bool usual = p->from == 0 && p->to == 0;
	int64_t from = KIT_NOW + (int64_t)(usual ? -1 : p->from) * KIT_DAY;
	int64_t to = KIT_NOW + (int64_t)(usual ? 30 : p->to) * KIT_DAY;

	assert_non_null(m.key);
	X509_set_version(m.x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(m.x), ++serial);
	ASN1_TIME_set(X509_getm_notBefore(m.x), (time_t)from);
	ASN1_TIME_set(X509_getm_notAfter(m.x), (time_t)to);
	X509_set_pubkey(m.x, m.key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(m.x), "CN",
				   MBSTRING_UTF8, (const unsigned char *)p->cn,
				   -1, -1, 0);
	X509_set_issuer_name(m.x, X509_get_subject_name(by->x));
	add_ext(m.x, by->x, NID_basic_constraints,
		p->ca ? "critical,CA:TRUE" : "CA:FALSE");
	add_ext(m.x, by->x, NID_subject_key_identifier, "hash");
	if (p->ca)
		add_ext(m.x, by->x, NID_key_usage, "critical,keyCertSign");
	if (p->san)
		add_ext(m.x, by->x, NID_subject_alt_name, p->san);
	if (p->eku)
		add_ext(m.x, by->x, NID_ext_key_usage, p->eku);
	if (p->limits)
		add_ext(m.x, by->x, NID_name_constraints, p->limits);
	if (p->padding > 0)
		add_padding(m.x, p->padding);
	assert_true(X509_sign(m.x, by->key,
			      EVP_get_digestbyname(p->digest ? p->digest
							     : "SHA256")) > 0);
	/* Read back, as one that came from elsewhere. */
	unsigned char *der = NULL;
	int n = i2d_X509(m.x, &der);
	const unsigned char *at = der;

	X509_free(m.x);
	m.x = d2i_X509(NULL, &at, n);
	assert_non_null(m.x);
	OPENSSL_free(der);
	return m;
}

void kit_unmake(struct made *m)
{
	X509_free(m->x);
	EVP_PKEY_free(m->key);
	*m = (struct made){NULL, NULL};
}

void kit_pem(X509 *x, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p;
	long n;

	assert_int_equal(PEM_write_bio_X509(bio, x), 1);
	n = BIO_get_mem_data(bio, &p);
	buf_add(out, span_of(p, (size_t)n));
	BIO_free(bio);
}

struct tls_tlsa kit_tlsa(uint8_t usage, uint8_t selector, uint8_t matching,
			 X509 *x)
{
	unsigned char *der = NULL, *digest;
	unsigned int len;
	int n = selector == 0 ? i2d_X509(x, &der)
			      : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);

	assert_true(n > 0);
	if (matching == 0)
		return (struct tls_tlsa){usage, selector, matching,
					 span_of(der, (size_t)n)};
	digest = OPENSSL_malloc(EVP_MAX_MD_SIZE);
	assert_int_equal(EVP_Digest(der, (size_t)n, digest, &len,
				    matching == 1 ? EVP_sha256() : EVP_sha512(),
				    NULL),
			 1);
	OPENSSL_free(der);
	return (struct tls_tlsa){usage, selector, matching,
				 span_of(digest, len)};
}

static enum tls_sign_result ask(void *owner, uint32_t key,
				enum tls_scheme scheme, struct span tbs,
				char *out, size_t cap, size_t *len)
{
	struct kit *k = owner;
	char signature[TLS_SIGNATURE_MAX];
	enum tls_recognised seen;

	if (k->refuse ||
	    tls_keybox_sign(k->box, 1, key, (uint16_t)scheme, tbs, &seen,
			    signature, len) != TLS_KEYBOX_SIGNED ||
	    *len > cap)
		return TLS_SIGN_REFUSED;
	memcpy(out, signature, *len);
	k->signatures++;
	return TLS_SIGNED;
}

struct kit *kit_new(void)
{
	struct kit *k = calloc(1, sizeof(*k));

	assert_non_null(k);
	k->box = tls_keybox_new();
	k->library =
		tls_library_new(&(struct tls_signer){.sign = ask, .owner = k});
	assert_non_null(k->library);
	return k;
}

void kit_free(struct kit *k)
{
	tls_library_free(k->library);
	tls_keybox_free(k->box);
	free(k);
}

struct tls_client *kit_client(struct kit *k, struct tls_client_settings s)
{
	struct tls_client *c;
	struct buf why;

	buf_init(&why, 1024);
	c = tls_client_new(k->library, &s, &why);
	if (!c)
		fail_msg("%.*s", SPAN_FMT(buf_span(&why)));
	buf_free(&why);
	return c;
}

static void watch(const SSL *ssl, int where, int value)
{
	struct meeting *m = SSL_get_app_data(ssl);

	if (m && (where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
		m->alert = value & 0xff;
}

SSL_CTX *kit_server(const struct made *chain, size_t count, int low, int high)
{
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());

	SSL_CTX_set_security_level(c, 0);
	assert_int_equal(SSL_CTX_use_certificate(c, chain[0].x), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(c, chain[0].key), 1);
	for (size_t i = 1; i < count; i++)
		assert_int_equal(SSL_CTX_add1_chain_cert(c, chain[i].x), 1);
	SSL_CTX_set_min_proto_version(c, low);
	SSL_CTX_set_max_proto_version(c, high);
	SSL_CTX_set_info_callback(c, watch);
	SSL_CTX_set_mode(c, SSL_MODE_NO_AUTO_CHAIN);
	return c;
}

static enum tls_io from_server(void *owner, char *p, size_t cap, size_t *got)
{
	struct meeting *m = owner;
	size_t n = size_min(cap, m->to - m->from);

	if (m->chunk > 0)
		n = size_min(n, m->chunk);
	if (n == 0)
		return m->closed ? TLS_IO_END : TLS_IO_AGAIN;
	memcpy(p, m->down + m->from, n);
	m->from += n;
	*got = n;
	return TLS_IO_OK;
}

static enum tls_io to_server(void *owner, struct span s, size_t *put)
{
	struct meeting *m = owner;
	size_t n = m->chunk > 0 ? size_min(s.len, m->chunk) : s.len;

	if (m->in)
		assert_int_equal(BIO_write(m->in, s.ptr, (int)n), (int)n);
	m->sent += n;
	*put = n;
	return TLS_IO_OK;
}

struct meeting *kit_meet(struct tls_client *c, const struct tls_expect *e,
			 SSL_CTX *server)
{
	struct meeting *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->alert = -1;
	m->conn = tls_client_conn(
		c, e, &(struct tls_transport){from_server, to_server, m});
	assert_non_null(m->conn);
	if (!server)
		return m;
	m->server = SSL_new(server);
	m->in = BIO_new(BIO_s_mem());
	m->out = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(m->in, -1);
	/* Room for all that the client says: it allocates nothing later. */
	assert_int_equal(BIO_write(m->in, m->down, 65536), 65536);
	assert_int_equal(BIO_reset(m->in), 1);
	SSL_set_bio(m->server, m->in, m->out);
	SSL_set_app_data(m->server, m);
	SSL_set_accept_state(m->server);
	return m;
}

void kit_part(struct meeting *m)
{
	tls_conn_free(m->conn);
	SSL_free(m->server);
	free(m);
}

void kit_carry(struct meeting *m)
{
	int n;

	if (m->from == m->to)
		m->from = m->to = 0;
	n = BIO_read(m->out, m->down + m->to, (int)(KIT_PIPE - m->to));
	if (n > 0)
		m->to += (size_t)n;
}

bool kit_shake(struct meeting *m)
{
	for (int turn = 0; turn < 200000; turn++) {
		int r, e;

		m->last = tls_shake(m->conn);
		assert_int_equal(ERR_peek_error(), 0);
		r = SSL_do_handshake(m->server);
		e = r == 1 ? 0 : SSL_get_error(m->server, r);
		ERR_clear_error();
		kit_carry(m);
		if (m->last == TLS_OK && r == 1)
			return true;
		if (m->last != TLS_OK && m->last != TLS_WANT_READ &&
		    m->last != TLS_WANT_WRITE)
			return false;
		if (e == SSL_ERROR_SSL && m->from == m->to) {
			m->closed = true;
			m->last = tls_shake(m->conn);
			return false;
		}
	}
	return false;
}

void kit_echo(struct meeting *m)
{
	char p[16];
	size_t n = 0;
	enum tls t;

	do
		t = tls_write(m->conn, SPAN("ping"), &n);
	while (t == TLS_WANT_WRITE);
	assert_int_equal(t, TLS_OK);
	assert_int_equal(SSL_read(m->server, p, sizeof(p)), 4);
	assert_int_equal(SSL_write(m->server, "pong!", 5), 5);
	kit_carry(m);
	do
		t = tls_read(m->conn, p, sizeof(p), &n);
	while (t == TLS_WANT_READ && m->from < m->to);
	assert_int_equal(t, TLS_OK);
	assert_int_equal(n, 5);
	assert_memory_equal(p, "pong!", 5);
}
