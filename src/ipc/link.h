/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc/link - what a channel asks of the world around it, as one table.
 *
 * A role's channels run over SOCK_SEQPACKET sockets in its loop (ipc/over_os.h);
 * in a simulated world those are queues in memory on a virtual clock.  Unit tests
 * put a table of their own here.  Frames keep their borders and their order; none
 * is lost before the link is broken.
 *
 * The link calls the channel back with ipc_on_* on the loop's own stack, never
 * from inside one of its own operations.
 */
#pragma once

#include "base/span.h"

struct ipc;
struct ipc_link;

enum ipc_io {
	IPC_IO_DONE,
	IPC_IO_AGAIN, /* nothing to read; no room to write */
	IPC_IO_END,   /* the peer closed */
	IPC_IO_BROKEN,
	/* The machine is short of memory.  send: nothing left; ipc_on_writable
	 * comes later.  recv: short of descriptors, and a frame is lost. */
	IPC_IO_SHORT,
};

struct ipc_link_ops {
	/* The channel lives from here on; called once.  ipc_on_readable comes
	 * while there is something to read, at most once a turn.  False: it
	 * cannot be watched. */
	bool (*attach)(struct ipc_link *, struct ipc *);
	/* Close the connection; no callback after it.  Called once. */
	void (*close)(struct ipc_link *);
	/* The last word; after close, maybe much later, when no call that came
	 * over this link is held any more. */
	void (*free)(struct ipc_link *);

	/* The frame is copied; so is the descriptor (-1: none), which stays the
	 * caller's.  After AGAIN, ipc_on_writable when there is room. */
	enum ipc_io (*send)(struct ipc_link *, struct span frame, int fd);
	/* One whole frame into buf.  *len may exceed cap: it was cut.  *fd is
	 * -1 or the caller's; *len and *fd are set on DONE only. */
	enum ipc_io (*recv)(struct ipc_link *, char *buf, size_t cap,
			    size_t *len, int *fd);
	void (*close_fd)(struct ipc_link *, int fd);
	/* Memory is short: no ipc_on_readable for a while. */
	void (*rest)(struct ipc_link *);

	/* ipc_on_turn_end at the end of this turn of the loop, once. */
	void (*want_turn_end)(struct ipc_link *);
	/* ipc_on_alarm at that time; a new one replaces the last; UINT64_MAX:
	 * none. */
	void (*alarm)(struct ipc_link *, uint64_t when_ns);
	uint64_t (*now)(struct ipc_link *);

	/* The running fiber, or NULL on the loop's stack. */
	void *(*fiber)(struct ipc_link *);
	/* Park the running fiber until woken; may return early.  False: it was
	 * told to end. */
	bool (*park)(struct ipc_link *);
	/* Make a parked fiber run again, later, from the loop. */
	void (*wake)(struct ipc_link *, void *fiber);
};

struct ipc_link {
	const struct ipc_link_ops *ops;
};

void ipc_on_readable(struct ipc *);
void ipc_on_writable(struct ipc *);
void ipc_on_turn_end(struct ipc *);
void ipc_on_alarm(struct ipc *);
