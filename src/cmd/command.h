/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/command - what every verb of `letterlock` is given, and what it answers.
 *
 * A verb is a file, a row in the table of verbs.c, and a manual page.  It parses
 * its own arguments with cmd/args.h, which know --config, --json and --help, and
 * returns one of the exit codes below.
 */
#pragma once

#include "base/arena.h"
#include "cmd/args.h"
#include "os/self.h"
#include "os/world.h"

#define CONFIG_DEFAULT "/etc/letterlock/letterlock.conf"
#define COMMAND_PATH   4096u
#define COMMAND_MEMORY (256u << 20)

/* The exit codes, the same for every verb. */
enum end {
	END_DONE = 0,
	END_FAILED = 1, /* found something, or could not do it */
	END_USAGE = 2,
	END_NOT_RUNNING = 3,
	END_REFUSED = 4,
	/* Those of sendmail(1), which programs know: sysexits.h. */
	END_SENDMAIL_USAGE = 64,
	END_SENDMAIL_DATA = 65,
	END_SENDMAIL_NO_USER = 67,
	END_SENDMAIL_NO_SERVICE = 69,
	END_SENDMAIL_LATER = 75,
	END_SENDMAIL_REFUSED = 77,
	END_SENDMAIL_CONFIG = 78,
};

struct command {
	struct world *world;
	struct arena *arena; /* for all that lives as long as the command */
	const struct verb *verb;
	const char *program; /* it was called by a name of its own; else NULL */
	int argc; /* what stands behind the verb, or the program's name */
	char **argv;
};

struct verb {
	const char *name;
	const char *summary; /* one line, no full stop */
	const char *usage;   /* what stands behind the name, a line each */
	enum end (*run)(struct command *);
};

extern const struct verb verbs[];
extern const size_t verb_count;
const struct verb *verb_find(struct span name);
/* The nearest verb; NULL when none is near. */
const char *verb_near(struct span name);

/* "letterlock VERB: text" to standard error. */
PRINTF_LIKE(2, 3) void complain(const struct command *, const char *fmt, ...);

/*
 * The verb's arguments.  False: *end is what to return: help was asked for and
 * given, or something is wrong and was said.
 */
MUST_USE bool command_args(const struct command *, struct args *,
			   const struct arg_option *, size_t count,
			   enum end *end);
/* Says what is wrong, then the usage. */
enum end usage_error(const struct command *, const char *what);
/* The config file as an absolute path in the command's arena; NULL: said. */
const char *command_config(struct command *, const struct args *);

/* A whole file into the command's arena.  On failure the reason. */
const char *command_load(struct command *, const char *path, size_t max,
			 struct span *out);
/* "dir" (to be closed) and last step of a path. */
MUST_USE enum os command_folder(struct command *, const char *path, int *dir,
				const char **name);

enum end verb_start(struct command *);
enum end verb_demo(struct command *);
enum end verb_stop(struct command *);
enum end verb_reload(struct command *);
enum end verb_status(struct command *);
enum end verb_check(struct command *);
enum end verb_config(struct command *);
enum end verb_domain(struct command *);
enum end verb_account(struct command *);
enum end verb_alias(struct command *);
enum end verb_index(struct command *);
enum end verb_mailbox(struct command *);
enum end verb_queue(struct command *);
enum end verb_dns(struct command *);
enum end verb_why(struct command *);
enum end verb_why_not(struct command *);
enum end verb_tls(struct command *);
enum end verb_sendmail(struct command *);
enum end verb_log(struct command *);
enum end verb_fsck(struct command *);
enum end verb_backup(struct command *);
enum end verb_restore(struct command *);
enum end verb_version(struct command *);
enum end verb_help(struct command *);
