/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/login: AUTH at a host of our configuration (RFC 4954): SCRAM-SHA-256,
 * bound to the channel where both sides can (RFC 7677, 9266), else PLAIN.
 *
 * Must never: give a password outside of TLS, to a host that MX records named,
 * or to the log; take PLAIN where the server offers SCRAM.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "crypto/secret.h"
#include "os/file.h"
#include "role/courier/visit.h"
#include "sasl/scram_client.h"
#include "tls/facts.h"

#define PASSWORD_MAX 1024u
#define NAME_MAX_LEN 64u

struct courier_secret {
	struct list link;
	char name[NAME_MAX_LEN]; /* of the destination */
	size_t name_len, len;
	char password[PASSWORD_MAX];
	struct scram_client_keys keys; /* made of it for the last salt */
};

/* One exchange. */
struct login {
	struct line *line;
	struct span user;
	struct courier_secret *secret; /* as long as the exchange */
	struct span mechanism;	       /* a constant */
	struct scram_client_settings set;
	struct scram_client scram;
};

static const struct span scram_plus = SPAN_INIT("SCRAM-SHA-256-PLUS");
static const struct span scram = SPAN_INIT("SCRAM-SHA-256");
static const struct span plain = SPAN_INIT("PLAIN");

_Static_assert(TLS_BINDING_LEN == SCRAM_CLIENT_BINDING, "of one exporter");

static void forget(struct courier_secret *s)
{
	list_remove(&s->link);
	secret_wipe(s, sizeof *s);
	free(s);
}

static struct courier_secret *secret_of(struct courier *c, struct span name)
{
	LIST_EACH (&c->secrets, at) {
		struct courier_secret *s =
			CONTAINER_OF(at, struct courier_secret, link);
		if (span_eq(span_of(s->name, s->name_len), name))
			return s;
	}
	return NULL;
}

void login_forget_all(struct courier *c)
{
	LIST_EACH (&c->secrets, at)
		forget(CONTAINER_OF(at, struct courier_secret, link));
}

/* Without the line end that an editor leaves. */
static size_t trimmed(const char *p, size_t len)
{
	if (len > 0 && p[len - 1] == '\n')
		len--;
	if (len > 0 && p[len - 1] == '\r')
		len--;
	return len;
}

bool login_take(struct courier *c, struct span name, int fd, struct buf *why)
{
	struct courier_secret *s = calloc(1, sizeof *s), *old;
	enum os r = s == NULL || name.len > NAME_MAX_LEN
			    ? OS_NOMEM
			    : file_read_at(c->role->world, fd, s->password,
					   PASSWORD_MAX, 0, &s->len);
	if (r == OS_OK && s->len == PASSWORD_MAX)
		r = OS_TOOBIG;
	if (r == OS_OK) {
		s->len = trimmed(s->password, s->len);
		if (s->len > 0 && memchr(s->password, 0, s->len) == NULL) {
			memcpy(s->name, name.ptr, name.len);
			s->name_len = name.len;
			old = secret_of(c, name);
			if (old != NULL)
				forget(old);
			list_push_back(&c->secrets, &s->link);
			return true;
		}
		buf_add(why, SPAN("there is no password in it"));
	} else {
		buf_add(why, span_cstr(os_text(r)));
	}
	if (s != NULL)
		secret_wipe(s, sizeof *s);
	free(s);
	return false;
}

/* ---- the exchange ---------------------------------------------------------- */

static struct line *line_of(struct smtp_client_host *h)
{
	return CONTAINER_OF(h, struct line, auth);
}

static bool is_offered(struct span offered, struct span name)
{
	struct span word;
	while (offered.len > 0) {
		span_cut(&offered, ' ', &word);
		if (span_eq_nocase(word, name))
			return true;
	}
	return false;
}

static void begin_scram(struct login *g, bool binds)
{
	struct line *l = g->line;
	struct courier_secret *s = g->secret;
	bool plus = span_eq(g->mechanism, scram_plus);
	g->set.user = g->user;
	g->set.password = span_of(s->password, s->len);
	g->set.keys = &s->keys;
	g->set.how = plus    ? SCRAM_CLIENT_BINDS
		     : binds ? SCRAM_CLIENT_NOT_OFFERED
			     : SCRAM_CLIENT_CANNOT;
	world_random(l->courier->role->world, g->set.random, sizeof g->set.random);
	scram_client_begin(&g->scram, &g->set);
}

