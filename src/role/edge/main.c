/* SPDX-License-Identifier: Apache-2.0 */
/* letterlock-edge: the program of role/edge, in its pools mx and access. */
#include "role/edge/role.h"

int main(int argc, char **argv)
{
	return role_main(&edge_role, argc, argv);
}
