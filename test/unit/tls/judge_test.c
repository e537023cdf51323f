/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/judge: every kind of certificate against every expectation, in real
 * handshakes with a server of OpenSSL's, in TLS 1.2 and 1.3.
 *
 * Each row is run enforced (a bad one ends the handshake before the server has
 * anything of ours) and not (it goes on, and the answer is the same).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "crypto/library.h"
#include "peer_kit.h"
#include "tls/facts.h"

#define HOST "mx.example.test"

enum chain {
	GOOD,	     /* leaf, intermediate; the root is an authority */
	SELF,	     /* signed by itself */
	STRANGER,    /* of a CA that nobody knows */
	EXPIRED,
	FUTURE,
	OLD_MIDDLE,  /* the intermediate has expired */
	ALONE,	     /* the intermediate is not sent */
	COMMON_NAME, /* the name only in the common name */
	CLIENT_ONLY, /* purpose: clients */
	WEAK_KEY,    /* RSA 1024 */
	WEAK_SIGN,   /* signed with SHA-1 */
	NO_CA,	     /* issued by one that is no CA */
	LIMITED,     /* outside of the intermediate's name constraints */
	OTHER,	     /* as GOOD, with another key */
	ROOT_SENT,   /* leaf, intermediate, root of a CA that nobody knows */
	CHAINS
};

struct world {
	struct kit *kit;
	struct tls_client *client;
	struct tls_authorities *authorities;
	struct made root, middle, stranger, limited, old, strange_middle;
	struct made chain[CHAINS][3];
	size_t length[CHAINS];
	SSL_CTX *servers[CHAINS][2]; /* TLS 1.2, TLS 1.3 */
};

static void give(struct world *w, enum chain c, struct plan p,
		 const struct made *issuer, const struct made *middle,
		 const struct made *root)
{
	if (!p.cn)
		p.cn = HOST;
	if (!p.san && c != COMMON_NAME)
		p.san = "DNS:" HOST ",DNS:*.wild.test";
	w->chain[c][w->length[c]++] = kit_make(&p, issuer);
	if (middle)
		w->chain[c][w->length[c]++] = *middle;
	if (root)
		w->chain[c][w->length[c]++] = *root;
}

