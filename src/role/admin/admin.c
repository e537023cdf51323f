/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/admin - the only role whose hops carry administrative verbs.
 *
 * Rights: accept on the control socket, its channels.  Who connects is known
 * from the kernel: root, or the user that this process runs as; anybody else is
 * closed at once.  A verb is looked up in one table and run in a fiber.
 *
 * Must never act for a peer whose credentials it has not seen, and must never
 * log or repeat a password.
 */
#include "role/admin/admin.h"

#include <stdio.h>
#include <stdlib.h>

#include "ipc/over_os.h"
#include "os/sock.h"
#include "os/spawn.h"
#include "role/admin/survey.h"

static const struct verb verbs[] = {
	{"domain.add", "name", verb_domain_add},
	{"domain.set", "name", verb_domain_set},
	{"domain.remove", "name", verb_domain_remove},
	{"domain.list", NULL, verb_domain_list},
	{"domain.show", "name", verb_domain_show},
	{"account.add", "name", verb_account_add},
	{"account.set", "name", verb_account_set},
	{"account.remove", "name", verb_account_remove},
	{"account.restore", "name", verb_account_restore},
	{"account.list", NULL, verb_account_list},
	{"account.show", "name", verb_account_show},
	{"account.passwd", "name", verb_account_passwd},
	{"app-password.add", "name", verb_app_password_add},
	{"app-password.remove", "name", verb_app_password_remove},
	{"alias.add", "name", verb_alias_add},
	{"alias.set", "name", verb_alias_set},
	{"alias.remove", "name", verb_alias_remove},
	{"alias.list", NULL, verb_alias_list},
	{"alias.show", "name", verb_alias_show},
	{"mailbox.list", "name", verb_mailbox_list},
	{"mailbox.show", "name", verb_mailbox_show},
	{"mailbox.rights", "name", verb_mailbox_rights},
	{"mailbox.grant", "name", verb_mailbox_grant},
	{"mailbox.deleted", "name", verb_mailbox_deleted},
	{"mailbox.undelete", "name", verb_mailbox_undelete},
	{"mailbox.uidl", "name", verb_mailbox_uidl},
	{"queue.list", NULL, verb_queue_list},
	{"queue.show", "id", verb_queue_show},
	{"queue.stats", NULL, verb_queue_stats},
	{"queue.retry", NULL, verb_queue_retry},
	{"queue.hold", NULL, verb_queue_hold},
	{"queue.release", NULL, verb_queue_release},
	{"queue.delete", NULL, verb_queue_delete},
	{"queue.route", "what", verb_queue_route},
	{"queue.ledger", NULL, verb_queue_ledger},
	{"dns.query", "name", verb_dns_query},
	{"dns.show", NULL, verb_dns_show},
	{"dns.check", NULL, verb_dns_check},
	{"dns.keys", NULL, verb_dns_keys},
	{"tls.sent", NULL, verb_tls_sent},
	{"why", "id", verb_why},
	{"why-not", "domain", verb_why_not},
	{"index.rebuild", NULL, verb_index_rebuild},
	{"fsck", NULL, verb_fsck},
	{"backup.begin", NULL, verb_backup_begin},
	{"backup.keep", NULL, verb_backup_keep},
	{"backup.end", NULL, verb_backup_end},
	{"restore.begin", "name", verb_restore_begin},
	{"restore.mailbox", "session", verb_restore_mailbox},
	{"restore.piece", "session", verb_restore_piece},
	{"restore.message", "session", verb_restore_message},
	{"restore.end", "session", verb_restore_end},
	{"status", NULL, verb_status},
	{"statistics", NULL, verb_statistics},
	{"reload", NULL, verb_reload},
	{"stop", NULL, verb_stop},
	{"probe", "role", verb_probe},
};

/* ---- rights: the first page --------------------------------------------- */

static void rights(void *self, struct rights *r)
{
	(void)self;
	*r = (struct rights){.sys = RIGHT_BASE | RIGHT_ACCEPT, .max_fds = 256};
}

/* ---- a verb --------------------------------------------------------------- */

