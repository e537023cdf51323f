/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/search: one row per search key (RFC 3501 6.4.4).
 *
 * Keys that speak of this session (sequence sets, RECENT, NEW, OLD) become UID
 * sets here.  Must never nest deeper than IMAP_QUERY_DEPTH nor make more than
 * IMAP_QUERY_OPS ops, whatever the client sends.
 */
#include "imap/search.h"

#include "base/civil.h"
#include "base/utf8.h"
#include "imap/flags.h"
#include "imap/object.h"

#define DAY 86400

struct parser {
	struct imap_session *s;
	struct imap_lex *lex;
	struct imap_query *out;
	struct imap_keywords keywords;
	bool unbound; /* keys are bound to a mailbox later */
	unsigned fuzzy; /* keys around this one that say so */
	bool asked_now;
	int64_t now;  /* one for the whole command */
	bool limited; /* too many or too deep: NO [LIMIT], not BAD */
	bool memory;
	bool answered;
};

static bool key(struct parser *, unsigned depth);

static bool push(struct parser *p, struct imap_query_op op)
{
	if (p->out->count == IMAP_QUERY_OPS) {
		p->limited = true;
		return false;
	}
	p->out->ops[p->out->count++] = op;
	return true;
}

static bool push_kind(struct parser *p, enum imap_query_kind kind)
{
	return push(p, (struct imap_query_op){.kind = kind});
}

struct search_key {
	const char *name;
	bool (*parse)(struct parser *, const struct search_key *);
	enum imap_query_kind kind;
	uint32_t flag;
	const char *field;
};

static bool k_plain(struct parser *p, const struct search_key *k)
{
	return push_kind(p, k->kind);
}

static bool k_flag(struct parser *p, const struct search_key *k)
{
	return push(p, (struct imap_query_op){.kind = IMAP_Q_FLAGS, .number = k->flag});
}

static bool k_unflag(struct parser *p, const struct search_key *k)
{
	return k_flag(p, k) && push_kind(p, IMAP_Q_NOT);
}

/* Stands in `name` of UIDS that are bound later; other such sets stand in `text`. */
#define RECENT SPAN("\\Recent")

static bool push_from(struct parser *p, uint32_t from)
{
	struct imap_query_op op = {.kind = IMAP_Q_UIDS};
	if (p->unbound) {
		op.name = RECENT;
		return push(p, op);
	}
	imap_set_init(&op.uids, p->s->work->arena);
	p->memory = !imap_set_add(&op.uids, from ? from : 1, UINT32_MAX);
	return !p->memory && push(p, op);
}

static bool k_recent(struct parser *p, const struct search_key *k UNUSED)
{
	return push_from(p, p->s->recent_from);
}

static bool k_old(struct parser *p, const struct search_key *k)
{
	return k_recent(p, k) && push_kind(p, IMAP_Q_NOT);
}

/* RECENT UNSEEN */
static bool k_new(struct parser *p, const struct search_key *k)
{
	static const struct search_key seen = {.flag = IMAP_SEEN};
	return k_recent(p, k) && k_unflag(p, &seen) && push_kind(p, IMAP_Q_AND);
}

/* One that nobody used yet keeps its name: a result that is kept up to date asks again. */
struct imap_query_op imap_query_keyword(const struct imap_keywords *k, struct span name)
{
	for (size_t i = 0; i < k->count; i++)
		if (span_eq_nocase(k->names[i], name))
			return (struct imap_query_op){.kind = IMAP_Q_KEYWORDS,
						      .number = UINT64_C(1) << i};
	return (struct imap_query_op){.kind = IMAP_Q_NONE,
				      .name = name.len <= IMAP_KEYWORD_LEN_MAX
						      ? name : span_of(NULL, 0)};
}

static bool k_keyword(struct parser *p, const struct search_key *k UNUSED)
{
	struct span name;
	if (!imap_lex_space(p->lex) || !imap_lex_atom(p->lex, &name))
		return false;
	return push(p, imap_query_keyword(&p->keywords, name));
}

