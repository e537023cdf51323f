/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/header: the fields of a part's header, into the part.
 *
 * Of fields that should be there once, the first counts, for every reader of
 * the summary alike.  Must never spend more of the summary than its budget.
 */
#include "mime/address.h"
#include "mime/build.h"
#include "mime/content.h"
#include "mime/words.h"

#include "base/check.h"
#include "base/civil.h"
#include "base/utf8.h"

#define FIELD_KINDS 21u

struct reading {
	struct mime_parser *p;
	struct summary_part *part;
	struct summary_envelope *envelope; /* NULL for parts of a multipart */
	bool root, has_type;
	struct span boundary;
	struct span text; /* the field, unfolded */
	bool seen[FIELD_KINDS];
};

/* What a string of this length takes when written: its length + 1, its bytes. */
static size_t string_cost(size_t len)
{
	return len + (len < 127 ? 1 : len < 16383 ? 2 : 3);
}

static struct span copy(struct mime_parser *p, struct span s)
{
	struct span out;
	if (s.len == 0)
		return SPAN("");
	if (!arena_copy(p->arena, s, &out)) {
		p->no_memory = true;
		return (struct span){0};
	}
	return out;
}

/* A string of the envelope; NIL when it does not fit any more. */
static struct span keep(struct mime_parser *p, struct span s)
{
	size_t cost = string_cost(s.len);
	if (cost > p->keep_left) {
		p->summary.flags |= SUMMARY_TRUNCATED;
		return (struct span){0};
	}
	p->keep_left -= cost;
	return copy(p, s);
}

/* A string that describes a part. */
static struct span keep_content(struct mime_parser *p, struct span s)
{
	if (mime_pay_part(p, string_cost(s.len)))
		return copy(p, s);
	p->summary.flags |= SUMMARY_TRUNCATED;
	return (struct span){0};
}

void mime_index(struct mime_parser *p, enum summary_field field, struct span utf8)
{
	struct span text = utf8_fit(utf8, MIME_VALUE_MAX);
	size_t cost = string_cost(text.len) + 1;
	if (text.len == 0)
		return;
	if (cost > p->index_left || p->summary.value_count == SUMMARY_VALUES_MAX) {
		p->summary.flags |= SUMMARY_TRUNCATED;
		return;
	}
	p->index_left -= cost;
	p->values[p->summary.value_count++] = (struct summary_value){field, copy(p, text)};
}

/* A summary that lacks what memory had no room for is none. */
static void ended(struct mime_parser *p, struct buf *b)
{
	p->no_memory |= buf_short(b);
	p->is_short |= buf_short(b);
	buf_free(b);
}

static void index_words(struct reading *r, enum summary_field field)
{
	struct buf b;
	buf_init(&b, 4 * MIME_FIELD_MAX);
	mime_words_decode(r->p->charsets, r->text, &b);
	mime_index(r->p, field, buf_span(&b));
	ended(r->p, &b);
}

static struct summary_params keep_params(struct mime_parser *p, struct summary_params in)
{
	struct summary_params out = {0};
	if (in.count == 0)
		return out;
	struct summary_param *at = ARENA_ARRAY(p->arena, in.count, struct summary_param);
	if (at == NULL) {
		p->no_memory = true;
		return out;
	}
	for (size_t i = 0; i < in.count; i++) {
		struct span name = keep_content(p, in.at[i].name);
		struct span value = keep_content(p, in.at[i].value);
		if (name.ptr != NULL && value.ptr != NULL)
			at[out.count++] = (struct summary_param){name, value};
	}
	out.at = at;
	return out;
}

static bool content(struct reading *r, struct mime_content *c)
{
	if (!mime_content_parse(r->text, r->p->scratch, c)) {
		r->p->no_memory = true;
		return false;
	}
	if (c->cut)
		r->p->summary.flags |= SUMMARY_TRUNCATED;
	return true;
}

/* The value may borrow the field, which does not last, or stand in pieces (RFC 2231 3). */
static void keep_boundary(struct reading *r, struct summary_params params)
{
	struct span boundary = summary_param(params, SPAN("boundary"));
	struct buf pieces;
	buf_init(&pieces, MIME_BOUNDARY_TAKEN + 1);
	if (boundary.ptr == NULL &&
	    mime_param_decode(r->p->charsets, params, SPAN("boundary"), &pieces) && buf_ok(&pieces))
		boundary = buf_span(&pieces);
	if ((boundary.len > 0 && !arena_copy(r->p->scratch, boundary, &r->boundary)) ||
	    buf_short(&pieces))
		r->p->no_memory = true;
	buf_free(&pieces);
}

