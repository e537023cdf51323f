/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/supervisor/material: opens what roles may not open themselves.
 *
 * Certificates and keys for the vault, authorities of clients for edges and of servers for fetch, the log file for the logger, a folder of
 * its own for each role that keeps data.  Opened, handed over, not read.
 */
#include "role/supervisor/supervisor.h"

#include <stdio.h>
#include <string.h>

#include "os/file.h"
#include "os/self.h"

#define USERS_FILE "/etc/passwd"

/* "dir" and "name" of a path, both C strings inside `copy`. */
static bool split(char *copy, const char **dir, const char **name)
{
	size_t slash = span_find_last(span_cstr(copy), '/');
	if (slash == SIZE_MAX) {
		*dir = ".";
		*name = copy;
	} else {
		copy[slash] = '\0';
		*dir = slash == 0 ? "/" : copy;
		*name = copy + slash + 1;
	}
	return **name != '\0';
}

bool path_open(struct super *s, const char *path, struct open_how how, int *fd,
	       struct buf *why)
{
	char copy[PATH_LEN_MAX + 1];
	const char *dir, *name;
	int at = -1;
	enum os r = OS_TOOBIG;
	if (strlen(path) < sizeof copy) {
		memcpy(copy, path, strlen(path) + 1);
		r = split(copy, &dir, &name) ? file_dir_open(s->world, dir, &at)
					     : OS_NOENT;
	}
	if (r == OS_OK)
		r = file_open(s->world, at, name, how, fd);
	world_close(s->world, at);
	if (r != OS_OK)
		buf_printf(why, "%s: %s", path, os_text(r));
	return r == OS_OK;
}

/* A folder below the data folder that belongs to one role alone. */
static const char *folder_of(enum kind k)
{
	switch (k) {
	case KIND_STORE:
		return "store";
	case KIND_DIALER:
		return "dialer";
	default:
		return NULL;
	}
}

static bool make_folder(struct super *s, enum kind k, struct buf *why)
{
	const char *name = folder_of(k);
	uint32_t id = ROLE_UID_FIRST + (uint32_t)k;
	int *fd = &s->folders[k];
	enum os r = file_mkdir(s->world, s->data_dir, name);
	if (r == OS_OK || r == OS_EXIST)
		r = file_dir_at(s->world, s->data_dir, name, fd);
	if (r == OS_OK && s->root)
		r = file_own(s->world, *fd, id, id);
	if (r != OS_OK)
		buf_printf(why, "the folder \"%s\" in the data folder: %s", name,
			   os_text(r));
	return r == OS_OK;
}

/* Make one level of a folder when it is missing, and open it.  passage: others
 * may use the sockets in it. */
static bool open_or_make(struct super *s, struct span path, bool passage,
			 int *fd, struct buf *why)
{
	char copy[PATH_LEN_MAX + 1], whole[PATH_LEN_MAX + 1];
	const char *dir, *name;
	int at = -1;
	snprintf(whole, sizeof whole, "%.*s", SPAN_FMT(path));
	memcpy(copy, whole, sizeof copy);
	enum os r = file_dir_open(s->world, whole, fd);
	if (r == OS_NOENT && split(copy, &dir, &name)) {
		r = file_dir_open(s->world, dir, &at);
		if (r == OS_OK)
			r = file_mkdir(s->world, at, name);
		if (r == OS_OK && passage)
			(void)self_passage(whole);
		world_close(s->world, at);
		if (r == OS_OK || r == OS_EXIST)
			r = file_dir_open(s->world, whole, fd);
	}
	if (r != OS_OK)
		buf_printf(why, "%s: %s: make the folder, and let letterlock "
				"write in it",
			   whole, os_text(r));
	return r == OS_OK;
}

