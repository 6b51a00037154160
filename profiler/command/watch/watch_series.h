/* SPDX-License-Identifier: MIT */
/* A watch series is the dumps that this program writes under one prefix: of one process, or of
 * processes of one name that follow each other. */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/diag.h"
#include "base/vec.h"

struct kept_dump { /* a file that this program wrote and has not removed */
	uint64_t number;
	dev_t device;
	ino_t inode;
	struct timespec changed;
};

struct watch_series {
	char prefix[PATH_MAX];  /* without expansions; empty: this place is free */
	pid_t holder;           /* the process that is being dumped; 0: none */
	bool is_of_one_process; /* the prefix has its ID */
	uint64_t number;        /* of the last dump */
	VEC(struct kept_dump) kept;
};

/* Begins a series. Its numbers go on after the highest that is there. */
void watch_series_init(struct watch_series *series, const char *prefix);
void watch_series_deinit(struct watch_series *series);

/* Writes the text of a dump under the next number that is free, with mode 0600, and stores
 * its path. If there are now more than `n_keep` (0: no limit), removes the oldest dump but
 * the first one, if it still is the file that was written. Returns 0, or a negative errno with a
 * message in `diag`. */
int watch_series_write(struct watch_series *series, uint64_t n_keep, const char *text, size_t size,
		       char out_path[PATH_MAX], struct diag *diag);
