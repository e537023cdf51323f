/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault against a taken-over edge or courier: it asks for keys of the other
 * pool, for signatures under texts of its own making, or of the other side of a
 * handshake, with schemes that do not fit.  It gets nothing, and an honest peer
 * goes on making handshakes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "attack.h"
#include "hostile.h"
#include "ipc/over_os.h"
#include "role/vault/role.h"
#include "tls/issue.h"
#include "wire/admin_vault.h"
#include "wire/courier_vault.h"
#include "wire/edge_vault.h"

#define ECDSA_P256_SHA256 0x0403
#define RSA_PSS_SHA256    0x0804

/* DHE is for mx alone: people's programs know better. */
static const char conf_dhe[] =
	"hostname mx.example.test;\n"
	"data /nowhere;\n"
	"store { engine memory; }\n"
	"certificate public { chain /p.pem; key file:/p.key; }\n"
	"certificate people { chain /q.pem; key file:/q.key; }\n"
	"listener mx { role mx; tls { certificate public; dhe ffdhe2048; } }\n"
	"listener imaps { role imap; tls { certificate people; } }\n";

static const char conf[] =
	"hostname mx.example.test;\n"
	"data /nowhere;\n"
	"store { engine memory; }\n"
	"certificate public { chain /p.pem; key file:/p.key; }\n"
	"certificate people { chain /q.pem; key file:/q.key; }\n"
	"listener mx { role mx; tls { certificate public; } }\n"
	"listener imaps { role imap; tls { certificate people; } }\n";

/* One certificate for each side alone, and one for both. */
static const char conf_courier[] =
	"hostname mx.example.test;\n"
	"data /nowhere;\n"
	"store { engine memory; }\n"
	"certificate public { chain /p.pem; key file:/p.key; }\n"
	"certificate outgoing { chain /o.pem; key file:/o.key; }\n"
	"certificate both { chain /b.pem; key file:/b.key; }\n"
	"certificate idle { chain /i.pem; key file:/i.key; }\n"
	"listener mx { role mx; tls { certificate public; }\n"
	"              sni other.example.test both; }\n"
	"destination one { domain one.test; certificate outgoing; }\n"
	"destination two { domain two.test; certificate both; }\n";

struct scene {
	struct target target;
	struct edge_vault *honest; /* a channel of the pool mx */
	enum tls_key_kind kind;
	uint32_t key_mx, key_access;
	/* With conf_courier. */
	struct courier_vault *courier;
	uint32_t key_public, key_outgoing, key_both;
};

static void answered(void *ctx, enum ipc_result r)
{
	assert_int_equal(r, IPC_OK);
	*(bool *)ctx = true;
}

/* What an OpenSSL server of TLS 1.3 has signed. */
static struct span handshake(char *p)
{
	memset(p, ' ', 64);
	memcpy(p + 64, "TLS 1.3, server CertificateVerify", 34);
	memset(p + 98, 1, 32);
	return span_of(p, 130);
}

static void honest_signs(void *arg)
{
	struct scene *s = arg;
	char text[130];
	struct edge_vault_sign m = {.key = s->key_mx,
				    .scheme = s->kind == TLS_KEY_RSA
						      ? RSA_PSS_SHA256
						      : ECDSA_P256_SHA256,
				    .text = handshake(text)};
	struct edge_vault_sign_reply rep;
	struct arena *a = arena_new(65536);
	bool done = false;

	assert_int_equal(edge_vault_sign_start(s->honest, &m, a, &rep, IPC_NEVER,
					       answered, &done),
			 IPC_OK);
	assert_true(house_until(s->target.house, &done, 1000));
	assert_int_equal(rep.result, EDGE_VAULT_SIGN_RESULT_SIGNED);
	arena_free(a);
}

static void ignore(void *role, struct edge_vault *c,
		   const struct edge_vault_changed *m)
{
	(void)role, (void)c, (void)m;
}

static const struct edge_vault_at_edge at_edge = {.changed = ignore};

