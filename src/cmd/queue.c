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
	{"next", "NEXT", COLUMN_TIME},
	{"why", "WHY", COLUMN_TEXT},
};

static const struct column details[] = {
	{"id", "id", COLUMN_TEXT},
	{"message", "message", COLUMN_TEXT},
	{"sender", "from", COLUMN_TEXT},
	{"recipient", "to", COLUMN_TEXT},
	{"destination", "destination", COLUMN_TEXT},
	{"state", "state", COLUMN_TEXT},
	{"size", "size", COLUMN_SIZE},
	{"arrived", "since", COLUMN_TIME},
	{"expires", "until", COLUMN_TIME},
	{"attempts", "tried", COLUMN_COUNT},
	{"last", "last", COLUMN_TIME},
	{"next", "next", COLUMN_TIME},
	{"code", "reply", COLUMN_CODE},
	{"host", "host", COLUMN_TEXT},
	{"why", "why", COLUMN_TEXT},
	{"waits", "waits", COLUMN_TEXT},
};

static const struct column stats[] = {
	{"destination", "DESTINATION", COLUMN_TEXT},
	{"recipients", "WAITING", COLUMN_COUNT},
	{"held", "HELD", COLUMN_COUNT},
	{"bytes", "SIZE", COLUMN_SIZE},
	{"under_5m", "< 5 MIN", COLUMN_COUNT},
	{"under_1h", "< 1 HOUR", COLUMN_COUNT},
	{"under_1d", "< 1 DAY", COLUMN_COUNT},
	{"older", "OLDER", COLUMN_COUNT},
	{"oldest", "SINCE", COLUMN_TIME},
	{"next", "NEXT", COLUMN_TIME},
	{"waits", "WAITS", COLUMN_TEXT},
};

static const struct column ledger[] = {
	{"what", "RECIPIENTS", COLUMN_TEXT},
	{"recipients", "NUMBER", COLUMN_COUNT},
};

static const struct column changed[] = {
	{"recipients", "recipients", COLUMN_COUNT},
};

#define SHOW(s, c, d)                                                          \
	{.shape = (s), .columns = (c), .column_count = ARRAY_LEN(c), .done = (d)}

static const struct data_action actions[] = {
	{"list", "queue.list", {NULL},
	 SHOW(SHAPE_LIST, columns, "the queue is empty"), NULL},
	{"show", "queue.show", {"id"}, SHOW(SHAPE_EACH, details, NULL), NULL},
	{"stats", "queue.stats", {NULL},
	 SHOW(SHAPE_LIST, stats, "the queue is empty"), NULL},
	{"retry", "queue.retry", {NULL}, SHOW(SHAPE_ONE, changed, NULL), NULL},
	{"hold", "queue.hold", {NULL}, SHOW(SHAPE_ONE, changed, NULL), NULL},
	{"release", "queue.release", {NULL}, SHOW(SHAPE_ONE, changed, NULL),
	 NULL},
	{"delete", "queue.delete", {NULL}, SHOW(SHAPE_ONE, changed, NULL), NULL},
	{"route", "queue.route", {"what", "to"}, SHOW(SHAPE_ONE, changed, NULL),
	 NULL},
	{"ledger", "queue.ledger", {NULL}, SHOW(SHAPE_LIST, ledger, NULL), NULL},
};

#define CHANGES "retry hold release delete"
#define CHOOSE	"list stats " CHANGES

static const struct data_option options[] = {
	{{"--id", "ID"}, "id", CHOOSE, false, false},
	{{"--domain", "DOMAIN"}, "domain", CHOOSE, false, false},
	{{"--sender", "ADDRESS"}, "sender", CHOOSE, false, false},
	{{"--recipient", "ADDRESS"}, "recipient", CHOOSE, false, false},
	{{"--state", "STATE"}, "state", CHOOSE, false, false},
	{{"--older", "AGE"}, "older", CHOOSE, false, false},
	{{"--all", NULL}, "all", CHANGES, false, false},
	{{"--bounce", NULL}, "bounce", "delete", false, false},
	{{"--recount", NULL}, "recount", "ledger", false, false},
};

static const struct data_verb verb = {actions, ARRAY_LEN(actions), options,
				      ARRAY_LEN(options)};

enum end verb_queue(struct command *c) { return data_run(c, &verb); }
