/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/check - what was not written is filled in, then the whole is judged.
 *
 * Judging is where the promises are kept that no option can break: no password
 * in the clear on any address, nothing below TLS 1.2 where people log in, no
 * port for two.
 */
#include "conf/check.h"

#include "base/ensure.h"
#include "conf/net.h"
#include "conf/shape.h"
#include "conf/value.h"

#define OPTION(block, type, member)                                            \
	conf_option_at(CONF_B_##block, offsetof(struct type, member))
#define LISTENER(member) OPTION(LISTENER, conf_listener, member)
#define TLS(member)      OPTION(TLS, conf_tls, member)
#define IMAP_IDLE_LEAST  (30u * 60)
#define POP3_IDLE_LEAST  (10u * 60)

struct judge {
	struct conf_report *report;
	const struct conf_snapshot *s;
};

static bool on_socket(const struct conf_listener *l)
{
	return l->role == CONF_ROLE_ADMIN || l->role == CONF_ROLE_LOCAL;
}

static uint64_t usual_port(uint32_t role, bool implicit)
{
	switch (role) {
	case CONF_ROLE_MX:
		return 25;
	case CONF_ROLE_SUBMISSION:
		return implicit ? 465 : 587;
	case CONF_ROLE_IMAP:
		return implicit ? 993 : 143;
	case CONF_ROLE_POP3:
		return implicit ? 995 : 110;
	default:
		return 0;
	}
}

static bool implicit_port(uint64_t port)
{
	return port == 465 || port == 993 || port == 995;
}

/* What the listener's inner blocks do not set comes from the outer ones. */
static void inherit(struct conf_snapshot *s, size_t i)
{
	for (size_t k = 0; k < conf_option_count; k++) {
		const struct conf_option *o = &conf_options[k];
		enum conf_block b = (enum conf_block)o->block;
		if (!conf_blocks[b].inherited)
			continue;
		struct conf_area from = conf_area_top(s, b);
		struct conf_area to = conf_area_listener(s, i, b);
		if (to.origins[k].from == CONF_FROM_FILE)
			continue;
		memcpy(to.base + o->offset, from.base + o->offset,
		       conf_type_size((enum conf_type)o->type));
		to.origins[k] = from.origins[k];
		to.origins[k].from = CONF_FROM_INHERITED;
	}
}

static bool join(struct arena *a, struct span folder, struct span name,
		 struct span *out)
{
	char *p = arena_bytes(a, folder.len + name.len);
	if (!p)
		return false;
	memcpy(p, folder.ptr, folder.len);
	memcpy(p + folder.len, name.ptr, name.len);
	*out = span_of(p, folder.len + name.len);
	return true;
}

static bool complete_listener(struct conf_snapshot *s, size_t i)
{
	struct conf_listener *l = &s->listeners[i];
	const struct conf_origin *at = s->listener_info[i].origins;
	struct span slash_name;
	inherit(s, i);
	if (l->tls.profile == CONF_PROFILE_AUTO)
		l->tls.profile = l->role == CONF_ROLE_MX
					 ? CONF_PROFILE_OPPORTUNISTIC
					 : CONF_PROFILE_STRICT;
	const struct conf_origin *min = &at[TLS(minimum)];
	bool unset = min->from != CONF_FROM_FILE && min->line == 0;
	if (unset && l->tls.profile == CONF_PROFILE_MODERN)
		l->tls.minimum = CONF_TLS_1_3;
	if (l->security == CONF_SECURITY_AUTO)
		l->security = on_socket(l) ? CONF_SECURITY_NONE
			      : implicit_port(l->port)
				      ? CONF_SECURITY_IMPLICIT
				      : CONF_SECURITY_STARTTLS;
	if (!on_socket(l)) {
		if (l->port == 0)
			l->port = usual_port(
				l->role, l->security == CONF_SECURITY_IMPLICIT);
		return true;
	}
	if (at[LISTENER(address)].from == CONF_FROM_DEFAULT)
		l->address = (struct conf_nets){0};
	if (!span_empty(l->path))
		return true;
	return join(s->arena, SPAN("/"), l->name, &slash_name) &&
	       join(s->arena, s->values.run, slash_name, &l->path);
}

/* Where a first start puts the certificate that it makes for itself. */
static bool own_certificate(struct conf_snapshot *s)
{
	struct span *files = ARENA_ARRAY(s->arena, 2, struct span);
	if (!files ||
	    !join(s->arena, s->values.data, SPAN("/keys/default.pem"),
		  &files[0]) ||
	    !join(s->arena, s->values.data, SPAN("/keys/default.key"),
		  &files[1]))
		return false;
	s->certificates[0] = (struct conf_certificate){
		.name = SPAN("default"), .chain = {files, 1}, .key = {files + 1, 1}};
	s->values.certificate_count = 1;
	return true;
}

bool conf_complete(struct conf_snapshot *s)
{
	struct conf *c = &s->values;
	if (c->certificate_count == 0 && !own_certificate(s))
		return false;
	if (span_empty(c->tls.certificate)) {
		if (c->certificate_count == 1)
			c->tls.certificate = c->certificates[0].name;
		else if (conf_certificate(c, SPAN("default")))
			c->tls.certificate = SPAN("default");
	}
	if (span_empty(c->log.file) &&
	    !join(s->arena, c->data, SPAN("/log/letterlock.log"), &c->log.file))
		return false;
	for (size_t i = 0; i < c->listener_count; i++)
		if (!complete_listener(s, i))
			return false;
	return true;
}

static struct conf_place place(const struct judge *j,
			       const struct conf_origin *o)
{
	if (o->line == 0)
		return (struct conf_place){j->s->files[0], 0, 0};
	return (struct conf_place){j->s->files[o->file], o->line, o->column};
}

/* Where option k of listener i was set, or the listener itself. */
static struct conf_place listener_place(const struct judge *j, size_t i,
					size_t k)
{
	const struct conf_instance *info = &j->s->listener_info[i];
	if (k != SIZE_MAX && info->origins[k].line != 0)
		return place(j, &info->origins[k]);
	return place(j, &info->where);
}

#define WRONG(k, ...) conf_wrong(j->report, listener_place(j, i, (k)), __VA_ARGS__)
#define WARN(k, ...)  conf_warn(j->report, listener_place(j, i, (k)), __VA_ARGS__)

static void judge_certificate_name(const struct judge *j, size_t i, size_t k,
				   struct span name)
{
	const struct conf *c = &j->s->values;
	struct conf_nearest n;
	if (conf_certificate(c, name))
		return;
	conf_nearest_init(&n, name);
	for (size_t x = 0; x < c->certificate_count; x++)
		conf_nearest_try(&n, c->certificates[x].name);
	/* A block's name is a span: look it up for its length. */
	struct span near = {0};
	for (size_t x = 0; n.best && x < c->certificate_count; x++)
		if (c->certificates[x].name.ptr == n.best)
			near = c->certificates[x].name;
	if (near.len)
		WRONG(k, "there is no certificate \"%.*s\"; did you mean \"%.*s\"?",
		      SPAN_FMT(name), SPAN_FMT(near));
	else
		WRONG(k, "there is no certificate \"%.*s\"; add a block "
			 "certificate %.*s { chain ...; key ...; }",
		      SPAN_FMT(name), SPAN_FMT(name));
}

static void judge_dhe(const struct judge *j, size_t i)
{
	const struct conf_tls *t = &j->s->listeners[i].tls;
	if (t->dhe == CONF_DHE_OFF)
		return;
	if (t->profile == CONF_PROFILE_MODERN || t->minimum == CONF_TLS_1_3)
		WARN(TLS(dhe), "dhe does nothing where TLS 1.3 alone is spoken; "
			       "set it to off");
	else
		WARN(TLS(dhe), "RFC 10015 forbids DHE in TLS 1.2; set dhe to off "
			       "as soon as the clients that need it are gone");
}

static void judge_tls(const struct judge *j, size_t i)
{
	const struct conf_listener *l = &j->s->listeners[i];
	const struct conf_tls *t = &l->tls;
	bool legacy = t->profile == CONF_PROFILE_LEGACY;
	if (legacy && l->role != CONF_ROLE_MX)
		WRONG(TLS(profile), "profile legacy is for role mx only: here "
				    "passwords travel; use strict");
	else if (legacy)
		WARN(TLS(profile), "profile legacy takes suites that are weak; "
				   "use opportunistic");
	if (t->profile == CONF_PROFILE_MODERN && t->minimum < CONF_TLS_1_3)
		WRONG(TLS(minimum), "profile modern is TLS 1.3 alone; remove "
				    "minimum, or use profile strict");
	if (l->role == CONF_ROLE_MX && (t->profile == CONF_PROFILE_MODERN ||
					t->profile == CONF_PROFILE_STRICT))
		WARN(TLS(profile), "servers that cannot speak this profile will "
				   "send in the clear to listener %.*s; use "
				   "opportunistic",
		     SPAN_FMT(l->name));
	judge_dhe(j, i);
	if (t->client_certificate == CONF_CLIENT_OFF && !span_empty(t->client_ca))
		WARN(TLS(client_ca), "client-ca does nothing while "
				     "client-certificate is off; set it to "
				     "request or require");
	if (t->client_certificate == CONF_CLIENT_REQUIRE &&
	    span_empty(t->client_ca))
		WRONG(TLS(client_certificate),
		      "require needs client-ca, the file with the authorities "
		      "that sign clients");
	if (span_empty(t->certificate))
		WRONG(SIZE_MAX, "listener %.*s has no certificate, and there "
				"are several; write tls { certificate NAME; }",
		      SPAN_FMT(l->name));
	else
		judge_certificate_name(j, i, TLS(certificate), t->certificate);
	for (size_t x = 0; x < l->sni.count && !conf_report_full(j->report); x++)
		judge_certificate_name(j, i, LISTENER(sni),
				       l->sni.at[x].certificate);
}

static void judge_security(const struct judge *j, size_t i)
{
	const struct conf_listener *l = &j->s->listeners[i];
	size_t k = LISTENER(security);
	if (l->role == CONF_ROLE_MX &&
	    (l->port == 465 || l->security == CONF_SECURITY_IMPLICIT))
		WRONG(l->port == 465 ? LISTENER(port) : k,
		      "role mx is port 25 with tls starttls: port 465 and "
		      "implicit TLS belong to submission (RFC 8314)");
	else if (l->role == CONF_ROLE_MX && l->security == CONF_SECURITY_NONE)
		WARN(k, "without TLS other servers send in the clear; remove "
			"tls none");
	else if (l->security == CONF_SECURITY_NONE)
		WRONG(k, "role %s takes passwords, and those never travel in the "
			 "clear, on any address; use starttls or implicit",
		      conf_listener_role_name(l->role));
	else if (l->security == CONF_SECURITY_STARTTLS && implicit_port(l->port))
		WARN(k, "clients speak TLS at once on port %llu; use tls "
			"implicit",
		     (unsigned long long)l->port);
	else if (l->role != CONF_ROLE_MX && l->port == 25)
		WARN(LISTENER(port), "other servers deliver on port 25; use "
				     "another port for role %s",
		     conf_listener_role_name(l->role));
}

static void judge_socket(const struct judge *j, size_t i)
{
	const struct conf_listener *l = &j->s->listeners[i];
	const char *role = conf_listener_role_name(l->role);
	if (l->security != CONF_SECURITY_NONE)
		WRONG(LISTENER(security), "role %s is on a Unix socket and needs "
					  "no TLS; remove tls", role);
	if (l->address.count)
		WRONG(LISTENER(address), "role %s is on a Unix socket; use path "
					 "in place of address", role);
	if (l->port)
		WRONG(LISTENER(port), "role %s is on a Unix socket; use path in "
				      "place of port", role);
	if (l->path.len > 107)
		WRONG(LISTENER(path), "the path \"%.*s\" is longer than the 107 "
				      "bytes of a Unix socket; shorten run or "
				      "the listener's name",
		      SPAN_FMT(l->path));
}

static bool wildcard(const struct conf_net *n)
{
	static const uint8_t zero[16];
	return memcmp(n->bytes, zero, sizeof(zero)) == 0;
}

static bool addresses_meet(const struct conf_nets *a, const struct conf_nets *b)
{
	for (size_t x = 0; x < a->count; x++)
		for (size_t y = 0; y < b->count; y++)
			if (a->at[x].family == b->at[y].family &&
			    (wildcard(&a->at[x]) || wildcard(&b->at[y]) ||
			     memcmp(a->at[x].bytes, b->at[y].bytes, 16) == 0))
				return true;
	return false;
}

static void judge_clash(const struct judge *j, size_t i)
{
	const struct conf_listener *l = &j->s->listeners[i];
	for (size_t x = 0; x < i; x++) {
		const struct conf_listener *o = &j->s->listeners[x];
		if (!l->enabled || !o->enabled)
			continue;
		if (l->port != 0 && l->port == o->port &&
		    addresses_meet(&l->address, &o->address)) {
			WRONG(LISTENER(port),
			      "port %llu is taken by listener %.*s on the same "
			      "address; use another port or address",
			      (unsigned long long)l->port, SPAN_FMT(o->name));
			return;
		}
		if (l->path.len && span_eq(l->path, o->path)) {
			WRONG(LISTENER(path), "the path is taken by listener "
					      "%.*s; use another one",
			      SPAN_FMT(o->name));
			return;
		}
	}
}

static void judge_idle(const struct judge *j, size_t i)
{
	const struct conf_listener *l = &j->s->listeners[i];
	if (l->role == CONF_ROLE_IMAP && l->timeouts.imap_idle < IMAP_IDLE_LEAST)
		WARN(OPTION(TIMEOUTS, conf_timeouts, imap_idle),
		     "clients expect 30 minutes at least (RFC 3501); raise "
		     "imap-idle");
	if (l->role == CONF_ROLE_POP3 && l->timeouts.pop3_idle < POP3_IDLE_LEAST)
		WARN(OPTION(TIMEOUTS, conf_timeouts, pop3_idle),
		     "clients expect 10 minutes at least (RFC 1939); raise "
		     "pop3-idle");
}

static void judge_listener(const struct judge *j, size_t i)
{
	const struct conf_listener *l = &j->s->listeners[i];
	size_t size = OPTION(LIMITS, conf_limits, message_size);
	if (l->role == CONF_ROLE_NONE) {
		WRONG(SIZE_MAX, "listener %.*s has no role; add role mx, "
				"submission, imap, pop3, admin or local",
		      SPAN_FMT(l->name));
		return;
	}
	if (l->limits.message_size > j->s->values.limits.message_size)
		WRONG(size, "a listener cannot raise message-size; raise it in "
			    "the block limits at top level");
	if (on_socket(l)) {
		judge_socket(j, i);
	} else {
		if (l->path.len)
			WRONG(LISTENER(path), "role %s is on a port; use address "
					      "and port in place of path",
			      conf_listener_role_name(l->role));
		judge_security(j, i);
		if (l->security != CONF_SECURITY_NONE)
			judge_tls(j, i);
	}
	judge_idle(j, i);
	judge_clash(j, i);
}

static void judge_pair(const struct judge *j, size_t i)
{
	const struct conf_certificate *c = &j->s->certificates[i];
	struct conf_place at = place(j, &j->s->certificate_info[i].where);
	if (c->chain.count == 0)
		conf_wrong(j->report, at, "certificate %.*s has no chain; add "
					  "chain /path/to/fullchain.pem;",
			   SPAN_FMT(c->name));
	else if (c->key.count == 0)
		conf_wrong(j->report, at, "certificate %.*s has no key; add key "
					  "file:/path/to/privkey.pem;",
			   SPAN_FMT(c->name));
	else if (c->chain.count != c->key.count)
		conf_wrong(j->report, at,
			   "certificate %.*s has %zu chains and %zu keys; give "
			   "one key for each chain, in the same order",
			   SPAN_FMT(c->name), c->chain.count, c->key.count);
}

#define DESTINATION(member) OPTION(DESTINATION, conf_destination, member)

static struct conf_place destination_place(const struct judge *j, size_t i,
					   size_t k)
{
	const struct conf_instance *info = &j->s->destination_info[i];
	if (k != SIZE_MAX && info->origins[k].line != 0)
		return place(j, &info->origins[k]);
	return place(j, &info->where);
}

#define DWRONG(k, ...)                                                         \
	conf_wrong(j->report, destination_place(j, i, (k)), __VA_ARGS__)

static bool is_fingerprint(struct span s)
{
	bool ok = s.len == 64;
	for (size_t i = 0; ok && i < s.len; i++)
		ok = ascii_digit(s.ptr[i]) || (ascii_lower(s.ptr[i]) >= 'a' &&
					       ascii_lower(s.ptr[i]) <= 'f');
	return ok;
}

static void judge_destination_tls(const struct judge *j, size_t i)
{
	const struct conf_destination *d = &j->s->destinations[i];
	const struct conf_words *f = &d->fingerprints;
	for (size_t x = 0; x < f->count; x++)
		if (!is_fingerprint(f->at[x]))
			DWRONG(DESTINATION(fingerprints),
			       "fingerprint takes 64 hexadecimal digits, not "
			       "\"%.*s\"",
			       SPAN_FMT(f->at[x]));
	if (d->level == CONF_LEVEL_FINGERPRINT && f->count == 0)
		DWRONG(DESTINATION(level), "tls fingerprint needs the key of the "
					   "server; add fingerprint ...");
	if (d->level != CONF_LEVEL_FINGERPRINT && f->count > 0)
		DWRONG(DESTINATION(fingerprints),
		       "fingerprint counts with tls fingerprint alone; add that");
	if (d->names.count > 0 && d->level != CONF_LEVEL_VERIFY &&
	    d->level != CONF_LEVEL_SECURE)
		DWRONG(DESTINATION(names),
		       "name counts with tls verify and tls secure alone; add "
		       "one of them");
	if (d->level == CONF_LEVEL_DANE_ONLY && d->ignore_published)
		DWRONG(DESTINATION(ignore_published),
		       "tls dane-only is what the domain publishes; remove "
		       "ignore-published");
	if (d->certificate.len > 0 &&
	    !conf_certificate(&j->s->values, d->certificate))
		DWRONG(DESTINATION(certificate),
		       "there is no certificate \"%.*s\"; add a block "
		       "certificate %.*s { chain ...; key ...; }",
		       SPAN_FMT(d->certificate), SPAN_FMT(d->certificate));
}

static void judge_destination(const struct judge *j, size_t i)
{
	const struct conf_destination *d = &j->s->destinations[i];
	struct conf_net net;
	bool named = d->host.len > 0;
	if (d->domain.count == 0)
		DWRONG(SIZE_MAX, "destination %.*s is for no domain; add domain "
				 "example.org, or domain * for all",
		       SPAN_FMT(d->name));
	if (named && !conf_is_host(d->host) && !conf_net_parse(d->host, &net))
		DWRONG(DESTINATION(host), "host takes a name such as "
					  "mx.example.org or an address, not "
					  "\"%.*s\"",
		       SPAN_FMT(d->host));
	if (!named && d->protocol == CONF_PROTOCOL_LMTP)
		DWRONG(DESTINATION(protocol), "protocol lmtp is for a host of your "
					      "own; add host");
	if ((d->login.len > 0) != (d->password.count > 0))
		DWRONG(DESTINATION(login), "login and password come together; add "
					   "the other one");
	if (d->login.len > 0 && !named)
		DWRONG(DESTINATION(login), "a password goes to a known host alone; "
					   "add host");
	if (d->login.len > 0 && d->level == CONF_LEVEL_NONE)
		DWRONG(DESTINATION(level), "a password never travels in the "
					   "clear; use tls verify");
	if (d->source.count == 2 &&
	    d->source.at[0].family == d->source.at[1].family)
		DWRONG(DESTINATION(source), "source takes one address of each "
					    "family");
	judge_destination_tls(j, i);
}

#undef DWRONG

#define ADDRESS_TEXT 64u

/* ---- sources ---------------------------------------------------------------- */

static struct conf_place source_place(const struct judge *j, size_t i, size_t k)
{
	const struct conf_instance *info = &j->s->source_info[i];
	return place(j, k != SIZE_MAX && info->origins[k].line != 0
				? &info->origins[k]
				: &info->where);
}

static bool mail_leaves_by(const struct conf *c, const struct conf_net *n)
{
	bool v4 = n->family == 4;
	for (size_t i = 0; i <= c->destination_count; i++) {
		const struct conf_net *by = conf_leaves_by(
			c, i > 0 ? &c->destinations[i - 1] : NULL, v4);
		if (by != NULL && conf_net_same(by, n))
			return true;
	}
	return false;
}

static void judge_source_address(const struct judge *j, size_t i,
				 const struct conf_net *n)
{
	const struct conf *c = &j->s->values;
	struct conf_place at =
		source_place(j, i, OPTION(SOURCE, conf_source, address));
	struct buf text;
	buf_init(&text, ADDRESS_TEXT);
	conf_net_print(n, true, &text);
	struct span said = buf_span(&text);
	const struct conf_source *other = NULL;
	for (size_t k = 0; k < i && other == NULL; k++)
		if (conf_net_listed(&c->sources[k].address, n))
			other = &c->sources[k];
	if (other != NULL)
		conf_wrong(j->report, at,
			   "%.*s is in source %.*s, too; keep it in one of "
			   "them",
			   SPAN_FMT(said), SPAN_FMT(other->name));
	else if (wildcard(n))
		conf_wrong(j->report, at,
			   "address takes addresses of this host; without it "
			   "the block is for the usual one");
	else if (!mail_leaves_by(c, n))
		conf_warn(j->report, at,
			  "no mail leaves by %.*s; name it as source of the "
			  "block outgoing or of a destination",
			  SPAN_FMT(said));
	buf_free(&text);
}

static void judge_source(const struct judge *j, size_t i)
{
	const struct conf *c = &j->s->values;
	const struct conf_source *s = &c->sources[i];
	if (s->connections == 0 && s->per_minute == 0)
		conf_wrong(j->report, source_place(j, i, SIZE_MAX),
			   "source %.*s limits nothing; add connections or "
			   "per-minute",
			   SPAN_FMT(s->name));
	for (size_t k = 0; k < s->address.count; k++)
		judge_source_address(j, i, &s->address.at[k]);
	for (size_t k = 0; k < i && s->address.count == 0; k++)
		if (c->sources[k].address.count == 0)
			conf_wrong(j->report, source_place(j, i, SIZE_MAX),
				   "source %.*s has no address, nor has source "
				   "%.*s; one block is for the usual one",
				   SPAN_FMT(s->name),
				   SPAN_FMT(c->sources[k].name));
}

/* One level of a mailbox name, as clients show it. */
static bool is_level(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c < ' ' || c >= 0x7f || c == '/' || c == '*' || c == '%')
			return false;
	}
	return s.len > 0 && !span_eq_nocase(s, SPAN("INBOX")) &&
	       !span_eq(s, SPAN(".")) && !span_eq(s, SPAN(".."));
}

