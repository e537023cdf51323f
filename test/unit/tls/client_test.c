/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/client: handshakes with a server of OpenSSL's; what a server may do wrong;
 * certificates of ours; what an idle connection holds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "base/check.h"
#include "crypto/library.h"
#include "peer_kit.h"
#include "tls/facts.h"
#include "tls/issue.h"

#define HOST "mx.example.test"
#define IDLE 64u /* connections whose memory is measured */
/* Of each, at the end of a handshake with a chain of two certificates. */
#define IDLE_BYTES 28000u

struct world {
	struct kit *kit;
	struct tls_client *client; /* opportunistic */
	struct made root, leaf[2]; /* and the root */
	struct tls_authorities *authorities;
};

static const struct tls_client_settings usual = {.profile = TLS_OPPORTUNISTIC};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct buf pem, why;

	assert_non_null(w);
	w->kit = kit_new();
	w->client = kit_client(w->kit, usual);
	w->root = kit_make(&(struct plan){.cn = "Root", .ca = true}, NULL);
	w->leaf[0] = kit_make(&(struct plan){.cn = HOST, .san = "DNS:" HOST,
					     .kind = "RSA2048"},
			      &w->root);
	w->leaf[1] = w->root;
	buf_init(&pem, 1 << 16);
	buf_init(&why, 1024);
	kit_pem(w->root.x, &pem);
	w->authorities = tls_authorities_new(buf_span(&pem), &why);
	assert_non_null(w->authorities);
	buf_free(&pem);
	buf_free(&why);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	tls_authorities_free(w->authorities);
	tls_client_free(w->client);
	kit_unmake(&w->leaf[0]);
	kit_unmake(&w->root);
	kit_free(w->kit);
	free(w);
	return 0;
}

static bool has(struct span s, const char *text)
{
	return span_find_span(s, span_cstr(text)) != SIZE_MAX;
}

/* Borrows a name that lives as long as the program. */
static struct tls_expect by_name(struct world *w)
{
	static const struct span name = SPAN_INIT(HOST);

	return (struct tls_expect){.what = TLS_EXPECT_NAMES,
				   .enforce = true,
				   .now = KIT_NOW,
				   .sni = name,
				   .names = &name,
				   .name_count = 1,
				   .authorities = w->authorities};
}

static const struct tls_expect anything = {.what = TLS_EXPECT_ANYTHING,
					   .now = KIT_NOW};

static SSL_CTX *server_of(struct world *w, int low, int high)
{
	return kit_server(w->leaf, 2, low, high);
}

/* ---- what goes well ------------------------------------------------------- */

static void close_both(struct meeting *m)
{
	char c;
	size_t n;

	assert_int_equal(tls_close(m->conn), TLS_OK);
	assert_int_equal(SSL_read(m->server, &c, 1), 0);
	assert_int_equal(SSL_get_error(m->server, 0), SSL_ERROR_ZERO_RETURN);
	assert_int_equal(SSL_shutdown(m->server), 1);
	kit_carry(m);
	while ((m->last = tls_read(m->conn, &c, 1, &n)) == TLS_WANT_READ &&
	       m->from < m->to)
		;
	assert_int_equal(m->last, TLS_CLOSED);
}

