/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/format - the rows of an account, byte by byte.  Private to src/box.
 *
 * The first byte of a key is its kind; numbers in keys are big-endian.  A value
 * opens with the format number (BOX_FORMAT).
 *
 *  A                       account: next mailbox, last UIDVALIDITY
 *  N name                  name: mailbox (0: a bare level), special use
 *  S name                  subscription
 *  H mailbox               head: counters, and the page that new UIDs go to
 *  P mailbox page          page: the slots of 256 UIDs
 *  K mailbox               keywords by bit
 *  M mailbox uid           cold row of a message; never changes
 *  O mailbox uid           what it is sorted and threaded by; may be missing
 *  L mailbox modseq        log: pages whose slots changed, UIDs that vanished
 *  D token                 a delivery that was done: when, and into what
 *  I mailbox               search index: its shelf (opaque: index/segment.h)
 *  J mailbox segment part n  a row of a segment
 *  E when mailbox uid      an expunged message: flags, keywords, its cold row
 *  T                       annotations of the account: their sum
 *  T mailbox               the same of a mailbox (0: those of the account itself)
 *  T mailbox name          an annotation: its value
 *  R mailbox               who has which rights in it, beside the owner (box/rights.h)
 *  G account               that account granted this one something, once
 *  U mailbox uid           the message's unique id of POP3, from another server
 *  V mailbox text          whose unique id that is, or was
 *  Y mailbox               its access key
 *  X mailbox               removed: when, special use, name, head; with its other
 *                          rows it waits for box_purge (format byte alone: no
 *                          way back)
 *
 * A head or page holds its slots ascending, each as
 *  gap-1 (only with BOX_SLOT_GAP), flags and BOX_SLOT bits, keywords (only with
 *  BOX_SLOT_KEYWORDS), modseq as a zigzag difference to the slot before it.
 *
 * The log is complete for versions >= floor.  It has a row for each operation that
 * changed flags outside the tail page, that let messages vanish, and for the
 * moment when a page stops being the tail; what happens in the tail page needs
 * none, because whoever asks looks at the tail anyway.
 */
#pragma once

#include "base/pack.h"
#include "box/access.h"
#include "box/annotation.h"
#include "box/order.h"
#include "box/rights.h"
#include "box/uidl.h"

#define BOX_FORMAT	  1u
#define BOX_SLOT_KEYWORDS 0x20u
#define BOX_SLOT_GAP	  0x40u
#define BOX_KEY_MAX	  KV_KEY_MAX
#define BOX_ROW_MAX	  KV_VALUE_MAX
#define BOX_PAGE_BYTES	  8192u /* no page row is longer */

struct box_key {
	char bytes[BOX_KEY_MAX];
	size_t len;
};
static inline struct span box_key_span(const struct box_key *k)
{
	return span_of(k->bytes, k->len);
}
struct box_key box_key_kind(char kind);
struct box_key box_key_name(char kind, struct span name);
struct box_key box_key_mailbox(char kind, uint32_t mailbox);
struct box_key box_key_two(char kind, uint32_t mailbox, uint32_t n); /* P, M */
struct box_key box_key_log(uint32_t mailbox, uint64_t modseq);
struct box_key box_key_token(const struct box_token *);
struct box_key box_key_index(uint32_t mailbox, uint32_t segment, uint8_t part,
			     uint32_t n);
struct box_key box_key_gone(int64_t when, uint32_t mailbox, uint32_t uid);
struct box_key box_key_annotation(uint32_t mailbox, struct span name);
struct box_key box_key_uidl(uint32_t mailbox, struct span text); /* V */
struct span box_annotation_name(struct span key); /* empty: of a sum */
int64_t box_gone_when(struct span key);
uint32_t box_gone_mailbox(struct span key);
uint32_t box_gone_uid(struct span key);
/* The first key behind every key that begins with k. */
struct box_key box_key_end(const struct box_key *k);
uint32_t box_key_number(struct span key, size_t at); /* 4 bytes */
uint64_t box_key_modseq(struct span key);		 /* of an L key */

struct slot {
	bool alive;
	uint8_t flags;
	uint64_t keywords, modseq;
};