static const struct verb *find_verb(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (span_eq(name, span_cstr(verbs[i].name)))
			return &verbs[i];
	return NULL;
}

static void job_free(struct job *j)
{
	struct admin *a = j->admin;
	j->client->jobs--;
	a->jobs--;
	buf_free(&j->why);
	buf_free(&j->row);
	arena_free(j->arena);
	free(j);
	if (a->draining && a->jobs == 0)
		role_drained(a->role);
}

static void answer(struct job *j)
{
	struct span why = buf_span(&j->why);
	cmd_admin_run_answer(j->call, &(struct cmd_admin_run_reply){
					      .status = j->status,
					      .why = why,
					      .rows = j->rows});
}

/* Of something larger whose beginning is told: there may be a million of them. */
static bool is_step(const struct verb *v)
{
	return v->need != NULL && strcmp(v->need, "session") == 0;
}

static void log_verb(const struct job *j)
{
	const struct log_field fields[] = {
		F_CSTR("verb", j->verb->name),
		F("name", span_sub(job_argument(j, "name"), 0, 320)),
		F_U64("uid", j->client->uid),
		F_U64("peer-pid", (uint64_t)j->client->pid),
		F_U64("status", (uint64_t)j->status)};
	log_event(j->admin->role->log,
		  j->client->quiet || is_step(j->verb) ? ROLE_LOGGER_LEVEL_DEBUG
				   : ROLE_LOGGER_LEVEL_INFO,
		  "admin.verb", 0, fields, ARRAY_LEN(fields));
}

static void run_fiber(void *arg)
{
	struct job *j = arg;
	if (j->verb->need != NULL && !job_has(j, j->verb->need))
		job_end(j, CMD_ADMIN_STATUS_USAGE, "%s needs the argument %s",
			j->verb->name, j->verb->need);
	else
		j->verb->run(j);
	log_verb(j);
	answer(j);
	job_free(j);
}

static struct job *job_new(struct client *c, struct ipc_call *call,
			   const struct cmd_admin_run *m, const struct verb *v)
{
	struct job *j = calloc(1, sizeof *j);
	struct arena *arena = arena_new(ADMIN_JOB_MEMORY);
	if (j == NULL || arena == NULL) {
		free(j);
		arena_free(arena);
		return NULL;
	}
	*j = (struct job){.admin = c->admin,
			  .client = c,
			  .call = call,
			  .ask = m,
			  .verb = v,
			  .arena = arena,
			  .status = CMD_ADMIN_STATUS_DONE};
	buf_init(&j->why, ADMIN_WHY_MAX);
	buf_init(&j->row, ADMIN_ROW_MAX);
	c->jobs++;
	c->admin->jobs++;
	return j;
}

static void on_run(void *ctx, struct ipc_call *call,
		   const struct cmd_admin_run *m)
{
	struct client *c = ctx;
	struct admin *a = c->admin;
	const struct verb *v = find_verb(m->verb);
	a->verbs++;
	if (v == NULL) {
		cmd_admin_run_answer(
			call, &(struct cmd_admin_run_reply){
				      .status = CMD_ADMIN_STATUS_USAGE,
				      .why = SPAN("the running letterlock does "
						  "not know this verb: is it "
						  "older than the command?")});
		return;
	}
	bool full = a->jobs == ADMIN_JOBS_MAX || c->jobs == ADMIN_JOBS_EACH;
	struct job *j = a->draining || full ? NULL : job_new(c, call, m, v);
	if (j == NULL) {
		ipc_refuse(call, IPC_BUSY);
		return;
	}
	ipc_keep(call);
	if (fiber_start(a->role->loop, run_fiber, j) == NULL) {
		ipc_refuse(call, IPC_BUSY);
		job_free(j);
	}
}

/* ---- clients -------------------------------------------------------------- */

static const struct cmd_admin_at_admin handlers = {.run = on_run};

/* A command is no role: it is not replaced, whatever it did. */
static void client_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct client *cl = ctx;
	(void)reason;
	cl->channel = NULL;
	ipc_free(c);
}

