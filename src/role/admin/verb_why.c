/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/admin/verb_why: what happened to one message, from the logger's trail.
 *
 * Its own events first; then those of the session that brought it, which its
 * arrival names.  In order of time, each in the part of the way that its role
 * stands for.
 */
#include <stdlib.h>

#include "base/civil.h"
#include "base/hex.h"
#include "role/admin/admin.h"
#include "wire/role_logger.h"

#define EVENTS_MAX 1000u /* told; older ones are left out */

struct event {
	const struct admin_logger_event *stamp;
	struct role_logger_line line;
	bool session; /* of the session, not of the message */
	size_t order; /* as it was told: newest first */
};

struct story {
	struct job *job;
	struct event *events;
	size_t count;
	bool more;
};

/* ---- gathering ------------------------------------------------------------ */

static bool ask(struct story *s, uint64_t id, uint64_t from,
		struct admin_logger_events_reply *rep)
{
	struct job *j = s->job;
	struct admin_logger *logger = j->admin->logger;
	struct admin_logger_events m = {.id = id, .from = from};
	enum ipc_result r = IPC_DEAD;
	*rep = (struct admin_logger_events_reply){0};
	if (logger != NULL)
		r = admin_logger_events(logger, &m, j->arena, rep,
					job_deadline(j));
	if (r != IPC_OK)
		job_no_answer(j, r, "the logger");
	else if (rep->state == ADMIN_LOGGER_STATE_OFF)
		job_end(j, CMD_ADMIN_STATUS_REFUSED,
			"no trail of messages is kept (log { trail 0; })");
	else if (rep->state == ADMIN_LOGGER_STATE_READING)
		job_end(j, CMD_ADMIN_STATUS_UNAVAILABLE,
			"the logger has just started and reads its trail: try "
			"again in a moment");
	return r == IPC_OK && rep->state == ADMIN_LOGGER_STATE_READY;
}

static void take(struct story *s, const struct admin_logger_event *e,
		 bool session)
{
	struct event *x = &s->events[s->count];
	*x = (struct event){
		.stamp = e, .session = session, .order = s->count};
	if (role_logger_line_decode(e->line, s->job->arena, &x->line))
		s->count++;
}

/* False: the job has been ended. */
static bool gather(struct story *s, uint64_t id, bool session)
{
	struct admin_logger_events_reply rep;
	uint64_t from = 0;
	do {
		if (!ask(s, id, from, &rep))
			return false;
		for (size_t i = 0; i < rep.events_count; i++) {
			if (s->count == EVENTS_MAX) {
				s->more = true;
				return true;
			}
			take(s, &rep.events[i], session);
		}
		/* Each answer leads further back in time. */
		if (rep.next != 0 && from != 0 && rep.next >= from)
			break;
		from = rep.next;
	} while (from != 0);
	return true;
}

/* The id in the first field of this name; 0: there is none. */
static uint64_t id_in(const struct story *s, struct span key)
{
	uint64_t id;
	for (size_t i = 0; i < s->count; i++)
		for (size_t k = 0; k < s->events[i].line.fields_count; k++) {
			const struct role_logger_field *f =
				&s->events[i].line.fields[k];
			if (span_eq(f->key, key) && hex_u64(f->value, &id))
				return id;
		}
	return 0;
}

/* A job of the queue, "22e8...c1c4" or "22e8...c1c4.0", is told by the first half
 * of its id; its message is named there. */
static bool of_job(struct span text, uint64_t *id)
{
	uint64_t rest;
	struct span job;
	(void)span_cut(&text, '.', &job);
	return job.len == 32 && hex_u64(span_sub(job, 0, 16), id) &&
	       hex_u64(span_skip(job, 16), &rest);
}

/* False: the job has been ended. */
static bool read_id(struct story *s, struct span text, uint64_t *id)
{
	if (hex_u64(text, id) && *id != 0)
		return true;
	if (!of_job(text, id)) {
		job_end(s->job, CMD_ADMIN_STATUS_USAGE,
			"the id of a message is 16 digits and letters a to f, "
			"as in the log and in the answer to DATA; or give the "
			"one that the queue shows");
		return false;
	}
	if (!gather(s, *id, false))
		return false;
	uint64_t message = id_in(s, SPAN("message"));
	s->count = 0;
	*id = message != 0 ? message : *id;
	return true;
}

/* ---- telling -------------------------------------------------------------- */

static const char *part_of(const struct event *e)
{
	static const struct {
		struct span start;
		const char *part;
	} parts[] = {
		{SPAN_INIT("edge"), "arrived"},	  {SPAN_INIT("auth"), "arrived"},
		{SPAN_INIT("sorter"), "checks"},  {SPAN_INIT("store"), "kept"},
		{SPAN_INIT("courier"), "delivery"}, {SPAN_INIT("dialer"), "delivery"},
		{SPAN_INIT("fetch"), "delivery"}, {SPAN_INIT("vault"), "delivery"},
	};
	if (span_eq(e->line.event, SPAN("message.opaque")))
		return "checks";
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (span_starts(e->stamp->role, parts[i].start))
			return parts[i].part;
	return "other";
}

static void tell(struct job *j, const struct event *e)
{
	static const char *const levels[] = {"debug", "info", "notice",
					     "warning", "error"};
	struct buf time, *row = row_begin(j);
	buf_init(&time, 64);
	civil_add_iso(&time, e->stamp->seconds * 1000 +
				     e->stamp->nanoseconds / 1000000);
	row_text(row, "part", span_cstr(part_of(e)));
	row_text(row, "time", buf_span(&time));
	row_text(row, "role", e->stamp->role);
	row_text(row, "event", e->line.event);
	row_text(row, "level",
		 span_cstr((size_t)e->line.level < ARRAY_LEN(levels)
				   ? levels[e->line.level]
				   : "error"));
	row_bool(row, "session", e->session);
	row_map_begin(row, "fields");
	for (size_t i = 0; i < e->line.fields_count; i++)
		row_map_item(row, e->line.fields[i].key, e->line.fields[i].value);
	row_map_end(row);
	row_send(j);
	buf_free(&time);
}

static int in_time(const void *a, const void *b)
{
	const struct event *p = a, *q = b;
	const struct admin_logger_event *x = p->stamp, *y = q->stamp;
	if (x->seconds != y->seconds)
		return x->seconds < y->seconds ? -1 : 1;
	if (x->nanoseconds != y->nanoseconds)
		return x->nanoseconds < y->nanoseconds ? -1 : 1;
	return p->order > q->order ? -1 : 1;
}

void verb_why(struct job *j)
{
	struct story s = {.job = j};
	uint64_t id, session;
	s.events = ARENA_ARRAY(j->arena, EVENTS_MAX, struct event);
	if (s.events == NULL) {
		job_end(j, CMD_ADMIN_STATUS_UNAVAILABLE, "memory is short");
		return;
	}
	if (!read_id(&s, job_argument(j, "id"), &id) || !gather(&s, id, false))
		return;
	session = id_in(&s, SPAN("session"));
	if (session != 0 && session != id && !gather(&s, session, true))
		return;
	if (s.count == 0) {
		job_end(j, CMD_ADMIN_STATUS_FOUND,
			"nothing is known of %016llx: no message had this id, or "
			"it is longer ago than the trail reaches (log { trail })",
			(unsigned long long)id);
		return;
	}
	qsort(s.events, s.count, sizeof *s.events, in_time);
	for (size_t i = 0; i < s.count; i++)
		tell(j, &s.events[i]);
	if (s.more)
		job_end(j, CMD_ADMIN_STATUS_DONE,
			"only the last %u events are told", EVENTS_MAX);
}
