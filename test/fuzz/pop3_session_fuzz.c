/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole session over the memory drop.  The first byte chooses: TLS from the
 * start, logged in beforehand, a message expunged elsewhere, the size of reads.
 */
#include "base/ensure.h"
#include "memory_drop.h"
#include "pop3/session.h"
#include "script_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct span login = SPAN_INIT("USER fred\r\nPASS sec ret\r\n");
	struct drop_host d;
	struct script script;
	if (size == 0 || size > 20000)
		return 0;
	uint8_t choice = data[0];
	struct span rest = span_of(data + 1, size - 1);
	struct span chunks[2] = {login, rest};
	bool in = choice & 2;
	drop_init(&d);
	d.host.facts.tls = in || choice & 1;
	script_init(&script, in ? chunks : &chunks[1], in ? 2 : 1);
	script.split = choice >> 4;
	struct pop3_session *s = pop3_session_new(&script.stream, &d.host);
	ENSURE(s != NULL);
	enum pop3_next next = pop3_session_greet(s);
	for (unsigned turn = 0; next != POP3_CLOSE; turn++) {
		if (choice & 4)
			d.gone[turn % d.count] = true;
		next = pop3_session_run(s);
	}
	ENSURE(d.host.facts.tls || d.logins == 0);
	pop3_session_free(s);
	ENSURE(d.opens == d.closes);
	script_free(&script);
	return 0;
}
