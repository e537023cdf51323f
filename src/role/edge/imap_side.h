/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/imap_side - the host of one IMAP session, shared by its files:
 * imap_names (mailboxes by name), imap_read, imap_ahead and imap_change (the selected one),
 * imap_host (login, append, the protocol).
 *
 * A question of imap/host is a call of edge_store, or several where one frame
 * is too small for it.
 */
#pragma once

#include "imap/host.h"
#include "imap/session.h"
#include "role/edge/connection.h"

/* Runs of UIDs in one message of the hop. */
#define IMAP_RUNS_MAX 4096u

struct imap_side {
	struct imap_host host;
	struct connection *c;
	struct imap_session *session;
	struct login_mechanism mechanism; /* of AUTHENTICATE */
	/* APPEND */
	struct stage stage;
	struct imap_append append; /* its spans live in `names` */
	struct arena *names;
	bool held; /* messages wait at the store */
	struct imap_ahead *ahead; /* of FETCH, imap_ahead.c; NULL: none */
};

static inline struct imap_side *imap_side_of(struct imap_host *h)
{
	return CONTAINER_OF(h, struct imap_side, host);
}

enum imap_answer imap_side_answer(enum edge_store_answer);
/* Forget what came ahead of being asked for. */
void imap_ahead_free(struct imap_side *);

/* Ask: IMAP_UNAVAILABLE without an answer, else what the answer means. */
#define IMAP_ASK(c, what, m, arena, rep, ns)                                   \
	(STORE_ASK(c, what, m, arena, rep, edge_within((c)->edge, (ns)))       \
		 ? imap_side_answer((rep)->answer)                             \
		 : IMAP_UNAVAILABLE)

/* Runs out of a set, IMAP_RUNS_MAX at most from `at` on.  NULL: no memory. */
struct edge_store_range *imap_side_runs(struct arena *, const struct imap_set *,
					size_t at, size_t *count);
MUST_USE bool imap_side_add(struct imap_set *, const struct edge_store_range *,
			    size_t count);

/* Each fills its part of the table. */
void imap_names_ops(struct imap_host *);
void imap_read_ops(struct imap_host *);
void imap_ahead_ops(struct imap_host *);
void imap_change_ops(struct imap_host *);
void imap_rights_ops(struct imap_host *);
