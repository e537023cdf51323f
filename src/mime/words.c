/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/words: encoded words and parameters in pieces.
 *
 * Bytes of neighbouring words with one charset are put together before they
 * are converted: senders cut in the middle of characters.
 */
#include "mime/words.h"

#include "base/utf8.h"
#include "base/transfer.h"
#include "mime/limits.h"
#include "mime/parse.h"

struct word {
	struct span charset, text;
	bool base64;
	size_t len; /* of the whole, with its marks */
};

/* Bytes of words that were decoded, and the charset they wait for. */
struct run {
	struct mime_charsets *charsets;
	struct span charset;
	struct buf bytes;
};

static void run_flush(struct run *r, struct buf *out)
{
	if (buf_len(&r->bytes) > 0)
		mime_to_utf8(r->charsets, r->charset, buf_span(&r->bytes), out);
	buf_clear(&r->bytes);
}

/* Is there an encoded word at the front of s? */
static bool word_at(struct span s, struct word *w)
{
	if (!span_starts(s, SPAN("=?")))
		return false;
	struct span rest = span_sub(s, 2, MIME_ENCODED_WORD_MAX), encoding;
	if (!span_cut(&rest, '?', &w->charset) || !span_cut(&rest, '?', &encoding) ||
	    !span_cut(&rest, '?', &w->text) || !span_starts(rest, SPAN("=")))
		return false;
	if (w->charset.len == 0 || encoding.len != 1)
		return false;
	char e = ascii_lower(encoding.ptr[0]);
	if (e != 'b' && e != 'q')
		return false;
	w->base64 = e == 'b';
	w->len = (size_t)(rest.ptr + 1 - s.ptr);
	/* RFC 2231 5: the language after '*' is not ours to judge. */
	span_cut(&w->charset, '*', &encoding);
	w->charset = encoding;
	return !span_has(w->text, ' ') || !w->base64;
}

static void word_bytes(const struct word *w, struct buf *out)
{
	struct transfer_decoder d;
	transfer_decoder_init(&d, w->base64 ? TRANSFER_BASE64 : TRANSFER_QP);
	for (size_t i = 0; i < w->text.len; i++) {
		char c = w->text.ptr[i];
		/* An '=' so that no blank at the end is taken for filling. */
		if (!w->base64 && (c == '_' || c == ' '))
			transfer_decode(&d, SPAN("=20"), out);
		else
			transfer_decode(&d, span_of(&c, 1), out);
	}
	transfer_decode_end(&d, out);
}

static size_t blanks_at(struct span s)
{
	size_t n = 0;
	while (n < s.len && (s.ptr[n] == ' ' || s.ptr[n] == '\t'))
		n++;
	return n;
}

static void decode_text(struct mime_charsets *c, struct span s, struct buf *out)
{
	struct run run = {.charsets = c};
	struct word w;
	bool after_word = false;
	buf_init(&run.bytes, MIME_FIELD_MAX);
	while (s.len > 0) {
		size_t blanks = blanks_at(s);
		bool word = word_at(span_skip(s, blanks), &w);
		if (word) {
			if (!after_word || !span_eq_nocase(run.charset, w.charset))
				run_flush(&run, out);
			if (!after_word)
				buf_add(out, span_sub(s, 0, blanks));
			run.charset = w.charset;
			word_bytes(&w, &run.bytes);
			s = span_skip(s, blanks + w.len);
		} else {
			run_flush(&run, out);
			size_t n = blanks < s.len ? blanks + 1 : blanks;
			while (n < s.len && s.ptr[n] != ' ' && s.ptr[n] != '\t' &&
			       s.ptr[n] != '=')
				n++;
			utf8_repair(out, span_sub(s, 0, n));
			s = span_skip(s, n);
		}
		after_word = word;
	}
	run_flush(&run, out);
	buf_share(out, &run.bytes);
	buf_free(&run.bytes);
}

