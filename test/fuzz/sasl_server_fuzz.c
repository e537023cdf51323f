/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First byte: mechanism and whether the connection can bind; then messages, each
 * after its length in two bytes.  No user's password is known, so only an
 * owner's verdict may ever end an exchange well.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "sasl/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool nobody(void *owner, struct span user, struct scram_verifier *out)
{
	(void)owner;
	(void)user;
	(void)out;
	return false;
}

static void talk(struct sasl_server *s, struct span in)
{
	enum sasl_state state;
	struct buf out;

	buf_init(&out, SASL_MESSAGE_MAX);
	state = sasl_server_step(s, NULL, &out);
	while (in.len >= 2 && state == SASL_CONTINUE) {
		size_t n = (size_t)(unsigned char)in.ptr[0] << 8 |
			   (unsigned char)in.ptr[1];
		struct span message = span_sub(in, 2, n);

		state = sasl_server_step(s, &message, &out);
		in = span_skip(in, 2 + message.len);
	}
	ENSURE(state != SASL_DONE);
	if (state == SASL_PASSWORD) {
		ENSURE(sasl_user(s).len > 0 && sasl_password(s).len > 0);
		ENSURE(sasl_verdict(s, true) == SASL_DONE);
	}
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char binding[SASL_BINDING_LEN] = {1};
	struct sasl_owner owner = {.verifier = nobody, .iterations = 4096};
	struct sasl_channel channel;
	struct sasl_library *library;
	struct sasl_server *s;

	if (size < 1)
		return 0;
	library = sasl_library_new();
	channel.binding = data[0] & 4 ? binding : NULL;
	s = library ? sasl_server_new(library, &owner, &channel,
				      (enum sasl_mechanism)(data[0] & 3))
		    : NULL;
	if (s)
		talk(s, span_of(data + 1, size - 1));
	sasl_server_free(s);
	sasl_library_free(library);
	return 0;
}
