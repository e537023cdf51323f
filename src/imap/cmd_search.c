/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_search: SEARCH (RFC 3501 6.4.4), what is to be told of it (RETURN of
 * RFC 4731, PARTIAL of RFC 9394) and kept of it (SAVE of RFC 5182, UPDATE of RFC 5267).  The host
 * evaluates; only messages that this session was told of are answered.
 */
#include "imap/context.h"
#include "imap/write.h"

static const struct {
	const char *name;
	unsigned bit;
} options[] = {
	{"MIN", IMAP_WANT_MIN},     {"MAX", IMAP_WANT_MAX},   {"ALL", IMAP_WANT_ALL},
	{"COUNT", IMAP_WANT_COUNT}, {"SAVE", IMAP_WANT_SAVE}, {"PARTIAL", IMAP_WANT_PART},
	{"UPDATE", IMAP_WANT_UPDATE}, {"CONTEXT", 0}, /* a hint that nothing here needs */
	{"RELEVANCY", IMAP_WANT_RELEVANCY},
};

/* " (" items ")", or nothing. */
static bool update_items(struct imap_lex *lex, struct span *out)
{
	struct imap_lex at = *lex;
	if (!imap_lex_space(&at) || imap_lex_peek(&at) != '(')
		return true;
	*lex = at;
	return imap_fetch_list(lex, out) && out->len <= IMAP_CONTEXT_FETCH;
}

static bool option(struct imap_lex *lex, struct imap_wanted *w)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (!imap_lex_word(lex, options[i].name))
			continue;
		w->what |= options[i].bit;
		if (options[i].bit == IMAP_WANT_UPDATE)
			return update_items(lex, &w->fetch);
		return options[i].bit != IMAP_WANT_PART ||
		       (imap_lex_space(lex) && imap_part_parse(lex, &w->part));
	}
	return false;
}

/* "RETURN (" options ") ", or nothing, which leaves what is wanted.  False: BAD. */
bool imap_return_parse(struct imap_lex *lex, struct imap_wanted *w)
{
	if (!imap_lex_word(lex, "RETURN"))
		return true;
	w->extended = true;
	w->what = 0;
	if (!imap_lex_space(lex) || !imap_lex_char(lex, '('))
		return false;
	if (!imap_lex_char(lex, ')')) {
		do {
			if (!option(lex, w))
				return false;
		} while (imap_lex_space(lex));
		if (!imap_lex_char(lex, ')'))
			return false;
	}
	/* RFC 9394 3.1: a part of all, or all. */
	if ((w->what & IMAP_WANT_PART) && (w->what & IMAP_WANT_ALL))
		return false;
	if ((w->what & (IMAP_WANT_TOLD | IMAP_WANT_SAVE)) == 0)
		w->what |= IMAP_WANT_ALL;
	return imap_lex_space(lex);
}

/* The numbers that stand in answers. */
static bool numbers(struct imap_session *s, const struct imap_set *uids,
		    struct imap_set *out)
{
	imap_set_init(out, s->work->arena);
	if (!s->work->by_uid)
		return imap_set_ranks(&s->work->map, uids, out);
	*out = *uids;
	return true;
}

static void answer_plain(struct imap_session *s, const struct imap_set *n,
			 const struct imap_query *query, uint64_t modseq)
{
	stream_write(s->stream, SPAN("* SEARCH"));
	for (size_t i = 0; i < n->count; i++)
		for (uint64_t at = n->runs[i].first; at <= n->runs[i].last; at++)
			stream_printf(s->stream, " %u", (uint32_t)at);
	if (query->modseq && n->count > 0)
		stream_printf(s->stream, " (MODSEQ %llu)", (unsigned long long)modseq);
	stream_write(s->stream, SPAN("\r\n"));
}

#define SET_TEXT_MAX (4u << 20)

