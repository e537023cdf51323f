/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/index: search indexes are made again. */
#include "cmd/data.h"

static const struct column columns[] = {
	{"account", "ACCOUNT", COLUMN_TEXT},	{"mailbox", "MAILBOX", COLUMN_TEXT},
	{"messages", "MESSAGES", COLUMN_COUNT}, {"indexed", "INDEXED", COLUMN_COUNT},
	{"terms", "TERMS", COLUMN_COUNT},	{"size", "SIZE", COLUMN_SIZE},
	{"segments", "SEGMENTS", COLUMN_COUNT},
};

static const struct data_action actions[] = {
	{"rebuild", "index.rebuild", {"name?"},
	 {.shape = SHAPE_LIST, .columns = columns, .column_count = ARRAY_LEN(columns),
	  .done = "no mailboxes"},
	 NULL},
};

static const struct data_verb verb = {actions, ARRAY_LEN(actions), NULL, 0};

enum end verb_index(struct command *c) { return data_run(c, &verb); }
