/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/state - a session as its commands see it.  Private to this folder.
 *
 * What outlives a command stands in struct imap_session and is small.  All
 * else is in struct imap_work, which exists while one command (or one hint)
 * runs: arenas, the sequence map, the verb.
 *
 * A command ends with exactly one of imap_ok, imap_no, imap_bad: they tell
 * what changed in the mailbox, as far as the verb allows, and then the tagged
 * line.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/ensure.h"
#include "imap/lex.h"
#include "imap/name.h"
#include "imap/session.h"

#define IMAP_ARENA_MAX (64u << 20) /* one command: its words, maps, answers */
#define IMAP_BATCH_MAX (64u << 20) /* one batch of rows: 512 summaries */

enum imap_state {
	IMAP_NEW = 1,      /* not authenticated */
	IMAP_AUTHED = 2,   /* no mailbox selected */
	IMAP_SELECTED = 4,
	IMAP_LOGGED_IN = IMAP_AUTHED | IMAP_SELECTED,
	IMAP_ANY = 7,
};

enum imap_tell {
	IMAP_TELL_ALL,        /* expunges too */
	IMAP_TELL_NO_EXPUNGE, /* RFC 3501 7.4.1: FETCH, STORE, SEARCH by number */
	IMAP_TELL_NOTHING,    /* what the client saw would not fit any more */
};

struct imap_session;

#define IMAP_MAYBE 2

struct imap_verb {
	const char *name;
	unsigned states; /* enum imap_state, or-ed */
	enum imap_tell tell;
	uint8_t arguments; /* false: the line ends after the name; IMAP_MAYBE: or not */
	void (*run)(struct imap_session *, struct imap_lex *);
};

struct imap_work {
	const struct imap_verb *verb;
	enum imap_tell tell;
	struct arena *arena; /* lives as long as the command */
	struct arena *batch; /* reset between batches of rows */
	struct buf *text;    /* the command as gathered */
	bool by_uid;
	bool elsewhere;      /* the host works on another mailbox than the selected one */
	bool saving;         /* a NO leaves nothing in "$" (RFC 5182 2.1) */
	bool mapped;         /* `map` is valid */
	struct imap_set map; /* the UIDs that this session was told of */
	bool done;           /* the tagged line was sent */
};

/* UIDs that SEARCH left for later, in memory of their own; at most
 * IMAP_SAVED_MAX runs, gone with the selected mailbox. */
struct imap_saved {
	struct imap_run *runs;
	size_t count;
};
#define IMAP_SAVED_MAX 8192u

struct imap_session {
	uint32_t tag;
	struct stream *stream;
	struct imap_host *host;
	struct imap_work *work; /* NULL between two commands */
	enum imap_state state;
	bool closing, idling;
	bool compressed;
	bool read_only;
	bool condstore, qresync; /* switched on: RFC 7162 */
	bool utf8;               /* names and quoted strings are: RFC 6855 */
	bool rev2;               /* the client speaks IMAP4rev2: RFC 9051 */
	bool uidonly;            /* no sequence numbers, either way: RFC 9586 */
	unsigned bad, logins;
	char word[IMAP_TAG_MAX]; /* the running command's tag */
	size_t word_len;

	/* The view of the selected mailbox. */
	uint32_t rights; /* in it, when it was selected */
	uint64_t mailbox;
	uint64_t object; /* the host's number of it: RFC 8474 */
	char *name; /* as UTF-8, ended by NUL; NULL: no mailbox is selected, or no memory */
	uint64_t version;       /* everything but flags was told up to it */
	uint64_t flags_version; /* flags were; behind when a telling failed */
	uint32_t uid_validity, uid_next, exists, recent, recent_from;
	size_t keywords; /* how many the client knows of */
	struct imap_saved saved; /* "$": RFC 5182 */
	struct imap_notify *notify; /* what the client wants to hear of; NULL: as ever */
	struct imap_contexts *contexts; /* results kept up to date; NULL: none */
};

#define IMAP_SESSION_TAG TAG4('I', 'M', 'A', 'P')

/* imap/session.c: how a command ends.  code may be NULL: "TRYCREATE". */
void imap_ok(struct imap_session *, const char *code, const char *text);
void imap_no(struct imap_session *, const char *code, const char *text);
void imap_bad(struct imap_session *, const char *text);
/* BAD: sequence numbers where the client wanted none any more (RFC 9586). */
void imap_uid_required(struct imap_session *);
/* The NO that belongs to a host's answer; for GONE the session ends. */
void imap_no_answer(struct imap_session *, enum imap_answer);
/* Untagged BYE; the session ends when the command returns. */
void imap_bye(struct imap_session *, const char *text);
/* "* " text CRLF */
void imap_untagged(struct imap_session *, const char *text);

