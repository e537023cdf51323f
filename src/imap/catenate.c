/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/catenate: CATENATE (RFC 4469): a message out of pieces, some of which
 * are here already.
 *
 * Pieces go to the host in the order of their coming, each in chunks, so a
 * message of any size needs one chunk of memory.  A URL is looked at when it is
 * read: what is wrong with it is said before the next literal is asked for.
 */
#include "imap/append.h"
#include "imap/url.h"

struct pieces {
	struct imap_session *s;
	struct imap_appending *a;
	size_t count;
	struct buf chunk;
};

static bool too_big(const struct pieces *p, uint64_t more)
{
	uint64_t max = p->s->host->facts.append_max;
	return more > max || p->a->append.size > max - more;
}

static bool bad_url(struct pieces *p, struct span url)
{
	char *code = arena_bytes(p->s->work->arena, URL_IMAP_MAX + 16);
	size_t n = sizeof "BADURL " - 1;
	if (code == NULL)
		return imap_append_refuse_answer(p->s, p->a, IMAP_UNAVAILABLE);
	memcpy(code, "BADURL ", n);
	for (size_t i = 0; i < url.len && i < URL_IMAP_MAX; i++) {
		bool text = url.ptr[i] >= ' ' && url.ptr[i] <= '~' &&
			    url.ptr[i] != ']' && url.ptr[i] != '\\';
		code[n++] = text ? url.ptr[i] : '?';
	}
	code[n] = '\0';
	return imap_append_refuse(p->s, p->a, code, "Nothing is there under that URL");
}

/* Bytes of the host go through memory of ours: its own are gone with the next question. */
static enum imap_answer copy(struct pieces *p, struct imap_url_bytes *b)
{
	for (;;) {
		struct span bytes;
		enum imap_answer r = imap_url_read(b, &bytes);
		if (r != IMAP_YES || bytes.len == 0)
			return r;
		buf_clear(&p->chunk);
		buf_add(&p->chunk, bytes);
		if (!buf_ok(&p->chunk))
			return IMAP_UNAVAILABLE;
		r = p->s->host->append_chunk(p->s->host, buf_span(&p->chunk));
		if (r != IMAP_YES)
			return r;
	}
}

static bool take_url(struct pieces *p, struct span text)
{
	struct url_imap url;
	struct imap_url_bytes bytes;
	bool good = url_imap_parse(p->s->work->arena, text, &url);
	if (!good && arena_short(p->s->work->arena))
		return imap_append_refuse_answer(p->s, p->a, IMAP_UNAVAILABLE);
	if (!good || url.absolute ||
	    url.access != URL_NOT_SIGNED || url.expires)
		return bad_url(p, text);
	enum imap_answer r = imap_url_open(p->s, &url, &bytes);
	if (r == IMAP_NONEXISTENT || r == IMAP_DENIED)
		return bad_url(p, text);
	if (r != IMAP_YES)
		return imap_append_refuse_answer(p->s, p->a, r);
	uint64_t size = bytes.to - bytes.from;
	bool fits = !too_big(p, size);
	if (fits)
		r = copy(p, &bytes);
	imap_url_close(&bytes);
	if (!fits)
		return imap_append_refuse(p->s, p->a, "TOOBIG", "Message too large");
	if (r == IMAP_NONEXISTENT)
		return bad_url(p, text);
	if (r != IMAP_YES)
		return imap_append_refuse_answer(p->s, p->a, r);
	p->a->append.size += size;
	return true;
}

/* An astring; a literal of it is read here, with the line behind it. */
static bool url(struct pieces *p, struct imap_lex *lex)
{
	struct imap_appending *a = p->a;
	struct imap_literal l = a->literal;
	struct span text;
	bool plain = imap_lex_peek(lex) != '{';
	if (plain && imap_lex_astring(lex, &text)) {
		a->rest = lex->rest;
		return take_url(p, text);
	}
	if (plain || l.header != lex->rest.len)
		return imap_append_refuse(p->s, a, NULL, "A URL expected");
	if (l.size > URL_IMAP_MAX)
		return imap_append_refuse(p->s, a, NULL, "URL too long");
	buf_clear(&p->chunk);
	if (!imap_append_literal(p->s, a, &p->chunk) ||
	    !arena_copy(p->s->work->arena, buf_span(&p->chunk), &text))
		return imap_append_lost(p->s, a);
	return take_url(p, text);
}

static bool text(struct pieces *p, struct imap_lex *lex, bool utf8)
{
	struct imap_appending *a = p->a;
	uint64_t size = a->literal.size;
	a->binary = imap_lex_char(lex, '~');
	if ((utf8 && !a->binary) || a->literal.header == 0 ||
	    a->literal.header != lex->rest.len)
		return imap_append_refuse(p->s, a, NULL, "A literal expected");
	if (too_big(p, size))
		return imap_append_refuse(p->s, a, "TOOBIG", "Message too large");
	if (!imap_append_text(p->s, a))
		return false;
	a->append.size += size;
	if (!utf8)
		return true;
	if (a->rest.len == 0 || a->rest.ptr[0] != ')')
		return imap_append_refuse(p->s, a, NULL, "The end of UTF8 (...) expected");
	a->rest = span_skip(a->rest, 1);
	return true;
}

static bool piece(struct pieces *p)
{
	struct imap_lex lex = {p->a->rest, p->s->work->arena};
	if (++p->count > IMAP_PIECES_MAX)
		return imap_append_refuse(p->s, p->a, "LIMIT", "Too many pieces");
	if (imap_lex_word(&lex, "URL") && imap_lex_space(&lex))
		return url(p, &lex);
	if (imap_lex_word(&lex, "TEXT") && imap_lex_space(&lex))
		return text(p, &lex, false);
	/* RFC 6855 4 */
	if (imap_lex_word(&lex, "UTF8") && imap_lex_space(&lex) && imap_lex_char(&lex, '('))
		return text(p, &lex, true);
	return imap_append_refuse(p->s, p->a, NULL, "TEXT or URL expected");
}

bool imap_catenate(struct imap_session *s, struct imap_appending *a)
{
	struct pieces p = {.s = s, .a = a};
	bool more = true, good = true;
	buf_init(&p.chunk, IMAP_CHUNK_MAX);
	while (good && more) {
		good = piece(&p);
		more = good && a->rest.len > 0 && a->rest.ptr[0] == ' ';
		if (more)
			a->rest = span_skip(a->rest, 1);
	}
	buf_free(&p.chunk);
	if (!good)
		return false;
	if (a->rest.len == 0 || a->rest.ptr[0] != ')')
		return imap_append_refuse(s, a, NULL, "The end of CATENATE (...) expected");
	a->rest = span_skip(a->rest, 1);
	if (a->append.size == 0)
		return imap_append_refuse(s, a, "CANNOT", "An empty message");
	return true;
}
