/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scenarios: what the roles do for a client, from its side of the wire.
 *
 * A check is lenient where the client was told nothing or "not now": then the work
 * may have been done all the same, once.
 */
#include <stdio.h>

#include "os/sock.h"
#include "scene.h"

#define LARGE (300u * 1024)

/* Told yes: exactly once.  Else at most once. */
static void once(struct scene *s, enum verdict v, const char *account, const char *mailbox)
{
	unsigned n = marked(s, account, mailbox);

	if (v == SAID_YES ? n != 1 : n > 1)
		wrong(s, "%s, and it stands %u times in %s of %s",
		      v == SAID_YES ? "acknowledged" : "not acknowledged", n, mailbox, account);
}

/* ---- mail from outside ---------------------------------------------------------------- */

static enum verdict smtp(struct scene *s, struct talk *t, const char *const *lines, size_t n,
			 size_t size)
{
	enum verdict v = heard_code(s, t, talk_smtp_reply(t));

	for (size_t i = 0; i < n && v == SAID_YES; i++)
		v = heard_code(s, t, talk_smtp(t, lines[i]));
	if (v == SAID_YES) {
		talk_send(t, message(s, size));
		v = heard_code(s, t, talk_smtp(t, "."));
	}
	if (v == SAID_YES || v == SAID_NO)
		(void)talk_smtp(t, "QUIT");
	return v;
}

static enum verdict arrive(struct scene *s, const char *const *lines, size_t n, size_t size)
{
	struct talk t;
	enum verdict v = talk_open(&t, house_loop(s->town->house), TOWN_MX, false)
				 ? smtp(s, &t, lines, n, size)
				 : SAID_NONE;

	talk_close(&t);
	return v;
}

static const char *const to_one[] = {"EHLO elsewhere.test", "MAIL FROM:<x@elsewhere.test>",
				     "RCPT TO:<" TOWN_ALICE ">", "DATA"};
static const char *const to_three[] = {"EHLO elsewhere.test", "MAIL FROM:<x@elsewhere.test>",
				       "RCPT TO:<" TOWN_ALICE ">", "RCPT TO:<" TOWN_BOB ">",
				       "RCPT TO:<" TOWN_CAROL ">", "DATA"};

static enum verdict act_one(struct scene *s)
{
	return arrive(s, to_one, ARRAY_LEN(to_one), 2000);
}

static enum verdict act_large(struct scene *s)
{
	return arrive(s, to_one, ARRAY_LEN(to_one), LARGE);
}

static enum verdict act_three(struct scene *s)
{
	return arrive(s, to_three, ARRAY_LEN(to_three), 2000);
}

static void check_inbox(struct scene *s, enum verdict v)
{
	once(s, v, TOWN_ALICE, "INBOX");
}

/* The store moves on by itself what it has in custody, now or when it tries again. */
static void check_three(struct scene *s, enum verdict v)
{
	static const char *const names[] = {TOWN_ALICE, TOWN_CAROL};
	struct loop *loop = house_loop(s->town->house);

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		for (unsigned n = 0; v == SAID_YES && n < 13; n++) {
			if (marked(s, names[i], "INBOX") > 0)
				break;
			(void)!fiber_sleep_until(loop, loop_now(loop) + 10 * NS_PER_SEC);
		}
		once(s, v, names[i], "INBOX");
	}
}

static enum verdict act_submit(struct scene *s)
{
	/* NUL alice@example.test NUL right horse battery */
	static const char *const lines[] = {
		"EHLO client.test",
		"AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdAByaWdodCBob3JzZSBiYXR0ZXJ5",
		"MAIL FROM:<" TOWN_ALICE ">", "RCPT TO:<" TOWN_BOB ">", "DATA"};
	struct talk t;
	enum verdict v = talk_open(&t, house_loop(s->town->house), TOWN_SUBMISSION, true)
				 ? smtp(s, &t, lines, ARRAY_LEN(lines), 2000)
				 : SAID_NONE;

	talk_close(&t);
	return v;
}

static void check_bob(struct scene *s, enum verdict v)
{
	once(s, v, TOWN_BOB, "INBOX");
}

/* ---- IMAP -------------------------------------------------------------------------------- */

static enum verdict ask(struct scene *s, const char *command)
{
	buf_clear(&s->data);
	return heard(s, &s->actor, talk_imap(&s->actor, command, &s->data));
}

static enum verdict act_login(struct scene *s)
{
	struct talk t;
	enum verdict v = SAID_NONE;

