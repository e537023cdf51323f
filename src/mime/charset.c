/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/charset: four charsets by hand, the rest by handles of iconv that were
 * opened before the process lost its files.
 *
 * Must never write anything but valid UTF-8.
 */
#include "mime/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>

#include "base/ensure.h"
#include "base/utf8.h"

#define CHARSETS_TAG TAG4('C', 'H', 'R', 'S')
#define CLOSED       ((iconv_t)-1)

enum builtin { NOT_BUILTIN, ASCII, UTF8, LATIN1 };

static const struct {
	struct span name;
	enum builtin kind;
} builtins[] = {
	{SPAN_INIT("us-ascii"), ASCII},	      {SPAN_INIT("ascii"), ASCII},
	{SPAN_INIT("ansi_x3.4-1968"), ASCII}, {SPAN_INIT("utf-8"), UTF8},
	{SPAN_INIT("utf8"), UTF8},	      {SPAN_INIT("iso-8859-1"), LATIN1},
	{SPAN_INIT("latin1"), LATIN1},	      {SPAN_INIT("iso8859-1"), LATIN1},
	{SPAN_INIT("windows-1252"), LATIN1},  {SPAN_INIT("cp1252"), LATIN1},
};

/* What mail carries, and the name by which iconv knows it. */
static const struct {
	const char *mail, *iconv;
} table[] = {
	{"iso-8859-2", "ISO-8859-2"},	{"iso-8859-3", "ISO-8859-3"},
	{"iso-8859-4", "ISO-8859-4"},	{"iso-8859-5", "ISO-8859-5"},
	{"iso-8859-6", "ISO-8859-6"},	{"iso-8859-7", "ISO-8859-7"},
	{"iso-8859-8", "ISO-8859-8"},	{"iso-8859-8-i", "ISO-8859-8"},
	{"iso-8859-9", "ISO-8859-9"},	{"iso-8859-10", "ISO-8859-10"},
	{"iso-8859-13", "ISO-8859-13"}, {"iso-8859-14", "ISO-8859-14"},
	{"iso-8859-15", "ISO-8859-15"}, {"iso-8859-16", "ISO-8859-16"},
	{"windows-1250", "CP1250"},	{"windows-1251", "CP1251"},
	{"windows-1253", "CP1253"},	{"windows-1254", "CP1254"},
	{"windows-1255", "CP1255"},	{"windows-1256", "CP1256"},
	{"windows-1257", "CP1257"},	{"windows-1258", "CP1258"},
	{"windows-874", "CP874"},	{"tis-620", "TIS-620"},
	{"koi8-r", "KOI8-R"},		{"koi8-u", "KOI8-U"},
	{"ibm850", "IBM850"},		{"ibm866", "IBM866"},
	{"macintosh", "MACINTOSH"},	{"gb2312", "GBK"},
	{"gbk", "GBK"},			{"gb18030", "GB18030"},
	{"big5", "BIG5"},		{"shift_jis", "CP932"},
	{"windows-31j", "CP932"},	{"euc-jp", "EUC-JP"},
	{"iso-2022-jp", "ISO-2022-JP"}, {"euc-kr", "CP949"},
	{"ks_c_5601-1987", "CP949"},	{"iso-2022-kr", "ISO-2022-KR"},
	{"utf-16", "UTF-16"},		{"utf-16le", "UTF-16LE"},
	{"utf-16be", "UTF-16BE"},	{"utf-32", "UTF-32"},
};

struct mime_charsets {
	uint32_t tag;
	iconv_t handles[ARRAY_LEN(table)];
};

struct mime_charsets *mime_charsets_open(void)
{
	struct mime_charsets *c = calloc(1, sizeof *c);
	if (c == NULL)
		return NULL;
	c->tag = CHARSETS_TAG;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		c->handles[i] = iconv_open("UTF-8", table[i].iconv);
	return c;
}

void mime_charsets_close(struct mime_charsets *c)
{
	if (c == NULL)
		return;
	ENSURE_TAG(c, CHARSETS_TAG);
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (c->handles[i] != CLOSED)
			iconv_close(c->handles[i]);
	c->tag = 0;
	free(c);
}

static enum builtin builtin_of(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(builtins); i++)
		if (span_eq_nocase(builtins[i].name, name))
			return builtins[i].kind;
	return NOT_BUILTIN;
}

static iconv_t handle_of(const struct mime_charsets *c, struct span name)
{
	for (size_t i = 0; c != NULL && i < ARRAY_LEN(table); i++)
		if (span_eq_nocase(span_cstr(table[i].mail), name))
			return c->handles[i];
	return CLOSED;
}

bool mime_charset_known(const struct mime_charsets *c, struct span name)
{
	return builtin_of(name) != NOT_BUILTIN || handle_of(c, name) != CLOSED;
}

static void add_point(struct buf *out, uint32_t cp)
{
	char b[UTF8_MAX];
	size_t n = utf8_encode(cp, b);
	buf_add(out, span_of(b, n));
}

static void from_latin1(struct span text, struct buf *out)
{
	/* 0x80 to 0x9f of windows-1252; 0 is unassigned. */
	static const uint16_t high[32] = {
		0x20ac, 0,	0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
		0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0,	0x017d, 0,
		0,	0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
		0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,	0x017e, 0x0178,
	};
	for (size_t i = 0; i < text.len; i++) {
		uint32_t c = (unsigned char)text.ptr[i];
		if (c < 0x80) {
			buf_addc(out, (char)c);
			continue;
		}
		if (c < 0xa0)
			c = high[c - 0x80] != 0 ? high[c - 0x80] : UTF8_REPLACEMENT;
		add_point(out, c);
	}
}

static void from_ascii(struct span text, struct buf *out)
{
	bool high = false;
	for (size_t i = 0; i < text.len; i++) {
		bool was_high = high;
		high = (unsigned char)text.ptr[i] >= 0x80;
		if (!high)
			buf_addc(out, text.ptr[i]);
		else if (!was_high)
			add_point(out, UTF8_REPLACEMENT);
	}
}

static void from_iconv(iconv_t cd, struct span text, struct buf *out)
{
	char piece[1024];
	/* iconv does not write to its input, its prototype only says so. */
	char *in = (char *)(uintptr_t)text.ptr;
	size_t left = text.len;
	iconv(cd, NULL, NULL, NULL, NULL);
	while (left > 0 && buf_ok(out)) {
		char *to = piece;
		size_t room = sizeof piece;
		size_t r = iconv(cd, &in, &left, &to, &room);
		int error = errno;
		/* What a converter gives is checked all the same. */
		utf8_repair(out, span_of(piece, sizeof piece - room));
		if (r != (size_t)-1 || error == E2BIG)
			continue;
		add_point(out, UTF8_REPLACEMENT);
		in++;
		left--;
	}
}

void mime_to_utf8(struct mime_charsets *c, struct span charset, struct span text,
		  struct buf *out)
{
	switch (builtin_of(charset)) {
	case ASCII:
		/* What calls itself ASCII, or nothing at all, is often UTF-8. */
		if (utf8_valid(text))
			buf_add(out, text);
		else
			from_ascii(text, out);
		return;
	case UTF8:
		utf8_repair(out, text);
		return;
	case LATIN1:
		from_latin1(text, out);
		return;
	case NOT_BUILTIN:
		break;
	}
	iconv_t cd = handle_of(c, charset);
	if (cd == CLOSED)
		from_ascii(text, out);
	else
		from_iconv(cd, text, out);
}
