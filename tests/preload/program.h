/* SPDX-License-Identifier: MIT */
/* The frame of test programs with several commands. A program defines `commands`. The main() in
 * program.c runs the command that argv[1] names, and exits with the status that the command
 * returns. */
#pragma once

#define NOINLINE __attribute__((noinline))

enum {
	UNKNOWN_COMMAND = 98, /* exit statuses */
	HARMED = 99
};

struct command {
	const char *name;
	int (*run)(char **argv); /* gets the arguments after the name */
};

/* The commands of the program. The last row has no name. */
extern const struct command commands[];

/* If `condition` is false, the profiler has done harm: prints `what`, and exits with status
 * HARMED. */
void require(int condition, const char *what);
