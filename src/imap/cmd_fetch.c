/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_fetch: FETCH (RFC 3501 6.4.5; CHANGEDSINCE and VANISHED of RFC 7162), in
 * batches of rows.
 *
 * Bodies are pulled in ranges while they are written, so a client that does
 * not read holds one batch of rows and what the host reads ahead, three frames at
 * most, whatever it asked for.
 *
 * Must never stop inside a literal and go on: a body that ends early ends the
 * session.
 */
#include "base/check.h"
#include "base/civil.h"
#include "imap/fetch.h"
#include "imap/flags.h"
#include "imap/object.h"
#include "imap/write.h"

struct fetching {
	struct imap_session *s;
	struct imap_fetch what;
	struct imap_keywords keywords;
	struct imap_set wanted;
	struct imap_cursor cursor;
	uint64_t told; /* messages answered */
	bool damaged;  /* something could not be read: shown as NIL */
	bool unknown;  /* BINARY of an encoding that we do not know: NIL */
	uint32_t from; /* next UID to look at */
	size_t run;    /* of `wanted`: those before it are done */
};

static void broken(struct fetching *f)
{
	/* Not even BYE: the client counts it as part of the literal. */
	f->s->closing = true;
}

/* The first range is read before its literal is begun: what is damaged there is
 * NIL, and the session goes on. */
static void send_literal(struct fetching *f, uint32_t uid, uint64_t from, uint64_t to)
{
	struct imap_host *host = f->s->host;
	struct span bytes = {0};
	size_t first = (size_t)u64_min(to - from, IMAP_CHUNK_MAX);
	if (from < to &&
	    (host->body(host, f->s->mailbox, uid, from, first, &bytes) != IMAP_YES ||
	     bytes.len == 0)) {
		stream_write(f->s->stream, SPAN("NIL"));
		f->damaged = true;
		return;
	}
	ENSURE(bytes.len <= first);
	stream_write(f->s->stream, SPAN("{"));
	stream_number(f->s->stream, to - from);
	stream_write(f->s->stream, SPAN("}\r\n"));
	stream_write(f->s->stream, bytes);
	from += bytes.len;
	while (from < to && !f->s->closing) {
		size_t len = (size_t)u64_min(to - from, IMAP_CHUNK_MAX);
		if (host->body(host, f->s->mailbox, uid, from, len, &bytes) != IMAP_YES ||
		    bytes.len == 0) {
			broken(f);
			return;
		}
		ENSURE(bytes.len <= len);
		stream_write(f->s->stream, bytes);
		from += bytes.len;
		/* The client went away: do not read the rest for nobody. */
		if (f->s->stream->state != IO_OK)
			broken(f);
	}
}

static bool load(struct fetching *f, uint32_t uid, struct imap_range r, struct buf *to)
{
	struct imap_host *host = f->s->host;
	while (r.from < r.to) {
		struct span bytes;
		size_t len = (size_t)u64_min(r.to - r.from, IMAP_CHUNK_MAX);
		if (host->body(host, f->s->mailbox, uid, r.from, len, &bytes) != IMAP_YES ||
		    bytes.len == 0)
			return false;
		buf_add(to, bytes);
		r.from += bytes.len;
	}
	return buf_ok(to);
}

static void send_fields(struct fetching *f, const struct imap_fetch_item *item,
			uint32_t uid, struct imap_range r)
{
	struct buf header, picked;
	buf_init(&header, IMAP_HEADER_SCAN_MAX);
	buf_init(&picked, IMAP_HEADER_SCAN_MAX + 2);
	r.to = u64_min(r.to, r.from + IMAP_HEADER_SCAN_MAX);
	/* NIL would say that there is no header, and be remembered. */
	if (!load(f, uid, r, &header)) {
		broken(f);
	} else if (imap_header_pick(&item->section, buf_span(&header), &picked)) {
		struct span text = buf_span(&picked);
		if (item->partial)
			text = span_sub(text, (size_t)u64_min(item->offset, text.len),
					(size_t)item->length);
		stream_printf(f->s->stream, "{%zu}\r\n", text.len);
		stream_write(f->s->stream, text);
	} else {
		stream_write(f->s->stream, SPAN("NIL"));
	}
	buf_free(&picked);
	buf_free(&header);
}

