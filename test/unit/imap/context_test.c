/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/context: results that are kept up to date (RFC 5267 4). */
#include <stdio.h>
#include <stdlib.h>

#include "imap/context.h"
#include "talk.h"

static struct mem_message *titled(struct mem_host *m, const char *subject)
{
	struct mem_message *msg = mem_deliver(m, mem_box(m, "INBOX"), SPAN("A: 1\r\n\r\nx"));
	struct summary_envelope *e = ARENA_NEW(m->summaries, struct summary_envelope);
	assert_non_null(msg);
	*e = (struct summary_envelope){.subject = span_cstr(subject)};
	msg->summary->parts[0].envelope = e;
	return msg;
}

/* UIDs 1 to 5, of which 2 and 4 are deleted; by subject 3, 5, 1, 4, 2. */
static void five(struct mem_host *m)
{
	static const char *const subjects[] = {"m", "y", "a", "t", "f"};
	for (size_t i = 0; i < ARRAY_LEN(subjects); i++)
		titled(m, subjects[i])->flags = i % 2 != 0 ? IMAP_DELETED : 0;
}

T(announced, five, LOGIN "a CAPABILITY\r\n", " CONTEXT=SEARCH", " CONTEXT=SORT", "a OK")
/* The options have nothing to do with each other; CONTEXT is a hint. */
T(options, five, SELECT "a SEARCH RETURN (CONTEXT COUNT) DELETED\r\nb UID SEARCH RETURN (UPDATE PARTIAL 1:1 COUNT) DELETED\r\nc SEARCH RETURN (UPDATE) DELETED\r\nd SORT RETURN (UPDATE COUNT) (SUBJECT) UTF-8 ALL\r\ne SEARCH RETURN (CONTEXT) DELETED\r\nf SEARCH RETURN (UPDATE SAVE) DELETED\r\ng SEARCH $\r\n",
  "* ESEARCH (TAG \"a\") COUNT 2\r\na OK", "* ESEARCH (TAG \"b\") UID COUNT 2 PARTIAL (1:1 2)\r\nb OK", "* ESEARCH (TAG \"c\") ALL 2,4\r\nc OK", "* ESEARCH (TAG \"d\") COUNT 5\r\nd OK",
  "* ESEARCH (TAG \"e\") ALL 2,4\r\ne OK", "\r\nf OK", "* SEARCH 2 4\r\ng OK")
T(refused, five, SELECT "a SEARCH RETURN (UPDATE COUNT) ALL\r\na SEARCH RETURN (UPDATE COUNT) ALL\r\na SORT RETURN (UPDATE) (DATE) UTF-8 ALL\r\nb CANCELUPDATE\r\nc CANCELUPDATE a\r\nd CANCELUPDATE \"a\" \r\ne CANCELUPDATE \"x\"\r\nf CANCELUPDATE \"a\" \"x\"\r\ng CANCELUPDATE \"a\"\r\na SEARCH RETURN (UPDATE COUNT) ALL\r\nh SEARCH RETURN (UPDATE 1) ALL\r\n",
  "a OK", "a BAD", "a BAD", "b BAD", "c BAD", "d BAD", "e NO", "f NO", "g NO", "COUNT 5\r\na OK", "h BAD")
T(only_where_selected, five, LOGIN "a CANCELUPDATE \"x\"\r\n", "a BAD")

/* Our own changes are told as those of others are. */
T(own_changes, five, SELECT "a UID SEARCH RETURN (UPDATE COUNT) DELETED\r\nb UID STORE 1:2 FLAGS.SILENT (\\Deleted)\r\nc UID STORE 2 FLAGS.SILENT ()\r\nd EXPUNGE\r\n",
  "a OK", "* ESEARCH (TAG \"a\") UID ADDTO (0 1)\r\nb OK", "* ESEARCH (TAG \"a\") UID REMOVEFROM (0 2)\r\nc OK", "* ESEARCH (TAG \"a\") UID REMOVEFROM (0 1,4)\r\n* 4 EXPUNGE\r\n* 1 EXPUNGE\r\nd OK")
