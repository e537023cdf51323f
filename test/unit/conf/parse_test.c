/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/parse: defaults, inheritance, includes, and every limit at its border.
 */
#include "help.h"

#include "conf/options.h"
#include "conf/shape.h"

static const struct conf_listener *listener(const struct conf_snapshot *s,
					    const char *name)
{
	const struct conf_listener *l =
		conf_listener(conf_values(s), span_cstr(name));
	assert_non_null(l);
	return l;
}

static void a_hostname_is_a_complete_server(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint32_t role, security, profile;
		uint64_t port;
	} want[] = {
		{"mx", CONF_ROLE_MX, CONF_SECURITY_STARTTLS,
		 CONF_PROFILE_OPPORTUNISTIC, 25},
		{"submission", CONF_ROLE_SUBMISSION, CONF_SECURITY_STARTTLS,
		 CONF_PROFILE_STRICT, 587},
		{"submissions", CONF_ROLE_SUBMISSION, CONF_SECURITY_IMPLICIT,
		 CONF_PROFILE_STRICT, 465},
		{"imap", CONF_ROLE_IMAP, CONF_SECURITY_STARTTLS,
		 CONF_PROFILE_STRICT, 143},
		{"imaps", CONF_ROLE_IMAP, CONF_SECURITY_IMPLICIT,
		 CONF_PROFILE_STRICT, 993},
		{"pop3", CONF_ROLE_POP3, CONF_SECURITY_STARTTLS,
		 CONF_PROFILE_STRICT, 110},
		{"pop3s", CONF_ROLE_POP3, CONF_SECURITY_IMPLICIT,
		 CONF_PROFILE_STRICT, 995},
	};
	struct conf_snapshot *s = must_parse(HOST);
	const struct conf *c = conf_values(s);
	assert_int_equal(c->listener_count, ARRAY_LEN(want) + 2); /* admin, local */
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		const struct conf_listener *l = listener(s, want[i].name);
		assert_int_equal(l->role, want[i].role);
		assert_int_equal(l->security, want[i].security);
		assert_int_equal(l->tls.profile, want[i].profile);
		assert_int_equal(l->tls.minimum, CONF_TLS_1_2);
		assert_int_equal(l->port, want[i].port);
		assert_true(l->enabled);
		assert_int_equal(l->address.count, 2);
		assert_int_equal(l->address.at[0].family, 4);
		assert_int_equal(l->address.at[1].family, 6);
		assert_true(span_eq(l->tls.certificate, SPAN("default")));
	}
	assert_int_equal(c->limits.message_size, 50 << 20);
	assert_int_equal(c->limits.recipients, 100);
	assert_int_equal(c->store.keep_removed, 14 * 86400);
	assert_int_equal(c->store.reserve, 2);
	assert_int_equal(c->auth.scram_iterations, 100000);
	assert_true(c->auth.scram && c->dns.lookups);
	assert_false(c->tls.allow_self_signed);
	assert_true(span_eq(c->log.file,
			    SPAN("/var/lib/letterlock/log/letterlock.log")));
	assert_true(span_eq(c->certificates[0].key.at[0],
			    SPAN("/var/lib/letterlock/keys/default.key")));
	conf_snapshot_free(s);
}

static void a_listener_inherits_what_it_does_not_set(void **state)
{
	(void)state;
	struct conf_snapshot *s = must_parse(
		HOST "limits { recipients 7; errors 9; }"
		     "tls { groups P-384; profile modern; }"
		     "listener a { role submission; limits { recipients 8; }"
		     " tls { profile strict; } }"
		     "listener b { role imap; timeouts { login 9s; } }"
		     "limits { messages 11; }");
	const struct conf_listener *a = listener(s, "a"), *b = listener(s, "b");
	assert_int_equal(a->limits.recipients, 8);
	assert_int_equal(b->limits.recipients, 7);
	assert_int_equal(a->limits.errors, 9);
	assert_int_equal(a->limits.messages, 11);
	assert_int_equal(a->timeouts.login, 120);
	assert_int_equal(b->timeouts.login, 9);
	assert_int_equal(a->tls.profile, CONF_PROFILE_STRICT);
	assert_int_equal(a->tls.minimum, CONF_TLS_1_2);
	assert_int_equal(b->tls.profile, CONF_PROFILE_MODERN);
	assert_int_equal(b->tls.minimum, CONF_TLS_1_3);
	assert_int_equal(b->tls.groups.count, 1);
	conf_snapshot_free(s);
}

