/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/unit/smtp/talk - whole conversations with a session, and a host whose
 * answers are chosen by the words in the addresses.
 *
 * Client bytes are given with '|' between what is sent without waiting; a
 * conversation runs whole and cut into 1, 2, 3 and 7 bytes, and every run must
 * give the same replies, the same questions to the host and the same message.
 *
 * Local parts with a meaning: in MAIL notown refused toobig nospace later; in
 * RCPT unknown relay disabled full refused later many.  Mechanisms: PLAIN
 * (right: NUL u NUL right), LOGIN (u, right), LOOP (asks for ever), DOWN, SLOW,
 * TWISTED (malformed).
 */
#pragma once

#include "base/buf.h"
#include "script_stream.h"
#include "smtp/session.h"

#define TALK_NOW 1700000000 /* 2023-11-14T22:13:20Z */

struct talk {
	/* choose */
	struct smtp_settings set;
	enum smtp_end end;
	enum smtp_end recipient_end[4];
	enum smtp_load load, load_later; /* later: after the greeting */
	enum smtp_body_ruling begin, chunk;
	enum smtp_hello hello;
	enum io at_end;
	const char *text;     /* of refusals */
	bool keep_separator;  /* '|' is content */

	/* found */
	struct smtp_host host;
	struct script script;
	struct buf log;   /* questions, blank-separated */
	struct buf body;  /* of the last message */
	struct buf codes; /* "220 250/2.0.0 ..." */
	unsigned kept, aborted, chunks, steps, idles;
	unsigned notes[8];
	bool open, closed;
	struct smtp_facts facts; /* at the last idle moment */
	char hello_name[256];
};

void talk_init(struct talk *, enum smtp_role, enum smtp_tls_mode);
void talk_free(struct talk *);

/* One run; `split` bytes a fill, 0: whole chunks. */
void talk_run(struct talk *, struct span client, size_t split);
/* The same from chunks, each sent without waiting; borrowed by t->script. */
void talk_chunks(struct talk *, const struct span *chunks, size_t count, size_t split);

/* All cuts; the replies' codes must be `codes`.  The last run stays in *t. */
#define TALK(t, client, expect)                                                \
	talk_all((t), SPAN(client), (expect), __FILE__, __LINE__)
void talk_all(struct talk *, struct span client, const char *codes, const char *file,
	      int line);
/* Whole only: for what depends on bytes being there early. */
#define TALK_ONCE(t, client, expect)                                           \
	talk_once((t), SPAN(client), (expect), __FILE__, __LINE__)
void talk_once(struct talk *, struct span client, const char *codes, const char *file,
	       int line);
