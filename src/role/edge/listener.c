/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/listener: ports, and who is let in.
 *
 * Without a free descriptor nobody is accepted for a while, whatever waits in
 * the kernel's queue; the end of a connection ends that pause early.  Whom a
 * limit keeps out is told so in one line, unless the port speaks TLS from its
 * first byte.
 *
 * Must never spin on a socket that it does not accept from.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/ensure.h"
#include "os/file.h"
#include "os/sock.h"
#include "role/edge/connection.h"

static void want_all(struct edge *e, unsigned want)
{
	for (size_t i = 0; i < e->port_count; i++) {
		struct port *p = &e->ports[i];
		for (size_t k = 0; k < p->socket_count; k++)
			if (watch_active(&p->sockets[k].watch))
				watch_want(&p->sockets[k].watch, want);
	}
}

static void on_resume(struct timer *t)
{
	struct edge *e = t->arg;
	e->paused = false;
	want_all(e, READY_IN);
}

static void pause_accepting(struct edge *e)
{
	if (e->paused)
		return;
	e->paused = true;
	want_all(e, 0);
	LOG(e->role->log, WARNING, "listener.paused", 0,
	    F_CSTR("why", "no descriptors or memory for another connection"),
	    F_U64("connections", e->connection_count));
	if (!timer_start(e->role->loop, &e->resume,
			 edge_within(e, EDGE_PAUSE_NS), on_resume, e))
		on_resume(&(struct timer){.arg = e});
}

void listener_relieved(struct edge *e)
{
	if (!e->paused || e->draining)
		return;
	timer_stop(&e->resume);
	on_resume(&(struct timer){.arg = e});
}

static void turn_away(struct edge *e, struct port *p, int fd,
		      const struct addr *peer, const char *why)
{
	struct service *s = p->service;
	char ip[ADDR_TEXT_MAX];
	size_t done;
	e->counts.refused++;
	LOG(e->role->log, NOTICE, "connection.refused", 0,
	    F_CSTR("listener", p->name), F("ip", addr_format(peer, ip)),
	    F_CSTR("why", why));
	if (s != NULL && !s->implicit) {
		struct span words = s->protocol->too_many;
		(void)!sock_write(e->role->world, fd, words.ptr, words.len,
				  &done);
		(void)sock_shutdown(e->role->world, fd);
	}
	world_close(e->role->world, fd);
}

/* Strangers come again: mail servers have a queue for that. */
static bool overloaded(const struct port *p)
{
	return p->edge->load >= EDGE_STORE_LEVEL_BUSY && p->service != NULL &&
	       p->service->protocol == &smtp_protocol &&
	       p->service->smtp.role == SMTP_MX;
}

static void let_in(struct port *p, int fd, const struct addr *peer)
{
	struct edge *e = p->edge;
	struct crowd_place *place;
	if (overloaded(p)) {
		e->counts.shed++;
		turn_away(e, p, fd, peer, "too much work waits");
		return;
	}
	if (p->service == NULL || !retire_makes_room(e)) {
		turn_away(e, p, fd, peer, "the process is full");
		return;
	}
	switch (crowd_enter(&p->crowd, e->role->world, &p->service->limits,
			    peer, &place)) {
	case CROWD_IN:
		if (e->porter)
			porter_take(p, fd, peer, place);
		else
			connection_start(e, p, fd, peer, place);
		return;
	case CROWD_FULL:
		turn_away(e, p, fd, peer, "the listener is full");
		return;
	case CROWD_TOO_MANY:
		turn_away(e, p, fd, peer, "too many from this address");
		return;
	}
}

static void on_ready(struct watch *w, unsigned ready)
{
	struct socket *s = w->arg;
	struct edge *e = s->port->edge;
	if ((ready & READY_END) != 0) { /* shut from outside; nobody comes */
		watch_stop(w);
		return;
	}
	for (unsigned i = 0; i < EDGE_ACCEPTS_A_TURN; i++) {
		struct addr peer;
		int fd;
		enum os r = sock_accept(e->role->world, s->fd, &fd, &peer);
		if (r == OS_OK) {
			let_in(s->port, fd, &peer);
			continue;
		}
		if (r == OS_BROKEN)
			continue;
		if (r != OS_AGAIN)
			pause_accepting(e);
		return;
	}
}

