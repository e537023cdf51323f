/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may not, verifiers, administration, groups, and a restart.  Run once with
 * each engine.
 */
#include "rig.h"

#include <string.h>

/* ---- who may not -------------------------------------------------------------------- */

static void sessions_are_their_channels(void **state)
{
	struct rig *r = *state;
	uint64_t mx = rig_session(r, RIG_MX, EDGE_STORE_SERVICE_MX, NULL);
	uint64_t handle;
	struct edge_store_status_reply st;
	struct edge_store_session_open_reply open;
	struct auth_store_bind_reply bound;
	/* Not on another channel, nor a number that was never given. */
	assert_int_equal(rig_rcpt(r, RIG_MX2, mx, "alice@example.test", &handle),
			 EDGE_STORE_ANSWER_NO);
	assert_int_equal(rig_rcpt(r, RIG_MX, mx + 1, "alice@example.test",
				  &handle),
			 EDGE_STORE_ANSWER_NO);
	/* Unbound: nothing to read, nothing to submit. */
	uint64_t s = rig_session(r, RIG_ACCESS, EDGE_STORE_SERVICE_IMAP, NULL);
	assert_int_equal(rig_status(r, s, "INBOX").answer, EDGE_STORE_ANSWER_NO);
	assert_int_equal(rig_select(r, s, "INBOX").answer, EDGE_STORE_ANSWER_NO);
	struct edge_store_append_reply put;
	ASK(r, r->edge[RIG_ACCESS], edge_store_append, &put, .session = s,
	    .name = SPAN("INBOX"), .body = MAIL("x"));
	assert_int_equal(put.answer, EDGE_STORE_ANSWER_NO);
	assert_int_equal(rig_rcpt(r, RIG_ACCESS, s, "alice@example.test",
				  &handle),
			 EDGE_STORE_ANSWER_NO);
	/* Bound once, to what auth names, for the service that was opened. */
	uint64_t alice = rig_account(r, "alice@example.test");
	ASK(r, r->auth, auth_store_bind, &bound, .session = s, .account = alice,
	    .service = AUTH_STORE_SERVICE_POP3);
	assert_int_equal(bound.answer, AUTH_STORE_ANSWER_NO);
	ASK(r, r->auth, auth_store_bind, &bound, .session = s, .account = 999999,
	    .service = AUTH_STORE_SERVICE_IMAP);
	assert_int_equal(bound.answer, AUTH_STORE_ANSWER_NO);
	ASK(r, r->auth, auth_store_bind, &bound, .session = s, .account = alice,
	    .service = AUTH_STORE_SERVICE_IMAP);
	assert_int_equal(bound.answer, AUTH_STORE_ANSWER_YES);
	ASK(r, r->auth, auth_store_bind, &bound, .session = s, .account = alice,
	    .service = AUTH_STORE_SERVICE_IMAP);
	assert_int_equal(bound.answer, AUTH_STORE_ANSWER_NO);
	ASK(r, r->auth, auth_store_bind, &bound, .session = mx,
	    .account = alice, .service = AUTH_STORE_SERVICE_IMAP);
	assert_int_equal(bound.answer, AUTH_STORE_ANSWER_NO);
	/* The pools do not mix. */
	ASK(r, r->edge[RIG_MX], edge_store_session_open, &open,
	    .service = EDGE_STORE_SERVICE_IMAP);
	assert_int_equal(open.answer, EDGE_STORE_ANSWER_NO);
	ASK(r, r->edge[RIG_ACCESS], edge_store_session_open, &open,
	    .service = EDGE_STORE_SERVICE_MX);
	assert_int_equal(open.answer, EDGE_STORE_ANSWER_NO);
	ASK(r, r->edge[RIG_MX], edge_store_status, &st, .session = s,
	    .name = SPAN("INBOX"));
	assert_int_equal(st.answer, EDGE_STORE_ANSWER_NO);
	/* A handle of a mailbox belongs to its session. */
	uint64_t box = rig_select(r, s, "INBOX").mailbox;
	uint64_t other = rig_reader(r, "bob@example.test");
	struct edge_store_uids_reply uids;
	ASK(r, r->edge[RIG_ACCESS], edge_store_uids, &uids, .session = other,
	    .mailbox = box);
	assert_int_equal(uids.answer, EDGE_STORE_ANSWER_NO);
}

