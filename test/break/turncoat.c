/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turncoat - a role that serves its time and then lies to the supervisor.
 *
 * It comes up in good order, as any role does; TURN_NS later it writes garbage
 * to every channel that it has to the supervisor: boss_role, and admin_boss in
 * the place of admin.  For turncoat_test.py, which swaps a program for it.
 *
 * Built with TURN_SIN it does by itself what a sanitizer is there to see: as dialer
 * it writes behind its memory, as anything else it loses some.  For
 * test/journey/sanitizer_test.py.
 */
#include <stdlib.h>
#include <string.h>

#include "os/sock.h"
#include "role/common/role.h"

#define TURN_NS   (300 * NS_PER_MS)
#define FIRST_FD  3
#define LAST_FD   64
#define MESSAGES  8u

struct turncoat {
	struct role *role;
	struct timer turn;
};

static void rights(void *self, struct rights *r)
{
	(void)self;
	*r = (struct rights){.sys = RIGHT_BASE};
}

#ifdef TURN_SIN
#define LOST 4242u /* bytes: a number to look for */

static void turn(struct timer *t)
{
	struct turncoat *me = t->arg;
	volatile size_t len = me->role->kind == KIND_DIALER ? 17 : 16;
	char *volatile bytes = malloc(16);
	if (bytes != NULL)
		memset(bytes, 1, len);
	free(bytes);
	bytes = malloc(LOST);
	if (bytes != NULL)
		memset(bytes, 1, LOST);
	bytes = NULL;
}
#else
static void turn(struct timer *t)
{
	struct turncoat *me = t->arg;
	char lie[512];
	for (unsigned n = 0; n < MESSAGES; n++) {
		world_random(me->role->world, lie, sizeof lie);
		for (int fd = FIRST_FD; fd < LAST_FD; fd++)
			if (sock_send(me->role->world, fd,
				      span_of(lie, sizeof lie), -1) == OS_BUG)
				continue; /* no socket: nobody to lie to */
	}
}
#endif

static bool start(void *self, struct buf *why)
{
	struct turncoat *me = self;
	(void)why;
	return timer_start(me->role->loop, &me->turn,
			   loop_now(me->role->loop) + TURN_NS, turn, me);
}

static void *create(struct role *role, const struct conf *conf, struct buf *why)
{
	struct turncoat *me = calloc(1, sizeof *me);
	(void)conf;
	(void)why;
	if (me != NULL)
		me->role = role;
	return me;
}

/* Links to the supervisor stay, unread; between roles others have tests. */
static void attach(void *self, const struct role_peer *peer,
		   struct ipc_link *link)
{
	(void)self;
	if (peer->kind != KIND_SUPERVISOR)
		link->ops->close(link);
}

static bool material(void *self, enum material kind, struct span name, int fd,
		     struct buf *why)
{
	struct turncoat *me = self;
	(void)kind;
	(void)name;
	(void)why;
	world_close(me->role->world, fd);
	return true;
}

static void listener(void *self, struct span name, int fd)
{
	struct turncoat *me = self;
	(void)name;
	world_close(me->role->world, fd);
}

static void adopt(void *self, const struct conf *conf)
{
	(void)self;
	(void)conf;
}

static const struct role_def turncoat_role = {
	.create = create,
	.attach = attach,
	.material = material,
	.listener = listener,
	.rights = rights,
	.start = start,
	.adopt = adopt,
};

int main(int argc, char **argv)
{
	return role_main(&turncoat_role, argc, argv);
}
