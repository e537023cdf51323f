/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sasl/server: every mechanism to its end and into every wall; SCRAM against
 * libgsasl's client, with and without channel binding.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gsasl.h>
#include <stdlib.h>

#include "base/base64.h"
#include "crypto/library.h"
#include "sasl/server.h"

struct world {
	struct sasl_library *library;
	struct sasl_owner owner;
	struct scram_verifier alice;
	unsigned asked;
};

static bool verifier(void *owner, struct span user, struct scram_verifier *out)
{
	struct world *w = owner;

	w->asked++;
	if (!span_eq(user, SPAN("alice@example.test")))
		return false;
	*out = w->alice;
	return true;
}

static int set_up(void **state)
{
	static const unsigned char salt[SCRAM_SALT_LEN] = "0123456789abcdef";
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->library = sasl_library_new();
	assert_non_null(w->library);
	w->owner = (struct sasl_owner){.verifier = verifier, .owner = w,
				       .iterations = 4096};
	memset(w->owner.secret, 7, sizeof(w->owner.secret));
	assert_true(scram_verifier_make(SPAN("pencil"), salt, 4096, &w->alice));
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	sasl_library_free(w->library);
	free(w);
	return 0;
}

static struct sasl_server *start(struct world *w, enum sasl_mechanism m,
				 const unsigned char *binding)
{
	struct sasl_channel channel = {binding};

	return sasl_server_new(w->library, &w->owner, &channel, m);
}

static void test_mechanisms(void **state)
{
	static const char *const refused[] = {
		"DIGEST-MD5", "CRAM-MD5", "NTLM", "ANONYMOUS", "SCRAM-SHA-1",
		"SCRAM-SHA-1-PLUS", "GS2-KRB5", "EXTERNAL", "", "PLAIN ",
	};
	enum sasl_mechanism m;

	(void)state;
	for (unsigned i = 0; i < SASL_MECHANISMS; i++) {
		assert_true(sasl_mechanism_find(
			sasl_mechanism_name((enum sasl_mechanism)i), &m));
		assert_int_equal(m, i);
	}
	assert_true(sasl_mechanism_find(SPAN("plain"), &m));
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		assert_false(sasl_mechanism_find(span_cstr(refused[i]), &m));
}

static void test_names(void **state)
{
	static const struct {
		struct span in;
		const char *out; /* NULL: refused */
	} cases[] = {
		{SPAN_INIT("alice"), "alice"},
		{SPAN_INIT("Alice@EXAMPLE.Test"), "Alice@example.test"},
		{SPAN_INIT("a@b@C"), "a@b@c"},
		{SPAN_INIT("b\xc3\xbc@X"), "b\xc3\xbc@x"},
		{SPAN_INIT(""), NULL},
		{SPAN_INIT("@x"), NULL},
		{SPAN_INIT("x@"), NULL},
		{SPAN_INIT("a\0b"), NULL},
		{SPAN_INIT("a\nb"), NULL},
		{SPAN_INIT("a\x7f"), NULL},
		{SPAN_INIT("a\xc2\x85"), NULL},
		{SPAN_INIT("a\xff"), NULL},
		{SPAN_INIT("a\xc2"), NULL},
		{SPAN_INIT("a\xed\xa0\x80"), NULL},
	};
	char out[SASL_NAME_MAX], large[SASL_NAME_MAX + 1];
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool ok = sasl_name_normalise(cases[i].in, out, &n);

		assert_int_equal(ok, cases[i].out != NULL);
		if (ok)
			assert_true(span_eq(span_of(out, n),
					    span_cstr(cases[i].out)));
	}
	memset(large, 'a', sizeof(large));
	for (size_t len = SASL_NAME_MAX - 1; len <= SASL_NAME_MAX + 1; len++)
		assert_int_equal(
			sasl_name_normalise(span_of(large, len), out, &n),
			len <= SASL_NAME_MAX);
}

