/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/mailbox: what an account holds, who may do what there, what was deleted of it
 * and comes back, and what goes out as files (mailbox_export.c).
 */
#include "cmd/data.h"
#include "cmd/keep.h"

static const struct column columns[] = {
	{"name", "MAILBOX", COLUMN_TEXT},
	{"use", "USE", COLUMN_TEXT},
	{"messages", "MESSAGES", COLUMN_COUNT},
	{"unseen", "UNSEEN", COLUMN_COUNT},
	{"size", "SIZE", COLUMN_SIZE},
	{"subscribed", "SUBSCRIBED", COLUMN_FLAG},
};

static const struct column details[] = {
	{"name", "mailbox", COLUMN_TEXT},
	{"use", "use", COLUMN_TEXT},
	{"messages", "messages", COLUMN_COUNT},
	{"unseen", "unseen", COLUMN_COUNT},
	{"deleted", "marked deleted", COLUMN_COUNT},
	{"size", "size", COLUMN_SIZE},
	{"subscribed", "subscribed", COLUMN_FLAG},
	{"uidvalidity", "UIDVALIDITY", COLUMN_COUNT},
	{"uidnext", "UIDNEXT", COLUMN_COUNT},
	{"highestmodseq", "HIGHESTMODSEQ", COLUMN_COUNT},
	{"keywords", "keywords", COLUMN_LIST},
};

static const struct column deleted[] = {
	{"id", "ID", COLUMN_TEXT},
	{"deleted", "DELETED", COLUMN_TIME},
	{"mailbox", "MAILBOX", COLUMN_TEXT},
	{"from", "FROM", COLUMN_TEXT},
	{"subject", "SUBJECT", COLUMN_TEXT},
	{"messages", "MESSAGES", COLUMN_COUNT},
	{"size", "SIZE", COLUMN_SIZE},
};

static const struct column given[] = {
	{"messages", "messages that keep their unique id", COLUMN_COUNT},
};

static const struct column rights[] = {
	{"who", "WHO", COLUMN_TEXT},
	{"rights", "RIGHTS", COLUMN_TEXT},
	{"refused", "REFUSED", COLUMN_TEXT},
};

static const struct column restored[] = {
	{"messages", "messages", COLUMN_COUNT},
};

#define SHOW(s, c, d)                                                          \
	{.shape = (s), .columns = (c), .column_count = ARRAY_LEN(c), .done = (d)}

static const struct data_action actions[] = {
	{"list", "mailbox.list", {"name"},
	 SHOW(SHAPE_LIST, columns, "no mailboxes"), NULL},
	{"show", "mailbox.show", {"name", "mailbox"},
	 SHOW(SHAPE_ONE, details, NULL), NULL},
	{"rights", "mailbox.rights", {"name", "mailbox"},
	 SHOW(SHAPE_LIST, rights, NULL), NULL},
	{"grant", "mailbox.grant", {"name", "mailbox", "who", "rights"},
	 {.shape = SHAPE_DONE, .done = "granted"}, NULL},
	{"deleted", "mailbox.deleted", {"name", "mailbox?"},
	 SHOW(SHAPE_LIST, deleted, "nothing that could be had back"), NULL},
	{"undelete", "mailbox.undelete", {"name", "mailbox", "id*"},
	 SHOW(SHAPE_ONE, restored, NULL), NULL},
	{"uidl", "mailbox.uidl", {"name", "id+"},
	 SHOW(SHAPE_ONE, given, NULL), NULL},
};

static const struct data_option options[] = {
	{{"--refuse", NULL}, "refuse", "grant", false, false},
	{{"--since", "AGE"}, "since", "deleted undelete", false, false},
	{{"--all", NULL}, "all", "undelete", false, false},
	{{"--into", "NAME"}, "into", "undelete", false, false},
	/* Of export alone. */
	{{"--to", "DIR"}, "to", "", false, false},
	{{"--format", "FORMAT"}, "format", "", false, false},
};

static const struct data_verb verb = {actions, ARRAY_LEN(actions), options,
				      ARRAY_LEN(options)};

enum end verb_mailbox(struct command *c)
{
	struct arg_option list[ARRAY_LEN(options)];
	struct args a;
	enum end end;
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		list[i] = options[i].option;
	if (!command_args(c, &a, list, ARRAY_LEN(list), &end))
		return end;
	if (a.word_count > 0 && strcmp(a.words[0], "export") == 0)
		return mailbox_export(c, &a);
	return data_run(c, &verb);
}