static void round_of(struct world *w, int version, size_t chunk)
{
	SSL_CTX *server = server_of(w, version, version);
	struct tls_expect e = by_name(w);
	struct arena *a = arena_new(65536);
	struct meeting *m = kit_meet(w->client, &e, server);
	struct tls_peer_facts p;
	struct tls_facts f;
	struct buf line;

	m->chunk = chunk;
	assert_true(kit_shake(m));
	assert_int_equal(tls_peer(m->conn), TLS_PEER_GOOD);
	assert_string_equal(SSL_get_servername(m->server, 0), HOST);
	assert_true(tls_peer_facts(m->conn, a, &p));
	assert_true(span_eq(p.subject, SPAN("CN=" HOST)));
	assert_true(span_eq(p.issuer, SPAN("CN=Root")));
	assert_true(span_eq(p.key, SPAN("RSA 2048")));
	assert_true(span_eq(p.by, SPAN("an authority")));
	assert_int_equal(p.not_before, KIT_NOW - KIT_DAY);
	assert_int_equal(p.not_after, KIT_NOW + 30 * KIT_DAY);
	assert_int_equal(p.name_count, 1);
	assert_true(span_eq(p.names[0], SPAN(HOST)));
	assert_false(p.asked || p.gave);
	assert_true(tls_facts(m->conn, a, &f));
	assert_true(f.outgoing && !f.resumed && f.bindable);
	assert_int_equal(f.trust, TLS_VERIFIED);
	assert_true(span_eq(f.group, SPAN("X25519")));
	assert_true(span_eq(f.sni, SPAN(HOST)));
	buf_init(&line, 4096);
	tls_facts_log(&f, SPAN(HOST), SPAN("192.0.2.1"), &line);
	assert_true(has(buf_span(&line),
			version == TLS1_3_VERSION
				? "Verified TLS connection established to " HOST
				  "[192.0.2.1]: TLSv1.3 with cipher "
				  "TLS_AES_256_GCM_SHA384 (256/256 bits)"
				: "Verified TLS connection established to " HOST
				  "[192.0.2.1]: TLSv1.2 with cipher "
				  "ECDHE-RSA-AES"));
	assert_true(has(buf_span(&line), " verified yes"));
	kit_echo(m);
	close_both(m);
	buf_free(&line);
	kit_part(m);
	arena_free(a);
	SSL_CTX_free(server);
}

static void test_versions_and_pieces(void **state)
{
	for (size_t chunk = 0; chunk < 2; chunk++) {
		round_of(*state, TLS1_2_VERSION, chunk);
		round_of(*state, TLS1_3_VERSION, chunk);
	}
}

/* What the log says of one that nobody asked anything of. */
static void test_trust_is_told(void **state)
{
	static const char *const words[] = {"Untrusted", "Trusted"};
	struct world *w = *state;
	SSL_CTX *server = server_of(w, TLS1_3_VERSION, TLS1_3_VERSION);

	for (int known = 0; known < 2; known++) {
		struct tls_expect e = anything;
		struct arena *a = arena_new(65536);
		struct meeting *m;
		struct tls_facts f;
		struct buf line;

		e.authorities = known ? w->authorities : NULL;
		m = kit_meet(w->client, &e, server);
		assert_true(kit_shake(m));
		assert_true(tls_facts(m->conn, a, &f));
		buf_init(&line, 4096);
		tls_facts_log(&f, SPAN("h"), SPAN("::1"), &line);
		assert_true(span_starts(buf_span(&line),
					span_cstr(words[known])));
		assert_true(has(buf_span(&line), " verified no"));
		assert_null(SSL_get_servername(m->server, 0));
		buf_free(&line);
		kit_part(m);
		arena_free(a);
	}
	SSL_CTX_free(server);
}

static void test_server_names(void **state)
{
	static const struct {
		const char *sni, *sent;
	} rows[] = {
		{"mx.example.test.", "mx.example.test"},
		{"xn--bcher-kva.test", "xn--bcher-kva.test"},
		{"192.0.2.1", NULL},
		{"2001:db8::1", NULL},
		{"", NULL},
		{".", NULL},
		{"a b.test", NULL},
		{"b\xc3\xbc" "cher.test", NULL},
	};
	struct world *w = *state;
	SSL_CTX *server = server_of(w, TLS1_2_VERSION, TLS1_3_VERSION);
	static char name[TLS_SNI_MAX + 2];
	struct tls_expect e = anything;
	struct meeting *m;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got;

		e.sni = span_cstr(rows[i].sni);
		m = kit_meet(w->client, &e, server);
		assert_true(kit_shake(m));
		got = SSL_get_servername(m->server, 0);
		assert_int_equal(got != NULL, rows[i].sent != NULL);
		if (got)
			assert_string_equal(got, rows[i].sent);
		kit_part(m);
	}
	memset(name, 'n', sizeof(name));
	for (size_t n = TLS_SNI_MAX - 1; n <= TLS_SNI_MAX + 1; n++) {
		e.sni = span_of(name, n);
		m = kit_meet(w->client, &e, server);
		assert_true(kit_shake(m));
		assert_int_equal(SSL_get_servername(m->server, 0) != NULL,
				 n <= TLS_SNI_MAX);
		kit_part(m);
	}
	SSL_CTX_free(server);
}

