/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/demo: a whole throw-away server below one folder.
 *
 * Makes what is missing (keys by a process that ends before the roles start, a
 * configuration on free ports, accounts) and becomes the supervisor.  Started
 * again in the same folder it keeps data, keys, passwords and, when they are
 * free, ports.
 *
 * Must write nothing outside of the folder, and send no packet beyond loopback.
 */
#include "cmd/command.h"

#include <stdio.h>
#include <time.h>

#include "base/ensure.h"
#include "base/json.h"
#include "cmd/config.h"
#include "cmd/launch.h"
#include "os/file.h"
#include "os/sock.h"

#define DOMAIN       "example.test"
#define HOSTNAME     "mx." DOMAIN
#define DIR_LEN_MAX  80u
#define USERS_MAX    10000u
#define USERS_DEAR   20u /* up to so many, passwords cost what they cost */
#define PASSWORD_LEN 16u
#define TEXT_MAX     (4u << 20)
#define PORT_FIRST   10000u /* below the ports of outgoing connections */
#define PORT_COUNT   20000u
#define PORT_TRIES   2000u
#define PORT_WAIT_MS 1500u  /* for an instance that was just killed */
#define KEYS_AGE     (350 * 86400)

/* A listener: its name in endpoints.json, and its block's content. */
static const struct service {
	const char *name, *role;
	bool implicit;
} services[] = {
	{"smtp", "mx", false},		 {"submission", "submission", false},
	{"submissions", "submission", true}, {"imap", "imap", false},
	{"imaps", "imap", true},	 {"pop3", "pop3", false},
	{"pop3s", "pop3", true},
};
#define SERVICES ARRAY_LEN(services)

struct demo {
	struct command *c;
	char dir[DIR_LEN_MAX + 1];
	int folder;
	uint64_t users;
	bool rsa, v6, weak;
	uint16_t ports[SERVICES];
	int held[SERVICES][2]; /* sockets that keep the ports until the exec */
	char alice[PASSWORD_LEN + 1], bob[PASSWORD_LEN + 1];
};

static bool failed(const struct demo *d, const char *what, enum os r)
{
	complain(d->c, "%s/%s: %s", d->dir, what, os_text(r));
	return false;
}

/* ---- folders -------------------------------------------------------------- */

static bool open_dir(struct demo *d, const char *given)
{
	char path[COMMAND_PATH];
	const char *name;
	int parent = -1;
	enum os r = self_absolute(given, path, sizeof path);
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	if (len > DIR_LEN_MAX) {
		complain(d->c, "%s: the folder's name is longer than %u bytes: "
			       "the sockets in it could not be named",
			 path, DIR_LEN_MAX);
		return false;
	}
	snprintf(d->dir, sizeof d->dir, "%.*s", (int)DIR_LEN_MAX, path);
	if (r == OS_OK)
		r = command_folder(d->c, d->dir, &parent, &name);
	if (r == OS_OK) {
		r = file_mkdir(d->c->world, parent, name);
		if (r == OS_OK || r == OS_EXIST)
			r = file_dir_open(d->c->world, d->dir, &d->folder);
	}
	if (parent >= 0)
		world_close(d->c->world, parent);
	if (r == OS_OK)
		return true;
	complain(d->c, "%s: %s", given, os_text(r));
	return false;
}

static bool make_folder(struct demo *d, const char *name)
{
	enum os r = file_mkdir(d->c->world, d->folder, name);
	return r == OS_OK || r == OS_EXIST || failed(d, name, r);
}

static bool make_folders(struct demo *d)
{
	enum os r = file_unlink(d->c->world, d->folder, "endpoints.json");
	if (r != OS_OK && r != OS_NOENT)
		return failed(d, "endpoints.json", r);
	return make_folder(d, "data") && make_folder(d, "run") &&
	       make_folder(d, "log") && make_folder(d, "keys");
}

static bool write_file(struct demo *d, const char *name, const struct buf *b)
{
	enum os r = OS_NOMEM;
	if (buf_ok(b))
		r = file_replace(d->c->world, d->folder, name, buf_span(b));
	return r == OS_OK || failed(d, name, r);
}

/* What stands in a file of ours; empty when it is not there. */
static struct span read_file(struct demo *d, const char *name)
{
	char path[DIR_LEN_MAX + 32];
	struct span text;
	snprintf(path, sizeof path, "%s/%s", d->dir, name);
	(void)command_load(d->c, path, TEXT_MAX, &text);
	return text;
}

/* ---- keys ----------------------------------------------------------------- */