static void read_type(struct reading *r)
{
	struct mime_content c;
	if (!content(r, &c))
		return;
	if (c.value.len == 0 || c.subtype.len == 0)
		return;
	struct span type = keep_content(r->p, c.value);
	struct span subtype = keep_content(r->p, c.subtype);
	if (type.ptr == NULL || subtype.ptr == NULL)
		return;
	r->has_type = true;
	r->part->type = type;
	r->part->subtype = subtype;
	r->part->params = keep_params(r->p, c.params);
	keep_boundary(r, c.params);
}

static void read_disposition(struct reading *r)
{
	struct mime_content c;
	if (!content(r, &c) || c.value.len == 0)
		return;
	r->part->disposition = keep_content(r->p, c.value);
	r->part->disposition_params = keep_params(r->p, c.params);
}

static void read_languages(struct reading *r)
{
	struct span s = r->text, word;
	bool more;
	struct span *at = ARENA_ARRAY(r->p->arena, SUMMARY_LANGUAGES_MAX, struct span);
	if (at == NULL) {
		r->p->no_memory = true;
		return;
	}
	do {
		more = span_cut(&s, ',', &word);
		mime_skip_cfws(&word);
		struct span kept = {0};
		word = span_trim(word);
		if (word.len > 0 && r->part->language_count < SUMMARY_LANGUAGES_MAX)
			kept = keep_content(r->p, word);
		if (kept.ptr != NULL)
			at[r->part->language_count++] = kept;
	} while (more);
	r->part->languages = at;
}

/* Values of the addresses were made in scratch; the summary gets its own. */
static struct summary_list keep_list(struct mime_parser *p, struct summary_list in)
{
	struct summary_list out = {0};
	if (in.count == 0)
		return out;
	/* No more of them than the budget could pay for, and the end of a group. */
	size_t most = size_min(in.count, p->keep_left / 4 + 1);
	struct summary_address *at = ARENA_ARRAY(p->arena, most, struct summary_address);
	if (at == NULL) {
		p->no_memory = true;
		return out;
	}
	bool open = false;
	for (size_t i = 0; i < in.count; i++) {
		const struct summary_address *a = &in.at[i];
		size_t cost = string_cost(a->name.len) + string_cost(a->adl.len) +
			      string_cost(a->mailbox.len) + string_cost(a->host.len);
		/* Keep room for the end of a group, which is four NILs. */
		if (cost + 4 > p->keep_left) {
			p->summary.flags |= SUMMARY_TRUNCATED;
			break;
		}
		p->keep_left -= cost;
		at[out.count++] = (struct summary_address){
			.name = a->name.ptr != NULL ? copy(p, a->name) : a->name,
			.adl = a->adl.ptr != NULL ? copy(p, a->adl) : a->adl,
			.mailbox = a->mailbox.ptr != NULL ? copy(p, a->mailbox) : a->mailbox,
			.host = a->host.ptr != NULL ? copy(p, a->host) : a->host,
		};
		if (a->host.ptr == NULL)
			open = a->mailbox.ptr != NULL;
	}
	if (open && out.count < in.count) {
		p->keep_left -= 4;
		at[out.count++] = (struct summary_address){0};
	}
	out.at = at;
	return out;
}

static void read_addresses(struct reading *r, enum summary_who who)
{
	struct summary_list list;
	if (r->envelope == NULL)
		return;
	enum mime_address_result res = mime_address_list(r->text, r->p->scratch, &list);
	if (res == MIME_ADDRESS_MEMORY || res == MIME_ADDRESS_SHORT)
		r->p->no_memory = true;
	r->p->is_short |= res == MIME_ADDRESS_SHORT;
	if (res == MIME_ADDRESS_CUT)
		r->p->summary.flags |= SUMMARY_TRUNCATED;
	r->envelope->who[who] = keep_list(r->p, list);
	static const enum summary_field fields[SUMMARY_WHO_COUNT] = {
		[SUMMARY_FROM] = SUMMARY_F_FROM, [SUMMARY_SENDER] = SUMMARY_F_COUNT,
		[SUMMARY_REPLY_TO] = SUMMARY_F_COUNT, [SUMMARY_TO] = SUMMARY_F_TO,
		[SUMMARY_CC] = SUMMARY_F_CC, [SUMMARY_BCC] = SUMMARY_F_BCC,
	};
	if (!r->root || fields[who] == SUMMARY_F_COUNT)
		return;
	struct buf b;
	buf_init(&b, 4 * MIME_FIELD_MAX);
	mime_address_text(r->p->charsets, list, &b);
	mime_index(r->p, fields[who], buf_span(&b));
	ended(r->p, &b);
}