static int take_smtp(SSL *ssl, const unsigned char **out, unsigned char *len,
		     const unsigned char *in, unsigned int in_len, void *arg)
{
	(void)ssl;
	*(bool *)arg = true;
	assert_int_equal(in_len, 5);
	assert_memory_equal(in, "\4smtp", 5);
	*out = in + 1;
	*len = 4;
	return SSL_TLSEXT_ERR_OK;
}

static void test_alpn(void **state)
{
	struct world *w = *state;
	SSL_CTX *server = server_of(w, TLS1_2_VERSION, TLS1_3_VERSION);
	struct tls_client_settings s = usual;
	struct tls_client *client;
	struct meeting *m;
	struct arena *a = arena_new(65536);
	struct tls_facts f;
	bool asked = false;

	SSL_CTX_set_alpn_select_cb(server, take_smtp, &asked);
	m = kit_meet(w->client, &anything, server);
	assert_true(kit_shake(m));
	assert_false(asked);
	kit_part(m);
	s.alpn = SPAN("smtp");
	client = kit_client(w->kit, s);
	m = kit_meet(client, &anything, server);
	tls_client_free(client); /* the connection keeps it */
	assert_true(kit_shake(m));
	assert_true(asked);
	assert_true(tls_facts(m->conn, a, &f));
	assert_true(span_eq(f.alpn, SPAN("smtp")));
	kit_part(m);
	arena_free(a);
	SSL_CTX_free(server);
}

/* Nothing of a session is kept: the next handshake is a whole one. */
static void test_no_resumption(void **state)
{
	struct world *w = *state;

	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		SSL_CTX *server = server_of(w, v, v);

		for (int i = 0; i < 2; i++) {
			struct meeting *m = kit_meet(w->client, &anything,
						     server);

			assert_true(kit_shake(m));
			kit_echo(m); /* tickets came before it */
			assert_false(SSL_session_reused(m->server));
			close_both(m);
			kit_part(m);
		}
		SSL_CTX_free(server);
	}
}

/* ---- what is offered ------------------------------------------------------ */

static bool try(struct world *w, enum tls_profile profile, SSL_CTX *server)
{
	struct tls_client *c = kit_client(
		w->kit, (struct tls_client_settings){.profile = profile});
	struct meeting *m = kit_meet(c, &anything, server);
	bool ok = kit_shake(m);

	assert_int_equal(tls_peer(m->conn), ok ? TLS_PEER_GOOD
					       : TLS_PEER_HANDSHAKE);
	assert_int_equal(tls_reason(m->conn).len > 0, !ok);
	tls_client_free(c);
	kit_part(m);
	return ok;
}

static void test_profiles(void **state)
{
	static const struct {
		const char *suites;
		bool opportunistic, strict;
	} rows[] = {
		{"ECDHE-RSA-AES128-GCM-SHA256", true, true},
		{"ECDHE-RSA-CHACHA20-POLY1305", true, true},
		{"ECDHE-RSA-AES256-SHA", true, false},
		{"DHE-RSA-AES256-GCM-SHA384", true, false},
		{"DHE-RSA-CAMELLIA128-SHA256", true, false},
		{"AES128-SHA", true, false},
		{"AES256-GCM-SHA384", true, false},
		{"NULL-SHA256:ECDHE-RSA-NULL-SHA", false, false},
		{"aNULL", false, false},
		{"SEED-SHA:DES-CBC3-SHA:RC4-SHA", false, false},
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SSL_CTX *server = server_of(w, TLS1_2_VERSION, TLS1_2_VERSION);

		if (SSL_CTX_set_cipher_list(server, rows[i].suites) != 1) {
			ERR_clear_error(); /* this OpenSSL has none of them */
			SSL_CTX_free(server);
			continue;
		}
		SSL_CTX_set_dh_auto(server, 1);
		assert_int_equal(try(w, TLS_OPPORTUNISTIC, server),
				 rows[i].opportunistic);
		assert_int_equal(try(w, TLS_STRICT, server), rows[i].strict);
		assert_false(try(w, TLS_MODERN, server));
		SSL_CTX_free(server);
	}
}

