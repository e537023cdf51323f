/* SPDX-License-Identifier: Apache-2.0 */
/* What a script may ask of the store: one function a command, one table. */
#include <stdlib.h>
#include <string.h>

#include "play.h"

#define ARENA_MAX (8u << 20)
#define INLINE_MAX 49152u
#define TRACE "Received: by mx.example.test; Thu, 1 Jan 1970 00:00:00 +0000\r\n"

struct deed {
	struct play *p;
	struct arena *a;
	char **w;	/* the command and its words */
	size_t n;
	struct asked said; /* of the answer that counts */
	const struct tap *tap;
	bool yes;
	unsigned code;
};

static struct span word(const struct deed *d, size_t i)
{
	return i < d->n ? span_cstr(d->w[i]) : SPAN("");
}

static uint64_t number(const struct deed *d, size_t i)
{
	uint64_t n = 0;
	if (i >= d->n || !span_u64(word(d, i), UINT64_MAX, &n))
		d->p->failed = true;
	return n;
}

/* ---- messages ------------------------------------------------------------------- */

struct span play_message(struct arena *a, const char *from, const char *label, size_t size)
{
	struct buf b;
	struct span out = {0};
	buf_init(&b, PLAY_BODY_MAX);
	buf_printf(&b, "From: <%s>\r\nSubject: %s\r\nX-Size: %zu\r\n\r\n", from, label, size);
	uint64_t x = 88172645463325252u + size;
	for (const char *c = label; *c != 0; c++)
		x = x * 31 + (unsigned char)*c;
	while (buf_len(&b) + 2 < size) { /* text that does not compress to nothing */
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		if (buf_len(&b) % 80 > 76)
			buf_add(&b, SPAN("\r\n"));
		else
			buf_addc(&b, (char)('!' + x % 90));
	}
	buf_add(&b, SPAN("\r\n"));
	if (!buf_ok(&b) || !arena_copy(a, buf_span(&b), &out))
		abort();
	buf_free(&b);
	return out;
}

/* What does not fit a frame goes ahead; the rest is left in *body. */
static uint64_t stage(struct deed *d, struct edge_store *c, uint64_t session, struct span *body)
{
	struct edge_store_stage m = {.session = session};
	struct edge_store_stage_reply rep;
	while (body->len > INLINE_MAX) {
		m.piece = span_sub(*body, 0, PLAY_PIECE);
		if (!ASK(d->p, d->tap, edge_store_stage, c, &m, d->a, &rep, &d->said) ||
		    rep.answer != EDGE_STORE_ANSWER_YES)
			return 0;
		m.staged = rep.staged;
		*body = span_skip(*body, m.piece.len);
	}
	return m.staged;
}

static void set(struct deed *d, bool got, unsigned answer)
{
	d->code = got ? answer : 99;
	d->yes = got && answer == EDGE_STORE_ANSWER_YES;
}

/* ---- sessions -------------------------------------------------------------------- */

static uint64_t open_session(struct play *p, struct edge_store *c, const struct tap *t,
			     enum edge_store_service service)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct edge_store_session_open m = {.service = service, .listener = SPAN("x")};
	struct edge_store_session_open_reply rep = {0};
	struct asked w;
	bool got = ASK(p, t, edge_store_session_open, c, &m, a, &rep, &w);
	arena_free(a);
	return got && rep.answer == EDGE_STORE_ANSWER_YES ? rep.session : 0;
}

uint64_t play_session(struct play *p, struct edge_store *c, const struct tap *t, const char *user,
		      uint32_t service)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct admin_store_accounts m = {.name = span_cstr(user)};
	struct admin_store_accounts_reply rep = {0};
	struct auth_store_bind b = {.service = (enum auth_store_service)(
					    service - EDGE_STORE_SERVICE_SUBMISSION)};
	struct auth_store_bind_reply br = {0};
	struct asked w;
	bool ok = false;
	b.session = open_session(p, c, t, (enum edge_store_service)service);
	if (b.session != 0 &&
	    ASK(p, p->admin_tap, admin_store_accounts, p->admin, &m, a, &rep, &w) &&
	    rep.accounts_count == 1) {
		b.account = rep.accounts[0].id;
		ok = ASK(p, p->auth_tap, auth_store_bind, p->auth, &b, a, &br, &w) &&
		     br.answer == AUTH_STORE_ANSWER_YES;
	}
	arena_free(a);
	return ok ? b.session : 0;
}

