/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/common/hops - who is there, and who may speak to whom.
 *
 * A kind is a program in one of its pools; a hop is a schema in src/wire.  The
 * graph below is complete: a channel that it does not name is never made.  The
 * order of kinds is the order of start: a role finds its servers running.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"

enum kind {
	KIND_LOGGER,
	KIND_VAULT,
	KIND_DIALER,
	KIND_SORTER_MX,
	KIND_SORTER_ACCESS,
	KIND_STORE,
	KIND_AUTH,
	KIND_FETCH,
	KIND_COURIER,
	KIND_EDGE_MX,
	KIND_EDGE_ACCESS,
	KIND_EDGE_ADMIN,
	KIND_EDGE_LOCAL,
	KIND_COUNT,
	/* Not processes of the graph: the parent, and who administers. */
	KIND_SUPERVISOR = KIND_COUNT,
	KIND_COMMAND,
};

/* When started by root each kind has a user of its own: this number and its
 * place in the list. */
#define ROLE_UID_FIRST 60800u

enum hop {
	HOP_BOSS_ROLE,
	HOP_BOSS_CONF,
	HOP_ROLE_LOGGER,
	HOP_EDGE_VAULT,
	HOP_COURIER_VAULT,
	HOP_EDGE_AUTH,
	HOP_EDGE_STORE,
	HOP_AUTH_STORE,
	HOP_STORE_SORTER,
	HOP_COURIER_FETCH,
	HOP_COURIER_STORE,
	HOP_ADMIN_BOSS,
	HOP_ADMIN_STORE,
	HOP_ADMIN_AUTH,
	HOP_ADMIN_DIALER,
	HOP_ADMIN_VAULT,
	HOP_ADMIN_LOGGER,
	HOP_ADMIN_COURIER,
	HOP_CMD_ADMIN,
	HOP_CMD_LOCAL,
	HOP_COURIER_DIALER,
	HOP_FETCH_DIALER,
	HOP_COUNT
};

/* a is side 0 of the schema (it asks), b is side 1. */
struct hop_line {
	enum hop hop;
	enum kind a, b;
};

extern const struct hop_line hop_graph[];
extern const size_t hop_graph_count;

/* "edge-mx", as in the log, in status and in endpoints.json. */
const char *kind_name(enum kind);
/* "letterlock-edge": the program's file name. */
const char *kind_program(enum kind);
/* Whose slice of the configuration it gets. */
enum conf_role kind_conf(enum kind);
const char *hop_name(enum hop);
