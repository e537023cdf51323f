/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/notify: what is told without a command (RFC 5465). */
#include <stdio.h>
#include <stdlib.h>

#include "imap/notify.h"
#include "talk.h"

static void boxes(struct mem_host *m)
{
	static const char *const names[] = {"INBOX", "Lists", "Lists/a", "Lists/b", "Sent"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct mem_box *b = mem_box(m, names[i]);
		if (b == NULL)
			b = mem_add_box(m, span_cstr(names[i]));
		b->subscribed = i == 2;
		mem_deliver(m, b, SPAN("Subject: x\r\n\r\ny\r\n"));
	}
}

#define ALL "(MessageNew MessageExpunge FlagChange)"

T(announced, boxes, LOGIN "a CAPABILITY\r\n", " NOTIFY", "a OK")
T(set_and_none, boxes, LOGIN "a NOTIFY SET (personal " ALL ")\r\nb NOTIFY NONE\r\nc notify set status (selected (messagenew messageexpunge)) (inboxes none)\r\nd NOTIFY SET (selected NONE)\r\ne NOTIFY SET (subtree Lists (MailboxName SubscriptionChange MessageNew MessageExpunge)) (mailboxes (INBOX nobox) (MailboxName))\r\n",
  "a OK", "b OK", "\r\nc OK", "d OK", "e OK")
T(refused, boxes, LOGIN "a NOTIFY\r\nb NOTIFY SET\r\nc NOTIFY NONE x\r\nd NOTIFY SET STATUS\r\ne NOTIFY SET (personal)\r\nf NOTIFY SET (personal (MessageNew))\r\ng NOTIFY SET (personal (MessageExpunge))\r\nh NOTIFY SET (personal (FlagChange))\r\ni NOTIFY SET (selected (MessageNew MessageExpunge MailboxName))\r\nj NOTIFY SET (selected NONE) (selected-delayed NONE)\r\nk NOTIFY SET (personal ())\r\nl NOTIFY SET (personal (MessageNew MessageExpunge)\r\nm NOTIFY SET (nix " ALL ")\r\nn NOTIFY SET (personal " ALL ") x\r\n",
  "a BAD", "b BAD", "c BAD", "d BAD", "e BAD", "f BAD", "g BAD", "h BAD", "i BAD", "j BAD", "k BAD", "l BAD", "m BAD", "n BAD")
T(refused_items, boxes, LOGIN "a NOTIFY SET (selected (MessageNew (NIX) MessageExpunge))\r\nb NOTIFY SET (selected (MessageNew (UID MessageExpunge))\r\nc NOTIFY SET (selected (MessageNew () MessageExpunge))\r\nd NOTIFY SET (selected (MessageNew (UID BODY.PEEK[HEADER.FIELDS (\"a)\" To)]) MessageExpunge))\r\ne NOTIFY SET (selected (MessageNew (UID BODY.PEEK[HEADER.FIELDS ({2+}\r\n)b)]) MessageExpunge))\r\n",
  "a BAD", "b BAD", "c BAD", "d OK", "e OK")
/* RFC 5465 3.1: what is not told of is refused, with the names of all that is. */
T(bad_event, boxes, LOGIN "a NOTIFY SET (personal (MessageNew MessageExpunge AnnotationChange))\r\nb NOTIFY SET (selected (MailboxMetadataChange))\r\nc NOTIFY SET (personal (Nix))\r\n",
  "a NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange)]", "b NO [BADEVENT (", "c NO [BADEVENT (")
/* STATUS of each that is followed, but the selected one; the first group that names a mailbox counts. */
T(status_, boxes, SELECT "a NOTIFY SET STATUS (mailboxes Lists/a NONE) (subtree Lists (MessageNew MessageExpunge)) (inboxes " ALL ") (mailboxes Sent (MailboxName))\r\nb NOTIFY SET STATUS (mailboxes Sent " ALL ")\r\nc ENABLE CONDSTORE\r\nd NOTIFY SET STATUS (subscribed (MessageNew MessageExpunge))\r\n",
  "[HIGHESTMODSEQ ", "s OK", "* STATUS \"Lists\" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3)\r\n* STATUS \"Lists/b\" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 5)\r\na OK",
  "* STATUS \"Sent\" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 2 HIGHESTMODSEQ 2)\r\nb OK", "c OK", "* STATUS \"Lists/a\" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 4 HIGHESTMODSEQ 2)\r\nd OK")