/* A group that we name, but sent no share of: asked for in a second hello. */
static void test_groups(void **state)
{
	static const struct {
		const char *list, *group;
	} rows[] = {
		{"X25519", "X25519"}, {"P-256", "P-256"}, {"P-384", "P-384"},
		{"P-521", NULL},      {"ffdhe2048", NULL},
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SSL_CTX *server = server_of(w, TLS1_3_VERSION, TLS1_3_VERSION);
		struct tls_expect e = by_name(w);
		struct arena *a = arena_new(65536);
		struct meeting *m;
		struct tls_facts f;

		assert_int_equal(SSL_CTX_set1_groups_list(server, rows[i].list),
				 1);
		m = kit_meet(w->client, &e, server);
		assert_int_equal(kit_shake(m), rows[i].group != NULL);
		if (rows[i].group) {
			assert_true(tls_facts(m->conn, a, &f));
			assert_true(span_eq(f.group, span_cstr(rows[i].group)));
			kit_echo(m);
		} else {
			assert_int_equal(tls_peer(m->conn), TLS_PEER_HANDSHAKE);
		}
		kit_part(m);
		arena_free(a);
		SSL_CTX_free(server);
	}
}

/* Everything but what is broken: a short key is better than clear text. */
static void test_short_keys(void **state)
{
	struct world *w = *state;
	struct made m = kit_make(&(struct plan){.cn = HOST, .kind = "RSA1024",
						.digest = "SHA1"},
				 NULL);
	SSL_CTX *server = kit_server(&m, 1, TLS1_2_VERSION, TLS1_2_VERSION);

	assert_true(try(w, TLS_OPPORTUNISTIC, server));
	SSL_CTX_free(server);
	kit_unmake(&m);
}

static void test_old_versions(void **state)
{
	struct world *w = *state;

	for (int v = TLS1_VERSION; v <= TLS1_1_VERSION; v++) {
		SSL_CTX *server = server_of(w, v, v);
		struct meeting *m;

		SSL_CTX_set_cipher_list(server, "ALL:@SECLEVEL=0");
		m = kit_meet(w->client, &anything, server);
		assert_false(kit_shake(m));
		assert_int_equal(tls_peer(m->conn), TLS_PEER_HANDSHAKE);
		/* It says so itself, having seen what we speak. */
		assert_int_equal(tls_alert_received(m->conn), 70);
		assert_true(has(tls_reason(m->conn), "alert 70 (protocol"));
		kit_part(m);
		SSL_CTX_free(server);
	}
}

static void test_settings(void **state)
{
	static const struct tls_client_settings rows[] = {
		{.profile = TLS_CUSTOM},
		{.profile = TLS_CUSTOM, .ciphers = SPAN_INIT("NO-SUCH")},
		{.profile = TLS_CUSTOM, .ciphers = SPAN_INIT("aNULL")},
		{.groups = SPAN_INIT("nonsense")},
		{.identity_count = TLS_SITE_CERTS + 1},
	};
	struct world *w = *state;
	static const struct tls_identity bad = {SPAN_INIT("no PEM"), 1};
	struct tls_client_settings s = usual;
	struct buf why, list;

	buf_init(&why, 65536);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_clear(&why);
		assert_null(tls_client_new(w->kit->library, &rows[i], &why));
		assert_true(buf_len(&why) > 0);
	}
	s.identities = &bad;
	s.identity_count = 1;
	assert_null(tls_client_new(w->kit->library, &s, &why));
	/* The limit of ALPN is its length byte's. */
	buf_init(&list, 300);
	s = usual;
	for (size_t n = 1; n <= 256; n++) {
		struct tls_client *c;

		buf_addc(&list, 'p');
		s.alpn = buf_span(&list);
		c = tls_client_new(w->kit->library, &s, &why);
		assert_int_equal(c != NULL, n <= 255);
		tls_client_free(c);
	}
	buf_free(&list);
	buf_free(&why);
}

