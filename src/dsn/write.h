/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsn/write - a delivery status notification as a whole message (RFC 3464 in
 * RFC 6522, RFC 6533), from facts in memory.
 *
 * Three parts: a text for a person, the reason first; the fields for programs;
 * the header of the message that it is about, or all of it.  It is sent with
 * the null return path, which is the caller's to write into the envelope.
 *
 * Whatever a peer chose (addresses, replies, names, the message) is untrusted:
 * it cannot end a line, a field or a part.  Lines end with CRLF and have at
 * most 998 octets; there is no other CR or LF and no NUL.  No part's boundary
 * occurs in the content: where every candidate does, the content is encoded.
 *
 * Privacy: all recipients of one call are recipients of one sender.  Where our
 * own aliases or forwarding led to another address (`named` differs from
 * `final`), the report speaks of `named` alone, and of the reply only its
 * codes: the words of a server often repeat the address.
 *
 * The message is returned whole only for a failure, when RET=FULL asks for it,
 * when it is no larger than allowed, and when the form can carry it as it is;
 * else its header is.  Memory: DSN_REPORT_MAX at most, and the part pulled.
 */
#pragma once

#include "dsn/dsn.h"
#include "smtp/host.h"

#define DSN_RECIPIENTS_MAX 100u		/* of one report: make several */
#define DSN_REPLY_MAX	   600u		/* octets shown of a server's reply */
#define DSN_ADDRESS_MAX	   900u		/* octets of a written address */
#define DSN_SUBJECT_MAX	   200u		/* octets shown of the message's subject */
#define DSN_HEADER_MAX	   (64u << 10)	/* returned of a header; more is cut off */
#define DSN_RETURN_MAX	   (256u << 10) /* of a message returned whole */
#define DSN_PULL_MAX	   (64u << 10)
#define DSN_REPORT_MAX	   (4u << 20)
#define DSN_ID_MIN	   8u
#define DSN_ID_MAX	   40u
#define DSN_LINE_MAX	   998u /* RFC 5322 2.1.1, without CRLF */

struct dsn_recipient {
	struct span named;    /* as the sender gave it in RCPT; empty: as `final` */
	struct span final;    /* where it went; UTF-8 is allowed */
	struct span original; /* ORCPT as received, "type;xtext"; may be empty */
	enum dsn_action action;
	struct dsn_status status;
	struct span remote;   /* the server that answered; may be empty */
	struct span reply;    /* what it said, raw; may be empty */
	int64_t attempted;    /* seconds; 0: not known */
	int64_t retry_until;  /* DSN_DELAYED; 0: not known */
};

/* The message, by ranges: 1 to `len` of its bytes from `at` on, borrowed until
 * the next pull.  False: they cannot be had. */
struct dsn_source {
	MUST_USE bool (*pull)(struct dsn_source *, uint64_t at, size_t len, struct span *bytes);
};

struct dsn_letter {
	struct span sender; /* the reverse path without brackets */
	struct span envid;  /* xtext as received; may be empty */
	enum smtp_ret ret;
	int64_t arrived;
	uint64_t size;
	struct dsn_source *source;
};

/* What the servers on the way to the sender are known to carry. */
enum dsn_form {
	DSN_7BIT,
	DSN_8BIT, /* 8BITMIME */
	DSN_UTF8, /* 8BITMIME and SMTPUTF8 */
};

struct dsn_how {
	struct span host; /* our name: smtp_hello_ok */
	struct span id;   /* of the report: letters and digits nobody can guess */
	struct span to;   /* instead of the sender (our postmaster); may be empty */
	int64_t now;
	enum dsn_form form;
	uint32_t return_max; /* of a whole message; DSN_RETURN_MAX at most */
};

enum dsn_result {
	DSN_OK,
	DSN_NO_ADDRESSEE,   /* the sender is null, or no address */
	DSN_NO_RECIPIENTS,
	DSN_TOO_MANY,	    /* recipients */
	DSN_SOURCE_FAILED,
	DSN_MEMORY,	    /* or the buffer's limit */
};

struct dsn_made {
	bool eight_bit; /* send with BODY=8BITMIME */
	bool utf8;	/* send with SMTPUTF8 */
	bool whole;	/* all of the message is in it */
	bool cut;	/* not even its header is, but for its front */
};

/* Appends the message.  Unless DSN_OK what was appended is of no use. */
MUST_USE enum dsn_result dsn_write(const struct dsn_how *, const struct dsn_letter *,
				   const struct dsn_recipient *, size_t count,
				   struct buf *out, struct dsn_made *);
