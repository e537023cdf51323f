/* SPDX-License-Identifier: Apache-2.0 */
/* base/acl: letters to bits and back, in the order of RFC 4314. */
#include "base/acl.h"

static const struct {
	char letter;
	uint32_t rights;
} letters[] = {
	{'l', ACL_L}, {'r', ACL_R}, {'s', ACL_S},
	{'w', ACL_W}, {'i', ACL_I}, {'p', ACL_P},
	{'k', ACL_K}, {'x', ACL_X}, {'t', ACL_T},
	{'e', ACL_E}, {'a', ACL_A},
	{'c', ACL_K | ACL_X}, {'d', ACL_T | ACL_E},
};

bool acl_parse(struct span text, uint32_t *rights)
{
	*rights = 0;
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

void acl_text(char out[ACL_TEXT], uint32_t rights)
{
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(letters); i++)
		if ((rights & letters[i].rights) != 0)
			out[n++] = letters[i].letter;
	out[n] = '\0';
}
