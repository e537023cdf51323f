/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/handshake: TLS on a connection, and the line that tells of it.
 *
 * The signature in the middle parks the fiber at the vault.
 *
 * Must never let a session go on in clear after a handshake that failed.
 */
#include <stdio.h>

#include "base/ensure.h"
#include "role/edge/connection.h"
#include "role/socket/step.h"

#define LINE_MAX 2048u

static enum tls_io from_socket(void *owner, char *p, size_t cap, size_t *got)
{
	struct connection *c = owner;
	return step_tls_read(c->edge->role->world, c->fd, p, cap, got);
}

static enum tls_io to_socket(void *owner, struct span b, size_t *put)
{
	struct connection *c = owner;
	return step_tls_write(c->edge->role->world, c->fd, b, put);
}

static void log_failure(struct connection *c, struct span why)
{
	char ip[ADDR_TEXT_MAX];
	char alert[32] = "";
	if (c->tls != NULL && tls_alert_sent(c->tls) >= 0)
		snprintf(alert, sizeof alert, "%d", tls_alert_sent(c->tls));
	c->edge->counts.shake_failures++;
	LOG(c->edge->role->log, INFO, "tls.failed", c->id,
	    F("listener", c->service->name), F("ip", connection_ip(c, ip)),
	    F("reason", why), F_CSTR("alert", alert));
}

static void log_success(struct connection *c, const struct tls_facts *f)
{
	struct buf line;
	char ip[ADDR_TEXT_MAX];
	buf_init(&line, LINE_MAX);
	tls_facts_log(f, SPAN("unknown"), connection_ip(c, ip), &line);
	LOG(c->edge->role->log, INFO, "tls.established", c->id,
	    F("message", buf_span(&line)), F("listener", c->service->name),
	    F_CSTR("direction", "in"), F("version", f->version),
	    F("suite", f->suite));
	buf_free(&line);
}

static void keep_facts(struct connection *c)
{
	struct secured *s = &c->secured;
	struct tls_facts f = {0};
	s->on = true;
	c->edge->counts.shaken++;
	if (!tls_facts(c->tls, connection_scratch(c), &f))
		return;
	snprintf(s->version, sizeof s->version, "%.*s", SPAN_FMT(f.version));
	snprintf(s->suite, sizeof s->suite, "%.*s", SPAN_FMT(f.suite));
	s->bindable = f.bindable;
	memcpy(s->binding, f.binding, sizeof s->binding);
	log_success(c, &f);
}

static enum io shake(struct connection *c)
{
	uint64_t until = edge_within(c->edge, c->service->timeouts.handshake *
						      NS_PER_SEC);
	for (;;) {
		enum tls r = tls_shake(c->tls);
		if (r == TLS_OK)
			return IO_OK;
		if (r != TLS_WANT_READ && r != TLS_WANT_WRITE) {
			log_failure(c, tls_reason(c->tls));
			return IO_BROKEN;
		}
		unsigned what = r == TLS_WANT_READ ? READY_IN : READY_OUT;
		enum io w = transport_wait(c, what, until);
		if (w != IO_OK) {
			log_failure(c, w == IO_TIMEOUT
					       ? SPAN("the handshake took too long")
					       : SPAN("the connection broke"));
			return IO_BROKEN;
		}
		if (c->stop || c->lost) /* half a handshake has no words for goodbye */
			return IO_BROKEN;
	}
}

enum io handshake(struct connection *c)
{
	struct tls_transport t = {
		.read = from_socket, .write = to_socket, .owner = c};
	/* The port's newest certificates, even for one who connected before. */
	struct service *newest = c->port->service;
	struct tls_context *context =
		newest != NULL ? newest->tls : c->service->tls;
	ENSURE(c->tls == NULL);
	if (context != NULL)
		c->tls = tls_conn_new(context, &t);
	if (c->tls == NULL) {
		log_failure(c, SPAN("no certificate, or memory is short"));
		c->stream.state = IO_BROKEN;
		return IO_BROKEN;
	}
	enum io r = shake(c);
	if (r != IO_OK) {
		c->stream.state = r;
		return r;
	}
	keep_facts(c);
	if (c->side != NULL)
		c->protocol->secured(c);
	return IO_OK;
}
