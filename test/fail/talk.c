/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client: sockets of the simulation, OpenSSL over two memories, and as much of
 * three protocols as tells yes from no.
 */
#include "talk.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>

#include "os/sock.h"

#define IN_MAX (4u << 20)

/* ---- bytes ------------------------------------------------------------------------- */

static bool wait(struct talk *t, unsigned what)
{
	uint64_t until = world_now(loop_world(t->loop)) + TALK_PATIENCE_S * NS_PER_SEC;

	if (fiber_io_wait(&t->io, what, until) == WOKE_VALUE)
		return true;
	t->end = TALK_SILENT;
	return false;
}

static void raw_send(struct talk *t, struct span bytes)
{
	while (bytes.len > 0 && t->end == TALK_OPEN) {
		size_t done = 0;
		enum os r = sock_write(loop_world(t->loop), t->fd, bytes.ptr, bytes.len,
				       &done);
		if (r == OS_AGAIN)
			(void)wait(t, READY_OUT);
		else if (r != OS_OK)
			t->end = TALK_CLOSED;
		bytes = span_skip(bytes, done);
	}
}

static size_t raw_read(struct talk *t, char *room, size_t len)
{
	size_t got = 0;

	while (t->end == TALK_OPEN) {
		enum os r = sock_read(loop_world(t->loop), t->fd, room, len, &got);
		if (r == OS_OK)
			return got;
		if (r != OS_AGAIN)
			t->end = TALK_CLOSED;
		else
			(void)wait(t, READY_IN);
	}
	return 0;
}

static void flush(struct talk *t)
{
	char *bytes;
	long n = BIO_get_mem_data(SSL_get_wbio(t->tls), &bytes);

	if (n > 0)
		raw_send(t, span_of(bytes, (size_t)n));
	(void)BIO_reset(SSL_get_wbio(t->tls));
}

/* What OpenSSL waits for; false at the end. */
static bool feed(struct talk *t, int result)
{
	char room[4096];
	size_t n;

	flush(t);
	if (SSL_get_error(t->tls, result) != SSL_ERROR_WANT_READ) {
		ERR_clear_error();
		if (t->end == TALK_OPEN)
			t->end = TALK_CLOSED;
		return false;
	}
	n = raw_read(t, room, sizeof room);
	if (n > 0)
		(void)BIO_write(SSL_get_rbio(t->tls), room, (int)n);
	return n > 0;
}

static bool more(struct talk *t)
{
	char room[4096];
	size_t n;

	if (t->tls == NULL) {
		n = raw_read(t, room, sizeof room);
		buf_add(&t->in, span_of(room, n));
		return n > 0;
	}
	for (;;) {
		ERR_clear_error();
		int r = SSL_read(t->tls, room, sizeof room);
		if (r > 0) {
			buf_add(&t->in, span_of(room, (size_t)r));
			return true;
		}
		if (!feed(t, r))
			return false;
	}
}

void talk_send(struct talk *t, struct span bytes)
{
	if (t->end != TALK_OPEN || bytes.len == 0)
		return;
	if (t->tls == NULL) {
		raw_send(t, bytes);
		return;
	}
	ERR_clear_error();
	(void)SSL_write(t->tls, bytes.ptr, (int)bytes.len);
	flush(t);
}

static bool shake(struct talk *t)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	t->tls = SSL_new(ctx);
	SSL_CTX_free(ctx);
	SSL_set_bio(t->tls, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	(void)SSL_set_tlsext_host_name(t->tls, "mx.example.test");
	for (;;) {
		ERR_clear_error();
		int r = SSL_connect(t->tls);
		if (r == 1)
			break;
		if (!feed(t, r))
			return false;
	}
	flush(t);
	return true;
}

bool talk_open(struct talk *t, struct loop *loop, uint16_t port, bool tls)
{
	struct addr to = addr_v4(127, 0, 0, 1, port);
	struct world *w = loop_world(loop);

	*t = (struct talk){.loop = loop, .fd = -1, .end = TALK_CLOSED};
	buf_init(&t->in, IN_MAX);
	if (sock_connect(w, &to, NULL, &t->fd) != OS_OK)
		return false;
	if (fiber_io_start(loop, &t->io, t->fd) != OS_OK) {
		world_close(w, t->fd);
		t->fd = -1;
		return false;
	}
	t->end = TALK_OPEN;
	if (!wait(t, READY_OUT) || sock_connected(w, t->fd) != OS_OK) {
		t->end = t->end == TALK_OPEN ? TALK_CLOSED : t->end;
		return false;
	}
	return !tls || shake(t);
}