static uint64_t imap(struct deed *d)
{
	d->tap = d->p->access_tap;
	return play_session(d->p, d->p->access, d->tap, d->w[1], EDGE_STORE_SERVICE_IMAP);
}

static void close_session(struct edge_store *c, uint64_t session)
{
	struct edge_store_session_close m = {session};
	(void)edge_store_session_close(c, &m);
}

/* ---- mail ------------------------------------------------------------------------- */

static void offer(struct deed *d, struct edge_store *c, uint64_t session)
{
	uint64_t handles[PLAY_WORDS_MAX];
	struct edge_store_offer m = {.session = session, .id = word(d, 3), .sender = word(d, 1),
				     .recipients = handles, .helo = SPAN("else.test"),
				     .trace = SPAN(TRACE)};
	struct edge_store_offer_reply rep = {0};

	for (size_t i = 4; i < d->n; i++) {
		struct edge_store_recipient r = {.session = session, .address = word(d, i)};
		struct edge_store_recipient_reply rr = {0};
		if (ASK(d->p, d->tap, edge_store_recipient, c, &r, d->a, &rr, &d->said) &&
		    rr.answer == EDGE_STORE_ANSWER_YES)
			handles[m.recipients_count++] = rr.handle;
	}
	m.body = play_message(d->a, d->w[1], d->w[3], number(d, 2));
	m.staged = stage(d, c, session, &m.body);
	bool got = ASK(d->p, d->tap, edge_store_offer, c, &m, d->a, &rep, &d->said);
	set(d, got, rep.answer);
	close_session(c, session);
}

/* offer FROM SIZE LABEL TO... */
static void do_offer(struct deed *d)
{
	d->tap = d->p->mx_tap;
	offer(d, d->p->mx, open_session(d->p, d->p->mx, d->tap, EDGE_STORE_SERVICE_MX));
}

/* submit USER SIZE LABEL TO... */
static void do_submit(struct deed *d)
{
	d->tap = d->p->access_tap;
	offer(d, d->p->access, play_session(d->p, d->p->access, d->tap, d->w[1],
					    EDGE_STORE_SERVICE_SUBMISSION));
}

/* append USER SIZE LABEL BOX */
static void do_append(struct deed *d)
{
	struct edge_store_append m = {.session = imap(d), .name = word(d, 4), .dated = true,
				      .date = 1000000000};
	struct edge_store_append_reply rep = {0};
	m.body = play_message(d->a, d->w[1], d->w[3], number(d, 2));
	m.staged = stage(d, d->p->access, m.session, &m.body);
	bool got = ASK(d->p, d->tap, edge_store_append, d->p->access, &m, d->a, &rep, &d->said);
	set(d, got, rep.answer);
	close_session(d->p->access, m.session);
}

/* together USER SIZE LABEL BOX COUNT: so many messages, LABEL0 and on, in one commit */
static void do_together(struct deed *d)
{
	uint64_t count = number(d, 5), session = imap(d);
	bool good = true;
	for (uint64_t i = 0; i < count && good; i++) {
		char label[64];
		struct edge_store_append m = {.session = session, .name = word(d, 4),
					      .dated = true, .date = 1000000000,
					      .hold = i + 1 < count};
		struct edge_store_append_reply rep = {0};
		snprintf(label, sizeof label, "%s%llu", d->w[3], (unsigned long long)i);
		m.body = play_message(d->a, d->w[1], label, number(d, 2));
		m.staged = stage(d, d->p->access, session, &m.body);
		bool got = ASK(d->p, d->tap, edge_store_append, d->p->access, &m, d->a, &rep,
			       &d->said);
		set(d, got, rep.answer);
		good = d->yes;
	}
	close_session(d->p->access, session);
}

