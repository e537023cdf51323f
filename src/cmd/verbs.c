/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/verbs: the table of verbs, in the order of `letterlock help`. */
#include "cmd/command.h"

#include <stdio.h>

#include "base/json.h"

#define HELP_MAX 65536u

const struct verb verbs[] = {
	{.name = "start",
	 .summary = "start the server and stay in the foreground",
	 .usage = "[--allow-weak-kernel]",
	 .run = verb_start},
	{.name = "demo",
	 .summary = "start a whole throw-away server below one folder",
	 .usage = "--dir DIR [--users N] [--rsa] [--allow-weak-kernel]",
	 .run = verb_demo},
	{.name = "stop",
	 .summary = "end the running server in good order",
	 .usage = "[--within SECONDS]",
	 .run = verb_stop},
	{.name = "reload",
	 .summary = "take over changed configuration and certificates",
	 .usage = "",
	 .run = verb_reload},
	{.name = "status",
	 .summary = "show the processes of the running server",
	 .usage = "[--confinement]",
	 .run = verb_status},
	{.name = "check",
	 .summary = "check the configuration file",
	 .usage = "",
	 .run = verb_check},
	{.name = "config",
	 .summary = "show the configuration",
	 .usage = "show [--effective|--limits]",
	 .run = verb_config},
	{.name = "domain",
	 .summary = "domains that mail is taken for",
	 .usage = "add NAME [--catch-all ADDRESS]\n"
		  "list\n"
		  "show NAME\n"
		  "set NAME --catch-all ADDRESS|none\n"
		  "remove NAME",
	 .run = verb_domain},
	{.name = "account",
	 .summary = "accounts, their quotas and passwords",
	 .usage = "add ADDRESS [--quota SIZE]\n"
		  "list\n"
		  "show ADDRESS\n"
		  "set ADDRESS [--quota SIZE|none] [--grant ADDRESS] "
		  "[--revoke ADDRESS]\n"
		  "passwd ADDRESS\n"
		  "app-password add ADDRESS LABEL [--for imap,pop3,smtp]\n"
		  "app-password remove ADDRESS NUMBER\n"
		  "remove ADDRESS\n"
		  "restore ADDRESS",
	 .run = verb_account},
	{.name = "alias",
	 .summary = "addresses that lead to others",
	 .usage = "add ADDRESS TARGET...\n"
		  "list\n"
		  "show ADDRESS\n"
		  "set ADDRESS TARGET...\n"
		  "remove ADDRESS",
	 .run = verb_alias},
	{.name = "mailbox",
	 .summary = "what an account holds, and what was deleted of it",
	 .usage = "list ADDRESS\n"
		  "show ADDRESS MAILBOX\n"
		  "rights ADDRESS MAILBOX\n"
		  "grant ADDRESS MAILBOX WHO RIGHTS [--refuse]\n"
		  "deleted ADDRESS [MAILBOX] [--since AGE]\n"
		  "undelete ADDRESS MAILBOX ID... | --since AGE | --all\n"
		  "undelete ADDRESS MAILBOX [--into NAME]\n"
		  "uidl ADDRESS UID=UIDL...\n"
		  "export ADDRESS [MAILBOX] --to DIR [--format maildir|mbox|eml]",
	 .run = verb_mailbox},
	{.name = "queue",
	 .summary = "mail that waits",
	 .usage = "list [--id ID] [--domain DOMAIN] [--sender ADDRESS] "
		  "[--recipient ADDRESS] [--state STATE] [--older AGE]\n"
		  "show ID\n"
		  "stats, with options as list has\n"
		  "retry|hold|release --all | with options as list has\n"
		  "delete [--bounce] --all | with options as list has\n"
		  "route DOMAIN|ID DESTINATION\n"
		  "ledger [--recount]",
	 .run = verb_queue},
	{.name = "sendmail",
	 .summary = "hand in a message, as programs do it",
	 .usage = "[-itv] [-f ADDRESS] [-F NAME] [-N NOTIFY] [-R full|hdrs] "
		  "[-V ENVID] [--] [ADDRESS ...]",
	 .run = verb_sendmail},
	{.name = "dns",
	 .summary = "the DNS records of this server's names, and others",
	 .usage = "show [DOMAIN]\n"
		  "check [DOMAIN] [--all]\n"
		  "check --wait\n"
		  "query NAME TYPE",
	 .run = verb_dns},
	{.name = "why",
	 .summary = "what happened to a message, and why",
	 .usage = "ID",
	 .run = verb_why},
	{.name = "why-not",
	 .summary = "would mail for a domain go out now, and how",
	 .usage = "[--requiretls] DOMAIN",
	 .run = verb_why_not},
	{.name = "tls",
	 .summary = "reports on TLS, of other servers and to them",
	 .usage = "report FILE...\n"
		  "report --account ADDRESS [--mailbox NAME]\n"
		  "report --sent",
	 .run = verb_tls},
	{.name = "log",
	 .summary = "what the log says of TLS",
	 .usage = "tls [--file FILE]",
	 .run = verb_log},
	{.name = "index",
	 .summary = "make search indexes again",
	 .usage = "rebuild [ADDRESS]",
	 .run = verb_index},
	{.name = "fsck",
	 .summary = "verify what is stored, and repair it",
	 .usage = "[--repair]",
	 .run = verb_fsck},
	{.name = "backup",
	 .summary = "copy the store, while it is used or not",
	 .usage = "DIR\n"
		  "list DIR\n"
		  "verify DIR",
	 .run = verb_backup},
	{.name = "restore",
	 .summary = "bring a backup back",
	 .usage = "DIR [--backup NAME] [--latest]\n"
		  "DIR [--backup NAME] --account ADDRESS [--message ID] "
		  "[--into FOLDER]",
	 .run = verb_restore},
	{.name = "version",
	 .summary = "print the version",
	 .usage = "",
	 .run = verb_version},
	{.name = "help",
	 .summary = "list the verbs, or explain one",
	 .usage = "[VERB]",
	 .run = verb_help},
};
const size_t verb_count = ARRAY_LEN(verbs);

