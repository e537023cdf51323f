/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/common/log - one event, one line, and nobody waits for it.
 *
 *     LOG(log, NOTICE, "smtp.kept", id, F("from", from), F_U64("size", n));
 *
 * Events are named subject.verb.  `id` is the number of the message or session
 * that the line belongs to, 0 for none; one message keeps its id from accept to
 * end.  Values are raw bytes from anywhere: the logger escapes.  Never put a
 * credential into a field.
 *
 * While no logger is there, or it is slow, lines are dropped and counted; the
 * count is told with the next line that goes through.  Before the logger's
 * channel exists, warnings and errors go to standard error; the first of them are
 * kept, too, and sent once it does.
 */
#pragma once

#include "base/span.h"
#include "os/loop.h"
#include "wire/role_logger.h"

#define LOG_FIELDS_MAX 24u
#define LOG_VALUE_MAX  4096u
#define LOG_EARLY_MAX  16384u /* bytes of lines that wait for the logger */

struct log;

struct log_field {
	const char *key;
	struct span value;
	uint64_t number; /* used when key is set and `is_number` */
	bool is_number;
};

#define F(k, v)     {.key = (k), .value = (v)}
#define F_CSTR(k, v) {.key = (k), .value = span_cstr(v)}
#define F_U64(k, v) {.key = (k), .number = (v), .is_number = true}

#define LOG(log, level, event, id, ...)                                        \
	log_event((log), ROLE_LOGGER_LEVEL_##level, (event), (id),             \
		  (const struct log_field[]){__VA_ARGS__},                     \
		  sizeof((const struct log_field[]){__VA_ARGS__}) /            \
			  sizeof(struct log_field))

MUST_USE struct log *log_new(const char *role);
void log_free(struct log *);
/* Lines below this level are not sent. */
void log_set_level(struct log *, enum role_logger_level);
/* The same, as the configuration has it (enum conf_log_level). */
void log_set_threshold(struct log *, uint32_t conf_level);
/* The channel to the logger, or NULL while there is none. */
void log_set_channel(struct log *, struct role_logger *);

void log_event(struct log *, enum role_logger_level, const char *event,
	       uint64_t id, const struct log_field *, size_t count);
/* The number of an id as text ("%016llx"); 0 when it is none. */
uint64_t log_id(struct span text);
/* So many lines were dropped since the start. */
uint64_t log_dropped(const struct log *);
