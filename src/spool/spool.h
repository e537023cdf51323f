/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/spool - custody: messages on their way to recipients.
 *
 * A job is one accepted message with its envelope and 1..SPOOL_RECIPIENTS_MAX
 * recipients; it lives in one of 256 partitions (spaces) that its id names.
 * Accepting is one commit: job row, recipient rows, body.  All recipients with
 * their prefixes have to fit in one commit (SPOOL_LIMIT: make several jobs).  Every recipient is
 * in exactly one state; a job whose recipients are all settled is removed with
 * its rows by the commit that settles the last one.
 *
 * Local recipients are moved by the store itself: the message goes into the
 * account with spool_token(job, n) as its token, then the recipient is
 * settled.  A crash between the two finds the token: never twice.
 *
 * Remote ones are found by destination, the domain that they are carried to:
 * for each job and destination one row of an index tells when it is due there
 * (spool/due.h).  Another index tells when the sender of a job has to hear
 * something: that it takes long, or that it took too long.
 *
 * Leases: a partition is worked by one owner at a time, under an epoch that
 * only rises.  Every settling names its epoch; a stale one is refused, so an
 * owner that stalled cannot write.  Leases move no version.
 */
#pragma once

#include "base/arena.h"
#include "kv/op.h"

#define SPOOL_PARTITIONS     256u
#define SPOOL_TOGETHER	     256u /* new jobs, before the next partition's turn */
#define SPOOL_RECIPIENTS_MAX 1000u
#define SPOOL_ADDRESS_MAX    1024u /* bytes; SMTP's path limit with room */
#define SPOOL_FACTS_MAX      16384u
#define SPOOL_REASON_MAX     1024u
#define SPOOL_FOLDER_MAX     500u
#define SPOOL_PREFIX_MAX     8192u
#define SPOOL_SUMMARY_MAX    (256u * 1024u)
#define SPOOL_SUMMARY_ROW    2048u /* larger ones are kept as bodies */
#define SPOOL_VERDICTS_MAX   SPOOL_RECIPIENTS_MAX
#define SPOOL_DESTINATION_MAX 255u /* bytes of a domain */
#define SPOOL_STATUS_MAX     15u
#define SPOOL_HOST_MAX	     255u
#define SPOOL_NEVER	     INT64_MAX

enum spool_result {
	SPOOL_OK,
	SPOOL_NONE,  /* no such job or recipient */
	SPOOL_STALE, /* the epoch is not the partition's, or the state moved on */
	SPOOL_LIMIT,
	SPOOL_FULL,
	SPOOL_UNAVAILABLE,
	SPOOL_CORRUPT,
};
const char *spool_result_name(enum spool_result);

/* Numbers are part of the format. */
enum spool_state {
	SPOOL_LOCAL = 1,   /* due: into an account of ours */
	SPOOL_REMOTE = 2,  /* due at a time: to another server */
	SPOOL_HELD = 3,	   /* waits for a person */
	SPOOL_DONE = 4,	   /* delivered */
	SPOOL_FAILED = 5,  /* given up; a report is owed or not wanted */
	SPOOL_DROPPED = 6, /* ended by a logged rule or a person */
};
static inline bool spool_settled(enum spool_state s) { return s >= SPOOL_DONE; }
const char *spool_state_name(enum spool_state);

/* The first byte is the partition. */
struct spool_id {
	uint8_t byte[16];
};
struct spool_token { /* the bytes of a box_token */
	uint8_t byte[16];
};
#define SPOOL_ID_TEXT 33u /* in hex, with NUL */
void spool_id_text(const struct spool_id *, char out[SPOOL_ID_TEXT]);
MUST_USE bool spool_id_parse(struct span, struct spool_id *out);
/* The token of recipient n's delivery into a mailbox. */
struct spool_token spool_token(const struct spool_id *, uint32_t n);

/* Which of what is due goes first. */
enum spool_priority { SPOOL_FIRST, SPOOL_NORMAL, SPOOL_LAST };

/* What the sender has been, or has to be, told of a recipient. */
enum spool_mark {
	SPOOL_TOLD = 1,	   /* that it takes long */
	SPOOL_GIVE_UP = 2, /* ended by a person: it counts as expired */
	/* It is in a mailbox and the sender asked to hear of that: REMOTE, but
	 * carried nowhere, until it was told. */
	SPOOL_DELIVERED = 4,
};

