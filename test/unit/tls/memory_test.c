/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/judge when memory is short: the k-th allocation of OpenSSL's on our side of
 * a handshake fails, for k up to the last.
 *
 * A certificate that is not as expected is never let pass, and a handshake that
 * fails so is never called the peer's failing, after which clear text might
 * follow.  MEMORY_STEP=1 tries every
 * k; without it every 9th, from another one each round.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "crypto/library.h"
#include "peer_kit.h"

#define HOST "mx.example.test"
#define STEP 9u

/* 0: nothing fails; n: the n-th from now.  Of the test alone. */
static unsigned countdown;

static bool fails(void) { return countdown > 0 && --countdown == 0; }

static void *give(size_t n, const char *file, int line)
{
	(void)file, (void)line;
	return fails() ? NULL : malloc(n);
}

static void *more(void *p, size_t n, const char *file, int line)
{
	(void)file, (void)line;
	return fails() ? NULL : realloc(p, n);
}

static void back(void *p, const char *file, int line)
{
	(void)file, (void)line;
	free(p);
}

/* True: the handshake went on to its end without that many allocations. */
static bool round_of(struct tls_client *c, const struct tls_expect *e,
		     SSL_CTX *server, unsigned k, bool good)
{
	struct meeting *m = kit_meet(c, e, server);
	enum tls_peer p;
	bool up = false, over;

	for (int turn = 0; turn < 100 && !up; turn++) {
		countdown = k;
		m->last = tls_shake(m->conn);
		k = countdown;
		countdown = 0;
		assert_int_equal(ERR_peek_error(), 0);
		up = m->last == TLS_OK;
		if (!up && m->last != TLS_WANT_READ &&
		    m->last != TLS_WANT_WRITE)
			break;
		SSL_do_handshake(m->server);
		ERR_clear_error();
		kit_carry(m);
	}
	p = tls_peer(m->conn);
	over = k > 0;
	/* Without a handshake there could be clear text: not for this.  Of two
	 * allocations OpenSSL says "bad signature" and no more (alert 51). */
	if (p == TLS_PEER_HANDSHAKE)
		assert_int_equal(tls_alert_sent(m->conn), 51);
	if (good) {
		/* Some failures OpenSSL goes around; some it keeps to itself,
		 * and calls a key weak or an issuer unknown. */
		assert_int_equal(up, p == TLS_PEER_GOOD);
	} else {
		assert_false(up);
		assert_int_not_equal(p, TLS_PEER_GOOD);
		if (over)
			assert_int_equal(p, TLS_PEER_NAME);
	}
	kit_part(m);
	return over;
}

static void test_every_allocation(void **state)
{
	struct kit *kit = kit_new();
	struct tls_client *c = kit_client(
		kit, (struct tls_client_settings){.profile = TLS_OPPORTUNISTIC});
	struct made root = kit_make(&(struct plan){.cn = "Root", .ca = true},
				    NULL);
	struct made chain[2] = {
		kit_make(&(struct plan){.cn = HOST, .san = "DNS:" HOST}, &root),
		root};
	const struct span names[2] = {SPAN(HOST), SPAN("other.test")};
	unsigned step = getenv("MEMORY_STEP") ? 1 : STEP;
	struct tls_expect e = {.what = TLS_EXPECT_NAMES,
			       .enforce = true,
			       .now = KIT_NOW,
			       .name_count = 1};
	struct buf pem, why;

	(void)state;
	buf_init(&pem, 1 << 16);
	buf_init(&why, 1024);
	kit_pem(root.x, &pem);
	e.authorities = tls_authorities_new(buf_span(&pem), &why);
	assert_non_null(e.authorities);
	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++)
		for (unsigned wrong = 0; wrong < 2; wrong++) {
			SSL_CTX *server = kit_server(chain, 2, v, v);
			unsigned k = 1 + ((unsigned)v * 2 + wrong) % step;

			e.names = &names[wrong];
			while (!round_of(c, &e, server, k, wrong == 0))
				k += step;
			assert_true(k > 100);
			SSL_CTX_free(server);
		}
	tls_authorities_free(e.authorities);
	tls_client_free(c);
	kit_unmake(&chain[0]);
	kit_unmake(&root);
	kit_free(kit);
	buf_free(&pem);
	buf_free(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_allocation),
	};

	if (CRYPTO_set_mem_functions(give, more, back) != 1 ||
	    !crypto_library_start())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
