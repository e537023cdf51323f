/* SPDX-License-Identifier: Apache-2.0 */
/* test/linear: what reads messages: mime, summary, dsn, smtp's grammar. */
#include "base/arena.h"
#include "base/ensure.h"
#include "dsn/read.h"
#include "linear.h"
#include "mime/address.h"
#include "mime/charset.h"
#include "mime/content.h"
#include "base/transfer.h"
#include "mime/html.h"
#include "mime/letter.h"
#include "mime/match.h"
#include "mime/order.h"
#include "mime/parse.h"
#include "mime/submit.h"
#include "mime/trace.h"
#include "mime/words.h"
#include "oracle.h"
#include "script_stream.h"
#include "sevenbit/sevenbit.h"
#include "smtp/client_answer.h"
#include "smtp/client_dots.h"
#include "smtp/data.h"
#include "smtp/path.h"

#define MESSAGE (1u << 20)
#define FIELD	65536u
#define MULTI "Content-Type: multipart/mixed; boundary=b\r\n\r\n"

static void parse(struct span in)
{
	struct mime_parser *p = mime_parser_new(NULL);
	struct buf out;
	ENSURE(p != NULL);
	for (size_t at = 0; at < in.len; at += 65536)
		mime_parser_feed(p, span_sub(in, at, 65536));
	buf_init(&out, SUMMARY_MAX);
	ENSURE(summary_write(mime_parser_end(p), &out));
	buf_free(&out);
	mime_parser_free(p);
}

/* The written form of a message's summary, as long as it gets. */
static void summary_of(struct buf *b, size_t n)
{
	struct mime_parser *p = mime_parser_new(NULL);
	struct buf text;
	ENSURE(p != NULL);
	/* Sixteen bytes of summary for each part or so; the size goes in front. */
	buf_init(&text, 1u << 20);
	buf_add(&text, SPAN(MULTI));
	for (size_t i = 0; i < n / 64; i++)
		buf_add(&text, SPAN("--b\r\nContent-ID: <aaaaaaaaaaaaaaaaaaaaaaaaaaaa>\r\n\r\nx\r\n"));
	mime_parser_feed(p, buf_span(&text));
	struct summary *s = mime_parser_end(p);
	ENSURE(summary_write(s, b));
	buf_free(&text);
	mime_parser_free(p);
}

static void summary(struct span in)
{
	struct arena *a = arena_new(32u << 20);
	struct summary *s;
	ENSURE(a != NULL);
	/* The size stands in it as well, so only its own is taken. */
	for (uint64_t size = 1; size < 4; size++)
		(void)!summary_read(in, size, a, &s);
	arena_free(a);
}

static void match(struct span in)
{
	const struct mime_needle needles[] = {
		{MIME_IN_BODY, {0}, SPAN("aaaaaaaaaaaaaaab")},
		{MIME_IN_TEXT, {0}, SPAN("abababababababac")},
		{MIME_IN_FIELD, SPAN("Subject"), SPAN("aaab")},
	};
	struct mime_parser *p = mime_parser_new(NULL);
	ENSURE(p != NULL);
	mime_parser_feed(p, in);
	struct mime_match *m = mime_match_new(NULL, mime_parser_end(p), needles, 3);
	ENSURE(m != NULL);
	for (size_t at = 0; at < in.len; at += 65536)
		(void)!mime_match_feed(m, span_sub(in, at, 65536));
	(void)mime_match_end(m);
	mime_match_free(m);
	mime_parser_free(p);
}

static void addresses(struct span in)
{
	struct arena *a = arena_new(32u << 20);
	struct summary_list l;
	struct buf b;
	ENSURE(a != NULL);
	buf_init(&b, 4u << 20);
	if (mime_address_list(in, a, &l) != MIME_ADDRESS_MEMORY)
		mime_address_text(NULL, l, &b);
	buf_free(&b);
	arena_free(a);
}