static void test_plain(void **state)
{
	static const struct {
		struct span in;
		enum sasl_failure want;
	} cases[] = {
		{SPAN_INIT("\0u@X\0secret"), SASL_F_NONE},
		{SPAN_INIT("u@x\0u@X\0secret"), SASL_F_NONE},
		{SPAN_INIT("v@x\0u@x\0secret"), SASL_F_AUTHZID},
		{SPAN_INIT(""), SASL_F_SYNTAX},
		{SPAN_INIT("u"), SASL_F_SYNTAX},
		{SPAN_INIT("\0u@x"), SASL_F_SYNTAX},
		{SPAN_INIT("\0u@x\0"), SASL_F_SYNTAX},
		{SPAN_INIT("\0u@x\0a\0b"), SASL_F_SYNTAX},
		{SPAN_INIT("\0\0secret"), SASL_F_NAME},
		{SPAN_INIT("\0u\r\0secret"), SASL_F_NAME},
	};
	struct buf out;

	buf_init(&out, SASL_MESSAGE_MAX);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sasl_server *s = start(*state, SASL_PLAIN, NULL);
		enum sasl_state got = sasl_server_step(s, &cases[i].in, &out);

		assert_int_equal(sasl_failure(s), cases[i].want);
		if (cases[i].want == SASL_F_NONE) {
			assert_int_equal(got, SASL_PASSWORD);
			assert_true(span_eq(sasl_user(s), SPAN("u@x")));
			assert_true(span_eq(sasl_password(s), SPAN("secret")));
			assert_int_equal(sasl_verdict(s, i == 0),
					 i == 0 ? SASL_DONE : SASL_FAILED);
		} else {
			assert_int_equal(got, SASL_FAILED);
		}
		assert_int_equal(sasl_server_step(s, &cases[i].in, &out),
				 SASL_FAILED);
		sasl_server_free(s);
	}
	sasl_server_free(NULL);
	buf_free(&out);
}

static void test_plain_limits(void **state)
{
	static char text[SASL_MESSAGE_MAX + 2];
	struct buf out;

	buf_init(&out, SASL_MESSAGE_MAX);
	memset(text, 'p', sizeof(text));
	memcpy(text, "\0u", 3);
	for (size_t n = SASL_PASSWORD_MAX - 1; n <= SASL_PASSWORD_MAX + 1; n++) {
		struct sasl_server *s = start(*state, SASL_PLAIN, NULL);
		struct span in = span_of(text, 3 + n);

		assert_int_equal(sasl_server_step(s, &in, &out),
				 n <= SASL_PASSWORD_MAX ? SASL_PASSWORD
							: SASL_FAILED);
		sasl_server_free(s);
	}
	for (size_t n = SASL_MESSAGE_MAX - 1; n <= SASL_MESSAGE_MAX + 1; n++) {
		struct sasl_server *s = start(*state, SASL_LOGIN, NULL);
		struct span in = span_of(text, n);

		assert_int_equal(sasl_server_step(s, &in, &out), SASL_FAILED);
		assert_int_equal(sasl_failure(s), n <= SASL_MESSAGE_MAX
							  ? SASL_F_NAME
							  : SASL_F_SYNTAX);
		sasl_server_free(s);
	}
	buf_free(&out);
}

/* Without an initial response: an empty challenge first; a second is refused. */
static void test_no_initial(void **state)
{
	struct span in = SPAN("\0u\0p");
	struct buf out;

	buf_init(&out, SASL_MESSAGE_MAX);
	for (int again = 0; again < 2; again++) {
		struct sasl_server *s = start(*state, SASL_PLAIN, NULL);

		assert_int_equal(sasl_server_step(s, NULL, &out),
				 SASL_CONTINUE);
		assert_int_equal(buf_len(&out), 0);
		assert_int_equal(sasl_server_step(s, again ? NULL : &in, &out),
				 again ? SASL_FAILED : SASL_PASSWORD);
		sasl_server_free(s);
	}
	buf_free(&out);
}

static void test_login(void **state)
{
	struct span user = SPAN("u@X"), password = SPAN("p w");
	struct buf out;

	buf_init(&out, SASL_MESSAGE_MAX);
	for (int initial = 0; initial < 2; initial++) {
		struct sasl_server *s = start(*state, SASL_LOGIN, NULL);

		if (!initial) {
			assert_int_equal(sasl_server_step(s, NULL, &out),
					 SASL_CONTINUE);
			assert_true(span_eq(buf_span(&out), SPAN("Username:")));
		}
		assert_int_equal(sasl_server_step(s, &user, &out),
				 SASL_CONTINUE);
		assert_true(span_eq(buf_span(&out), SPAN("Password:")));
		assert_int_equal(sasl_server_step(s, &password, &out),
				 SASL_PASSWORD);
		assert_true(span_eq(sasl_user(s), SPAN("u@x")));
		assert_true(span_eq(sasl_password(s), SPAN("p w")));
		assert_int_equal(sasl_verdict(s, true), SASL_DONE);
		sasl_server_free(s);
	}
	buf_free(&out);
}

/* What libgsasl's client knows. */
struct client {
	const char *user, *password, *authzid;
	const unsigned char *binding;
};

