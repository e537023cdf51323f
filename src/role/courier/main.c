/* SPDX-License-Identifier: Apache-2.0 */
/* letterlock-courier: the program of role/courier. */
#include "role/courier/role.h"

int main(int argc, char **argv)
{
	return role_main(&courier_role, argc, argv);
}