static void give_pair(struct scene *s, const char *name)
{
	const struct span dns[] = {SPAN("mx.example.test")};
	const struct tls_issue_names names = {.dns = dns, .dns_count = 1};
	struct buf key, chain, ca;
	struct tls_issued leaf = {.key = &key, .chain = &chain, .kind = s->kind, .bits = 2048};
	int64_t now = world_wall(house_world(s->target.house)).sec;

	buf_init(&key, 65536);
	buf_init(&chain, 65536);
	buf_init(&ca, 65536);
	assert_true(tls_issue_throwaway(SPAN("break"), &names, now, 30, &leaf, 1, &ca));
	assert_true(house_material(s->target.role, MATERIAL_CHAIN, name,
				   buf_span(&chain), NULL));
	assert_true(house_material(s->target.role, MATERIAL_KEY, name,
				   buf_span(&key), NULL));
	buf_free(&key);
	buf_free(&chain);
	buf_free(&ca);
}

/* The one certificate that a pool may use. */
static uint32_t key_of(struct scene *s, struct edge_vault *channel)
{
	const struct edge_vault_certificates m = {0};
	struct edge_vault_certificates_reply rep;
	struct arena *a = arena_new(65536);
	bool done = false;
	uint32_t key;

	assert_int_equal(edge_vault_certificates_start(channel, &m, a, &rep, IPC_NEVER,
						       answered, &done),
			 IPC_OK);
	assert_true(house_until(s->target.house, &done, 1000));
	assert_int_equal(rep.certificates_count, 1);
	key = rep.certificates[0].key;
	arena_free(a);
	return key;
}

static struct edge_vault *join(struct scene *s, enum kind kind)
{
	struct house *h = s->target.house;
	const struct ipc_owner owner = {.role = s};
	int fd = house_peer(s->target.role, HOP_EDGE_VAULT, kind, 0);

	return edge_vault_join_edge(ipc_link_os(house_loop(h), fd), &owner, &at_edge);
}

static int setup_as(void **state, enum tls_key_kind kind, const char *text)
{
	struct scene *s = calloc(1, sizeof *s);
	struct house *h = house_new(11, text);
	struct edge_vault *people;

	s->kind = kind;
	s->target = (struct target){.house = h,
				    .role = house_raise(h, &vault_role, KIND_VAULT),
				    .schema = &edge_vault_hop,
				    .hop = HOP_EDGE_VAULT,
				    .peer = KIND_EDGE_MX,
				    .side = 0,
				    .honest = honest_signs,
				    .arg = s};
	sim_wall_set(house_world(h), (struct wall){1800000000, 0});
	give_pair(s, "public 0");
	give_pair(s, "people 0");
	assert_true(house_activate(s->target.role));
	s->honest = join(s, KIND_EDGE_MX);
	people = join(s, KIND_EDGE_ACCESS);
	s->key_mx = key_of(s, s->honest);
	s->key_access = key_of(s, people);
	assert_int_not_equal(s->key_mx, s->key_access);
	ipc_free(edge_vault_ipc(people));
	house_run(h, 10);
	*state = s;
	return 0;
}

static int setup(void **state)
{
	return setup_as(state, TLS_KEY_P256, conf);
}

static int setup_dhe(void **state)
{
	return setup_as(state, TLS_KEY_RSA, conf_dhe);
}

static int setup_rsa(void **state)
{
	return setup_as(state, TLS_KEY_RSA, conf);
}

static int teardown(void **state)
{
	struct scene *s = *state;

	ipc_free(edge_vault_ipc(s->honest));
	house_free(s->target.house);
	free(s);
	return 0;
}

static struct admin_vault *join_admin(struct scene *s)
{
	const struct ipc_owner owner = {.role = s};
	return admin_vault_join_admin(
		house_link(s->target.role, HOP_ADMIN_VAULT, KIND_EDGE_ADMIN), &owner);
}

static struct admin_vault_key_reply ask_key(struct scene *s, struct admin_vault *c,
					    uint16_t index, struct span host, struct arena *a)
{
	struct admin_vault_key m = {.index = index, .host = host};
	struct admin_vault_key_reply rep;
	bool done = false;

	assert_int_equal(admin_vault_key_start(c, &m, a, &rep, IPC_NEVER, answered, &done),
			 IPC_OK);
	assert_true(house_until(s->target.house, &done, 1000));
	return rep;
}

