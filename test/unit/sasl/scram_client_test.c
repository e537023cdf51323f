/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sasl/scram_client against the server's side, which is libgsasl's: with and
 * without a binding, wrong passwords, servers that lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/ensure.h"
#include "crypto/library.h"
#include "sasl/scram_client.h"
#include "sasl/server.h"

#define ITERATIONS 4096u
static const unsigned char binding[SASL_BINDING_LEN] = "0123456789abcdef0123456789abcdef";
static const unsigned char salt[SCRAM_SALT_LEN] = "0123456789abcdef";

static bool verifier(void *owner, struct span user, struct scram_verifier *out)
{
	return span_eq(user, span_cstr(owner)) &&
	       scram_verifier_make(SPAN("right"), salt, ITERATIONS, out);
}

struct pair {
	struct sasl_library *library;
	struct sasl_owner owner;
	struct sasl_channel channel;
	struct sasl_server *server;
	struct scram_client_settings set;
	struct scram_client_keys keys;
	struct scram_client client;
	struct buf there, back;
};

static void begin(struct pair *p, const char *user, const char *password,
		  enum scram_client_binding how, bool server_binds)
{
	*p = (struct pair){.owner = {.verifier = verifier, .owner = (void *)(uintptr_t)user,
				     .iterations = ITERATIONS}};
	assert_true(crypto_library_start());
	p->library = sasl_library_new();
	p->channel.binding = server_binds ? binding : NULL;
	p->server = sasl_server_new(p->library, &p->owner, &p->channel,
				    how == SCRAM_CLIENT_BINDS ? SASL_SCRAM_SHA_256_PLUS
							      : SASL_SCRAM_SHA_256);
	assert_non_null(p->server);
	p->set = (struct scram_client_settings){.user = span_cstr(user),
						.password = span_cstr(password),
						.how = how,
						.random = "seventeen and one",
						.keys = &p->keys};
	memcpy(p->set.binding, binding, sizeof binding);
	scram_client_begin(&p->client, &p->set);
	buf_init(&p->there, SASL_MESSAGE_MAX);
	buf_init(&p->back, SASL_MESSAGE_MAX);
}

static void end(struct pair *p)
{
	scram_client_end(&p->client);
	sasl_server_free(p->server);
	sasl_library_free(p->library);
	buf_free(&p->there);
	buf_free(&p->back);
}

/* The whole exchange: did the server let it in, and did it prove itself? */
static bool talk(struct pair *p)
{
	struct span said;
	enum sasl_state s = SASL_FAILED;
	assert_true(scram_client_step(&p->client, NULL, &p->there));
	for (unsigned i = 0; i < 3; i++) {
		said = buf_span(&p->there);
		s = sasl_server_step(p->server, &said, &p->back);
		if (s != SASL_CONTINUE)
			break;
		said = buf_span(&p->back);
		if (!scram_client_step(&p->client, &said, &p->there))
			return false;
	}
	assert_int_equal(s == SASL_DONE, scram_client_proved(&p->client));
	return s == SASL_DONE;
}

static void right_and_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *user, *password;
		enum scram_client_binding how;
		bool binds, in;
	} rows[] = {
		{"u@b.example", "right", SCRAM_CLIENT_CANNOT, false, true},
		{"u@b.example", "right", SCRAM_CLIENT_BINDS, true, true},
		{"u@b.example", "right", SCRAM_CLIENT_NOT_OFFERED, false, true},
		{"a,b=c@b.example", "right", SCRAM_CLIENT_CANNOT, false, true},
		/* The server did offer: somebody took it out on the way. */
		{"u@b.example", "right", SCRAM_CLIENT_NOT_OFFERED, true, false},
		{"u@b.example", "wrong", SCRAM_CLIENT_CANNOT, false, false},
		{"u@b.example", "wrong", SCRAM_CLIENT_BINDS, true, false},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pair p;
		begin(&p, rows[i].user, rows[i].password, rows[i].how, rows[i].binds);
		if (talk(&p) != rows[i].in)
			fail_msg("row %zu", i);
		end(&p);
	}
}

static void another_channel_is_refused(void **state)
{
	(void)state;
	struct pair p;
	begin(&p, "u@b.example", "right", SCRAM_CLIENT_BINDS, true);
	p.set.binding[0] ^= 1;
	assert_false(talk(&p));
	end(&p);
}

static void keys_are_made_once(void **state)
{
	(void)state;
	struct pair p;
	begin(&p, "u@b.example", "right", SCRAM_CLIENT_CANNOT, false);
	assert_true(talk(&p));
	struct scram_client_keys kept = p.keys;
	assert_int_equal(kept.salt_len, SCRAM_SALT_LEN);
	end(&p);
	begin(&p, "u@b.example", "not looked at", SCRAM_CLIENT_CANNOT, false);
	p.keys = kept;
	assert_true(talk(&p));
	/* Others are made where the salt is another one. */
	p.keys = kept;
	p.keys.salt[0] ^= 1;
	scram_client_end(&p.client);
	scram_client_begin(&p.client, &p.set);
	assert_true(scram_client_step(&p.client, NULL, &p.there));
	end(&p);
}

