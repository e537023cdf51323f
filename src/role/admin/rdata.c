/* SPDX-License-Identifier: Apache-2.0 */
/* role/admin/rdata: a table of types, a layout of fields for each. */
#include "role/admin/rdata.h"

#include "base/hex.h"
#include "os/addr.h"

/*
 * Fields in order: 4 an IPv4 address, 6 an IPv6 address, b w l numbers of one,
 * two and four bytes, n a name, t strings up to the end, s one string, x the rest in hexadecimal.
 */
static const struct {
	const char *name;
	uint16_t type;
	const char *fields;
} types[] = {
	{"A", 1, "4"},	      {"NS", 2, "n"},	     {"CNAME", 5, "n"},
	{"SOA", 6, "nnlllll"}, {"PTR", 12, "n"},      {"MX", 15, "wn"},
	{"TXT", 16, "t"},      {"AAAA", 28, "6"},     {"SRV", 33, "wwwn"},
	{"DS", 43, "wbbx"},    {"DNSKEY", 48, "wbbx"}, {"TLSA", 52, "bbbx"},
	{"SPF", 99, "t"},      {"CAA", 257, "bsr"},
};

bool rdata_type(struct span name, uint16_t *type)
{
	uint64_t n;
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (span_eq_nocase(name, span_cstr(types[i].name))) {
			*type = types[i].type;
			return true;
		}
	if (!span_starts_nocase(name, SPAN("TYPE")) ||
	    !span_u64(span_skip(name, 4), UINT16_MAX, &n) || n == 0)
		return false;
	*type = (uint16_t)n;
	return true;
}

static void escaped(struct buf *out, struct span s, const char *special)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		if (c < 0x20 || c >= 0x7f)
			buf_printf(out, "\\%03u", (unsigned)(unsigned char)c);
		else
			buf_printf(out, "%s%c",
				   span_has(span_cstr(special), c) ? "\\" : "",
				   c);
	}
}

static bool take(struct span *in, size_t n, struct span *out)
{
	if (in->len < n)
		return false;
	*out = span_sub(*in, 0, n);
	*in = span_skip(*in, n);
	return true;
}

/* A byte with the length, and so many bytes. */
static bool take_counted(struct span *in, struct span *out)
{
	struct span length;
	return take(in, 1, &length) &&
	       take(in, (unsigned char)length.ptr[0], out);
}

static bool name_text(struct span *in, struct buf *out)
{
	struct span label;
	size_t total = 0;
	do {
		if (!take_counted(in, &label) || label.len > 63 ||
		    (total += label.len + 1) > 255)
			return false;
		if (label.len > 0 || total == 1) {
			escaped(out, label, ".\\\"(); $@");
			buf_addc(out, '.');
		}
	} while (label.len > 0);
	return true;
}

static bool quoted_text(struct span *in, struct buf *out)
{
	struct span s;
	if (!take_counted(in, &s))
		return false;
	buf_addc(out, '"');
	escaped(out, s, "\"\\");
	buf_addc(out, '"');
	return true;
}

static bool number_text(struct span *in, size_t bytes, struct buf *out)
{
	struct span s;
	uint64_t n = 0;
	if (!take(in, bytes, &s))
		return false;
	for (size_t i = 0; i < bytes; i++)
		n = n << 8 | (unsigned char)s.ptr[i];
	buf_add_u64(out, n);
	return true;
}

static bool v4_text(struct span *in, struct buf *out)
{
	struct span s;
	if (!take(in, 4, &s))
		return false;
	for (size_t i = 0; i < 4; i++)
		buf_printf(out, "%s%u", i > 0 ? "." : "",
			   (unsigned)(unsigned char)s.ptr[i]);
	return true;
}

static bool v6_text(struct span *in, struct buf *out)
{
	char text[ADDR_TEXT_MAX];
	uint8_t ip[16];
	struct span s;
	if (!take(in, 16, &s))
		return false;
	memcpy(ip, s.ptr, 16);
	struct addr a = addr_v6(ip, 0);
	buf_add(out, addr_format(&a, text));
	return true;
}

static bool strings_text(struct span *in, struct buf *out)
{
	do {
		if (!quoted_text(in, out))
			return false;
		if (in->len > 0)
			buf_addc(out, ' ');
	} while (in->len > 0);
	return true;
}

static bool rest_text(struct span *in, bool as_hex, struct buf *out)
{
	if (as_hex) {
		hex_encode(out, *in);
	} else {
		buf_addc(out, '"');
		escaped(out, *in, "\"\\");
		buf_addc(out, '"');
	}
	*in = span_skip(*in, in->len);
	return true;
}

static bool field_text(char field, struct span *in, struct buf *out)
{
	switch (field) {
	case '4':
		return v4_text(in, out);
	case '6':
		return v6_text(in, out);
	case 'b':
		return number_text(in, 1, out);
	case 'w':
		return number_text(in, 2, out);
	case 'l':
		return number_text(in, 4, out);
	case 'n':
		return name_text(in, out);
	case 's':
		return quoted_text(in, out);
	case 't':
		return strings_text(in, out);
	default:
		return rest_text(in, field == 'x', out);
	}
}

static bool fields_text(const char *fields, struct span in, struct buf *out)
{
	for (const char *f = fields; *f != '\0'; f++) {
		if (f != fields)
			buf_addc(out, ' ');
		if (!field_text(*f, &in, out))
			return false;
	}
	return in.len == 0;
}

void rdata_text(uint16_t type, struct span rdata, struct buf *out)
{
	size_t before = buf_len(out);
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].type == type &&
		    fields_text(types[i].fields, rdata, out))
			return;
	if (!buf_ok(out))
		return;
	buf_cut(out, buf_len(out) - before);
	buf_printf(out, "\\# %zu ", rdata.len);
	hex_encode(out, rdata);
}
