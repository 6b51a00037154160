/* SPDX-License-Identifier: MIT */
/* A name is the path of a dump, with a number that is not taken: PREFIX.NNNN.heap for the first
 * process that was started with the prefix, and PREFIX_PID.NNNN.heap for every process under it.
 * The folder is read when the first name without a process ID is needed, or when a name turns out
 * to be taken; a process that writes no dump never reads it.
 *
 * Only the thread that holds the lock of dumps (dumper.h) makes, claims and removes names. */
#pragma once
#include "base/options.h"
#include "base/view.h"

struct hp_name {
	char path[PATH_MAX];
};

/* Sets the prefix, as hp_prefix_set() does. Returns false and reports why if there can be no names
 * with it. `by_environment` is true if HEAPPROFILE asks for the session: then the environment is
 * searched for a mark, which shows that an earlier process was first. Call it where calling the C
 * library is safe. */
bool hp_names_start(const char *prefix, bool by_environment);

/* Returns true if the environment has such a mark. Takes the C library's lock on the
 * environment. */
bool hp_names_is_environment_marked(void);

/* Puts the mark into the environment if this process is the first and HEAPPROFILE asks for the
 * session, or if `always`. Takes the C library's lock on the environment. */
void hp_names_mark_environment(bool always);

/* Sets *out to the name of the next dump; in a fork child it is another name than in the parent.
 * Returns false if the name would be too long. */
bool hp_names_next(struct hp_name *out);

/* Call it if the name is already taken. If the number was only tried, without reading the folder,
 * or if a tool has written that dump of this process from outside, the next name has the number
 * after the highest one in the folder. Otherwise another process uses this prefix, and the next
 * names have the prefix PREFIX_PID, then PREFIX_PID-2, and so on. */
void hp_names_collided(void);

/* Call it when the name has been claimed. At most `max_dumps` dumps stay (0: all), including the
 * first one. If there is now one too many, sets *out_expired to the dump that must be removed, and
 * returns true. Returns false if there is none, or if that dump's file has been replaced by another
 * one. */
bool hp_names_note_claimed(uint64_t max_dumps, struct hp_name *out_expired);

/* Same as hp_names_note_claimed(), but for dumps that are kept spread: at most `max_dumps` or
 * HP_SPREAD_MAX (`max_dumps` 0: HP_SPREAD_MAX). Returns true if there are now too many. Then call
 * hp_names_thin() until it returns false: each call that returns true sets *out_expired to a dump
 * that must be removed. A dump whose file has been replaced by another one is left out. */
bool hp_names_note_claimed_spread(uint64_t max_dumps);
bool hp_names_thin(struct hp_name *out_expired);

/* Removes dumps of earlier runs under the present prefix: files that begin like a dump, except
 * dumps of this process, even from before an exec. Also removes temporary files that processes
 * under the prefix were writing when they died; there are such files if the file system can't
 * create files without a name. */
void hp_names_remove_earlier(void);

/* Returns how many dumps this process has claimed, in all its sessions. */
uint64_t hp_names_n_claimed(void);

/* Returns true if this process is the first under its prefix. */
bool hp_names_is_owner(void);

/* Returns true if this process is the first that the environment has started with its prefix, and
 * was not profiled before an exec: then no process has reported the environment's unknown variables
 * (variables.h) yet. */
bool hp_names_is_first_image(void);

void hp_names_after_fork(void);

/* Rows of the view. */
extern const struct hp_view_row hp_names_view[1];
