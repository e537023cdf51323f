/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/why - the events of one message as a page for people.
 *
 * Rows are those of the verb why, in order of time.  They are shown part by part:
 * arrived, checks, kept, delivery.  A step of a delivery is told in a sentence of
 * the fields that such events have (role/courier/story.h); whatever else an event
 * holds follows as it is.  Text of strangers stays harmless on a terminal.
 */
#pragma once

#include "base/json.h"

/* id: as it was asked for. */
void why_page(struct buf *, struct span id, const struct json *const *rows,
	      size_t count);
