/* SPDX-License-Identifier: Apache-2.0 */
/* letterlock-fetch: the program of role/fetch. */
#include "role/fetch/role.h"

int main(int argc, char **argv)
{
	return role_main(&fetch_role, argc, argv);
}
