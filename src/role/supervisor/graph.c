/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/supervisor/graph: makes the channels that role/common/hops names.
 *
 * A channel is a socket pair; each end goes to its role and both copies here
 * are closed, so nobody but the two can speak on it.  The order of events does
 * not matter: whoever of two peers is configured last gets them connected.
 */
#include "role/supervisor/supervisor.h"

#include "ipc/over_os.h"
#include "os/sock.h"

static bool give_end(struct process *to, enum hop hop, enum kind peer,
		     unsigned index, int32_t pid, int fd)
{
	struct boss_role_attach_reply rep;
	struct arena *a = arena_new(4096);
	struct boss_role_attach m = {.hop = (uint16_t)hop,
				     .peer = (uint16_t)peer,
				     .index = (uint16_t)index,
				     .pid = (uint32_t)pid,
				     .channel = fd};
	if (a == NULL || to->channel == NULL) {
		world_close(to->super->world, fd);
		arena_free(a);
		return false;
	}
	bool ok = boss_role_attach(to->channel, &m, a, &rep,
				   world_now(to->super->world) + STEP_NS) ==
			  IPC_OK &&
		  rep.outcome == BOSS_ROLE_OUTCOME_DONE;
	arena_free(a);
	return ok;
}

/* p is the one that comes up; the other's failure is the other's affair. */
static bool connect_two(struct process *p, struct process *q, enum hop hop)
{
	int pair[2];
	if (sock_packet_pair(p->super->world, pair) != OS_OK)
		return false;
	(void)give_end(q, hop, p->kind, p->index, p->pid, pair[1]);
	return give_end(p, hop, q->kind, q->index, q->pid, pair[0]);
}

/* Who only goes on needs its servers, but no more work. */
static bool still_needs(const struct process *q, enum hop hop)
{
	return q->state == RETIRED && hop != HOP_STORE_SORTER;
}

/*
 * Two that come up side by side both look for each other: the first one to see
 * the other makes the channel.
 */
static bool must_join(struct process *p, struct process *q, enum hop hop)
{
	struct super *s = p->super;
	size_t pi = (size_t)(p - s->processes), qi = (size_t)(q - s->processes);
	if (p == q || (q->state != CONFIGURED && q->state != READY &&
		       !still_needs(q, hop)))
		return false;
	_Static_assert(HOP_COUNT <= 32, "one bit each");
	if (p->linked[qi].pid != q->pid || q->linked[pi].pid != p->pid)
		p->linked[qi].hops = q->linked[pi].hops = 0;
	if ((p->linked[qi].hops >> hop & 1) != 0)
		return false;
	p->linked[qi].pid = q->pid;
	q->linked[pi].pid = p->pid;
	p->linked[qi].hops |= 1u << hop;
	q->linked[pi].hops |= 1u << hop;
	return true;
}

static void admin_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct process *p = ctx;
	(void)reason;
	p->admin = NULL;
	if (!ipc_peer_left(c) && p->pid != 0)
		(void)spawn_signal(p->pid, SPAWN_KILL); /* it broke the rules */
	ipc_free(c);
}

static bool connect_admin(struct process *p)
{
	int pair[2];
	if (sock_packet_pair(p->super->world, pair) != OS_OK)
		return false;
	struct ipc_link *link = ipc_link_os(p->super->loop, pair[0]);
	struct ipc_owner owner = {.role = p, .dead = admin_dead};
	if (link != NULL)
		p->admin = admin_boss_join_boss(link, &owner, &report_admin);
	return give_end(p, HOP_ADMIN_BOSS, KIND_SUPERVISOR, 0, os_pid(),
			pair[1]) &&
	       p->admin != NULL;
}

static void log_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct process *p = ctx;
	(void)reason;
	log_set_channel(p->super->log, NULL);
	p->log = NULL;
	ipc_free(c);
}

