/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the command line: a table of names, kinds and fields.  A number that
 * is not one, or out of its range, is refused; nothing is guessed.
 */
#include "options.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { FLAG, TEXT, INT, LONG, UNSIGNED, SECONDS, TLS, WEIGHTS };

#define ROW(name, kind, field)                                                 \
	{                                                                      \
		name, kind, offsetof(struct options, field)                    \
	}

static const struct row {
	const char *name;
	enum kind kind;
	size_t at;
} rows[] = {
	ROW("host", TEXT, host),
	ROW("source", TEXT, source),
	ROW("port", INT, port),
	ROW("imap", INT, imap),
	ROW("tls", TLS, tls),
	ROW("imap-tls", TLS, imap_tls),
	ROW("sink-tls", TLS, sink_tls),
	ROW("user", TEXT, user),
	ROW("to", TEXT, to),
	ROW("pass", TEXT, pass),
	ROW("from", TEXT, from),
	ROW("users", INT, users),
	ROW("cgroup", TEXT, cgroup),
	ROW("root-pid", LONG, root_pid),
	ROW("disk", TEXT, disk),
	ROW("sessions", INT, sessions),
	ROW("inflight", INT, inflight),
	ROW("messages", LONG, messages),
	ROW("size", LONG, size),
	ROW("seconds", SECONDS, seconds),
	ROW("timeout", SECONDS, timeout),
	ROW("seed", UNSIGNED, seed),
	ROW("label", TEXT, label),
	ROW("json", TEXT, json),
	ROW("quiet", FLAG, quiet),
	ROW("rcpts", INT, recipients),
	ROW("per-conn", INT, per_connection),
	ROW("sink", INT, sink),
	ROW("repeat", INT, repeat),
	ROW("settle", INT, settle),
	ROW("hold", INT, hold),
	ROW("group", INT, group),
	ROW("workers", INT, workers),
	ROW("as", INT, as),
	ROW("warm", FLAG, warm),
	ROW("auth", FLAG, auth),
	ROW("lmtp", FLAG, lmtp),
	ROW("no-pipelining", FLAG, no_pipelining),
	ROW("resume", FLAG, resume),
	ROW("dele", FLAG, dele),
	ROW("verify", FLAG, verify),
	ROW("vary", FLAG, vary),
	ROW("no-idle", FLAG, no_idle),
	ROW("drain-maildir", TEXT, drain_maildir),
	ROW("box", TEXT, box),
	ROW("cmd", TEXT, cmd),
	ROW("proto", TEXT, proto),
	ROW("dir", TEXT, dir),
	ROW("mode", TEXT, mode),
	ROW("init", LONG, init),
	ROW("ops", LONG, ops),
	ROW("expect", LONG, expect),
	ROW("weights", WEIGHTS, weights),
};

static const char *const tls_names[] = {"none", "starttls", "implicit"};

static const struct options defaults = {
	.host = "127.0.0.1",
	.user = "u%d@example.test",
	.to = "u%d@example.test",
	.pass = "secret",
	.from = "sender@example.test",
	.users = 1,
	.sessions = 1,
	.inflight = 50,
	.messages = 100,
	.size = 2048,
	.timeout = 120,
	.seed = 1,
	.label = "",
	.recipients = 1,
	.repeat = 5,
	.settle = 2,
	.group = 1,
	.workers = 1,
	.as = 1,
	.box = "INBOX",
	.proto = "smtp",
	.dir = ".",
	.mode = "append",
	.ops = 1000,
	.expect = -1,
	.weights = {25, 25, 15, 8, 6, 5, 3, 1, 8, 4},
};

