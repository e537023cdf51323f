/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_enable: ENABLE (RFC 5161).  A table of what can be switched on; it
 * answers with those that were.  Unknown names are no error.
 */
#include "imap/state.h"

static void condstore(struct imap_session *s)
{
	imap_condstore_on(s);
}

/* RFC 7162 3.2.3: it switches both on. */
static void qresync(struct imap_session *s)
{
	imap_condstore_on(s);
	s->qresync = true;
}

static void uidonly(struct imap_session *s)
{
	s->uidonly = true;
}

/* RFC 6855 3 */
static void utf8(struct imap_session *s)
{
	s->utf8 = true;
}

/* RFC 9051: what differs is asked of s->rev2 where it is told. */
static void rev2(struct imap_session *s)
{
	s->rev2 = s->utf8 = true;
}

static const struct {
	const char *name;
	void (*enable)(struct imap_session *);
} things[] = {
	{"IMAP4rev2", rev2},
	{"CONDSTORE", condstore},
	{"QRESYNC", qresync},
	{"UIDONLY", uidonly},
	{"UTF8=ACCEPT", utf8},
};

void imap_cmd_enable(struct imap_session *s, struct imap_lex *lex)
{
	struct span name;
	bool wanted[ARRAY_LEN(things)] = {0};
	do {
		if (!imap_lex_atom(lex, &name)) {
			imap_bad(s, "Capability names expected");
			return;
		}
		for (size_t i = 0; i < ARRAY_LEN(things); i++)
			if (span_eq_nocase(name, span_cstr(things[i].name)))
				wanted[i] = true;
	} while (imap_lex_space(lex));
	if (!imap_lex_end(lex)) {
		imap_bad(s, "Capability names expected");
		return;
	}
	stream_write(s->stream, SPAN("* ENABLED"));
	for (size_t i = 0; i < ARRAY_LEN(things); i++)
		if (wanted[i])
			stream_printf(s->stream, " %s", things[i].name);
	stream_write(s->stream, SPAN("\r\n"));
	for (size_t i = 0; i < ARRAY_LEN(things); i++)
		if (wanted[i])
			things[i].enable(s);
	imap_ok(s, NULL, "Done");
}
