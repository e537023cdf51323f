/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands; what every run needs is made and freed here. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench.h"
#include "cost.h"
#include "fiber.h"
#include "message.h"

static const struct command {
	const char *name;
	int (*run)(struct bench *);
} commands[] = {
	{"smtp", cmd_smtp},	    {"sink", cmd_sink},
	{"imap", cmd_imap},	    {"idle", cmd_idle},
	{"push", cmd_push},	    {"handshake", cmd_handshake},
	{"pop3", cmd_pop3},	    {"fill", cmd_fill},
	{"imapcmd", cmd_imapcmd},   {"count", cmd_count},
	{"countdir", cmd_countdir}, {"fsync", cmd_fsync},
	{"pss", cmd_pss},
};

int cmd_pss(struct bench *b)
{
	struct memory m = memory_now(b);
	json_int(b, "processes", m.processes);
	json_number(b, "pss_kb", m.pss);
	json_number(b, "private_kb", m.private_);
	return report_done(b);
}

static const struct command *find(const char *name)
{
	for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static void many_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	const struct command *command = argc < 2 ? NULL : find(argv[1]);
	if (command == NULL) {
		options_usage();
		return 2;
	}
	struct bench *b = zeroed(1, sizeof *b);
	if (!options_read(&b->o, command->name, argc - 2, argv + 2)) {
		free(b);
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	many_descriptors();
	b->loop = loop_make();
	b->corpus = corpus_make(b->o.seed);
	b->tls = SSL_CTX_new(TLS_client_method());
	if (b->tls == NULL)
		die("out of memory");
	json_text(b, "label", b->o.label);
	json_text(b, "command", command->name);
	int code = command->run(b);
	SSL_SESSION_free(b->ticket);
	SSL_CTX_free(b->tls);
	corpus_free(b->corpus);
	loop_free(b->loop);
	free(b);
	return code;
}
