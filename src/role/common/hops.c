/* SPDX-License-Identifier: Apache-2.0 */
/* role/common/hops: the process graph as two tables. */
#include "role/common/hops.h"

#include "base/ensure.h"

static const struct {
	const char *name, *program;
	enum conf_role conf;
} kinds[] = {
	[KIND_LOGGER] = {"logger", "letterlock-logger", CONF_LOGGER},
	[KIND_VAULT] = {"vault", "letterlock-vault", CONF_VAULT},
	[KIND_DIALER] = {"dialer", "letterlock-dialer", CONF_DIALER},
	[KIND_SORTER_MX] = {"sorter-mx", "letterlock-sorter", CONF_SORTER},
	[KIND_SORTER_ACCESS] = {"sorter-access", "letterlock-sorter",
				CONF_SORTER},
	[KIND_STORE] = {"store", "letterlock-store", CONF_STORE},
	[KIND_AUTH] = {"auth", "letterlock-auth", CONF_AUTH},
	[KIND_FETCH] = {"fetch", "letterlock-fetch", CONF_FETCH},
	[KIND_COURIER] = {"courier", "letterlock-courier", CONF_COURIER},
	[KIND_EDGE_MX] = {"edge-mx", "letterlock-edge", CONF_EDGE_MX},
	[KIND_EDGE_ACCESS] = {"edge-access", "letterlock-edge",
			      CONF_EDGE_ACCESS},
	[KIND_EDGE_ADMIN] = {"edge-admin", "letterlock-admin", CONF_EDGE_ADMIN},
	[KIND_EDGE_LOCAL] = {"edge-local", "letterlock-local", CONF_EDGE_LOCAL},
	[KIND_SUPERVISOR] = {"supervisor", "letterlock-supervisor",
			     CONF_SUPERVISOR},
	[KIND_COMMAND] = {"command", "letterlock", CONF_ROLES},
};

const struct hop_line hop_graph[] = {
	{HOP_ROLE_LOGGER, KIND_VAULT, KIND_LOGGER},
	{HOP_ROLE_LOGGER, KIND_DIALER, KIND_LOGGER},
	{HOP_ROLE_LOGGER, KIND_SORTER_MX, KIND_LOGGER},
	{HOP_ROLE_LOGGER, KIND_SORTER_ACCESS, KIND_LOGGER},
	{HOP_ROLE_LOGGER, KIND_STORE, KIND_LOGGER},
	{HOP_ROLE_LOGGER, KIND_AUTH, KIND_LOGGER},
	{HOP_ROLE_LOGGER, KIND_FETCH, KIND_LOGGER},
	{HOP_ROLE_LOGGER, KIND_COURIER, KIND_LOGGER},
	{HOP_ROLE_LOGGER, KIND_EDGE_MX, KIND_LOGGER},
	{HOP_ROLE_LOGGER, KIND_EDGE_ACCESS, KIND_LOGGER},
	{HOP_ROLE_LOGGER, KIND_EDGE_ADMIN, KIND_LOGGER},
	{HOP_ROLE_LOGGER, KIND_EDGE_LOCAL, KIND_LOGGER},
	{HOP_STORE_SORTER, KIND_STORE, KIND_SORTER_MX},
	{HOP_STORE_SORTER, KIND_STORE, KIND_SORTER_ACCESS},
	{HOP_AUTH_STORE, KIND_AUTH, KIND_STORE},
	{HOP_FETCH_DIALER, KIND_FETCH, KIND_DIALER},
	{HOP_COURIER_STORE, KIND_COURIER, KIND_STORE},
	{HOP_COURIER_DIALER, KIND_COURIER, KIND_DIALER},
	{HOP_COURIER_FETCH, KIND_COURIER, KIND_FETCH},
	{HOP_COURIER_VAULT, KIND_COURIER, KIND_VAULT},
	{HOP_EDGE_VAULT, KIND_EDGE_MX, KIND_VAULT},
	{HOP_EDGE_VAULT, KIND_EDGE_ACCESS, KIND_VAULT},
	{HOP_EDGE_AUTH, KIND_EDGE_ACCESS, KIND_AUTH},
	{HOP_EDGE_STORE, KIND_EDGE_MX, KIND_STORE},
	{HOP_EDGE_STORE, KIND_EDGE_ACCESS, KIND_STORE},
	{HOP_EDGE_STORE, KIND_EDGE_LOCAL, KIND_STORE},
	{HOP_ADMIN_STORE, KIND_EDGE_ADMIN, KIND_STORE},
	{HOP_ADMIN_AUTH, KIND_EDGE_ADMIN, KIND_AUTH},
	{HOP_ADMIN_DIALER, KIND_EDGE_ADMIN, KIND_DIALER},
	{HOP_ADMIN_COURIER, KIND_EDGE_ADMIN, KIND_COURIER},
	{HOP_ADMIN_VAULT, KIND_EDGE_ADMIN, KIND_VAULT},
	{HOP_ADMIN_LOGGER, KIND_EDGE_ADMIN, KIND_LOGGER},
};
const size_t hop_graph_count = ARRAY_LEN(hop_graph);

static const char *const hops[] = {
	[HOP_BOSS_ROLE] = "boss_role",
	[HOP_BOSS_CONF] = "boss_conf",
	[HOP_ROLE_LOGGER] = "role_logger",
	[HOP_EDGE_VAULT] = "edge_vault",
	[HOP_COURIER_VAULT] = "courier_vault",
	[HOP_EDGE_AUTH] = "edge_auth",
	[HOP_EDGE_STORE] = "edge_store",
	[HOP_AUTH_STORE] = "auth_store",
	[HOP_STORE_SORTER] = "store_sorter",
	[HOP_COURIER_FETCH] = "courier_fetch",
	[HOP_COURIER_STORE] = "courier_store",
	[HOP_ADMIN_BOSS] = "admin_boss",
	[HOP_ADMIN_STORE] = "admin_store",
	[HOP_ADMIN_AUTH] = "admin_auth",
	[HOP_ADMIN_DIALER] = "admin_dialer",
	[HOP_ADMIN_VAULT] = "admin_vault",
	[HOP_ADMIN_LOGGER] = "admin_logger",
	[HOP_ADMIN_COURIER] = "admin_courier",
	[HOP_CMD_ADMIN] = "cmd_admin",
	[HOP_CMD_LOCAL] = "cmd_local",
	[HOP_COURIER_DIALER] = "courier_dialer",
	[HOP_FETCH_DIALER] = "fetch_dialer",
};

const char *kind_name(enum kind k)
{
	ENSURE((size_t)k < ARRAY_LEN(kinds));
	return kinds[k].name;
}

const char *kind_program(enum kind k)
{
	ENSURE((size_t)k < ARRAY_LEN(kinds));
	return kinds[k].program;
}

enum conf_role kind_conf(enum kind k)
{
	ENSURE((size_t)k < ARRAY_LEN(kinds));
	return kinds[k].conf;
}

const char *hop_name(enum hop h)
{
	ENSURE((size_t)h < ARRAY_LEN(hops));
	return hops[h];
}
