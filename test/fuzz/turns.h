/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/fuzz/turns - a stream whose peer is a client that is asked for its next
 * words whenever the session has read all that was said and wants more.
 *
 * So the client sees every reply before it goes on, and can count them.  What
 * it says is chosen by dice: the bytes of the fuzzer, one a decision.  When
 * they are used up every throw is 0, and the client goes away.
 *
 * Never: a read after the session said that it is over.
 */
#pragma once

#include "base/buf.h"
#include "base/stream.h"

struct dice {
	struct span left;
};

/* 0 to n - 1; n is at most 256. */
unsigned dice(struct dice *, unsigned n);
/* A word of a list. */
struct span dice_word(struct dice *, const char *const *words, unsigned count);
#define DICE_WORD(d, words) dice_word(d, words, ARRAY_LEN(words))

#define TURNS_SAID_MAX (64u << 20) /* what a session may say between two turns */

struct turns {
	struct stream stream; /* what the session gets */
	/*
	 * The session said this since the last turn; what the client says now
	 * goes into the buffer.  False: it goes away, fills answer at_end.
	 */
	bool (*next)(struct turns *, struct span said, struct buf *say);
	size_t split;	 /* bytes a fill; 0: as it fits */
	enum io at_end, tls_result;
	bool over;	 /* the owner knows that nothing may be read any more */
	unsigned tls;	 /* handshakes */
	struct buf said, say;
	size_t base;	 /* bytes allocated when it began */
	size_t peak;	 /* most of them since, at a turn */
};

void turns_init(struct turns *, size_t in_cap);
void turns_free(struct turns *);
/* What was said since the last turn, unflushed bytes included. */
struct span turns_said(struct turns *);

/* Bytes that the allocator has given out; 0 in builds that cannot tell. */
size_t turns_allocated(void);
