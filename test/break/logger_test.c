/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The logger against a taken-over role that wants to write in another's name, break
 * lines, or drive a terminal.  Role and pid come from the channel, whatever it says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "attack.h"
#include "ipc/over_os.h"
#include "os/file.h"
#include "role/logger/role.h"
#include "wire/admin_logger.h"
#include "wire/role_logger.h"

#define FILE_MAX (1u << 20)

static const char as_json[] = "hostname mx.example.test;\ndata /nowhere;\n"
			      "store { engine memory; }\nlog { format json; }\n";
static const char as_logfmt[] = "hostname mx.example.test;\ndata /nowhere;\n"
				"store { engine memory; }\nlog { format logfmt; }\n";

struct scene {
	struct target target;
	struct role_logger *honest;
	struct admin_logger *admin; /* with a trail only */
	uint64_t lines; /* that were kept so far */
	int file;
};

/* A line of the honest role arrives, one more than were there before. */
static void honest_writes(void *arg)
{
	struct scene *s = arg;
	struct role_logger_line line = {.level = ROLE_LOGGER_LEVEL_INFO,
					.event = SPAN("honest.line")};
	uint64_t before = house_figure(s->target.role, "lines");

	assert_int_equal(role_logger_line(s->honest, &line), IPC_OK);
	house_run(s->target.house, 5);
	assert_int_equal(house_figure(s->target.role, "lines"), before + 1);
}

static void answered(void *ctx, enum ipc_result r)
{
	assert_int_equal(r, IPC_OK);
	*(bool *)ctx = true;
}

static struct admin_logger_events_reply events(struct scene *s, uint64_t id, uint64_t from,
					       struct arena *a)
{
	struct admin_logger_events m = {.id = id, .from = from};
	struct admin_logger_events_reply rep;
	bool done = false;

	assert_int_equal(admin_logger_events_start(s->admin, &m, a, &rep, IPC_NEVER, answered,
						   &done),
			 IPC_OK);
	assert_true(house_until(s->target.house, &done, 1000));
	return rep;
}

static struct scene *scene_with(const char *conf, bool trail)
{
	struct scene *s = calloc(1, sizeof *s);
	struct house *h = house_new(12, conf);
	const struct ipc_owner owner = {.role = s};

	s->target = (struct target){.house = h,
				    .role = house_raise(h, &logger_role, KIND_LOGGER),
				    .schema = &role_logger_hop,
				    .hop = HOP_ROLE_LOGGER,
				    .peer = KIND_EDGE_MX,
				    .side = 0,
				    .honest = honest_writes,
				    .arg = s};
	assert_true(house_material(s->target.role, MATERIAL_LOG, "log", SPAN(""), &s->file));
	if (trail)
		assert_true(house_material(s->target.role, MATERIAL_TRAIL, "trail", SPAN(""),
					   NULL));
	assert_true(house_activate(s->target.role));
	int fd = house_peer(s->target.role, HOP_ROLE_LOGGER, KIND_VAULT, 0);
	s->honest = role_logger_join_role(ipc_link_os(house_loop(h), fd), &owner);
	house_run(h, 5);
	return s;
}

static struct scene *scene(const char *conf) { return scene_with(conf, false); }

static void end(struct scene *s)
{
	ipc_free(role_logger_ipc(s->honest));
	world_close(house_world(s->target.house), s->file);
	house_free(s->target.house);
	free(s);
}

static void test_framing(void **state)
{
	struct scene *s = scene(as_json);

	(void)state;
	attack_framing(&s->target, 0x106);
	end(s);
}

static void line_of(struct role_logger *c, uint64_t id, struct span event)
{
	struct role_logger_line line = {.level = ROLE_LOGGER_LEVEL_INFO, .event = event, .id = id};
	assert_int_equal(role_logger_line(c, &line), IPC_OK);
}

static struct scene *scene_with_admin(bool trail)
{
	struct scene *s = scene_with(as_json, trail);
	const struct ipc_owner owner = {.role = s};

	s->admin = admin_logger_join_admin(
		house_link(s->target.role, HOP_ADMIN_LOGGER, KIND_EDGE_ADMIN), &owner);
	house_run(s->target.house, 5);
	return s;
}

static void end_with_admin(struct scene *s)
{
	ipc_free(admin_logger_ipc(s->admin));
	house_run(s->target.house, 5);
	end(s);
}

