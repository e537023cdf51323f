/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/received - the trace lines that go before a copy of a message
 * (RFC 5321 4.4): Return-Path, Delivered-To, Received.
 *
 * Input is facts; output is folded header lines with CRLF.  Whatever a peer
 * chose (EHLO name, addresses) is written so that it cannot end a line, a
 * comment or a field: bytes outside the allowed set become '?'.
 *
 * The buffer's limit applies; SMTP_TRACE_MAX is always enough for one copy.
 */
#pragma once

#include "base/buf.h"
#include "smtp/path.h"

#define SMTP_TRACE_MAX 4096u

struct smtp_received {
	struct span hello; /* of the peer; empty: "unknown" */
	struct span ip;    /* text without brackets: "192.0.2.1", "2001:db8::1" */
	struct span rdns;  /* confirmed name of the peer; may be empty */
	struct span by;    /* our host name */
	struct span id;    /* message id of ours, for the log */
	bool extended, secure, authenticated, utf8, lmtp;
	struct span tls_version, tls_suite; /* when secure */
	const struct smtp_path *for_rcpt; /* only when there is exactly one */
	int64_t date;      /* seconds since 1970, written as UTC */
};

void smtp_received_write(struct buf *, const struct smtp_received *);
void smtp_return_path_write(struct buf *, const struct smtp_path *from);
void smtp_delivered_to_write(struct buf *, const struct smtp_path *to);

/* The keyword after "with" (RFC 3848, RFC 6531): ESMTPSA, UTF8LMTPS ... */
const char *smtp_with(const struct smtp_received *);
