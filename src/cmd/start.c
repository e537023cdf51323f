/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/start: check what can be checked while somebody reads, then become the
 * supervisor.
 */
#include <stdio.h>

#include "cmd/config.h"
#include "cmd/launch.h"
#include "os/file.h"

/* A folder below the data folder, made when it is missing. */
static bool open_below(struct command *c, struct span data, const char *name,
		       int *fd)
{
	char path[COMMAND_PATH];
	const char *last;
	int above = -1, folder = -1;
	snprintf(path, sizeof path, "%.*s", SPAN_FMT(data));
	enum os r = command_folder(c, path, &above, &last);
	if (r == OS_OK) {
		r = file_mkdir(c->world, above, last);
		if (r == OS_OK || r == OS_EXIST)
			r = file_dir_open(c->world, path, &folder);
	}
	if (r == OS_OK) {
		r = file_mkdir(c->world, folder, name);
		if (r == OS_OK || r == OS_EXIST)
			r = file_dir_at(c->world, folder, name, fd);
	}
	if (above >= 0)
		world_close(c->world, above);
	if (folder >= 0)
		world_close(c->world, folder);
	if (r != OS_OK)
		complain(c, "%s/%s: %s: make the folder, and let letterlock "
			    "write in it",
			 path, name, os_text(r));
	return r == OS_OK;
}

static bool is_own(const struct conf *conf, const struct conf_certificate *x)
{
	char path[COMMAND_PATH];
	snprintf(path, sizeof path, "%.*s/keys/default.pem",
		 SPAN_FMT(conf->data));
	return x->chain.count == 1 &&
	       span_eq(x->chain.at[0], span_cstr(path));
}

/* Nobody has given a certificate: make one, so that STARTTLS can be offered. */
static bool own_certificate(struct command *c, const struct conf *conf, bool weak)
{
	char host[256];
	int keys, fd = -1;
	if (conf->certificate_count != 1 || !is_own(conf, conf->certificates))
		return true;
	if (!open_below(c, conf->data, "keys", &keys))
		return false;
	enum os r = file_open(c->world, keys, "default.pem",
			      (struct open_how){0}, &fd);
	bool ok = r == OS_OK;
	if (r == OS_OK) {
		world_close(c->world, fd);
	} else {
		snprintf(host, sizeof host, "%.*s", SPAN_FMT(conf->hostname));
		const char *const argv[] = {"letterlock: keygen",
					    "default-ca", "ecdsa:default",
					    "--", host, NULL};
		ok = launch_keygen(c, keys, weak, argv);
		if (ok)
			complain(c, "no certificate is configured: one that "
				    "nobody trusts was made for %s; see "
				    "`certificate` in letterlock.conf(5)",
				 host);
	}
	world_close(c->world, keys);
	return ok;
}

static bool log_folder(struct command *c, const struct conf *conf)
{
	char usual[COMMAND_PATH];
	int fd;
	snprintf(usual, sizeof usual, "%.*s/log/letterlock.log",
		 SPAN_FMT(conf->data));
	if (conf->log.to != CONF_LOG_FILE ||
	    !span_eq(conf->log.file, span_cstr(usual)))
		return true;
	if (!open_below(c, conf->data, "log", &fd))
		return false;
	world_close(c->world, fd);
	return true;
}

enum end verb_start(struct command *c)
{
	static const struct arg_option options[] = {{"--allow-weak-kernel", NULL}};
	struct args a;
	enum end end;
	if (!command_args(c, &a, options, ARRAY_LEN(options), &end))
		return end;
	if (a.word_count > 0)
		return usage_error(c, "start takes no words");
	bool weak = args_has(&a, "--allow-weak-kernel");
	const char *config = command_config(c, &a);
	struct conf_report report;
	struct conf_snapshot *s =
		config ? config_read(c, config, &report) : NULL;
	if (config == NULL)
		return END_FAILED;
	/* What is wrong the supervisor says, who may know a text to begin with. */
	bool ok = s == NULL ? report.errors > 0
			    : own_certificate(c, conf_values(s), weak) &&
				      log_folder(c, conf_values(s));
	conf_report_free(&report);
	conf_snapshot_free(s);
	const char *args[] = {NULL, "--config", config,
			      weak ? "--allow-weak-kernel" : NULL, NULL};
	return ok ? launch_supervisor(c, args) : END_FAILED;
}
