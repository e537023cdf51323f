/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/supervisor/main: arguments and the order of a start.
 *
 * Programs are opened, the configuration is read by the throw-away child,
 * ports are bound, then the supervisor gives up what it does not need and
 * raises the roles in the order of enum kind.
 *
 *   letterlock-supervisor --config FILE
 *       [--endpoints FILE --part FILE] [--populate FILE] [--probe]
 *       [--allow-weak-kernel]
 *
 * Started by `letterlock start` and `letterlock demo`, which exec it.
 */
#include "role/supervisor/supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/notify.h"
#include "os/sanitize.h"

#define WHY_MAX 65536u

static int usage(void)
{
	fputs("letterlock-supervisor is started by `letterlock start` or "
	      "`letterlock demo`\n",
	      stderr);
	return 2;
}

static bool arguments(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char **value = NULL;
		if (strcmp(argv[i], "--config") == 0)
			value = &o->config;
		else if (strcmp(argv[i], "--endpoints") == 0)
			value = &o->endpoints;
		else if (strcmp(argv[i], "--part") == 0)
			value = &o->part;
		else if (strcmp(argv[i], "--populate") == 0)
			value = &o->populate;
		if (value != NULL && i + 1 < argc)
			*value = argv[++i];
		else if (value == NULL && strcmp(argv[i], "--probe") == 0)
			o->probe = true;
		else if (value == NULL && strcmp(argv[i], "--allow-weak-kernel") == 0)
			o->weak = true;
		else
			return false;
	}
	return o->config != NULL && (o->endpoints == NULL) == (o->part == NULL);
}

/* Programs stand beside this one, or where the build installs them. */
static bool open_programs(struct super *s, const char *self, struct buf *why)
{
	char path[PATH_LEN_MAX];
	const char *slash = strrchr(self, '/');
	int dir = slash ? (int)(slash - self) : 1;
	for (unsigned k = 0; k < KIND_COUNT + 2; k++) {
		const char *name = k == PROGRAM_CONF ? "letterlock-conf"
				   : k == PROGRAM_POPULATE
					   ? "letterlock-populate"
					   : kind_program((enum kind)k);
		snprintf(path, sizeof path, "%.*s/%s", dir, slash ? self : ".",
			 name);
		enum os r = spawn_program_open(path, &s->programs[k]);
		if (r != OS_OK) {
			buf_printf(why, "%s: %s: the installation is not "
					"complete",
				   path, os_text(r));
			return false;
		}
	}
	return true;
}

static uint64_t pool_size(const struct conf *c, enum kind k)
{
	uint64_t n = 1;
	if (k == KIND_EDGE_MX)
		n = c->processes.mx;
	else if (k == KIND_EDGE_ACCESS)
		n = c->processes.isolate == CONF_ISOLATE_USER
			    ? 1 /* the porter */
			    : c->processes.access;
	else if (k == KIND_EDGE_ADMIN)
		n = c->processes.admin;
	else if (k == KIND_SORTER_MX || k == KIND_SORTER_ACCESS)
		n = c->processes.sorter;
	if (n == 0) { /* as the machine is */
		n = os_processors() / 2;
		n = n > POOL_AUTO_MAX ? POOL_AUTO_MAX : n + (n == 0);
	}
	return n < POOL_MAX ? n : POOL_MAX;
}

/* In the order of kinds: the logger is the first. */
static void list_processes(struct super *s)
{
	for (unsigned k = 0; k < KIND_COUNT; k++) {
		uint64_t n = pool_size(s->settings.conf, (enum kind)k);
		for (unsigned i = 0; i < n && s->process_count < PROCESSES_MAX;
		     i++)
			s->processes[s->process_count++] = (struct process){
				.super = s,
				.kind = (enum kind)k,
				.state = DOWN,
				.index = i,
				.guest_fd = -1};
	}
}

