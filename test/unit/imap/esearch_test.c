/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/esearch: a search in several mailboxes (RFC 7377). */
#include <stdio.h>

#include "imap/filter.h"
#include "imap/search.h"
#include "talk.h"

static void put(struct mem_host *m, const char *name, unsigned count, bool subscribed)
{
	struct mem_box *b = mem_box(m, name);
	if (b == NULL)
		b = mem_add_box(m, span_cstr(name));
	assert_non_null(b);
	b->subscribed = subscribed;
	for (unsigned i = 0; i < count; i++)
		mem_deliver(m, b, SPAN("A: 1\r\n\r\nx"))->flags = i % 2 != 0 ? IMAP_SEEN : 0;
}

/* INBOX has UIDs 1 to 3, folder1 four, folder2/banana two, folder2/peach and its child one. */
static void tree(struct mem_host *m)
{
	put(m, "INBOX", 3, false);
	put(m, "folder1", 4, true);
	put(m, "folder2", 0, true);
	put(m, "folder2/banana", 2, false);
	put(m, "folder2/peach", 1, true);
	put(m, "folder2/peach/stone", 1, false);
	put(m, "folder22", 1, false);
	struct mem_box *b = mem_box(m, "folder1");
	mem_expunge(b, 1);
	memcpy(b->keywords[0], "$x", 2);
	b->keyword_len[0] = 2;
	b->keyword_count = 1;
	b->messages[0].keywords = 1;
}

T(announced, tree, LOGIN "a CAPABILITY\r\n", " MULTISEARCH", "a OK")
/* RFC 7377 2.1: the published exchange, with the UIDs of here. */
T(published, tree, LOGIN "tag1 ESEARCH IN (mailboxes \"folder1\" subtree \"folder2\") unseen\r\ntag2 ESEARCH IN (mailboxes \"folder1\" subtree-one \"folder2\") RETURN (COUNT) seen\r\n",
  "* ESEARCH (TAG \"tag1\" MAILBOX \"folder1\" UIDVALIDITY ", ") UID ALL 3\r\n* ESEARCH (TAG \"tag1\" MAILBOX \"folder2/banana\" UIDVALIDITY ", ") UID ALL 1\r\n* ESEARCH (TAG \"tag1\" MAILBOX \"folder2/peach\" UIDVALIDITY ", ") UID ALL 1\r\n* ESEARCH (TAG \"tag1\" MAILBOX \"folder2/peach/stone\" UIDVALIDITY ", ") UID ALL 1\r\ntag1 OK",
  "* ESEARCH (TAG \"tag2\" MAILBOX \"folder1\" UIDVALIDITY ", ") UID COUNT 2\r\n* ESEARCH (TAG \"tag2\" MAILBOX \"folder2/banana\" UIDVALIDITY ", ") UID COUNT 1\r\ntag2 OK")
T(kinds, tree, LOGIN "a ESEARCH IN (inboxes) RETURN (MIN MAX) ALL\r\nb ESEARCH IN (subscribed) ALL\r\nc ESEARCH IN (personal) RETURN (COUNT) UID 4\r\nd ESEARCH IN (subtree \"\") RETURN (COUNT) UID 4\r\ne ESEARCH IN (subtree-one \"\") RETURN (COUNT) UID 1\r\nf ESEARCH IN (mailboxes (folder22 inbox nobox)) ALL\r\ng ESEARCH IN (subtree-one folder2/peach inboxes) ALL\r\n",
  "MAILBOX \"INBOX\" UIDVALIDITY ", ") UID MIN 1 MAX 3\r\na OK", "MAILBOX \"folder1\" ", "UID ALL 2:4\r\n", "MAILBOX \"folder2/peach\" ", "\r\nb OK", "MAILBOX \"folder1\" ", "COUNT 1\r\nc OK", "MAILBOX \"folder1\" ", "COUNT 1\r\nd OK",
  "MAILBOX \"INBOX\" ", "MAILBOX \"folder22\" ", "\r\ne OK", "MAILBOX \"INBOX\" ", "MAILBOX \"folder22\" ", "\r\nf OK", "MAILBOX \"INBOX\" ", "MAILBOX \"folder2/peach\" ", "MAILBOX \"folder2/peach/stone\" ", "\r\ng OK")
