/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/order: subjects cut to their base, names made to keys, ids to hashes.
 *
 * Must never look at a byte of the subject more than a few times: blobs in a row
 * are counted once, then taken off together.
 */
#include "mime/order.h"

#include "base/pack.h"
#include "base/siphash.h"
#include "base/utf8.h"
#include "mime/words.h"
#include "terms/fold.h"

#define SUBJECT_MAX 4096u /* bytes of a decoded subject that count */
#define FIELD_MAX   1024u /* of a name, before it is cut */
#define ID_MAX      998u

/* ---- base subject --------------------------------------------------------------- */

static struct span skip_blank(struct span s)
{
	return span_starts(s, SPAN(" ")) ? span_skip(s, 1) : s;
}

/* "(fwd)" and blanks at the end. */
static bool cut_trailers(struct span *s)
{
	bool forwarded = false;
	for (;;) {
		if (span_ends(*s, SPAN(" "))) {
			s->len--;
		} else if (s->len >= 5 && span_eq_nocase(span_skip(*s, s->len - 5), SPAN("(fwd)"))) {
			s->len -= 5;
			forwarded = true;
		} else {
			return forwarded;
		}
	}
}

/* "[...]" with nothing of its kind inside, and a blank behind it. */
static bool take_blob(struct span *s)
{
	size_t i = 1;
	if (s->len == 0 || s->ptr[0] != '[')
		return false;
	while (i < s->len && s->ptr[i] != '[' && s->ptr[i] != ']')
		i++;
	if (i == s->len || s->ptr[i] != ']')
		return false;
	*s = skip_blank(span_skip(*s, i + 1));
	return true;
}

/* "re", "fw" or "fwd", a blank, a blob, ":". */
static bool take_refwd(struct span *s)
{
	struct span r = *s;
	size_t n = span_starts_nocase(r, SPAN("fwd")) ? 3
		   : span_starts_nocase(r, SPAN("fw")) ||
				     span_starts_nocase(r, SPAN("re"))
			   ? 2
			   : 0;
	if (n == 0)
		return false;
	r = skip_blank(span_skip(r, n));
	(void)take_blob(&r);
	if (!span_starts(r, SPAN(":")))
		return false;
	*s = skip_blank(span_skip(r, 1));
	return true;
}

/* All that may stand in front; blobs only where something is left behind them. */
static bool cut_leaders(struct span *s)
{
	bool answers = false;
	for (;;) {
		struct span rest = *s;
		bool blob = false;
		while (take_blob(&rest))
			blob = true;
		if (take_refwd(&rest)) {
			answers = true;
			*s = rest;
			continue;
		}
		if (!blob)
			return answers;
		if (rest.len > 0) {
			*s = rest;
			return answers;
		}
		/* Only blobs: the last one is the subject. */
		for (rest = *s; take_blob(&rest) && rest.len > 0;)
			*s = rest;
		return answers;
	}
}

bool mime_base_subject(struct span subject, struct buf *out)
{
	struct buf flat;
	bool answers = false, blank = true;
	buf_init(&flat, SUBJECT_MAX);
	subject = span_sub(subject, 0, SUBJECT_MAX);
	for (size_t i = 0; i < subject.len; i++) {
		bool is_blank = subject.ptr[i] == ' ' || subject.ptr[i] == '\t';
		if (!is_blank || !blank)
			buf_addc(&flat, is_blank ? ' ' : subject.ptr[i]);
		blank = is_blank;
	}
	struct span s = buf_span(&flat);
	for (;;) {
		answers |= cut_trailers(&s);
		answers |= cut_leaders(&s);
		if (!span_starts_nocase(s, SPAN("[fwd:")) || !span_ends(s, SPAN("]")))
			break;
		answers = true;
		s = skip_blank(span_sub(s, 5, s.len - 6));
	}
	buf_add(out, s);
	buf_share(out, &flat);
	buf_free(&flat);
	return answers;
}

/* ---- keys ------------------------------------------------------------------------- */

struct making {
	struct mime_charsets *charsets;
	struct arena *arena;
	struct summary_order order;
	bool is_short;
};

/* As RFC 5051 has it: letters of ASCII large, so that "_" sorts behind them. */
static void add_folded(struct buf *out, struct span text)
{
	size_t from = buf_len(out);
	terms_fold(out, text);
	for (size_t i = from; i < buf_len(out); i++) {
		char *p = &out->data[out->from + i];
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	}
}

static void keep_key(struct making *m, enum summary_order_key key, struct span text, size_t most)
{
	struct buf folded;
	buf_init(&folded, FIELD_MAX * FOLD_GROWTH);
	add_folded(&folded, span_sub(text, 0, FIELD_MAX));
	if (!arena_copy(m->arena, span_sub(buf_span(&folded), 0, most), &m->order.key[key]) ||
	    buf_short(&folded))
		m->is_short = true;
	buf_free(&folded);
}

static uint64_t hash_of(struct span text)
{
	static const uint8_t key[SIPHASH_KEY] = "letterlock order";
	uint64_t h = siphash(key, text);
	return h != 0 ? h : 1; /* 0 is "none" */
}