static void judge_sharing(const struct judge *j)
{
	const struct conf_accounts *a = &j->s->values.accounts;
	size_t k = OPTION(ACCOUNTS, conf_accounts, shared_name);
	if (!is_level(a->shared_name))
		conf_wrong(j->report, place(j, &j->s->origins[k]),
			   "shared-name takes one level of a mailbox name, such as "
			   "\"Shared Folders\"");
	k = OPTION(ACCOUNTS, conf_accounts, others_name);
	if (!span_empty(a->others_name) && !is_level(a->others_name))
		conf_wrong(j->report, place(j, &j->s->origins[k]),
			   "others-name takes one level of a mailbox name, such as "
			   "\"Other Users\"");
	else if (span_eq(a->others_name, a->shared_name))
		conf_wrong(j->report, place(j, &j->s->origins[k]),
			   "others-name and shared-name have to differ");
}

static void judge_accounts(const struct judge *j)
{
	const struct conf_accounts *a = &j->s->values.accounts;
	size_t k = OPTION(ACCOUNTS, conf_accounts, postmaster);
	if (!span_empty(a->postmaster) && !conf_is_address(a->postmaster))
		conf_wrong(j->report, place(j, &j->s->origins[k]),
			   "postmaster takes an address such as "
			   "admin@example.org, not \"%.*s\"",
			   SPAN_FMT(a->postmaster));
	k = OPTION(ACCOUNTS, conf_accounts, recipient_delimiter);
	for (size_t i = 0; i < a->recipient_delimiter.len; i++)
		if (!conf_is_delimiter(a->recipient_delimiter.ptr[i])) {
			conf_wrong(j->report, place(j, &j->s->origins[k]),
				   "recipient-delimiter takes signs such as + - "
				   "_ =, no letters, digits, blanks, dots or @");
			break;
		}
	judge_sharing(j);
}

