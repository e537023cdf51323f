/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/edge - what the whole process holds: peers, ports, connections.
 *
 * A port is a listener's name with its sockets and its crowd; it stays for the
 * life of the process.  A service is what a configuration says about a
 * listener: immutable, counted, replaced at a reload; a connection keeps the
 * one that it began with.
 *
 * A peer that is not there is NULL.  Nothing waits for one to come back: who
 * needs it now is told to come again.
 */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "os/fiber.h"
#include "role/common/role.h"
#include "role/edge/limits.h"
#include "smtp/session.h"
#include "tls/context.h"
#include "wire/edge_auth.h"
#include "wire/edge_store.h"
#include "wire/edge_vault.h"

#define EDGE_SOCKETS_MAX    16u     /* of one listener */
#define EDGE_CONNECTIONS    1000000u
#define EDGE_ACCEPTS_A_TURN 32u
#define EDGE_PAUSE_NS       (100 * NS_PER_MS) /* without a descriptor to spare */
#define EDGE_WORK_IDLE      64u     /* workspaces kept warm */
#define EDGE_IN             16384u  /* a line of any protocol fits */
#define EDGE_ARENA_MAX      (2u << 20)
#define EDGE_RECIPIENTS_MAX 1000u   /* of one offer */
#define EDGE_CLIENT_CA_MAX  (1u << 19) /* bytes of a file of authorities */

/* How long a question may take; changes of mail are waited for. */
#define EDGE_ASK_NS   (2 * NS_PER_SEC)
#define EDGE_READ_NS  (10 * NS_PER_SEC)
#define EDGE_LOGIN_NS (60 * NS_PER_SEC) /* first ones wait for each other */
#define EDGE_LONG_NS  (60 * NS_PER_SEC)

#define EDGE_MECHANISMS_MAX 256u

struct connection;
struct protocol;

/* What a fiber needs while it serves; given back when its session idles. */
struct workspace {
	struct workspace *next;
	struct arena *arena; /* reset by each question that uses it */
	char in[EDGE_IN];
	char out[STREAM_OUT_MAX];
};

struct service {
	unsigned refs;
	struct arena *arena; /* every span below */
	const struct protocol *protocol;
	struct span name, hostname;
	struct smtp_settings smtp;
	bool implicit, starttls;
	struct tls_settings tls_settings;
	struct span certificate;
	const struct span *sni; /* names of certificates */
	size_t sni_count;
	struct tls_context *tls; /* NULL: TLS cannot be had */
	struct conf_limits limits;
	struct conf_timeouts timeouts;
};

struct socket {
	struct port *port;
	struct watch watch;
	struct addr at;
	int fd;
	uint64_t round; /* in which the supervisor named it last */
};

struct port {
	struct edge *edge;
	char name[64];
	struct service *service; /* NULL: the configuration knows it no more */
	struct service *next_service; /* of one that is not in force yet, or NULL */
	struct socket sockets[EDGE_SOCKETS_MAX];
	size_t socket_count;
	struct crowd crowd;
	/* Who signs its clients, in PEM; NULL: nobody.  `next`: handed over
	 * for a configuration that is not in force yet. */
	char *client_ca, *next_ca;
	size_t client_ca_len, next_ca_len;
};

struct edge_counts {
	uint64_t shed, put_off, gave_way; /* for load; for a newer client */
	uint64_t accepted, refused, shaken, shake_failures, kept, logins;
};

struct edge {
	struct role *role;
	const struct conf *conf;
	struct edge_vault *vault;
	struct edge_auth *auth;
	struct edge_store *store;
	struct role_peer vault_peer, auth_peer, store_peer;
	uint64_t store_epoch; /* counts stores: a session is of one epoch */
	struct map *sessions; /* the store's id -> connection */

	struct tls_library *tls;
	struct fiber *contexts;
	bool contexts_again;
	bool started; /* confined */
	bool serving; /* contexts are there: clients are accepted */

