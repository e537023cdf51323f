/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that can be read from the store, in lines: two states are the same
 * when their lines are.  Each message is held against what its label stands for.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "play.h"

#define ARENA_MAX  (64u << 20)
#define SETTLE_NS  (20 * NS_PER_SEC)
#define PAUSE_NS   (2 * NS_PER_MS)

struct look {
	struct play *p;
	struct arena *a;
	const char *user;
	uint64_t session, messages, bytes;
	struct asked w;
};

#define LOOK(l, call, m, rep) \
	ASK((l)->p, (l)->p->access_tap, call, (l)->p->access, (m), (l)->a, (rep), &(l)->w)

static void wrong(struct look *l, const char *what, unsigned answer)
{
	printf("unreadable %s %s %u\n", l->user, what, answer);
}

/* ---- one message ---------------------------------------------------------------------- */

static struct span field(struct span text, struct span name)
{
	size_t at = span_find_span(text, name);
	if (at == SIZE_MAX)
		return SPAN("-");
	text = span_skip(text, at + name.len);
	at = span_find(text, '\r');
	return span_sub(text, 0, at);
}

/* Does it end with the very bytes that were given to the store? */
static bool is_whole(struct look *l, struct span text, struct span label)
{
	uint64_t size = 0;
	char *name = arena_cstr(l->a, label);
	if (!span_u64(field(text, SPAN("\r\nX-Size: ")), PLAY_BODY_MAX, &size) || name == NULL)
		return false;
	struct span from = field(text, SPAN("From: <"));
	char *sender = arena_cstr(l->a, span_sub(from, 0, from.len - 1));
	return span_ends(text, play_message(l->a, sender, name, (size_t)size));
}

static void message(struct look *l, const char *box, uint64_t mailbox,
		    const struct edge_store_slot *s)
{
	struct edge_store_body m = {.session = l->session, .mailbox = mailbox, .uid = s->uid,
				    .length = PLAY_PIECE};
	struct edge_store_body_reply rep = {0};
	struct buf b;
	char hex[2 * SHA256_LEN + 1];

	buf_init(&b, PLAY_BODY_MAX);
	do {
		if (!LOOK(l, edge_store_body, &m, &rep) || rep.answer != EDGE_STORE_ANSWER_YES) {
			wrong(l, "body", rep.answer);
			break;
		}
		buf_add(&b, rep.bytes);
		m.offset += rep.bytes.len;
	} while (rep.bytes.len > 0);
	struct span text = buf_span(&b), label = field(text, SPAN("\r\nSubject: "));
	struct sha256 sum = sha256_of(text);
	for (size_t i = 0; i < SHA256_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum.bytes[i]);
	printf("message %s %s %u %u %llu %llu %zu %.*s %.12s %s\n", l->user, box, s->uid, s->flags,
	       (unsigned long long)s->keywords, (unsigned long long)s->modseq, text.len,
	       SPAN_FMT(label), hex, is_whole(l, text, label) ? "whole" : "BROKEN");
	l->messages++;
	l->bytes += text.len;
	buf_free(&b);
}

/* ---- one mailbox ------------------------------------------------------------------------ */

static unsigned messages(struct look *l, const char *name, uint64_t mailbox)
{
	struct edge_store_pages m = {.session = l->session, .mailbox = mailbox, .from = 1};
	struct edge_store_pages_reply rep = {0};
	unsigned count = 0;
	do {
		if (!LOOK(l, edge_store_pages, &m, &rep) || rep.answer != EDGE_STORE_ANSWER_YES) {
			wrong(l, "pages", rep.answer);
			return count;
		}
		for (size_t i = 0; i < rep.slots_count; i++, count++)
			message(l, name, mailbox, &rep.slots[i]);
		m.from = rep.next;
	} while (rep.next != 0);
	return count;
}

