/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/status: the processes of the running server, and what the kernel says of
 * their confinement.
 */
#include <stdio.h>

#include "cmd/ask.h"

static const struct column process_columns[] = {
	{"role", "ROLE", COLUMN_TEXT},
	{"index", "#", COLUMN_COUNT},
	{"pid", "PID", COLUMN_COUNT},
	{"state", "STATE", COLUMN_TEXT},
	{"uptime_s", "UP (s)", COLUMN_COUNT},
	{"restarts", "RESTARTS", COLUMN_COUNT},
};

static const struct column confined_columns[] = {
	{"role", "ROLE", COLUMN_TEXT},
	{"pid", "PID", COLUMN_COUNT},
	{"state", "CONFINEMENT", COLUMN_TEXT},
	{"uid", "UID", COLUMN_COUNT},
	{"no_new_privs", "NO NEW PRIVS", COLUMN_FLAG},
	{"seccomp", "SECCOMP", COLUMN_COUNT},
	{"cap_eff", "CAPABILITIES", COLUMN_COUNT},
	{"dumpable", "DUMPABLE", COLUMN_FLAG},
	{"landlock_abi", "LANDLOCK ABI", COLUMN_COUNT},
};

/* Role and pid beside the members of its detail's confinement. */
static const struct json *confinement_of(struct command *c,
					 const struct json *role)
{
	const struct json *from =
		json_member(json_member(role, "detail"), "confinement");
	struct json *out = ARENA_NEW(c->arena, struct json);
	struct json **to = out ? &out->first : NULL;
	static const char *const keep[] = {"role", "pid"};
	if (out == NULL)
		return NULL;
	out->kind = JSON_OBJECT;
	for (size_t i = 0; i < ARRAY_LEN(keep); i++) {
		const struct json *m = json_member(role, keep[i]);
		*to = ARENA_NEW(c->arena, struct json);
		if (*to == NULL || m == NULL)
			return NULL;
		**to = *m;
		to = &(*to)->next;
	}
	*to = from ? from->first : NULL;
	return out;
}

static bool gather(struct command *c, const struct json *all, bool confined,
		   const struct json ***rows, size_t *count)
{
	const struct json *list = json_member(all, "roles");
	size_t n = 0;
	if (list == NULL || list->kind != JSON_LIST)
		return false;
	for (const struct json *r = list->first; r != NULL; r = r->next)
		n++;
	*rows = ARENA_ARRAY(c->arena, n + 1, const struct json *);
	if (*rows == NULL)
		return false;
	for (const struct json *r = list->first; r != NULL; r = r->next) {
		const struct json *row = confined ? confinement_of(c, r) : r;
		if (row == NULL)
			return false;
		(*rows)[(*count)++] = row;
	}
	return true;
}

static void supervisor_line(struct buf *out, const struct json *all)
{
	const struct json *s = json_member(all, "supervisor");
	const struct json *apart = json_member(s, "separate_uids");
	struct span pid = json_text(s, "pid");
	const struct json *weak = json_member(s, "weak_kernel_allowed");
	struct span lacks = json_text(s, "kernel_lacks");
	buf_add(out, SPAN("supervisor: pid "));
	table_plain(out, pid);
	buf_printf(out, ", %s\n",
		   apart != NULL && apart->truth
			   ? "each role has a user id of its own"
			   : "all roles share one user id (not started as root)");
	if (weak != NULL && weak->truth) {
		buf_printf(out, "started with --allow-weak-kernel: this kernel %s",
			   lacks.len > 0 ? "has no " : "lacks nothing");
		table_plain(out, lacks);
		buf_addc(out, '\n');
	}
	const struct json *isolated = json_member(all, "isolated");
	if (isolated != NULL) {
		buf_add(out, SPAN("isolate user: "));
		table_plain(out, json_text(isolated, "connections"));
		buf_add(out, SPAN(" of "));
		table_plain(out, json_text(isolated, "limit"));
		buf_add(out, SPAN(" connections, each in a process of its own "
				  "that is not listed; "));
		table_plain(out, json_text(isolated, "ready"));
		buf_add(out, SPAN(" processes ready for the next\n"));
	}
	buf_addc(out, '\n');
}

static bool show(struct command *c, struct span text, bool confined)
{
	const struct json *all = json_read(c->arena, text), **rows = NULL;
	size_t count = 0;
	struct buf out;
	if (all == NULL || !gather(c, all, confined, &rows, &count))
		return false;
	buf_init(&out, 1u << 20);
	supervisor_line(&out, all);
	bool ok = table_render(&out, c->arena,
			       confined ? confined_columns : process_columns,
			       confined ? ARRAY_LEN(confined_columns)
					: ARRAY_LEN(process_columns),
			       rows, count, self_is_terminal(1));
	fwrite(out.data + out.from, 1, buf_len(&out), stdout);
	buf_free(&out);
	return ok;
}

enum end verb_status(struct command *c)
{
	static const struct arg_option options[] = {{"--confinement", NULL}};
	static const struct showing as_json = {.shape = SHAPE_ONE};
	static const struct asking confinement = {"confinement",
						  SPAN_INIT("yes")};
	struct answer answer;
	struct args a;
	enum end end;
	if (!command_args(c, &a, options, ARRAY_LEN(options), &end))
		return end;
	if (a.word_count > 0)
		return usage_error(c, "status takes no words");
	bool confined = args_has(&a, "--confinement");
	if (!ask(c, &a, "status", &confinement, confined ? 1 : 0, &answer))
		return answer.end;
	if (a.json || answer.end != END_DONE || answer.row_count == 0)
		return answer_show(c, &a, &answer, &as_json);
	if (show(c, answer.rows[0], confined))
		return END_DONE;
	complain(c, "the answer could not be read");
	return END_FAILED;
}
