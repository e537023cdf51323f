/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/client_answer - what a server says: replies of one or more lines
 * (RFC 5321 4.2), enhanced codes (RFC 2034, 3463).
 *
 * All of it is hostile.  A reply is read once, line by line, in time linear in
 * its bytes, and kept as codes and one line of printable ASCII.  Other codes
 * on later lines, 1yz, a NUL, a bare CR or LF, a line, a count of lines or a
 * total over its limit are no reply: SMTP_ANSWER_BAD, after which nothing the
 * server says has a known place, and the session has to end.  Bytes over 127
 * are allowed and become '?'.  How long it may take is the stream's deadline,
 * which is set once for a whole reply.
 */
#pragma once

#include "base/span.h"
#include "base/stream.h"

#define SMTP_ANSWER_LINE_MAX  4096u /* with CRLF; 5321 promises 512 */
#define SMTP_ANSWER_LINES_MAX 128u
#define SMTP_ANSWER_BYTES_MAX 65536u /* of all lines, without CRLF */
#define SMTP_ANSWER_DRAIN     (1u << 20) /* a longer line is a lost connection */
#define SMTP_ANSWER_TEXT_MAX  512u

/* RFC 3463; klass 0: none was given. */
struct smtp_enhanced {
	uint8_t klass; /* 2, 4 or 5 */
	uint16_t subject, detail; /* 0 to 999 */
};

struct smtp_answer {
	uint16_t code; /* 200 to 599; 0 before the first line */
	struct smtp_enhanced enhanced;
	uint16_t text_len;
	uint32_t lines, bytes;
	char text[SMTP_ANSWER_TEXT_MAX]; /* clean; lines joined by a blank */
};

enum smtp_answer_result {
	SMTP_ANSWER_OK,
	SMTP_ANSWER_MORE, /* of a line: the reply goes on */
	SMTP_ANSWER_BAD,  /* not a reply */
	SMTP_ANSWER_LOST, /* the stream says why */
};

static inline struct span smtp_answer_text(const struct smtp_answer *a)
{
	return span_of(a->text, a->text_len);
}

/* "5.1.1" at the front of a text, followed by a blank or nothing. */
MUST_USE bool smtp_enhanced_parse(struct span *text, struct smtp_enhanced *);

/*
 * One more line, without CRLF, of a reply that began with a zeroed answer.
 * *raw is what follows the code on it, borrowed from `line`.
 */
MUST_USE enum smtp_answer_result smtp_answer_line(struct smtp_answer *, struct span line,
						  struct span *raw);

/* A whole reply; each raw text goes to `take` (which may be NULL) on its way. */
MUST_USE enum smtp_answer_result smtp_answer_read(struct stream *, struct smtp_answer *,
						  void (*take)(void *, struct span raw),
						  void *owner);
