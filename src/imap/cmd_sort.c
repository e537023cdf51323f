/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_sort: SORT (RFC 5256, 5957) and what RETURN tells of it (ESORT and UPDATE, RFC 5267;
 * PARTIAL, RFC 9394).  In its answers the order of numbers means something, so sets
 * are told as runs in that order.
 */
#include "imap/context.h"

static const struct {
	const char *name;
	enum summary_sort_by by;
} keys[] = {
	{"ARRIVAL", SUMMARY_BY_ARRIVAL},
	{"CC", SUMMARY_BY_CC},
	{"DATE", SUMMARY_BY_DATE},
	{"DISPLAYFROM", SUMMARY_BY_SHOWN_FROM},
	{"DISPLAYTO", SUMMARY_BY_SHOWN_TO},
	{"FROM", SUMMARY_BY_FROM},
	{"SIZE", SUMMARY_BY_SIZE},
	{"SUBJECT", SUMMARY_BY_SUBJECT},
	{"TO", SUMMARY_BY_TO},
};

static bool sort_key(struct imap_lex *lex, uint8_t *out)
{
	bool reverse = imap_lex_word(lex, "REVERSE");
	if (reverse && !imap_lex_space(lex))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (!imap_lex_word(lex, keys[i].name))
			continue;
		*out = (uint8_t)(keys[i].by | (reverse ? SUMMARY_BY_REVERSE : 0));
		return true;
	}
	return false;
}

/* "(" keys ") " */
static bool sort_keys(struct imap_lex *lex, struct imap_order *how)
{
	*how = (struct imap_order){0};
	if (!imap_lex_char(lex, '('))
		return false;
	do {
		if (how->key_count == SUMMARY_SORT_KEYS ||
		    !sort_key(lex, &how->keys[how->key_count++]))
			return false;
	} while (imap_lex_space(lex));
	return imap_lex_char(lex, ')') && imap_lex_space(lex);
}

static void answer_plain(struct imap_session *s, const struct imap_query *query,
			 const struct imap_numbered *n)
{
	stream_write(s->stream, SPAN("* SORT"));
	for (size_t i = 0; i < n->order.count; i++)
		stream_printf(s->stream, " %u", n->numbers[i]);
	if (query->modseq && n->order.count > 0)
		stream_printf(s->stream, " (MODSEQ %llu)", (unsigned long long)n->modseq);
	stream_write(s->stream, SPAN("\r\n"));
}

/* "5,2:4,1": in this order. */
static void write_runs(struct stream *out, const uint32_t *numbers, size_t count)
{
	for (size_t i = 0; i < count;) {
		size_t end = i + 1;
		while (end < count && numbers[end] == numbers[end - 1] + 1)
			end++;
		stream_printf(out, "%s%u", i > 0 ? "," : "", numbers[i]);
		if (end - i > 1)
			stream_printf(out, ":%u", numbers[end - 1]);
		i = end;
	}
}

static void write_part(struct stream *out, const struct imap_part *p,
		       const struct imap_numbered *n)
{
	uint64_t count = n->order.count, first = p->first, last = p->last;
	const char *sign = p->from_end ? "-" : "";
	if (p->from_end) {
		last = first > count ? 0 : count - first + 1;
		first = p->last >= count ? 1 : count - p->last + 1;
	}
	last = last < count ? last : count;
	stream_printf(out, " PARTIAL (%s%u:%s%u ", sign, p->first, sign, p->last);
	if (first > last)
		stream_write(out, SPAN("NIL"));
	else
		write_runs(out, n->numbers + first - 1, (size_t)(last - first + 1));
	stream_write(out, SPAN(")"));
}

static void answer_extended(struct imap_session *s, const struct imap_wanted *w,
			    const struct imap_query *query, const struct imap_numbered *n)
{
	struct stream *out = s->stream;
	size_t count = n->order.count;
	stream_printf(out, "* ESEARCH (TAG \"%.*s\")%s", (int)s->word_len, s->word,
		      s->work->by_uid ? " UID" : "");
	if ((w->what & IMAP_WANT_MIN) && count > 0)
		stream_printf(out, " MIN %u", n->numbers[0]);
	if ((w->what & IMAP_WANT_MAX) && count > 0)
		stream_printf(out, " MAX %u", n->numbers[count - 1]);
	if (w->what & IMAP_WANT_COUNT)
		stream_printf(out, " COUNT %zu", count);
	if ((w->what & IMAP_WANT_ALL) && count > 0) {
		stream_write(out, SPAN(" ALL "));
		write_runs(out, n->numbers, count);
	}
	if (w->what & IMAP_WANT_PART)
		write_part(out, &w->part, n);
	if (query->modseq && count > 0)
		stream_printf(out, " MODSEQ %llu", (unsigned long long)n->modseq);
	stream_write(out, SPAN("\r\n"));
}

void imap_cmd_sort(struct imap_session *s, struct imap_lex *lex)
{
	struct imap_wanted wanted = {0};
	struct imap_query query;
	struct imap_order how;
	struct imap_numbered n;
	if (!imap_return_parse(lex, &wanted)) {
		imap_bad(s, IMAP_RETURN_TAKES);
		return;
	}
	if (!sort_keys(lex, &how)) {
		imap_bad(s, "Sort keys in parentheses expected");
		return;
	}
	if (!imap_order_parse(s, lex, &query) ||
	    ((wanted.what & IMAP_WANT_UPDATE) && !imap_context_tag_free(s)))
		return;
	if (wanted.what & IMAP_WANT_SAVE)
		imap_saved_drop(s);
	if (!imap_order_run(s, &query, &how, &n))
		return;
	if ((wanted.what & IMAP_WANT_SAVE) && !imap_saved_keep(s, &n.uids)) {
		imap_no(s, "NOTSAVED", "The result is too scattered to be kept");
		return;
	}
	if (!wanted.extended)
		answer_plain(s, &query, &n);
	else if (wanted.what & IMAP_WANT_TOLD)
		answer_extended(s, &wanted, &query, &n);
	if (wanted.what & IMAP_WANT_UPDATE)
		imap_context_of_sort(s, &query, &how, &n.order);
	imap_ok(s, NULL, "Sorted");
}
