/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/parse: lines in, parts out.
 *
 * A stack of open parts; a line that begins with "--" is compared with their
 * boundaries, innermost first, and closes all that are inside of the match.
 * Must never keep more of a body line than its first bytes, nor go back.
 */
#include "mime/build.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/utf8.h"
#include "base/transfer.h"

static bool start_part(struct mime_parser *p, uint32_t parent, bool message);

struct mime_parser *mime_parser_new(struct mime_charsets *charsets)
{
	struct mime_parser *p = calloc(1, sizeof *p);
	if (p == NULL)
		return NULL;
	p->tag = MIME_PARSER_TAG;
	p->charsets = charsets;
	p->arena = arena_new(MIME_ARENA_MAX);
	p->scratch = arena_new(MIME_ARENA_MAX);
	buf_init(&p->block, MIME_HEADER_BLOCK_MAX);
	buf_init(&p->preview, MIME_PREVIEW_RAW);
	p->keep_left = MIME_KEEP_MAX;
	p->index_left = MIME_INDEX_MAX;
	p->parts_left = MIME_PARTS_COST;
	if (p->arena != NULL)
		p->values = ARENA_ARRAY(p->arena, SUMMARY_VALUES_MAX, struct summary_value);
	p->summary.values = p->values;
	if (p->values == NULL || p->scratch == NULL || !start_part(p, SUMMARY_NO_PARENT, true)) {
		mime_parser_free(p);
		return NULL;
	}
	return p;
}

void mime_parser_free(struct mime_parser *p)
{
	if (p == NULL)
		return;
	ENSURE_TAG(p, MIME_PARSER_TAG);
	arena_free(p->arena);
	arena_free(p->scratch);
	buf_free(&p->block);
	buf_free(&p->preview);
	free(p->summary.parts);
	free(p->lines_before);
	p->tag = 0;
	free(p);
}

/* Room for one more part in both arrays. */
static bool grow(struct mime_parser *p)
{
	if (p->summary.part_count < p->part_cap)
		return true;
	size_t cap = p->part_cap == 0 ? 8 : size_min(p->part_cap * 2, MIME_PARTS_MAX);
	struct summary_part *parts =
		reallocarray(p->summary.parts, cap, sizeof *p->summary.parts);
	p->is_short |= parts == NULL;
	if (parts == NULL)
		return false;
	p->summary.parts = parts;
	uint64_t *lines = reallocarray(p->lines_before, cap, sizeof *lines);
	p->is_short |= lines == NULL;
	if (lines == NULL)
		return false;
	p->lines_before = lines;
	p->part_cap = cap;
	return true;
}

bool mime_pay_part(struct mime_parser *p, size_t cost)
{
	size_t *purse = p->parts_left >= cost ? &p->parts_left : &p->keep_left;
	if (*purse < cost)
		return false;
	*purse -= cost;
	return true;
}

/* May the tree get one more part, so deep?  If so it is paid for. */
static bool room_for_part(struct mime_parser *p, bool message)
{
	if (p->summary.part_count < MIME_PARTS_MAX && p->depth < MIME_DEPTH_MAX &&
	    mime_pay_part(p, MIME_PART_COST + (message ? MIME_ENVELOPE_COST : 0)))
		return true;
	p->summary.flags |= SUMMARY_TRUNCATED;
	return false;
}

/* A part begins here with its header. */
static bool start_part(struct mime_parser *p, uint32_t parent, bool message)
{
	if (!grow(p)) {
		p->no_memory = true;
		return false;
	}
	uint32_t index = (uint32_t)p->summary.part_count++;
	p->summary.parts[index] = (struct summary_part){
		.parent = parent,
		.depth = (uint32_t)p->depth,
		.header_start = p->line_start,
		.body_start = p->line_start,
		.body_end = p->line_start,
	};
	p->envelope = NULL;
	if (message) {
		p->envelope = ARENA_NEW(p->arena, struct summary_envelope);
		p->summary.parts[index].envelope = p->envelope;
		p->no_memory |= p->envelope == NULL;
	}
	p->open[p->depth++] = (struct mime_open){.part = index};
	buf_clear(&p->block);
	p->block_cut = false;
	p->state = MIME_IN_HEADER;
	return true;
}

