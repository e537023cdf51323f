/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A start while a call fails: a second process of a pool is raised beside the first,
 * as a successor is.  Either it serves, or it says why not and leaves nothing behind;
 * those that it was joined with go on.
 *
 * A reload while a call fails: every role prepares the next configuration, and only
 * when all did are they told to use it, as the supervisor does.
 *
 * A role that has not enough says no, and goes on as it was; one that prepared can
 * no longer fail, so all of them or none are on the new one.  No role ends by it.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fault.h"
#include "os/file.h"
#include "os/sock.h"
#include "scene.h"

#define PATIENCE (60 * NS_PER_SEC)

static uint64_t deadline(const struct town *t)
{
	return world_now(house_world(t->house)) + PATIENCE;
}

/* The verdict, and what is wrong with it in s->why. */
static enum verdict told(struct scene *s, const struct house_role *r, const char *step,
			 enum ipc_result said, enum boss_role_outcome outcome)
{
	if (said == IPC_OK)
		return outcome == BOSS_ROLE_OUTCOME_DONE ? SAID_YES : SAID_NO;
	if (said != IPC_DEAD)
		return SAID_NO;
	wrong(s, "%s ended when it was to %s", kind_name(r->kind), step);
	return SAID_WRONG;
}

/* An end of a channel between the new process and one that was there. */
static enum verdict give_end(struct scene *s, struct house_role *r, enum hop hop,
			     enum kind peer, int fd)
{
	struct town *t = s->town;
	struct boss_role_attach m = {.hop = (uint16_t)hop, .peer = (uint16_t)peer,
				     .index = 1, .pid = 4000, .channel = fd};
	struct boss_role_attach_reply rep = {0};

	arena_reset(t->arena);
	enum ipc_result said = boss_role_attach(r->boss, &m, t->arena, &rep, deadline(t));
	return told(s, r, "take a channel", said, rep.outcome);
}

static enum verdict join(struct scene *s, struct house_role *r)
{
	struct town *t = s->town;

	for (size_t i = 0; i < hop_graph_count; i++) {
		const struct hop_line *l = &hop_graph[i];
		struct house_role *other = t->role[l->a == r->kind ? l->b : l->a];
		int pair[2];
		if ((l->a != r->kind && l->b != r->kind) || other == NULL)
			continue;
		assert_int_equal(sock_packet_pair(house_world(t->house), pair), OS_OK);
		enum verdict v = give_end(s, other, l->hop, r->kind, pair[0]);
		enum verdict own = give_end(s, r, l->hop, other->kind, pair[1]);
		if (v != SAID_YES || own != SAID_YES)
			return v != SAID_YES ? v : own;
	}
	return SAID_YES;
}

static enum verdict prepare(struct scene *s, struct house_role *r)
{
	struct town *t = s->town;
	struct boss_role_configure m = {
		.generation = t->generation,
		.slice = house_slice(t->house, town_conf(t->generation), r->kind)};
	struct boss_role_configure_reply rep = {0};

	arena_reset(t->arena);
	enum ipc_result said =
		boss_role_configure(r->boss, &m, t->arena, &rep, deadline(t));
	return told(s, r, "prepare", said, rep.outcome);
}

static enum verdict material(struct scene *s, enum material kind, struct span bytes)
{
	struct town *t = s->town;
	struct house_role *r = t->role[KIND_VAULT];
	struct world *w = house_world(t->house);
	struct boss_role_material m = {.kind = (uint16_t)kind, .name = SPAN("default 0")};
	struct boss_role_material_reply rep = {0};

	assert_int_equal(blob_new(w, &m.file), OS_OK);
	assert_int_equal(file_append(w, m.file, bytes), OS_OK);
	arena_reset(t->arena);
	enum ipc_result said = boss_role_material(r->boss, &m, t->arena, &rep, deadline(t));
	return told(s, r, "take its keys", said, rep.outcome);
}

static enum verdict offer_to(struct scene *s, struct house_role *r, size_t i)
{
	struct town *t = s->town;
	struct boss_role_listener m = {.name = span_cstr(town_listeners[i].name)};
	struct boss_role_listener_reply rep = {0};

	assert_int_equal(world_dup(house_world(t->house), t->sockets[i], &m.socket), OS_OK);
	arena_reset(t->arena);
	enum ipc_result said = boss_role_listener(r->boss, &m, t->arena, &rep, deadline(t));
	return told(s, r, "listen", said, rep.outcome);
}

