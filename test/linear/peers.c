/* SPDX-License-Identifier: Apache-2.0 */
/* test/linear: certificates of servers, up to the largest that a client takes. */
#include "base/ensure.h"
#include "flight.h"
#include "linear.h"

/* What a certificate and its message have besides the names. */
#define AROUND 600u

/* Sixteen names are wanted of one with the names `in`, which is trusted. */
static void judge(struct span in)
{
	static struct tls_client *client;
	struct span names[16];
	struct tls_expect e = {.what = TLS_EXPECT_NAMES,
			       .enforce = true,
			       .now = 1700000000,
			       .names = names,
			       .name_count = ARRAY_LEN(names)};
	struct buf der, list, bytes, pem, why;
	struct flight flight;
	struct tls_conn *c;

	if (!client)
		client = flight_client();
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		names[i] = SPAN(".mx.example.test");
	buf_init(&der, 1 << 20);
	buf_init(&list, 1 << 20);
	buf_init(&bytes, 1 << 20);
	buf_init(&pem, 1 << 20);
	buf_init(&why, 1024);
	flight_certificate(&der, in);
	flight_list(&list, buf_span(&der));
	flight_pack(&bytes, buf_span(&list));
	flight_pem(&pem, buf_span(&der));
	e.authorities = tls_authorities_new(buf_span(&pem), &why);
	ENSURE(e.authorities);
	c = flight_meet(&flight, client, &e, buf_span(&bytes));
	ENSURE(c && tls_shake(c) == TLS_FAILED);
	ENSURE(tls_peer(c) == TLS_PEER_NAME);
	tls_conn_free(c);
	tls_authorities_free(e.authorities);
	buf_free(&der);
	buf_free(&list);
	buf_free(&bytes);
	buf_free(&pem);
	buf_free(&why);
}

#define LIMIT (TLS_PEER_CHAIN_MAX - AROUND)
static const struct linear_case cases[] = {
	{"judge", SPAN_INIT(""), SPAN_INIT("\x82\x01" "a"), SPAN_INIT(""),
	 LIMIT / 3 * 3, judge, NULL},
	{"judge", SPAN_INIT(""), SPAN_INIT("\x82\x10" "*.a.example.test"),
	 SPAN_INIT(""), LIMIT / 18 * 18, judge, NULL},
	{"judge", SPAN_INIT(""), SPAN_INIT("\x82\x10\xff.mx.exampl.test"),
	 SPAN_INIT(""), LIMIT / 18 * 18, judge, NULL},
};

struct linear_cases linear_peers(void)
{
	return (struct linear_cases){cases, ARRAY_LEN(cases)};
}
