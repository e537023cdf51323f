/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sevenbit/plan: what is in each part, and whether it can be turned.
 *
 * Must never plan to touch what a signature covers.
 */
#include "base/transfer.h"
#include "sevenbit/inner.h"

const char *sevenbit_why(enum sevenbit_can can)
{
	switch (can) {
	case SEVENBIT_PLAIN:
	case SEVENBIT_CAN:
		break;
	case SEVENBIT_UNKNOWN:
		return "its structure is not known";
	case SEVENBIT_SIGNED:
		return "that would break its signature";
	case SEVENBIT_HEADER:
		return "its header has such text, too";
	case SEVENBIT_BETWEEN:
		return "such text stands outside of its parts";
	case SEVENBIT_ENCODED:
		return "a part has such text that may not be encoded";
	}
	return "";
}

static bool is_signed(const struct summary_part *p)
{
	return p->kind == SUMMARY_MULTIPART && span_eq_nocase(p->subtype, SPAN("signed"));
}

static void add_region(struct sevenbit *s, uint32_t part, bool header, uint64_t from,
		       uint64_t to)
{
	uint64_t end = s->region_count > 0 ? s->regions[s->region_count - 1].to : 0;
	if (from == to)
		return;
	s->disorder |= from < end;
	s->regions[s->region_count++] =
		(struct sevenbit_region){.from = from, .to = to, .part = part, .header = header};
}

struct sevenbit *sevenbit_new(const struct summary *m, struct arena *a)
{
	struct sevenbit *s = ARENA_NEW(a, struct sevenbit);
	if (s == NULL)
		return NULL;
	*s = (struct sevenbit){.tag = SEVENBIT_TAG, .summary = m};
	s->parts = ARENA_ARRAY(a, m->part_count, struct sevenbit_part);
	s->regions = ARENA_ARRAY(a, 2 * m->part_count, struct sevenbit_region);
	if (s->parts == NULL || s->regions == NULL)
		return NULL;
	for (uint32_t i = 0; i < m->part_count; i++) {
		const struct summary_part *p = &m->parts[i];
		const struct summary_part *up =
			p->parent == SUMMARY_NO_PARENT ? NULL : &m->parts[p->parent];
		s->parts[i] = (struct sevenbit_part){
			.sealed = up != NULL && (is_signed(up) || s->parts[p->parent].sealed)};
		add_region(s, i, true, p->header_start, p->body_start);
		if (p->kind == SUMMARY_LEAF)
			add_region(s, i, false, p->body_start, p->body_end);
	}
	return s;
}

struct span sevenbit_next(struct sevenbit *s, struct span *rest,
			  const struct sevenbit_region **out)
{
	while (s->region < s->region_count && s->regions[s->region].to <= s->at)
		s->region++;
	const struct sevenbit_region *r =
		s->region < s->region_count ? &s->regions[s->region] : NULL;
	uint64_t until = r == NULL ? UINT64_MAX : r->from > s->at ? r->from : r->to;
	if (r != NULL && r->from > s->at)
		r = NULL;
	uint64_t most = until - s->at;
	struct span piece = span_sub(*rest, 0, most > rest->len ? rest->len : (size_t)most);
	*rest = span_skip(*rest, piece.len);
	s->at += piece.len;
	*out = r;
	return piece;
}

static size_t count_high(struct span in)
{
	size_t n = 0;
	for (size_t i = 0; i < in.len; i++)
		n += (unsigned char)in.ptr[i] > 127;
	return n;
}

static void look_at_body(struct sevenbit_part *p, struct span in)
{
	p->high += count_high(in);
	for (size_t i = 0; i < in.len; i++) {
		p->line = in.ptr[i] == '\n' ? 0 : p->line + 1;
		if (p->line > p->longest)
			p->longest = p->line;
	}
}

static void look_at_header(struct sevenbit *s, const struct sevenbit_region *r, struct span in)
{
	struct sevenbit_part *p = &s->parts[r->part];
	if (s->at == r->from + in.len)
		s->header = (struct sevenbit_header){0};
	sevenbit_header(&s->header, in, NULL);
	if (s->at < r->to)
		return;
	p->mime_version = s->header.mime_version;
	p->content_type = s->header.content_type;
	p->ended = s->header.ended;
	s->header_high |= s->header.high;
	s->signature |= s->header.signature && s->summary->parts[r->part].envelope != NULL;
}

void sevenbit_look(struct sevenbit *s, struct span piece)
{
	ENSURE_TAG(s, SEVENBIT_TAG);
	while (piece.len > 0) {
		const struct sevenbit_region *r;
		struct span in = sevenbit_next(s, &piece, &r);
		if (r == NULL)
			s->between_high |= count_high(in) > 0;
		else if (r->header)
			look_at_header(s, r, in);
		else
			look_at_body(&s->parts[r->part], in);
	}
}

