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

/* RFC 6203 6: how near it comes is a key of the session, the others are the host's. */
struct by_relevancy {
	bool asked, reverse;
	size_t before; /* keys in front of it; of several the first counts */
};

static bool relevancy_key(struct imap_lex *lex, struct by_relevancy *by, size_t before)
{
	struct imap_lex at = *lex;
	bool reverse = imap_lex_word(&at, "REVERSE") && imap_lex_space(&at);
	if (!imap_lex_word(&at, "RELEVANCY"))
		return false;
	*lex = at;
	if (!by->asked)
		*by = (struct by_relevancy){.asked = true, .reverse = reverse, .before = before};
	return true;
}

/* "(" keys ") " */
static bool sort_keys(struct imap_lex *lex, struct imap_order *how, struct by_relevancy *by)
{
	*how = (struct imap_order){0};
	*by = (struct by_relevancy){0};
	if (!imap_lex_char(lex, '('))
		return false;
	do {
		if (relevancy_key(lex, by, how->key_count))
			continue;
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

/* Positions from 1; none where *first > *last. */
static void part_of(const struct imap_part *p, uint64_t count, uint64_t *first, uint64_t *last)
{
	*first = p->first;
	*last = p->last;
	if (p->from_end) {
		*last = p->first > count ? 0 : count - p->first + 1;
		*first = p->last >= count ? 1 : count - p->last + 1;
	}
	*last = *last < count ? *last : count;
}

/* Of the messages that are told, in their order. */
static void write_relevancy(struct stream *out, const struct imap_wanted *w,
			    const struct imap_numbered *n, const struct imap_relevancy *scores)
{
	uint64_t first = 1, last = n->order.count;
	if ((w->what & IMAP_WANT_PART) && !(w->what & IMAP_WANT_ALL))
		part_of(&w->part, n->order.count, &first, &last);
	stream_write(out, SPAN(" RELEVANCY ("));
	for (uint64_t i = first; i <= last; i++)
		stream_printf(out, "%s%u", i > first ? " " : "",
			      imap_relevancy_of(scores, n->order.uids[i - 1]));
	stream_write(out, SPAN(")"));
}

static void write_part(struct stream *out, const struct imap_part *p,
		       const struct imap_numbered *n)
{
	uint64_t first, last;
	const char *sign = p->from_end ? "-" : "";
	part_of(p, n->order.count, &first, &last);
	stream_printf(out, " PARTIAL (%s%u:%s%u ", sign, p->first, sign, p->last);
	if (first > last)
		stream_write(out, SPAN("NIL"));
	else
		write_runs(out, n->numbers + first - 1, (size_t)(last - first + 1));
	stream_write(out, SPAN(")"));
}

static void answer_extended(struct imap_session *s, const struct imap_wanted *w,
			    const struct imap_query *query, const struct imap_numbered *n,
			    const struct imap_relevant *relevant)
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
	if (relevant != NULL && count > 0)
		write_relevancy(out, w, n, &relevant->scores);
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
	struct by_relevancy by;
	struct imap_relevant relevant;
	if (!imap_return_parse(lex, &wanted)) {
		imap_bad(s, IMAP_RETURN_TAKES);
		return;
	}
	if (!sort_keys(lex, &how, &by)) {
		imap_bad(s, "Sort keys in parentheses expected");
		return;
	}
	s->work->saving = wanted.what & IMAP_WANT_SAVE;
	if (!imap_order_parse(s, lex, &query) ||
	    ((by.asked || (wanted.what & IMAP_WANT_RELEVANCY)) && imap_relevancy_refused(s, &query)) ||
	    ((wanted.what & IMAP_WANT_UPDATE) && !imap_context_tag_free(s)))
		return;
	if (!imap_order_run(s, &query, &how, &n))
		return;
	struct imap_wanted scores = wanted;
	scores.what |= by.asked ? IMAP_WANT_RELEVANCY : 0;
	if (!imap_relevant(s, &scores, s->mailbox, &query, &n.uids, &relevant) ||
	    (by.asked && !imap_order_nearest(s, &how, by.before, by.reverse, &relevant.scores, &n))) {
		imap_no_answer(s, IMAP_UNAVAILABLE);
		return;
	}
	if ((wanted.what & IMAP_WANT_SAVE) && !imap_saved_keep(s, &n.uids)) {
		imap_no(s, "NOTSAVED", "The result is too scattered to be kept");
		return;
	}
	if (!wanted.extended)
		answer_plain(s, &query, &n);
	else if (wanted.what & IMAP_WANT_TOLD)
		answer_extended(s, &wanted, &query, &n, wanted.what & IMAP_WANT_RELEVANCY ? &relevant : NULL);
	if ((wanted.what & IMAP_WANT_UPDATE) && by.asked)
		imap_context_refuse(s, "Not in the order of RELEVANCY");
	else if (wanted.what & IMAP_WANT_UPDATE)
		imap_context_of_sort(s, &query, wanted.fetch, &how, &n.order);
	imap_ok(s, NULL, "Sorted");
}
