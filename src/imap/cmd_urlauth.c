/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_urlauth: GENURLAUTH, URLFETCH and RESETKEY (RFC 4467), URLFETCH of decoded
 * parts (RFC 5524).
 *
 * Signing and checking are the host's: no key is ever here.  Whatever is wrong with
 * a URL that is fetched, it is NIL.
 *
 * Must never stop inside a literal and go on.
 */
#include "base/check.h"
#include "imap/url.h"
#include "imap/write.h"

#define URLS_MAX 32u /* of one command */

static bool internal(struct span mechanism)
{
	return span_eq_nocase(mechanism, SPAN("INTERNAL"));
}

/* ---- GENURLAUTH ------------------------------------------------------------- */

struct signing {
	struct span urls[URLS_MAX];
	size_t count;
};

static bool pairs(struct imap_lex *lex, struct signing *g, bool *many)
{
	do {
		struct span mechanism, url;
		struct url_imap u;
		*many = g->count == URLS_MAX;
		if (*many || !imap_lex_astring(lex, &url) || !imap_lex_space(lex) ||
		    !imap_lex_atom(lex, &mechanism) || !internal(mechanism))
			return false;
		/* RFC 4467 BASE.6.3.GENURLAUTH: an owner, an access, no token. */
		if (!url_imap_parse(lex->arena, url, &u) || !u.absolute ||
		    u.user.len == 0 || u.access == URL_NOT_SIGNED || u.mechanism.len > 0)
			return false;
		g->urls[g->count++] = url;
	} while (imap_lex_space(lex));
	return imap_lex_end(lex);
}

/* The URL as others get it: the token behind it. */
static enum imap_answer sign(struct imap_session *s, struct signing *g, size_t i)
{
	static const struct span between = SPAN_INIT(":INTERNAL:");
	struct span url = g->urls[i], token;
	enum imap_answer r = s->host->url_sign(s->host, url, s->work->arena, &token);
	if (r != IMAP_YES)
		return r;
	char *text = arena_bytes(s->work->arena, url.len + between.len + token.len);
	if (text == NULL)
		return IMAP_UNAVAILABLE;
	memcpy(text, url.ptr, url.len);
	memcpy(text + url.len, between.ptr, between.len);
	memcpy(text + url.len + between.len, token.ptr, token.len);
	g->urls[i] = span_of(text, url.len + between.len + token.len);
	return IMAP_YES;
}

void imap_cmd_genurlauth(struct imap_session *s, struct imap_lex *lex)
{
	struct signing *g = ARENA_NEW(s->work->arena, struct signing);
	bool many = false;
	enum imap_answer r = g != NULL ? IMAP_YES : IMAP_UNAVAILABLE;
	if (g != NULL) {
		g->count = 0;
		if (!pairs(lex, g, &many)) {
			if (arena_short(s->work->arena))
				imap_no_answer(s, IMAP_UNAVAILABLE);
			else if (many)
				imap_no(s, "LIMIT", "Too many URLs at once");
			else
				imap_bad(s, "URLs of messages with their owner and access, and INTERNAL, expected");
			return;
		}
	}
	for (size_t i = 0; r == IMAP_YES && i < g->count; i++)
		r = sign(s, g, i);
	if (r == IMAP_DENIED || r == IMAP_NONEXISTENT) {
		imap_bad(s, "One of them is no URL of a mailbox of yours");
		return;
	}
	if (r != IMAP_YES) {
		imap_no_answer(s, r);
		return;
	}
	stream_write(s->stream, SPAN("* GENURLAUTH"));
	for (size_t i = 0; i < g->count; i++) {
		stream_write(s->stream, SPAN(" "));
		imap_write_string(s->stream, g->urls[i]);
	}
	stream_write(s->stream, SPAN("\r\n"));
	imap_ok(s, NULL, "Signed");
}

/* ---- URLFETCH --------------------------------------------------------------- */

enum url_want {
	WANT_STRING = 0, /* as RFC 4467 has it */
	WANT_STRUCTURE = 1,
	WANT_BODY = 2,
	WANT_BINARY = 4,
};

struct fetched {
	struct span url;
	unsigned want;
};

static bool wants(struct imap_lex *lex, unsigned *want)
{
	while (imap_lex_space(lex)) {
		if (imap_lex_word(lex, "BODYPARTSTRUCTURE"))
			*want |= WANT_STRUCTURE;
		else if (imap_lex_word(lex, "BODY"))
			*want |= WANT_BODY;
		else if (imap_lex_word(lex, "BINARY"))
			*want |= WANT_BINARY;
		else
			return false;
	}
	return imap_lex_char(lex, ')');
}

static bool all_urls(struct imap_lex *lex, struct fetched *f, size_t *count, bool *many)
{
	*count = 0;
	do {
		*many = *count == URLS_MAX;
		if (*many)
			return false;
		f[*count].want = WANT_STRING;
		bool list = imap_lex_char(lex, '(');
		if (!imap_lex_astring(lex, &f[*count].url) || f[*count].url.len == 0 ||
		    (list && !wants(lex, &f[*count].want)))
			return false;
		++*count;
	} while (imap_lex_space(lex));
	return imap_lex_end(lex);
}

