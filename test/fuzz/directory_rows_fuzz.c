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

/* What is read is written and read again. */
static void domain_row(struct span in, struct buf *row)
{
	struct directory_domain d;
	if (!directory_domain_read(in, &d))
		return;
	directory_domain_write(row, &d);
	ENSURE(buf_ok(row) && directory_domain_read(buf_span(row), &d));
}

static void user_row(struct span in, struct buf *row)
{
	struct user_row user;
	if (!directory_user_read(in, &user))
		return;
	if (user.kind == DIRECTORY_ALIAS) {
		struct span targets[DIRECTORY_TARGETS_MAX], packed = user.targets;
		struct directory_alias a = {.address = SPAN("a@b.example"), .targets = targets,
					    .count = user.target_count, .made = 7};
		read_list(user.targets, user.target_count);
		for (size_t i = 0; i < user.target_count; i++)
			ENSURE(directory_list_next(&packed, &targets[i]));
		directory_user_write_alias(row, &a);
	} else {
		directory_user_write_account(row, user.account);
	}
	ENSURE(buf_ok(row) && directory_user_read(buf_span(row), &user));
}

static void account_row(struct span in, struct buf *row)
{
	struct directory_account a;
	struct span packed, grants[DIRECTORY_GRANTS_MAX];
	if (!directory_account_read(in, 1, &a, &packed))
		return;
	read_list(packed, a.grant_count);
	for (size_t i = 0; i < a.grant_count; i++)
		ENSURE(directory_list_next(&packed, &grants[i]));
	a.grants = grants;
	directory_account_write(row, &a);
	ENSURE(buf_ok(row) && directory_account_read(buf_span(row), 1, &a, &packed));
}

static void verifier_row(struct span in, struct buf *row)
{
	struct directory_verifier v;
	if (!directory_verifier_read(in, 0, &v))
		return;
	directory_verifier_write(row, &v);
	ENSURE(buf_ok(row) && directory_verifier_read(buf_span(row), 0, &v));
}

/* A key tells what it was made of, and lies before the end of its range. */
static void keys(struct span in)
{
	uint64_t n = 0;
	for (size_t i = 0; i < 12 && i < in.len; i++)
		n = n << 8 | (unsigned char)in.ptr[i];
	struct directory_key k = directory_key_verifier(n, (uint32_t)(n >> 5));
	struct directory_key id = directory_key_id('A', n), end = directory_key_end(&k);
	ENSURE(directory_key_number(directory_key_span(&k)) == n);
	ENSURE(directory_key_number(directory_key_span(&id)) == n);
	ENSURE(directory_key_verifier_number(directory_key_span(&k)) == (uint32_t)(n >> 5));
	ENSURE(span_cmp(directory_key_span(&k), directory_key_span(&end)) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span local, part;
	struct buf row;
	if (size == 0)
		return 0;
	struct span in = span_of(data + 1, size - 1);
	buf_init(&row, 1u << 20);
	switch (data[0] % 5) {
	case 0:
		domain_row(in, &row);
		break;
	case 1:
		user_row(in, &row);
		break;
	case 2:
		account_row(in, &row);
		break;
	case 3:
		verifier_row(in, &row);
		keys(in);
		break;
	default:
		if (directory_address_ok(in)) {
			ENSURE(directory_split(in, &local, &part));
			ENSURE(directory_domain_ok(part) &&
			       directory_partition(in) < DIRECTORY_PARTITIONS);
		}
	}
	buf_free(&row);
	return 0;
}
