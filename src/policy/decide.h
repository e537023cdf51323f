/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/decide - which transport security a destination gets, and who says so.
 *
 * One function from everything that is known of a destination (DNS answers, the
 * MTA-STS policy, our own rule, what the sender asks for) to one answer per MX
 * host: may it be used, with which checks, may clear text follow.  The courier
 * delivers by it and `letterlock why` shows its steps; there is no second one.
 *
 * In this order: our own rule where it switches TLS off or names keys or names;
 * DANE; MTA-STS; else opportunistic.  REQUIRETLS only ever adds.  Our levels
 * otherwise are the least that is wanted, and what the domain publishes comes
 * on top, unless the rule says that it shall not count.
 *
 * Must never: allow clear text, or a host that nobody vouches for, once DANE,
 * MTA-STS in force, REQUIRETLS or a rule of ours asks for more.  A lookup that
 * failed is never taken for "nothing published".
 *
 * All results live in the arena given, or borrow the inputs.
 */
#pragma once

#include "base/arena.h"
#include "policy/dane.h"
#include "policy/failure.h"
#include "policy/sts.h"

#define POLICY_HOSTS_MAX 32u  /* MX hosts that are looked at; others are not used */
#define POLICY_NAMES_MAX 16u  /* names to verify of one host */
#define POLICY_STEPS_MAX 160u
#define POLICY_ARENA	 262144u /* bytes that are enough for one decision */

enum policy_level {
	POLICY_LEVEL_NONE,	  /* clear text, TLS is not tried */
	POLICY_LEVEL_MAY,	  /* TLS where offered, whatever certificate */
	POLICY_LEVEL_ENCRYPT,	  /* TLS, whatever certificate */
	POLICY_LEVEL_FINGERPRINT, /* TLS, a key that our rule lists */
	POLICY_LEVEL_DANE,	  /* as a rule: MAY; as an answer: TLSA records */
	POLICY_LEVEL_DANE_ONLY,	  /* TLSA records of a signed MX, or no mail */
	POLICY_LEVEL_STS,	  /* a host of the MTA-STS policy, its name */
	POLICY_LEVEL_VERIFY,	  /* the MX host's name, or those of our rule */
	POLICY_LEVEL_SECURE,	  /* the domain's name, or those of our rule */
};

enum policy_by {
	POLICY_BY_NOBODY, /* opportunistic */
	POLICY_BY_RULE,
	POLICY_BY_STS,
	POLICY_BY_DANE,
	POLICY_BY_REQUIRETLS,
};

/* A row of our own table of destinations. */
struct policy_rule {
	enum policy_level level;
	bool ignore_published; /* DANE and MTA-STS do not count here */
	struct span file;      /* where it stands */
	uint32_t line;
	const struct span *names; /* VERIFY, SECURE: in place of the usual */
	size_t name_count;	  /* at most POLICY_NAMES_MAX */
	const struct span *keys;  /* FINGERPRINT: SHA-256 of public keys */
	size_t key_count;
};

enum policy_route {
	POLICY_ROUTE_MX,   /* the hosts are from MX records */
	POLICY_ROUTE_ADDRESS, /* there is no MX: the host is the domain itself */
	POLICY_ROUTE_HOST, /* the host is named by our configuration */
};

/* Names are printable text without a dot at the end. */
struct policy_inputs {
	struct span domain; /* the next hop's: the recipient's or a smart host */
	uint16_t port;	    /* 0: 25 */
	enum policy_route route;
	struct policy_lookup mx; /* with POLICY_ROUTE_HOST not looked at */
	const struct policy_host *hosts; /* in the order of trying */
	size_t host_count;

	enum policy_sts_txt sts_txt;  /* what the record's lookup said */
	const struct policy_sts *sts; /* the policy that applies; NULL: none */
	/* Announced and not to be had: why, and as what it is reported
	 * (POLICY_STS_FETCH_ERROR, _INVALID, _WEBPKI_INVALID). */
	const char *sts_wrong;
	enum policy_failure sts_failure;

