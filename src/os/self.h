/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/self - what a command line program asks of its own process.
 *
 * For the command `letterlock`, never for a role: nothing here is needed once
 * a process is confined.
 */
#pragma once

#include "base/buf.h"
#include "os/status.h"

/* Where this program's file stands: an absolute folder, NUL-terminated. */
MUST_USE enum os self_folder(char *out, size_t cap);
/* An absolute form of a path, which need not exist at its last step. */
MUST_USE enum os self_absolute(const char *path, char *out, size_t cap);
/* Become another program: environment, descriptors and pid stay.  Returns only
 * when it failed. */
MUST_USE enum os self_become(const char *path, const char *const argv[]);
/* Others may pass through this folder to what they know in it, and not list it. */
enum os self_passage(const char *path);
/* All of standard input, at most buf's limit. */
MUST_USE enum os self_read_input(struct buf *);

/* Is this descriptor a terminal?  Its width in columns, or `otherwise`. */
bool self_is_terminal(int fd);
unsigned self_columns(int fd, unsigned otherwise);
/*
 * A line typed on the controlling terminal and not shown, without its end.
 * OS_NOENT: there is no terminal.
 */
MUST_USE enum os self_ask_secret(const char *prompt, struct buf *line);
