/* SPDX-License-Identifier: MIT */
/* From the process's start to its end: reads the environment, starts and stops sessions,
 * follows forks, says goodbye. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sets everything up, and starts a session if HEAPPROFILE asks for one. Called by the library's
 * constructor, and before that by the first allocation after the C library is ready. Does nothing
 * the second time. */
void hp_lifecycle_init(void);
bool hp_lifecycle_is_ready(void);

/* Lets the processes under this one know of it, registers handlers for forks and the end, and takes
 * HEAPPROFILESIGNAL. For the library's constructor only: the first allocation of all may come from
 * within setenv() or atexit(), whose locks this takes. */
void hp_lifecycle_register(void);

/* Starts a session whose dumps carry that prefix, and looks at who else is there. False if one is
 * running already, there is no memory, or another copy of this library comes before it. Not from
 * within a hook. */
bool hp_lifecycle_start(const char *prefix);
void hp_lifecycle_stop(void);

/* Looks at who else is there: says so if another allocator comes before ours, so that nothing is
 * seen, and stops tcmalloc's own heap profiler, which starts on HEAPPROFILE too and would write to
 * the same names. Does nothing unless a session runs. For the library's constructor. */
void hp_lifecycle_check_company(void);

/* A last dump and a last word. Does its work once. */
void hp_lifecycle_exit(void);

/* What R will be from the next start on; 0 leaves it as it is. */
void hp_lifecycle_set_sample_interval(uint64_t bytes);
uint64_t hp_lifecycle_sample_interval(void);
