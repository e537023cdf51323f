/* SPDX-License-Identifier: Apache-2.0 */
/* Text that looks like mail to a search index, and its checksum (FNV-1a). */
#include "message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "bench.h"

#define POOL	  ((size_t)1 << 20)
#define LINE	  66
#define LINES	  16384
#define HEAD	  1536 /* room for the header */
#define SUM_START 0xcbf29ce484222325u
#define SUM_PRIME 0x100000001b3u

struct corpus {
	char text[POOL + 256];
	size_t line[LINES]; /* where lines start */
	size_t lines;
	char run[32];
};

/* SplitMix64 */
uint64_t draw(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

struct corpus *corpus_make(unsigned seed)
{
	static const char syllables[32][5] = {
		"ba", "con", "de",   "el",  "fi",   "gra", "hon", "in",
		"ja", "ko",  "lu",   "mer", "no",   "or",  "pa",  "qui",
		"ro", "sta", "ti",   "un",  "ver",  "wa",  "xen", "yo",
		"zu", "ing", "ment", "ly",  "tion", "al",  "est", "ous"};
	struct corpus *c = zeroed(1, sizeof *c);
	uint64_t state = seed;
	size_t n = 0, column = 0;
	c->lines = 1;
	while (n < POOL) {
		for (uint64_t k = 1 + draw(&state) % 4; k != 0; k--) {
			const char *s = syllables[draw(&state) % 32];
			size_t length = strlen(s);
			memcpy(c->text + n, s, length);
			n += length;
			column += length;
		}
		if (column <= LINE) {
			c->text[n++] = ' ';
			column++;
			continue;
		}
		memcpy(c->text + n, "\r\n", 2);
		n += 2;
		column = 0;
		if (c->lines < LINES)
			c->line[c->lines++] = n;
	}
	struct timespec t;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	(void)snprintf(c->run, sizeof c->run, "%lx%05lx", (long)t.tv_sec,
		       t.tv_nsec / 1000);
	return c;
}

void corpus_free(struct corpus *c)
{
	free(c);
}

static uint64_t sum_add(uint64_t sum, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i] != '\r')
			sum = (sum ^ (unsigned char)bytes[i]) * SUM_PRIME;
	return sum;
}

/* Whole lines of the pool up to `room` bytes, then the needle's line. */
static size_t make_body(const struct corpus *c, size_t at, size_t room,
			long number, char *body)
{
	char needle[64];
	int tail = snprintf(needle, sizeof needle, "needle%ld is here\r\n",
			    number % MESSAGE_NEEDLES);
	size_t length = 0;
	while (length + (size_t)tail < room) {
		const char *end = memchr(c->text + at, '\n', POOL - at);
		if (end == NULL) {
			at = 0;
			continue;
		}
		size_t n = (size_t)(end + 1 - (c->text + at));
		if (length != 0 && length + n + (size_t)tail > room)
			break;
		memcpy(body + length, c->text + at, n);
		length += n;
		at += n;
	}
	memcpy(body + length, needle, (size_t)tail);
	return length + (size_t)tail;
}

/* With --vary a mail-like spread about the mean: many small, few large. */
static size_t varied(size_t size, uint64_t *state)
{
	static const double factor[] = {.25, .35, .5, .5,  .7,
					.8,  1,	  1,  1.5, 3.4};
	return (size_t)((double)size * factor[draw(state) % 10]);
}

void message_make(struct bench *b, long number, const char *from,
		  const char *to, struct message *m)
{
	static const char names[8][6] = {"Alice", "Bob",   "Carol", "Dave",
					 "Erin",  "Frank", "Grace", "Heidi"};
	const struct corpus *c = b->corpus;
	uint64_t state = b->o.seed * 1000003u + (uint64_t)number;
	size_t size = (size_t)b->o.size;
	if (b->o.vary)
		size = varied(size, &state);
	if (size < MESSAGE_LEAST)
		size = MESSAGE_LEAST;
	if (m->room < size + 2 * HEAD) {
		m->room = size + 2 * HEAD;
		m->bytes = grow(m->bytes, m->room);
	}
	char *body = m->bytes + HEAD;
	size_t start = c->line[draw(&state) % (c->lines - 1)];
	size_t length = make_body(c, start, size - 560, number, body);
	time_t when = 1700000000 + number * 61;
	struct tm tm;
	char date[64];
	(void)gmtime_r(&when, &tm);
	(void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &tm);
	int head = snprintf(
		m->bytes, HEAD,
		"Date: %s\r\nFrom: %s Sender <%s>\r\nTo: <%s>\r\n"
		"Subject: subj%ld %.40s\r\nMessage-ID: "
		"<%s.%ld@mailbench.example>\r\n"
		"X-Mailbench-Id: %s.%ld\r\nX-Mailbench-Sum: %016llx\r\n"
		"MIME-Version: 1.0\r\nContent-Type: text/plain; "
		"charset=utf-8\r\n"
		"Content-Transfer-Encoding: 7bit\r\nUser-Agent: "
		"mailbench\r\n\r\n",
		date, names[draw(&state) % 8], from, to,
		number % MESSAGE_NEEDLES,
		c->text + c->line[(size_t)number % (c->lines - 1)], c->run,
		number, c->run, number,
		(unsigned long long)sum_add(SUM_START, body, length));
	if (head < 0 || head >= HEAD)
		die("an address is too long");
	memmove(m->bytes + head, body, length);
	m->length = (size_t)head + length;
}

void check_start(struct check *k)
{
	k->in_body = k->has_sum = false;
	k->length = 0;
	k->wanted = 0;
	k->sum = SUM_START;
}

static void check_header(struct check *k)
{
	static const char field[] = "X-Mailbench-Sum: ";
	k->line[k->length] = '\0';
	if (k->length == 0) {
		k->in_body = true;
	} else if (strncasecmp(k->line, field, sizeof field - 1) == 0) {
		k->wanted = strtoull(k->line + sizeof field - 1, NULL, 16);
		k->has_sum = true;
	}
	k->length = 0;
}

void check_add(struct check *k, const char *bytes, size_t length)
{
	size_t i = 0;
	while (i < length && !k->in_body) {
		char c = bytes[i++];
		if (c == '\n')
			check_header(k);
		else if (c != '\r' && k->length < sizeof k->line - 1)
			k->line[k->length++] = c;
	}
	k->sum = sum_add(k->sum, bytes + i, length - i);
}

bool check_good(const struct check *k)
{
	return k->has_sum && k->wanted == k->sum;
}
