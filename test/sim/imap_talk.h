/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An IMAP session of a person: commands, and what the untagged answers tell.
 *
 * Every MODSEQ and UIDVALIDITY that passes goes into the ledger's mailbox.
 */
#pragma once

#include "storm.h"

enum imap_end { IMAP_OK, IMAP_NO, IMAP_BAD, IMAP_LOST };

struct imap {
	struct person *p;
	struct client c;
	struct ledger_box *box; /* of the selected mailbox; NULL: none */
	unsigned tag;
	bool lost;
	char said[512];    /* the last tagged line */
	char copyuid[512]; /* the last COPYUID that was told */
	struct buf literal; /* the last literal that came */
	struct listed list[LEDGER_UIDS]; /* FETCH responses with a UID */
	size_t listed;
	struct told said_box; /* by the last SELECT */
};

const char *imap_end_name(enum imap_end);
/* NULL: it did not come to that.  Pair with imap_end (NULL is allowed). */
struct imap *imap_login(struct person *);
void imap_end(struct imap *);
enum imap_end imap_do(struct imap *, const char *command);
enum imap_end imap_select(struct imap *, const char *name);
enum imap_end imap_append(struct imap *, const char *name, struct span text);
/* Compare the mailbox, as the session sees it, with the ledger. */
bool imap_list(struct imap *);
/* IDLE for so long at most, until something is told. */
bool imap_idle(struct imap *, uint64_t ms);
