/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc - one end of a hop: typed calls and casts between two roles.
 *
 * A hop is described by a schema (src/wire/<hop>.wire); tool/wiregen turns it
 * into typed functions over this runtime.  Roles use the generated functions
 * for messages and this header for the life of a channel.
 *
 *   call  a request with exactly one answer.  It carries a deadline (monotonic
 *         nanoseconds) and spends one unit of the receiver's credit until its
 *         answer has come back.  Without credit the caller waits, first come
 *         first served.
 *   cast  one way.  It spends one unit of the receiver's window, which comes
 *         back when the cast was handled.  A lossy cast is dropped when the
 *         window is spent; any other one makes its fiber wait.
 *
 * Messages are gathered and leave in frames of at most 64 KiB once per turn of
 * the loop.  A send never blocks.  An answer never waits: what a request may
 * bring back was reserved, as credit, when it was taken, and the credit is
 * free again only after the answer has left for the peer.
 *
 * Two levels of violation by the peer:
 *   - well formed but not allowed now: that request is refused (IPC_NOT_NOW)
 *     and counted; the channel lives on.
 *   - not decodable, over a limit, over its credit, an answer to nothing: the
 *     channel dies.  Every waiting call returns IPC_DEAD, descriptors are
 *     closed, and the owner's `dead` is called once with a reason.
 *
 * Descriptors: one that is sent belongs to the channel from the send on,
 * whatever the result; one that is received belongs to its handler, or to the
 * caller that got it in a reply.  Nobody received it: the channel closes it.
 *
 * Handlers, completions and `ready`/`dead` run on the loop's own stack: they
 * must not park.  A handler that has to wait keeps its call (ipc_keep) and
 * starts a fiber.
 */
#pragma once

#include "base/arena.h"
#include "base/span.h"
#include "ipc/link.h"

/* A frame with everything in it; one seqpacket. */
#define IPC_FRAME_MAX 65536u
/* The fields of one message; less by the largest message header. */
#define IPC_BODY_MAX (IPC_FRAME_MAX - 16u)
/* What the lists of one decoded message may take in memory. */
#define IPC_DECODE_MAX (2u << 20)
/* Largest credit or window that a schema may name. */
#define IPC_CREDIT_MAX 4096u

/* No deadline. */
#define IPC_NEVER UINT64_MAX

enum ipc_result {
	IPC_OK,
	IPC_NOT_NOW,   /* the peer refused: not allowed in this state */
	IPC_BUSY,      /* the peer refused for load; or a cast found no
			  window and there is no fiber that could wait */
	IPC_LATE,      /* the deadline passed; the peer may still do the work */
	IPC_DEAD,      /* the channel died or was dead; the outcome is unknown */
	IPC_TOO_BIG,   /* a field is over its limit, a text is not UTF-8, or the
			  message is over 64 KiB: nothing was sent */
	IPC_NO_MEMORY, /* here; if the reply did not fit, the work was done */
	IPC_STOPPED,   /* our fiber was told to end; the peer may do the work */
};
const char *ipc_result_name(enum ipc_result);

struct ipc;      /* one end of a channel */
struct ipc_call; /* a request that waits for our answer */
struct ipc_hop;  /* a schema, generated; see ipc/hop.h */

/* What the owner of a channel wants to know.  Each may be NULL. */
struct ipc_owner {
	void *role; /* given to every handler, and to these */
	/* The peer's greeting came and its schema is ours. */
	void (*ready)(void *role, struct ipc *);
	/*
	 * The channel is dead; called once, not after ipc_free.  The reason is
	 * valid during the call.  The owner calls ipc_free, here or later.
	 */
	void (*dead)(void *role, struct ipc *, const char *reason);
};

/*
 * Generated code calls this for <hop>_join_<side>.  side: 0 or 1, as in the
 * hop's line of the schema.  handlers: the side's generated table, which must
 * outlive the channel.  The link belongs to the channel, also on failure.
 * Calls may be made at once.  NULL: out of memory.
 */
MUST_USE struct ipc *ipc_new(const struct ipc_hop *, unsigned side,
			     struct ipc_link *, const struct ipc_owner *,
			     const void *handlers);
/*
 * The end of our interest: waiting calls return IPC_DEAD, handlers are not
 * called again, calls that we still hold may be answered into nothing.
 * Frames that the socket has not taken are lost; see ipc_flush.
 */
void ipc_free(struct ipc *); /* NULL is allowed */

/*
 * Declare the peer broken, with a literal.  From here on every call returns
 * IPC_DEAD; `dead` is called at the end of this turn of the loop.
 */
void ipc_kill(struct ipc *, const char *reason);
bool ipc_is_dead(const struct ipc *); /* or dies at the end of this turn */
bool ipc_is_ready(const struct ipc *);
/* It died because the other end closed; false: a violation, or our memory. */
bool ipc_peer_left(const struct ipc *);
/*
 * It died because we are short of memory or descriptors, and something was lost
 * that has to come: an answer with the socket full, a cast, a passed descriptor.
 * The peer is not to blame.  Whatever can wait or be refused never ends here: a
 * call that comes in is refused with IPC_BUSY, a frame stays in the socket.
 */
bool ipc_is_short(const struct ipc *);

/* The receiver's record about its peer.  Identity comes from the channel. */
void ipc_set_user(struct ipc *, void *);
void *ipc_user(const struct ipc *);

/* The channel's state (index into the schema's `states`; 0 at the start). */
unsigned ipc_state(const struct ipc *);

/*
 * Hand everything gathered to the socket now rather than at the end of the
 * turn: a role's last act before it exits.  True: nothing is left.
 */
bool ipc_flush(struct ipc *);

/* ---- a request in a handler ------------------------------------------- */

/*
 * The request's memory (its struct, spans and lists) lives until the handler
 * returns; after ipc_keep until the call is answered.
 */
void ipc_keep(struct ipc_call *);
/* Answer with a refusal: IPC_NOT_NOW (counted), IPC_BUSY or IPC_LATE. */
void ipc_refuse(struct ipc_call *, enum ipc_result);
/* NULL once the channel is dead. */
struct ipc *ipc_call_channel(const struct ipc_call *);
/* ipc_user of its channel; NULL once the channel is dead. */
void *ipc_call_user(const struct ipc_call *);
/* Monotonic nanoseconds; IPC_NEVER for none.  The same clock on both sides. */
uint64_t ipc_call_deadline(const struct ipc_call *);
/* Its deadline has passed: nobody waits for the answer any more. */
bool ipc_call_is_late(const struct ipc_call *);

/* ---- for status ------------------------------------------------------- */

struct ipc_stats {
	uint64_t frames_in, frames_out;
	uint64_t messages_in, messages_out;
	uint64_t bytes_in, bytes_out;
	uint64_t refused_by_us;   /* not allowed now: the peer's violations */
	uint64_t refused_by_peer; /* ours, as the peer saw it */
	uint64_t casts_dropped;   /* lossy ones that found no window */
	uint64_t late;            /* calls whose deadline passed */
	uint64_t waited;          /* calls that found no credit */
	size_t queue_now, queue_high; /* bytes encoded but not yet sent */
	unsigned calls_out, calls_in; /* outstanding now, ours and theirs */
};
void ipc_stats(const struct ipc *, struct ipc_stats *);
const struct ipc_hop *ipc_hop_of(const struct ipc *);