static void make_chains(struct world *w)
{
	struct made *m = &w->middle;

	w->root = kit_make(&(struct plan){.cn = "Root", .ca = true, .to = 90,
					  .from = -9},
			   NULL);
	w->middle = kit_make(&(struct plan){.cn = "Middle", .ca = true},
			     &w->root);
	w->stranger = kit_make(&(struct plan){.cn = "Stranger", .ca = true},
			       NULL);
	w->strange_middle =
		kit_make(&(struct plan){.cn = "Strange middle", .ca = true},
			 &w->stranger);
	w->old = kit_make(&(struct plan){.cn = "Old", .ca = true, .from = -90,
					 .to = -2},
			  &w->root);
	w->limited = kit_make(&(struct plan){.cn = "Limited", .ca = true,
					     .limits = "permitted;DNS:"
						       "elsewhere.test"},
			      &w->root);
	give(w, GOOD, (struct plan){.eku = "serverAuth"}, m, m, NULL);
	give(w, SELF, (struct plan){0}, NULL, NULL, NULL);
	give(w, STRANGER, (struct plan){0}, &w->stranger, NULL, NULL);
	give(w, EXPIRED, (struct plan){.from = -90, .to = -12}, m, m, NULL);
	give(w, FUTURE, (struct plan){.from = 3, .to = 90}, m, m, NULL);
	give(w, OLD_MIDDLE, (struct plan){0}, &w->old, &w->old, NULL);
	give(w, ALONE, (struct plan){0}, m, NULL, NULL);
	give(w, COMMON_NAME, (struct plan){0}, m, m, NULL);
	give(w, CLIENT_ONLY, (struct plan){.eku = "clientAuth"}, m, m, NULL);
	give(w, WEAK_KEY, (struct plan){.kind = "RSA1024"}, m, m, NULL);
	give(w, WEAK_SIGN, (struct plan){.digest = "SHA1"}, m, m, NULL);
	give(w, NO_CA, (struct plan){.cn = "Below"}, &w->chain[GOOD][0],
	     &w->chain[GOOD][0], m);
	give(w, LIMITED, (struct plan){0}, &w->limited, &w->limited, NULL);
	give(w, OTHER, (struct plan){0}, m, m, NULL);
	give(w, ROOT_SENT, (struct plan){0}, &w->strange_middle,
	     &w->strange_middle, &w->stranger);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct buf pem, why;

	assert_non_null(w);
	make_chains(w);
	for (enum chain c = GOOD; c < CHAINS; c++)
		for (int v = 0; v < 2; v++)
			w->servers[c][v] =
				kit_server(w->chain[c], w->length[c],
					   v ? TLS1_3_VERSION : TLS1_2_VERSION,
					   v ? TLS1_3_VERSION : TLS1_2_VERSION);
	w->kit = kit_new();
	w->client = kit_client(
		w->kit, (struct tls_client_settings){.profile =
							     TLS_OPPORTUNISTIC});
	buf_init(&pem, 1 << 20);
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

	for (enum chain c = GOOD; c < CHAINS; c++) {
		SSL_CTX_free(w->servers[c][0]);
		SSL_CTX_free(w->servers[c][1]);
		kit_unmake(&w->chain[c][0]);
	}
	kit_unmake(&w->root);
	kit_unmake(&w->middle);
	kit_unmake(&w->stranger);
	kit_unmake(&w->strange_middle);
	kit_unmake(&w->limited);
	kit_unmake(&w->old);
	tls_authorities_free(w->authorities);
	tls_client_free(w->client);
	kit_free(w->kit);
	free(w);
	return 0;
}

static bool has(struct span s, const char *text)
{
	return span_find_span(s, span_cstr(text)) != SIZE_MAX;
}

/* The sentence has these words, unless they are NULL. */
static void look(struct meeting *m, struct world *w, enum chain c,
		 enum tls_peer want, const char *words)
{
	struct arena *a = arena_new(65536);
	struct tls_peer_facts f;
	unsigned char spki[32];
	unsigned char *der = NULL;
	X509 *leaf = w->chain[c][0].x;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der);

	assert_true(tls_peer_facts(m->conn, a, &f));
	if (f.peer != want || (words && !has(f.why, words)))
		fail_msg("chain %d: %s: %.*s", c, tls_peer_text(f.peer),
			 SPAN_FMT(f.why));
	for (size_t i = 0; i < f.why.len; i++)
		assert_in_range(f.why.ptr[i], ' ', '~');
	assert_true(f.shown);
	assert_int_equal(f.chain_len, w->length[c]);
	assert_true(has(f.subject, "CN="));
	EVP_Digest(der, (size_t)n, spki, NULL, EVP_sha256(), NULL);
	assert_memory_equal(f.spki_sha256, spki, 32);
	assert_int_equal(f.name_count, c == COMMON_NAME ? 0 : 2);
	if (want == TLS_PEER_GOOD)
		assert_int_equal(f.why.len > 0, f.by.len == 0 && words);
	OPENSSL_free(der);
	arena_free(a);
}

/* One handshake; the server must have got nothing but the alert if it failed. */
static void meet(struct world *w, enum chain c, int v, struct tls_expect e,
		 enum tls_peer want, const char *words)
{
	struct meeting *m = kit_meet(w->client, &e, w->servers[c][v]);
	bool up = want == TLS_PEER_GOOD || !e.enforce;

