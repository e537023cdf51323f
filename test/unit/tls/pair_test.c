/* SPDX-License-Identifier: Apache-2.0 */
/* tls/client and tls/context: a handshake with both ends ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "crypto/library.h"
#include "peer_kit.h"
#include "tls/issue.h"

struct ends {
	struct tls_conn *client, *server;
	unsigned char up[65536], down[65536];
	size_t up_from, up_to, down_from, down_to;
};

static enum tls_io take(const unsigned char *at, size_t *from, size_t to,
			char *p, size_t cap, size_t *got)
{
	*got = size_min(cap, to - *from);
	if (*got == 0)
		return TLS_IO_AGAIN;
	memcpy(p, at + *from, *got);
	*from += *got;
	return TLS_IO_OK;
}

static enum tls_io client_read(void *o, char *p, size_t cap, size_t *got)
{
	struct ends *e = o;
	return take(e->down, &e->down_from, e->down_to, p, cap, got);
}

static enum tls_io server_read(void *o, char *p, size_t cap, size_t *got)
{
	struct ends *e = o;
	return take(e->up, &e->up_from, e->up_to, p, cap, got);
}

static enum tls_io client_write(void *o, struct span s, size_t *put)
{
	struct ends *e = o;
	memcpy(e->up + e->up_to, s.ptr, s.len);
	e->up_to += *put = s.len;
	return TLS_IO_OK;
}

static enum tls_io server_write(void *o, struct span s, size_t *put)
{
	struct ends *e = o;
	memcpy(e->down + e->down_to, s.ptr, s.len);
	e->down_to += *put = s.len;
	return TLS_IO_OK;
}

static void test_our_own_server(void **state)
{
	struct kit *kit = kit_new();
	struct tls_client *client = kit_client(
		kit, (struct tls_client_settings){.profile = TLS_OPPORTUNISTIC});
	struct span dns = SPAN("mx.example.test");
	struct buf key, chain, ca, why;
	struct tls_issued leaf = {&key, &chain, TLS_KEY_P256, 0};
	struct tls_context *context;
	struct tls_identity id;
	struct tls_expect e = {.what = TLS_EXPECT_NAMES,
			       .enforce = true,
			       .now = KIT_NOW,
			       .sni = dns,
			       .names = &dns,
			       .name_count = 1};
	static struct ends ends;
	enum tls a = TLS_WANT_READ, b = TLS_WANT_READ;

	(void)state;
	buf_init(&key, 65536);
	buf_init(&chain, 65536);
	buf_init(&ca, 65536);
	buf_init(&why, 1024);
	assert_true(tls_issue_throwaway(
		SPAN("CA"), &(struct tls_issue_names){&dns, 1, NULL, 0},
		KIT_NOW, 30, &leaf, 1, &ca));
	assert_int_equal(tls_keybox_add(kit->box, 9, 1, buf_span(&key)),
			 TLS_KEY_LOADED);
	id = (struct tls_identity){buf_span(&chain), 9};
	context = tls_context_new(kit->library,
				  &(struct tls_settings){.profile =
								 TLS_STRICT},
				  &why);
	assert_true(tls_context_add(context, &id, 1, &why));
	e.authorities = tls_authorities_new(buf_span(&ca), &why);
	assert_non_null(e.authorities);
	ends.client = tls_client_conn(
		client, &e,
		&(struct tls_transport){client_read, client_write, &ends});
	ends.server = tls_conn_new(
		context,
		&(struct tls_transport){server_read, server_write, &ends});
	for (int i = 0; i < 20 && (a != TLS_OK || b != TLS_OK); i++) {
		a = tls_shake(ends.client);
		b = tls_shake(ends.server);
	}
	assert_int_equal(a, TLS_OK);
	assert_int_equal(b, TLS_OK);
	assert_int_equal(tls_peer(ends.client), TLS_PEER_GOOD);
	tls_conn_free(ends.client);
	tls_conn_free(ends.server);
	tls_authorities_free(e.authorities);
	tls_context_free(context);
	tls_client_free(client);
	kit_free(kit);
	buf_free(&key);
	buf_free(&chain);
	buf_free(&ca);
	buf_free(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_our_own_server),
	};

	if (!crypto_library_start())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