static void too_many(struct mem_host *m) { boxes(m); m->news_answer = IMAP_LIMIT; }
T(overflow_at_once, too_many, LOGIN "a NOTIFY SET (personal " ALL ")\r\nb NOTIFY SET (selected " ALL ")\r\n", "a NO [NOTIFICATIONOVERFLOW]", "b OK")
static void later(struct mem_host *m) { boxes(m); m->news_answer = IMAP_UNAVAILABLE; }
T(not_now, later, LOGIN "a NOTIFY SET (personal " ALL ")\r\n", "a NO [UNAVAILABLE]")
T(nobody_is_left, boxes, LOGIN "a NOTIFY SET (personal " ALL ")\r\nb UNAUTHENTICATE\r\n" SELECT "c NOTIFY NONE\r\n", "a OK", "b OK", "c OK")

/* ---- live -------------------------------------------------------------------------- */

static struct imap_moved *moves(struct live *l, const char *name, unsigned what)
{
	struct imap_moved *m = &l->mem.moved[l->mem.moved_count++];
	*m = (struct imap_moved){.name = span_cstr(name), .what = what, .object = 100 + l->mem.moved_count, .messages = 5, .uid_next = 9, .uid_validity = 3, .version = 77};
	return m;
}

/* Other mailboxes, with no command running and none selected. */
static void others(void **state UNUSED)
{
	static const char *const lines[] = {LOGIN, "a NOTIFY SET (mailboxes Lists/b (MessageNew MessageExpunge)) (subtree Lists (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange)) (inboxes NONE) (personal (MailboxName))\r\n", "b NOTIFY NONE\r\n"};
	struct live l;
	char out[4096];
	live_init(&l, boxes, lines, 3);
	imap_session_run(l.session);
	assert_false(imap_session_listens(l.session));
	imap_session_run(l.session);
	assert_true(imap_session_listens(l.session));
	live_said(&l, out, sizeof out);
	moves(&l, "Lists/a", IMAP_MOVED_COUNTS);
	moves(&l, "Lists/a", IMAP_MOVED_FLAGS);
	moves(&l, "Lists/b", IMAP_MOVED_FLAGS); /* not wanted of this one */
	moves(&l, "Lists/b", IMAP_MOVED_COUNTS | IMAP_MOVED_FLAGS);
	moves(&l, "INBOX", IMAP_MOVED_COUNTS | IMAP_MOVED_NAME);
	moves(&l, "Sent", IMAP_MOVED_COUNTS);
	assert_int_equal(imap_session_hint(l.session, NULL), IMAP_IDLE);
	assert_string_equal(live_said(&l, out, sizeof out),
			    "* STATUS \"Lists/a\" (MESSAGES 5 UIDNEXT 9 UIDVALIDITY 3 HIGHESTMODSEQ 77)\r\n"
			    "* STATUS \"Lists/a\" (MESSAGES 5 UIDNEXT 9 UIDVALIDITY 3 HIGHESTMODSEQ 77)\r\n"
			    "* STATUS \"Lists/b\" (MESSAGES 5 UIDNEXT 9 UIDVALIDITY 3)\r\n");
	/* RFC 5465 5.4: made, renamed, removed; a name that comes from where somebody looks. */
	moves(&l, "new", IMAP_MOVED_NAME)->children = true;
	moves(&l, "Lists/c", IMAP_MOVED_NAME)->old = SPAN("Lists/a");
	moves(&l, "elsewhere", IMAP_MOVED_NAME)->old = SPAN("Lists/d");
	moves(&l, "Lists/c", IMAP_MOVED_LOST)->object = 0;
	moves(&l, "level", IMAP_MOVED_NAME)->object = 0;
	l.mem.moved[4].children = true;
	imap_session_hint(l.session, NULL);
	assert_string_equal(live_said(&l, out, sizeof out),
			    "* LIST (\\HasChildren) \"/\" \"new\"\r\n"
			    "* LIST (\\HasNoChildren) \"/\" \"Lists/c\" (\"OLDNAME\" (\"Lists/a\"))\r\n"
			    "* LIST (\\HasNoChildren) \"/\" \"elsewhere\" (\"OLDNAME\" (\"Lists/d\"))\r\n"
			    "* LIST (\\NonExistent \\HasNoChildren) \"/\" \"Lists/c\"\r\n"
			    "* LIST (\\Noselect \\HasChildren) \"/\" \"level\"\r\n");
	/* 5.5 */
	moves(&l, "Lists/a", IMAP_MOVED_SUBSCRIBED)->subscribed = true;
	moves(&l, "Lists/a", IMAP_MOVED_SUBSCRIBED);
	moves(&l, "Sent", IMAP_MOVED_SUBSCRIBED);
	imap_session_hint(l.session, NULL);
	assert_string_equal(live_said(&l, out, sizeof out),
			    "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"Lists/a\"\r\n* LIST (\\HasNoChildren) \"/\" \"Lists/a\"\r\n");
	imap_session_run(l.session);
	assert_false(imap_session_listens(l.session) || l.mem.follows);
	live_free(&l);
}