static void judge_rewrite(const struct judge *j)
{
	const struct conf_rewrite *r = &j->s->values.rewrite;
	size_t k = OPTION(REWRITE, conf_rewrite, masquerade);
	for (size_t i = 0; i < r->masquerade.count; i++)
		if (!conf_is_host(r->masquerade.at[i]))
			conf_wrong(j->report, place(j, &j->s->origins[k]),
				   "masquerade takes domains such as example.org, "
				   "which those below them become, not \"%.*s\"",
				   SPAN_FMT(r->masquerade.at[i]));
	if (r->masquerade.count > 0)
		return;
	if (r->keep_domains.count > 0)
		conf_warn(j->report,
			  place(j, &j->s->origins[OPTION(REWRITE, conf_rewrite,
							 keep_domains)]),
			  "keep-domains does nothing without masquerade");
	if (r->keep_users.count > 0)
		conf_warn(j->report,
			  place(j, &j->s->origins[OPTION(REWRITE, conf_rewrite,
							 keep_users)]),
			  "keep-users does nothing without masquerade");
}

static void judge_ports(const struct judge *j, size_t k,
			const struct conf_words *ports)
{
	uint64_t v;
	for (size_t i = 0; i < ports->count; i++)
		if (!span_u64(ports->at[i], 65535, &v) || v == 0)
			conf_wrong(j->report, place(j, &j->s->origins[k]),
				   "%s takes port numbers between 1 and 65535, "
				   "separated by blanks, not \"%.*s\"",
				   conf_options[k].name, SPAN_FMT(ports->at[i]));
}

