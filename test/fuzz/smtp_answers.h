/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/fuzz/smtp_answers - the owner of an SMTP session under fuzzing.
 *
 * It keeps the book of the order that smtp/host.h promises: no question comes
 * out of turn, every body is ended or given up.  What it answers is thrown with
 * dice where there are some, and follows from the lengths of what it is asked
 * where there are none, so that bytes alone decide in both cases.
 */
#pragma once

#include "smtp/session.h"
#include "turns.h"

struct smtp_answers {
	struct smtp_host host;
	struct dice *dice; /* NULL: by lengths */
	uint64_t size;	   /* of the body so far */
	bool mail, body, exchange;
	uint32_t recipients, kept, logins;

	struct buf message; /* the body so far */
	enum smtp_end end;  /* the last answer to body_end */
	unsigned ends;	    /* how often it was asked */
	unsigned notes;
};

void smtp_answers_init(struct smtp_answers *, struct dice *);
/* What has to hold once the session is freed. */
void smtp_answers_free(struct smtp_answers *);