const struct verb *verb_find(struct span name)
{
	for (size_t i = 0; i < verb_count; i++)
		if (span_eq(name, span_cstr(verbs[i].name)))
			return &verbs[i];
	return NULL;
}

const char *verb_near(struct span name)
{
	const char *best = NULL;
	size_t least = SIZE_MAX;
	for (size_t i = 0; i < verb_count; i++) {
		size_t d = args_slip(name, span_cstr(verbs[i].name));
		if (d < least) {
			least = d;
			best = verbs[i].name;
		}
	}
	return best;
}

enum end verb_version(struct command *c)
{
	struct args a;
	enum end end;
	if (!command_args(c, &a, NULL, 0, &end))
		return end;
	printf(a.json ? "{\"version\":\"%s\"}\n" : "letterlock %s\n",
	       LETTERLOCK_VERSION);
	return END_DONE;
}

static enum end help_for(struct command *c, const char *word)
{
	char *argv[] = {(char[]){"--help"}, NULL};
	const struct verb *v = verb_find(span_cstr(word));
	if (v == NULL) {
		complain(c, "there is no verb \"%s\"", word);
		return END_USAGE;
	}
	struct command other = *c;
	other.verb = v;
	other.argc = 1;
	other.argv = argv;
	return v->run(&other);
}

static enum end help_json(void)
{
	struct buf out;
	buf_init(&out, HELP_MAX);
	for (size_t i = 0; i < verb_count; i++) {
		buf_printf(&out, "%s{\"verb\":", i > 0 ? ",\n" : "[");
		json_quote(&out, span_cstr(verbs[i].name));
		buf_add(&out, SPAN(",\"summary\":"));
		json_quote(&out, span_cstr(verbs[i].summary));
		buf_add(&out, SPAN(",\"usage\":"));
		json_quote(&out, span_cstr(verbs[i].usage));
		buf_addc(&out, '}');
	}
	buf_add(&out, SPAN("]\n"));
	fwrite(out.data + out.from, 1, buf_len(&out), stdout);
	bool ok = buf_ok(&out);
	buf_free(&out);
	return ok ? END_DONE : END_FAILED;
}

enum end verb_help(struct command *c)
{
	struct args a;
	enum end end;
	if (!command_args(c, &a, NULL, 0, &end))
		return end;
	if (a.word_count > 0)
		return help_for(c, a.words[0]);
	if (a.json)
		return help_json();
	puts("letterlock: a mail server\n\nusage: letterlock VERB ...\n");
	for (size_t i = 0; i < verb_count; i++)
		printf("  %-9s %s\n", verbs[i].name, verbs[i].summary);
	puts("\n`letterlock help VERB` and letterlock-VERB(1) tell more.\n"
	     "Exit codes: 0 done, 1 found or failed, 2 usage, 3 not running, "
	     "4 refused.");
	return END_DONE;
}