static int client_answer(Gsasl *g, Gsasl_session *session, Gsasl_property p)
{
	const struct client *c = gsasl_session_hook_get(session);
	struct buf text;
	int r;

	(void)g;
	switch (p) {
	case GSASL_AUTHID:
		return gsasl_property_set(session, p, c->user);
	case GSASL_PASSWORD:
		return gsasl_property_set(session, p, c->password);
	case GSASL_AUTHZID:
		return c->authzid ? gsasl_property_set(session, p, c->authzid)
				  : GSASL_NO_AUTHZID;
	case GSASL_CB_TLS_EXPORTER:
		if (!c->binding)
			return GSASL_NO_CALLBACK;
		buf_init(&text, 256);
		base64_encode(&text, span_of(c->binding, SASL_BINDING_LEN));
		buf_addc(&text, '\0');
		r = gsasl_property_set(session, p, buf_span(&text).ptr);
		buf_free(&text);
		return r;
	default:
		return GSASL_NO_CALLBACK;
	}
}

/* Runs both sides; the server's last word. first: the first challenge. */
static enum sasl_state converse(struct world *w, enum sasl_mechanism m,
				const unsigned char *binding, struct client *c,
				enum sasl_failure *why, struct buf *first)
{
	struct sasl_server *s = start(w, m, binding);
	enum sasl_state got = SASL_CONTINUE;
	Gsasl_session *session;
	struct buf out;
	Gsasl *g;

	assert_non_null(s);
	buf_init(&out, SASL_MESSAGE_MAX);
	assert_int_equal(gsasl_init(&g), GSASL_OK);
	gsasl_callback_set(g, client_answer);
	assert_int_equal(gsasl_client_start(g, sasl_mechanism_name(m).ptr,
					    &session),
			 GSASL_OK);
	gsasl_session_hook_set(session, c);
	for (int i = 0; i < 5 && got == SASL_CONTINUE; i++) {
		char *text = NULL;
		size_t n = 0;
		struct span in, say = buf_span(&out);
		int r = gsasl_step(session, say.ptr ? say.ptr : "", say.len,
				   &text, &n);

		if (r != GSASL_OK && r != GSASL_NEEDS_MORE)
			fail_msg("client: %s", gsasl_strerror(r));
		in = span_of(text, n);
		got = sasl_server_step(s, &in, &out);
		gsasl_free(text);
		if (i == 0 && first && got == SASL_CONTINUE)
			buf_add(first, buf_span(&out));
	}
	*why = sasl_failure(s);
	if (got == SASL_DONE)
		assert_true(span_eq(sasl_user(s), SPAN("alice@example.test")));
	gsasl_finish(session);
	gsasl_done(g);
	buf_free(&out);
	sasl_server_free(s);
	return got;
}

static void test_scram(void **state)
{
	struct client right = {"alice@Example.TEST", "pencil", NULL, NULL};
	struct client wrong = {"alice@example.test", "crayon", NULL, NULL};
	struct client nobody = {"bob@example.test", "pencil", NULL, NULL};
	struct client other = {"alice@example.test", "pencil", "bob@x", NULL};
	enum sasl_failure why;

	assert_int_equal(converse(*state, SASL_SCRAM_SHA_256, NULL, &right,
				  &why, NULL),
			 SASL_DONE);
	assert_int_equal(converse(*state, SASL_SCRAM_SHA_256, NULL, &wrong,
				  &why, NULL),
			 SASL_FAILED);
	assert_int_equal(why, SASL_F_WRONG);
	assert_int_equal(converse(*state, SASL_SCRAM_SHA_256, NULL, &nobody,
				  &why, NULL),
			 SASL_FAILED);
	assert_int_equal(why, SASL_F_WRONG);
	assert_int_equal(converse(*state, SASL_SCRAM_SHA_256, NULL, &other,
				  &why, NULL),
			 SASL_FAILED);
	assert_int_equal(why, SASL_F_AUTHZID);
}

/* An unknown user sees one salt, of the usual form, time after time. */
static void test_unknown_user(void **state)
{
	struct client nobody = {"bob@example.test", "x", NULL, NULL};
	struct client real = {"alice@example.test", "x", NULL, NULL};
	struct buf first[3];
	struct span tail[3];
	enum sasl_failure why;

	for (int i = 0; i < 3; i++) {
		buf_init(&first[i], SASL_MESSAGE_MAX);
		converse(*state, SASL_SCRAM_SHA_256, NULL,
			 i < 2 ? &nobody : &real, &why, &first[i]);
		tail[i] = buf_span(&first[i]);
		tail[i] = span_skip(tail[i],
				    span_find_span(tail[i], SPAN(",s=")));
	}
	assert_true(tail[0].len > 0 && span_eq(tail[0], tail[1]));
	assert_int_equal(tail[0].len, tail[2].len);
	assert_int_equal(buf_len(&first[0]), buf_len(&first[2]));
	assert_false(span_eq(tail[0], tail[2]));
	for (int i = 0; i < 3; i++)
		buf_free(&first[i]);
}

