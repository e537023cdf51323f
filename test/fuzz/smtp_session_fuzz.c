/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/session: a whole conversation.  The first byte chooses role, TLS and
 * cut; the host answers by what it is asked.  No message is kept twice, every
 * body is ended or given up, replies are well-formed lines.
 */
#include "base/ensure.h"
#include "script_stream.h"
#include "smtp_answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_replies(struct span out)
{
	struct span line;
	while (out.len > 0) {
		ENSURE(span_cut(&out, '\n', &line) && span_ends(line, SPAN("\r")));
		ENSURE(line.len >= 5 && (line.ptr[3] == ' ' || line.ptr[3] == '-'));
		for (size_t i = 0; i + 1 < line.len; i++)
			ENSURE(line.ptr[i] >= ' ' && line.ptr[i] < 0x7f);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > 65536)
		return 0;
	struct smtp_settings set = {
		.role = (enum smtp_role)(data[0] % 3), .tls = (enum smtp_tls_mode)(data[0] / 3 % 4),
		.hostname = SPAN("mx.example.test"), .extensions = SMTP_EXT_ALL,
		.limits = SMTP_LIMITS_DEFAULT,
	};
	set.limits.message = 4096;
	struct smtp_answers host;
	struct script script;
	/* '|' is where the client waits; sixteen such places are enough. */
	struct span rest = span_of(data + 1, size - 1), chunks[16];
	size_t count = 0;
	while (count < 15 && span_cut(&rest, '|', &chunks[count]))
		count++;
	if (count == 15)
		chunks[count] = rest;
	count++;
	smtp_answers_init(&host, NULL);
	script_init(&script, chunks, count);
	script.split = data[0] / 12 % 4;
	struct smtp_session *s = smtp_session_new(&script.stream, &host.host, &set);
	ENSURE(s != NULL);
	enum smtp_next n = smtp_session_greet(s);
	while (n == SMTP_IDLE)
		n = smtp_session_run(s);
	smtp_session_free(s);
	smtp_answers_free(&host);
	check_replies(script_output(&script));
	script_free(&script);
	return 0;
}
