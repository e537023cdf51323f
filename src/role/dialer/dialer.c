/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/dialer - asks the DNS and makes connections, for everybody.
 *
 * Rights: its channels, UDP and TCP sockets, and its own folder, where the root's
 * keys are kept.  With lookups switched off there is no resolver in the process,
 * and no file.  Connections are handed on as they are made: nothing is read from
 * them here.  A trust anchor file is read before confinement.
 *
 * Must never parse a mail protocol, nor take an upstream's word for DNSSEC but that
 * of the one resolver that the configuration says is to be trusted.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "crypto/library.h"
#include "os/addr.h"
#include "os/file.h"
#include "role/dialer/dialer.h"
#include "role/dialer/role.h"

#define PATH_LEN_MAX     1000u
#define UPSTREAM_TEXT_MAX (ADDR_TEXT_MAX + 6) /* @ and five digits */
#define RECORD_TEXT_MAX  4096u  /* of the schema */
#define RECORDS_TEXT_MAX 56000u /* of one answer: it has to fit a frame */

/* ---- rights: the first page --------------------------------------------- */

static void rights(void *self, struct rights *r)
{
	struct dialer *d = self;
	*r = (struct rights){.sys = RIGHT_BASE | RIGHT_DIAL, .max_fds = 4096};
	if (d->follow == NULL || !follow_works(d->follow))
		return;
	/* To open, write and rename: what the log's files take. */
	d->folder = (struct rights_dir){follow_dir(d->follow), true};
	r->sys |= RIGHT_LOG_FILES;
	r->dirs = &d->folder;
	r->dir_count = 1;
}

/* ---- questions ------------------------------------------------------------- */

void dialer_count(struct dialer *d, enum resolver_verdict v)
{
	uint64_t *const by[] = {
		[RESOLVER_SECURE] = &d->secure,	 [RESOLVER_INSECURE] = &d->insecure,
		[RESOLVER_BOGUS] = &d->bogus,	 [RESOLVER_TIMEOUT] = &d->late,
		[RESOLVER_FAILED] = &d->failed,
	};
	++*by[v];
}

static enum admin_dialer_verdict verdict_of(enum resolver_verdict v)
{
	static const enum admin_dialer_verdict by[] = {
		[RESOLVER_SECURE] = ADMIN_DIALER_VERDICT_SECURE,
		[RESOLVER_INSECURE] = ADMIN_DIALER_VERDICT_INSECURE,
		[RESOLVER_BOGUS] = ADMIN_DIALER_VERDICT_BOGUS,
		[RESOLVER_TIMEOUT] = ADMIN_DIALER_VERDICT_TIMEOUT,
		[RESOLVER_FAILED] = ADMIN_DIALER_VERDICT_FAILED,
	};
	return by[v];
}

/* All records as text, one after the other; spans say where each is. */
static size_t list_records(const struct dns_answer *a, struct buf *text,
			   struct span records[DNS_RECORDS_MAX], bool *cut)
{
	size_t ends[DNS_RECORDS_MAX], count = 0;
	struct buf one;
	buf_init(&one, RECORD_TEXT_MAX);
	for (size_t i = 0; i < a->count; i++) {
		buf_clear(&one);
		dns_record_text(a, &a->records[i], &one);
		if (!buf_ok(&one) ||
		    buf_len(text) + buf_len(&one) > RECORDS_TEXT_MAX) {
			*cut = true;
			continue;
		}
		buf_add(text, buf_span(&one));
		ends[count++] = buf_len(text);
	}
	buf_free(&one);
	for (size_t i = 0; i < count; i++) {
		size_t from = i == 0 ? 0 : ends[i - 1];
		records[i] = span_sub(buf_span(text), from, ends[i] - from);
	}
	return count;
}

static void fill(const struct dns_answer *a,
		 struct admin_dialer_query_reply *rep, struct buf *text,
		 struct buf *name, struct span records[DNS_RECORDS_MAX])
{
	struct dns_name canonical;
	bool cut = false;
	rep->ttl = dns_least_ttl(a);
	if (dns_follow(a, &canonical))
		dns_name_text(&canonical, name);
	/* Escapes may make a name longer than the field; it is then left out. */
	if (buf_ok(name) && buf_len(name) <= 255)
		rep->canonical = buf_span(name);
	rep->records_count = list_records(a, text, records, &cut);
	rep->records = records;
	if (cut && rep->why.len == 0)
		rep->why = SPAN("not all records fit into the answer");
}

