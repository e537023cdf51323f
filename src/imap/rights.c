/* SPDX-License-Identifier: Apache-2.0 */
/* imap/rights: letters to bits and back, in the order of RFC 4314. */
#include "imap/rights.h"

static const struct {
	char letter;
	uint32_t rights;
} letters[] = {
	{'l', IMAP_RIGHT_L}, {'r', IMAP_RIGHT_R}, {'s', IMAP_RIGHT_S},
	{'w', IMAP_RIGHT_W}, {'i', IMAP_RIGHT_I}, {'p', IMAP_RIGHT_P},
	{'k', IMAP_RIGHT_K}, {'x', IMAP_RIGHT_X}, {'t', IMAP_RIGHT_T},
	{'e', IMAP_RIGHT_E}, {'a', IMAP_RIGHT_A},
	{'c', IMAP_RIGHT_K | IMAP_RIGHT_X}, {'d', IMAP_RIGHT_T | IMAP_RIGHT_E},
};

bool imap_rights_parse(struct span text, enum imap_store_how *how, uint32_t *rights)
{
	*how = IMAP_STORE_SET;
	*rights = 0;
	if (text.len > 0 && (*text.ptr == '+' || *text.ptr == '-')) {
		*how = *text.ptr == '+' ? IMAP_STORE_ADD : IMAP_STORE_REMOVE;
		text = span_skip(text, 1);
	}
	for (size_t i = 0; i < text.len; i++) {
		size_t k = 0;
		while (k < ARRAY_LEN(letters) && letters[k].letter != text.ptr[i])
			k++;
		if (k == ARRAY_LEN(letters))
			return false;
		*rights |= letters[k].rights;
	}
	return true;
}

void imap_rights_text(char out[IMAP_RIGHTS_TEXT], uint32_t rights)
{
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(letters); i++)
		if ((rights & letters[i].rights) != 0)
			out[n++] = letters[i].letter;
	out[n] = '\0';
}
