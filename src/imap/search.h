/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/search - SEARCH keys into a postfix program.  Private.
 */
#pragma once

#include "imap/state.h"

/* Parses everything to the end.  False: answered. */
MUST_USE bool imap_search_parse(struct imap_session *, struct imap_lex *,
				struct imap_query *);