static bool is_fresh(struct demo *d, int keys, const char *name)
{
	struct world *w = d->c->world;
	struct file_facts facts;
	int fd;
	if (file_open(w, keys, name, (struct open_how){0}, &fd) != OS_OK)
		return false;
	bool ok = file_facts(w, fd, &facts) == OS_OK &&
		  world_wall(w).sec - facts.mtime < KEYS_AGE;
	world_close(w, fd);
	return ok;
}

static bool make_keys(struct demo *d)
{
	const char *const both[] = {
		"letterlock: keygen", "ca", "ecdsa:ecdsa", "rsa:rsa", "--",
		HOSTNAME, "localhost", "127.0.0.1", "::1", NULL};
	const char *const one[] = {
		"letterlock: keygen", "ca", "ecdsa:ecdsa", "--", HOSTNAME,
		"localhost", "127.0.0.1", "::1", NULL};
	int keys;
	enum os r = file_dir_at(d->c->world, d->folder, "keys", &keys);
	if (r != OS_OK)
		return failed(d, "keys", r);
	bool has_rsa = is_fresh(d, keys, "rsa.key");
	bool ok = is_fresh(d, keys, "ca.pem") && (has_rsa || !d->rsa);
	d->rsa |= has_rsa;
	ok = ok || launch_keygen(d->c, keys, d->weak, d->rsa ? both : one);
	world_close(d->c->world, keys);
	return ok;
}

/* ---- ports ---------------------------------------------------------------- */

static const struct addr *loopback(struct addr *a, bool v6, uint16_t port)
{
	static const uint8_t one[16] = {[15] = 1};
	*a = v6 ? addr_v6(one, port) : addr_v4(127, 0, 0, 1, port);
	return a;
}

static void release(struct demo *d, size_t i)
{
	for (size_t k = 0; k < 2; k++) {
		if (d->held[i][k] >= 0)
			world_close(d->c->world, d->held[i][k]);
		d->held[i][k] = -1;
	}
}

/* The port is ours on both addresses until it is released. */
static bool hold(struct demo *d, size_t i, uint16_t port)
{
	struct listen_how how = {.reuse_addr = true};
	struct addr a;
	for (size_t k = 0; k < (d->v6 ? 2u : 1u); k++)
		if (sock_listen(d->c->world, loopback(&a, k == 1, port), how,
				&d->held[i][k]) != OS_OK) {
			d->held[i][k] = -1;
			release(d, i);
			return false;
		}
	d->ports[i] = port;
	return true;
}

static bool hold_any(struct demo *d, size_t i)
{
	for (unsigned n = 0; n < PORT_TRIES; n++) {
		uint64_t chance = world_random_u64(d->c->world);
		if (hold(d, i, (uint16_t)(PORT_FIRST + chance % PORT_COUNT)))
			return true;
	}
	complain(d->c, "no free ports on 127.0.0.1");
	return false;
}

static bool hold_all(struct demo *d, const uint16_t *wanted)
{
	for (size_t i = 0; i < SERVICES; i++)
		if (!hold(d, i, wanted[i])) {
			while (i-- > 0)
				release(d, i);
			return false;
		}
	return true;
}

static bool has_v6(struct demo *d)
{
	struct addr a;
	int fd;
	if (sock_listen(d->c->world, loopback(&a, true, 0),
			(struct listen_how){0}, &fd) != OS_OK)
		return false;
	world_close(d->c->world, fd);
	return true;
}

/* ---- the configuration ---------------------------------------------------- */

static void quoted(struct buf *out, const struct demo *d, const char *before,
		   const char *below)
{
	buf_printf(out, "\"%s", before);
	for (const char *p = d->dir; *p != '\0'; p++)
		buf_printf(out, "%s%c", *p == '"' || *p == '\\' ? "\\" : "", *p);
	buf_printf(out, "/%s\"", below);
}

static void option(struct buf *out, const struct demo *d, const char *name,
		   const char *below)
{
	buf_printf(out, "%s ", name);
	quoted(out, d, "", below);
	buf_add(out, SPAN(";\n"));
}

static void certificate(struct buf *out, const struct demo *d)
{
	buf_add(out, SPAN("certificate demo {\n\tchain "));
	quoted(out, d, "", "keys/ecdsa.pem");
	if (d->rsa) {
		buf_addc(out, ' ');
		quoted(out, d, "", "keys/rsa.pem");
	}
	buf_add(out, SPAN(";\n\tkey "));
	quoted(out, d, "file:", "keys/ecdsa.key");
	if (d->rsa) {
		buf_addc(out, ' ');
		quoted(out, d, "file:", "keys/rsa.key");
	}
	buf_add(out, SPAN(";\n}\n"));
}

