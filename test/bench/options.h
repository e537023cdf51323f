/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of mailbench.  One row of a table each (options.c); a row names its
 * field, so a new option is a field here and a row there.  A pattern has one
 * %d, which becomes the user's number, from 1.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum tls { TLS_NONE, TLS_START, TLS_IMPLICIT };

/* The IMAP mix: what is drawn, in the order of --weights. */
enum mix {
	MIX_HEADERS,
	MIX_BODY,
	MIX_STORE,
	MIX_APPEND,
	MIX_SELECT,
	MIX_STATUS,
	MIX_SEARCH,
	MIX_SEARCH_BODY,
	MIX_EXPUNGE,
	MIX_NOOP,
	MIX_COUNT
};

struct options {
	/* the server */
	const char *host; /* an IPv4 address */
	const char *source; /* one of our own, or NULL: the system's choice */
	int port, imap;	  /* imap: a second port, to watch deliveries */
	enum tls tls, imap_tls, sink_tls;
	const char *user, *to; /* patterns */
	const char *pass, *from;
	int users;	    /* mailboxes u1..uN */
	const char *cgroup; /* its processes: folders with commas between, */
	long root_pid;	    /* or the root of their tree */
	const char *disk;   /* a name in /proc/diskstats */

	/* the run */
	int sessions,
		inflight; /* inflight: connections being opened at a time */
	long messages, size;
	double seconds, timeout; /* seconds: 0 is no limit */
	unsigned seed;
	const char *label, *json;
	bool quiet;

	/* of single commands */
	int recipients, per_connection, sink, repeat, settle, hold, group, workers,
		as;
	bool warm, auth, lmtp, no_pipelining, resume, dele, verify, vary, no_idle;
	const char *drain_maildir, *box, *cmd, *proto, *dir, *mode;
	long init, ops, expect; /* expect: -1 is anything */
	int weights[MIX_COUNT];
};

/* False, and a line on standard error, when the words are not understood. */
bool options_read(struct options *, const char *command, int argc, char **argv);
void options_usage(void);

const char *tls_name(enum tls);

/* The pattern with its number in, in `out`. */
const char *numbered(const char *pattern, int number, char *out, size_t size);

#endif
