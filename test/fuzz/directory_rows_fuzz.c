/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the directory, and the checks of names and addresses. */
#include "base/ensure.h"
#include "directory/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_list(struct span packed, size_t count)
{
	struct span one;
	for (size_t i = 0; i < count; i++)
		ENSURE(directory_list_next(&packed, &one));
	ENSURE(packed.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct directory_domain domain;
	struct directory_account account;
	struct directory_verifier verifier;
	struct user_row user;
	struct span local, part, grants;
	if (size == 0)
		return 0;
	struct span in = span_of(data + 1, size - 1);
	switch (data[0] % 5) {
	case 0:
		(void)!directory_domain_read(in, &domain);
		break;
	case 1:
		if (directory_user_read(in, &user) && user.kind == DIRECTORY_ALIAS)
			read_list(user.targets, user.target_count);
		break;
	case 2:
		if (directory_account_read(in, 1, &account, &grants))
			read_list(grants, account.grant_count);
		break;
	case 3:
		(void)!directory_verifier_read(in, 0, &verifier);
		break;
	default:
		if (directory_address_ok(in)) {
			ENSURE(directory_split(in, &local, &part));
			ENSURE(directory_domain_ok(part) &&
			       directory_partition(in) < DIRECTORY_PARTITIONS);
		}
	}
	return 0;
}
