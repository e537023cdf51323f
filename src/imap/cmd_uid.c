/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_uid: the prefix UID (RFC 3501 6.4.8): the verb after it runs with
 * UIDs in place of sequence numbers.
 */
#include "imap/state.h"

void imap_cmd_uid(struct imap_session *s, struct imap_lex *lex)
{
	struct span name;
	const struct imap_verb *verb = NULL;
	if (imap_lex_atom(lex, &name))
		verb = imap_uid_verb_find(name);
	if (verb == NULL || !imap_lex_space(lex)) {
		imap_bad(s, "Unknown UID command");
		return;
	}
	s->work->by_uid = true;
	s->work->verb = verb;
	s->work->tell = verb->tell;
	verb->run(s, lex);
}
