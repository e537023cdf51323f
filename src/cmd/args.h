/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/args - the words behind a verb.
 *
 *     --name value   --name=value   --flag   word   --   word
 *
 * --config FILE, --json and --help belong to every verb.  An option may be given
 * once.  What is unknown is refused with the name that was probably meant.
 * Values point into argv.
 */
#pragma once

#include "base/buf.h"

#define ARGS_OPTIONS_MAX 16u
#define ARGS_WORDS_MAX   64u

struct arg_option {
	const char *name;  /* "--quota" */
	const char *value; /* what it takes, for messages: "SIZE"; NULL: a flag */
};

struct args {
	const struct arg_option *options;
	size_t option_count;
	const char *values[ARGS_OPTIONS_MAX]; /* a flag's is "" */
	const char *words[ARGS_WORDS_MAX];
	size_t word_count;
	const char *config; /* NULL: not given */
	bool json, help;
};

/* False: `why` is one sentence. */
MUST_USE bool args_parse(struct args *, const struct arg_option *, size_t count,
			 int argc, char *const *argv, struct buf *why);
/* NULL: not given. */
const char *args_value(const struct args *, const char *name);
static inline bool args_has(const struct args *a, const char *name)
{
	return args_value(a, name) != NULL;
}

/* "5G", "200M", "none": bytes. */
MUST_USE bool args_size(struct span text, uint64_t *out);

/* How far two words are apart: insertions, removals, changes, swaps. */
size_t args_distance(struct span a, struct span b);
/*
 * How far the typed word is from a name, when that is near enough to be a slip
 * of the fingers or an abbreviation; SIZE_MAX when it is not.
 */
size_t args_slip(struct span typed, struct span meant);
