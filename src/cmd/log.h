/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/log - which TLS versions and suites the log tells of, whatever its format.
 *
 * json, logfmt and syslog lines may stand mixed (the format was changed).  Lines
 * about anything else, and broken ones, are passed over.
 */
#pragma once

#include "base/arena.h"

#define LOG_GROUPS_MAX 4096u
#define LOG_FIELDS     4

/* Of a group, in the order of its fields. */
extern const char *const log_keys[LOG_FIELDS];

struct log_group {
	uint64_t count;
	struct span listener, direction, version, suite;
};

struct log_summary {
	struct log_group *groups;
	size_t count;
	uint64_t left_out; /* lines that found no room */
	uint16_t order[LOG_GROUPS_MAX]; /* groups by their fields, while they are counted */
};

/* NULL groups: the arena is full.  Text and arena outlive it.  `temporary` is
 * reset for every line. */
void log_summary(struct log_summary *, struct arena *, struct arena *temporary,
		 struct span text);
/* Rarest first, as `sort | uniq -c | sort -n` has it. */
void log_summary_sort(struct log_summary *);
