/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/fetch - HTTPS for the courier: policies of MTA-STS, reports on TLS.
 *
 * Rights: its channels.  The dialer connects and hands the connection over; what
 * the library would open is warmed before confinement, the authorities come from
 * the supervisor.  One request is one connection.
 *
 * Must never make a socket, open a file, follow a redirect, or answer `answered`
 * for a host whose certificate was not verified.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "base/list.h"
#include "crypto/library.h"
#include "os/file.h"
#include "role/common/role.h"
#include "role/fetch/role.h"
#include "role/fetch/web.h"
#include "wire/courier_fetch.h"
#include "wire/fetch_dialer.h"

#define CHANNELS_MAX  8u
#define ACTIVE_MAX    16u /* connections at a time; the others wait */
#define WAITING_MAX   512u
#define REQUEST_NS    (60 * NS_PER_SEC) /* RFC 8461 3.3: one minute, for all of it */
#define ANSWER_PART   8u /* of the caller's time is left to the answer */
#define CONNECT_ARENA 8192u

struct fetch;

struct client {
	struct fetch *fetch;
	struct role_peer peer;
	struct courier_fetch *channel;
};

struct dialing {
	struct fetch *fetch;
	struct role_peer peer;
	struct fetch_dialer *channel; /* NULL: it is away */
};

struct counts {
	uint64_t asked, answered, unreachable, certificate, late, large, broken,
		refused;
};

struct fetch {
	struct role *role;
	const struct conf *conf;
	struct web *web;
	struct client clients[CHANNELS_MAX];
	struct dialing dialer;
	struct list waiting, active;
	size_t waiting_count, active_count;
	bool beginning; /* inside of begin_next */
	struct counts counts;
	char *next_pem; /* of a configuration that is being prepared */
	size_t next_pem_len;
};

/* One call of a courier, from its coming to its answer. */
struct job {
	struct list link; /* waiting, then active */
	struct fetch *fetch;
	struct ipc_call *call; /* its fields live until the answer */
	struct web_url url;
	bool post;
	struct span media, body;
	uint64_t deadline;
	struct timer late; /* while it waits */
	struct arena *arena;
	struct fetch_dialer_connect_reply connected;
};

/* ---- rights: the first page --------------------------------------------- */

static void rights(void *self, struct rights *r)
{
	(void)self;
	*r = (struct rights){.sys = RIGHT_BASE, .max_fds = 1024};
}

/* ---- answers -------------------------------------------------------------- */

static void count(struct counts *c, enum courier_fetch_outcome o)
{
	switch (o) {
	case COURIER_FETCH_OUTCOME_ANSWERED:
		c->answered++;
		break;
	case COURIER_FETCH_OUTCOME_UNREACHABLE:
		c->unreachable++;
		break;
	case COURIER_FETCH_OUTCOME_CERTIFICATE:
		c->certificate++;
		break;
	case COURIER_FETCH_OUTCOME_LATE:
		c->late++;
		break;
	case COURIER_FETCH_OUTCOME_TOO_LARGE:
		c->large++;
		break;
	case COURIER_FETCH_OUTCOME_BROKEN:
		c->broken++;
		break;
	case COURIER_FETCH_OUTCOME_REFUSED:
		c->refused++;
		break;
	}
}

/* `got` NULL: nothing came from a server. */
static void answer(struct fetch *f, struct ipc_call *call, bool post,
		   enum courier_fetch_outcome outcome,
		   const struct web_answer *got, struct span why)
{
	count(&f->counts, outcome);
	if (post) {
		courier_fetch_post_answer(
			call, &(struct courier_fetch_post_reply){
				      .outcome = outcome,
				      .status = (uint16_t)(got ? got->status : 0),
				      .why = span_sub(why, 0, 512)});
		return;
	}
	struct courier_fetch_get_reply rep = {.outcome = outcome,
					      .why = span_sub(why, 0, 512)};
	if (got != NULL) {
		rep.status = (uint16_t)got->status;
		rep.media = got->media;
		rep.body = got->body;
	}
	courier_fetch_get_answer(call, &rep);
}

static void job_free(struct job *j)
{
	timer_stop(&j->late);
	list_remove(&j->link);
	web_url_free(&j->url);
	arena_free(j->arena);
	free(j);
}

static void begin_next(struct fetch *);

static void end(struct job *j, enum courier_fetch_outcome outcome,
		const struct web_answer *got, struct span why)
{
	struct fetch *f = j->fetch;
	answer(f, j->call, j->post, outcome, got, why);
	f->active_count--;
	job_free(j);
	begin_next(f);
}

static void busy(struct job *j)
{
	struct fetch *f = j->fetch;
	ipc_refuse(j->call, IPC_BUSY);
	f->active_count--;
	job_free(j);
	begin_next(f);
}