static void send_section(struct fetching *f, const struct imap_fetch_item *item,
			 const struct imap_row *row, const struct summary *summary)
{
	struct stream *out = f->s->stream;
	struct imap_range r = imap_section_range(&item->section, row, summary);
	imap_section_name(out, item);
	stream_write(out, SPAN(" "));
	if (!r.exists) {
		stream_write(out, SPAN("NIL"));
		return;
	}
	if (item->section.field_count > 0) {
		send_fields(f, item, row->uid, r);
		return;
	}
	if (item->partial) {
		r.from += u64_min(item->offset, r.to - r.from);
		r.to = r.from + u64_min(item->length, r.to - r.from);
	}
	send_literal(f, row->uid, r.from, r.to);
}

static void send_date(struct stream *out, const char *name, int64_t seconds)
{
	char text[CIVIL_IMAP_LEN];
	stream_write(out, span_cstr(name));
	stream_write(out, SPAN(" \""));
	stream_write(out, civil_put_imap(text, seconds));
	stream_write(out, SPAN("\""));
}

static void send_binary(struct fetching *f, const struct imap_fetch_item *item,
			const struct imap_row *row, const struct summary *summary)
{
	imap_section_name(f->s->stream, item);
	stream_write(f->s->stream, SPAN(" "));
	enum imap_binary r = imap_binary_send(f->s, f->s->mailbox, item, row, summary);
	if (r == IMAP_BINARY_BROKEN)
		broken(f);
	if (r == IMAP_BINARY_DAMAGED || r == IMAP_BINARY_UNKNOWN)
		stream_write(f->s->stream, item->item == IMAP_ITEM_BINARY ? SPAN("NIL")
									  : SPAN("0"));
	f->damaged |= r == IMAP_BINARY_DAMAGED;
	f->unknown |= r == IMAP_BINARY_UNKNOWN;
}

#define PREVIEW_CHARACTERS 200u /* RFC 8970 3.1 */

static void send_preview(struct stream *out, const struct summary *summary)
{
	size_t len = 0, characters = 0;
	struct span text = summary->preview;
	while (len < text.len && characters < PREVIEW_CHARACTERS) {
		len++;
		while (len < text.len && (text.ptr[len] & 0xc0) == 0x80)
			len++;
		characters++;
	}
	stream_write(out, SPAN("PREVIEW "));
	if (summary->flags & SUMMARY_OPAQUE)
		stream_write(out, SPAN("NIL"));
	else
		imap_write_string(out, span_sub(text, 0, len));
}

static void send_item(struct fetching *f, const struct imap_fetch_item *item,
		      const struct imap_slot *slot, const struct imap_row *row,
		      const struct summary *summary)
{
	struct stream *out = f->s->stream;
	switch (item->item) {
	case IMAP_ITEM_UID:
		imap_uid_write(out, slot->uid);
		break;
	case IMAP_ITEM_FLAGS:
		imap_flags_write(f->s, &f->keywords, slot);
		break;
	case IMAP_ITEM_MODSEQ:
		stream_printf(out, "MODSEQ (%llu)", (unsigned long long)slot->modseq);
		break;
	case IMAP_ITEM_DATE:
		send_date(out, "INTERNALDATE", row->internal_date);
		break;
	case IMAP_ITEM_SIZE:
		stream_write(out, SPAN("RFC822.SIZE "));
		stream_number(out, row->size);
		break;
	case IMAP_ITEM_SAVEDATE:
		send_date(out, "SAVEDATE", row->saved);
		break;
	case IMAP_ITEM_EMAILID:
		stream_write(out, SPAN("EMAILID ("));
		imap_email_write(out, row->email);
		stream_write(out, SPAN(")"));
		break;
	case IMAP_ITEM_THREADID: /* there are no threads: RFC 8474 5.3 */
		stream_write(out, SPAN("THREADID NIL"));
		break;
	case IMAP_ITEM_ENVELOPE:
		stream_write(out, SPAN("ENVELOPE "));
		imap_envelope_write(out, summary->parts[0].envelope);
		break;
	case IMAP_ITEM_BODY:
		stream_write(out, SPAN("BODY "));
		imap_structure_write(out, summary, false);
		break;
	case IMAP_ITEM_BODYSTRUCTURE:
		stream_write(out, SPAN("BODYSTRUCTURE "));
		imap_structure_write(out, summary, true);
		break;
	case IMAP_ITEM_SECTION:
		send_section(f, item, row, summary);
		break;
	case IMAP_ITEM_BINARY:
	case IMAP_ITEM_BINARY_SIZE:
		send_binary(f, item, row, summary);
		break;
	case IMAP_ITEM_PREVIEW:
		send_preview(out, summary);
		break;
	}
}