static void content(struct span in)
{
	struct arena *a = arena_new(32u << 20);
	struct mime_content c;
	struct buf b;
	ENSURE(a != NULL);
	buf_init(&b, 4u << 20);
	if (mime_content_parse(in, a, &c))
		(void)mime_param_decode(NULL, c.params, SPAN("filename"), &b);
	buf_free(&b);
	arena_free(a);
}

static void base_subject(struct span in)
{
	struct buf b;
	buf_init(&b, 4096);
	(void)mime_base_subject(in, &b);
	buf_free(&b);
}

static void words(struct span in)
{
	struct buf b;
	buf_init(&b, 16u << 20);
	mime_words_decode(NULL, in, &b);
	mime_to_utf8(NULL, SPAN("windows-1252"), in, &b);
	buf_free(&b);
}

static void decode(struct span in)
{
	for (int e = 0; e < 2; e++) {
		struct transfer_decoder d;
		struct buf b;
		buf_init(&b, in.len);
		transfer_decoder_init(&d, e == 0 ? TRANSFER_BASE64 : TRANSFER_QP);
		transfer_decode(&d, in, &b);
		transfer_decode_end(&d, &b);
		buf_free(&b);
	}
}

static void sevenbit(struct span in)
{
	struct mime_parser *p = mime_parser_new(NULL);
	struct arena *a = arena_new(32u << 20);
	struct buf out;
	ENSURE(p != NULL && a != NULL);
	mime_parser_feed(p, in);
	struct summary *known = mime_parser_end(p);
	struct sevenbit *s = known != NULL ? sevenbit_new(known, a) : NULL;
	ENSURE(s != NULL);
	sevenbit_look(s, in);
	buf_init(&out, 2048 * SEVENBIT_GROWTH + SEVENBIT_MORE);
	if (sevenbit_judge(s) <= SEVENBIT_CAN) {
		sevenbit_begin(s);
		for (size_t at = 0; at < in.len; at += 2048, buf_clear(&out))
			sevenbit_turn(s, span_sub(in, at, 2048), &out);
		sevenbit_end(s, &out);
	}
	buf_free(&out);
	arena_free(a);
	mime_parser_free(p);
}

static bool becomes(const void *ctx, bool sender, struct span address, struct buf *out)
{
	(void)ctx, (void)sender;
	buf_add(out, span_sub(address, 0, 3));
	return buf_ok(out);
}

static void submit(struct span in)
{
	const struct mime_rewriting rewriting = {NULL, becomes};
	const struct mime_submit how = {.login = SPAN("u@b"), .message_id = SPAN("<i@b>"),
					.rewriting = &rewriting};
	struct arena *a = arena_new(32u << 20);
	struct mime_edit e;
	ENSURE(a != NULL);
	(void)!mime_submit(in, &how, a, &e);
	(void)mime_trace_delivered(in, SPAN("u@b"));
	(void)mime_trace_received(in);
	(void)mime_trace_tls_optional(in);
	arena_free(a);
}

static void data(struct span in)
{
	struct smtp_data d = {0};
	struct span run;
	while (in.len > 0 && !smtp_data_next(&d, &in, &run))
		;
}

static void count(void *owner, struct span b)
{
	*(size_t *)owner += b.len;
}

/* In pieces, as the store gives them. */
static void dots(struct span in)
{
	struct smtp_dots d = {0};
	size_t sent = 0;
	for (size_t at = 0; at < in.len; at += 65536)
		smtp_dots_add(&d, span_sub(in, at, 65536), count, &sent);
	smtp_dots_close(&d, count, &sent);
	ENSURE(sent >= in.len);
}

static void answer(struct span in)
{
	struct script script;
	struct smtp_answer a;
	script_init_bytes(&script, in, 0);
	(void)!smtp_answer_read(&script.stream, &a, NULL, NULL);
	script_free(&script);
}

static void path(struct span in)
{
	struct smtp_path p;
	struct span rest = in;
	(void)!smtp_path_parse(&rest, SMTP_PATH_NULL | SMTP_PATH_POSTMASTER, &p);
	(void)!smtp_address_parse(in, &p);
	(void)smtp_hello_ok(in);
}