static void local_sockets_lie_in_the_run_folder(void **state)
{
	(void)state;
	struct conf_snapshot *s =
		must_parse(HOST "run /r; listener l { role admin; }"
				"listener c { role admin; path /c/s; }");
	assert_true(span_eq(listener(s, "l")->path, SPAN("/r/l")));
	assert_true(span_eq(listener(s, "c")->path, SPAN("/c/s")));
	assert_int_equal(listener(s, "l")->security, CONF_SECURITY_NONE);
	assert_int_equal(listener(s, "l")->address.count, 0);
	assert_int_equal(listener(s, "l")->port, 0);
	conf_snapshot_free(s);
}

static void the_example_is_right(void **state)
{
	(void)state;
	static char text[65536], got[1200];
	FILE *f = fopen(EXAMPLE, "r");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof(text), f);
	fclose(f);
	bool ok = try_parse(span_of(text, n), got, sizeof(got));
	assert_string_equal(got, "");
	assert_true(ok);
}

static void the_hash_is_of_meaning_not_of_text(void **state)
{
	(void)state;
	struct conf_snapshot *a = must_parse(HOST "limits { message-size 50M; }");
	struct conf_snapshot *b = must_parse("hostname MX.example.org; # x");
	struct conf_snapshot *c = must_parse(HOST "hops 51;");
	struct conf_snapshot *d = must_parse(HOST "data /d;");
	assert_true(conf_hash(a) == conf_hash(b));
	assert_true(conf_hash(a) != conf_hash(c));
	assert_null(conf_needs_restart(a, c));
	assert_string_equal(conf_needs_restart(a, d), "data");
	struct conf_snapshot *e = must_parse(HOST "listener x { role mx; }");
	struct conf_snapshot *f =
		must_parse(HOST "listener x { role mx; backlog 5; }");
	assert_null(conf_needs_restart(a, f)); /* a new one has it at once */
	assert_string_equal(conf_needs_restart(e, f), "backlog");
	conf_snapshot_free(e);
	conf_snapshot_free(f);
	conf_snapshot_free(a);
	conf_snapshot_free(b);
	conf_snapshot_free(c);
	conf_snapshot_free(d);
}

/* A folder of files for includes: "deep/N" includes "N+1" until `last`. */
struct folder {
	unsigned last;
	char text[32][32];
};

static const char *fetch(void *ctx, const char *path, struct span *out)
{
	struct folder *f = ctx;
	if (strncmp(path, "/etc/deep/", 10) == 0) {
		unsigned n = (unsigned)strtoul(path + 10, NULL, 10);
		assert_true(n < ARRAY_LEN(f->text));
		if (n >= f->last)
			snprintf(f->text[n], 32, "drain 1s;");
		else
			snprintf(f->text[n], 32, "include \"%u\";", n + 1);
		*out = span_cstr(f->text[n]);
		return NULL;
	}
	if (strncmp(path, "/etc/many/", 10) == 0) {
		*out = SPAN("# nothing");
		return NULL;
	}
	if (strcmp(path, "/etc/self") == 0) {
		*out = SPAN("include self;");
		return NULL;
	}
	if (strcmp(path, "/etc/inner") == 0) {
		*out = SPAN("recipients 9;\nwrong 1;");
		return NULL;
	}
	return "No such file or directory";
}

