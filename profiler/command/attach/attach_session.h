/* SPDX-License-Identifier: MIT */
/* An attach session is what `heapprof` does to a process to attach to it, to change how it records,
 * or to detach from it. Each runs in a child process, which ends soon (target/stop.h): as root,
 * with the rights of the process's user and the one to trace. Signals that ask this program to end
 * wait until it is done.
 *
 * The functions print errors and, unless `is_quiet`, what was done. They return the exit status. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "command/find_target.h"
#include "control/attached.h"

struct attach_wish {
	uint64_t interval;                   /* bytes; 1: exact, 0: automatic */
	bool has_pools;                      /* those of PostgreSQL, too */
	char prefix[HP_ATTACHED_PREFIX_MAX]; /* of dumps, absolute; empty: none */
	bool is_quiet;
};

/* The row of --pools, whose argument is kept at this place of the settings; and what reads the
 * argument, which may be NULL. It prints an error if that fails, and returns the exit status. */
#define ATTACH_ROW_POOLS(place)                                                                   \
	{                                                                                         \
		"pools", 0, OPTION_TEXT, place, "KIND",                                           \
			"Records also the objects of pools, by function and pool: the memory "    \
			"contexts of a process of a PostgreSQL server, if KIND is postgres. The " \
			"server's version is 12 to 17."                                           \
	}
int attach_parse_pools(const char *kind, struct attach_wish *wish);

/* Attaches, and begins to record. Refuses before anything is changed, if it refuses. */
int attach_begin(const struct found_target *target, const struct attach_wish *wish);

/* Ends recording and undoes all that attaching has changed, except that the library stays loaded,
 * idle. */
int attach_end(const struct found_target *target, bool is_quiet);

/* Does the same for the process and for those that it has forked meanwhile. Names those of them
 * that stay attached, with the reason. */
int attach_end_all(const struct found_target *target, bool is_quiet);

enum attach_change_kind {
	ATTACH_CHANGE_OFF,
	ATTACH_CHANGE_ON,
	ATTACH_CHANGE_INTERVAL,
};

struct attach_change {
	enum attach_change_kind kind;
	uint64_t interval; /* of ATTACH_CHANGE_INTERVAL */
};

/* Changes how an attached process records. */
int attach_change(const struct found_target *target, const struct attach_change *change,
		  bool is_quiet);

/* The state of a process, found without changing it. */
enum attach_state {
	ATTACH_UNKNOWN, /* it can't be read */
	ATTACH_POSSIBLE,
	ATTACH_REFUSED,
	ATTACH_HAS_LIBRARY, /* since its start: there is nothing to attach */
	ATTACH_DONE,        /* it is attached already */
};

/* Finds that out. `out` is the reason, if it is neither ATTACH_POSSIBLE nor
 * ATTACH_DONE. */
enum attach_state attach_check(const struct found_target *target, char *out, size_t size);
