/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/lex - the words of one complete command (RFC 3501 section 9).
 *
 * The text is the whole command without its last CRLF; literals stand in it as
 * they came: "{5}" CRLF five bytes.  It was gathered under one bound
 * (imap/read.h), so no state of this lexer can be made to eat more.
 *
 * Every function consumes what it recognises and says whether it did.  After a
 * false the command is to be refused with BAD; nothing needs to be undone.
 * Results borrow from the text, or from the arena where escapes were resolved.
 */
#pragma once

#include "base/arena.h"
#include "base/span.h"

struct imap_lex {
	struct span rest;
	struct arena *arena;
};

/* Is c an ATOM-CHAR? */
bool imap_atom_char(char c);
/* Is the text one quoted string's worth: 7 bit, no CR, LF or NUL? */
bool imap_quotable(struct span);

/* "{n}" or "{n+}" at the end of a line, as announced. */
struct imap_literal {
	size_t header; /* bytes of the header itself */
	uint64_t size; /* UINT64_MAX: more than 64 bits */
	bool plus;
};
bool imap_lex_literal_end(struct span line, struct imap_literal *out);
/* Is a quoted string open at the end of this piece of line? */
bool imap_lex_quote_open(struct span line);

bool imap_lex_end(const struct imap_lex *);
char imap_lex_peek(const struct imap_lex *); /* NUL at the end */
MUST_USE bool imap_lex_char(struct imap_lex *, char c);
MUST_USE bool imap_lex_space(struct imap_lex *);
/* A fixed word without regard to case, at the end of which an atom could end. */
MUST_USE bool imap_lex_word(struct imap_lex *, const char *word);

MUST_USE bool imap_lex_tag(struct imap_lex *, size_t max, struct span *out);
MUST_USE bool imap_lex_atom(struct imap_lex *, struct span *out);
MUST_USE bool imap_lex_astring(struct imap_lex *, struct span *out);
MUST_USE bool imap_lex_string(struct imap_lex *, struct span *out);
/* string, or NIL (then *nil and an empty span) */
MUST_USE bool imap_lex_nstring(struct imap_lex *, struct span *out, bool *nil);
/* The same, or a literal8, which may hold any byte (RFC 3516). */
MUST_USE bool imap_lex_nstring8(struct imap_lex *, struct span *out, bool *nil);
/* LIST's second argument: like astring, wildcards allowed. */
MUST_USE bool imap_lex_pattern(struct imap_lex *, struct span *out);
MUST_USE bool imap_lex_number(struct imap_lex *, uint64_t max, uint64_t *out);
/* The bytes of a sequence-set, for imap_view_resolve: "$" too (RFC 5182). */
MUST_USE bool imap_lex_set(struct imap_lex *, struct span *out);
/* "\Seen" or a keyword; the backslash is part of it. */
MUST_USE bool imap_lex_flag(struct imap_lex *, struct span *out);
