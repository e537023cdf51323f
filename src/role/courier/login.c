/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/login: AUTH PLAIN at a host of our configuration (RFC 4954, 4616).
 *
 * Must never: give a password outside of TLS, to a host that MX records named,
 * or to the log.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "crypto/secret.h"
#include "os/file.h"
#include "role/courier/visit.h"

#define PASSWORD_MAX 1024u
#define NAME_MAX_LEN 64u

struct courier_secret {
	struct list link;
	char name[NAME_MAX_LEN]; /* of the destination */
	size_t name_len, len;
	char password[PASSWORD_MAX];
};

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

bool login_secret(struct courier *c, struct span name, int fd, struct buf *why)
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

static bool mechanism(struct smtp_client_host *h, struct span offered,
		      struct span *choice)
{
	struct span word;
	(void)h;
	while (offered.len > 0) {
		span_cut(&offered, ' ', &word);
		if (span_eq_nocase(word, SPAN("PLAIN"))) {
			*choice = word;
			return true;
		}
	}
	return false;
}

static enum smtp_client_auth respond(struct smtp_client_host *h,
				     const struct span *challenge,
				     struct buf *out)
{
	const struct line *l = line_of(h);
	const struct courier_secret *s = l->secret;
	if (challenge != NULL || s == NULL)
		return SMTP_CLIENT_ABORT;
	buf_addc(out, '\0');
	buf_add(out, l->user);
	buf_addc(out, '\0');
	buf_add(out, span_of(s->password, s->len));
	return SMTP_CLIENT_RESPOND;
}

static bool accept_it(struct smtp_client_host *h)
{
	(void)h;
	return true; /* PLAIN proves nothing of the server: TLS has to */
}

const struct smtp_client_host_ops login_ops = {
	.mechanism = mechanism, .respond = respond, .accept = accept_it};

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
	/* The secret may be another one after a reload: used here and now. */
	l->secret = secret_of(v->courier, rule->name);
	l->user = rule->login;
	if (l->secret == NULL)
		return no_login(v, l, SPAN("the password of this destination is "
					   "not there"));
	enum smtp_client_result r = smtp_client_auth(l->client);
	l->secret = NULL;
	TELL(v->story, "carry.login", F_CSTR("host", l->host),
	     F_CSTR("outcome", r == SMTP_CLIENT_OK ? "accepted" : "refused"));
	if (r == SMTP_CLIENT_OK)
		return l;
	if (r == SMTP_CLIENT_NOT_OFFERED)
		return no_login(v, l, SPAN("the server offers no login that we "
					   "have (PLAIN)"));
	(void)visit_turned_away(v, l, r, "at the login");
	v->verdict.status = "4.7.8";
	return NULL;
}