/* ---- what goes wrong ------------------------------------------------------ */

static void test_garbage(void **state)
{
	static const struct span rows[] = {
		SPAN_INIT("220 mx.example.test ESMTP\r\n250 ok\r\n"),
		SPAN_INIT("454 4.7.0 TLS is not available\r\n"),
		SPAN_INIT("HTTP/1.1 400 Bad Request\r\n\r\n"),
		SPAN_INIT("\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10"),
		SPAN_INIT("\x16\x03\x03\xff\xff" "aaaaaaaaaa"),
		SPAN_INIT("\x16\x03\x03\x00\x04\x0e\0\0\0"), /* ServerHelloDone */
		SPAN_INIT("\x17\x03\x03\x00\x04mail"),
		SPAN_INIT("\x15\x03\x03\x00\x02\x02\x28"), /* alert 40 */
		SPAN_INIT("\x15\x03\x03\x00\x02\x01\x00"), /* close_notify */
		SPAN_INIT("\x14\x03\x03\x00\x01\x01"),
		SPAN_INIT("\0\0\0\0\0\0\0\0\0\0\0\0"),
		SPAN_INIT(""),
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tls_expect e = by_name(w);
		struct meeting *m = kit_meet(w->client, &e, NULL);
		struct arena *a = arena_new(65536);
		struct tls_peer_facts f;
		size_t n;
		char c;

		m->last = tls_shake(m->conn);
		assert_int_equal(m->last, TLS_WANT_READ);
		memcpy(m->down, rows[i].ptr, rows[i].len);
		m->to = rows[i].len;
		m->closed = true;
		m->last = tls_shake(m->conn);
		assert_true(m->last == TLS_FAILED || m->last == TLS_TRUNCATED ||
			    m->last == TLS_CLOSED);
		assert_int_equal(tls_peer(m->conn), TLS_PEER_HANDSHAKE);
		assert_true(tls_peer_facts(m->conn, a, &f));
		assert_false(f.shown);
		assert_int_equal(f.by.len, 0);
		if (m->last != TLS_CLOSED)
			assert_true(f.why.len > 0);
		assert_int_not_equal(tls_write(m->conn, SPAN("x"), &n), TLS_OK);
		assert_int_not_equal(tls_read(m->conn, &c, 1, &n), TLS_OK);
		assert_int_equal(ERR_peek_error(), 0);
		arena_free(a);
		kit_part(m);
	}
}

/* The server's side, cut after n bytes.  False: n was more than there is. */
static bool cut(struct world *w, SSL_CTX *server, size_t n)
{
	struct tls_expect e = by_name(w);
	struct meeting *m = kit_meet(w->client, &e, server);
	bool all;

	m->last = tls_shake(m->conn);
	SSL_do_handshake(m->server);
	ERR_clear_error();
	kit_carry(m);
	all = n >= m->to;
	m->to = size_min(n, m->to);
	m->closed = true;
	while ((m->last = tls_shake(m->conn)) == TLS_WANT_READ)
		;
	if (!all) {
		assert_int_equal(m->last, TLS_TRUNCATED);
		assert_int_equal(tls_peer(m->conn), TLS_PEER_HANDSHAKE);
		assert_true(has(tls_reason(m->conn), "ended"));
	}
	kit_part(m);
	return !all;
}

static void test_truncated_handshake(void **state)
{
	struct world *w = *state;

	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		SSL_CTX *server = server_of(w, v, v);
		size_t n = 0;

		while (cut(w, server, n))
			n += n < 150 ? 1 : 61;
		assert_true(n > 1000);
		SSL_CTX_free(server);
	}
}