static void add_part(const struct imap_wanted *w, const struct imap_set *part, struct buf *b)
{
	const char *sign = w->part.from_end ? "-" : "";
	buf_printf(b, " PARTIAL (%s%u:%s%u ", sign, w->part.first, sign, w->part.last);
	if (part->count == 0)
		buf_add(b, SPAN("NIL"));
	imap_set_text(part, b);
	buf_addc(b, ')');
}

static void add_relevancy(const struct imap_relevancy *r, const struct imap_set *uids, struct buf *b)
{
	const char *between = "";
	buf_add(b, SPAN(" RELEVANCY ("));
	for (size_t i = 0; i < uids->count; i++)
		for (uint64_t at = uids->runs[i].first; at <= uids->runs[i].last; at++) {
			buf_printf(b, "%s%u", between, imap_relevancy_of(r, (uint32_t)at));
			between = " ";
		}
	buf_addc(b, ')');
}

/* RFC 4731 3.1, RFC 7377 2.1 */
bool imap_esearch_tell(struct imap_session *s, const struct imap_wanted *w,
		       const struct imap_set *n, const struct imap_query *query,
		       uint64_t modseq, const struct imap_relevant *relevant,
		       const struct imap_source *from)
{
	struct buf b;
	struct imap_set part, scored;
	imap_set_init(&part, s->work->arena);
	imap_set_init(&scored, s->work->arena);
	if ((w->what & IMAP_WANT_PART) && !imap_part_of(&w->part, n, &part))
		return false;
	/* Scores are those of the messages that are told. */
	bool some = (w->what & IMAP_WANT_PART) && !(w->what & IMAP_WANT_ALL);
	if (relevant != NULL && some && !imap_part_of(&w->part, &relevant->uids, &scored))
		return false;
	buf_init(&b, SET_TEXT_MAX);
	if ((w->what & IMAP_WANT_MIN) && n->count > 0)
		buf_printf(&b, " MIN %u", n->runs[0].first);
	if ((w->what & IMAP_WANT_MAX) && n->count > 0)
		buf_printf(&b, " MAX %u", n->runs[n->count - 1].last);
	if (w->what & IMAP_WANT_COUNT)
		buf_printf(&b, " COUNT %llu", (unsigned long long)imap_set_size(n));
	if ((w->what & IMAP_WANT_ALL) && n->count > 0) {
		buf_add(&b, SPAN(" ALL "));
		imap_set_text(n, &b);
	}
	if (w->what & IMAP_WANT_PART)
		add_part(w, &part, &b);
	if (relevant != NULL && n->count > 0)
		add_relevancy(&relevant->scores, some ? &scored : &relevant->uids, &b);
	if (query->modseq && n->count > 0)
		buf_printf(&b, " MODSEQ %llu", (unsigned long long)modseq);
	bool good = buf_ok(&b);
	if (good) {
		stream_printf(s->stream, "* ESEARCH (TAG \"%.*s\"", (int)s->word_len, s->word);
		if (from != NULL) {
			stream_write(s->stream, SPAN(" MAILBOX "));
			imap_write_name(s, s->work->arena, from->name);
			stream_printf(s->stream, " UIDVALIDITY %u", from->uid_validity);
		}
		stream_write(s->stream, s->work->by_uid || from != NULL ? SPAN(") UID") : SPAN(")"));
		stream_write(s->stream, buf_span(&b));
		stream_write(s->stream, SPAN("\r\n"));
	}
	buf_free(&b);
	return good;
}

/* RFC 5182 2.4: with MIN or MAX alone those are kept, else all. */
static bool save(struct imap_session *s, const struct imap_wanted *w, const struct imap_set *uids)
{
	unsigned ends = w->what & (IMAP_WANT_MIN | IMAP_WANT_MAX);
	struct imap_set kept;
	if (ends == 0 || (w->what & (IMAP_WANT_ALL | IMAP_WANT_COUNT)) || uids->count == 0)
		return imap_saved_keep(s, uids);
	uint32_t least = uids->runs[0].first, most = uids->runs[uids->count - 1].last;
	imap_set_init(&kept, s->work->arena);
	if ((ends & IMAP_WANT_MIN) && !imap_set_add(&kept, least, least))
		return false;
	if ((ends & IMAP_WANT_MAX) && most > (ends & IMAP_WANT_MIN ? least : 0) &&
	    !imap_set_add(&kept, most, most))
		return false;
	return imap_saved_keep(s, &kept);
}

