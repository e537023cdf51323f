/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/sendmail - the options of sendmail(1), and the names that it goes by.
 *
 * What programs give is taken, what means nothing here is passed over, and what
 * cannot be done is said.
 */
#pragma once

#include "cmd/command.h"

#define SENDMAIL_RECIPIENTS 1000u

enum sendmail_mode {
	SENDMAIL_SUBMIT,
	SENDMAIL_QUEUE,	  /* mailq, -bp */
	SENDMAIL_ALIASES, /* newaliases, -bi: nothing to do */
	SENDMAIL_NOTHING, /* -q: the queue runs by itself */
	SENDMAIL_HELP,
};

struct sendmail_options {
	enum sendmail_mode mode;
	const char *config;
	struct span sender; /* NIL: not given */
	struct span name;   /* of the person; may be empty */
	struct span envid;
	uint8_t notify, ret; /* as in smtp/host.h; 0: not given */
	bool gather;	     /* -t */
	bool dots;	     /* a line with a dot alone is text */
	bool verbose;
	struct span recipients[SENDMAIL_RECIPIENTS];
	size_t count;
};

/* The verb when the program was called by a name of sendmail; else NULL. */
const struct verb *sendmail_by_name(const char *program);
/* program: NULL, or the name that it was called by.  False: *why says what is wrong. */
MUST_USE bool sendmail_options(const char *program, int argc, char **argv,
			       struct sendmail_options *, const char **why);