/* The admin pool: it may not sign, and breaks its own channel only. */
static void test_framing_of_admin(void **state)
{
	struct scene *s = *state;
	struct target t = s->target;

	t.schema = &admin_vault_hop;
	t.hop = HOP_ADMIN_VAULT;
	t.peer = KIND_EDGE_ADMIN;
	attack_framing(&t, 0xad5eed);
}

static void test_keys_by_their_hash(void **state)
{
	struct scene *s = *state;
	struct admin_vault *c = join_admin(s);
	struct arena *a = arena_new(65536);
	struct admin_vault_key_reply first =
		ask_key(s, c, 0, SPAN("mx.example.test"), a);
	struct admin_vault_key_reply other = ask_key(s, c, 1, SPAN("other.test"), a);

	assert_true(first.found && first.names_host && !first.next);
	assert_true(span_eq(first.certificate, SPAN("public")));
	assert_true(other.found && !other.names_host);
	assert_memory_not_equal(first.spki, other.spki, sizeof first.spki);
	assert_false(ask_key(s, c, 2, SPAN(""), a).found);
	assert_false(ask_key(s, c, UINT16_MAX, SPAN("x"), a).found);
	ipc_free(admin_vault_ipc(c));
	arena_free(a);
	house_run(s->target.house, 5);
	honest_signs(s);
}

/* A key that is to follow is told by its hash, and nobody can have it used. */
static void test_next_key(void **state)
{
	struct arena *a = arena_new(65536);
	struct house *h = house_new(12, conf);
	struct scene t = {.kind = TLS_KEY_P256};
	const struct span dns[] = {SPAN("mx.example.test")};
	const struct tls_issue_names names = {.dns = dns, .dns_count = 1};
	struct buf key, chain, ca;
	struct tls_issued leaf = {.key = &key, .chain = &chain, .kind = TLS_KEY_P256};

	(void)state;
	t.target.house = h;
	t.target.role = house_raise(h, &vault_role, KIND_VAULT);
	buf_init(&key, 65536);
	buf_init(&chain, 65536);
	buf_init(&ca, 65536);
	assert_true(tls_issue_throwaway(SPAN("break"), &names, world_wall(house_world(h)).sec, 30,
					&leaf, 1, &ca));
	give_pair(&t, "public 0");
	assert_false(house_material(t.target.role, MATERIAL_NEXT_KEY, "public", SPAN("no key"),
				    NULL));
	give_pair(&t, "public 0");
	assert_true(house_material(t.target.role, MATERIAL_NEXT_KEY, "public", buf_span(&key),
				   NULL));
	assert_true(house_activate(t.target.role));
	struct admin_vault *c = join_admin(&t);
	struct admin_vault_key_reply next = ask_key(&t, c, 1, dns[0], a);
	assert_true(next.found && next.next && !next.names_host);
	assert_true(span_eq(next.certificate, SPAN("public")));
	assert_int_equal(next.issuer.len, 0);
	assert_false(ask_key(&t, c, 2, dns[0], a).found);
	struct edge_vault *edge = join(&t, KIND_EDGE_MX);
	(void)key_of(&t, edge); /* one certificate, one key */
	ipc_free(edge_vault_ipc(edge));
	ipc_free(admin_vault_ipc(c));
	house_free(h);
	buf_free(&key);
	buf_free(&chain);
	buf_free(&ca);
	arena_free(a);
}

static void test_framing(void **state)
{
	struct scene *s = *state;

	attack_framing(&s->target, 0x5eed);
}

/* Well formed but forbidden: an answer, no signature, and the channel lives. */
static void refused(struct scene *s, struct edge_vault_sign m,
		    enum edge_vault_sign_result expected)
{
	struct arena *a = arena_new(65536);
	struct edge_vault_sign_reply rep;
	struct buf frame;
	unsigned why;
	int fd = attack_join(&s->target);