static void set_subject(struct making *m, struct span raw)
{
	struct buf decoded, base, folded;
	buf_init(&decoded, SUBJECT_MAX * UTF8_MAX);
	buf_init(&base, SUBJECT_MAX);
	buf_init(&folded, SUBJECT_MAX * FOLD_GROWTH);
	mime_words_decode(m->charsets, span_sub(raw, 0, SUBJECT_MAX), &decoded);
	if (mime_base_subject(buf_span(&decoded), &base))
		m->order.flags |= SUMMARY_ORDER_REPLY;
	add_folded(&folded, buf_span(&base));
	struct span key = buf_span(&folded);
	if (key.len > 0)
		m->order.subject = hash_of(key);
	if (!arena_copy(m->arena, span_sub(key, 0, SUMMARY_ORDER_SUBJECT),
			&m->order.key[SUMMARY_ORDER_BASE]) ||
	    buf_short(&decoded) || buf_short(&base) || buf_short(&folded))
		m->is_short = true;
	buf_free(&decoded);
	buf_free(&base);
	buf_free(&folded);
}

/* RFC 5957: the name that a person sees, or else the address. */
static void set_shown(struct making *m, enum summary_order_key key, const struct summary_address *a)
{
	struct buf text;
	buf_init(&text, FIELD_MAX * UTF8_MAX);
	if (a->name.len > 0) {
		mime_words_decode(m->charsets, span_sub(a->name, 0, FIELD_MAX), &text);
	} else {
		buf_add(&text, span_sub(a->mailbox, 0, FIELD_MAX / 2));
		if (a->host.len > 0)
			buf_addc(&text, '@');
		buf_add(&text, span_sub(a->host, 0, FIELD_MAX / 2 - 1));
	}
	m->is_short |= buf_short(&text);
	keep_key(m, key, buf_span(&text), SUMMARY_ORDER_NAME);
	buf_free(&text);
}

static void set_addresses(struct making *m, const struct summary_envelope *e)
{
	static const struct {
		enum summary_who who;
		enum summary_order_key key, shown;
	} rows[] = {
		{SUMMARY_FROM, SUMMARY_ORDER_FROM, SUMMARY_ORDER_SHOWN_FROM},
		{SUMMARY_TO, SUMMARY_ORDER_TO, SUMMARY_ORDER_SHOWN_TO},
		{SUMMARY_CC, SUMMARY_ORDER_CC, SUMMARY_ORDER_KEYS},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct summary_list *l = &e->who[rows[i].who];
		if (l->count == 0)
			continue;
		keep_key(m, rows[i].key, l->at[0].mailbox, SUMMARY_ORDER_NAME);
		if (rows[i].shown != SUMMARY_ORDER_KEYS)
			set_shown(m, rows[i].shown, &l->at[0]);
	}
}

/* ---- ids --------------------------------------------------------------------------- */

/* What stands in angle brackets, quotes of its local part taken off; 0: nothing. */
static uint64_t id_of(struct span text)
{
	char bytes[ID_MAX];
	size_t n = 0, from = span_find(text, '<');
	bool quoted = false;
	if (from == SIZE_MAX)
		return 0;
	for (size_t i = from + 1; i < text.len && n < sizeof bytes; i++) {
		char c = text.ptr[i];
		if (c == '>' && !quoted)
			return n > 0 ? hash_of(span_of(bytes, n)) : 0;
		if (c == '"') {
			quoted = !quoted;
			continue;
		}
		if (c == '\\' && quoted && i + 1 < text.len)
			c = text.ptr[++i];
		else if ((unsigned char)c <= ' ' && !quoted)
			continue;
		bytes[n++] = c;
	}
	return 0;
}

/* Where there are too many, the first one is the thread's, the last ones are near. */
static void set_ids(struct making *m, const struct summary *s, const struct summary_envelope *e)
{
	struct buf ids;
	buf_init(&ids, SUMMARY_ORDER_IDS * sizeof(uint64_t));
	size_t skip = s->reference_count > SUMMARY_ORDER_IDS ? s->reference_count - SUMMARY_ORDER_IDS : 0;
	for (size_t i = 0; i < s->reference_count; i++) {
		uint64_t id = i == 0 || i > skip ? id_of(s->references[i]) : 0;
		if (id != 0)
			pack_u64(&ids, id);
	}
	uint64_t answered = id_of(e->in_reply_to);
	if (buf_len(&ids) == 0 && answered != 0)
		pack_u64(&ids, answered);
	m->order.id = id_of(e->message_id);
	if (!arena_copy(m->arena, buf_span(&ids), &m->order.ids) || buf_short(&ids))
		m->is_short = true;
	buf_free(&ids);
}

bool mime_order(struct mime_charsets *charsets, const struct summary *s, struct buf *out)
{
	const struct summary_envelope *e = s->parts[0].envelope;
	struct making m = {.charsets = charsets, .arena = arena_new(4 * SUMMARY_ORDER_MAX)};
	if (m.arena == NULL)
		return false;
	for (size_t i = 0; i < SUMMARY_ORDER_KEYS; i++)
		m.order.key[i] = SPAN("");
	if (s->flags & SUMMARY_HAS_DATE) {
		m.order.flags |= SUMMARY_ORDER_SENT;
		m.order.sent = s->sent;
	}
	if (e != NULL) {
		set_subject(&m, e->subject);
		set_addresses(&m, e);
		set_ids(&m, s, e);
	}
	bool good = !m.is_short && !arena_short(m.arena) && summary_order_write(&m.order, out);
	arena_free(m.arena);
	return good;
}
