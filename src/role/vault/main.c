/* SPDX-License-Identifier: Apache-2.0 */
/* letterlock-vault: the program of role/vault. */
#include "role/vault/role.h"

int main(int argc, char **argv)
{
	return role_main(&vault_role, argc, argv);
}
