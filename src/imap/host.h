/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/host - what an IMAP session asks of its owner.
 *
 * The owner embeds a struct imap_host, fills facts and functions, and finds
 * itself again with CONTAINER_OF.  Every question may park the fiber.  Answers
 * are enum imap_answer; what else a question yields is written to *out and
 * lives in the arena that was handed over (which may run out: answer
 * IMAP_UNAVAILABLE).  Spans handed in are borrowed for the call.
 *
 * Names never reach below this table after SELECT: a mailbox is a handle that
 * the host made for this session.  Names here are UTF-8, already checked
 * (imap/name.h), separator '/', INBOX in capitals.
 *
 * Versions.  A mailbox's version is that of the last operation which changed
 * it (its HIGHESTMODSEQ), from 1.  Every answer describes a durable state at
 * or after any state that this session was told of before.
 *
 * Custody: IMAP_YES to append_end, copy, move, store, expunge, create ... means
 * durable.  The session's OK stands on the line after it.
 */
#pragma once

#include "base/acl.h"
#include "imap/order.h"
#include "imap/query.h"
#include "imap/set.h"

enum imap_answer {
	IMAP_YES,
	IMAP_NONEXISTENT,   /* no such mailbox */
	IMAP_EXISTS,        /* a mailbox of that name is there already */
	IMAP_OVERQUOTA,
	IMAP_LIMIT,         /* another limit: names, keywords, message size */
	IMAP_CANNOT,        /* never possible: DELETE INBOX, a name not allowed */
	IMAP_HASCHILDREN,   /* DELETE of a \Noselect name with children */
	IMAP_DENIED,        /* not permitted, or wrong user name or password */
	IMAP_UNAVAILABLE,   /* try again later */
	IMAP_GONE,          /* the selected mailbox was deleted, or its change log
			       does not reach back: the session says BYE */
};

enum imap_flag {
	IMAP_SEEN = 1,
	IMAP_ANSWERED = 2,
	IMAP_FLAGGED = 4,
	IMAP_DELETED = 8,
	IMAP_DRAFT = 16,
};

#define IMAP_KEYWORDS_MAX     64u  /* per mailbox: one bit each */
#define IMAP_KEYWORD_LEN_MAX  64u  /* bytes */
#define IMAP_CHUNK_MAX        65536u /* body ranges and append chunks */
#define IMAP_EMAIL_LEN        16u  /* bytes of an email id: RFC 8474 */
#define IMAP_BATCH            512u /* rows in one answer of pages or rows */

/* Flags to set or of a new message: bits, and keywords by name. */
struct imap_flags {
	uint32_t system; /* enum imap_flag */
	const struct span *keywords;
	size_t keyword_count;
};

/* A message's slot in its page row. */
struct imap_slot {
	uint32_t uid;
	uint32_t flags; /* enum imap_flag */
	uint64_t keywords;
	uint64_t modseq;
};

/* What is wanted of rows beside their dates and sizes. */
enum imap_want {
	IMAP_WANT_SUMMARY = 1,
	IMAP_WANT_ORIGIN = 2, /* saved, email */
};

/* A message's cold row. */
struct imap_row {
	uint32_t uid;
	bool found;            /* false: expunged meanwhile; nothing else counts */
	int64_t internal_date; /* seconds since 1970, UTC */
	int64_t saved;         /* the same of its way into this mailbox */
	uint64_t size;         /* RFC822.SIZE: prefix and body together */
	uint32_t prefix;       /* bytes in front of the body that `summary`
				  describes; they are header fields */
	struct span summary;   /* summary/summary.h; empty: opaque message */
	uint8_t email[IMAP_EMAIL_LEN]; /* what all copies of it have in common */
};

struct imap_selected {
	uint64_t mailbox; /* the handle */
	bool read_only;   /* whatever was asked for */
	uint32_t uid_validity, uid_next;
	uint32_t exists;
	uint32_t recent;       /* messages that no session was told of before */
	uint32_t recent_from;  /* ... are those with this UID or a larger one */
	uint32_t first_unseen; /* sequence number, 0: none */
	uint64_t object;       /* never another mailbox's: RFC 8474 */
	uint64_t version;
	uint32_t rights;       /* what this session may do here: enum acl_right */
};

struct imap_status {
	uint32_t messages, recent, uid_next, uid_validity, unseen;
	uint32_t deleted_count; /* of those with \Deleted */
	uint64_t version;
	uint64_t size;    /* of all messages, bytes */
	uint64_t deleted; /* of those with \Deleted; only when asked for */
	uint64_t object;  /* as of SELECT */
};

