/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/visit - a host is spoken to: connected, greeted, protected as the
 * decision wants, logged in; and given the mail.
 */
#pragma once

#include "role/courier/job.h"
#include "role/courier/line.h"

/* One host of a way, on the way to an open session with it. */
struct visit {
	struct courier *courier;
	struct arena *arena;
	const struct story *story;
	const struct way *way;
	size_t host; /* which of the way's */
	bool uncounted; /* not for reports on TLS */
	/* What came of it when there is no session: */
	struct verdict verdict;
	bool spoke; /* it greeted us */
	bool slow;  /* it asked for less */
	bool loop;  /* it is this server */
	bool security; /* kept from it by what was decided on TLS */
};

/* The name of the certificate that our rule wants shown; empty: none. */
static inline struct span visit_certificate(const struct visit *v)
{
	const struct conf_destination *rule = v->way->rule;
	return rule != NULL ? rule->certificate : SPAN("");
}

/* protect.c: STARTTLS as the decision wants it.  The line, or NULL: then *again
 * says whether to connect once more and stay in clear, or the verdict is set. */
struct line *visit_protect(struct visit *, struct line *, bool *again);
/* login.c: where our rule has one.  The line, or NULL and the verdict. */
struct line *visit_login(struct visit *, struct line *);
/* The session ended before any mail, in its words or ours; NULL. */
struct line *visit_turned_away(struct visit *, struct line *,
			       enum smtp_client_result, const char *when);
struct line *visit_nothing(struct visit *, const char *status, struct span text);

/* For the reports on TLS: what a host's protection came to; l NULL: it was not
 * spoken to. */
void visit_count(const struct visit *, const struct line *l, enum policy_failure,
		 struct span reason);

/* A session that is ready for mail, or NULL and the verdict. */
struct line *visit_open(struct visit *);

/* Over a connection that is open for the same; false: there is none. */
MUST_USE bool visit_again(struct job *);
/* The hosts of the way in their order, for all that is not settled. */
void visit_all(struct job *, const struct way *);
