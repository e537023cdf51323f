/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc/channel - the inside of a channel, shared by the files of this folder.
 *
 * A frame is a row of messages.  Each has a head of four bytes: kind u8, number
 * u8, length of the body u16; then by kind
 *
 *   HELLO     body: magic u32, sender's side u8, schema hash, hop name
 *   CALL      id u32, deadline u64, body       number: the message
 *   REPLY     id u32, body                     number: the message
 *   REFUSAL   id u32                           number: the ipc_result
 *   CAST      body                             number: the message
 *   RETURN    the length field is a count of handled casts
 *
 * The first message of a channel is HELLO, once.  A message with a descriptor is
 * the first of its frame.
 */
#pragma once

#include "base/list.h"
#include "ipc/hop.h"

#define IPC_MAGIC    0x316b6c6cu /* "llk1" */
#define HEAD_LEN     4u
#define ID_LEN       4u
#define DEADLINE_LEN 8u
/* An id is a slot and how often that slot was used: replays do not fit. */
#define SLOT_BITS    12u
#define SLOT_MASK    ((1u << SLOT_BITS) - 1)
#define FRAMES_A_TURN 16u
#define SPARE_CALLS  16u

enum kind { KIND_HELLO = 1, KIND_CALL, KIND_REPLY, KIND_REFUSAL, KIND_CAST, KIND_RETURN };

/* A frame on its way out. */
struct out_frame {
	struct out_frame *next;
	size_t len;
	int fd;
	unsigned answers;  /* calls whose credit is free once this has left */
	unsigned returned; /* casts likewise */
	char data[IPC_FRAME_MAX];
};

/* A frame that came in; kept calls borrow from it. */
struct in_frame {
	unsigned refs;
	char data[IPC_FRAME_MAX];
};

/* A call of ours: waiting for credit, or under way in a slot. */
struct out_call {
	struct list link; /* in waiting or in asked */
	const struct ipc_message *m;
	struct arena *arena;
	void *reply;
	uint64_t deadline;
	void (*done)(void *ctx, enum ipc_result); /* NULL: nobody waits */
	void *ctx;
	uint32_t id;
	struct buf body; /* while it waits for credit */
	int fd;
};

/* A fiber that waits for the window; lives on its stack. */
struct cast_waiter {
	struct list link;
	void *fiber;
	bool granted;
};

struct slot {
	struct out_call *call;
	uint32_t uses;
};

struct ipc {
	uint32_t tag;
	unsigned refs; /* the owner, calls, and functions that run callbacks */
	const struct ipc_hop *hop;
	unsigned side;
	struct ipc_link *link;
	struct ipc_owner owner;
	const void *handlers;
	void *user;
	unsigned state;
	bool ready, freed, buried, left, is_short;
	const char *doom; /* why it dies; set from the moment it does */

	/* Out. */
	struct buf scratch;
	struct out_frame *queue, *last, *spare;
	bool blocked; /* the socket was full */
	struct slot *slots;
	uint32_t *free_slots;
	unsigned free_count, credit_out;
	struct list waiting, asked;
	unsigned window_used;
	struct list cast_waiters;
	uint64_t alarm;

	/* In. */
	struct in_frame *frame;
	struct arena *cast_arena;
	unsigned calls_in, casts_in, casts_handled;
	struct ipc_call *spare_calls;
	unsigned spare_count;

	struct ipc_stats stats;
};

#define IPC_TAG TAG4('I', 'P', 'C', 'H')

void channel_hold(struct ipc *);
void channel_release(struct ipc *);
/* From here on the channel is dead; buried at the end of the turn. */
void channel_doom(struct ipc *, const char *why);
/* The same, because our own memory or descriptors are too short to go on. */
void channel_short(struct ipc *);
/* The same, because the other end is closed and not for what it said. */
void channel_left(struct ipc *, const char *why);

/* send.c */
/* Append one message; extra holds what follows the head.  False: doomed, or
 * out of memory (and doomed).  The descriptor is taken. */
bool send_message(struct ipc *, enum kind, unsigned number, struct span extra,
		  struct span body, int fd);
bool send_hello(struct ipc *);
void send_answered(struct ipc *); /* the last message was an answer */
void send_frames(struct ipc *);
void send_drop_all(struct ipc *);

/* calls.c */
void calls_reply(struct ipc *, unsigned number, uint32_t id, struct span body,
		 int *fd);
void calls_refused(struct ipc *, enum ipc_result, uint32_t id);
void calls_returned(struct ipc *, unsigned casts);
void calls_expire(struct ipc *);
void calls_end_all(struct ipc *);

/* serve.c */
void serve_call(struct ipc *, const struct ipc_message *, uint32_t id,
		uint64_t deadline, struct span body, int *fd);
void serve_cast(struct ipc *, const struct ipc_message *, struct span body,
		int *fd);
void serve_drop_spares(struct ipc *);