	buf_init(&frame, IPC_FRAME_MAX);
	attack_call(&s->target, &frame, 1, "sign", &m);
	attack_send(&s->target, fd, &frame, -1);
	assert_true(attack_reply(&s->target, fd, "sign", 1, a, &rep, &why));
	assert_int_equal(rep.result, expected);
	assert_int_equal(rep.signature.len, 0);
	assert_false(attack_ended(&s->target, fd));
	world_close(house_world(s->target.house), fd);
	buf_free(&frame);
	arena_free(a);
	honest_signs(s);
}

static void test_forbidden(void **state)
{
	struct scene *s = *state;
	char text[4096];
	struct span good = handshake(text), blob = SPAN("sign this cheque, please");

	/* A key of the other pool looks like one that does not exist. */
	refused(s, (struct edge_vault_sign){s->key_access, ECDSA_P256_SHA256, good},
		EDGE_VAULT_SIGN_RESULT_UNKNOWN_KEY);
	refused(s, (struct edge_vault_sign){0, ECDSA_P256_SHA256, good},
		EDGE_VAULT_SIGN_RESULT_UNKNOWN_KEY);
	refused(s, (struct edge_vault_sign){UINT32_MAX, ECDSA_P256_SHA256, good},
		EDGE_VAULT_SIGN_RESULT_UNKNOWN_KEY);
	refused(s, (struct edge_vault_sign){s->key_mx, RSA_PSS_SHA256, good},
		EDGE_VAULT_SIGN_RESULT_BAD_SCHEME);
	refused(s, (struct edge_vault_sign){s->key_mx, 0, good},
		EDGE_VAULT_SIGN_RESULT_NOT_RECOGNISED);
	refused(s, (struct edge_vault_sign){s->key_mx, ECDSA_P256_SHA256, blob},
		EDGE_VAULT_SIGN_RESULT_NOT_RECOGNISED);
	refused(s, (struct edge_vault_sign){s->key_mx, ECDSA_P256_SHA256, SPAN("")},
		EDGE_VAULT_SIGN_RESULT_NOT_RECOGNISED);
	/* A client's signature, with which a session elsewhere could be opened. */
	memcpy(text + 64, "TLS 1.3, client CertificateVerify", 34);
	refused(s, (struct edge_vault_sign){s->key_mx, ECDSA_P256_SHA256, good},
		EDGE_VAULT_SIGN_RESULT_NOT_RECOGNISED);
	assert_int_equal(house_figure(s->target.role, "refused_key"), 3);
	assert_int_equal(house_figure(s->target.role, "refused_scheme"), 1);
	assert_int_equal(house_figure(s->target.role, "refused_text"), 4);
	assert_int_equal(house_figure(s->target.role, "failed"), 0);
}

/* Two randoms and ServerDHParams with a public value that could be one. */
static struct span dhe_text(const char *group, char *p)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	EVP_PKEY *params = NULL;
	BIGNUM *prime = NULL;
	int n;

	assert_int_equal(EVP_PKEY_paramgen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_group_name(ctx, group), 1);
	assert_int_equal(EVP_PKEY_paramgen(ctx, &params), 1);
	assert_int_equal(EVP_PKEY_get_bn_param(params, OSSL_PKEY_PARAM_FFC_P,
					       &prime), 1);
	n = BN_num_bytes(prime);
	memset(p, 7, (size_t)(71 + 2 * n));
	p[64] = (char)(n >> 8);
	p[65] = (char)n;
	BN_bn2bin(prime, (unsigned char *)p + 66);
	memcpy(p + 66 + n, "\0\1\2", 3);
	memcpy(p + 69 + n, p + 64, 2);
	BN_free(prime);
	EVP_PKEY_free(params);
	EVP_PKEY_CTX_free(ctx);
	return span_of(p, (size_t)(71 + 2 * n));
}

/* Nobody switched it on: edge asks all the same. */
static void test_dhe_off(void **state)
{
	struct scene *s = *state;
	char text[4096];

	refused(s, (struct edge_vault_sign){s->key_mx, RSA_PSS_SHA256,
					    dhe_text("ffdhe2048", text)},
		EDGE_VAULT_SIGN_RESULT_NOT_RECOGNISED);
	assert_int_equal(house_figure(s->target.role, "refused_text"), 1);
}

