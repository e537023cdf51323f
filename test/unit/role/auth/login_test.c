/* SPDX-License-Identifier: Apache-2.0 */
/* role/auth as its peers see it: every mechanism, right, wrong, and in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <gsasl.h>

#include "base/base64.h"
#include "base/map.h"
#include "house.h"
#include "os/sim.h"

#define HOME   addr_v4(192, 0, 2, 7, 4000)
#define BOUND  EDGE_AUTH_STATE_BOUND
#define MORE   EDGE_AUTH_STATE_MORE
#define FAILED EDGE_AUTH_STATE_FAILED
#define LATER  EDGE_AUTH_STATE_LATER
#define SLOWED EDGE_AUTH_STATE_THROTTLED

static const char alice[] = "alice@example.org";
static const char binding[33] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

static struct house_ask ask(const char *mechanism)
{
	return (struct house_ask){.mechanism = mechanism,
				  .service = EDGE_AUTH_SERVICE_SUBMISSION,
				  .from = HOME,
				  .session = 99};
}

/* ---- passwords ------------------------------------------------------------------ */

static void right_wrong_unknown(void **state)
{
	struct house h;
	(void)state;
	house_open(&h);
	h.conf.auth.remember = 0;
	uint64_t at[4];
	at[0] = hasher_hashes(h.auth->hasher);
	struct house_answer a = house_login(&h, alice, HOUSE_PASSWORD, HOME);
	assert_int_equal(a.state, BOUND);
	assert_string_equal(a.user, alice);
	assert_int_equal(h.bound_session, 42);
	assert_int_equal(h.bound_account, HOUSE_ALICE);
	at[1] = hasher_hashes(h.auth->hasher);
	struct house_answer w = house_login(&h, alice, "wrong horse", HOME);
	at[2] = hasher_hashes(h.auth->hasher);
	struct house_answer u = house_login(&h, "bob@example.org", "x", HOME);
	at[3] = hasher_hashes(h.auth->hasher);
	assert_int_equal(w.state, FAILED);
	assert_int_equal(u.state, FAILED);
	assert_string_equal(w.why, u.why);
	assert_string_equal(u.user, "");
	for (int i = 0; i < 3; i++)
		assert_int_equal(at[i + 1] - at[i], 1);
	assert_int_equal(h.binds, 1);
	house_close(&h);
}

static void names(void **state)
{
	struct house h;
	(void)state;
	house_open(&h);
	assert_int_equal(house_login(&h, "Alice@EXAMPLE.org", HOUSE_PASSWORD,
				     HOME).state, BOUND);
	assert_int_equal(house_login(&h, "alice", HOUSE_PASSWORD, HOME).state,
			 FAILED);
	h.conf.auth.login_domain = SPAN("example.org");
	assert_int_equal(house_login(&h, "alice", HOUSE_PASSWORD, HOME).state,
			 BOUND);
	assert_int_equal(house_login(&h, "", HOUSE_PASSWORD, HOME).state, FAILED);
	assert_int_equal(house_login(&h, alice, "", HOME).state, FAILED);
	house_close(&h);
}

static void length_is_judged_before_hashing(void **state)
{
	struct house h;
	char long_one[1025];
	(void)state;
	house_open(&h);
	memset(long_one, 'x', sizeof long_one);
	for (size_t n = 1023; n <= 1024; n++) {
		long_one[n] = '\0';
		assert_int_equal(house_login(&h, alice, long_one, HOME).state,
				 FAILED);
		long_one[n] = 'x';
	}
	assert_int_equal(hasher_hashes(h.auth->hasher), 2);
	/* By PLAIN more than 1,024 bytes can arrive. */
	char message[2 + 1025] = {0};
	struct span in;
	memset(message, 'x', sizeof message);
	message[0] = '\0';
	message[1] = 'a';
	message[2] = '\0';
	struct house_ask q = ask("PLAIN");
	in = span_of(message, 3 + 1024);
	assert_int_equal(house_start(&h, &q, SPAN(""), &in).state, FAILED);
	assert_int_equal(hasher_hashes(h.auth->hasher), 3);
	char longer[3 + 1025];
	memset(longer, 'x', sizeof longer);
	memcpy(longer, message, 3);
	in = span_of(longer, sizeof longer);
	assert_int_equal(house_start(&h, &q, SPAN(""), &in).state, FAILED);
	assert_int_equal(hasher_hashes(h.auth->hasher), 3);
	house_close(&h);
}