struct summary *imap_summary_of(struct arena *arena, const struct imap_row *row)
{
	struct summary *summary;
	if (row->summary.len > 0 &&
	    summary_read(row->summary, row->size - row->prefix, arena, &summary) ==
		    SUMMARY_OK)
		return summary;
	return summary_opaque(arena, row->size - row->prefix);
}

static bool send_message(struct fetching *f, const struct imap_slot *slot,
			 const struct imap_row *row, bool told_seen)
{
	struct stream *out = f->s->stream;
	struct summary *summary = NULL;
	if (f->what.summary) {
		summary = imap_summary_of(f->s->work->batch, row);
		if (summary == NULL)
			return false;
	}
	imap_fetch_open(f->s, slot->uid, imap_cursor_rank(&f->cursor, slot->uid));
	const char *between = "";
	/* RFC 3501 6.4.8: a UID FETCH always tells the UID; UIDFETCH begins with it. */
	bool uid = f->s->work->by_uid && !f->s->uidonly;
	for (size_t i = 0; i < f->what.count; i++)
		uid = uid && f->what.items[i].item != IMAP_ITEM_UID;
	if (uid) {
		imap_uid_write(out, slot->uid);
		between = " ";
	}
	for (size_t i = 0; i < f->what.count && !f->s->closing; i++) {
		stream_write(out, span_cstr(between));
		send_item(f, &f->what.items[i], slot, row, summary);
		between = " ";
	}
	if (told_seen && !f->what.flags && !f->s->closing) {
		stream_write(out, SPAN(" "));
		imap_flags_write(f->s, &f->keywords, slot);
	}
	if (told_seen && !f->what.modseq && !f->s->closing)
		imap_modseq_tell(f->s, slot);
	if (!f->s->closing)
		stream_write(out, SPAN(")\r\n"));
	f->told++;
	return true;
}

/* Set \Seen where it is missing, and show it in the slots. */
static enum imap_answer set_seen(struct fetching *f, struct imap_slots *slots,
				 bool *changed)
{
	struct imap_session *s = f->s;
	struct imap_set uids;
	struct imap_stored stored = {0};
	struct imap_store store = {.how = IMAP_STORE_ADD,
				   .flags = IMAP_SEEN,
				   .unchanged_since = UINT64_MAX};
	imap_set_init(&uids, s->work->batch);
	imap_set_init(&stored.modified, s->work->batch);
	for (size_t i = 0; i < slots->count; i++) {
		changed[i] = !(slots->slots[i].flags & IMAP_SEEN);
		if (changed[i] &&
		    !imap_set_add(&uids, slots->slots[i].uid, slots->slots[i].uid))
			return IMAP_UNAVAILABLE;
		slots->slots[i].flags |= IMAP_SEEN;
	}
	if (uids.count == 0)
		return IMAP_YES;
	enum imap_answer r = s->host->store(s->host, s->mailbox, &uids, &store,
					    s->work->batch, &stored);
	/* RFC 4314 4: it is read without, where the right went meanwhile. */
	for (size_t i = 0; r == IMAP_DENIED && i < slots->count; i++) {
		if (changed[i])
			slots->slots[i].flags &= ~(uint32_t)IMAP_SEEN;
		changed[i] = false;
	}
	if (r != IMAP_YES)
		return r == IMAP_DENIED ? IMAP_YES : r;
	imap_view_advance(s, stored.before, stored.after);
	for (size_t i = 0; i < slots->count; i++)
		if (changed[i])
			slots->slots[i].modseq = stored.after;
	return IMAP_YES;
}

