/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pop3/host - what a POP3 session asks of its owner.
 *
 * As with imap/host: the owner embeds it, questions may park, results live in
 * the arena handed over, spans handed in are borrowed for the call, YES to a
 * change means durable.
 */
#pragma once

#include "base/arena.h"
#include "base/span.h"

enum pop3_answer {
	POP3_YES,
	POP3_DENIED,      /* wrong name or password; one text for both */
	POP3_GONE,        /* that message was expunged elsewhere */
	POP3_BUSY,        /* the maildrop cannot be had now (IN-USE) */
	POP3_EARLY,       /* the login before it is too near (LOGIN-DELAY) */
	POP3_UNAVAILABLE, /* try again later */
};

enum pop3_auth {
	POP3_AUTH_MORE,
	POP3_AUTH_DONE,
	POP3_AUTH_FAILED,
	POP3_AUTH_UNAVAILABLE,
};

#define POP3_CHUNK_MAX    65536u   /* bytes of one body range */
#define POP3_BATCH        512u     /* messages in one question */
#define POP3_MESSAGES_MAX 1000000u /* a snapshot holds the oldest ones */

struct pop3_run {
	uint32_t first, last; /* UIDs, both in it */
};

/* INBOX as it was at one moment: runs ascend and do not touch. */
struct pop3_drop {
	uint64_t mailbox; /* handle, for this session */
	uint32_t uid_validity;
	uint64_t octets; /* of all messages in the runs */
	struct pop3_run *runs;
	size_t count;
};

/* A unique id that came from another server. */
struct pop3_id {
	uint32_t uid;
	struct span text;
};
struct pop3_ids {
	struct pop3_id *list; /* UIDs ascend */
	size_t count;
	uint32_t next; /* more may follow from this UID on; 0: none do */
};

struct pop3_facts {
	bool tls;
	bool stls;              /* STLS can be had (and tls is false) */
	struct span mechanisms; /* "PLAIN SCRAM-SHA-256", once tls is true */
	uint32_t login_delay;   /* seconds between two logins of a user; 0: none */
	struct span name;       /* of this server */
	struct span implementation;
};

struct pop3_host {
	struct pop3_facts facts;

	enum pop3_answer (*login)(struct pop3_host *, struct span user,
				  struct span password);
	/* False: no such mechanism here. */
	bool (*auth_begin)(struct pop3_host *, struct span mechanism);
	/* first: the client sent no initial response, `in` is meaningless. */
	enum pop3_auth (*auth_step)(struct pop3_host *, bool first, struct span in,
				    struct arena *, struct span *out);
	void (*auth_cancel)(struct pop3_host *);

	/* Once, after login.  close is asked once if open said YES. */
	enum pop3_answer (*open)(struct pop3_host *, struct arena *,
				 struct pop3_drop *out);
	void (*close)(struct pop3_host *, uint64_t mailbox);
	/* sizes[i] of uids[i]; UINT64_MAX: expunged since.  count <= POP3_BATCH. */
	enum pop3_answer (*sizes)(struct pop3_host *, uint64_t mailbox,
				  const uint32_t *uids, size_t count,
				  uint64_t *sizes);
	/* Of the UIDs from..to those that have one; some may be of no message. */
	enum pop3_answer (*ids)(struct pop3_host *, struct arena *, uint64_t mailbox,
				uint32_t from, uint32_t to, struct pop3_ids *out);
	/*
	 * At most len (<= POP3_CHUNK_MAX) bytes from offset; fewer only at the end.
	 * GONE when expunged.  *out is valid until the next question.
	 */
	enum pop3_answer (*body)(struct pop3_host *, uint64_t mailbox, uint32_t uid,
				 uint64_t offset, size_t len, struct span *out);
	/* Only at QUIT.  Messages gone already are no error. */
	enum pop3_answer (*expunge)(struct pop3_host *, uint64_t mailbox,
				    const struct pop3_run *, size_t count);
};