struct spool_recipient {
	uint32_t n;	      /* its place in the job, from 0 */
	enum spool_state state;
	struct span address;  /* where it goes */
	struct span original; /* ORCPT as given; may be empty */
	uint64_t account;     /* LOCAL */
	struct span folder;   /* LOCAL: a name, or empty for INBOX */
	uint32_t flags;	      /* LOCAL: of the new message */
	struct span prefix;   /* this copy's, in front of the body */
	uint32_t notify;      /* DSN NOTIFY bits of the caller */
	uint32_t attempts;
	int64_t next; /* due at (seconds); REMOTE */
	int64_t last; /* of the last attempt, or when it was settled */
	struct span reason; /* of the last failure, hold or drop */
	/* REMOTE: where it is carried to; empty: the domain of its address. */
	struct span destination;
	unsigned marks; /* enum spool_mark */
	uint16_t code;	/* of the last reply; 0: none */
	struct span status, host; /* of the last attempt */
};
/* The destination in lower case, borrowed or in `room`. */
struct span spool_destination(const struct spool_recipient *,
			      char room[SPOOL_DESTINATION_MAX]);

struct spool_job {
	struct spool_id id;
	struct span sender; /* reverse path; empty: null */
	struct span facts;  /* opaque: how it came, verdicts, ENVID, RET */
	struct kv_id body;
	uint64_t body_size;
	uint32_t body_crc;
	struct span summary;
	int64_t accepted, expires;
	int64_t warns; /* the sender hears that it takes long; SPOOL_NEVER */
	enum spool_priority priority;
	uint32_t recipients, open; /* all; not settled */
};

struct spool;
/* All 256 partitions; nothing is read yet. */
MUST_USE enum spool_result spool_open(struct kv *, struct spool **out);
void spool_close(struct spool *); /* NULL is allowed */
struct spool_id spool_name(struct spool *); /* a new job's */
int64_t spool_now(const struct spool *);	/* in seconds */

typedef void spool_done_fn(void *arg, enum spool_result);

/*
 * Who has to know when something became due, told after the commit is durable:
 * a destination in a partition from `at` on, and when a sender has to hear
 * something.  One for a spool; NULL: nobody.
 */
struct spool_accept;
enum spool_held { SPOOL_HELD_YES, SPOOL_HELD_NO, SPOOL_HELD_UNKNOWN };
enum spool_spread {
	SPOOL_SPREAD_INDEXED,
	SPOOL_SPREAD_OVER,
	SPOOL_SPREAD_UNKNOWN, /* that, or as before */
};
struct spool_watch {
	void *arg;
	/*
	 * A job that comes: who has a copy of it at hand when it is durable gets
	 * it as one row that no index tells of.  NULL: no, it is to be found by the
	 * indexes.  `held` says what became of it: it is durable, certainly not, or
	 * nobody knows.  `spread`: a job that was at hand is found by the indexes
	 * from now on, or is over (all of the partition, when id is NULL).
	 */
	void *(*hold)(void *arg, const struct spool_accept *);
	void (*held)(void *arg, void *copy, enum spool_held);
	void (*spread)(void *arg, unsigned partition, const struct spool_id *id,
		       enum spool_spread);
	void (*due)(void *arg, unsigned partition, struct span destination,
		    enum spool_priority, int64_t at, int64_t now);
	void (*tell)(void *arg, unsigned partition, int64_t at);
};
void spool_watch(struct spool *, const struct spool_watch *);

/* What may be held (see above) at most. */
#define SPOOL_WHOLE_RECIPIENTS 100u
#define SPOOL_WHOLE_BODY       32768u
#define SPOOL_WHOLE_ROW	       32768u /* bytes of the rest */
#define SPOOL_WHOLE_S	       300    /* nobody has to hear of it earlier */

struct spool_own { /* spool's own part of a request */
	struct spool *spool;
	spool_done_fn *done;
	void *arg;
	enum spool_result refusal;
	struct index *index; /* what became due */
	bool watched;
	unsigned partition;
};

/* ---- accept: custody is durable when done says SPOOL_OK ---- */

/* A report about a job: there is one of a kind for a first recipient. */
struct spool_about {
	struct spool_id job; /* its partition is the report's, too */
	uint8_t kind;
	uint32_t first;
};

struct spool_accept {
	struct spool_job job;	   /* id by spool_name; open and recipients are set */
	struct span bytes;	   /* the body, or empty when it is durable already */
	const struct spool_recipient *recipients;
	size_t count;
	const struct spool_about *about; /* or NULL */
	bool again; /* out: that report is kept already, nothing was added */
	/* Spool's own: of the partition that it took; what the watcher holds. */
	uint64_t epoch;
	void *copy;
	bool about_spread; /* that job was whole */
	struct spool_own own;
};
/* SPOOL_NONE: the job that it is about is gone. */
MUST_USE enum spool_result spool_accept(struct spool *, struct spool_accept *,
					spool_done_fn *, void *arg);

/* ---- leases ---- */
struct spool_lease {
	unsigned partition;
	uint64_t owner;	 /* of this start of the store, not 0 */
	int64_t until;
	uint64_t epoch; /* out */
	struct spool_own own;
};
/*
 * Who we are in leases, from 1: accepting takes the partition as well when it is
 * nobody's.  The epoch under which a partition is ours; 0: it is not, yet.
 */