/* ---- a request ------------------------------------------------------------- */

static void web_done(void *ctx, const struct web_answer *a)
{
	static const enum courier_fetch_outcome outcomes[] = {
		[WEB_ANSWERED] = COURIER_FETCH_OUTCOME_ANSWERED,
		[WEB_CERTIFICATE] = COURIER_FETCH_OUTCOME_CERTIFICATE,
		[WEB_LATE] = COURIER_FETCH_OUTCOME_LATE,
		[WEB_TOO_LARGE] = COURIER_FETCH_OUTCOME_TOO_LARGE,
		[WEB_BROKEN] = COURIER_FETCH_OUTCOME_BROKEN,
	};
	struct job *j = ctx;
	if (a->end == WEB_SHORT)
		busy(j);
	else
		end(j, outcomes[a->end], a->end == WEB_ANSWERED ? a : NULL,
		    a->why);
}

/* A yes comes with a connection, a no with none. */
static bool dialer_keeps_rules(struct job *j)
{
	const struct fetch_dialer_connect_reply *c = &j->connected;
	bool yes = c->reached == FETCH_DIALER_REACHED_CONNECTED;
	if (yes == c->has_connection)
		return true;
	if (c->has_connection)
		world_close(j->fetch->role->world, c->connection);
	if (j->fetch->dialer.channel != NULL)
		ipc_kill(fetch_dialer_ipc(j->fetch->dialer.channel),
			 "a connection without a yes, or the other way");
	return false;
}

static void dialed(void *ctx, enum ipc_result r)
{
	struct job *j = ctx;
	struct fetch *f = j->fetch;
	const struct fetch_dialer_connect_reply *c = &j->connected;
	if (r == IPC_LATE) {
		end(j, COURIER_FETCH_OUTCOME_LATE, NULL,
		    SPAN("no connection in time"));
		return;
	}
	if (r != IPC_OK || !dialer_keeps_rules(j)) {
		end(j, COURIER_FETCH_OUTCOME_UNREACHABLE, NULL,
		    SPAN("the dialer gave no answer"));
		return;
	}
	if (c->reached != FETCH_DIALER_REACHED_CONNECTED) {
		end(j, COURIER_FETCH_OUTCOME_UNREACHABLE, NULL, c->why);
		return;
	}
	struct web_request q = {.url = &j->url,
				.fd = c->connection,
				.deadline = j->deadline,
				.post = j->post,
				.media = j->media,
				.body = j->body};
	if (!web_ask(f->web, &q, web_done, j))
		busy(j);
}

static void begin(struct job *j)
{
	struct fetch *f = j->fetch;
	struct fetch_dialer_connect m = {.host = span_cstr(j->url.host),
					 .port = j->url.port};
	timer_stop(&j->late);
	list_remove(&j->link);
	f->waiting_count--;
	list_push_back(&f->active, &j->link);
	f->active_count++;
	if (web_authority_count(f->web) == 0) {
		end(j, COURIER_FETCH_OUTCOME_CERTIFICATE, NULL,
		    SPAN("no authority is trusted (outgoing authorities)"));
		return;
	}
	if (f->dialer.channel == NULL) {
		end(j, COURIER_FETCH_OUTCOME_UNREACHABLE, NULL,
		    SPAN("the dialer is away"));
		return;
	}
	j->arena = arena_new(CONNECT_ARENA);
	if (j->arena == NULL ||
	    fetch_dialer_connect_start(f->dialer.channel, &m, j->arena,
				       &j->connected, j->deadline, dialed,
				       j) != IPC_OK)
		busy(j);
}

static void begin_next(struct fetch *f)
{
	if (f->beginning)
		return; /* one that ended at once: the loop below goes on */
	f->beginning = true;
	while (f->active_count < ACTIVE_MAX && !list_empty(&f->waiting))
		begin(CONTAINER_OF(list_first(&f->waiting), struct job, link));
	f->beginning = false;
}

static void on_late(struct timer *t)
{
	struct job *j = t->arg;
	struct fetch *f = j->fetch;
	answer(f, j->call, j->post, COURIER_FETCH_OUTCOME_LATE, NULL,
	       SPAN("too many requests were before this one"));
	f->waiting_count--;
	job_free(j);
}

/* Who asks is to hear that it took too long, so we end a little sooner. */
static uint64_t deadline_of(struct fetch *f, const struct ipc_call *call)
{
	uint64_t now = loop_now(f->role->loop), theirs = ipc_call_deadline(call);
	if (theirs <= now)
		return now;
	return now + u64_min(REQUEST_NS,
			     (theirs - now) / ANSWER_PART * (ANSWER_PART - 1));
}

