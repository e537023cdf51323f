/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sasl/scram - SCRAM-SHA-256(-PLUS): the exchange is libgsasl's, the keys ours.
 *
 * For a user without a verifier salt and keys come from a keyed hash of the
 * name: the same work, the same messages, the same salt each time, and a proof
 * that nobody can make.  libgsasl is never given a password to derive from.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/ensure.h"
#include "crypto/secret.h"
#include "sasl/server_own.h"

static void derive(const struct sasl_owner *o, struct span label,
		   struct span user, struct sha256 *out)
{
	struct span parts[] = {label, user};

	*out = hmac_sha256_parts(span_of(o->secret, sizeof(o->secret)), parts,
				 ARRAY_LEN(parts));
}

/* Made always, so that a known user costs the same. */
static void pretend(const struct sasl_owner *o, struct span user,
		    struct scram_verifier *out)
{
	struct sha256 salt;

	derive(o, SPAN("scram salt:"), user, &salt);
	memcpy(out->salt, salt.bytes, SCRAM_SALT_LEN);
	derive(o, SPAN("scram stored:"), user, &out->stored_key);
	derive(o, SPAN("scram server:"), user, &out->server_key);
	out->iterations = o->iterations;
}

static int give(Gsasl_session *g, Gsasl_property p, const void *bytes, size_t n)
{
	struct buf text;
	int r;

	buf_init(&text, 256);
	base64_encode(&text, span_of(bytes, n));
	buf_addc(&text, '\0');
	r = buf_ok(&text) ? gsasl_property_set(g, p, buf_span(&text).ptr)
			  : GSASL_MALLOC_ERROR;
	if (buf_ok(&text))
		secret_wipe(text.data, text.to);
	buf_free(&text);
	return r;
}

/* Everything about the user at once, on the first question. */
static int give_verifier(struct sasl_server *s, Gsasl_session *g)
{
	const char *name = gsasl_property_fast(g, GSASL_AUTHID);
	struct scram_verifier v, real;
	struct span user;
	char number[16];
	int r;

	if (!sasl_name_normalise(span_cstr(name), s->user, &s->user_len)) {
		s->failure = SASL_F_NAME;
		return GSASL_AUTHENTICATION_ERROR;
	}
	user = span_of(s->user, s->user_len);
	pretend(s->owner, user, &v);
	if (s->owner->verifier(s->owner->owner, user, &real))
		v = real;
	(void)snprintf(number, sizeof(number), "%u", v.iterations);
	r = gsasl_property_set(g, GSASL_SCRAM_ITER, number);
	if (r == GSASL_OK)
		r = give(g, GSASL_SCRAM_SALT, v.salt, sizeof(v.salt));
	if (r == GSASL_OK)
		r = give(g, GSASL_SCRAM_STOREDKEY, v.stored_key.bytes,
			 SHA256_LEN);
	if (r == GSASL_OK)
		r = give(g, GSASL_SCRAM_SERVERKEY, v.server_key.bytes,
			 SHA256_LEN);
	secret_wipe(&v, sizeof(v));
	secret_wipe(&real, sizeof(real));
	return r;
}

int sasl_scram_answer(Gsasl *gsasl, Gsasl_session *g, Gsasl_property p)
{
	struct sasl_server *s = gsasl_session_hook_get(g);

	(void)gsasl;
	if (!s)
		return GSASL_NO_CALLBACK;
	switch (p) {
	case GSASL_SCRAM_ITER:
	case GSASL_SCRAM_SALT:
	case GSASL_SCRAM_STOREDKEY:
	case GSASL_SCRAM_SERVERKEY:
		return give_verifier(s, g);
	case GSASL_CB_TLS_EXPORTER:
		if (!s->bindable)
			return GSASL_NO_CALLBACK;
		return give(g, p, s->binding, SASL_BINDING_LEN);
	default:
		return GSASL_NO_CALLBACK;
	}
}

