/* SPDX-License-Identifier: MIT */
/* The process is the host, which this library is loaded into. These functions give the facts about
 * it that are in the names and the metadata of dumps. Strings live as long as the process. Any
 * thread; signal-safe: yes; may allocate: no. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads /proc once, at start. Without /proc the strings are empty. */
void hp_process_init(void);

const char *hp_process_program(void); /* path of the executable */
/* The last component of that path; without /proc, of the path by which it was started. */
const char *hp_process_name(void);

/* Returns true if one of the patterns in `list` (see name_pattern.h) matches that name or the last
 * component of argv[0]; if the list begins with '!', if none does. */
bool hp_process_is_called(const char *list);

const char *hp_process_host(void);
/* Returns the command line as the kernel has it, with arguments separated by NULs. */
const char *hp_process_cmdline(size_t *out_size);

uint64_t hp_process_start_seconds(void); /* when we were loaded, in seconds since 1970 */
uint64_t hp_process_uptime_ms(void);     /* since then, or since the fork */
/* The process's start time as the kernel has it, in clock ticks since boot; 0: unknown. */
uint64_t hp_process_start_ticks(void);

/* Returns a random number for this process image; a fork child has another. Dumps of one run share
 * their samples. */
uint64_t hp_process_run_id(void);

struct hp_process_memory {
	uint64_t rss_bytes;       /* resident memory; 0: unknown */
	uint64_t anonymous_bytes; /* the part of it that is neither of a file nor shared */
};

struct hp_process_memory hp_process_memory(void); /* reads /proc */

/* In a fork child: restarts the uptime, and draws another run ID. The start ticks become
 * unknown. */
void hp_process_after_fork(void);
