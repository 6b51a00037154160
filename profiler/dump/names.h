/* SPDX-License-Identifier: MIT */
/* A name is the path of a dump: PREFIX.NNNN.heap for the process that started first,
 * PREFIX_PID.NNNN.heap for every process under it, with a number that is not taken. The folder is
 * read when the first name without a process ID is needed, or a name turns out to be taken; never
 * by a process without a dump.
 *
 * Dumps are named, claimed and removed by the holder of the lock of dumps: see dumper.h. */
#pragma once
#include "base/options.h"
#include "base/view.h"

struct hp_name {
	char path[PATH_MAX];
};

/* Takes a prefix, see hp_prefix_set(). Returns false, with a message, if there can't be such names.
 * A process that the environment starts, `by_environment`, looks there for the mark of a process
 * that was first. Call where calling the C library is safe. */
bool hp_names_start(const char *prefix, bool by_environment);

/* Returns true if the environment has such a mark. Takes the C library's lock on it. */
bool hp_names_is_environment_marked(void);

/* Puts the mark there, if this is the first process, or `always`. Takes the same lock. */
void hp_names_mark_environment(bool always);

/* Makes the name of the next dump; a fork child has another one. Returns false if it would be too
 * long. */
bool hp_names_next(struct hp_name *out);

/* The name was taken already. If it was only tried, the next one is numbered after the highest that
 * is there. Else another process uses this prefix, and the next prefix is PREFIX_PID, then
 * PREFIX_PID-2, and so on. */
void hp_names_collided(void);

/* The name is claimed. At most `max_dumps` stay (0: all), always including the first. Returns true,
 * with the dump that has to go in `out_expired`, if this is one too many; false if there is none,
 * or if the file under its name is not that dump any more. */
bool hp_names_claimed(uint64_t max_dumps, struct hp_name *out_expired);

/* The name is claimed, and dumps are kept spread: at most `max_dumps` (0: all, or HP_SPREAD_MAX).
 * Returns true if this is one too many. Then each call of hp_names_thin() stores one that has to
 * go, and returns false if none is left. A file that is not that dump any more stays. */
bool hp_names_claimed_spread(uint64_t max_dumps);
bool hp_names_thin(struct hp_name *out_expired);

/* Removes the dumps of earlier runs under the present prefix: files that begin like a dump, except
 * those of this process, also from before an exec. Also removes what processes under the prefix
 * were writing when they died, where a file can't be without a name. */
void hp_names_remove_earlier(void);

/* Returns the number of dumps claimed by this process in all its sessions. */
uint64_t hp_names_n_claimed(void);

/* Returns true if this process is the first under its prefix. */
bool hp_names_is_owner(void);

/* Returns true if this process is the first under a prefix of the environment, and no program that
 * it ran before an exec was profiled: then the environment has not been checked yet. */
bool hp_names_is_first_image(void);

void hp_names_after_fork(void);

/* Rows of the view. */
extern const struct hp_view_row hp_names_view[1];