static void removed_account(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	uint64_t mx = rig_session(r, RIG_MX, EDGE_STORE_SERVICE_MX, NULL);
	uint64_t handle, id = rig_account(r, "alice@example.test");
	struct admin_store_account_remove_reply gone;
	struct admin_store_account_restore_reply back;
	assert_int_equal(rig_send(r, RIG_MX, mx, "", MAIL("stay"),
				  "alice@example.test", NULL)
				 .answer,
			 EDGE_STORE_ANSWER_YES);
	r->changed = 0;
	ASK(r, r->admin, admin_store_account_remove, &gone,
	    .name = SPAN("alice@example.test"));
	assert_int_equal(gone.answer, ADMIN_STORE_ANSWER_DONE);
	rig_run(r, 10);
	assert_true(r->changed > 0);
	assert_int_equal(r->changed_account, id);
	assert_int_equal(rig_status(r, s, "INBOX").answer, EDGE_STORE_ANSWER_NO);
	assert_int_equal(rig_rcpt(r, RIG_MX, mx, "alice@example.test", &handle),
			 EDGE_STORE_ANSWER_UNKNOWN);
	ASK(r, r->admin, admin_store_account_restore, &back,
	    .name = SPAN("alice@example.test"));
	assert_int_equal(back.answer, ADMIN_STORE_ANSWER_DONE);
	assert_int_equal(rig_account(r, "alice@example.test"), id);
	assert_int_equal(rig_status(r, s, "INBOX").messages, 1);
}

static void verifiers(void **state)
{
	struct rig *r = *state;
	char stored[32], server[32];
	struct auth_store_verifiers_reply v;
	struct auth_store_set_verifiers_reply set;
	struct auth_store_add_app_password_reply app;
	memset(stored, 1, sizeof stored);
	memset(server, 2, sizeof server);
	ASK(r, r->auth, auth_store_verifiers, &v,
	    .user = SPAN("nobody@example.test"));
	assert_int_equal(v.answer, AUTH_STORE_ANSWER_NO);
	ASK(r, r->auth, auth_store_set_verifiers, &set,
	    .name = SPAN("bob@example.test"), .argon2 = SPAN("$argon2id$x"),
	    .scram_iterations = 4096, .scram_salt = SPAN("0123456789abcdef"),
	    .scram_stored = span_of(stored, 32),
	    .scram_server = span_of(server, 32));
	assert_int_equal(set.answer, AUTH_STORE_ANSWER_YES);
	ASK(r, r->auth, auth_store_add_app_password, &app,
	    .name = SPAN("bob@example.test"), .label = SPAN("phone"),
	    .scopes = 1, .argon2 = SPAN("$argon2id$y"));
	assert_int_equal(app.answer, AUTH_STORE_ANSWER_YES);
	assert_true(app.id != 0);
	ASK(r, r->auth, auth_store_verifiers, &v,
	    .user = SPAN("Bob@example.test"));
	assert_int_equal(v.answer, AUTH_STORE_ANSWER_YES);
	assert_int_equal(v.account, rig_account(r, "bob@example.test"));
	assert_true(span_eq(v.argon2, SPAN("$argon2id$x")));
	assert_int_equal(v.scram_iterations, 4096);
	assert_true(span_eq(v.scram_stored, span_of(stored, 32)));
	assert_true(span_eq(v.scram_server, span_of(server, 32)));
	assert_true(span_eq(v.scram_salt, SPAN("0123456789abcdef")));
	assert_int_equal(v.app_passwords_count, 1);
	assert_int_equal(v.app_passwords[0].id, app.id);
	/* A verifier without its other half. */
	ASK(r, r->auth, auth_store_set_verifiers, &set,
	    .name = SPAN("bob@example.test"), .argon2 = SPAN("z"),
	    .scram_iterations = 4096, .scram_salt = SPAN("0123"));
	assert_int_equal(set.answer, AUTH_STORE_ANSWER_NO);
}