	if (talk_open(&t, house_loop(s->town->house), TOWN_IMAP, true) && talk_line(&t))
		v = heard(s, &t, talk_imap(&t, "LOGIN " TOWN_ALICE " \"" TOWN_PASSWORD "\"",
					   NULL));
	if (v == SAID_YES)
		v = heard(s, &t, talk_imap(&t, "LIST \"\" *", NULL));
	if (v == SAID_YES)
		v = heard(s, &t, talk_imap(&t, "SELECT INBOX", NULL));
	if (v == SAID_YES)
		v = heard(s, &t, talk_imap(&t, "LOGOUT", NULL));
	talk_close(&t);
	return v;
}

static enum verdict act_append(struct scene *s)
{
	return heard(s, &s->actor,
		     talk_imap_literal(&s->actor, "APPEND INBOX", message(s, 3000)));
}

static enum verdict act_append_large(struct scene *s)
{
	return heard(s, &s->actor,
		     talk_imap_literal(&s->actor, "APPEND INBOX", message(s, LARGE)));
}

static void prepare_empty(struct scene *s)
{
	emptied(s);
	if (!session(s, &s->actor))
		wrong(s, "the session of the scenario: %s", s->actor.line);
}

static enum verdict act_copy(struct scene *s) { return ask(s, "COPY 1 Other"); }
static void check_copy(struct scene *s, enum verdict v)
{
	once(s, SAID_YES, TOWN_ALICE, "INBOX");
	once(s, v, TOWN_ALICE, "Other");
}

static enum verdict act_move(struct scene *s) { return ask(s, "MOVE 1 Other"); }
static void check_move(struct scene *s, enum verdict v)
{
	unsigned from = marked(s, TOWN_ALICE, "INBOX"), to = marked(s, TOWN_ALICE, "Other");

	if (v == SAID_YES ? from != 0 || to != 1 : from + to < 1 || from > 1 || to > 1)
		wrong(s, "%s, and it stands %u times here, %u times there",
		      v == SAID_YES ? "moved" : "not moved", from, to);
}

/* One command of bob's, without failures; what he is told goes to `data`, or nowhere. */
static void bob_says(struct scene *s, const char *command, struct buf *data)
{
	struct talk t = {.fd = -1};

	if (!log_in(s, &t, TOWN_BOB) || talk_imap(&t, command, data) != 'O')
		wrong(s, "bob without failures: %s", t.line);
	(void)talk_imap(&t, "LOGOUT", NULL);
	talk_close(&t);
}

#define OF_BOB "\"Other Users/" TOWN_BOB "/Sent\""

static void prepare_across(struct scene *s)
{
	one_message(s);
	bob_says(s, "SETACL Sent " TOWN_ALICE " li", NULL);
}

static enum verdict act_across(struct scene *s) { return ask(s, "MOVE 1 " OF_BOB); }
static void check_across(struct scene *s, enum verdict v)
{
	unsigned from = marked(s, TOWN_ALICE, "INBOX"), to = marked(s, TOWN_BOB, "Sent");

	if (v == SAID_YES ? from != 0 || to != 1 : from + to < 1 || from > 1 || to > 1)
		wrong(s, "%s, and it stands %u times here, %u times there",
		      v == SAID_YES ? "moved" : "not moved", from, to);
}

static void prepare_grant(struct scene *s)
{
	one_message(s); /* both sessions are there */
	if (!session(s, &s->looker) ||
	    talk_imap(&s->looker, "DELETEACL Drafts " TOWN_BOB, NULL) != 'O')
		wrong(s, "a right taken away without failures: %s", s->looker.line);
}

static enum verdict act_grant(struct scene *s)
{
	return ask(s, "SETACL Drafts " TOWN_BOB " lr");
}

/* What is granted is found in lists: granted alone, or listed alone, it would be wrong. */
static void check_grant(struct scene *s, enum verdict v)
{
	struct buf grants, list;

	buf_init(&grants, 4096);
	buf_init(&list, 4096);
	if (!session(s, &s->looker) ||
	    talk_imap(&s->looker, "GETACL Drafts", &grants) != 'O')
		wrong(s, "GETACL without failures: %s", s->looker.line);
	bob_says(s, "LIST \"\" \"Other Users/" TOWN_ALICE "/Drafts\"", &list);
	bool granted = span_find_span(buf_span(&grants), SPAN(TOWN_BOB)) != SIZE_MAX;
	bool listed = buf_len(&list) > 0;
	if (granted != listed || (v == SAID_YES && !granted))
		wrong(s, "%s: granted %d, listed %d", v == SAID_YES ? "acknowledged" : "not acknowledged",
		      granted, listed);
	buf_free(&grants);
	buf_free(&list);
}