static void remembered_makes_no_second_hash(void **state)
{
	struct house h;
	(void)state;
	house_open(&h);
	for (int i = 0; i < 5; i++)
		assert_int_equal(house_login(&h, alice, HOUSE_PASSWORD, HOME)
					 .state, BOUND);
	assert_int_equal(hasher_hashes(h.auth->hasher), 1);
	assert_int_equal(h.asked, 1);
	assert_int_equal(h.binds, 5);
	assert_int_equal(h.auth->remembered, 4);
	/* A wrong one is never helped by it. */
	assert_int_equal(house_login(&h, alice, "other", HOME).state, FAILED);
	assert_int_equal(hasher_hashes(h.auth->hasher), 2);
	/* Its time passes. */
	house_run(&h, 301 * NS_PER_SEC);
	assert_int_equal(house_login(&h, alice, HOUSE_PASSWORD, HOME).state, BOUND);
	assert_int_equal(hasher_hashes(h.auth->hasher), 3);
	house_close(&h);
}

static void changed_drops_it_at_once(void **state)
{
	struct house h;
	(void)state;
	house_open(&h);
	assert_int_equal(house_login(&h, alice, HOUSE_PASSWORD, HOME).state, BOUND);
	house_set_password(&h, "new horse");
	house_change(&h);
	house_run(&h, NS_PER_MS);
	assert_int_equal(remember_count(h.auth->remember), 0);
	assert_int_equal(house_login(&h, alice, HOUSE_PASSWORD, HOME).state,
			 FAILED);
	assert_int_equal(house_login(&h, alice, "new horse", HOME).state, BOUND);
	assert_int_equal(h.asked, 2);
	house_close(&h);
}

/* The hash of the old password is under way when it changes. */
static void a_change_overtakes_a_check(void **state)
{
	struct house h;
	struct house_answer a;
	struct house_ask q = {.user = alice,
			      .password = HOUSE_PASSWORD,
			      .service = EDGE_AUTH_SERVICE_IMAP,
			      .from = HOME};
	(void)state;
	house_open(&h);
	house_login_start(&h, &q, &a);
	house_run(&h, 10 * NS_PER_MS);
	assert_false(a.done);
	house_set_password(&h, "new horse");
	house_change(&h);
	house_run(&h, NS_PER_SEC);
	assert_true(a.done);
	assert_int_equal(a.state, FAILED);
	assert_int_equal(h.binds, 0);
	assert_int_equal(hasher_hashes(h.auth->hasher), 2);
	house_close(&h);
}

static void not_bound_unless_the_store_says_so(void **state)
{
	struct house h;
	(void)state;
	house_open(&h);
	h.bind_answer = AUTH_STORE_ANSWER_NO;
	assert_int_equal(house_login(&h, alice, HOUSE_PASSWORD, HOME).state,
			 FAILED);
	h.bind_answer = AUTH_STORE_ANSWER_LATER;
	assert_int_equal(house_login(&h, alice, HOUSE_PASSWORD, HOME).state, LATER);
	assert_int_equal(h.auth->verified, 0);
	h.bind_answer = AUTH_STORE_ANSWER_YES;
	assert_int_equal(house_login(&h, alice, HOUSE_PASSWORD, HOME).state, BOUND);
	assert_int_equal(h.auth->verified, 1);
	house_close(&h);
}

static void the_store_is_not_there(void **state)
{
	struct house h;
	(void)state;
	house_open(&h);
	h.silent = true;
	uint64_t t = world_now(h.world);
	assert_int_equal(house_login(&h, alice, HOUSE_PASSWORD, HOME).state, LATER);
	assert_true(world_now(h.world) - t < 2 * NS_PER_SEC);
	h.silent = false;
	h.verifiers_answer = AUTH_STORE_ANSWER_LATER;
	assert_int_equal(house_login(&h, alice, HOUSE_PASSWORD, HOME).state, LATER);
	h.verifiers_answer = AUTH_STORE_ANSWER_YES;
	assert_int_equal(house_login(&h, alice, HOUSE_PASSWORD, HOME).state, BOUND);
	ipc_free(auth_store_ipc(h.store));
	h.store = NULL;
	house_run(&h, NS_PER_MS);
	assert_int_equal(users_count(h.auth->users), 0);
	assert_int_equal(house_login(&h, alice, HOUSE_PASSWORD, HOME).state, LATER);
	house_connect_store(&h);
	assert_int_equal(house_login(&h, alice, HOUSE_PASSWORD, HOME).state, BOUND);
	house_close(&h);
}

