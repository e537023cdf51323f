/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/dialer/events - libunbound's pluggable event base, over our loop.
 *
 * Sockets that libunbound opens are watched and its timeouts are timers here,
 * so resolving needs no thread and no other loop.  Signals and what other
 * systems need are never asked for by a resolving context.
 */
#pragma once

#include "os/loop.h"

struct ub_event_base;
struct events;

MUST_USE struct events *events_new(struct loop *); /* NULL: no memory */
/* After the contexts that use it. */
void events_free(struct events *);
struct ub_event_base *events_base(struct events *);
size_t events_open(const struct events *); /* made and not yet freed */
