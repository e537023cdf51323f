/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/acl: ACL (RFC 4314), LIST-MYRIGHTS (RFC 8440), NAMESPACE (RFC 2342). */
#include <stdio.h>
#include <stdlib.h>

#include "imap/state.h"
#include "talk.h"

#define FULL "lrswipkxteacd"

static void mail(struct mem_host *m)
{
	mem_deliver(m, mem_box(m, "INBOX"), SPAN("H: 1\r\n\r\nx"));
	mem_deliver(m, mem_box(m, "INBOX"), SPAN("H: 2\r\n\r\ny"))->flags = IMAP_DELETED;
}

static void levels(struct mem_host *m)
{
	m->namespaces = (struct imap_namespaces){.others = SPAN("Other Users"),
						 .shared = SPAN("Shar\xc3\xa9")};
	m->quota = (struct imap_quota){.used = 1024, .limit = 4096};
}

#define HAS(name, which)                                                       \
	static void name(struct mem_host *m)                                   \
	{                                                                      \
		mail(m);                                                       \
		m->rights = (which);                                           \
	}
HAS(has_lrs, ACL_L | ACL_R | ACL_S)
HAS(has_lrwi, ACL_L | ACL_R | ACL_W | ACL_I)
HAS(has_lrt, ACL_L | ACL_R | ACL_T)
HAS(has_l, ACL_L)
HAS(has_none, 0)

T(announced, mail, "a CAPABILITY\r\n" LOGIN "b CAPABILITY\r\n",
  "a OK", "* CAPABILITY", " ACL RIGHTS=texk LIST-MYRIGHTS", "b OK")
T(namespace_alone, NULL, LOGIN "a NAMESPACE\r\n", "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\na OK")
T(namespace_levels, levels, LOGIN "a NAMESPACE\r\n",
  "* NAMESPACE ((\"\" \"/\")) ((\"Other Users/\" \"/\")) ((\"Shar&AOk-/\" \"/\"))\r\na OK")
T(quota_of_others, levels, LOGIN "a GETQUOTAROOT \"Other Users/bob/INBOX\"\r\nb GETQUOTAROOT \"Other Users x\"\r\n",
  "* QUOTAROOT \"Other Users/bob/INBOX\"\r\na OK", "* QUOTAROOT \"Other Users x\" \"\"\r\n", "b OK")

/* RFC 4314 3.1, 3.2, 3.3: with our names. */
T(setacl_, NULL, LOGIN "a GETACL INBOX\r\nb SETACL INBOX Chris lrswi\r\nc SETACL INBOX Chris +cda\r\nd GETACL INBOX\r\n"
  "e SETACL INBOX Chris -wd\r\nf SETACL INBOX David \"\"\r\ng GETACL inbox\r\n",
  "* ACL \"INBOX\" \"fred\" " FULL "\r\na OK", "b OK", "c OK",
  "* ACL \"INBOX\" \"fred\" " FULL " \"Chris\" lrswikxteacd\r\nd OK", "e OK", "f OK",
  "* ACL \"INBOX\" \"fred\" " FULL " \"Chris\" lrsikxac\r\ng OK")
T(setacl_refused, NULL, LOGIN "a SETACL INBOX John lrQswicda\r\nb SETACL INBOX John lrqswicda\r\nc SETACL INBOX John 0\r\n"
  "d SETACL INBOX \"\" lr\r\ne SETACL INBOX - lr\r\nf SETACL INBOX John\r\ng SETACL INBOX\r\nh SETACL INBOX John lr x\r\n"
  "i SETACL INBOX John ++l\r\nj SETACL none John lr\r\nk SETACL INBOX nobody lr\r\nl SETACL INBOX fred lr\r\nm SETACL INBOX {2+}\r\n\xff\xfe lr\r\n",
  "a BAD", "b BAD", "c BAD", "d BAD", "e BAD", "f BAD", "g BAD", "h BAD", "i BAD", "j NO [NONEXISTENT]", "k NO [CANNOT]", "l NO [CANNOT]", "m BAD")
T(negative, NULL, LOGIN "a SETACL INBOX anyone lrs\r\nb SETACL INBOX -Fred2 wetd\r\nc GETACL INBOX\r\nd DELETEACL INBOX Fred2\r\n"
  "e GETACL INBOX\r\nf DELETEACL INBOX -Fred2\r\ng GETACL INBOX\r\n",
  "a OK", "b OK", " \"anyone\" lrs \"-Fred2\" wted\r\nc OK", "d OK", " \"-Fred2\" wted\r\ne OK", "f OK", " \"anyone\" lrs\r\ng OK")
T(deleteacl_, NULL, LOGIN "a SETACL INBOX bob lr\r\nb DELETEACL INBOX bob\r\nc GETACL INBOX\r\nd DELETEACL INBOX\r\ne DELETEACL INBOX bob x\r\nf DELETEACL INBOX nobody\r\n",
  "a OK", "b OK", "* ACL \"INBOX\" \"fred\" " FULL "\r\nc OK", "d BAD", "e BAD", "f NO [CANNOT]")
T(listrights_, NULL, LOGIN "a LISTRIGHTS INBOX smith\r\nb LISTRIGHTS INBOX fred\r\nc LISTRIGHTS INBOX -smith\r\nd LISTRIGHTS INBOX -fred\r\n"
  "e LISTRIGHTS INBOX nobody\r\nf LISTRIGHTS INBOX\r\n",
  "* LISTRIGHTS \"INBOX\" \"smith\" \"\" l r s w i p k x t e a c d\r\na OK",
  "* LISTRIGHTS \"INBOX\" \"fred\" " FULL "\r\nb OK", "* LISTRIGHTS \"INBOX\" \"-smith\" \"\" l r", "c OK",
  "d NO [CANNOT]", "e NO [CANNOT]", "f BAD")
