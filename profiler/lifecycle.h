/* SPDX-License-Identifier: MIT */
/* From the process's start to its end: reads the environment, starts and stops sessions, writes
 * dumps, follows forks. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sets everything up, and starts a session if HEAPPROFILE asks for one. Called by the library's
 * constructor, and before that by the first allocation after the C library is ready. Does nothing
 * the second time. */
void hp_lifecycle_init(void);
bool hp_lifecycle_is_ready(void);

/* Starts a session whose dumps carry that prefix. False if one is running already, or there is no
 * memory. Not from within a hook. */
bool hp_lifecycle_start(const char *prefix);
void hp_lifecycle_stop(void);

/* Writes a dump now. False, with a message, if there is no session or it can't be written. From any
 * thread with hp_tls.in_hook set; not signal-safe. */
bool hp_lifecycle_dump(const char *reason);

/* The text of a dump in memory of the profiler's own (see arena.h), to be unmapped by the caller;
 * NULL without session or memory. */
char *hp_lifecycle_dump_to_memory(size_t *out_size, size_t *out_mapped);

/* A last dump and a last word. Does its work once. */
void hp_lifecycle_exit(void);

/* What R will be from the next start on; 0 leaves it as it is. */
void hp_lifecycle_set_sample_interval(uint64_t bytes);
uint64_t hp_lifecycle_sample_interval(void);
