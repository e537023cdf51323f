/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/logger/render - one event as one line of text, in three layouts.
 *
 *   json    {"time":"2026-11-22T03:18:41.123Z","role":"edge-mx","pid":7,...}
 *   logfmt  time=2026-11-22T03:18:41.123Z role=edge-mx pid=7 ...
 *   syslog  Nov 22 03:18:41 host tag/edge-mx[7]: <message> key=value ...
 *           (BSD layout, RFC 3164; the field "message" comes first, as text)
 *
 * Whatever bytes a field holds, the result is one line of printable UTF-8
 * without control characters (C0, C1, U+2028, U+2029) that can be parsed back:
 * a value cannot end its field, and an event cannot become two.
 */
#pragma once

#include "base/buf.h"
#include "conf/conf.h"
#include "wire/role_logger.h"

#define RENDER_LINE_MAX (256u << 10)

struct render_stamp {
	int64_t sec;
	uint32_t nsec;
	struct span role, host, tag;
	uint32_t pid;
};

/* `format` is enum conf_log_format; fields: the keys wanted, or none for all. */
void render_line(struct buf *, uint32_t format, const struct conf_words *fields,
		 const struct render_stamp *, const struct role_logger_line *);
const char *render_level(enum role_logger_level);
