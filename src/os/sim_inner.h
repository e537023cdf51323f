/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/sim_inner - the objects of a simulated world, shared by sim*.c.
 *
 * A descriptor is an index into `fds`; several may refer to one object, which
 * ends with its last reference (descriptor or packet under way).
 */
#pragma once

#include "base/buf.h"
#include "base/ensure.h"
#include "base/list.h"
#include "os/inner.h"
#include "os/sim.h"

enum sim_kind { SIM_STREAM, SIM_PACKET, SIM_LISTEN, SIM_BLOB };

struct sim_packet {
	struct list link;
	struct sim_obj *passed;
	uint64_t at; /* it arrives */
	size_t len;
	char bytes[];
};

struct sim_obj {
	enum sim_kind kind;
	size_t refs;
	struct list link;     /* a listener in sim->listeners, or one waiting in `queue` */
	struct sim_obj *peer; /* streams and packets */
	struct buf in;        /* stream input, blob content */
	struct list queue;    /* packets, or ends that wait to be accepted */
	size_t queued;
	bool ended, shut, broken, sealed, packets;
	bool dead;      /* its owner is; nothing comes in or goes out */
	uint64_t later; /* the last packet sent here arrives then */
	uint64_t stands; /* a connection is being made until then */
	enum os fails;   /* and then found to be this; OS_OK: it stands */
	struct addr local, remote;
	char path[108];
	size_t backlog;
};

struct sim_fault {
	char name[64];
	uint32_t rate;
	uint64_t count;
};

struct sim_fd {
	struct sim_obj *obj; /* NULL: the number is free */
	const struct poller *owner;
};

struct poller {
	struct list link; /* sim->pollers */
	struct sim *sim;
	uint64_t number; /* from 1, in order of creation */
	struct world_party party;
	struct list entries;
};

struct sim {
	struct world world;
	uint64_t now, random[4], steps;
	int64_t wall_sec;
	struct sim_fd *fds;
	size_t fds_cap, fds_open;
	uint64_t pollers_made;
	uint16_t next_port;
	struct list listeners, pollers;
	struct sim_fault faults[SIM_FAULTS_MAX];
	size_t fault_count;
	struct poller *turn; /* whose turn it is; NULL: nobody's */
	struct world_kept kept;
	uint64_t trace;
	sim_tell_fn *tell;
	void *tell_arg;
};

struct sim *sim_of(struct world *);
const struct sim *sim_of_const(const struct world *);
bool sim_fault_now(struct sim *, const char *name);
bool sim_fault_asked(struct world *, const char *name);
void sim_note(struct sim *, const char *what, struct span bytes);
uint64_t sim_draw(struct sim *);

struct sim_obj *sim_obj_new(enum sim_kind);
void sim_unref(struct sim_obj *);
struct sim_obj *sim_get(struct sim *, int fd); /* an ENSURE when not open */
/* Takes over one reference, also on failure. */
MUST_USE enum os sim_fd(struct sim *, struct sim_obj *, int *fd);
unsigned sim_readiness(const struct sim *, const struct sim_obj *);

/* sim_sock.c fills in its part of the table. */
void sim_sock_ops(struct world_ops *);
