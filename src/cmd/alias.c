/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/alias: addresses that lead to others. */
#include "cmd/data.h"

static const struct column columns[] = {
	{"name", "ALIAS", COLUMN_TEXT},
	{"targets", "LEADS TO", COLUMN_LIST},
};

#define LIST(s, d) {.shape = (s), .columns = columns,                          \
		    .column_count = ARRAY_LEN(columns), .done = (d)}

static const struct data_action actions[] = {
	{"add", "alias.add", {"name", "target+"}, {.done = "added"}, NULL},
	{"list", "alias.list", {NULL}, LIST(SHAPE_LIST, "no aliases"), NULL},
	{"show", "alias.show", {"name"}, LIST(SHAPE_ONE, NULL), NULL},
	{"set", "alias.set", {"name", "target+"}, {.done = "changed"}, NULL},
	{"remove", "alias.remove", {"name"}, {.done = "removed"}, NULL},
};

static const struct data_verb verb = {actions, ARRAY_LEN(actions), NULL, 0};

enum end verb_alias(struct command *c) { return data_run(c, &verb); }