static bool k_unkeyword(struct parser *p, const struct search_key *k)
{
	return k_keyword(p, k) && push_kind(p, IMAP_Q_NOT);
}

static bool k_date(struct parser *p, const struct search_key *k)
{
	struct span text;
	int64_t seconds;
	if (!imap_lex_space(p->lex) || !imap_lex_astring(p->lex, &text) ||
	    !civil_parse_imap_date(text, &seconds))
		return false;
	/* Midnight of a day, so the division is exact before 1970 too. */
	return push(p, (struct imap_query_op){.kind = k->kind, .day = seconds / DAY});
}

static bool k_number(struct parser *p, const struct search_key *k)
{
	uint64_t n;
	return imap_lex_space(p->lex) && imap_lex_number(p->lex, INT64_MAX, &n) &&
	       push(p, (struct imap_query_op){.kind = k->kind, .number = n});
}

/* RFC 5032: an age in seconds. */
static bool k_age(struct parser *p, const struct search_key *k)
{
	struct imap_host *host = p->s->host;
	uint64_t n;
	if (!imap_lex_space(p->lex) || !imap_lex_number(p->lex, UINT32_MAX, &n) ||
	    n == 0)
		return false;
	if (!p->asked_now) {
		p->asked_now = true;
		p->now = host->now(host);
	}
	return push(p, (struct imap_query_op){.kind = k->kind,
					      .number = (uint64_t)(p->now - (int64_t)n)});
}

static bool text(struct parser *p, struct span *out)
{
	return imap_lex_space(p->lex) && imap_lex_astring(p->lex, out) &&
	       utf8_valid(*out);
}

static bool k_text(struct parser *p, const struct search_key *k)
{
	struct imap_query_op op = {.kind = k->kind};
	if (k->field != NULL)
		op.name = span_cstr(k->field);
	if (!text(p, &op.text))
		return false;
	op.fuzzy = p->fuzzy > 0;
	/* Nothing stands in every body, also in one without text. */
	if (op.text.len == 0 && k->field == NULL)
		op = (struct imap_query_op){.kind = IMAP_Q_ALL};
	return push(p, op);
}

static bool k_header(struct parser *p, const struct search_key *k)
{
	struct imap_query_op op = {.kind = k->kind};
	return imap_lex_space(p->lex) && imap_lex_astring(p->lex, &op.name) &&
	       op.name.len > 0 && text(p, &op.text) &&
	       (op.fuzzy = p->fuzzy > 0, push(p, op));
}

static bool push_set(struct parser *p, bool by_uid)
{
	struct span set;
	struct imap_query_op op = {.kind = IMAP_Q_UIDS};
	if (!imap_lex_set(p->lex, &set))
		return false;
	if (p->unbound) {
		struct imap_set read;
		imap_set_init(&read, p->s->work->arena);
		op.text = set;
		return by_uid && imap_set_parse(set, 1, &read) == IMAP_SET_OK && push(p, op);
	}
	if (!by_uid && p->s->uidonly && !span_eq(set, SPAN("$"))) {
		imap_uid_required(p->s);
		p->answered = true;
		return false;
	}
	bool before = p->s->work->by_uid;
	p->s->work->by_uid = by_uid;
	/* By number an empty mailbox has nothing to name, which is no error here. */
	bool good = true;
	if (!by_uid && p->s->exists == 0)
		imap_set_init(&op.uids, p->s->work->arena);
	else
		good = imap_view_resolve(p->s, set, &op.uids);
	p->s->work->by_uid = before;
	p->answered = !good;
	return good && push(p, op);
}

static bool k_uid(struct parser *p, const struct search_key *k UNUSED)
{
	return imap_lex_space(p->lex) && push_set(p, true);
}

