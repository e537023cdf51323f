/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/quota: QUOTA (RFC 9208) and APPENDLIMIT (RFC 7889). */
#include <stdlib.h>

#include "talk.h"

static void limited(struct mem_host *m)
{
	mem_deliver(m, mem_box(m, "INBOX"), SPAN("H: 1\r\n\r\nx"));
	mem_deliver(m, mem_box(m, "INBOX"), SPAN("H: 1\r\n\r\nxyz"));
	m->quota = (struct imap_quota){.used = 1025, .limit = 4096};
}

/* The last byte below a unit, a unit, the first above it. */
static void below(struct mem_host *m) { m->quota = (struct imap_quota){.used = 1023, .limit = 1023}; }
static void even(struct mem_host *m) { m->quota = (struct imap_quota){.used = 1024, .limit = 1024}; }
static void above(struct mem_host *m) { m->quota = (struct imap_quota){.used = 0, .limit = 1025}; }
static void huge(struct mem_host *m) { m->quota = (struct imap_quota){.used = UINT64_MAX, .limit = UINT64_MAX}; }

static void silent(struct mem_host *m)
{
	limited(m);
	m->quota_answer = IMAP_UNAVAILABLE;
}

T(announced, limited, "a CAPABILITY\r\n" LOGIN "b CAPABILITY\r\n", "a OK", "* CAPABILITY", " QUOTA QUOTA=RES-STORAGE", "b OK")
T(root, limited, LOGIN "a GETQUOTAROOT inbox\r\nb GETQUOTAROOT \"not there\"\r\n",
  "* QUOTAROOT \"INBOX\" \"\"\r\n* QUOTA \"\" (STORAGE 2 4)\r\na OK", "* QUOTAROOT \"not there\" \"\"\r\n* QUOTA \"\" (STORAGE 2 4)\r\nb OK")
T(of_a_root, limited, SELECT "a GETQUOTA \"\"\r\nb GETQUOTA other\r\n", "* QUOTA \"\" (STORAGE 2 4)\r\na OK", "b NO [NONEXISTENT]")
T(rounded_below, below, LOGIN "a GETQUOTA \"\"\r\n", "(STORAGE 1 1)\r\na OK")
T(rounded_even, even, LOGIN "a GETQUOTA \"\"\r\n", "(STORAGE 1 1)\r\na OK")
T(rounded_above, above, LOGIN "a GETQUOTA \"\"\r\n", "(STORAGE 0 2)\r\na OK")
T(rounded_huge, huge, LOGIN "a GETQUOTA \"\"\r\n", "(STORAGE 18014398509481984 18014398509481984)\r\na OK")
T(without_a_limit, NULL, LOGIN "a GETQUOTAROOT INBOX\r\nb GETQUOTA \"\"\r\n", "* QUOTAROOT \"INBOX\"\r\na OK", "b NO [NONEXISTENT]")
T(not_to_be_had, silent, LOGIN "a GETQUOTAROOT INBOX\r\nb GETQUOTA \"\"\r\n", "a NO [UNAVAILABLE]", "b NO [UNAVAILABLE]")
T(never_set_from_here, limited, LOGIN "a SETQUOTA \"\" (STORAGE 512)\r\nb SETQUOTA \"\" ()\r\nc SETQUOTA \"\" (STORAGE 1 MESSAGE 9223372036854775807)\r\nd GETQUOTA \"\"\r\n",
  "a NO [NOPERM]", "b NO [NOPERM]", "c NO [NOPERM]", "* QUOTA \"\" (STORAGE 2 4)\r\nd OK")
T(refused, limited, "z GETQUOTA \"\"\r\n" LOGIN "a GETQUOTA\r\nb GETQUOTA \"\" x\r\nc GETQUOTAROOT\r\nd GETQUOTAROOT INBOX x\r\n"
  "e SETQUOTA \"\"\r\nf SETQUOTA \"\" (STORAGE)\r\ng SETQUOTA \"\" (STORAGE 9223372036854775808)\r\nh SETQUOTA \"\" (STORAGE 1) x\r\n",
  "z BAD", "a BAD", "b BAD", "c BAD", "d BAD", "e BAD", "f BAD", "g BAD", "h BAD")
T(deleted_storage, limited, SELECT "a STATUS INBOX (DELETED-STORAGE)\r\nb STORE 2 +FLAGS.SILENT (\\Deleted)\r\nc STATUS INBOX (DELETED-STORAGE MESSAGES)\r\n",
  "* STATUS \"INBOX\" (DELETED-STORAGE 0)\r\na OK", "b OK", "* STATUS \"INBOX\" (MESSAGES 2 DELETED-STORAGE 11)\r\n", "c OK")

static void small(struct mem_host *m) { m->host.facts.append_max = 4; }

T(append_limit, small, LOGIN "a CAPABILITY\r\nb STATUS INBOX (APPENDLIMIT UIDNEXT)\r\nc APPEND INBOX {3+}\r\nabc\r\n"
  "d APPEND INBOX {4+}\r\nabcd\r\ne APPEND INBOX {5+}\r\nabcde\r\nf STATUS INBOX (MESSAGES APPENDLIMIT)\r\ng STATUS none (APPENDLIMIT)\r\n",
  " APPENDLIMIT=4", "a OK", "* STATUS \"INBOX\" (UIDNEXT 1 APPENDLIMIT 4)\r\nb OK", "c OK", "d OK", "e NO [TOOBIG]",
  "* STATUS \"INBOX\" (MESSAGES 2 APPENDLIMIT 4)\r\nf OK", "g NO [NONEXISTENT]")
T(append_limit_listed, small, LOGIN "a LIST \"\" INBOX RETURN (STATUS (APPENDLIMIT))\r\n", "* STATUS \"INBOX\" (APPENDLIMIT 4)\r\na OK")

static void hidden_before_login(void **state UNUSED)
{
	struct talk t;
	TALK(&t, limited, "a CAPABILITY\r\n" LOGIN "b SETQUOTA \"\" ()\r\nc CAPABILITY\r\n");
	talk_lacks(&t, "QUOTASET");
	talk_free(&t);
	TALK(&t, limited, "a CAPABILITY\r\n");
	talk_lacks(&t, "QUOTA");
	talk_lacks(&t, "APPENDLIMIT");
	talk_free(&t);
}

int main(void)
{
#define C(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		C(announced), C(root), C(of_a_root), C(rounded_below), C(rounded_even),
		C(rounded_above), C(rounded_huge), C(without_a_limit), C(not_to_be_had),
		C(never_set_from_here), C(refused), C(deleted_storage), C(append_limit), C(append_limit_listed),
		C(hidden_before_login),
	};
	return cmocka_run_group_tests_name("imap_quota", tests, NULL, NULL);
}