	assert_int_equal(tls_peer(m->conn), TLS_PEER_HANDSHAKE);
	if (kit_shake(m) != up)
		fail_msg("chain %d, TLS 1.%d: %.*s", c, 2 + v,
			 SPAN_FMT(tls_reason(m->conn)));
	assert_int_equal(tls_peer(m->conn), want);
	look(m, w, c, want, words);
	if (up) {
		kit_echo(m);
	} else {
		assert_int_equal(m->last, TLS_FAILED);
		assert_true(tls_reason(m->conn).len > 0);
		assert_true(tls_alert_sent(m->conn) > 0);
		SSL_do_handshake(m->server);
		ERR_clear_error();
		assert_int_equal(m->alert, tls_alert_sent(m->conn));
		assert_false(SSL_is_init_finished(m->server));
	}
	kit_part(m);
}

static void both(struct world *w, enum chain c, struct tls_expect e,
		 enum tls_peer want, const char *words)
{
	e.now = e.now ? e.now : KIT_NOW;
	for (int v = 0; v < 2; v++)
		for (int enforce = 0; enforce < 2; enforce++) {
			e.enforce = enforce;
			meet(w, c, v, e, want, words);
		}
}

static const struct {
	enum chain chain;
	enum tls_peer peer;
	const char *words;
} by_name[] = {
	{GOOD, TLS_PEER_GOOD, NULL},
	{SELF, TLS_PEER_UNTRUSTED, "self-signed certificate); expected a chain "
				   "to one of 1 authorities, seen \"CN=" HOST},
	{STRANGER, TLS_PEER_UNTRUSTED, "issued by \"CN=Stranger\""},
	{EXPIRED, TLS_PEER_EXPIRED, "expired on Thu, 02 Nov 2023"},
	{FUTURE, TLS_PEER_EXPIRED, "not valid before Fri, 17 Nov 2023"},
	{OLD_MIDDLE, TLS_PEER_EXPIRED, "\"CN=Old\" issued by \"CN=Root\", 1 "
				       "above"},
	{ALONE, TLS_PEER_UNTRUSTED, "issued by \"CN=Middle\""},
	{COMMON_NAME, TLS_PEER_NAME, "expected " HOST ", seen no DNS name"},
	{CLIENT_ONLY, TLS_PEER_CERTIFICATE, "purpose"},
	{WEAK_KEY, TLS_PEER_CERTIFICATE, "key too weak"},
	{WEAK_SIGN, TLS_PEER_CERTIFICATE, "digest algorithm too weak"},
	{NO_CA, TLS_PEER_CERTIFICATE, "invalid CA"},
	{LIMITED, TLS_PEER_CERTIFICATE, "permitted subtree"},
	{OTHER, TLS_PEER_GOOD, NULL},
	{ROOT_SENT, TLS_PEER_UNTRUSTED, "self-signed certificate in"},
};

static void test_names(void **state)
{
	struct world *w = *state;
	struct span name = SPAN(HOST);
	struct tls_expect e = {.what = TLS_EXPECT_NAMES,
			       .sni = name,
			       .names = &name,
			       .name_count = 1,
			       .authorities = w->authorities};

	for (size_t i = 0; i < sizeof(by_name) / sizeof(*by_name); i++)
		both(w, by_name[i].chain, e, by_name[i].peer,
		     by_name[i].words);
	/* Nobody is an authority, and no name is asked for. */
	e.authorities = NULL;
	both(w, GOOD, e, TLS_PEER_UNTRUSTED, "none is known here");
	e.authorities = w->authorities;
	e.name_count = 0;
	both(w, GOOD, e, TLS_PEER_NAME, "expected none, seen " HOST);
}

static void test_which_names(void **state)
{
	static const struct {
		const char *want;
		bool ok;
	} rows[] = {
		{"MX.Example.TEST", true},	{HOST ".", true},
		{"example.test", false},	{"a." HOST, false},
		{".example.test", true},	{".EXAMPLE.test", true},
		{".mx.example.test", false},	{".test", true},
		{"x.wild.test", true},		{"a.b.wild.test", false},
		{"wild.test", false},		{".wild.test", true},
		{"*.wild.test", false},		{"xwild.test", false},
		{".xample.test", false},	{"", false},
		{".", false},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		/* The first of two is of no use. */
		struct span names[] = {SPAN("other.test"),
				       span_cstr(rows[i].want)};
		struct tls_expect e = {.what = TLS_EXPECT_NAMES,
				       .names = names,
				       .name_count = 2,
				       .enforce = true,
				       .now = KIT_NOW,
				       .authorities = w->authorities};

		meet(w, GOOD, 1, e, rows[i].ok ? TLS_PEER_GOOD : TLS_PEER_NAME,
		     rows[i].ok ? NULL : "expected other.test");
	}
}

