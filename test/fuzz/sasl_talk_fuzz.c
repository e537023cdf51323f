/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sasl: a client that knows the password (libgsasl's), whose messages are
 * altered on their way as the dice say.  An exchange of which a byte that
 * counts was altered never ends well; an unaltered one with the right password
 * always does.
 */
#include <gsasl.h>

#include "base/base64.h"
#include "base/ensure.h"
#include "sasl/server.h"
#include "turns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned char binding[SASL_BINDING_LEN] = {9, 8, 7};

struct client {
	const char *user, *password, *authzid;
	bool binds;
};

/* Made once: it takes thousands of hashes. */
static bool verifier(void *owner, struct span user, struct scram_verifier *out)
{
	static const unsigned char salt[SCRAM_SALT_LEN] = "0123456789abcdef";
	static struct scram_verifier alice;
	static bool made;
	(void)owner;
	if (!made)
		ENSURE(scram_verifier_make(SPAN("pencil"), salt, 4096, &alice));
	made = true;
	*out = alice;
	return span_eq(user, SPAN("alice@example.test"));
}

static int client_answer(Gsasl *g, Gsasl_session *session, Gsasl_property p)
{
	const struct client *c = gsasl_session_hook_get(session);
	struct buf text;
	(void)g;
	if (p == GSASL_AUTHID)
		return gsasl_property_set(session, p, c->user);
	if (p == GSASL_PASSWORD)
		return gsasl_property_set(session, p, c->password);
	if (p == GSASL_AUTHZID && c->authzid != NULL)
		return gsasl_property_set(session, p, c->authzid);
	if (p != GSASL_CB_TLS_EXPORTER || !c->binds)
		return GSASL_NO_CALLBACK;
	buf_init(&text, 256);
	base64_encode(&text, span_of(binding, sizeof binding));
	buf_addc(&text, '\0');
	int r = gsasl_property_set(session, p, buf_span(&text).ptr);
	buf_free(&text);
	return r;
}

/* The message as it arrives; true: something was done to it. */
static bool alter(struct dice *d, struct span in, struct buf *out)
{
	static const char *const parts[] = {",", "n,,", "y,,", "p=tls-exporter,,", "a=alice@example.test",
		"=2C", "=3D", "=", "m=x,", "n=", "r=", "c=biws", "p=AAAA", "\xff"};
	unsigned how = dice(d, 8);
	size_t at = in.len > 0 ? dice(d, (unsigned)(in.len < 256 ? in.len : 256)) : 0;
	buf_clear(out);
	buf_add(out, span_sub(in, 0, at));
	switch (how) {
	case 5: /* something put in */
		buf_add(out, DICE_WORD(d, parts));
		buf_add(out, span_skip(in, at));
		break;
	case 6: /* something else to the end */
		buf_add(out, DICE_WORD(d, parts));
		break;
	case 7: /* one byte */
		buf_addc(out, (char)dice(d, 256));
		buf_add(out, span_skip(in, at + 1));
		break;
	default:
		buf_add(out, span_skip(in, at));
	}
	return !span_eq(buf_span(out), in);
}

static enum sasl_state converse(struct dice *d, struct sasl_server *s, Gsasl_session *session,
				bool *altered)
{
	enum sasl_state state = SASL_CONTINUE;
	struct buf out, in;
	buf_init(&out, SASL_MESSAGE_MAX);
	buf_init(&in, 2 * SASL_MESSAGE_MAX);
	for (int i = 0; i < 5 && state == SASL_CONTINUE; i++) {
		char *text = NULL;
		size_t n = 0;
		struct span say = buf_span(&out), message;
		int r = gsasl_step(session, say.ptr ? say.ptr : "", say.len, &text, &n);
		if (r != GSASL_OK && r != GSASL_NEEDS_MORE) {
			*altered = true; /* the client saw it, or cannot bind */
			break;
		}
		*altered = alter(d, span_of(text, n), &in) || *altered;
		message = buf_span(&in);
		buf_clear(&out);
		state = sasl_server_step(s, &message, &out);
		gsasl_free(text);
	}
	buf_free(&in);
	buf_free(&out);
	return state;
}

static void judge(struct sasl_server *s, enum sasl_state state, const struct client *c, bool altered)
{
	bool right = span_eq(span_cstr(c->user), SPAN("alice@example.test")) &&
		     span_eq(span_cstr(c->password), SPAN("pencil")) &&
		     (c->authzid == NULL || span_eq(span_cstr(c->authzid), span_cstr(c->user)));
	if (state == SASL_PASSWORD) {
		ENSURE(sasl_user(s).len > 0 && sasl_password(s).len > 0);
		state = sasl_verdict(s, !altered && right);
		ENSURE(state == (!altered && right ? SASL_DONE : SASL_FAILED));
	} else if (state == SASL_DONE) {
		ENSURE(right && span_eq(sasl_user(s), SPAN("alice@example.test")));
	} else if (right && !altered) {
		ENSURE(state != SASL_FAILED);
	}
	if (state == SASL_FAILED)
		ENSURE(sasl_failure(s) != SASL_F_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const users[] = {"alice@example.test", "bob", "a@b@c", "Alice@EXAMPLE.test", "x,y=z"};
	static const char *const names[] = {"alice@example.test", "bob@example.test", ",="};
	struct dice d = {span_of(data, size)};
	struct sasl_owner owner = {.verifier = verifier, .iterations = 4096};
	struct sasl_library *library = sasl_library_new();
	unsigned m = dice(&d, SASL_MECHANISMS), user = dice(&d, 8), name = dice(&d, 8);
	bool bound = dice(&d, 2), altered = false;
	struct client c = {users[user < ARRAY_LEN(users) ? user : 0],
			   dice(&d, 4) == 3 ? "pencils" : "pencil",
			   name < ARRAY_LEN(names) ? names[name] : NULL, bound};
	struct sasl_channel channel = {bound ? binding : NULL};
	struct sasl_server *s = sasl_server_new(library, &owner, &channel, (enum sasl_mechanism)m);
	Gsasl_session *session = NULL;
	Gsasl *g = NULL;
	ENSURE(gsasl_init(&g) == GSASL_OK);
	if (s == NULL) /* -PLUS, and nothing to bind to */
		ENSURE(!bound && m == SASL_SCRAM_SHA_256_PLUS);
	gsasl_callback_set(g, client_answer);
	if (s != NULL &&
	    gsasl_client_start(g, sasl_mechanism_name((enum sasl_mechanism)m).ptr, &session) == GSASL_OK) {
		gsasl_session_hook_set(session, &c);
		judge(s, converse(&d, s, session, &altered), &c, altered);
		gsasl_finish(session);
	}
	gsasl_done(g);
	sasl_server_free(s);
	sasl_library_free(library);
	return 0;
}
