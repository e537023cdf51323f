/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/show - a snapshot as text again.
 *
 * AS_WRITTEN holds what the files set, includes resolved; EFFECTIVE every value
 * with its origin (file:line, default, or the block that it is inherited from)
 * as a comment; LIMITS every number, size and duration with unit and range.
 * The text of the first two is itself a configuration: parsed again it gives a
 * snapshot with the same hash, and AS_WRITTEN the same text once more.
 */
#pragma once

#include "base/buf.h"
#include "conf/parse.h"

enum conf_show { CONF_SHOW_WRITTEN, CONF_SHOW_EFFECTIVE, CONF_SHOW_LIMITS };

#define CONF_SHOW_MAX (64u * 1024u * 1024u)

/* Append; the caller checks buf_ok. */
void conf_show_text(const struct conf_snapshot *, enum conf_show, struct buf *);
void conf_show_json(const struct conf_snapshot *, enum conf_show, struct buf *);

/* letterlock.conf(5) as roff, made from the option table. */
void conf_manual(struct buf *);
