/* SPDX-License-Identifier: MIT */
/* Inputs from outside are running processes and cores. The profiler's tables in their memory are
 * printed as the text of a dump, which is then read like any other. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/input.h"
#include "commands/target_work.h"

/* Returns N of "pid:N", or 0 if the input has another name. A file of that name is ./pid:N. */
int outside_pid(const char *input);

/* Returns true if the input begins with "pid:", but no process ID follows. The message is the rest
 * of a line; its %s is the input. */
bool outside_is_wrong_pid(const char *input);
#define OUTSIDE_WRONG_PID "not a process ID; a file of that name is ./%s"

/* Returns true if the input begins like a core. */
bool outside_is_core(struct input *input);

/* Returns the size of an input that was cut so early that it may have been a core or a program, or
 * 0 for others. */
size_t outside_cut_size(struct input *input);

/* As root, a process or a core of another user is read in a child with that user's rights
 * (apart.h). */

/* Reads a core. Data that is packed, or comes from a pipe, goes through a file without a name in
 * the folder that the variable TMPDIR names or, without the variable, in /var/tmp. The caller frees
 * *out_text. Returns 0, or a failure whose message is in `diag`. */
int outside_read_core(struct input *input, char **out_text, size_t *out_size, struct diag *diag);

/* Does the part of it before reading: sets the file and the user of `work`, whose run closes the
 * file. Returns 0, or a failure whose message is in `diag`. */
int outside_open_core(struct input *input, struct target_work *work, struct diag *diag);

/* Reads a process or, if the kernel does not let this process read it, asks the relay (relay.h)
 * that serves it. Sets *out_task to a thread of it that has not ended. The caller frees *out_text.
 * Returns 0, or a failure whose message is in `diag`: -EPERM if it may not be read. */
int outside_read_process(int pid, int *out_task, char **out_text, size_t *out_size,
			 struct diag *diag);

/* Do the same without a relay: while the process runs, or with all its threads stopped. */
int outside_read_directly(int pid, int *out_task, char **out_text, size_t *out_size,
			  struct diag *diag);
int outside_read_stopped(int pid, int *out_task, char **out_text, size_t *out_size,
			 struct diag *diag);
