/* SPDX-License-Identifier: MIT */
/* A test program of several commands: it defines `commands`, and program.c has its main(), which
 * runs the one that argv[1] names and ends with what that returns. */
#pragma once

#define NOINLINE __attribute__((noinline))

enum {
	UNKNOWN_COMMAND = 98, /* exit statuses */
	HARMED = 99
};

struct command {
	const char *name;
	int (*run)(char **argv); /* what follows the name */
};

/* The last one has no name. */
extern const struct command commands[];

/* Ends the program with HARMED where the profiler has done harm, and says where. */
void require(int condition, const char *what);