static void annotations(struct look *l, struct span name)
{
	static const struct span all[] = {SPAN_INIT("/private"), SPAN_INIT("/shared")};
	struct edge_store_annotations m = {.session = l->session, .mailbox = name, .entries = all,
					   .entries_count = 2, .depth = 255, .largest = UINT32_MAX};
	struct edge_store_annotations_reply rep = {0};
	do {
		if (!LOOK(l, edge_store_annotations, &m, &rep) || rep.answer != EDGE_STORE_ANSWER_YES) {
			wrong(l, "annotations", rep.answer);
			return;
		}
		for (size_t i = 0; i < rep.list_count; i++)
			printf("annotation %s %.*s %.*s %.*s\n", l->user,
			       SPAN_FMT(name.len > 0 ? name : SPAN("-")), SPAN_FMT(rep.list[i].name),
			       SPAN_FMT(rep.list[i].value));
		if (rep.list_count > 0)
			m.after = rep.list[rep.list_count - 1].name;
	} while (rep.more);
}

static void mailbox(struct look *l, const struct edge_store_entry *e)
{
	struct edge_store_status m = {.session = l->session, .name = e->name};
	struct edge_store_status_reply st = {0};
	struct edge_store_select sel = {.session = l->session, .name = e->name, .read_only = true};
	struct edge_store_select_reply box = {0};
	struct edge_store_deselect end = {.session = l->session};
	char *name = arena_cstr(l->a, e->name);

	if (!e->selectable || name == NULL) {
		printf("level %s %.*s %d\n", l->user, SPAN_FMT(e->name), e->subscribed);
		return;
	}
	if (!LOOK(l, edge_store_status, &m, &st) || st.answer != EDGE_STORE_ANSWER_YES ||
	    !LOOK(l, edge_store_select, &sel, &box) || box.answer != EDGE_STORE_ANSWER_YES) {
		wrong(l, "mailbox", st.answer);
		return;
	}
	unsigned count = messages(l, name, box.mailbox);
	printf("box %s %s %u %u %u %u %llu %u %d\n", l->user, name, st.uid_validity, st.uid_next,
	       st.messages, st.unseen, (unsigned long long)st.version, count, e->subscribed);
	annotations(l, e->name);
	end.mailbox = box.mailbox;
	(void)edge_store_deselect(l->p->access, &end);
}

static void boxes(struct look *l)
{
	struct edge_store_entries m = {.session = l->session};
	struct edge_store_entries_reply rep = {0};
	struct edge_store_quota q = {l->session};
	struct edge_store_quota_reply qr = {0};
	do {
		if (!LOOK(l, edge_store_entries, &m, &rep) ||
		    rep.answer != EDGE_STORE_ANSWER_YES) {
			wrong(l, "entries", rep.answer);
			return;
		}
		for (size_t i = 0; i < rep.entries_count; i++)
			mailbox(l, &rep.entries[i]);
		if (rep.entries_count > 0)
			m.after = rep.entries[rep.entries_count - 1].name;
	} while (rep.more);
	annotations(l, SPAN(""));
	if (!LOOK(l, edge_store_quota, &q, &qr) || qr.answer != EDGE_STORE_ANSWER_YES)
		wrong(l, "quota", qr.answer);
	printf("quota %s %llu %llu %llu %llu\n", l->user, (unsigned long long)qr.messages,
	       (unsigned long long)qr.bytes_used, (unsigned long long)l->messages,
	       (unsigned long long)l->bytes);
}

/* ---- accounts --------------------------------------------------------------------------- */

static void verifiers(struct look *l)
{
	struct auth_store_verifiers m = {.user = span_cstr(l->user)};
	struct auth_store_verifiers_reply rep = {0};
	if (!ASK(l->p, l->p->auth_tap, auth_store_verifiers, l->p->auth, &m, l->a, &rep, &l->w)) {
		wrong(l, "verifiers", 0);
		return;
	}
	printf("password %s %.*s\n", l->user, SPAN_FMT(rep.argon2));
	for (size_t i = 0; i < rep.app_passwords_count; i++)
		printf("app-password %s %.*s\n", l->user, SPAN_FMT(rep.app_passwords[i].argon2));
}