static const char usage_text[] =
	"usage: mailbench COMMAND [options]\n"
	"commands: smtp (LMTP with --lmtp), sink, imap, idle, push, handshake, "
	"pop3,\n"
	"          fill, imapcmd, count, countdir, fsync, pss\n"
	"common:   --host A --source A --port P --tls none|starttls|implicit --user PAT "
	"--pass W\n"
	"          --users U --sessions N --label L --json FILE (appended; "
	"else stdout)\n"
	"          --cgroup DIR[,DIR] or --root-pid PID (the server: its CPU "
	"and memory)\n"
	"          --disk DEV (its counters) --timeout S --seconds S --seed N "
	"--quiet\n"
	"          --inflight N (connections being opened at a time)\n"
	"smtp:     --messages TOTAL --size B --rcpts R --per-conn K --auth "
	"--lmtp\n"
	"          --to PAT --from A --no-pipelining; then wait for delivery "
	"with one\n"
	"          of --drain-maildir DIR, --imap PORT [--imap-tls T], --sink "
	"PORT\n"
	"          [--sink-tls starttls]; --warm: counted from when all sessions "
	"are open\n"
	"imap:     --init N --ops K (a session) --size B --box NAME --weights "
	"a,b,...\n"
	"idle:     --sessions K --messages 1 (0: no notification) --settle S "
	"--no-idle\n"
	"          --hold S (seconds that they stay after all that)\n"
	"push:     --sessions K --messages TOTAL --imap PORT --imap-tls T: "
	"deliveries by\n"
	"          SMTP, one at a time, and when the idle session heard of "
	"each\n"
	"handshake: --messages TOTAL --proto smtp|imap|pop3 --resume\n"
	"pop3:     --repeat R --dele --expect N\n"
	"fill:     --messages N (a user) --box NAME --vary\n"
	"imapcmd:  --cmd 'FETCH 1:* (FLAGS)' --repeat R --verify --expect N "
	"--as USERNO\n"
	"count:    --box NAME --verify --expect N; countdir: --dir D --verify "
	"--expect N\n"
	"fsync:    --dir D --size B --group G --workers W --mode "
	"append|prealloc|maildir\n"
	"A PAT has %d, which becomes the user's number, from 1.\n";

void options_usage(void)
{
	fputs(usage_text, stderr);
}

const char *tls_name(enum tls tls)
{
	return tls_names[tls];
}

const char *numbered(const char *pattern, int number, char *out, size_t size)
{
	const char *at = strstr(pattern, "%d");
	if (at == NULL)
		(void)snprintf(out, size, "%s", pattern);
	else
		(void)snprintf(out, size, "%.*s%d%s", (int)(at - pattern),
			       pattern, number, at + 2);
	return out;
}

static bool read_long(const char *text, long least, long most, long *out)
{
	char *end;
	errno = 0;
	*out = strtol(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *out >= least &&
	       *out <= most;
}

static bool read_weights(const char *text, int *weights)
{
	for (int i = 0; i < MIX_COUNT; i++) {
		char *end = NULL;
		long value = text == NULL ? 0 : strtol(text, &end, 10);
		if (value < 0 || value > 1000000 || end == text)
			return false;
		weights[i] = (int)value;
		text = end != NULL && *end == ',' ? end + 1 : NULL;
	}
	return true;
}

static bool read_tls(const char *text, enum tls *out)
{
	for (unsigned i = 0; i < sizeof tls_names / sizeof *tls_names; i++)
		if (strcmp(text, tls_names[i]) == 0) {
			*out = (enum tls)i;
			return true;
		}
	return false;
}

static bool set(struct options *o, const struct row *row, const char *text)
{
	void *field = (char *)o + row->at;
	long value = 0;
	char *end;
	switch (row->kind) {
	case FLAG:
		*(bool *)field = true;
		return true;
	case TEXT:
		*(const char **)field = text;
		return true;
	case INT:
		if (!read_long(text, 0, INT_MAX, &value))
			return false;
		*(int *)field = (int)value;
		return true;
	case LONG:
		return read_long(text, -1, LONG_MAX, field);
	case UNSIGNED:
		if (!read_long(text, 0, UINT_MAX, &value))
			return false;
		*(unsigned *)field = (unsigned)value;
		return true;
	case SECONDS:
		*(double *)field = strtod(text, &end);
		return end != text && *end == '\0' && *(double *)field >= 0;
	case TLS:
		return read_tls(text, field);
	case WEIGHTS:
		return read_weights(text, field);
	}
	return false;
}

static const struct row *find(const char *word)
{
	if (strncmp(word, "--", 2) != 0)
		return NULL;
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strcmp(word + 2, rows[i].name) == 0)
			return &rows[i];
	return NULL;
}

bool options_read(struct options *o, const char *command, int argc, char **argv)
{
	*o = defaults;
	if (strcmp(command, "fsync") == 0)
		o->size = 4096;
	if (strcmp(command, "idle") == 0)
		o->messages = 1;
	for (int i = 0; i < argc; i++) {
		const struct row *row = find(argv[i]);
		if (row == NULL) {
			fprintf(stderr, "mailbench: what is %s?\n", argv[i]);
			return false;
		}
		const char *text = row->kind == FLAG ? ""
				   : i + 1 < argc    ? argv[++i]
						     : NULL;
		if (text == NULL || !set(o, row, text)) {
			fprintf(stderr,
				"mailbench: --%s needs a value that fits\n",
				row->name);
			return false;
		}
	}
	if (o->users < 1 || o->sessions < 1 || o->recipients < 1 ||
	    o->inflight < 1 || o->size < 1 || o->group < 1 || o->workers < 1 ||
	    o->as < 1) {
		fprintf(stderr, "mailbench: a count is 0\n");
		return false;
	}
	return true;
}
