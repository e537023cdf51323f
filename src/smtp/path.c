/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/path: one pass over the address, into a value of fixed size.
 *
 * Must never let a control byte, a blank outside quotes or malformed UTF-8
 * into a path, nor give two spellings of one mailbox different bytes.
 */
#include "smtp/path.h"

#include "base/utf8.h"

static bool is_atext(char c)
{
	if (ascii_alnum(c) || (unsigned char)c >= 0x80)
		return true;
	return c != 0 && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL;
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool put_local(struct smtp_path *p, char c)
{
	if (p->local_len == SMTP_LOCAL_MAX)
		return false;
	p->local[p->local_len++] = c;
	return true;
}

/* The quoted string at the front of *s. */
static enum smtp_path_result parse_quoted(struct span *s, struct smtp_path *p)
{
	size_t i = 1;
	for (; i < s->len && s->ptr[i] != '"'; i++) {
		if (s->ptr[i] == '\\')
			i++;
		if (i == s->len || is_control(s->ptr[i]))
			return SMTP_PATH_SYNTAX;
		if (!put_local(p, s->ptr[i]))
			return SMTP_PATH_LONG;
	}
	if (i >= s->len)
		return SMTP_PATH_SYNTAX;
	*s = span_skip(*s, i + 1);
	/* "" is a mailbox in the grammar and in no system. */
	return p->local_len > 0 ? SMTP_PATH_OK : SMTP_PATH_SYNTAX;
}

/* Atoms with single dots between them. */
static enum smtp_path_result parse_atoms(struct span *s, struct smtp_path *p)
{
	size_t i = 0;
	bool dot = true;
	for (; i < s->len; i++) {
		char c = s->ptr[i];
		if (c == '.' ? dot : !is_atext(c))
			break;
		dot = c == '.';
		if (!put_local(p, c))
			return SMTP_PATH_LONG;
	}
	if (dot)
		return SMTP_PATH_SYNTAX;
	*s = span_skip(*s, i);
	return SMTP_PATH_OK;
}

/* Labels of letters, digits and the inner bytes '-' and '_'. */
static bool labels_ok(struct span s, bool utf8)
{
	if (s.len == 0 || s.len > SMTP_DOMAIN_MAX)
		return false;
	struct span label;
	bool more;
	do {
		more = span_cut(&s, '.', &label);
		if (label.len == 0 || label.len > SMTP_LABEL_MAX)
			return false;
		if (label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
			return false;
		for (size_t i = 0; i < label.len; i++) {
			char c = label.ptr[i];
			bool high = (unsigned char)c >= 0x80;
			if (high ? !utf8 : !ascii_alnum(c) && c != '-' && c != '_')
				return false;
		}
	} while (more);
	return true;
}

bool smtp_name_ok(struct span s)
{
	return labels_ok(s, false);
}

static bool ipv4_ok(struct span s)
{
	struct span part;
	uint64_t v;
	for (int i = 0; i < 4; i++) {
		bool more = span_cut(&s, '.', &part);
		if (more != (i < 3) || part.len > 3 || !span_u64(part, 255, &v))
			return false;
	}
	return true;
}

static bool hex_group_ok(struct span s)
{
	if (s.len == 0 || s.len > 4)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = ascii_lower(s.ptr[i]);
		if (!ascii_digit(c) && (c < 'a' || c > 'f'))
			return false;
	}
	return true;
}

/* Groups by ':'; counts them in *groups; an IPv4 tail counts as two. */
static bool ipv6_side_ok(struct span s, bool tail, int *groups)
{
	if (s.len == 0)
		return true;
	struct span part;
	bool more;
	do {
		more = span_cut(&s, ':', &part);
		if (!more && tail && span_has(part, '.')) {
			*groups += 2;
			return ipv4_ok(part);
		}
		if (!hex_group_ok(part) || ++*groups > 8)
			return false;
	} while (more);
	return true;
}

static bool ipv6_ok(struct span s)
{
	int groups = 0;
	size_t gap = span_find_span(s, SPAN("::"));
	if (gap == SIZE_MAX)
		return ipv6_side_ok(s, true, &groups) && groups == 8;
	return ipv6_side_ok(span_sub(s, 0, gap), false, &groups) &&
	       ipv6_side_ok(span_skip(s, gap + 2), true, &groups) && groups <= 7;
}

bool smtp_literal_ok(struct span s)
{
	if (s.len < 3 || s.ptr[0] != '[' || s.ptr[s.len - 1] != ']')
		return false;
	s = span_sub(s, 1, s.len - 2);
	if (span_starts_nocase(s, SPAN("IPv6:")))
		return ipv6_ok(span_skip(s, 5));
	return ipv4_ok(s);
}

bool smtp_hello_ok(struct span s)
{
	return smtp_name_ok(s) || smtp_literal_ok(s);
}

/* The domain at the front of *s, up to '>' or the end. */
static enum smtp_path_result parse_domain(struct span *s, struct smtp_path *p)
{
	size_t n = 0;
	p->literal = s->len > 0 && s->ptr[0] == '[';
	while (n < s->len && s->ptr[n] != '>')
		n++;
	struct span d = span_sub(*s, 0, n);
	if (d.len > SMTP_DOMAIN_MAX)
		return SMTP_PATH_LONG;
	if (p->literal ? !smtp_literal_ok(d) : !labels_ok(d, true))
		return SMTP_PATH_SYNTAX;
	for (size_t i = 0; i < n; i++)
		p->domain[i] = ascii_lower(d.ptr[i]);
	p->domain_len = (uint8_t)n;
	*s = span_skip(*s, n);
	return SMTP_PATH_OK;
}

static enum smtp_path_result finish(struct smtp_path *p)
{
	struct span local = smtp_path_local(p), domain = smtp_path_domain(p);
	if (!utf8_valid(local) || !utf8_valid(domain))
		return SMTP_PATH_SYNTAX;
	p->utf8 = !utf8_ascii(local) || !utf8_ascii(domain);
	return SMTP_PATH_OK;
}

static enum smtp_path_result parse_mailbox(struct span *s, bool postmaster,
					   struct smtp_path *p)
{
	if (s->len == 0)
		return SMTP_PATH_SYNTAX;
	enum smtp_path_result r = s->ptr[0] == '"' ? parse_quoted(s, p)
						   : parse_atoms(s, p);
	if (r != SMTP_PATH_OK)
		return r;
	if (s->len > 0 && s->ptr[0] == '@') {
		*s = span_skip(*s, 1);
		r = parse_domain(s, p);
		return r == SMTP_PATH_OK ? finish(p) : r;
	}
	if (s->len > 0 && s->ptr[0] != '>')
		return SMTP_PATH_SYNTAX;
	if (postmaster && span_eq_nocase(smtp_path_local(p), SPAN("postmaster")))
		return SMTP_PATH_OK;
	return SMTP_PATH_NO_DOMAIN;
}

enum smtp_path_result smtp_address_parse(struct span s, struct smtp_path *p)
{
	*p = (struct smtp_path){0};
	if (s.len > SMTP_PATH_MAX - 2)
		return SMTP_PATH_LONG;
	if (span_has(s, '>') && s.ptr[0] != '"')
		return SMTP_PATH_SYNTAX;
	enum smtp_path_result r = parse_mailbox(&s, false, p);
	return r == SMTP_PATH_OK && s.len > 0 ? SMTP_PATH_SYNTAX : r;
}

enum smtp_path_result smtp_path_parse(struct span *s, unsigned allow,
				      struct smtp_path *p)
{
	*p = (struct smtp_path){0};
	struct span rest = *s;
	if (rest.len < 2 || rest.ptr[0] != '<')
		return SMTP_PATH_SYNTAX;
	rest = span_skip(rest, 1);
	if (rest.ptr[0] == '@')
		return SMTP_PATH_ROUTE;
	if (rest.ptr[0] == '>') {
		if ((allow & SMTP_PATH_NULL) == 0)
			return SMTP_PATH_SYNTAX;
		p->null = true;
		*s = span_skip(rest, 1);
		return SMTP_PATH_OK;
	}
	enum smtp_path_result r =
		parse_mailbox(&rest, (allow & SMTP_PATH_POSTMASTER) != 0, p);
	if (r != SMTP_PATH_OK)
		return r;
	if (rest.len == 0 || rest.ptr[0] != '>')
		return SMTP_PATH_SYNTAX;
	rest = span_skip(rest, 1);
	if (s->len - rest.len > SMTP_PATH_MAX)
		return SMTP_PATH_LONG;
	*s = rest;
	return SMTP_PATH_OK;
}

static bool plain_local(struct span s)
{
	bool dot = true;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '.' ? dot : !is_atext(s.ptr[i]))
			return false;
		dot = s.ptr[i] == '.';
	}
	return !dot;
}

void smtp_path_write(const struct smtp_path *p, struct buf *out)
{
	struct span local = smtp_path_local(p);
	if (p->null)
		return;
	if (plain_local(local)) {
		buf_add(out, local);
	} else {
		buf_addc(out, '"');
		for (size_t i = 0; i < local.len; i++) {
			if (local.ptr[i] == '"' || local.ptr[i] == '\\')
				buf_addc(out, '\\');
			buf_addc(out, local.ptr[i]);
		}
		buf_addc(out, '"');
	}
	if (p->domain_len > 0) {
		buf_addc(out, '@');
		buf_add(out, smtp_path_domain(p));
	}
}

bool smtp_path_eq(const struct smtp_path *a, const struct smtp_path *b)
{
	return a->null == b->null &&
	       span_eq(smtp_path_local(a), smtp_path_local(b)) &&
	       span_eq_nocase(smtp_path_domain(a), smtp_path_domain(b));
}
