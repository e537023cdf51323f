/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger of a storm: what clients were promised, told and asked to remove.
 *
 * Each message has a token, which its Message-ID carries and from which its bytes
 * can be made again.  For each account stands how often it must be found there at
 * least and at most: a promise moves both, what was tried without an answer moves
 * one of them.  For each mailbox stands what every UID was once seen to be.
 *
 * Nothing here asks the system under test; a contradiction ends the run (storm_fail).
 */
#pragma once

#include "base/buf.h"
#include "town.h"

#define LEDGER_TOKENS 512u
#define LEDGER_ALL    (2 * LEDGER_TOKENS) /* from LEDGER_TOKENS on: reports about each */
#define LEDGER_BOXES  3u /* names of mailboxes that people use */
#define LEDGER_UIDS   1024u

enum said { SAID_NO, SAID_MAYBE, SAID_YES };

/* What a UID was seen or told to be. */
struct seen {
	uint32_t uid;
	unsigned token;
	enum { SEEN_HERE, SEEN_PERHAPS, SEEN_GONE } state;
	unsigned on, off; /* flags that it surely has, and has not */
	unsigned unsure;  /* flags of a command without an answer: it may come yet */
	uint64_t modseq; /* the highest that was told for it */
};

/* The highest that anybody was told of a mailbox. */
struct told {
	uint64_t modseq;
	uint32_t uid_next;
};

struct ledger_box {
	uint32_t validity; /* 0: never seen */
	uint32_t top;      /* every UID up to here is known */
	struct told told;
	struct seen uids[LEDGER_UIDS];
	size_t count;
};

#define LEDGER_REPORTS 256u
/* A recipient elsewhere: an address there, or an alias that leads there (courier.c). */
#define LEDGER_WAYS 2u
#define LEDGER_DOMAINS 5u
struct away {
	enum said said;
	unsigned domain; /* d0 ... d3, or elsewhere */
	unsigned copies;  /* that a server there took */
	bool unheard;	  /* the courier was not told of the last one */
	unsigned severed; /* the town's figure when that one was leased, if known */
	enum said report[3]; /* to the sender, by kind */
	bool given_up;	  /* the courier said so, and why */
	bool over, bounced; /* the store's yes to what became of it was heard */
	unsigned over_severed; /* as severed, of that lease */
	bool removed;	  /* by the administrator, perhaps */
};

struct ledger {
	struct {
		size_t size;
		const char *from;
		int least[TOWN_PEOPLE], most[TOWN_PEOPLE];
	} message[LEDGER_ALL];
	struct away away[LEDGER_TOKENS][LEDGER_WAYS];
	/* Reports by the hash of their own Message-ID; the same one may be made anew. */
	struct {
		uint64_t id;
		unsigned token;
	} reports[LEDGER_REPORTS];
	unsigned reports_count;
	unsigned sent, again, bounced; /* of these, for the one who reads */
	unsigned count;
	unsigned promised, unanswered, found; /* figures for the one who reads */
	struct ledger_box box[TOWN_PEOPLE][LEDGER_BOXES];
};

extern const char *const ledger_names[LEDGER_BOXES];

/* A new message of about that size; LEDGER_TOKENS when there are enough. */
unsigned ledger_new(struct ledger *, const char *from, size_t size);
/* Its bytes, lines with CRLF, appended. */
void ledger_text(const struct ledger *, unsigned token, struct buf *);
/* Whose bytes these are; LEDGER_ALL: nobody's. */
unsigned ledger_token(struct span bytes);
/* The same where only the header may be at hand: a report is known by its own id. */
unsigned ledger_header_token(const struct ledger *, struct span header);
void ledger_report(struct ledger *, struct span bytes);
/* Ends in the message's bytes, and before them stand whole lines only?  A report: is it
 * one, and does it return this message's header? */
bool ledger_same(const struct ledger *, unsigned token, struct span bytes);

/* One more shall be, or may be, in the account; one fewer. */
void ledger_come(struct ledger *, unsigned token, unsigned who, enum said);
void ledger_go(struct ledger *, unsigned token, unsigned who, enum said);

struct ledger_box *ledger_box(struct ledger *, unsigned who, const char *name);
void ledger_validity(struct ledger_box *, uint32_t validity);
void ledger_modseq(struct ledger_box *, uint64_t told);
void ledger_next(struct ledger_box *, uint32_t uid_next);
/* Told in answer to a question asked when `then` was what the ledger had.  It may be
 * less than what others were told meanwhile: answers travel. */
void ledger_not_below(const struct told *then, uint32_t uid_next, uint64_t modseq);
struct seen *ledger_seen(struct ledger_box *, uint32_t uid); /* or NULL */
/* This UID is this message: the client was told, or read it. */
struct seen *ledger_is(struct ledger_box *, uint32_t uid, unsigned token);
/* All UIDs of a mailbox as they stand there: none that was gone came back, none
 * that was there is missing, none is new below what was known. */
struct listed {
	uint32_t uid;
	unsigned token, flags;
};
void ledger_listing(struct ledger_box *, const struct listed *, size_t count);
