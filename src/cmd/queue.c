/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/queue: mail that waits for its recipients. */
#include "cmd/data.h"

static const struct column columns[] = {
	{"id", "MESSAGE", COLUMN_TEXT},
	{"arrived", "SINCE", COLUMN_TIME},
	{"size", "SIZE", COLUMN_SIZE},
	{"sender", "FROM", COLUMN_TEXT},
	{"recipient", "TO", COLUMN_TEXT},
	{"state", "STATE", COLUMN_TEXT},
	{"attempts", "TRIED", COLUMN_COUNT},
	{"why", "WHY", COLUMN_TEXT},
};

static const struct data_action actions[] = {
	{"list", "queue.list", {NULL},
	 {.shape = SHAPE_LIST, .columns = columns,
	  .column_count = ARRAY_LEN(columns), .done = "the queue is empty"},
	 NULL},
};

static const struct data_verb verb = {actions, ARRAY_LEN(actions), NULL, 0};

enum end verb_queue(struct command *c) { return data_run(c, &verb); }