/* ---- the judgement --------------------------------------------------------- */

static bool says_eight(const struct summary_part *p)
{
	struct span e = span_trim(p->encoding);
	return span_eq_nocase(e, SPAN("8bit")) || span_eq_nocase(e, SPAN("binary"));
}

static enum sevenbit_can judge_leaf(const struct sevenbit *s, uint32_t i)
{
	const struct summary_part *p = &s->summary->parts[i];
	struct sevenbit_part *w = &s->parts[i];
	uint64_t size = p->body_end - p->body_start;
	bool wants = w->high > 0 || (says_eight(p) && w->longest > SEVENBIT_LINE + 1);
	if (w->sealed)
		return w->high > 0 ? SEVENBIT_SIGNED : SEVENBIT_PLAIN;
	/* Without its end a header would get one where its last field goes. */
	w->drops = w->ended && says_eight(p);
	if (!wants)
		return SEVENBIT_PLAIN;
	if (transfer_encoding_of(p->encoding) != TRANSFER_IDENTITY ||
	    transfer_unknown(p->encoding) || span_eq_nocase(p->type, SPAN("message")) ||
	    span_eq_nocase(p->type, SPAN("multipart")))
		return SEVENBIT_ENCODED;
	if (!w->ended)
		return SEVENBIT_UNKNOWN;
	w->drops = true;
	/* Three characters for each byte over 127, or four for each three. */
	bool text = span_eq_nocase(p->type, SPAN("text"));
	w->form = text && w->high <= size / 6 ? SEVENBIT_QP : SEVENBIT_BASE64;
	return SEVENBIT_CAN;
}

static enum sevenbit_can judge_parts(const struct sevenbit *s)
{
	enum sevenbit_can all = SEVENBIT_PLAIN;
	for (uint32_t i = 0; i < s->summary->part_count; i++) {
		enum sevenbit_can one = SEVENBIT_PLAIN;
		if (s->summary->parts[i].kind == SUMMARY_LEAF)
			one = judge_leaf(s, i);
		else
			s->parts[i].drops = s->parts[i].ended && !s->parts[i].sealed;
		if (one > SEVENBIT_CAN)
			return one;
		if (one == SEVENBIT_CAN)
			all = one;
	}
	return all;
}

enum sevenbit_can sevenbit_judge(struct sevenbit *s)
{
	ENSURE_TAG(s, SEVENBIT_TAG);
	ENSURE(!s->judged);
	bool high = s->header_high || s->between_high;
	for (uint32_t i = 0; i < s->summary->part_count; i++)
		high |= s->parts[i].high > 0;
	s->judged = true;
	s->can = SEVENBIT_PLAIN;
	if (!high)
		return s->can;
	if ((s->summary->flags & (SUMMARY_OPAQUE | SUMMARY_TRUNCATED)) != 0 || s->disorder ||
	    s->at != s->summary->size)
		s->can = SEVENBIT_UNKNOWN;
	else if (s->signature)
		s->can = SEVENBIT_SIGNED;
	else if (s->header_high)
		s->can = SEVENBIT_HEADER;
	else if (s->between_high)
		s->can = SEVENBIT_BETWEEN;
	else
		s->can = judge_parts(s);
	return s->can;
}

/* RFC 1428 has the name of a charset that nobody told. */
struct span sevenbit_fields(const struct sevenbit *s, uint32_t part)
{
	static const struct span fields[2][2][3] = {
#define QP     "Content-Transfer-Encoding: quoted-printable\r\n"
#define BASE64 "Content-Transfer-Encoding: base64\r\n"
#define MIME   "MIME-Version: 1.0\r\n"
#define TYPE   "Content-Type: text/plain; charset=unknown-8bit\r\n"
		{{SPAN_INIT(""), SPAN_INIT(QP), SPAN_INIT(BASE64)},
		 {SPAN_INIT(""), SPAN_INIT(TYPE QP), SPAN_INIT(TYPE BASE64)}},
		{{SPAN_INIT(""), SPAN_INIT(MIME QP), SPAN_INIT(MIME BASE64)},
		 {SPAN_INIT(""), SPAN_INIT(MIME TYPE QP), SPAN_INIT(MIME TYPE BASE64)}},
	};
	const struct sevenbit_part *p = &s->parts[part];
	bool message = s->summary->parts[part].envelope != NULL;
	return fields[message && !p->mime_version][message && !p->content_type][p->form];
}