static void account(struct play *p, const struct admin_store_account *acc)
{
	struct look l = {.p = p, .a = arena_new(ARENA_MAX)};
	struct edge_store_session_close end;
	l.user = arena_cstr(l.a, acc->name);
	printf("account %s %llu %llu %s\n", l.user, (unsigned long long)acc->id,
	       (unsigned long long)acc->quota, acc->removed != 0 ? "removed" : "there");
	if (acc->removed == 0) {
		verifiers(&l);
		l.session = play_session(p, p->access, p->access_tap, l.user,
					 EDGE_STORE_SERVICE_IMAP);
		if (l.session == 0)
			wrong(&l, "session", 0);
		else
			boxes(&l);
		end.session = l.session;
		(void)edge_store_session_close(p->access, &end);
	}
	arena_free(l.a);
}

static void directory(struct play *p, struct arena *a)
{
	struct admin_store_accounts m = {0};
	struct admin_store_accounts_reply rep = {0};
	struct admin_store_aliases am = {0};
	struct admin_store_aliases_reply ar = {0};
	struct admin_store_domains dm = {0};
	struct admin_store_domains_reply dr = {0};
	struct asked w;

	if (!ASK(p, p->admin_tap, admin_store_domains, p->admin, &dm, a, &dr, &w) ||
	    !ASK(p, p->admin_tap, admin_store_aliases, p->admin, &am, a, &ar, &w))
		puts("unreadable directory - 0");
	for (size_t i = 0; i < dr.domains_count; i++)
		printf("domain %.*s\n", SPAN_FMT(dr.domains[i].name));
	for (size_t i = 0; i < ar.aliases_count; i++)
		printf("alias %.*s %.*s\n", SPAN_FMT(ar.aliases[i].name),
		       SPAN_FMT(ar.aliases[i].targets));
	do {
		if (!ASK(p, p->admin_tap, admin_store_accounts, p->admin, &m, a, &rep, &w)) {
			puts("unreadable accounts - 0");
			return;
		}
		for (size_t i = 0; i < rep.accounts_count; i++)
			account(p, &rep.accounts[i]);
		if (rep.accounts_count > 0)
			m.after = rep.accounts[rep.accounts_count - 1].name;
	} while (rep.more);
}

/* ---- the queue --------------------------------------------------------------------------- */

/* Recipients of the queue that are ours to move; -1: it cannot be read. */
static int queue(struct play *p, struct arena *a, bool print)
{
	struct admin_store_queue m = {0};
	struct admin_store_queue_reply rep = {0};
	struct asked w;
	int local = 0;
	do {
		if (!ASK(p, p->admin_tap, admin_store_queue, p->admin, &m, a, &rep, &w) ||
		    rep.answer != ADMIN_STORE_ANSWER_DONE)
			return -1;
		for (size_t i = 0; i < rep.jobs_count; i++) {
			const struct admin_store_job *j = &rep.jobs[i];
			local += span_eq(j->state, SPAN("local"));
			if (print)
				printf("queued %.*s %.*s %.*s %.*s %llu\n", SPAN_FMT(j->id),
				       SPAN_FMT(j->sender), SPAN_FMT(j->recipient),
				       SPAN_FMT(j->state), (unsigned long long)j->size);
		}
		m.after = rep.after;
	} while (rep.more);
	return local;
}

/* What became of all recipients; beside it what the rows say. */
static void ledger(struct play *p, struct arena *a)
{
	struct admin_store_queue_ledger m = {.recount = true};
	struct admin_store_queue_ledger_reply rep = {0};
	uint64_t n[6] = {0}, seen = 0;
	struct asked w;
	do {
		if (!ASK(p, p->admin_tap, admin_store_queue_ledger, p->admin, &m, a, &rep, &w) ||
		    rep.answer != ADMIN_STORE_ANSWER_DONE) {
			puts("unreadable ledger - 0");
			return;
		}
		const uint64_t some[] = {rep.accepted,	rep.delivered, rep.bounced,
					 rep.discarded, rep.held,      rep.open};
		for (size_t i = 0; i < 6; i++)
			n[i] += some[i];
		seen += rep.seen_held + rep.seen_open;
		m.from = rep.next;
	} while (rep.more);
	fputs("ledger", stdout);
	for (size_t i = 0; i < 6; i++)
		printf(" %llu", (unsigned long long)n[i]);
	printf(" %llu\n", (unsigned long long)seen);
}

