/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/unit/imap/memory_host - an IMAP host in a few arrays.
 *
 * Enough of a store to hold real conversations: versions, an expunge log,
 * keywords, quota.  The user is "fred" with the password "secret".  Knobs make
 * it refuse.  Shared by the unit tests and the fuzz harness.
 */
#pragma once

#include "base/buf.h"
#include "imap/host.h"
#include "summary/summary.h"

#define MEM_BOXES    24
#define MEM_MESSAGES 1200
#define MEM_LOG      1200
#define MEM_GRANTS   8
#define MEM_DATE     837596665 /* of a message */
#define MEM_NOW      (MEM_DATE + 3600) /* a second later each time it is asked */

struct mem_message {
	uint32_t uid, flags;
	uint64_t keywords, modseq;
	int64_t date, saved;
	uint8_t email; /* the last byte of its email id */
	uint32_t prefix;
	char *data;
	size_t size;
	struct summary *summary;
	struct buf written; /* the summary's bytes */
};

struct mem_box {
	bool used, subscribed;
	char name[IMAP_CHUNK_MAX / 64];
	size_t name_len;
	enum imap_use use;
	uint32_t uid_validity, uid_next, recent_from;
	uint64_t version;
	struct mem_message messages[MEM_MESSAGES];
	size_t count;
	struct {
		uint32_t uid;
		uint64_t version;
	} log[MEM_LOG];
	size_t log_count;
	char keywords[IMAP_KEYWORDS_MAX][IMAP_KEYWORD_LEN_MAX];
	size_t keyword_len[IMAP_KEYWORDS_MAX];
	size_t keyword_count;
};

struct mem_held {
	struct buf bytes;
	uint32_t flags;
	uint64_t keywords;
	bool dated;
	int64_t date;
};

#define MEM_ANNOTATIONS 8 /* of one mailbox */

struct mem_annotation {
	size_t box; /* index + 1; 0: of the server */
	char name[IMAP_ENTRY_MAX];
	size_t name_len, size;
	char *value;
};

struct mem_host {
	struct imap_host host;
	struct mem_box *boxes; /* handle = index + 1 */
	struct arena *summaries;
	uint32_t validity, emails;

	/* Knobs. */
	enum imap_answer append_begin, append_end, copy_answer, quota_answer, sort_answer;
	struct imap_quota quota;
	enum imap_answer visit_answer;
	uint32_t visit_exists; /* what visited mailboxes say that they hold; 0: what is there */
	struct imap_namespaces namespaces;
	uint32_t rights; /* of the session in every mailbox */
	/* Of every mailbox; the owner has no place in it. */
	struct mem_grant {
		char who[64];
		size_t who_len;
		uint32_t rights, refused;
	} grants[MEM_GRANTS];
	size_t grant_count;
	enum imap_answer news_answer;
	struct imap_moved moved[40]; /* told with the next question */
	size_t moved_count;
	bool follows;
	unsigned follows_begun;
	bool body_gone;
	/* How a message is understood; NULL: header and body, no more. */
	struct summary *(*understand)(struct arena *, struct span);
	uint64_t body_gone_from; /* with body_gone: bytes before it are there */

	/* What was asked. */
	unsigned moments, logins, logouts, appends, aborts, expunges, selects, deselects, bodies;
	size_t query_ops;

	struct mem_annotation annotations[64]; /* in no order */
	size_t annotation_count;
	uint64_t url_keys; /* how often they were made new */
	struct buf incoming;
	struct mem_held held[128]; /* messages that wait */
	size_t held_count;
	uint64_t selected; /* the handle given last */
	struct imap_append append;
	size_t append_box;
	uint32_t append_flags;
	uint64_t append_keywords;
	unsigned auth_step;
	bool auth_plain;
};

/* TLS is on, STARTTLS can be had when it is switched off. */
void mem_init(struct mem_host *);
void mem_free(struct mem_host *);
struct mem_box *mem_box(struct mem_host *, const char *name);
struct mem_box *mem_add_box(struct mem_host *, struct span name);
struct mem_box *mem_find(struct mem_host *, struct span name); /* NULL: none */
/* memory_rights.c: what m->rights lets the session do. */
enum imap_answer mem_may(struct mem_host *, struct span name, uint32_t need);
uint32_t mem_locked(uint32_t rights); /* flags that it may not change */
void mem_rights_ops(struct mem_host *);
/* Another session's doings. */
struct mem_message *mem_deliver(struct mem_host *, struct mem_box *, struct span data);
void mem_expunge(struct mem_box *, uint32_t uid);
void mem_flags(struct mem_box *, uint32_t uid, uint32_t flags);

/* memory_shelf.c */
void mem_shelf_ops(struct imap_host *);
/* Those of a box by index + 1; 0: the server's; SIZE_MAX: all. */
void mem_annotations_drop(struct mem_host *, size_t box);
