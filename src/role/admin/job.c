/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/admin/job: arguments in, rows of JSON out, one sentence at the end.
 */
#include "role/admin/admin.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"

/* ---- arguments ------------------------------------------------------------ */

static const struct cmd_admin_argument *find(const struct job *j,
					     const char *name)
{
	for (size_t i = 0; i < j->ask->arguments_count; i++)
		if (span_eq(j->ask->arguments[i].name, span_cstr(name)))
			return &j->ask->arguments[i];
	return NULL;
}

struct span job_argument(const struct job *j, const char *name)
{
	const struct cmd_admin_argument *a = find(j, name);
	return a ? a->value : span_of(NULL, 0);
}

bool job_has(const struct job *j, const char *name)
{
	return find(j, name) != NULL;
}

bool job_number(struct job *j, const char *name, uint64_t max, uint64_t *out)
{
	struct span text = job_argument(j, name);
	if (span_u64(text, max, out))
		return true;
	job_end(j, CMD_ADMIN_STATUS_USAGE, "%s has to be a number up to %llu",
		name, (unsigned long long)max);
	return false;
}

bool job_age(struct job *j, const char *name, uint64_t *out)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	struct span s = job_argument(j, name);
	uint64_t factor = 1, number;
	if (!job_has(j, name))
		return true;
	for (size_t i = 0; s.len > 1 && i < ARRAY_LEN(units); i++)
		if (s.ptr[s.len - 1] == units[i].unit) {
			factor = units[i].seconds;
			s = span_sub(s, 0, s.len - 1);
			break;
		}
	if (!span_u64(s, 1000000000, &number)) {
		job_end(j, CMD_ADMIN_STATUS_USAGE,
			"--%s takes an age such as 30m, 4h or 2d", name);
		return false;
	}
	*out = number * factor;
	return true;
}

size_t job_list(const struct job *j, const char *name, struct span *out,
		size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < j->ask->arguments_count && n < max; i++)
		if (span_eq(j->ask->arguments[i].name, span_cstr(name)))
			out[n++] = j->ask->arguments[i].value;
	return n;
}

/* ---- rows ----------------------------------------------------------------- */

/* What would end a JSON string, or is no character, is escaped. */
static void quoted(struct buf *out, struct span s)
{
	buf_addc(out, '"');
	while (s.len > 0) {
		uint32_t c = UTF8_REPLACEMENT;
		size_t n = utf8_decode(s, &c);
		if (n == 0) {
			buf_add(out, SPAN("\\ufffd"));
			n = 1;
		} else if (c == '"' || c == '\\') {
			buf_addc(out, '\\');
			buf_addc(out, (char)c);
		} else if (c < 0x20 || c == 0x7f) {
			buf_printf(out, "\\u%04x", c);
		} else {
			buf_add(out, span_sub(s, 0, n));
		}
		s = span_skip(s, n);
	}
	buf_addc(out, '"');
}

struct buf *row_begin(struct job *j)
{
	buf_clear(&j->row);
	buf_addc(&j->row, '{');
	return &j->row;
}

/* A comma, unless the last byte opened something. */
static void apart(struct buf *row)
{
	struct span s = buf_span(row);
	char last = s.len > 0 ? s.ptr[s.len - 1] : '{';
	if (last != '{' && last != '[')
		buf_addc(row, ',');
}

static void key_of(struct buf *row, const char *key)
{
	apart(row);
	quoted(row, span_cstr(key));
	buf_addc(row, ':');
}

void row_text(struct buf *row, const char *key, struct span value)
{
	key_of(row, key);
	quoted(row, value);
}

void row_u64(struct buf *row, const char *key, uint64_t value)
{
	key_of(row, key);
	buf_add_u64(row, value);
}

void row_i64(struct buf *row, const char *key, int64_t value)
{
	key_of(row, key);
	buf_printf(row, "%lld", (long long)value);
}

void row_bool(struct buf *row, const char *key, bool value)
{
	key_of(row, key);
	buf_add(row, value ? SPAN("true") : SPAN("false"));
}

void row_list_begin(struct buf *row, const char *key)
{
	key_of(row, key);
	buf_addc(row, '[');
}

void row_list_item(struct buf *row, struct span value)
{
	apart(row);
	quoted(row, value);
}

void row_list_end(struct buf *row) { buf_addc(row, ']'); }

void row_map_begin(struct buf *row, const char *key)
{
	key_of(row, key);
	buf_addc(row, '{');
}

void row_map_item(struct buf *row, struct span key, struct span value)
{
	apart(row);
	quoted(row, key);
	buf_addc(row, ':');
	quoted(row, value);
}

