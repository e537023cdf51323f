/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/session - what one client's session holds at the store.
 *
 * Opened on a channel of edge, found only through that channel, bound to an
 * account at most once (by auth).  A job holds the session that it works for, so
 * that closing it, or the death of its channel, ends it when the last job is
 * done.
 */
#pragma once

#include "role/store/store.h"

#define SESSION_MAILBOXES 16u	/* handles at a time */
#define SESSION_RECIPIENTS 1000u
#define LOCAL_ADDRESS	  320u
#define SESSION_PENDING	  (1u << 20) /* memory for the envelope of one message */

struct recipient {
	struct span address, original;
	uint32_t notify;
	bool returning; /* named by a reverse path of ours (forward.h) */
};

/* An envelope between MAIL and the end of data. */
struct transaction {
	struct arena *arena;
	struct recipient *recipients;
	size_t count, cap;
	uint64_t base; /* the first recipient's handle */
};

/* A mailbox that a session has selected. */
struct selected {
	struct list link;     /* of the session */
	struct list watching; /* of the box */
	struct session *session;
	struct open_box *box;
	uint64_t handle;
	uint32_t mailbox;
	bool read_only;
	uint32_t only;      /* the one UID that may be read; 0: all */
	uint64_t told;      /* the version of the last hint */
	uint32_t told_next; /* UIDNEXT of that version */
	struct sort_held *held; /* of a SORT or THREAD; NULL: none */
};

struct staged;

struct session {
	struct list link; /* of the peer */
	struct store *store;
	struct peer *peer; /* NULL once it is closed */
	uint64_t id, account;
	enum edge_store_service service;
	unsigned refs;
	struct transaction *transaction;
	struct staged *staged;
	struct list held; /* messages that wait for others: held.h */
	uint32_t held_count;
	uint64_t held_bytes;
	struct list mailboxes;
	unsigned mailbox_count;
	uint64_t next_handle;
	bool administers; /* names are the account's own, whatever they look like */
	/* News of the account: follow.c. */
	struct list following;
	struct follow *follow;
	uint64_t news_told;  /* the last change that it was told of */
	uint64_t news_hinted; /* the account's version of the last hint */
	/* Of the service `local`, once it is known whose it is. */
	bool is_local;
	uint32_t uid;
	struct span address; /* his own, in `address_room` */
	char address_room[LOCAL_ADDRESS];
};

/* NULL: not a session of this channel (counted as a violation). */
struct session *session_find(struct peer *, uint64_t id);
/* The same, bound to an account that may be used. */
struct session *session_bound(struct peer *, uint64_t id);
/* One that may offer mail: a stranger's, an account's, a local user's. */
struct session *session_sends(struct peer *, uint64_t id);
/* Its mail is that of a user of ours. */
bool session_submits(const struct session *);
/* May its user send as this address? */
MUST_USE enum directory_leave session_may_send_as(const struct session *,
						  struct span address);
/* For the administrator's channel, bound from the start.  NULL: memory. */
struct session *session_administer(struct peer *, uint64_t account);
void session_close(struct session *);
struct session *session_hold(struct session *);
void session_release(struct session *); /* NULL is allowed */
void sessions_close(struct peer *);

struct selected *session_mailbox(struct session *, uint64_t handle);
/* The same, for reading this message: a signed URL may have opened it. */
struct selected *session_message(struct session *, uint64_t handle, uint32_t uid);
/* Takes the held box.  NULL: too many, or memory. */
struct selected *session_select(struct session *, struct open_box *,
				uint32_t mailbox);
void session_deselect(struct selected *);

/* NULL: memory.  Made when it is missing. */
struct transaction *session_transaction(struct session *);
/* Out of the session and the caller's; NULL: there is none. */
struct transaction *transaction_take(struct session *);
void transaction_free(struct transaction *); /* NULL is allowed */
/* NULL: not one of its handles. */
const struct recipient *transaction_recipient(const struct transaction *,
					      uint64_t handle);

/* on_mailbox.c: the box of a bound session, held and ready for use; else why not. */
struct open_box *own_box(struct job *, enum edge_store_answer *);

void on_session_open(void *ctx, struct ipc_call *,
		     const struct edge_store_session_open *);
void on_session_close(void *ctx, struct edge_store *,
		      const struct edge_store_session_close *);
void on_local(void *ctx, struct ipc_call *, const struct edge_store_local *);
void on_sender(void *ctx, struct ipc_call *, const struct edge_store_sender *);
void on_recipient(void *ctx, struct ipc_call *,
		  const struct edge_store_recipient *);
