/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/connection - one client: a descriptor, perhaps TLS, a session.
 *
 * Between two commands a connection is this object, its TLS state and its
 * session, nothing else.  Bytes, a hint or the timer start a fiber, which takes
 * a workspace, serves while there is something to do, and gives both back.
 *
 * The stream is the session's only way to the client (transport.c); the
 * protocol's own part (`side`) is made before the greeting and holds session
 * and host.
 */
#pragma once

#include "role/edge/edge.h"
#include "tls/facts.h"

#define CONNECTION_TAG TAG4('C', 'O', 'N', 'N')
#define CONNECTION_MAX 1024u /* bytes, so that many fit */
/*
 * An answer may take its bytes at CONNECTION_RATE a second and this much longer,
 * however many pieces it comes in: a client that takes one byte a minute ends.
 */
#define CONNECTION_PATIENCE_NS (120 * NS_PER_SEC)
#define CONNECTION_RATE	       1024u

enum farewell {
	FAREWELL_TIMEOUT,
	FAREWELL_SHUTDOWN,
	FAREWELL_LOST, /* the store that the session lived in is gone */
};

/* What differs between SMTP, IMAP and POP3.  bool: the connection goes on. */
struct protocol {
	const char *name;
	enum edge_store_service (*service)(const struct connection *);
	enum edge_auth_service auth;
	bool (*open)(struct connection *); /* false: memory is short */
	bool (*greet)(struct connection *);
	bool (*run)(struct connection *);
	/* NULL: only that something moved. */
	bool (*hint)(struct connection *, const struct edge_store_hint *);
	bool (*idling)(const struct connection *); /* wants hints now: in IDLE, or always */
	void (*farewell)(struct connection *, enum farewell);
	void (*secured)(struct connection *); /* TLS is on now */
	uint64_t (*idle_seconds)(const struct connection *);
	void (*close)(struct connection *); /* of what open made */
	/* To one for whom there is no room, before anything was read. */
	struct span too_many;
};

extern const struct protocol smtp_protocol, imap_protocol, pop3_protocol;

/* What TLS negotiated, kept small. */
struct secured {
	bool on, bindable;
	char version[12], suite[52];
	uint8_t binding[TLS_BINDING_LEN];
};

struct exchange; /* auth.c */

struct connection {
	uint32_t tag;
	struct list link;
	struct edge *edge;
	struct port *port;
	struct service *service;
	const struct protocol *protocol;
	void *side;
	struct stream stream;
	struct watch watch;
	struct timer timer;
	struct fiber *fiber;
	struct workspace *work;
	struct tls_conn *tls;
	struct flate *flate; /* both directions are deflated: inside of TLS */
	struct secured secured;
	struct exchange *exchange;
	struct edge_store_hint *news; /* what `hinted` is about; NULL: ask */
	struct crowd_place *place;
	char *user; /* after a login, for the log */
	struct addr peer;
	int fd;
	unsigned waits;      /* READY_*: the fiber waits for the socket */
	unsigned busy;       /* reads and writes since it last waited */
	uint64_t deadline;   /* of what is under way */
	uint64_t patience;   /* for a client that does not take its answer, ns */
	uint64_t login_by;   /* 0: nobody has to log in, or did */
	uint64_t id;         /* in the log */
	uint64_t session;    /* the store's, valid in `epoch` only */
	uint64_t epoch;
	bool greeted;
	bool ended;    /* the watch is over: reads and writes tell why */
	bool readable; /* something came while it was idle */
	bool due;      /* the deadline passed while it was idle */
	bool hinted;   /* the selected mailbox moved */
	bool stop;     /* we shut down */
	bool lost;     /* its store has gone, or it gives way to another */
	bool bound;    /* logged in */
	bool in_body;  /* a message is under way: it may finish */
	bool eof;      /* the client closed first: no need to linger */
};

/* The descriptor is the connection's; it is counted in already. */
void connection_start(struct edge *, struct port *, int fd, const struct addr *,
		      struct crowd_place *);
