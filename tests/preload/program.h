/* SPDX-License-Identifier: MIT */
/* A test program has several commands. It defines `commands`; the main() in program.c runs the one
 * that argv[1] names, and ends with what that returns. */
#pragma once

#define NOINLINE __attribute__((noinline))

enum {
	UNKNOWN_COMMAND = 98, /* exit statuses */
	HARMED = 99
};

struct command {
	const char *name;
	int (*run)(char **argv); /* the arguments after the name */
};

/* The last one has no name. */
extern const struct command commands[];

/* Ends the program with HARMED and prints `what` if the condition is false, because the profiler
 * has done harm. */
void require(int condition, const char *what);
