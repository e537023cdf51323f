/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/domain: the domains that mail is taken for. */
#include "cmd/data.h"

static const struct column columns[] = {
	{"name", "DOMAIN", COLUMN_TEXT},
	{"accounts", "ACCOUNTS", COLUMN_COUNT},
	{"aliases", "ALIASES", COLUMN_COUNT},
	{"catch_all", "CATCH-ALL", COLUMN_TEXT},
};

#define LIST(s, d) {.shape = (s), .columns = columns,                          \
		    .column_count = ARRAY_LEN(columns), .done = (d)}

static const struct data_action actions[] = {
	{"add", "domain.add", {"name"}, {.done = "added"}, NULL},
	{"list", "domain.list", {NULL},
	 LIST(SHAPE_LIST, "no domains: `letterlock domain add NAME` adds one"),
	 NULL},
	{"show", "domain.show", {"name"}, LIST(SHAPE_ONE, NULL), NULL},
	{"set", "domain.set", {"name"}, {.done = "changed"}, NULL},
	{"remove", "domain.remove", {"name"}, {.done = "removed"}, NULL},
};

static const struct data_option options[] = {
	{{"--catch-all", "ADDRESS"}, "catch-all", "add set", false, true},
};

static const struct data_verb verb = {actions, ARRAY_LEN(actions), options,
				      ARRAY_LEN(options)};

enum end verb_domain(struct command *c) { return data_run(c, &verb); }