/* False: nothing was said, it cannot be read. */
static bool send_body(struct imap_url_bytes *b)
{
	struct imap_session *s = b->s;
	struct span bytes;
	uint64_t left = b->to - b->from;
	if (imap_url_read(b, &bytes) != IMAP_YES)
		return false;
	stream_printf(s->stream, "{%llu}\r\n", (unsigned long long)left);
	while (bytes.len > 0) {
		stream_write(s->stream, bytes);
		if (s->stream->state != IO_OK || imap_url_read(b, &bytes) != IMAP_YES) {
			s->closing = true; /* not even BYE: it would count as content */
			return true;
		}
	}
	return true;
}

static void send_binary(struct imap_url_bytes *b)
{
	struct imap_fetch_item item = b->item;
	item.item = IMAP_ITEM_BINARY;
	enum imap_binary r = IMAP_BINARY_UNKNOWN;
	/* Header fields and the like have no encoding to undo. */
	if (item.section.kind == IMAP_SECTION_ALL)
		r = imap_binary_send(b->s, b->mailbox, &item, &b->row, b->summary);
	if (r == IMAP_BINARY_BROKEN)
		b->s->closing = true;
	else if (r != IMAP_BINARY_SENT)
		stream_write(b->s->stream, SPAN("NIL"));
}

static void send_structure(struct imap_url_bytes *b)
{
	const struct imap_section *section = &b->item.section;
	const struct summary_part *part = &b->summary->parts[0];
	if (section->count > 0)
		part = summary_find(b->summary, section->numbers, section->count);
	if (part != NULL && section->kind == IMAP_SECTION_ALL)
		imap_part_write(b->s->stream, b->summary, part);
	else
		stream_write(b->s->stream, SPAN("NIL"));
}

static void send_items(struct imap_url_bytes *b, unsigned want)
{
	struct stream *out = b->s->stream;
	if (want == WANT_STRING) {
		stream_write(out, SPAN(" "));
		if (!send_body(b))
			stream_write(out, SPAN("NIL"));
		return;
	}
	if (want & WANT_STRUCTURE) {
		stream_write(out, SPAN(" (BODYPARTSTRUCTURE "));
		send_structure(b);
		stream_write(out, SPAN(")"));
	}
	if (want & WANT_BINARY) {
		stream_write(out, SPAN(" (BINARY "));
		send_binary(b);
		if (!b->s->closing)
			stream_write(out, SPAN(")"));
	}
	if ((want & WANT_BODY) && !b->s->closing) {
		stream_write(out, SPAN(" (BODY "));
		if (!send_body(b))
			stream_write(out, SPAN("NIL"));
		if (!b->s->closing)
			stream_write(out, SPAN(")"));
	}
}

static enum imap_answer fetch(struct imap_session *s, const struct fetched *f)
{
	struct url_imap u;
	struct imap_url_bytes b;
	enum imap_answer r = IMAP_DENIED;
	/* RFC 4467 6: what says nothing of who may read, or has no token, is nobody's. */
	if (url_imap_parse(s->work->arena, f->url, &u) && u.absolute && u.mechanism.len > 0)
		r = imap_url_open_signed(s, f->url, &u, &b);
	if (r != IMAP_YES && arena_short(s->work->arena))
		r = IMAP_UNAVAILABLE;
	stream_write(s->stream, SPAN("* URLFETCH "));
	imap_write_string(s->stream, f->url);
	if (r == IMAP_YES) {
		send_items(&b, f->want);
		imap_url_close(&b);
	} else {
		stream_write(s->stream, SPAN(" NIL"));
	}
	if (!s->closing)
		stream_write(s->stream, SPAN("\r\n"));
	return r == IMAP_UNAVAILABLE ? r : IMAP_YES;
}

void imap_cmd_urlfetch(struct imap_session *s, struct imap_lex *lex)
{
	struct fetched *f = ARENA_ARRAY(s->work->arena, URLS_MAX, struct fetched);
	size_t count;
	bool many = false;
	enum imap_answer r = IMAP_YES;
	if (f == NULL) {
		imap_no_answer(s, IMAP_UNAVAILABLE);
		return;
	}
	if (!all_urls(lex, f, &count, &many)) {
		if (arena_short(s->work->arena))
			imap_no_answer(s, IMAP_UNAVAILABLE);
		else if (many)
			imap_no(s, "LIMIT", "Too many URLs at once");
		else
			imap_bad(s, "URLs expected");
		return;
	}
	for (size_t i = 0; r == IMAP_YES && i < count && !s->closing; i++)
		r = fetch(s, &f[i]);
	if (s->closing)
		return;
	if (r == IMAP_YES)
		imap_ok(s, NULL, "That is all");
	else
		imap_no_answer(s, r);
}

/* ---- RESETKEY --------------------------------------------------------------- */

void imap_cmd_resetkey(struct imap_session *s, struct imap_lex *lex)
{
	struct span name = {0}, mechanism;
	if (!imap_lex_end(lex) && !imap_arg_name(s, lex, &name))
		return;
	bool known = true, good = true;
	while (good && imap_lex_space(lex)) {
		good = imap_lex_atom(lex, &mechanism);
		known = known && internal(mechanism);
	}
	if (!good || !imap_lex_end(lex)) {
		imap_bad(s, "A mailbox and names of mechanisms expected");
		return;
	}
	if (!known) {
		imap_no(s, "CANNOT", "There is no mechanism but INTERNAL");
		return;
	}
	enum imap_answer r = s->host->url_reset(s->host, name);
	if (r != IMAP_YES)
		imap_no_answer(s, r);
	else if (name.len > 0)
		imap_ok(s, "URLMECH INTERNAL", "A new key");
	else
		imap_ok(s, NULL, "All keys are gone");
}