bool folders_make(struct super *s, const struct conf *conf, struct buf *why)
{
	int run;
	if (!open_or_make(s, conf->data, false, &s->data_dir, why) ||
	    !open_or_make(s, conf->run, true, &run, why))
		return false;
	world_close(s->world, run);
	enum os r = file_lock(s->world, s->data_dir, "lock", &s->run_lock);
	if (r != OS_OK) {
		buf_printf(why, "%.*s: %s", SPAN_FMT(conf->data),
			   r == OS_BUSY ? "another letterlock runs on this data: "
					  "stop it first (`letterlock stop`)"
					: os_text(r));
		return false;
	}
	return make_folder(s, KIND_STORE, why) &&
	       make_folder(s, KIND_DIALER, why);
}

static bool give(struct process *p, enum material kind, struct span name,
		 int fd, struct buf *why)
{
	struct boss_role_material_reply rep;
	struct arena *a = arena_new(65536);
	if (a == NULL || p->channel == NULL) {
		world_close(p->super->world, fd);
		arena_free(a);
		return false;
	}
	struct boss_role_material m = {
		.kind = (uint16_t)kind, .name = name, .file = fd};
	enum ipc_result r =
		boss_role_material(p->channel, &m, a, &rep,
				   world_now(p->super->world) + STEP_NS);
	bool ok = r == IPC_OK && rep.outcome == BOSS_ROLE_OUTCOME_DONE;
	if (!ok)
		buf_add(why, r == IPC_OK ? rep.why : SPAN("no answer"));
	arena_free(a);
	return ok;
}

static bool give_file(struct process *p, enum material kind, struct span name,
		      struct span path, struct open_how how, struct buf *why)
{
	char text[PATH_LEN_MAX + 1];
	int fd;
	snprintf(text, sizeof text, "%.*s", SPAN_FMT(path));
	return path_open(p->super, text, how, &fd, why) &&
	       give(p, kind, name, fd, why);
}

/* Chains before keys: the vault compares the second with the first. */
static bool give_certificate(struct process *p,
			     const struct conf_certificate *c, struct buf *why)
{
	char name[80];
	for (size_t i = 0; i < c->chain.count && i < c->key.count; i++) {
		int n = snprintf(name, sizeof name, "%.*s %zu",
				 SPAN_FMT(c->name), i);
		struct span label = span_of(name, (size_t)n);
		if (!give_file(p, MATERIAL_CHAIN, label, c->chain.at[i],
			       (struct open_how){0}, why) ||
		    !give_file(p, MATERIAL_KEY, label, c->key.at[i],
			       (struct open_how){0}, why))
			return false;
	}
	for (size_t i = 0; i < c->next_key.count; i++)
		if (!give_file(p, MATERIAL_NEXT_KEY, c->name, c->next_key.at[i],
			       (struct open_how){0}, why))
			return false;
	return true;
}

static bool give_log(struct process *p, const struct conf *conf, struct buf *why)
{
	int fd;
	if (conf->log.to == CONF_LOG_STDERR) {
		if (world_dup(p->super->world, 2, &fd) != OS_OK)
			return false;
		return give(p, MATERIAL_LOG, SPAN("stderr"), fd, why);
	}
	return give_file(p, MATERIAL_LOG, SPAN("log"), conf->log.file,
			 (struct open_how){.write = true, .create = true,
					   .append = true},
			 why);
}

/* In the data folder whatever becomes of the log; the first one is kept. */
static bool give_trail(struct process *p, const struct conf *conf,
		       struct buf *why)
{
	struct super *s = p->super;
	int fd;
	if (conf->log.trail == 0 || p->state == READY)
		return true;
	enum os r = file_open(s->world, s->data_dir, "trail",
			      (struct open_how){.write = true, .create = true},
			      &fd);
	if (r == OS_OK)
		return give(p, MATERIAL_TRAIL, SPAN("trail"), fd, why);
	buf_printf(why, "the file \"trail\" in the data folder: %s", os_text(r));
	return false;
}

static bool give_folder(struct process *p, struct buf *why)
{
	int fd;
	if (world_dup(p->super->world, p->super->folders[p->kind], &fd) != OS_OK)
		return false;
	return give(p, MATERIAL_DIR, span_cstr(folder_of(p->kind)), fd, why);
}