/* Switched on: groups of RFC 7919, with generator 2, and nothing else. */
static void test_dhe_forgeries(void **state)
{
	static const char *const groups[] = {"modp_2048", "modp_4096",
					     "modp_1536", "ffdhe6144",
					     "dh_2048_256"};
	struct scene *s = *state;
	struct edge_vault_sign m = {s->key_mx, RSA_PSS_SHA256, {NULL, 0}};
	struct edge_vault_sign_reply rep;
	struct arena *a = arena_new(65536);
	char text[4096];
	bool done = false;

	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		m.text = dhe_text(groups[i], text);
		refused(s, m, EDGE_VAULT_SIGN_RESULT_NOT_RECOGNISED);
	}
	m.text = dhe_text("ffdhe2048", text);
	text[64 + 2 + 256 + 2] = 5;
	refused(s, m, EDGE_VAULT_SIGN_RESULT_NOT_RECOGNISED);
	m.text = dhe_text("ffdhe2048", text);
	memset(text + 71 + 256, 0, 255);
	text[71 + 511] = 1;
	refused(s, m, EDGE_VAULT_SIGN_RESULT_NOT_RECOGNISED);
	/* And it is the pool's right: the other key has nobody who may. */
	m.text = dhe_text("ffdhe2048", text);
	m.key = s->key_access;
	refused(s, m, EDGE_VAULT_SIGN_RESULT_UNKNOWN_KEY);
	m.key = s->key_mx;
	assert_int_equal(edge_vault_sign_start(s->honest, &m, a, &rep, IPC_NEVER,
					       answered, &done),
			 IPC_OK);
	assert_true(house_until(s->target.house, &done, 1000));
	assert_int_equal(rep.result, EDGE_VAULT_SIGN_RESULT_SIGNED);
	arena_free(a);
}

/* The chain of the other pool's certificate is not shown either. */
static void test_other_chain(void **state)
{
	struct scene *s = *state;
	const uint32_t ids[] = {s->key_access, 0, UINT32_MAX, s->key_mx};
	struct arena *a = arena_new(1 << 20);
	struct edge_vault_chain_reply rep;
	struct buf frame;
	unsigned why;
	int fd = attack_join(&s->target);

	for (uint32_t i = 0; i < 4; i++) {
		struct edge_vault_chain m = {.id = ids[i]};
		buf_init(&frame, IPC_FRAME_MAX);
		attack_call(&s->target, &frame, i + 1, "chain", &m);
		attack_send(&s->target, fd, &frame, -1);
		assert_true(attack_reply(&s->target, fd, "chain", i + 1, a, &rep, &why));
		assert_int_equal(rep.found, ids[i] == s->key_mx);
		buf_free(&frame);
	}
	world_close(house_world(s->target.house), fd);
	arena_free(a);
}

/* ---- couriers ------------------------------------------------------------- */

static struct span client_text(char *p)
{
	struct span text = handshake(p);

	memcpy(p + 64, "TLS 1.3, client CertificateVerify", 34);
	return text;
}

static enum courier_vault_sign_result courier_asks(struct scene *s, uint32_t key,
						   uint16_t scheme,
						   struct span text)
{
	struct courier_vault_sign m = {key, scheme, text};
	struct courier_vault_sign_reply rep;
	struct arena *a = arena_new(65536);
	enum courier_vault_sign_result r;
	bool done = false;

	assert_int_equal(courier_vault_sign_start(s->courier, &m, a, &rep,
						  IPC_NEVER, answered, &done),
			 IPC_OK);
	assert_true(house_until(s->target.house, &done, 1000));
	r = rep.result;
	assert_int_equal(rep.signature.len > 0,
			 r == COURIER_VAULT_SIGN_RESULT_SIGNED);
	arena_free(a);
	return r;
}

static enum edge_vault_sign_result edge_asks(struct scene *s, uint32_t key,
					     struct span text)
{
	struct edge_vault_sign m = {key, ECDSA_P256_SHA256, text};
	struct edge_vault_sign_reply rep;
	struct arena *a = arena_new(65536);
	enum edge_vault_sign_result r;
	bool done = false;

	assert_int_equal(edge_vault_sign_start(s->honest, &m, a, &rep, IPC_NEVER,
					       answered, &done),
			 IPC_OK);
	assert_true(house_until(s->target.house, &done, 1000));
	r = rep.result;
	arena_free(a);
	return r;
}