struct port *listener_named(struct edge *e, struct span name)
{
	for (size_t i = 0; i < e->port_count; i++)
		if (span_eq(span_cstr(e->ports[i].name), name))
			return &e->ports[i];
	return NULL;
}

static struct port *port_of(struct edge *e, struct span name)
{
	struct port *known = listener_named(e, name);
	if (known != NULL)
		return known;
	if (e->port_count == CONF_LISTENERS_MAX)
		return NULL;
	struct port *p = &e->ports[e->port_count++];
	*p = (struct port){.edge = e};
	snprintf(p->name, sizeof p->name, "%.*s", SPAN_FMT(name));
	return p;
}

static void close_socket(struct edge *e, struct socket *s)
{
	watch_stop(&s->watch);
	world_close(e->role->world, s->fd);
	s->fd = -1;
}

static void watch_socket(struct edge *e, struct socket *s)
{
	if (s->fd < 0 || watch_active(&s->watch) || s->port->service == NULL)
		return;
	unsigned want = e->paused ? 0 : READY_IN;
	if (watch_start(e->role->loop, &s->watch, s->fd, want, on_ready, s) !=
	    OS_OK)
		LOG(e->role->log, ERROR, "listener.deaf", 0,
		    F_CSTR("listener", s->port->name));
}

/* The one that it is already, or a free place; NULL when there is none. */
static struct socket *socket_for(struct port *p, const struct addr *at)
{
	struct socket *place = NULL;
	for (size_t i = 0; i < p->socket_count; i++) {
		struct socket *s = &p->sockets[i];
		if (s->fd >= 0 && addr_eq(&s->at, at))
			return s;
		if (s->fd < 0)
			place = s;
	}
	if (place == NULL && p->socket_count < EDGE_SOCKETS_MAX) {
		place = &p->sockets[p->socket_count++];
		*place = (struct socket){.fd = -1};
	}
	return place;
}

static void keep_sockets(struct port *p)
{
	LOG(p->edge->role->log, ERROR, "listener.unknown", 0,
	    F_CSTR("listener", p->name),
	    F_CSTR("why", "memory is short: a socket that is new is not used"));
	for (size_t k = 0; k < p->socket_count; k++)
		p->sockets[k].round = p->edge->round;
}

void listener_know(struct edge *e, struct span name, const struct conf *conf)
{
	struct port *p = port_of(e, name);
	const struct conf_listener *l = conf_listener(conf, name);
	if (p != NULL && p->service == NULL && l != NULL)
		p->service = service_new(conf, l);
}

void listener_add(struct edge *e, struct span name, int fd)
{
	struct port *p = port_of(e, name);
	struct addr at = {.port = 0};
	struct socket *s = NULL;
	if (p != NULL && sock_local(e->role->world, fd, &at) == OS_OK)
		s = socket_for(p, &at);
	else if (p != NULL)
		keep_sockets(p); /* it may be any of them */
	if (s != NULL)
		s->round = e->round;
	if (s == NULL || s->fd >= 0 || e->draining || e->retiring) {
		world_close(e->role->world, fd);
		return;
	}
	*s = (struct socket){
		.port = p, .at = at, .fd = fd, .round = e->round};
	if (p->service == NULL) {
		const struct conf_listener *l = conf_listener(e->conf, name);
		p->service = l != NULL ? service_new(e->conf, l) : NULL;
		if (e->serving)
			contexts_refresh(e);
	} else if (e->serving) {
		watch_socket(e, s);
	}
}

/* Could a context be made of it? */
static bool usable(struct edge *e, struct span pem, struct buf *why)
{
	struct tls_settings s = {.profile = TLS_STRICT,
				 .client = TLS_CLIENT_REQUEST,
				 .client_ca = pem};
	if (pem.len == 0) {
		buf_add(why, SPAN("the file is empty"));
		return false;
	}
	struct tls_context *t = tls_context_new(e->tls, &s, why);
	tls_context_free(t);
	return t != NULL;
}

