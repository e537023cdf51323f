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
	const struct mime_rewriting *rewriting; /* NULL: addresses stay */
	struct buf prefix;
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

/* Fields with addresses that may be replaced. */
static const struct {
	const char *name;
	bool sender;
} readdressed[] = {
	{"From", true},		{"Sender", true},
	{"Reply-To", true},	{"To", false},
	{"Cc", false},		{"Resent-From", true},
	{"Resent-Sender", true}, {"Resent-Reply-To", true},
	{"Resent-To", false},	{"Resent-Cc", false},
};

/* True: the field was written again. */
static bool readdress(struct walk *w, const struct mime_field *f)
{
	size_t i = 0;
	while (i < ARRAY_LEN(readdressed) &&
	       !span_eq_nocase(f->name, span_cstr(readdressed[i].name)))
		i++;
	if (w->rewriting == NULL || i == ARRAY_LEN(readdressed))
		return false;
	struct buf b;
	buf_init(&b, MIME_FIELD_MAX);
	buf_add(&b, f->name);
	buf_addc(&b, ':');
	bool any = mime_readdress(f->value, readdressed[i].sender, w->rewriting, &b);
	if (any) {
		buf_add(&w->prefix, buf_span(&b));
		buf_add(&w->prefix, SPAN("\r\n"));
		note_cut(w, w->out->cuts, &w->out->cut_count, f);
	}
	w->too_much |= !buf_ok(&b) && !buf_short(&b);
	buf_share(&w->prefix, &b);
	buf_free(&b);
	return any;
}

/* What becomes of an address of a sender. */
static struct span becomes(struct walk *w, struct span address)
{
	struct span out = address;
	struct buf b;
	if (w->rewriting == NULL)
		return address;
	buf_init(&b, MIME_PREFIX_MAX);
	if (w->rewriting->address(w->rewriting->ctx, true, address, &b) &&
	    !arena_copy(w->arena, buf_span(&b), &out))
		w->no_memory = true;
	buf_share(&w->prefix, &b);
	buf_free(&b);
	return out;
}

static void note_field(struct walk *w, const struct mime_field *f)
{
	if (span_eq_nocase(f->name, SPAN("Date")))
		w->date = true;
	else if (span_eq_nocase(f->name, SPAN("Message-ID")))
		w->message_id = true;
	if (span_eq_nocase(f->name, SPAN("From")))
		note_from(w, f);
	bool sender = span_eq_nocase(f->name, SPAN("Sender"));
	if ((!sender || w->how->retain_sender) && readdress(w, f))
		return;
	if (span_eq_nocase(f->name, SPAN("Bcc")) ||
		 span_eq_nocase(f->name, SPAN("Resent-Bcc")))
		note_cut(w, w->out->cuts, &w->out->cut_count, f);
	else if (sender)
		note_cut(w, w->senders, &w->sender_count, f);
}

/* Is the one author the account itself? */
static bool from_is_login(struct walk *w, struct span login)
{
	if (w->out->from_fields != 1 || w->out->from.count != 1)
		return false;
	const struct summary_address *a = &w->out->from.at[0];
	struct buf b;
	buf_init(&b, MIME_PREFIX_MAX);
	buf_add(&b, a->mailbox);
	buf_addc(&b, '@');
	buf_add(&b, a->host);
	struct span from = becomes(w, buf_span(&b));
	size_t at = span_find_last(login, '@');
	bool same = buf_ok(&b) && at != SIZE_MAX &&
		    span_eq(span_sub(from, 0, at), span_sub(login, 0, at)) &&
		    span_eq_nocase(span_skip(from, at), span_skip(login, at));
	w->no_memory |= buf_short(&b);
	buf_free(&b);
	return same;
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

static void write_prefix(struct walk *w)
{
	struct buf *b = &w->prefix;
	struct span login = becomes(w, w->how->login);
	bool sender = !w->how->retain_sender && !from_is_login(w, login);
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
		buf_add(b, login);
		buf_add(b, SPAN("\r\n"));
	}
}

/* A signature over the header, whose addresses have to stay then. */
static bool is_signed(struct span header)
{
	struct mime_field f;
	size_t at = 0, fields = 0;
	while (fields++ < MIME_FIELDS_MAX && mime_field_next(&header, &at, &f))
		if (span_eq_nocase(f.name, SPAN("DKIM-Signature")) ||
		    span_eq_nocase(f.name, SPAN("ARC-Seal")))
			return true;
	return false;
}

static enum mime_submit_result walk(struct walk *w, struct span header)
{
	struct mime_field f;
	size_t at = 0, fields = 0;
	while (mime_field_next(&header, &at, &f)) {
		if (++fields > MIME_FIELDS_MAX || at > MIME_HEADER_BLOCK_MAX ||
		    f.len > MIME_FIELD_MAX)
			return MIME_SUBMIT_TOO_MUCH;
		note_field(w, &f);
	}
	if (!w->how->retain_sender)
		merge_senders(w);
	write_prefix(w);
	struct span prefix = buf_span(&w->prefix);
	if (buf_short(&w->prefix))
		w->no_memory = true;
	else if (!buf_ok(&w->prefix))
		w->too_much = true;
	else if (prefix.len > 0 && !arena_copy(w->arena, prefix, &w->out->prefix))
		w->no_memory = true;
	if (w->no_memory || arena_short(w->arena))
		return MIME_SUBMIT_MEMORY;
	return w->too_much ? MIME_SUBMIT_TOO_MUCH : MIME_SUBMIT_OK;
}

enum mime_submit_result mime_submit(struct span header, const struct mime_submit *how,
				    struct arena *arena, struct mime_edit *out)
{
	struct walk w = {.how = how, .out = out, .arena = arena};
	*out = (struct mime_edit){0};
	if (how->rewriting != NULL && !is_signed(header))
		w.rewriting = how->rewriting;
	buf_init(&w.prefix, MIME_PREFIX_MAX);
	enum mime_submit_result r = walk(&w, header);
	buf_free(&w.prefix);
	return r;
}
