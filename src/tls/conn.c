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
#include <openssl/evp.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "tls/client_own.h"
#include "tls/conn_own.h"
#include "tls/library_own.h"

struct tls_conn *tls_conn_of(const SSL *ssl) { return SSL_get_app_data(ssl); }

void tls_conn_watch(const SSL *ssl, int where, int value)
{
	struct tls_conn *c = tls_conn_of(ssl);

	/* The high byte is the level; warnings end nothing. */
	if (!c || value >> 8 != SSL3_AL_FATAL)
		return;
	if ((where & SSL_CB_WRITE_ALERT) == SSL_CB_WRITE_ALERT)
		c->alert = value & 0xff;
	else if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
		c->told = value & 0xff;
}

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

struct tls_conn *tls_conn_make(struct tls_library *library, SSL_CTX *ssl,
			       const struct tls_transport *transport)
{
	struct tls_conn *c = calloc(1, sizeof(*c));
	BIO *bio;

	if (!c)
		return NULL;
	c->tag = TAG_CONN;
	c->transport = *transport;
	c->alert = c->told = -1;
	ERR_clear_error();
	c->ssl = SSL_new(ssl);
	bio = c->ssl ? BIO_new(library->transport) : NULL;
	if (!bio) {
		ERR_clear_error();
		tls_conn_free(c);
		return NULL;
	}
	BIO_set_data(bio, c);
	SSL_set_bio(c->ssl, bio, bio);
	SSL_set_app_data(c->ssl, c);
	return c;
}

struct tls_conn *tls_conn_new(struct tls_context *context,
			      const struct tls_transport *transport)
{
	struct tls_conn *c;

	ENSURE_TAG(context, TAG_CONTEXT);
	c = tls_conn_make(context->library, first_site(context), transport);
	if (!c)
		return NULL;
	c->context = context;
	tls_context_hold(context);
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
	tls_client_free(c->client);
	tls_judged_free(c->judged);
	c->tag = 0;
	free(c);
}

/* The judge of the certificate has said why the handshake had to fail. */
static const char *verdict(const struct tls_conn *c)
{
	const struct tls_judged *j = c->judged;

	return j && j->refused ? j->why : NULL;
}

/* OpenSSL's "sslv3 alert handshake failure" without what it is called there. */
static const char *alert_text(int alert, const char *reason)
{
	const char *at = reason ? strstr(reason, " alert ") : NULL;

	return at ? at + 7 : SSL_alert_desc_string_long(alert);
}

static void explain(struct tls_conn *c)
{
	unsigned long e = ERR_peek_error();
	const char *text = e ? ERR_reason_error_string(e) : NULL;
	int reason = ERR_GET_REASON(e);

	if (c->reason[0] != '\0')
		return;
	if (c->told >= 0) {
		(void)snprintf(c->reason, sizeof(c->reason),
			       "the peer sent alert %d (%s)", c->told,
			       alert_text(c->told, text));
		return;
	}
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

/* What no peer brings about; OpenSSL says less than "memory" in places. */
static bool ours(unsigned long e)
{
	int reason = ERR_GET_REASON(e);

	return reason == ERR_R_MALLOC_FAILURE ||
	       reason == ERR_R_INTERNAL_ERROR || reason == ERR_R_INIT_FAIL ||
	       (ERR_GET_LIB(e) == ERR_LIB_EVP &&
		(reason == EVP_R_NOT_ABLE_TO_COPY_CTX ||
		 reason == EVP_R_INITIALIZATION_ERROR));
}

bool tls_failed_by_us(void)
{
	unsigned long e;
	bool is = false;

	while ((e = ERR_get_error()) != 0)
		is |= ours(e);
	return is;
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
	c->ours = tls_failed_by_us();
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
	r = SSL_do_handshake(c->ssl);
	if (r == 1) {
		c->up = true;
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
		/* Behind a session ticket it keeps 16 KiB, whatever its mode. */
		if (SSL_has_pending(c->ssl) == 0)
			(void)SSL_free_buffers(c->ssl);
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
	if (!c->up)
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
	if (c->failed && verdict(c))
		return span_cstr(verdict(c));
	return span_cstr(c->reason);
}

int tls_alert_received(const struct tls_conn *c)
{
	ENSURE_TAG(c, TAG_CONN);
	return c->told;
}

int tls_alert_sent(const struct tls_conn *c)
{
	ENSURE_TAG(c, TAG_CONN);
	return c->alert;
}
