/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/visit: from a host to an open session.
 *
 * Must never: go on in clear, or on a connection that did not pass its checks,
 * where policy_judge does not say so.
 */
#include "role/courier/visit.h"

#include "base/check.h"
#include "base/ensure.h"
#include "os/addr.h"
#include "route/verdict.h"

static struct span host_name(const struct visit *v)
{
	return v->way->hosts[v->host].name;
}

struct line *visit_nothing(struct visit *v, const char *status, struct span text)
{
	v->verdict = (struct verdict){.status = status,
				      .text = text,
				      .host = v->spoke ? host_name(v) : SPAN("")};
	return NULL;
}

/* ---- the connection -------------------------------------------------------- */

static void take_sources(const struct conf_destination *rule,
			 struct courier_dialer_connect *m)
{
	for (size_t i = 0; rule != NULL && i < rule->source.count; i++) {
		const struct conf_net *n = &rule->source.at[i];
		bool v4 = n->family == 4;
		struct addr a = v4 ? addr_v4(n->bytes[0], n->bytes[1], n->bytes[2],
					     n->bytes[3], 0)
				   : addr_v6(n->bytes, 0);
		memcpy(v4 ? m->source4 : m->source6, a.ip, sizeof a.ip);
		*(v4 ? &m->has_source4 : &m->has_source6) = true;
	}
}

static void tell_unreached(struct visit *v, const struct way_host *h,
			   const struct courier_dialer_connect_reply *rep)
{
	char text[ADDR_TEXT_MAX];
	for (size_t i = 0; i < rep->attempts_count; i++) {
		const struct courier_dialer_attempt *a = &rep->attempts[i];
		if (a->of >= h->count)
			continue;
		TELL(v->story, "carry.attempt", F("host", h->name),
		     F("address", addr_format_port(&h->addresses[a->of], text)),
		     F_U64("ms", a->milliseconds), F("text", a->why));
	}
	TELL(v->story, "carry.unreached", F("host", h->name), F("text", rep->why));
}

static struct line *visit_loop(struct visit *v)
{
	v->loop = true;
	visit_nothing(v, "5.4.6",
		      SPAN("the domain leads to this server, which does not know it"));
	/* A host of our configuration is a slip that somebody will mend. */
	v->verdict.failed = v->way->in.route != POLICY_ROUTE_HOST;
	return NULL;
}

static struct line *not_connected(struct visit *v,
				  const struct courier_dialer_connect_reply *rep)
{
	struct span why = arena_printf(v->arena, "no connection to %.*s: %.*s",
				       SPAN_FMT(host_name(v)),
				       SPAN_FMT(rep->why));
	v->courier->counts.unreached++;
	if (rep->reached == COURIER_DIALER_REACHED_OURSELVES)
		return visit_loop(v);
	v->slow |= rep->reached == COURIER_DIALER_REACHED_BUSY;
	return visit_nothing(v, "4.4.1", why);
}

static struct line *no_berth(struct visit *v, const struct conf_source *full)
{
	visit_nothing(v, "4.3.2",
		      arena_printf(v->arena,
				   "all %llu connections of source %.*s stand",
				   (unsigned long long)full->connections,
				   SPAN_FMT(full->name)));
	v->spoke = true; /* the host is not why */
	return NULL;
}

static bool has_family(const struct way_host *h, bool v4)
{
	for (size_t i = 0; i < h->count; i++)
		if (addr_is_v4(&h->addresses[i]) == v4)
			return true;
	return false;
}

static struct line *connect_from(struct visit *v, struct berth *berth)
{
	const struct way_host *h = &v->way->hosts[v->host];
	struct courier *c = v->courier;
	struct courier_dialer_target targets[WAY_ADDRESSES_MAX];
	struct courier_dialer_connect m = {.targets = targets,
					   .targets_count = h->count};
	struct courier_dialer_connect_reply rep;
	char text[ADDR_TEXT_MAX];
	for (size_t i = 0; i < h->count; i++) {
		memcpy(targets[i].address, h->addresses[i].ip, 16);
		targets[i].port = h->addresses[i].port;
	}
	take_sources(v->way->rule, &m);
	if (c->dialer == NULL ||
	    courier_dialer_connect(c->dialer, &m, v->arena, &rep,
				   courier_within(c, COURIER_CONNECT_NS)) !=
		    IPC_OK)
		return visit_nothing(v, "4.3.0",
			       SPAN("the process that makes connections does not "
				    "answer"));
	if (rep.reached != COURIER_DIALER_REACHED_CONNECTED ||
	    !rep.has_connection || rep.of >= h->count) {
		if (rep.has_connection)
			world_close(c->role->world, rep.connection);
		tell_unreached(v, h, &rep);
		return not_connected(v, &rep);
	}
	struct addr local = addr_v6(rep.local, 0);
	struct line *l = line_new(c, rep.connection, h->name,
				  &h->addresses[rep.of], &local);
	if (l == NULL)
		return visit_nothing(v, "4.3.0", SPAN("memory is short"));
	l->rules = v->way->rules;
	berth_settle(berth, addr_is_v4(&l->peer));
	berth_move(&l->berth, berth);
	c->counts.connections++;
	TELL(v->story, "carry.connected", F("host", h->name),
	     F("address", addr_format_port(&l->peer, text)));
	return l;
}