static void read_references(struct reading *r)
{
	struct summary *s = &r->p->summary;
	struct span rest = r->text;
	if (!r->root)
		return;
	struct span *at = ARENA_ARRAY(r->p->arena, SUMMARY_IDS_MAX, struct span);
	if (at == NULL) {
		r->p->no_memory = true;
		return;
	}
	s->references = at;
	for (;;) {
		size_t from = span_find(rest, '<');
		rest = span_skip(rest, from == SIZE_MAX ? rest.len : from);
		size_t to = span_find(rest, '>');
		if (rest.len == 0 || to == SIZE_MAX)
			return;
		if (s->reference_count == SUMMARY_IDS_MAX) {
			s->flags |= SUMMARY_TRUNCATED;
			return;
		}
		struct span id = keep(r->p, span_sub(rest, 0, to + 1));
		if (id.ptr == NULL)
			return;
		at[s->reference_count++] = id;
		rest = span_skip(rest, to + 1);
	}
}

static void read_date(struct reading *r)
{
	struct civil_stamp stamp;
	if (r->envelope == NULL)
		return;
	r->envelope->date = keep(r->p, r->text);
	if (r->root && civil_parse_rfc5322(r->text, &stamp)) {
		r->p->summary.sent = stamp.seconds;
		r->p->summary.flags |= SUMMARY_HAS_DATE;
	}
}

static void read_subject(struct reading *r)
{
	if (r->envelope == NULL)
		return;
	if (r->root)
		index_words(r, SUMMARY_F_SUBJECT);
	r->envelope->subject = keep(r->p, r->text);
}

static void read_message_id(struct reading *r)
{
	if (r->envelope != NULL)
		r->envelope->message_id = keep(r->p, r->text);
}

static void read_in_reply_to(struct reading *r)
{
	if (r->envelope != NULL)
		r->envelope->in_reply_to = keep(r->p, r->text);
}

static void read_from(struct reading *r) { read_addresses(r, SUMMARY_FROM); }
static void read_sender(struct reading *r) { read_addresses(r, SUMMARY_SENDER); }
static void read_reply_to(struct reading *r) { read_addresses(r, SUMMARY_REPLY_TO); }
static void read_to(struct reading *r) { read_addresses(r, SUMMARY_TO); }
static void read_cc(struct reading *r) { read_addresses(r, SUMMARY_CC); }
static void read_bcc(struct reading *r) { read_addresses(r, SUMMARY_BCC); }
static void read_id(struct reading *r) { r->part->id = keep_content(r->p, r->text); }
static void read_description(struct reading *r) { r->part->description = keep_content(r->p, r->text); }
static void read_md5(struct reading *r) { r->part->md5 = keep_content(r->p, r->text); }
static void read_location(struct reading *r) { r->part->location = keep_content(r->p, r->text); }

static void read_encoding(struct reading *r)
{
	mime_skip_cfws(&r->text);
	size_t n = 0;
	while (n < r->text.len && (unsigned char)r->text.ptr[n] > ' ' && r->text.ptr[n] != '(' &&
	       r->text.ptr[n] != ';')
		n++;
	r->text = span_sub(r->text, 0, n);
	if (n > 0)
		r->part->encoding = keep_content(r->p, r->text);
}

static void read_received(struct reading *r)
{
	if (r->root)
		r->p->summary.received_count++;
}

static void read_list_id(struct reading *r)
{
	if (r->root)
		index_words(r, SUMMARY_F_LIST_ID);
}