void spool_owner(struct spool *, uint64_t owner);
uint64_t spool_epoch(const struct spool *, unsigned partition);
/* SPOOL_STALE: somebody else's lease has not run out. */
MUST_USE enum spool_result spool_lease(struct spool *, struct spool_lease *,
				       spool_done_fn *, void *arg);

/* ---- work ---- */

MUST_USE enum spool_result spool_job(struct spool *, const struct spool_id *,
				     struct arena *, struct spool_job *out);
MUST_USE enum spool_result spool_recipient(struct spool *,
					   const struct spool_id *, uint32_t n,
					   struct arena *,
					   struct spool_recipient *out);

/* What became of recipients of one job: one commit. */
struct spool_verdict {
	uint32_t n;
	enum spool_state state; /* REMOTE or LOCAL: tried, again at `next` */
	int64_t next;
	bool attempted; /* counts as an attempt */
	bool untouched; /* state, next and reason stay; for marks and route */
	struct span reason;
	unsigned marks; /* added */
	uint16_t code;
	struct span status, host;
	struct span route; /* a new destination; empty: as it is */
};
/* A whole job as its holder has it in memory; gone: its row is not there any more. */
struct spool_copy {
	struct spool_job job;
	struct spool_recipient *recipients;
	size_t count;
	bool gone;
};
struct spool_settle {
	struct spool_id id;
	uint64_t epoch; /* 0: an administrator's verdict, not under a lease */
	const struct spool_verdict *verdicts;
	size_t count;
	/* A verdict that comes late is left out: about one that somebody else
	 * settled, or "again later" about one that is held by now. */
	bool lenient;
	const struct spool_copy *copy; /* NULL, or it stays until done */
	uint32_t recipients;	       /* that the job has; 0: not known */
	bool finished; /* out: the job is gone, all recipients are settled */
	bool spread;   /* spool's own: it was whole */
	struct spool_own own;
};
/* SPOOL_STALE when a recipient (lenient: every one) is settled already: nothing
 * changes. */
MUST_USE enum spool_result spool_settle(struct spool *, struct spool_settle *,
					spool_done_fn *, void *arg);

/* ---- lists ---- */

/*
 * Jobs with id > after, ascending by id over all partitions; false: stop.  A
 * damaged one holds up nobody: the others are listed, then SPOOL_CORRUPT.
 */
typedef bool spool_job_fn(void *arg, const struct spool_job *);
MUST_USE enum spool_result spool_list(struct spool *,
				      const struct spool_id *after,
				      spool_job_fn *, void *arg);
typedef bool spool_recipient_fn(void *arg, const struct spool_recipient *);
MUST_USE enum spool_result spool_recipients(struct spool *,
					    const struct spool_id *,
					    spool_recipient_fn *, void *arg);

/* ---- ledger ---- */

/* Of recipients; accepted = delivered + bounced + discarded + held + open. */
struct spool_ledger {
	uint64_t accepted, delivered, bounced, discarded, held, open;
};
/* Of one partition, as its commits counted. */
MUST_USE enum spool_result spool_ledger(struct spool *, unsigned partition,
					struct spool_ledger *out);
/* Held and open as the rows are; the rest is 0. */
MUST_USE enum spool_result spool_recount(struct spool *, unsigned partition,
					 struct spool_ledger *out);
bool spool_balanced(const struct spool_ledger *);

/* ---- what an earlier release wrote ---- */

/*
 * A handful of a partition's jobs into the present indexes, and those of one row;
 * again while `more`.  Nothing to do is SPOOL_OK, too.
 */
struct spool_upgrade {
	unsigned partition;
	struct spool_id after; /* zero at first */
	bool more;	       /* out */
	bool spread;	       /* spool's own: some were whole */
	struct spool_id job;   /* the same */
	struct spool_own own;
};
MUST_USE enum spool_result spool_upgrade(struct spool *, struct spool_upgrade *,
					 spool_done_fn *, void *arg);
/* Is there anything of that kind?  False also when it cannot be read. */
bool spool_is_old(struct spool *, unsigned partition);

/* ---- fsck ---- */
struct spool_fsck_count {
	uint64_t jobs, recipients, bodies, wrong, repaired, damaged;
};
typedef void spool_fsck_fn(void *arg, const struct spool_fsck_count *,
			   const char *what);
/*
 * Rows parse; a job's recipients are 0..recipients-1, each in one state; the
 * count of open ones and the due index are right; bodies are there (deep:
 * with their checksum).  Repair rebuilds index and counts from recipient rows
 * and holds jobs whose body is damaged.
 */
MUST_USE enum spool_result spool_fsck(struct spool *, bool deep, bool repair,
				      spool_fsck_fn *, void *arg,
				      struct spool_fsck_count *out);
/* Every body that a job names (for the sweep of orphans). */
typedef void spool_body_fn(void *arg, const struct kv_id *);
MUST_USE enum spool_result spool_bodies(struct spool *, spool_body_fn *,
					void *arg);
