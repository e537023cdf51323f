/* SPDX-License-Identifier: Apache-2.0 */
/* test/linear: what reads plain text: base, conf, dns, cmd, os. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/civil.h"
#include "base/ensure.h"
#include "base/json.h"
#include "base/utf8.h"
#include "cmd/log.h"
#include "conf/parse.h"
#include "conf/slice.h"
#include "dns/anchor.h"
#include "dns/typed.h"
#include "kv/engine.h"
#include "linear.h"
#include "os/inner.h"
#include "os/user_row.h"
#include "terms/extract.h"
#include "terms/fold.h"
#include "terms/needle.h"

static void base64(struct span in)
{
	struct buf out;
	buf_init(&out, in.len);
	(void)!base64_decode(&out, in);
	buf_free(&out);
}

static void date(struct span in)
{
	struct civil_stamp s;
	int64_t day;
	(void)!civil_parse_rfc5322(in, &s);
	(void)!civil_parse_imap(in, &s);
	(void)!civil_parse_imap_date(in, &day);
	(void)!civil_parse_rfc3339(in, &day);
}

/* Folded, cut into terms; a needle of it asks no more than any other. */
static void terms(struct span in)
{
	static const uint8_t secret[SIPHASH_KEY] = {1};
	struct terms *t = terms_new(secret);
	struct needle needle;
	struct term one;
	struct buf text;
	ENSURE(t != NULL);
	buf_init(&text, FOLD_GROWTH * in.len);
	terms_fold(&text, in);
	terms_text(t, TERM_BODY, buf_span(&text));
	terms_break(t);
	struct span rest = terms_bytes(t);
	while (term_next(&rest, &one))
		;
	needle_cut(&needle, buf_span(&text));
	ENSURE(needle.count <= NEEDLE_PIECES);
	buf_free(&text);
	terms_free(t);
}

static void utf8(struct span in)
{
	struct buf out;
	buf_init(&out, 4 * in.len);
	utf8_repair(&out, in);
	(void)utf8_valid(in);
	(void)utf8_fit(in, in.len / 2);
	buf_free(&out);
}

static void words(struct span in)
{
	struct span rest = in, word;
	uint64_t n;
	while (span_cut(&rest, ' ', &word))
		(void)!span_u64(span_trim(word), UINT64_MAX, &n);
	(void)!span_u64(in, UINT64_MAX, &n);
	(void)span_find_span(in, SPAN("\r\n.\r\n"));
}

static void json(struct span in)
{
	struct arena *a = arena_new(256u << 20);
	struct buf out;
	ENSURE(a != NULL);
	(void)json_read(a, in);
	buf_init(&out, 8 * in.len);
	json_quote(&out, in);
	buf_free(&out);
	arena_free(a);
}

static void log_lines(struct span in)
{
	struct arena *a = arena_new(64u << 20), *temporary = arena_new(4u << 20);
	struct log_summary s;
	ENSURE(a != NULL && temporary != NULL);
	log_summary(&s, a, temporary, in);
	arena_free(temporary);
	arena_free(a);
}

/* Each line of another kind. */
static void many_kinds(struct buf *b, size_t n)
{
	for (unsigned i = 0; buf_len(b) + 120 <= n; i++)
		buf_printf(b, "x event=tls.established listener=l%u direction=in version=v suite=s\n", i);
}

static void conf(struct span in)
{
	struct conf_snapshot *s;
	struct conf_report r;
	if (conf_parse(SPAN("f"), in, NULL, &r, &s) == CONF_OK) {
		struct buf b;
		struct arena *a = arena_new(CONF_MEMORY_MAX);
		buf_init(&b, CONF_SLICE_MAX);
		conf_slice(s, 0, &b);
		ENSURE(a != NULL && conf_slice_read(buf_span(&b), 0, a) != NULL);
		arena_free(a);
		buf_free(&b);
	}
	conf_snapshot_free(s);
	conf_report_free(&r);
}