/* Names that are no names: what a certificate may hold to mislead. */
static void test_odd_names(void **state)
{
	static const struct {
		const char *san, *want;
		bool ok;
	} rows[] = {
		{"DNS:xn--bcher-kva.test", "xn--bcher-kva.test", true},
		{"DNS:b\xc3\xbc" "cher.test", "b\xc3\xbc" "cher.test", false},
		{"DNS:mx*.example.test", "mx1.example.test", false},
		{"DNS:*", "mx", false},
		{"DNS:*.test", "mx.test", false},
		{"DNS:*.*.test", "a.b.test", false},
		{"DNS:a.*.test", "a.b.test", false},
		{"DNS:xn--*.test", "xn--bcher-kva.test", false},
		{"email:mx@example.test", "example.test", false},
		{"URI:https://mx.example.test/", HOST, false},
		{"IP:192.0.2.1", "192.0.2.1", false},
		{"otherName:1.2.3.4;UTF8:" HOST, HOST, false},
		{"otherName:1.3.6.1.5.5.7.8.9;UTF8:a@" HOST ",DNS:" HOST, HOST,
		 true},
		{"dirName:dir", HOST, false},
	};
	struct world *w = *state;

	for (size_t i = 0; i + 1 < sizeof(rows) / sizeof(*rows); i++) {
		struct plan p = {.cn = HOST, .san = rows[i].san};
		struct made chain[2] = {kit_make(&p, &w->middle), w->middle};
		SSL_CTX *server = kit_server(chain, 2, TLS1_3_VERSION,
					     TLS1_3_VERSION);
		struct span name = span_cstr(rows[i].want);
		struct tls_expect e = {.what = TLS_EXPECT_NAMES,
				       .names = &name,
				       .name_count = 1,
				       .enforce = true,
				       .now = KIT_NOW,
				       .authorities = w->authorities};
		struct meeting *m = kit_meet(w->client, &e, server);
		struct span why;

		assert_int_equal(kit_shake(m), rows[i].ok);
		assert_int_equal(tls_peer(m->conn), rows[i].ok
							    ? TLS_PEER_GOOD
							    : TLS_PEER_NAME);
		why = tls_reason(m->conn);
		assert_int_equal(has(why, "for other names"), !rows[i].ok);
		kit_part(m);
		SSL_CTX_free(server);
		kit_unmake(&chain[0]);
	}
}

/* Nothing is asked for: everything goes, and is told. */
static void test_anything(void **state)
{
	struct world *w = *state;
	struct tls_expect e = {.what = TLS_EXPECT_ANYTHING, .sni = SPAN(HOST)};

	for (enum chain c = GOOD; c < CHAINS; c++)
		both(w, c, e, TLS_PEER_GOOD, NULL);
	e.authorities = w->authorities;
	both(w, GOOD, e, TLS_PEER_GOOD, NULL);
	both(w, EXPIRED, e, TLS_PEER_GOOD, "expired on");
	both(w, SELF, e, TLS_PEER_GOOD, "self-signed");
}

