/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A storm: people use a town while things go wrong in it, by one seed.
 *
 * storm_run raises a town, lets people in, makes trouble, ends it, waits until all
 * has settled, and compares what is there with the ledger (check.h).  The same seed
 * and options give the same run to the byte; storm_run answers its trace.  What is
 * not as it must be ends the process: storm_fail tells the seed and the command that
 * repeats it.
 */
#pragma once

#include "client.h"
#include "far.h"
#include "ledger.h"
#include "town.h"

#define TROUBLES_MAX 48u /* rows of trouble.c */
#define EVENTS_MAX   10u
#define GUESTS       40u /* accounts that the administrator makes */

/* What a courier may do that it must not. */
enum lie {
	LIE_NONE,
	LIE_HOPES,   /* it takes no answer for a yes */
	LIE_FORGETS, /* it takes a yes for no answer */
	LIE_SILENT,  /* it tells no sender that his mail failed */
	LIE_CROWDS,  /* it and its store mind no limit of a source */
};

/* A mutation of store or courier that the oracles have to find; see mutants.c. */
struct mutant {
	const char *name, *what;
	struct kv_memory_lies lies;
	enum lie lie;
};
extern const struct mutant mutants[];
extern const size_t mutants_count;

struct storm_how {
	uint64_t seed;
	bool trace;                  /* print what happens */
	const struct mutant *mutant; /* NULL: none */
};

struct storm {
	struct storm_how how;
	struct town *town;
	struct ledger ledger;
	struct far *far;
	struct dice dice, steps;
	bool raging;	 /* things may go wrong */
	bool patient;	 /* its queue waits for days */
	bool jumped;	 /* the clock was set */
	enum kind doomed; /* dies before the next turn; KIND_COUNT: nobody */
	bool stop;       /* nobody begins anything new */
	unsigned busy;   /* people who are not done */
	unsigned events[EVENTS_MAX]; /* how often each row happened */
	enum said guests[GUESTS];    /* is it there? */
	enum said alias;	     /* the same of other@ */
	/* Ends at the store; NULL: it is dead. */
	struct admin_store *admin;
	struct edge_store *eye;
	struct auth_store *auth;
};

/* One of them; its fiber's argument. */
struct person {
	struct storm *storm;
	struct dice dice;
	unsigned who; /* the account, where there is one */
	unsigned n;
};

struct storm_end {
	uint64_t trace, steps;
	unsigned messages, promised, unanswered, found, kills, sent, again, bounced;
	unsigned troubles[TROUBLES_MAX];
	uint64_t settled_ms; /* virtual, after the last fault */
};

struct storm_end storm_run(const struct storm_how *);
__attribute__((noreturn, format(printf, 1, 2))) void storm_fail(const char *fmt, ...);
void storm_say(const struct storm *, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- courier.c ---- */
void away_watch(struct storm *); /* NULL: no more */
unsigned away_way(struct span address);
/* A server far away has this, for these ways; told: its yes went out. */
void away_arrives(struct storm *, struct span text, unsigned ways, bool told);
void check_away(void *storm); /* in a fiber */
enum lie storm_lie(const struct storm *);

/* Whoever is dead is raised, and the test has its ends at the store again. */
void storm_raise(struct storm *);

/* ---- people: smtp.c, imap.c, pop3.c, admin.c, eye.c ---- */
void person_mx(struct person *);
void person_submits(struct person *);
void person_imap(struct person *);
void person_watches(struct person *);
void person_pop3(struct person *);
void person_administers(struct person *);
void person_looks(struct person *);
/* Sleep up to so long; false: the storm is over. */
bool person_rests(struct person *, uint64_t ms);
/* Connected and greeted, inside TLS. */
bool person_dials(struct person *, struct client *, uint16_t port);

/* ---- trouble.c ---- */
void trouble_choose(struct storm *);  /* which rates, by seed */
void trouble_make(struct storm *);    /* one thing, or none */
void trouble_dooms(struct storm *);   /* who is doomed dies */
void trouble_end(struct storm *);     /* no faults any more, everybody is up */
const char *trouble_name(size_t row); /* NULL: no such row */
unsigned trouble_count(const struct storm *, size_t row);

/* ---- check.c: what is there, against the ledger ---- */
void check_people(struct storm *); /* who was removed is there again */
void check_all(struct storm *);