/* Each mailbox has its own keywords, last UID and recent messages; nothing found is not told. */
T(bound_in_each, tree, LOGIN "a ESEARCH IN (personal) KEYWORD $x\r\nb ESEARCH IN (mailboxes (folder1 INBOX)) UID *\r\nc ESEARCH IN (mailboxes folder1) OLD\r\nd ESEARCH IN (mailboxes folder1) RECENT UNKEYWORD $x\r\ne ESEARCH IN (mailboxes (folder1 INBOX)) RETURN (PARTIAL 1:1) UNSEEN\r\n",
  "* ESEARCH (TAG \"a\" MAILBOX \"folder1\" UIDVALIDITY ", ") UID ALL 2\r\na OK", "MAILBOX \"INBOX\" ", "ALL 3\r\n", "MAILBOX \"folder1\" ", "ALL 4\r\nb OK", "\r\nc OK", "MAILBOX \"folder1\" ", "ALL 3:4\r\nd OK", "PARTIAL (1:1 1)\r\n", "PARTIAL (1:1 3)\r\ne OK")
/* Without IN it is the selected one; that can be named beside others. */
T(selected, tree, SELECT "a ESEARCH UNSEEN\r\nb ESEARCH IN (selected) RETURN (COUNT SAVE) 2:3\r\nc ESEARCH IN (selected-delayed) $\r\nd ESEARCH IN (selected mailboxes folder22) ALL\r\ne ESEARCH RETURN (UPDATE COUNT) SEEN\r\nf STORE 1 +FLAGS.SILENT (\\Seen)\r\n",
  "* ESEARCH (TAG \"a\" MAILBOX \"INBOX\" UIDVALIDITY ", ") UID ALL 1,3\r\na OK", "UID COUNT 2\r\nb OK", "UID ALL 2:3\r\nc OK", "MAILBOX \"INBOX\" ", "ALL 1:3\r\n", "MAILBOX \"folder22\" ", "ALL 1\r\nd OK", "UID COUNT 1\r\ne OK", "* ESEARCH (TAG \"e\") UID ADDTO (0 1)\r\nf OK")
T(refused, tree, LOGIN "a ESEARCH ALL\r\nb ESEARCH IN (selected) ALL\r\nc ESEARCH IN ALL\r\nd ESEARCH IN () ALL\r\ne ESEARCH IN (nix) ALL\r\nf ESEARCH IN (mailboxes) ALL\r\ng ESEARCH IN (mailboxes ()) ALL\r\nh ESEARCH IN (subtree (a b) ALL\r\ni ESEARCH IN (personal (x)) ALL\r\nj ESEARCH IN (personal) 1:2\r\nk ESEARCH IN (personal) UID $\r\nl ESEARCH IN (personal) RETURN (SAVE) ALL\r\nm ESEARCH IN (personal)\r\nn ESEARCH IN (personal) NIX\r\no ESEARCH IN (mailboxes \"\") ALL\r\n",
  "a BAD", "b BAD", "c BAD", "d BAD", "e BAD", "f BAD", "g BAD", "h BAD", "i BAD", "j BAD", "k BAD", "l BAD", "m BAD", "n BAD", "o NO [CANNOT]")
T(no_update_of_several, tree, LOGIN "a ESEARCH IN (inboxes) RETURN (UPDATE COUNT) ALL\r\n", "* NO [NOUPDATE \"a\"]", "UID COUNT 3\r\na OK")
T(charset_and_modseq, tree, LOGIN "a ESEARCH IN (inboxes) CHARSET KOI8-R ALL\r\nb ESEARCH IN (inboxes) CHARSET UTF-8 MODSEQ 1\r\n", "a NO [BADCHARSET", "ALL 1:3 MODSEQ ", "b OK")
T(names_in_utf8, tree, LOGIN "c CREATE &AOQ-\r\nx APPEND &AOQ- {1+}\r\nx\r\na ESEARCH IN (mailboxes &AOQ-) ALL\r\nb ENABLE UTF8=ACCEPT\r\nd ESEARCH IN (mailboxes \"\303\244\") ALL\r\n", "MAILBOX \"&AOQ-\" UIDVALIDITY", "a OK", "MAILBOX \"\303\244\" UIDVALIDITY", "d OK")

static void denied(struct mem_host *m) { tree(m); m->visit_answer = IMAP_DENIED; }
T(passed_over, denied, LOGIN "a ESEARCH IN (personal) ALL\r\n", "\r\na OK")
static void later(struct mem_host *m) { tree(m); m->visit_answer = IMAP_UNAVAILABLE; }
T(not_now, later, LOGIN "a ESEARCH IN (personal) ALL\r\n", "\r\na NO [UNAVAILABLE]")

/* ---- limits -------------------------------------------------------------------------- */

