/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/dns - what `letterlock dns` and its waiting for records share. */
#pragma once

#include "cmd/ask.h"

/*
 * Until the TLSA record of every key that is to follow has been seen for as long
 * as resolvers may keep the answer before it: from then on nobody can hold an
 * answer that lacks it.  For hours, if the record's TTL says so.
 */
enum end dns_wait(struct command *, const struct args *);
