/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A town: every role that takes part in mail, in one process on a simulated world,
 * joined as the supervisor would join them, with a certificate and three accounts.
 *
 * What a role reports to the supervisor is kept by the house; town_whole says
 * whether all is as it was made: every role there, every channel up.
 */
#pragma once

#include "base/buf.h"
#include "house.h"
#include "talk.h"
#include "wire/admin_auth.h"
#include "wire/admin_store.h"
#include "wire/courier_dialer.h"

#define TOWN_MX		2525u
#define TOWN_SUBMISSION 2465u
#define TOWN_IMAP	2993u
#define TOWN_POP3	2995u
#define TOWN_PASSWORD	"right horse battery"
/* alice, bob, carol @example.test; base64 of NUL name NUL password */
#define TOWN_ALICE "alice@example.test"
#define TOWN_BOB   "bob@example.test"
#define TOWN_CAROL "carol@example.test"

#define TOWN_LISTENERS 4u
extern const struct town_listener {
	const char *name;
	uint16_t port;
	enum kind kind;
} town_listeners[TOWN_LISTENERS];

struct town {
	struct house *house;
	struct house_role *role[KIND_COUNT];
	struct admin_store *directory; /* the test's own ends, as edge-admin */
	struct admin_auth *passwords;
	struct courier_dialer *courier; /* likewise, at the dialer */
	int elsewhere;			/* another server: 127.0.0.2, port 25 */
	int sockets[TOWN_LISTENERS];	/* of the listeners */
	struct buf key, chain;		/* of the certificate */
	struct arena *arena;
	unsigned generation; /* of the configuration that is tried last */
	unsigned active;     /* and of the one that is in force; UINT_MAX: of some */
};

/* The configurations that take turns, and the name that each gives the server. */
const char *town_conf(unsigned generation);
extern const char *const town_names[2];

struct town *town_new(uint64_t seed);
void town_free(struct town *);
/* The configuration's role tables, so that a role can be raised anew. */
const struct role_def *town_def(enum kind);
/* What is wrong with it, or NULL. */
const char *town_hurt(struct town *);
/* Connections, sessions and requests under way in all roles: 0 at rest. */
uint64_t town_busy(struct town *);
