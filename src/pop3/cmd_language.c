/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pop3/cmd_language: UTF8 and LANG (RFC 6856 2, 3).
 *
 * A message is sent as it is kept, also to a client that did not say UTF8: to
 * refuse it would leave the client with mail that it cannot fetch, to rewrite it
 * would break its signatures.  Texts of answers are English, in ASCII.
 *
 * Must never echo what a client named.
 */
#include "pop3/state.h"

#define LANGUAGE "en"

void pop3_cmd_utf8(struct pop3_session *s, struct span argument)
{
	if (argument.len > 0)
		pop3_err(s, "UTF8 takes nothing");
	else
		pop3_ok(s, "UTF-8 it is");
}

/* A range of RFC 4647 that finds English: "*", "en", "en-GB". */
static bool english(struct span range)
{
	struct span first;
	span_cut(&range, '-', &first);
	return span_eq(first, SPAN("*")) || span_eq_nocase(first, SPAN(LANGUAGE)) ||
	       span_eq_nocase(first, SPAN("i"));
}

void pop3_cmd_lang(struct pop3_session *s, struct span range)
{
	if (range.len == 0) {
		pop3_ok(s, "Languages follow");
		stream_write(s->stream, SPAN(LANGUAGE " English\r\n.\r\n"));
	} else if (english(range)) {
		pop3_ok(s, LANGUAGE " Texts are English");
	} else {
		pop3_err(s, "Texts are English only");
	}
}
