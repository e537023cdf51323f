/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/rev2: what ENABLE IMAP4rev2 changes (RFC 9051, appendix E). */
#include <stdlib.h>

#include "talk.h"

static void three(struct mem_host *m)
{
	for (int i = 0; i < 3; i++)
		mem_deliver(m, mem_box(m, "INBOX"), SPAN("H: 1\r\n\r\nx"));
	mem_flags(mem_box(m, "INBOX"), 2, IMAP_DELETED);
}

#define REV2 LOGIN "r ENABLE IMAP4rev2\r\n"
#define KEISER "\xe5\x8f\xb0\xe5\x8c\x97" /* &U,BTFw- */

/* Both are announced, before login too, and the client says which one it means. */
T(announced, NULL, "a CAPABILITY\r\n" REV2, "[CAPABILITY IMAP4rev1 IMAP4rev2", "* CAPABILITY IMAP4rev1 IMAP4rev2", "a OK", "* ENABLED IMAP4rev2\r\nr OK")
T(not_enabled, three, SELECT "a SEARCH ALL\r\n", "* 3 EXISTS\r\n* 3 RECENT\r\n* OK [UNSEEN 1]", "s OK", "* SEARCH 1 2 3\r\na OK")
T(searched, three, REV2 "s SELECT INBOX\r\na SEARCH ALL\r\nb UID SEARCH SEEN\r\nc SEARCH RETURN (COUNT) ALL\r\nd UID SEARCH CHARSET UTF-8 1:2\r\n",
  "* ESEARCH (TAG \"a\") ALL 1:3\r\na OK", "* ESEARCH (TAG \"b\") UID\r\nb OK", "* ESEARCH (TAG \"c\") COUNT 3\r\nc OK", "d BAD")
T(selected, three, REV2 "a SELECT INBOX\r\nb EXAMINE inbox\r\nc CREATE " "\"" KEISER "\"\r\nd SELECT {7+}\r\n" KEISER "/\r\n",
  "* 3 EXISTS\r\n* OK [MAILBOXID", "* LIST () \"/\" \"INBOX\"\r\na OK [READ-WRITE]", "* OK [CLOSED]", "* LIST () \"/\" \"INBOX\" (\"OLDNAME\" (\"inbox\"))\r\nb OK",
  "c OK", "* LIST () \"/\" \"" KEISER "\" (\"OLDNAME\" ({7}\r\n" KEISER "/))\r\nd OK")
T(status_, three, REV2 "a STATUS INBOX (MESSAGES DELETED SIZE)\r\nb STATUS INBOX (RECENT)\r\nc LIST \"\" INBOX RETURN (STATUS (RECENT))\r\n",
  "* STATUS \"INBOX\" (MESSAGES 3 SIZE 0 DELETED 1)\r\na OK", "b BAD", "c BAD")
T(recent_is_no_key, three, REV2 "s SELECT INBOX\r\na SEARCH RECENT\r\nb SEARCH NEW\r\nc SEARCH NOT OLD\r\n", "s OK", "a BAD", "b BAD", "c BAD")
T(large_numbers, three, REV2 "s SELECT INBOX\r\na FETCH 1 BODY[]<4294967296.9223372036854775807>\r\nb SEARCH LARGER 4294967296\r\nc SEARCH SMALLER 9223372036854775807\r\nd SEARCH LARGER 9223372036854775808\r\ne FETCH 1 BODY[]<0.9223372036854775808>\r\nf FETCH 1 BODY[]<1.9223372036854775807>\r\n",
  "BODY[]<4294967296> {0}\r\n", "a OK", "b OK", "ALL 1:3\r\nc OK", "d BAD", "e BAD", "BODY[]<1> {8}\r\n: 1\r\n\r\nx", "f OK")

/* Nothing of \Recent is told any more, whatever happens. */
static void nothing_is_recent(void **state UNUSED)
{
	struct talk t;
	TALK(&t, three, REV2 "s SELECT INBOX\r\na FETCH 1:* FLAGS\r\nb APPEND INBOX {1+}\r\nx\r\nc STORE 1 +FLAGS (\\Seen)\r\nd FETCH 4 BODY[]\r\n");
	EXPECT(&t, "* 1 FETCH (FLAGS ())\r\n", "* 4 EXISTS\r\nb OK", "* 1 FETCH (FLAGS (\\Seen))\r\nc OK", "FLAGS (\\Seen))\r\nd OK");
	talk_lacks(&t, "RECENT");
	talk_lacks(&t, "ecent");
	talk_lacks(&t, "[UNSEEN");
	talk_lacks(&t, "* SEARCH");
	talk_free(&t);
}

int main(void)
{
#define C(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		C(announced), C(not_enabled), C(searched), C(selected), C(status_),
		C(recent_is_no_key), C(large_numbers), C(nothing_is_recent),
	};
	return cmocka_run_group_tests_name("imap_rev2", tests, NULL, NULL);
}