static void unknown_is_not_kept_for_long(void **state)
{
	struct house h;
	(void)state;
	house_open(&h);
	h.verifiers_answer = AUTH_STORE_ANSWER_NO;
	assert_int_equal(house_login(&h, alice, HOUSE_PASSWORD, HOME).state,
			 FAILED);
	h.verifiers_answer = AUTH_STORE_ANSWER_YES;
	assert_int_equal(house_login(&h, alice, HOUSE_PASSWORD, HOME).state,
			 FAILED);
	house_run(&h, USERS_UNKNOWN_NS);
	assert_int_equal(house_login(&h, alice, HOUSE_PASSWORD, HOME).state, BOUND);
	house_close(&h);
}

static void over_the_queue_is_later(void **state)
{
	struct house h;
	struct house_answer a[12];
	struct house_ask q = {.user = alice, .password = "no", .from = HOME};
	unsigned later = 0, failed = 0;
	(void)state;
	house_open(&h);
	for (size_t i = 0; i < ARRAY_LEN(a); i++)
		house_login_start(&h, &q, &a[i]);
	house_run(&h, 2 * NS_PER_SEC);
	for (size_t i = 0; i < ARRAY_LEN(a); i++) {
		assert_true(a[i].done);
		later += a[i].state == LATER;
		failed += a[i].state == FAILED;
	}
	/* One is hashed, 6 of 8 places are for anybody. */
	assert_int_equal(failed, 7);
	assert_int_equal(later, 5);
	house_close(&h);
}

static void who_logged_in_lately_goes_first(void **state)
{
	struct house h;
	struct house_answer a[6], mine;
	struct house_ask q = {.user = "x@example.org", .password = "no"};
	struct house_ask owner = {
		.user = alice, .password = HOUSE_PASSWORD, .from = HOME};
	(void)state;
	house_open(&h);
	h.conf.auth.remember = 0;
	assert_int_equal(house_login_as(&h, &owner).state, BOUND);
	q.from = addr_v4(203, 0, 113, 9, 1);
	for (size_t i = 0; i < ARRAY_LEN(a); i++)
		house_login_start(&h, &q, &a[i]);
	house_run(&h, NS_PER_MS);
	house_login_start(&h, &owner, &mine);
	house_run(&h, 60 * NS_PER_MS); /* the one that runs, then this one */
	assert_true(mine.done);
	assert_int_equal(mine.state, BOUND);
	assert_false(a[5].done);
	house_run(&h, NS_PER_SEC);
	house_close(&h);
}

/* ---- throttle ----------------------------------------------------------------------- */

