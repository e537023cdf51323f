/* SPDX-License-Identifier: Apache-2.0 */
/* The client half of IMAP: commands one at a time, untagged data counted. */
#ifndef BENCH_IMAP_H
#define BENCH_IMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "message.h"
#include "options.h"

struct bench;
struct conn;

enum answer { ANSWER_OK, ANSWER_NO, ANSWER_GONE };

struct imap {
	struct bench *b;
	struct conn *c;
	int tag;
	bool literal_plus;
	long exists;	     /* of the box that is open */
	long fetched;	     /* FETCH responses since it was set to 0 */
	long found;	     /* numbers in the last SEARCH or SORT */
	long messages;	     /* of the last STATUS */
	struct check *check; /* when set, literals are checked */
	long checked, bad;
	char line[256]; /* of the last response, cut */
};

bool imap_open(struct imap *, struct bench *, int port, enum tls, int user);
void imap_close(struct imap *); /* says LOGOUT; NULL connection is allowed */

__attribute__((format(printf, 2, 3))) enum answer
imap_do(struct imap *, const char *format, ...);
/* The same, but NO and BAD are no failure of the run. */
__attribute__((format(printf, 2, 3))) enum answer
imap_try(struct imap *, const char *format, ...);
enum answer imap_append(struct imap *, const char *box, const struct message *);
/* The box is made unless it is INBOX; it may be there. */
void imap_create(struct imap *, const char *box);
bool imap_idle(struct imap *); /* true once the server said + */

/* One response with its literals: its line, or NULL when the server is gone. */
const char *imap_response(struct imap *);

#endif
