/* SPDX-License-Identifier: Apache-2.0 */
/* IMAP, as far as people here speak it. */
#include "imap_talk.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/ensure.h"

#define LITERAL_MAX (4u << 20)
#define LINE_MAX    4096u

const char *imap_end_name(enum imap_end e)
{
	static const char *const names[] = {"OK", "NO", "BAD", "nothing"};
	return names[e];
}

static void note(char *out, size_t cap, const char *line)
{
	size_t n = strlen(line) < cap ? strlen(line) : cap - 1;

	memcpy(out, line, n);
	out[n] = 0;
}

/* A line with its literals taken out (the last one is kept). */
static bool logical(struct imap *m, char line[LINE_MAX])
{
	size_t len = 0;
	struct span s;
	uint64_t n;

	for (;;) {
		if (!client_line(&m->c, &s)) {
			m->lost = true;
			return false;
		}
		size_t room = LINE_MAX - 1 - len, take = s.len < room ? s.len : room;
		if (take > 0)
			memcpy(line + len, s.ptr, take);
		len += take;
		line[len] = 0;
		size_t open = s.len;
		while (open > 0 && s.ptr[open - 1] != '{')
			open--;
		if (s.len == 0 || s.ptr[s.len - 1] != '}' || open == 0 ||
		    !span_u64(span_sub(s, open, s.len - 1 - open), LITERAL_MAX, &n))
			return true;
		buf_clear(&m->literal);
		if (!client_bytes(&m->c, (size_t)n, &m->literal)) {
			m->lost = true;
			return false;
		}
	}
}

static void take_modseq(struct imap *m, const char *line)
{
	const char *at = strstr(line, "HIGHESTMODSEQ ");
	unsigned long long n = 0;

	if (m->box == NULL)
		return;
	if (at != NULL && sscanf(at + 14, "%llu", &n) == 1)
		ledger_modseq(m->box, m->said_box.modseq = n);
	at = strstr(line, "MODSEQ (");
	if (at != NULL && sscanf(at + 8, "%llu", &n) == 1)
		ledger_modseq(m->box, n);
}

static void take_fetch(struct imap *m, const char *line)
{
	const char *uid = strstr(line, "UID ");
	struct listed *l = &m->list[m->listed];

	if (strstr(line, "HEADER.FIELDS") == NULL || uid == NULL || line[0] != '*' ||
	    m->listed == LEDGER_UIDS)
		return; /* what others changed is told between */
	*l = (struct listed){.uid = (uint32_t)strtoul(uid + 4, NULL, 10),
			     .token = ledger_header_token(&m->p->storm->ledger,
							  buf_span(&m->literal))};
	if (strstr(line, "\\Seen") != NULL)
		l->flags |= 1;
	if (strstr(line, "\\Answered") != NULL)
		l->flags |= 2;
	if (strstr(line, "\\Flagged") != NULL)
		l->flags |= 4;
	m->listed++;
}

static void untagged(struct imap *m, const char *line)
{
	const char *at = strstr(line, "COPYUID ");
	unsigned n;

	if (at != NULL)
		note(m->copyuid, sizeof m->copyuid, at);
	at = strstr(line, "UIDVALIDITY ");
	if (at != NULL && m->box != NULL && sscanf(at + 12, "%u", &n) == 1)
		ledger_validity(m->box, n);
	at = strstr(line, "UIDNEXT ");
	if (at != NULL && m->box != NULL && sscanf(at + 8, "%u", &n) == 1)
		ledger_next(m->box, m->said_box.uid_next = n);
	take_modseq(m, line);
	take_fetch(m, line);
}

static enum imap_end finish(struct imap *m, const char *tag)
{
	char line[LINE_MAX];
	size_t len = strlen(tag);