static void guessing_is_slowed_and_the_owner_gets_in(void **state)
{
	struct house h;
	(void)state;
	house_open(&h);
	h.conf.auth.failures_address = 3;
	h.conf.auth.failures_network = 5;
	h.conf.auth.failures_account = 6;
	auth_role.adopt(h.auth, &h.conf);
	assert_int_equal(house_login(&h, alice, HOUSE_PASSWORD, HOME).state, BOUND);
	/* From one address: three, then it waits, also with the right one. */
	struct addr evil = addr_v4(203, 0, 113, 1, 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(house_login(&h, alice, "guess", evil).state,
				 FAILED);
	uint64_t hashes = hasher_hashes(h.auth->hasher);
	assert_int_equal(house_login(&h, alice, HOUSE_PASSWORD, evil).state,
			 SLOWED);
	assert_int_equal(hasher_hashes(h.auth->hasher), hashes);
	/* From many networks against the account. */
	for (uint8_t i = 1; i < 40; i++)
		(void)house_login(&h, alice, "guess",
				  addr_v4(198, 51, i, 1, 1));
	assert_int_equal(house_login(&h, alice, "guess",
				     addr_v4(198, 18, 0, 1, 1)).state, SLOWED);
	/* The owner, where she always is. */
	uint64_t t = world_now(h.world);
	assert_int_equal(house_login(&h, alice, HOUSE_PASSWORD, HOME).state, BOUND);
	assert_true(world_now(h.world) - t < NS_PER_SEC);
	/* Elsewhere, once it is quiet. */
	house_run(&h, 1200 * NS_PER_SEC);
	assert_int_equal(house_login(&h, alice, HOUSE_PASSWORD,
				     addr_v4(198, 18, 0, 1, 1)).state, BOUND);
	house_close(&h);
}

#define CROWD 60u

/* Right ones wait for each other, whatever could have become of them. */
static void first_logins_wait_for_each_other(void **state)
{
	struct house h;
	struct house_answer a[CROWD];
	struct house_ask q = {.user = alice,
			      .password = HOUSE_PASSWORD,
			      .service = EDGE_AUTH_SERVICE_IMAP,
			      .from = HOME};
	(void)state;
	house_open(&h);
	h.conf.auth.queue = CROWD;
	h.conf.auth.failures_address = 10;
	h.conf.auth.failures_network = 40;
	h.conf.auth.failures_account = 20;
	auth_role.adopt(h.auth, &h.conf);
	for (size_t i = 0; i < CROWD; i++)
		house_login_start(&h, &q, &a[i]);
	house_run(&h, 5 * NS_PER_SEC);
	for (size_t i = 0; i < CROWD; i++)
		assert_int_equal(a[i].state, BOUND);
	/* The same password: nearly all were known before their turn. */
	assert_int_equal(hasher_hashes(h.auth->hasher), 2);
	assert_int_equal(h.auth->in_line, 0);
	/* Nothing remembered: each is hashed, one after the other. */
	h.conf.auth.remember = 0;
	q.from = addr_v4(192, 0, 2, 8, 1);
	uint64_t before = hasher_hashes(h.auth->hasher);
	for (size_t i = 0; i < CROWD; i++)
		house_login_start(&h, &q, &a[i]);
	house_run(&h, 5 * NS_PER_SEC);
	for (size_t i = 0; i < CROWD; i++)
		assert_int_equal(a[i].state, BOUND);
	assert_int_equal(hasher_hashes(h.auth->hasher), before + CROWD);
	house_close(&h);
}

/* As many guesses at once are judged as one after the other, and a few more. */
static void a_crowd_of_guesses_is_slowed(void **state)
{
	struct house h;
	struct house_answer a[CROWD];
	struct house_ask q = {.user = alice, .password = "no", .from = HOME};
	unsigned failed = 0, slowed = 0;
	(void)state;
	house_open(&h);
	h.conf.auth.queue = 2 * CROWD;
	h.conf.auth.failures_address = 5;
	auth_role.adopt(h.auth, &h.conf);
	for (size_t i = 0; i < CROWD; i++)
		house_login_start(&h, &q, &a[i]);
	house_run(&h, 5 * NS_PER_SEC);
	for (size_t i = 0; i < CROWD; i++) {
		failed += a[i].state == FAILED;
		slowed += a[i].state == SLOWED;
	}
	assert_int_equal(failed, 4 * 5);
	assert_int_equal(slowed, CROWD - 4 * 5);
	house_close(&h);
}

static void who_waits_in_line_waits_no_longer_than_the_hop(void **state)
{
	struct house h;
	struct house_answer a[9];
	struct house_ask q = {.user = alice, .password = "no", .from = HOME};
	(void)state;
	house_open(&h);
	h.conf.auth.failures_address = 2;
	auth_role.adopt(h.auth, &h.conf);
	h.silent = true; /* the store keeps the first eight */
	for (size_t i = 0; i < ARRAY_LEN(a); i++)
		house_login_start(&h, &q, &a[i]);
	house_run(&h, NS_PER_MS);
	assert_int_equal(h.auth->in_line, 1);
	assert_int_equal(h.asked, 8);
	house_run(&h, STORE_WAIT_NS + NS_PER_MS);
	/* The eight were told to come later: then it was the ninth's turn. */
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(a[i].state, LATER);
	assert_false(a[8].done);
	house_run(&h, LOGIN_WAIT_NS);
	assert_int_equal(a[8].state, LATER);
	house_close(&h);
}

static void no_limits_when_zero(void **state)
{
	struct house h;
	(void)state;
	house_open(&h);
	for (int i = 0; i < 50; i++)
		assert_int_equal(house_login(&h, alice, "no", HOME).state, FAILED);
	assert_int_equal(throttle_count(h.auth->throttle), 0);
	house_close(&h);
}

/* ---- PLAIN and LOGIN --------------------------------------------------------------- */

static void plain(void **state)
{
	struct house h;
	struct house_ask q = ask("plain");
	struct span right = SPAN("\0alice@example.org\0right horse");
	struct span wrong = SPAN("\0alice@example.org\0wrong horse");
	struct span other = SPAN("bob@example.org\0alice@example.org\0right horse");
	(void)state;
	house_open(&h);
	struct house_answer a = house_start(&h, &q, SPAN(""), &right);
	assert_int_equal(a.state, BOUND);
	assert_int_equal(h.bound_session, 99);
	assert_int_equal(a.exchange, 0);
	assert_int_equal(house_start(&h, &q, SPAN(""), &wrong).state, FAILED);
	assert_int_equal(house_start(&h, &q, SPAN(""), &other).state, FAILED);
	a = house_start(&h, &q, SPAN(""), NULL);
	assert_int_equal(a.state, MORE);
	assert_int_equal(a.blob_len, 0);
	assert_int_equal(house_step(&h, a.exchange, right).state, BOUND);
	/* It ended with that. */
	assert_int_equal(house_step(&h, a.exchange, right).result, IPC_NOT_NOW);
	house_close(&h);
}

static void login(void **state)
{
	struct house h;
	struct house_ask q = ask("LOGIN");
	(void)state;
	house_open(&h);
	struct house_answer a = house_start(&h, &q, SPAN(""), NULL);
	assert_string_equal(a.blob, "Username:");
	struct house_answer b = house_step(&h, a.exchange, span_cstr(alice));
	assert_int_equal(b.state, MORE);
	assert_string_equal(b.blob, "Password:");
	assert_int_equal(house_step(&h, a.exchange, SPAN(HOUSE_PASSWORD)).state,
			 BOUND);
	house_close(&h);
}

static void exchanges_end(void **state)
{
	struct house h;
	struct house_ask q = ask("LOGIN");
	(void)state;
	house_open(&h);
	struct house_answer a = house_start(&h, &q, SPAN(""), NULL);
	(void)edge_auth_abandon(h.edge, &(struct edge_auth_abandon){
						.exchange = a.exchange});
	house_run(&h, NS_PER_MS);
	assert_int_equal(house_step(&h, a.exchange, SPAN("x")).result, IPC_NOT_NOW);
	a = house_start(&h, &q, SPAN(""), NULL);
	house_run(&h, EXCHANGE_NS);
	assert_int_equal(house_step(&h, a.exchange, SPAN("x")).result, IPC_NOT_NOW);
	assert_int_equal(map_count(h.auth->exchanges), 0);
	/* Those of a channel go with it. */
	for (int i = 0; i < 20; i++)
		assert_int_equal(house_start(&h, &q, SPAN(""), NULL).state, MORE);
	assert_int_equal(map_count(h.auth->exchanges), 20);
	ipc_kill(edge_auth_ipc(h.edge), "test");
	house_run(&h, NS_PER_MS);
	assert_int_equal(map_count(h.auth->exchanges), 0);
	house_close(&h);
}

static void unknown_mechanisms(void **state)
{
	static const char *const names[] = {"CRAM-MD5", "DIGEST-MD5", "NTLM",
					    "ANONYMOUS", "EXTERNAL",
					    "SCRAM-SHA-1", ""};
	struct house h;
	(void)state;
	house_open(&h);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct house_ask q = ask(names[i]);
		assert_int_equal(house_start(&h, &q, SPAN(""), NULL).state,
				 FAILED);
	}
	struct house_ask q = ask("SCRAM-SHA-256-PLUS");
	assert_int_equal(house_start(&h, &q, SPAN(""), NULL).state, FAILED);
	h.conf.auth.scram = false;
	q = ask("SCRAM-SHA-256");
	assert_int_equal(house_start(&h, &q, SPAN(""), NULL).state, FAILED);
	house_close(&h);
}

