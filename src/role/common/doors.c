/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/common/doors: listening Unix sockets, the same for admin and local.
 *
 * Must never lose a descriptor: what finds no place is closed.
 */
#include "role/common/doors.h"

#include <stdio.h>

static void on_connection(struct watch *w, unsigned ready)
{
	struct door *d = w->arg;
	struct role *role = d->doors->role;
	struct peer_cred who;
	int fd;
	(void)ready;
	if (sock_packet_accept(role->world, d->fd, &fd, &who) == OS_OK)
		d->doors->came(role->self, fd, &who);
}

static void door_close(struct door *d)
{
	watch_stop(&d->watch);
	if (d->fd >= 0)
		world_close(d->doors->role->world, d->fd);
	d->fd = -1;
	d->name[0] = '\0';
}

static void door_watch(struct door *d)
{
	struct role *role = d->doors->role;
	if (d->fd >= 0 && d->doors->open &&
	    watch_start(role->loop, &d->watch, d->fd, READY_IN, on_connection, d) !=
		    OS_OK)
		LOG(role->log, ERROR, "door.not-listening", 0,
		    F_CSTR("listener", d->name));
}

void doors_init(struct doors *s, struct role *role, doors_came_fn *came)
{
	*s = (struct doors){.role = role, .came = came};
	for (size_t i = 0; i < DOORS_MAX; i++)
		s->at[i] = (struct door){.doors = s, .fd = -1};
}

void doors_add(struct doors *s, struct span name, int fd)
{
	struct door *place = NULL;
	for (size_t i = 0; i < DOORS_MAX; i++) {
		struct door *d = &s->at[i];
		if (span_eq(span_cstr(d->name), name))
			door_close(d);
		if (place == NULL && d->fd < 0)
			place = d;
	}
	if (place == NULL || name.len >= sizeof place->name) {
		world_close(s->role->world, fd);
		return;
	}
	place->fd = fd;
	snprintf(place->name, sizeof place->name, "%.*s", SPAN_FMT(name));
	door_watch(place);
}

void doors_open(struct doors *s)
{
	s->open = true;
	for (size_t i = 0; i < DOORS_MAX; i++)
		door_watch(&s->at[i]);
}

void doors_keep(struct doors *s, const struct conf *conf)
{
	for (size_t i = 0; i < DOORS_MAX; i++) {
		struct door *d = &s->at[i];
		const struct conf_listener *c = conf_listener(conf, span_cstr(d->name));
		if (d->fd >= 0 && (c == NULL || !c->enabled))
			door_close(d);
	}
}

void doors_close(struct doors *s)
{
	s->open = false;
	for (size_t i = 0; i < DOORS_MAX; i++)
		door_close(&s->at[i]);
}