/* It is somebody's from here on. */
void connection_bound(struct connection *);
/* It is nobody's again, with the time to log in that a new one has. */
void connection_unbound(struct connection *);
/* Something for it to do has come up (stop, lost, hinted). */
void connection_kick(struct connection *);
/* Without a goodbye; only while no fiber serves it. */
void connection_drop(struct connection *);
/* The session is to end: reads answer IO_STOP, but for a message under way. */
static inline bool connection_ending(const struct connection *c)
{
	return (c->stop || c->lost) && !c->in_body;
}
/* Text of the peer's address; the span is in `text`. */
struct span connection_ip(const struct connection *, char text[ADDR_TEXT_MAX]);

/* transport.c */
extern const struct stream_ops transport_ops;
/* Park until the socket is ready.  IO_OK: try again. */
MUST_USE enum io transport_wait(struct connection *, unsigned what,
				uint64_t until);
/* What is there already, without waiting. */
void transport_prefill(struct connection *);
/* Say goodbye below the session: close_notify, FIN, and the client's FIN. */
void transport_end(struct connection *);

/* handshake.c */
MUST_USE enum io handshake(struct connection *);

/* auth.c: one login for three protocols. */
enum login { LOGIN_OK, LOGIN_MORE, LOGIN_FAILED, LOGIN_LATER, LOGIN_THROTTLED };
/* "PLAIN LOGIN ..."; empty outside TLS or when auth cannot be asked. */
struct span login_mechanisms(struct connection *);
bool login_knows(struct connection *, struct span mechanism);
enum login login_password(struct connection *, struct span user,
			  struct span password);
/* `initial` NULL: none was sent.  *out is the challenge on LOGIN_MORE and valid
 * until the next step. */
enum login login_start(struct connection *, struct span mechanism,
		       const struct span *initial, struct span *out);
enum login login_step(struct connection *, struct span blob, struct span *out);
void login_cancel(struct connection *);
/* The same for IMAP and POP3, which learn first the mechanism and then whether a
 * response came with it: its name is kept until that first step. */
struct login_mechanism {
	char name[24];
	size_t len;
};
bool login_begin(struct connection *, struct login_mechanism *,
		 struct span mechanism);
/* *out is in the arena.  `first`: there was no response yet. */
enum login login_next(struct connection *, struct login_mechanism *, bool first,
		      struct span in, struct arena *, struct span *out);
/* The client gave up: an end that it does not know of ends the connection. */
void login_abandon(struct connection *);

/* store.c: the session at the store, and how its answers are asked for. */
/* False: there is no store, or it has no room. */
MUST_USE bool store_session(struct connection *);
void store_session_end(struct connection *);
/* The store, when it is the one that this session lives in; else NULL. */
struct edge_store *store_of(const struct connection *);
/* Its arena, empty. */
struct arena *connection_scratch(struct connection *);

/*
 * Ask the store: `what` names the call, m and rep are its structs, the values
 * come to live in arena.  True: *rep is an answer.
 */
#define STORE_ASK(c, what, m, arena, rep, ns)                                  \
	(store_of(c) != NULL &&                                                \
	 edge_store_##what(store_of(c), (m), (arena), (rep), (ns)) == IPC_OK)

/* stage.c: a body on its way to the store, of any length. */
#define STAGE_INLINE_MAX 49152u /* travels in the offer itself */
#define STAGE_PIECE_MAX  61440u

struct stage {
	struct buf rest;  /* not yet at the store */
	uint64_t staged;  /* its number there; 0: nothing is */
	uint64_t size;
};
void stage_init(struct stage *);
void stage_free(struct stage *);
MUST_USE enum edge_store_answer stage_add(struct connection *, struct stage *,
					  struct span);
/* After the last byte: what is left fits an offer. */
MUST_USE enum edge_store_answer stage_finish(struct connection *,
					     struct stage *);
