/* SPDX-License-Identifier: Apache-2.0 */
/* role/admin/verb_why_not: the courier's way to a domain, step by step. */
#include "role/admin/admin.h"

#define WHY_NOT_NS (180 * NS_PER_SEC) /* connections, greetings, handshakes */

static void step_row(struct job *j, const struct admin_courier_step *s)
{
	char key[33];
	struct buf *row = row_begin(j);
	row_text(row, "step", s->event);
	for (size_t i = 0; i < s->fields_count; i++) {
		struct span k = span_sub(s->fields[i].key, 0, sizeof key - 1);
		memcpy(key, k.ptr, k.len);
		key[k.len] = '\0';
		row_text(row, key, s->fields[i].value);
	}
	row_send(j);
}

void verb_why_not(struct job *j)
{
	struct admin_courier *courier = j->admin->courier;
	struct admin_courier_why_not m = {.domain = job_argument(j, "domain"),
					  .requiretls = job_has(j, "requiretls")};
	struct admin_courier_why_not_reply rep = {0};
	if (courier == NULL) {
		job_no_answer(j, IPC_DEAD, "the courier");
		return;
	}
	enum ipc_result r = admin_courier_why_not(
		courier, &m, j->arena, &rep,
		loop_now(j->admin->role->loop) + WHY_NOT_NS);
	if (r != IPC_OK) {
		job_no_answer(j, r, "the courier");
		return;
	}
	for (size_t i = 0; i < rep.steps_count; i++)
		step_row(j, &rep.steps[i]);
	if (rep.answer == ADMIN_COURIER_ANSWER_DELIVERABLE)
		job_end(j, CMD_ADMIN_STATUS_DONE,
			"mail for %.*s would be delivered now",
			SPAN_FMT(m.domain));
	else
		job_end(j, CMD_ADMIN_STATUS_FOUND,
			"mail for %.*s would %s: %.*s %.*s", SPAN_FMT(m.domain),
			rep.answer == ADMIN_COURIER_ANSWER_NEVER ? "bounce"
								 : "wait",
			SPAN_FMT(rep.status), SPAN_FMT(rep.why));
}
