/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/config - the administrator's own configuration, read in this process.
 *
 * The roles never do this: for them a throw-away process reads it.  Whoever runs
 * the command owns the text anyway.
 */
#pragma once

#include "cmd/command.h"
#include "conf/parse.h"

/*
 * Complaints and warnings go to `report`, which is always to be freed.  NULL:
 * the text is wrong (report->errors), or the file could not be read (said).
 */
struct conf_snapshot *config_read(struct command *, const char *path,
				  struct conf_report *report);
/* The same for verbs that only need the values: complaints are printed. */
struct conf_snapshot *config_load(struct command *, const char *path);
/*
 * For verbs that look for the running server: while the text is wrong, what was
 * in force before it.
 */
struct conf_snapshot *config_in_force(struct command *, const char *path);
/* The path of the socket of this role in the arena; NULL: none is configured. */
const char *config_socket(struct command *, const struct conf *,
			  enum conf_listener_role);