/* RFC 7162 3.1.5: an entry may be named; ours are all shared flags. */
static bool k_modseq(struct parser *p, const struct search_key *k)
{
	struct span entry;
	uint64_t n;
	if (!imap_lex_space(p->lex))
		return false;
	if (imap_lex_peek(p->lex) == '"' &&
	    !(imap_lex_string(p->lex, &entry) && imap_lex_space(p->lex) &&
	      (imap_lex_word(p->lex, "all") || imap_lex_word(p->lex, "priv") ||
	       imap_lex_word(p->lex, "shared")) &&
	      imap_lex_space(p->lex)))
		return false;
	if (!imap_lex_number(p->lex, INT64_MAX, &n))
		return false;
	p->out->modseq = true;
	return push(p, (struct imap_query_op){.kind = k->kind, .number = n});
}

/* RFC 8474 6: EMAILID; no message has a THREADID. */
static bool k_object(struct parser *p, const struct search_key *k)
{
	struct span id;
	struct imap_query_op op = {.kind = IMAP_Q_EMAIL};
	if (!imap_lex_space(p->lex) || !imap_lex_atom(p->lex, &id))
		return false;
	switch (imap_object_parse(id, p->s->work->arena, &op.text)) {
	case IMAP_OBJECT_EMAIL:
		return k->kind == IMAP_Q_EMAIL ? push(p, op) : push_kind(p, IMAP_Q_NONE);
	case IMAP_OBJECT_OTHER:
		return push_kind(p, IMAP_Q_NONE);
	case IMAP_OBJECT_BAD:
		break;
	}
	return false;
}

static const struct search_key keys[] = {
	{"ALL", k_plain, IMAP_Q_ALL, 0, NULL},
	{"ANSWERED", k_flag, 0, IMAP_ANSWERED, NULL},
	{"BCC", k_text, IMAP_Q_HEADER, 0, "Bcc"},
	{"BEFORE", k_date, IMAP_Q_BEFORE, 0, NULL},
	{"BODY", k_text, IMAP_Q_BODY, 0, NULL},
	{"CC", k_text, IMAP_Q_HEADER, 0, "Cc"},
	{"DELETED", k_flag, 0, IMAP_DELETED, NULL},
	{"DRAFT", k_flag, 0, IMAP_DRAFT, NULL},
	{"EMAILID", k_object, IMAP_Q_EMAIL, 0, NULL},
	{"FLAGGED", k_flag, 0, IMAP_FLAGGED, NULL},
	{"FROM", k_text, IMAP_Q_HEADER, 0, "From"},
	{"HEADER", k_header, IMAP_Q_HEADER, 0, NULL},
	{"KEYWORD", k_keyword, 0, 0, NULL},
	{"LARGER", k_number, IMAP_Q_LARGER, 0, NULL},
	{"MODSEQ", k_modseq, IMAP_Q_MODSEQ, 0, NULL},
	{"NEW", k_new, 0, 0, NULL},
	{"OLD", k_old, 0, 0, NULL},
	{"OLDER", k_age, IMAP_Q_OLDER, 0, NULL},
	{"ON", k_date, IMAP_Q_ON, 0, NULL},
	{"RECENT", k_recent, 0, 0, NULL},
	{"SAVEDATESUPPORTED", k_plain, IMAP_Q_ALL, 0, NULL},
	{"SAVEDBEFORE", k_date, IMAP_Q_SAVEDBEFORE, 0, NULL},
	{"SAVEDON", k_date, IMAP_Q_SAVEDON, 0, NULL},
	{"SAVEDSINCE", k_date, IMAP_Q_SAVEDSINCE, 0, NULL},
	{"SEEN", k_flag, 0, IMAP_SEEN, NULL},
	{"SENTBEFORE", k_date, IMAP_Q_SENTBEFORE, 0, NULL},
	{"SENTON", k_date, IMAP_Q_SENTON, 0, NULL},
	{"SENTSINCE", k_date, IMAP_Q_SENTSINCE, 0, NULL},
	{"SINCE", k_date, IMAP_Q_SINCE, 0, NULL},
	{"SMALLER", k_number, IMAP_Q_SMALLER, 0, NULL},
	{"SUBJECT", k_text, IMAP_Q_HEADER, 0, "Subject"},
	{"TEXT", k_text, IMAP_Q_TEXT, 0, NULL},
	{"THREADID", k_object, IMAP_Q_NONE, 0, NULL},
	{"TO", k_text, IMAP_Q_HEADER, 0, "To"},
	{"UID", k_uid, 0, 0, NULL},
	{"UNANSWERED", k_unflag, 0, IMAP_ANSWERED, NULL},
	{"UNDELETED", k_unflag, 0, IMAP_DELETED, NULL},
	{"UNDRAFT", k_unflag, 0, IMAP_DRAFT, NULL},
	{"UNFLAGGED", k_unflag, 0, IMAP_FLAGGED, NULL},
	{"UNKEYWORD", k_unkeyword, 0, 0, NULL},
	{"UNSEEN", k_unflag, 0, IMAP_SEEN, NULL},
	{"YOUNGER", k_age, IMAP_Q_YOUNGER, 0, NULL},
};

