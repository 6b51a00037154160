/* SPDX-License-Identifier: MIT */
/* Inputs that are no files of profiles: processes that run, and cores. What their memory holds of
 * the profiler's is turned into the text of a dump, which is read like any other. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/input.h"

/* The number in "pid:N"; 0 if the input is not named so. A file of that name is ./pid:N. */
int outside_pid(const char *input);

/* Whether the input begins as a core does. */
bool outside_is_core(struct input *input);

/* Reads a core; what is packed, or comes from a pipe, goes through a file without a name in TMPDIR,
 * else /var/tmp. The caller frees *out_text. 0, or a failure with its message in `diag`. */
int outside_read_core(struct input *input, char **out_text, size_t *out_size, struct diag *diag);

/* Reads process N. The caller frees *out_text. 0, or a failure with its message in `diag`. */
int outside_read_process(int pid, char **out_text, size_t *out_size, struct diag *diag);
