/* SPDX-License-Identifier: Apache-2.0 */
/* fill: each user's box gets messages by APPEND. */
#include <stdlib.h>

#include "bench.h"
#include "cost.h"
#include "fiber.h"
#include "imap.h"

struct run {
	struct bench *b;
	int next, live;
	long stored;
	uint64_t bytes;
	struct samples took;
	struct usage begun, ended;
};

static void fill_user(void *argument)
{
	struct run *r = argument;
	struct bench *b = r->b;
	struct imap m;
	struct message message = {0};
	char to[160];
	int user = ++r->next;
	if (imap_open(&m, b, b->o.port, b->o.tls, user)) {
		numbered(b->o.to, user, to, sizeof to);
		imap_create(&m, b->o.box);
		for (long i = 0; i < b->o.messages; i++) {
			message_make(b, i, b->o.from, to, &message);
			double start = now();
			if (imap_append(&m, b->o.box, &message) != ANSWER_OK)
				break;
			samples_add(&r->took, now() - start);
			r->stored++;
			r->bytes += message.length;
		}
		imap_close(&m);
	}
	free(message.bytes);
	r->live--;
}

static void conduct(void *argument)
{
	struct run *r = argument;
	struct bench *b = r->b;
	r->begun = usage_now(b);
	r->live = b->o.users;
	for (int i = 0; i < b->o.users; i++)
		loop_start(b->loop, fill_user, r);
	while (r->live > 0)
		loop_sleep(b->loop, 5);
	r->ended = usage_now(b);
}

int cmd_fill(struct bench *b)
{
	struct run r = {.b = b};
	loop_start(b->loop, conduct, &r);
	loop_run(b->loop);
	double wall = r.ended.at - r.begun.at, stored = (double)r.stored;
	if (r.stored != b->o.messages * b->o.users)
		failed(b, "%ld of %ld stored", r.stored,
		       b->o.messages * b->o.users);
	json_int(b, "users", b->o.users);
	json_int(b, "messages", r.stored);
	json_number(b, "MB", (double)r.bytes / 1e6);
	json_number(b, "wall_s", wall);
	json_number(b, "append_per_s", stored / wall);
	json_samples(b, "", &r.took);
	json_usage(b, &r.begun, &r.ended, stored, "msg");
	say(b, "%s fill: %ld appended in %.2f s = %.0f/s\n", b->o.label,
	    r.stored, wall, stored / wall);
	free(r.took.us);
	return report_done(b);
}
