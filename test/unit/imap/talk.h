/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/unit/imap/talk - one conversation with a session over a memory host.
 *
 * The same input is run whole and in pieces of 1, 2, 3 and 7 bytes against a
 * fresh host each time; the answers have to be the same to the byte.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "imap/session.h"
#include "memory_host.h"
#include "script_stream.h"

typedef void (*talk_setup)(struct mem_host *);

struct talk {
	struct mem_host mem;
	struct script script;
	struct imap_session *session;
	char *out;
	size_t out_len;
};

/* Greets, runs to the end; the last (unsplit) run's state stays in the talk. */
void talk_run(struct talk *, talk_setup, struct span input);
void talk_free(struct talk *);
/* Run on at the given split only, for tests of size. */
void talk_once(struct talk *, talk_setup, struct span input, size_t split);
/* These stand in the output, in this order; the list ends with NULL. */
void talk_expect(const struct talk *, ...);
void talk_lacks(const struct talk *, const char *);
#define TALK(t, setup, text) talk_run((t), (setup), SPAN(text))
#define EXPECT(t, ...)       talk_expect((t), __VA_ARGS__, NULL)
/* Logs in and selects INBOX; put in front of an input. */
#define LOGIN  "l LOGIN fred secret\r\n"
#define SELECT LOGIN "s SELECT INBOX\r\n"

/* Steps in a live session, with another session's doings between them. */
struct live {
	struct mem_host mem;
	struct script script;
	struct imap_session *session;
	size_t read;
	struct span chunks[24];
};
/* Greets; each imap_session_run takes one of the lines then. */
void live_init(struct live *, talk_setup, const char *const *lines, size_t count);
void live_free(struct live *);
/* What was said since the last time. */
const char *live_said(struct live *, char *copy, size_t size);

/* A test: name, setup, what the client sends, what the answer holds, in this order. */
#define T(name, setup, input, ...)                                             \
	static void name(void **state UNUSED)                                  \
	{                                                                      \
		struct talk t;                                                 \
		TALK(&t, setup, input);                                        \
		EXPECT(&t, __VA_ARGS__);                                       \
		talk_free(&t);                                                 \
	}
