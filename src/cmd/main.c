/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/main: letterlock VERB ... */
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/sendmail.h"
#include "os/sanitize.h"

static enum end run(struct command *c, int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "help";
	c->verb = sendmail_by_name(argv[0]);
	if (c->verb != NULL) {
		c->program = argv[0];
		c->argc = argc - 1;
		c->argv = argv + 1;
		return c->verb->run(c);
	}
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		word = "help";
	if (strcmp(word, "--version") == 0)
		word = "version";
	c->verb = verb_find(span_cstr(word));
	if (c->verb == NULL) {
		const char *near = verb_near(span_cstr(word));
		complain(c, "there is no verb \"%s\"%s%s%s", word,
			 near ? "; did you mean \"" : "", near ? near : "",
			 near ? "\"?" : "; `letterlock help` lists them");
		return END_USAGE;
	}
	c->argc = argc > 2 ? argc - 2 : 0;
	c->argv = argv + 2;
	return c->verb->run(c);
}

int main(int argc, char **argv)
{
	struct command c = {.world = world_linux(),
			    .arena = arena_new(COMMAND_MEMORY)};
	if (c.world == NULL || c.arena == NULL) {
		complain(&c, "memory is short");
		return END_FAILED;
	}
	enum end end = run(&c, argc, argv);
	arena_free(c.arena);
	sanitize_leaks(&c);
	return fflush(stdout) == 0 ? (int)end : END_FAILED;
}