static struct job *job_new(struct fetch *f, struct ipc_call *call,
			   const struct web_url *url)
{
	struct job *j = f->waiting_count < WAITING_MAX ? calloc(1, sizeof *j)
						       : NULL;
	if (j == NULL)
		return NULL;
	*j = (struct job){.fetch = f,
			  .call = call,
			  .url = *url,
			  .deadline = deadline_of(f, call)};
	if (timer_start(f->role->loop, &j->late, j->deadline, on_late, j))
		return j;
	free(j);
	return NULL;
}

static void ask(struct client *c, struct ipc_call *call, struct span text,
		bool post, struct span media, struct span body)
{
	struct fetch *f = c->fetch;
	struct web_url url;
	const char *why = web_url_read(text, &url);
	f->counts.asked++;
	if (why != NULL) {
		answer(f, call, post, COURIER_FETCH_OUTCOME_REFUSED, NULL,
		       span_cstr(why));
		return;
	}
	struct job *j = job_new(f, call, &url);
	if (j == NULL) {
		web_url_free(&url);
		ipc_refuse(call, IPC_BUSY);
		return;
	}
	j->post = post;
	j->media = media;
	j->body = body;
	ipc_keep(call);
	list_push_back(&f->waiting, &j->link);
	f->waiting_count++;
	begin_next(f);
}

static void on_get(void *ctx, struct ipc_call *call,
		   const struct courier_fetch_get *m)
{
	struct buf url;
	buf_init(&url, WEB_URL_MAX + 1);
	buf_add(&url, SPAN("https://"));
	buf_add(&url, m->host);
	buf_add(&url, m->path);
	struct client *c = ctx;
	/* A host is one, and nothing that a URL would take for something else. */
	if (!buf_ok(&url) && buf_short(&url))
		ipc_refuse(call, IPC_BUSY);
	else if (!span_starts(m->path, SPAN("/")) || span_has(m->host, '/') ||
		 span_has(m->host, ':') || span_has(m->host, '@') ||
		 span_has(m->host, '?') || span_has(m->host, '#'))
		answer(c->fetch, call, false, COURIER_FETCH_OUTCOME_REFUSED,
		       NULL, SPAN("that is no host and path"));
	else
		ask(c, call, buf_span(&url), false, SPAN(""), SPAN(""));
	buf_free(&url);
}

static void on_post(void *ctx, struct ipc_call *call,
		    const struct courier_fetch_post *m)
{
	struct client *c = ctx;
	for (size_t i = 0; i < m->media.len; i++)
		if (m->media.ptr[i] < 0x20 || m->media.ptr[i] > 0x7e) {
			answer(c->fetch, call, true,
			       COURIER_FETCH_OUTCOME_REFUSED, NULL,
			       SPAN("that is no media type"));
			return;
		}
	ask(c, call, m->url, true, m->media, m->body);
}

static const struct courier_fetch_at_fetch handlers = {.get = on_get,
							.post = on_post};

/* ---- channels -------------------------------------------------------------- */

static void client_dead(void *ctx, struct ipc *i, const char *reason)
{
	struct client *c = ctx;
	c->channel = NULL;
	role_peer_dead(c->fetch->role, &c->peer, i, reason);
}

static void dialer_dead(void *ctx, struct ipc *i, const char *reason)
{
	struct dialing *d = ctx;
	if (d->channel != NULL && fetch_dialer_ipc(d->channel) == i)
		d->channel = NULL;
	role_peer_dead(d->fetch->role, &d->peer, i, reason);
}

static bool attach_client(struct fetch *f, const struct role_peer *peer,
			  struct ipc_link *link)
{
	for (size_t i = 0; i < CHANNELS_MAX; i++) {
		struct client *c = &f->clients[i];
		if (c->channel != NULL)
			continue;
		*c = (struct client){.fetch = f, .peer = *peer};
		struct ipc_owner owner = {.role = c, .dead = client_dead};
		c->channel = courier_fetch_join_fetch(link, &owner, &handlers);
		return true;
	}
	return false;
}

static void attach_dialer(struct fetch *f, const struct role_peer *peer,
			  struct ipc_link *link)
{
	struct ipc_owner owner = {.role = &f->dialer, .dead = dialer_dead};
	struct fetch_dialer *old = f->dialer.channel;
	f->dialer = (struct dialing){.fetch = f, .peer = *peer};
	if (old != NULL)
		ipc_free(fetch_dialer_ipc(old));
	f->dialer.channel = fetch_dialer_join_fetch(link, &owner);
}

static void attach(void *self, const struct role_peer *peer,
		   struct ipc_link *link)
{
	struct fetch *f = self;
	if (peer->hop == HOP_FETCH_DIALER) {
		attach_dialer(f, peer, link);
		return;
	}
	if (peer->hop == HOP_COURIER_FETCH && attach_client(f, peer, link))
		return;
	link->ops->close(link);
	link->ops->free(link);
}

