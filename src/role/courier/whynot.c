/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/whynot: for an administrator, the way of a message that is not
 * there: the same look-ups, decision, connection, STARTTLS and login, and QUIT
 * in place of MAIL.
 *
 * Must never: say MAIL, or count what it saw for anybody's report.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "base/utf8.h"
#include "role/courier/visit.h"
#include "role/courier/whynot.h"

#define STEPS_MAX  64u
#define FIELDS_MAX 24u
#define BYTES_MAX  49152u /* of all steps: the answer has to fit a frame */
#define WHY_MAX	   1024u
#define STATUS_MAX 15u

struct asked {
	struct courier *courier;
	struct list link;
	struct fiber *fiber;
	struct ipc_call *call;
	const struct admin_courier_why_not *ask;
	struct arena *arena;
	struct admin_courier_step steps[STEPS_MAX];
	size_t count, bytes;
	struct story story;
};

static bool keep_field(struct asked *a, const struct log_field *f,
		       struct admin_courier_field *out)
{
	struct span value = f->is_number
				    ? arena_printf(a->arena, "%llu",
						   (unsigned long long)f->number)
				    : span_sub(f->value, 0, LOG_VALUE_MAX);
	out->key = span_cstr(f->key);
	a->bytes += value.len + out->key.len + 16;
	return arena_copy(a->arena, value, &out->value);
}

/* What does not fit is left out: the answer counts, and the log has it all. */
static void also(void *owner, const char *event, const struct log_field *fields,
		 size_t count)
{
	struct asked *a = owner;
	size_t bytes = 64;
	for (size_t i = 0; i < count; i++)
		bytes += size_min(fields[i].value.len, LOG_VALUE_MAX) + 64;
	if (a->count == STEPS_MAX || count > FIELDS_MAX ||
	    a->bytes + bytes > BYTES_MAX)
		return;
	struct admin_courier_field *list =
		ARENA_ARRAY(a->arena, count + 1, struct admin_courier_field);
	for (size_t i = 0; i < count; i++)
		if (list == NULL || !keep_field(a, &fields[i], &list[i]))
			return;
	a->steps[a->count++] = (struct admin_courier_step){
		.event = span_cstr(event), .fields = list, .fields_count = count};
}

/* True: a host would take mail.  Else *v is of the last one. */
static bool try_hosts(struct asked *a, const struct way *w, struct verdict *v)
{
	for (size_t i = 0; i < w->in.host_count; i++) {
		const struct policy_target *t = &w->decision.targets[i];
		struct visit visit = {.courier = a->courier,
				      .arena = a->arena,
				      .story = &a->story,
				      .way = w,
				      .host = i,
				      .uncounted = true};
		if (!t->allowed) {
			TELL(&a->story, "carry.passed-over", F("host", t->host),
			     F("text", t->why));
			continue;
		}
		struct line *l = visit_open(&visit);
		if (l != NULL) {
			line_end(l);
			return true;
		}
		*v = visit.verdict;
		if (visit.loop)
			break;
	}
	return false;
}

static void answer(struct asked *a, bool good, const struct verdict *v)
{
	struct span why = span_sub(v->text, 0, WHY_MAX);
	struct admin_courier_why_not_reply rep = {
		.answer = good	      ? ADMIN_COURIER_ANSWER_DELIVERABLE
			  : v->failed ? ADMIN_COURIER_ANSWER_NEVER
				      : ADMIN_COURIER_ANSWER_LATER,
		.steps = a->steps,
		.steps_count = a->count};
	if (!good) {
		rep.status = span_sub(span_cstr(v->status), 0, STATUS_MAX);
		rep.why = utf8_valid(why) ? why : SPAN("see the steps");
	}
	admin_courier_why_not_answer(a->call, &rep);
}

static void run(void *arg)
{
	struct asked *a = arg;
	struct courier *c = a->courier;
	struct verdict v = {.status = "4.3.0", .text = SPAN("memory is short")};
	struct way *w = ARENA_NEW(a->arena, struct way);
	struct way_ask ask = {.courier = c,
			      .arena = a->arena,
			      .story = &a->story,
			      .domain = a->ask->domain,
			      .requiretls = a->ask->requiretls};
	bool good = w != NULL && way_find(&ask, w, &v) && try_hosts(a, w, &v);
	answer(a, good, &v);
	list_remove(&a->link);
	c->asked--;
	arena_free(a->arena);
	free(a);
}

static void on_why_not(void *ctx, struct ipc_call *call,
		       const struct admin_courier_why_not *m)
{
	struct courier_admin *from = ctx;
	struct courier *c = from->courier;
	struct asked *a = calloc(1, sizeof *a);
	if (a != NULL) {
		*a = (struct asked){.courier = c,
				    .call = call,
				    .ask = m,
				    .arena = arena_new(COURIER_MEMORY),
				    .story = {.also = also, .owner = a}};
		if (a->arena != NULL && c->serving && !c->draining)
			a->fiber = fiber_start(c->role->loop, run, a);
	}
	if (a == NULL || a->fiber == NULL) {
		if (a != NULL)
			arena_free(a->arena);
		free(a);
		ipc_refuse(call, IPC_BUSY);
		return;
	}
	ipc_keep(call);
	list_push_back(&c->questions, &a->link);
	c->asked++;
}

const struct admin_courier_at_courier whynot_handlers = {.why_not = on_why_not};

void whynot_end(struct courier *c)
{
	LIST_EACH (&c->questions, at)
		fiber_stop(CONTAINER_OF(at, struct asked, link)->fiber);
}
