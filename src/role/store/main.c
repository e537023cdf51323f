/* SPDX-License-Identifier: Apache-2.0 */
/* letterlock-store: the program of role/store. */
#include "role/store/role.h"

int main(int argc, char **argv)
{
	return role_main(&store_role, argc, argv);
}