static void dsn_reading(struct span in)
{
	struct arena *a = arena_new(DSN_READ_ARENA);
	struct dsn_report r;
	ENSURE(a != NULL && dsn_read(in, a, &r) != DSN_READ_MEMORY);
	arena_free(a);
}

static void dsn_words(struct span in)
{
	struct dsn_status s;
	struct buf b;
	buf_init(&b, 16u << 20);
	(void)!dsn_status_parse(in, &s);
	(void)!dsn_utf8_decode(in, &b);
	dsn_utf8_encode(in, &b);
	buf_free(&b);
}

/* The message that a report is about, returned whole where that can be. */
static void dsn_writing(struct span in)
{
	const struct dsn_how how = {.host = SPAN("mx"), .id = SPAN("0123456789abcdef"),
				    .return_max = DSN_RETURN_MAX};
	const struct dsn_recipient r = {.final = in, .remote = in, .reply = in, .status = {5, 1, 1}};
	struct dsn_memory m;
	struct dsn_made made;
	struct buf b;
	dsn_memory_init(&m, in);
	m.step = 4096;
	const struct dsn_letter l = {.sender = SPAN("a@b"), .ret = SMTP_RET_FULL,
				     .size = in.len, .source = &m.source};
	buf_init(&b, DSN_REPORT_MAX);
	ENSURE(dsn_write(&how, &l, &r, 1, &b, &made) == DSN_OK);
	buf_free(&b);
}

#define ROW(n, f, max, b, u, a) {.name = n, .before = SPAN_INIT(b), .unit = SPAN_INIT(u), \
	.after = SPAN_INIT(a), .limit = max, .run = f}

static void html(struct span in)
{
	struct html h = {.state = HTML_TEXT};
	struct buf out;
	buf_init(&out, 2 * in.len + 2);
	html_text(&h, in, &out);
	html_end(&h, &out);
	ENSURE(buf_ok(&out));
	buf_free(&out);
}

static void letter(struct span in)
{
	const struct mime_letter_how how = {.gather = true, .domain = SPAN("our.example"),
					    .from = SPAN("me@our.example")};
	struct arena *a = arena_new(64u << 20);
	struct mime_letter l;
	struct buf out;
	ENSURE(a != NULL);
	buf_init(&out, 8u * in.len + 4096);
	(void)!mime_letter(in, &how, a, &out, &l);
	buf_free(&out);
	arena_free(a);
}

