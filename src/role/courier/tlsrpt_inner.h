/* SPDX-License-Identifier: Apache-2.0 */
/* role/courier/tlsrpt, between its files: tlsrpt.c counts and keeps, tlsrpt_send.c sends. */
#pragma once

#include "base/siphash.h"
#include "role/courier/tlsrpt.h"

#define TLSRPT_VALUE_MAX 49152u /* of the schema: a note, a mail */
#define TLSRPT_NAME_MAX	 320u
#define TLSRPT_CALL_NS	 (60 * NS_PER_SEC)
#define TLSRPT_POST_NS	 (70 * NS_PER_SEC) /* fetch itself ends after a minute */
#define TLSRPT_ARENA	 (1u << 20)

struct courier_tlsrpt {
	uint32_t tag;
	struct courier_tlsrpt_use use;
	uint8_t secret[SIPHASH_KEY];
	struct span host;
	char sender[320];
	size_t sender_len;
	int64_t day; /* that is counted, in days since 1970 */
	struct policy_tally *today;
	bool restored; /* what was kept of today is in it */
	bool saving;   /* one at a time */
	int64_t looked; /* when what is to be sent was last looked at */
	unsigned fibers;
	struct fiber *keeper, *sender_fiber;
	bool ending;
	struct courier_tlsrpt_counts counts;
};

static inline int64_t tlsrpt_wall(const struct courier_tlsrpt *t)
{
	return world_wall(loop_world(t->use.loop)).sec;
}

static inline uint64_t tlsrpt_within(const struct courier_tlsrpt *t, uint64_t ns)
{
	return world_now(loop_world(t->use.loop)) + ns;
}

/* "020779 example.org": by day, then by domain, as bytes sort. */
struct span tlsrpt_name(struct arena *, int64_t day, struct span domain);
/* False: no name of ours. */
MUST_USE bool tlsrpt_name_read(struct span name, int64_t *day, struct span *domain);

/* Who asks for reports of this domain; false: that cannot be known now. */
MUST_USE bool tlsrpt_wanted(struct courier_tlsrpt *, struct span domain,
			    struct arena *, struct policy_reporting *);

/* All names of notes of a kind behind `after`, in a fiber; fn false: stop.  False: not all were
 * seen.  `each` is empty for every name. */
typedef bool tlsrpt_each_fn(struct courier_tlsrpt *, struct span name,
			    struct arena *each, void *arg);
MUST_USE bool tlsrpt_each(struct courier_tlsrpt *, enum courier_store_note,
			  struct span after, tlsrpt_each_fn *, void *arg);
/* An empty value removes.  False: the store did not say yes. */
MUST_USE bool tlsrpt_put(struct courier_tlsrpt *, enum courier_store_note,
			 struct span name, struct span value, struct arena *);
/* False: no answer; an empty value: there is none. */
MUST_USE bool tlsrpt_get(struct courier_tlsrpt *, struct span name, struct arena *,
			 struct span *value);

/* tlsrpt_send.c: what is due of days that are over. */
void tlsrpt_send_due(struct courier_tlsrpt *);
