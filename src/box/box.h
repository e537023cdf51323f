/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/box - the mailboxes of one account: a model on kv.
 *
 * A box is a handle on an account's space.  Reading functions answer at once
 * from the view asked for; changing functions (box/change.h, box/tree.h) are
 * operations: they answer later, through `done`, when the change is durable.
 * Sessions read KV_VISIBLE only.
 *
 * Mailboxes are numbers, given once per account and never again; names are
 * attributes (UTF-8, '/' between levels, INBOX in capitals; the caller has
 * checked and normalised them).  UIDs ascend and are never reused; UIDVALIDITY
 * is larger for each mailbox made.  A message's MODSEQ is the version of the
 * operation that touched it last; HIGHESTMODSEQ never falls.
 *
 * The format is in box/format.h.  Nothing here parses mail: summaries are
 * opaque bytes of the sorter.
 */
#pragma once

#include "base/arena.h"
#include "kv/op.h"

#define BOX_NAME_MAX      500u /* bytes of a mailbox name */
#define BOX_DEPTH_MAX     50u   /* levels */
#define BOX_MAILBOXES_MAX 10000u
#define BOX_KEYWORDS_MAX  64u /* of a mailbox: one bit each */
#define BOX_KEYWORD_MAX   64u /* bytes */
#define BOX_PREFIX_MAX    8192u
#define BOX_SUMMARY_MAX   (256u * 1024u)
#define BOX_SUMMARY_ROW   2048u /* larger summaries are kept as bodies */
#define BOX_PAGE          256u	/* UIDs of a page row */
#define BOX_INSERT_MAX    128u /* messages of one insert */
#define BOX_TOKEN_MAX     16u	/* ... that has a token */
#define BOX_CHUNK         1000u /* messages that one commit changes */
#define BOX_LOG_MAX       4096u /* changes remembered per mailbox */

enum box_result {
	BOX_OK,
	BOX_NONE,	 /* no such mailbox or message */
	BOX_EXISTS,	 /* a mailbox of that name */
	BOX_CANNOT,	 /* INBOX cannot be removed; into itself; a bad name */
	BOX_CHILDREN,	 /* a bare level with mailboxes below it */
	BOX_OVERQUOTA,
	BOX_LIMIT,	 /* names, keywords, sizes */
	BOX_TOO_OLD,	 /* the log does not reach back to that version */
	BOX_FULL,	 /* the disk's reserve is reached */
	BOX_UNAVAILABLE, /* try again later */
	BOX_CORRUPT,	 /* a row is damaged: fsck */
};
const char *box_result_name(enum box_result);

enum box_flag {
	BOX_SEEN = 1,
	BOX_ANSWERED = 2,
	BOX_FLAGGED = 4,
	BOX_DELETED = 8,
	BOX_DRAFT = 16,
	BOX_FLAGS = 31,
};

enum box_use { /* SPECIAL-USE; the numbers are part of the format */
	BOX_USE_NONE = 0,
	BOX_USE_ALL = 1,
	BOX_USE_ARCHIVE = 2,
	BOX_USE_DRAFTS = 3,
	BOX_USE_FLAGGED = 4,
	BOX_USE_JUNK = 5,
	BOX_USE_SENT = 6,
	BOX_USE_TRASH = 7,
};

/* ---- runs of UIDs: sorted, not touching ---- */

struct box_run {
	uint32_t first, last; /* both are in it */
};
struct box_uids {
	struct box_run *runs;
	size_t count, cap;
	struct arena *arena; /* where it grows */
};
void box_uids_init(struct box_uids *, struct arena *);
/* Ascending order only.  False: out of memory. */
MUST_USE bool box_uids_add(struct box_uids *, uint32_t first, uint32_t last);
bool box_uids_has(const struct box_uids *, uint32_t uid);
/* Is one of first..last in it? */
bool box_uids_any(const struct box_uids *, uint32_t first, uint32_t last);
uint64_t box_uids_size(const struct box_uids *);

/* ---- the handle ---- */

struct box;

MUST_USE enum box_result box_open(struct kv *, uint64_t account,
				  struct box **out);
void box_close(struct box *); /* NULL is allowed; no operation is under way */
struct kv_space *box_space(struct box *);
/* Has the account been set up (INBOX and so on)?  See box_setup. */
MUST_USE enum box_result box_ready(struct box *, enum kv_view);

/* ---- reading ---- */