static bool includes(struct folder *f, const char *text, const char *said)
{
	struct conf_includes inc = {f, fetch};
	struct conf_snapshot *s;
	struct conf_report r;
	enum conf_result res =
		conf_parse(SPAN("/etc/t.conf"), span_cstr(text), &inc, &r, &s);
	if (said) {
		assert_true(r.count > 0);
		struct span t = r.at[0].text;
		if (span_find_span(t, span_cstr(said)) == SIZE_MAX)
			fail_msg("%.*s", SPAN_FMT(t));
	}
	conf_report_free(&r);
	conf_snapshot_free(s);
	return res == CONF_OK;
}

static void includes_are_resolved_and_bounded(void **state)
{
	(void)state;
	struct folder f = {0};
	char text[8192];
	/* deep/1 is one level down, deep/N is N. */
	for (f.last = CONF_DEPTH_MAX - 1; f.last <= CONF_DEPTH_MAX + 1;
	     f.last++)
		assert_int_equal(includes(&f, HOST "include deep/1;",
					  f.last > CONF_DEPTH_MAX
						  ? "nested too deeply"
						  : NULL),
				 f.last <= CONF_DEPTH_MAX);
	assert_false(includes(&f, HOST "include none;",
			      "cannot read \"/etc/none\": No such file"));
	assert_false(includes(&f, HOST "include self;", "includes itself"));
	assert_false(includes(&f, HOST "limits { include inner; }",
			      "unknown option \"wrong\""));
	for (size_t n = CONF_FILES_MAX - 1; n <= CONF_FILES_MAX + 1; n++) {
		size_t len = (size_t)snprintf(text, sizeof(text), "%s", HOST);
		for (size_t i = 1; i < n; i++)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
						"include many/%zu;", i);
		assert_int_equal(includes(&f, text, NULL), n <= CONF_FILES_MAX);
	}
}

/* Texts of exactly this many bytes; the end is a comment. */
static bool file_of(size_t n)
{
	char *text = malloc(n), got[1200];
	assert_non_null(text);
	memset(text, '#', n);
	memcpy(text, HOST, sizeof(HOST) - 1);
	bool ok = try_parse(span_of(text, n), got, sizeof(got));
	if (!ok)
		assert_non_null(strstr(got, "more than 1048576 bytes"));
	free(text);
	return ok;
}

static void files_end_at_their_limit(void **state)
{
	(void)state;
	assert_true(file_of(CONF_FILE_MAX - 1));
	assert_true(file_of(CONF_FILE_MAX));
	assert_false(file_of(CONF_FILE_MAX + 1));
}

static bool tokens_of(size_t n)
{
	char *text = calloc(1, 3 * n + 100), got[1200];
	assert_non_null(text);
	memcpy(text, HOST, sizeof(HOST)); /* three tokens */
	size_t len = strlen(text);
	for (n -= 3; n > 8; n -= 3, len += 6)
		memcpy(text + len, "log{} ", 6);
	const char *end = n == 6   ? "log{}log{}"
			  : n == 7 ? "log{}log{};"
				   : "log{};log{};";
	memcpy(text + len, end, strlen(end));
	bool ok = try_parse(span_of(text, len + strlen(end)), got, sizeof(got));
	if (!ok)
		assert_non_null(strstr(got, "more than 100000 words"));
	free(text);
	return ok;
}

static void tokens_end_at_their_limit(void **state)
{
	(void)state;
	assert_true(tokens_of(CONF_TOKENS_MAX - 1));
	assert_true(tokens_of(CONF_TOKENS_MAX));
	assert_false(tokens_of(CONF_TOKENS_MAX + 1));
}

/* n copies of a statement made from its number, inside of head and tail. */
static bool repeated(const char *head, const char *each, const char *tail,
		     size_t n)
{
	struct buf b;
	char got[1200];
	buf_init(&b, CONF_FILE_MAX);
	buf_add(&b, SPAN(HOST));
	buf_add(&b, span_cstr(head));
	for (size_t i = 0; i < n; i++) {
		struct span rest = span_cstr(each), part;
		bool more = true;
		while (more) {
			more = span_cut(&rest, '%', &part);
			buf_add(&b, part);
			if (more)
				buf_add_u64(&b, i);
		}
	}
	buf_add(&b, span_cstr(tail));
	bool ok = try_parse(buf_span(&b), got, sizeof(got));
	buf_free(&b);
	return ok;
}

