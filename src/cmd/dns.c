/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/dns: a question to the resolver of the running server. */
#include "cmd/data.h"

static const struct column columns[] = {
	{"name", "name", COLUMN_TEXT},
	{"type", "type", COLUMN_TEXT},
	{"verdict", "verdict", COLUMN_TEXT},
	{"canonical", "canonical", COLUMN_TEXT},
	{"ttl", "ttl (s)", COLUMN_COUNT},
	{"records", "records", COLUMN_LIST},
	{"why", "why", COLUMN_TEXT},
};

static const struct data_action actions[] = {
	{"query", "dns.query", {"name", "type"},
	 {.shape = SHAPE_ONE, .columns = columns,
	  .column_count = ARRAY_LEN(columns)},
	 NULL},
};

static const struct data_verb verb = {actions, ARRAY_LEN(actions), NULL, 0};

enum end verb_dns(struct command *c) { return data_run(c, &verb); }