static void test_keys(void **state)
{
	struct world *w = *state;
	struct tls_tlsa good = kit_tlsa(3, 1, 1, w->chain[SELF][0].x);
	struct tls_tlsa other = kit_tlsa(3, 1, 1, w->chain[OTHER][0].x);
	struct span keys[2] = {other.data, good.data};
	struct tls_expect e = {.what = TLS_EXPECT_KEYS,
			       .keys = keys,
			       .key_count = 2};
	char words[80];
	struct buf hex;

	both(w, SELF, e, TLS_PEER_GOOD, NULL);
	both(w, OTHER, e, TLS_PEER_GOOD, NULL);
	both(w, EXPIRED, e, TLS_PEER_KEY, "expected ");
	buf_init(&hex, 128);
	hex_encode(&hex, good.data);
	snprintf(words, sizeof(words), "seen %.*s", SPAN_FMT(buf_span(&hex)));
	e.key_count = 1;
	both(w, SELF, e, TLS_PEER_KEY, words);
	e.key_count = 0;
	both(w, SELF, e, TLS_PEER_KEY, "expected none");
	buf_free(&hex);
	OPENSSL_free((void *)(uintptr_t)good.data.ptr);
	OPENSSL_free((void *)(uintptr_t)other.data.ptr);
}

/* ---- DANE ----------------------------------------------------------------- */

#define RECORDS 4u

struct row {
	enum chain chain; /* what the server shows */
	enum tls_peer peer;
	int match; /* which record */
	struct {
		uint8_t usage, selector, matching;
		enum { NONE, LEAF, OTHER_LEAF, MIDDLE, ROOT, STRANGER_CA } of;
	} records[RECORDS];
	const char *name; /* NULL: HOST */
};

static void dane(struct world *w, const struct row *r)
{
	X509 *of[] = {NULL, w->chain[r->chain][0].x, w->chain[OTHER][0].x,
		      w->middle.x, w->root.x, w->stranger.x};
	struct tls_tlsa list[RECORDS];
	struct span name = r->name ? span_cstr(r->name) : SPAN(HOST);
	struct tls_expect e = {.what = TLS_EXPECT_TLSA,
			       .sni = SPAN(HOST),
			       .names = &name,
			       .name_count = 1,
			       .now = KIT_NOW,
			       .tlsa = list};

	while (e.tlsa_count < RECORDS && r->records[e.tlsa_count].of != NONE) {
		size_t i = e.tlsa_count++;

		list[i] = kit_tlsa(r->records[i].usage, r->records[i].selector,
				   r->records[i].matching,
				   of[r->records[i].of]);
	}
	for (int v = 0; v < 2; v++)
		for (int enforce = 0; enforce < 2; enforce++) {
			struct meeting *m;
			struct arena *a = arena_new(65536);
			struct tls_peer_facts f;

			e.enforce = enforce;
			m = kit_meet(w->client, &e, w->servers[r->chain][v]);
			assert_int_equal(kit_shake(m),
					 r->peer == TLS_PEER_GOOD || !enforce);
			assert_true(tls_peer_facts(m->conn, a, &f));
			if (f.peer != r->peer)
				fail_msg("row of chain %d, first %u %u %u: %s, "
					 "%.*s", r->chain,
					 r->records[0].usage,
					 r->records[0].selector,
					 r->records[0].matching,
					 tls_peer_text(f.peer),
					 SPAN_FMT(f.why));
			assert_int_equal(f.tlsa, r->match);
			assert_int_equal(has(f.by, "TLSA "),
					 r->peer == TLS_PEER_GOOD);
			assert_int_equal(f.why.len == 0,
					 r->peer == TLS_PEER_GOOD);
			kit_part(m);
			arena_free(a);
		}
	for (size_t i = 0; i < e.tlsa_count; i++)
		OPENSSL_free((void *)(uintptr_t)list[i].data.ptr);
}