struct box_entry {
	uint32_t mailbox; /* 0: only a subscription, or a bare level */
	struct span name;
	bool subscribed;
	bool children;
	enum box_use use;
};
/*
 * Names larger than `after`, bytewise, at most max; *count < max: that was
 * all.  Bare levels of the hierarchy and subscriptions without a mailbox are
 * among them.
 */
MUST_USE enum box_result box_list(struct box *, enum kv_view, struct arena *,
				  struct span after, struct box_entry *entries,
				  size_t max, size_t *count);

MUST_USE enum box_result box_find(struct box *, enum kv_view, struct span name,
				  uint32_t *mailbox);
/* The mailbox with this special use; BOX_NONE. */
MUST_USE enum box_result box_find_use(struct box *, enum kv_view, enum box_use,
				      uint32_t *mailbox);

struct box_status {
	uint32_t uid_validity, uid_next;
	uint32_t messages, unseen, deleted; /* deleted: carrying \Deleted */
	uint32_t recent_from; /* messages from this UID on were never claimed */
	uint64_t bytes;
	uint64_t version; /* HIGHESTMODSEQ, at least 1 */
};
MUST_USE enum box_result box_status(struct box *, enum kv_view,
				    uint32_t mailbox, struct box_status *out);

struct box_quota {
	uint64_t bytes, messages;
};
MUST_USE enum box_result box_quota(struct box *, enum kv_view,
				   struct box_quota *out);

struct box_slot {
	uint32_t uid;
	uint32_t flags; /* enum box_flag */
	uint64_t keywords;
	uint64_t modseq;
};
/*
 * Slots with UID >= from and modseq > above, ascending, at most max.  *next:
 * go on from this UID; 0: that was all.  Reads page rows only, and only those
 * that the change log names where it reaches back to `above`.
 */
MUST_USE enum box_result box_slots(struct box *, enum kv_view,
				   uint32_t mailbox, uint32_t from,
				   uint64_t above, struct box_slot *slots,
				   size_t max, size_t *count, uint32_t *next);

/*
 * What happened since a session was last told (`since`): UIDs expunged, and
 * how far UIDs go now.  Changed flags and new messages: box_slots(above:
 * since).  When the log does not reach back: BOX_TOO_OLD, or, with `guess`,
 * every UID without a message (QRESYNC allows to name too many).
 */
struct box_changes {
	struct box_status now;
	struct box_uids vanished;
};
MUST_USE enum box_result box_changes(struct box *, enum kv_view,
				     uint32_t mailbox, uint64_t since,
				     bool guess, struct arena *,
				     struct box_changes *out);

/*
 * The UIDs of a session's view: there at version `since` and below uid_next.
 * With since = the current version: all of them.
 */
MUST_USE enum box_result box_view(struct box *, enum kv_view, uint32_t mailbox,
				  uint64_t since, uint32_t uid_next,
				  struct box_uids *out);

/* A message's cold row: it never changes. */
struct box_message {
	uint32_t uid;
	int64_t date;	/* internal date, seconds UTC */
	uint64_t size;	/* prefix and body */
	struct span prefix;
	struct kv_id body;
	uint64_t body_size;
	uint32_t body_crc; /* CRC32C */
	struct kv_id email; /* EMAILID: shared by copies */
	int64_t saved;	/* when it came into this mailbox */
	struct span summary;
};
/* Spans live in the arena.  Reads a summary kept as a body too if `summary`. */
MUST_USE enum box_result box_message(struct box *, enum kv_view,
				     uint32_t mailbox, uint32_t uid,
				     bool summary, struct arena *,
				     struct box_message *out);
/*
 * The same for many, by ascending UIDs; rows that stand close together are read in one go.
 * `each` hears of every one in turn, of one that was expunged with NULL; false: no more.
 */
typedef bool box_message_fn(void *arg, uint32_t uid, const struct box_message *);
MUST_USE enum box_result box_messages(struct box *, enum kv_view,
				      uint32_t mailbox, const uint32_t *uids,
				      size_t n, bool summary, struct arena *,
				      box_message_fn *each, void *arg);
/*
 * At most len bytes of prefix + body from `from` on, appended to out; fewer
 * only at the end.
 */
MUST_USE enum box_result box_read(struct box *, const struct box_message *,
				  uint64_t from, size_t len, struct buf *out);

/* Keywords in use, bit 0 first; an unused bit has an empty span. */
MUST_USE enum box_result box_keywords(struct box *, enum kv_view,
				      uint32_t mailbox, struct arena *,
				      struct span names[BOX_KEYWORDS_MAX],
				      size_t *count);