/*
 * What is left to a supervisor that serves.  The filter is inherited by the
 * roles, so it allows what any role needs before it confines itself further;
 * Landlock would be inherited too and is left to them: reloads open files
 * wherever the administrator keeps certificates and includes.
 */
static bool confine_self(struct super *s, struct buf *why)
{
	struct rights rights = {
		.sys = RIGHTS_ALL,
		.keep_caps = s->root ? CAP_KEEP_SETUID | CAP_KEEP_SETGID |
					       CAP_KEEP_KILL | CAP_KEEP_BIND
				     : 0,
		.programs = s->programs,
		.program_count = ARRAY_LEN(s->programs),
		.id_first = ROLE_UID_FIRST,
		.id_last = ROLE_UID_FIRST + KIND_COUNT + 2,
	};
	enum confined c = confine(&rights);
	if (confined_enough(c, s->options.weak))
		return true;
	buf_printf(why, "confinement failed: %s", confined_text(c));
	return false;
}

/* Before anything else: each child would say less of the reason. */
static bool kernel_will_do(struct super *s, struct buf *why)
{
	s->lacks = confine_kernel_lacks();
	if (s->lacks == 0)
		return true;
	if (s->options.weak) {
		fprintf(stderr, "letterlock: warning: this kernel has no %s: roles "
				"are confined by the rest alone\n",
			confine_lacks_text(s->lacks));
		return true;
	}
	buf_printf(why, "this kernel has no %s, so roles cannot be confined: switch "
			"it on, or accept that with --allow-weak-kernel",
		   confine_lacks_text(s->lacks));
	return false;
}

static bool bring_up(struct super *s, struct buf *why)
{
	if (!kernel_will_do(s, why) || !settings_read(s, &s->settings, why))
		return false;
	if (why->to > why->from) { /* warnings */
		fprintf(stderr, "%.*s", (int)buf_len(why), why->data + why->from);
		buf_clear(why);
	}
	if (!ports_open(s, s->settings.conf, why) || !confine_self(s, why))
		return false;
	list_processes(s);
	process_raise(&s->processes[KIND_LOGGER]); /* it raises the rest */
	return true;
}

static void start_fiber(void *arg)
{
	struct super *s = arg;
	struct buf why;
	buf_init(&why, WHY_MAX);
	if (!bring_up(s, &why)) {
		struct span text = buf_span(&why);
		if (text.len > 0 && text.ptr[text.len - 1] == '\n')
			fprintf(stderr, "%.*sletterlock: cannot start: the "
					"configuration has mistakes\n",
				(int)text.len, text.ptr);
		else
			fprintf(stderr, "letterlock: cannot start: %.*s\n",
				(int)text.len, text.ptr);
		control_stop(s, 1000, 1);
	}
	buf_free(&why);
	s->fiber = NULL;
}

int main(int argc, char **argv)
{
	struct super *s = calloc(1, sizeof *s);
	struct buf why;
	if (s == NULL || !arguments(&s->options, argc, argv))
		return usage();
	s->world = world_linux();
	s->loop = s->world ? loop_new(s->world) : NULL;
	s->log = log_new("supervisor");
	if (s->loop == NULL || s->log == NULL || !control_start(s))
		return 1;
	s->started = world_now(s->world);
	s->data_dir = s->run_lock = s->book = -1;
	s->parser_ns = PARSER_NS;
	s->root = os_uid() == 0;
	if (notify_open(&s->notify) != OS_OK)
		s->notify = -1; /* nobody to tell: the usual case */
	buf_init(&why, WHY_MAX);
	if (!open_programs(s, argv[0], &why)) {
		fprintf(stderr, "letterlock: %.*s\n", (int)buf_len(&why),
			why.data);
		return 1;
	}
	buf_free(&why);
	s->fiber = fiber_start(s->loop, start_fiber, s);
	if (s->fiber == NULL)
		return 1;
	loop_run(s->loop);
	sanitize_leaks(s);
	return s->exit_code;
}
