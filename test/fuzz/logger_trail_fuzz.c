/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trail's file between two starts: lines are added, bytes of the file changed,
 * it is cut and opened again.  What is found under an id was added under it, in
 * its order, as it was.
 */
#include <stdio.h>

#include "base/ensure.h"
#include "os/file.h"
#include "os/linux.h"
#include "role/logger/trail.h"

#define IDS   8u
#define STEPS 100u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct scene {
	struct world *w;
	struct trail *t;
	struct arena *a;
	int fd;
	uint64_t added;
};

static void reopen(struct scene *s, bool whole)
{
	int fd;
	trail_free(s->t);
	ENSURE(world_dup(s->w, s->fd, &fd) == OS_OK);
	s->t = trail_new(s->w, fd, TRAIL_LEAST);
	ENSURE(s->t != NULL);
	while (whole && !trail_read(s->t))
		;
}

/* The number of the line stands in its stamp, and its id in its event. */
static void add(struct scene *s, uint8_t id, size_t more)
{
	static char room[1024];
	struct role_logger_field f[15];
	for (size_t i = 0; i < 15; i++)
		f[i] = (struct role_logger_field){SPAN("x"), span_of(room, sizeof room)};
	char event[2] = {(char)('a' + id % IDS), 0};
	struct role_logger_line l = {.event = span_of(event, 1), .id = 1 + id % IDS,
				     .fields = f, .fields_count = more % 16};
	trail_add(s->t, &(struct trail_stamp){.sec = (int64_t)++s->added, .role = SPAN("store")},
		  &l);
}

static void find(struct scene *s, uint8_t id)
{
	struct trail_entry e;
	struct role_logger_line l;
	uint64_t at = 0;
	int64_t last = INT64_MAX;
	if (!trail_is_ready(s->t))
		return;
	do {
		arena_reset(s->a);
		if (!trail_next(s->t, 1 + id % IDS, &at, s->a, &e))
			continue;
		ENSURE(role_logger_line_decode(e.line, s->a, &l));
		ENSURE(l.id == 1u + id % IDS && l.event.ptr[0] == 'a' + id % IDS);
		ENSURE(e.stamp.sec < last && e.stamp.sec > 0 &&
		       (uint64_t)e.stamp.sec <= s->added);
		last = e.stamp.sec;
	} while (at != 0);
}

static void change(struct scene *s, uint64_t at, uint8_t by)
{
	char c = 0;
	size_t got;
	if (file_read_at(s->w, s->fd, &c, 1, at, &got) != OS_OK || got == 0)
		return;
	c = (char)(c ^ by);
	ENSURE(file_write_at(s->w, s->fd, span_of(&c, 1), at) == OS_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scene s = {.w = world_linux(), .a = arena_new(1u << 20)};
	ENSURE(s.w != NULL && s.a != NULL && blob_new(s.w, &s.fd) == OS_OK);
	reopen(&s, true);
	for (size_t i = 0, n = 0; i + 4 <= size && n < STEPS; i += 4, n++) {
		const uint8_t *p = data + i;
		uint64_t at = (uint64_t)p[1] << 12 | (uint64_t)p[2] << 4 | p[3] >> 4;
		switch (p[0] % 8) {
		case 0:
		case 1:
			add(&s, p[1], p[2]);
			break;
		case 2:
			for (unsigned k = 0; k < 16; k++)
				add(&s, p[1], p[2]);
			break;
		case 3:
			trail_flush(s.t);
			break;
		case 4:
			reopen(&s, p[1] % 4 != 0);
			break;
		case 5:
			trail_flush(s.t);
			change(&s, at, p[3]);
			break;
		case 6:
			trail_flush(s.t);
			ENSURE(file_truncate(s.w, s.fd, at) == OS_OK);
			break;
		default:
			find(&s, p[1]);
		}
	}
	trail_free(s.t);
	world_close(s.w, s.fd);
	world_free(s.w);
	arena_free(s.a);
	return 0;
}
