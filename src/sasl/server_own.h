/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sasl/server_own - one exchange, as the files of the mechanisms see it.
 * Private to sasl/.
 */
#pragma once

#include <gsasl.h>

#include "sasl/server.h"

struct sasl_library {
	uint32_t tag;
	Gsasl *gsasl;
};
#define TAG_SASL_LIBRARY TAG4('s', 'l', 'i', 'b')

struct sasl_server {
	uint32_t tag;
	enum sasl_mechanism mechanism;
	enum sasl_state state;
	enum sasl_failure failure;
	unsigned steps;
	const struct sasl_owner *owner;
	bool bindable;
	unsigned char binding[SASL_BINDING_LEN];
	char user[SASL_NAME_MAX];
	size_t user_len;
	char password[SASL_PASSWORD_MAX];
	size_t password_len;
	Gsasl_session *scram;
	bool begun;    /* SCRAM: the first message has been checked */
	bool finished; /* SCRAM: only the client's empty answer is missing */
};
#define TAG_SASL TAG4('s', 'a', 's', 'l')

enum sasl_state sasl_fail(struct sasl_server *, enum sasl_failure);

enum sasl_state sasl_plain_step(struct sasl_server *, struct span in);
enum sasl_state sasl_login_step(struct sasl_server *, const struct span *in,
				struct buf *out);
enum sasl_state sasl_scram_step(struct sasl_server *, struct span in,
				struct buf *out);
/* libgsasl's questions. */
int sasl_scram_answer(Gsasl *, Gsasl_session *, Gsasl_property);