static struct summary_part *innermost(struct mime_parser *p)
{
	return &p->summary.parts[p->open[p->depth - 1].part];
}

static bool type_is(const struct summary_part *part, const char *type, const char *subtype)
{
	return span_eq_nocase(part->type, span_cstr(type)) &&
	       (subtype == NULL || span_eq_nocase(part->subtype, span_cstr(subtype)));
}

static void want_preview(struct mime_parser *p, const struct summary_part *part)
{
	if (p->preview_part == 0 && type_is(part, "text", "plain") &&
	    !span_eq_nocase(part->disposition, SPAN("attachment")))
		p->preview_part = p->open[p->depth - 1].part + 1;
}

/* The header is complete, the body begins at `at`. */
static void end_header(struct mime_parser *p, uint64_t at)
{
	struct summary_part *part = innermost(p);
	struct span boundary = {0};
	arena_reset(p->scratch);
	if (p->block_cut)
		p->summary.flags |= SUMMARY_TRUNCATED;
	mime_header_read(p, part, &boundary);
	buf_clear(&p->block);
	part->body_start = part->body_end = at;
	p->lines_before[p->open[p->depth - 1].part] = p->line_ends;
	p->state = MIME_IN_PART;
	if (type_is(part, "multipart", NULL) && boundary.len > 0 &&
	    boundary.len <= MIME_BOUNDARY_TAKEN && p->depth < MIME_DEPTH_MAX) {
		struct span copy;
		if (!arena_copy(p->arena, boundary, &copy)) {
			p->no_memory = true;
			return;
		}
		part->kind = SUMMARY_MULTIPART;
		p->open[p->depth - 1].boundary = copy;
		p->state = MIME_BETWEEN;
	} else if ((type_is(part, "message", "rfc822") || type_is(part, "message", "global")) &&
		   transfer_encoding_of(part->encoding) == TRANSFER_IDENTITY && room_for_part(p, true)) {
		part->kind = SUMMARY_MESSAGE;
		p->line_start = at;
		start_part(p, p->open[p->depth - 1].part, true);
	} else {
		if (type_is(part, "multipart", NULL) && p->depth == MIME_DEPTH_MAX)
			p->summary.flags |= SUMMARY_TRUNCATED;
		want_preview(p, part);
	}
}

/*
 * The part at the top of the stack ends at `end`; its last line end belongs to
 * the boundary line that follows (RFC 2046 5.1.1) and is `cut` bytes.
 */
static void close_part(struct mime_parser *p, uint64_t end, unsigned cut)
{
	struct mime_open *o = &p->open[p->depth - 1];
	struct summary_part *part = &p->summary.parts[o->part];
	/*
	 * Where the header ends with the very line end that belongs to the
	 * boundary, the part ends before its empty line.
	 */
	part->header_start = u64_min(part->header_start, end);
	part->body_start = u64_min(part->body_start, end);
	part->body_end = end;
	if (end > part->body_start) {
		part->lines = p->line_ends - p->lines_before[o->part];
		/* Of the last line only its end was there, and that was cut. */
		if (cut > 0 && p->last_len == 0)
			part->lines--;
	}
	if (part->kind == SUMMARY_MULTIPART && p->summary.part_count == o->part + 1u)
		part->kind = SUMMARY_LEAF;
	p->depth--;
	p->state = MIME_BETWEEN;
}

/*
 * Close the stack down to `depth` entries.  A header that ends here may open
 * one more level (message/rfc822), which ends at once.
 */
