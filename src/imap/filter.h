/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/filter - which mailboxes a command is about: filter-mailboxes of RFC 5465 6, with
 * "subtree-one" of RFC 7377 2.2.  Private.
 *
 * Names that do not exist match nothing, which is no error.
 */
#pragma once

#include "imap/state.h"

#define IMAP_FILTERS_MAX      16u  /* of one command */
#define IMAP_FILTER_NAMES_MAX 256u /* in all filters of one command */

enum imap_filter_kind {
	IMAP_FILTER_SELECTED,
	IMAP_FILTER_SELECTED_DELAYED,
	IMAP_FILTER_INBOXES,
	IMAP_FILTER_PERSONAL,
	IMAP_FILTER_SUBSCRIBED,
	IMAP_FILTER_SUBTREE, /* each name and all below it */
	IMAP_FILTER_SUBTREE_ONE, /* each name and one level below */
	IMAP_FILTER_MAILBOXES,
};

struct imap_filter {
	enum imap_filter_kind kind;
	struct span *names; /* sorted by bytes */
	size_t count;
	struct imap_namespaces others; /* PERSONAL: what is not */
};

/* One filter; *left: names that may come yet.  False: answered. */
MUST_USE bool imap_filter_parse(struct imap_session *, struct imap_lex *, size_t *left,
				struct imap_filter *out);
static inline bool imap_filter_is_selected(const struct imap_filter *f)
{
	return f->kind <= IMAP_FILTER_SELECTED_DELAYED;
}
/* Is a mailbox meant?  Never by the two kinds that speak of the selected one. */
bool imap_filter_matches(const struct imap_filter *, struct span name, bool subscribed);
