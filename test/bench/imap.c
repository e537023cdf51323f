/* SPDX-License-Identifier: Apache-2.0 */
/* Reads just enough of a response to count it; literals may be checked. */
#include "imap.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bench.h"
#include "conn.h"

#define COMMAND_MAX 1800

static bool literal(struct imap *m, size_t left)
{
	struct conn *c = m->c;
	if (m->check != NULL)
		check_start(m->check);
	while (left != 0) {
		size_t have = c->in_end - c->in_at;
		if (have == 0) {
			if (!conn_fill(c))
				return false;
			continue;
		}
		if (have > left)
			have = left;
		if (m->check != NULL)
			check_add(m->check, c->in + c->in_at, have);
		c->in_at += have;
		left -= have;
	}
	if (m->check != NULL) {
		m->checked++;
		if (!check_good(m->check))
			m->bad++;
	}
	return true;
}

/* "* 5 EXISTS" and its like */
static void count_number(struct imap *m, const char *text)
{
	char *after;
	long n = strtol(text, &after, 10);
	if (strncasecmp(after, " EXISTS", 7) == 0)
		m->exists = n;
	else if (strncasecmp(after, " EXPUNGE", 8) == 0)
		m->exists--;
	else if (strncasecmp(after, " FETCH", 6) == 0)
		m->fetched++;
}

static void count(struct imap *m, const char *text)
{
	if (isdigit((unsigned char)*text)) {
		count_number(m, text);
	} else if (strncasecmp(text, "SEARCH", 6) == 0 ||
		   strncasecmp(text, "SORT", 4) == 0) {
		m->found = 0;
		for (const char *p = text; *p != '\0'; p++)
			if (*p == ' ' && isdigit((unsigned char)p[1]))
				m->found++;
	} else if (strncasecmp(text, "STATUS", 6) == 0) {
		const char *p = strstr(text, "MESSAGES ");
		if (p != NULL)
			m->messages = strtol(p + 9, NULL, 10);
	}
}

const char *imap_response(struct imap *m)
{
	size_t length;
	char *line = conn_line(m->c, &length);
	if (line == NULL)
		return NULL;
	if (strncmp(line, "* ", 2) == 0)
		count(m, line + 2);
	if (strstr(line, "LITERAL+") != NULL)
		m->literal_plus = true;
	(void)snprintf(m->line, sizeof m->line, "%.200s", line);
	while (length != 0 && line[length - 1] == '}') {
		const char *brace = strrchr(line, '{');
		if (brace == NULL)
			break;
		if (!literal(m, strtoul(brace + 1, NULL, 10)))
			return NULL;
		line = conn_line(m->c, &length);
		if (line == NULL)
			return NULL;
	}
	return m->line;
}

static enum answer tagged(struct imap *m)
{
	char tag[16];
	int n = snprintf(tag, sizeof tag, "a%d ", m->tag);
	for (;;) {
		const char *line = imap_response(m);
		if (line == NULL || strncasecmp(line, "* BYE", 5) == 0)
			return ANSWER_GONE;
		if (strncmp(line, tag, (size_t)n) == 0)
			return strncasecmp(line + n, "OK", 2) == 0 ? ANSWER_OK
								   : ANSWER_NO;
	}
}

static enum answer command(struct imap *m, const char *text)
{
	m->tag++;
	conn_put(m->c, "a%d %s\r\n", m->tag, text);
	return conn_flush(m->c) ? tagged(m) : ANSWER_GONE;
}

enum answer imap_do(struct imap *m, const char *format, ...)
{
	char text[COMMAND_MAX];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	enum answer answer = command(m, text);
	if (answer != ANSWER_OK)
		failed(m->b, "%.60s: %s", text,
		       answer == ANSWER_GONE ? "connection lost" : m->line);
	return answer;
}

enum answer imap_try(struct imap *m, const char *format, ...)
{
	char text[COMMAND_MAX];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return command(m, text);
}

void imap_create(struct imap *m, const char *box)
{
	if (strcasecmp(box, "INBOX") != 0)
		(void)imap_try(m, "CREATE %s", box);
}

enum answer imap_append(struct imap *m, const char *box,
			const struct message *message)
{
	m->tag++;
	conn_put(m->c, "a%d APPEND %s {%zu%s}\r\n", m->tag, box,
		 message->length, m->literal_plus ? "+" : "");
	if (!m->literal_plus) {
		if (!conn_flush(m->c))
			return ANSWER_GONE;
		const char *line;
		do {
			line = imap_response(m);
			if (line == NULL || line[0] == 'a') {
				failed(m->b, "APPEND: %s",
				       line != NULL ? line : "gone");
				return line != NULL ? ANSWER_NO : ANSWER_GONE;
			}
		} while (line[0] != '+');
	}
	conn_bytes(m->c, message->bytes, message->length);
	conn_bytes(m->c, "\r\n", 2);
	enum answer answer = conn_flush(m->c) ? tagged(m) : ANSWER_GONE;
	if (answer != ANSWER_OK)
		failed(m->b, "APPEND: %s",
		       answer == ANSWER_GONE ? "gone" : m->line);
	return answer;
}

bool imap_idle(struct imap *m)
{
	m->tag++;
	conn_put(m->c, "a%d IDLE\r\n", m->tag);
	const char *line = conn_flush(m->c) ? imap_response(m) : NULL;
	while (line != NULL && line[0] == '*')
		line = imap_response(m);
	if (line != NULL && line[0] == '+')
		return true;
	failed(m->b, "IDLE: %s", line != NULL ? line : "gone");
	return false;
}

static bool start(struct imap *m, enum tls tls, int user)
{
	struct bench *b = m->b;
	char name[160];
	if (tls == TLS_IMPLICIT && !conn_tls(m->c))
		return false;
	const char *line = imap_response(m);
	if (line == NULL || strncmp(line, "* OK", 4) != 0) {
		failed(b, "IMAP greeting: %s", line != NULL ? line : "none");
		return false;
	}
	if (tls == TLS_START &&
	    (imap_do(m, "STARTTLS") != ANSWER_OK || !conn_tls(m->c)))
		return false;
	return imap_do(m, "LOGIN \"%s\" \"%s\"",
		       numbered(b->o.user, user, name, sizeof name),
		       b->o.pass) == ANSWER_OK;
}

bool imap_open(struct imap *m, struct bench *b, int port, enum tls tls,
	       int user)
{
	*m = (struct imap){.b = b, .c = conn_open(b, port)};
	if (m->c == NULL)
		return false;
	if (start(m, tls, user))
		return true;
	conn_close(m->c);
	m->c = NULL;
	return false;
}

void imap_close(struct imap *m)
{
	if (m->c == NULL)
		return;
	if (!m->c->dead)
		(void)imap_try(m, "LOGOUT");
	conn_close(m->c);
	m->c = NULL;
}