static void half(struct mem_host *m) { tree(m); m->visit_exists = IMAP_ESEARCH_MESSAGES / 2; }
static void less(struct mem_host *m) { tree(m); m->visit_exists = IMAP_ESEARCH_MESSAGES / 2 - 1; }
static void more(struct mem_host *m) { tree(m); m->visit_exists = IMAP_ESEARCH_MESSAGES / 2 + 1; }
T(fewer_messages, less, LOGIN "a ESEARCH IN (mailboxes (INBOX folder1)) RETURN (COUNT) ALL\r\n", "COUNT 3", "COUNT 3\r\na OK")
T(as_many_messages, half, LOGIN "a ESEARCH IN (mailboxes (INBOX folder1)) RETURN (COUNT) ALL\r\n", "COUNT 3", "COUNT 3\r\na OK")
T(more_messages, more, LOGIN "a ESEARCH IN (mailboxes (INBOX folder1)) RETURN (COUNT) ALL\r\n", "COUNT 3\r\na NO [LIMIT]")

static void names_of(unsigned count, const char *want)
{
	static char input[16384];
	struct talk t;
	int n = snprintf(input, sizeof input, LOGIN "a ESEARCH IN (mailboxes (INBOX");
	for (unsigned i = 1; i < count; i++)
		n += snprintf(input + n, sizeof input - (size_t)n, " n%u", i);
	snprintf(input + n, sizeof input - (size_t)n, ")) ALL\r\n");
	talk_once(&t, tree, span_cstr(input), 0);
	EXPECT(&t, want);
	talk_free(&t);
}

static void kinds_of(unsigned count, const char *want)
{
	static char input[4096];
	struct talk t;
	int n = snprintf(input, sizeof input, LOGIN "a ESEARCH IN (inboxes");
	for (unsigned i = 1; i < count; i++)
		n += snprintf(input + n, sizeof input - (size_t)n, " inboxes");
	snprintf(input + n, sizeof input - (size_t)n, ") ALL\r\n");
	talk_once(&t, tree, span_cstr(input), 0);
	EXPECT(&t, want);
	talk_free(&t);
}

static void as_many_names(void **state UNUSED)
{
	names_of(IMAP_FILTER_NAMES_MAX - 1, "a OK");
	names_of(IMAP_FILTER_NAMES_MAX, "a OK");
	names_of(IMAP_FILTER_NAMES_MAX + 1, "a NO [LIMIT]");
	kinds_of(IMAP_FILTERS_MAX - 1, "a OK");
	kinds_of(IMAP_FILTERS_MAX, "a OK");
	kinds_of(IMAP_FILTERS_MAX + 1, "a NO [LIMIT]");
}

/* As many mailboxes as the host says that there are; none can be opened. */
static enum imap_answer many(size_t most, struct arena *a, struct span after, struct imap_entries *out)
{
	uint64_t at = 0;
	if (after.len > 0 && span_u64(span_skip(after, 1), UINT32_MAX, &at))
		at++;
	out->entries = ARENA_ARRAY(a, 512, struct imap_entry);
	assert_non_null(out->entries);
	for (; at < most && out->count < 512; at++)
		out->entries[out->count++] = (struct imap_entry){
			.name = arena_printf(a, "n%05u", (unsigned)at), .exists = true, .selectable = true};
	out->more = at < most;
	return IMAP_YES;
}

#define MANY(limit, n)                                                         \
	static enum imap_answer list_##limit(struct imap_host *h UNUSED, struct arena *a, \
					     struct span after, struct imap_entries *out) \
	{                                                                      \
		return many(n, a, after, out);                                 \
	}                                                                      \
	static void has_##limit(struct mem_host *m) { m->host.list = list_##limit; }
MANY(less, IMAP_ESEARCH_NAMES - 1)
MANY(most, IMAP_ESEARCH_NAMES)
MANY(over, IMAP_ESEARCH_NAMES + 1)
T(fewer_mailboxes, has_less, LOGIN "a ESEARCH IN (personal) ALL\r\n", "\r\na OK")
T(as_many_mailboxes, has_most, LOGIN "a ESEARCH IN (personal) ALL\r\n", "\r\na OK")
T(more_mailboxes, has_over, LOGIN "a ESEARCH IN (personal) ALL\r\n", "\r\na NO [LIMIT]")

int main(void)
{
#define C(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		C(announced), C(published), C(kinds), C(bound_in_each), C(selected), C(refused),
		C(no_update_of_several), C(charset_and_modseq), C(names_in_utf8), C(passed_over), C(not_now),
		C(fewer_messages), C(as_many_messages), C(more_messages), C(as_many_names),
		C(fewer_mailboxes), C(as_many_mailboxes), C(more_mailboxes),
	};
	return cmocka_run_group_tests_name("imap_esearch", tests, NULL, NULL);
}
