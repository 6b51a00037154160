/* SPDX-License-Identifier: MIT */
/* The process is the host: the process that this library is loaded into. These functions return
 * facts about it that are part of the names and the metadata of dumps. Strings are valid as long as
 * the process lives. Any thread; signal-safe: yes; may allocate: no. */
#pragma once
#include "base/view.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads /proc. Without /proc, the strings are empty. Call it once, at start. */
void hp_process_init(void);

const char *hp_process_program(void); /* path of the executable */
/* Returns the last component of the executable's path or, without /proc, of the path by which the
 * program was started. */
const char *hp_process_name(void);

/* Returns true if one of the patterns in `list` (see name_pattern.h) matches the name that
 * hp_process_name() returns, or the last component of argv[0]. If the list begins
 * with '!', returns true if none of its patterns matches. */
bool hp_process_is_called(const char *list);

const char *hp_process_host(void);
/* Returns the command line as the kernel has it, with a NUL after each argument. */
const char *hp_process_cmdline(size_t *out_size);

uint64_t hp_process_start_seconds(void); /* when this library was loaded, in seconds since 1970 */
uint64_t hp_process_uptime_ms(void);     /* time since then, or since the fork */
/* Returns when the process started, as the kernel has it, in clock ticks since boot; 0: unknown. */
uint64_t hp_process_start_ticks(void);

/* Returns a number that identifies a session of this process image. Dumps with the same number
 * count the same samples. It is random but for a session that is not the first: that one's is
 * higher by HP_PROCESS_NEXT_RUN than the one before it, with an overflow. A fork child has another
 * random number. */
uint64_t hp_process_run_id(void);
#define HP_PROCESS_NEXT_RUN (UINT64_C(1) << 48)

/* Goes on to the ID of the next session. No dump may be being written. */
void hp_process_next_run(void);

struct hp_process_memory {
	uint64_t rss_bytes;       /* resident memory; 0: unknown */
	uint64_t anonymous_bytes; /* the part of it that is neither of files nor shared */
};

struct hp_process_memory hp_process_memory(void); /* reads /proc */

/* Call it in a fork child. Restarts the uptime, and draws a new run ID. The start ticks become
 * unknown. */
void hp_process_after_fork(void);

/* Rows of the view. */
extern const struct hp_view_row hp_process_view[8];