/* imap/table.c */
const struct imap_verb *imap_verb_find(struct span name);
/* Verbs that follow UID. */
const struct imap_verb *imap_uid_verb_find(struct span name);
/* Does it mean sequence numbers, as it stands without UID in front? */
bool imap_verb_by_number(const struct imap_verb *);
/* Everything that is true now, blanks between. */
void imap_capabilities(struct imap_session *);

/* imap/read.c: gathering a command. */
enum imap_got {
	IMAP_GOT,       /* work->text holds it, lexer and verb are set */
	IMAP_GOT_ENDED, /* it was answered already */
	IMAP_GOT_CLOSE, /* the stream ended or the session was told BYE */
};
MUST_USE enum imap_got imap_read_command(struct imap_session *, struct imap_lex *);
/* A line without its CRLF appended to `to`; too long: false, and BYE was said. */
MUST_USE bool imap_read_line(struct imap_session *, struct buf *to, size_t max);
/* Read `size` bytes and the rest of the command, and forget them. */
void imap_read_drop(struct imap_session *, uint64_t size);
void imap_stream_ended(struct imap_session *, enum io);

/* imap/view.c */
MUST_USE bool imap_view_map(struct imap_session *); /* false: answered NO or BYE */
void imap_view_tell(struct imap_session *, enum imap_tell);
/* The same from what a hint carried.  False: it does not fit, ask. */
MUST_USE bool imap_view_news(struct imap_session *, const struct imap_news *);
void imap_view_flags(struct imap_session *); /* FLAGS and PERMANENTFLAGS */
void imap_exists_tell(struct imap_session *); /* EXISTS and, in rev1, RECENT */
void imap_view_close(struct imap_session *); /* deselect */
/* Our own change went from version to version: no need to be told of it. */
void imap_view_advance(struct imap_session *, uint64_t before, uint64_t after);
/* A sequence-set by number or UID, cut to the view.  False: answered. */
MUST_USE bool imap_view_resolve(struct imap_session *, struct span text,
				struct imap_set *uids);

/* Changed flags of known UIDs below `end` with a modseq above `since`. */
MUST_USE enum imap_answer imap_view_changed(struct imap_session *, uint64_t since,
					    uint32_t end,
					    const struct imap_set *known);

/* How the selected mailbox was called when it was selected; may be empty. */
struct span imap_selected_name(const struct imap_session *);
/* The numbers of what was told, in work->map; nothing is told. */
MUST_USE enum imap_answer imap_view_numbers(struct imap_session *);

/* imap/notify.c (RFC 5465) */
void imap_notify_drop(struct imap_session *);
/* How a hint about the selected mailbox is told: not at all, where nobody asked for it. */
enum imap_tell imap_notify_how(const struct imap_session *);
/* Are new messages shown at once? */
bool imap_notify_fetches(const struct imap_session *);
/* Those from this UID on were told of just now. */
void imap_notify_arrived(struct imap_session *, uint32_t from);
/* What happened in other mailboxes. */
void imap_notify_tell(struct imap_session *);

/* imap/context.c (RFC 5267) */
void imap_contexts_drop(struct imap_session *);
/* These leave the view now; work->map is still that of before. */
void imap_contexts_gone(struct imap_session *, const struct imap_set *);
/* What else happened up to the session's version. */
void imap_contexts_tell(struct imap_session *);

/* imap/condstore.c (RFC 7162) */
/* The client minds mod-sequences from here on. */
void imap_condstore_on(struct imap_session *);
/* "HIGHESTMODSEQ n" of what was told, or NULL where nobody minds; `code` keeps it. */
#define IMAP_MODSEQ_CODE 40u
const char *imap_condstore_code(struct imap_session *, char code[IMAP_MODSEQ_CODE]);
/* "* VANISHED" with what `flag` says, and the UIDs. */
void imap_vanished_write(struct stream *, const char *flag, const struct imap_set *);
/* Those of the UIDs that went after `since`; out is initialised. */
MUST_USE enum imap_answer imap_vanished_since(struct imap_session *, uint64_t since,
					      const struct imap_set *uids,
					      struct imap_set *out);

/* imap/cmd_status.c: "(MESSAGES UNSEEN)" as bits, and "* STATUS ..." for them. */
MUST_USE bool imap_status_parse(struct imap_session *, struct imap_lex *,
				unsigned *wanted);
enum imap_answer imap_status_tell(struct imap_session *, struct span name, unsigned wanted);

/* imap/cmd_acl.c: "* MYRIGHTS ..."; otherwise nothing is said. */
enum imap_answer imap_rights_tell(struct imap_session *, struct span name);
#define IMAP_IDENTIFIER_MAX 320u /* bytes: an account's name */

/* imap/cmd_namespace.c: does it stand below one of the levels? */
bool imap_of_others(const struct imap_namespaces *, struct span name);

/* imap/saved.c (RFC 5182) */
/* False: too many runs, or no memory; then nothing is kept. */
MUST_USE bool imap_saved_keep(struct imap_session *, const struct imap_set *);
void imap_saved_drop(struct imap_session *);
/* What is left of it in the view; out is initialised.  False: out of memory. */
MUST_USE bool imap_saved_get(struct imap_session *, struct imap_set *out);

