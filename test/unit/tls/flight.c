/* SPDX-License-Identifier: Apache-2.0 */
/* flight: DER, handshake messages and records by hand. */
#include "flight.h"

#include "base/base64.h"
#include "base/check.h"
#include "base/ensure.h"

#define RECORD_MAX 16384u
#define MESSAGES   (1u << 20)

static void number(struct buf *b, size_t v, unsigned bytes)
{
	while (bytes-- > 0)
		buf_addc(b, (char)(v >> (8 * bytes)));
}

void flight_der(struct buf *b, unsigned char tag, struct span content)
{
	buf_addc(b, (char)tag);
	if (content.len < 0x80) {
		number(b, content.len, 1);
	} else {
		number(b, 0x83, 1);
		number(b, content.len, 3);
	}
	buf_add(b, content);
}

/* ecdsa-with-SHA256 */
#define SIGNED_WITH SPAN("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02")
/* CN=flight */
#define NAME                                                                   \
	SPAN("\x30\x11\x31\x0f\x30\x0d\x06\x03\x55\x04\x03\x0c\x06" "flight")
#define VALIDITY                                                               \
	SPAN("\x30\x1e\x17\x0d" "200101000000Z\x17\x0d" "491231235959Z")
/* P-256, and the point that is its generator. */
#define KEY                                                                    \
	SPAN("\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08"    \
	     "\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04"                \
	     "\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40"    \
	     "\xf2\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98"    \
	     "\xc2\x96\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c"    \
	     "\x0f\x9e\x16\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68"    \
	     "\x37\xbf\x51\xf5")

/* Into `b`, in place of what was there: the value of `tag` around it. */
static void wrap(struct buf *b, unsigned char tag)
{
	struct buf out;

	buf_init(&out, MESSAGES);
	flight_der(&out, tag, buf_span(b));
	buf_clear(b);
	buf_add(b, buf_span(&out));
	buf_free(&out);
}

void flight_certificate(struct buf *out, struct span names)
{
	struct buf x, tbs;

	buf_init(&x, MESSAGES);
	buf_init(&tbs, MESSAGES);
	flight_der(&x, 0x30, names);
	wrap(&x, 0x04);
	buf_add(&tbs, SPAN("\x06\x03\x55\x1d\x11"));
	buf_add(&tbs, buf_span(&x));
	wrap(&tbs, 0x30); /* the extension */
	wrap(&tbs, 0x30);
	wrap(&tbs, 0xa3);
	buf_clear(&x);
	buf_add(&x, SPAN("\xa0\x03\x02\x01\x02\x02\x01\x01"));
	buf_add(&x, SIGNED_WITH);
	buf_add(&x, NAME);
	buf_add(&x, VALIDITY);
	buf_add(&x, NAME);
	buf_add(&x, KEY);
	buf_add(&x, buf_span(&tbs));
	wrap(&x, 0x30);
	buf_add(&x, SIGNED_WITH);
	flight_der(&x, 0x03, SPAN("\0\x30\x06\x02\x01\x01\x02\x01\x01"));
	flight_der(out, 0x30, buf_span(&x));
	buf_free(&x);
	buf_free(&tbs);
}

void flight_list(struct buf *list, struct span der)
{
	number(list, der.len, 3);
	buf_add(list, der);
}

void flight_pack(struct buf *out, struct span list)
{
	struct buf all;
	struct span rest;

	buf_init(&all, MESSAGES);
	/* ServerHello: 1.2, ECDHE-ECDSA-AES128-GCM-SHA256, secure renegotiation. */
	number(&all, 2, 1);
	number(&all, 45, 3);
	number(&all, 0x0303, 2);
	for (int i = 0; i < 32; i++)
		number(&all, 7, 1);
	buf_add(&all, SPAN("\0\xc0\x2b\0\0\x05\xff\x01\0\x01\0"));
	/* Certificate */
	number(&all, 11, 1);
	number(&all, list.len + 3, 3);
	flight_list(&all, list);
	ENSURE(buf_ok(&all));
	rest = buf_span(&all);
	while (rest.len > 0) {
		struct span part = span_sub(rest, 0, RECORD_MAX);

		number(out, 0x16, 1);
		number(out, 0x0303, 2);
		number(out, part.len, 2);
		buf_add(out, part);
		rest = span_skip(rest, part.len);
	}
	buf_free(&all);
}

void flight_pem(struct buf *out, struct span der)
{
	struct buf text;
	struct span rest, line;

	buf_init(&text, MESSAGES);
	base64_encode(&text, der);
	buf_add(out, SPAN("-----BEGIN CERTIFICATE-----\n"));
	for (rest = buf_span(&text); rest.len > 0;
	     rest = span_skip(rest, line.len)) {
		line = span_sub(rest, 0, 64);
		buf_add(out, line);
		buf_addc(out, '\n');
	}
	buf_add(out, SPAN("-----END CERTIFICATE-----\n"));
	buf_free(&text);
}

static enum tls_io get(void *owner, char *p, size_t cap, size_t *got)
{
	struct flight *f = owner;

	*got = size_min(cap, f->rest.len);
	if (*got == 0)
		return TLS_IO_END;
	memcpy(p, f->rest.ptr, *got);
	f->rest = span_skip(f->rest, *got);
	return TLS_IO_OK;
}

static enum tls_io put(void *owner, struct span bytes, size_t *n)
{
	(void)owner;
	*n = bytes.len;
	return TLS_IO_OK;
}

struct tls_conn *flight_meet(struct flight *f, struct tls_client *c,
			     const struct tls_expect *e, struct span bytes)
{
	f->rest = bytes;
	return tls_client_conn(c, e, &(struct tls_transport){get, put, f});
}

static enum tls_sign_result no_key(void *owner, uint32_t key,
				   enum tls_scheme scheme, struct span tbs,
				   char *out, size_t cap, size_t *len)
{
	(void)owner, (void)key, (void)scheme, (void)tbs;
	(void)out, (void)cap, (void)len;
	return TLS_SIGN_REFUSED;
}

struct tls_client *flight_client(void)
{
	const struct tls_client_settings s = {.profile = TLS_OPPORTUNISTIC};
	struct tls_library *l =
		tls_library_new(&(struct tls_signer){.sign = no_key});
	struct tls_client *c;
	struct buf why;

	buf_init(&why, 256);
	c = l ? tls_client_new(l, &s, &why) : NULL;
	ENSURE(c);
	buf_free(&why);
	return c;
}