static void test_binding(void **state)
{
	static const unsigned char ours[SASL_BINDING_LEN] = "one connection";
	static const unsigned char theirs[SASL_BINDING_LEN] = "another one";
	struct client same = {"alice@example.test", "pencil", NULL, ours};
	struct client relay = {"alice@example.test", "pencil", NULL, theirs};
	struct client none = {"alice@example.test", "pencil", NULL, NULL};
	enum sasl_failure why;

	assert_null(start(*state, SASL_SCRAM_SHA_256_PLUS, NULL));
	assert_int_equal(converse(*state, SASL_SCRAM_SHA_256_PLUS, ours, &same,
				  &why, NULL),
			 SASL_DONE);
	assert_int_equal(converse(*state, SASL_SCRAM_SHA_256_PLUS, ours, &relay,
				  &why, NULL),
			 SASL_FAILED);
	assert_int_equal(converse(*state, SASL_SCRAM_SHA_256, ours, &none, &why,
				  NULL),
			 SASL_DONE);
}

/* The flag of the first message against what we offered. */
static void test_binding_flags(void **state)
{
	static const unsigned char ours[SASL_BINDING_LEN] = "one connection";
	static const struct {
		struct span in;
		bool plus, offered;
		enum sasl_failure want;
	} cases[] = {
		{SPAN_INIT("n,,n=a,r=abc"), false, true, SASL_F_NONE},
		{SPAN_INIT("y,,n=a,r=abc"), false, false, SASL_F_NONE},
		{SPAN_INIT("y,,n=a,r=abc"), false, true, SASL_F_BINDING},
		{SPAN_INIT("p=tls-exporter,,n=a,r=abc"), false, true,
		 SASL_F_BINDING},
		{SPAN_INIT("p=tls-exporter,,n=a,r=abc"), true, true,
		 SASL_F_NONE},
		{SPAN_INIT("p=tls-unique,,n=a,r=abc"), true, true,
		 SASL_F_BINDING},
		{SPAN_INIT("n,,n=a,r=abc"), true, true, SASL_F_BINDING},
		{SPAN_INIT("y,,n=a,r=abc"), true, true, SASL_F_BINDING},
		{SPAN_INIT("q,,n=a,r=abc"), false, true, SASL_F_SYNTAX},
	};
	struct buf out;

	buf_init(&out, SASL_MESSAGE_MAX);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sasl_server *s =
			start(*state,
			      cases[i].plus ? SASL_SCRAM_SHA_256_PLUS
					    : SASL_SCRAM_SHA_256,
			      cases[i].offered ? ours : NULL);

		assert_int_equal(sasl_server_step(s, &cases[i].in, &out),
				 cases[i].want == SASL_F_NONE ? SASL_CONTINUE
							      : SASL_FAILED);
		assert_int_equal(sasl_failure(s), cases[i].want);
		sasl_server_free(s);
	}
	buf_free(&out);
}

static void test_scram_garbage(void **state)
{
	static const struct span cases[] = {
		SPAN_INIT(""), SPAN_INIT("x"), SPAN_INIT("n,,"),
		SPAN_INIT("n,,n=,r="), SPAN_INIT("n,,n=a\0b,r=x"),
		SPAN_INIT("n,,m=x,n=a,r=x"), SPAN_INIT("n,,n=a=,r=x"),
		SPAN_INIT("n,,n=a=2G,r=x"), SPAN_INIT("p=tls-unique,,n=a,r=x"),
		SPAN_INIT("n,,n=a\n,r=x"), SPAN_INIT("n,,n=\xff,r=x"),
	};
	struct buf out;

	buf_init(&out, SASL_MESSAGE_MAX);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sasl_server *s = start(*state, SASL_SCRAM_SHA_256, NULL);

		assert_int_equal(sasl_server_step(s, &cases[i], &out),
				 SASL_FAILED);
		assert_int_not_equal(sasl_failure(s), SASL_F_NONE);
		assert_int_equal(buf_len(&out), 0);
		sasl_server_free(s);
	}
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mechanisms),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_plain_limits),
		cmocka_unit_test(test_no_initial),
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_scram),
		cmocka_unit_test(test_unknown_user),
		cmocka_unit_test(test_binding),
		cmocka_unit_test(test_binding_flags),
		cmocka_unit_test(test_scram_garbage),
	};

	if (!crypto_library_start())
		return 1;
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
