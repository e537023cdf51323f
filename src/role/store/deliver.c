/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/deliver: see deliver.h.
 *
 * Must never: end before the engine has answered, because the insert stands in
 * the caller's memory.
 */
#include "role/store/deliver.h"

void delivery_begin(struct job *j, uint64_t account, struct delivery *d)
{
	struct store *s = j->store;
	const struct directory_account *a =
		directory_account(s->directory, account);
	d->result = BOX_NONE;
	d->gone = a == NULL;
	/* Removed, it may come back: until then nothing is put there. */
	if (a == NULL || a->state == DIRECTORY_REMOVED) {
		d->why = a == NULL ? "the account is gone"
				   : "the account is removed";
		return;
	}
	d->box = box_prepared(j, account, &d->result);
	if (d->box == NULL)
		return;
	d->message.mailbox = d->box->inbox;
	d->insert.messages = &d->message;
	d->insert.count = 1;
	gate_init(&d->gate);
	d->result = box_insert(d->box->box, &d->insert, box_gate, &d->gate);
	d->tried = d->result == BOX_OK;
	engine_touch(s);
}

void delivery_end(struct job *j, struct delivery *d)
{
	struct loop *loop = j->store->role->loop;
	uint64_t value = 0;
	if (d->tried) {
		load_waits(j);
		while (gate_wait(loop, &d->gate, NS_NEVER, &value) !=
		       WOKE_VALUE)
			fiber_yield(loop);
		d->result = (enum box_result)value;
	}
	box_release(d->box);
	d->box = NULL;
}