/* imap/append parsing is shared with read.c, which must not gather a message. */
/* Is the literal that comes now a message?  before: words in front of the name. */
bool imap_append_at_message(struct span text, struct arena *, unsigned before);

/* imap/cmd_list.c */
/* Called for each name in order; false ends it. */
typedef void imap_entry_fn(void *arg, const struct imap_entry *);
MUST_USE enum imap_answer imap_list_each(struct imap_session *, imap_entry_fn *,
					 void *arg);

/* A name as the session spells them. */
MUST_USE enum imap_name_result imap_name_of(struct imap_session *, struct span wire,
					    struct span *out);
/* Names of one command.  False: answered BAD or NO. */
MUST_USE bool imap_arg_name(struct imap_session *, struct imap_lex *, struct span *);

void imap_cmd_append(struct imap_session *, struct imap_lex *);
void imap_cmd_authenticate(struct imap_session *, struct imap_lex *);
void imap_cmd_cancelupdate(struct imap_session *, struct imap_lex *);
void imap_cmd_capability(struct imap_session *, struct imap_lex *);
void imap_cmd_check(struct imap_session *, struct imap_lex *);
void imap_cmd_close(struct imap_session *, struct imap_lex *);
void imap_cmd_compress(struct imap_session *, struct imap_lex *);
void imap_cmd_copy(struct imap_session *, struct imap_lex *);
void imap_cmd_create(struct imap_session *, struct imap_lex *);
void imap_cmd_delete(struct imap_session *, struct imap_lex *);
void imap_cmd_deleteacl(struct imap_session *, struct imap_lex *);
void imap_cmd_enable(struct imap_session *, struct imap_lex *);
void imap_cmd_esearch(struct imap_session *, struct imap_lex *);
void imap_cmd_examine(struct imap_session *, struct imap_lex *);
void imap_cmd_expunge(struct imap_session *, struct imap_lex *);
void imap_cmd_fetch(struct imap_session *, struct imap_lex *);
void imap_cmd_genurlauth(struct imap_session *, struct imap_lex *);
void imap_cmd_getacl(struct imap_session *, struct imap_lex *);
void imap_cmd_getmetadata(struct imap_session *, struct imap_lex *);
void imap_cmd_getquota(struct imap_session *, struct imap_lex *);
void imap_cmd_getquotaroot(struct imap_session *, struct imap_lex *);
void imap_cmd_id(struct imap_session *, struct imap_lex *);
void imap_cmd_idle(struct imap_session *, struct imap_lex *);
void imap_cmd_list(struct imap_session *, struct imap_lex *);
void imap_cmd_listrights(struct imap_session *, struct imap_lex *);
void imap_cmd_login(struct imap_session *, struct imap_lex *);
void imap_cmd_logout(struct imap_session *, struct imap_lex *);
void imap_cmd_lsub(struct imap_session *, struct imap_lex *);
void imap_cmd_move(struct imap_session *, struct imap_lex *);
void imap_cmd_myrights(struct imap_session *, struct imap_lex *);
void imap_cmd_namespace(struct imap_session *, struct imap_lex *);
void imap_cmd_noop(struct imap_session *, struct imap_lex *);
void imap_cmd_notify(struct imap_session *, struct imap_lex *);
void imap_cmd_rename(struct imap_session *, struct imap_lex *);
void imap_cmd_replace(struct imap_session *, struct imap_lex *);
void imap_cmd_resetkey(struct imap_session *, struct imap_lex *);
void imap_cmd_search(struct imap_session *, struct imap_lex *);
void imap_cmd_select(struct imap_session *, struct imap_lex *);
void imap_cmd_setacl(struct imap_session *, struct imap_lex *);
void imap_cmd_setmetadata(struct imap_session *, struct imap_lex *);
void imap_cmd_setquota(struct imap_session *, struct imap_lex *);
void imap_cmd_sort(struct imap_session *, struct imap_lex *);
void imap_cmd_starttls(struct imap_session *, struct imap_lex *);
void imap_cmd_status(struct imap_session *, struct imap_lex *);
void imap_cmd_store(struct imap_session *, struct imap_lex *);
void imap_cmd_subscribe(struct imap_session *, struct imap_lex *);
void imap_cmd_thread(struct imap_session *, struct imap_lex *);
void imap_cmd_uid(struct imap_session *, struct imap_lex *);
void imap_cmd_uid_expunge(struct imap_session *, struct imap_lex *);
void imap_cmd_uidbatches(struct imap_session *, struct imap_lex *);
void imap_cmd_unauthenticate(struct imap_session *, struct imap_lex *);
void imap_cmd_unselect(struct imap_session *, struct imap_lex *);
void imap_cmd_unsubscribe(struct imap_session *, struct imap_lex *);
void imap_cmd_urlfetch(struct imap_session *, struct imap_lex *);
