/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The oracles, once all is quiet: every account is read through the store's hop and
 * compared with the ledger.
 *
 *   each message in an account between least and most times, and its bytes the same
 *   nothing there that nobody sent
 *   UIDs ascend, are new or known, and what is known is as it was
 *   the mailbox's version is not below any MODSEQ told, nor below one in it
 *   the quota's figures are the sum of what is there
 *   accounts and aliases are those that the administrator was told of
 *   the queue has nothing left, its ledger and what is elsewhere agree (courier.c)
 *   fsck has nothing to tell
 *   no role complains of another, and none left a descriptor behind
 */
#include <stdio.h>
#include <stdlib.h>

#include "ipc/ipc.h"
#include "storm.h"

#define MEMORY   (16u << 20)
#define PIECE    61440u
#define SETTLE_S 1800u	      /* virtual; a mover tries again after a minute */
#define WEEKS_S	 (6 * 86400u) /* the same where the queue is patient: all is expired */

struct look {
	struct storm *s;
	struct edge_store *c;
	struct arena *a;
	unsigned who;
	uint64_t session, bytes, messages;
	int found[LEDGER_ALL];
};

#define ASK(what, call)                                                        \
	do {                                                                   \
		if ((call) != IPC_OK)                                          \
			storm_fail("u%u: %s is not answered", l->who, what);   \
	} while (0)

static unsigned read_one(struct look *l, uint64_t mailbox, uint32_t uid)
{
	struct edge_store_body m = {.session = l->session, .mailbox = mailbox,
				    .uid = uid, .length = PIECE};
	struct edge_store_body_reply r;
	struct buf text;
	unsigned token;

	buf_init(&text, MEMORY);
	do {
		arena_reset(l->a);
		m.offset = buf_len(&text);
		ASK("body", edge_store_body(l->c, &m, l->a, &r, IPC_NEVER));
		if (r.answer != EDGE_STORE_ANSWER_YES)
			storm_fail("u%u: the body of UID %u cannot be read (%d)", l->who,
				   uid, (int)r.answer);
		buf_add(&text, r.bytes);
	} while (r.bytes.len > 0);
	token = ledger_token(buf_span(&text));
	if (token == LEDGER_ALL ||
	    !ledger_same(&l->s->ledger, token, buf_span(&text)))
		storm_fail("u%u: UID %u is not what was sent (message %u)", l->who, uid,
			   token);
	l->bytes += buf_len(&text);
	buf_free(&text);
	return token;
}

static void check_slot(struct look *l, const struct edge_store_select_reply *box,
		       struct ledger_box *known, const struct edge_store_slot *slot)
{
	const struct seen *s = ledger_seen(known, slot->uid);

	if (slot->modseq > box->version)
		storm_fail("u%u: UID %u has a MODSEQ from the future", l->who, slot->uid);
	if (slot->uid >= box->uid_next)
		storm_fail("u%u: UID %u is above UIDNEXT", l->who, slot->uid);
	if (s != NULL && slot->modseq < s->modseq)
		storm_fail("u%u: UID %u has MODSEQ %llu, and was told to have %llu",
			   l->who, slot->uid, (unsigned long long)slot->modseq,
			   (unsigned long long)s->modseq);
}

static size_t slots_of(struct look *l, const struct edge_store_select_reply *box,
		       struct ledger_box *known, struct listed *list)
{
	struct edge_store_pages m = {.session = l->session, .mailbox = box->mailbox,
				     .from = 1};
	struct edge_store_pages_reply r;
	size_t n = 0;

	do {
		arena_reset(l->a);
		ASK("pages", edge_store_pages(l->c, &m, l->a, &r, IPC_NEVER));
		for (size_t i = 0; i < r.slots_count && n < LEDGER_UIDS; i++) {
			check_slot(l, box, known, &r.slots[i]);
			list[n++] = (struct listed){
				.uid = r.slots[i].uid,
				/* as imap_talk.c numbers them */
				.flags = r.slots[i].flags & 7u};
		}
		m.from = r.next;
	} while (r.next != 0);
	return n;
}

