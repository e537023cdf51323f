/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/report - TLSRPT, RFC 8460: who wants reports, what is counted for
 * them, the report as JSON, and reports of others read.
 *
 * Reports are strangers' bytes: limits everywhere, linear time, text that is
 * UTF-8 and nothing more (who shows it makes it harmless first).  Compression
 * and transport are the caller's.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/siphash.h"
#include "policy/failure.h"
#include "policy/lookup.h"

#define POLICY_REPORT_TEXT_MAX 4194304u /* bytes of JSON that are read */
#define POLICY_REPORT_DAY      86400

/* ---- the record ----------------------------------------------------------- */

#define POLICY_RUA_MAX 8u /* addresses that are used; more are left out */

struct policy_rua {
	bool https;	 /* else mailto */
	struct span uri; /* https: where to POST; mailto: the address alone */
};

struct policy_reporting {
	size_t count; /* 0: nobody wants reports */
	struct policy_rua rua[POLICY_RUA_MAX];
};

/*
 * The TXT records at _smtp._tls.DOMAIN, as RDATA.  Anything malformed counts as
 * no record.  False: out of memory.
 */
MUST_USE bool policy_reporting_read(struct arena *, const struct span *rdata,
				    size_t count, struct policy_reporting *out);

/* ---- what is counted ------------------------------------------------------ */

#define POLICY_TALLY_DOMAINS  20000u /* policy domains of one day */
#define POLICY_TALLY_POLICIES 4u     /* policies of one domain */
#define POLICY_TALLY_DETAILS  32u    /* kinds of failure of one policy */
#define POLICY_TALLY_STRINGS  128u   /* lines, or TLSA records, of one policy */

struct policy_tally; /* one day, in memory of a fixed limit */

/* One session.  Everything is copied when it is new. */
struct policy_session {
	struct span domain; /* whose report it is: the recipient's */
	/* What the policy is of, when that is another: the TLSA base domain. */
	struct span policy_domain;
	enum policy_type type;
	const struct span *strings; /* the policy's lines, or TLSA records */
	size_t string_count;
	const struct span *mx; /* MTA-STS: its patterns */
	size_t mx_count;
	enum policy_failure failure; /* NONE: a success; the rest is unused */
	struct span sending_ip, receiving_ip; /* as text; may be empty */
	struct span receiving_mx, receiving_helo;
	struct span reason; /* failure-reason-code */
};

enum policy_counted {
	POLICY_COUNTED,
	POLICY_COUNTED_BARE, /* the failure's particulars did not fit */
	POLICY_COUNTED_NOT,  /* no room for the domain */
};

/* The secret is for the table.  limit: bytes in all.  NULL: no memory. */
MUST_USE struct policy_tally *
policy_tally_new(const uint8_t secret[SIPHASH_KEY], size_t limit);
void policy_tally_free(struct policy_tally *); /* NULL is allowed */
enum policy_counted policy_tally_add(struct policy_tally *,
				     const struct policy_session *);
size_t policy_tally_domains(const struct policy_tally *);
uint64_t policy_tally_lost(const struct policy_tally *); /* sessions */

/* What there is of one domain; NULL at the end.  *at is 0 at first. */
struct policy_tally_domain;
const struct policy_tally_domain *
policy_tally_next(const struct policy_tally *, size_t *at);
struct span policy_tally_name(const struct policy_tally_domain *);
/* NULL: nothing was counted for it. */
struct policy_tally_domain *policy_tally_find(const struct policy_tally *,
					      struct span domain);
/* Counted since policy_tally_saved, which whoever keeps rows of it calls. */
bool policy_tally_changed(const struct policy_tally_domain *);
void policy_tally_saved(struct policy_tally_domain *);
void policy_tally_touched(struct policy_tally_domain *); /* it was not, after all */

/*
 * The row of a domain: all of it, without particulars of failures, or sums alone;
 * the first that fits the buf is what a keeper wants.
 */
enum policy_tally_part {
	POLICY_TALLY_WHOLE,
	POLICY_TALLY_BARE,
	POLICY_TALLY_SUMS,
};
void policy_tally_pack(struct buf *, const struct policy_tally_domain *,
		       enum policy_tally_part);
/*
 * Adds what a row of the domain holds to what is counted for it.  False: it is no
 * row of ours and nothing was added, or there is no room for all of it.
 */
MUST_USE bool policy_tally_unpack(struct policy_tally *, struct span domain,
				  struct span row);

/* ---- the report ----------------------------------------------------------- */

struct policy_report_head {
	struct span organization, contact, id;
	int64_t start, end; /* seconds; the end is the last one of the day */
};

void policy_report_write(struct buf *, const struct policy_report_head *,
			 const struct policy_tally_domain *);
/* sender!domain!start!end!id.json.gz: RFC 8460 5.1 */
void policy_report_file(struct buf *, struct span sender, struct span domain,
			const struct policy_report_head *, bool gzip);
/* Report Domain: ... Submitter: ... Report-ID: <...>: RFC 8460 5.3 */
void policy_report_subject(struct buf *, struct span sender, struct span domain,
			   const struct policy_report_head *);

/* ---- the report as mail: RFC 8460 5.3 ---------------------------------------- */

#define POLICY_REPORT_BOUNDARY_MIN 16u

struct policy_report_mail {
	struct span from, to;	/* addresses */
	struct span submitter;	/* our domain */
	struct span domain;	/* whose report it is */
	const struct policy_report_head *head;
	struct span message_id; /* without brackets */
	struct span boundary;	/* letters and digits that nobody can guess */
	int64_t now;
	struct span gzip;	/* the report */
};

/*
 * Appends a whole message, CRLF, 7 bit.  Everything in it but the report is
 * checked or made plain: no line is longer than 998 octets, none is another's.
 * False: an address or the boundary cannot stand in a header.
 */
MUST_USE bool policy_report_mail(struct buf *, const struct policy_report_mail *);

/* ---- a report of another -------------------------------------------------- */

struct policy_report_detail {
	struct span result; /* as written */
	enum policy_failure failure; /* NONE: not a result that is known */
	struct span sending_ip, receiving_ip, receiving_mx, receiving_helo;
	struct span reason, info;
	uint64_t count;
};

struct policy_report_policy {
	struct span type_text;
	enum policy_type type;
	bool type_known;
	struct span domain;
	struct span *strings, *mx;
	size_t string_count, mx_count;
	uint64_t successes, failures;
	struct policy_report_detail *details;
	size_t detail_count;
};

struct policy_report {
	struct policy_report_head head; /* times 0: not said */
	struct policy_report_policy *policies;
	size_t policy_count;
};

/* NULL, or what is wrong.  *out lives in the arena and in the text. */
MUST_USE const char *policy_report_read(struct arena *, struct span text,
					struct policy_report *out);
