/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store by its hops: a signed URL opens one message for those whom it names,
 * nothing else, and only as long as it is vouched for.  Run once with each engine.
 */
#include "rig.h"

#include <stdio.h>

#define ALICE "imap://alice%40example.test@mail.example.test/Archive/;UID=2"

static struct edge_store_url_sign_reply sign(struct rig *r, uint64_t s, const char *url)
{
	struct edge_store_url_sign_reply rep;
	ASK(r, r->edge[RIG_ACCESS], edge_store_url_sign, &rep, .session = s, .url = span_cstr(url));
	return rep;
}

static void signed_url(struct rig *r, uint64_t s, const char *url, char out[1024])
{
	struct edge_store_url_sign_reply rep = sign(r, s, url);
	assert_int_equal(rep.answer, EDGE_STORE_ANSWER_YES);
	assert_true(rep.token.len == 66 && span_starts(rep.token, SPAN("01")));
	snprintf(out, 1024, "%s:INTERNAL:%.*s", url, SPAN_FMT(rep.token));
}

static struct edge_store_url_open_reply open_url(struct rig *r, uint64_t s, const char *url)
{
	struct edge_store_url_open_reply rep;
	ASK(r, r->edge[RIG_ACCESS], edge_store_url_open, &rep, .session = s, .url = span_cstr(url));
	return rep;
}

static enum edge_store_answer can(struct rig *r, uint64_t s, const char *url)
{
	struct edge_store_url_open_reply rep = open_url(r, s, url);
	struct edge_store_deselect bye = {.session = s, .mailbox = rep.mailbox};
	if (rep.answer == EDGE_STORE_ANSWER_YES)
		assert_int_equal(edge_store_deselect(r->edge[RIG_ACCESS], &bye), IPC_OK);
	return rep.answer;
}

static enum edge_store_answer reset(struct rig *r, uint64_t s, const char *mailbox)
{
	struct edge_store_url_reset_reply rep;
	ASK(r, r->edge[RIG_ACCESS], edge_store_url_reset, &rep, .session = s, .mailbox = span_cstr(mailbox));
	return rep.answer;
}

#define YES EDGE_STORE_ANSWER_YES
#define NO  EDGE_STORE_ANSWER_NO

/* Through the handle that one message can be read, and nothing else. */
static void one_message(void **state)
{
	struct rig *r = *state;
	char url[1024];
	uint64_t alice = rig_reader(r, "alice@example.test"), bob = rig_reader(r, "bob@example.test");
	rig_fill(r, alice);
	signed_url(r, alice, ALICE ";URLAUTH=authuser", url);
	struct edge_store_url_open_reply o = open_url(r, bob, url);
	assert_int_equal(o.answer, YES);
	uint32_t uids[] = {2, 1};
	struct edge_store_rows_reply rows;
	for (size_t n = 0; n <= 2; n++) {
		ASK(r, r->edge[RIG_ACCESS], edge_store_rows, &rows, .session = bob, .mailbox = o.mailbox, .uids = uids, .uids_count = n, .summaries = true);
		assert_int_equal(rows.answer, n == 1 ? YES : NO);
	}
	for (uint32_t uid = 1; uid <= 3; uid++) {
		struct edge_store_body_reply body;
		ASK(r, r->edge[RIG_ACCESS], edge_store_body, &body, .session = bob, .mailbox = o.mailbox, .uid = uid, .length = 60000, .ahead = uids, .ahead_count = 2);
		assert_int_equal(body.answer, uid == 2 ? YES : NO);
		assert_int_equal(body.whole_count, 0);
		if (uid == 2)
			assert_true(span_find_span(body.bytes, SPAN("pear")) != SIZE_MAX);
	}
	struct edge_store_uids_reply all;
	ASK(r, r->edge[RIG_ACCESS], edge_store_uids, &all, .session = bob, .mailbox = o.mailbox, .from = 1);
	assert_int_equal(all.answer, NO);
	struct edge_store_pages_reply pages;
	ASK(r, r->edge[RIG_ACCESS], edge_store_pages, &pages, .session = bob, .mailbox = o.mailbox, .from = 1);
	assert_int_equal(pages.answer, NO);
	struct edge_store_op op = {0};
	assert_int_equal(rig_search(r, bob, o.mailbox, &op, 1).answer, NO);
	struct edge_store_range range = {1, 9};
	struct edge_store_copy_reply copy;
	ASK(r, r->edge[RIG_ACCESS], edge_store_copy, &copy, .session = bob, .mailbox = o.mailbox, .uids = &range, .uids_count = 1, .to = SPAN("INBOX"));
	assert_int_equal(copy.answer, NO);
	struct edge_store_expunge_reply gone;
	ASK(r, r->edge[RIG_ACCESS], edge_store_expunge, &gone, .session = bob, .mailbox = o.mailbox, .all = true, .force = true);
	assert_int_equal(gone.answer, NO);
	/* It means nothing in another session, nor after it was let go. */
	ASK(r, r->edge[RIG_ACCESS], edge_store_rows, &rows, .session = alice, .mailbox = o.mailbox + 1000, .uids = uids, .uids_count = 1);
	assert_int_equal(rows.answer, NO);
	struct edge_store_deselect bye = {.session = bob, .mailbox = o.mailbox};
	assert_int_equal(edge_store_deselect(r->edge[RIG_ACCESS], &bye), IPC_OK);
	ASK(r, r->edge[RIG_ACCESS], edge_store_rows, &rows, .session = bob, .mailbox = o.mailbox, .uids = uids, .uids_count = 1);
	assert_int_equal(rows.answer, NO);
}

