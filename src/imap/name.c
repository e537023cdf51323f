/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/name: decode, then check every level once.
 *
 * Must never let a name through that LIST could not give back unchanged, nor a
 * level "." or "..": clients make files of these names.
 */
#include "imap/name.h"

#include "base/utf8.h"
#include "imap/utf7.h"

bool imap_name_inbox(struct span name)
{
	return span_starts_nocase(name, SPAN("INBOX")) &&
	       (name.len == IMAP_INBOX_LEN || name.ptr[IMAP_INBOX_LEN] == '/');
}

static bool dots(struct span name)
{
	struct span level;
	bool more;
	do {
		more = span_cut(&name, '/', &level);
		if (span_eq(level, SPAN(".")) || span_eq(level, SPAN("..")))
			return true;
	} while (more);
	return false;
}

static enum imap_name_result check(struct span name)
{
	size_t levels = 1;
	char before = '/';
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		if ((c >= 0 && c < ' ') || c == 0x7f || c == '*' || c == '%')
			return IMAP_NAME_BAD;
		if (c == '/' && before == '/')
			return IMAP_NAME_BAD;
		if (c == '/')
			levels++;
		before = c;
	}
	if (before == '/' || dots(name))
		return IMAP_NAME_BAD;
	return levels > IMAP_LEVELS_MAX || name.len > IMAP_NAME_MAX
		       ? IMAP_NAME_LONG
		       : IMAP_NAME_OK;
}

enum imap_name_result imap_name_parse(struct arena *arena, struct span wire,
				      struct span *out)
{
	struct span name;
	/* No valid spelling is longer than five bytes for one of UTF-8. */
	if (wire.len > 5 * IMAP_NAME_MAX)
		return IMAP_NAME_LONG;
	if (!imap_utf7_decode(arena, wire, &name))
		return IMAP_NAME_BAD;
	return imap_name_take(arena, name, out);
}

enum imap_name_result imap_name_take(struct arena *arena, struct span name,
				     struct span *out)
{
	if (!utf8_valid(name))
		return IMAP_NAME_BAD;
	if (name.len > 1 && name.ptr[name.len - 1] == '/')
		name.len--;
	enum imap_name_result r = check(name);
	if (r != IMAP_NAME_OK)
		return r;
	if (imap_name_inbox(name)) {
		char *copy = arena_bytes(arena, name.len);
		if (copy == NULL)
			return IMAP_NAME_MEMORY;
		memcpy(copy, name.ptr, name.len);
		memcpy(copy, "INBOX", IMAP_INBOX_LEN);
		name.ptr = copy;
	}
	*out = name;
	return IMAP_NAME_OK;
}
