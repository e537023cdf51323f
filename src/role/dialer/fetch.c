/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/dialer/fetch: a name and a port of a web server become a connection.
 *
 * The same address policy as for mail.  A forged answer is no address.
 */
#include <stdlib.h>

#include "role/dialer/dialer.h"

struct fetching {
	struct client *client;
	struct ipc_call *call;
	uint16_t port;
	struct addr targets[DIAL_TARGETS_MAX];
};

static void end(struct fetching *f, struct fetch_dialer_connect_reply rep)
{
	fetch_dialer_connect_answer(f->call, &rep);
	free(f);
}

static void on_dialed(void *ctx, const struct dial_answer *a)
{
	static const enum fetch_dialer_reached by[] = {
		[DIAL_CONNECTED] = FETCH_DIALER_REACHED_CONNECTED,
		[DIAL_DENIED] = FETCH_DIALER_REACHED_DENIED,
		[DIAL_UNREACHABLE] = FETCH_DIALER_REACHED_UNREACHABLE,
		[DIAL_BUSY] = FETCH_DIALER_REACHED_BUSY,
		[DIAL_OURSELVES] = FETCH_DIALER_REACHED_DENIED};
	struct fetching *f = ctx;
	struct fetch_dialer_connect_reply rep = {
		.reached = by[a->end],
		.has_connection = a->end == DIAL_CONNECTED,
		.connection = a->fd,
		.why = span_cstr(a->why)};
	if (a->end == DIAL_CONNECTED)
		memcpy(rep.address, f->targets[a->of].ip, sizeof rep.address);
	end(f, rep);
}

/* IPv6 first; of each family no more than its half of the places. */
static size_t list_targets(struct fetching *f, const struct lookup_addresses *l)
{
	size_t count = 0;
	for (unsigned family = 2; family-- > 0;)
		for (size_t i = 0; i < l->found[family].count &&
				   i < DIAL_TARGETS_MAX / 2;
		     i++)
			f->targets[count++] =
				addr_v6(l->found[family].at[i], f->port);
	return count;
}

static void on_addresses(void *ctx, const struct lookup_addresses *l)
{
	struct fetching *f = ctx;
	struct dialer *d = f->client->dialer;
	size_t count = list_targets(f, l);
	if (ipc_call_channel(f->call) == NULL || count == 0) {
		struct span why = span_of(l->why, l->why_len);
		end(f, (struct fetch_dialer_connect_reply){
			       .reached = FETCH_DIALER_REACHED_UNKNOWN,
			       .why = why.len > 0 ? why
						  : SPAN("it has no address")});
		return;
	}
	struct dial_request r = {.conf = d->conf,
				 .owner = f->client,
				 .targets = f->targets,
				 .count = count,
				 .port = reach_web_port,
				 .deadline = ipc_call_deadline(f->call)};
	if (!dial(d->dials, &r, on_dialed, f)) {
		ipc_refuse(f->call, IPC_BUSY);
		free(f);
	}
}

/* What can be said without asking anybody; false: nothing. */
static bool refused(const struct dialer *d, const struct fetch_dialer_connect *m,
		    struct dns_name *name, struct fetch_dialer_connect_reply *rep)
{
	*rep = (struct fetch_dialer_connect_reply){0};
	if (!reach_web_port(d->conf, m->port)) {
		rep->reached = FETCH_DIALER_REACHED_DENIED;
		rep->why = SPAN("a port that is not for this");
	} else if (!dns_name_parse_idna(m->host, name)) {
		rep->reached = FETCH_DIALER_REACHED_UNKNOWN;
		rep->why = SPAN("that is no domain name");
	} else if (d->resolver == NULL) {
		rep->reached = FETCH_DIALER_REACHED_OFF;
		rep->why = SPAN("lookups are off (dns lookups)");
	}
	return rep->why.len > 0;
}

static void on_connect(void *ctx, struct ipc_call *call,
		       const struct fetch_dialer_connect *m)
{
	struct client *c = ctx;
	struct dialer *d = c->dialer;
	struct fetch_dialer_connect_reply no;
	struct dns_name name;
	if (refused(d, m, &name, &no)) {
		fetch_dialer_connect_answer(call, &no);
		return;
	}
	struct fetching *f = calloc(1, sizeof *f);
	if (f != NULL) {
		*f = (struct fetching){.client = c, .call = call, .port = m->port};
		ipc_keep(call);
		d->asked++;
		if (lookup_addresses(d->resolver, &name, dialer_deadline(d, call),
				     on_addresses, f))
			return;
	}
	ipc_refuse(call, IPC_BUSY);
	free(f);
}

const struct fetch_dialer_at_dialer fetch_handlers = {.connect = on_connect};