static void prepare_deleted(struct scene *s)
{
	one_message(s);
	if (talk_imap(&s->looker, "STORE 1 +FLAGS (\\Deleted)", NULL) != 'O' ||
	    talk_imap(&s->actor, "NOOP", NULL) != 'O')
		wrong(s, "a flag without failures: %s", s->looker.line);
}

static enum verdict act_expunge(struct scene *s) { return ask(s, "EXPUNGE"); }
static void check_expunge(struct scene *s, enum verdict v)
{
	unsigned n = marked(s, TOWN_ALICE, "INBOX");

	if (v == SAID_YES ? n != 0 : n > 1)
		wrong(s, "expunged, and it stands there");
}

static enum verdict act_flags(struct scene *s)
{
	return ask(s, "STORE 1 +FLAGS (\\Flagged $Label1)");
}

static void check_flags(struct scene *s, enum verdict v)
{
	if (!session(s, &s->looker))
		wrong(s, "nobody can look");
	buf_clear(&s->data);
	if (talk_imap(&s->looker, "FETCH 1 FLAGS", &s->data) != 'O')
		wrong(s, "a fetch without failures: %s", s->looker.line);
	bool flag = span_find_span(buf_span(&s->data), SPAN("\\Flagged")) != SIZE_MAX;
	bool word = span_find_span(buf_span(&s->data), SPAN("$Label1")) != SIZE_MAX;
	if (flag != word || (v == SAID_YES && !flag))
		wrong(s, "flags: %.*s", SPAN_FMT(buf_span(&s->data)));
}

static enum verdict act_fetch(struct scene *s)
{
	return ask(s, "FETCH 1 (UID FLAGS ENVELOPE BODYSTRUCTURE BODY.PEEK[])");
}

/* What came with the yes is the message, whole. */
static void check_fetch(struct scene *s, enum verdict v)
{
	struct buf got = s->data;

	if (v != SAID_YES)
		return;
	buf_init(&s->data, 65536);
	struct span want = message(s, 3000);
	if (span_find_span(buf_span(&got), want) == SIZE_MAX)
		wrong(s, "the body is another one");
	buf_free(&s->data);
	s->data = got;
}

static enum verdict act_search(struct scene *s)
{
	char command[96];

	(void)snprintf(command, sizeof command, "SEARCH BODY failure SUBJECT %s", s->mark);
	return ask(s, command);
}

static void check_search(struct scene *s, enum verdict v)
{
	if (v == SAID_YES &&
	    span_find_span(buf_span(&s->data), SPAN("* SEARCH 1\n")) == SIZE_MAX)
		wrong(s, "found: %.*s", SPAN_FMT(buf_span(&s->data)));
}

static enum verdict act_esearch(struct scene *s)
{
	return ask(s, "ESEARCH IN (personal) RETURN (COUNT RELEVANCY) FUZZY BODY failures");
}

static void check_esearch(struct scene *s, enum verdict v)
{
	if (v == SAID_YES &&
	    span_find_span(buf_span(&s->data), SPAN("COUNT 1 RELEVANCY (")) == SIZE_MAX)
		wrong(s, "found: %.*s", SPAN_FMT(buf_span(&s->data)));
}

static enum verdict act_update(struct scene *s)
{
	return ask(s, "SORT RETURN (UPDATE COUNT) (SUBJECT) UTF-8 ALL");
}

static enum verdict act_notify(struct scene *s)
{
	return ask(s, "NOTIFY SET STATUS (personal (MessageNew MessageExpunge FlagChange MailboxName)) "
		      "(selected (MessageNew (UID FLAGS) MessageExpunge))");
}

static enum verdict act_sort(struct scene *s)
{
	return ask(s, "SORT RETURN (ALL COUNT) (SUBJECT REVERSE DATE) UTF-8 ALL");
}

static void check_sort(struct scene *s, enum verdict v)
{
	if (v == SAID_YES &&
	    span_find_span(buf_span(&s->data), SPAN("COUNT 1 ALL 1\n")) == SIZE_MAX)
		wrong(s, "sorted: %.*s", SPAN_FMT(buf_span(&s->data)));
}