/* The supervisor's own lines go the way of everybody's. */
static bool connect_log(struct process *p)
{
	int pair[2];
	if (sock_packet_pair(p->super->world, pair) != OS_OK)
		return false;
	struct ipc_link *link = ipc_link_os(p->super->loop, pair[0]);
	struct ipc_owner owner = {.role = p, .dead = log_dead};
	if (link != NULL)
		p->log = role_logger_join_role(link, &owner);
	log_set_channel(p->super->log, p->log);
	return give_end(p, HOP_ROLE_LOGGER, KIND_SUPERVISOR, 0, os_pid(),
			pair[1]) &&
	       p->log != NULL;
}

bool graph_connect(struct process *p)
{
	struct super *s = p->super;
	for (size_t h = 0; h < hop_graph_count; h++) {
		const struct hop_line *l = &hop_graph[h];
		if (l->a != p->kind && l->b != p->kind)
			continue;
		enum kind other = l->a == p->kind ? l->b : l->a;
		for (size_t i = 0; i < s->process_count; i++) {
			struct process *q = &s->processes[i];
			if (q->kind == other && must_join(p, q, l->hop) &&
			    !connect_two(p, q, l->hop))
				return false;
		}
	}
	if (p->kind == KIND_LOGGER)
		return connect_log(p);
	return p->kind != KIND_EDGE_ADMIN || connect_admin(p);
}

/* Kinds that strangers' bytes reach: these are replaced on a peer's word. */
static bool exposed(enum kind k)
{
	return k == KIND_EDGE_MX || k == KIND_EDGE_ACCESS ||
	       k == KIND_EDGE_ADMIN || k == KIND_EDGE_LOCAL || k == KIND_SORTER_MX ||
	       k == KIND_SORTER_ACCESS || k == KIND_FETCH || k == KIND_COURIER;
}

/*
 * Auth is there for the pool that speaks, keeps nothing, and is back in
 * milliseconds: a word against it is believed, a few times in the speaker's life.
 */
static bool believed(struct process *reporter, const struct process *accused)
{
	return accused->kind == KIND_AUTH && reporter->words++ < WORDS_MAX;
}

/*
 * Who of the two is replaced.  A taken-over edge must not be able to have the
 * store killed by slander: an exposed role's word counts against itself.  Of two
 * others it is the one that asks, which kinds order (hops.h).
 */
static struct process *less_trusted(struct process *reporter,
				    struct process *accused)
{
	if (exposed(accused->kind))
		return accused;
	if (exposed(reporter->kind))
		return believed(reporter, accused) ? accused : reporter;
	return reporter->kind > accused->kind ? reporter : accused;
}

void graph_broken(struct process *reporter, const struct boss_role_broken *m)
{
	struct super *s = reporter->super;
	struct process *accused = NULL;
	for (size_t i = 0; i < s->process_count; i++)
		if (s->processes[i].state != FREE &&
		    s->processes[i].kind == (enum kind)m->peer &&
		    s->processes[i].index == m->index)
			accused = &s->processes[i];
	if (accused == NULL || accused->pid != (int32_t)m->pid)
		return; /* no role, or replaced already */
	struct process *guilty = less_trusted(reporter, accused);
	LOG(s->log, WARNING, "role.broken", 0,
	    F_CSTR("role", kind_name(guilty->kind)),
	    F_CSTR("told-by", kind_name(reporter->kind)), F("why", m->why));
	if (guilty->pid != 0)
		(void)spawn_signal(guilty->pid, SPAWN_KILL);
}

bool graph_admit_command(struct super *s, int *fd)
{
	int pair[2];
	for (size_t i = 0; i < s->process_count; i++) {
		struct process *p = &s->processes[i];
		if (p->kind != KIND_EDGE_ADMIN || p->state != READY)
			continue;
		if (sock_packet_pair(s->world, pair) != OS_OK)
			return false;
		*fd = pair[0];
		if (give_end(p, HOP_CMD_ADMIN, KIND_COMMAND, 0, os_pid(), pair[1]))
			return true;
		world_close(s->world, pair[0]);
	}
	return false;
}
