/* SPDX-License-Identifier: Apache-2.0 */
/* conf/report - complaints, and the name that was probably meant. */
#include "conf/report.h"

#include <stdio.h>

#include "base/check.h"

#define REPORT_MEMORY (1024u * 1024u)
#define NEAR_MAX      40u /* bytes of a name that are compared */

bool conf_report_init(struct conf_report *r)
{
	*r = (struct conf_report){.arena = arena_new(REPORT_MEMORY)};
	if (!r->arena)
		return false;
	r->at = ARENA_ARRAY(r->arena, CONF_ERRORS_MAX + CONF_WARNINGS_MAX,
			    struct conf_complaint);
	return r->at != NULL;
}

void conf_report_free(struct conf_report *r)
{
	arena_free(r->arena);
	*r = (struct conf_report){0};
}

static bool said(const struct conf_report *r, struct conf_place p,
		 struct span text)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->at[i].line == p.line && r->at[i].column == p.column &&
		    span_eq(r->at[i].file, p.file) &&
		    span_eq(r->at[i].text, text))
			return true;
	return false;
}

PRINTF_LIKE(4, 0)
static void complain(struct conf_report *r, struct conf_place p, bool warning,
		     const char *fmt, va_list args)
{
	char text[1024];
	if (warning ? r->warnings >= CONF_WARNINGS_MAX : conf_report_full(r))
		return;
	vsnprintf(text, sizeof(text), fmt, args);
	/* What is inherited would be judged again for each heir. */
	if (said(r, p, span_cstr(text)))
		return;
	struct conf_complaint *c = &r->at[r->count];
	*c = (struct conf_complaint){
		.line = p.line, .column = p.column, .warning = warning};
	if (!arena_copy(r->arena, p.file, &c->file) ||
	    !arena_copy(r->arena, span_cstr(text), &c->text))
		*c = (struct conf_complaint){
			.warning = warning, .text = SPAN("out of memory")};
	r->count++;
	*(warning ? &r->warnings : &r->errors) += 1;
}

void conf_wrong(struct conf_report *r, struct conf_place p, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	complain(r, p, false, fmt, args);
	va_end(args);
}

void conf_warn(struct conf_report *r, struct conf_place p, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	complain(r, p, true, fmt, args);
	va_end(args);
}

void conf_report_text(const struct conf_report *r, struct buf *out)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct conf_complaint *c = &r->at[i];
		buf_add(out, c->file);
		if (c->line)
			buf_printf(out, ":%u:%u", c->line, c->column);
		buf_add(out, c->warning ? SPAN(": warning: ")
					: SPAN(": error: "));
		buf_add(out, c->text);
		buf_addc(out, '\n');
	}
}

static void json_text(struct buf *out, struct span s)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c == '"' || c == '\\')
			buf_addc(out, '\\');
		if (c < 0x20)
			buf_printf(out, "\\u%04x", c);
		else
			buf_addc(out, (char)c);
	}
	buf_addc(out, '"');
}

void conf_report_json(const struct conf_report *r, struct buf *out)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < r->count; i++) {
		const struct conf_complaint *c = &r->at[i];
		buf_add(out, i ? SPAN(",\n{\"file\":") : SPAN("\n{\"file\":"));
		json_text(out, c->file);
		buf_printf(out, ",\"line\":%u,\"column\":%u,\"kind\":\"%s\",",
			   c->line, c->column, c->warning ? "warning" : "error");
		buf_add(out, SPAN("\"text\":"));
		json_text(out, c->text);
		buf_addc(out, '}');
	}
	buf_add(out, SPAN("]\n"));
}

void conf_nearest_init(struct conf_nearest *n, struct span word)
{
	*n = (struct conf_nearest){.word = word};
	/* "port" is not near "sort of", but "submision" is near its name. */
	n->distance = word.len / 3 + 2;
}

