/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_namespace: NAMESPACE (RFC 2342): a personal one without a prefix, those of other
 * users and of shared accounts below a level each.
 */
#include "imap/write.h"

bool imap_of_others(const struct imap_namespaces *n, struct span name)
{
	const struct span levels[] = {n->others, n->shared};
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (levels[i].len > 0 && span_starts(name, levels[i]) &&
		    (name.len == levels[i].len || name.ptr[levels[i].len] == '/'))
			return true;
	return false;
}

static void tell(struct imap_session *s, struct span level)
{
	if (level.len == 0) {
		stream_write(s->stream, SPAN(" NIL"));
		return;
	}
	struct span prefix = arena_printf(s->work->arena, "%.*s/", SPAN_FMT(level));
	stream_write(s->stream, SPAN(" (("));
	imap_write_name(s, s->work->arena, prefix);
	stream_write(s->stream, SPAN(" \"/\"))"));
}

void imap_cmd_namespace(struct imap_session *s, struct imap_lex *lex UNUSED)
{
	struct imap_namespaces n = {0};
	enum imap_answer r = s->host->namespaces(s->host, s->work->arena, &n);
	if (r != IMAP_YES) {
		imap_no_answer(s, r);
		return;
	}
	stream_write(s->stream, SPAN("* NAMESPACE ((\"\" \"/\"))"));
	tell(s, n.others);
	tell(s, n.shared);
	stream_write(s->stream, SPAN("\r\n"));
	imap_ok(s, NULL, "That is all");
}