/* The block that counts for a domain, "-" for none. */
static const char *source_of(const struct conf *c, const char *domain, bool v4)
{
	static char name[CONF_NAME_MAX + 1];
	const struct conf_source *s = conf_source_for(
		c, conf_destination_for(c, span_cstr(domain)), v4);
	if (s == NULL)
		return "-";
	snprintf(name, sizeof name, "%.*s", SPAN_FMT(s->name));
	return name;
}

static void a_source_is_found_by_rule_and_family(void **state)
{
	(void)state;
	struct conf_snapshot *s = must_parse(
		HOST "outgoing { source 192.0.2.1 192.0.2.9 2001:db8::1; }\n"
		     "destination a { domain a.example; source 192.0.2.2; }\n"
		     "destination b { domain b.example; source 192.0.2.3 2001:DB8::1; }\n"
		     "destination c { domain c.example; source 192.0.2.1; }\n"
		     "source usual { connections 1; }\n"
		     "source own { address 192.0.2.9 192.0.2.2; connections 1; }\n");
	const struct conf *c = conf_values(s);
	assert_string_equal(source_of(c, "x.example", true), "usual");
	assert_string_equal(source_of(c, "x.example", false), "usual");
	assert_string_equal(source_of(c, "a.example", true), "own");
	assert_string_equal(source_of(c, "a.example", false), "usual");
	assert_string_equal(source_of(c, "b.example", true), "-");
	assert_string_equal(source_of(c, "b.example", false), "usual");
	assert_string_equal(source_of(c, "c.example", true), "usual");
	conf_snapshot_free(s);
	/* The usual one by its address; the other family is free. */
	s = must_parse(HOST "outgoing { source 192.0.2.1 2001:db8::1; }\n"
			    "source four { address 192.0.2.1; connections 1; }\n");
	c = conf_values(s);
	assert_string_equal(source_of(c, "x.example", true), "four");
	assert_string_equal(source_of(c, "x.example", false), "-");
	conf_snapshot_free(s);
	/* What the system chooses; a family that is switched off. */
	s = must_parse(HOST "outgoing { families ipv6; }\n"
			    "destination a { domain a.example; source 2001:db8::2; }\n"
			    "source usual { per-minute 1; }\n");
	c = conf_values(s);
	assert_string_equal(source_of(c, "x.example", true), "-");
	assert_string_equal(source_of(c, "x.example", false), "usual");
	assert_string_equal(source_of(c, "a.example", false), "-");
	conf_snapshot_free(s);
}

static void counts_end_at_their_limits(void **state)
{
	(void)state;
	static const struct {
		const char *head, *each, *tail;
		size_t max;
	} counts[] = {
		{"", "listener l% { role admin; }", "", CONF_LISTENERS_MAX},
		{"certificate default { chain /a; key file:/b; }",
		 "certificate c% { chain /a%; key file:/b%; }", "",
		 CONF_CERTIFICATES_MAX - 1},
		{"listener i { role imap; ", "sni h%.example.org default;", "}",
		 CONF_SNI_MAX},
		{"rewrite { ", "sender u%@b.example c@d.example;", "}",
		 CONF_MAPS_MAX},
		{"", "destination d% { domain *; }", "", CONF_DESTINATIONS_MAX},
		{"", "source s% { address 192.0.2.%; connections 1; }", "",
		 CONF_SOURCES_MAX},
		{"source s { per-minute 1; address ", "192.0.2.% ", ";}",
		 CONF_ADDRESSES_MAX},
		{"destination d { domain ", "d%.example ", ";}", CONF_LIST_MAX},
		{"log { fields ", "f% ", ";}", CONF_LIST_MAX},
		{"listener i { role imap; address ", "10.0.0.% ", ";}",
		 CONF_ADDRESSES_MAX},
		{"limits { exempt ", "10.0.%.0/24 ", ";}", CONF_LIST_MAX},
	};
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		for (size_t d = 0; d < 3; d++)
			assert_int_equal(repeated(counts[i].head,
						  counts[i].each,
						  counts[i].tail,
						  counts[i].max - 1 + d),
					 d < 2);
}