/* Only those that were asked for stay. */
static void keep_wanted(const struct imap_set *wanted, struct imap_slots *slots)
{
	size_t kept = 0;
	for (size_t i = 0; i < slots->count; i++)
		if (imap_set_has(wanted, slots->slots[i].uid))
			slots->slots[kept++] = slots->slots[i];
	slots->count = kept;
}

#define GAP_MAX 16u /* UIDs not wanted that are cheaper to read than to skip */

/* Where one question may end: over small gaps, not over large ones. */
static uint32_t stretch(struct fetching *f)
{
	const struct imap_set *wanted = &f->wanted;
	uint32_t end = f->from;
	while (f->run < wanted->count && wanted->runs[f->run].last < f->from)
		f->run++;
	for (size_t i = f->run; i < wanted->count; i++) {
		struct imap_run run = wanted->runs[i];
		if (run.first > end && run.first - end > GAP_MAX)
			break;
		end = run.last;
	}
	return end;
}

static enum imap_answer batch(struct fetching *f)
{
	struct imap_session *s = f->s;
	struct imap_host *host = s->host;
	struct imap_slots slots = {0};
	uint32_t end = stretch(f);
	arena_reset(s->work->batch);
	/* Not on the stack: a fiber's is small. */
	struct imap_row *rows = ARENA_ARRAY(s->work->batch, IMAP_BATCH, struct imap_row);
	uint32_t *uids = ARENA_ARRAY(s->work->batch, IMAP_BATCH, uint32_t);
	bool *changed = ARENA_ARRAY(s->work->batch, IMAP_BATCH, bool);
	if (rows == NULL || uids == NULL || changed == NULL)
		return IMAP_UNAVAILABLE;
	enum imap_answer r = host->pages(host, s->mailbox, f->from, end, f->what.since,
					 s->work->batch, &slots);
	if (r != IMAP_YES)
		return r;
	ENSURE(slots.count <= IMAP_BATCH);
	f->from = slots.next != 0 ? slots.next : end == UINT32_MAX ? 0 : end + 1;
	keep_wanted(&f->wanted, &slots);
	for (size_t i = 0; i < slots.count; i++) {
		uids[i] = slots.slots[i].uid;
		rows[i] = (struct imap_row){.uid = uids[i], .found = true};
	}
	if (f->what.rows && slots.count > 0)
		r = host->rows(host, s->mailbox, s->work->batch, uids, slots.count,
			       (f->what.summary ? IMAP_WANT_SUMMARY : 0u) |
				       (f->what.origin ? IMAP_WANT_ORIGIN : 0u),
			       rows);
	if (r == IMAP_YES && f->what.whole && host->expect != NULL)
		host->expect(host, rows, slots.count);
	if (r == IMAP_YES && f->what.seen && !s->read_only &&
	    (s->rights & ACL_S) != 0)
		r = set_seen(f, &slots, changed);
	for (size_t i = 0; r == IMAP_YES && i < slots.count && !s->closing; i++) {
		if (rows[i].found && !send_message(f, &slots.slots[i], &rows[i], changed[i]))
			r = IMAP_UNAVAILABLE;
		if (s->stream->state != IO_OK)
			s->closing = true;
	}
	return r;
}

static enum imap_answer send_all(struct fetching *f)
{
	struct imap_session *s = f->s;
	enum imap_answer r = imap_keywords_get(s, &f->keywords);
	/* A client is told of a keyword's name before it sees it on a message. */
	if (r == IMAP_YES && f->keywords.count > s->keywords)
		imap_view_flags(s);
	f->cursor = (struct imap_cursor){.set = &s->work->map};
	f->from = imap_set_next(&f->wanted, 1);
	while (r == IMAP_YES && f->from != 0 && !s->closing) {
		r = batch(f);
		if (f->from != 0)
			f->from = imap_set_next(&f->wanted, f->from);
	}
	if (s->host->expect != NULL)
		s->host->expect(s->host, NULL, 0);
	return r;
}