/* What RFC 9051 has no more. */
static bool of_recent(const struct search_key *k)
{
	return k->parse == k_recent || k->parse == k_old || k->parse == k_new;
}

/* Keys side by side all have to match. */
static bool all_of(struct parser *p, unsigned depth)
{
	if (!key(p, depth))
		return false;
	while (imap_lex_space(p->lex))
		if (!key(p, depth) || !push_kind(p, IMAP_Q_AND))
			return false;
	return true;
}

static bool key(struct parser *p, unsigned depth)
{
	struct span name;
	if (depth == IMAP_QUERY_DEPTH) {
		p->limited = true;
		return false;
	}
	if (imap_lex_char(p->lex, '('))
		return all_of(p, depth + 1) && imap_lex_char(p->lex, ')');
	if (ascii_digit(imap_lex_peek(p->lex)) || imap_lex_peek(p->lex) == '*' ||
	    imap_lex_peek(p->lex) == '$')
		return push_set(p, false);
	if (!imap_lex_atom(p->lex, &name))
		return false;
	if (span_eq_nocase(name, SPAN("NOT")))
		return imap_lex_space(p->lex) && key(p, depth + 1) &&
		       push_kind(p, IMAP_Q_NOT);
	if (span_eq_nocase(name, SPAN("FUZZY"))) {
		p->fuzzy++;
		bool good = imap_lex_space(p->lex) && key(p, depth + 1);
		p->fuzzy--;
		return good;
	}
	if (span_eq_nocase(name, SPAN("OR")))
		return imap_lex_space(p->lex) && key(p, depth + 1) &&
		       imap_lex_space(p->lex) && key(p, depth + 1) &&
		       push_kind(p, IMAP_Q_OR);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (span_eq_nocase(name, span_cstr(keys[i].name)))
			return (!p->s->rev2 || !of_recent(&keys[i])) &&
			       keys[i].parse(p, &keys[i]);
	return false;
}

/* "CHARSET" name; without the word where it always stands.  False: answered. */
static bool charset(struct parser *p, bool always)
{
	struct span name;
	if (!always && !imap_lex_word(p->lex, "CHARSET"))
		return true;
	if ((!always && !imap_lex_space(p->lex)) || !imap_lex_astring(p->lex, &name) ||
	    !imap_lex_space(p->lex)) {
		imap_bad(p->s, "Character set expected");
		return false;
	}
	if (p->s->utf8) {
		imap_bad(p->s, "Everything is UTF-8 since it was enabled"); /* RFC 6855 3 */
		return false;
	}
	if (span_eq_nocase(name, SPAN("UTF-8")) || span_eq_nocase(name, SPAN("US-ASCII")))
		return true;
	imap_no(p->s, "BADCHARSET (US-ASCII UTF-8)", "Unknown character set");
	return false;
}

