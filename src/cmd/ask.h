/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/ask - one verb asked of the running server over its control socket.
 */
#pragma once

#include "cmd/command.h"
#include "cmd/table.h"

#define ASK_ARGUMENTS_MAX 64u

struct asking {
	const char *name;
	struct span value;
};

struct answer {
	enum end end;
	struct span why; /* a sentence, maybe empty */
	const struct span *rows; /* JSON */
	size_t row_count;
};

/*
 * Connects to the socket that the configuration names, asks, waits.  Progress is
 * shown on a terminal.  False: there was no answer; that was said, and out->end
 * is what to return.
 */
MUST_USE bool ask(struct command *, const struct args *, const char *verb,
		  const struct asking *, size_t count, struct answer *out);

/*
 * Several verbs over one connection.  NULL: *end is what to return, and why was
 * said.  What is asked and its answers live in the command's arena.
 */
struct ask;
MUST_USE struct ask *ask_open(struct command *, const struct args *,
			      enum end *end);
MUST_USE bool ask_next(struct ask *, const char *verb, const struct asking *,
		       size_t count, struct answer *out);
void ask_close(struct ask *); /* NULL is allowed */

enum shape {
	SHAPE_DONE, /* no rows: "done" is said */
	SHAPE_ONE,
	SHAPE_LIST,
	SHAPE_EACH, /* a list in which each row is shown for itself */
};

/* How an answer is shown. */
struct showing {
	enum shape shape;
	const struct column *columns;
	size_t column_count;
	const char *done; /* SHAPE_DONE: what to say; SHAPE_LIST: when empty */
};

/* As a table or as JSON; complains when it is no success.  The exit code. */
enum end answer_show(struct command *, const struct args *,
		     const struct answer *, const struct showing *);