	struct port ports[CONF_LISTENERS_MAX];
	size_t port_count;
	uint64_t round; /* of configurations that were offered */
	bool paused;
	struct timer resume;

	/* isolate user, see porter.c: at most one of the two. */
	bool porter, isolated;
	struct list guests; /* the porter's */
	struct {
		struct port *port; /* NULL: nobody waits for contexts */
		struct addr peer;
		int fd;
	} came;

	struct list connections; /* in front who waits longest to log in */
	size_t connection_count, bound_count;
	struct workspace *spare;
	size_t spare_count;

	/* Of auth; empty until somebody asked. */
	char mechanisms[EDGE_MECHANISMS_MAX], with_binding[EDGE_MECHANISMS_MAX];
	size_t mechanisms_len, with_binding_len;

	enum edge_store_level load; /* the store's */

	struct timer worn;
	uint64_t began;
	bool wearing;  /* a successor was asked for */
	bool retiring; /* it is there: nobody new */

	bool draining, drained;
	uint64_t drain_by;
	struct timer drain;
	struct edge_counts counts;
};

/* contexts.c: ask the vault for certificates, build contexts, begin to serve. */
void contexts_refresh(struct edge *);
/* How tls/ gets a signature. */
enum tls_sign_result contexts_sign(void *edge, uint32_t key, enum tls_scheme,
				   struct span tbs, char *out, size_t cap,
				   size_t *len);

/* service.c */
MUST_USE struct service *service_new(const struct conf *,
				     const struct conf_listener *);
void service_hold(struct service *);
void service_release(struct service *); /* NULL is allowed */

/* listener.c */
void listener_add(struct edge *, struct span name, int fd);
/* A file with authorities for the configuration to come; the descriptor stays
 * the caller's. */
MUST_USE bool listener_client_ca(struct edge *, struct span name, int fd,
				 struct buf *why);
/* What was handed over counts from now on; what was not is gone. */
void listener_take_authorities(struct edge *);
/* The configuration to come will not come. */
void listener_drop_authorities(struct edge *);
/* A service for each port by a configuration to come.  False: memory is short. */
MUST_USE bool listener_prepare(struct edge *, const struct conf *);
void listener_drop_services(struct edge *);
/*
 * A service for each port by the present configuration; sockets that were not
 * named with it are closed.
 */
void listener_configure(struct edge *);
void listener_open(struct edge *); /* accept on every port that may */
void listener_close_all(struct edge *);
/* A port without a socket, for a guest; its service is made by `conf`. */
void listener_know(struct edge *, struct span name, const struct conf *);
struct port *listener_named(struct edge *, struct span name); /* NULL: none */
/* A descriptor was given back. */
void listener_relieved(struct edge *);

/* retire.c: a successor takes over after a time, or when many have logged in. */
void retire_watch(struct edge *);
void retire_begin(struct edge *);
void retire_look(struct edge *); /* somebody logged in, or a connection has gone */
bool retire_makes_room(struct edge *); /* for one more; false: there is none */

/* porter.c: see there.  The porter's: */
void porter_take(struct port *, int fd, const struct addr *,
		 struct crowd_place *);
void porter_known(struct edge *, uint64_t id, bool known);
bool porter_gives_way(struct edge *); /* false: everybody has logged in */
/* The guest's: its ports by a configuration; its connection. */
void porter_prepare(struct edge *, const struct conf *);
void porter_come(struct edge *, struct span listener, const struct addr *, int fd);
void porter_make_way(struct edge *); /* unless it has logged in */
void porter_serve(struct edge *); /* contexts are there */
void porter_close(struct edge *); /* the role ends */

/* drain.c */
void drain_begin(struct edge *, uint32_t within_ms);
void drain_look(struct edge *); /* a connection has gone */

static inline uint64_t edge_within(const struct edge *e, uint64_t ns)
{
	return world_now(e->role->world) + ns;
}