/* Who does not exist has one salt, whenever auth was started. */
static void salts_of_strangers_outlive_a_restart(void **state)
{
	struct house_ask q = ask("SCRAM-SHA-256");
	struct span initial = SPAN("n,,n=nobody@example.org,r=abcdefghijklmnopqr");
	struct span salts[2], part;
	struct house_answer a[2];
	struct house h;
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		house_open(&h);
		h.secret_answer = AUTH_STORE_ANSWER_LATER;
		assert_int_equal(house_start(&h, &q, SPAN(""), &initial).state,
				 LATER);
		h.secret_answer = AUTH_STORE_ANSWER_YES;
		a[i] = house_start(&h, &q, SPAN(""), &initial);
		assert_int_equal(a[i].state, MORE);
		struct span rest = span_of(a[i].blob, a[i].blob_len);
		assert_true(span_cut(&rest, ',', &part));
		assert_true(span_cut(&rest, ',', &salts[i]));
		assert_true(span_starts(salts[i], SPAN("s=")));
		(void)house_start(&h, &q, SPAN(""), &initial);
		assert_int_equal(h.secrets, 2); /* asked once, then known */
		house_close(&h);
	}
	assert_true(span_eq(salts[0], salts[1]));
}

/* ---- SCRAM, with libgsasl at the other end -------------------------------------------- */

