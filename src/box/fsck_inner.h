/* SPDX-License-Identifier: Apache-2.0 */
/* box/fsck_inner - one mailbox as it was found.  Private to src/box. */
#pragma once

#include "box/fsck.h"
#include "box/inner.h"

struct found_mail {
	uint32_t uid;
	bool slot, row; /* which of both are there, readable */
	bool bad_row;	/* there, unreadable */
	bool damaged;	/* its body is lost or changed */
	uint8_t flags;
	uint64_t keywords, modseq, size;
	/* What the row says of the body. */
	struct kv_id body;
	uint64_t body_size;
	uint32_t body_crc;
};

struct found_box {
	uint32_t mailbox;
	bool named, headed; /* a name leads here; its head is readable */
	struct head head;
	struct found_mail *mails; /* ascending; also one per unreadable page */
	size_t count, cap;
	uint32_t log_rows;
	uint64_t wrong, repaired; /* findings here */
};

/* Annotations and rights of all mailboxes; `tell` hears of each finding. */
struct annotation_look {
	void (*tell)(void *arg, const char *what);
	void *arg;
};
MUST_USE enum kv_result box_fsck_annotations(struct box *, const struct annotation_look *,
					 bool repair);

MUST_USE enum kv_result box_fsck_rights(struct box *, const struct annotation_look *,
				    bool repair);

/* Write the mailbox anew from what was found.  Polls the kv. */
MUST_USE enum kv_result box_fsck_repair(struct box *, struct found_box *);
