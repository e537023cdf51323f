/* SPDX-License-Identifier: Apache-2.0 */
/* role/local/main: the program letterlock-local. */
#include "role/local/role.h"

int main(int argc, char **argv)
{
	return role_main(&local_role, argc, argv);
}