void row_map_end(struct buf *row) { buf_addc(row, '}'); }

void row_send_json(struct job *j, struct span json)
{
	j->rows++;
	if (j->client->channel == NULL)
		return;
	enum ipc_result r = cmd_admin_row(j->client->channel,
					  &(struct cmd_admin_row){.json = json});
	if (r == IPC_TOO_BIG)
		job_end(j, CMD_ADMIN_STATUS_FOUND, "a row was too large to send");
}

void row_send(struct job *j)
{
	buf_addc(&j->row, '}');
	if (buf_ok(&j->row))
		row_send_json(j, buf_span(&j->row));
	else
		job_end(j, CMD_ADMIN_STATUS_FOUND, "a row was too large to send");
}

void job_progress(struct job *j, uint64_t done, uint64_t of, const char *what)
{
	if (j->client->channel != NULL)
		(void)cmd_admin_progress(
			j->client->channel,
			&(struct cmd_admin_progress){
				.done = done, .of = of, .what = span_cstr(what)});
}

/* ---- the end -------------------------------------------------------------- */

void job_end(struct job *j, enum cmd_admin_status status, const char *why, ...)
{
	char text[ADMIN_WHY_MAX];
	va_list args;
	va_start(args, why);
	vsnprintf(text, sizeof text, why, args);
	va_end(args);
	j->status = status;
	buf_clear(&j->why);
	utf8_repair(&j->why, utf8_fit(span_cstr(text), ADMIN_WHY_MAX / 3));
}

void job_no_answer(struct job *j, enum ipc_result r, const char *who)
{
	switch (r) {
	case IPC_TOO_BIG:
		job_end(j, CMD_ADMIN_STATUS_USAGE,
			"an argument is too long, or is not UTF-8");
		break;
	case IPC_LATE:
		job_end(j, CMD_ADMIN_STATUS_UNAVAILABLE,
			"%s gave no answer in time: see `letterlock status`, "
			"then try again",
			who);
		break;
	default:
		job_end(j, CMD_ADMIN_STATUS_UNAVAILABLE,
			"%s is not there at the moment (%s): try again in a few "
			"seconds, or see `letterlock status`",
			who, ipc_result_name(r));
	}
}

uint64_t job_deadline(const struct job *j)
{
	return world_now(j->admin->role->world) + ADMIN_STEP_NS;
}

struct admin_store *job_store(struct job *j)
{
	if (j->admin->store == NULL)
		job_no_answer(j, IPC_DEAD, "the store");
	return j->admin->store;
}

struct admin_auth *job_auth(struct job *j)
{
	if (j->admin->auth == NULL)
		job_no_answer(j, IPC_DEAD, "the auth role");
	return j->admin->auth;
}

static void stored_otherwise(struct job *j, enum admin_store_answer a,
			     struct span why, const char *what)
{
	static const struct {
		enum cmd_admin_status status;
		const char *why;
	} ends[] = {
		[ADMIN_STORE_ANSWER_EXISTS] = {CMD_ADMIN_STATUS_FOUND,
					       "exists already"},
		[ADMIN_STORE_ANSWER_UNKNOWN] = {CMD_ADMIN_STATUS_FOUND,
						"does not exist"},
		[ADMIN_STORE_ANSWER_INVALID] = {CMD_ADMIN_STATUS_USAGE,
						"is not valid"},
		[ADMIN_STORE_ANSWER_REFUSED] = {CMD_ADMIN_STATUS_REFUSED,
						"was refused"},
		[ADMIN_STORE_ANSWER_LATER] = {CMD_ADMIN_STATUS_UNAVAILABLE,
					      "cannot be changed at the moment: "
					      "try again"},
	};
	if ((size_t)a >= ARRAY_LEN(ends) || ends[a].why == NULL)
		job_no_answer(j, IPC_DEAD, "the store");
	else if (why.len > 0)
		job_end(j, ends[a].status, "%s %s: %.*s", what, ends[a].why,
			SPAN_FMT(why));
	else
		job_end(j, ends[a].status, "%s %s", what, ends[a].why);
}

bool job_stored(struct job *j, enum ipc_result r, enum admin_store_answer a,
		struct span why, const char *what)
{
	if (r != IPC_OK)
		job_no_answer(j, r, "the store");
	else if (a != ADMIN_STORE_ANSWER_DONE)
		stored_otherwise(j, a, why, what);
	return r == IPC_OK && a == ADMIN_STORE_ANSWER_DONE;
}
