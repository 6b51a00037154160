/* SPDX-License-Identifier: MIT */
/* A lifecycle is that of the profiler in its process, from the start to the end: it reads the
 * environment, starts and stops sessions, follows forks, and writes the last dump.
 *
 * Any thread; signal-safe: no, but for hp_lifecycle_exit(); may call the C library. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sets everything up, and starts a session if HEAPPROFILE asks for one. The library's constructor
 * calls it, unless the first allocation after the C library is ready comes before that. Does
 * nothing the second time. */
void hp_lifecycle_init(void);
bool hp_lifecycle_is_ready(void);

/* Marks the environment for the processes under this one, registers handlers for forks and the end,
 * and takes HEAPPROFILESIGNAL. Only the library's constructor may call it: the very first
 * allocation may come from within setenv() or atexit(), whose locks this takes. */
void hp_lifecycle_register(void);

/* Starts a session whose dumps carry that prefix, and checks the company. Returns false if a
 * session is running already, there is no memory, or another copy of this library comes before this
 * one. Not from within a hook. */
bool hp_lifecycle_start(const char *prefix);
void hp_lifecycle_stop(void);

/* Checks which other allocators and profilers are in the process. Reports an allocator that comes
 * before ours, so that nothing is recorded. Stops tcmalloc's own heap profiler, which starts on
 * HEAPPROFILE too and would write to the same names. Does nothing unless a session runs. For the
 * library's constructor. */
void hp_lifecycle_check_company(void);

/* Writes the last dump, or reports why there is no file. Does its work once. */
void hp_lifecycle_exit(void);

/* Sets the sample interval, in bytes, of the next sessions; 0 leaves it as it is. */
void hp_lifecycle_set_sample_interval(uint64_t bytes);
uint64_t hp_lifecycle_sample_interval(void);