/* Until the store has moved what it can, and its engine is up. */
static void settle(struct play *p, struct arena *a)
{
	uint64_t until = world_now(p->world) + SETTLE_NS;
	int left;
	while ((left = queue(p, a, false)) != 0) {
		if (world_now(p->world) > until) {
			printf("unreadable queue settled %d\n", left);
			return;
		}
		arena_reset(a);
		(void)!fiber_sleep_until(p->loop, loop_now(p->loop) + PAUSE_NS);
	}
}

void play_dump(struct play *p)
{
	struct arena *a = arena_new(ARENA_MAX);
	settle(p, a);
	printf("dump %u\n", p->step);
	directory(p, a);
	(void)queue(p, a, true);
	ledger(p, a);
	printf("shown %llu %llu\n", (unsigned long long)p->admin_tap->ino,
	       (unsigned long long)p->admin_tap->packets);
	puts(".");
	arena_free(a);
}

/* ---- verification, and somebody else who looks -------------------------------------------- */

bool play_fsck(struct play *p)
{
	struct admin_store_fsck m = {0};
	struct admin_store_fsck_reply rep = {0};
	struct arena *a = arena_new(ARENA_MAX);
	struct asked w;
	bool got;
	do {
		got = ASK(p, p->admin_tap, admin_store_fsck, p->admin, &m, a, &rep, &w) &&
		      rep.answer == ADMIN_STORE_ANSWER_DONE;
		for (size_t i = 0; got && i < rep.findings_count; i++)
			printf("finding %.*s %.*s %.*s\n", SPAN_FMT(rep.findings[i].kind),
			       SPAN_FMT(rep.findings[i].where), SPAN_FMT(rep.findings[i].what));
		m.cursor = rep.cursor;
	} while (got && rep.more);
	if (!got)
		puts("finding - - the check was refused");
	arena_free(a);
	return got;
}

struct watching {
	struct play *p;
	char user[128], box[128];
};

static void watch(void *arg)
{
	struct watching *x = arg;
	struct play *p = x->p;
	struct arena *a = arena_new(ARENA_MAX);
	struct edge_store_status m = {
		.session = play_session(p, p->other, p->other_tap, x->user,
					EDGE_STORE_SERVICE_IMAP),
		.name = span_cstr(x->box)};
	struct edge_store_status_reply rep = {0};
	struct asked w;
	while (!p->stop_watching &&
	       ASK(p, p->other_tap, edge_store_status, p->other, &m, a, &rep, &w)) {
		if (rep.answer == EDGE_STORE_ANSWER_YES)
			printf("saw %s %s %u %u %llu %llu %llu\n", x->user, x->box, rep.messages,
			       rep.uid_next, (unsigned long long)rep.version,
			       (unsigned long long)w.tap->ino, (unsigned long long)w.packet);
		arena_reset(a);
		(void)!fiber_sleep_until(p->loop, loop_now(p->loop) + NS_PER_MS / 2);
	}
	arena_free(a);
	free(x);
	p->watching = false;
}

void play_watch(struct play *p, const char *user, const char *box)
{
	struct watching *x = calloc(1, sizeof *x);
	if (x == NULL)
		abort();
	x->p = p;
	snprintf(x->user, sizeof x->user, "%s", user);
	snprintf(x->box, sizeof x->box, "%s", box);
	p->watching = true;
	p->stop_watching = false;
	if (fiber_start(p->loop, watch, x) == NULL)
		abort();
}