struct asking {
	struct dialer *dialer;
	struct ipc_call *call;
};

static void answered(void *ctx, const struct resolver_answer *a)
{
	struct asking *q = ctx;
	struct span records[DNS_RECORDS_MAX];
	struct buf text, name;
	struct admin_dialer_query_reply rep = {
		.verdict = verdict_of(a->verdict),
		.rcode = (uint16_t)a->rcode,
		.why = span_sub(a->why, 0, 512)};
	dialer_count(q->dialer, a->verdict);
	buf_init(&text, RECORDS_TEXT_MAX);
	buf_init(&name, DNS_TEXT_MAX);
	/* See the schema: a forger's records go no further than this. */
	if (a->answer != NULL && a->verdict != RESOLVER_BOGUS)
		fill(a->answer, &rep, &text, &name, records);
	admin_dialer_query_answer(q->call, &rep);
	buf_free(&text);
	buf_free(&name);
	free(q);
}

static void refuse(struct ipc_call *call, enum admin_dialer_verdict verdict,
		   struct span why)
{
	admin_dialer_query_answer(
		call, &(struct admin_dialer_query_reply){.verdict = verdict,
							 .why = why});
}

uint64_t dialer_deadline(const struct dialer *d, const struct ipc_call *call)
{
	uint64_t own = loop_now(d->role->loop) +
		       d->conf->dns.timeout * NS_PER_SEC;
	return u64_min(own, ipc_call_deadline(call));
}

static void on_query(void *ctx, struct ipc_call *call,
		     const struct admin_dialer_query *m)
{
	struct client *c = ctx;
	struct dialer *d = c->dialer;
	struct dns_name name;
	uint16_t type;
	d->asked++;
	if (!dns_type_parse(m->type, &type)) {
		refuse(call, ADMIN_DIALER_VERDICT_UNASKED,
		       SPAN("unknown record type: A, AAAA, MX, TXT, CNAME, NS, "
			    "PTR, SOA, SRV, TLSA, CAA, DS, DNSKEY and so on, or "
			    "TYPE with a number"));
		return;
	}
	if (!dns_name_parse_idna(m->name, &name)) {
		refuse(call, ADMIN_DIALER_VERDICT_UNASKED,
		       SPAN("that is no domain name"));
		return;
	}
	if (d->resolver == NULL) {
		refuse(call, ADMIN_DIALER_VERDICT_OFF,
		       SPAN("lookups are off (dns lookups)"));
		return;
	}
	struct asking *q = calloc(1, sizeof *q);
	if (q == NULL) {
		ipc_refuse(call, IPC_BUSY);
		return;
	}
	*q = (struct asking){.dialer = d, .call = call};
	ipc_keep(call);
	if (resolver_ask(d->resolver, &name, type, dialer_deadline(d, call),
			 answered, q))
		return;
	ipc_refuse(call, IPC_BUSY);
	free(q);
}

static const struct admin_dialer_at_dialer handlers = {.query = on_query};

/* ---- channels -------------------------------------------------------------- */

static void client_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct client *cl = ctx;
	cl->channel = NULL;
	dials_drop(cl->dialer->dials, cl);
	role_peer_dead(cl->dialer->role, &cl->peer, c, reason);
}

static struct ipc *join(enum hop hop, struct ipc_link *link,
			const struct ipc_owner *owner)
{
	switch (hop) {
	case HOP_ADMIN_DIALER:
		return admin_dialer_ipc(
			admin_dialer_join_dialer(link, owner, &handlers));
	case HOP_COURIER_DIALER:
		return courier_dialer_ipc(courier_dialer_join_dialer(
			link, owner, &courier_handlers));
	case HOP_FETCH_DIALER:
		return fetch_dialer_ipc(fetch_dialer_join_dialer(
			link, owner, &fetch_handlers));
	default:
		link->ops->close(link);
		link->ops->free(link);
		return NULL;
	}
}

static void attach(void *self, const struct role_peer *peer,
		   struct ipc_link *link)
{
	struct dialer *d = self;
	for (size_t i = 0; i < DIALER_CHANNELS_MAX; i++) {
		struct client *c = &d->clients[i];
		if (c->channel != NULL)
			continue;
		*c = (struct client){.dialer = d, .peer = *peer};
		struct ipc_owner owner = {.role = c, .dead = client_dead};
		c->channel = join(peer->hop, link, &owner);
		return;
	}
	link->ops->close(link);
	link->ops->free(link);
}

