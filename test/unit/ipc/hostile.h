/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile peer's toolbox: frames built by hand, right or wrong in every field.
 * Gather messages in a buf, then send it whole over the hop's raw socket
 * (sock_send) or a memory_pair.
 */
#pragma once

#include "ipc/hop.h"

enum hostile_kind {
	HOSTILE_HELLO = 1,
	HOSTILE_CALL,
	HOSTILE_REPLY,
	HOSTILE_REFUSAL,
	HOSTILE_CAST,
	HOSTILE_RETURN,
};

/* The greeting that the end `side` of this hop would send. */
void hostile_hello(struct buf *, const struct ipc_hop *, unsigned side);
/* A head with any values, nothing behind it. */
void hostile_head(struct buf *, unsigned kind, unsigned number, unsigned len);
/* Whole messages; kind and number are taken as they are. */
void hostile_call(struct buf *, unsigned number, uint32_t id, uint64_t deadline,
		  struct span body);
void hostile_reply(struct buf *, unsigned number, uint32_t id, struct span body);
void hostile_refusal(struct buf *, unsigned why, uint32_t id);
void hostile_cast(struct buf *, unsigned number, struct span body);
/* The number of a message by its name; aborts when there is none. */
unsigned hostile_number(const struct ipc_hop *, const char *name);
/* The id of the first call in a frame that the other end sent; 0: none. */
uint32_t hostile_first_call(struct span frame);
