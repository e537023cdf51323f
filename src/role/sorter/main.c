/* SPDX-License-Identifier: Apache-2.0 */
/* letterlock-sorter: the program of role/sorter. */
#include "role/sorter/role.h"

int main(int argc, char **argv)
{
	return role_main(&sorter_role, argc, argv);
}