static void test_truncated_data(void **state)
{
	struct world *w = *state;

	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		SSL_CTX *server = server_of(w, v, v);
		struct meeting *m = kit_meet(w->client, &anything, server);
		char p[16];
		size_t n;

		assert_true(kit_shake(m));
		kit_echo(m);
		m->closed = true;
		assert_int_equal(tls_read(m->conn, p, sizeof(p), &n),
				 TLS_TRUNCATED);
		/* The judgement of the certificate stands. */
		assert_int_equal(tls_peer(m->conn), TLS_PEER_GOOD);
		kit_part(m);
		SSL_CTX_free(server);
	}
}

static void test_alerts(void **state)
{
	struct world *w = *state;
	SSL_CTX *server = server_of(w, TLS1_2_VERSION, TLS1_2_VERSION);
	struct tls_client *modern = kit_client(
		w->kit, (struct tls_client_settings){.profile = TLS_MODERN});
	struct meeting *m;

	SSL_CTX_set_cipher_list(server, "ECDHE-ECDSA-AES128-SHA"); /* it has RSA */
	m = kit_meet(w->client, &anything, server);
	assert_false(kit_shake(m));
	assert_int_equal(tls_alert_received(m->conn), 40);
	assert_true(span_eq(tls_reason(m->conn),
			    SPAN("the peer sent alert 40 (handshake failure)")));
	kit_part(m);
	m = kit_meet(modern, &anything, server);
	assert_false(kit_shake(m));
	assert_int_equal(tls_alert_received(m->conn), 70);
	kit_part(m);
	tls_client_free(modern);
	SSL_CTX_free(server);
}

/* A server of TLS 1.2 that wants to begin again is told no. */
static void test_renegotiation(void **state)
{
	struct world *w = *state;
	SSL_CTX *server = server_of(w, TLS1_2_VERSION, TLS1_2_VERSION);
	struct meeting *m = kit_meet(w->client, &anything, server);
	char p[16];
	size_t n;

	assert_true(kit_shake(m));
	assert_int_equal(SSL_renegotiate(m->server), 1);
	SSL_do_handshake(m->server);
	ERR_clear_error();
	kit_carry(m);
	assert_int_not_equal(tls_read(m->conn, p, sizeof(p), &n), TLS_OK);
	assert_int_equal(SSL_read(m->server, p, sizeof(p)), -1);
	assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()),
			 SSL_R_NO_RENEGOTIATION);
	ERR_clear_error();
	kit_part(m);
	SSL_CTX_free(server);
}

/* The Certificate message of TLS 1.2 or 1.3 with these certificates. */
static size_t message_of(const struct made *chain, size_t count, int version)
{
	size_t n = version == TLS1_3_VERSION ? 4 : 3;

	for (size_t i = 0; i < count; i++)
		n += 3 + (size_t)i2d_X509(chain[i].x, NULL) +
		     (version == TLS1_3_VERSION ? 2 : 0);
	return n;
}

static void test_large_chains(void **state)
{
	struct world *w = *state;

	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++)
		for (size_t off = 0; off < 3; off++) {
			struct plan p = {.cn = HOST,
					 .padding = TLS_PEER_CHAIN_MAX - 2000};
			size_t want = TLS_PEER_CHAIN_MAX - 1 + off, have;
			struct made m = kit_make(&p, NULL);
			SSL_CTX *server;

			/* ECDSA signatures have no fixed length. */
			while ((have = message_of(&m, 1, v)) != want) {
				p.padding += want - have;
				kit_unmake(&m);
				m = kit_make(&p, NULL);
			}
			server = kit_server(&m, 1, v, v);
			assert_int_equal(try(w, TLS_OPPORTUNISTIC, server),
					 want <= TLS_PEER_CHAIN_MAX);
			SSL_CTX_free(server);
			kit_unmake(&m);
		}
}