static const struct linear_case cases[] = {
	ROW("html", html, MESSAGE, "", "<", ""),
	ROW("html", html, MESSAGE, "", "&", ""),
	ROW("html", html, MESSAGE, "", "<a b=c ", ""),
	ROW("html", html, MESSAGE, "<!--", "-->", "<!--"),
	ROW("html", html, MESSAGE, "<script>", "</scrip", ""),
	ROW("html", html, MESSAGE, "", "<p title=\"x\">&eacute;", ""),
	ROW("mime", parse, MESSAGE, "\r\n", "text without end ", ""),
	ROW("mime", parse, MESSAGE, MULTI, "--b\r\n", ""),
	ROW("mime", parse, MESSAGE, MULTI, "--b\r\n\r\n", ""),
	ROW("mime", parse, MESSAGE, MULTI, "--bb\r\n--", ""),
	ROW("mime", parse, MESSAGE, "", "X: y\r\n", ""),
	ROW("mime", parse, MESSAGE, "X: y", "\r\n z", ""),
	ROW("mime", parse, MESSAGE, "To: ", "(", ""),
	ROW("mime", parse, MESSAGE, "To: ", "a:;b@c,<", ""),
	ROW("mime", parse, MESSAGE, "Subject: ", "=?utf-8?q?x?= ", ""),
	ROW("mime", parse, MESSAGE, "Subject: ", "=?", ""),
	ROW("mime", parse, MESSAGE, "References: ", "<", ""),
	ROW("mime", parse, MESSAGE, "References: ", "<a>", ""),
	ROW("mime", parse, MESSAGE, "Content-Type: text/plain", ";a=\"x", ""),
	ROW("mime", parse, MESSAGE, "Content-Type: text/plain", ";a*0=x", ""),
	ROW("mime", parse, MESSAGE, "Content-Disposition: x", ";filename*0*=%e2", ""),
	ROW("mime", parse, MESSAGE, "", "To: a@b\r\n", "\r\n"),
	ROW("mime", parse, MESSAGE, "", "Content-Type: message/rfc822\r\n\r\n", ""),
	ROW("mime", parse, MESSAGE, MULTI "--b\r\n",
	    "Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\n", ""),
	ROW("letter", letter, MESSAGE, "", "a\n", ""),
	ROW("letter", letter, MESSAGE, "", "To: a\n", "\n"),
	ROW("letter", letter, FIELD, "To: ", "a,", "\n\n"),
	ROW("letter", letter, FIELD, "To: ", "(", "\n\n"),
	{.name = "summary", .limit = 60000, .run = summary, .build = summary_of},
	ROW("match", match, MESSAGE, "Subject: x\r\n\r\n", "a", ""),
	ROW("match", match, MESSAGE, "Subject: x\r\n\r\n", "ababababababab", ""),
	ROW("address", addresses, FIELD, "", "(", ""),
	ROW("address", addresses, FIELD, "", "a@b,", ""),
	ROW("address", addresses, FIELD, "", "\"", ""),
	ROW("address", addresses, FIELD, "", "a:", ""),
	ROW("address", addresses, FIELD, "", "<@a,", ""),
	ROW("address", addresses, FIELD, "", "a b ", "<c@d>"),
	ROW("content", content, FIELD, "a/b", ";c=d", ""),
	ROW("content", content, FIELD, "a/b", ";filename*1=d", ""),
	ROW("content", content, FIELD, "a/b;filename=\"", "\\\"", "\""),
	ROW("content", content, FIELD, "", "(", ""),
	ROW("order", base_subject, 4096, "", "[a]", ""),
	ROW("order", base_subject, 4096, "", "re:", ""),
	ROW("order", base_subject, 4096, "", "[a]re:", "x"),
	ROW("order", base_subject, 4096, "", "re[a", ""),
	ROW("order", base_subject, 4096, "x", "(fwd) ", ""),
	ROW("order", base_subject, 4096, "", "[fwd:", "]"),
	ROW("words", words, FIELD, "", "=?utf-8?q?", ""),
	ROW("words", words, FIELD, "", "=?utf-8?b?w6k=?= ", ""),
	ROW("words", words, FIELD, "", "=?x?q?=E9?=", ""),
	ROW("dsn_read", dsn_reading, DSN_READ_MAX, "A: b\r\n\r\n",
	    "Final-Recipient: rfc822; a\r\nAction: failed\r\n\r\n", ""),
	ROW("dsn_read", dsn_reading, DSN_READ_MAX, "A: b\r\n\r\n", "A: b\r\n\r\n", ""),
	ROW("dsn_read", dsn_reading, DSN_READ_MAX, "A: b", "\r\n b", ""),
	ROW("dsn_read", dsn_reading, DSN_READ_MAX, "", "\r\n", ""),
	ROW("dsn_read", dsn_reading, DSN_READ_MAX, "A: b\r\n\r\n", "Action: (\r\n", ""),
	ROW("dsn_words", dsn_words, FIELD, "", "\\x{F6}", ""),
	ROW("dsn_words", dsn_words, FIELD, "", "\\x{", ""),
	ROW("dsn_words", dsn_words, FIELD, "", "+2B", ""),
	ROW("dsn_words", dsn_words, FIELD, "5.", "1", ""),
	ROW("dsn_write", dsn_writing, DSN_RETURN_MAX, "A: b\r\n\r\n", "--=_0123456789abcdef_0\r\n", ""),
	ROW("dsn_write", dsn_writing, DSN_RETURN_MAX, "A: b\r\n\r\n", "x", ""),
	ROW("dsn_write", dsn_writing, DSN_HEADER_MAX, "", "A: \xc3\xa9 \r\n", ""),
	ROW("dsn_write", dsn_writing, DSN_HEADER_MAX, "Subject: ", "=?utf-8?q?x?= ", "\r\n"),
	ROW("dsn_write", dsn_writing, DSN_HEADER_MAX, "Message-ID: <", "<", ">\r\n"),
	ROW("decode", decode, LINEAR_INPUT, "", "=4", ""),
	ROW("decode", decode, LINEAR_INPUT, "", " ", ""),
	ROW("decode", decode, LINEAR_INPUT, "", "QUJD\r\n", ""),
	ROW("sevenbit", sevenbit, LINEAR_INPUT, "A: b\r\n\r\n", "xxxxxxxxxx\xfc \r\n", ""),
	ROW("sevenbit", sevenbit, LINEAR_INPUT, "A: b\r\n\r\n", "\xfc", ""),
	ROW("sevenbit", sevenbit, LINEAR_INPUT, "A: b\r\n\r\n", "\r", "\xfc"),
	ROW("sevenbit", sevenbit, LINEAR_INPUT, "", "a: b\r\n", "\r\n\xfc"),
	ROW("sevenbit", sevenbit, LINEAR_INPUT, "Content-Type: multipart/digest; boundary=b\r\n\r\n", "\r\n--b\r\n\r\n\r\n\xfc", ""),
	ROW("submit", submit, LINEAR_INPUT, "From: u@b\r\n", "Bcc: a\r\nTo: b\r\n", "\r\n"),
	ROW("submit", submit, LINEAR_INPUT, "From: u@b\r\n", "Received: x\r\n y\r\n", "\r\n"),
	ROW("submit", submit, MIME_FIELD_MAX, "To: ", "a@b,", "\r\n\r\n"),
	ROW("submit", submit, MIME_FIELD_MAX, "To: ", "(", "\r\n\r\n"),
	ROW("submit", submit, MIME_FIELD_MAX, "To: ", "\"\\\"", "\r\n\r\n"),
	ROW("submit", submit, MIME_FIELD_MAX, "To: ", "@", "\r\n\r\n"),
	ROW("smtp_data", data, LINEAR_INPUT, "", ".\r\n..\r\n", ""),
	ROW("smtp_data", data, LINEAR_INPUT, "", "\r", ""),
	ROW("smtp_data", data, LINEAR_INPUT, "", "\r\n.\r", ""),
	ROW("smtp_dots", dots, LINEAR_INPUT, "", "\r", ""),
	ROW("smtp_dots", dots, LINEAR_INPUT, "", "\n", ""),
	ROW("smtp_dots", dots, LINEAR_INPUT, "", ".", ""),
	ROW("smtp_dots", dots, LINEAR_INPUT, "", "\r\n.", ""),
	ROW("smtp_dots", dots, LINEAR_INPUT, "\n", "a\r", ""),
	ROW("smtp_dots", dots, LINEAR_INPUT, "\r", "a\n", ""),
	ROW("smtp_dots", dots, LINEAR_INPUT, "", "\0", ""),
	ROW("smtp_answer", answer, SMTP_ANSWER_BYTES_MAX, "", "250-a", "\r\n"),
	ROW("smtp_answer", answer, SMTP_ANSWER_DRAIN, "250 ", "x", ""),
	ROW("smtp_answer", answer, SMTP_ANSWER_LINE_MAX, "250 ", "\n", "\r\n"),
	ROW("smtp_path", path, 4096, "<", "a", "@b>"),
	ROW("smtp_path", path, 4096, "<\"", "\\\"", "\"@b>"),
	ROW("smtp_path", path, 4096, "<a@", "b.", "c>"),
	ROW("smtp_path", path, 4096, "<a@[IPv6:", "1:", "]>"),
	ROW("smtp_path", path, 4096, "<", "@a,", ":b@c>"),
};

struct linear_cases linear_mail(void)
{
	return (struct linear_cases){cases, ARRAY_LEN(cases)};
}
