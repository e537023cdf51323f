/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/search - the kinds of a search's keys as they come over the hop.
 *
 * The numbers are those of imap/query.h, which the store cannot see; a test
 * compares them.
 */
#pragma once

enum op_kind {
	OP_ALL,
	OP_NONE,
	OP_FLAGS,
	OP_KEYWORDS,
	OP_UIDS,
	OP_BEFORE,
	OP_ON,
	OP_SINCE,
	OP_SAVEDBEFORE,
	OP_SAVEDON,
	OP_SAVEDSINCE,
	OP_SENTBEFORE,
	OP_SENTON,
	OP_SENTSINCE,
	OP_OLDER,
	OP_YOUNGER,
	OP_LARGER,
	OP_SMALLER,
	OP_HEADER,
	OP_BODY,
	OP_TEXT,
	OP_MODSEQ,
	OP_EMAIL,
	OP_NOT,
	OP_AND,
	OP_OR,
};