/* More than one answer holds. */
static void many(void **state UNUSED)
{
	static const char *const lines[] = {LOGIN, "a NOTIFY SET (personal (MessageNew MessageExpunge))\r\n"};
	struct live l;
	static char out[8192];
	live_init(&l, boxes, lines, 2);
	imap_session_run(l.session);
	imap_session_run(l.session);
	live_said(&l, out, sizeof out);
	for (unsigned i = 0; i < 40; i++)
		moves(&l, i == 39 ? "last" : "x", IMAP_MOVED_COUNTS);
	imap_session_hint(l.session, NULL);
	assert_non_null(strstr(live_said(&l, out, sizeof out), "* STATUS \"last\""));
	assert_int_equal(l.mem.moved_count, 0);
	/* RFC 5465 5.8 */
	l.mem.news_answer = IMAP_LIMIT;
	imap_session_hint(l.session, NULL);
	assert_string_equal(live_said(&l, out, sizeof out), "* OK [NOTIFICATIONOVERFLOW] Too much happened, nothing more is told\r\n");
	assert_false(imap_session_listens(l.session));
	live_free(&l);
}

/* The selected one, while no command runs; new messages with what was asked for. */
static void selected(void **state UNUSED)
{
	static const char *const lines[] = {SELECT, "a NOTIFY SET (selected (MessageNew (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge FlagChange)) (personal " ALL ")\r\n", "b NOOP\r\n"};
	struct live l;
	char out[4096];
	live_init(&l, boxes, lines, 3);
	for (int i = 0; i < 2; i++)
		imap_session_run(l.session);
	live_said(&l, out, sizeof out);
	struct mem_box *b = mem_box(&l.mem, "INBOX");
	mem_deliver(&l.mem, b, SPAN("Subject: new\r\n\r\n"));
	moves(&l, "INBOX", IMAP_MOVED_COUNTS)->object = b->uid_validity; /* is told above */
	imap_session_hint(l.session, NULL);
	assert_string_equal(live_said(&l, out, sizeof out), "* 2 EXISTS\r\n* 2 RECENT\r\n* 2 FETCH (UID 2 BODY[HEADER.FIELDS (SUBJECT)] {16}\r\nSubject: new\r\n\r\n)\r\n");
	mem_flags(b, 1, IMAP_SEEN);
	imap_session_hint(l.session, NULL);
	assert_string_equal(live_said(&l, out, sizeof out), "* 1 FETCH (FLAGS (\\Seen \\Recent))\r\n");
	mem_expunge(b, 1);
	imap_session_hint(l.session, NULL);
	assert_string_equal(live_said(&l, out, sizeof out), "* 1 EXPUNGE\r\n");
	/* With a command, too. */
	mem_deliver(&l.mem, b, SPAN("Subject: b\r\n\r\n"));
	imap_session_run(l.session);
	assert_string_equal(live_said(&l, out, sizeof out), "* 2 EXISTS\r\n* 2 RECENT\r\n* 2 FETCH (UID 3 BODY[HEADER.FIELDS (SUBJECT)] {14}\r\nSubject: b\r\n\r\n)\r\nb OK Nothing done\r\n");
	assert_int_equal(b->messages[1].flags, 0);
	live_free(&l);
}

