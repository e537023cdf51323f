/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/supervisor/ports: listening sockets, and whose they are when taken.
 *
 * A socket that a new configuration still wants is kept as it is, so that a
 * reload refuses nobody.  One that it no longer wants is closed here; the role
 * that serves it closes its copy when it adopts.
 */
#include "role/supervisor/supervisor.h"

#include <stdio.h>

#include "os/sock.h"

static struct addr addr_of(const struct conf_net *n, uint64_t port)
{
	if (n->family == 4)
		return addr_v4(n->bytes[0], n->bytes[1], n->bytes[2],
			       n->bytes[3], (uint16_t)port);
	return addr_v6(n->bytes, (uint16_t)port);
}

static struct port *find(struct super *s, struct span name,
			 const struct addr *addr)
{
	for (size_t i = 0; i < s->port_count; i++) {
		struct port *p = &s->ports[i];
		if (span_eq(span_cstr(p->name), name) &&
		    addr_eq(&p->addr, addr))
			return p;
	}
	return NULL;
}

static void explain_taken(uint16_t port, const char *where, struct buf *why)
{
	struct port_holder h;
	if (!sock_who_holds(port, &h)) {
		buf_printf(why, "%s: port %u is taken; stop the program that "
				"holds it, or give the listener another port",
			   where, port);
		return;
	}
	if (h.pid != 0)
		buf_printf(why, "port %u is held by %s (pid %d): stop it "
				"(`systemctl stop %s`), or give the listener "
				"another port",
			   port, h.name, h.pid, h.name);
	else
		buf_printf(why, "port %u is held by another user's program: "
				"run `ss -ltnp` as root to see which",
			   port);
}

static void explain(enum os r, const struct addr *addr, struct span name,
		    struct buf *why)
{
	char where[ADDR_TEXT_MAX];
	addr_format_port(addr, where);
	if (r == OS_INUSE)
		explain_taken(addr->port, where, why);
	else if (r == OS_DENIED)
		buf_printf(why, "listener \"%.*s\": no permission to listen on "
				"%s: ports below 1024 need root; start as root, "
				"or use higher ports",
			   SPAN_FMT(name), where);
	else
		buf_printf(why, "listener \"%.*s\": cannot listen on %s: %s",
			   SPAN_FMT(name), where, os_text(r));
}

static struct port *port_add(struct super *s, const struct conf_listener *l,
			     const struct addr *addr, int fd)
{
	struct port *p = &s->ports[s->port_count++];
	*p = (struct port){.pool = KIND_EDGE_MX, .addr = *addr, .fd = fd};
	snprintf(p->name, sizeof p->name, "%.*s", SPAN_FMT(l->name));
	switch (conf_pool(l->role)) {
	case CONF_EDGE_ACCESS:
		p->pool = KIND_EDGE_ACCESS;
		break;
	case CONF_EDGE_ADMIN:
		p->pool = KIND_EDGE_ADMIN;
		break;
	case CONF_EDGE_LOCAL:
		p->pool = KIND_EDGE_LOCAL;
		break;
	default:
		break;
	}
	return p;
}

static bool open_path(struct super *s, const struct conf_listener *l,
		      struct buf *why)
{
	static const struct addr nowhere = {.port = 0};
	char path[PATH_LEN_MAX];
	int fd;
	if (find(s, l->name, &nowhere) != NULL)
		return true;
	snprintf(path, sizeof path, "%.*s", SPAN_FMT(l->path));
	/* Who may do what is decided by who it is, which the kernel tells. */
	uint32_t mode = l->role == CONF_ROLE_LOCAL ? 0666 : 0600;
	enum os r = sock_packet_listen(s->world, path, mode, &fd);
	if (r == OS_OK) {
		port_add(s, l, &nowhere, fd);
		return true;
	}
	buf_printf(why, "listener \"%.*s\": cannot listen on %s: %s",
		   SPAN_FMT(l->name), path, os_text(r));
	return false;
}

/* A machine without IPv6 serves IPv4: only an explicit address must work. */
static bool may_skip(enum os r, const struct conf_net *n)
{
	static const uint8_t any[16] = {0};
	return r == OS_UNREACHABLE && n->family == 6 &&
	       memcmp(n->bytes, any, sizeof any) == 0;
}

static bool open_addresses(struct super *s, const struct conf_listener *l,
			   struct buf *why)
{
	for (size_t i = 0; i < l->address.count; i++) {
		struct addr addr = addr_of(&l->address.at[i], l->port);
		struct listen_how how = {.reuse_addr = true,
					 .backlog = (unsigned)l->backlog};
		int fd;
		if (find(s, l->name, &addr) != NULL)
			continue;
		enum os r = s->port_count == SOCKETS_MAX
				    ? OS_NOFD
				    : sock_listen(s->world, &addr, how, &fd);
		if (r == OS_OK) {
			port_add(s, l, &addr, fd);
		} else if (!may_skip(r, &l->address.at[i])) {
			explain(r, &addr, l->name, why);
			return false;
		}
	}
	return true;
}

static bool wanted(const struct port *p, const struct conf *conf)
{
	const struct conf_listener *l =
		conf_listener(conf, span_cstr(p->name));
	if (l == NULL || !l->enabled)
		return false;
	if (l->path.len > 0)
		return p->addr.port == 0;
	for (size_t i = 0; i < l->address.count; i++) {
		struct addr a = addr_of(&l->address.at[i], l->port);
		if (addr_eq(&a, &p->addr))
			return true;
	}
	return false;
}

static void close_unwanted(struct super *s, const struct conf *conf)
{
	for (size_t i = 0; i < s->port_count;) {
		if (wanted(&s->ports[i], conf)) {
			i++;
			continue;
		}
		world_close(s->world, s->ports[i].fd);
		s->ports[i] = s->ports[--s->port_count];
	}
}

bool ports_open(struct super *s, const struct conf *conf, struct buf *why)
{
	for (size_t i = 0; i < conf->listener_count; i++) {
		const struct conf_listener *l = &conf->listeners[i];
		if (!l->enabled)
			continue;
		if (l->path.len > 0 ? !open_path(s, l, why)
				    : !open_addresses(s, l, why))
			return false;
	}
	close_unwanted(s, conf);
	return true;
}
