/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/sim_sock - streams, packets and blobs of the simulated world.
 *
 * A pair is two objects that point at each other; input lies at the receiver.
 * When one end's last reference goes the other finds the end of file after
 * what was sent, as with real sockets.
 */
#include <stdlib.h>

#include "os/file.h"
#include "os/sim_inner.h"
#include "os/sock.h"

struct sim_obj *sim_obj_new(enum sim_kind kind)
{
	struct sim_obj *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	o->kind = kind;
	o->refs = 1;
	list_init(&o->queue);
	buf_init(&o->in, kind == SIM_BLOB ? SIZE_MAX / 2 : SIM_STREAM_BUF);
	return o;
}

void sim_unref(struct sim_obj *o)
{
	struct list *at;

	ENSURE(o->refs > 0);
	if (--o->refs > 0)
		return;
	list_remove(&o->link);
	if (o->peer != NULL) {
		o->peer->ended = true;
		o->peer->peer = NULL;
	}
	while ((at = list_pop_front(&o->queue)) != NULL) {
		if (o->kind == SIM_LISTEN) {
			sim_unref(CONTAINER_OF(at, struct sim_obj, link));
			continue;
		}
		struct sim_packet *p = CONTAINER_OF(at, struct sim_packet, link);
		if (p->passed != NULL)
			sim_unref(p->passed);
		free(p);
	}
	buf_free(&o->in);
	free(o);
}

static bool has_room(const struct sim_obj *to)
{
	return to->kind == SIM_PACKET ? to->queued < SIM_PACKETS_MAX
				      : buf_len(&to->in) < SIM_STREAM_BUF;
}

/* Of packets that are under way: when is the first one here? */
static bool first_late(const struct sim *s, const struct sim_obj *o)
{
	struct list *first = list_first(&o->queue);

	return o->kind == SIM_PACKET && first != NULL && !o->broken &&
	       CONTAINER_OF(first, struct sim_packet, link)->at > s->now;
}

unsigned sim_readiness(const struct sim *s, const struct sim_obj *o)
{
	bool gone = o->broken || (o->peer == NULL && o->kind != SIM_LISTEN);

	if (o->dead || o->stands > s->now)
		return 0;
	if (first_late(s, o)) /* the end is found behind it */
		return !gone && has_room(o->peer) ? READY_OUT : 0;

	if (o->kind == SIM_BLOB)
		return READY_IN | READY_OUT;
	if (o->kind == SIM_LISTEN)
		return o->queued > 0 ? READY_IN : 0;
	return (o->queued > 0 || buf_len(&o->in) > 0 || o->ended || gone ? READY_IN : 0) |
	       (gone || has_room(o->peer) ? READY_OUT : 0) | (gone ? READY_END : 0);
}

static enum os make_pair(enum sim_kind kind, struct sim_obj **a, struct sim_obj **b)
{
	*a = sim_obj_new(kind);
	*b = sim_obj_new(kind);
	if (*a == NULL || *b == NULL) {
		free(*a);
		free(*b);
		return OS_NOMEM;
	}
	(*a)->peer = *b;
	(*b)->peer = *a;
	return OS_OK;
}

static enum os pair(struct world *w, enum sim_kind kind, int out[2])
{
	struct sim_obj *a, *b;
	enum os r = make_pair(kind, &a, &b);

	if (r != OS_OK)
		return r;
	r = sim_fd(sim_of(w), a, &out[0]);
	if (r != OS_OK) {
		sim_unref(b);
		return r;
	}
	r = sim_fd(sim_of(w), b, &out[1]);
	if (r != OS_OK)
		world_close(w, out[0]);
	return r;
}

static enum os s_stream_pair(struct world *w, int out[2])
{
	return pair(w, SIM_STREAM, out);
}

static enum os s_packet_pair(struct world *w, int out[2])
{
	return pair(w, SIM_PACKET, out);
}

void sim_break(struct world *w, int fd)
{
	struct sim_obj *o = sim_get(sim_of(w), fd);

	o->broken = true;
	if (o->peer != NULL)
		o->peer->broken = true;
}

/* --- listening --- */

