/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/acl - what somebody may do in a mailbox: the letters of RFC 4314 2.1 as bits.
 *
 * "c" stands for making and removing mailboxes (k, x), "d" for removing messages (t, e):
 * taken as all of theirs, shown where one of theirs is (2.1.1).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum acl_right { /* the numbers are part of the format of box */
	ACL_L = 1,    /* see it in lists */
	ACL_R = 2,    /* open and read it */
	ACL_S = 4,    /* change \Seen */
	ACL_W = 8,    /* change flags but \Seen and \Deleted */
	ACL_I = 16,   /* put messages into it */
	ACL_P = 32,   /* post to its address */
	ACL_K = 64,   /* make mailboxes below it */
	ACL_X = 128,  /* remove or rename it */
	ACL_T = 256,  /* change \Deleted */
	ACL_E = 512,  /* expunge */
	ACL_A = 1024, /* change rights */
	ACL_ALL = 2047,
};

/* "lrs".  False: a letter that there is not. */
MUST_USE bool acl_parse(struct span letters, uint32_t *rights);
#define ACL_TEXT 14u /* all letters and a NUL */
void acl_text(char out[ACL_TEXT], uint32_t rights);