static void secret_of_auth(void **state)
{
	struct rig *r = *state;
	struct auth_store_secret_reply s;
	char first[32];
	ASK(r, r->auth, auth_store_secret, &s, 0);
	assert_int_equal(s.answer, AUTH_STORE_ANSWER_YES);
	assert_int_equal(s.bytes.len, sizeof first);
	memcpy(first, s.bytes.ptr, sizeof first);
	rig_restart(r);
	ASK(r, r->auth, auth_store_secret, &s, 0);
	assert_int_equal(s.answer, AUTH_STORE_ANSWER_YES);
	if (rig_real())
		assert_memory_equal(first, s.bytes.ptr, sizeof first);
}

/* ---- administration, groups, restart ----------------------------------------------------- */

static void administering(void **state)
{
	struct rig *r = *state;
	struct admin_store_account_add_reply add;
	struct admin_store_account_set_reply set;
	struct admin_store_accounts_reply list;
	struct admin_store_domains_reply domains;
	struct admin_store_domain_remove_reply gone;
	struct admin_store_aliases_reply aliases;
	struct admin_store_statistics_reply figures;
	ASK(r, r->admin, admin_store_account_add, &add,
	    .name = SPAN("alice@example.test"));
	assert_int_equal(add.answer, ADMIN_STORE_ANSWER_EXISTS);
	ASK(r, r->admin, admin_store_account_add, &add,
	    .name = SPAN("x@unknown.test"));
	assert_int_equal(add.answer, ADMIN_STORE_ANSWER_INVALID);
	ASK(r, r->admin, admin_store_account_set, &set,
	    .name = SPAN("bob@example.test"), .has_quota = true, .quota = 77,
	    .grant = SPAN("sales@example.test"));
	assert_int_equal(set.answer, ADMIN_STORE_ANSWER_DONE);
	ASK(r, r->admin, admin_store_accounts, &list);
	assert_int_equal(list.accounts_count, 3);
	assert_true(span_eq(list.accounts[1].name, SPAN("bob@example.test")));
	assert_int_equal(list.accounts[1].quota, 77);
	ASK(r, r->admin, admin_store_accounts, &list,
	    .after = SPAN("bob@example.test"));
	assert_int_equal(list.accounts_count, 1);
	ASK(r, r->admin, admin_store_domains, &domains);
	assert_int_equal(domains.domains_count, 1);
	assert_int_equal(domains.domains[0].accounts, 3);
	assert_int_equal(domains.domains[0].aliases, 3);
	ASK(r, r->admin, admin_store_domain_remove, &gone,
	    .name = SPAN("example.test"));
	assert_int_equal(gone.answer, ADMIN_STORE_ANSWER_REFUSED);
	ASK(r, r->admin, admin_store_aliases, &aliases);
	assert_int_equal(aliases.aliases_count, 3);
	ASK(r, r->admin, admin_store_statistics, &figures);
	assert_true(span_find_span(figures.json, SPAN("\"commits\":")) !=
		    SIZE_MAX);
}