static struct sim_obj *find_listener(struct sim *s, const struct addr *a,
				     const char *path)
{
	LIST_EACH(&s->listeners, it) {
		struct sim_obj *o = CONTAINER_OF(it, struct sim_obj, link);
		if (path != NULL ? o->packets && strcmp(o->path, path) == 0
				 : !o->packets && o->local.port == a->port &&
					   addr_is_v4(&o->local) == addr_is_v4(a) &&
					   (addr_is_any(&o->local) ||
					    addr_same_host(&o->local, a)))
			return o;
	}
	return NULL;
}

static enum os s_listen(struct world *w, const struct addr *a,
			struct listen_how how, int *fd)
{
	struct sim *s = sim_of(w);
	struct sim_obj *o;

	if (a->port != 0 && find_listener(s, a, NULL) != NULL)
		return OS_INUSE;
	o = sim_obj_new(SIM_LISTEN);
	if (o == NULL)
		return OS_NOMEM;
	o->local = *a;
	if (a->port == 0)
		o->local.port = s->next_port++;
	o->backlog = how.backlog ? how.backlog : SOCK_BACKLOG;
	list_push_back(&s->listeners, &o->link);
	return sim_fd(s, o, fd);
}

static enum os s_packet_listen(struct world *w, const char *path, uint32_t mode,
			       int *fd)
{
	struct sim *s = sim_of(w);
	struct sim_obj *o;
	size_t len = strlen(path);

	(void)mode;
	if (len == 0 || len > SOCK_PATH_MAX)
		return OS_TOOBIG;
	o = find_listener(s, NULL, path);
	if (o != NULL) /* replaced, as the name in the file system is */
		list_remove(&o->link);
	o = sim_obj_new(SIM_LISTEN);
	if (o == NULL)
		return OS_NOMEM;
	o->packets = true;
	memcpy(o->path, path, len + 1);
	o->backlog = SOCK_BACKLOG;
	list_push_back(&s->listeners, &o->link);
	return sim_fd(s, o, fd);
}

static enum os join(struct world *w, struct sim_obj *l, const struct addr *from,
		    int *fd)
{
	struct sim *s = sim_of(w);
	struct sim_obj *own, *theirs;
	enum os r;

	if (l == NULL)
		return OS_REFUSED;
	if (l->queued >= l->backlog)
		return OS_AGAIN;
	r = make_pair(l->packets ? SIM_PACKET : SIM_STREAM, &own, &theirs);
	if (r != OS_OK)
		return r;
	own->remote = theirs->local = l->local;
	own->local = theirs->remote = *from;
	r = sim_fd(s, own, fd);
	if (r != OS_OK) {
		sim_unref(theirs);
		return r;
	}
	list_push_back(&l->queue, &theirs->link);
	l->queued++;
	return OS_OK;
}

/* Nobody is at the other end: a socket that waits, and then fails or never does. */
static enum os alone(struct sim *s, const struct addr *own, uint64_t until,
		     enum os fails, int *fd)
{
	struct sim_obj *o = sim_obj_new(SIM_STREAM);

	if (o == NULL)
		return OS_NOMEM;
	o->local = *own;
	o->stands = until;
	o->fails = fails;
	o->broken = true;
	return sim_fd(s, o, fd);
}

static enum os s_connect(struct world *w, const struct addr *to,
			 const struct addr *from, int *fd)
{
	struct sim *s = sim_of(w);
	struct sim_obj *l = find_listener(s, to, NULL);
	struct addr own = from != NULL ? *from : addr_v4(127, 0, 0, 1, 0);
	uint64_t late = 0;
	enum os r;

	if (from == NULL && !addr_is_v4(to))
		own = addr_v6((const uint8_t[16]){[15] = 1}, 0);
	if (own.port == 0)
		own.port = s->next_port++;
	if (sim_fault_now(s, "sim.connect.late"))
		late = s->now + sim_draw(s) % SIM_CONNECT_LATE_NS;
	if (sim_fault_now(s, "sim.connect.hole"))
		return alone(s, &own, NS_NEVER, OS_TIMEOUT, fd);
	if (sim_fault_now(s, "sim.connect.refused") || l == NULL)
		return late == 0 ? OS_REFUSED
				 : alone(s, &own, late, OS_REFUSED, fd);
	r = join(w, l, &own, fd);
	if (r == OS_OK)
		sim_get(s, *fd)->stands = late;
	return r;
}

