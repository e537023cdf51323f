/* SPDX-License-Identifier: Apache-2.0 */
/* os/user_row: name:password:number:... a line each, others are passed over. */
#include "os/user_row.h"

static bool plain(struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		if (!ascii_alnum(c) && c != '_' && (i == 0 || (c != '-' && c != '.')))
			return false;
	}
	return name.len > 0 && name.len <= USER_NAME_MAX;
}

struct span users_name(struct span list, uint32_t uid)
{
	struct span line, name, word;
	uint64_t n;
	list = span_sub(list, 0, USERS_MAX);
	while (list.len > 0) {
		(void)span_cut(&list, '\n', &line);
		if (!span_cut(&line, ':', &name) || !span_cut(&line, ':', &word) ||
		    !span_cut(&line, ':', &word) || !span_u64(word, UINT32_MAX, &n) ||
		    n != uid)
			continue;
		return plain(name) ? name : span_of(NULL, 0);
	}
	return span_of(NULL, 0);
}