/* Levenshtein over at most NEAR_MAX bytes each, _ and - being the same. */
static size_t distance(struct span a, struct span b)
{
	size_t row[NEAR_MAX + 1];
	for (size_t j = 0; j <= b.len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			char x = ascii_lower(a.ptr[i - 1]);
			char y = ascii_lower(b.ptr[j - 1]);
			size_t change = (x == '_' ? '-' : x) != y;
			size_t up = row[j];
			row[j] = size_min(diagonal + change,
					  size_min(up, row[j - 1]) + 1);
			diagonal = up;
		}
	}
	return row[b.len];
}

void conf_nearest_try(struct conf_nearest *n, struct span candidate)
{
	if (n->word.len == 0 || n->word.len > NEAR_MAX ||
	    candidate.len > NEAR_MAX)
		return;
	size_t d = distance(n->word, candidate);
	/* A word of which nothing is left is not near. */
	if (d < n->distance && d < candidate.len) {
		n->distance = d;
		n->best = candidate.ptr;
	}
}

/* Names from other mail servers, and where their meaning is found here. */
static const struct {
	const char *name, *here;
} foreign[] = {
	{"myhostname", "hostname"},
	{"inet_interfaces", "address, in a listener"},
	{"message_size_limit", "message-size, in the block limits"},
	{"smtpd_recipient_limit", "recipients, in the block limits"},
	{"recipient_delimiter", "recipient-delimiter, in the block accounts"},
	{"smtpd_tls_cert_file", "chain, in a certificate block"},
	{"smtpd_tls_key_file", "key, in a certificate block"},
	{"smtpd_tls_chain_files", "chain and key, in a certificate block"},
	{"smtpd_tls_security_level", "tls, in a listener"},
	{"tls_preempt_cipherlist", "cipher-order, in the block tls"},
	{"smtpd_tls_dh1024_param_file", "dhe, in the block tls"},
	{"smtpd_tls_mandatory_ciphers", "profile, in the block tls"},
	{"ssl", "tls, in a listener"},
	{"ssl_cert", "chain, in a certificate block"},
	{"ssl_key", "key, in a certificate block"},
	{"ssl_cipher_list", "ciphers, in the block tls"},
	{"ssl_dh", "dhe, in the block tls"},
	{"ssl_dh_parameters_length", "dhe, in the block tls"},
	{"ssl_protocols", "minimum, in the block tls"},
	{"ssl_min_protocol", "minimum, in the block tls"},
	{"ssl_prefer_server_ciphers", "cipher-order, in the block tls"},
	{"mail_location", "data"},
	{"protocols", "a listener for each protocol"},
	{"disable_plaintext_auth", "nothing: it cannot be switched off"},
};

static const char *block_title(enum conf_block b)
{
	return b == CONF_B_TOP ? "top level" : conf_blocks[b].name;
}

static void nearest_here(struct conf_nearest *n, enum conf_block in,
			 bool is_block)
{
	for (size_t i = 0; !is_block && i < conf_option_count; i++)
		if (conf_options[i].block == in)
			conf_nearest_try(n, span_cstr(conf_options[i].name));
	for (size_t b = CONF_B_TOP + 1; b < CONF_BLOCKS; b++)
		if (in == CONF_B_TOP ||
		    (in == CONF_B_LISTENER && conf_blocks[b].inherited))
			conf_nearest_try(n, span_cstr(conf_blocks[b].name));
	if (!is_block)
		conf_nearest_try(n, SPAN("include"));
}

void conf_advise(struct span name, enum conf_block in, bool is_block, char *out,
		 size_t size)
{
	for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
		if (span_eq(name, span_cstr(foreign[i].name))) {
			snprintf(out, size, "; here it is called %s",
				 foreign[i].here);
			return;
		}
	for (size_t i = 0; !is_block && i < conf_option_count; i++)
		if (span_eq(name, span_cstr(conf_options[i].name))) {
			snprintf(out, size, "; it belongs %s%s",
				 conf_options[i].block == CONF_B_TOP
					 ? "at "
					 : "into a block ",
				 block_title(conf_options[i].block));
			return;
		}
	struct conf_nearest n;
	conf_nearest_init(&n, name);
	nearest_here(&n, in, is_block);
	if (n.best)
		snprintf(out, size, "; did you mean \"%s\"?", n.best);
	else
		snprintf(out, size, "; letterlock.conf(5) lists what may stand "
				    "here");
}