static void verifying(void **state)
{
	struct rig *r = *state;
	uint64_t mx = rig_session(r, RIG_MX, EDGE_STORE_SERVICE_MX, NULL);
	struct admin_store_fsck_reply step = {.more = true};
	unsigned steps = 0;
	assert_int_equal(rig_send(r, RIG_MX, mx, "", MAIL("fsck"),
				  "alice@example.test", NULL)
				 .answer,
			 EDGE_STORE_ANSWER_YES);
	for (; step.more; steps++) {
		ASK(r, r->admin, admin_store_fsck, &step,
		    .cursor = step.cursor, .repair = true);
		assert_int_equal(step.answer, ADMIN_STORE_ANSWER_DONE);
		assert_int_equal(step.findings_count, 0);
		assert_true(step.done <= step.of);
	}
	assert_int_equal(steps, 5); /* directory, queue, three accounts */
}

/* What comes together is written together. */
static void groups(void **state)
{
	struct rig *r = *state;
	enum { SESSIONS = 50 };
	uint64_t handle[SESSIONS], mx[SESSIONS];
	struct edge_store_offer_reply rep[SESSIONS];
	struct rig_wait wait[SESSIONS] = {0};
	for (int i = 0; i < SESSIONS; i++) {
		mx[i] = rig_session(r, RIG_MX, EDGE_STORE_SERVICE_MX, NULL);
		assert_int_equal(rig_rcpt(r, RIG_MX, mx[i],
					  i % 2 ? "alice@example.test"
						: "bob@example.test",
					  &handle[i]),
				 EDGE_STORE_ANSWER_YES);
	}
	uint64_t before = rig_figure(r, "groups");
	for (int i = 0; i < SESSIONS; i++) {
		struct edge_store_offer m = {.session = mx[i],
					     .id = SPAN("g"),
					     .recipients = &handle[i],
					     .recipients_count = 1,
					     .body = MAIL("group")};
		assert_int_equal(edge_store_offer_start(
					 r->edge[RIG_MX], &m, r->answer, &rep[i],
					 IPC_NEVER, rig_answered, &wait[i]),
				 IPC_OK);
	}
	for (int i = 0; i < SESSIONS; i++) {
		rig_wait(r, &wait[i]);
		assert_int_equal(rep[i].answer, EDGE_STORE_ANSWER_YES);
	}
	assert_in_range(rig_figure(r, "groups") - before, 1, SESSIONS / 3);
}

static void edge_dies(void **state)
{
	struct rig *r = *state;
	uint64_t handle;
	uint64_t mx = rig_session(r, RIG_MX2, EDGE_STORE_SERVICE_MX, NULL);
	assert_int_equal(rig_rcpt(r, RIG_MX2, mx, "alice@example.test", &handle),
			 EDGE_STORE_ANSWER_YES);
	assert_int_equal(rig_figure(r, "sessions"), 1);
	ipc_free(edge_store_ipc(r->edge[RIG_MX2]));
	r->edge[RIG_MX2] = NULL;
	rig_run(r, 20);
	assert_int_equal(rig_figure(r, "sessions"), 0);
}

static void restart(void **state)
{
	struct rig *r = *state;
	uint64_t mx = rig_session(r, RIG_MX, EDGE_STORE_SERVICE_MX, NULL);
	assert_int_equal(rig_send(r, RIG_MX, mx, "", MAIL("before"),
				  "alice@example.test", NULL)
				 .answer,
			 EDGE_STORE_ANSWER_YES);
	rig_restart(r);
	uint64_t alice = rig_reader(r, "alice@example.test");
	struct edge_store_select_reply box = rig_select(r, alice, "INBOX");
	assert_int_equal(box.exists, 1);
	assert_true(span_ends(rig_read(r, alice, box.mailbox, 1),
			      MAIL("before")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sessions_are_their_channels),
		TEST(removed_account),
		TEST(verifiers),
		TEST(secret_of_auth),
		TEST(administering),
		TEST(verifying),
		TEST(groups),
		TEST(edge_dies),
		/* The last: what the memory engine holds ends with the role. */
		TEST(restart),
	};
	size_t count = ARRAY_LEN(tests) - (rig_real() ? 0 : 1);
	return _cmocka_run_group_tests("role/store", tests, count, NULL, NULL);
}
