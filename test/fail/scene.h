/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scenario: something that a client asks for, done while one call fails.
 *
 * prepare and check run without failures; act is what the failure falls into, and
 * it says what the client was told.  check holds that against what is there.  All
 * three run in a fiber of the test's loop.  Each run has a mark of its own, which
 * stands in what it makes, so that it is found again.
 */
#pragma once

#include "town.h"

enum verdict {
	SAID_YES,
	SAID_NO,    /* for now: 4xx, NO, -ERR, "later" */
	SAID_NONE,  /* the connection ended without an answer */
	SAID_WRONG, /* for ever, or nothing for too long; scene.why tells */
};

struct scene {
	struct town *town;
	struct talk actor;  /* alice's IMAP session, for act */
	struct talk looker; /* another one, for prepare and check */
	unsigned serial;
	char mark[32]; /* of this run */
	enum verdict verdict;
	bool silence; /* sockets fail for good: then nothing can be said */
	char why[1200]; /* set by whoever finds something wrong */
	uint32_t uid; /* of the one message, where a scenario looked for it */
	struct buf data;
};

struct scenario {
	const char *name;
	void (*prepare)(struct scene *); /* NULL: nothing */
	enum verdict (*act)(struct scene *);
	void (*check)(struct scene *, enum verdict); /* NULL: nothing to hold it to */
	bool diskless; /* it makes no call of the engine */
};

extern const struct scenario scenarios[];
extern const size_t scenario_count;

/* scene.c: what scenarios are made of. */
PRINTF_LIKE(2, 3) void wrong(struct scene *, const char *fmt, ...);
/* An answer's first character or code as a verdict. */
enum verdict heard(struct scene *, struct talk *, char answer);
enum verdict heard_code(struct scene *, struct talk *, unsigned code);
/* A session logged in and with INBOX selected; made anew when it has ended. */
bool session(struct scene *, struct talk *);
bool log_in(struct scene *, struct talk *, const char *name);
/* ---- life.c: a new process of a pool; a new configuration for all roles ---- */
enum verdict act_start_edge(struct scene *);
enum verdict act_start_sorter(struct scene *);
void check_start(struct scene *, enum verdict);
enum verdict act_reload(struct scene *);
void check_reload(struct scene *, enum verdict);
/* A message with the mark, of so many bytes in all. */
struct span message(struct scene *, size_t size);
/* How many messages with the mark stand in that mailbox of that account; the
 * test fails when it cannot be found out. */
unsigned marked(struct scene *, const char *account, const char *mailbox);
/* Alice's INBOX and Other are empty, or have one message with the mark. */
void emptied(struct scene *);
void one_message(struct scene *);