/* What was encoded may hold controls as well. */
static void add_clean(struct span s, struct buf *out)
{
	char *p = buf_room(out, s.len);
	if (p == NULL)
		return;
	for (size_t i = 0; i < s.len; i++)
		p[i] = (unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f ? ' ' : s.ptr[i];
	buf_wrote(out, s.len);
}

void mime_words_decode(struct mime_charsets *c, struct span text, struct buf *out)
{
	struct buf plain, decoded;
	buf_init(&plain, MIME_FIELD_MAX);
	buf_init(&decoded, 4 * MIME_FIELD_MAX);
	mime_unfold(span_sub(text, 0, MIME_FIELD_MAX), &plain);
	decode_text(c, buf_span(&plain), &decoded);
	add_clean(buf_span(&decoded), out);
	buf_share(out, &plain);
	buf_share(out, &decoded);
	buf_free(&plain);
	buf_free(&decoded);
}

static int hex_value(char c)
{
	c = ascii_lower(c);
	if (ascii_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void add_percent(struct span s, struct buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		int hi, lo;
		if (s.ptr[i] == '%' && s.len - i >= 3 && (hi = hex_value(s.ptr[i + 1])) >= 0 &&
		    (lo = hex_value(s.ptr[i + 2])) >= 0) {
			buf_addc(out, (char)(hi << 4 | lo));
			i += 2;
		} else {
			buf_addc(out, s.ptr[i]);
		}
	}
}

/*
 * Does `param` name piece n of `name`?  n SIZE_MAX: the form without number.
 * *encoded: it ends in '*'.
 */
static bool piece_named(struct span param, struct span name, size_t n, bool *encoded)
{
	if (!span_starts_nocase(param, name))
		return false;
	struct span rest = span_skip(param, name.len);
	if (rest.len == 0 || rest.ptr[0] != '*')
		return false;
	rest = span_skip(rest, 1);
	*encoded = n == SIZE_MAX || span_ends(rest, SPAN("*"));
	if (n == SIZE_MAX)
		return rest.len == 0;
	if (*encoded)
		rest.len--;
	uint64_t v;
	return span_u64(rest, MIME_PIECES_MAX, &v) && v == n;
}

static bool find_piece(struct summary_params p, struct span name, size_t n,
		       struct span *value, bool *encoded)
{
	for (size_t i = 0; i < p.count; i++)
		if (piece_named(p.at[i].name, name, n, encoded)) {
			*value = p.at[i].value;
			return true;
		}
	return false;
}

/* charset'language'text */
static void cut_charset(struct span *value, struct span *charset)
{
	struct span rest = *value, head, language;
	if (span_cut(&rest, '\'', &head) && span_cut(&rest, '\'', &language)) {
		*charset = head;
		*value = rest;
	}
}

static bool decode_pieces(struct summary_params p, struct span name, struct span *charset,
			  struct buf *bytes)
{
	struct span value;
	bool encoded;
	if (find_piece(p, name, SIZE_MAX, &value, &encoded)) {
		cut_charset(&value, charset);
		add_percent(value, bytes);
		return true;
	}
	for (size_t n = 0; n < MIME_PIECES_MAX; n++) {
		if (!find_piece(p, name, n, &value, &encoded))
			return n > 0;
		if (n == 0 && encoded)
			cut_charset(&value, charset);
		if (encoded)
			add_percent(value, bytes);
		else
			buf_add(bytes, value);
	}
	return true;
}

bool mime_param_decode(struct mime_charsets *c, struct summary_params p, struct span name,
		       struct buf *out)
{
	struct buf bytes, decoded;
	struct span charset = SPAN("utf-8");
	buf_init(&bytes, MIME_FIELD_MAX);
	bool found = decode_pieces(p, name, &charset, &bytes);
	if (found) {
		buf_init(&decoded, 4 * MIME_FIELD_MAX);
		mime_to_utf8(c, charset, buf_span(&bytes), &decoded);
		add_clean(buf_span(&decoded), out);
		buf_share(out, &decoded);
		buf_free(&decoded);
	} else {
		struct span plain = summary_param(p, name);
		found = plain.ptr != NULL;
		mime_words_decode(c, plain, out);
	}
	buf_share(out, &bytes);
	buf_free(&bytes);
	return found;
}
