/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/vault/on_admin - what the admin pool is told: public keys by their hash.
 *
 * Must never tell of a private key more than that it is there.
 */
#pragma once

#include "role/vault/shelf.h"
#include "wire/admin_vault.h"

/* shelf NULL: there are none. */
void on_admin_key(const struct shelf *, struct ipc_call *,
		  const struct admin_vault_key *);
