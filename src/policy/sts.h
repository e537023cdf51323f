/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/sts - MTA-STS, RFC 8461: the record, the policy, and its life.
 *
 * The record at _mta-sts.DOMAIN says that there is a policy, and by its id when
 * it has changed; the policy comes by HTTPS from mta-sts.DOMAIN, is kept for
 * max_age seconds, and applies for as long whatever becomes of record and web
 * server.  A failed fetch never removes, shortens or weakens what is kept.
 *
 * Spans in a policy borrow the text or row that it was read from.  Nothing here
 * reads a clock: `now` is seconds since 1970.
 */
#pragma once

#include "base/buf.h"
#include "policy/lookup.h"

#define POLICY_STS_ID_MAX   32u
#define POLICY_STS_TEXT_MAX 65536u    /* bytes of a policy */
#define POLICY_STS_LINES_MAX 1000u   /* lines in it */
#define POLICY_STS_MX_MAX   100u      /* mx patterns in it */
#define POLICY_STS_AGE_MAX  31557600u /* seconds; more counts as this */
#define POLICY_STS_REFRESH  86400     /* seconds between fetches of what is kept */
#define POLICY_STS_RETRY    300       /* after a failure; doubles ... */
#define POLICY_STS_RETRY_MAX 3600     /* ... up to this */
#define POLICY_STS_ROW_MAX  32768u    /* bytes of a kept policy */

/* ---- the record ----------------------------------------------------------- */

enum policy_sts_txt {
	POLICY_STS_TXT_FAILED,	/* no answer: SERVFAIL, time-out */
	POLICY_STS_TXT_BOGUS,	/* a forged or broken answer */
	POLICY_STS_TXT_NONE,	/* no record */
	POLICY_STS_TXT_INVALID, /* several, or malformed: as if there were none */
	POLICY_STS_TXT_ID,
};

struct policy_sts_record {
	enum policy_sts_txt kind;
	uint8_t id_len; /* with POLICY_STS_TXT_ID */
	char id[POLICY_STS_ID_MAX];
};

/* The TXT records at _mta-sts.DOMAIN as RDATA. */
struct policy_sts_record policy_sts_record(struct policy_lookup,
					   const struct span *rdata,
					   size_t count);
static inline struct span policy_sts_id(const struct policy_sts_record *r)
{
	return span_of(r->id, r->kind == POLICY_STS_TXT_ID ? r->id_len : 0);
}

/* ---- the policy ----------------------------------------------------------- */

enum policy_sts_mode {
	POLICY_STS_MODE_NONE,
	POLICY_STS_MODE_TESTING,
	POLICY_STS_MODE_ENFORCE,
};

struct policy_sts {
	enum policy_sts_mode mode;
	uint32_t max_age; /* seconds */
	size_t mx_count;  /* at least 1 unless the mode is none */
	struct span mx[POLICY_STS_MX_MAX]; /* "mx.example.org", "*.example.org" */
};

/* NULL, or what is wrong with the text. */
MUST_USE const char *policy_sts_parse(struct span text, struct policy_sts *out);

/* What the web server said; `whole`: the body did not end early. */
struct policy_sts_reply {
	unsigned status;   /* HTTP; redirects are not followed */
	struct span media; /* Content-Type */
	struct span body;
	bool whole;
};
MUST_USE const char *policy_sts_reply(const struct policy_sts_reply *,
				      struct policy_sts *out);

/* May this host be an MX?  A pattern's * stands for exactly one label. */
bool policy_sts_match(const struct policy_sts *, struct span host);

/* "none", "testing", "enforce" */
const char *policy_sts_mode_text(enum policy_sts_mode);
/* https://mta-sts.DOMAIN/.well-known/mta-sts.txt */
void policy_sts_url(struct buf *, struct span domain);

/* ---- what is kept --------------------------------------------------------- */

struct policy_sts_kept {
	bool has_policy;    /* false: only failures are remembered */
	int64_t fetched;    /* when */
	uint32_t failures;  /* since then */
	int64_t failed;     /* when last */
	struct span id;	    /* the record's at the last fetch */
	struct span failed_id; /* the record's at the last failure */
	struct policy_sts policy;
};

/* Zero: nothing applies.  Else the first second at which it no longer does. */
int64_t policy_sts_expires(const struct policy_sts_kept *);
/* A clock that was set back does not end a policy. */
bool policy_sts_alive(const struct policy_sts_kept *, int64_t now);

struct policy_sts_plan {
	bool apply; /* what is kept applies */
	bool fetch; /* ask the web server */
	bool wait;  /* for it, before mail goes out */
};
/* kept: NULL when there is no row. */
struct policy_sts_plan policy_sts_plan(const struct policy_sts_kept *,
				       const struct policy_sts_record *,
				       int64_t now);

/*
 * After a fetch for this record.  fresh NULL: it failed, and the policy that is
 * kept stays as it was.  The result borrows r and fresh: pack it before they go.
 */
void policy_sts_learn(struct policy_sts_kept *, const struct policy_sts_record *,
		      const struct policy_sts *fresh, int64_t now);

/* The row of a domain in the store. */
void policy_sts_pack(struct buf *, const struct policy_sts_kept *);
/* False: not a row of ours. */
MUST_USE bool policy_sts_unpack(struct span row, struct policy_sts_kept *out);
