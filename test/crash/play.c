/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash_play FOLDER STORE SORTER PRELOAD < script
 *
 * One command a line (play_do.c), and
 *   par ... end        the commands between them at the same time
 *   quiet ... loud     no dump after each command: one after the last
 *   watch USER BOX     another session looks again and again, until `restart`
 *   restart            kill -9, and start again
 *   fsck               the store's own check
 *   dump               everything that can be read
 *   sleep MS
 * SORTER and PRELOAD may be "": no sorters, nothing before libc.  Each command
 * outside of par and quiet is a step, and is followed by a dump.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/parse.h"
#include "play.h"

#define LINE_MAX 16384u

static const char conf[] = "hostname mx.example.test;\n"
			   "data /nowhere;\n"
			   "dns { lookups off; }\n"
			   "log { level error; }\n"
			   "store { cache 1M; read-threads 1; reserve 0%; reserve-least 0; }\n"
			   "listener mx { role mx; address 127.0.0.1; port 2525; tls none; }\n";

struct one { /* of a par */
	struct play *p;
	char *line;
	unsigned number;
};

static size_t split(char *line, char **words)
{
	size_t n = 0;
	for (char *w = strtok_r(line, " \n", &line); w != NULL && n < PLAY_WORDS_MAX;
	     w = strtok_r(NULL, " \n", &line))
		words[n++] = w;
	return n;
}

static void run_one(void *arg)
{
	struct one *o = arg;
	char *words[PLAY_WORDS_MAX];
	size_t n = split(o->line, words);
	if (n > 0 && !play_do(o->p, words, n, o->number)) {
		printf("unknown %s\n", words[0]);
		o->p->failed = true;
	}
	o->p->running--;
	free(o->line);
	free(o);
}

static void start_one(struct play *p, const char *line, unsigned number)
{
	struct one *o = calloc(1, sizeof *o);
	if (o == NULL)
		abort();
	*o = (struct one){.p = p, .line = strdup(line), .number = number};
	p->running++;
	if (fiber_start(p->loop, run_one, o) == NULL)
		abort();
}

static void wait_for_all(struct play *p)
{
	while (p->running > 0)
		(void)!fiber_sleep_until(p->loop, loop_now(p->loop) + NS_PER_MS / 4);
}

static void stop_watching(struct play *p)
{
	p->stop_watching = true;
	while (p->watching)
		(void)!fiber_sleep_until(p->loop, loop_now(p->loop) + NS_PER_MS / 4);
}

static void pause_ms(struct play *p, uint64_t ms)
{
	uint64_t until = world_now(p->world) + ms * NS_PER_MS;
	struct edge_store_session_close m = {0}; /* something that wakes its loop */
	while (world_now(p->world) < until) {
		(void)edge_store_session_close(p->mx, &m);
		(void)!fiber_sleep_until(p->loop, loop_now(p->loop) + 5 * NS_PER_MS);
	}
}

static void restart(struct play *p)
{
	stop_watching(p);
	play_kill(p);
	if (!play_start(p)) {
		puts("unreadable store start 0");
		p->failed = true;
	}
}

/* A line that is no step.  False: it is one. */
static bool aside(struct play *p, char *line)
{
	char *words[PLAY_WORDS_MAX], *copy = strdup(line);
	size_t n = split(copy, words);
	bool yes = true;
	if (n == 0)
		yes = true;
	else if (strcmp(words[0], "watch") == 0 && n == 3)
		play_watch(p, words[1], words[2]);
	else if (strcmp(words[0], "fsck") == 0)
		(void)play_fsck(p);
	else if (strcmp(words[0], "sleep") == 0 && n == 2)
		pause_ms(p, strtoul(words[1], NULL, 10));
	else if (strcmp(words[0], "dump") == 0)
		stop_watching(p), play_dump(p);
	else
		yes = false;
	free(copy);
	return yes;
}

static void end_step(struct play *p)
{
	wait_for_all(p);
	play_dump(p);
	p->step++;
}

static void perform(void *arg)
{
	struct play *p = arg;
	char line[LINE_MAX];
	unsigned number = 0;
	bool par = false, quiet = false;

	if (getenv("CRASH_DIE") != NULL) { /* as the supervisor does */
		(void)play_start(p);
		play_kill(p);
	}
	if (!play_start(p)) {
		puts("unreadable store start 0");
		p->failed = true;
	}
	while (!p->failed && fgets(line, sizeof line, p->script) != NULL) {
		if (strncmp(line, "par", 3) == 0) {
			par = true;
		} else if (strncmp(line, "quiet", 5) == 0) {
			quiet = true;
		} else if (strncmp(line, "end", 3) == 0 || strncmp(line, "loud", 4) == 0) {
			par = quiet = false;
			end_step(p);
		} else if (strncmp(line, "restart", 7) == 0) {
			restart(p);
			if (!p->failed)
				end_step(p);
		} else if (!aside(p, line)) {
			start_one(p, line, number++);
			if (!par)
				wait_for_all(p);
			if (!par && !quiet)
				end_step(p);
		}
		fflush(stdout);
	}
	stop_watching(p);
	play_kill(p);
	loop_stop(p->loop);
}

int main(int argc, char **argv)
{
	struct play p = {.script = stdin};
	struct conf_report report;
	char preload[4096];

	if (argc != 5) {
		fputs("usage: crash_play FOLDER STORE SORTER PRELOAD < script\n", stderr);
		return 2;
	}
	p.folder = argv[1];
	p.store = argv[2];
	p.sorter = argv[3];
	(void)snprintf(preload, sizeof preload, "LD_PRELOAD=%s", argv[4]);
	p.preload = argv[4][0] != 0 ? preload : "";
	if (conf_parse(SPAN("crash.conf"), span_cstr(conf), NULL, &report, &p.conf) != CONF_OK) {
		fputs("crash_play: its configuration is wrong\n", stderr);
		return 2;
	}
	p.world = world_linux();
	p.loop = loop_new(p.world);
	if (p.loop == NULL || fiber_start(p.loop, perform, &p) == NULL)
		return 2;
	loop_run(p.loop);
	puts(p.failed ? "failed" : "done");
	return p.failed ? 1 : 0;
}
