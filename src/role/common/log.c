/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/common/log: turns an event into a lossy cast to the logger.
 *
 * Must never wait, and never fail the caller.
 */
#include "role/common/log.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "base/hex.h"
#include "conf/conf.h"

#define LOG_TAG TAG4('L', 'O', 'G', ' ')

struct log {
	uint32_t tag;
	const char *role;
	struct role_logger *channel;
	enum role_logger_level level;
	uint64_t dropped, untold;
};

struct log *log_new(const char *role)
{
	struct log *l = calloc(1, sizeof *l);
	if (l != NULL)
		*l = (struct log){.tag = LOG_TAG,
				  .role = role,
				  .level = ROLE_LOGGER_LEVEL_INFO};
	return l;
}

void log_free(struct log *l)
{
	if (l == NULL)
		return;
	ENSURE_TAG(l, LOG_TAG);
	l->tag = 0;
	free(l);
}

void log_set_level(struct log *l, enum role_logger_level level)
{
	ENSURE_TAG(l, LOG_TAG);
	l->level = level;
}

void log_set_threshold(struct log *l, uint32_t conf_level)
{
	static const enum role_logger_level levels[] = {
		[CONF_LOG_ERROR] = ROLE_LOGGER_LEVEL_ERROR,
		[CONF_LOG_WARNING] = ROLE_LOGGER_LEVEL_WARNING,
		[CONF_LOG_INFO] = ROLE_LOGGER_LEVEL_INFO,
		[CONF_LOG_DEBUG] = ROLE_LOGGER_LEVEL_DEBUG,
	};
	if (conf_level < ARRAY_LEN(levels))
		log_set_level(l, levels[conf_level]);
}

void log_set_channel(struct log *l, struct role_logger *channel)
{
	ENSURE_TAG(l, LOG_TAG);
	l->channel = channel;
}

/* No logger yet: an administrator at a terminal still sees what went wrong. */
static void to_stderr(const struct log *l, const char *event,
		      const struct log_field *f, size_t count)
{
	fprintf(stderr, "letterlock %s: %s", l->role, event);
	for (size_t i = 0; i < count; i++) {
		if (f[i].is_number)
			fprintf(stderr, " %s=%llu", f[i].key,
				(unsigned long long)f[i].number);
		else
			fprintf(stderr, " %s=%.*s", f[i].key,
				SPAN_FMT(f[i].value));
	}
	fputc('\n', stderr);
}

static void tell_dropped(struct log *l)
{
	struct role_logger_dropped d = {.lines = l->untold};
	if (l->untold > 0 && role_logger_dropped(l->channel, &d) == IPC_OK)
		l->untold = 0;
}

void log_event(struct log *l, enum role_logger_level level, const char *event,
	       uint64_t id, const struct log_field *f, size_t count)
{
	ENSURE_TAG(l, LOG_TAG);
	ENSURE(count <= LOG_FIELDS_MAX);
	struct role_logger_field out[LOG_FIELDS_MAX];
	char digits[LOG_FIELDS_MAX][24];
	if (level < l->level)
		return;
	if (l->channel == NULL) {
		if (level >= ROLE_LOGGER_LEVEL_WARNING)
			to_stderr(l, event, f, count);
		l->dropped++;
		l->untold++;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		out[i].key = span_cstr(f[i].key);
		out[i].value = span_sub(f[i].value, 0, LOG_VALUE_MAX);
		if (f[i].is_number) {
			int n = snprintf(digits[i], sizeof digits[i], "%llu",
					 (unsigned long long)f[i].number);
			out[i].value = span_of(digits[i], (size_t)n);
		}
	}
	tell_dropped(l);
	struct role_logger_line line = {.level = level,
					.event = span_cstr(event),
					.id = id,
					.fields = out,
					.fields_count = count};
	if (role_logger_line(l->channel, &line) != IPC_OK) {
		l->dropped++;
		l->untold++;
	}
}

uint64_t log_id(struct span text)
{
	uint64_t id;
	return hex_u64(text, &id) ? id : 0;
}

uint64_t log_dropped(const struct log *l)
{
	ENSURE_TAG(l, LOG_TAG);
	return l->dropped;
}
