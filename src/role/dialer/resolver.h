/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/dialer/resolver - questions to the DNS, answered with a verdict.
 *
 * libunbound in this process, on this loop, with one cache.  It validates from
 * the trust anchors that it is given, whether it asks resolvers or the name
 * servers themselves; an upstream's word that something is secure counts for
 * nothing.  It opens no file after resolver_new.
 *
 *   secure    proven, records or their absence
 *   insecure  the zone is not signed, provably
 *   bogus     should be signed and is not, or wrongly: never use it
 */
#pragma once

#include "dns/packet.h"
#include "os/loop.h"

#define RESOLVER_QUERIES_MAX  1024u
#define RESOLVER_ASKERS_MAX   8192u
#define RESOLVER_UPSTREAMS_MAX 8u
#define RESOLVER_ANCHORS_MAX  65536u /* bytes of text */
#define RESOLVER_UPSTREAM_MAX 64u    /* one of them as text */

enum resolver_verdict {
	RESOLVER_SECURE,
	RESOLVER_INSECURE,
	RESOLVER_BOGUS,
	RESOLVER_TIMEOUT,
	RESOLVER_FAILED, /* no server gave an answer that can be used */
};

struct resolver_settings {
	/* "192.0.2.53" or "192.0.2.53@5353"; none: from the root. */
	const char *upstreams[RESOLVER_UPSTREAMS_MAX];
	size_t upstream_count;
	/* DS or DNSKEY records, one a line; "#" and ";" begin comments.  Empty:
	 * the root's, built in. */
	struct span anchors;
	uint64_t cache; /* bytes */
};

struct resolver;

/*
 * Before confinement, so that the library has set itself up.  NULL: why says
 * what is wrong.
 */
MUST_USE struct resolver *resolver_new(struct loop *,
				       const struct resolver_settings *,
				       struct buf *why);
/* The root's keys as IANA publishes them, in the form of `anchors` above. */
extern const struct span resolver_root_anchors;
/*
 * From now on questions are validated by these; what is under way ends as it began.
 * False: nothing changed, and why says what is wrong.
 */
MUST_USE bool resolver_anchors(struct resolver *, struct span anchors,
			       struct buf *why);
/* Questions under way are answered with RESOLVER_FAILED first. */
void resolver_free(struct resolver *); /* NULL is allowed */

struct resolver_answer {
	enum resolver_verdict verdict;
	/* NULL when there is no packet: TIMEOUT and FAILED.  Valid during the
	 * call, as is why. */
	const struct dns_answer *answer;
	unsigned rcode;
	struct span why;
};

typedef void resolver_done_fn(void *ctx, const struct resolver_answer *);

/*
 * done is called exactly once, maybe before this returns.  The same question
 * under way is not asked twice: all of its askers get its answer.  False: over
 * a limit above or out of memory, and done is not called.
 */
MUST_USE bool resolver_ask(struct resolver *, const struct dns_name *,
			   uint16_t type, uint64_t deadline,
			   resolver_done_fn *done, void *ctx);
/* What the library took for the size of its caches, in bytes. */
size_t resolver_cache(const struct resolver *);
size_t resolver_pending(const struct resolver *);

/*
 * A resolver whose questions go to a function in place of the library (stub.h, the
 * simulation).  It answers each once, now or later; no packet: none came.  What it
 * has not answered by resolver_free it must not.
 */
struct question;
typedef void resolver_source_fn(void *ctx, struct question *,
				const struct dns_name *, uint16_t type);
MUST_USE struct resolver *resolver_asking(struct loop *, resolver_source_fn *,
					    void *ctx);
void resolver_told(struct question *, struct span packet,
			      enum resolver_verdict);