static void check_mailbox(struct look *l, const char *name)
{
	struct edge_store_select m = {.session = l->session, .name = span_cstr(name),
				      .read_only = true};
	struct edge_store_select_reply box;
	struct ledger_box *known = ledger_box(&l->s->ledger, l->who, name);
	struct listed *list = calloc(LEDGER_UIDS, sizeof *list);
	size_t n;

	if (list == NULL)
		storm_fail("memory is short");
	arena_reset(l->a);
	ASK("select", edge_store_select(l->c, &m, l->a, &box, IPC_NEVER));
	if (box.answer == EDGE_STORE_ANSWER_UNKNOWN && known->validity == 0) {
		free(list);
		return;
	}
	if (box.answer != EDGE_STORE_ANSWER_YES)
		storm_fail("u%u: %s cannot be opened (%d)", l->who, name, (int)box.answer);
	if (known->validity != 0)
		ledger_validity(known, box.uid_validity);
	ledger_not_below(&known->told, box.uid_next, box.version);
	n = slots_of(l, &box, known, list);
	if (n != box.exists)
		storm_fail("u%u: %s has %zu messages and says %u", l->who, name, n,
			   box.exists);
	for (size_t i = 0; i < n; i++) {
		list[i].token = read_one(l, box.mailbox, list[i].uid);
		l->found[list[i].token]++;
		l->messages++;
	}
	ledger_listing(known, list, n);
	free(list);
}

static void check_counts(struct look *l)
{
	struct ledger *led = &l->s->ledger;

	for (unsigned t = 0; t < LEDGER_ALL; t++) {
		int least = led->message[t].least[l->who];
		int most = led->message[t].most[l->who];
		if (l->found[t] < least || l->found[t] > most)
			storm_fail("u%u: %s %u is there %d times, not %d to %d", l->who,
				   t < LEDGER_TOKENS ? "message" : "the report about",
				   t % LEDGER_TOKENS, l->found[t], least, most);
		led->found += (unsigned)l->found[t];
	}
}

static void check_quota(struct look *l)
{
	struct edge_store_quota m = {.session = l->session};
	struct edge_store_quota_reply r;

	ASK("quota", edge_store_quota(l->c, &m, l->a, &r, IPC_NEVER));
	if (r.bytes_used != l->bytes || r.messages != l->messages)
		storm_fail("u%u: the quota counts %llu bytes in %llu messages; there are "
			   "%llu in %llu",
			   l->who, (unsigned long long)r.bytes_used,
			   (unsigned long long)r.messages, (unsigned long long)l->bytes,
			   (unsigned long long)l->messages);
}

static void check_account(struct storm *s, unsigned who)
{
	struct look *l = calloc(1, sizeof *l);
	char user[32];

	if (l == NULL)
		storm_fail("memory is short");
	*l = (struct look){.s = s, .c = s->eye, .who = who, .a = arena_new(MEMORY)};
	(void)snprintf(user, sizeof user, "u%u@example.test", who);
	l->session = town_session(&s->eye, &s->auth, user, l->a);
	if (l->session == 0)
		storm_fail("u%u cannot log in", who);
	for (size_t i = 0; i < LEDGER_BOXES; i++)
		check_mailbox(l, ledger_names[i]);
	check_counts(l);
	check_quota(l);
	arena_free(l->a);
	free(l);
}

static void check_accounts(void *arg)
{
	struct storm *s = arg;

	for (unsigned who = 0; who < TOWN_PEOPLE; who++)
		check_account(s, who);
}

/* ---- the queue, and fsck -------------------------------------------------------------- */

struct queue {
	struct storm *s;
	size_t left;
	char first[256];
};

static void ask_queue(void *arg)
{
	struct queue *q = arg;
	struct arena *a = arena_new(MEMORY);
	struct admin_store_queue m = {0};
	struct admin_store_queue_reply r = {.more = true};

	q->left = 0;
	while (r.more) {
		if (admin_store_queue(q->s->admin, &m, a, &r, IPC_NEVER) != IPC_OK ||
		    r.answer != ADMIN_STORE_ANSWER_DONE)
			storm_fail("the queue cannot be listed");
		for (size_t i = 0; i < r.jobs_count; i++) {
			const struct admin_store_job *j = &r.jobs[i];
			if (q->left++ == 0)
				(void)snprintf(q->first, sizeof q->first,
					       "%.*s to %.*s: %.*s, %.*s",
					       SPAN_FMT(j->id), SPAN_FMT(j->recipient),
					       SPAN_FMT(j->state), SPAN_FMT(j->why));
		}
		m.after = r.after;
	}
	arena_free(a);
}

static void restore_all(void *arg)
{
	struct storm *s = arg;
	struct arena *a = arena_new(MEMORY);
	struct admin_store_account_restore m = {.name = SPAN("u4@example.test")};
	struct admin_store_account_restore_reply r;

	if (admin_store_account_restore(s->admin, &m, a, &r, IPC_NEVER) != IPC_OK)
		storm_fail("the administrator is not answered");
	arena_free(a);
}

void check_people(struct storm *s)
{
	house_do(s->town->house, restore_all, s);
}

