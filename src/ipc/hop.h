/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc/hop - a schema as tables, and the helpers that its codecs are made of.
 *
 * Only generated code and this folder look in here; roles use the typed
 * functions of wire/<hop>.h.  Each message has one encoding: decode followed by
 * encode gives the same bytes.
 */
#pragma once

#include "base/arena.h"
#include "base/pack.h"
#include "ipc/ipc.h"

#define IPC_HASH_LEN 16u
#define IPC_ANY_STATE UINT32_MAX
#define IPC_SAME_STATE 0xffu

/* Fields into bytes.  A field over its limit fails the buffer. */
struct ipc_pack {
	struct buf *out;
	int fd; /* the message's descriptor, or -1 */
};

/* Bytes into fields.  Spans borrow the bytes; lists come from the arena. */
struct ipc_unpack {
	struct unpack in;
	struct arena *arena;
	int fd; /* what came with the frame, until a field takes it */
	bool no_memory;
};

typedef void ipc_put_fn(struct ipc_pack *, const void *fields);
typedef void ipc_get_fn(struct ipc_unpack *, void *fields);

/* The fields of a request, a reply or a cast. */
struct ipc_body {
	size_t size; /* of the C struct */
	ipc_put_fn *put;
	ipc_get_fn *get;
};

struct ipc_message {
	const char *name;
	uint8_t number; /* its place in the table */
	uint8_t to;     /* the side that receives it */
	bool is_call, lossy;
	uint32_t in;  /* a bit for each state that allows it */
	uint8_t then; /* next state, or IPC_SAME_STATE */
	struct ipc_body body, reply;
	/* One of them, by is_call: calls the member of the side's table. */
	void (*serve_call)(const void *handlers, void *role, struct ipc_call *,
			   const void *fields);
	void (*serve_cast)(const void *handlers, void *role, struct ipc *,
			   const void *fields);
};

struct ipc_hop {
	const char *name;
	const char *side[2];
	uint8_t hash[IPC_HASH_LEN];
	uint16_t credit[2], window[2];
	const char *const *states;
	unsigned state_count;
	const struct ipc_message *messages;
	unsigned message_count;
};

/* What the typed functions are made of. */
MUST_USE enum ipc_result ipc_call(struct ipc *, const struct ipc_message *,
				  const void *req, struct arena *, void *rep,
				  uint64_t deadline);
MUST_USE enum ipc_result
ipc_call_start(struct ipc *, const struct ipc_message *, const void *req,
	       struct arena *, void *rep, uint64_t deadline,
	       void (*done)(void *ctx, enum ipc_result), void *ctx);
enum ipc_result ipc_cast(struct ipc *, const struct ipc_message *,
			 const void *fields);
bool ipc_answer(struct ipc_call *, const struct ipc_message *,
		const void *reply);

/* Codecs alone.  A descriptor field is encoded as it is and decoded as
 * INT32_MAX. */
MUST_USE bool ipc_encode(const struct ipc_body *, const void *fields,
			 struct buf *);
MUST_USE bool ipc_decode(const struct ipc_body *, struct span, struct arena *,
			 void *fields);
/*
 * For fuzzing.  The first byte picks a message, the rest is its body.  False:
 * not decodable.  What can be decoded must encode to the same bytes (ENSURE).
 */
bool ipc_decode_any(const struct ipc_hop *, struct span);

/* Fields; see the types in src/wire/README.md. */
void ipc_put_bool(struct ipc_pack *, bool);
void ipc_put_bytes(struct ipc_pack *, struct span, size_t max);
void ipc_put_text(struct ipc_pack *, struct span, size_t max);
void ipc_put_fixed(struct ipc_pack *, const uint8_t *, size_t len);
void ipc_put_enum(struct ipc_pack *, unsigned value, unsigned count);
void ipc_put_count(struct ipc_pack *, size_t count, size_t max);
void ipc_put_fd(struct ipc_pack *, int fd);

struct span ipc_get_bytes(struct ipc_unpack *, size_t max);
struct span ipc_get_text(struct ipc_unpack *, size_t max);
void ipc_get_fixed(struct ipc_unpack *, uint8_t *out, size_t len);
unsigned ipc_get_enum(struct ipc_unpack *, unsigned count);
/* least: bytes that an item takes at least, so that a count can be believed. */
size_t ipc_get_count(struct ipc_unpack *, size_t max, size_t least);
/* NULL when count is 0, or on failure: then *count is 0 too. */
void *ipc_get_array(struct ipc_unpack *, size_t *count, size_t size);
int ipc_get_fd(struct ipc_unpack *);