/* ---- mailboxes --------------------------------------------------------------------- */

static uint64_t select_box(struct deed *d, uint64_t session, size_t i)
{
	struct edge_store_select m = {.session = session, .name = word(d, i)};
	struct edge_store_select_reply rep = {0};
	bool got = ASK(d->p, d->tap, edge_store_select, d->p->access, &m, d->a, &rep, &d->said);
	return got && rep.answer == EDGE_STORE_ANSWER_YES ? rep.mailbox : 0;
}

/* replace USER SIZE LABEL BOX UID FROM: the message comes, that one of FROM goes */
static void do_replace(struct deed *d)
{
	struct edge_store_append m = {.session = imap(d), .name = word(d, 4), .dated = true,
				      .date = 1000000000, .replaces = (uint32_t)number(d, 5)};
	struct edge_store_append_reply rep = {0};
	m.mailbox = select_box(d, m.session, 6);
	m.body = play_message(d->a, d->w[1], d->w[3], number(d, 2));
	m.staged = stage(d, d->p->access, m.session, &m.body);
	bool got = ASK(d->p, d->tap, edge_store_append, d->p->access, &m, d->a, &rep, &d->said);
	set(d, got, rep.answer);
	close_session(d->p->access, m.session);
}

/* "3:9"; "1:0" is all of them */
static struct edge_store_range range(struct deed *d, size_t i)
{
	struct span rest = word(d, i), first;
	uint64_t a = 1, b = 0;
	if (!span_cut(&rest, ':', &first) || !span_u64(first, UINT32_MAX, &a) ||
	    !span_u64(rest, UINT32_MAX, &b))
		d->p->failed = true;
	return (struct edge_store_range){(uint32_t)a, b == 0 ? UINT32_MAX : (uint32_t)b};
}

/* flag USER BOX RANGE HOW FLAGS */
static void do_flag(struct deed *d)
{
	struct edge_store_range r = range(d, 3);
	struct edge_store_store_flags m = {.session = imap(d), .uids = &r, .uids_count = 1,
					   .how = (uint8_t)number(d, 4),
					   .flags = (uint8_t)number(d, 5),
					   .unchanged_since = UINT64_MAX};
	struct edge_store_store_flags_reply rep = {0};
	m.mailbox = select_box(d, m.session, 2);
	bool got = ASK(d->p, d->tap, edge_store_store_flags, d->p->access, &m, d->a, &rep,
		       &d->said);
	set(d, got, rep.answer);
	close_session(d->p->access, m.session);
}

/* expunge USER BOX RANGE: with force */
static void do_expunge(struct deed *d)
{
	struct edge_store_range r = range(d, 3);
	struct edge_store_expunge m = {.session = imap(d), .force = true, .uids = &r,
				       .uids_count = 1};
	struct edge_store_expunge_reply rep = {0};
	m.mailbox = select_box(d, m.session, 2);
	bool got = ASK(d->p, d->tap, edge_store_expunge, d->p->access, &m, d->a, &rep, &d->said);
	set(d, got, rep.answer);
	close_session(d->p->access, m.session);
}

/* copy USER BOX RANGE TO, move the same */
static void do_copy(struct deed *d)
{
	struct edge_store_range r = range(d, 3);
	struct edge_store_copy m = {.session = imap(d), .uids = &r, .uids_count = 1,
				    .to = word(d, 4), .move = d->w[0][0] == 'm'};
	struct edge_store_copy_reply rep = {0};
	m.mailbox = select_box(d, m.session, 2);
	bool got = ASK(d->p, d->tap, edge_store_copy, d->p->access, &m, d->a, &rep, &d->said);
	set(d, got, rep.answer);
	close_session(d->p->access, m.session);
}

