/* SPDX-License-Identifier: Apache-2.0 */
/* letterlock-logger: the program of role/logger. */
#include "role/logger/role.h"

int main(int argc, char **argv)
{
	return role_main(&logger_role, argc, argv);
}