static enum verdict offer(struct scene *s, size_t i)
{
	return offer_to(s, s->town->role[town_listeners[i].kind], i);
}

static enum verdict activate(struct scene *s, struct house_role *r)
{
	struct town *t = s->town;
	struct boss_role_activate m = {.generation = t->generation};
	struct boss_role_activate_reply rep = {0};

	arena_reset(t->arena);
	enum ipc_result said =
		boss_role_activate(r->boss, &m, t->arena, &rep, deadline(t));
	enum verdict v = told(s, r, "activate", said, rep.outcome);
	if (said == IPC_OK && v != SAID_YES) {
		wrong(s, "%s prepared, and does not activate", kind_name(r->kind));
		return SAID_WRONG;
	}
	return v;
}

static enum verdict serves(struct scene *s, struct house_role *r)
{
	enum verdict v = prepare(s, r);

	if (v == SAID_YES)
		v = join(s, r);
	for (size_t i = 0; v == SAID_YES && i < TOWN_LISTENERS; i++)
		if (town_listeners[i].kind == r->kind)
			v = offer_to(s, r, i);
	if (v != SAID_YES)
		return v;
	struct boss_role_activate m = {.generation = s->town->generation};
	struct boss_role_activate_reply rep = {0};
	arena_reset(s->town->arena);
	enum ipc_result said = boss_role_activate(r->boss, &m, s->town->arena, &rep,
						  deadline(s->town));
	return told(s, r, "begin", said, rep.outcome);
}

/* A new process may end for want of memory: it is not one that served. */
static enum verdict start(struct scene *s, enum kind kind)
{
	struct house *h = s->town->house;
	int end;
	struct house_role *r = house_place(h, kind, &end);

	fault_enter();
	bool born = house_born(r, town_def(kind), 1, end);
	fault_leave();
	enum verdict v = born ? serves(s, r) : SAID_NONE;
	if (v == SAID_WRONG && r->boss == NULL) {
		s->why[0] = 0;
		v = SAID_NONE;
	}
	if (!house_kill(r))
		wrong(s, "the new %s left a descriptor open", kind_name(kind));
	return v;
}

enum verdict act_start_edge(struct scene *s) { return start(s, KIND_EDGE_ACCESS); }
enum verdict act_start_sorter(struct scene *s) { return start(s, KIND_SORTER_MX); }

/* Who was there before serves. */
void check_start(struct scene *s, enum verdict v)
{
	(void)v;
	if (!log_in(s, &s->looker, TOWN_ALICE) || !session(s, &s->looker) ||
	    talk_imap_literal(&s->looker, "APPEND INBOX", message(s, 2000)) != 'O')
		wrong(s, "after a start: %s", s->looker.line);
	emptied(s);
}

static enum verdict all(struct scene *s, enum verdict (*step)(struct scene *, struct house_role *))
{
	for (unsigned k = 0; k < KIND_COUNT; k++) {
		struct house_role *r = s->town->role[k];
		enum verdict v = r != NULL ? step(s, r) : SAID_YES;
		if (v != SAID_YES)
			return v;
	}
	return SAID_YES;
}

enum verdict act_reload(struct scene *s)
{
	enum verdict v;

	s->town->generation = s->town->active == UINT_MAX ? 0 : s->town->active + 1;
	v = all(s, prepare);
	if (v == SAID_YES)
		v = material(s, MATERIAL_CHAIN, buf_span(&s->town->chain));
	if (v == SAID_YES)
		v = material(s, MATERIAL_KEY, buf_span(&s->town->key));
	for (size_t i = 0; v == SAID_YES && i < TOWN_LISTENERS; i++)
		v = offer(s, i);
	if (v != SAID_YES)
		return v;
	s->town->active = UINT_MAX; /* until all have answered */
	v = all(s, activate);
	if (v == SAID_YES)
		s->town->active = s->town->generation;
	return v;
}

/* All that listen tell the name of the configuration in force. */
void check_reload(struct scene *s, enum verdict v)
{
	const char *name = town_names[s->town->active % 2];
	struct talk t;

	(void)v;
	if (s->town->active == UINT_MAX)
		return;
	if (!talk_open(&t, house_loop(s->town->house), TOWN_MX, false) ||
	    talk_smtp_reply(&t) != 220 || strstr(t.line, name) == NULL)
		wrong(s, "the server is not %s: %s", name, t.line);
	talk_close(&t);
	if (!log_in(s, &s->looker, TOWN_ALICE))
		wrong(s, "alice cannot log in after a reload: %s", s->looker.line);
}