static enum os s_packet_connect(struct world *w, const char *path, int *fd)
{
	struct addr none = {0};
	return join(w, find_listener(sim_of(w), NULL, path), &none, fd);
}

static enum os take_waiting(struct world *w, int fd, int *out)
{
	struct sim *s = sim_of(w);
	struct sim_obj *l = sim_get(s, fd);
	struct list *at;

	ENSURE(l->kind == SIM_LISTEN);
	if (l->queued == 0)
		return OS_AGAIN;
	if (sim_fault_now(s, "sim.accept.nofd"))
		return OS_NOFD;
	at = list_pop_front(&l->queue);
	l->queued--;
	return sim_fd(s, CONTAINER_OF(at, struct sim_obj, link), out);
}

static enum os s_accept(struct world *w, int fd, int *out, struct addr *peer)
{
	enum os r = take_waiting(w, fd, out);

	if (r == OS_OK)
		*peer = sim_get(sim_of(w), *out)->remote;
	return r;
}

/* Everybody in the simulation is the same user. */
static enum os s_packet_accept(struct world *w, int fd, int *out,
			       struct peer_cred *cred)
{
	*cred = (struct peer_cred){.pid = 1};
	return take_waiting(w, fd, out);
}

static enum os s_connected(struct world *w, int fd)
{
	struct sim *s = sim_of(w);
	struct sim_obj *o = sim_get(s, fd);

	if (o->stands > s->now)
		return OS_AGAIN;
	if (o->fails != OS_OK)
		return o->fails;
	return o->broken ? OS_BROKEN : OS_OK;
}

static enum os s_local(struct world *w, int fd, struct addr *out)
{
	*out = sim_get(sim_of(w), fd)->local;
	return OS_OK;
}

/* --- streams --- */

static enum os s_read(struct world *w, int fd, void *out, size_t len, size_t *got)
{
	struct sim *s = sim_of(w);
	struct sim_obj *o = sim_get(s, fd);
	size_t have = buf_len(&o->in);

	*got = 0;
	ENSURE(o->kind == SIM_STREAM && len > 0);
	if (o->dead)
		return OS_AGAIN;
	if (o->broken)
		return OS_BROKEN;
	if (have == 0)
		return o->ended ? OS_EOF : OS_AGAIN;
	have = have < len ? have : len;
	if (have > 1 && sim_fault_now(s, "sim.read.short"))
		have = 1 + (size_t)(sim_draw(s) % (have - 1));
	memcpy(out, buf_span(&o->in).ptr, have);
	buf_take(&o->in, have);
	*got = have;
	return OS_OK;
}

static enum os s_write(struct world *w, int fd, const void *in, size_t len,
		       size_t *done)
{
	struct sim *s = sim_of(w);
	struct sim_obj *o = sim_get(s, fd);
	size_t room;

	*done = 0;
	ENSURE(o->kind == SIM_STREAM && len > 0);
	if (o->broken || o->peer == NULL || o->shut)
		return OS_BROKEN;
	room = SIM_STREAM_BUF - buf_len(&o->peer->in);
	if (room == 0)
		return OS_AGAIN;
	room = room < len ? room : len;
	if (room > 1 && sim_fault_now(s, "sim.write.short"))
		room = 1 + (size_t)(sim_draw(s) % (room - 1));
	buf_add(&o->peer->in, span_of(in, room));
	if (!buf_ok(&o->peer->in))
		return OS_NOMEM;
	*done = room;
	sim_note(s, "stream", span_of(in, room));
	return OS_OK;
}

static enum os s_shutdown(struct world *w, int fd)
{
	struct sim_obj *o = sim_get(sim_of(w), fd);

	o->shut = true;
	if (o->peer != NULL)
		o->peer->ended = true;
	return OS_OK;
}

/* --- packets --- */