static struct client *client_place(struct admin *a)
{
	for (size_t i = 0; i < ADMIN_CLIENTS_MAX; i++)
		if (a->clients[i].channel == NULL && a->clients[i].jobs == 0)
			return &a->clients[i];
	return NULL;
}

static void client_add(struct admin *a, struct ipc_link *link, uint32_t uid,
		       int32_t pid, bool quiet)
{
	struct client *c = client_place(a);
	if (c == NULL) {
		link->ops->close(link);
		link->ops->free(link);
		return;
	}
	*c = (struct client){.admin = a, .uid = uid, .pid = pid, .quiet = quiet};
	struct ipc_owner owner = {.role = c, .dead = client_dead};
	c->channel = cmd_admin_join_admin(link, &owner, &handlers);
}

/* ---- the control socket --------------------------------------------------- */

static bool may_administer(const struct peer_cred *who)
{
	return who->uid == 0 || who->uid == os_uid();
}

static void take(void *self, int fd, const struct peer_cred *who)
{
	struct admin *a = self;
	struct ipc_link *link;
	if (!may_administer(who) || client_place(a) == NULL) {
		a->refused_peers++;
		LOG(a->role->log, WARNING, "admin.refused", 0,
		    F_U64("uid", who->uid), F_U64("peer-pid", (uint64_t)who->pid));
		world_close(a->role->world, fd);
		return;
	}
	link = ipc_link_os(a->role->loop, fd);
	if (link != NULL)
		client_add(a, link, who->uid, who->pid, false);
}

static void listener(void *self, struct span name, int fd)
{
	struct admin *a = self;
	doors_add(&a->doors, name, fd);
}

/* ---- channels to other roles ---------------------------------------------- */

static void store_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct admin *a = ctx;
	a->store = NULL;
	role_peer_dead(a->role, &a->store_peer, c, reason);
}

static void auth_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct admin *a = ctx;
	a->auth = NULL;
	role_peer_dead(a->role, &a->auth_peer, c, reason);
}

/* Nobody replaces the supervisor. */
static void boss_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct admin *a = ctx;
	(void)reason;
	a->boss = NULL;
	ipc_free(c);
}

static void dialer_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct admin *a = ctx;
	a->dialer = NULL;
	role_peer_dead(a->role, &a->dialer_peer, c, reason);
}

static void vault_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct admin *a = ctx;
	a->vault = NULL;
	role_peer_dead(a->role, &a->vault_peer, c, reason);
}

static void logger_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct admin *a = ctx;
	a->logger = NULL;
	role_peer_dead(a->role, &a->logger_peer, c, reason);
}

static void courier_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct admin *a = ctx;
	a->courier = NULL;
	role_peer_dead(a->role, &a->courier_peer, c, reason);
}

static struct ipc_owner owned(struct admin *a,
			      void (*dead)(void *, struct ipc *, const char *))
{
	return (struct ipc_owner){.role = a, .dead = dead};
}

