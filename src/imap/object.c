/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/object: how object ids are written and read.
 *
 * Must never take an id for another one: no upper case, no other length.
 */
#include "imap/object.h"

#include <stdio.h>

#define OBJECT_MAX 255u /* characters of anybody's id */

static const char digits[] = "0123456789abcdef";

void imap_email_write(struct stream *out, const uint8_t email[IMAP_EMAIL_LEN])
{
	char text[1 + 2 * IMAP_EMAIL_LEN] = {'M'};
	for (size_t i = 0; i < IMAP_EMAIL_LEN; i++) {
		text[1 + 2 * i] = digits[email[i] >> 4];
		text[2 + 2 * i] = digits[email[i] & 15];
	}
	stream_write(out, span_of(text, sizeof text));
}

static bool digit(char c, uint8_t *out)
{
	for (uint8_t i = 0; i < 16; i++)
		if (digits[i] == c) {
			*out = i;
			return true;
		}
	return false;
}

static bool well_formed(struct span id)
{
	if (id.len == 0 || id.len > OBJECT_MAX)
		return false;
	for (size_t i = 0; i < id.len; i++)
		if (!ascii_alpha(id.ptr[i]) && !ascii_digit(id.ptr[i]) &&
		    id.ptr[i] != '_' && id.ptr[i] != '-')
			return false;
	return true;
}

enum imap_object imap_object_parse(struct span id, struct arena *arena,
				   struct span *email)
{
	if (!well_formed(id))
		return IMAP_OBJECT_BAD;
	if (id.len != 1 + 2 * IMAP_EMAIL_LEN || id.ptr[0] != 'M')
		return IMAP_OBJECT_OTHER;
	char *bytes = arena_bytes(arena, IMAP_EMAIL_LEN);
	for (size_t i = 0; bytes != NULL && i < IMAP_EMAIL_LEN; i++) {
		uint8_t high, low;
		if (!digit(id.ptr[1 + 2 * i], &high) || !digit(id.ptr[2 + 2 * i], &low))
			return IMAP_OBJECT_OTHER;
		bytes[i] = (char)(high << 4 | low);
	}
	*email = span_of(bytes, bytes != NULL ? IMAP_EMAIL_LEN : 0);
	return bytes != NULL ? IMAP_OBJECT_EMAIL : IMAP_OBJECT_OTHER;
}

void imap_mailboxid(char text[IMAP_MAILBOXID], uint64_t object)
{
	snprintf(text, IMAP_MAILBOXID, "MAILBOXID (F%llu)", (unsigned long long)object);
}
