/* SPDX-License-Identifier: Apache-2.0 */
/* letterlock-dialer: the program of role/dialer. */
#include "role/dialer/role.h"

int main(int argc, char **argv)
{
	return role_main(&dialer_role, argc, argv);
}