/* Usage 3, 6 ways, of certificates that nothing else would say yes to. */
static void test_dane_ee(void **state)
{
	static const enum chain chains[] = {GOOD, SELF, EXPIRED, COMMON_NAME,
					    CLIENT_ONLY, WEAK_SIGN};

	for (uint8_t s = 0; s < 2; s++)
		for (uint8_t m = 0; m < 3; m++) {
			for (size_t i = 0; i < 6; i++)
				dane(*state, &(struct row){
						     chains[i], TLS_PEER_GOOD, 0,
						     {{3, s, m, LEAF}},
						     "other.test"});
			dane(*state, &(struct row){GOOD, TLS_PEER_TLSA, -1,
						   {{3, s, m, OTHER_LEAF}},
						   NULL});
			/* The right certificate, but not the host's own. */
			dane(*state, &(struct row){GOOD, TLS_PEER_TLSA, -1,
						   {{3, s, m, MIDDLE}}, NULL});
		}
}

static void test_dane_ta(void **state)
{
	for (uint8_t s = 0; s < 2; s++)
		for (uint8_t m = 0; m < 3; m++) {
			const struct row rows[] = {
				{GOOD, TLS_PEER_GOOD, 0, {{2, s, m, MIDDLE}},
				 NULL},
				{GOOD, TLS_PEER_GOOD, 0, {{2, s, m, MIDDLE}},
				 ".example.test"},
				{GOOD, TLS_PEER_NAME, 0, {{2, s, m, MIDDLE}},
				 "other.test"},
				{COMMON_NAME, TLS_PEER_NAME, 0,
				 {{2, s, m, MIDDLE}}, NULL},
				{EXPIRED, TLS_PEER_EXPIRED, -1,
				 {{2, s, m, MIDDLE}}, NULL},
				{CLIENT_ONLY, TLS_PEER_CERTIFICATE, -1,
				 {{2, s, m, MIDDLE}}, NULL},
				{SELF, TLS_PEER_TLSA, -1, {{2, s, m, MIDDLE}},
				 NULL},
				{GOOD, TLS_PEER_TLSA, -1,
				 {{2, s, m, STRANGER_CA}}, NULL},
				/* An anchor is above the host's certificate. */
				{GOOD, TLS_PEER_TLSA, -1, {{2, s, m, LEAF}},
				 NULL},
				/* Sent, whoever its own issuer is. */
				{ROOT_SENT, TLS_PEER_GOOD, 0,
				 {{2, s, m, STRANGER_CA}}, NULL},
				/* Not sent: the record must hold it whole. */
				{GOOD, m == 0 ? TLS_PEER_GOOD : TLS_PEER_TLSA,
				 m == 0 ? 0 : -1, {{2, s, m, ROOT}}, NULL},
				{ALONE, m == 0 ? TLS_PEER_GOOD : TLS_PEER_TLSA,
				 m == 0 ? 0 : -1, {{2, s, m, MIDDLE}}, NULL},
			};

			for (size_t i = 0; i < sizeof(rows) / sizeof(*rows);
			     i++)
				dane(*state, &rows[i]);
		}
}