/* What the account holds and may hold, bytes.  limit 0: there is none. */
struct imap_quota {
	uint64_t used, limit;
};

/* METADATA, RFC 5464.  Names are lower case. */
#define IMAP_ENTRY_MAX      255u   /* bytes of a name */
#define IMAP_ENTRIES_MAX    64u    /* of one command */
#define IMAP_ANNOTATION_MAX 16384u /* bytes of a value */
#define IMAP_ANNOTATE_MAX   49152u /* names and values that one command sets */
#define IMAP_DEPTH_ALL      255u

struct imap_annotation {
	struct span name;
	bool set;           /* to be set: false for one that goes; of an answer: false for
			       a value that is larger than asked for */
	struct span value;
	uint32_t size;      /* of an answer: bytes of the value */
};

struct imap_annotations_of {
	struct span mailbox; /* empty: the server's, as this user sees them */
	const struct span *entries;
	size_t count;
	unsigned depth;   /* levels below them: 0, 1 or IMAP_DEPTH_ALL */
	uint32_t largest; /* value that is wanted */
};

struct imap_annotations {
	struct imap_annotation *list; /* by name */
	size_t count;
	bool more; /* ask again after the last one's name */
};

enum imap_use { /* SPECIAL-USE, RFC 6154 */
	IMAP_USE_NONE,
	IMAP_USE_ALL,
	IMAP_USE_ARCHIVE,
	IMAP_USE_DRAFTS,
	IMAP_USE_FLAGGED,
	IMAP_USE_JUNK,
	IMAP_USE_SENT,
	IMAP_USE_TRASH,
};

struct imap_entry {
	struct span name;
	bool exists;     /* false: a subscription without a mailbox */
	bool selectable; /* false: a bare level of hierarchy */
	bool subscribed;
	bool children;   /* existing ones below it */
	enum imap_use use;
};

struct imap_entries {
	struct imap_entry *entries; /* sorted by name, bytewise */
	size_t count;
	bool more; /* ask again after the last one's name */
};

/* What happened to the selected mailbox since a version. */
struct imap_changes {
	uint64_t version;        /* of this answer */
	uint32_t uid_next;
	uint32_t exists;
	struct imap_set vanished; /* expunged since; may name UIDs never told of */
};

struct imap_slots {
	struct imap_slot *slots; /* ascending UIDs */
	size_t count;            /* at most IMAP_BATCH */
	uint32_t next;           /* go on from this UID; 0: that was all */
};

struct imap_kept {
	uint32_t uid_validity;
	uint32_t uid;
};

/* Pairs in the order of the source's UIDs; messages gone meanwhile are missing. */
struct imap_copied {
	uint32_t uid_validity; /* of the target */
	uint32_t *from, *to;
	size_t count;
};

struct imap_stored {
	uint64_t before, after;   /* the mailbox's version around this change; equal:
				     nothing was changed */
	struct imap_set modified; /* left alone because of `unchanged_since` */
};

enum imap_store_how { IMAP_STORE_SET, IMAP_STORE_ADD, IMAP_STORE_REMOVE };

struct imap_store {
	enum imap_store_how how;
	uint32_t flags;
	uint64_t keywords;        /* bits; keyword_add gave them */
	uint64_t unchanged_since; /* skip messages with a larger modseq;
				     UINT64_MAX: none */
};

/* Levels of names below which mailboxes of others stand; empty: there is none. */
struct imap_namespaces {
	struct span others, shared;
};

/* What somebody may do in a mailbox, and what not even by another grant. */
struct imap_grant {
	struct span who;
	uint32_t rights, refused;
};
struct imap_grants {
	struct imap_grant *grants;
	size_t count;
};

struct imap_append {
	struct span mailbox;
	struct imap_flags flags;
	bool dated;            /* else the host takes its own clock */
	int64_t internal_date;
	bool pieces;           /* CATENATE: how much will be sent is not known yet */
	uint64_t size;         /* else exactly what will be sent in chunks */
	uint32_t replaces;     /* a UID of the selected mailbox which goes in the
				  same moment; 0: none */
};

enum imap_auth {
	IMAP_AUTH_MORE,   /* *out is the next challenge */
	IMAP_AUTH_DONE,
	IMAP_AUTH_FAILED, /* counted; the same words whatever was wrong */
	IMAP_AUTH_UNAVAILABLE,
};

/* The owner keeps these true; start_tls of the stream changes some. */
struct imap_facts {
	bool tls;               /* this connection is protected now */
	bool starttls;          /* STARTTLS can be had (and tls is false) */
	struct span mechanisms; /* "PLAIN SCRAM-SHA-256", usable once tls is true */
	struct span name;       /* of this server, for the greeting */
	struct span version;    /* for ID; may be empty */
	uint64_t append_max;    /* largest message, bytes */
};

