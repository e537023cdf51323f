/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_acl: SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS (RFC 4314).
 *
 * Words are checked here; who may see or change what is the host's to say.
 */
#include "base/utf8.h"
#include "imap/write.h"

/* " " identifier, with "-" in front of those whose rights are refused.  False: not one. */
static bool identifier(struct imap_lex *lex, struct span *who, bool *refused)
{
	if (!imap_lex_space(lex) || !imap_lex_astring(lex, who) || !utf8_valid(*who) ||
	    who->len > IMAP_IDENTIFIER_MAX)
		return false;
	*refused = who->len > 0 && *who->ptr == '-';
	if (*refused)
		*who = span_skip(*who, 1);
	return who->len > 0;
}

static void answer(struct imap_session *s, enum imap_answer r, const char *text)
{
	if (r == IMAP_YES)
		imap_ok(s, NULL, text);
	else if (r == IMAP_CANNOT)
		imap_no(s, "CANNOT", "Rights belong to accounts of this server, and in "
				     "shared ones to anyone; the owner has them all");
	else
		imap_no_answer(s, r);
}

/* "+lrs": how, and which.  False: a letter that there is not. */
static bool change(struct span text, enum imap_store_how *how, uint32_t *rights)
{
	*how = IMAP_STORE_SET;
	if (text.len > 0 && (*text.ptr == '+' || *text.ptr == '-')) {
		*how = *text.ptr == '+' ? IMAP_STORE_ADD : IMAP_STORE_REMOVE;
		text = span_skip(text, 1);
	}
	return acl_parse(text, rights);
}

void imap_cmd_setacl(struct imap_session *s, struct imap_lex *lex)
{
	struct span name, who, text;
	bool refused;
	enum imap_store_how how;
	uint32_t rights;
	if (!imap_arg_name(s, lex, &name))
		return;
	if (!identifier(lex, &who, &refused) || !imap_lex_space(lex) ||
	    !imap_lex_astring(lex, &text) || !imap_lex_end(lex))
		imap_bad(s, "SETACL takes a mailbox, a name and rights");
	else if (!change(text, &how, &rights))
		imap_bad(s, "Rights are lrswipkxtea, with + or - in front or none");
	else
		answer(s, s->host->grant(s->host, name, who, how, rights, refused),
		       "Rights changed");
}

void imap_cmd_deleteacl(struct imap_session *s, struct imap_lex *lex)
{
	struct span name, who;
	bool refused;
	if (!imap_arg_name(s, lex, &name))
		return;
	if (!identifier(lex, &who, &refused) || !imap_lex_end(lex))
		imap_bad(s, "DELETEACL takes a mailbox and a name");
	else
		answer(s, s->host->grant(s->host, name, who, IMAP_STORE_SET, 0, refused),
		       "Rights removed");
}

/* " who rights", and " -who rights" where some are refused. */
static void tell_grant(struct imap_session *s, const struct imap_grant *g)
{
	char text[ACL_TEXT];
	struct stream *out = s->stream;
	if (g->rights != 0) {
		stream_write(out, SPAN(" "));
		imap_write_string(out, g->who);
		acl_text(text, g->rights);
		stream_printf(out, " %s", text);
	}
	if (g->refused != 0) {
		struct span who = arena_printf(s->work->arena, "-%.*s", SPAN_FMT(g->who));
		stream_write(out, SPAN(" "));
		imap_write_string(out, who);
		acl_text(text, g->refused);
		stream_printf(out, " %s", text);
	}
}

void imap_cmd_getacl(struct imap_session *s, struct imap_lex *lex)
{
	struct span name;
	struct imap_grants g = {0};
	if (!imap_arg_name(s, lex, &name))
		return;
	if (!imap_lex_end(lex)) {
		imap_bad(s, "One mailbox name expected");
		return;
	}
	enum imap_answer r = s->host->grants(s->host, name, s->work->arena, &g);
	if (r == IMAP_YES) {
		stream_write(s->stream, SPAN("* ACL "));
		imap_write_name(s, s->work->arena, name);
		for (size_t i = 0; i < g.count; i++)
			tell_grant(s, &g.grants[i]);
		stream_write(s->stream, SPAN("\r\n"));
	}
	answer(s, r, "That is all");
}

void imap_cmd_listrights(struct imap_session *s, struct imap_lex *lex)
{
	struct span name, who;
	bool refused;
	uint32_t always = 0, others = 0;
	char text[ACL_TEXT];
	if (!imap_arg_name(s, lex, &name))
		return;
	if (!identifier(lex, &who, &refused) || !imap_lex_end(lex)) {
		imap_bad(s, "LISTRIGHTS takes a mailbox and a name");
		return;
	}
	enum imap_answer r =
		s->host->grantable(s->host, name, who, &always, &others);
	/* Nothing can be refused to who always has it. */
	if (r == IMAP_YES && refused && always != 0)
		r = IMAP_CANNOT;
	if (r == IMAP_YES) {
		struct span given = who;
		if (refused)
			given = arena_printf(s->work->arena, "-%.*s", SPAN_FMT(who));
		stream_write(s->stream, SPAN("* LISTRIGHTS "));
		imap_write_name(s, s->work->arena, name);
		stream_write(s->stream, SPAN(" "));
		imap_write_string(s->stream, given);
		acl_text(text, always);
		stream_printf(s->stream, " %s", always != 0 ? text : "\"\"");
		acl_text(text, others);
		for (size_t i = 0; text[i] != '\0'; i++)
			stream_printf(s->stream, " %c", text[i]);
		stream_write(s->stream, SPAN("\r\n"));
	}
	answer(s, r, "That is all");
}

enum imap_answer imap_rights_tell(struct imap_session *s, struct span name)
{
	uint32_t rights = 0;
	char text[ACL_TEXT];
	enum imap_answer r = s->host->rights(s->host, name, &rights);
	if (r != IMAP_YES)
		return r;
	acl_text(text, rights);
	stream_write(s->stream, SPAN("* MYRIGHTS "));
	imap_write_name(s, s->work->arena, name);
	stream_printf(s->stream, " %s\r\n", text);
	return r;
}

void imap_cmd_myrights(struct imap_session *s, struct imap_lex *lex)
{
	struct span name;
	if (!imap_arg_name(s, lex, &name))
		return;
	if (imap_lex_end(lex))
		answer(s, imap_rights_tell(s, name), "That is all");
	else
		imap_bad(s, "One mailbox name expected");
}