/* ---- the resolver ------------------------------------------------------------ */

static struct addr address_of(const struct conf_resolver *r)
{
	return r->family == 4 ? addr_v4(r->bytes[0], r->bytes[1], r->bytes[2],
					r->bytes[3], r->port)
			      : addr_v6(r->bytes, r->port);
}

/* As the library writes it: "192.0.2.53@5353". */
static void upstream(const struct conf_resolver *r,
		     char out[UPSTREAM_TEXT_MAX])
{
	char host[ADDR_TEXT_MAX];
	struct addr a = address_of(r);
	(void)addr_format(&a, host);
	int n = snprintf(out, UPSTREAM_TEXT_MAX, "%s@%u", host, r->port);
	ENSURE(n > 0 && (size_t)n < UPSTREAM_TEXT_MAX);
}

static bool make_resolver(struct dialer *d, const struct conf_dns *c,
			  struct resolver **out, struct buf *why)
{
	char text[RESOLVER_UPSTREAMS_MAX][UPSTREAM_TEXT_MAX];
	struct resolver_settings s = {
		.anchors = span_of(d->anchors, d->anchors_len),
		.cache = c->cache};
	*out = NULL;
	if (!c->lookups)
		return true;
	if (c->trusted.count > 0) {
		struct addr a = address_of(&c->trusted.at[0]);
		d->stub = stub_new(d->role->loop, &a);
		if (d->stub != NULL)
			*out = resolver_asking(d->role->loop, stub_ask, d->stub);
		if (*out == NULL)
			buf_add(why, SPAN("memory is short"));
		return *out != NULL;
	}
	d->follow = follow_new(d->role, s.anchors);
	if (d->follow == NULL || !crypto_library_start()) {
		buf_add(why, SPAN("memory is short"));
		return false;
	}
	for (size_t i = 0;
	     i < c->resolvers.count && i < RESOLVER_UPSTREAMS_MAX; i++) {
		upstream(&c->resolvers.at[i], text[i]);
		s.upstreams[s.upstream_count++] = text[i];
	}
	*out = resolver_new(d->role->loop, &s, why);
	return *out != NULL;
}

bool dialer_script(void *self, resolver_source_fn *fn, void *ctx)
{
	struct dialer *d = self;
	resolver_free(d->resolver);
	d->resolver = resolver_asking(d->role->loop, fn, ctx);
	return d->resolver != NULL;
}

/* Not confined yet: the one file that this role reads. */
static bool read_anchors(struct dialer *d, struct span path, struct buf *why)
{
	struct world *w = d->role->world;
	char dir[PATH_LEN_MAX + 1], *slash;
	int at = -1, fd = -1;
	if (path.len == 0)
		return true;
	if (path.len > PATH_LEN_MAX || path.ptr[0] != '/') {
		buf_add(why, SPAN("dns trust-anchor: the whole path, please"));
		return false;
	}
	memcpy(dir, path.ptr, path.len);
	dir[path.len] = '\0';
	slash = dir + span_find_last(path, '/');
	*slash = '\0';
	enum os r = file_dir_open(w, slash == dir ? "/" : dir, &at);
	if (r == OS_OK)
		r = file_open(w, at, slash + 1, (struct open_how){0}, &fd);
	if (r == OS_OK)
		r = file_read_at(w, fd, d->anchors, sizeof d->anchors, 0,
				 &d->anchors_len);
	world_close(w, fd);
	world_close(w, at);
	if (r == OS_OK && d->anchors_len == sizeof d->anchors)
		r = OS_TOOBIG;
	if (r == OS_OK)
		return true;
	buf_printf(why, "dns trust-anchor %.*s: %s", SPAN_FMT(path), os_text(r));
	return false;
}

/* ---- life ------------------------------------------------------------------ */

static void destroy(void *self)
{
	struct dialer *d = self;
	resolver_free(d->resolver);
	stub_free(d->stub);
	follow_free(d->follow);
	dials_free(d->dials);
	for (size_t i = 0; i < DIALER_CHANNELS_MAX; i++)
		ipc_free(d->clients[i].channel);
	free(d);
}