/* Numbers of expunged messages come before EXPUNGE, of new ones after EXISTS. */
T(by_number, five, SELECT "a SEARCH RETURN (UPDATE ALL) NOT FLAGGED\r\nb EXPUNGE\r\nc APPEND INBOX {3+}\r\nabc\r\nd STORE 1 +FLAGS.SILENT (\\Flagged)\r\n",
  "ALL 1:5\r\na OK", "* ESEARCH (TAG \"a\") REMOVEFROM (0 2,4)\r\n* 4 EXPUNGE\r\n* 2 EXPUNGE\r\nb OK", "* 4 EXISTS\r\n", "* ESEARCH (TAG \"a\") ADDTO (0 4)\r\nc OK", "* ESEARCH (TAG \"a\") REMOVEFROM (0 1)\r\nd OK")
/* One line for both, and nothing where nothing came of it. */
T(both, five, SELECT "a UID SEARCH RETURN (UPDATE COUNT) SEEN\r\nb STORE 1 FLAGS.SILENT (\\Seen)\r\nc STORE 2 FLAGS.SILENT (\\Flagged)\r\nd CANCELUPDATE \"a\"\r\ne STORE 3 FLAGS.SILENT (\\Seen)\r\n",
  "a OK", "* ESEARCH (TAG \"a\") UID ADDTO (0 1)\r\nb OK", "\r\nc OK", "\r\nd OK", "\r\ne OK")
/* A keyword that nobody used yet. */
T(new_keyword, five, SELECT "a UID SEARCH RETURN (UPDATE COUNT) DELETED KEYWORD $Junk\r\nb UID STORE 1:2 +FLAGS.SILENT ($Junk)\r\nc UID SEARCH RETURN (UPDATE COUNT) UNKEYWORD $New\r\nd UID STORE 5 FLAGS.SILENT ($New)\r\n",
  "COUNT 0\r\na OK", "* ESEARCH (TAG \"a\") UID ADDTO (0 2)\r\nb OK", "COUNT 5\r\nc OK", "* ESEARCH (TAG \"c\") UID REMOVEFROM (0 5)\r\nd OK")
/* It goes with the mailbox. */
T(deselected, five, SELECT "a UID SEARCH RETURN (UPDATE COUNT) SEEN\r\nb SELECT INBOX\r\nc STORE 1 FLAGS.SILENT (\\Seen)\r\na SEARCH RETURN (UPDATE COUNT) SEEN\r\n", "a OK", "b OK [READ-WRITE] Selected\r\nc OK", "COUNT 1\r\na OK")
/* In an order positions count; a place is found among those that are there. */
T(sorted, five, SELECT "a UID SORT RETURN (UPDATE ALL) (SUBJECT) UTF-8 NOT SEEN\r\nb STORE 5 FLAGS.SILENT (\\Seen)\r\nc STORE 5 FLAGS.SILENT ()\r\nd EXPUNGE\r\ne SORT RETURN (UPDATE ALL) (REVERSE SUBJECT) UTF-8 NOT SEEN\r\nf STORE 1:3 FLAGS.SILENT (\\Seen)\r\ng STORE 1:3 FLAGS.SILENT ()\r\n",
  "ALL 3,5,1,4,2\r\na OK", "* ESEARCH (TAG \"a\") UID REMOVEFROM (2 5)\r\nb OK", "* ESEARCH (TAG \"a\") UID ADDTO (2 5)\r\nc OK", "* ESEARCH (TAG \"a\") UID REMOVEFROM (4 4 4 2)\r\n* 4 EXPUNGE\r\n* 2 EXPUNGE\r\nd OK", "ALL 1,3,2\r\ne OK",
  "* ESEARCH (TAG \"a\") UID REMOVEFROM (1 3 1 5 1 1)\r\n", "* ESEARCH (TAG \"e\") REMOVEFROM (1 1 1 3 1 2)\r\n", "f OK", "* ESEARCH (TAG \"a\") UID ADDTO (1 1 1 3 2 5)\r\n", "* ESEARCH (TAG \"e\") ADDTO (1 1 2 2 2 3)\r\n", "g OK")