static struct line *connect_to(struct visit *v)
{
	const struct way_host *h = &v->way->hosts[v->host];
	struct berth berth;
	if (h->count == 0)
		return visit_nothing(v, "4.4.4", SPAN("the host has no address"));
	const struct conf_source *full =
		berth_take(v->courier, &berth, v->way->rule,
			   has_family(h, false), has_family(h, true));
	if (full != NULL)
		return no_berth(v, full);
	struct line *l = connect_from(v, &berth);
	berth_leave(&berth);
	return l;
}

/* ---- the session ----------------------------------------------------------- */

static struct span hello_of(const struct visit *v)
{
	const struct conf *conf = v->courier->conf;
	const struct conf_destination *rule = v->way->rule;
	if (rule != NULL && rule->hello.len > 0)
		return rule->hello;
	return conf->outgoing.hello.len > 0 ? conf->outgoing.hello
					    : conf->hostname;
}

/* The session ended before any mail: why, in its words or ours. */
struct line *visit_turned_away(struct visit *v, struct line *l,
			       enum smtp_client_result r, const char *when)
{
	enum smtp_stage stage;
	const struct smtp_answer *a = smtp_client_answer(l->client, &stage);
	struct route_session said = {r, stage, a->code};
	struct span words = smtp_answer_text(a);
	const char *status = r == SMTP_CLIENT_LOST ? "4.4.2" : "4.3.0";
	v->spoke |= a->code != 0;
	v->slow |= route_slow(a->code, stage);
	struct span text =
		words.len > 0
			? arena_printf(v->arena, "%s: %u %.*s", when, a->code,
				       SPAN_FMT(words))
			: arena_printf(v->arena, "%s: %s", when,
				       r == SMTP_CLIENT_LOST
					       ? "the connection ended, or nothing "
						 "came in time"
					       : "what came was not SMTP");
	visit_nothing(v, status, text);
	v->verdict.code = a->code;
	if (route_never(&said)) {
		v->verdict.failed = true;
		v->verdict.status = "5.3.2";
	}
	TELL(v->story, "carry.turned-away", F("host", host_name(v)),
	     F_U64("code", a->code), F("text", text));
	line_end(l);
	return NULL;
}

/* MX records and addresses may lead back to us by a way that names hide. */
static bool is_us(const struct visit *v, const struct line *l)
{
	enum smtp_stage stage;
	const struct smtp_answer *a = smtp_client_answer(l->client, &stage);
	struct span words = smtp_answer_text(a), name;
	if (v->way->in.route == POLICY_ROUTE_HOST)
		return false;
	if (addr_same_host(&l->peer, &l->local))
		return true;
	(void)span_cut(&words, ' ', &name);
	return span_eq_nocase(name, v->courier->conf->hostname);
}

static struct line *greet(struct visit *v, struct line *l)
{
	if (!line_client(l, hello_of(v), v->way->lmtp)) {
		line_end(l);
		return visit_nothing(v, "4.3.0", SPAN("memory is short"));
	}
	enum smtp_client_result r = smtp_client_open(l->client);
	if (r != SMTP_CLIENT_OK)
		return visit_turned_away(v, l, r, "at the greeting");
	v->spoke = true;
	if (is_us(v, l)) {
		line_end(l);
		return visit_loop(v);
	}
	return l;
}

/* Our rule wants a certificate shown: without it there is no connection. */
static bool has_certificate(struct visit *v)
{
	const struct policy_target *t = &v->way->decision.targets[v->host];
	struct span name = visit_certificate(v);
	if (t->level == POLICY_LEVEL_NONE || certs_wait(v->courier, name))
		return true;
	struct span why = arena_printf(
		v->arena,
		"the certificate %.*s, which destination %.*s shows, is not in "
		"the vault",
		SPAN_FMT(name), SPAN_FMT(v->way->rule->name));
	TELL(v->story, "carry.no-certificate", F("host", host_name(v)),
	     F("rule", v->way->rule->name), F("text", why));
	visit_nothing(v, "4.7.0", why);
	return false;
}

struct line *visit_open(struct visit *v)
{
	bool again = false;
	struct line *l = has_certificate(v) ? connect_to(v) : NULL;
	if (l != NULL)
		l = greet(v, l);
	if (l != NULL)
		l = visit_protect(v, l, &again);
	if (l == NULL && again) {
		l = connect_to(v);
		if (l != NULL)
			l = greet(v, l);
	}
	return l != NULL ? visit_login(v, l) : NULL;
}