bool listener_client_ca(struct edge *e, struct span name, int fd,
			struct buf *why)
{
	struct port *p = port_of(e, name);
	char *pem = p != NULL ? malloc(EDGE_CLIENT_CA_MAX + 1) : NULL;
	size_t len = 0;
	if (pem == NULL) {
		buf_add(why, SPAN("memory is short"));
		return false;
	}
	enum os r = file_read_at(e->role->world, fd, pem,
				 EDGE_CLIENT_CA_MAX + 1, 0, &len);
	if (r == OS_OK && len > EDGE_CLIENT_CA_MAX)
		r = OS_TOOBIG;
	if (r != OS_OK)
		buf_add(why, span_cstr(os_text(r)));
	if (r != OS_OK || !usable(e, span_of(pem, len), why)) {
		free(pem);
		return false;
	}
	free(p->next_ca);
	p->next_ca = pem;
	p->next_ca_len = len;
	return true;
}

void listener_take_authorities(struct edge *e)
{
	for (size_t i = 0; i < e->port_count; i++) {
		struct port *p = &e->ports[i];
		free(p->client_ca);
		p->client_ca = p->next_ca;
		p->client_ca_len = p->next_ca_len;
		p->next_ca = NULL;
		p->next_ca_len = 0;
	}
}

void listener_drop_authorities(struct edge *e)
{
	for (size_t i = 0; i < e->port_count; i++) {
		free(e->ports[i].next_ca);
		e->ports[i].next_ca = NULL;
		e->ports[i].next_ca_len = 0;
	}
}

void listener_drop_services(struct edge *e)
{
	for (size_t i = 0; i < e->port_count; i++) {
		service_release(e->ports[i].next_service);
		e->ports[i].next_service = NULL;
	}
}

bool listener_prepare(struct edge *e, const struct conf *conf)
{
	listener_drop_services(e);
	for (size_t i = 0; i < e->port_count; i++) {
		struct port *p = &e->ports[i];
		const struct conf_listener *l =
			conf_listener(conf, span_cstr(p->name));
		if (l == NULL || !l->enabled)
			continue;
		p->next_service = service_new(conf, l);
		if (p->next_service == NULL) {
			listener_drop_services(e);
			return false;
		}
	}
	return true;
}

static void configure_port(struct edge *e, struct port *p)
{
	const struct conf_listener *l =
		conf_listener(e->conf, span_cstr(p->name));
	struct service *s = p->next_service;
	p->next_service = NULL;
	if (s == NULL && l != NULL && l->enabled) /* the first one */
		s = service_new(e->conf, l);
	/* Until its own are there it shows the certificates of before. */
	if (s != NULL && p->service != NULL) {
		s->tls = p->service->tls;
		p->service->tls = NULL;
	}
	service_release(p->service);
	p->service = s;
	for (size_t k = 0; k < p->socket_count; k++)
		if (p->sockets[k].fd >= 0 &&
		    (s == NULL || p->sockets[k].round != e->round))
			close_socket(e, &p->sockets[k]);
}

void listener_configure(struct edge *e)
{
	for (size_t i = 0; i < e->port_count; i++)
		configure_port(e, &e->ports[i]);
}

void listener_open(struct edge *e)
{
	for (size_t i = 0;
	     !e->draining && !e->retiring && i < e->port_count; i++)
		for (size_t k = 0; k < e->ports[i].socket_count; k++)
			watch_socket(e, &e->ports[i].sockets[k]);
}

void listener_close_all(struct edge *e)
{
	timer_stop(&e->resume);
	for (size_t i = 0; i < e->port_count; i++) {
		struct port *p = &e->ports[i];
		for (size_t k = 0; k < p->socket_count; k++)
			if (p->sockets[k].fd >= 0)
				close_socket(e, &p->sockets[k]);
	}
}