struct person {
	const char *user, *password;
	bool binds;
};

static int client_answer(Gsasl *g, Gsasl_session *s, Gsasl_property p)
{
	const struct person *who = gsasl_session_hook_get(s);
	struct buf text;
	int r;
	(void)g;
	switch (p) {
	case GSASL_AUTHID:
		return gsasl_property_set(s, p, who->user);
	case GSASL_PASSWORD:
		return gsasl_property_set(s, p, who->password);
	case GSASL_CB_TLS_EXPORTER:
		if (!who->binds)
			return GSASL_NO_CALLBACK;
		buf_init(&text, 256);
		base64_encode(&text, span_of(binding, 32));
		buf_addc(&text, '\0');
		r = gsasl_property_set(s, p, buf_span(&text).ptr);
		buf_free(&text);
		return r;
	default:
		return GSASL_NO_CALLBACK;
	}
}

static struct house_answer scram(struct house *h, const char *mechanism,
				 struct span bound, struct person who)
{
	Gsasl *g = NULL;
	Gsasl_session *s = NULL;
	char *out = NULL;
	size_t len = 0;
	struct house_ask q = ask(mechanism);
	assert_int_equal(gsasl_init(&g), GSASL_OK);
	gsasl_callback_set(g, client_answer);
	assert_int_equal(gsasl_client_start(g, mechanism, &s), GSASL_OK);
	gsasl_session_hook_set(s, &who);
	assert_int_equal(gsasl_step(s, "", 0, &out, &len), GSASL_NEEDS_MORE);
	struct span first = span_of(out, len);
	struct house_answer a = house_start(h, &q, bound, &first);
	gsasl_free(out);
	uint64_t id = a.exchange;
	while (a.state == MORE && a.result == IPC_OK) {
		out = NULL;
		int r = gsasl_step(s, a.blob, a.blob_len, &out, &len);
		assert_true(r == GSASL_OK || r == GSASL_NEEDS_MORE);
		a = house_step(h, id, span_of(out ? out : "", len));
		gsasl_free(out);
	}
	gsasl_finish(s);
	gsasl_done(g);
	return a;
}

static void scram_right_and_wrong(void **state)
{
	struct house h;
	struct person right = {alice, HOUSE_PASSWORD, false};
	(void)state;
	house_open(&h);
	struct house_answer a = scram(&h, "SCRAM-SHA-256", SPAN(""), right);
	assert_int_equal(a.state, BOUND);
	assert_string_equal(a.user, alice);
	assert_int_equal(hasher_hashes(h.auth->hasher), 0);
	struct house_answer w = scram(&h, "SCRAM-SHA-256", SPAN(""),
				      (struct person){alice, "no", false});
	struct house_answer u =
		scram(&h, "SCRAM-SHA-256", SPAN(""),
		      (struct person){"bob@example.org", "no", false});
	assert_int_equal(w.state, FAILED);
	assert_int_equal(u.state, FAILED);
	assert_string_equal(w.why, u.why);
	house_close(&h);
}

static void scram_with_binding(void **state)
{
	struct house h;
	struct span ours = span_of(binding, 32);
	struct span other = SPAN("cccccccccccccccccccccccccccccccc");
	struct person binds = {alice, HOUSE_PASSWORD, true};
	(void)state;
	house_open(&h);
	assert_int_equal(scram(&h, "SCRAM-SHA-256-PLUS", ours, binds).state, BOUND);
	assert_int_equal(scram(&h, "SCRAM-SHA-256-PLUS", other, binds).state,
			 FAILED);
	/* It could bind, and saw no offer though we made one. */
	struct house_ask q = ask("SCRAM-SHA-256");
	struct span y = SPAN("y,,n=alice@example.org,r=abc");
	assert_int_equal(house_start(&h, &q, ours, &y).state, FAILED);
	assert_int_equal(house_start(&h, &q, SPAN(""), &y).state, MORE);
	assert_int_equal(scram(&h, "SCRAM-SHA-256", ours,
			       (struct person){alice, HOUSE_PASSWORD, false})
				 .state, BOUND);
	house_close(&h);
}