/* As many certificates between leaf and authority as there may be. */
static void test_long_chains(void **state)
{
	struct world *w = *state;
	struct made chain[TLS_PEER_DEPTH + 3];
	size_t most = TLS_PEER_DEPTH + 1;

	for (size_t n = most - 1; n <= most + 1; n++) {
		struct tls_expect e = by_name(w);
		const struct made *above = &w->root;
		SSL_CTX *server;
		struct meeting *m;

		/* chain[0] is the leaf, n - 1 are between it and the root. */
		for (size_t i = n; i-- > 0;) {
			char middle[] = {'M', (char)('a' + i), '\0'};
			struct plan p = {.cn = i == 0 ? HOST : middle,
					 .san = i == 0 ? "DNS:" HOST : NULL,
					 .ca = i > 0};

			chain[i] = kit_make(&p, above);
			above = &chain[i];
		}
		server = kit_server(chain, n, TLS1_3_VERSION, TLS1_3_VERSION);
		m = kit_meet(w->client, &e, server);
		assert_int_equal(kit_shake(m), n <= most);
		assert_int_equal(tls_peer(m->conn), n <= most
							    ? TLS_PEER_GOOD
							    : TLS_PEER_CERTIFICATE);
		kit_part(m);
		SSL_CTX_free(server);
		for (size_t i = 0; i < n; i++)
			kit_unmake(&chain[i]);
	}
}

/* ---- certificates of ours ------------------------------------------------- */

static int take_any(int ok, X509_STORE_CTX *x)
{
	(void)ok, (void)x;
	return 1;
}

/* A client with one throw-away certificate, its key in the kit's box. */
static struct tls_client *with_certificate(struct world *w,
					   enum tls_key_kind kind, bool allowed)
{
	struct span dns = SPAN("us.test");
	struct buf key, chain, ca;
	struct tls_issued leaf = {&key, &chain, kind, 2048};
	struct tls_client_settings s = usual;
	struct tls_identity id;
	struct tls_client *c;

	buf_init(&key, 65536);
	buf_init(&chain, 65536);
	buf_init(&ca, 65536);
	assert_true(tls_issue_throwaway(
		SPAN("Ours"), &(struct tls_issue_names){&dns, 1, NULL, 0},
		KIT_NOW, 30, &leaf, 1, &ca));
	(void)tls_keybox_drop(w->kit->box, 7);
	assert_int_equal(tls_keybox_add(w->kit->box, 7, 1, buf_span(&key)),
			 TLS_KEY_LOADED);
	if (allowed)
		assert_true(tls_keybox_allow_client(w->kit->box, 7, 1));
	id = (struct tls_identity){buf_span(&chain), 7};
	s.identities = &id;
	s.identity_count = 1;
	c = kit_client(w->kit, s);
	buf_free(&key);
	buf_free(&chain);
	buf_free(&ca);
	return c;
}

static void facts_of(struct meeting *m, bool asked, bool gave)
{
	struct arena *a = arena_new(65536);
	struct tls_peer_facts f;

	assert_true(tls_peer_facts(m->conn, a, &f));
	assert_int_equal(f.asked, asked);
	assert_int_equal(f.gave, gave);
	arena_free(a);
}

static void test_our_certificate(void **state)
{
	static const enum tls_key_kind kinds[] = {TLS_KEY_RSA, TLS_KEY_P256,
						  TLS_KEY_P384,
						  TLS_KEY_ED25519};
	struct world *w = *state;

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
			SSL_CTX *server = server_of(w, v, v);
			struct tls_client *c = with_certificate(w, kinds[k],
								true);
			bool given = v == TLS1_3_VERSION;
			unsigned before = w->kit->signatures;
			struct meeting *m;
			X509 *got;

			/* Nobody asks: it is not shown. */
			m = kit_meet(c, &anything, server);
			assert_true(kit_shake(m));
			facts_of(m, false, false);
			kit_part(m);
			SSL_CTX_set_verify(server, SSL_VERIFY_PEER, take_any);
			m = kit_meet(c, &anything, server);
			assert_true(kit_shake(m));
			got = SSL_get0_peer_certificate(m->server);
			assert_int_equal(got != NULL, given);
			if (given)
				assert_int_equal(X509_check_host(got, "us.test",
								 0, 0, NULL),
						 1);
			facts_of(m, true, given);
			kit_echo(m);
			kit_part(m);
			assert_int_equal(w->kit->signatures - before, given);
			tls_client_free(c);
			SSL_CTX_free(server);
		}
}