static void judge_dns(const struct judge *j)
{
	const struct conf_dns *d = &j->s->values.dns;
	struct conf_place at = place(
		j, &j->s->origins[OPTION(DNS, conf_dns, trusted)]);
	static const struct conf_net loopback[] = {{4, 8, {127}},
						   {6, 128, {[15] = 1}}};
	const struct conf_resolver *r = d->trusted.at;
	if (d->trusted.count == 0)
		return;
	if (d->resolvers.count > 0)
		conf_wrong(j->report, at, "trust-resolver takes the place of "
					  "resolvers; keep one of them");
	if (!span_empty(d->trust_anchor))
		conf_warn(j->report, at, "trust-anchor does nothing where "
					 "trust-resolver validates; remove it");
	if (!conf_net_has(&loopback[0], r->family, r->bytes) &&
	    !conf_net_has(&loopback[1], r->family, r->bytes))
		conf_warn(j->report, at, "answers of trust-resolver travel "
					 "unprotected; use a resolver on this "
					 "host");
}

static void judge_outgoing(const struct judge *j)
{
	const struct conf_outgoing *o = &j->s->values.outgoing;
	judge_ports(j, OPTION(OUTGOING, conf_outgoing, ports), &o->ports);
	judge_ports(j, OPTION(OUTGOING, conf_outgoing, web_ports),
		    &o->web_ports);
	for (size_t i = 0; i < o->source.count; i++)
		if (wildcard(&o->source.at[i]))
			conf_wrong(j->report,
				   place(j, &j->s->origins[OPTION(
						  OUTGOING, conf_outgoing, source)]),
				   "source takes addresses of this host; without "
				   "it the system chooses one");
}