static void close_to(struct mime_parser *p, size_t depth, unsigned cut)
{
	uint64_t end = p->line_start - cut;
	while (p->depth > depth) {
		if (p->state == MIME_IN_HEADER)
			end_header(p, u64_max(end, innermost(p)->header_start));
		else
			close_part(p, end, cut);
	}
}

static bool only_blanks(struct span s)
{
	return span_trim(s).len == 0;
}

/* Is the line the delimiter of an open multipart?  *level: which, *close: its end. */
static bool is_boundary(const struct mime_parser *p, struct span line, size_t *level,
			bool *close)
{
	if (!span_starts(line, SPAN("--")))
		return false;
	line = span_skip(line, 2);
	for (size_t i = p->depth; i-- > 0;) {
		struct span b = p->open[i].boundary;
		if (b.len == 0 || !span_starts(line, b))
			continue;
		struct span rest = span_skip(line, b.len);
		*close = span_starts(rest, SPAN("--"));
		if (only_blanks(*close ? span_skip(rest, 2) : rest)) {
			*level = i;
			return true;
		}
	}
	return false;
}

/* The delimiter was met: what follows belongs to the multipart at `level`. */
static void at_boundary(struct mime_parser *p, size_t level, bool close, uint64_t next)
{
	close_to(p, level + 1, p->last_end);
	p->state = MIME_BETWEEN;
	if (close) {
		p->open[level].boundary = (struct span){0};
		return;
	}
	if (room_for_part(p, false)) {
		p->line_start = next;
		start_part(p, p->open[level].part, false);
	}
}

static void add_preview(struct mime_parser *p, struct span line)
{
	if (p->state != MIME_IN_PART || p->preview_part != p->open[p->depth - 1].part + 1)
		return;
	buf_add(&p->preview, span_sub(line, 0, MIME_PREVIEW_RAW - buf_len(&p->preview)));
	if (buf_len(&p->preview) < MIME_PREVIEW_RAW)
		buf_addc(&p->preview, '\n');
}

/* A whole line was seen; its head (without its end) is in p->head. */
static void line_done(struct mime_parser *p, uint64_t len, unsigned end)
{
	struct span line = span_of(p->head, p->head_len);
	uint64_t next = p->at;
	size_t level;
	bool close;
	if (len == p->head_len && is_boundary(p, line, &level, &close)) {
		at_boundary(p, level, close, next);
	} else if (p->state == MIME_IN_HEADER && len == 0 && end > 0) {
		p->line_ends++;
		end_header(p, next);
		p->line_ends--;
	} else {
		add_preview(p, line);
	}
	p->line_ends += end > 0;
	p->last_len = len;
	p->last_end = end;
	p->line_start = next;
	p->head_len = 0;
	p->last_was_cr = false;
}

/* Collect what of a line has to be remembered. */
static void line_bytes(struct mime_parser *p, struct span b)
{
	size_t n = size_min(b.len, MIME_LINE_HEAD - p->head_len);
	if (n > 0)
		memcpy(p->head + p->head_len, b.ptr, n);
	p->head_len += n;
	if (p->state == MIME_IN_HEADER) {
		if (b.len > p->block.limit - buf_len(&p->block))
			p->block_cut = true;
		if (!p->block_cut)
			buf_add(&p->block, b);
	}
}

static void note_bytes(struct mime_parser *p, struct span b)
{
	uint32_t flags = span_has(b, '\0') ? SUMMARY_NUL : 0;
	unsigned char all = 0;
	for (size_t i = 0; i < b.len; i++)
		all |= (unsigned char)b.ptr[i];
	if (all >= 0x80)
		flags |= SUMMARY_8BIT;
	size_t cr = span_find(b, '\r');
	if ((cr != SIZE_MAX && cr + 1 < b.len && b.ptr[cr + 1] != '\n') ||
	    (p->last_was_cr && b.ptr[0] != '\n'))
		flags |= SUMMARY_BARE;
	p->summary.flags |= flags;
}