bool imap_relevant(struct imap_session *s, const struct imap_wanted *w, uint64_t mailbox,
		   const struct imap_query *query, const struct imap_set *uids,
		   struct imap_relevant *out)
{
	if (!(w->what & IMAP_WANT_RELEVANCY))
		return true;
	out->uids = *uids;
	return imap_relevancy(s, mailbox, query, uids, &out->scores) == IMAP_YES;
}

bool imap_relevancy_refused(struct imap_session *s, const struct imap_query *query)
{
	if (query->closer[0] != NULL)
		return false;
	imap_bad(s, "RELEVANCY is of FUZZY keys");
	return true;
}

static void answer(struct imap_session *s, const struct imap_wanted *w,
		   const struct imap_set *uids, const struct imap_query *query,
		   uint64_t modseq, const struct imap_source *from)
{
	struct imap_set n;
	struct imap_relevant relevant;
	if ((w->what & IMAP_WANT_SAVE) && !save(s, w, uids)) {
		imap_no(s, "NOTSAVED", "The result is too scattered to be kept");
		return;
	}
	bool good = numbers(s, uids, &n);
	if (good && !w->extended)
		answer_plain(s, &n, query, modseq);
	else if (good && (w->what & IMAP_WANT_TOLD))
		good = imap_relevant(s, w, s->mailbox, query, uids, &relevant) &&
		       imap_esearch_tell(s, w, &n, query, modseq,
					 w->what & IMAP_WANT_RELEVANCY ? &relevant : NULL, from);
	if (good && (w->what & IMAP_WANT_UPDATE))
		imap_context_of_search(s, query, w->fetch, uids);
	if (good)
		imap_ok(s, NULL, "Searched");
	else
		imap_no_answer(s, IMAP_UNAVAILABLE);
}

void imap_search_selected(struct imap_session *s, struct imap_lex *lex,
			  struct imap_wanted *wanted, const struct imap_source *from)
{
	struct imap_query query;
	struct imap_set found, told;
	uint64_t modseq = 0;
	s->work->saving = wanted->what & IMAP_WANT_SAVE;
	if (!imap_view_map(s) || !imap_search_parse(s, lex, &query) ||
	    ((wanted->what & IMAP_WANT_RELEVANCY) && imap_relevancy_refused(s, &query)) ||
	    ((wanted->what & IMAP_WANT_UPDATE) && !imap_context_tag_free(s)))
		return;
	if (query.modseq)
		imap_condstore_on(s);
	imap_set_init(&found, s->work->arena);
	imap_set_init(&told, s->work->arena);
	enum imap_answer r = s->host->search(s->host, s->mailbox, &query, &found,
					     &modseq);
	if (r == IMAP_YES && !imap_set_and(&found, &s->work->map, &told))
		r = IMAP_UNAVAILABLE;
	if (r != IMAP_YES) {
		imap_no_answer(s, r);
		return;
	}
	answer(s, wanted, &told, &query, modseq, from);
}

void imap_cmd_search(struct imap_session *s, struct imap_lex *lex)
{
	/* RFC 9051 6.4.4: there is no other answer any more. */
	struct imap_wanted wanted = {.extended = s->rev2,
				     .what = s->rev2 ? IMAP_WANT_ALL : 0};
	if (imap_return_parse(lex, &wanted))
		imap_search_selected(s, lex, &wanted, NULL);
	else
		imap_bad(s, IMAP_RETURN_TAKES);
}
