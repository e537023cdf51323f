/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/account: accounts, quotas, passwords.
 *
 * A password is typed on the terminal without being shown, twice, or is the
 * first line of standard input when that is no terminal.  It is never taken
 * from the command line, which every user of the machine can see.
 */
#include "cmd/data.h"

#include <stdio.h>

#define PASSWORD_MAX 1024u

static const struct column columns[] = {
	{"name", "ACCOUNT", COLUMN_TEXT},
	{"messages", "MESSAGES", COLUMN_COUNT},
	{"used", "USED", COLUMN_SIZE},
	{"quota", "QUOTA", COLUMN_LIMIT},
	{"app_passwords", "APP PASSWORDS", COLUMN_COUNT},
	{"created", "SINCE", COLUMN_TIME},
	{"removed", "REMOVED", COLUMN_TIME},
	/* The last: only one account alone is shown with it. */
	{"grants", "MAY SEND AS", COLUMN_LIST},
};

static const struct column app_columns[] = {
	{"id", "number", COLUMN_COUNT},
	{"password", "password", COLUMN_TEXT},
};

/* ---- a new password ------------------------------------------------------- */

static bool typed(struct command *c, struct buf *out)
{
	struct buf again;
	enum os r = self_ask_secret("New password: ", out);
	buf_init(&again, PASSWORD_MAX);
	if (r == OS_OK)
		r = self_ask_secret("The same again: ", &again);
	bool same = r == OS_OK && span_eq(buf_span(out), buf_span(&again));
	buf_free(&again);
	if (r == OS_NOENT)
		complain(c, "there is no terminal to ask: give the password as a "
			    "line on standard input");
	else if (r == OS_OK && !same)
		complain(c, "the two passwords differ: nothing was changed");
	else if (r != OS_OK)
		complain(c, "nothing was changed");
	return same;
}

static bool piped(struct command *c, struct buf *out)
{
	enum os r = self_read_input(out);
	if (r != OS_OK) {
		complain(c, "standard input: %s", os_text(r));
		return false;
	}
	size_t end = span_find(buf_span(out), '\n');
	if (end != SIZE_MAX)
		buf_cut(out, buf_len(out) - end);
	return true;
}

static bool password(struct command *c, const struct args *a,
		     struct asking *asking, size_t *n, enum end *end)
{
	struct buf text;
	(void)a;
	*end = END_FAILED;
	buf_init(&text, 8192);
	bool ok = self_is_terminal(0) ? typed(c, &text) : piped(c, &text);
	if (ok && (buf_len(&text) == 0 || buf_len(&text) > PASSWORD_MAX)) {
		complain(c, "a password has 1 to %u bytes", PASSWORD_MAX);
		*end = END_USAGE;
		ok = false;
	}
	asking[*n].name = "password";
	ok = ok && arena_copy(c->arena, buf_span(&text), &asking[*n].value);
	buf_free(&text);
	*n += ok;
	return ok;
}

/* ---- what an app password opens ------------------------------------------- */

static uint32_t scope(struct span word)
{
	static const struct {
		const char *name;
		uint32_t bit;
	} scopes[] = {{"imap", 1}, {"pop3", 2}, {"smtp", 4}, {"sieve", 8},
		      {"web", 16}, {"all", 31}};
	for (size_t i = 0; i < ARRAY_LEN(scopes); i++)
		if (span_eq(word, span_cstr(scopes[i].name)))
			return scopes[i].bit;
	return 0;
}

static bool scopes(struct command *c, const struct args *a,
		   struct asking *asking, size_t *n, enum end *end)
{
	const char *text = args_value(a, "--for");
	struct span rest = span_cstr(text ? text : "all"), word;
	uint32_t set = 0;
	while (rest.len > 0) {
		(void)span_cut(&rest, ',', &word);
		uint32_t bit = scope(word);
		if (bit == 0) {
			*end = usage_error(c, "--for takes imap, pop3, smtp, "
					      "sieve, web or all, a comma "
					      "between");
			return false;
		}
		set |= bit;
	}
	asking[*n].name = "scopes";
	asking[*n].value = arena_printf(c->arena, "%u", set);
	(*n)++;
	return true;
}

/* ---- the actions ---------------------------------------------------------- */

#define LIST(s, d) {.shape = (s), .columns = columns,                          \
		    .column_count = ARRAY_LEN(columns) - 1, .done = (d)}

static const struct data_action actions[] = {
	{"add", "account.add", {"name"},
	 {.done = "added; set its password with `letterlock account passwd`"},
	 NULL},
	{"list", "account.list", {NULL},
	 LIST(SHAPE_LIST, "no accounts: `letterlock account add ADDRESS` adds "
			  "one"),
	 NULL},
	{"show", "account.show", {"name"},
	 {.shape = SHAPE_ONE, .columns = columns,
	  .column_count = ARRAY_LEN(columns)}, NULL},
	{"set", "account.set", {"name"}, {.done = "changed"}, NULL},
	{"passwd", "account.passwd", {"name"}, {.done = "changed"}, password},
	{"app-password add", "app-password.add", {"name", "label"},
	 {.shape = SHAPE_ONE, .columns = app_columns,
	  .column_count = ARRAY_LEN(app_columns)},
	 scopes},
	{"app-password remove", "app-password.remove", {"name", "id"},
	 {.done = "removed"}, NULL},
	{"remove", "account.remove", {"name"},
	 {.done = "removed; its mail is kept for a while: `letterlock account "
		  "restore` brings it back"},
	 NULL},
	{"restore", "account.restore", {"name"}, {.done = "restored"}, NULL},
};

static const struct data_option options[] = {
	{{"--quota", "SIZE"}, "quota", "add set", true, false},
	{{"--grant", "ADDRESS"}, "grant", "set", false, false},
	{{"--revoke", "ADDRESS"}, "revoke", "set", false, false},
	{{"--for", "SERVICES"}, NULL, "", false, false},
};

static const struct data_verb verb = {actions, ARRAY_LEN(actions), options,
				      ARRAY_LEN(options)};

enum end verb_account(struct command *c) { return data_run(c, &verb); }
