/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole session over the memory host.  The first byte chooses: TLS from the
 * start, a mailbox selected beforehand, the size of the reads.  Between two
 * wake-ups another session changes the mailbox.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "imap/session.h"
#include "memory_host.h"
#include "script_stream.h"

static void others(struct mem_host *m, unsigned turn)
{
	struct mem_box *b = mem_box(m, "INBOX");
	if (m->moved_count < 8)
		m->moved[m->moved_count++] = (struct imap_moved){
			.name = turn & 1 ? SPAN("Sent") : SPAN("x/y"), .what = turn & 31,
			.old = turn & 8 ? SPAN("x") : SPAN(""), .object = turn & 7, .subscribed = turn & 2,
			.children = turn & 4, .messages = turn, .uid_next = turn + 1, .version = turn};
	if (b == NULL || b->count > 200 || b->log_count > MEM_LOG / 2)
		return;
	if (turn % 3 == 0)
		ENSURE(mem_deliver(m, b, SPAN("Subject: x\r\n\r\nnew\r\n")) != NULL);
	else if (turn % 3 == 1 && b->count > 0)
		mem_expunge(b, b->messages[turn % b->count].uid);
	else if (b->count > 0)
		mem_flags(b, b->messages[turn % b->count].uid, turn & 31);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct span login =
		SPAN_INIT("l LOGIN fred secret\r\ns SELECT INBOX\r\n");
	struct mem_host m;
	struct script script;
	if (size == 0 || size > 20000)
		return 0;
	uint8_t choice = data[0];
	bool in = choice & 2;
	struct span chunks[2] = {in ? login : span_of(data + 1, size - 1),
				 span_of(data + 1, size - 1)};
	mem_init(&m);
	m.host.facts.tls = in || choice & 1;
	others(&m, 0);
	others(&m, 3);
	script_init(&script, chunks, in ? 2 : 1);
	script.split = choice >> 4;
	struct imap_session *s = imap_session_new(&script.stream, &m.host);
	ENSURE(s != NULL);
	enum imap_next next = imap_session_greet(s);
	for (unsigned turn = 0; next != IMAP_CLOSE; turn++) {
		others(&m, turn);
		if (imap_session_hint(s, NULL) == IMAP_CLOSE)
			break;
		next = imap_session_run(s);
		ENSURE(imap_session_authenticated(s) || imap_session_mailbox(s) == 0);
	}
	ENSURE(m.host.facts.tls || m.logins == 0);
	imap_session_free(s);
	ENSURE(m.selects == m.deselects);
	script_free(&script);
	mem_free(&m);
	return 0;
}