/* The admin pool's channel: broken frames end it, and roles go on logging. */
static void test_framing_of_admin(void **state)
{
	struct scene *s = scene_with_admin(true);
	struct target t = s->target;

	(void)state;
	t.schema = &admin_logger_hop;
	t.hop = HOP_ADMIN_LOGGER;
	t.peer = KIND_EDGE_ADMIN;
	attack_framing(&t, 0xad106);
	end_with_admin(s);
}

/* Without a trail there is an answer, too; whatever place is asked for. */
static void test_no_trail(void **state)
{
	struct scene *s = scene_with_admin(false);
	struct arena *a = arena_new(1u << 20);

	(void)state;
	line_of(s->honest, 7, SPAN("honest.line"));
	for (uint64_t from = 1; from != 0; from *= 2)
		assert_int_equal(events(s, 7, from - 1, a).state, ADMIN_LOGGER_STATE_OFF);
	honest_writes(s);
	arena_free(a);
	end_with_admin(s);
}

/* Two roles tell of one id; a taken-over pool asks for places that are none. */
static void test_trail(void **state)
{
	struct scene *s = scene_with_admin(true);
	const struct ipc_owner owner = {.role = s};
	struct arena *a = arena_new(4u << 20);
	struct role_logger *edge = role_logger_join_role(
		house_link(s->target.role, HOP_ROLE_LOGGER, KIND_EDGE_MX), &owner);
	struct admin_logger_events_reply r;
	struct role_logger_line l;
	size_t of_edge = 0;

	(void)state;
	house_run(s->target.house, 5);
	for (int i = 0; i < 100; i++) {
		line_of(i % 2 ? s->honest : edge, 7, SPAN("of.seven"));
		line_of(edge, 8, SPAN("of.eight"));
	}
	house_run(s->target.house, 5);
	r = events(s, 7, 0, a);
	assert_int_equal(r.state, ADMIN_LOGGER_STATE_READY);
	assert_int_equal(r.events_count, 64);
	for (size_t i = 0; i < r.events_count; i++) {
		assert_true(role_logger_line_decode(r.events[i].line, a, &l));
		assert_true(span_eq(l.event, SPAN("of.seven")));
		assert_int_equal(l.id, 7);
		of_edge += span_eq(r.events[i].role, SPAN("edge-mx"));
	}
	r = events(s, 7, r.next, a);
	assert_int_equal(r.events_count, 36);
	assert_int_equal(r.next, 0);
	for (size_t i = 0; i < r.events_count; i++)
		of_edge += span_eq(r.events[i].role, SPAN("edge-mx"));
	assert_int_equal(of_edge, 50);
	assert_int_equal(events(s, 9, 0, a).events_count, 0);
	for (uint64_t from = 1; from < 40000; from += 3) {
		arena_reset(a);
		r = events(s, 7, from, a);
		assert_int_equal(r.state, ADMIN_LOGGER_STATE_READY);
		for (size_t i = 0; i < r.events_count; i++)
			assert_true(role_logger_line_decode(r.events[i].line, a, &l) &&
				    l.id == 7);
	}
	for (uint64_t from = 1; from != 0; from *= 2)
		(void)events(s, 7, from - 1 ? from - 1 : UINT64_MAX, a);
	ipc_free(role_logger_ipc(edge));
	arena_free(a);
	honest_writes(s);
	end_with_admin(s);
}

/* What the file holds beyond `from`; the caller's to free. */
static struct span written(struct scene *s, uint64_t from)
{
	char *text = malloc(FILE_MAX);
	size_t got = 0;

	assert_non_null(text);
	assert_int_equal(file_read_at(house_world(s->target.house), s->file, text,
				      FILE_MAX, from, &got),
			 OS_OK);
	return span_of(text, got);
}

static const struct role_logger_field forged[] = {
	{SPAN("role"), SPAN("vault")},
	{SPAN("pid"), SPAN("1")},
	{SPAN("EVENT"), SPAN("login.accepted")},
	{SPAN("time"), SPAN("1999")},
	{SPAN("level"), SPAN("error")},
	{SPAN("id"), SPAN("0000000000000001")},
	{SPAN("a\",\"role\":\"vault"), SPAN("x")},
	{SPAN("b\nrole=vault"), SPAN("x")},
	{SPAN("c role=vault"), SPAN("x")},
	{SPAN("d"), SPAN("x\",\"role\":\"vault")},
	{SPAN("e"), SPAN("x\n{\"role\":\"vault\"}\n")},
	{SPAN("f"), SPAN("x role=vault")},
	{SPAN("g"), SPAN("\033]0;owned\007\033[2J\r\b\x7f\xc2\x9b")},
	{SPAN("h"), {"\0\xff\xfe", 3}},
};

