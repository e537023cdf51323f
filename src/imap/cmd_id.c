/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_id: ID (RFC 2971).  What the client says of itself is checked for
 * form and limits and otherwise not used: nothing may depend on it.
 */
#include "imap/state.h"

#define ID_PAIRS_MAX 30u /* RFC 2971 3.3 */
#define ID_FIELD_MAX 30u
#define ID_VALUE_MAX 1024u

static bool pairs(struct imap_lex *lex)
{
	struct span field, value;
	bool nil;
	if (imap_lex_word(lex, "NIL"))
		return imap_lex_end(lex);
	if (!imap_lex_char(lex, '('))
		return false;
	if (imap_lex_char(lex, ')'))
		return imap_lex_end(lex);
	size_t n = 0;
	do {
		if (n++ == ID_PAIRS_MAX || !imap_lex_string(lex, &field) ||
		    field.len > ID_FIELD_MAX || !imap_lex_space(lex) ||
		    !imap_lex_nstring(lex, &value, &nil) ||
		    value.len > ID_VALUE_MAX)
			return false;
	} while (imap_lex_space(lex));
	return imap_lex_char(lex, ')') && imap_lex_end(lex);
}

void imap_cmd_id(struct imap_session *s, struct imap_lex *lex)
{
	if (!pairs(lex)) {
		imap_bad(s, "ID takes NIL or a list of at most 30 pairs");
		return;
	}
	stream_write(s->stream, SPAN("* ID (\"name\" \"letterlock\""));
	/* The version is for those who logged in, not for scanners. */
	if (s->state != IMAP_NEW && s->host->facts.version.len > 0)
		stream_printf(s->stream, " \"version\" \"%.*s\"",
			      SPAN_FMT(s->host->facts.version));
	stream_write(s->stream, SPAN(")\r\n"));
	imap_ok(s, NULL, "Pleased to meet you");
}