/* What became of a mailbox, for sessions that follow the account (RFC 5465). */
enum imap_moved_what {
	IMAP_MOVED_COUNTS = 1,
	IMAP_MOVED_FLAGS = 2,
	IMAP_MOVED_NAME = 4, /* made, or renamed from `old` */
	IMAP_MOVED_LOST = 8,
	IMAP_MOVED_SUBSCRIBED = 16,
};
struct imap_moved {
	struct span name, old; /* old: empty where it was not renamed */
	unsigned what;	       /* enum imap_moved_what, or-ed */
	uint64_t object;       /* 0: a bare level or a subscription alone */
	bool subscribed, children;
	uint32_t uid_validity, uid_next, messages;
	uint64_t version;
};
struct imap_news_of_all {
	struct imap_moved *list;
	size_t count;
	bool more; /* ask again */
};

struct imap_host {
	struct imap_facts facts;
	int64_t (*now)(struct imap_host *); /* seconds since 1970 */

	/* Before login.  YES, DENIED or UNAVAILABLE. */
	enum imap_answer (*login)(struct imap_host *, struct span user,
				  struct span password);
	/* False: no such mechanism here. */
	bool (*auth_begin)(struct imap_host *, struct span mechanism);
	/* first: `in` is meaningless, the client sent no initial response. */
	enum imap_auth (*auth_step)(struct imap_host *, bool first, struct span in,
				    struct arena *, struct span *out);
	void (*auth_cancel)(struct imap_host *);
	/* Nobody is logged in any more; no mailbox is selected. */
	void (*unauthenticate)(struct imap_host *);

	/* Names. */
	enum imap_answer (*list)(struct imap_host *, struct arena *,
				 struct span after, struct imap_entries *out);
	/* Superior levels are made as needed.  CANNOT: the use is taken, too. */
	enum imap_answer (*create)(struct imap_host *, struct span name,
				   enum imap_use, uint64_t *object);
	enum imap_answer (*remove)(struct imap_host *, struct span name);
	/* With everything below it; from INBOX: its messages move. */
	enum imap_answer (*rename)(struct imap_host *, struct span from,
				   struct span to);
	enum imap_answer (*subscribe)(struct imap_host *, struct span name, bool on);
	/* deleted: its sum is wanted, too, which costs a look at each of those. */
	enum imap_answer (*status)(struct imap_host *, struct span name,
				   bool deleted, struct imap_status *out);
	/*
	 * What happened in any mailbox since the question before; with `begin` from now on, and the
	 * owner then wakes the session when there is something.  LIMIT: more than is kept, and
	 * nobody follows any more.
	 */
	enum imap_answer (*news)(struct imap_host *, bool begin, struct arena *,
				 struct imap_news_of_all *out);
	void (*no_news)(struct imap_host *);
	enum imap_answer (*quota)(struct imap_host *, struct imap_quota *out);
	/* All or none; an empty name as above.  LIMIT: too many. */
	enum imap_answer (*annotate)(struct imap_host *, struct span mailbox,
				     const struct imap_annotation *, size_t count);
	enum imap_answer (*annotations)(struct imap_host *,
					const struct imap_annotations_of *,
					struct span after, struct arena *,
					struct imap_annotations *out);
	enum imap_answer (*namespaces)(struct imap_host *, struct arena *,
				       struct imap_namespaces *out);

	/* Rights in a mailbox (RFC 4314): the session's own; everybody's. */
	enum imap_answer (*rights)(struct imap_host *, struct span name, uint32_t *out);
	enum imap_answer (*grants)(struct imap_host *, struct span name, struct arena *,
				   struct imap_grants *out);
	/* Of `who`; refused: of what he is refused.  CANNOT: nobody to grant anything. */
	enum imap_answer (*grant)(struct imap_host *, struct span name, struct span who,
				  enum imap_store_how, uint32_t rights, bool refused);
	/* What he always has, and what can be granted to him. */
	enum imap_answer (*grantable)(struct imap_host *, struct span name,
				      struct span who, uint32_t *always,
				      uint32_t *others);
	/*
	 * URLs for others (RFC 4467).  sign: the token of one of the user's own, up to
	 * its access; DENIED: it is none.  open: a handle for the one message under a
	 * signed URL of whoever, for rows, body and deselect; DENIED: whatever is wrong
	 * with it.  reset: nothing signed for that mailbox is good any more; an empty
	 * name: for any of the user's.
	 */
	enum imap_answer (*url_sign)(struct imap_host *, struct span url, struct arena *,
				     struct span *token);
	enum imap_answer (*url_open)(struct imap_host *, struct span url,
				     uint64_t *mailbox);
	enum imap_answer (*url_reset)(struct imap_host *, struct span mailbox);

