/* SPDX-License-Identifier: Apache-2.0 */
/* letterlock-auth: the program of role/auth. */
#include "role/auth/role.h"

int main(int argc, char **argv)
{
	return role_main(&auth_role, argc, argv);
}
