/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/transport - the BIO between OpenSSL and the owner's two functions.
 *
 * It holds nothing: bytes go from the owner's buffers into OpenSSL's record
 * buffer and back.
 */
#include "base/check.h"
#include "base/ensure.h"
#include "tls/library_own.h"
#include "tls/conn_own.h"

static int transport_read(BIO *bio, char *p, int cap)
{
	struct tls_conn *c = BIO_get_data(bio);
	size_t got = 0;

	BIO_clear_retry_flags(bio);
	if (cap <= 0 || c->ended || c->broken)
		return c->ended ? 0 : -1;
	switch (c->transport.read(c->transport.owner, p, (size_t)cap, &got)) {
	case TLS_IO_OK:
		ENSURE(got > 0 && got <= (size_t)cap);
		return (int)got;
	case TLS_IO_AGAIN:
		BIO_set_retry_read(bio);
		return -1;
	case TLS_IO_END:
		c->ended = true;
		return 0;
	case TLS_IO_BROKEN:
		break;
	}
	c->broken = true;
	return -1;
}

static int transport_write(BIO *bio, const char *p, int len)
{
	struct tls_conn *c = BIO_get_data(bio);
	size_t put = 0;

	BIO_clear_retry_flags(bio);
	if (len <= 0 || c->broken)
		return -1;
	switch (c->transport.write(c->transport.owner, span_of(p, (size_t)len),
				   &put)) {
	case TLS_IO_OK:
		ENSURE(put > 0 && put <= (size_t)len);
		return (int)put;
	case TLS_IO_AGAIN:
		BIO_set_retry_write(bio);
		return -1;
	case TLS_IO_END:
	case TLS_IO_BROKEN:
		break;
	}
	c->broken = true;
	return -1;
}

static long transport_control(BIO *bio, int command, long number, void *arg)
{
	struct tls_conn *c = BIO_get_data(bio);

	(void)number;
	(void)arg;
	if (command == BIO_CTRL_FLUSH)
		return 1;
	if (command == BIO_CTRL_EOF)
		return c->ended;
	return 0;
}

static int transport_new(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

BIO_METHOD *transport_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
				     "letterlock transport");

	if (m && BIO_meth_set_read(m, transport_read) == 1 &&
	    BIO_meth_set_write(m, transport_write) == 1 &&
	    BIO_meth_set_ctrl(m, transport_control) == 1 &&
	    BIO_meth_set_create(m, transport_new) == 1)
		return m;
	BIO_meth_free(m);
	return NULL;
}
