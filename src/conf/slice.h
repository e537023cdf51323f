/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/slice - the part of a configuration that one role may see, as bytes.
 *
 * Made by the confined child that parsed the text, forwarded unread by the
 * supervisor, read by the role.  A slice holds an option only when the
 * option's row names the role; edge pools get only the listeners that they
 * serve (the dialer the ports of all, so as not to connect to them), and only the certificates (without key paths) that these name.
 *
 * The format is private to one build: a slice opens with a hash of the option
 * table, and a reader with another table refuses it.  The reader trusts
 * nothing: lengths, counts, ranges and choices are checked, leftovers refused.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "conf/conf.h"
#include "conf/parse.h"

#define CONF_SLICE_MAX (4u * 1024u * 1024u)

/* Appends; the caller checks buf_ok. */
void conf_slice(const struct conf_snapshot *, enum conf_role, struct buf *);

/*
 * NULL when the bytes are not a slice of this role from this build, or the
 * arena is full.  The values borrow from the arena only, not from bytes.
 */
MUST_USE const struct conf *conf_slice_read(struct span bytes, enum conf_role,
					    struct arena *);
