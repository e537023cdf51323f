/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup/manifest: lines of text, judged by the checksum of the last one before
 * anything in them counts.
 *
 * Must never: let a path lead out of the folder that it is used in.
 */
#include "backup/manifest.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "base/hex.h"

#define SIZE_MAX_OF_ALL (UINT64_C(1) << 60)

void manifest_init(struct manifest *m, struct arena *arena)
{
	*m = (struct manifest){.arena = arena};
}

void manifest_free(struct manifest *m)
{
	free(m->files);
	m->files = NULL;
	m->count = m->cap = 0;
}

static bool name_ok(struct span name)
{
	if (name.len == 0 || name.ptr[0] == '.')
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_'))
			return false;
	}
	return true;
}

bool manifest_path_ok(struct span path)
{
	struct span name;
	if (path.len > MANIFEST_PATH_MAX)
		return false;
	for (unsigned level = 0; level < MANIFEST_LEVELS; level++) {
		bool more = span_cut(&path, '/', &name);
		if (!name_ok(name))
			return false;
		if (!more)
			return true;
	}
	return false;
}

bool manifest_add(struct manifest *m, const struct manifest_file *f)
{
	if (!manifest_path_ok(f->path) || m->count >= MANIFEST_FILES_MAX ||
	    f->size > SIZE_MAX_OF_ALL - m->bytes)
		return false;
	if (m->count == m->cap) {
		size_t cap = m->cap ? m->cap * 2 : 256;
		struct manifest_file *more =
			realloc(m->files, cap * sizeof *more);
		if (more == NULL)
			return false;
		m->files = more;
		m->cap = cap;
	}
	struct manifest_file *to = &m->files[m->count];
	*to = *f;
	if (!arena_copy(m->arena, f->path, &to->path))
		return false;
	m->count++;
	m->bytes += f->size;
	return true;
}

static int by_path(const void *a, const void *b)
{
	const struct manifest_file *x = a, *y = b;
	return span_cmp(x->path, y->path);
}

void manifest_sort(struct manifest *m)
{
	if (m->count > 1)
		qsort(m->files, m->count, sizeof *m->files, by_path);
}

const struct manifest_file *manifest_find(const struct manifest *m,
					  struct span path)
{
	const struct manifest_file key = {.path = path};
	return m->count == 0 ? NULL
			     : bsearch(&key, m->files, m->count,
				       sizeof *m->files, by_path);
}

/* ---- text ----------------------------------------------------------------- */

static struct span hash_span(const struct sha256 *h)
{
	return span_of(h->bytes, sizeof h->bytes);
}

void manifest_write(const struct manifest *m, struct buf *out)
{
	size_t from = buf_len(out);
	buf_printf(out, "letterlock-backup %u\nmade %lld\n", MANIFEST_FORMAT,
		   (long long)m->made);
	for (size_t i = 0; i < m->count; i++) {
		const struct manifest_file *f = &m->files[i];
		buf_add(out, SPAN("file "));
		hex_encode(out, hash_span(&f->hash));
		buf_printf(out, " %llu %lld %.*s\n", (unsigned long long)f->size,
			   (long long)f->mtime, SPAN_FMT(f->path));
	}
	struct sha256 all = sha256_of(span_skip(buf_span(out), from));
	buf_printf(out, "end %zu %llu ", m->count, (unsigned long long)m->bytes);
	hex_encode(out, hash_span(&all));
	buf_addc(out, '\n');
}

/* A word and the blank behind it. */
static struct span word(struct span *line)
{
	struct span w;
	(void)span_cut(line, ' ', &w);
	return w;
}

static bool read_seconds(struct span s, int64_t *out)
{
	uint64_t n;
	if (!span_u64(s, INT64_MAX, &n))
		return false;
	*out = (int64_t)n;
	return true;
}

static bool read_file(struct manifest *m, struct span line)
{
	struct manifest_file f = {0};
	if (!span_eq(word(&line), SPAN("file")) ||
	    !hex_decode(word(&line), f.hash.bytes, sizeof f.hash.bytes) ||
	    !span_u64(word(&line), SIZE_MAX_OF_ALL, &f.size) ||
	    !read_seconds(word(&line), &f.mtime))
		return false;
	f.path = line;
	if (m->count > 0 && span_cmp(m->files[m->count - 1].path, line) >= 0)
		return false;
	return manifest_add(m, &f);
}

/* The last line: does it say what the others hold? */
static bool read_end(struct span line, struct span above, uint64_t *count,
		     uint64_t *bytes)
{
	struct sha256 said, all = sha256_of(above);
	return span_eq(word(&line), SPAN("end")) &&
	       span_u64(word(&line), MANIFEST_FILES_MAX, count) &&
	       span_u64(word(&line), SIZE_MAX_OF_ALL, bytes) &&
	       hex_decode(line, said.bytes, sizeof said.bytes) &&
	       memcmp(said.bytes, all.bytes, sizeof all.bytes) == 0;
}

enum manifest_result manifest_read(struct span text, struct manifest *m)
{
	struct span line, above = text, rest = text;
	uint64_t format, count, bytes;
	ENSURE(m->count == 0);
	if (!span_cut(&rest, '\n', &line) ||
	    !span_eq(word(&line), SPAN("letterlock-backup")) ||
	    !span_u64(line, UINT32_MAX, &format) || format == 0)
		return MANIFEST_DAMAGED;
	if (format > MANIFEST_FORMAT)
		return MANIFEST_NEWER;
	if (text.ptr[text.len - 1] != '\n')
		return MANIFEST_DAMAGED;
	size_t last = span_find_last(span_sub(text, 0, text.len - 1), '\n');
	if (last == SIZE_MAX)
		return MANIFEST_DAMAGED;
	above = span_sub(text, 0, last + 1);
	line = span_sub(text, last + 1, text.len - last - 2);
	if (!read_end(line, above, &count, &bytes))
		return MANIFEST_DAMAGED;
	rest = span_sub(above, text.len - rest.len, above.len);
	if (!span_cut(&rest, '\n', &line) ||
	    !span_eq(word(&line), SPAN("made")) || !read_seconds(line, &m->made))
		return MANIFEST_DAMAGED;
	while (span_cut(&rest, '\n', &line))
		if (!read_file(m, line))
			return MANIFEST_DAMAGED;
	return m->count == count && m->bytes == bytes ? MANIFEST_OK
						      : MANIFEST_DAMAGED;
}
