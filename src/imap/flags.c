/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/flags: five names that everyone knows, and the mailbox's own.
 *
 * Must never write a keyword that is not an atom: it would break the list.
 */
#include "imap/flags.h"

static const struct {
	const char *name;
	uint32_t bit;
} system_flags[] = {
	{"\\Answered", IMAP_ANSWERED}, {"\\Flagged", IMAP_FLAGGED},
	{"\\Deleted", IMAP_DELETED},   {"\\Seen", IMAP_SEEN},
	{"\\Draft", IMAP_DRAFT},
};

uint32_t imap_flag_bit(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(system_flags); i++)
		if (span_eq_nocase(name, span_cstr(system_flags[i].name)))
			return system_flags[i].bit;
	return 0;
}

static bool add(struct imap_flag_args *out, struct span flag)
{
	uint32_t bit = imap_flag_bit(flag);
	out->system |= bit;
	if (bit != 0)
		return true;
	if (flag.ptr[0] == '\\' || flag.len > IMAP_KEYWORD_LEN_MAX)
		return false;
	for (size_t i = 0; i < out->count; i++)
		if (span_eq_nocase(out->keywords[i], flag))
			return true;
	if (out->count == IMAP_KEYWORDS_MAX)
		return false;
	out->keywords[out->count++] = flag;
	return true;
}

bool imap_flags_parse(struct imap_lex *lex, bool bare, struct imap_flag_args *out)
{
	*out = (struct imap_flag_args){0};
	bool list = imap_lex_char(lex, '(');
	if (!list && !bare)
		return false;
	if (list && imap_lex_char(lex, ')'))
		return true;
	struct span flag;
	do {
		if (!imap_lex_flag(lex, &flag) || !add(out, flag))
			return false;
	} while (imap_lex_space(lex));
	return !list || imap_lex_char(lex, ')');
}

enum imap_answer imap_keywords_get(struct imap_session *s, struct imap_keywords *k)
{
	*k = (struct imap_keywords){0};
	enum imap_answer r = s->host->keywords(s->host, s->mailbox, s->work->arena,
					       &k->names, &k->count);
	ENSURE(r != IMAP_YES || k->count <= IMAP_KEYWORDS_MAX);
	return r;
}

void imap_flags_write(struct imap_session *s, const struct imap_keywords *k,
		      const struct imap_slot *slot)
{
	struct stream *out = s->stream;
	const char *between = "";
	stream_write(out, SPAN("FLAGS ("));
	for (size_t i = 0; i < ARRAY_LEN(system_flags); i++) {
		if (!(slot->flags & system_flags[i].bit))
			continue;
		stream_write(out, span_cstr(between));
		stream_write(out, span_cstr(system_flags[i].name));
		between = " ";
	}
	if (slot->uid >= s->recent_from && !s->rev2) {
		stream_write(out, span_cstr(between));
		stream_write(out, SPAN("\\Recent"));
		between = " ";
	}
	for (size_t i = 0; i < k->count; i++) {
		if (!(slot->keywords >> i & 1))
			continue;
		stream_write(out, span_cstr(between));
		stream_write(out, k->names[i]);
		between = " ";
	}
	stream_write(out, SPAN(")"));
}

void imap_modseq_tell(struct imap_session *s, const struct imap_slot *slot)
{
	if (s->condstore)
		stream_printf(s->stream, " MODSEQ (%llu)",
			      (unsigned long long)slot->modseq);
}

void imap_uid_write(struct stream *out, uint32_t uid)
{
	stream_write(out, SPAN("UID "));
	stream_number(out, uid);
}

void imap_fetch_open(struct imap_session *s, uint32_t uid, uint32_t rank)
{
	stream_write(s->stream, SPAN("* "));
	stream_number(s->stream, s->uidonly ? uid : rank);
	stream_write(s->stream, s->uidonly ? SPAN(" UIDFETCH (") : SPAN(" FETCH ("));
}

void imap_flags_tell(struct imap_session *s, const struct imap_keywords *k,
		     const struct imap_slot *slot, uint32_t rank)
{
	imap_fetch_open(s, slot->uid, rank);
	if (!s->uidonly && (s->qresync || (s->work != NULL && s->work->by_uid))) {
		imap_uid_write(s->stream, slot->uid);
		stream_write(s->stream, SPAN(" "));
	}
	imap_flags_write(s, k, slot);
	imap_modseq_tell(s, slot);
	stream_write(s->stream, SPAN(")\r\n"));
}
