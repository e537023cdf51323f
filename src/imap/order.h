/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/order - what a SORT or THREAD asks the host for.
 */
#pragma once

#include "summary/sort.h"

struct imap_order {
	bool threads;
	enum summary_thread_how how;	 /* threads */
	uint8_t keys[SUMMARY_SORT_KEYS]; /* else: enum summary_sort_by, with SUMMARY_BY_REVERSE */
	size_t key_count;
};

struct imap_ordered {
	/* In order; of threads in preorder, 0 where a message is not here. */
	uint32_t *uids;
	uint16_t *depths; /* of threads; cut at IMAP_THREAD_DEPTH */
	size_t count;
};
#define IMAP_THREAD_DEPTH UINT16_MAX
