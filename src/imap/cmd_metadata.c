/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_metadata: GETMETADATA and SETMETADATA (RFC 5464).
 *
 * The empty name means the server: entries below /private are the user's own,
 * those below /shared are told and never changed.
 */
#include <stdio.h>

#include "imap/metadata.h"

#define CODE_MAX 40u /* bytes of "METADATA LONGENTRIES n" */

/* False: answered. */
static bool mailbox_of(struct imap_session *s, struct imap_lex *lex, struct span *out)
{
	struct imap_lex before = *lex;
	struct span wire;
	if (imap_lex_astring(lex, &wire) && wire.len == 0) {
		*out = wire;
		return true;
	}
	*lex = before;
	return imap_arg_name(s, lex, out);
}

static void refuse(struct imap_session *s, enum imap_entries_result r, const char *usage)
{
	if (r == IMAP_ENTRIES_MEMORY)
		imap_no_answer(s, IMAP_UNAVAILABLE);
	else if (r == IMAP_ENTRIES_LIMIT)
		imap_no(s, "LIMIT", "Too many entries, or too long a name");
	else
		imap_bad(s, usage);
}

/* ---- GETMETADATA ------------------------------------------------------------ */

static bool option(struct imap_lex *lex, struct imap_entries_asked *a)
{
	struct span depth;
	uint64_t n;
	if (imap_lex_word(lex, "MAXSIZE")) {
		if (!imap_lex_space(lex) || !imap_lex_number(lex, UINT32_MAX, &n))
			return false;
		a->largest = (uint32_t)n;
		return true;
	}
	if (!imap_lex_word(lex, "DEPTH") || !imap_lex_space(lex) ||
	    !imap_lex_atom(lex, &depth))
		return false;
	if (span_eq_nocase(depth, SPAN("infinity")))
		a->depth = IMAP_DEPTH_ALL;
	else if (span_eq(depth, SPAN("0")) || span_eq(depth, SPAN("1")))
		a->depth = depth.ptr[0] == '1';
	else
		return false;
	return true;
}

/* "(" options ") ", or nothing; what else begins with a bracket is left alone. */
static bool options(struct imap_lex *lex, struct imap_entries_asked *a)
{
	struct imap_lex before = *lex;
	if (!imap_lex_char(lex, '('))
		return true;
	if (!ascii_alpha(imap_lex_peek(lex))) {
		*lex = before;
		return true;
	}
	do {
		if (!option(lex, a))
			return false;
	} while (imap_lex_space(lex));
	return imap_lex_char(lex, ')') && imap_lex_space(lex);
}

void imap_cmd_getmetadata(struct imap_session *s, struct imap_lex *lex)
{
	static const char usage[] = "GETMETADATA takes options, a mailbox and entries";
	struct imap_entries_asked *a = ARENA_NEW(s->work->arena, struct imap_entries_asked);
	struct span mailbox;
	uint32_t longest;
	char code[CODE_MAX];
	if (a == NULL) {
		imap_no_answer(s, IMAP_UNAVAILABLE);
		return;
	}
	*a = (struct imap_entries_asked){.largest = UINT32_MAX};
	if (!options(lex, a)) {
		imap_bad(s, usage);
		return;
	}
	if (!mailbox_of(s, lex, &mailbox))
		return;
	/* The standard's examples have the options here. */
	enum imap_entries_result r = IMAP_ENTRIES_BAD;
	if (imap_lex_space(lex) && options(lex, a))
		r = imap_entries_parse(lex, a);
	if (r == IMAP_ENTRIES_OK && !imap_lex_end(lex))
		r = IMAP_ENTRIES_BAD;
	if (r != IMAP_ENTRIES_OK) {
		refuse(s, r, usage);
		return;
	}
	enum imap_answer answer = imap_metadata_tell(s, a, mailbox, &longest);
	snprintf(code, sizeof code, "METADATA LONGENTRIES %u", longest);
	if (answer == IMAP_YES)
		imap_ok(s, longest > 0 ? code : NULL, "That is all");
	else
		imap_no_answer(s, answer);
}

/* ---- SETMETADATA ------------------------------------------------------------ */

struct setting {
	struct imap_annotation list[IMAP_ENTRIES_MAX];
	size_t count, bytes;
	bool too_long;
};

/* RFC 5464 3.2: something below the scope, below a vendor's name two levels down. */
static bool can_be_set(struct span name)
{
	size_t levels = 0;
	for (size_t i = 0; i < name.len; i++)
		levels += name.ptr[i] == '/';
	bool vendor = span_starts(name, SPAN("/private/vendor/")) ||
		      span_starts(name, SPAN("/shared/vendor/")) ||
		      span_eq(name, SPAN("/private/vendor")) ||
		      span_eq(name, SPAN("/shared/vendor"));
	return levels >= (vendor ? 4 : 2);
}

static enum imap_entries_result pair(struct imap_lex *lex, struct setting *set)
{
	struct span said;
	struct imap_annotation a;
	bool nil;
	enum imap_entries_result r = imap_entry_parse(lex, &said, &a.name);
	if (r != IMAP_ENTRIES_OK)
		return r;
	if (!can_be_set(a.name) || !imap_lex_space(lex) ||
	    !imap_lex_nstring8(lex, &a.value, &nil))
		return arena_short(lex->arena) ? IMAP_ENTRIES_MEMORY : IMAP_ENTRIES_BAD;
	a.set = !nil;
	a.size = 0;
	set->too_long = set->too_long || a.value.len > IMAP_ANNOTATION_MAX;
	set->bytes += a.name.len + a.value.len;
	if (set->count == IMAP_ENTRIES_MAX)
		return IMAP_ENTRIES_LIMIT;
	set->list[set->count++] = a;
	return IMAP_ENTRIES_OK;
}

static enum imap_entries_result pairs(struct imap_lex *lex, struct setting *set)
{
	if (!imap_lex_space(lex) || !imap_lex_char(lex, '('))
		return IMAP_ENTRIES_BAD;
	do {
		enum imap_entries_result r = pair(lex, set);
		if (r != IMAP_ENTRIES_OK)
			return r;
	} while (imap_lex_space(lex));
	if (!imap_lex_char(lex, ')') || !imap_lex_end(lex))
		return IMAP_ENTRIES_BAD;
	return set->too_long || set->bytes <= IMAP_ANNOTATE_MAX ? IMAP_ENTRIES_OK
							       : IMAP_ENTRIES_LIMIT;
}

void imap_cmd_setmetadata(struct imap_session *s, struct imap_lex *lex)
{
	struct setting *set = ARENA_NEW(s->work->arena, struct setting);
	struct span mailbox;
	char code[CODE_MAX];
	if (set == NULL) {
		imap_no_answer(s, IMAP_UNAVAILABLE);
		return;
	}
	*set = (struct setting){0};
	if (!mailbox_of(s, lex, &mailbox))
		return;
	enum imap_entries_result r = pairs(lex, set);
	if (r != IMAP_ENTRIES_OK) {
		refuse(s, r, "SETMETADATA takes a mailbox and a list of entries with values");
		return;
	}
	if (set->too_long) {
		snprintf(code, sizeof code, "METADATA MAXSIZE %u", IMAP_ANNOTATION_MAX);
		imap_no(s, code, "A value is too large");
		return;
	}
	enum imap_answer answer =
		s->host->annotate(s->host, mailbox, set->list, set->count);
	if (answer == IMAP_YES)
		imap_ok(s, NULL, "Set");
	else if (answer == IMAP_LIMIT)
		imap_no(s, "METADATA TOOMANY", "Too many annotations");
	else
		imap_no_answer(s, answer);
}
