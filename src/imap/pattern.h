/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/pattern - LIST's wildcards, in time linear in the name.
 *
 * "*" stands for anything, "%" for anything without the separator.  The pattern
 * is compiled into one bit per position; a name is then matched with a few
 * machine words per byte, however many wildcards there are.  INBOX, first in a
 * name, is matched without case.
 */
#pragma once

#include "base/arena.h"
#include "base/span.h"
#include "imap/name.h"

/* Longer patterns (wildcards in a row counted once) match nothing. */
#define IMAP_PATTERN_MAX 767u

struct imap_pattern;

/* text is UTF-8.  NULL: out of memory, or too long. */
MUST_USE struct imap_pattern *imap_pattern_new(struct arena *, struct span text);
bool imap_pattern_match(const struct imap_pattern *, struct span name);