static void many_nets(struct buf *b, size_t n)
{
	buf_add(b, SPAN("hostname a.b;\nlimits { exempt"));
	for (unsigned i = 0; buf_len(b) + 24 <= n; i++)
		buf_printf(b, " 10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
	buf_add(b, SPAN("; }"));
}

static void dns_text(struct span in)
{
	struct dns_name name;
	(void)!dns_name_parse(in, &name);
	(void)!dns_name_parse_idna(in, &name);
}

/* As mail reads them, whatever was asked for. */
static void dns_typed(struct dns_answer *a)
{
	static struct dns_mx_list mx;
	static struct dns_addresses addresses;
	static struct dns_bytes bytes;
	struct buf text;
	buf_init(&text, DNS_BYTES_ALL_MAX);
	a->question_type = DNS_MX;
	(void)!dns_mx_read(a, 1, &mx);
	a->question_type = DNS_A;
	(void)!dns_addresses_read(a, &addresses);
	a->question_type = DNS_TXT;
	(void)!dns_tlsa_read(a, &bytes);
	(void)!dns_txt_read(a, &text, &bytes);
	buf_free(&text);
	static struct dns_keyset keys;
	(void)!dns_keyset_read(a, &keys);
}

static void dns_anchor(struct span in)
{
	static struct dns_anchors anchors;
	static struct dns_anchor_line line;
	(void)!dns_anchors_read(in, &anchors);
	(void)!dns_anchor_line_read(in, &line);
}

static void dns_answer(struct span in)
{
	struct dns_answer *a = malloc(sizeof *a);
	struct buf b;
	ENSURE(a != NULL);
	buf_init(&b, 64u << 20);
	if (dns_packet_read(in, a)) {
		struct dns_name end;
		(void)!dns_follow(a, &end);
		for (size_t i = 0; i < a->count; i++)
			dns_record_text(a, &a->records[i], &b);
		dns_typed(a);
	}
	buf_free(&b);
	free(a);
}

#define DNS_HEAD "\0\1\x81\x80\0\1\xff\xff\0\0\0\0\3abc\0\0\xff\0\1"
#define DNS_A	 "\xc0\x0c\0\1\0\1\0\0\0\1\0\4\1\2\3\4"
#define DNS_CNAME "\xc0\x0c\0\5\0\1\0\0\0\1\0\2\xc0\x0c"
#define DNS_TXT	 "\xc0\x0c\0\x10\0\1\0\0\0\1\0\2\1\\"

/* As many MX records as are taken, of a few hosts. */
static void many_hosts(struct buf *b, size_t n)
{
	size_t count = (n - 21) / 20;
	buf_add(b, SPAN("\0\1\x81\x80\0\1"));
	buf_printf(b, "%c%c", (int)(count >> 8), (int)(count & 255));
	buf_add(b, SPAN("\0\0\0\0\3abc\0\0\xf\0\1"));
	for (size_t i = 0; i < count; i++) {
		buf_add(b, SPAN("\xc0\x0c\0\xf\0\1\0\0\0\1\0\x8\0\1\3"));
		buf_printf(b, "mx%c", 'a' + (int)(i & 15));
		buf_add(b, SPAN("\xc0\x0c"));
	}
}

static void addresses(struct span in)
{
	struct addr a;
	struct cidr c;
	(void)!addr_parse(in, &a);
	(void)!addr_parse_port(in, &a);
	(void)!cidr_parse(in, &c);
	(void)port_row_inode(in, 25);
}

static void users(struct span in)
{
	(void)users_name(in, 7);
}

static void kv_head(struct span in)
{
	struct head h;
	(void)!kv_head_read(in, &h);
}

#define ROW(n, f, max, b, u, a) {.name = n, .before = SPAN_INIT(b), .unit = SPAN_INIT(u), \
	.after = SPAN_INIT(a), .limit = max, .run = f}

/* Words of which no two are the same. */
static void other_words(struct buf *b, size_t n)
{
	for (unsigned i = 0; buf_len(b) + 9 <= n; i++)
		buf_printf(b, "%08x ", i * 2654435761u);
}