static enum sasl_failure reason(const struct sasl_server *s, int r)
{
	if (s->failure != SASL_F_NONE)
		return s->failure;
	switch (r) {
	case GSASL_MALLOC_ERROR:
		return SASL_F_MEMORY;
	case GSASL_MECHANISM_PARSE_ERROR:
		return SASL_F_SYNTAX;
	case GSASL_NO_CB_TLS_EXPORTER:
	case GSASL_NO_CB_TLS_UNIQUE:
		return SASL_F_BINDING;
	default:
		/* Before the verifier was asked for, only binding can fail. */
		return s->user_len == 0 ? SASL_F_BINDING : SASL_F_WRONG;
	}
}

/* An authzid is refused unless it is the user itself. */
static bool own_authzid(const struct sasl_server *s)
{
	const char *z = gsasl_property_fast(s->scram, GSASL_AUTHZID);
	char name[SASL_NAME_MAX];
	size_t len;

	if (!z || *z == '\0')
		return true;
	return sasl_name_normalise(span_cstr(z), name, &len) &&
	       span_eq(span_of(name, len), span_of(s->user, s->user_len));
}

/* RFC 5802 section 7: "," and "=" only as "=2C" and "=3D". */
static bool saslname(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		struct span escape = span_sub(s, i, 3);

		if (s.ptr[i] == '=' && !span_eq_nocase(escape, SPAN("=2C")) &&
		    !span_eq_nocase(escape, SPAN("=3D")))
			return false;
	}
	return s.len > 0;
}

/*
 * The client's first message, strictly: libgsasl lets broken names and foreign
 * bindings pass and fails later, after it has told a salt.
 */
static enum sasl_failure first_message(const struct sasl_server *s,
				       struct span in)
{
	struct span flag, authzid, name;

	if (!span_cut(&in, ',', &flag) || !span_cut(&in, ',', &authzid) ||
	    !span_cut(&in, ',', &name))
		return SASL_F_SYNTAX;
	if (authzid.len > 0 && (!span_starts(authzid, SPAN("a=")) ||
				!saslname(span_skip(authzid, 2))))
		return SASL_F_SYNTAX;
	if (!span_starts(name, SPAN("n=")) || !saslname(span_skip(name, 2)) ||
	    !span_starts(in, SPAN("r=")))
		return SASL_F_SYNTAX;
	if (s->mechanism == SASL_SCRAM_SHA_256_PLUS)
		return span_eq(flag, SPAN("p=tls-exporter")) ? SASL_F_NONE
							     : SASL_F_BINDING;
	/* "y": it could bind and saw no offer of ours; somebody took it out. */
	if (span_eq(flag, SPAN("y")))
		return s->bindable ? SASL_F_BINDING : SASL_F_NONE;
	return span_eq(flag, SPAN("n"))		 ? SASL_F_NONE
	       : span_starts(flag, SPAN("p=")) ? SASL_F_BINDING
					       : SASL_F_SYNTAX;
}

enum sasl_state sasl_scram_step(struct sasl_server *s, struct span in,
				struct buf *out)
{
	char *reply = NULL;
	size_t len = 0;
	int r;

	if (s->finished)
		return in.len == 0 ? SASL_DONE : sasl_fail(s, SASL_F_SYNTAX);
	if (in.len == 0 || span_has(in, '\0'))
		return sasl_fail(s, SASL_F_SYNTAX);
	if (!s->begun) {
		enum sasl_failure f = first_message(s, in);

		if (f != SASL_F_NONE)
			return sasl_fail(s, f);
		s->begun = true;
	}
	r = gsasl_step(s->scram, in.ptr, in.len, &reply, &len);
	if (r == GSASL_OK || r == GSASL_NEEDS_MORE)
		buf_add(out, span_of(reply, len));
	gsasl_free(reply);
	/* Without a verifier libgsasl would go on with a salt of its own. */
	if ((r != GSASL_OK && r != GSASL_NEEDS_MORE) ||
	    s->failure != SASL_F_NONE) {
		buf_clear(out);
		return sasl_fail(s, reason(s, r));
	}
	if (!buf_ok(out))
		return sasl_fail(s, SASL_F_MEMORY);
	if (r == GSASL_NEEDS_MORE)
		return SASL_CONTINUE;
	if (!own_authzid(s)) {
		buf_clear(out);
		return sasl_fail(s, SASL_F_AUTHZID);
	}
	/* The server's proof goes as a challenge; the client answers nothing. */
	s->finished = true;
	return SASL_CONTINUE;
}