static void honest_courier(void *arg)
{
	struct scene *s = arg;
	char text[130];

	assert_int_equal(courier_asks(s, s->key_outgoing, ECDSA_P256_SHA256,
				      client_text(text)),
			 COURIER_VAULT_SIGN_RESULT_SIGNED);
}

static void ignore_courier(void *role, struct courier_vault *c,
			   const struct courier_vault_changed *m)
{
	(void)role, (void)c, (void)m;
}

static const struct courier_vault_at_courier at_courier = {
	.changed = ignore_courier};

static uint32_t *place_of(struct scene *s, struct span name)
{
	if (span_eq(name, SPAN("public")))
		return &s->key_public;
	if (span_eq(name, SPAN("outgoing")))
		return &s->key_outgoing;
	assert_true(span_eq(name, SPAN("both")));
	return &s->key_both;
}

/* Each side is told of its own certificates, and of those that are both's. */
static void learn_keys(struct scene *s)
{
	const struct edge_vault_certificates me = {0};
	const struct courier_vault_certificates mc = {0};
	struct edge_vault_certificates_reply edge;
	struct courier_vault_certificates_reply courier;
	struct arena *a = arena_new(65536);
	bool e = false, c = false;

	assert_int_equal(edge_vault_certificates_start(s->honest, &me, a, &edge,
						       IPC_NEVER, answered, &e),
			 IPC_OK);
	assert_int_equal(courier_vault_certificates_start(
				 s->courier, &mc, a, &courier, IPC_NEVER,
				 answered, &c),
			 IPC_OK);
	assert_true(house_until(s->target.house, &e, 1000));
	assert_true(house_until(s->target.house, &c, 1000));
	assert_int_equal(edge.certificates_count, 2);
	assert_int_equal(courier.certificates_count, 2);
	for (size_t i = 0; i < 2; i++) {
		*place_of(s, courier.certificates[i].name) =
			courier.certificates[i].key;
		*place_of(s, edge.certificates[i].name) =
			edge.certificates[i].key;
	}
	assert_true(s->key_public && s->key_outgoing && s->key_both);
	arena_free(a);
}

static int setup_courier(void **state)
{
	static const char *const labels[] = {"public 0", "outgoing 0", "both 0",
					     "idle 0"};
	struct scene *s = calloc(1, sizeof *s);
	struct house *h = house_new(11, conf_courier);
	const struct ipc_owner owner = {.role = s};

	s->kind = TLS_KEY_P256;
	s->target = (struct target){.house = h,
				    .role = house_raise(h, &vault_role, KIND_VAULT),
				    .schema = &courier_vault_hop,
				    .hop = HOP_COURIER_VAULT,
				    .peer = KIND_COURIER,
				    .side = 0,
				    .honest = honest_courier,
				    .arg = s};
	sim_wall_set(house_world(h), (struct wall){1800000000, 0});
	for (size_t i = 0; i < ARRAY_LEN(labels); i++)
		give_pair(s, labels[i]);
	assert_true(house_activate(s->target.role));
	s->honest = join(s, KIND_EDGE_MX);
	s->courier = courier_vault_join_courier(
		house_link(s->target.role, HOP_COURIER_VAULT, KIND_COURIER),
		&owner, &at_courier);
	learn_keys(s);
	house_run(h, 10);
	*state = s;
	return 0;
}

static int teardown_courier(void **state)
{
	struct scene *s = *state;

	ipc_free(courier_vault_ipc(s->courier));
	return teardown(state);
}

static void test_courier_framing(void **state)
{
	struct scene *s = *state;

	attack_framing(&s->target, 0xc0de);
}

