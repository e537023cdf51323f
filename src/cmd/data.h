/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/data - verbs that are a table of actions: domain, account, alias, queue.
 *
 * An action takes words and options, each of which becomes an argument of one
 * verb of the running server; its rows are shown as it says.
 */
#pragma once

#include "cmd/ask.h"

#define ACTION_WORDS_MAX 4u

struct data_action {
	const char *words; /* "add", "app-password add" */
	const char *ask;   /* "account.add" */
	/* The argument that each word becomes.  A last one with ? behind it need
	 * not be there, with + it takes all that follow, with * maybe none. */
	const char *takes[ACTION_WORDS_MAX];
	struct showing show;
	/* More arguments: true, or *end is what to return. */
	bool (*more)(struct command *, const struct args *, struct asking *,
		     size_t *count, enum end *end);
};

struct data_option {
	struct arg_option option;
	const char *key;     /* the argument */
	const char *actions; /* " add set ": where it may stand */
	bool size;           /* 5G: sent as bytes */
	bool optional_none;  /* "none" is sent as an empty text */
};

struct data_verb {
	const struct data_action *actions;
	size_t action_count;
	const struct data_option *options;
	size_t option_count;
};

enum end data_run(struct command *, const struct data_verb *);
