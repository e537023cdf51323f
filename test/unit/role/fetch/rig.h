/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program letterlock-fetch, confined, between a courier and a dialer that are
 * the test's, and a web server beside them (web_server.py).
 *
 * argv: the program, the web server's script.  What goes wrong in the rig itself
 * fails the test.
 */
#pragma once

#include "os/loop.h"
#include "wire/boss_role.h"
#include "wire/courier_fetch.h"
#include "wire/fetch_dialer.h"

/* What the dialer does. */
enum dial {
	DIAL_TLS,     /* connects to the web server */
	DIAL_PLAIN,   /* ... to its port without TLS */
	DIAL_NOBODY,  /* "unreachable" */
	DIAL_LIE,     /* "connected", and no connection */
	DIAL_SILENCE, /* no answer */
};

struct rig {
	struct world *world;
	struct loop *loop;
	struct boss_role *boss;
	struct courier_fetch *courier;
	struct fetch_dialer *dialer;
	int32_t pid;
	uint16_t tls_port, plain_port;
	enum dial dial;
	unsigned dialed, broken;
	char host[256]; /* the last one that was dialed */
	uint16_t port;
	struct arena *arena; /* of the last answer */
	char folder[64];
	struct ipc_call *unanswered; /* by a silent dialer */
	int server_in;
	void *server; /* the script's process */
};

void rig_new(struct rig *, const char *program, const char *server);
void rig_free(struct rig *);
/* Turn the loop until *done, at most so long.  True: it is. */
bool rig_until(struct rig *, const bool *done, uint64_t ms);
/* The PEM file of that name as a new configuration brings it. */
void rig_authorities(struct rig *, const char *name);
/* A fresh channel from the dialer. */
void rig_join_dialer(struct rig *);
/* Out of the role's status. */
uint64_t rig_figure(struct rig *, const char *name);
bool rig_confined(struct rig *);
