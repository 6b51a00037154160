/* SPDX-License-Identifier: MIT */
/* Reads files of /proc, and values in their text. The kernel writes these files, but a process
 * chooses the names in them. */
#pragma once

/* Read a whole file: at `path`, of a process, or of one of its threads. Set *out to its text, which
 * ends with a NUL and which the caller frees. Return its size, or -errno; files of more than 256 MB
 * fail with -EFBIG. */
long hp_proc_read(const char *path, char **out);
long hp_proc_read_process(int pid, const char *name, char **out);
long hp_proc_read_thread(int pid, int thread, const char *name, char **out);

/* Returns the text after "KEY:" in /proc/PID/status, or NULL if there is none. */
const char *hp_proc_value(const char *status, const char *key);

/* Return the first number of a line, or -1 if `line` is NULL; its last number, or 0 if there is
 * none. */
long hp_proc_first_number(const char *line);
long hp_proc_last_number(const char *line);
