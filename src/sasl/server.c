/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sasl/server - limits, order and end of an exchange; the mechanisms do the rest.
 */
#include "sasl/server.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "sasl/server_own.h"

static bool scram(enum sasl_mechanism m)
{
	return m == SASL_SCRAM_SHA_256 || m == SASL_SCRAM_SHA_256_PLUS;
}

struct sasl_server *sasl_server_new(struct sasl_library *library,
				    const struct sasl_owner *owner,
				    const struct sasl_channel *channel,
				    enum sasl_mechanism mechanism)
{
	struct sasl_server *s;

	ENSURE_TAG(library, TAG_SASL_LIBRARY);
	ENSURE(owner->iterations >= SCRAM_ITERATIONS_MIN);
	if (mechanism == SASL_SCRAM_SHA_256_PLUS && !channel->binding)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->tag = TAG_SASL;
	s->mechanism = mechanism;
	s->state = SASL_CONTINUE;
	s->owner = owner;
	s->bindable = channel->binding != NULL;
	if (s->bindable)
		memcpy(s->binding, channel->binding, SASL_BINDING_LEN);
	if (!scram(mechanism))
		return s;
	if (gsasl_server_start(library->gsasl,
			       sasl_mechanism_name(mechanism).ptr,
			       &s->scram) != GSASL_OK) {
		s->scram = NULL;
		sasl_server_free(s);
		return NULL;
	}
	gsasl_session_hook_set(s->scram, s);
	return s;
}

void sasl_server_free(struct sasl_server *s)
{
	if (!s)
		return;
	ENSURE_TAG(s, TAG_SASL);
	if (s->scram)
		gsasl_finish(s->scram);
	secret_wipe(s, sizeof(*s));
	free(s);
}

enum sasl_state sasl_fail(struct sasl_server *s, enum sasl_failure why)
{
	s->failure = why;
	secret_wipe(s->password, sizeof(s->password));
	s->password_len = 0;
	return SASL_FAILED;
}

static enum sasl_state step(struct sasl_server *s, const struct span *in,
			    struct buf *out)
{
	if (in && in->len > SASL_MESSAGE_MAX)
		return sasl_fail(s, SASL_F_SYNTAX);
	if (s->mechanism == SASL_LOGIN)
		return sasl_login_step(s, in, out);
	if (!in)
		return SASL_CONTINUE; /* an empty challenge asks for it */
	if (s->mechanism == SASL_PLAIN)
		return sasl_plain_step(s, *in);
	return sasl_scram_step(s, *in, out);
}

enum sasl_state sasl_server_step(struct sasl_server *s, const struct span *in,
				 struct buf *out)
{
	ENSURE_TAG(s, TAG_SASL);
	buf_clear(out);
	if (s->state != SASL_CONTINUE)
		return SASL_FAILED;
	s->steps++;
	if (s->steps > SASL_STEPS_MAX || (!in && s->steps > 1))
		s->state = sasl_fail(s, SASL_F_SYNTAX);
	else
		s->state = step(s, in, out);
	if (s->state == SASL_CONTINUE && !buf_ok(out))
		s->state = sasl_fail(s, SASL_F_MEMORY);
	return s->state;
}

enum sasl_state sasl_verdict(struct sasl_server *s, bool right)
{
	ENSURE_TAG(s, TAG_SASL);
	ENSURE(s->state == SASL_PASSWORD);
	secret_wipe(s->password, sizeof(s->password));
	s->password_len = 0;
	s->state = right ? SASL_DONE : sasl_fail(s, SASL_F_WRONG);
	return s->state;
}

struct span sasl_user(const struct sasl_server *s)
{
	ENSURE_TAG(s, TAG_SASL);
	return span_of(s->user, s->user_len);
}

struct span sasl_password(const struct sasl_server *s)
{
	ENSURE_TAG(s, TAG_SASL);
	ENSURE(s->state == SASL_PASSWORD);
	return span_of(s->password, s->password_len);
}

enum sasl_failure sasl_failure(const struct sasl_server *s)
{
	ENSURE_TAG(s, TAG_SASL);
	return s->failure;
}