	/* The selected mailbox.  deselect is asked once per successful select. */
	enum imap_answer (*select)(struct imap_host *, struct span name,
				   bool read_only, struct imap_selected *out);
	void (*deselect)(struct imap_host *, uint64_t mailbox);
	/* Another one beside it, to look at; deselect ends that, too. */
	enum imap_answer (*visit)(struct imap_host *, struct span name, struct imap_selected *out);
	/* All UIDs in it now; out is initialised, add to it. */
	enum imap_answer (*uids)(struct imap_host *, uint64_t mailbox,
				 struct imap_set *out);
	/* Slots of UIDs first..last with modseq > above, at most IMAP_BATCH. */
	enum imap_answer (*pages)(struct imap_host *, uint64_t mailbox,
				  uint32_t first, uint32_t last, uint64_t above,
				  struct arena *, struct imap_slots *out);
	/* Fills rows[i] for uids[i]; count <= IMAP_BATCH.  What `want` (enum
	   imap_want) does not ask for may be left out. */
	enum imap_answer (*rows)(struct imap_host *, uint64_t mailbox, struct arena *,
				 const uint32_t *uids, size_t count,
				 unsigned want, struct imap_row *rows);
	/* Asked after `uids` when a map is built: then none slips through. */
	enum imap_answer (*changes)(struct imap_host *, uint64_t mailbox,
				    uint64_t since, struct arena *,
				    struct imap_changes *out);
	/*
	 * Bytes of a message from `offset` on, at most len (and IMAP_CHUNK_MAX), at least one
	 * before its end.  NONEXISTENT: expunged.  *out: until the next question.
	 */
	enum imap_answer (*body)(struct imap_host *, uint64_t mailbox, uint32_t uid,
				 uint64_t offset, size_t len, struct span *out);
	/* Whole messages that body will be asked for next, in this order and by ascending UIDs;
	   0: no more.  Their rows stay until then.  NULL: no matter. */
	void (*expect)(struct imap_host *, const struct imap_row *, size_t count);
	/* The keywords in use, bit 0 first; at most IMAP_KEYWORDS_MAX. */
	enum imap_answer (*keywords)(struct imap_host *, uint64_t mailbox,
				     struct arena *, struct span **names,
				     size_t *count);
	/* The bit of a keyword, made when it is new.  LIMIT: no bit is left. */
	enum imap_answer (*keyword_add)(struct imap_host *, uint64_t mailbox,
					struct span name, unsigned *bit);
	enum imap_answer (*store)(struct imap_host *, uint64_t mailbox,
				  const struct imap_set *uids,
				  const struct imap_store *, struct arena *,
				  struct imap_stored *out);
	/* Those of the set that carry \Deleted; NULL: of all. */
	enum imap_answer (*expunge)(struct imap_host *, uint64_t mailbox,
				    const struct imap_set *uids);
	enum imap_answer (*copy)(struct imap_host *, uint64_t mailbox,
				 const struct imap_set *uids, struct span to,
				 bool move, struct arena *, struct imap_copied *out);
	/* UIDs that match; out is initialised.  LIMIT: too much work. */
	enum imap_answer (*search)(struct imap_host *, uint64_t mailbox,
				   const struct imap_query *, struct imap_set *out,
				   uint64_t *highest_modseq);

	/* The UIDs in order or in threads; those gone meanwhile are missing.  LIMIT: too many. */
	enum imap_answer (*sort)(struct imap_host *, uint64_t mailbox,
				 const struct imap_order *, const struct imap_set *uids,
				 struct arena *, struct imap_ordered *out);

	/*
	 * A new message.  begin refuses (before the client was told to go on) or
	 * takes exactly `size` bytes in chunks; then hold, end or abort, once.
	 * Messages that hold was asked for wait for the one with end: all are kept
	 * then, with UIDs one after the other from out->uid on, or none (RFC 3502).
	 * Abort forgets those that wait, too, and may be asked when begin refused.
	 * end: CANNOT, when what is replaced is gone.
	 */
	enum imap_answer (*append_begin)(struct imap_host *, const struct imap_append *);
	enum imap_answer (*append_chunk)(struct imap_host *, struct span);
	enum imap_answer (*append_hold)(struct imap_host *);
	enum imap_answer (*append_end)(struct imap_host *, struct imap_kept *out);
	void (*append_abort)(struct imap_host *);
};