static enum verdict act_thread(struct scene *s)
{
	return ask(s, "THREAD REFERENCES UTF-8 UNDELETED");
}

static void check_thread(struct scene *s, enum verdict v)
{
	if (v == SAID_YES &&
	    span_find_span(buf_span(&s->data), SPAN("* THREAD (1)\n")) == SIZE_MAX)
		wrong(s, "threads: %.*s", SPAN_FMT(buf_span(&s->data)));
}

static enum verdict act_annotate(struct scene *s)
{
	char command[160];

	(void)snprintf(command, sizeof command,
		       "SETMETADATA Other (/private/comment \"%s\" /shared/comment \"%s\")", s->mark,
		       s->mark);
	return ask(s, command);
}

/* Both or none. */
static void check_annotate(struct scene *s, enum verdict v)
{
	if (!session(s, &s->looker))
		wrong(s, "nobody can look");
	for (int i = 0; i < 2; i++) {
		buf_clear(&s->data);
		if (talk_imap(&s->looker, i ? "GETMETADATA Other /private/comment"
					    : "GETMETADATA Other /shared/comment", &s->data) != 'O')
			wrong(s, "annotations without failures: %s", s->looker.line);
		bool there = span_find_span(buf_span(&s->data), span_cstr(s->mark)) != SIZE_MAX;
		if (i == 0 && v != SAID_YES)
			v = there ? SAID_YES : SAID_NO;
		if (there != (v == SAID_YES))
			wrong(s, "annotated: %.*s", SPAN_FMT(buf_span(&s->data)));
	}
}

static enum verdict act_annotations(struct scene *s)
{
	return ask(s, "LIST \"\" INBOX RETURN (METADATA (/private/comment \"/shared/a\\\\b\"))");
}

/* The UID of the one message, found where nothing fails. */
static uint32_t the_uid(struct scene *s)
{
	struct span head = SPAN("* SEARCH ");
	uint64_t uid = 0;
	size_t digits = 0;

	buf_clear(&s->data);
	if (!session(s, &s->looker) || talk_imap(&s->looker, "UID SEARCH ALL", &s->data) != 'O')
		wrong(s, "nobody can look");
	struct span rest = buf_span(&s->data);
	size_t at = span_find_span(rest, head);
	rest = at != SIZE_MAX ? span_skip(rest, at + head.len) : SPAN("");
	while (digits < rest.len && ascii_digit(rest.ptr[digits]))
		digits++;
	if (!span_u64(span_sub(rest, 0, digits), UINT32_MAX, &uid))
		wrong(s, "no message: %.*s", SPAN_FMT(buf_span(&s->data)));
	return (uint32_t)uid;
}

static void prepare_uid(struct scene *s)
{
	one_message(s);
	s->uid = the_uid(s);
}

static enum verdict act_catenate(struct scene *s)
{
	char command[128];

	(void)snprintf(command, sizeof command,
		       "APPEND Other CATENATE (URL \"/INBOX/;UID=%u/;SECTION=HEADER\" URL ;UID=%u/;SECTION=TEXT)",
		       s->uid, s->uid);
	return ask(s, command);
}

static enum verdict act_sign(struct scene *s)
{
	return ask(s, "GENURLAUTH \"imap://alice%40example.test@mx.example.test/INBOX/;UID=1;URLAUTH=authuser\" INTERNAL");
}

static void check_sign(struct scene *s, enum verdict v)
{
	if (v == SAID_YES && span_find_span(buf_span(&s->data), SPAN(":INTERNAL:01")) == SIZE_MAX)
		wrong(s, "signed: %.*s", SPAN_FMT(buf_span(&s->data)));
}

/* ---- POP3 -------------------------------------------------------------------------------- */

static enum verdict pop3(struct scene *s, const char *const *lines, size_t n)
{
	struct talk t;
	enum verdict v = talk_open(&t, house_loop(s->town->house), TOWN_POP3, true)
				 ? heard(s, &t, talk_pop3(&t, NULL, NULL))
				 : SAID_NONE;

	for (size_t i = 0; i < n && v == SAID_YES; i++) {
		bool many = strncmp(lines[i], "RETR", 4) == 0;
		buf_clear(&s->data);
		v = heard(s, &t, talk_pop3(&t, lines[i], many ? &s->data : NULL));
	}
	talk_close(&t);
	return v;
}

static enum verdict act_retr(struct scene *s)
{
	static const char *const lines[] = {"USER " TOWN_ALICE, "PASS " TOWN_PASSWORD, "STAT",
					    "RETR 1"};
	return pop3(s, lines, ARRAY_LEN(lines));
}

