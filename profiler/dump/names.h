/* SPDX-License-Identifier: MIT */
/* The names of dumps: PREFIX.NNNN.heap for the process that started first, PREFIX_PID.NNNN.heap for
 * every process under it, and a number that nobody has taken. The folder is read when a name with
 * no process ID in it is needed first, or a name is taken: never by a process without a dump. */
#pragma once
#include "base/options.h"
#include "base/view.h"

struct hp_name {
	char path[PATH_MAX];
};

/* Takes a prefix, see hp_prefix_set(). False, and said why, if there can't be such names. Call
 * where the C library may be called. Whoever is started by the environment, `by_environment`, looks
 * there for the mark of a process that was first. */
bool hp_names_start(const char *prefix, bool by_environment);

/* Whether the environment has such a mark. Takes the C library's lock on it. */
bool hp_names_is_environment_marked(void);

/* Leaves that mark, if this is the first process, or `always`. Takes the same lock. */
void hp_names_mark_environment(bool always);

/* The name of the next dump, made now: a fork child has another. False if it would be too long. */
bool hp_names_next(struct hp_name *out);

/* The name was there already. If it was only tried, the next one goes on after the highest number
 * that is there; else another process uses this prefix, and the next one is PREFIX_PID, then
 * PREFIX_PID-2, and so on. */
void hp_names_collided(void);

/* The name is ours now. Stores in `out_expired` the dump that has to go so that at most `max_dumps`
 * stay (0: all), the first one always among them; false if none has to, or if what lies there is
 * not that dump any more. */
bool hp_names_claimed(uint64_t max_dumps, struct hp_name *out_expired);

/* The name is ours now, and dumps are kept spread: at most `max_dumps` (0: all, or HP_SPREAD_MAX).
 * True if that is one too many: then each call of hp_names_thin() stores one that has to go, false
 * if none is left. What is not that dump any more stays. */
bool hp_names_claimed_spread(uint64_t max_dumps);
bool hp_names_thin(struct hp_name *out_expired);

/* Removes the dumps of earlier runs under the present prefix: files that begin like a dump, but for
 * those of this process, from before an exec too. And what processes under it were writing when
 * they died, where a file can't be without a name. */
void hp_names_remove_earlier(void);

/* Dumps claimed by this process in all its sessions, and whether it is the first under its prefix.
 */
uint64_t hp_names_n_claimed(void);
bool hp_names_is_owner(void);

/* True if this process is the first under a prefix of the environment, and no program that it ran
 * before an exec was profiled: nobody has looked at the environment yet. */
bool hp_names_is_first_image(void);

void hp_names_after_fork(void);

/* Rows of the view. */
extern const struct hp_view_row hp_names_view[1];