static enum os s_packet_send(struct world *w, int fd, const void *bytes, size_t len,
			     int pass)
{
	struct sim *s = sim_of(w);
	struct sim_obj *o = sim_get(s, fd);
	struct sim_packet *p;

	ENSURE(o->kind == SIM_PACKET);
	if (o->broken || o->peer == NULL || o->shut)
		return OS_BROKEN;
	if (!has_room(o->peer) || sim_fault_now(s, "sim.packet.again"))
		return OS_AGAIN;
	p = malloc(sizeof(*p) + len);
	if (p == NULL)
		return OS_NOMEM;
	*p = (struct sim_packet){.len = len, .at = s->now};
	memcpy(p->bytes, bytes, len);
	sim_note(s, "packet", span_of(bytes, len));
	if (sim_fault_now(s, "sim.packet.late"))
		p->at += sim_draw(s) % SIM_LATE_NS;
	/* Nothing overtakes. */
	o->peer->later = p->at = p->at > o->peer->later ? p->at : o->peer->later;
	if (pass >= 0) {
		p->passed = sim_get(s, pass);
		p->passed->refs++;
	}
	list_push_back(&o->peer->queue, &p->link);
	o->peer->queued++;
	return OS_OK;
}

static enum os s_packet_recv(struct world *w, int fd, void *out, size_t cap,
			     size_t *len, int *passed)
{
	struct sim *s = sim_of(w);
	struct sim_obj *o = sim_get(s, fd);
	struct sim_packet *p;
	enum os r = OS_OK;

	*len = 0;
	*passed = -1;
	ENSURE(o->kind == SIM_PACKET);
	if (o->broken)
		return OS_BROKEN;
	if (o->dead || first_late(s, o))
		return OS_AGAIN;
	if (o->queued == 0)
		return o->ended ? OS_EOF : OS_AGAIN;
	p = CONTAINER_OF(list_pop_front(&o->queue), struct sim_packet, link);
	o->queued--;
	if (p->len > cap) {
		r = OS_TOOBIG;
		if (p->passed != NULL)
			sim_unref(p->passed);
	} else if (p->passed != NULL) {
		r = sim_fd(s, p->passed, passed);
	}
	if (r == OS_OK) {
		memcpy(out, p->bytes, p->len);
		*len = p->len;
	}
	free(p);
	return r;
}

/* --- blobs; no other files --- */

static enum os s_blob_new(struct world *w, int *fd)
{
	struct sim *s = sim_of(w);
	struct sim_obj *o;

	if (s->turn != NULL && sim_fault_now(s, "sim.blob.none"))
		return OS_NOMEM;
	o = sim_obj_new(SIM_BLOB);
	return o != NULL ? sim_fd(sim_of(w), o, fd) : OS_NOMEM;
}

static enum os s_blob_seal(struct world *w, int fd)
{
	sim_get(sim_of(w), fd)->sealed = true;
	return OS_OK;
}

static enum os s_blob_check(struct world *w, int fd, uint64_t *size)
{
	struct sim_obj *o = sim_get(sim_of(w), fd);

	if (o->kind != SIM_BLOB || !o->sealed)
		return OS_BAD;
	*size = buf_len(&o->in);
	return OS_OK;
}

static enum os s_append(struct world *w, int fd, const void *in, size_t len,
			size_t *done)
{
	struct sim_obj *o = sim_get(sim_of(w), fd);

	*done = 0;
	if (o->kind != SIM_BLOB || o->sealed)
		return OS_DENIED;
	buf_add(&o->in, span_of(in, len));
	if (!buf_ok(&o->in))
		return OS_NOMEM;
	*done = len;
	return OS_OK;
}

static enum os s_pread(struct world *w, int fd, void *out, size_t len, uint64_t at,
		       size_t *got)
{
	struct sim_obj *o = sim_get(sim_of(w), fd);
	struct span s = buf_span(&o->in);

	*got = 0;
	if (o->kind != SIM_BLOB)
		return OS_BAD;
	s = span_sub(s, at < s.len ? (size_t)at : s.len, len);
	if (s.len > 0)
		memcpy(out, s.ptr, s.len);
	*got = s.len;
	return OS_OK;
}

static bool blob_grow(struct sim_obj *o, uint64_t size)
{
	static const char zeros[4096];
	while (buf_ok(&o->in) && buf_len(&o->in) < size) {
		size_t lack = (size_t)(size - buf_len(&o->in));
		buf_add(&o->in, span_of(zeros, lack < sizeof zeros ? lack : sizeof zeros));
	}
	return buf_ok(&o->in);
}

