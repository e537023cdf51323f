/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/trace - has this message been here before?  Received fields are counted,
 * and Delivered-To compared with the mailbox that is about to get it.
 */
#pragma once

#include "base/span.h"

#define MIME_RECEIVED_MAX 50u /* one more is a loop */

/* Received fields in the header block at the start of `message`. */
size_t mime_trace_received(struct span message);

/* RFC 8689 5: the message asks not to be held up by TLS.  Of several such
 * fields none counts. */
bool mime_trace_tls_optional(struct span message);

/* Does a Delivered-To field name `address` (domain without case)? */
bool mime_trace_delivered(struct span message, struct span address);
