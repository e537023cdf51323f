/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/lex - configuration text to tokens.
 *
 * Words are printable ASCII without ; { } " # and stand for themselves; a
 * quoted string holds any UTF-8 but control characters, with \" and \\ .  A #
 * where a token could begin starts a comment to the end of the line.  LF or
 * CRLF end lines.  Every call consumes at least one byte or answers END.
 */
#pragma once

#include "base/arena.h"

enum conf_token_kind {
	CONF_T_WORD,
	CONF_T_STRING, /* text without quotes and escapes */
	CONF_T_OPEN,
	CONF_T_CLOSE,
	CONF_T_SEMICOLON,
	CONF_T_END,
	CONF_T_BAD,    /* fault says why, and how to mend it */
	CONF_T_MEMORY,
};

struct conf_token {
	enum conf_token_kind kind;
	struct span text;
	uint32_t line, column;         /* of its first byte, from 1 */
	uint32_t end_line, end_column; /* of the byte after it */
	const char *fault;
};

struct conf_lexer {
	struct span text;
	struct arena *arena; /* for strings with escapes */
	size_t at, line_start;
	uint32_t line;
};

void conf_lex_init(struct conf_lexer *, struct span text, struct arena *);
struct conf_token conf_lex(struct conf_lexer *);