static void change_all(struct storm *s, enum admin_store_queue_step step)
{
	struct arena *a = arena_new(MEMORY);
	struct admin_store_queue_change m = {.step = step};
	struct admin_store_queue_change_reply r;

	if (admin_store_queue_change(s->admin, &m, a, &r, IPC_NEVER) != IPC_OK ||
	    r.answer != ADMIN_STORE_ANSWER_DONE || r.more)
		storm_fail("the queue cannot be changed (step %d)", (int)step);
	arena_free(a);
}

static void release_all(void *arg)
{
	change_all(arg, ADMIN_STORE_QUEUE_STEP_RELEASE);
}

/* Clocks were wrong meanwhile: what waits for another time is tried now. */
static void retry_all(void *arg)
{
	change_all(arg, ADMIN_STORE_QUEUE_STEP_RETRY);
}

/* A patient queue settles by itself, unless the clock was wrong. */
static void settle(struct storm *s)
{
	struct queue q = {.s = s, .left = 1};
	bool waits = s->patient && !s->jumped;
	unsigned most = waits ? WEEKS_S : SETTLE_S, each = waits ? 3600 : 10;

	storm_raise(s);
	far_mend(s->far);
	house_do(s->town->house, release_all, s);
	for (unsigned i = 0; i < most && q.left > 0; i += each) {
		if (!waits && i % 120 == 0)
			house_do(s->town->house, retry_all, s);
		house_run(s->town->house, i == 0 ? 100 : each * 1000u);
		house_do(s->town->house, ask_queue, &q);
	}
	if (q.left > 0)
		storm_fail("after %u s the queue still has %zu: %s", most, q.left, q.first);
}

static void check_fsck(void *arg)
{
	struct storm *s = arg;
	struct arena *a = arena_new(MEMORY);
	struct admin_store_fsck m = {.repair = false};
	struct admin_store_fsck_reply r;
	char cursor[64];

	do {
		if (admin_store_fsck(s->admin, &m, a, &r, IPC_NEVER) != IPC_OK ||
		    r.answer != ADMIN_STORE_ANSWER_DONE)
			storm_fail("fsck is not answered");
		if (r.findings_count > 0)
			storm_fail("fsck: %.*s %.*s: %.*s", SPAN_FMT(r.findings[0].kind),
				   SPAN_FMT(r.findings[0].where),
				   SPAN_FMT(r.findings[0].what));
		if (r.cursor.len > 0)
			memcpy(cursor, r.cursor.ptr, r.cursor.len);
		m.cursor = span_of(cursor, r.cursor.len);
	} while (r.more);
	arena_free(a);
}

/* ---- the directory ---------------------------------------------------------------------- */

static void check_name(const char *what, enum said said, bool there)
{
	if (said == (there ? SAID_NO : SAID_YES))
		storm_fail("%s is %s, and the administrator was told otherwise", what,
			   there ? "there" : "not there");
}

static void check_directory(void *arg)
{
	struct storm *s = arg;
	struct arena *a = arena_new(MEMORY);
	struct admin_store_aliases al = {0};
	struct admin_store_aliases_reply ar;
	bool there = false;

	for (unsigned n = 0; n < GUESTS; n++) {
		char name[32];
		(void)snprintf(name, sizeof name, "guest%02u@example.test", n);
		struct admin_store_accounts m = {.name = span_cstr(name)};
		struct admin_store_accounts_reply r;
		if (admin_store_accounts(s->admin, &m, a, &r, IPC_NEVER) != IPC_OK)
			storm_fail("accounts cannot be listed");
		check_name(name, s->guests[n], r.accounts_count > 0);
		arena_reset(a);
	}
	if (admin_store_aliases(s->admin, &al, a, &ar, IPC_NEVER) != IPC_OK)
		storm_fail("aliases cannot be listed");
	for (size_t i = 0; i < ar.aliases_count; i++)
		there |= span_eq(ar.aliases[i].name, SPAN("other@example.test"));
	check_name("other@example.test", s->alias, there);
	arena_free(a);
}

/* Nobody here is hostile, so nobody may be called so. */
static void check_roles(struct storm *s)
{
	for (size_t i = 0; i < town_kinds_count; i++) {
		struct house_role *r = s->town->role[town_kinds[i]];
		if (r == NULL || r->boss == NULL)
			storm_fail("%s went away by itself", kind_name(town_kinds[i]));
		if (r->broken > 0)
			storm_fail("%s complains of %s", kind_name(town_kinds[i]),
				   kind_name(r->broken_kind));
	}
	if (s->town->leaks > 0)
		storm_fail("descriptors were left open by who was killed");
}

void check_all(struct storm *s)
{
	check_roles(s);
	settle(s);
	house_do(s->town->house, check_away, s);
	house_do(s->town->house, check_accounts, s);
	house_do(s->town->house, check_directory, s);
	house_do(s->town->house, check_fsck, s);
	check_roles(s);
}
