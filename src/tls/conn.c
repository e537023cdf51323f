/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/conn - SSL calls, each with a clean error queue before and after.
 *
 * The queue belongs to the thread and a signature in the middle of a handshake
 * may let other connections run, so an error is read right after the call that
 * made it and kept as text in the connection.
 */
#include "tls/conn.h"

#include <openssl/err.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "tls/library_own.h"
#include "tls/conn_own.h"

struct tls_conn *tls_conn_of(const SSL *ssl) { return SSL_get_app_data(ssl); }

void tls_conn_note_alert(struct tls_conn *c, int alert) { c->alert = alert; }

void tls_conn_note_verify(struct tls_conn *c, int error)
{
	if (c->verify == X509_V_OK)
		c->verify = error;
}

static SSL_CTX *first_site(const struct tls_context *c)
{
	ENSURE(c->site_count > 0);
	return c->sites[0].ssl;
}

struct tls_conn *tls_conn_new(struct tls_context *context,
			      const struct tls_transport *transport)
{
	struct tls_conn *c;
	BIO *bio;

	ENSURE_TAG(context, TAG_CONTEXT);
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->tag = TAG_CONN;
	c->context = context;
	tls_context_hold(context);
	c->transport = *transport;
	c->alert = -1;
	ERR_clear_error();
	c->ssl = SSL_new(first_site(context));
	bio = c->ssl ? BIO_new(context->library->transport) : NULL;
	if (!bio) {
		ERR_clear_error();
		tls_conn_free(c);
		return NULL;
	}
	BIO_set_data(bio, c);
	SSL_set_bio(c->ssl, bio, bio);
	SSL_set_app_data(c->ssl, c);
	SSL_set_accept_state(c->ssl);
	return c;
}

void tls_conn_free(struct tls_conn *c)
{
	if (!c)
		return;
	ENSURE_TAG(c, TAG_CONN);
	SSL_free(c->ssl);
	tls_context_free(c->context);
	c->tag = 0;
	free(c);
}

static void explain(struct tls_conn *c)
{
	unsigned long e = ERR_peek_error();
	const char *text = e ? ERR_reason_error_string(e) : NULL;
	int reason = ERR_GET_REASON(e);

	if (c->reason[0] != '\0')
		return;
	if (c->broken)
		text = "the connection broke";
	else if (c->ended)
		text = "the connection ended without close_notify";
	else if (ERR_GET_LIB(e) == ERR_LIB_SSL &&
		 (reason == SSL_R_HTTP_REQUEST ||
		  reason == SSL_R_WRONG_VERSION_NUMBER ||
		  reason == SSL_R_HTTPS_PROXY_REQUEST))
		text = "the peer does not speak TLS";
	(void)snprintf(c->reason, sizeof(c->reason), "%s",
		       text ? text : "protocol failure");
}

/* What an SSL call that did not succeed means. */
static enum tls judge(struct tls_conn *c, int r)
{
	enum tls answer = TLS_FAILED;

	switch (SSL_get_error(c->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_CLOSED;
	default:
		break;
	}
	if (c->ended || c->broken)
		answer = TLS_TRUNCATED;
	explain(c);
	c->failed = true;
	ERR_clear_error();
	return answer;
}

/* True: no call into OpenSSL is allowed any more. */
static bool dead(const struct tls_conn *c, enum tls *answer)
{
	ENSURE_TAG(c, TAG_CONN);
	*answer = c->ended || c->broken ? TLS_TRUNCATED : TLS_FAILED;
	return c->failed;
}

enum tls tls_shake(struct tls_conn *c)
{
	enum tls answer;
	int r;

	if (dead(c, &answer))
		return answer;
	ERR_clear_error();
	r = SSL_accept(c->ssl);
	if (r == 1) {
		ERR_clear_error();
		return TLS_OK;
	}
	return judge(c, r);
}

enum tls tls_read(struct tls_conn *c, char *p, size_t cap, size_t *got)
{
	enum tls answer;
	int r;

	*got = 0;
	if (dead(c, &answer))
		return answer;
	ENSURE(cap > 0);
	ERR_clear_error();
	r = SSL_read_ex(c->ssl, p, size_min(cap, INT_MAX), got);
	if (r == 1) {
		ERR_clear_error();
		return TLS_OK;
	}
	return judge(c, r);
}

size_t tls_pending(const struct tls_conn *c)
{
	int n;

	ENSURE_TAG(c, TAG_CONN);
	n = SSL_pending(c->ssl);
	return n > 0 ? (size_t)n : 0;
}

bool tls_has_input(const struct tls_conn *c)
{
	ENSURE_TAG(c, TAG_CONN);
	return SSL_has_pending(c->ssl) == 1;
}

enum tls tls_write(struct tls_conn *c, struct span bytes, size_t *put)
{
	enum tls answer;
	int r;

	*put = 0;
	if (dead(c, &answer))
		return answer;
	ENSURE(bytes.len > 0);
	ERR_clear_error();
	r = SSL_write_ex(c->ssl, bytes.ptr, size_min(bytes.len, INT_MAX), put);
	if (r == 1) {
		ERR_clear_error();
		return TLS_OK;
	}
	return judge(c, r);
}

enum tls tls_close(struct tls_conn *c)
{
	enum tls answer;
	int r;

	if (dead(c, &answer))
		return answer;
	if (!SSL_is_init_finished(c->ssl))
		return TLS_CLOSED; /* nothing to close yet */
	ERR_clear_error();
	r = SSL_shutdown(c->ssl);
	if (r >= 0) {
		ERR_clear_error();
		return TLS_OK;
	}
	return judge(c, r);
}

struct span tls_reason(const struct tls_conn *c)
{
	ENSURE_TAG(c, TAG_CONN);
	return span_cstr(c->reason);
}

int tls_alert_sent(const struct tls_conn *c)
{
	ENSURE_TAG(c, TAG_CONN);
	return c->alert;
}
