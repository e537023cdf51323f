/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sasl/plain - PLAIN (RFC 4616) and LOGIN: a name and a password in the clear,
 * inside TLS.
 *
 * Neither decides anything: they end in SASL_PASSWORD and the owner checks.
 */
#include "crypto/secret.h"
#include "sasl/server_own.h"

static bool take_user(struct sasl_server *s, struct span name)
{
	return sasl_name_normalise(name, s->user, &s->user_len);
}

static bool take_password(struct sasl_server *s, struct span p)
{
	if (p.len == 0 || p.len > SASL_PASSWORD_MAX || span_has(p, '\0'))
		return false;
	memcpy(s->password, p.ptr, p.len);
	s->password_len = p.len;
	return true;
}

/* Empty, or the same user in any spelling. */
static bool own_authzid(const struct sasl_server *s, struct span authzid)
{
	char name[SASL_NAME_MAX];
	size_t len;

	if (authzid.len == 0)
		return true;
	return sasl_name_normalise(authzid, name, &len) &&
	       span_eq(span_of(name, len), span_of(s->user, s->user_len));
}

/* [authzid] NUL authcid NUL passwd */
enum sasl_state sasl_plain_step(struct sasl_server *s, struct span in)
{
	struct span authzid, user;

	if (!span_cut(&in, '\0', &authzid) || !span_cut(&in, '\0', &user))
		return sasl_fail(s, SASL_F_SYNTAX);
	if (!take_user(s, user))
		return sasl_fail(s, SASL_F_NAME);
	if (!own_authzid(s, authzid))
		return sasl_fail(s, SASL_F_AUTHZID);
	if (!take_password(s, in))
		return sasl_fail(s, SASL_F_SYNTAX);
	return SASL_PASSWORD;
}

enum sasl_state sasl_login_step(struct sasl_server *s, const struct span *in,
				struct buf *out)
{
	if (!in) { /* only at the start: no initial response */
		buf_add(out, SPAN("Username:"));
		return SASL_CONTINUE;
	}
	if (s->user_len == 0) {
		if (!take_user(s, *in))
			return sasl_fail(s, SASL_F_NAME);
		buf_add(out, SPAN("Password:"));
		return SASL_CONTINUE;
	}
	if (!take_password(s, *in))
		return sasl_fail(s, SASL_F_SYNTAX);
	return SASL_PASSWORD;
}