enum imap_answer imap_fetch_tell(struct imap_session *s, const struct imap_fetch *what,
				 const struct imap_set *uids)
{
	struct fetching *f = ARENA_NEW(s->work->arena, struct fetching);
	bool by_uid = s->work->by_uid;
	if (f == NULL)
		return IMAP_UNAVAILABLE;
	*f = (struct fetching){.s = s, .what = *what, .wanted = *uids};
	s->work->by_uid = true;
	enum imap_answer r = send_all(f);
	s->work->by_uid = by_uid;
	return r;
}

enum imap_answer imap_fetch_listed(struct imap_session *s, struct span list,
				   const struct imap_set *uids)
{
	struct imap_lex lex = {.rest = list, .arena = s->work->arena};
	struct imap_fetch *what = ARENA_NEW(s->work->arena, struct imap_fetch);
	if (what == NULL || !imap_fetch_parse(&lex, what))
		return IMAP_UNAVAILABLE;
	what->seen = false; /* nobody has read it */
	return imap_fetch_tell(s, what, uids);
}

static void run(struct fetching *f)
{
	struct imap_session *s = f->s;
	enum imap_answer r = send_all(f);
	if (s->closing)
		return;
	if (r != IMAP_YES)
		imap_no_answer(s, r);
	else if (f->damaged)
		imap_no(s, "CORRUPTION", "Some of it cannot be read at the moment; "
					 "what is NIL may be damaged");
	else if (f->unknown)
		imap_no(s, "UNKNOWN-CTE", "Some of it is encoded in a way that is not known");
	else if (f->what.since == 0 && f->told < imap_set_size(&f->wanted))
		imap_no(s, "EXPUNGEISSUED", "Some of the messages are gone");
	else
		imap_ok(s, NULL, "Fetched");
}

/* UIDs as the client wrote them: what is gone is in no view. */
static bool tell_vanished(struct fetching *f, struct span text)
{
	struct imap_session *s = f->s;
	struct imap_set named, gone;
	imap_set_init(&named, s->work->arena);
	imap_set_init(&gone, s->work->arena);
	if (imap_set_parse(text, s->uid_next - 1, &named) != IMAP_SET_OK)
		return true; /* "$", which names nothing that is gone */
	enum imap_answer r = imap_vanished_since(s, f->what.since, &named, &gone);
	if (r == IMAP_YES)
		imap_vanished_write(s->stream, "(EARLIER) ", &gone);
	else
		imap_no_answer(s, r);
	return r == IMAP_YES;
}

/* What the modifiers make of the set.  False: answered. */
static bool modified(struct fetching *f, struct span text)
{
	struct imap_session *s = f->s;
	struct imap_set all = f->wanted;
	if (f->what.modseq)
		imap_condstore_on(s);
	if (f->what.part.asked) {
		imap_set_init(&f->wanted, s->work->arena);
		if (!imap_part_of(&f->what.part, &all, &f->wanted)) {
			imap_no_answer(s, IMAP_UNAVAILABLE);
			return false;
		}
	}
	return !f->what.vanished || tell_vanished(f, text);
}

void imap_cmd_fetch(struct imap_session *s, struct imap_lex *lex)
{
	struct span text;
	struct fetching *f = ARENA_NEW(s->work->arena, struct fetching);
	if (f == NULL) {
		imap_no_answer(s, IMAP_UNAVAILABLE);
		return;
	}
	f->s = s;
	if (!imap_lex_set(lex, &text) || !imap_lex_space(lex) ||
	    !imap_fetch_parse(lex, &f->what)) {
		imap_bad(s, "A message set and at most 64 items expected");
		return;
	}
	if (f->what.vanished && !(s->qresync && s->work->by_uid)) {
		imap_bad(s, "VANISHED belongs to UID FETCH and takes ENABLE QRESYNC");
		return;
	}
	if (imap_view_resolve(s, text, &f->wanted) && modified(f, text))
		run(f);
}