T(uidonly, five, SELECT "a SEARCH RETURN (UPDATE COUNT) SEEN\r\nb ENABLE UIDONLY\r\nc UID STORE 5 FLAGS.SILENT (\\Seen)\r\n", "a OK", "b OK", "* ESEARCH (TAG \"a\") UID ADDTO (0 5)\r\nc OK")

/* RFC 5465 7: of new messages what was asked for, before they are in the result; of others nothing. */
T(new_ones_are_shown, five, SELECT "a UID SEARCH RETURN (COUNT UPDATE (UID BODY.PEEK[HEADER.FIELDS (A)])) NOT FLAGGED\r\nb APPEND INBOX {8+}\r\nA: 1\r\n\r\n\r\nc APPEND INBOX (\\Flagged) {1+}\r\nx\r\nd STORE 7 FLAGS.SILENT ()\r\ne UID SORT RETURN (UPDATE (UID) COUNT) (DATE) UTF-8 ALL\r\nf APPEND INBOX {1+}\r\nx\r\n",
  "COUNT 5\r\na OK", "* 6 EXISTS\r\n", "* 6 FETCH (UID 6 BODY[HEADER.FIELDS (A)] {8}\r\nA: 1\r\n\r\n)\r\n* ESEARCH (TAG \"a\") UID ADDTO (0 6)\r\nb OK", "* 7 EXISTS\r\n* 7 RECENT\r\nc OK", "* ESEARCH (TAG \"a\") UID ADDTO (0 7)\r\nd OK", "COUNT 7\r\ne OK", "* 8 FETCH (UID 8)\r\n* ESEARCH (TAG \"e\") UID ADDTO (8 8)\r\n")
T(items_refused, five, SELECT "a SEARCH RETURN (UPDATE (NIX)) ALL\r\nb SEARCH RETURN (UPDATE ()) ALL\r\nc SEARCH RETURN (UPDATE (UID) ALL\r\nd SEARCH RETURN (UPDATE (UID) COUNT) ALL\r\n", "a BAD", "b BAD", "c BAD", "d OK")

/* RFC 5267 4.3: the published exchange, as far as it is not of 20,000 messages. */
T(published, five, LOGIN "s SELECT INBOX\r\nB01 UID SEARCH RETURN (UPDATE COUNT) DELETED KEYWORD $Junk\r\nx UID STORE 4 +FLAGS.SILENT ($Junk)\r\nB03 UID STORE 2 +FLAGS.SILENT $Junk\r\nB04 CANCELUPDATE \"B01\"\r\nB05 UID STORE 2 FLAGS.SILENT ()\r\n",
  "* ESEARCH (TAG \"B01\") UID COUNT 0\r\nB01 OK", "* ESEARCH (TAG \"B01\") UID ADDTO (0 4)", "* ESEARCH (TAG \"B01\") UID ADDTO (0 2)\r\nB03 OK", "\r\nB04 OK", "\r\nB05 OK")

/* While the client idles, and between what others do. */
static void told_in_idle(void **state UNUSED)
{
	static const char *const lines[] = {SELECT, "a SEARCH RETURN (UPDATE COUNT) FLAGGED\r\n", "b SORT RETURN (UPDATE COUNT) (SUBJECT) UTF-8 UNSEEN\r\n", "c IDLE\r\n"};
	struct live l;
	char out[4096];
	live_init(&l, five, lines, 4);
	for (int i = 0; i < 4; i++)
		imap_session_run(l.session);
	live_said(&l, out, sizeof out);
	struct mem_box *b = mem_box(&l.mem, "INBOX");
	mem_flags(b, 5, IMAP_FLAGGED | IMAP_SEEN);
	imap_session_hint(l.session, NULL);
	assert_string_equal(live_said(&l, out, sizeof out), "* 5 FETCH (FLAGS (\\Flagged \\Seen \\Recent))\r\n* ESEARCH (TAG \"a\") ADDTO (0 5)\r\n* ESEARCH (TAG \"b\") REMOVEFROM (2 5)\r\n");
	titled(&l.mem, "b");
	imap_session_hint(l.session, NULL);
	assert_string_equal(live_said(&l, out, sizeof out), "* 6 EXISTS\r\n* 6 RECENT\r\n* ESEARCH (TAG \"b\") ADDTO (2 6)\r\n");
	mem_expunge(b, 3);
	imap_session_hint(l.session, NULL);
	assert_string_equal(live_said(&l, out, sizeof out), "* ESEARCH (TAG \"b\") REMOVEFROM (1 3)\r\n* 3 EXPUNGE\r\n");
	live_free(&l);
}

