/* SPDX-License-Identifier: MIT */
/* A moment names the dump that represents a process when its heap is compared with that of another
 * run. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum moment {
	MOMENT_LEVEL,         /* the usual level while the process runs; see moment_choose() */
	MOMENT_PEAK,          /* the dump with the most memory in use */
	MOMENT_LAST_INTERVAL, /* the last dump that was not written at exit, if there is one */
	MOMENT_EXIT,          /* the last dump, whether or not it was written at exit */
};

struct moment_dump {
	double inuse; /* bytes */
	bool is_exit;
};

/* Sets *out to the moment called `name` and returns true; returns false if there is no such
 * moment. */
bool moment_parse(const char *name, enum moment *out);

/* Chooses one of `n` dumps of one process and sets *out to its number. The dumps are in order of
 * time; there is at least one. Returns 0 or -ENOMEM.
 *
 * The level is what the process repeatedly reached once it had warmed up. It is chosen from the
 * later half of the dumps before the exit: the dump that holds at least as much as 95 % of them. Of
 * fewer than 20 dumps, that is the highest. The highest of many dumps would be a single chance
 * event, and the median would depend on where in the swings of memory the dumps were written. If
 * the dump at exit holds as much as the level or more, as in a program that only grows, the dump at
 * exit is chosen. */
int moment_choose(enum moment moment, const struct moment_dump *dumps, size_t n, size_t *out);