static void listener(struct buf *out, const struct demo *d, size_t i)
{
	const struct service *s = &services[i];
	buf_printf(out,
		   "listener %s {\n\trole %s;\n\taddress 127.0.0.1%s;\n"
		   "\tport %u;\n\ttls %s;\n}\n",
		   s->name, s->role, d->v6 ? " ::1" : "", d->ports[i],
		   s->implicit ? "implicit" : "starttls");
}

static bool write_config(struct demo *d)
{
	struct buf text;
	buf_init(&text, TEXT_MAX);
	buf_add(&text, SPAN("# A throw-away instance, made by `letterlock demo`."
			    "\nhostname " HOSTNAME ";\n"));
	option(&text, d, "data", "data");
	option(&text, d, "run", "run");
	buf_add(&text, SPAN("log {\n\tto file;\n\tformat json;\n\t"));
	option(&text, d, "file", "log/letterlock.log");
	buf_add(&text, SPAN("}\ndns { lookups off; }\n"
			    "processes { sessions 20000; }\n"
			    "limits { connections-per-address 0; }\n"));
	if (d->users > USERS_DEAR) /* all are made at the start */
		buf_add(&text, SPAN("auth { argon2-memory 8M; argon2-passes 1; "
				    "scram-iterations 4096; }\n"));
	certificate(&text, d);
	for (size_t i = 0; i < SERVICES; i++)
		listener(&text, d, i);
	bool ok = write_file(d, "letterlock.conf", &text);
	buf_free(&text);
	return ok;
}

/* Is this one's configuration, maybe edited, for this folder and these keys? */
static bool fits(const struct demo *d, const struct conf *conf, uint16_t *ports)
{
	char data[DIR_LEN_MAX + 8];
	size_t keys = 0;
	snprintf(data, sizeof data, "%s/data", d->dir);
	for (size_t i = 0; i < SERVICES; i++) {
		const struct conf_listener *l =
			conf_listener(conf, span_cstr(services[i].name));
		if (l == NULL || l->port == 0 || l->port > UINT16_MAX ||
		    (l->address.count > 1 && !d->v6))
			return false;
		ports[i] = (uint16_t)l->port;
	}
	if (conf->certificate_count > 0)
		keys = conf->certificates[0].chain.count;
	return span_eq(conf->data, span_cstr(data)) && keys >= (d->rsa ? 2 : 1);
}

/* The last configuration stays while its ports can be had. */
static bool keep_config(struct demo *d)
{
	const struct timespec pause = {.tv_nsec = 25000000};
	struct conf_report report = {0};
	struct conf_snapshot *s = NULL;
	char path[DIR_LEN_MAX + 32];
	uint16_t ports[SERVICES] = {0};
	snprintf(path, sizeof path, "%s/letterlock.conf", d->dir);
	if (read_file(d, "letterlock.conf").len == 0)
		return false;
	s = config_read(d->c, path, &report);
	conf_report_free(&report);
	bool ok = s != NULL && fits(d, conf_values(s), ports);
	conf_snapshot_free(s);
	for (unsigned ms = 0; ok && ms < PORT_WAIT_MS; ms += 25) {
		if (hold_all(d, ports))
			return true;
		(void)nanosleep(&pause, NULL);
	}
	return false;
}

static bool make_config(struct demo *d)
{
	d->v6 = has_v6(d);
	for (size_t i = 0; i < SERVICES; i++)
		d->held[i][0] = d->held[i][1] = -1;
	if (keep_config(d))
		return true;
	for (size_t i = 0; i < SERVICES; i++)
		if (!hold_any(d, i))
			return false;
	return write_config(d);
}

/* ---- accounts ------------------------------------------------------------- */

static void new_password(struct demo *d, char out[PASSWORD_LEN + 1])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789";
	for (size_t i = 0; i < PASSWORD_LEN;) {
		uint8_t byte;
		world_random(d->c->world, &byte, 1);
		if ((byte & 63) < sizeof letters - 1)
			out[i++] = letters[byte & 63];
	}
	out[PASSWORD_LEN] = '\0';
}

/* The password of the last start; false: there is none. */
static bool old_password(struct span lines, const char *name,
			 char out[PASSWORD_LEN + 1])
{
	struct span line, address, local;
	while (lines.len > 0) {
		(void)span_cut(&lines, '\n', &line);
		if (!span_cut(&line, ' ', &address))
			continue;
		(void)span_cut(&address, '@', &local);
		if (!span_eq(local, span_cstr(name)) || line.len != PASSWORD_LEN)
			continue;
		snprintf(out, PASSWORD_LEN + 1, "%.*s", SPAN_FMT(line));
		return true;
	}
	return false;
}

