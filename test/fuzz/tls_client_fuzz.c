/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server says anything to our client.  The first byte says what is expected of
 * it and whether the rest is its bytes as they are, or certificates, each after
 * its length in three bytes, which are packed into a right ServerHello and
 * Certificate message.
 *
 * No handshake may ever go well: nobody here has a key.  A certificate that is
 * called good must be what was asked for, judged here by other means, and all that
 * is told of it must be printable.
 */
#include <ctype.h>
#include <stdio.h>

#include "base/ensure.h"
#include "crypto/hash.h"
#include "flight.h"

#define NOW	1700000000
#define ENFORCE 0x04
#define TRUSTED 0x08 /* the first certificate is an authority's */
#define RAW	0x10
#define WRONG	0x20 /* records and keys are of something else */
#define BELOW	0x40 /* any name below is wanted */
#define LATE	0x80 /* in 2050 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first certificate of a list, or nothing. */
static struct span first_of(struct span list)
{
	const unsigned char *p = (const unsigned char *)list.ptr;

	if (list.len < 3)
		return span_of(NULL, 0);
	return span_sub(list, 3,
			(size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2]);
}

static struct tls_authorities *authority(struct span der)
{
	struct tls_authorities *a;
	struct buf pem, why;

	buf_init(&pem, 1 << 20);
	buf_init(&why, 1024);
	flight_pem(&pem, der);
	a = tls_authorities_new(buf_span(&pem), &why);
	ENSURE(a || buf_len(&why) > 0);
	buf_free(&pem);
	buf_free(&why);
	return a;
}

static void printable(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		ENSURE(s.ptr[i] >= ' ' && s.ptr[i] <= '~');
}

static bool named(const struct tls_peer_facts *f, struct span wanted)
{
	for (size_t i = 0; i < f->name_count; i++)
		if (f->names[i].len >= wanted.len &&
		    span_ends_nocase(f->names[i], wanted))
			return true;
	return f->more_names > 0;
}

static void judge(struct tls_conn *c, const struct tls_expect *e,
		  unsigned char flags)
{
	struct arena *a = arena_new(1 << 20);
	struct tls_peer_facts f;
	enum tls_peer p = tls_peer(c);

	ENSURE(p != TLS_PEER_GOOD);
	ENSURE(tls_peer_text(p)[0] != '\0');
	if (a && tls_peer_facts(c, a, &f)) {
		printable(f.why);
		printable(f.by);
		printable(f.subject);
		printable(f.issuer);
		printable(f.key);
		ENSURE(f.why.len <= TLS_PEER_WHY_MAX);
		ENSURE(f.name_count <= TLS_PEER_NAMES_MAX);
		for (size_t i = 0; i < f.name_count; i++)
			printable(f.names[i]);
		ENSURE(!f.gave);
		/* What is called verified. */
		if (f.by.len > 0 && e->what == TLS_EXPECT_NAMES)
			ENSURE((flags & TRUSTED) && e->now >= f.not_before &&
			       e->now <= f.not_after && named(&f, e->names[0]));
		if (f.by.len > 0 && e->what == TLS_EXPECT_TLSA)
			ENSURE(!(flags & WRONG) && f.tlsa >= 0);
		if (f.by.len > 0 && e->what == TLS_EXPECT_KEYS)
			ENSURE(memcmp(f.spki_sha256, e->keys[0].ptr, 32) == 0);
	}
	arena_free(a);
}

static void talk(struct tls_client *client, const struct tls_expect *e,
		 struct span bytes, unsigned char flags)
{
	struct flight flight;
	struct tls_conn *c = flight_meet(&flight, client, e, bytes);
	enum tls r;

	if (!c)
		return;
	do
		r = tls_shake(c);
	while (r == TLS_WANT_READ || r == TLS_WANT_WRITE);
	ENSURE(r != TLS_OK);
	ENSURE(r == TLS_CLOSED || tls_reason(c).len > 0);
	printable(tls_reason(c));
	judge(c, e, flags);
	tls_conn_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tls_client *client;
	struct tls_expect e = {.now = NOW, .sni = SPAN("mx.example.test")};
	struct span rest, der, name = SPAN("mx.example.test"), key;
	struct sha256 digest;
	struct tls_tlsa tlsa[3];
	struct buf bytes;
	unsigned char flags;

	if (size < 1)
		return 0;
	if (!client)
		client = flight_client();
	flags = data[0];
	rest = span_of(data + 1, size - 1);
	der = first_of(rest);
	digest = sha256_of(der);
	if (flags & WRONG)
		digest.bytes[0] ^= 1;
	if (flags & BELOW)
		name = SPAN(".example.test");
	if (flags & LATE)
		e.now = 2524608001; /* 2050 */
	key = span_of(digest.bytes, 32);
	tlsa[0] = (struct tls_tlsa){3, 1, 1, key}; /* it is no key's */
	tlsa[1] = (struct tls_tlsa){2, 0, 0, flags & WRONG ? key : der};
	tlsa[2] = (struct tls_tlsa){3, 0, 1, key};
	e.what = (enum tls_expectation)(flags & 3);
	e.enforce = (flags & ENFORCE) != 0;
	e.names = &name;
	e.keys = &key;
	e.tlsa = tlsa;
	e.name_count = e.key_count = 1;
	e.tlsa_count = 3;
	e.authorities = flags & TRUSTED ? authority(der) : NULL;
	buf_init(&bytes, 1 << 21);
	if (flags & RAW)
		buf_add(&bytes, rest);
	else
		flight_pack(&bytes, rest);
	talk(client, &e, buf_span(&bytes), flags);
	tls_authorities_free(e.authorities);
	buf_free(&bytes);
	return 0;
}
