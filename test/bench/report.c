/* SPDX-License-Identifier: Apache-2.0 */
/* Failures, durations and the JSON line of a run. */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench.h"

double now(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void die(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("mailbench: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(2);
}

void *grow(void *old, size_t size)
{
	void *memory = realloc(old, size);
	if (memory == NULL)
		die("out of memory");
	return memory;
}

void *zeroed(size_t count, size_t size)
{
	void *memory = calloc(count, size);
	if (memory == NULL)
		die("out of memory");
	return memory;
}

void failed(struct bench *b, const char *format, ...)
{
	if (b->report.failed++ >= REPORT_SHOWN)
		return;
	va_list args;
	va_start(args, format);
	fputs("FAILED: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

void say(const struct bench *b, const char *format, ...)
{
	if (b->o.quiet)
		return;
	va_list args;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
}

void samples_add(struct samples *s, double seconds)
{
	if (s->count == s->room) {
		s->room = s->room != 0 ? s->room * 2 : 1024;
		s->us = grow(s->us, s->room * sizeof *s->us);
	}
	double us = seconds < 0 ? 0 : seconds * 1e6;
	s->us[s->count++] = us > 4e9 ? 4000000000u : (uint32_t)us;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

double samples_at(struct samples *s, double quantile)
{
	if (s->count == 0)
		return 0;
	qsort(s->us, s->count, sizeof *s->us, compare);
	return s->us[(size_t)(quantile * (double)(s->count - 1) + 0.5)] /
	       1000.0;
}

__attribute__((format(printf, 3, 4))) static void
put(struct bench *b, const char *key, const char *format, ...)
{
	struct report *r = &b->report;
	va_list args;
	char value[512];
	va_start(args, format);
	(void)vsnprintf(value, sizeof value, format, args);
	va_end(args);
	int wrote =
		snprintf(r->text + r->length, sizeof r->text - r->length,
			 "%s\"%s\":%s", r->length != 0 ? "," : "{", key, value);
	if (wrote < 0 || (size_t)wrote >= sizeof r->text - r->length)
		die("the report is too long");
	r->length += (size_t)wrote;
}

void json_text(struct bench *b, const char *key, const char *value)
{
	put(b, key, "\"%s\"", value);
}

void json_int(struct bench *b, const char *key, long value)
{
	put(b, key, "%ld", value);
}

void json_number(struct bench *b, const char *key, double value)
{
	put(b, key, "%.3f", value);
}

void json_samples(struct bench *b, const char *prefix, struct samples *s)
{
	static const struct {
		const char *name;
		double quantile;
	} rows[] = {{"p50", .5}, {"p90", .9}, {"p99", .99}, {"max", 1}};
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		char key[64];
		(void)snprintf(key, sizeof key, "%s%s_ms", prefix,
			       rows[i].name);
		json_number(b, key, samples_at(s, rows[i].quantile));
	}
}

int report_done(struct bench *b)
{
	json_int(b, "failed", b->report.failed);
	FILE *file = b->o.json != NULL ? fopen(b->o.json, "a") : stdout;
	if (file == NULL)
		die("cannot open %s", b->o.json);
	fprintf(file, "%s}\n", b->report.text);
	if (file != stdout ? fclose(file) != 0 : fflush(file) != 0)
		die("cannot write the report");
	return b->report.failed != 0;
}
