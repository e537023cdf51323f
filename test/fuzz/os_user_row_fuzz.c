/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of users: any bytes are read without harm, and a name is a plain one. */
#include "base/ensure.h"
#include "os/user_row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t uids[] = {0, 7, 1000, UINT32_MAX};
	for (size_t i = 0; i < ARRAY_LEN(uids); i++) {
		struct span name = users_name(span_of(data, size), uids[i]);
		ENSURE(name.len <= USER_NAME_MAX && (name.ptr == NULL) == (name.len == 0));
		for (size_t k = 0; k < name.len; k++)
			ENSURE(name.ptr[k] > ' ' && name.ptr[k] < 127 && name.ptr[k] != '@');
	}
	return 0;
}
