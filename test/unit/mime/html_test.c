/* SPDX-License-Identifier: Apache-2.0 */
/* mime/html: what a reader sees, wherever pieces are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "mime/html.h"

static void same(const char *in, const char *want)
{
	struct span all = span_cstr(in);
	for (size_t cut = 1; cut <= all.len + 1; cut++) {
		struct html h = {.state = HTML_TEXT};
		struct buf out;
		buf_init(&out, 2 * all.len + 2);
		for (size_t at = 0; at < all.len; at += cut)
			html_text(&h, span_sub(all, at, cut), &out);
		html_end(&h, &out);
		assert_true(buf_ok(&out));
		if (!span_eq(buf_span(&out), span_cstr(want)))
			fail_msg("%s, cut at %zu: \"%.*s\"", in, cut,
				 SPAN_FMT(buf_span(&out)));
		buf_free(&out);
	}
}

static void cases(void **state)
{
	(void)state;
	same("", "");
	same("plain text", "plain text");
	same("a  b\r\n\t c", "a b c");
	same("<b>bo</b>ld", "bold");
	same("one<br>two<P>three</p>", "one\ntwo\nthree\n");
	same("x<!-- no <b> -- > --->y", "xy");
	same("x<!doctype html>y<?php ?>z", "xyz");
	same("a<style>p > q { }</style>b", "a\nb");
	same("a<SCRIPT src='x'>if (a</b) \"</script \"</sCript x>b", "a\nb");
	same("<a href=\"http://x.example/?a=1&amp;b\">go</a>",
	     "\nhttp://x.example/?a=1&b\ngo");
	same("<img src=a.png alt=Logo title='the \"L\"'>", "\n\nLogo\n\nthe \"L\"\n");
	same("<td class=\"a>b\">c", "\nc");
	same("a &lt;b&gt; &amp;c; &eacute;&Eacute;", "a <b> &c; \xc3\xa9\xc3\x89");
	same("&#65;&#x42;&#X43; &#8364; &nbsp;&#160;.", "ABC \xe2\x82\xac \xc2\xa0.");
	same("soft&shy;ly&#173;!", "softly!");
	same("&unknown; &; & &#; &#xq; &# &toolonganame12345;",
	     "&unknown; &; & &#; &#xq; &# &toolonganame12345;");
	same("&#0;&#55296;&#9999999999;", "&#0;&#55296;&#9999999999;");
	same("AT&T &amp", "AT&T &");
	same("1 < 2 <3 << 4<", "1 < 2 <3 << 4<");
	same("<a", "");
	same("<a href=x", "\nx");
	same("x<verylongtagname12345678 alt=y>z", "x\n\ny\nz");
	same("<p/>a<br/>b", "\na\nb");
	same("<a title>b", "b");
	same("<a title=>b", "b");
	same("caf\xc3\xa9 <i>\xe6\xbc\xa2</i>\xe5\xad\x97", "caf\xc3\xa9 \xe6\xbc\xa2\xe5\xad\x97");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
