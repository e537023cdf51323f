/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run says: one JSON object on standard output (or appended to --json
 * FILE), readable lines and failures on standard error.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stddef.h>
#include <stdint.h>

struct bench;

#define REPORT_MAX   32768 /* bytes of the JSON object */
#define REPORT_SHOWN 8	   /* failures shown; all are counted */

struct report {
	char text[REPORT_MAX];
	size_t length;
	long failed;
};

/* Durations, kept in microseconds. */
struct samples {
	uint32_t *us;
	size_t count, room;
};

double now(void); /* seconds, monotonic */
void *grow(void *, size_t);
void *zeroed(size_t count, size_t size);

__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format,
							 ...);
__attribute__((format(printf, 2, 3))) void failed(struct bench *,
						  const char *format, ...);
__attribute__((format(printf, 2, 3))) void say(const struct bench *,
					       const char *format, ...);

void samples_add(struct samples *, double seconds);
double samples_at(struct samples *, double quantile); /* milliseconds; sorts */

void json_text(struct bench *, const char *key, const char *value);
void json_int(struct bench *, const char *key, long value);
void json_number(struct bench *, const char *key, double value);
void json_samples(struct bench *, const char *prefix, struct samples *);
int report_done(struct bench *); /* the command's result */

#endif
