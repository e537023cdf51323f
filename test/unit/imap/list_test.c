/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/list: LIST with options (RFC 5258, 5819, 6154). */
#include "talk.h"

#include "imap/list.h"

#define FRUIT                                                                  \
	LOGIN "0 CREATE Fruit\r\n0 CREATE Foo\r\n0 UNSUBSCRIBE Fruit\r\n0 UNSUBSCRIBE Foo\r\n" \
	      "0 CREATE Fruit/Apple\r\n0 UNSUBSCRIBE Fruit/Apple\r\n0 CREATE Fruit/Peach\r\n0 CREATE Foo/Bar\r\n" \
	      "0 CREATE Foo-x\r\n0 UNSUBSCRIBE INBOX\r\n0 SUBSCRIBE Fruit/Peach\r\n"  \
	      "0 SUBSCRIBE Foo/Bar\r\n0 SUBSCRIBE Foo-x\r\n"

T(return_subscribed, NULL, FRUIT "a LIST \"\" \"F*\" RETURN (SUBSCRIBED CHILDREN)\r\n",
  "* LIST (\\HasChildren) \"/\" \"Foo\"\r\n* LIST (\\Subscribed \\HasNoChildren) \"/\" \"Foo-x\"\r\n* LIST (\\Subscribed \\HasNoChildren) \"/\" \"Foo/Bar\"\r\n* LIST (\\HasChildren) \"/\" \"Fruit\"\r\n* LIST (\\HasNoChildren) \"/\" \"Fruit/Apple\"\r\n* LIST (\\Subscribed \\HasNoChildren) \"/\" \"Fruit/Peach\"\r\na OK")
T(select_subscribed, NULL, FRUIT "a LIST (SUBSCRIBED) \"\" \"F*\"\r\nb LIST (SUBSCRIBED) \"\" \"F%\"\r\nc LIST (SUBSCRIBED REMOTE) \"Fruit/\" %\r\n",
  "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"Foo-x\"\r\n* LIST (\\Subscribed \\HasNoChildren) \"/\" \"Foo/Bar\"\r\n* LIST (\\Subscribed \\HasNoChildren) \"/\" \"Fruit/Peach\"\r\na OK",
  "\"Foo-x\"\r\nb OK", "\"Fruit/Peach\"\r\nc OK")
T(select_special_use, NULL, FRUIT "a LIST (SPECIAL-USE) \"\" *\r\nb LIST \"\" Fruit RETURN (SPECIAL-USE)\r\n", "\\Sent) \"/\" \"Sent\"\r\na OK", "\"Fruit\"\r\nb OK")
T(recursive, NULL, FRUIT "a LIST (SUBSCRIBED RECURSIVEMATCH) \"\" %\r\nb LIST (RECURSIVEMATCH SUBSCRIBED) \"\" *\r\nc LIST (SUBSCRIBED RECURSIVEMATCH) \"\" Fruit/%\r\n",
  "* LIST (\\HasChildren) \"/\" \"Foo\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n* LIST (\\Subscribed \\HasNoChildren) \"/\" \"Foo-x\"\r\n* LIST (\\HasChildren) \"/\" \"Fruit\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n",
  "a OK", "\"Foo\" (\"CHILDINFO\" (\"SUBSCRIBED\"))", "\"Foo/Bar\"\r\n", "b OK", "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"Fruit/Peach\"\r\nc OK")
/* The levels above a subscribed name need not exist. */
T(recursive_of_what_is_missing, NULL, LOGIN "0 CREATE a/b/c\r\n0 CREATE a/b/d\r\n0 SUBSCRIBE a/b/c\r\n0 SUBSCRIBE a/b/d\r\na LIST (SUBSCRIBED RECURSIVEMATCH) \"\" a%\r\nb LIST (SUBSCRIBED RECURSIVEMATCH) \"\" a*\r\n",
  "0 OK Subscribed\r\n* LIST (\\NonExistent \\HasChildren) \"/\" \"a\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\na OK",
  "\"a\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n* LIST (\\NonExistent \\HasChildren) \"/\" \"a/b\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n* LIST (\\Subscribed \\HasNoChildren) \"/\" \"a/b/c\"\r\n* LIST (\\Subscribed \\HasNoChildren) \"/\" \"a/b/d\"\r\nb OK")
T(several_patterns, NULL, FRUIT "a LIST \"\" (INBOX Fruit/% \"Nix\")\r\nb LIST Fruit/ (App* Pea*)\r\n",
  "\"Fruit/Apple\"\r\n", "\"Fruit/Peach\"\r\n", "\"INBOX\"\r\na OK", "\"Fruit/Apple\"\r\n", "\"Fruit/Peach\"\r\nb OK")