void on_reset(void *ctx, struct edge_store *, const struct edge_store_reset *);
void on_stage(void *ctx, struct ipc_call *, const struct edge_store_stage *);
void on_offer(void *ctx, struct ipc_call *, const struct edge_store_offer *);
void on_entries(void *ctx, struct ipc_call *,
		const struct edge_store_entries *);
void on_create(void *ctx, struct ipc_call *, const struct edge_store_create *);
void on_remove(void *ctx, struct ipc_call *, const struct edge_store_remove *);
void on_rename(void *ctx, struct ipc_call *, const struct edge_store_rename *);
void on_subscribe(void *ctx, struct ipc_call *,
		  const struct edge_store_subscribe *);
void on_status(void *ctx, struct ipc_call *, const struct edge_store_status *);
void on_annotate(void *ctx, struct ipc_call *,
		 const struct edge_store_annotate *);
void on_annotations(void *ctx, struct ipc_call *,
		    const struct edge_store_annotations *);
void on_url_sign(void *ctx, struct ipc_call *, const struct edge_store_url_sign *);
void on_url_open(void *ctx, struct ipc_call *, const struct edge_store_url_open *);
void on_url_reset(void *ctx, struct ipc_call *,
		  const struct edge_store_url_reset *);
void on_select(void *ctx, struct ipc_call *, const struct edge_store_select *);
void on_deselect(void *ctx, struct edge_store *,
		 const struct edge_store_deselect *);
void on_watch(void *ctx, struct edge_store *, const struct edge_store_watch *);
void on_news(void *ctx, struct ipc_call *, const struct edge_store_news *);
void on_no_news(void *ctx, struct edge_store *, const struct edge_store_no_news *);
void on_uids(void *ctx, struct ipc_call *, const struct edge_store_uids *);
void on_pages(void *ctx, struct ipc_call *, const struct edge_store_pages *);
void on_rows(void *ctx, struct ipc_call *, const struct edge_store_rows *);
void on_changes(void *ctx, struct ipc_call *,
		const struct edge_store_changes *);
void on_body(void *ctx, struct ipc_call *, const struct edge_store_body *);
void on_kept_ids(void *ctx, struct ipc_call *,
		 const struct edge_store_kept_ids *);
void on_keywords(void *ctx, struct ipc_call *,
		 const struct edge_store_keywords *);
void on_keyword_add(void *ctx, struct ipc_call *,
		    const struct edge_store_keyword_add *);
void on_store_flags(void *ctx, struct ipc_call *,
		    const struct edge_store_store_flags *);
void on_expunge(void *ctx, struct ipc_call *,
		const struct edge_store_expunge *);
void on_copy(void *ctx, struct ipc_call *, const struct edge_store_copy *);
void on_search(void *ctx, struct ipc_call *, const struct edge_store_search *);
void on_sort(void *ctx, struct ipc_call *, const struct edge_store_sort *);
void on_sort_more(void *ctx, struct ipc_call *,
		  const struct edge_store_sort_more *);
void on_append_check(void *ctx, struct ipc_call *,
		     const struct edge_store_append_check *);
void on_append(void *ctx, struct ipc_call *, const struct edge_store_append *);
void on_quota(void *ctx, struct ipc_call *, const struct edge_store_quota *);
void on_namespaces(void *ctx, struct ipc_call *,
		   const struct edge_store_namespaces *);
void on_rights(void *ctx, struct ipc_call *, const struct edge_store_rights *);
void on_grants(void *ctx, struct ipc_call *, const struct edge_store_grants *);
void on_grant(void *ctx, struct ipc_call *, const struct edge_store_grant *);
void on_grantable(void *ctx, struct ipc_call *, const struct edge_store_grantable *);

/*
 * The handler of a verb for bound sessions, with run_<verb>: a job that may wait,
 * or an answer at once.  Anybody else is answered no.
 */
#define BOUND(verb, begin)                                                     \
	void on_##verb(void *ctx, struct ipc_call *call,                       \
		       const struct edge_store_##verb *m)                      \
	{                                                                      \
		struct peer *p = ctx;                                          \
		struct session *ss = session_bound(p, m->session);             \
		if (ss != NULL)                                                \
			begin(p->store, call, m, ss, run_##verb);              \
		else                                                           \
			edge_store_##verb##_answer(                            \
				call, &(struct edge_store_##verb##_reply){     \
					      .answer = EDGE_STORE_ANSWER_NO});\
	}
#define BOUND_JOB(verb) BOUND(verb, job_start)
#define BOUND_NOW(verb) BOUND(verb, job_now)
