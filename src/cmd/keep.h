/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/keep - what backup, restore and fsck share: the data folder, whether
 * somebody runs on it, and letterlock-keeper, which works on its files.
 *
 * The keeper runs as the user of the store, whatever user the command is; new
 * folders are given to that user when the command is root.
 */
#pragma once

#include "cmd/ask.h"
#include "conf/conf.h"

#define KEEP_FOLDERS_MAX 3u
#define KEEP_WORDS_MAX	 8u

struct keep {
	struct command *c;
	const struct args *args;
	const char *data; /* path of the data folder */
	int data_dir, store_dir; /* store_dir -1: there is none */
	int lock;		 /* held, unless somebody runs */
	bool running;
};

/* False: *end is what to return, and why was said. */
MUST_USE bool keep_open(struct keep *, struct command *, const struct args *,
			enum end *end);
void keep_close(struct keep *);

/* A folder that the keeper may write in; made when missing. */
MUST_USE enum os keep_folder(struct keep *, int dir, const char *name, int *out);

struct keep_run {
	const char *words[KEEP_WORDS_MAX]; /* verb and words; NULL ends */
	int folders[KEEP_FOLDERS_MAX];
	size_t folder_count;
	bool renew; /* tell the server from time to time that the copy goes on */
};
/* Waits; rows and the end in *out.  What went wrong was said. */
void keep_run(struct keep *, const struct keep_run *, struct answer *out);
/* The lines that a program left in this file, as rows.  False: they cannot be read. */
MUST_USE bool keep_rows(struct command *, int file, struct answer *out);

/* ---- a folder of backups --------------------------------------------------- */

#define KEEP_NAME 24u /* of a backup: 20261122T063900Z */

/* The newest whole backup in the folder that is older than `before` (NULL: any).
 * False: there is none. */
MUST_USE bool keep_newest(struct keep *, int dir, const char *before,
			  char name[KEEP_NAME]);
bool keep_is_name(struct span);
/*
 * The backup that a path means: itself one, or the newest of those in it.  The
 * folder, to be closed, and its name.  False: said.
 */
MUST_USE bool keep_find(struct keep *, const char *path, int *dir,
			char name[KEEP_NAME]);

/* ---- keep_mail.c: the mail of one account ---- */

#define KEEP_MAILBOX_MAX 512u /* bytes of a name, with its NUL */
#define KEEP_MAIL_MEMORY (128u << 20)

struct kept_message {
	int blob;	  /* a file in memory that holds it */
	uint64_t at, size; /* where in it */
	uint32_t uid, flags; /* flags: bits as IMAP's, Seen first */
	int64_t date;
	struct span keywords; /* with blanks between */
};

struct keep_mail {
	struct keep *k;
	struct command c; /* with an arena of KEEP_MAIL_MEMORY, reset with each run */
	int folder;	  /* a backup, or the store's */
	const char *state; /* NULL: a backup; else "live" or "still": keep_mail_here */
	const char *account, *mailbox, *message; /* the last two may be NULL: all */
	/* For each mailbox that begins, or goes on in the next run (first false), then for
	 * each message of it.  False ends it; why was said. */
	bool (*each_mailbox)(void *arg, struct span name, bool first);
	bool (*each_message)(void *arg, const struct kept_message *);
	void *arg;
};
/* False: why was said. */
MUST_USE bool keep_mail(struct keep_mail *);
/* The same of the store itself: as it is at this moment while it runs, or at rest. */
MUST_USE bool keep_mail_here(struct keep_mail *);
/* All of a message behind what is in a file. */
MUST_USE enum os keep_mail_copy(struct world *, const struct kept_message *, int file);

/* ---- mailbox_export.c ---- */

/* Words: "export", account, maybe mailbox. */
MUST_USE enum end mailbox_export(struct command *, const struct args *);

/* ---- restore_mail.c ---- */

/* --account and maybe --message of the backup at `path`, into the server. */
MUST_USE enum end restore_mail(struct command *, const struct args *,
			       const char *path);
