/* SPDX-License-Identifier: MIT */
/* Files that we open in a process that isn't ours, with descriptors out of its way. Any thread;
 * signal-safe. */
#pragma once
#include <stddef.h>

/* Like open(2) with O_CLOEXEC, but at descriptor 64 or above: programs count on low numbers.
 * Returns a descriptor or -errno. */
int hp_file_open_private(const char *path, int flags);

/* Moves a descriptor of ours to a number of 64 or above. Returns the new number, or `fd` if there
 * is none free, or if it is an error. */
int hp_file_move_up(int fd);

/* Reads a small file; returns its length (cut at size - 1, NUL-terminated), or -errno. */
long hp_file_read(const char *path, char *out, size_t size);

/* write(2) that raises no signal where a size limit or a pipe without a reader forbids it: -EFBIG,
 * -EPIPE. One of these signals that was pending before stays pending. */
long hp_file_write_quietly(int fd, const char *data, size_t size);