/* Every byte of it counts. */
static void forged(void **state)
{
	struct rig *r = *state;
	char url[1024];
	uint64_t alice = rig_reader(r, "alice@example.test"), bob = rig_reader(r, "bob@example.test");
	rig_fill(r, alice);
	signed_url(r, alice, ALICE ";URLAUTH=authuser", url);
	assert_int_equal(can(r, bob, url), YES);
	for (size_t i = 0; url[i] != '\0'; i++) {
		char was = url[i];
		/* The letters of the scheme, the mechanism and the token's digits may change their case alone. */
		url[i] = was == '2' ? '3' : '2';
		assert_int_equal(can(r, bob, url), NO);
		url[i] = was;
	}
	url[strlen(url) - 1] = '\0';
	assert_int_equal(can(r, bob, url), NO);
	assert_int_equal(can(r, bob, ALICE ";URLAUTH=authuser"), NO);
	assert_int_equal(can(r, bob, ALICE), NO);
	assert_int_equal(can(r, bob, "/Archive/;UID=2"), NO);
	assert_int_equal(can(r, bob, ""), NO);
	/* Not his: neither to sign nor as a stranger to read. */
	assert_int_equal(sign(r, bob, ALICE ";URLAUTH=authuser").answer, NO);
	assert_int_equal(sign(r, alice, ALICE).answer, NO);
	assert_int_equal(sign(r, alice, url).answer, NO);
	assert_int_equal(sign(r, alice, "imap://alice%40example.test@h/None/;UID=1;URLAUTH=authuser").answer, NO);
	assert_int_equal(sign(r, alice, "imap://nobody@h/INBOX/;UID=1;URLAUTH=authuser").answer, NO);
	uint64_t stranger = rig_session(r, RIG_ACCESS, EDGE_STORE_SERVICE_IMAP, NULL);
	signed_url(r, alice, ALICE ";URLAUTH=anonymous", url);
	assert_int_equal(can(r, stranger, url), NO);
	assert_int_equal(sign(r, stranger, ALICE ";URLAUTH=anonymous").answer, NO);
	assert_int_equal(reset(r, stranger, ""), NO);
	assert_int_equal(can(r, bob, url), YES);
}

static void who_may(void **state)
{
	struct rig *r = *state;
	static const struct {
		const char *end;
		enum edge_store_answer alice, bob;
	} cases[] = {
		{";URLAUTH=authuser", YES, YES}, {";URLAUTH=anonymous", YES, YES},
		{";URLAUTH=user+bob%40example.test", NO, YES}, {";URLAUTH=user+nobody", NO, NO},
		{";URLAUTH=submit+alice%40example.test", NO, NO},
		{";EXPIRE=2001-01-01T00:00:00Z;URLAUTH=authuser", NO, NO},
		{";EXPIRE=2999-01-01T00:00:00Z;URLAUTH=authuser", YES, YES},
		{"/;SECTION=1;URLAUTH=authuser", YES, YES},
	};
	uint64_t alice = rig_reader(r, "alice@example.test"), bob = rig_reader(r, "bob@example.test");
	rig_fill(r, alice);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char url[1024], text[1024];
		snprintf(text, sizeof text, "%s%s", ALICE, cases[i].end);
		signed_url(r, alice, text, url);
		assert_int_equal(can(r, alice, url), cases[i].alice);
		assert_int_equal(can(r, bob, url), cases[i].bob);
	}
}

static void as_long_as(void **state)
{
	struct rig *r = *state;
	char a[1024], i[1024], v[1024], text[1024];
	uint64_t alice = rig_reader(r, "alice@example.test"), bob = rig_reader(r, "bob@example.test");
	rig_fill(r, alice);
	signed_url(r, alice, ALICE ";URLAUTH=authuser", a);
	signed_url(r, alice, "imap://alice%40example.test@h/inbox/;UID=1;URLAUTH=authuser", i);
	uint32_t validity = rig_select(r, alice, "Archive").uid_validity;
	for (int d = -1; d <= 1; d++) {
		snprintf(text, sizeof text, "imap://alice%%40example.test@h/Archive;UIDVALIDITY=%u/;UID=2;URLAUTH=authuser", validity + (uint32_t)d);
		signed_url(r, alice, text, v);
		assert_int_equal(can(r, bob, v), d == 0 ? YES : NO);
	}
	assert_int_equal(reset(r, alice, "Archive"), YES);
	assert_int_equal(can(r, bob, a), NO);
	assert_int_equal(can(r, bob, i), YES);
	assert_int_equal(reset(r, alice, "None"), EDGE_STORE_ANSWER_UNKNOWN);
	assert_int_equal(reset(r, bob, ""), YES);
	assert_int_equal(can(r, bob, i), YES);
	assert_int_equal(reset(r, alice, ""), YES);
	assert_int_equal(can(r, bob, i), NO);
	signed_url(r, alice, ALICE ";URLAUTH=authuser", a);
	assert_int_equal(can(r, bob, a), YES);
	if (rig_real()) {
		rig_restart(r);
		bob = rig_session(r, RIG_ACCESS, EDGE_STORE_SERVICE_IMAP, "bob@example.test");
		assert_int_equal(can(r, bob, a), YES);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_message), TEST(forged), TEST(who_may), TEST(as_long_as),
	};
	return cmocka_run_group_tests_name("role/store/url", tests, NULL, NULL);
}