#define NAME_VERB(verb, ...)                                                            \
	static void do_##verb(struct deed *d)                                           \
	{                                                                               \
		struct edge_store_##verb m = {.session = imap(d), .name = word(d, 2), __VA_ARGS__}; \
		struct edge_store_##verb##_reply rep = {0};                             \
		bool got = ASK(d->p, d->tap, edge_store_##verb, d->p->access, &m, d->a, \
			       &rep, &d->said);                                         \
		set(d, got, rep.answer);                                                \
		close_session(d->p->access, m.session);                                 \
	}
NAME_VERB(create)
NAME_VERB(remove)
NAME_VERB(rename, .to = word(d, 3))
NAME_VERB(subscribe, .on = true)

#define ANNOTATIONS_MAX 4

/* annotate USER BOX NAME=VALUE...; without "=VALUE" it goes; BOX "-": of the account */
static void do_annotate(struct deed *d)
{
	struct edge_store_annotation list[ANNOTATIONS_MAX];
	struct edge_store_annotate m = {.session = imap(d), .mailbox = word(d, 2), .list = list};
	struct edge_store_annotate_reply rep = {0};
	if (span_eq(m.mailbox, SPAN("-")))
		m.mailbox = SPAN("");
	for (size_t i = 3; i < d->n && m.list_count < ANNOTATIONS_MAX; i++) {
		struct edge_store_annotation *a = &list[m.list_count++];
		struct span value = word(d, i);
		*a = (struct edge_store_annotation){0};
		a->has_value = span_cut(&value, '=', &a->name);
		a->value = value;
	}
	bool got = ASK(d->p, d->tap, edge_store_annotate, d->p->access, &m, d->a, &rep, &d->said);
	set(d, got, rep.answer);
	close_session(d->p->access, m.session);
}

/* ---- the directory ------------------------------------------------------------------ */

#define ADMIN_VERB(verb, ...)                                                            \
	static void do_##verb(struct deed *d)                                            \
	{                                                                                \
		struct admin_store_##verb m = {.name = word(d, 1), __VA_ARGS__};         \
		struct admin_store_##verb##_reply rep = {0};                             \
		d->tap = d->p->admin_tap;                                                \
		bool got = ASK(d->p, d->tap, admin_store_##verb, d->p->admin, &m, d->a,  \
			       &rep, &d->said);                                          \
		d->code = got ? rep.answer : 99;                                         \
		d->yes = got && rep.answer == ADMIN_STORE_ANSWER_DONE;                   \
	}
ADMIN_VERB(domain_add)
ADMIN_VERB(account_add, .quota = d->n > 2 ? number(d, 2) : 0)
ADMIN_VERB(account_remove)
ADMIN_VERB(account_restore)
ADMIN_VERB(alias_add, .targets = &(struct span){word(d, 2).ptr, word(d, 2).len},
	   .targets_count = 1)
ADMIN_VERB(alias_remove)

/* password USER TEXT: the verifier is taken as it comes */
static void do_password(struct deed *d)
{
	struct auth_store_set_verifiers m = {.name = word(d, 1), .argon2 = word(d, 2)};
	struct auth_store_set_verifiers_reply rep = {0};
	d->tap = d->p->auth_tap;
	bool got = ASK(d->p, d->tap, auth_store_set_verifiers, d->p->auth, &m, d->a, &rep,
		       &d->said);
	d->code = got ? rep.answer : 99;
	d->yes = got && rep.answer == AUTH_STORE_ANSWER_YES;
}

/* app_password USER TEXT LABEL */
static void do_app_password(struct deed *d)
{
	struct auth_store_add_app_password m = {.name = word(d, 1), .label = word(d, 3),
						.scopes = 7, .argon2 = word(d, 2)};
	struct auth_store_add_app_password_reply rep = {0};
	d->tap = d->p->auth_tap;
	bool got = ASK(d->p, d->tap, auth_store_add_app_password, d->p->auth, &m, d->a, &rep,
		       &d->said);
	d->code = got ? rep.answer : 99;
	d->yes = got && rep.answer == AUTH_STORE_ANSWER_YES;
}

