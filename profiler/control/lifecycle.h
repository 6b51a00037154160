/* SPDX-License-Identifier: MIT */
/* The lifecycle functions take the profiler through its process, from start to end: they read the
 * environment, start and stop sessions, follow forks, and write the last dump.
 *
 * Any thread; signal-safe: only hp_lifecycle_exit(); may call the C library. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes everything ready, and starts a session if HEAPPROFILE asks for one. The first allocation
 * after the C library is ready calls it, or the library's constructor if that runs before. Does
 * nothing the second time. */
void hp_lifecycle_init(void);
bool hp_lifecycle_is_ready(void);

/* Marks the environment for the processes under this one, registers handlers for forks and for the
 * end of the process, and installs the handler of HEAPPROFILESIGNAL. Only the library's constructor
 * may call it: an allocation may come from within setenv() or atexit(), whose locks this takes. */
void hp_lifecycle_register(void);

/* Starts a session whose dumps have this prefix, and then calls hp_lifecycle_check_company().
 * Returns false if a session is already running, if the prefix can't be used, if there is no
 * memory, if another copy of this library comes before this one, or if a dump or a thread is still
 * busy with the last session. Must not be called from within a hook. */
bool hp_lifecycle_start(const char *prefix);
void hp_lifecycle_stop(void);

/* Checks for other allocators and profilers in the process. Reports an allocator that comes before
 * ours, because nothing is recorded then. Stops tcmalloc's own heap profiler, which HEAPPROFILE
 * starts too and which would write files of the same names. Does nothing if no session is running.
 * The library's constructor calls it. */
void hp_lifecycle_check_company(void);

/* Writes the last dump, or reports why there is no file. Does nothing the second time. */
void hp_lifecycle_exit(void);

/* Sets the sample interval, in bytes, of the next sessions. If it is 0, changes nothing. */
void hp_lifecycle_set_sample_interval(uint64_t bytes);
uint64_t hp_lifecycle_sample_interval(void);
