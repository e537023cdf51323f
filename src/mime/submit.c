/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/submit: one walk over the header, noting cuts and what is missing.
 * Must never touch a byte, nor cut anything but whole fields.
 */
#include "mime/submit.h"

#include "base/civil.h"
#include "mime/address.h"
#include "mime/parse.h"

struct walk {
	const struct mime_submit *how;
	struct mime_edit *out;
	struct arena *arena;
	bool date, message_id, too_much, no_memory;
	struct mime_cut senders[MIME_CUTS_MAX];
	size_t sender_count;
};

static void note_cut(struct walk *w, struct mime_cut *cuts, size_t *count,
		     const struct mime_field *f)
{
	uint64_t from = f->at, to = f->at + f->len;
	if (*count > 0 && cuts[*count - 1].to == from)
		cuts[*count - 1].to = to;
	else if (*count < MIME_CUTS_MAX)
		cuts[(*count)++] = (struct mime_cut){from, to};
	else
		w->too_much = true;
}

static void note_from(struct walk *w, const struct mime_field *f)
{
	if (w->out->from_fields++ > 0)
		return;
	enum mime_address_result r = mime_address_list(f->value, w->arena, &w->out->from);
	if (r == MIME_ADDRESS_MEMORY || r == MIME_ADDRESS_SHORT)
		w->no_memory = true;
}

static void note_field(struct walk *w, const struct mime_field *f)
{
	if (span_eq_nocase(f->name, SPAN("Date")))
		w->date = true;
	else if (span_eq_nocase(f->name, SPAN("Message-ID")))
		w->message_id = true;
	else if (span_eq_nocase(f->name, SPAN("From")))
		note_from(w, f);
	else if (span_eq_nocase(f->name, SPAN("Bcc")) ||
		 span_eq_nocase(f->name, SPAN("Resent-Bcc")))
		note_cut(w, w->out->cuts, &w->out->cut_count, f);
	else if (span_eq_nocase(f->name, SPAN("Sender")))
		note_cut(w, w->senders, &w->sender_count, f);
}

/* Is the one author the account itself? */
static bool from_is_login(const struct walk *w)
{
	if (w->out->from_fields != 1 || w->out->from.count != 1)
		return false;
	const struct summary_address *a = &w->out->from.at[0];
	size_t at = span_find_last(w->how->login, '@');
	return at != SIZE_MAX && span_eq(a->mailbox, span_sub(w->how->login, 0, at)) &&
	       span_eq_nocase(a->host, span_skip(w->how->login, at + 1));
}

/* Put the Sender cuts among the others, in order. */
static void merge_senders(struct walk *w)
{
	for (size_t i = 0; i < w->sender_count && !w->too_much; i++) {
		size_t at = w->out->cut_count;
		if (at == MIME_CUTS_MAX) {
			w->too_much = true;
			return;
		}
		for (; at > 0 && w->out->cuts[at - 1].from > w->senders[i].from; at--)
			w->out->cuts[at] = w->out->cuts[at - 1];
		w->out->cuts[at] = w->senders[i];
		w->out->cut_count++;
	}
}

static void write_prefix(struct walk *w, struct buf *b)
{
	bool sender = !w->how->retain_sender && !from_is_login(w);
	if (!w->date) {
		buf_add(b, SPAN("Date: "));
		civil_add_rfc5322(b, w->how->date);
		buf_add(b, SPAN("\r\n"));
	}
	if (!w->message_id) {
		buf_add(b, SPAN("Message-ID: "));
		buf_add(b, w->how->message_id);
		buf_add(b, SPAN("\r\n"));
	}
	if (sender) {
		buf_add(b, SPAN("Sender: "));
		buf_add(b, w->how->login);
		buf_add(b, SPAN("\r\n"));
	}
}

enum mime_submit_result mime_submit(struct span header, const struct mime_submit *how,
				    struct arena *arena, struct mime_edit *out)
{
	struct walk w = {.how = how, .out = out, .arena = arena};
	struct mime_field f;
	size_t at = 0, fields = 0;
	*out = (struct mime_edit){0};
	while (mime_field_next(&header, &at, &f)) {
		if (++fields > MIME_FIELDS_MAX || at > MIME_HEADER_BLOCK_MAX ||
		    f.len > MIME_FIELD_MAX)
			return MIME_SUBMIT_TOO_MUCH;
		note_field(&w, &f);
	}
	if (!how->retain_sender)
		merge_senders(&w);
	struct buf b;
	buf_init(&b, MIME_PREFIX_MAX);
	write_prefix(&w, &b);
	if (buf_short(&b))
		w.no_memory = true;
	else if (!buf_ok(&b))
		w.too_much = true;
	else if (buf_len(&b) > 0 && !arena_copy(arena, buf_span(&b), &out->prefix))
		w.no_memory = true;
	buf_free(&b);
	if (w.no_memory)
		return MIME_SUBMIT_MEMORY;
	return w.too_much ? MIME_SUBMIT_TOO_MUCH : MIME_SUBMIT_OK;
}