/* SELECTED-DELAYED: expunges wait for a command; nothing asked for: nothing by itself. */
static void delayed(void **state UNUSED)
{
	static const char *const lines[] = {SELECT, "a NOTIFY SET (selected-delayed (MessageNew MessageExpunge))\r\n", "b NOOP\r\n", "c NOTIFY SET (inboxes NONE)\r\n", "d NOOP\r\n"};
	struct live l;
	char out[4096];
	live_init(&l, boxes, lines, 5);
	for (int i = 0; i < 2; i++)
		imap_session_run(l.session);
	live_said(&l, out, sizeof out);
	struct mem_box *b = mem_box(&l.mem, "INBOX");
	mem_deliver(&l.mem, b, SPAN("x\r\n"));
	imap_session_hint(l.session, NULL);
	assert_string_equal(live_said(&l, out, sizeof out), "* 2 EXISTS\r\n* 2 RECENT\r\n");
	mem_expunge(b, 1);
	imap_session_hint(l.session, NULL);
	assert_string_equal(live_said(&l, out, sizeof out), "");
	imap_session_run(l.session);
	assert_string_equal(live_said(&l, out, sizeof out), "* 1 EXPUNGE\r\nb OK Nothing done\r\n");
	imap_session_run(l.session);
	live_said(&l, out, sizeof out);
	mem_deliver(&l.mem, b, SPAN("x\r\n"));
	imap_session_hint(l.session, NULL);
	assert_string_equal(live_said(&l, out, sizeof out), "");
	imap_session_run(l.session);
	assert_string_equal(live_said(&l, out, sizeof out), "* 2 EXISTS\r\n* 2 RECENT\r\nd OK Nothing done\r\n");
	live_free(&l);
}

/* ---- limits -------------------------------------------------------------------------- */

static void groups(unsigned count, const char *want)
{
	char input[4096] = LOGIN "a NOTIFY SET";
	struct talk t;
	for (unsigned i = 0; i < count; i++)
		snprintf(input + strlen(input), sizeof input - strlen(input), " (inboxes NONE)");
	snprintf(input + strlen(input), sizeof input - strlen(input), "\r\n");
	talk_run(&t, boxes, span_cstr(input));
	EXPECT(&t, want);
	talk_free(&t);
}

static void items(unsigned len, const char *want)
{
	char input[8192];
	struct talk t;
	snprintf(input, sizeof input, LOGIN "a NOTIFY SET (selected (MessageNew (BODY.PEEK[HEADER.FIELDS (%0*d)]) MessageExpunge))\r\n", (int)(len - strlen("(BODY.PEEK[HEADER.FIELDS ()])")), 0);
	talk_once(&t, boxes, span_cstr(input), 0);
	EXPECT(&t, want);
	talk_free(&t);
}

static void as_many(void **state UNUSED)
{
	groups(IMAP_FILTERS_MAX - 1, "a OK");
	groups(IMAP_FILTERS_MAX, "a OK");
	groups(IMAP_FILTERS_MAX + 1, "a NO [NOTIFICATIONOVERFLOW]");
	items(IMAP_NOTIFY_FETCH - 1, "a OK");
	items(IMAP_NOTIFY_FETCH, "a OK");
	items(IMAP_NOTIFY_FETCH + 1, "a BAD");
}

static enum imap_answer named(size_t most, struct arena *a, struct span after, struct imap_entries *out)
{
	uint64_t at = 0;
	if (after.len > 0 && span_u64(span_skip(after, 1), UINT32_MAX, &at))
		at++;
	out->entries = ARENA_ARRAY(a, 512, struct imap_entry);
	for (; at < most && out->count < 512; at++)
		out->entries[out->count++] = (struct imap_entry){
			.name = arena_printf(a, "n%05u", (unsigned)at), .exists = true, .selectable = true};
	out->more = at < most;
	return IMAP_YES;
}
#define NAMED(limit, n)                                                        \
	static enum imap_answer list_##limit(struct imap_host *h UNUSED, struct arena *a, \
					     struct span after, struct imap_entries *out) \
	{                                                                      \
		return named(n, a, after, out);                                \
	}                                                                      \
	static void has_##limit(struct mem_host *m) { m->host.list = list_##limit; }
NAMED(less, IMAP_NOTIFY_STATUS - 1)
NAMED(most, IMAP_NOTIFY_STATUS)
NAMED(over, IMAP_NOTIFY_STATUS + 1)
T(fewer_statuses, has_less, LOGIN "a NOTIFY SET STATUS (personal " ALL ")\r\n", "\r\na OK")
T(as_many_statuses, has_most, LOGIN "a NOTIFY SET STATUS (personal " ALL ")\r\n", "\r\na OK")
T(more_statuses, has_over, LOGIN "a NOTIFY SET STATUS (personal " ALL ")\r\nb NOTIFY SET (personal " ALL ")\r\n", "a NO [NOTIFICATIONOVERFLOW]", "b OK")

int main(void)
{
#define C(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		C(announced), C(set_and_none), C(refused), C(refused_items), C(bad_event), C(status_),
		C(overflow_at_once), C(not_now), C(nobody_is_left), C(others), C(many), C(selected),
		C(delayed), C(as_many), C(fewer_statuses), C(as_many_statuses), C(more_statuses),
	};
	return cmocka_run_group_tests_name("imap_notify", tests, NULL, NULL);
}
