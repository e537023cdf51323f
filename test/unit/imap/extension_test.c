/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/extension: what adds a word or two to a command of the base. */
#include <stdlib.h>

#include "talk.h"

/* Arrived at one second before MEM_DATE, then, one after it. */
static void ages(struct mem_host *m)
{
	for (int i = 0; i < 3; i++)
		mem_deliver(m, mem_box(m, "INBOX"), SPAN("H: 1\r\n\r\nx"))->date += i - 1;
}

/* MEM_DATE is an hour ago when the first question is asked. */
T(older, ages, SELECT "a SEARCH OLDER 3600\r\n", "* SEARCH 1 2\r\na OK")
T(younger, ages, SELECT "a UID SEARCH YOUNGER 3600\r\n", "* SEARCH 2 3\r\na OK")
T(one_now, ages, SELECT "a SEARCH OLDER 3600 YOUNGER 3600\r\nb SEARCH OLDER 3600\r\n", "* SEARCH 2\r\na OK", "* SEARCH 1 2 3\r\nb OK")
T(age_limits, ages, SELECT "a SEARCH OLDER 4294967295\r\nb SEARCH YOUNGER 4294967295\r\nc SEARCH OLDER 1\r\nd SEARCH NOT YOUNGER 1\r\n",
  "* SEARCH\r\na OK", "* SEARCH 1 2 3\r\nb OK", "* SEARCH 1 2 3\r\nc OK", "* SEARCH 1 2 3\r\nd OK")
T(age_refused, ages, SELECT "a SEARCH OLDER 0\r\nb SEARCH YOUNGER\r\nc SEARCH OLDER -1\r\nd SEARCH YOUNGER 4294967296\r\ne SEARCH OLDER x\r\n",
  "a BAD", "b BAD", "c BAD", "d BAD", "e BAD")

/* RFC 8514: the day of arrival in this mailbox, whatever the internal date. */
T(savedate, ages, SELECT "a FETCH 1 (SAVEDATE)\r\nb UID FETCH 2 (UID SAVEDATE INTERNALDATE)\r\nc FETCH 1 SAVEDATE.X\r\n",
  "* 1 FETCH (SAVEDATE \"17-Jul-1996 10:44:25 +0000\")\r\na OK", "* 2 FETCH (UID 2 SAVEDATE \"17-Jul-1996 10:44:25 +0000\" INTERNALDATE \"17-Jul-1996 09:44:25 +0000\")\r\nb OK", "c BAD")
T(savedate_search, ages, SELECT "a SEARCH SAVEDON 17-Jul-1996\r\nb SEARCH SAVEDBEFORE 17-Jul-1996\r\nc SEARCH SAVEDSINCE 17-Jul-1996\r\nd SEARCH SAVEDSINCE 18-Jul-1996\r\ne SEARCH SAVEDBEFORE \"18-Jul-1996\"\r\nf SEARCH SAVEDATESUPPORTED\r\ng SEARCH NOT SAVEDATESUPPORTED\r\nh SEARCH SAVEDON\r\ni SEARCH SAVEDON 1\r\n",
  "* SEARCH 1 2 3\r\na", "* SEARCH\r\nb", "* SEARCH 1 2 3\r\nc", "* SEARCH\r\nd", "* SEARCH 1 2 3\r\ne", "* SEARCH 1 2 3\r\nf", "* SEARCH\r\ng", "h BAD", "i BAD")

/* RFC 6154 3, with the examples of 5.3. */
T(create_use, NULL, LOGIN "a CREATE MySpecial (USE (\\Drafts))\r\nb CREATE Everything (USE (\\All))\r\nc LIST \"\" MySpecial\r\nd CREATE Plain (USE ())\r\ne CREATE Bin (use (\\trash))\r\nf LIST (SPECIAL-USE) \"\" *\r\n",
  "a OK", "b NO [USEATTR]", "* LIST (\\HasNoChildren \\Drafts) \"/\" \"MySpecial\"\r\nc OK", "d OK", "e OK",
  "* LIST (\\HasNoChildren \\Trash) \"/\" \"Bin\"\r\n* LIST (\\HasNoChildren \\Drafts) \"/\" \"MySpecial\"\r\n* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"\r\nf OK")
T(create_use_taken, NULL, LOGIN "a CREATE Other (USE (\\Sent))\r\nb LIST \"\" Other\r\nc CREATE Sent (USE (\\Junk))\r\n", "a NO [USEATTR]", "Trash\r\nb OK", "c NO [ALREADYEXISTS]")
T(create_use_refused, NULL, LOGIN "a CREATE x (USE (\\Junk \\Trash))\r\nb CREATE x (USE (\\Nix))\r\nc CREATE x (USE (\\Flagged))\r\nd CREATE x (\r\ne CREATE x ()\r\nf CREATE x (NIX 1)\r\ng CREATE x (USE \\Junk)\r\nh CREATE x (USE (\\Junk)\r\ni CREATE x (USE (\\Junk)) y\r\nj CREATE x (USE (Junk))\r\nk LIST \"\" x\r\n",
  "a NO [USEATTR]", "b NO [USEATTR]", "c NO [USEATTR]", "d BAD", "e BAD", "f BAD", "g BAD", "h BAD", "i BAD", "j NO [USEATTR]", "k OK That")

int main(void)
{
#define C(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		C(older), C(younger), C(one_now), C(age_limits), C(age_refused),
		C(savedate), C(savedate_search), C(create_use), C(create_use_taken), C(create_use_refused),
	};
	return cmocka_run_group_tests_name("imap_extension", tests, NULL, NULL);
}
