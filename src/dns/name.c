/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns/name: labels in, labels out.
 *
 * Must never read past a packet, follow a pointer forwards, or make a name of
 * more than 255 bytes.
 */
#include "dns/name.h"

#include <idn2.h>

#define POINTER 0xc0u

/* ---- text ----------------------------------------------------------------- */

/* One byte of a label, escaped or not; false: a broken escape. */
static bool text_byte(struct span *s, uint8_t *out)
{
	if (s->ptr[0] != '\\') {
		*out = (uint8_t)s->ptr[0];
		*s = span_skip(*s, 1);
		return true;
	}
	if (s->len >= 2 && !ascii_digit(s->ptr[1])) {
		*out = (uint8_t)s->ptr[1];
		*s = span_skip(*s, 2);
		return true;
	}
	uint64_t value;
	if (s->len < 4 || !span_u64(span_sub(*s, 1, 3), 255, &value))
		return false;
	*out = (uint8_t)value;
	*s = span_skip(*s, 4);
	return true;
}

/* A label and its dot, if there is one. */
static bool text_label(struct span *s, struct dns_name *n, bool *dot)
{
	uint8_t label[DNS_LABEL_MAX];
	size_t len = 0;
	*dot = false;
	while (s->len > 0) {
		if (s->ptr[0] == '.') {
			*dot = true;
			*s = span_skip(*s, 1);
			break;
		}
		if (len == sizeof label || !text_byte(s, &label[len]))
			return false;
		len++;
	}
	/* Room for the root's label stays. */
	if (len == 0 || n->len + 1u + len + 1u > DNS_NAME_MAX)
		return false;
	n->wire[n->len++] = (uint8_t)len;
	memcpy(n->wire + n->len, label, len);
	n->len = (uint8_t)(n->len + len);
	return true;
}

bool dns_name_parse(struct span text, struct dns_name *out)
{
	struct dns_name n = {0};
	bool dot = true;
	if (text.len == 0)
		return false;
	if (!span_eq(text, SPAN(".")))
		while (text.len > 0)
			if (!text_label(&text, &n, &dot))
				return false;
	n.wire[n.len++] = 0;
	*out = n;
	return true;
}

static bool is_ascii(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] >= 0x80)
			return false;
	return true;
}

bool dns_name_parse_idna(struct span text, struct dns_name *out)
{
	char in[DNS_TEXT_MAX + 1];
	char *ascii = NULL;
	if (is_ascii(text))
		return dns_name_parse(text, out);
	if (text.len > DNS_TEXT_MAX || span_has(text, '\0'))
		return false;
	memcpy(in, text.ptr, text.len);
	in[text.len] = '\0';
	if (idn2_to_ascii_8z(in, &ascii,
			     IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return false;
	bool ok = dns_name_parse(span_cstr(ascii), out);
	idn2_free(ascii);
	return ok;
}

static void add_byte(struct buf *b, uint8_t c)
{
	if (c == '.' || c == '\\' || c == '"' || c == ';' || c == '(' ||
	    c == ')' || c == '@' || c == '$')
		buf_printf(b, "\\%c", c);
	else if (c > ' ' && c < 0x7f)
		buf_addc(b, (char)c);
	else
		buf_printf(b, "\\%03u", c);
}

void dns_name_text(const struct dns_name *n, struct buf *b)
{
	size_t at = 0;
	if (n->len <= 1)
		buf_addc(b, '.');
	while (at < n->len && n->wire[at] > 0) {
		size_t end = at + 1 + n->wire[at];
		for (at++; at < end; at++)
			add_byte(b, n->wire[at]);
		buf_addc(b, '.');
	}
}

/* ---- packets -------------------------------------------------------------- */

bool dns_name_read(struct span packet, size_t at, struct dns_name *out,
		   size_t *next)
{
	const uint8_t *p = (const uint8_t *)packet.ptr;
	size_t limit = at; /* a pointer has to lead before this */
	bool jumped = false;
	struct dns_name n = {0};
	for (;;) {
		if (at >= packet.len)
			return false;
		size_t len = p[at];
		if ((len & POINTER) == POINTER) {
			if (packet.len - at < 2)
				return false;
			size_t to = (len & 0x3fu) << 8 | p[at + 1];
			if (to >= limit)
				return false;
			if (!jumped)
				*next = at + 2;
			jumped = true;
			limit = at = to;
			continue;
		}
		if (len > DNS_LABEL_MAX || packet.len - at < len + 1 ||
		    n.len + len + 1 > DNS_NAME_MAX)
			return false;
		memcpy(n.wire + n.len, p + at, len + 1);
		n.len = (uint8_t)(n.len + len + 1);
		at += len + 1;
		if (len == 0)
			break;
	}
	if (!jumped)
		*next = at;
	*out = n;
	return true;
}

/* ---- comparison ----------------------------------------------------------- */

static bool tail_eq(const uint8_t *a, const uint8_t *b, size_t len)
{
	/* Length bytes are below 'A' and so compare as they are. */
	for (size_t i = 0; i < len; i++)
		if (ascii_lower((char)a[i]) != ascii_lower((char)b[i]))
			return false;
	return true;
}

bool dns_name_eq(const struct dns_name *a, const struct dns_name *b)
{
	return a->len == b->len && tail_eq(a->wire, b->wire, a->len);
}

bool dns_name_under(const struct dns_name *a, const struct dns_name *b)
{
	size_t at = 0;
	while (a->len - at > b->len)
		at += 1u + a->wire[at];
	return a->len - at == b->len && tail_eq(a->wire + at, b->wire, b->len);
}

unsigned dns_name_labels(const struct dns_name *n)
{
	unsigned count = 0;
	for (size_t at = 0; at < n->len && n->wire[at] > 0; count++)
		at += 1u + n->wire[at];
	return count;
}