/* What a news would tell without asking is looked at all the same. */
static void news_are_looked_at(void **state UNUSED)
{
	static const char *const lines[] = {SELECT, "a SEARCH RETURN (UPDATE COUNT) FLAGGED\r\n", "c IDLE\r\n"};
	struct live l;
	char out[4096];
	live_init(&l, five, lines, 3);
	for (int i = 0; i < 3; i++)
		imap_session_run(l.session);
	live_said(&l, out, sizeof out);
	struct mem_box *b = mem_box(&l.mem, "INBOX");
	uint64_t before = b->version;
	mem_flags(b, 1, IMAP_FLAGGED);
	struct imap_flagged f = {.slot = {.uid = 1, .flags = IMAP_FLAGGED, .modseq = b->version}, .rank = 1};
	struct imap_news n = {.mailbox = imap_session_mailbox(l.session), .since = before, .version = b->version, .uid_next = 6, .exists = 5, .flags = &f, .flag_count = 1};
	imap_session_hint(l.session, &n);
	assert_string_equal(live_said(&l, out, sizeof out), "* 1 FETCH (FLAGS (\\Flagged \\Recent))\r\n* ESEARCH (TAG \"a\") ADDTO (0 1)\r\n");
	live_free(&l);
}

/* The client's list, as a client keeps it: pairs of a position and a UID. */
static size_t apply(uint32_t *list, size_t count, const char *line, const char *what, bool add)
{
	const char *at = strstr(line, what);
	at = at != NULL ? strchr(at, '(') + 1 : NULL;
	while (at != NULL) {
		char *end;
		size_t pos = strtoul(at, &end, 10);
		uint32_t uid = (uint32_t)strtoul(end, &end, 10);
		assert_true(pos >= 1 && pos <= count + add);
		if (add) {
			memmove(list + pos, list + pos - 1, (count - (pos - 1)) * sizeof *list);
			list[pos - 1] = uid;
			count++;
		} else {
			assert_int_equal(list[pos - 1], uid);
			memmove(list + pos - 1, list + pos, (count - pos) * sizeof *list);
			count--;
		}
		at = *end == ' ' ? end + 1 : NULL;
	}
	return count;
}

static int by_subject(const void *a, const void *b)
{
	const struct mem_message *x = *(const struct mem_message *const *)a, *y = *(const struct mem_message *const *)b;
	int diff = span_cmp(x->summary->parts[0].envelope->subject, y->summary->parts[0].envelope->subject);
	return diff != 0 ? diff : x->uid < y->uid ? -1 : 1;
}

static void some_hundred(struct mem_host *m)
{
	for (unsigned i = 0; i < 700; i++)
		titled(m, arena_cstr(m->summaries, arena_printf(m->summaries, "%03u", i * 577 % 701)));
}