/* It wants one, and we have none: told by an alert, in 1.3 after our part. */
static void test_a_certificate_is_required(void **state)
{
	struct world *w = *state;

	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		SSL_CTX *server = server_of(w, v, v);
		struct meeting *m = kit_meet(w->client, &anything, server);
		char p[16];
		size_t n;

		SSL_set_verify(m->server,
			       SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
			       take_any);
		assert_false(kit_shake(m));
		facts_of(m, true, false);
		if (v == TLS1_2_VERSION) {
			assert_int_equal(tls_peer(m->conn), TLS_PEER_HANDSHAKE);
			assert_int_equal(tls_alert_received(m->conn), 40);
		} else {
			assert_int_equal(m->last, TLS_OK);
			assert_int_equal(tls_read(m->conn, p, sizeof(p), &n),
					 TLS_FAILED);
			assert_int_equal(tls_alert_received(m->conn), 116);
			assert_true(has(tls_reason(m->conn),
					"alert 116 (certificate required)"));
		}
		kit_part(m);
		SSL_CTX_free(server);
	}
}

/* The vault says no, or is not there: nothing of the peer's doing. */
static void test_no_signature(void **state)
{
	struct world *w = *state;
	SSL_CTX *server = server_of(w, TLS1_3_VERSION, TLS1_3_VERSION);

	SSL_CTX_set_verify(server, SSL_VERIFY_PEER, take_any);
	for (int round = 0; round < 2; round++) {
		struct tls_client *c = with_certificate(w, TLS_KEY_P256,
							round == 0);
		struct meeting *m;

		w->kit->refuse = round == 0;
		m = kit_meet(c, &anything, server);
		assert_false(kit_shake(m));
		assert_int_equal(m->last, TLS_FAILED);
		assert_int_equal(tls_peer(m->conn), TLS_PEER_OURS);
		assert_int_equal(tls_alert_sent(m->conn), 80);
		kit_part(m);
		tls_client_free(c);
	}
	w->kit->refuse = false;
	SSL_CTX_free(server);
}

/* ---- memory --------------------------------------------------------------- */

/* The server's half is made away with before it is measured. */
static size_t idle_bytes(struct world *w, int version)
{
	SSL_CTX *server = server_of(w, version, version);
	struct meeting *all[IDLE];
	size_t before, after;

	for (size_t i = 0; i < IDLE; i++) {
		struct tls_expect e = by_name(w);

		all[i] = kit_meet(w->client, &e, server);
		assert_true(kit_shake(all[i]));
		kit_echo(all[i]);
		SSL_free(all[i]->server);
		all[i]->server = NULL;
		all[i]->in = NULL;
	}
	before = mallinfo2().uordblks;
	for (size_t i = 0; i < IDLE; i++) {
		tls_conn_free(all[i]->conn);
		all[i]->conn = NULL;
	}
	after = mallinfo2().uordblks;
	for (size_t i = 0; i < IDLE; i++)
		free(all[i]);
	SSL_CTX_free(server);
	return (before - after) / IDLE;
}

static void test_idle_memory(void **state)
{
	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		size_t n = idle_bytes(*state, v);

		print_message("TLS 1.%d: an idle connection holds %zu bytes\n",
			      v == TLS1_3_VERSION ? 3 : 2, n);
		/* A sanitizer's malloc tells nothing. */
		assert_true(n < IDLE_BYTES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions_and_pieces),
		cmocka_unit_test(test_trust_is_told),
		cmocka_unit_test(test_server_names),
		cmocka_unit_test(test_alpn),
		cmocka_unit_test(test_no_resumption),
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_short_keys),
		cmocka_unit_test(test_old_versions),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_truncated_handshake),
		cmocka_unit_test(test_truncated_data),
		cmocka_unit_test(test_alerts),
		cmocka_unit_test(test_renegotiation),
		cmocka_unit_test(test_large_chains),
		cmocka_unit_test(test_long_chains),
		cmocka_unit_test(test_our_certificate),
		cmocka_unit_test(test_a_certificate_is_required),
		cmocka_unit_test(test_no_signature),
		cmocka_unit_test(test_idle_memory),
	};

	if (!crypto_library_start())
		return 1;
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