T(return_status, NULL, FRUIT "a LIST \"\" Fruit/% RETURN (STATUS (MESSAGES UIDNEXT) SUBSCRIBED)\r\nb LIST (SUBSCRIBED) \"\" Foo* RETURN (STATUS (UNSEEN))\r\n",
  "\"Fruit/Apple\"\r\n* STATUS \"Fruit/Apple\" (MESSAGES 0 UIDNEXT 1)\r\n", "\"Fruit/Peach\"\r\n* STATUS \"Fruit/Peach\" (MESSAGES 0 UIDNEXT 1)\r\na OK", "* STATUS \"Foo/Bar\" (UNSEEN 0)\r\nb OK")
/* RFC 5819 2: one that is listed for its children has no STATUS. */
T(status_of_a_match_alone, NULL, FRUIT "a LIST (SUBSCRIBED RECURSIVEMATCH) \"\" % RETURN (STATUS (MESSAGES))\r\n",
  "\"Foo\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n* LIST (\\Subscribed \\HasNoChildren) \"/\" \"Foo-x\"\r\n* STATUS \"Foo-x\" (MESSAGES 0)\r\n* LIST (\\HasChildren) \"/\" \"Fruit\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\na OK")
T(nothing_to_match, NULL, LOGIN "a LIST () \"\" INBOX RETURN ()\r\nb LIST (SUBSCRIBED) \"\" \"\"\r\nc LIST \"\" (\"\")\r\n", "\"INBOX\"\r\na OK", "b OK", "c OK")
T(refused, NULL, LOGIN "a LIST (RECURSIVEMATCH) \"\" *\r\nb LIST (NIX) \"\" *\r\nc LIST (SUBSCRIBED)\"\" *\r\nd LIST \"\" ()\r\ne LIST \"\" * RETURN\r\nf LIST \"\" * RETURN (NIX)\r\ng LIST \"\" * RETURN (STATUS)\r\nh LIST \"\" * RETURN (STATUS (NIX))\r\ni LIST \"\" (a b\r\nj LIST \"\" * RETURN (SUBSCRIBED) x\r\n",
  "a BAD", "b BAD", "c BAD", "d BAD", "e BAD", "f BAD", "g BAD", "h BAD", "i BAD", "j BAD")

/* IMAP_LIST_PATTERNS_MAX, and one more */
T(as_many_patterns, NULL, LOGIN "a LIST \"\" (a b c d e f g h i j k l m n o)\r\nb LIST \"\" (a b c d e f g h i j k l m n o INBOX)\r\nc LIST \"\" (a b c d e f g h i j k l m n o p INBOX)\r\n",
  "a OK", "\"INBOX\"\r\nb OK", "c BAD")

/* A host with so many subscribed names, "n00000" and on. */
#define MANY(limit)                                                            \
	static enum imap_answer list_##limit(struct imap_host *h UNUSED,       \
					     struct arena *a, struct span after, \
					     struct imap_entries *out)         \
	{                                                                      \
		return many(limit, a, after, out);                             \
	}                                                                      \
	static void has_##limit(struct mem_host *m) { m->host.list = list_##limit; }

static enum imap_answer many(size_t most, struct arena *a, struct span after,
			     struct imap_entries *out)
{
	uint64_t at = 0;
	if (after.len > 0 && span_u64(span_skip(after, 1), UINT32_MAX, &at))
		at++;
	out->entries = ARENA_ARRAY(a, 512, struct imap_entry);
	assert_non_null(out->entries);
	for (; at < most && out->count < 512; at++)
		out->entries[out->count++] = (struct imap_entry){
			.name = arena_printf(a, "n%05u", (unsigned)at),
			.exists = true, .selectable = true, .subscribed = true};
	out->more = at < most;
	return IMAP_YES;
}

MANY(19999)
MANY(20000)
MANY(20001)

#define LAST(n) LOGIN "a LIST (SUBSCRIBED RECURSIVEMATCH) \"\" n" n "\r\n"
T(names_below_the_limit, has_19999, LAST("19998"), "\"n19998\"\r\na OK")
T(names_at_the_limit, has_20000, LAST("19999"), "\"n19999\"\r\na OK")
T(names_over_the_limit, has_20001, LAST("20000"), "a NO [LIMIT]")

int main(void)
{
#define C(name) cmocka_unit_test(name)
	_Static_assert(IMAP_LIST_PATTERNS_MAX == 16, "as_many_patterns counts them");
	_Static_assert(IMAP_LIST_NAMES_MAX == 20000, "MANY names it");
	const struct CMUnitTest tests[] = {
		C(return_subscribed), C(select_subscribed), C(select_special_use), C(recursive),
		C(recursive_of_what_is_missing), C(several_patterns), C(return_status),
		C(status_of_a_match_alone),
		C(nothing_to_match), C(refused), C(as_many_patterns),
		C(names_below_the_limit), C(names_at_the_limit), C(names_over_the_limit),
	};
	return cmocka_run_group_tests_name("imap_list", tests, NULL, NULL);
}