#define NONCE "c2V2ZW50ZWVuIGFuZCBvbmUA"
#define SALT  "s=MDEyMzQ1Njc4OWFiY2RlZg=="

/* What a server may say first, and what it may not. */
static void first_messages(void **state)
{
	(void)state;
	static const struct {
		const char *said;
		bool ok;
	} rows[] = {
		{"r=" NONCE "x," SALT ",i=4096", true},
		{"r=" NONCE "x," SALT ",i=4096,x=later", true},
		{"r=" NONCE "," SALT ",i=4096", false},
		{"r=x" NONCE "," SALT ",i=4096", false},
		{"r=,s=,i=", false},
		{"r=" NONCE "x,s=,i=4096", false},
		{"r=" NONCE "x,s=MDEy!,i=4096", false},
		{"r=" NONCE "x," SALT ",i=4095", false},
		{"r=" NONCE "x," SALT ",i=1000001", false},
		{"r=" NONCE "x," SALT ",i=-1", false},
		{"r=" NONCE "x," SALT ",i=", false},
		{"r=" NONCE "x," SALT, false},
		{"m=x,r=" NONCE "x," SALT ",i=4096", false},
		{"r=" NONCE "\1," SALT ",i=4096", false},
		{SALT ",r=" NONCE "x,i=4096", false},
		{"e=other-error", false},
		{"", false},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pair p;
		struct span said = span_cstr(rows[i].said);
		begin(&p, "u@b.example", "right", SCRAM_CLIENT_CANNOT, false);
		assert_true(scram_client_step(&p.client, NULL, &p.there));
		assert_true(span_eq(buf_span(&p.there), SPAN("n,,n=u@b.example,r=" NONCE)));
		if (scram_client_step(&p.client, &said, &p.there) != rows[i].ok)
			fail_msg("%s", rows[i].said);
		end(&p);
	}
}

static void a_server_without_the_secret(void **state)
{
	(void)state;
	static const char *const rows[] = {"", "v=", "v=AAAA", "e=no", "x=AAAA",
					   "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
	struct span first = SPAN("r=" NONCE "x," SALT ",i=4096");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pair p;
		struct span last = span_cstr(rows[i]);
		begin(&p, "u@b.example", "right", SCRAM_CLIENT_CANNOT, false);
		assert_true(scram_client_step(&p.client, NULL, &p.there));
		assert_true(scram_client_step(&p.client, &first, &p.there));
		assert_false(scram_client_proved(&p.client));
		assert_false(scram_client_step(&p.client, &last, &p.there));
		assert_false(scram_client_proved(&p.client));
		assert_false(scram_client_step(&p.client, &last, &p.there));
		end(&p);
	}
}

/* One below, at and above: the user, the nonce of both, the message. */
static void limits(void **state)
{
	(void)state;
	for (size_t d = 0; d < 3; d++) {
		struct pair p;
		char user[SCRAM_CLIENT_USER_MAX + 8], said[SCRAM_CLIENT_MESSAGE_MAX + 8];
		memset(user, ',', sizeof user);
		begin(&p, "u@b.example", "right", SCRAM_CLIENT_CANNOT, false);
		p.set.user = span_of(user, SCRAM_CLIENT_USER_MAX - 1 + d);
		assert_int_equal(scram_client_step(&p.client, NULL, &p.there), d < 2);
		end(&p);

		begin(&p, "u@b.example", "right", SCRAM_CLIENT_CANNOT, false);
		assert_true(scram_client_step(&p.client, NULL, &p.there));
		memset(said, 'n', sizeof said);
		memcpy(said, "r=" NONCE, SCRAM_CLIENT_NONCE + 2);
		strcpy(said + 2 + SCRAM_CLIENT_NONCE_MAX - 1 + d, "," SALT ",i=4096");
		struct span m = span_cstr(said);
		assert_int_equal(scram_client_step(&p.client, &m, &p.there), d < 2);
		end(&p);

		begin(&p, "u@b.example", "right", SCRAM_CLIENT_CANNOT, false);
		assert_true(scram_client_step(&p.client, NULL, &p.there));
		memset(said, 'n', sizeof said);
		memcpy(said, "r=" NONCE "x," SALT ",i=4096,x=",
		       sizeof("r=" NONCE "x," SALT ",i=4096,x=") - 1);
		m = span_of(said, SCRAM_CLIENT_MESSAGE_MAX - 1 + d);
		assert_int_equal(scram_client_step(&p.client, &m, &p.there), d < 2);
		end(&p);
	}
}

static void passwords_that_need_no_preparation(void **state)
{
	(void)state;
	assert_true(scram_client_fits(SPAN("a b~!")));
	assert_false(scram_client_fits(SPAN("")));
	assert_false(scram_client_fits(SPAN("gr\xc3\xbc\xc3\x9f")));
	assert_false(scram_client_fits(SPAN("a\tb")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_and_wrong),
		cmocka_unit_test(another_channel_is_refused),
		cmocka_unit_test(keys_are_made_once),
		cmocka_unit_test(first_messages),
		cmocka_unit_test(a_server_without_the_secret),
		cmocka_unit_test(limits),
		cmocka_unit_test(passwords_that_need_no_preparation),
	};
	return cmocka_run_group_tests_name("sasl/scram_client", tests, NULL, NULL);
}
