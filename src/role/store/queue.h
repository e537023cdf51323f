/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/queue - the store's part in carrying mail out.
 *
 * What is due is known to spool/carry; here it is handed to couriers that ask,
 * and what they say of it is committed.  An ask that finds nothing stays, without a
 * fiber, until something is due.  While the store is busy nothing is handed out;
 * what a courier has to say is never turned away.
 */
#pragma once

#include "role/store/body.h"
#include "spool/carry.h"
#include "wire/courier_store.h"

#define QUEUE_BODY    32768u /* bytes of a body inside a lease */
#define QUEUE_GIVING  8u     /* asks that are looked at in a moment */
#define QUEUE_ASKS    1024u  /* that wait */
#define QUEUE_SLICE_NS (2 * NS_PER_MS)

/* What the present configuration says. */
struct schedule_rules queue_rules(const struct store *);
/* By when the job's sender hears something; for a job accepted now. */
void queue_times(struct store *, struct spool_job *, int64_t released);

/* waits.c: the limit that keeps a recipient which is due; empty: none does. */
struct span queue_waits(const struct store *, struct arena *,
			const struct spool_id *job,
			const struct spool_recipient *);

extern const struct courier_store_at_store store_for_courier;

/* The lease that a request names, held; NULL: none of its channel. */
struct lease *queue_lease(struct job *, uint64_t number);
/* The first ask is looked at by a fiber of its own; false: none, or no room. */
bool queue_give(struct store *);
/* An ask waits on; soon: there may be something for it already. */
void queue_rest(struct store *, bool soon);

enum courier_store_answer queue_answer(enum spool_result);

/* ---- on_report.c: mail that we write ourselves ---- */
void on_report(void *ctx, struct ipc_call *,
	       const struct courier_store_report *);
void on_send(void *ctx, struct ipc_call *, const struct courier_store_send *);
/* ---- on_note.c ---- */
void on_note_put(void *ctx, struct ipc_call *,
		 const struct courier_store_note_put *);
void on_note_get(void *ctx, struct ipc_call *,
		 const struct courier_store_note_get *);
void on_notes(void *ctx, struct ipc_call *,
	      const struct courier_store_notes *);
