/* SPDX-License-Identifier: Apache-2.0 */
/* An SMTP server that takes all mail, counts it and keeps none. */
#ifndef BENCH_SINK_H
#define BENCH_SINK_H

#include <stdbool.h>

struct bench;
struct conn;

struct sink {
	struct bench *b;
	struct conn *listener;
	long messages, recipients;
	double first, last; /* when the first and the last message were in */
	bool stop;	    /* set it to end the listener */
};

void sink_start(struct sink *, struct bench *, int port);

#endif
