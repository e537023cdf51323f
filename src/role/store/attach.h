/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/attach - a kept message for the sorter: in the request, or behind a
 * descriptor in sealed memory.
 */
#pragma once

#include "role/store/store.h"

#define ATTACH_INLINE	  20480u	 /* bytes of a body inside the question */
#define ATTACH_BODY_MAX	  (64ull << 20) /* larger messages: their beginning */
#define ATTACH_HEADER_MAX 65536u

struct attached {
	struct span bytes; /* in the arena */
	int file;	   /* -1: in bytes; else the caller's to send or close */
};

/*
 * The first `end` bytes of a message's body.  Parks.  Anything but KV_OK: there is
 * nothing to close.
 */
enum kv_result attach_body(struct job *, const struct box_message *, uint64_t end,
			   struct arena *, struct attached *);
/* Where a message's last text ends, as its summary says; its size if that says nothing. */
uint64_t attach_text_end(const struct box_message *, struct arena *);
