/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/admin/survey - what the server's names need, gone through need by need.
 *
 * Gathers what posture/posture.h wants to know of the server: listeners from the
 * configuration, public keys from the vault, domains from the store; and, when
 * asked to look, has the dialer look each need up.  Runs in a fiber and holds
 * one answer at a time, however many domains there are.
 */
#pragma once

#include "posture/posture.h"
#include "role/admin/admin.h"

#define SURVEY_KEYS_MAX 256u

/* One need.  Valid during the call. */
struct survey_item {
	const struct posture_server *server;
	const struct posture_need *need; /* NULL: the certificates themselves */
	/* Only when it was looked up: */
	const struct posture_found *found; /* NULL with certificates */
	const struct posture_findings *findings;
};

struct survey {
	struct admin *admin;
	bool look;
	bool keys_only; /* the TLSA records of the port for mail, nothing else */
	struct span only; /* the host and one domain; empty: and all domains */
	void (*told)(void *ctx, const struct survey_item *);
	void *ctx;
};

enum survey_end {
	SURVEY_DONE,
	SURVEY_NO_DOMAIN, /* the only one does not exist */
	SURVEY_OFF,	  /* look-ups are switched off */
	SURVEY_SHORT,	  /* of memory */
	SURVEY_NO_STORE,
	SURVEY_NO_VAULT,
	SURVEY_NO_DIALER,
	SURVEY_STOPPED, /* the fiber was told to end */
};

/* *result says more with SURVEY_NO_...: what became of the question. */
enum survey_end survey_run(const struct survey *, enum ipc_result *result);

/* Some seconds after the start, once: a line in the log for each difference. */
void survey_at_start(struct admin *);
/* After a reload: a key in use that its TLSA record does not name is an error there,
 * since mail that DANE protects does not come until it does. */
void survey_after_reload(struct admin *);
void survey_finish(struct admin *); /* the role ends */