/* A key of the one side signs for nobody on the other, whatever the text. */
static void test_courier(void **state)
{
	struct scene *s = *state;
	char p[130], q[130], r[256];
	struct span as_server = handshake(p), as_client = client_text(q);
	const struct {
		uint32_t key;
		struct span text;
		enum courier_vault_sign_result courier;
		enum edge_vault_sign_result edge;
	} rows[] = {
#define C(x) COURIER_VAULT_SIGN_RESULT_##x
#define E(x) EDGE_VAULT_SIGN_RESULT_##x
		{s->key_public, as_server, C(UNKNOWN_KEY), E(SIGNED)},
		{s->key_public, as_client, C(UNKNOWN_KEY), E(NOT_RECOGNISED)},
		{s->key_outgoing, as_server, C(NOT_RECOGNISED), E(UNKNOWN_KEY)},
		{s->key_outgoing, as_client, C(SIGNED), E(UNKNOWN_KEY)},
		{s->key_both, as_server, C(NOT_RECOGNISED), E(SIGNED)},
		{s->key_both, as_client, C(SIGNED), E(NOT_RECOGNISED)},
		{0, as_client, C(UNKNOWN_KEY), E(UNKNOWN_KEY)},
		{UINT32_MAX, as_client, C(UNKNOWN_KEY), E(UNKNOWN_KEY)},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(courier_asks(s, rows[i].key, ECDSA_P256_SHA256,
					      rows[i].text),
				 rows[i].courier);
		assert_int_equal(edge_asks(s, rows[i].key, rows[i].text),
				 rows[i].edge);
	}
	/* What is no client's text at all: a blob, nothing, a ServerKeyExchange,
	 * and what a client of TLS 1.2 would sign, from its ClientHello on. */
	memset(r, 9, sizeof(r));
	memcpy(r + 64, "\3\0\x1d\x20", 4);
	assert_int_equal(edge_asks(s, s->key_both, span_of(r, 100)), E(SIGNED));
	assert_int_equal(courier_asks(s, s->key_both, ECDSA_P256_SHA256,
				      span_of(r, 100)),
			 C(NOT_RECOGNISED));
	memcpy(r, "\1\0\0\xfc\3\3", 6);
	assert_int_equal(courier_asks(s, s->key_both, ECDSA_P256_SHA256,
				      span_of(r, 256)),
			 C(NOT_RECOGNISED));
	assert_int_equal(courier_asks(s, s->key_outgoing, ECDSA_P256_SHA256,
				      SPAN("sign this cheque, please")),
			 C(NOT_RECOGNISED));
	assert_int_equal(courier_asks(s, s->key_outgoing, ECDSA_P256_SHA256,
				      SPAN("")),
			 C(NOT_RECOGNISED));
	assert_int_equal(courier_asks(s, s->key_outgoing, RSA_PSS_SHA256,
				      as_client),
			 C(BAD_SCHEME));
	assert_int_equal(courier_asks(s, s->key_outgoing, 0, as_client),
			 C(NOT_RECOGNISED));
#undef C
#undef E
	honest_courier(s);
	assert_int_equal(house_figure(s->target.role, "failed"), 0);
}

/* Nor are chains shown to those who do not use them. */
static void test_courier_chains(void **state)
{
	struct scene *s = *state;
	const uint32_t ids[] = {s->key_public, s->key_outgoing, s->key_both, 0,
				UINT32_MAX};

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		const struct courier_vault_chain m = {ids[i]};
		struct courier_vault_chain_reply rep;
		struct arena *a = arena_new(1 << 20);
		bool done = false;

		assert_int_equal(courier_vault_chain_start(s->courier, &m, a,
							   &rep, IPC_NEVER,
							   answered, &done),
				 IPC_OK);
		assert_true(house_until(s->target.house, &done, 1000));
		assert_int_equal(rep.found, i == 1 || i == 2);
		assert_int_equal(rep.pem.len > 0, rep.found);
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_framing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_framing_of_admin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keys_by_their_hash, setup, teardown),
		cmocka_unit_test(test_next_key),
		cmocka_unit_test_setup_teardown(test_forbidden, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dhe_off, setup_rsa, teardown),
		cmocka_unit_test_setup_teardown(test_dhe_forgeries, setup_dhe, teardown),
		cmocka_unit_test_setup_teardown(test_other_chain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_courier_framing, setup_courier,
						teardown_courier),
		cmocka_unit_test_setup_teardown(test_courier, setup_courier,
						teardown_courier),
		cmocka_unit_test_setup_teardown(test_courier_chains, setup_courier,
						teardown_courier)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