/* The peer came back: what is left of the last channel is of no use. */
static void attach(void *self, const struct role_peer *peer,
		   struct ipc_link *link)
{
	struct admin *a = self;
	struct ipc_owner owner;
	switch (peer->hop) {
	case HOP_ADMIN_STORE:
		ipc_free(a->store ? admin_store_ipc(a->store) : NULL);
		owner = owned(a, store_dead);
		a->store_peer = *peer;
		a->store = admin_store_join_admin(link, &owner);
		break;
	case HOP_ADMIN_AUTH:
		ipc_free(a->auth ? admin_auth_ipc(a->auth) : NULL);
		owner = owned(a, auth_dead);
		a->auth_peer = *peer;
		a->auth = admin_auth_join_admin(link, &owner);
		break;
	case HOP_ADMIN_BOSS:
		ipc_free(a->boss ? admin_boss_ipc(a->boss) : NULL);
		owner = owned(a, boss_dead);
		a->boss = admin_boss_join_admin(link, &owner);
		break;
	case HOP_ADMIN_DIALER:
		ipc_free(a->dialer ? admin_dialer_ipc(a->dialer) : NULL);
		owner = owned(a, dialer_dead);
		a->dialer_peer = *peer;
		a->dialer = admin_dialer_join_admin(link, &owner);
		break;
	case HOP_ADMIN_VAULT:
		ipc_free(a->vault ? admin_vault_ipc(a->vault) : NULL);
		owner = owned(a, vault_dead);
		a->vault_peer = *peer;
		a->vault = admin_vault_join_admin(link, &owner);
		break;
	case HOP_ADMIN_LOGGER:
		ipc_free(a->logger ? admin_logger_ipc(a->logger) : NULL);
		owner = owned(a, logger_dead);
		a->logger_peer = *peer;
		a->logger = admin_logger_join_admin(link, &owner);
		break;
	case HOP_ADMIN_COURIER:
		ipc_free(a->courier ? admin_courier_ipc(a->courier) : NULL);
		owner = owned(a, courier_dead);
		a->courier_peer = *peer;
		a->courier = admin_courier_join_admin(link, &owner);
		break;
	case HOP_CMD_ADMIN:
		client_add(a, link, os_uid(), (int32_t)peer->pid, true);
		break;
	default:
		link->ops->close(link);
		link->ops->free(link);
	}
}

/* ---- life ----------------------------------------------------------------- */

static void *create(struct role *role, const struct conf *conf, struct buf *why)
{
	struct admin *a = calloc(1, sizeof *a);
	if (a == NULL) {
		buf_add(why, SPAN("memory is short"));
		return NULL;
	}
	a->role = role;
	a->conf = conf;
	doors_init(&a->doors, role, take);
	return a;
}

static void destroy(void *self)
{
	struct admin *a = self;
	survey_finish(a);
	doors_close(&a->doors);
	for (size_t i = 0; i < ADMIN_CLIENTS_MAX; i++)
		if (a->clients[i].channel != NULL)
			ipc_free(cmd_admin_ipc(a->clients[i].channel));
	ipc_free(a->store ? admin_store_ipc(a->store) : NULL);
	ipc_free(a->auth ? admin_auth_ipc(a->auth) : NULL);
	ipc_free(a->boss ? admin_boss_ipc(a->boss) : NULL);
	ipc_free(a->dialer ? admin_dialer_ipc(a->dialer) : NULL);
	ipc_free(a->vault ? admin_vault_ipc(a->vault) : NULL);
	ipc_free(a->courier ? admin_courier_ipc(a->courier) : NULL);
	ipc_free(a->logger ? admin_logger_ipc(a->logger) : NULL);
	free(a);
}

static bool start(void *self, struct buf *why)
{
	struct admin *a = self;
	(void)why;
	doors_open(&a->doors);
	survey_at_start(a);
	return true;
}

static void adopt(void *self, const struct conf *conf)
{
	struct admin *a = self;
	a->conf = conf;
	doors_keep(&a->doors, conf);
	survey_after_reload(a);
}

static void drain(void *self, uint32_t within_ms)
{
	struct admin *a = self;
	(void)within_ms;
	a->draining = true;
	if (a->survey != NULL)
		fiber_stop(a->survey);
	doors_close(&a->doors);
	if (a->jobs == 0)
		role_drained(a->role);
}

static void status(void *self, struct buf *json)
{
	struct admin *a = self;
	unsigned clients = 0;
	for (size_t i = 0; i < ADMIN_CLIENTS_MAX; i++)
		clients += a->clients[i].channel != NULL;
	buf_printf(json,
		   "\"clients\":%u,\"running\":%u,\"verbs\":%llu,"
		   "\"refused_peers\":%llu",
		   clients, a->jobs, (unsigned long long)a->verbs,
		   (unsigned long long)a->refused_peers);
}

const struct role_def admin_role = {
	.create = create,
	.destroy = destroy,
	.attach = attach,
	.listener = listener,
	.rights = rights,
	.start = start,
	.adopt = adopt,
	.drain = drain,
	.status = status,
};
