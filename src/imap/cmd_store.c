/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_store: STORE (RFC 3501 6.4.6; UNCHANGEDSINCE of RFC 7162).
 *
 * The answer shows the flags as they are after the change, read back from the
 * pages: what another session changed meanwhile is in it.
 */
#include "imap/flags.h"

struct storing {
	struct imap_store store;
	bool silent, conditional;
};

static bool parse(struct imap_lex *lex, struct storing *t, struct imap_flag_args *flags)
{
	*t = (struct storing){.store = {.how = IMAP_STORE_SET,
					.unchanged_since = UINT64_MAX}};
	if (imap_lex_char(lex, '(')) {
		t->conditional = true;
		if (!imap_lex_word(lex, "UNCHANGEDSINCE") || !imap_lex_space(lex) ||
		    !imap_lex_number(lex, INT64_MAX, &t->store.unchanged_since) ||
		    !imap_lex_char(lex, ')') || !imap_lex_space(lex))
			return false;
	}
	if (imap_lex_char(lex, '+'))
		t->store.how = IMAP_STORE_ADD;
	else if (imap_lex_char(lex, '-'))
		t->store.how = IMAP_STORE_REMOVE;
	t->silent = imap_lex_word(lex, "FLAGS.SILENT");
	if (!t->silent && !imap_lex_word(lex, "FLAGS"))
		return false;
	return imap_lex_space(lex) && imap_flags_parse(lex, true, flags) &&
	       imap_lex_end(lex);
}

static enum imap_answer bits(struct imap_session *s, const struct imap_flag_args *flags,
			     struct imap_store *store)
{
	store->flags = flags->system;
	/* Whoever may change some of the flags does (RFC 4314 4); keywords are not among
	 * them then, and of the others the host knows. */
	if ((s->rights & ACL_W) == 0 && (flags->system != 0 ||
						store->how == IMAP_STORE_SET))
		return IMAP_YES;
	for (size_t i = 0; i < flags->count; i++) {
		unsigned bit = 0;
		enum imap_answer r = s->host->keyword_add(s->host, s->mailbox,
							  flags->keywords[i], &bit);
		if (r != IMAP_YES)
			return r;
		ENSURE(bit < IMAP_KEYWORDS_MAX);
		store->keywords |= UINT64_C(1) << bit;
	}
	return IMAP_YES;
}

/* RFC 7162 3.1.3: who minds mod-sequences sees them even when it is silent. */
static void show_modseq(struct imap_session *s, const struct imap_slot *slot, uint32_t rank)
{
	imap_fetch_open(s, slot->uid, rank);
	stream_printf(s->stream, "UID %u", slot->uid);
	imap_modseq_tell(s, slot);
	stream_write(s->stream, SPAN(")\r\n"));
}

static enum imap_answer show(struct imap_session *s, const struct imap_set *uids, bool silent)
{
	struct imap_work *w = s->work;
	struct imap_cursor cursor = {.set = &w->map};
	struct imap_keywords k;
	enum imap_answer r = imap_keywords_get(s, &k);
	if (r == IMAP_YES && k.count > s->keywords)
		imap_view_flags(s);
	uint32_t from = imap_set_next(uids, 1);
	while (r == IMAP_YES && from != 0) {
		struct imap_slots slots = {0};
		uint32_t last = uids->runs[uids->count - 1].last;
		arena_reset(w->batch);
		r = s->host->pages(s->host, s->mailbox, from, last, 0, w->batch, &slots);
		for (size_t i = 0; r == IMAP_YES && i < slots.count; i++) {
			if (!imap_set_has(uids, slots.slots[i].uid))
				continue;
			uint32_t rank = imap_cursor_rank(&cursor, slots.slots[i].uid);
			if (silent)
				show_modseq(s, &slots.slots[i], rank);
			else
				imap_flags_tell(s, &k, &slots.slots[i], rank);
		}
		from = slots.next ? imap_set_next(uids, slots.next) : 0;
	}
	return r;
}

static bool without(struct imap_set *uids, const struct imap_set *modified,
		    struct arena *arena)
{
	struct imap_set all = *uids;
	imap_set_init(uids, arena);
	return imap_set_minus(&all, modified, uids);
}

#define CODE_MAX (1u << 20)

/* The only OK to a STORE; names what was left alone. */
static void stored_ok(struct imap_session *s, const struct imap_set *modified)
{
	struct buf code;
	struct imap_set ranks;
	imap_set_init(&ranks, s->work->arena);
	buf_init(&code, CODE_MAX);
	if (modified->count > 0) {
		buf_add(&code, SPAN("MODIFIED "));
		if (s->work->by_uid)
			imap_set_text(modified, &code);
		else if (imap_set_ranks(&s->work->map, modified, &ranks))
			imap_set_text(&ranks, &code);
		buf_addc(&code, '\0');
	}
	if (buf_ok(&code))
		imap_ok(s, modified->count > 0 ? buf_span(&code).ptr : NULL,
			modified->count > 0 ? "Changed meanwhile" : "Stored");
	else
		imap_no_answer(s, IMAP_UNAVAILABLE);
	buf_free(&code);
}

void imap_cmd_store(struct imap_session *s, struct imap_lex *lex)
{
	struct span text;
	struct storing t;
	struct imap_flag_args flags;
	struct imap_set uids;
	struct imap_stored stored = {0};
	if (!imap_lex_set(lex, &text) || !imap_lex_space(lex) ||
	    !parse(lex, &t, &flags)) {
		imap_bad(s, "A message set and flags expected");
		return;
	}
	if (!imap_view_resolve(s, text, &uids))
		return;
	if (s->read_only) {
		imap_no(s, "READ-ONLY", "Mailbox is read-only");
		return;
	}
	imap_set_init(&stored.modified, s->work->arena);
	if (t.conditional)
		imap_condstore_on(s);
	enum imap_answer r = bits(s, &flags, &t.store);
	if (r == IMAP_YES && uids.count > 0)
		r = s->host->store(s->host, s->mailbox, &uids, &t.store,
				   s->work->arena, &stored);
	if (r == IMAP_YES && uids.count > 0)
		imap_view_advance(s, stored.before, stored.after);
	if (r == IMAP_YES && t.silent && s->condstore &&
	    !without(&uids, &stored.modified, s->work->arena))
		r = IMAP_UNAVAILABLE;
	if (r == IMAP_YES && (!t.silent || s->condstore))
		r = show(s, &uids, t.silent);
	if (r == IMAP_YES)
		stored_ok(s, &stored.modified);
	else
		imap_no_answer(s, r);
}
