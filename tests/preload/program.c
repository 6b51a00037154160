/* SPDX-License-Identifier: MIT */
#include "program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void require(int condition, const char *what)
{
	if (condition)
		return;
	dprintf(1, "failed: %s (errno %d)\n", what, errno);
	_exit(HARMED);
}

int main(int argc, char **argv)
{
	for (const struct command *command = commands; command->name; command++)
		if (argc > 1 && strcmp(command->name, argv[1]) == 0)
			return command->run(argv + 2);
	return UNKNOWN_COMMAND;
}
