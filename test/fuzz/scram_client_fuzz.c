/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server may say to a SCRAM login, message after message, each behind its
 * length in two bytes.  It does not know the password: it never proves itself, and
 * no answer holds the password.
 */
#include "base/ensure.h"
#include "crypto/library.h"
#include "sasl/scram_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct span password = SPAN_INIT("the~password");
	struct scram_client_keys keys = {0};
	struct scram_client_settings set = {
		.user = SPAN("u"), .password = password, .keys = &keys};
	struct scram_client c;
	struct buf out;
	struct span in = span_of(data, size);
	if (size < 1 || !crypto_library_start())
		return 0;
	set.how = (enum scram_client_binding)(data[0] % 3);
	in = span_skip(in, 1);
	if (span_find_span(in, password) != SIZE_MAX)
		return 0; /* a nonce that a server chose comes back to it */
	buf_init(&out, 8192);
	scram_client_begin(&c, &set);
	bool more = scram_client_step(&c, NULL, &out);
	ENSURE(more);
	while (more && in.len >= 2) {
		size_t n = (size_t)(unsigned char)in.ptr[0] << 8 | (unsigned char)in.ptr[1];
		struct span message = span_sub(in, 2, n);
		more = scram_client_step(&c, &message, &out);
		ENSURE(span_find_span(buf_span(&out), password) == SIZE_MAX);
		in = span_skip(in, 2 + message.len);
	}
	ENSURE(!scram_client_proved(&c));
	scram_client_end(&c);
	buf_free(&out);
	return 0;
}