static void forge(struct scene *s)
{
	static const struct span events[] = {SPAN("smtp.kept"),
		SPAN("x\",\"role\":\"vault"), SPAN("x role=vault pid=1"),
		SPAN("x\nlevel=error role=vault")};
	int fd = attack_join(&s->target);

	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
		struct role_logger_line line = {.level = ROLE_LOGGER_LEVEL_ERROR,
						.event = events[i],
						.fields = forged,
						.fields_count = sizeof forged /
								sizeof forged[0]};
		struct buf frame;
		buf_init(&frame, IPC_FRAME_MAX);
		attack_cast(&s->target, &frame, "line", &line);
		attack_send(&s->target, fd, &frame, -1);
		buf_free(&frame);
	}
	house_run(s->target.house, 5);
	assert_false(attack_ended(&s->target, fd));
	world_close(house_world(s->target.house), fd);
}

static size_t count(struct span text, struct span what)
{
	size_t n = 0, at;

	while ((at = span_find_span(text, what)) != SIZE_MAX) {
		text = span_skip(text, at + what.len);
		n++;
	}
	return n;
}

static void clean(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = (uint8_t)text.ptr[i];
		if ((c < 32 && c != '\n') || c == 127)
			fail_msg("byte %u stands in the log", c);
	}
	/* C1 controls in UTF-8 drive some terminals, too. */
	assert_int_equal(count(text, SPAN("\xc2\x9b")), 0);
	assert_int_equal(count(text, SPAN("\xff")), 0);
}

static void test_json(void **state)
{
	struct scene *s = scene(as_json);
	struct span text;

	(void)state;
	forge(s);
	text = written(s, 0);
	assert_int_equal(count(text, SPAN("\n")), 4);
	assert_int_equal(count(text, SPAN("\"role\":\"edge-mx\"")), 4);
	assert_int_equal(count(text, SPAN("\"role\":")), 4);
	assert_int_equal(count(text, SPAN("\"pid\":")), 4);
	assert_int_equal(count(text, SPAN("\"event\":")), 4);
	assert_int_equal(count(text, SPAN("\"_role\":\"vault\"")), 4);
	clean(text);
	free((void *)(uintptr_t)text.ptr);
	end(s);
}

/* Where a word begins that says `role=`, it is the logger's. */
static void test_logfmt(void **state)
{
	struct scene *s = scene(as_logfmt);
	struct span text, rest, line;
	char stamp[64];

	(void)state;
	(void)snprintf(stamp, sizeof stamp, " role=edge-mx pid=%d ", 1000 + KIND_EDGE_MX);
	forge(s);
	text = rest = written(s, 0);
	assert_int_equal(count(text, SPAN("\n")), 4);
	clean(text);
	while (rest.len > 0) {
		bool quoted = false;
		size_t found = 0;
		(void)span_cut(&rest, '\n', &line);
		for (size_t i = 0; i < line.len; i++) {
			if (line.ptr[i] == '\\')
				i++;
			else if (line.ptr[i] == '"')
				quoted = !quoted;
			else if (!quoted && line.ptr[i] == ' ' &&
				 span_starts(span_skip(line, i + 1), SPAN("role=")))
				found++;
		}
		assert_int_equal(found, 1);
		assert_true(span_find_span(line, span_cstr(stamp)) != SIZE_MAX);
	}
	free((void *)(uintptr_t)text.ptr);
	end(s);
}

/* A flood is bounded by the window; the honest role's lines get through. */
static void test_flood(void **state)
{
	struct scene *s = scene(as_json);
	int fd = attack_join(&s->target);
	struct role_logger_line line = {.event = SPAN("flood"),
					.level = ROLE_LOGGER_LEVEL_ERROR};

	(void)state;
	for (int turn = 0; turn < 50; turn++) {
		struct buf frame;
		buf_init(&frame, IPC_FRAME_MAX);
		for (unsigned i = 0; i < role_logger_hop.window[1]; i++)
			attack_cast(&s->target, &frame, "line", &line);
		attack_send(&s->target, fd, &frame, -1);
		house_run(s->target.house, 5);
		assert_false(attack_ended(&s->target, fd));
		honest_writes(s);
		buf_free(&frame);
	}
	world_close(house_world(s->target.house), fd);
	end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_framing), cmocka_unit_test(test_framing_of_admin),
		cmocka_unit_test(test_no_trail), cmocka_unit_test(test_trail),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_logfmt), cmocka_unit_test(test_flood)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
