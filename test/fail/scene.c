/* SPDX-License-Identifier: Apache-2.0 */
/* What scenarios have in common: sessions, marks, and verdicts on answers. */
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

void wrong(struct scene *s, const char *fmt, ...)
{
	va_list args;

	if (s->why[0] != 0)
		return; /* the first is what counts */
	va_start(args, fmt);
	(void)vsnprintf(s->why, sizeof s->why, fmt, args);
	va_end(args);
}

static enum verdict ended(struct scene *s, struct talk *t)
{
	if (t->end != TALK_SILENT || s->silence)
		return SAID_NONE;
	wrong(s, "no answer for %u s", TALK_PATIENCE_S);
	return SAID_WRONG;
}

static enum verdict refused(struct scene *s, struct talk *t)
{
	static const char *const for_ever[] = {"AUTHENTICATIONFAILED", "[AUTH]",
					       "NONEXISTENT", "BUG", "OVERQUOTA"};

	for (size_t i = 0; i < ARRAY_LEN(for_ever); i++)
		if (strstr(t->line, for_ever[i]) != NULL) {
			wrong(s, "a refusal for ever: %s", t->line);
			return SAID_WRONG;
		}
	return SAID_NO;
}

enum verdict heard(struct scene *s, struct talk *t, char answer)
{
	switch (answer) {
	case 'O':
	case '+':
		return SAID_YES;
	case 'N':
	case '-':
		return refused(s, t);
	case 0:
		return ended(s, t);
	default:
		wrong(s, "answered: %s", t->line);
		return SAID_WRONG;
	}
}

enum verdict heard_code(struct scene *s, struct talk *t, unsigned code)
{
	if (code == 0)
		return ended(s, t);
	if (code / 100 == 2 || code / 100 == 3)
		return SAID_YES;
	if (code / 100 == 4)
		return SAID_NO;
	wrong(s, "answered: %s", t->line);
	return SAID_WRONG;
}

bool log_in(struct scene *s, struct talk *t, const char *name)
{
	char command[128];

	talk_close(t);
	(void)snprintf(command, sizeof command, "LOGIN %s \"" TOWN_PASSWORD "\"", name);
	return talk_open(t, house_loop(s->town->house), TOWN_IMAP, true) && talk_line(t) &&
	       talk_imap(t, command, NULL) == 'O';
}

bool session(struct scene *s, struct talk *t)
{
	if (t->end == TALK_OPEN && talk_imap(t, "SELECT INBOX", NULL) == 'O')
		return true;
	return log_in(s, t, TOWN_ALICE) && talk_imap(t, "SELECT INBOX", NULL) == 'O';
}

static void looked(struct scene *s)
{
	if (!session(s, &s->looker))
		fail_msg("nobody can look into the mailbox: %s", s->looker.line);
}

struct span message(struct scene *s, size_t size)
{
	buf_clear(&s->data);
	buf_printf(&s->data,
		   "From: " TOWN_ALICE "\r\nDate: Sun, 22 Nov 2026 04:00:00 +0000\r\n"
		   "Message-ID: <%s@elsewhere.test>\r\nSubject: %s\r\n\r\n",
		   s->mark, s->mark);
	while (buf_len(&s->data) < size)
		buf_add(&s->data, SPAN("All work and no failure makes a dull test.\r\n"));
	return buf_span(&s->data);
}

static unsigned words(struct span found)
{
	unsigned n = 0;
	struct span line, head = SPAN("* SEARCH");

	while (found.len > 0) {
		(void)span_cut(&found, '\n', &line);
		if (!span_starts(line, head))
			continue;
		for (size_t i = head.len; i + 1 < line.len; i++)
			n += line.ptr[i] == ' ' && line.ptr[i + 1] != ' ';
	}
	return n;
}

unsigned marked(struct scene *s, const char *account, const char *mailbox)
{
	bool own = strcmp(account, TOWN_ALICE) == 0;
	struct talk other = {.fd = -1}, *t = own ? &s->looker : &other;
	char command[128];
	struct buf found;
	unsigned n;

	buf_init(&found, 1u << 20);
	if (own)
		looked(s);
	else if (!log_in(s, t, account))
		fail_msg("%s cannot log in: %s", account, t->line);
	(void)snprintf(command, sizeof command, "SELECT %s", mailbox);
	assert_int_equal(talk_imap(t, command, NULL), 'O');
	(void)snprintf(command, sizeof command, "SEARCH HEADER Subject %s", s->mark);
	if (talk_imap(t, command, &found) != 'O')
		fail_msg("a search without failures: %s", t->line);
	n = words(buf_span(&found));
	buf_free(&found);
	if (!own) {
		(void)talk_imap(t, "LOGOUT", NULL);
		talk_close(t);
	}
	return n;
}

static void empty(struct scene *s, const char *mailbox)
{
	char command[128];

	(void)snprintf(command, sizeof command, "SELECT %s", mailbox);
	if (talk_imap(&s->looker, command, NULL) != 'O') {
		(void)snprintf(command, sizeof command, "CREATE %s", mailbox);
		assert_int_equal(talk_imap(&s->looker, command, NULL), 'O');
		return;
	}
	(void)talk_imap(&s->looker, "STORE 1:* +FLAGS.SILENT (\\Deleted)", NULL);
	if (talk_imap(&s->looker, "EXPUNGE", NULL) != 'O')
		fail_msg("an expunge without failures: %s", s->looker.line);
}

void emptied(struct scene *s)
{
	looked(s);
	empty(s, "Other");
	empty(s, "INBOX");
}

void one_message(struct scene *s)
{
	emptied(s);
	if (talk_imap_literal(&s->looker, "APPEND INBOX", message(s, 3000)) != 'O')
		fail_msg("an append without failures: %s", s->looker.line);
	if (!session(s, &s->actor))
		fail_msg("the session of the scenario: %s", s->actor.line);
}