/* Random changes, one to many at a time: the list is what a SORT would say. */
static void orders_stay_right(void **state UNUSED)
{
	static const char *const lines[] = {SELECT, "a UID SORT RETURN (UPDATE COUNT) (SUBJECT) UTF-8 NOT SEEN\r\n", "c IDLE\r\n"};
	struct live l;
	static uint32_t list[1200];
	static char out[1 << 16];
	struct mem_message *want[1200];
	uint32_t seed = 7;
	live_init(&l, some_hundred, lines, 3);
	for (int i = 0; i < 3; i++)
		imap_session_run(l.session);
	live_said(&l, out, sizeof out);
	struct mem_box *b = mem_box(&l.mem, "INBOX");
	size_t count = 0;
	for (int round = 0; round < 60; round++) {
		static const unsigned many[] = {1, 3, 15, 16, 17, 80};
		for (unsigned i = 0; round > 0 && i < many[round % 6]; i++) {
			seed = seed * 1103515245 + 12345;
			size_t at = (seed >> 16) % b->count;
			if (round % 5 == 4)
				mem_expunge(b, b->messages[at].uid);
			else if (round % 5 == 3)
				titled(&l.mem, arena_cstr(l.mem.summaries, arena_printf(l.mem.summaries, "%03u", seed >> 16 & 511)));
			else
				mem_flags(b, b->messages[at].uid, b->messages[at].flags ^ IMAP_SEEN);
		}
		size_t n = 0;
		for (size_t i = 0; i < b->count; i++)
			if (!(b->messages[i].flags & IMAP_SEEN))
				want[n++] = &b->messages[i];
		qsort(want, n, sizeof want[0], by_subject);
		imap_session_hint(l.session, NULL);
		live_said(&l, out, sizeof out);
		for (char *at = out, *end; (end = strstr(at, "\r\n")) != NULL; at = end + 2) {
			*end = '\0';
			if (strncmp(at, "* ESEARCH", 9) != 0)
				continue;
			count = apply(list, count, at, "REMOVEFROM", false);
			count = apply(list, count, at, "ADDTO", true);
		}
		if (round == 0)
			for (count = 0; count < n; count++)
				list[count] = want[count]->uid;
		assert_int_equal(count, n);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(list[i], want[i]->uid);
	}
	live_free(&l);
}

/* ---- limits ---------------------------------------------------------------------- */

static void searches(unsigned count, bool last_is_kept)
{
	char input[4096] = SELECT, tag[16];
	struct talk t;
	for (unsigned i = 0; i < count; i++)
		snprintf(input + strlen(input), sizeof input - strlen(input), "n%u UID SEARCH RETURN (UPDATE COUNT) SEEN\r\n", i);
	talk_run(&t, five, span_cstr(input));
	snprintf(tag, sizeof tag, "n%u OK", count - 1);
	EXPECT(&t, tag);
	snprintf(input, sizeof input, "* ESEARCH (TAG \"n%u\") UID COUNT 0\r\n%s", count - 1, last_is_kept ? "" : "* NO [NOUPDATE ");
	EXPECT(&t, input);
	if (last_is_kept)
		talk_lacks(&t, "NOUPDATE");
	talk_free(&t);
}

static void as_many_results(void **state UNUSED)
{
	searches(IMAP_CONTEXTS_MAX - 1, true);
	searches(IMAP_CONTEXTS_MAX, true);
	searches(IMAP_CONTEXTS_MAX + 1, false);
}

/* Is a result whose query has a text of this length kept beside two large ones? */
static bool fits(size_t len)
{
	size_t large = 200000, size = 2 * large + len + 1024;
	char *input = malloc(size), *text = malloc(large + 1);
	struct talk t;
	memset(text, 'x', large);
	int n = snprintf(input, size, "%s", SELECT);
	for (unsigned i = 0; i < 2; i++)
		n += snprintf(input + n, size - (size_t)n, "n%u SEARCH RETURN (UPDATE COUNT) BODY {%zu}\r\n%.*s\r\n", i, large, (int)large, text);
	n += snprintf(input + n, size - (size_t)n, "n2 SEARCH RETURN (UPDATE COUNT) BODY {%zu}\r\n%.*s\r\n", len, (int)len, text);
	talk_once(&t, five, span_of(input, (size_t)n), 0);
	EXPECT(&t, "n0 OK", "n1 OK", "n2 OK");
	bool kept = strstr(t.out, "NOUPDATE") == NULL;
	talk_free(&t);
	free(input);
	free(text);
	return kept;
}