static void do_secret(struct deed *d)
{
	struct auth_store_secret m = {0};
	struct auth_store_secret_reply rep = {0};
	d->tap = d->p->auth_tap;
	bool got = ASK(d->p, d->tap, auth_store_secret, d->p->auth, &m, d->a, &rep, &d->said);
	d->code = got ? rep.answer : 99;
	d->yes = got && rep.answer == AUTH_STORE_ANSWER_YES;
}

/* backup STEP: begin, keep or end */
static void do_backup(struct deed *d)
{
	struct span step = word(d, 1);
	struct admin_store_backup m = {
		.step = span_eq(step, SPAN("begin")) ? ADMIN_STORE_BACKUP_STEP_BEGIN
			: span_eq(step, SPAN("keep")) ? ADMIN_STORE_BACKUP_STEP_KEEP
						      : ADMIN_STORE_BACKUP_STEP_END};
	struct admin_store_backup_reply rep = {0};
	d->tap = d->p->admin_tap;
	bool got = ASK(d->p, d->tap, admin_store_backup, d->p->admin, &m, d->a, &rep,
		       &d->said);
	d->code = got ? rep.answer : 99;
	d->yes = got && rep.answer == ADMIN_STORE_ANSWER_DONE;
}

/* ---- the courier -------------------------------------------------------------------- */

static void carry(struct deed *d, const char *fate, const char *label)
{
	d->tap = d->p->courier_tap;
	d->yes = play_carry(d->p, d->a, d->w[1], fate, label, &d->said, &d->code);
}

/* lease DOMAIN: until the store is started anew */
static void do_lease(struct deed *d)
{
	carry(d, NULL, NULL);
}

/* settle DOMAIN FATE: delivered, deferred or failed */
static void do_settle(struct deed *d)
{
	carry(d, d->w[2], NULL);
}

/* report DOMAIN SIZE LABEL: to the sender, then it has failed */
static void do_report(struct deed *d)
{
	carry(d, "failed", d->w[3]);
}

/* ---- the table ----------------------------------------------------------------------- */

static const struct {
	const char *name;
	size_t words; /* at least */
	void (*run)(struct deed *);
} commands[] = {
	{"domain", 2, do_domain_add},
	{"account", 2, do_account_add},
	{"account-remove", 2, do_account_remove},
	{"account-restore", 2, do_account_restore},
	{"alias", 3, do_alias_add},
	{"alias-remove", 2, do_alias_remove},
	{"password", 3, do_password},
	{"app-password", 4, do_app_password},
	{"secret", 1, do_secret},
	{"backup", 2, do_backup},
	{"lease", 2, do_lease},
	{"settle", 3, do_settle},
	{"report", 4, do_report},
	{"offer", 5, do_offer},
	{"submit", 5, do_submit},
	{"append", 5, do_append},
	{"together", 6, do_together},
	{"replace", 7, do_replace},
	{"copy", 5, do_copy},
	{"move", 5, do_copy},
	{"flag", 6, do_flag},
	{"expunge", 4, do_expunge},
	{"create", 3, do_create},
	{"remove", 3, do_remove},
	{"rename", 4, do_rename},
	{"subscribe", 3, do_subscribe},
	{"annotate", 4, do_annotate},
};

bool play_do(struct play *p, char **words, size_t count, unsigned nr)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (strcmp(words[0], commands[i].name) != 0 || count < commands[i].words)
			continue;
		struct deed d = {.p = p, .a = arena_new(ARENA_MAX), .w = words, .n = count};
		commands[i].run(&d);
		printf("op %u %u %s %u %llu %llu", p->step, nr, d.yes ? "yes" : "no", d.code,
		       d.tap != NULL ? (unsigned long long)d.tap->ino : 0,
		       (unsigned long long)d.said.packet);
		for (size_t k = 0; k < count && k < 6; k++) /* a second recipient shows */
			printf(" %s", words[k]);
		putchar('\n');
		arena_free(d.a);
		return true;
	}
	return false;
}