static void scram_guesses_count(void **state)
{
	struct house h;
	(void)state;
	house_open(&h);
	h.conf.auth.failures_address = 2;
	auth_role.adopt(h.auth, &h.conf);
	struct person no = {alice, "no", false};
	for (int i = 0; i < 3; i++)
		assert_int_equal(scram(&h, "SCRAM-SHA-256", SPAN(""), no).state,
				 FAILED);
	/* The second delay is two seconds, and the answer took one. */
	assert_int_equal(house_login(&h, alice, "no", HOME).state, SLOWED);
	house_close(&h);
}

/* ---- administrators -------------------------------------------------------------------- */

struct admin_end {
	bool done;
	enum ipc_result result;
};

static void admin_done(void *ctx, enum ipc_result r)
{
	struct admin_end *e = ctx;
	e->done = true;
	e->result = r;
}

static struct admin_auth_set_password_reply set_password(struct house *h,
							 struct arena *a,
							 struct span name,
							 struct span password)
{
	struct admin_end e = {0};
	struct admin_auth_set_password req = {.name = name, .password = password};
	struct admin_auth_set_password_reply r = {0};
	assert_int_equal(admin_auth_set_password_start(h->admin, &req, a, &r,
						       IPC_NEVER, admin_done, &e),
			 IPC_OK);
	house_run(h, NS_PER_SEC);
	assert_true(e.done);
	assert_int_equal(e.result, IPC_OK);
	return r;
}

static void passwords_are_set(void **state)
{
	struct house h;
	struct arena *a = arena_new(IPC_DECODE_MAX);
	(void)state;
	house_open(&h);
	assert_int_equal(house_login(&h, alice, HOUSE_PASSWORD, HOME).state, BOUND);
	assert_int_equal(set_password(&h, a, span_cstr(alice), SPAN("n3w")).answer,
			 ADMIN_AUTH_ANSWER_DONE);
	assert_int_equal(house_login(&h, alice, HOUSE_PASSWORD, HOME).state,
			 FAILED);
	assert_int_equal(house_login(&h, alice, "n3w", HOME).state, BOUND);
	assert_int_equal(scram(&h, "SCRAM-SHA-256", SPAN(""),
			       (struct person){alice, "n3w", false}).state,
			 BOUND);
	h.conf.auth.scram = false;
	assert_int_equal(set_password(&h, a, span_cstr(alice), SPAN("n4w")).answer,
			 ADMIN_AUTH_ANSWER_DONE);
	assert_false(h.has_scram);
	assert_int_equal(set_password(&h, a, SPAN("bob@example.org"), SPAN("x"))
				 .answer, ADMIN_AUTH_ANSWER_REFUSED);
	assert_int_equal(set_password(&h, a, span_cstr(alice), SPAN("")).answer,
			 ADMIN_AUTH_ANSWER_REFUSED);
	assert_int_equal(set_password(&h, a, span_cstr(alice), SPAN("a\xff")).answer,
			 ADMIN_AUTH_ANSWER_REFUSED);
	arena_free(a);
	house_close(&h);
}

