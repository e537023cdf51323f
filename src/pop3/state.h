/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pop3/state - a session as its commands see it.  Private to this folder.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/ensure.h"
#include "pop3/session.h"

#define POP3_ARENA_MAX   (16u << 20) /* one command */
#define POP3_SESSION_TAG TAG4('P', 'O', 'P', '3')

enum pop3_state {
	POP3_AUTHORIZATION = 1,
	POP3_TRANSACTION = 2,
	POP3_ANY = 3,
};

struct pop3_session {
	uint32_t tag;
	struct stream *stream;
	struct pop3_host *host;
	struct arena *arena; /* NULL between two commands */
	enum pop3_state state;
	bool closing;
	unsigned bad, logins;
	char user[POP3_USER_MAX];
	size_t user_len; /* 0: no USER so far */

	/* The snapshot; runs and marks are the session's. */
	struct pop3_drop drop;
	uint32_t count;
	uint8_t *marks; /* one bit a message; NULL: nothing was marked */
	uint32_t marked;
	uint64_t marked_octets;
};

struct pop3_verb {
	const char *name;
	unsigned states; /* enum pop3_state, or-ed */
	void (*run)(struct pop3_session *, struct span argument);
};

const struct pop3_verb *pop3_verb_find(struct span name);

void pop3_ok(struct pop3_session *, const char *text);
void pop3_err(struct pop3_session *, const char *text);
void pop3_ended(struct pop3_session *, enum io);

/* pop3/drop.c: the snapshot */
bool pop3_drop_open(struct pop3_session *); /* false: said why */
void pop3_drop_free(struct pop3_session *);
uint32_t pop3_uid(const struct pop3_session *, uint32_t number);
bool pop3_marked(const struct pop3_session *, uint32_t number);
/* A message number that may be used.  False: answered -ERR. */
MUST_USE bool pop3_number(struct pop3_session *, struct span text, uint32_t *out);
/* Sizes of count messages from number on, in the command's arena, or NULL. */
uint64_t *pop3_sizes(struct pop3_session *, uint32_t number, uint32_t count);

void pop3_cmd_auth(struct pop3_session *, struct span);
void pop3_cmd_capa(struct pop3_session *, struct span);
void pop3_cmd_dele(struct pop3_session *, struct span);
void pop3_cmd_lang(struct pop3_session *, struct span);
void pop3_cmd_list(struct pop3_session *, struct span);
void pop3_cmd_noop(struct pop3_session *, struct span);
void pop3_cmd_pass(struct pop3_session *, struct span);
void pop3_cmd_quit(struct pop3_session *, struct span);
void pop3_cmd_retr(struct pop3_session *, struct span);
void pop3_cmd_rset(struct pop3_session *, struct span);
void pop3_cmd_stat(struct pop3_session *, struct span);
void pop3_cmd_stls(struct pop3_session *, struct span);
void pop3_cmd_top(struct pop3_session *, struct span);
void pop3_cmd_uidl(struct pop3_session *, struct span);
void pop3_cmd_user(struct pop3_session *, struct span);
void pop3_cmd_utf8(struct pop3_session *, struct span);
