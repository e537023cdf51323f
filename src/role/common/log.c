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
#include "base/pack.h"
#include "conf/conf.h"

#define LOG_TAG TAG4('L', 'O', 'G', ' ')

struct log {
	uint32_t tag;
	const char *role;
	struct role_logger *channel;
	enum role_logger_level level;
	uint64_t dropped, untold;
	struct buf early; /* lines, each behind its length */
};

struct log *log_new(const char *role)
{
	struct log *l = calloc(1, sizeof *l);
	if (l == NULL)
		return NULL;
	*l = (struct log){.tag = LOG_TAG,
			  .role = role,
			  .level = ROLE_LOGGER_LEVEL_INFO};
	buf_init(&l->early, LOG_EARLY_MAX);
	return l;
}

void log_free(struct log *l)
{
	if (l == NULL)
		return;
	ENSURE_TAG(l, LOG_TAG);
	l->tag = 0;
	buf_free(&l->early);
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

/* False: there is no room for it. */
static bool keep_early(struct log *l, const struct role_logger_line *line)
{
	struct buf one;
	bool ok = false;
	buf_init(&one, LOG_EARLY_MAX);
	if (role_logger_line_encode(line, &one) && buf_ok(&one) &&
	    buf_len(&l->early) + 4 + buf_len(&one) <= LOG_EARLY_MAX) {
		pack_u32(&l->early, (uint32_t)buf_len(&one));
		buf_add(&l->early, buf_span(&one));
		ok = buf_ok(&l->early);
	}
	buf_free(&one);
	return ok;
}

/* In the order in which they came. */
static void tell_early(struct log *l)
{
	struct unpack u = unpack_of(buf_span(&l->early));
	struct arena *a = arena_new(4 * LOG_EARLY_MAX);
	while (a != NULL && buf_ok(&l->early) && u.rest.len > 0) {
		struct role_logger_line line;
		uint32_t len = unpack_u32(&u);
		struct span one = span_sub(u.rest, 0, len);
		u.rest = span_skip(u.rest, len);
		arena_reset(a);
		if (role_logger_line_decode(one, a, &line))
			(void)!role_logger_line(l->channel, &line);
	}
	arena_free(a);
	buf_free(&l->early);
	buf_init(&l->early, LOG_EARLY_MAX);
}

void log_set_channel(struct log *l, struct role_logger *channel)
{
	ENSURE_TAG(l, LOG_TAG);
	l->channel = channel;
	if (channel != NULL && buf_len(&l->early) > 0)
		tell_early(l);
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
	for (size_t i = 0; i < count; i++) {
		out[i].key = span_cstr(f[i].key);
		out[i].value = span_sub(f[i].value, 0, LOG_VALUE_MAX);
		if (f[i].is_number) {
			int n = snprintf(digits[i], sizeof digits[i], "%llu",
					 (unsigned long long)f[i].number);
			out[i].value = span_of(digits[i], (size_t)n);
		}
	}
	struct role_logger_line line = {.level = level,
					.event = span_cstr(event),
					.id = id,
					.fields = out,
					.fields_count = count};
	if (l->channel == NULL) {
		bool told = level >= ROLE_LOGGER_LEVEL_WARNING;
		if (told)
			to_stderr(l, event, f, count);
		if (told && keep_early(l, &line))
			return;
		l->dropped++;
		l->untold++;
		return;
	}
	tell_dropped(l);
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