static void app_passwords_have_scopes(void **state)
{
	struct house h;
	struct arena *arena = arena_new(IPC_DECODE_MAX);
	struct admin_end e = {0};
	struct admin_auth_add_app_password req = {
		.name = span_cstr(alice), .label = SPAN("phone"), .scopes = 1};
	struct admin_auth_add_app_password_reply r = {0};
	char text[64], bare[64];
	(void)state;
	house_open(&h);
	assert_int_equal(admin_auth_add_app_password_start(h.admin, &req, arena,
							   &r, IPC_NEVER,
							   admin_done, &e),
			 IPC_OK);
	house_run(&h, NS_PER_SEC);
	assert_true(e.done && e.result == IPC_OK);
	assert_int_equal(r.answer, ADMIN_AUTH_ANSWER_DONE);
	assert_int_equal(r.password.len, APP_PASSWORD_TEXT);
	(void)snprintf(text, sizeof text, "%.*s", SPAN_FMT(r.password));
	assert_true(app_password_digits(r.password, bare));
	bare[APP_PASSWORD_DIGITS] = '\0';
	/* For IMAP (house_login), spelled either way; with its own hash only. */
	uint64_t hashes = hasher_hashes(h.auth->hasher);
	assert_int_equal(house_login(&h, alice, text, HOME).state, BOUND);
	assert_int_equal(house_login(&h, alice, bare, HOME).state, BOUND);
	assert_int_equal(hasher_hashes(h.auth->hasher), hashes);
	/* Nowhere else, remembered or not; and it is no failure of guessing. */
	enum edge_auth_service others[] = {
		EDGE_AUTH_SERVICE_SUBMISSION, EDGE_AUTH_SERVICE_POP3,
		EDGE_AUTH_SERVICE_MANAGESIEVE, EDGE_AUTH_SERVICE_ADMIN};
	h.conf.auth.failures_address = 1;
	auth_role.adopt(h.auth, &h.conf);
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct house_ask q = {.user = alice,
				      .password = text,
				      .service = others[i],
				      .from = addr_v4(192, 0, 2, 8, 1)};
		assert_int_equal(house_login_as(&h, &q).state, FAILED);
		/* The account's own opens what has sessions. */
		q.password = HOUSE_PASSWORD;
		assert_int_equal(house_login_as(&h, &q).state,
				 i < 2 ? BOUND : FAILED);
	}
	/* Of the right form and wrong: one full hash, as for a stranger. */
	bare[0] = bare[0] == 'a' ? 'b' : 'a';
	hashes = hasher_hashes(h.auth->hasher);
	assert_int_equal(house_login(&h, alice, bare, HOME).state, FAILED);
	assert_int_equal(hasher_hashes(h.auth->hasher), hashes + 1);
	assert_int_equal(house_login(&h, "bob@example.org", bare,
				     addr_v4(192, 0, 2, 99, 1)).state, FAILED);
	assert_int_equal(hasher_hashes(h.auth->hasher), hashes + 2);
	arena_free(arena);
	house_close(&h);
}

/* ---- ends ------------------------------------------------------------------------------- */

static void it_ends_in_the_middle_of_work(void **state)
{
	struct house h;
	struct house_answer a[6];
	struct house_ask q = {.user = alice, .password = "no", .from = HOME};
	(void)state;
	house_open(&h);
	for (size_t i = 0; i < 5; i++)
		house_login_start(&h, &q, &a[i]);
	house_run(&h, NS_PER_MS);
	h.silent = true;
	users_forget_all(h.auth->users);
	house_login_start(&h, &q, &a[5]);
	house_run(&h, NS_PER_MS);
	house_close(&h); /* the sanitizer watches */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_wrong_unknown),
		cmocka_unit_test(names),
		cmocka_unit_test(length_is_judged_before_hashing),
		cmocka_unit_test(remembered_makes_no_second_hash),
		cmocka_unit_test(changed_drops_it_at_once),
		cmocka_unit_test(a_change_overtakes_a_check),
		cmocka_unit_test(not_bound_unless_the_store_says_so),
		cmocka_unit_test(the_store_is_not_there),
		cmocka_unit_test(unknown_is_not_kept_for_long),
		cmocka_unit_test(over_the_queue_is_later),
		cmocka_unit_test(who_logged_in_lately_goes_first),
		cmocka_unit_test(guessing_is_slowed_and_the_owner_gets_in),
		cmocka_unit_test(first_logins_wait_for_each_other),
		cmocka_unit_test(a_crowd_of_guesses_is_slowed),
		cmocka_unit_test(who_waits_in_line_waits_no_longer_than_the_hop),
		cmocka_unit_test(no_limits_when_zero),
		cmocka_unit_test(plain),
		cmocka_unit_test(login),
		cmocka_unit_test(exchanges_end),
		cmocka_unit_test(unknown_mechanisms),
		cmocka_unit_test(salts_of_strangers_outlive_a_restart),
		cmocka_unit_test(scram_right_and_wrong),
		cmocka_unit_test(scram_with_binding),
		cmocka_unit_test(scram_guesses_count),
		cmocka_unit_test(passwords_are_set),
		cmocka_unit_test(app_passwords_have_scopes),
		cmocka_unit_test(it_ends_in_the_middle_of_work),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