static bool make_accounts(struct demo *d)
{
	struct span before = read_file(d, "accounts");
	struct buf text;
	if (!old_password(before, "alice", d->alice))
		new_password(d, d->alice);
	if (!old_password(before, "bob", d->bob))
		new_password(d, d->bob);
	buf_init(&text, TEXT_MAX);
	buf_printf(&text, "alice@" DOMAIN " %s\nbob@" DOMAIN " %s\n", d->alice,
		   d->bob);
	for (uint64_t i = 1; i <= d->users; i++)
		buf_printf(&text, "u%llu@" DOMAIN " secret\n",
			   (unsigned long long)i);
	bool ok = write_file(d, "accounts", &text);
	buf_free(&text);
	return ok;
}

/* ---- what others are told ------------------------------------------------- */

static void path_member(struct buf *out, const struct demo *d, const char *key,
			const char *below)
{
	char path[DIR_LEN_MAX + 32];
	snprintf(path, sizeof path, "%s/%s", d->dir, below);
	buf_printf(out, "\"%s\":", key);
	json_quote(out, span_cstr(path));
	buf_addc(out, ',');
}

static void accounts_member(struct buf *out, const struct demo *d)
{
	buf_printf(out,
		   "\"accounts\":["
		   "{\"user\":\"alice@" DOMAIN "\",\"password\":\"%s\"},"
		   "{\"user\":\"bob@" DOMAIN "\",\"password\":\"%s\"}",
		   d->alice, d->bob);
	for (uint64_t i = 1; i <= d->users; i++)
		buf_printf(out,
			   ",{\"user\":\"u%llu@" DOMAIN
			   "\",\"password\":\"secret\"}",
			   (unsigned long long)i);
	buf_addc(out, ']');
}

/* All of endpoints.json but the pids and the braces around it. */
static bool write_part(struct demo *d)
{
	struct buf out;
	buf_init(&out, TEXT_MAX);
	buf_add(&out, SPAN("\"domain\":\"" DOMAIN "\",\"hostname\":\"" HOSTNAME
			   "\","));
	path_member(&out, d, "ca", "keys/ca.pem");
	path_member(&out, d, "config", "letterlock.conf");
	path_member(&out, d, "log", "log/letterlock.log");
	buf_add(&out, SPAN("\"ports\":{"));
	for (size_t i = 0; i < SERVICES; i++)
		buf_printf(&out, "%s\"%s\":%u", i > 0 ? "," : "",
			   services[i].name, d->ports[i]);
	buf_add(&out, SPAN("},"));
	accounts_member(&out, d);
	bool ok = write_file(d, "endpoints.part", &out);
	buf_free(&out);
	return ok;
}

/* ---- the verb ------------------------------------------------------------- */

static enum end become(struct demo *d)
{
	static const char *const names[] = {"letterlock.conf", "endpoints.json",
					    "endpoints.part", "accounts"};
	char paths[ARRAY_LEN(names)][DIR_LEN_MAX + 32];
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		snprintf(paths[i], sizeof paths[i], "%s/%s", d->dir, names[i]);
	for (size_t i = 0; i < SERVICES; i++)
		release(d, i);
	if (self_is_terminal(2))
		fprintf(stderr,
			"letterlock demo: starting below %s; Ctrl-C ends it\n"
			"%s appears once every port answers\n",
			d->dir, paths[1]);
	const char *args[] = {NULL,	      "--config",   paths[0],
			      "--endpoints",  paths[1],	    "--part",
			      paths[2],	      "--populate", paths[3],
			      d->weak ? "--allow-weak-kernel" : NULL, NULL};
	return launch_supervisor(d->c, args);
}

enum end verb_demo(struct command *c)
{
	static const struct arg_option options[] = {
		{"--dir", "DIR"}, {"--users", "N"}, {"--rsa", NULL},
		{"--allow-weak-kernel", NULL}};
	struct demo d = {.c = c, .folder = -1};
	struct args a;
	enum end end;
	if (!command_args(c, &a, options, ARRAY_LEN(options), &end))
		return end;
	const char *dir = args_value(&a, "--dir");
	const char *users = args_value(&a, "--users");
	if (dir == NULL || *dir == '\0' || a.word_count > 0)
		return usage_error(c, "--dir DIR says where everything goes");
	if (users != NULL && !span_u64(span_cstr(users), USERS_MAX, &d.users))
		return usage_error(c, "--users takes a number up to 10000");
	d.rsa = args_has(&a, "--rsa");
	d.weak = args_has(&a, "--allow-weak-kernel");
	if (!open_dir(&d, dir) || !make_folders(&d) || !make_keys(&d) ||
	    !make_config(&d) || !make_accounts(&d) || !write_part(&d))
		return END_FAILED;
	return become(&d);
}
