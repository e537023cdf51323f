/* SPDX-License-Identifier: Apache-2.0 */
/* role/admin/main: the program letterlock-admin. */
#include "role/admin/role.h"

int main(int argc, char **argv)
{
	return role_main(&admin_role, argc, argv);
}