void talk_close(struct talk *t)
{
	if (t->fd >= 0) {
		fiber_io_end(&t->io);
		world_close(loop_world(t->loop), t->fd);
	}
	SSL_free(t->tls);
	buf_free(&t->in);
	t->tls = NULL;
	t->fd = -1;
	t->end = TALK_CLOSED;
}

bool talk_line(struct talk *t)
{
	size_t end, n;

	while ((end = span_find(buf_span(&t->in), '\n')) == SIZE_MAX)
		if (!more(t))
			return false;
	n = end > 0 && buf_span(&t->in).ptr[end - 1] == '\r' ? end - 1 : end;
	n = n < sizeof t->line ? n : sizeof t->line - 1;
	memcpy(t->line, buf_span(&t->in).ptr, n);
	t->line[n] = 0;
	buf_take(&t->in, end + 1);
	return true;
}

bool talk_bytes(struct talk *t, size_t n, struct buf *out)
{
	while (buf_len(&t->in) < n)
		if (!more(t))
			return false;
	if (out != NULL)
		buf_add(out, span_sub(buf_span(&t->in), 0, n));
	buf_take(&t->in, n);
	return true;
}

/* ---- SMTP -------------------------------------------------------------------------- */

unsigned talk_smtp_reply(struct talk *t)
{
	uint64_t code = 0;

	do
		if (!talk_line(t))
			return 0;
	while (t->line[0] != 0 && t->line[1] != 0 && t->line[2] != 0 && t->line[3] == '-');
	return span_u64(span_of(t->line, 3), 999, &code) ? (unsigned)code : 0;
}

unsigned talk_smtp(struct talk *t, const char *line)
{
	talk_send(t, span_cstr(line));
	talk_send(t, SPAN("\r\n"));
	return talk_smtp_reply(t);
}

/* ---- IMAP -------------------------------------------------------------------------- */

/* The literal at the end of the line, if there is one. */
static bool literal(struct talk *t, struct buf *data)
{
	const char *brace = strrchr(t->line, '{');
	uint64_t n;

	if (brace == NULL || t->line[strlen(t->line) - 1] != '}' ||
	    !span_u64(span_of(brace + 1, strlen(brace + 1) - 1), IN_MAX, &n))
		return true;
	return talk_bytes(t, (size_t)n, data);
}

static char tagged(struct talk *t, struct buf *data)
{
	char tag[16];
	size_t len;

	(void)snprintf(tag, sizeof tag, "t%u ", t->tag);
	len = strlen(tag);
	for (;;) {
		if (!talk_line(t))
			return 0;
		if (strncmp(t->line, tag, len) == 0)
			return t->line[len];
		if (data != NULL)
			buf_printf(data, "%s\n", t->line);
		if (!literal(t, data))
			return 0;
	}
}

char talk_imap(struct talk *t, const char *command, struct buf *data)
{
	char tag[16];

	(void)snprintf(tag, sizeof tag, "t%u ", ++t->tag);
	talk_send(t, span_cstr(tag));
	talk_send(t, span_cstr(command));
	talk_send(t, SPAN("\r\n"));
	return tagged(t, data);
}

char talk_imap_literal(struct talk *t, const char *command, struct span bytes)
{
	char head[256], tag[16];
	size_t len;

	(void)snprintf(tag, sizeof tag, "t%u ", ++t->tag);
	len = strlen(tag);
	(void)snprintf(head, sizeof head, "%s%s {%zu}\r\n", tag, command, bytes.len);
	talk_send(t, span_cstr(head));
	do
		if (!talk_line(t))
			return 0;
	while (t->line[0] == '*');
	if (strncmp(t->line, tag, len) == 0)
		return t->line[len];
	talk_send(t, bytes);
	talk_send(t, SPAN("\r\n"));
	return tagged(t, NULL);
}

/* ---- POP3 -------------------------------------------------------------------------- */

char talk_pop3(struct talk *t, const char *command, struct buf *data)
{
	if (command != NULL) {
		talk_send(t, span_cstr(command));
		talk_send(t, SPAN("\r\n"));
	}
	if (!talk_line(t))
		return 0;
	if (t->line[0] != '+' || data == NULL)
		return t->line[0];
	for (;;) {
		if (!talk_line(t))
			return 0;
		if (strcmp(t->line, ".") == 0)
			return '+';
		buf_printf(data, "%s\n", t->line + (t->line[0] == '.'));
	}
}
