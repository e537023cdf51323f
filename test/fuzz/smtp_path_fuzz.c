/* SPDX-License-Identifier: Apache-2.0 */
/* smtp/path: what parses has a normal form, which parses to the same path. */
#include "base/ensure.h"
#include "base/utf8.h"
#include "smtp/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size), rest = in;
	struct smtp_path p, again;
	smtp_hello_ok(in);
	if (smtp_path_parse(&rest, SMTP_PATH_NULL | SMTP_PATH_POSTMASTER, &p) != SMTP_PATH_OK)
		return 0;
	ENSURE(rest.len < in.len);
	struct buf b;
	buf_init(&b, SMTP_ADDRESS_MAX);
	smtp_path_write(&p, &b);
	ENSURE(buf_ok(&b) && utf8_valid(buf_span(&b)));
	for (size_t i = 0; i < buf_len(&b); i++)
		ENSURE((unsigned char)b.data[b.from + i] >= ' ');
	if (p.domain_len > 0) {
		enum smtp_path_result r = smtp_address_parse(buf_span(&b), &again);
		/* Quotes may make the normal form longer than a path may be. */
		ENSURE(r == SMTP_PATH_OK || (r == SMTP_PATH_LONG && buf_len(&b) > SMTP_PATH_MAX - 2));
		ENSURE(r != SMTP_PATH_OK || smtp_path_eq(&p, &again));
	}
	buf_free(&b);
	return 0;
}