/* For each of the pool's listeners that asks its clients for a certificate. */
static bool give_authorities(struct process *p, const struct conf *conf,
			     struct buf *why)
{
	for (size_t i = 0; i < conf->listener_count; i++) {
		const struct conf_listener *l = &conf->listeners[i];
		if (!l->enabled || l->tls.client_ca.len == 0 ||
		    conf_pool(l->role) != kind_conf(p->kind))
			continue;
		if (!give_file(p, MATERIAL_CLIENT_CA, l->name, l->tls.client_ca,
			       (struct open_how){0}, why)) {
			buf_printf(why, " (client-ca of listener %.*s)",
				   SPAN_FMT(l->name));
			return false;
		}
	}
	return true;
}

/* We hold it, and never read it. */
static bool give_book(struct process *p, struct buf *why)
{
	struct super *s = p->super;
	int fd;
	if (s->book < 0 && blob_new(s->world, &s->book) != OS_OK)
		s->book = -1;
	if (s->book < 0 || world_dup(s->world, s->book, &fd) != OS_OK) {
		buf_add(why, SPAN("no memory file can be made"));
		return false;
	}
	return give(p, MATERIAL_BOOK, SPAN("throttle"), fd, why);
}

#define SYSTEM_AUTHORITIES "/etc/ssl/certs/ca-certificates.crt"

/* The system's may be missing: then nobody is trusted, and mail goes on. */
static bool give_system_authorities(struct process *p, struct buf *why)
{
	struct buf lack;
	int fd;
	buf_init(&lack, 1024);
	bool there = path_open(p->super, SYSTEM_AUTHORITIES, (struct open_how){0},
			       &fd, &lack);
	if (!there)
		LOG(p->super->log, WARNING, "authorities.none", 0,
		    F("why", buf_span(&lack)));
	buf_free(&lack);
	return !there || give(p, MATERIAL_AUTHORITIES, SPAN("system"), fd, why);
}

static bool give_outgoing_authorities(struct process *p, const struct conf *conf,
				      struct buf *why)
{
	if (conf->outgoing.authorities.len == 0)
		return give_system_authorities(p, why);
	if (give_file(p, MATERIAL_AUTHORITIES, SPAN("outgoing"),
		      conf->outgoing.authorities, (struct open_how){0}, why))
		return true;
	buf_add(why, SPAN(" (outgoing authorities)"));
	return false;
}

/* Passwords for servers that want a login. */
static bool give_secrets(struct process *p, const struct conf *conf,
			 struct buf *why)
{
	for (size_t i = 0; i < conf->destination_count; i++) {
		const struct conf_destination *d = &conf->destinations[i];
		if (d->password.count == 0)
			continue;
		if (!give_file(p, MATERIAL_SECRET, d->name, d->password.at[0],
			       (struct open_how){0}, why)) {
			buf_printf(why, " (password of destination %.*s)",
				   SPAN_FMT(d->name));
			return false;
		}
	}
	return true;
}

bool material_give(struct process *p, struct buf *why)
{
	const struct conf *conf = p->super->settings.conf;
	if (p->kind == KIND_LOGGER)
		return give_log(p, conf, why) && give_trail(p, conf, why);
	if (p->kind == KIND_FETCH)
		return give_outgoing_authorities(p, conf, why);
	if (p->kind == KIND_COURIER)
		return give_outgoing_authorities(p, conf, why) &&
		       give_secrets(p, conf, why);
	if (p->kind == KIND_AUTH)
		return give_book(p, why);
	if (p->kind == KIND_EDGE_LOCAL)
		return give_file(p, MATERIAL_USERS, SPAN("users"),
				 SPAN(USERS_FILE), (struct open_how){0}, why);
	if (p->kind == KIND_EDGE_MX || p->kind == KIND_EDGE_ACCESS)
		return give_authorities(p, conf, why);
	if (p->kind == KIND_VAULT)
		for (size_t i = 0; i < conf->certificate_count; i++)
			if (!give_certificate(p, &conf->certificates[i], why))
				return false;
	return folder_of(p->kind) == NULL || give_folder(p, why);
}