static void test_dane_several(void **state)
{
	static const struct row rows[] = {
		/* A new key is announced, the old one is still shown; then not. */
		{OTHER, TLS_PEER_GOOD, 1,
		 {{3, 1, 1, STRANGER_CA}, {3, 1, 1, LEAF}}, NULL},
		{OTHER, TLS_PEER_GOOD, 0,
		 {{3, 1, 1, LEAF}, {3, 1, 1, STRANGER_CA}}, NULL},
		{GOOD, TLS_PEER_TLSA, -1,
		 {{3, 1, 1, OTHER_LEAF}, {3, 1, 1, STRANGER_CA}}, NULL},
		/* One of each usage. */
		{GOOD, TLS_PEER_GOOD, 1,
		 {{3, 1, 1, OTHER_LEAF}, {2, 1, 1, MIDDLE}}, NULL},
		{GOOD, TLS_PEER_GOOD, 1,
		 {{2, 1, 1, STRANGER_CA}, {3, 1, 1, LEAF}}, "other.test"},
		{GOOD, TLS_PEER_NAME, 1,
		 {{3, 1, 1, OTHER_LEAF}, {2, 1, 1, MIDDLE}}, "other.test"},
		/* Those that say nothing in mail are skipped, matching or not. */
		{GOOD, TLS_PEER_GOOD, 2,
		 {{1, 1, 1, LEAF}, {0, 0, 1, ROOT}, {3, 0, 2, LEAF}}, NULL},
		{GOOD, TLS_PEER_TLSA, -1, {{1, 1, 1, LEAF}, {0, 0, 1, ROOT}},
		 NULL},
		{GOOD, TLS_PEER_TLSA, -1,
		 {{1, 1, 1, LEAF}, {3, 1, 1, OTHER_LEAF}}, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		dane(*state, &rows[i]);
}

/* Records that cannot be used are as if they were not there. */
static void test_dane_unusable(void **state)
{
	struct world *w = *state;
	struct tls_tlsa good = kit_tlsa(3, 1, 1, w->chain[GOOD][0].x);
	struct span cut = span_sub(good.data, 0, 31);
	struct tls_tlsa list[] = {
		{3, 1, 1, cut},		  {3, 2, 1, good.data},
		{3, 1, 3, good.data},	  {4, 1, 1, good.data},
		{255, 255, 255, cut},	  {3, 0, 0, SPAN("\x30\x02xx")},
		{2, 1, 0, SPAN("\x30\0")}, {3, 1, 1, {NULL, 0}},
		{3, 1, 2, good.data},	  good,
	};
	struct tls_expect e = {.what = TLS_EXPECT_TLSA,
			       .enforce = true,
			       .now = KIT_NOW,
			       .tlsa = list,
			       .tlsa_count = sizeof(list) / sizeof(*list)};

	meet(w, GOOD, 1, e, TLS_PEER_GOOD, NULL);
	meet(w, OTHER, 1, e, TLS_PEER_TLSA, "no TLSA record matches");
	e.tlsa_count--;
	meet(w, GOOD, 1, e, TLS_PEER_TLSA, "none of the 9 TLSA records");
	e.tlsa_count = 0;
	meet(w, GOOD, 1, e, TLS_PEER_TLSA, "none of the 0 TLSA records");
	OPENSSL_free((void *)(uintptr_t)good.data.ptr);
}

/* What goes into a log is printable, and bounded, whatever stands there. */
static void test_hostile_text(void **state)
{
	static char long_name[60];
	struct world *w = *state;
	struct plan p = {.cn = "a\r\nMAIL FROM:<>\x1b[2J\xc3\xa4\"", .san = NULL};
	struct made self;
	struct buf san;
	struct arena *a = arena_new(65536);
	struct span name = SPAN(HOST);
	struct tls_expect e = {.what = TLS_EXPECT_NAMES,
			       .names = &name,
			       .name_count = 1,
			       .enforce = true,
			       .now = KIT_NOW};
	struct tls_peer_facts f;
	struct meeting *m;
	struct buf pem, why;
	SSL_CTX *server;

	/* 300 names, 60 bytes each, and one of them right: past every list. */
	buf_init(&san, 1 << 16);
	memset(long_name, 'n', sizeof(long_name) - 1);
	for (int i = 0; i < 300; i++)
		buf_printf(&san, "DNS:%s.%d.test,", long_name, i);
	buf_printf(&san, "DNS:" HOST "%c", 0);
	p.san = buf_span(&san).ptr;
	self = kit_make(&p, NULL);
	server = kit_server(&self, 1, TLS1_3_VERSION, TLS1_3_VERSION);
	m = kit_meet(w->client, &e, server);
	assert_false(kit_shake(m));
	assert_int_equal(tls_peer(m->conn), TLS_PEER_UNTRUSTED);
	assert_true(tls_peer_facts(m->conn, a, &f));
	assert_int_equal(f.name_count, TLS_PEER_NAMES_MAX);
	assert_int_equal(f.more_names, 301 - TLS_PEER_NAMES_MAX);
	assert_true(f.why.len <= TLS_PEER_WHY_MAX);
	for (size_t i = 0; i < f.why.len; i++)
		assert_in_range(f.why.ptr[i], ' ', '~');
	for (size_t i = 0; i < f.subject.len; i++)
		assert_in_range(f.subject.ptr[i], ' ', '~');
	kit_part(m);
	/* Trusted, the name is found behind all the others. */
	buf_init(&pem, 1 << 18);
	buf_init(&why, 1024);
	kit_pem(self.x, &pem);
	e.authorities = tls_authorities_new(buf_span(&pem), &why);
	assert_non_null(e.authorities);
	m = kit_meet(w->client, &e, server);
	assert_true(kit_shake(m));
	kit_part(m);
	tls_authorities_free(e.authorities);
	SSL_CTX_free(server);
	kit_unmake(&self);
	buf_free(&pem);
	buf_free(&why);
	buf_free(&san);
	arena_free(a);
}

static void test_authorities(void **state)
{
	struct world *w = *state;
	struct tls_authorities *a;
	struct buf pem, why;

	buf_init(&pem, TLS_AUTHORITIES_PEM_MAX + 1);
	buf_init(&why, 1 << 16);
	assert_null(tls_authorities_new(SPAN(""), &why));
	assert_null(tls_authorities_new(SPAN("no PEM at all"), &why));
	kit_pem(w->root.x, &pem);
	kit_pem(w->stranger.x, &pem);
	a = tls_authorities_new(buf_span(&pem), &why);
	assert_int_equal(tls_authorities_count(a), 2);
	tls_authorities_free(a);
	/* A damaged block is no end. */
	buf_cut(&pem, 60);
	buf_clear(&why);
	assert_null(tls_authorities_new(buf_span(&pem), &why));
	assert_true(has(buf_span(&why), "after certificate 1 is damaged"));
	/* The limits: of certificates, and of bytes. */
	buf_clear(&pem);
	for (size_t i = 0; i < TLS_AUTHORITIES_MAX; i++)
		kit_pem(w->root.x, &pem);
	a = tls_authorities_new(buf_span(&pem), &why);
	assert_int_equal(tls_authorities_count(a), TLS_AUTHORITIES_MAX);
	tls_authorities_free(a);
	kit_pem(w->root.x, &pem);
	assert_null(tls_authorities_new(buf_span(&pem), &why));
	buf_clear(&pem);
	kit_pem(w->root.x, &pem);
	while (buf_len(&pem) < TLS_AUTHORITIES_PEM_MAX)
		buf_addc(&pem, '\n');
	a = tls_authorities_new(buf_span(&pem), &why);
	assert_non_null(a);
	tls_authorities_free(a);
	buf_addc(&pem, '\n');
	assert_null(tls_authorities_new(buf_span(&pem), &why));
	buf_free(&pem);
	buf_free(&why);
}

/* The bundle goes while a connection uses it. */
static void test_authorities_are_shared(void **state)
{
	struct world *w = *state;
	struct span name = SPAN(HOST);
	struct tls_expect e = {.what = TLS_EXPECT_NAMES,
			       .names = &name,
			       .name_count = 1,
			       .enforce = true,
			       .now = KIT_NOW};
	struct buf pem, why;
	struct meeting *m;

	buf_init(&pem, 1 << 16);
	buf_init(&why, 1024);
	kit_pem(w->root.x, &pem);
	e.authorities = tls_authorities_new(buf_span(&pem), &why);
	m = kit_meet(w->client, &e, w->servers[GOOD][1]);
	assert_true(kit_shake(m));
	tls_authorities_free(e.authorities);
	kit_echo(m);
	kit_part(m);
	buf_free(&pem);
	buf_free(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_which_names),
		cmocka_unit_test(test_odd_names),
		cmocka_unit_test(test_anything),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_dane_ee),
		cmocka_unit_test(test_dane_ta),
		cmocka_unit_test(test_dane_several),
		cmocka_unit_test(test_dane_unusable),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_authorities),
		cmocka_unit_test(test_authorities_are_shared),
	};

	if (!crypto_library_start())
		return 1;
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