/* FUZZY keys become others; what they were is kept beside. */
static bool soften(struct parser *p)
{
	struct arena *a = p->s->work->arena;
	struct imap_query *made = ARENA_ARRAY(a, 3, struct imap_query);
	enum imap_fuzzy_result r = made != NULL ? IMAP_FUZZY_OK : IMAP_FUZZY_MEMORY;
	for (unsigned i = 0; i < 3 && r == IMAP_FUZZY_OK; i++)
		r = imap_query_fuzzy(p->out, (enum imap_closeness)i, a, &made[i]);
	p->limited = r == IMAP_FUZZY_LIMIT;
	p->memory = r == IMAP_FUZZY_MEMORY;
	if (r != IMAP_FUZZY_OK)
		return false;
	*p->out = made[IMAP_CLOSE_FORMS];
	p->out->closer[IMAP_CLOSE_TEXT] = &made[IMAP_CLOSE_TEXT];
	p->out->closer[IMAP_CLOSE_WORDS] = &made[IMAP_CLOSE_WORDS];
	return true;
}

static bool parse(struct imap_session *s, struct imap_lex *lex, bool always, bool unbound,
		  struct imap_query *out)
{
	struct parser p = {.s = s, .lex = lex, .out = out, .unbound = unbound};
	*out = (struct imap_query){0};
	out->ops = ARENA_ARRAY(s->work->arena, IMAP_QUERY_OPS, struct imap_query_op);
	if (out->ops == NULL ||
	    (!unbound && imap_keywords_get(s, &p.keywords) != IMAP_YES)) {
		imap_no_answer(s, IMAP_UNAVAILABLE);
		return false;
	}
	if (!charset(&p, always))
		return false;
	if (all_of(&p, 0) && imap_lex_end(lex)) {
		if (!imap_query_is_fuzzy(out) || soften(&p))
			return true;
	}
	if (p.answered)
		return false;
	if (p.limited)
		imap_no(s, "LIMIT", "Search too complex");
	else if (p.memory)
		imap_no_answer(s, IMAP_UNAVAILABLE);
	else
		imap_bad(s, "Invalid search key");
	return false;
}

bool imap_search_parse(struct imap_session *s, struct imap_lex *lex,
		       struct imap_query *out)
{
	return parse(s, lex, false, false, out);
}

bool imap_order_parse(struct imap_session *s, struct imap_lex *lex, struct imap_query *out)
{
	return imap_view_map(s) && parse(s, lex, true, false, out);
}

bool imap_search_parse_unbound(struct imap_session *s, struct imap_lex *lex,
			       struct imap_query *out)
{
	return parse(s, lex, false, true, out);
}

bool imap_query_names_last(const struct imap_query *q)
{
	for (size_t i = 0; i < q->count; i++)
		if (q->ops[i].kind == IMAP_Q_UIDS && span_has(q->ops[i].text, '*'))
			return true;
	return false;
}

static bool bind_one(const struct imap_query *q, const struct imap_binding *b,
		     struct imap_query *out)
{
	*out = *q;
	out->ops = ARENA_ARRAY(b->arena, q->count, struct imap_query_op);
	if (out->ops == NULL)
		return false;
	for (size_t i = 0; i < q->count; i++) {
		struct imap_query_op *op = &out->ops[i];
		*op = q->ops[i];
		if (op->kind == IMAP_Q_NONE && op->name.len > 0)
			*op = imap_query_keyword(b->keywords, op->name);
		if (op->kind != IMAP_Q_UIDS)
			continue;
		imap_set_init(&op->uids, b->arena);
		if (op->name.len > 0
			    ? !imap_set_add(&op->uids, b->recent_from ? b->recent_from : 1, UINT32_MAX)
			    : imap_set_parse(op->text, b->last, &op->uids) != IMAP_SET_OK)
			return false;
		op->name = op->text = span_of(NULL, 0);
	}
	return true;
}

bool imap_query_bind(const struct imap_query *q, const struct imap_binding *b,
		     struct imap_query *out)
{
	struct imap_query *made = ARENA_ARRAY(b->arena, 2, struct imap_query);
	if (made == NULL || !bind_one(q, b, out))
		return false;
	for (size_t i = 0; i < 2 && q->closer[i] != NULL; i++) {
		if (!bind_one(q->closer[i], b, &made[i]))
			return false;
		out->closer[i] = &made[i];
	}
	return true;
}