static const struct linear_case cases[] = {
	ROW("base64", base64, LINEAR_INPUT, "", "QUJD", ""),
	ROW("base64", base64, LINEAR_INPUT, "", "=", ""),
	ROW("date", date, LINEAR_INPUT, "", "(", ""),
	ROW("date", date, LINEAR_INPUT, "Mon, ", "(x)", " 7 Feb 1994 21:52:25 -0800"),
	ROW("date", date, LINEAR_INPUT, "", " ", "1"),
	ROW("utf8", utf8, LINEAR_INPUT, "", "\xf0\x9f\x98\x80", ""),
	ROW("utf8", utf8, LINEAR_INPUT, "", "\xf0", ""),
	ROW("terms", terms, LINEAR_INPUT, "", "a", ""),
	ROW("terms", terms, LINEAR_INPUT, "", "a ", ""),
	ROW("terms", terms, LINEAR_INPUT, "", "\xe6\xbc\xa2", ""),
	ROW("terms", terms, LINEAR_INPUT / 4, "", "\xcc\x81", ""),
	{.name = "terms", .limit = LINEAR_INPUT, .run = terms, .build = other_words},
	ROW("words", words, LINEAR_INPUT, "", "9", ""),
	ROW("words", words, LINEAR_INPUT, "", "1 ", ""),
	ROW("words", words, LINEAR_INPUT, "", "\r\n.\r", ""),
	ROW("json", json, LINEAR_INPUT, "", "[", ""),
	ROW("json", json, LINEAR_INPUT, "[", "1,", "1]"),
	ROW("json", json, LINEAR_INPUT, "{", "\"a\":1,", "\"a\":1}"),
	ROW("json", json, LINEAR_INPUT, "\"", "\\u00e9", "\""),
	ROW("json", json, LINEAR_INPUT, "", "\"", ""),
	ROW("log", log_lines, LINEAR_INPUT, "", "{\"event\":\"tls.established\"}\n", ""),
	ROW("log", log_lines, LINEAR_INPUT, "x event=tls.established ", "message=\"", "\n"),
	{.name = "log", .limit = 300000, .run = log_lines, .build = many_kinds},
	ROW("conf", conf, CONF_FILE_MAX, "hostname a.b;", "#", "\n"),
	ROW("conf", conf, CONF_FILE_MAX, "hostname a.b;", "log {", ""),
	ROW("conf", conf, CONF_FILE_MAX, "hostname a.b;", "x y;\n", ""),
	ROW("conf", conf, CONF_FILE_MAX, "hostname a.b;", "listener a { role mx; }\n", ""),
	ROW("conf", conf, CONF_FILE_MAX, "hostname a.b;", "\"\\\"", ""),
	ROW("conf", conf, CONF_FILE_MAX, "hostname a.b; log { fields ", "a ", "; }"),
	{.name = "conf", .limit = 16000, .run = conf, .build = many_nets},
	ROW("dns_anchor", dns_anchor, DNS_ANCHORS_TEXT,
	    "letterlock trust anchors 1\nagain 0\n", "valid 1 257 8 AAAA\n", ""),
	ROW("dns_anchor", dns_anchor, LINEAR_INPUT, ". IN DS 1 8 2", " ", ""),
	ROW("dns_anchor", dns_anchor, LINEAR_INPUT, ". IN DNSKEY 257 3 8", " A", ""),
	ROW("dns_name", dns_text, LINEAR_INPUT, "", "a.", ""),
	ROW("dns_name", dns_text, LINEAR_INPUT, "", "\\1", ""),
	ROW("dns_name", dns_text, LINEAR_INPUT, "", "\xc3\xbc", ""),
	ROW("dns_packet", dns_answer, 65535, DNS_HEAD, DNS_A, ""),
	ROW("dns_packet", dns_answer, 65535, DNS_HEAD, DNS_CNAME, ""),
	ROW("dns_packet", dns_answer, 65535, DNS_HEAD, DNS_TXT, ""),
	{.name = "dns_packet", .limit = 256 * 20, .run = dns_answer, .build = many_hosts},
	ROW("dns_packet", dns_answer, 65535, "\0\1\x81\x80\0\1\xff\xff\0\0\0\0", "\1a", "\0\0\1\0\1"),
	ROW("kv_head", kv_head, LINEAR_INPUT, "\1", "\1", ""),
	ROW("addr", addresses, LINEAR_INPUT, "", "1:", ""),
	ROW("users", users, USERS_MAX, "", "a:x:7x:\n", ""),
	ROW("users", users, USERS_MAX, "", ":", ""),
	ROW("addr", addresses, LINEAR_INPUT, "", "1.", ""),
	ROW("addr", addresses, LINEAR_INPUT, "", "0 ", ""),
};

struct linear_cases linear_text(void)
{
	return (struct linear_cases){cases, ARRAY_LEN(cases)};
}
