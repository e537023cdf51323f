/* SPDX-License-Identifier: Apache-2.0 */
/* MAIL, RCPT and DATA go out together where the server allows it. */
#include "smtp.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bench.h"
#include "conn.h"

#define TEXT 512

int smtp_reply(struct conn *c, char *text, int size)
{
	for (;;) {
		size_t length;
		char *line = conn_line(c, &length);
		if (line == NULL || length < 3)
			return -1;
		if (text != NULL)
			(void)snprintf(text, (size_t)size, "%s", line);
		if (length == 3 || line[3] == ' ')
			return (int)strtol(line, NULL, 10);
	}
}

static bool expect(struct bench *b, struct conn *c, int class, const char *what)
{
	char text[TEXT] = "no reply";
	int code = smtp_reply(c, text, TEXT);
	if (code / 100 == class)
		return true;
	failed(b, "%s: got %s", what, text);
	return false;
}

bool smtp_ehlo(struct bench *b, struct conn *c, bool *pipelining)
{
	*pipelining = false;
	conn_put(c, "%s bench.example.test\r\n", b->o.lmtp ? "LHLO" : "EHLO");
	if (!conn_flush(c))
		return false;
	for (;;) {
		size_t length;
		char *line = conn_line(c, &length);
		if (line == NULL || length < 3 || line[0] != '2') {
			failed(b, "EHLO: %s", line != NULL ? line : "no reply");
			return false;
		}
		if (length > 4 && strcasecmp(line + 4, "PIPELINING") == 0)
			*pipelining = true;
		if (length == 3 || line[3] == ' ')
			return true;
	}
}

static bool login(struct bench *b, struct conn *c, int user)
{
	char name[160], encoded[1024];
	unsigned char raw[512];
	numbered(b->o.user, user, name, sizeof name);
	int n = snprintf((char *)raw, sizeof raw, "%c%s%c%s", 0, name, 0,
			 b->o.pass);
	if (n < 0 || n >= (int)sizeof raw)
		die("the name or password is too long");
	EVP_EncodeBlock((unsigned char *)encoded, raw, n);
	conn_put(c, "AUTH PLAIN %s\r\n", encoded);
	return conn_flush(c) && expect(b, c, 2, "AUTH");
}

static bool start(struct smtp *s, int user)
{
	struct bench *b = s->b;
	if (b->o.tls == TLS_IMPLICIT && !conn_tls(s->c))
		return false;
	if (!expect(b, s->c, 2, "greeting") ||
	    !smtp_ehlo(b, s->c, &s->pipelining))
		return false;
	if (b->o.tls == TLS_START) {
		conn_put(s->c, "STARTTLS\r\n");
		if (!conn_flush(s->c) || !expect(b, s->c, 2, "STARTTLS") ||
		    !conn_tls(s->c) || !smtp_ehlo(b, s->c, &s->pipelining))
			return false;
	}
	if (b->o.no_pipelining)
		s->pipelining = false;
	return !b->o.auth || login(b, s->c, user);
}

static void drop(struct smtp *s)
{
	conn_close(s->c);
	s->c = NULL;
}

bool smtp_open(struct smtp *s, struct bench *b, int user)
{
	*s = (struct smtp){.b = b, .c = conn_open(b, b->o.port)};
	numbered(b->o.auth ? b->o.user : b->o.from, user, s->from,
		 sizeof s->from);
	if (s->c == NULL)
		return false;
	if (start(s, user))
		return true;
	drop(s);
	return false;
}

/* What comes before the message, up to and with the 354. */
static bool envelope(struct smtp *s, int first)
{
	struct bench *b = s->b;
	struct conn *c = s->c;
	char to[160];
	bool lockstep = !s->pipelining;
	conn_put(c, "MAIL FROM:<%s>\r\n", s->from);
	if (lockstep && (!conn_flush(c) || !expect(b, c, 2, "MAIL")))
		return false;
	for (int i = 0; i < b->o.recipients; i++) {
		conn_put(c, "RCPT TO:<%s>\r\n",
			 numbered(b->o.to, 1 + (first - 1 + i) % b->o.users, to,
				  sizeof to));
		if (lockstep && (!conn_flush(c) || !expect(b, c, 2, "RCPT")))
			return false;
	}
	conn_put(c, "DATA\r\n");
	if (!conn_flush(c))
		return false;
	if (!lockstep) {
		if (!expect(b, c, 2, "MAIL"))
			return false;
		for (int i = 0; i < b->o.recipients; i++)
			if (!expect(b, c, 2, "RCPT"))
				return false;
	}
	return expect(b, c, 3, "DATA");
}

int smtp_send(struct smtp *s, const struct message *m, int first)
{
	struct bench *b = s->b;
	int replies = b->o.lmtp ? b->o.recipients : 1;
	bool good = envelope(s, first);
	if (good) {
		conn_bytes(s->c, m->bytes, m->length);
		conn_bytes(s->c, ".\r\n", 3);
		good = conn_flush(s->c);
		s->sent = now();
	}
	for (int i = 0; good && i < replies; i++)
		good = expect(b, s->c, 2, "end of data");
	if (good)
		return b->o.recipients;
	drop(s);
	return -1;
}

void smtp_quit(struct smtp *s, bool wait)
{
	if (s->c == NULL)
		return;
	conn_put(s->c, "QUIT\r\n");
	if (conn_flush(s->c) && wait)
		(void)smtp_reply(s->c, NULL, 0);
	drop(s);
}
