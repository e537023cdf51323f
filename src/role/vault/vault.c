/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/vault - private keys, and nothing else.
 *
 * Rights: its channels.  Keys come as open files from the supervisor at start
 * and at a reload, are read once and closed.  What it answers is in
 * role/vault/ends.c: it signs handshakes that it recognises as such, of the side
 * that the asking pool is on, with a key that the pool may use; everything else
 * is refused and counted.  The admin pool is told the hashes of public keys.
 *
 * Must never sign a blob that somebody merely names, nor answer an edge or a
 * courier anything that tells which keys exist.
 */
#include <stdlib.h>

#include "crypto/library.h"
#include "crypto/secret.h"
#include "os/file.h"
#include "role/vault/ends.h"
#include "role/vault/role.h"

#define VAULT_GRACE_NS (60 * NS_PER_SEC) /* old keys, after a reload */
#define NOTES_MAX      16384u

/* ---- rights: the first page --------------------------------------------- */

static void rights(void *self, struct rights *r)
{
	(void)self;
	*r = (struct rights){.sys = RIGHT_BASE, .max_fds = 512};
}

/* ---- channels ------------------------------------------------------------ */

static void attach(void *self, const struct role_peer *peer,
		   struct ipc_link *link)
{
	struct vault *v = self;
	for (size_t i = 0; i < CHANNELS_MAX; i++) {
		struct client *c = &v->clients[i];
		if (client_lives(c))
			continue;
		*c = (struct client){.vault = v, .peer = *peer};
		if (client_join(c, link))
			return;
		break;
	}
	link->ops->close(link);
	link->ops->free(link);
}

/* ---- keys come and go ---------------------------------------------------- */

static bool read_pem(struct vault *v, int fd, char *pem, size_t cap,
		     size_t *len, struct buf *why)
{
	enum os r = file_read_at(v->role->world, fd, pem, cap, 0, len);
	if (r == OS_OK && *len < cap)
		return true;
	buf_add(why, r == OS_OK ? SPAN("the file is too large for a "
				       "certificate or key")
				: span_cstr(os_text(r)));
	return false;
}

static void tell_notes(struct vault *v, struct buf *notes)
{
	struct span rest = buf_span(notes), line;
	while (rest.len > 0) {
		(void)span_cut(&rest, '\n', &line);
		LOG(v->role->log, WARNING, "certificate.note", 0,
		    F("what", line));
	}
}

static bool take(struct vault *v, enum material kind, struct span label,
		 struct span pem, struct buf *why)
{
	const struct conf *conf = v->next_conf ? v->next_conf : v->conf;
	struct buf notes;
	if (v->next == NULL)
		v->next = shelf_new(v->now ? v->now->generation + 1 : 1);
	if (v->next == NULL) {
		buf_add(why, SPAN("memory is short"));
		return false;
	}
	if (kind == MATERIAL_CHAIN)
		return shelf_add_chain(v->next, conf, label, pem, why);
	if (kind == MATERIAL_NEXT_KEY)
		return shelf_add_next(v->next, label, pem, why);
	buf_init(&notes, NOTES_MAX);
	bool ok = shelf_add_key(v->next, conf, label, pem,
				world_wall(v->role->world).sec, why, &notes);
	tell_notes(v, &notes);
	buf_free(&notes);
	return ok;
}

static bool material(void *self, enum material kind, struct span label, int fd,
		     struct buf *why)
{
	struct vault *v = self;
	size_t cap = kind == MATERIAL_CHAIN ? TLS_PEM_MAX + 1
					    : TLS_KEY_PEM_MAX + 1;
	size_t len = 0;
	bool ok = false;
	bool taken = kind <= MATERIAL_KEY || kind == MATERIAL_NEXT_KEY;
	char *pem = taken ? malloc(cap) : NULL;
	if (pem != NULL && read_pem(v, fd, pem, cap, &len, why))
		ok = take(v, kind, label, span_of(pem, len), why);
	if (pem != NULL)
		secret_wipe(pem, cap);
	free(pem);
	world_close(v->role->world, fd);
	if (!ok) {
		shelf_free(v->next);
		v->next = NULL;
	}
	return ok;
}

static void retire(struct timer *t)
{
	struct vault *v = t->arg;
	shelf_free(v->old);
	v->old = NULL;
}

/* Loaded and proven: edges switch now, the old keys go after the grace. */
static void switch_shelf(struct vault *v)
{
	if (v->next == NULL)
		return;
	shelf_free(v->old);
	v->old = v->now;
	v->now = v->next;
	v->next = NULL;
	if (!timer_start(v->role->loop, &v->retire,
			 loop_now(v->role->loop) + VAULT_GRACE_NS, retire, v))
		retire(&(struct timer){.arg = v});
	for (size_t i = 0; i < CHANNELS_MAX; i++)
		client_changed(&v->clients[i], v->now->generation);
}

/* ---- life ---------------------------------------------------------------- */

static void *create(struct role *role, const struct conf *conf, struct buf *why)
{
	struct vault *v = calloc(1, sizeof *v);
	if (v == NULL || !crypto_library_start()) {
		buf_add(why, SPAN("the crypto library cannot work here"));
		free(v);
		return NULL;
	}
	v->role = role;
	v->conf = conf;
	return v;
}

static void destroy(void *self)
{
	struct vault *v = self;
	timer_stop(&v->retire);
	for (size_t i = 0; i < CHANNELS_MAX; i++)
		client_free(&v->clients[i]);
	shelf_free(v->now);
	shelf_free(v->next);
	shelf_free(v->old);
	free(v);
}

static bool start(void *self, struct buf *why)
{
	struct vault *v = self;
	/* No certificates is an answer, too: edges wait for generation 1. */
	if (v->next == NULL)
		v->next = shelf_new(1);
	if (v->next == NULL)
		buf_add(why, SPAN("memory is short"));
	else
		switch_shelf(v);
	return v->now != NULL;
}

static bool prepare(void *self, const struct conf *conf, struct buf *why)
{
	struct vault *v = self;
	(void)why;
	shelf_free(v->next);
	v->next = NULL;
	v->next_conf = conf;
	return true;
}

static void adopt(void *self, const struct conf *conf)
{
	struct vault *v = self;
	v->conf = conf;
	v->next_conf = NULL;
	switch_shelf(v);
}

static void status(void *self, struct buf *json)
{
	struct vault *v = self;
	buf_printf(json,
		   "\"keys\":%zu,\"generation_keys\":%u,\"signed\":%llu,"
		   "\"refused_key\":%llu,\"refused_text\":%llu,"
		   "\"refused_scheme\":%llu,\"failed\":%llu",
		   v->now ? v->now->count : 0, v->now ? v->now->generation : 0,
		   (unsigned long long)v->signed_,
		   (unsigned long long)v->refused_key,
		   (unsigned long long)v->refused_text,
		   (unsigned long long)v->refused_scheme,
		   (unsigned long long)v->failed);
}

const struct role_def vault_role = {
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