static void check_retr(struct scene *s, enum verdict v)
{
	if (v == SAID_YES && span_find_span(buf_span(&s->data), span_cstr(s->mark)) == SIZE_MAX)
		wrong(s, "the message is another one");
}

static enum verdict act_dele(struct scene *s)
{
	static const char *const lines[] = {"USER " TOWN_ALICE, "PASS " TOWN_PASSWORD, "DELE 1",
					    "QUIT"};
	return pop3(s, lines, ARRAY_LEN(lines));
}

/* ---- administration ------------------------------------------------------------------------ */

static enum verdict told(struct scene *s, enum ipc_result r, unsigned answer)
{
	if (r == IPC_BUSY || r == IPC_LATE || (r == IPC_OK && answer == ADMIN_STORE_ANSWER_LATER))
		return SAID_NO;
	if (r == IPC_OK && answer == ADMIN_STORE_ANSWER_DONE)
		return SAID_YES;
	if (r != IPC_OK)
		return SAID_NONE;
	wrong(s, "the administration was told %u", answer);
	return SAID_WRONG;
}

static struct span named(struct scene *s, char *out, size_t cap)
{
	int n = snprintf(out, cap, "%s@example.test", s->mark);
	return span_of(out, (size_t)n);
}

static enum verdict act_account(struct scene *s)
{
	char name[64];
	struct admin_store_account_add m = {.name = named(s, name, sizeof name)};
	struct admin_store_account_add_reply r = {0};

	arena_reset(s->town->arena);
	enum ipc_result said = admin_store_account_add(s->town->directory, &m, s->town->arena, &r,
						       IPC_NEVER);
	return told(s, said, r.answer);
}

static enum verdict act_alias(struct scene *s)
{
	char name[64];
	struct span to[] = {SPAN(TOWN_ALICE), SPAN(TOWN_BOB)};
	struct admin_store_alias_add m = {
		.name = named(s, name, sizeof name), .targets = to, .targets_count = 2};
	struct admin_store_alias_add_reply r = {0};

	arena_reset(s->town->arena);
	enum ipc_result said = admin_store_alias_add(s->town->directory, &m, s->town->arena, &r,
						     IPC_NEVER);
	return told(s, said, r.answer);
}

/* Told yes: mail for it is taken. */
static void check_name(struct scene *s, enum verdict v)
{
	struct talk t;
	char line[128];
	unsigned code = 0;

	(void)snprintf(line, sizeof line, "RCPT TO:<%s@example.test>", s->mark);
	if (talk_open(&t, house_loop(s->town->house), TOWN_MX, false) &&
	    talk_smtp_reply(&t) == 220 && talk_smtp(&t, to_one[0]) == 250 &&
	    talk_smtp(&t, to_one[1]) == 250)
		code = talk_smtp(&t, line);
	talk_close(&t);
	if (code != 250 && (v == SAID_YES || code != 550))
		wrong(s, "mail for the new name: %u", code);
}

static enum verdict act_passwd(struct scene *s)
{
	struct admin_auth_set_password m = {.name = SPAN(TOWN_CAROL),
					    .password = SPAN(TOWN_PASSWORD)};
	struct admin_auth_set_password_reply r;
	enum ipc_result said;

	arena_reset(s->town->arena);
	said = admin_auth_set_password(s->town->passwords, &m, s->town->arena, &r, IPC_NEVER);
	if (said == IPC_OK && r.answer != ADMIN_AUTH_ANSWER_REFUSED)
		return r.answer == ADMIN_AUTH_ANSWER_DONE ? SAID_YES : SAID_NO;
	return told(s, said, ADMIN_STORE_ANSWER_REFUSED);
}

/* The password is the same before and after: whatever was said, it opens. */
static void check_passwd(struct scene *s, enum verdict v)
{
	(void)v;
	(void)marked(s, TOWN_CAROL, "INBOX");
}

static enum verdict act_fsck(struct scene *s)
{
	struct admin_store_fsck m = {0};
	struct admin_store_fsck_reply r = {0};
	enum verdict v;
	char cursor[64];

