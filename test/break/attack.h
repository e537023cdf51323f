/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attacks that are the same on every hop: what a peer can do to the framing.
 *
 * One role runs in a house; each attack takes a fresh channel of it and speaks
 * with a socket of its own, right or wrong in any byte.  After each one
 *   - the channel is dead where the attack breaks the rules, and the supervisor
 *     was told (unless the attacker just left);
 *   - an honest peer of the same role, which was there before, is still served;
 *   - no descriptor more is open than before.
 */
#pragma once

#include "house.h"
#include "ipc/hop.h"

struct target {
	struct house *house;
	struct house_role *role;
	const struct ipc_hop *schema;
	enum hop hop;
	enum kind peer; /* whom the attacker is */
	unsigned side;  /* which end of the schema that is */
	bool untold;    /* no role: the supervisor is not told of it */
	/* Asks the role something over the honest channel and checks the answer. */
	void (*honest)(void *arg);
	void *arg;
};

/* All of them. */
void attack_framing(const struct target *, uint64_t seed);

/* A channel whose greeting is right; the attacker's socket. */
int attack_join(const struct target *);
/* One frame, with a descriptor or -1, which stays ours. */
void attack_send(const struct target *, int fd, const struct buf *, int pass);
/* A call by its name, the fields encoded, into a frame. */
void attack_call(const struct target *, struct buf *, uint32_t id,
		 const char *name, const void *fields);
void attack_cast(const struct target *, struct buf *, const char *name,
		 const void *fields);
/* Is it closed by the role?  What it said before is thrown away. */
bool attack_ended(const struct target *, int fd);
/*
 * The reply to a call: runs the house until it came.  False: the channel died, or
 * the call was refused (then *refused is its ipc_result).
 */
bool attack_reply(const struct target *, int fd, const char *name, uint32_t id,
		  struct arena *, void *reply, unsigned *refused);

/*
 * A peer that is asked, and answers wrong.  The first two decode, and are told
 * from a true answer by nothing but their sense.
 */
enum lie {
	LIE_ZEROES,
	LIE_FLIPPED,
	LIE_NOISE,
	LIE_EMPTY,
	LIE_LONGER,
	LIE_OTHER_NUMBER,
	LIE_OTHER_ID,
	LIE_TWICE,
	LIE_REFUSAL,
	LIE_ODD_REFUSAL,
	LIE_SILENCE,
	LIE_LEAVE,
	LIE_COUNT
};

/*
 * Answers every question of the role so until *done, at most so long.  *fd: from
 * attack_join; -1 afterwards when the liar left.  True: it is done.
 */
bool attack_lie(const struct target *, int *fd, enum lie, uint64_t *state,
		const bool *done, uint64_t ms);