struct page {
	uint32_t index; /* uid / BOX_PAGE */
	uint32_t alive;
	struct slot slot[BOX_PAGE];
};

struct head {
	uint32_t uid_validity, uid_next;
	uint32_t messages, unseen, deleted, recent_from;
	uint32_t log_rows;
	uint64_t bytes, version, floor;
	struct page tail;
};

struct account_row {
	uint32_t next_mailbox, last_validity;
};

struct name_row {
	uint32_t mailbox;
	enum box_use use;
};

void box_page_write(struct buf *, const struct page *);
void box_page_init(struct page *, uint32_t index);
MUST_USE bool box_page_read(struct span, uint32_t index, struct page *);
void box_head_pack(struct buf *, const struct head *);
/* tail: also the slots; else tail.index alone is set. */
MUST_USE bool box_head_unpack(struct span, bool tail, struct head *);
void box_account_write(struct buf *, const struct account_row *);
MUST_USE bool box_account_read(struct span, struct account_row *);
void box_name_write(struct buf *, const struct name_row *);
MUST_USE bool box_name_read(struct span, struct name_row *);
/* summary: as it stands in the row, or its body's id. */
struct cold {
	struct box_message message;
	bool summary_kept;
	struct kv_id summary_id;
	uint32_t summary_len;
};
void box_cold_write(struct buf *, const struct cold *);
/* Spans borrow the row. */
MUST_USE bool box_cold_read(struct span, struct cold *);

struct gone_row {
	uint8_t flags;
	uint64_t keywords;
	struct span cold; /* as it stood */
};
void box_gone_write(struct buf *, const struct gone_row *);
/* Spans borrow the row. */
MUST_USE bool box_gone_read(struct span, struct gone_row *);

struct removed_row {
	int64_t when; /* 0: nothing of it is known */
	enum box_use use;
	struct span name, head;
};
void box_removed_write(struct buf *, const struct removed_row *);
MUST_USE bool box_removed_read(struct span, struct removed_row *);

void box_uidl_write(struct buf *, struct span text);
/* The span borrows the row. */
MUST_USE bool box_uidl_read(struct span, struct span *text);
void box_uidl_owner_write(struct buf *, uint32_t uid);
MUST_USE bool box_uidl_owner_read(struct span, uint32_t *uid);

struct annotation_sum {
	uint32_t count;
	uint64_t bytes; /* of names and values */
};
void box_annotation_sum_write(struct buf *, const struct annotation_sum *);
MUST_USE bool box_annotation_sum_read(struct span, struct annotation_sum *);
void box_access_write(struct buf *, const struct box_access_key *);
MUST_USE bool box_access_read(struct span, struct box_access_key *);
void box_annotation_write(struct buf *, struct span value);
/* The value borrows the row. */
MUST_USE bool box_annotation_read(struct span, struct span *value);
void box_order_write(struct buf *, const struct box_order *);
/* Spans borrow the row; the UID is the key's. */
MUST_USE bool box_order_read(struct span, struct box_order *);

struct log_row {
	uint32_t *pages;
	size_t page_count;
	struct box_run *runs; /* ascending */
	size_t run_count;
};
void box_log_write(struct buf *, const struct log_row *);
/* Calls for each page and each run; false: damaged. */
MUST_USE bool box_log_read(struct span, void (*page)(void *, uint32_t),
		       bool (*run)(void *, uint32_t first, uint32_t last),
		       void *arg);

struct done_row {
	int64_t made;
	uint32_t count;
	struct {
		uint32_t into, uid, uid_validity;
	} message[BOX_TOKEN_MAX];
};
void box_done_write(struct buf *, const struct done_row *);
MUST_USE bool box_done_read(struct span, struct done_row *);

void box_grants_write(struct buf *, const struct box_grants *);
MUST_USE bool box_grants_read(struct span, struct box_grants *);
struct box_key box_key_giver(uint64_t account);
uint64_t box_key_giver_of(struct span key);
MUST_USE bool box_giver_read(struct span key, struct span row);

void box_keywords_write(struct buf *, const struct span *names, size_t count);
MUST_USE bool box_keywords_read(struct span, struct span names[BOX_KEYWORDS_MAX],
			    size_t *count);
