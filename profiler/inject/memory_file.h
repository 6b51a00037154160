/* SPDX-License-Identifier: MIT */
/* A memory file is a file that exists in the memory of a target alone, and that the target has open
 * while we need it: its loader opens it by the path /proc/self/fd/NUMBER. */
#pragma once
#include "inject/system_call.h"
#include "target/target.h"

#define HP_MEMORY_FILE_NAME "heapprof" /* in links of descriptors: /memfd:heapprof (deleted) */

/* Opens a memory file with the content of a descriptor of ours. `name` is the address of its name
 * in the target. All threads are stopped. Returns 0 or HP_TARGET_E; *out_number is its descriptor
 * in the target, or -1 if it is not open. */
int hp_memory_file_open(struct hp_target *t, struct hp_system_call_host *host, uint64_t name,
			int content, int64_t *out_number);

/* Closes it. All threads are stopped. Returns 0 or HP_TARGET_E. */
int hp_memory_file_close(struct hp_system_call_host *host, int64_t number);

/* Returns true if a killed tool may have left one open. The threads may run. */
bool hp_memory_file_is_left(struct hp_target *t);

/* Closes those that killed tools have left open. All threads are stopped, and none is of a tool.
 * Returns 0 or HP_TARGET_E. */
int hp_memory_file_clean(struct hp_target *t, struct hp_system_call_host *host);