	const struct policy_rule *rule; /* NULL: none of ours */
	bool requiretls;		/* RFC 8689: MAIL FROM ... REQUIRETLS */
	bool tls_required_no; /* RFC 8689: TLS-Required: No, if we heed it */
};

/* What to do with one host. */
struct policy_target {
	struct span host;
	bool allowed;
	enum policy_level level;
	enum policy_by by;
	bool cleartext;	 /* it may have the mail without TLS */
	bool requiretls; /* it must offer REQUIRETLS, inside TLS */
	bool report_only; /* MTA-STS in testing: verify, report, deliver */
	struct span sni;
	/* A name with a dot in front: any name below it. */
	struct span names[POLICY_NAMES_MAX];
	size_t name_count;
	const struct policy_tlsa_set *tlsa; /* NULL: none to match */
	const struct span *keys;
	size_t key_count;
	enum policy_type type; /* for reports */
	/* Found before anybody connects, and reported whatever follows. */
	enum policy_failure failure;
	bool temporary; /* it may be allowed later, without anybody's mending */
	struct span why; /* not allowed: for a person */
};

enum policy_action { POLICY_DELIVER, POLICY_DEFER, POLICY_BOUNCE };

struct policy_step {
	struct span input, rule, outcome;
};

struct policy_decision {
	enum policy_action action;
	/* When policy_judge said NEXT for every allowed host. */
	enum policy_action exhausted;
	enum policy_level level; /* of the first host that is allowed */
	enum policy_by by;
	struct span file; /* of our rule, where it decided */
	uint32_t line;
	const char *status; /* of DEFER and BOUNCE: RFC 3463 */
	struct span reason; /* of DEFER and BOUNCE: with what to do next */
	struct policy_target *targets; /* one for each host, in their order */
	size_t target_count;
	struct policy_step *steps;
	size_t step_count;
};

/* False: out of memory; try later. */
MUST_USE bool policy_decide(const struct policy_inputs *, struct arena *,
			    struct policy_decision *out);

/* ---- after the attempt ---------------------------------------------------- */

enum policy_event {
	POLICY_EVENT_GOOD,	    /* TLS is up; each check that was asked for holds */
	POLICY_EVENT_NOT_OFFERED,   /* no STARTTLS in EHLO */
	POLICY_EVENT_REFUSED,	    /* STARTTLS was answered with 4xx or 5xx */
	POLICY_EVENT_HANDSHAKE,	    /* no handshake, for no reason of ours */
	POLICY_EVENT_NAME,	    /* the certificate has none of the names */
	POLICY_EVENT_EXPIRED,	    /* or is not valid yet */
	POLICY_EVENT_UNTRUSTED,	    /* no chain to an authority that we know */
	POLICY_EVENT_TLSA,	    /* no TLSA record matches */
	POLICY_EVENT_KEY,	    /* none of the keys of our rule */
	POLICY_EVENT_CERTIFICATE,   /* anything else about the certificate */
	POLICY_EVENT_NO_REQUIRETLS, /* TLS is up, REQUIRETLS is not offered */
};
#define POLICY_EVENTS 11u

enum policy_go {
	POLICY_GO_TLS,	       /* go on inside of TLS */
	POLICY_GO_CLEAR,       /* go on in clear on this connection */
	POLICY_GO_CLEAR_AGAIN, /* connect again and stay in clear */
	POLICY_GO_NEXT,	       /* not this host: the next one, or later */
};

struct policy_verdict {
	enum policy_go go;
	enum policy_failure failure; /* to report; NONE: a success */
	const char *status;	     /* of NEXT: RFC 3463 */
	const char *why;	     /* of anything but a success */
};

/* The target is allowed. */
struct policy_verdict policy_judge(const struct policy_target *,
				   enum policy_event);

/* ---- names ---------------------------------------------------------------- */

/* "dane-only"; as in the configuration. */
const char *policy_level_text(enum policy_level);
MUST_USE bool policy_level_parse(struct span, enum policy_level *out);
const char *policy_by_text(enum policy_by);
const char *policy_action_text(enum policy_action);
/* Does it demand TLS and a proof of who the host is? */
bool policy_level_verifies(enum policy_level);