/* One line, or what there is of it; a line end only as the last byte. */
static void take(struct mime_parser *p, struct span b)
{
	note_bytes(p, b);
	line_bytes(p, b);
	p->at += b.len;
	bool ended = b.ptr[b.len - 1] == '\n';
	bool cr = b.len >= 2 ? b.ptr[b.len - 2] == '\r' : p->last_was_cr;
	if (!ended) {
		p->last_was_cr = b.ptr[b.len - 1] == '\r';
		return;
	}
	if (!cr)
		p->summary.flags |= SUMMARY_BARE;
	unsigned end = cr ? 2 : 1;
	uint64_t len = p->at - p->line_start - end;
	p->head_len = (size_t)u64_min(p->head_len, len);
	line_done(p, len, end);
}

void mime_parser_feed(struct mime_parser *p, struct span chunk)
{
	ENSURE_TAG(p, MIME_PARSER_TAG);
	while (chunk.len > 0 && !p->no_memory) {
		size_t lf = span_find(chunk, '\n');
		size_t n = lf == SIZE_MAX ? chunk.len : lf + 1;
		take(p, span_sub(chunk, 0, n));
		chunk = span_skip(chunk, n);
	}
}

/* First words of the text, blanks and line ends as single blanks. */
static void make_preview(struct mime_parser *p)
{
	struct transfer_decoder d;
	struct buf raw, text, line;
	const struct summary_part *part = &p->summary.parts[p->preview_part - 1];
	struct span charset = summary_param(part->params, SPAN("charset"));
	buf_init(&raw, MIME_PREVIEW_RAW);
	buf_init(&text, 4 * MIME_PREVIEW_RAW);
	buf_init(&line, SUMMARY_PREVIEW_MAX + UTF8_MAX);
	transfer_decoder_init(&d, transfer_encoding_of(part->encoding));
	transfer_decode(&d, buf_span(&p->preview), &raw);
	transfer_decode_end(&d, &raw);
	mime_to_utf8(p->charsets, charset.len > 0 ? charset : SPAN("utf-8"), buf_span(&raw), &text);
	struct span t = buf_span(&text);
	bool blank = true;
	for (size_t i = 0; i < t.len && buf_len(&line) < line.limit; i++) {
		bool is = (unsigned char)t.ptr[i] <= ' ' || t.ptr[i] == 0x7f;
		if (!is || !blank)
			buf_addc(&line, is ? ' ' : t.ptr[i]);
		blank = is;
	}
	struct span preview = span_trim(utf8_fit(buf_span(&line), SUMMARY_PREVIEW_MAX));
	if (preview.len > 0)
		p->no_memory |= !arena_copy(p->arena, preview, &p->summary.preview);
	buf_share(&line, &raw);
	buf_share(&line, &text);
	buf_share(&line, &p->preview);
	p->no_memory |= buf_short(&line);
	p->is_short |= buf_short(&line);
	buf_free(&raw);
	buf_free(&text);
	buf_free(&line);
}

bool mime_parser_short(const struct mime_parser *p)
{
	ENSURE_TAG(p, MIME_PARSER_TAG);
	return p->is_short || buf_short(&p->block) || arena_short(p->arena) ||
	       arena_short(p->scratch);
}

struct summary *mime_parser_end(struct mime_parser *p)
{
	ENSURE_TAG(p, MIME_PARSER_TAG);
	if (p->no_memory)
		return NULL;
	uint64_t rest = p->at - p->line_start;
	if (rest > 0) {
		if (p->last_was_cr)
			p->summary.flags |= SUMMARY_BARE;
		line_done(p, rest, 0);
		/* An unfinished line counts as one where it is. */
		p->line_ends++;
	}
	p->line_start = p->at;
	close_to(p, 0, 0);
	p->summary.size = p->at;
	if (p->preview_part > 0)
		make_preview(p);
	p->no_memory |= buf_short(&p->block);
	if (p->no_memory || !summary_link(&p->summary))
		return NULL;
	return &p->summary;
}
