/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/common/doors - the Unix sockets at which a role takes programs of this
 * machine, known by SO_PEERCRED.
 *
 * The supervisor makes and hands over the sockets; one of the same name takes
 * the place of the last.  Nothing is accepted before doors_open, nor after
 * doors_close.
 */
#pragma once

#include "os/sock.h"
#include "role/common/role.h"

#define DOORS_MAX     8u
#define DOOR_NAME_MAX 64u

struct door {
	struct doors *doors;
	struct watch watch;
	int fd; /* -1: none */
	char name[DOOR_NAME_MAX];
};

/* Somebody stands there; the descriptor is the callee's. */
typedef void doors_came_fn(void *self, int fd, const struct peer_cred *);

struct doors {
	struct role *role;
	doors_came_fn *came;
	struct door at[DOORS_MAX];
	bool open;
};

void doors_init(struct doors *, struct role *, doors_came_fn *);
/* A role's `listener`. */
void doors_add(struct doors *, struct span name, int fd);
void doors_open(struct doors *);
/* Those that the configuration has no more, or switched off, are closed. */
void doors_keep(struct doors *, const struct conf *);
void doors_close(struct doors *);
