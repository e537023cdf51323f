/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/courier - the object of the role: carries mail to other servers.
 *
 * It leases what is due from the store, has names looked up and connections
 * made by the dialer, decides by policy/, speaks by smtp/client, and tells the
 * store what became of each recipient.  Of a message it keeps nothing; what a
 * process that ends had leased is due again.
 *
 *   courier.c  the object: channels, configuration, status
 *   slot.c     fibers that lease, carry and settle, one message each
 *   carry.c    the life of a message, top to bottom
 *   way.c      where it goes and what is known of that: route, policy
 *   berth.c    how many connections leave by an own address
 *   visit.c    one host: connect, greet
 *   protect.c  STARTTLS, and what is expected of the server's certificate
 *   certs.c    certificates that we show, and the vault's signatures
 *   login.c    AUTH at hosts of our configuration
 *   narrow.c   the message in seven bits, where a host takes no more
 *   deliver.c  the message, host by host
 *   sts.c      policies of MTA-STS
 *   tlsrpt*.c  reports on TLS to other domains
 *   line.c     an open connection: its stream, and those that are kept
 *   letter.c   the message's bytes, for SMTP and for reports
 *   tell.c     reports to the sender
 *   whynot.c   the same way, asked by an administrator, up to MAIL
 *   story.c    each step as a line of the log
 *
 * Must never: take a message for delivered without the server's yes after its
 * data, or for failed without a refusal; send in clear, or to whom nobody
 * vouches for, what policy/ does not allow.
 */
#pragma once

#include "base/list.h"
#include "os/fiber.h"
#include "policy/decide.h"
#include "role/common/role.h"
#include "role/courier/role.h"
#include "role/courier/sts.h"
#include "role/courier/tlsrpt.h"
#include "tls/client.h"
#include "wire/admin_courier.h"
#include "wire/courier_dialer.h"
#include "wire/courier_fetch.h"
#include "wire/courier_store.h"
#include "wire/courier_vault.h"

#define COURIER_ADMINS	   8u	      /* processes that may ask */
#define COURIER_WAITING    4u	      /* leases that are asked for ahead */
#define COURIER_LINES_MAX  500u	      /* open connections that nobody uses */
#define COURIER_MEMORY     (4u << 20) /* of one message's work */
#define COURIER_LOOKUP_NS  (60 * NS_PER_SEC)
#define COURIER_CONNECT_NS (120 * NS_PER_SEC)
#define COURIER_STORE_NS   (120 * NS_PER_SEC)
#define COURIER_VAULT_NS   (10 * NS_PER_SEC)
#define COURIER_CERTS_NS   (5 * NS_PER_SEC) /* that a certificate is waited for */
#define COURIER_VISIT_NS   (3600 * NS_PER_SEC) /* a whole session */

struct slot;
struct line;

struct courier_counts {
	uint64_t leased, delivered, deferred, failed, reports;
	uint64_t connections, unreached, reused;
	uint64_t levels[POLICY_LEVEL_SECURE + 1]; /* delivered, by what was kept */
	uint64_t clear; /* delivered without TLS */
};

struct courier {
	struct role *role;
	const struct conf *conf;
	uint64_t rules; /* how many configurations there were before it */
	struct courier_store *store; /* NULL: there is none */
	struct courier_dialer *dialer;
	struct courier_fetch *fetch;
	struct courier_vault *vault;
	struct role_peer store_peer, dialer_peer, fetch_peer, vault_peer;
	struct courier_sts *sts;
	struct courier_tlsrpt *tlsrpt;
	struct tls_library *library;
	struct tls_client *tls; /* how we speak TLS to servers */
	struct list certs; /* the same with certificates of ours, certs.c */
	struct fiber *certs_fiber; /* NULL: nobody asks the vault */
	bool certs_again;
	struct tls_authorities *authorities; /* NULL: nobody is trusted */
	struct tls_authorities *next_authorities; /* until they are adopted */
	uint64_t epoch; /* of the store: leases of an older one are void */
	struct list slots;
	unsigned slot_count, waiting;
	struct list lines; /* kept open, the oldest first */
	unsigned line_count;
	struct list berths, berth_waiters; /* berth.c */
	struct courier_admin {
		struct courier *courier;
		struct role_peer peer;
		struct admin_courier *channel; /* NULL: nobody */
	} admins[COURIER_ADMINS];
	struct list questions; /* why-not, whynot.c */
	unsigned asked;
	struct list secrets; /* passwords of destinations, login.c */
	bool serving, draining, drained;
	struct timer drain;
	struct courier_counts counts;
};

/* slot.c */
void slots_wake(struct courier *); /* there is something to lease from */
void slots_drain(struct courier *, uint32_t within_ms);
void slots_end(struct courier *); /* at once; every fiber ends */

/* A moment from now, in the loop's time. */
static inline uint64_t courier_within(const struct courier *c, uint64_t ns)
{
	return loop_now(c->role->loop) + ns;
}

/* protect.c: TLS of this process, and the authorities that came as a file. */
MUST_USE bool protect_start(struct courier *, struct buf *why);
void protect_end(struct courier *);
MUST_USE bool protect_authorities(struct courier *, int fd, struct buf *why);

/* certs.c: TLS clients with the certificates that destinations name. */
void certs_refresh(struct courier *); /* the vault has some, or others */
void certs_end(struct courier *);
/* How we speak TLS where this certificate is to be shown (empty: none); borrowed
 * until the fiber parks.  NULL: it is not there. */
struct tls_client *certs_client(const struct courier *, struct span name);
/* Parks for a while if it is not there.  False: it did not come. */
MUST_USE bool certs_wait(struct courier *, struct span name);
/* For tls/: the fiber parks until the vault has answered. */
enum tls_sign_result certs_sign(void *courier, uint32_t key, enum tls_scheme,
				struct span tbs, char *out, size_t cap,
				size_t *len);

/* login.c: the password of a destination, from its file. */
MUST_USE bool login_take(struct courier *, struct span name, int fd,
			   struct buf *why);
void login_forget_all(struct courier *);

/* The rule of ours for a domain; NULL: none. */
const struct conf_destination *courier_rule(const struct courier *,
					    struct span domain);
