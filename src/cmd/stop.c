/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/stop: ask for the end, and wait until it has come. */
#include <stdio.h>
#include <time.h>

#include "cmd/ask.h"
#include "cmd/config.h"
#include "os/file.h"

#define WITHIN_MAX 3600u
#define STEP_MS    20u
#define GRACE_MS   3000u /* beyond the time that sessions were given */

/* The lock on the data is given up by a supervisor that has ended. */
static bool has_ended(struct command *c, const char *data)
{
	int dir, lock;
	if (file_dir_open(c->world, data, &dir) != OS_OK)
		return true;
	enum os r = file_lock(c->world, dir, "lock", &lock);
	world_close(c->world, dir);
	if (r == OS_OK)
		world_close(c->world, lock);
	return r != OS_BUSY;
}

static enum end wait_for_end(struct command *c, const char *data, uint64_t ms)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000l};
	for (uint64_t waited = 0; waited < ms + GRACE_MS; waited += STEP_MS) {
		if (has_ended(c, data))
			return END_DONE;
		(void)nanosleep(&step, NULL);
	}
	complain(c, "letterlock has not ended in time: see its log");
	return END_FAILED;
}

enum end verb_stop(struct command *c)
{
	static const struct arg_option options[] = {{"--within", "SECONDS"}};
	static const struct showing show = {.shape = SHAPE_DONE};
	struct asking asking[1];
	struct answer answer;
	struct args a;
	uint64_t within;
	enum end end;
	if (!command_args(c, &a, options, ARRAY_LEN(options), &end))
		return end;
	if (a.word_count > 0)
		return usage_error(c, "stop takes no words");
	const char *config = command_config(c, &a);
	struct conf_snapshot *s = config ? config_in_force(c, config) : NULL;
	if (s == NULL)
		return END_FAILED;
	const char *data = arena_cstr(c->arena, conf_values(s)->data);
	const char *given = args_value(&a, "--within");
	within = conf_values(s)->drain;
	conf_snapshot_free(s);
	if (given && !span_u64(span_cstr(given), WITHIN_MAX, &within))
		return usage_error(c, "--within takes up to 3600 seconds");
	asking[0] = (struct asking){
		"within", arena_printf(c->arena, "%llu",
				       (unsigned long long)within * 1000)};
	if (!ask(c, &a, "stop", asking, 1, &answer))
		return answer.end;
	end = answer.end;
	if (end == END_DONE && data != NULL)
		end = wait_for_end(c, data, within * 1000);
	answer.end = end;
	return answer_show(c, &a, &answer, &show);
}

enum end verb_reload(struct command *c)
{
	static const struct showing show = {.shape = SHAPE_DONE,
					    .done = "reloaded"};
	struct answer answer;
	struct args a;
	enum end end;
	if (!command_args(c, &a, NULL, 0, &end))
		return end;
	if (a.word_count > 0)
		return usage_error(c, "reload takes no words");
	if (!ask(c, &a, "reload", NULL, 0, &answer))
		return answer.end;
	return answer_show(c, &a, &answer, &show);
}