static void names_and_values_end_at_their_limits(void **state)
{
	(void)state;
	char text[6000], got[1200], run[5000];
	memset(run, 'a', sizeof(run));
	for (unsigned n = CONF_NAME_MAX - 1; n <= CONF_NAME_MAX + 1; n++) {
		snprintf(text, sizeof(text), HOST "listener %.*s { role imap; }",
			 (int)n, run);
		assert_int_equal(try_parse(span_cstr(text), got, sizeof(got)),
				 n <= CONF_NAME_MAX);
	}
	for (unsigned n = CONF_VALUE_MAX - 1; n <= CONF_VALUE_MAX + 1; n++) {
		snprintf(text, sizeof(text), HOST "log { tag \"%.*s\"; }",
			 (int)n, run);
		assert_false(try_parse(span_cstr(text), got, sizeof(got)));
		const char *said = n <= CONF_VALUE_MAX ? "tag has 1 to 32 bytes"
						       : "more than 4096 bytes";
		assert_non_null(strstr(got, said));
	}
}

/* Writes option k with a number, in its block, and says whether it parses. */
static bool numbered(const struct conf_option *o, uint64_t v)
{
	char text[400], got[1200];
	const char *unit = o->type == CONF_DURATION ? "s"
			   : o->type == CONF_PERCENT ? "%"
						     : "";
	const char *block = conf_blocks[o->block].name;
	bool in = o->block != CONF_B_TOP;
	snprintf(text, sizeof(text), HOST "%s %s %s %s %llu%s; %s", block,
		 conf_blocks[o->block].named ? "x" : "",
		 o->block == CONF_B_LISTENER	  ? "{ role imap;"
		 : o->block == CONF_B_DESTINATION ? "{ domain *;"
		 : in			     ? "{"
					     : "",
		 o->name, (unsigned long long)v, unit, in ? "}" : "");
	bool ok = try_parse(span_cstr(text), got, sizeof(got));
	if (!ok && !strstr(got, "must be between"))
		fail_msg("%s: %s", text, got);
	return ok;
}

static void every_number_keeps_its_range(void **state)
{
	(void)state;
	for (size_t i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];
		if (o->type != CONF_NUMBER && o->type != CONF_SIZE &&
		    o->type != CONF_DURATION && o->type != CONF_PERCENT)
			continue;
		if (o->min > 0)
			assert_false(numbered(o, o->min - 1));
		assert_true(numbered(o, o->min));
		assert_true(numbered(o, o->min + 1));
		assert_true(numbered(o, o->max - 1));
		assert_true(numbered(o, o->max));
		assert_false(numbered(o, o->max + 1));
	}
}

static void the_table_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];
		assert_true(o->roles != 0 && o->roles < 1u << CONF_ROLES);
		if (strlen(o->doc) < 20)
			fail_msg("%s: %s", o->name, o->doc);
		assert_int_equal(conf_option_find(o->block, span_cstr(o->name)),
				 i);
		assert_int_equal(conf_option_at(o->block, o->offset), i);
		assert_true((o->type == CONF_CHOICE) == (o->choices != NULL));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hostname_is_a_complete_server),
		cmocka_unit_test(a_listener_inherits_what_it_does_not_set),
		cmocka_unit_test(local_sockets_lie_in_the_run_folder),
		cmocka_unit_test(the_example_is_right),
		cmocka_unit_test(the_hash_is_of_meaning_not_of_text),
		cmocka_unit_test(includes_are_resolved_and_bounded),
		cmocka_unit_test(files_end_at_their_limit),
		cmocka_unit_test(tokens_end_at_their_limit),
		cmocka_unit_test(a_source_is_found_by_rule_and_family),
		cmocka_unit_test(counts_end_at_their_limits),
		cmocka_unit_test(names_and_values_end_at_their_limits),
		cmocka_unit_test(every_number_keeps_its_range),
		cmocka_unit_test(the_table_is_sound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