static void judge_top(const struct judge *j)
{
	const struct conf *c = &j->s->values;
	struct conf_place whole = {j->s->files[0], 0, 0};
	if (span_empty(c->hostname))
		conf_wrong(j->report, whole,
			   "hostname is missing; add the full name of this "
			   "host, such as hostname mx.example.org;");
	else if (!span_has(c->hostname, '.'))
		conf_wrong(j->report,
			   place(j, &j->s->origins[OPTION(TOP, conf, hostname)]),
			   "hostname needs the full name with its domain, such "
			   "as %.*s.example.org",
			   SPAN_FMT(c->hostname));
	if (!c->auth.failures_address && !c->auth.failures_network &&
	    !c->auth.failures_account)
		conf_warn(j->report,
			  place(j, &j->s->origins[OPTION(AUTH, conf_auth,
							 failures_account)]),
			  "passwords can be guessed without limit; set one of "
			  "the failures-per- options");
}

void conf_judge(struct conf_report *report, const struct conf_snapshot *s)
{
	struct judge j = {report, s};
	bool any = false;
	judge_top(&j);
	judge_accounts(&j);
	judge_rewrite(&j);
	judge_dns(&j);
	judge_outgoing(&j);
	for (size_t i = 0; i < s->values.certificate_count; i++)
		judge_pair(&j, i);
	for (size_t i = 0; i < s->values.listener_count; i++) {
		judge_listener(&j, i);
		any |= s->listeners[i].enabled && !on_socket(&s->listeners[i]);
	}
	for (size_t i = 0; i < s->values.destination_count; i++)
		judge_destination(&j, i);
	for (size_t i = 0; i < s->values.source_count; i++)
		judge_source(&j, i);
	if (!any)
		conf_warn(report, (struct conf_place){s->files[0], 0, 0},
			  "no listener is enabled: nobody can connect");
}