static const struct {
	struct span name;
	void (*read)(struct reading *);
	bool often; /* else only the first one counts */
} fields[FIELD_KINDS] = {
	{SPAN_INIT("Received"), read_received, true},
	{SPAN_INIT("Date"), read_date, false},
	{SPAN_INIT("From"), read_from, false},
	{SPAN_INIT("Sender"), read_sender, false},
	{SPAN_INIT("Reply-To"), read_reply_to, false},
	{SPAN_INIT("To"), read_to, false},
	{SPAN_INIT("Cc"), read_cc, false},
	{SPAN_INIT("Bcc"), read_bcc, false},
	{SPAN_INIT("Subject"), read_subject, false},
	{SPAN_INIT("Message-ID"), read_message_id, false},
	{SPAN_INIT("In-Reply-To"), read_in_reply_to, false},
	{SPAN_INIT("References"), read_references, false},
	{SPAN_INIT("List-Id"), read_list_id, false},
	{SPAN_INIT("Content-Type"), read_type, false},
	{SPAN_INIT("Content-Transfer-Encoding"), read_encoding, false},
	{SPAN_INIT("Content-Disposition"), read_disposition, false},
	{SPAN_INIT("Content-ID"), read_id, false},
	{SPAN_INIT("Content-Description"), read_description, false},
	{SPAN_INIT("Content-MD5"), read_md5, false},
	{SPAN_INIT("Content-Location"), read_location, false},
	{SPAN_INIT("Content-Language"), read_languages, false},
};

static void read_field(struct reading *r, const struct mime_field *f, bool content_pass)
{
	if (span_starts_nocase(f->name, SPAN("Content-")) != content_pass)
		return;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (!span_eq_nocase(fields[i].name, f->name))
			continue;
		if (r->seen[i] && !fields[i].often)
			return;
		r->seen[i] = true;
		struct buf b;
		buf_init(&b, MIME_FIELD_MAX);
		mime_unfold(f->value, &b);
		r->text = buf_len(&b) > 0 ? buf_span(&b) : SPAN("");
		if (buf_ok(&b))
			fields[i].read(r);
		ended(r->p, &b);
		return;
	}
}

/* RFC 2046 5.1.5: what parts of a digest are when they do not say. */
static void default_type(struct reading *r, const struct summary_part *up)
{
	if (up != NULL && up->kind == SUMMARY_MULTIPART &&
	    span_eq_nocase(up->subtype, SPAN("digest"))) {
		r->part->type = keep_content(r->p, SPAN("message"));
		r->part->subtype = keep_content(r->p, SPAN("rfc822"));
	}
	if (r->part->type.ptr == NULL || r->part->subtype.ptr == NULL)
		summary_default_type(r->part);
}

static void index_filename(struct reading *r)
{
	struct buf b;
	buf_init(&b, 4 * MIME_FIELD_MAX);
	bool named = mime_param_decode(r->p->charsets, r->part->disposition_params,
				       SPAN("filename"), &b) ||
		     mime_param_decode(r->p->charsets, r->part->params, SPAN("name"), &b);
	if (named)
		mime_index(r->p, SUMMARY_F_FILENAME, buf_span(&b));
	if (named || span_eq_nocase(r->part->disposition, SPAN("attachment")))
		r->p->summary.flags |= SUMMARY_ATTACHMENT;
	ended(r->p, &b);
}

static void read_fields(struct reading *r, bool content_pass)
{
	struct span rest = buf_span(&r->p->block);
	struct mime_field f;
	size_t at = 0, count = 0;
	while (mime_field_next(&rest, &at, &f)) {
		if (++count > MIME_FIELDS_MAX) {
			r->p->summary.flags |= SUMMARY_TRUNCATED;
			break;
		}
		if (f.len > MIME_FIELD_MAX)
			r->p->summary.flags |= SUMMARY_TRUNCATED;
		else
			read_field(r, &f, content_pass);
	}
}

void mime_header_read(struct mime_parser *p, struct summary_part *part, struct span *boundary)
{
	struct reading r = {
		.p = p, .part = part, .envelope = p->envelope, .root = part == p->summary.parts,
	};
	/* What the part is comes first: its share of the summary is safe then. */
	read_fields(&r, true);
	read_fields(&r, false);
	if (!r.has_type)
		default_type(&r, part->parent == SUMMARY_NO_PARENT
					 ? NULL : &p->summary.parts[part->parent]);
	index_filename(&r);
	*boundary = r.boundary;
}