static enum os s_pwrite(struct world *w, int fd, const void *in, size_t len, uint64_t at,
			size_t *done)
{
	struct sim_obj *o = sim_get(sim_of(w), fd);

	*done = 0;
	if (o->kind != SIM_BLOB || o->sealed)
		return OS_DENIED;
	if (!blob_grow(o, at + len))
		return OS_NOMEM;
	if (len > 0)
		memcpy(o->in.data + o->in.from + at, in, len);
	*done = len;
	return OS_OK;
}

static enum os s_truncate(struct world *w, int fd, uint64_t size)
{
	struct sim_obj *o = sim_get(sim_of(w), fd);

	if (o->kind != SIM_BLOB || o->sealed)
		return OS_DENIED;
	if (size < buf_len(&o->in))
		buf_cut(&o->in, buf_len(&o->in) - (size_t)size);
	return blob_grow(o, size) ? OS_OK : OS_NOMEM;
}

static enum os s_open(struct world *w, int d, const char *n, struct open_how h, int *fd)
{
	(void)w, (void)d, (void)n, (void)h, (void)fd;
	return OS_UNSUPPORTED;
}

static enum os no_name(struct world *w, int d, const char *n)
{
	(void)w, (void)d, (void)n;
	return OS_UNSUPPORTED;
}

static enum os no_rename(struct world *w, int d, const char *n, int e, const char *m)
{
	(void)w, (void)d, (void)n, (void)e, (void)m;
	return OS_UNSUPPORTED;
}

static enum os no_size(struct world *w, int fd, uint64_t n)
{
	(void)w, (void)fd, (void)n;
	return OS_UNSUPPORTED;
}

static enum os no_sync(struct world *w, int fd, bool d)
{
	(void)w, (void)fd, (void)d;
	return OS_UNSUPPORTED;
}

static enum os no_facts(struct world *w, int fd, struct file_facts *f)
{
	(void)w, (void)fd, (void)f;
	return OS_UNSUPPORTED;
}

static enum os no_each(struct world *w, int fd, file_each_fn *fn, void *arg)
{
	(void)w, (void)fd, (void)fn, (void)arg;
	return OS_UNSUPPORTED;
}

static enum os no_lock(struct world *w, int fd)
{
	(void)w, (void)fd;
	return OS_UNSUPPORTED;
}

static enum os no_space(struct world *w, int fd, uint64_t *a, uint64_t *t)
{
	(void)w, (void)fd, (void)a, (void)t;
	return OS_UNSUPPORTED;
}

static enum os no_owner(struct world *w, int fd, uint32_t uid, uint32_t gid)
{
	(void)w, (void)fd, (void)uid, (void)gid;
	return OS_UNSUPPORTED;
}

static enum os no_dir(struct world *w, int dir)
{
	(void)w, (void)dir;
	return OS_UNSUPPORTED;
}

void sim_sock_ops(struct world_ops *o)
{
	o->listen = s_listen;
	o->accept = s_accept;
	o->connect = s_connect;
	o->connected = s_connected;
	o->local = s_local;
	o->read = s_read;
	o->write = s_write;
	o->shutdown = s_shutdown;
	o->stream_pair = s_stream_pair;
	o->packet_pair = s_packet_pair;
	o->packet_listen = s_packet_listen;
	o->packet_accept = s_packet_accept;
	o->packet_connect = s_packet_connect;
	o->packet_send = s_packet_send;
	o->packet_recv = s_packet_recv;
	o->blob_new = s_blob_new;
	o->blob_seal = s_blob_seal;
	o->blob_check = s_blob_check;
	o->append = s_append;
	o->pread = s_pread;
	o->open = s_open;
	o->mkdir = o->unlink = o->rmdir = no_name;
	o->own = no_owner;
	o->enter = no_dir;
	o->rename = o->link = no_rename;
	o->reserve = no_size;
	o->truncate = s_truncate;
	o->pwrite = s_pwrite;
	o->sync = no_sync;
	o->facts = no_facts;
	o->each = no_each;
	o->lock = no_lock;
	o->space = no_space;
}
