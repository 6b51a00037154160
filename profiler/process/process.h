/* SPDX-License-Identifier: MIT */
/* Who this process is: for the names and the metadata of dumps. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads /proc once, at start. Without /proc the strings are empty. */
void hp_process_init(void);

const char *hp_process_program(void); /* path of the executable */
/* Its last component; without /proc that of the path by which it was started. */
const char *hp_process_name(void);

/* True if one of the patterns in `list`, see name_pattern.h, matches that name or the last
 * component of argv[0]. If the list begins with '!', true if none does. */
bool hp_process_is_called(const char *list);

const char *hp_process_host(void);
/* The command line as the kernel has it, arguments separated by NULs. */
const char *hp_process_cmdline(size_t *out_size);

uint64_t hp_process_start_seconds(void); /* when we were loaded, since the epoch */
uint64_t hp_process_uptime_ms(void);     /* since then, or since the fork */
uint64_t hp_process_start_ticks(void);   /* the kernel's own start time; 0: not known */

/* A random number for this process image; a fork child has another. Dumps of one run share their
 * samples. */
uint64_t hp_process_run_id(void);

struct hp_process_memory {
	uint64_t rss_bytes;       /* resident memory; 0: not known */
	uint64_t anonymous_bytes; /* the part of it that is neither a file's nor shared */
};

struct hp_process_memory hp_process_memory(void); /* read now */

void hp_process_after_fork(void);
