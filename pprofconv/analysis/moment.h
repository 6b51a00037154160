/* SPDX-License-Identifier: MIT */
/* A moment of a process's life: the dump of it that speaks for the process where its heap is to be
 * compared with another run's. */
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

/* False if there is no moment of that name. */
bool moment_parse(const char *name, enum moment *out);

/* Chooses from `n` dumps of one process, at least one, in the order of time: stores the number of
 * one. 0 or -ENOMEM.
 *
 * The level is what the process repeatedly came to once it was warm: of the later half of the dumps
 * before the exit the one that holds more than all but a twentieth of them do. The highest is one
 * chance event, the middle of them depends on how the dumps fell on the swings; fewer than 20 have
 * their highest. A program that ends with more than that, as one that only ever grows, is taken at
 * its end. */
int moment_choose(enum moment moment, const struct moment_dump *dumps, size_t n, size_t *out);