/* ---- life ------------------------------------------------------------------ */

static void destroy(void *self)
{
	struct fetch *f = self;
	struct fetch_dialer *d = f->dialer.channel;
	LIST_EACH(&f->waiting, link) {
		struct job *j = CONTAINER_OF(link, struct job, link);
		ipc_refuse(j->call, IPC_BUSY);
		f->waiting_count--;
		job_free(j);
	}
	f->dialer.channel = NULL;
	if (d != NULL)
		ipc_free(fetch_dialer_ipc(d)); /* ends what waits for it */
	if (f->web != NULL)
		web_stop(f->web);
	for (size_t i = 0; i < CHANNELS_MAX; i++)
		if (f->clients[i].channel != NULL)
			ipc_free(courier_fetch_ipc(f->clients[i].channel));
	ENSURE(f->active_count == 0);
	web_end(f->web);
	free(f->next_pem);
	free(f);
}

static void *create(struct role *role, const struct conf *conf, struct buf *why)
{
	struct fetch *f = calloc(1, sizeof *f);
	if (f == NULL) {
		buf_add(why, SPAN("memory is short"));
		return NULL;
	}
	f->role = role;
	f->conf = conf;
	list_init(&f->waiting);
	list_init(&f->active);
	/* In this order: the second would have the first read its configuration. */
	if (crypto_library_start())
		f->web = web_start(role->loop);
	if (f->web != NULL)
		return f;
	buf_add(why, SPAN("the libraries cannot work here"));
	destroy(f);
	return NULL;
}

static bool read_pem(struct fetch *f, int fd, struct buf *why)
{
	char *pem = malloc(WEB_AUTHORITIES_MAX + 1u);
	size_t len = 0;
	enum os r = pem == NULL ? OS_NOMEM
				: file_read_at(f->role->world, fd, pem,
					       WEB_AUTHORITIES_MAX + 1u, 0, &len);
	if (r == OS_OK && len > WEB_AUTHORITIES_MAX)
		r = OS_TOOBIG;
	if (r == OS_OK &&
	    span_find_span(span_of(pem, len),
			   SPAN("-----BEGIN CERTIFICATE-----")) == SIZE_MAX) {
		buf_add(why, SPAN("no certificate is in it"));
		free(pem);
		return false;
	}
	if (r != OS_OK) {
		buf_add(why, span_cstr(os_text(r)));
		free(pem);
		return false;
	}
	free(f->next_pem);
	f->next_pem = pem;
	f->next_pem_len = len;
	return true;
}

static bool material(void *self, enum material kind, struct span name, int fd,
		     struct buf *why)
{
	struct fetch *f = self;
	(void)name;
	bool ok = kind == MATERIAL_AUTHORITIES && read_pem(f, fd, why);
	world_close(f->role->world, fd);
	return ok;
}

/* None came: nobody is trusted. */
static bool take_authorities(struct fetch *f)
{
	bool ok = web_authorities(f->web, span_of(f->next_pem, f->next_pem_len));
	free(f->next_pem);
	f->next_pem = NULL;
	f->next_pem_len = 0;
	return ok;
}

static bool start(void *self, struct buf *why)
{
	struct fetch *f = self;
	if (take_authorities(f))
		return true;
	buf_add(why, SPAN("memory is short"));
	return false;
}

static bool prepare(void *self, const struct conf *conf, struct buf *why)
{
	struct fetch *f = self;
	(void)conf;
	(void)why;
	free(f->next_pem);
	f->next_pem = NULL;
	f->next_pem_len = 0;
	return true;
}

static void adopt(void *self, const struct conf *conf)
{
	struct fetch *f = self;
	f->conf = conf;
	if (!take_authorities(f))
		LOG(f->role->log, ERROR, "fetch.authorities", 0,
		    F_CSTR("why", "memory is short: the old ones stay"));
}

static void status(void *self, struct buf *json)
{
	struct fetch *f = self;
	const struct counts *c = &f->counts;
	buf_printf(json,
		   "\"authorities\":%zu,\"waiting\":%zu,\"active\":%zu,"
		   "\"asked\":%llu,\"answered\":%llu,\"unreachable\":%llu,"
		   "\"certificate\":%llu,\"late\":%llu,\"too_large\":%llu,"
		   "\"broken\":%llu,\"turned_away\":%llu",
		   web_authority_count(f->web), f->waiting_count,
		   f->active_count, (unsigned long long)c->asked,
		   (unsigned long long)c->answered,
		   (unsigned long long)c->unreachable,
		   (unsigned long long)c->certificate,
		   (unsigned long long)c->late, (unsigned long long)c->large,
		   (unsigned long long)c->broken,
		   (unsigned long long)c->refused);
}

const struct role_def fetch_role = {
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