static void *create(struct role *role, const struct conf *conf, struct buf *why)
{
	struct dialer *d = calloc(1, sizeof *d);
	if (d == NULL) {
		buf_add(why, SPAN("memory is short"));
		return NULL;
	}
	d->role = role;
	d->conf = conf;
	d->dials = dials_new(role->loop);
	if (d->dials == NULL)
		buf_add(why, SPAN("memory is short"));
	else if (read_anchors(d, conf->dns.trust_anchor, why) &&
		 make_resolver(d, &conf->dns, &d->resolver, why))
		return d;
	destroy(d);
	return NULL;
}

/* Its folder: what was learned of the root's keys is in force from the start. */
static bool material(void *self, enum material kind, struct span name, int fd,
		     struct buf *why)
{
	struct dialer *d = self;
	struct buf text;
	(void)name;
	if (kind != MATERIAL_DIR || d->follow == NULL) {
		world_close(d->role->world, fd);
		return kind == MATERIAL_DIR;
	}
	if (!follow_folder(d->follow, fd, why))
		return false;
	buf_init(&text, RESOLVER_ANCHORS_MAX);
	bool good = follow_text(d->follow, &text);
	if (!good)
		buf_add(why, SPAN("no key of the root is left in dialer/root.key: "
				  "remove the file to begin anew"));
	else
		good = resolver_anchors(d->resolver, buf_span(&text), why);
	buf_free(&text);
	return good;
}

static bool start(void *self, struct buf *why)
{
	struct dialer *d = self;
	if (d->follow == NULL || !follow_works(d->follow) ||
	    follow_start(d->follow, d->resolver,
			 d->conf->dns.timeout * NS_PER_SEC))
		return true;
	buf_add(why, SPAN("memory is short"));
	return false;
}

static bool same_resolvers(const struct conf_resolvers *a,
			   const struct conf_resolvers *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!conf_resolver_eq(&a->at[i], &b->at[i]))
			return false;
	return true;
}

static bool same_resolver(const struct conf_dns *a, const struct conf_dns *b)
{
	return a->lookups == b->lookups && a->cache == b->cache &&
	       same_resolvers(&a->resolvers, &b->resolvers) &&
	       same_resolvers(&a->trusted, &b->trusted);
}

/* A library that reads files while it starts cannot be started once more from
 * inside of the confinement. */
static bool prepare(void *self, const struct conf *conf, struct buf *why)
{
	struct dialer *d = self;
	const struct conf_dns *now = &d->conf->dns, *next = &conf->dns;
	if (same_resolver(now, next) &&
	    span_eq(now->trust_anchor, next->trust_anchor))
		return true;
	buf_add(why, SPAN("a change of dns settings other than the timeout "
			  "takes a restart"));
	return false;
}

static void adopt(void *self, const struct conf *conf)
{
	struct dialer *d = self;
	d->conf = conf;
	dials_adopt(d->dials, conf);
}

static void status(void *self, struct buf *json)
{
	struct dialer *d = self;
	struct dial_counts c = dials_counts(d->dials);
	buf_printf(json,
		   "\"connecting\":%zu,\"connected\":%llu,\"denied\":%llu,"
		   "\"unreachable\":%llu,\"busy\":%llu,",
		   c.open, (unsigned long long)c.connected,
		   (unsigned long long)c.denied,
		   (unsigned long long)c.unreachable,
		   (unsigned long long)c.busy);
	if (d->follow != NULL) {
		follow_status(d->follow, json);
		buf_addc(json, ',');
	}
	buf_printf(json,
		   "\"lookups\":%s,\"cache\":%zu,\"pending\":%zu,\"asked\":%llu,"
		   "\"secure\":%llu,\"insecure\":%llu,\"bogus\":%llu,"
		   "\"timeout\":%llu,\"failed\":%llu",
		   d->resolver ? "true" : "false",
		   d->resolver ? resolver_cache(d->resolver) : 0,
		   d->resolver ? resolver_pending(d->resolver) : 0,
		   (unsigned long long)d->asked, (unsigned long long)d->secure,
		   (unsigned long long)d->insecure,
		   (unsigned long long)d->bogus, (unsigned long long)d->late,
		   (unsigned long long)d->failed);
}

const struct role_def dialer_role = {
	.create = create,
	.destroy = destroy,
	.attach = attach,
	.material = material,
	.rights = rights,
	.start = start,
	.prepare = prepare,
	.adopt = adopt,
	.status = status,
};