	do {
		arena_reset(s->town->arena);
		enum ipc_result said = admin_store_fsck(s->town->directory, &m, s->town->arena, &r,
							IPC_NEVER);
		v = told(s, said, r.answer);
		if (v == SAID_YES && r.findings_count > 0) {
			wrong(s, "found %.*s", SPAN_FMT(r.findings[0].what));
			return SAID_WRONG;
		}
		if (v == SAID_YES && r.cursor.len <= sizeof cursor && r.cursor.len > 0) {
			memcpy(cursor, r.cursor.ptr, r.cursor.len);
			m.cursor = span_of(cursor, r.cursor.len);
		}
	} while (v == SAID_YES && r.more);
	return v;
}

/* ---- connections to others ------------------------------------------------------------------ */

static struct courier_dialer_target target(uint8_t last)
{
	struct addr a = addr_v4(127, 0, 0, last, 25);
	struct courier_dialer_target t = {.port = a.port};
	memcpy(t.address, a.ip, sizeof t.address);
	return t;
}

/* Nobody is at the first address; the second answers. */
static enum verdict act_connect(struct scene *s)
{
	const struct courier_dialer_target targets[] = {target(3), target(2)};
	struct courier_dialer_connect m = {.targets = targets, .targets_count = 2};
	struct courier_dialer_connect_reply r = {0};
	struct world *w = house_world(s->town->house);

	arena_reset(s->town->arena);
	enum ipc_result said = courier_dialer_connect(s->town->courier, &m, s->town->arena, &r,
						      world_now(w) + 60 * NS_PER_SEC);
	if (said == IPC_BUSY || said == IPC_LATE)
		return SAID_NO;
	if (said != IPC_OK)
		return SAID_NONE;
	if (r.reached == COURIER_DIALER_REACHED_CONNECTED) {
		if (r.of != 1)
			wrong(s, "connected to where nobody is");
		world_close(w, r.connection);
		return SAID_YES;
	}
	if (r.reached != COURIER_DIALER_REACHED_DENIED)
		return SAID_NO;
	wrong(s, "it was denied: %.*s", SPAN_FMT(r.why));
	return SAID_WRONG;
}

/* Whoever was connected is let go of here: then nothing is left. */
static void check_connect(struct scene *s, enum verdict v)
{
	struct world *w = house_world(s->town->house);
	unsigned count = 0;
	struct addr peer;
	int fd;

	for (; sock_accept(w, s->town->elsewhere, &fd, &peer) == OS_OK; count++)
		world_close(w, fd);
	if (v == SAID_YES ? count == 0 : count > 1)
		wrong(s, "%u connections came", count);
}

const struct scenario scenarios[] = {
	{"start-edge", NULL, act_start_edge, check_start, true},
	{"start-sorter", NULL, act_start_sorter, check_start, true},
	{"reload", NULL, act_reload, check_reload, true},
	{"connect", NULL, act_connect, check_connect, true},
	{"one", NULL, act_one, check_inbox, false},
	{"large", emptied, act_large, check_inbox, false},
	{"three", NULL, act_three, check_three, false},
	{"submit", NULL, act_submit, check_bob, false},
	{"login", NULL, act_login, NULL, false},
	{"append", prepare_empty, act_append, check_inbox, false},
	{"append-large", prepare_empty, act_append_large, check_inbox, false},
	{"copy", one_message, act_copy, check_copy, false},
	{"move", one_message, act_move, check_move, false},
	{"across", prepare_across, act_across, check_across, false},
	{"grant", prepare_grant, act_grant, check_grant, false},
	{"expunge", prepare_deleted, act_expunge, check_expunge, false},
	{"flags", one_message, act_flags, check_flags, false},
	{"fetch", one_message, act_fetch, check_fetch, false},
	{"search", one_message, act_search, check_search, false},
	{"esearch", one_message, act_esearch, check_esearch, false},
	{"update", one_message, act_update, NULL, false},
	{"notify", one_message, act_notify, NULL, false},
	{"sort", one_message, act_sort, check_sort, false},
	{"thread", one_message, act_thread, check_thread, false},
	{"annotate", one_message, act_annotate, check_annotate, false},
	{"annotations", one_message, act_annotations, NULL, false},
	{"catenate", prepare_uid, act_catenate, check_copy, false},
	{"sign", prepare_empty, act_sign, check_sign, false},
	{"retr", one_message, act_retr, check_retr, false},
	{"dele", one_message, act_dele, check_expunge, false},
	{"account", NULL, act_account, check_name, false},
	{"alias", NULL, act_alias, check_name, false},
	{"passwd", NULL, act_passwd, check_passwd, false},
	{"fsck", NULL, act_fsck, NULL, false},
};
const size_t scenario_count = ARRAY_LEN(scenarios);
