/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/object - names of messages and mailboxes that no rename or move changes
 * (RFC 8474): "M" and the email id in hexadecimal, "F" and a mailbox's number.
 */
#pragma once

#include "imap/state.h"

void imap_email_write(struct stream *, const uint8_t email[IMAP_EMAIL_LEN]);

enum imap_object {
	IMAP_OBJECT_BAD,   /* cannot be anybody's: BAD */
	IMAP_OBJECT_OTHER, /* well formed, but not one of ours */
	IMAP_OBJECT_EMAIL,
};
/* An objectid; the email id of EMAIL lives in the arena. */
MUST_USE enum imap_object imap_object_parse(struct span, struct arena *,
					    struct span *email);

/* "MAILBOXID (F12)" */
#define IMAP_MAILBOXID 40u
void imap_mailboxid(char text[IMAP_MAILBOXID], uint64_t object);
