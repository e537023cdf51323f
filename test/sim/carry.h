/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A courier in a house, between a store, a dialer and servers that are scripts.
 *
 * The store has a list of jobs and notes what became of them; the dialer has a
 * small zone; a server answers by the front of each command, and what it heard
 * is kept as text.
 */
#pragma once

#include "house.h"
#include "wire/courier_dialer.h"
#include "wire/courier_store.h"

#define SCENE_CONF                                                             \
	"hostname mx.us.example;\ndata /nowhere;\nstore { engine memory; }\n"  \
	"log { level error; }\n"
#define RULE(more)                                                             \
	SCENE_CONF "destination out { domain *; host 192.0.2.1; port 2525; " more " }\n"

/* The next reply to a command that begins so; NULL text: hang up instead. */
struct line_reply {
	const char *front, *text;
};

struct server {
	const char *greeting; /* NULL: hangs up at once */
	uint32_t wait_ms;     /* before it */
	const char *ehlo;     /* whole reply */
	struct line_reply replies[16]; /* the first that fits; else 250 */
	const char *end;      /* after the data; NULL: hangs up */
	/* Seen: */
	struct buf heard;     /* commands, each with its line end */
	struct buf data;      /* the messages as they came, dots and all */
	unsigned connections, messages;
};

struct zone_host {
	const char *name; /* of the domain, or of the host */
	enum courier_dialer_trust trust;
	struct {
		uint16_t preference;
		const char *name;
	} mx[8];
	size_t mx_count;
	uint8_t v4[4]; /* 0: none */
	bool unreachable;
	struct server *server;
};

struct test_job {
	const char *destination, *sender;
	const char *recipients[4];
	uint8_t notify;
	bool eight_bit, utf8, requiretls;
	bool stranger; /* no account of ours */
	enum courier_store_work work;
	struct span prefix, body; /* body: all of it */
};

struct settled {
	unsigned job;
	enum courier_store_mood mood;
	char why[256];
	size_t count;
	struct {
		uint32_t n;
		enum courier_store_fate fate;
		uint16_t code;
		char status[16], text[256], host[64];
	} at[4];
};

struct scene {
	struct house *house;
	struct house_role *courier;
	struct courier_store *store;
	struct courier_dialer *dialer;
	struct ipc *guest; /* a channel of the test's own, which ends with the scene */
	struct zone_host zone[16];
	size_t zone_count;
	struct server *fixed; /* behind 192.0.2.1 */
	struct test_job jobs[64];
	size_t job_count, leased;
	struct ipc_call *waiting[16];
	struct settled settled[64];
	size_t settled_count;
	size_t want; /* settled that house_until waits for */
	bool reached;
	struct buf reports;
	size_t report_count;
	enum courier_store_kind report_kind;
	enum courier_dialer_trust tlsa; /* of every such look-up; insecure at first */
	const char *txt; /* of every name; NULL: none */
	unsigned questions; /* to the dialer */
	struct courier_dialer_connect asked; /* the last, without its targets */
	uint16_t port;			     /* of its first target */
	size_t pulled;	    /* bytes of bodies beyond the lease */
	bool refuse_report;
	unsigned later; /* so many settles are answered so first */
	bool no_structure; /* the store does not know it now */
};

struct scene *scene_new(const char *conf);
void scene_free(struct scene *);
/* New channels, as when store and dialer were replaced. */
void scene_join(struct scene *);
/* The job is due; everything that is not set is plain. */
void scene_job(struct scene *, const struct test_job *);
/* Until so many were settled in all. */
void scene_run(struct scene *, size_t settled);
