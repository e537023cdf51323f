/* SPDX-License-Identifier: Apache-2.0 */
/* conf/show: what is shown can be read again and is the same. */
#include "help.h"

#include "conf/show.h"

#define TEXT                                                                   \
	HOST "accounts { recipient-delimiter \"\\\"\\\\\"; quota 1G; }\n"      \
	     "tls { ciphers \"ECDHE+AESGCM:!aNULL:@STRENGTH\"; }\n"            \
	     "rewrite { canonical a@b.example C@D.example; canonical @x.y @z.y;\n" \
	     " sender \"{}@b.example\" c@b.example; masquerade e.f; }\n"           \
	     "certificate a { chain \"/a b\" /c; key file:/d \"file:/e f\"; }" \
	     "listener m { role mx; sni x.example.org a; sni y.org a;\n"       \
	     " limits { recipients 5; exempt 10.0.0.0/8 ::/0; } }\n"           \
	     "listener l { role admin; path /l; } listener i { role imap; port 9993;\n"  \
	     " tls implicit; tls { profile modern; } }"                        \
	     "destination x { domain .Example.org *; host 192.0.2.1; tls encrypt; }\n" \
	     "outgoing { source 192.0.2.7 2001:db8::7; }"                     \
	     "source y { address 192.0.2.7 2001:DB8::7; connections 5; }"     \
	     "source z { per-minute 60; }"

static char *show(const struct conf_snapshot *s, enum conf_show what, bool json)
{
	struct buf b;
	buf_init(&b, CONF_SHOW_MAX);
	(json ? conf_show_json : conf_show_text)(s, what, &b);
	buf_addc(&b, 0);
	assert_true(buf_ok(&b));
	return b.data;
}

static void round_trip(const char *text)
{
	struct conf_snapshot *s = must_parse(text);
	char *written = show(s, CONF_SHOW_WRITTEN, false);
	struct conf_snapshot *t = must_parse(written);
	char *again = show(t, CONF_SHOW_WRITTEN, false);
	assert_string_equal(written, again);
	assert_true(conf_hash(s) == conf_hash(t));
	char *effective = show(s, CONF_SHOW_EFFECTIVE, false);
	struct conf_snapshot *u = must_parse(effective);
	assert_true(conf_hash(s) == conf_hash(u));
	free(written);
	free(again);
	free(effective);
	conf_snapshot_free(s);
	conf_snapshot_free(t);
	conf_snapshot_free(u);
}

static void shown_text_reads_back_the_same(void **state)
{
	(void)state;
	round_trip(HOST);
	round_trip(TEXT);
}

static void has(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("\"%s\" is not in:\n%.2000s", what, text);
}

static void origins_are_told(void **state)
{
	(void)state;
	struct conf_snapshot *s =
		must_parse(HOST "limits { errors 9; }\n"
				"listener m { role mx; limits { errors 3; } }");
	char *text = show(s, CONF_SHOW_EFFECTIVE, false);
	has(text, "hostname mx.example.org;  # t.conf:1\n");
	has(text, "data /var/lib/letterlock;  # default\n");
	has(text, "\t\terrors 9;  # inherited from limits, t.conf:2\n");
	has(text, "\t\terrors 3;  # t.conf:3\n");
	has(text, "\t\tmessages 0;  # inherited from limits, default\n");
	has(text, "\tport 25;  # default\n");
	has(text, "\t\tprofile opportunistic;");
	free(text);
	text = show(s, CONF_SHOW_WRITTEN, false);
	assert_string_equal(text, "hostname mx.example.org;\nlimits {\n\terrors "
				  "9;\n}\nlistener m {\n\trole mx;\n\tlimits "
				  "{\n\t\terrors 3;\n\t}\n}\n");
	free(text);
	conf_snapshot_free(s);
}

static void limits_have_units_and_ranges(void **state)
{
	(void)state;
	struct conf_snapshot *s = must_parse(HOST);
	char *text = show(s, CONF_SHOW_LIMITS, false);
	has(text, "message-size 50M;  # 52428800 bytes, 1K to 2G\n");
	has(text, "imap-idle 30m;  # 1800 seconds, 5s to 1d\n");
	has(text, "recipients 100;  # 1 to 1000\n");
	assert_null(strstr(text, "hostname"));
	free(text);
	text = show(s, CONF_SHOW_LIMITS, true);
	has(text, "\"message-size\": {\"value\": 52428800, \"unit\": \"bytes\", "
		  "\"min\": 1024, \"max\": 2147483648}");
	free(text);
	conf_snapshot_free(s);
}

static void json_is_balanced_and_escaped(void **state)
{
	(void)state;
	struct conf_snapshot *s = must_parse(TEXT);
	for (unsigned what = 0; what < 3; what++) {
		char *text = show(s, what, true);
		int depth = 0;
		bool in = false;
		for (const char *p = text; *p; p++) {
			if (in && *p == '\\')
				p++;
			else if (*p == '"')
				in = !in;
			else if (!in && (*p == '{' || *p == '}'))
				depth += *p == '{' ? 1 : -1;
			assert_true(depth >= 0);
		}
		assert_true(depth == 0 && !in);
		assert_null(strstr(text, ",\n}"));
		if (what == CONF_SHOW_WRITTEN)
			has(text, "\"recipient-delimiter\": \"\\\"\\\\\"");
		free(text);
	}
	conf_snapshot_free(s);
}

static void the_manual_names_every_block(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, CONF_SHOW_MAX);
	conf_manual(&b);
	buf_addc(&b, 0);
	has(b.data, ".TH LETTERLOCK.CONF 5");
	has(b.data, ".SH \"BLOCK listener NAME\"");
	has(b.data, "\\fBmessage\\-size\\fR (a size from 1K to 2G; default "
		    "50M)");
	has(b.data, "\\fBengine\\fR (rocksdb | memory; default rocksdb; needs "
		    "a restart)");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shown_text_reads_back_the_same),
		cmocka_unit_test(origins_are_told),
		cmocka_unit_test(limits_have_units_and_ranges),
		cmocka_unit_test(json_is_balanced_and_escaped),
		cmocka_unit_test(the_manual_names_every_block),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