static void as_much_memory(void **state UNUSED)
{
	size_t good = 100, bad = 200000;
	assert_true(fits(good));
	assert_false(fits(bad));
	while (bad - good > 1) {
		size_t middle = (good + bad) / 2;
		*(fits(middle) ? &good : &bad) = middle;
	}
	assert_true(fits(good - 1));
	/* What is not text are three small structures. */
	assert_in_range(IMAP_CONTEXT_MEMORY - 400000 - good, 100, 4096);
}

static void as_many_runs(void **state UNUSED)
{
	/* The mailbox has 700 messages: the set is cut to 350 runs, three times. */
	char input[8192 * 3] = SELECT "a SEARCH RETURN (UPDATE COUNT) ";
	for (size_t over = 0; over < 3; over++) {
		struct talk t;
		size_t runs = IMAP_CONTEXT_RUNS - 1 + over;
		input[strlen(SELECT "a SEARCH RETURN (UPDATE COUNT) ")] = '\0';
		for (size_t i = 0; i < runs; i++)
			snprintf(input + strlen(input), sizeof input - strlen(input), "%s%zu", i == 0 ? "UID " : i % 350 == 0 ? " UID " : ",", 1 + 2 * (i % 350));
		snprintf(input + strlen(input), sizeof input - strlen(input), "\r\n");
		talk_once(&t, some_hundred, span_cstr(input), 0);
		EXPECT(&t, "a OK");
		assert_int_equal(strstr(t.out, "NOUPDATE") == NULL, runs <= IMAP_CONTEXT_RUNS);
		talk_free(&t);
	}
}

static void items_of(unsigned len, const char *want)
{
	char input[4096];
	struct talk t;
	snprintf(input, sizeof input, SELECT "a SEARCH RETURN (COUNT UPDATE (BODY.PEEK[HEADER.FIELDS (%0*d)])) ALL\r\n", (int)(len - strlen("(BODY.PEEK[HEADER.FIELDS ()])")), 0);
	talk_once(&t, five, span_cstr(input), 0);
	EXPECT(&t, want);
	talk_free(&t);
}

static void as_many_items(void **state UNUSED)
{
	items_of(IMAP_CONTEXT_FETCH - 1, "COUNT 5\r\na OK");
	items_of(IMAP_CONTEXT_FETCH, "COUNT 5\r\na OK");
	items_of(IMAP_CONTEXT_FETCH + 1, "a BAD");
}

/* A store that says later: told by the next command. */
static void a_failure_is_made_good(void **state UNUSED)
{
	static const char *const lines[] = {SELECT, "a UID SORT RETURN (UPDATE COUNT) (SUBJECT) UTF-8 NOT SEEN\r\n", "b UID STORE 3 FLAGS.SILENT (\\Seen)\r\n", "c UID STORE 3 FLAGS.SILENT ()\r\n", "d NOOP\r\n", "e NOOP\r\n"};
	struct live l;
	char out[4096];
	live_init(&l, five, lines, 6);
	for (int i = 0; i < 3; i++)
		imap_session_run(l.session);
	live_said(&l, out, sizeof out);
	l.mem.sort_answer = IMAP_UNAVAILABLE;
	imap_session_run(l.session);
	imap_session_run(l.session);
	assert_string_equal(live_said(&l, out, sizeof out), "c OK Stored\r\nd OK Nothing done\r\n");
	l.mem.sort_answer = IMAP_YES;
	imap_session_run(l.session);
	assert_string_equal(live_said(&l, out, sizeof out), "* ESEARCH (TAG \"a\") UID ADDTO (1 3)\r\ne OK Nothing done\r\n");
	live_free(&l);
}

int main(void)
{
#define C(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		C(announced), C(options), C(refused), C(only_where_selected), C(own_changes), C(by_number),
		C(both), C(new_keyword), C(deselected), C(sorted), C(uidonly), C(published), C(told_in_idle),
		C(news_are_looked_at), C(orders_stay_right), C(as_many_results), C(as_much_memory),
		C(as_many_runs), C(new_ones_are_shown), C(items_refused), C(as_many_items), C(a_failure_is_made_good),
	};
	return cmocka_run_group_tests_name("imap_context", tests, NULL, NULL);
}