	while (logical(m, line)) {
		storm_say(m->p->storm, "  u%u < %.100s", m->p->who, line);
		untagged(m, line);
		if (strncmp(line, "* BYE", 5) == 0)
			m->lost = true;
		if (strncmp(line, tag, len) != 0 || line[len] != ' ')
			continue;
		note(m->said, sizeof m->said, line);
		if (strncmp(line + len, " OK", 3) == 0)
			return IMAP_OK;
		if (strncmp(line + len, " BAD", 4) == 0)
			storm_fail("an honest command was called bad: %s", line);
		return IMAP_NO;
	}
	return IMAP_LOST;
}

static void send(struct imap *m, char tag[16], const char *command, const char *rest)
{
	char line[512];
	int n;

	(void)snprintf(tag, 16, "a%u", ++m->tag);
	n = snprintf(line, sizeof line, "%s %s%s\r\n", tag, command, rest);
	m->listed = 0;
	client_send(&m->c, span_of(line, (size_t)n));
}

enum imap_end imap_do(struct imap *m, const char *command)
{
	char tag[16];

	if (m->lost)
		return IMAP_LOST;
	send(m, tag, command, "");
	return finish(m, tag);
}

/* Any line that asks for more; false: the command ended without. */
static bool go_ahead(struct imap *m)
{
	char line[LINE_MAX];

	while (logical(m, line)) {
		if (line[0] == '+')
			return true;
		untagged(m, line);
		if (line[0] != '*') {
			note(m->said, sizeof m->said, line);
			return false;
		}
	}
	return false;
}

enum imap_end imap_append(struct imap *m, const char *name, struct span text)
{
	char tag[16], rest[64];

	if (m->lost)
		return IMAP_LOST;
	(void)snprintf(rest, sizeof rest, " %s {%zu}", name, text.len);
	send(m, tag, "APPEND", rest);
	if (!go_ahead(m))
		return m->lost ? IMAP_LOST : IMAP_NO;
	client_send(&m->c, text);
	client_send(&m->c, SPAN("\r\n"));
	return finish(m, tag);
}

enum imap_end imap_select(struct imap *m, const char *name)
{
	char line[64];

	(void)snprintf(line, sizeof line, "SELECT %s", name);
	m->box = ledger_box(&m->p->storm->ledger, m->p->who, name);
	struct told then = m->box->told;
	m->said_box = (struct told){0};
	enum imap_end e = imap_do(m, line);
	if (e != IMAP_OK) {
		m->box = NULL;
		return e;
	}
	/* HIGHESTMODSEQ is told by who knows CONDSTORE. */
	ledger_not_below(&then, m->said_box.uid_next,
			 m->said_box.modseq != 0 ? m->said_box.modseq : then.modseq);
	return e;
}

bool imap_list(struct imap *m)
{
	if (imap_do(m, "UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])") !=
	    IMAP_OK)
		return false;
	ledger_listing(m->box, m->list, m->listed);
	return true;
}

bool imap_idle(struct imap *m, uint64_t ms)
{
	char tag[16];
	struct loop *loop = m->c.loop;

	if (m->lost)
		return false;
	send(m, tag, "IDLE", "");
	if (!go_ahead(m))
		return false;
	(void)!fiber_sleep_until(loop, loop_now(loop) + ms * NS_PER_MS);
	client_send(&m->c, SPAN("DONE\r\n"));
	return finish(m, tag) == IMAP_OK;
}

struct imap *imap_login(struct person *p)
{
	struct imap *m = calloc(1, sizeof *m);
	char line[128];

	ENSURE(m != NULL);
	m->p = p;
	buf_init(&m->literal, LITERAL_MAX);
	(void)snprintf(line, sizeof line, "LOGIN u%u@example.test \"%s\"", p->who,
		       TOWN_PASSWORD);
	if (person_dials(p, &m->c, TOWN_IMAP) && logical(m, (char[LINE_MAX]){0}) &&
	    imap_do(m, line) == IMAP_OK)
		return m;
	imap_end(m);
	return NULL;
}

void imap_end(struct imap *m)
{
	if (m == NULL)
		return;
	client_close(&m->c);
	buf_free(&m->literal);
	free(m);
}