T(myrights_, NULL, LOGIN "a MYRIGHTS INBOX\r\nb MYRIGHTS none\r\nc MYRIGHTS\r\nd MYRIGHTS INBOX x\r\n",
  "* MYRIGHTS \"INBOX\" " FULL "\r\na OK", "b NO [NONEXISTENT]", "c BAD", "d BAD")
T(list_myrights, NULL, LOGIN "a LIST \"\" % RETURN (MYRIGHTS)\r\nb LIST \"\" INBOX RETURN (MYRIGHTS STATUS (MESSAGES))\r\n",
  "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n* MYRIGHTS \"INBOX\" " FULL "\r\n* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"\r\n* MYRIGHTS \"Sent\" " FULL "\r\na OK",
  "\"INBOX\"\r\n* MYRIGHTS \"INBOX\" " FULL "\r\n* STATUS \"INBOX\" (MESSAGES 0)\r\nb OK")

/* RFC 4314 4, 5.1.1, 5.2 */
T(hidden, has_none, LOGIN "a SELECT INBOX\r\nb GETACL INBOX\r\nc MYRIGHTS INBOX\r\nd SETACL INBOX bob lr\r\ne SELECT none\r\n",
  "a NO [NONEXISTENT] No such mailbox", "b NO [NONEXISTENT] No such mailbox", "c NO [NONEXISTENT]", "d NO [NONEXISTENT]", "e NO [NONEXISTENT] No such mailbox")
T(seen_only, has_l, LOGIN "a SELECT INBOX\r\nb GETACL INBOX\r\nc LISTRIGHTS INBOX bob\r\nd MYRIGHTS INBOX\r\n",
  "a NO [NOPERM]", "b NO [NOPERM]", "c NO [NOPERM]", "* MYRIGHTS \"INBOX\" l\r\nd OK")
T(may_say_seen, has_lrs, LOGIN "a SELECT INBOX\r\nb STORE 1 +FLAGS (\\Seen \\Flagged)\r\nc STORE 1 +FLAGS (\\Flagged)\r\nd STORE 1 +FLAGS (\\Seen $x)\r\n"
  "e STORE 1 +FLAGS ($x)\r\nf STORE 1 FLAGS (\\Deleted)\r\ng EXPUNGE\r\nh CLOSE\r\n",
  "[PERMANENTFLAGS (\\Seen )]", "a OK [READ-WRITE]", "* 1 FETCH (FLAGS (\\Seen", "b OK", "c NO [NOPERM]", "d OK", "e NO [NOPERM]", "* 1 FETCH (FLAGS (", "f OK", "g NO [NOPERM]", "h OK")
T(may_flag, has_lrwi, LOGIN "a SELECT INBOX\r\nb STORE 1 +FLAGS (\\Seen \\Flagged)\r\nc STORE 1 +FLAGS \\Seen\r\nd FETCH 1 BODY[]\r\ne FETCH 1 FLAGS\r\n",
  "[PERMANENTFLAGS (\\Answered \\Flagged \\Draft \\*)]", "* 1 FETCH (FLAGS (\\Flagged", "b OK", "c NO [NOPERM]", "* 1 FETCH (BODY[] {9}", "d OK", "* 1 FETCH (FLAGS (\\Flagged", "e OK")
T(may_delete, has_lrt, LOGIN "a SELECT INBOX\r\nb STORE 1 +FLAGS (\\Deleted)\r\nc EXPUNGE\r\nd CLOSE\r\ne STATUS INBOX (MESSAGES)\r\n",
  "[PERMANENTFLAGS (\\Deleted )]", "b OK", "c NO [NOPERM]", "d OK", "(MESSAGES 2)")

/* The longest identifier, and one more. */
static void identifier_limit(void **state UNUSED)
{
	struct talk t;
	char text[1024];
	for (size_t more = 0; more <= 1; more++) {
		char who[IMAP_IDENTIFIER_MAX + 2];
		memset(who, 'u', sizeof who);
		who[IMAP_IDENTIFIER_MAX + more] = '\0';
		snprintf(text, sizeof text, LOGIN "a LISTRIGHTS INBOX %s\r\n", who);
		talk_run(&t, NULL, span_cstr(text));
		EXPECT(&t, more ? "a BAD" : "a NO [CANNOT]");
		talk_free(&t);
	}
}

static void hidden_before_login(void **state UNUSED)
{
	struct talk t;
	TALK(&t, NULL, "a CAPABILITY\r\nb GETACL INBOX\r\nc SETACL INBOX a l\r\nd MYRIGHTS INBOX\r\n");
	talk_lacks(&t, "ACL RIGHTS");
	EXPECT(&t, "b BAD", "c BAD", "d BAD");
	talk_free(&t);
}

int main(void)
{
#define C(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		C(announced), C(namespace_alone), C(namespace_levels), C(quota_of_others),
		C(setacl_), C(setacl_refused), C(negative), C(deleteacl_), C(listrights_),
		C(myrights_), C(list_myrights), C(hidden), C(seen_only), C(may_say_seen),
		C(may_flag), C(may_delete), C(identifier_limit),
		C(hidden_before_login),
	};
	return cmocka_run_group_tests_name("imap_acl", tests, NULL, NULL);
}
