/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is taken as an address is written and read again to the same value, and
 * a network that is taken holds its own base and nothing across its border.
 */
#include "base/ensure.h"
#include "os/addr.h"

static void one_address(struct span in)
{
	char text[ADDR_TEXT_MAX];
	struct addr a, again;

	if (!addr_parse(in, &a))
		return;
	ENSURE(a.port == 0);
	ENSURE(addr_parse(addr_format(&a, text), &again) && addr_eq(&a, &again));
}

static void with_port(struct span in)
{
	char text[ADDR_TEXT_MAX];
	struct addr a, again;

	if (!addr_parse_port(in, &a))
		return;
	ENSURE(addr_parse_port(addr_format_port(&a, text), &again));
	ENSURE(addr_eq(&a, &again));
}

static void network(struct span in)
{
	struct addr base = {0};
	struct cidr c;

	if (!cidr_parse(in, &c))
		return;
	ENSURE(c.bits <= 128);
	memcpy(base.ip, c.ip, sizeof(base.ip));
	ENSURE(cidr_match(&c, &base));
	/* No bit stands below the border, and the last one above it counts. */
	for (unsigned i = c.bits; i < 128; i++)
		ENSURE((c.ip[i / 8] >> (7 - i % 8) & 1) == 0);
	if (c.bits > 0) {
		unsigned last = c.bits - 1u;
		base.ip[last / 8] ^= (uint8_t)(0x80u >> last % 8);
		ENSURE(!cidr_match(&c, &base));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);

	one_address(in);
	with_port(in);
	network(in);
	return 0;
}
