/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/table: cells to text, text to columns. */
#include "cmd/table.h"

#include "base/check.h"
#include "base/civil.h"
#include "base/utf8.h"

#define CELL_MAX 65536u

static bool acts(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 ||
	       c == 0x2029 || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

void table_plain(struct buf *out, struct span s)
{
	while (s.len > 0) {
		uint32_t c = 0;
		size_t n = utf8_decode(s, &c);
		if (n == 0 || acts(c))
			buf_addc(out, '?');
		else
			buf_add(out, span_sub(s, 0, n));
		s = span_skip(s, n > 0 ? n : 1);
	}
}

void table_lines(struct buf *out, struct span before, struct span text)
{
	struct span line;
	while (text.len > 0) {
		(void)span_cut(&text, '\n', &line);
		buf_add(out, before);
		table_plain(out, line);
		buf_addc(out, '\n');
	}
}

static void size_text(struct buf *out, uint64_t n)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB",
					    "PiB"};
	size_t u = 0;
	uint64_t tenths = n;
	if (n < 1024) {
		buf_printf(out, "%llu B", (unsigned long long)n);
		return;
	}
	for (u = 0; tenths >= 1024 && u + 1 < ARRAY_LEN(units); u++) {
		n = tenths;
		tenths /= 1024;
	}
	buf_printf(out, "%llu.%llu %s", (unsigned long long)(n / 1024),
		   (unsigned long long)(n % 1024 * 10 / 1024), units[u]);
}

static void time_text(struct buf *out, struct span number)
{
	uint64_t seconds;
	if (!span_u64(number, CIVIL_MAX, &seconds) || seconds == 0) {
		buf_addc(out, '-');
		return;
	}
	struct civil t = civil_of((int64_t)seconds);
	buf_printf(out, "%04d-%02d-%02d %02d:%02d UTC", t.year, t.month, t.day,
		   t.hour, t.minute);
}

static void number_cell(struct buf *out, enum column_kind kind,
			const struct json *v)
{
	uint64_t n = 0;
	if (kind == COLUMN_CODE && span_eq(v->text, SPAN("0")))
		buf_addc(out, '-');
	else if (kind == COLUMN_TIME)
		time_text(out, v->text);
	else if (kind == COLUMN_COUNT || kind == COLUMN_CODE || kind == COLUMN_TEXT ||
		 !span_u64(v->text, UINT64_MAX, &n))
		table_plain(out, v->text);
	else if (kind == COLUMN_LIMIT && n == 0)
		buf_add(out, SPAN("none"));
	else
		size_text(out, n);
}

void table_cell(struct buf *out, enum column_kind kind, const struct json *v)
{
	size_t before = buf_len(out);
	if (v != NULL && v->kind == JSON_NUMBER)
		number_cell(out, kind, v);
	else if (v != NULL && v->kind == JSON_TEXT)
		table_plain(out, v->text);
	else if (v != NULL && v->kind == JSON_BOOL)
		buf_add(out, v->truth ? SPAN("yes") : SPAN("no"));
	else if (v != NULL && v->kind == JSON_LIST)
		for (const struct json *i = v->first; i != NULL; i = i->next) {
			table_cell(out, COLUMN_TEXT, i);
			if (i->next != NULL)
				buf_add(out, SPAN(", "));
		}
	if (buf_len(out) == before)
		buf_addc(out, '-');
}

static size_t width_of(struct span s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++)
		n += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
	return n;
}

static bool to_the_right(enum column_kind k)
{
	return k == COLUMN_COUNT || k == COLUMN_CODE || k == COLUMN_SIZE || k == COLUMN_LIMIT;
}

static void pad(struct buf *out, size_t n)
{
	while (n-- > 0)
		buf_addc(out, ' ');
}

static void put(struct buf *out, const struct column *c, struct span text,
		size_t width, bool last)
{
	size_t space = width - size_min(width, width_of(text));
	if (to_the_right(c->kind))
		pad(out, space);
	buf_add(out, text);
	if (!to_the_right(c->kind) && !last)
		pad(out, space);
	buf_add(out, last ? SPAN("\n") : SPAN("  "));
}

static bool fill(struct span *cells, struct arena *a,
		 const struct column *columns, size_t n, const struct json *row)
{
	struct buf cell;
	bool ok = true;
	buf_init(&cell, CELL_MAX);
	for (size_t i = 0; i < n && ok; i++) {
		buf_clear(&cell);
		table_cell(&cell, columns[i].kind,
			   json_member(row, columns[i].key));
		ok = arena_copy(a, buf_span(&cell), &cells[i]);
	}
	buf_free(&cell);
	return ok;
}

static void titles(struct buf *out, const struct column *columns, size_t n,
		   const size_t *widths, bool colour)
{
	if (colour)
		buf_add(out, SPAN("\x1b[1m"));
	for (size_t i = 0; i < n; i++)
		put(out, &columns[i], span_cstr(columns[i].title), widths[i],
		    i + 1 == n && !colour);
	if (colour)
		buf_add(out, SPAN("\x1b[0m\n"));
}

bool table_render(struct buf *out, struct arena *a, const struct column *columns,
		  size_t n, const struct json *const *rows, size_t count,
		  bool colour)
{
	struct span *cells = ARENA_ARRAY(a, n * (count + 1), struct span);
	size_t *widths = ARENA_ARRAY(a, n, size_t);
	if (cells == NULL || widths == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		widths[i] = width_of(span_cstr(columns[i].title));
	for (size_t r = 0; r < count; r++) {
		if (!fill(&cells[r * n], a, columns, n, rows[r]))
			return false;
		for (size_t i = 0; i < n; i++)
			widths[i] = size_max(widths[i],
					     width_of(cells[r * n + i]));
	}
	titles(out, columns, n, widths, colour);
	for (size_t r = 0; r < count; r++)
		for (size_t i = 0; i < n; i++)
			put(out, &columns[i], cells[r * n + i], widths[i],
			    i + 1 == n);
	return buf_ok(out);
}

void table_render_one(struct buf *out, const struct column *columns, size_t n,
		      const struct json *row)
{
	size_t width = 0;
	for (size_t i = 0; i < n; i++)
		width = size_max(width, width_of(span_cstr(columns[i].title)));
	for (size_t i = 0; i < n; i++) {
		struct span title = span_cstr(columns[i].title);
		buf_add(out, title);
		buf_addc(out, ':');
		pad(out, width - width_of(title) + 1);
		table_cell(out, columns[i].kind,
			   json_member(row, columns[i].key));
		buf_addc(out, '\n');
	}
}
