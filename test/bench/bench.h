/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mailbench: a load generator and checker for mail servers.
 *
 * One process, one thread; each session is a fiber on one epoll loop, so that
 * the generator takes little of the processor that it shares with the server.
 * It shares no code with the server on purpose: a mistake there must not hide
 * itself here.  Every reply is checked and a run with one failed operation
 * ends with 1.
 *
 * struct bench is one run; everything that changes hangs off it.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "options.h"
#include "report.h"

struct loop;
struct corpus;

struct bench {
	struct options o;
	struct report report;
	struct loop *loop;
	struct corpus *corpus;
	SSL_CTX *tls;
	SSL_SESSION *ticket; /* what --resume resumes; owned */
};

/* The commands: one file each, all in the table of main.c.  0, or 1 if
 * something failed. */
int cmd_smtp(struct bench *);
int cmd_sink(struct bench *);
int cmd_imap(struct bench *);
int cmd_idle(struct bench *);
int cmd_push(struct bench *);
int cmd_handshake(struct bench *);
int cmd_pop3(struct bench *);
int cmd_fill(struct bench *);
int cmd_imapcmd(struct bench *);
int cmd_count(struct bench *);
int cmd_countdir(struct bench *);
int cmd_fsync(struct bench *);
int cmd_pss(struct bench *);

#endif
