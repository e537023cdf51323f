/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_copy: COPY and MOVE (RFC 3501 6.4.7, RFC 6851, COPYUID of RFC 4315).
 *
 * Must never say OK before the host said that the copies are kept.
 */
#include "imap/state.h"

static bool add_all(struct imap_set *set, const uint32_t *uids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!imap_set_add(set, uids[i], uids[i]))
			return false;
	return true;
}

#define CODE_MAX (4u << 20)

/* "COPYUID 7 1,3 10:11", or empty when nothing was copied. */
static void copyuid(struct imap_session *s, const struct imap_copied *c, struct buf *code)
{
	struct imap_set from, to;
	imap_set_init(&from, s->work->arena);
	imap_set_init(&to, s->work->arena);
	if (c->count == 0 || !add_all(&from, c->from, c->count) ||
	    !add_all(&to, c->to, c->count))
		return;
	buf_printf(code, "COPYUID %u ", c->uid_validity);
	imap_set_text(&from, code);
	buf_addc(code, ' ');
	imap_set_text(&to, code);
	buf_addc(code, '\0');
}

static void finish(struct imap_session *s, const struct imap_copied *c, bool move)
{
	struct buf code;
	buf_init(&code, CODE_MAX);
	copyuid(s, c, &code);
	/* Without room for the pairs the client looks for itself. */
	const char *pairs = buf_ok(&code) && buf_len(&code) > 0 ? buf_span(&code).ptr
								: NULL;
	if (move && pairs != NULL) {
		/* RFC 6851 4.3: before the expunges. */
		stream_write(s->stream, SPAN("* OK ["));
		stream_write(s->stream, span_cstr(pairs));
		stream_write(s->stream, SPAN("] Moved\r\n"));
	}
	imap_ok(s, move ? NULL : pairs, "Done");
	buf_free(&code);
}

static void run(struct imap_session *s, struct imap_lex *lex, bool move)
{
	struct span text, name;
	struct imap_set uids;
	struct imap_copied copied = {0};
	if (!imap_lex_set(lex, &text) || !imap_lex_space(lex)) {
		imap_bad(s, "A message set and a mailbox expected");
		return;
	}
	if (!imap_arg_name(s, lex, &name))
		return;
	if (!imap_lex_end(lex)) {
		imap_bad(s, "A message set and a mailbox expected");
		return;
	}
	if (!imap_view_resolve(s, text, &uids))
		return;
	if (move && s->read_only) {
		imap_no(s, "READ-ONLY", "Mailbox is read-only");
		return;
	}
	enum imap_answer r = IMAP_YES;
	if (uids.count > 0)
		r = s->host->copy(s->host, s->mailbox, &uids, name, move,
				  s->work->arena, &copied);
	if (r == IMAP_YES)
		finish(s, &copied, move);
	else if (r == IMAP_NONEXISTENT)
		imap_no(s, "TRYCREATE", "No such mailbox");
	else
		imap_no_answer(s, r);
}

void imap_cmd_copy(struct imap_session *s, struct imap_lex *lex)
{
	run(s, lex, false);
}

void imap_cmd_move(struct imap_session *s, struct imap_lex *lex)
{
	run(s, lex, true);
}
