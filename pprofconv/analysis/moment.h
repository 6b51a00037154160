/* SPDX-License-Identifier: MIT */
/* A moment of a process's life is the dump that represents the process when its heap is compared
 * with that of another run. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum moment {
	MOMENT_LEVEL,         /* at work: see moment_choose() */
	MOMENT_PEAK,          /* the dump that holds most */
	MOMENT_LAST_INTERVAL, /* the last one that was not written at exit, if there is one */
	MOMENT_EXIT,          /* the last one */
};

struct moment_dump {
	double inuse; /* bytes */
	bool is_exit;
};

/* Returns false if there is no moment of that name. */
bool moment_parse(const char *name, enum moment *out);

/* Chooses one of `n` dumps of one process, at least one, in the order of time, and stores its
 * number. Returns 0 or -ENOMEM.
 *
 * The level is what the process repeatedly reached once it was warm: of the later half of the dumps
 * before the exit, the one that holds more than all but a twentieth of them. The highest is one
 * chance event, and the middle depends on how the dumps fell on the swings. Of fewer than 20 dumps
 * the highest is taken. A program that ends with more than the level, such as one that only ever
 * grows, is taken at its end. */
int moment_choose(enum moment moment, const struct moment_dump *dumps, size_t n, size_t *out);