static bool mechanism(struct smtp_client_host *h, struct span offered,
		      struct span *choice)
{
	struct line *l = line_of(h);
	struct login *g = l->login;
	struct courier_secret *s = g->secret;
	bool binds = l->tls != NULL && tls_binding(l->tls, g->set.binding);
	bool fits = scram_client_fits(span_of(s->password, s->len)) ||
		    !is_offered(offered, plain);
	if (fits && binds && is_offered(offered, scram_plus))
		g->mechanism = scram_plus;
	else if (fits && is_offered(offered, scram))
		g->mechanism = scram;
	else if (is_offered(offered, plain))
		g->mechanism = plain;
	else
		return false;
	if (!span_eq(g->mechanism, plain))
		begin_scram(g, binds);
	*choice = g->mechanism;
	return true;
}

static enum smtp_client_auth respond(struct smtp_client_host *h,
				     const struct span *challenge,
				     struct buf *out)
{
	struct login *g = line_of(h)->login;
	if (!span_eq(g->mechanism, plain))
		return scram_client_step(&g->scram, challenge, out)
			       ? SMTP_CLIENT_RESPOND
			       : SMTP_CLIENT_ABORT;
	if (challenge != NULL)
		return SMTP_CLIENT_ABORT;
	buf_addc(out, '\0');
	buf_add(out, g->user);
	buf_addc(out, '\0');
	buf_add(out, span_of(g->secret->password, g->secret->len));
	return SMTP_CLIENT_RESPOND;
}

/* PLAIN proves nothing of the server: TLS has to. */
static bool accept_it(struct smtp_client_host *h)
{
	const struct login *g = line_of(h)->login;
	return span_eq(g->mechanism, plain) || scram_client_proved(&g->scram);
}

const struct smtp_client_host_ops login_ops = {
	.mechanism = mechanism, .respond = respond, .accept = accept_it};

/* What the exchange made, while the password is still the same. */
static void keep_keys(struct courier *c, struct span name,
		      const struct courier_secret *used)
{
	struct courier_secret *s = secret_of(c, name);
	if (s != NULL && span_eq(span_of(s->password, s->len),
				 span_of(used->password, used->len)))
		s->keys = used->keys;
}

static struct line *no_login(struct visit *v, struct line *l, struct span why)
{
	line_end(l);
	return visit_nothing(v, "4.7.8", why);
}

struct line *visit_login(struct visit *v, struct line *l)
{
	const struct conf_destination *rule = v->way->rule;
	if (rule == NULL || rule->login.len == 0)
		return l;
	if (!smtp_client_secure(l->client))
		return no_login(v, l, SPAN("no password is given without TLS"));
	/*
	 * The secret may be another one after a reload, also while the server is
	 * waited for: this exchange has a copy.
	 */
	struct courier_secret *kept = secret_of(v->courier, rule->name);
	if (kept == NULL)
		return no_login(v, l, SPAN("the password of this destination is "
					   "not there"));
	struct courier_secret mine = *kept;
	struct login g = {.line = l, .user = rule->login, .secret = &mine};
	l->login = &g;
	enum smtp_client_result r = smtp_client_auth(l->client);
	l->login = NULL;
	scram_client_end(&g.scram);
	keep_keys(v->courier, rule->name, &mine);
	secret_wipe(&mine, sizeof mine);
	TELL(v->story, "carry.login", F_CSTR("host", l->host),
	     F("mechanism", g.mechanism),
	     F_CSTR("outcome", r == SMTP_CLIENT_OK ? "accepted" : "refused"));
	if (r == SMTP_CLIENT_OK)
		return l;
	if (r == SMTP_CLIENT_NOT_OFFERED)
		return no_login(v, l, SPAN("the server offers no login that we "
					   "have (SCRAM-SHA-256, PLAIN)"));
	if (r == SMTP_CLIENT_GAVE_UP)
		return no_login(v, l, SPAN("at the login: the server does not show "
					   "that it knows the password"));
	(void)visit_turned_away(v, l, r, "at the login");
	v->verdict.status = "4.7.8";
	return NULL;
}
