/* SPDX-License-Identifier: MIT */
/* Private files are those that the profiler opens in its host process. Their descriptors stay out
 * of the way of the host. Any thread; signal-safe: yes; may allocate: no. */
#pragma once
#include <stddef.h>

/* Opens a file like open(2) with O_CLOEXEC, but at descriptor 64 or above if one is free: programs
 * count on getting low numbers. Returns the descriptor, or -errno. */
int hp_file_open_private(const char *path, int flags);

/* Moves a descriptor of ours to a number of 64 or above. Returns the new number, or `fd` if no such
 * number is free or `fd` is an error. */
int hp_file_move_up(int fd);

/* Reads a small file, cut at size - 1 bytes and NUL-terminated. Returns its length, or -errno. */
long hp_file_read(const char *path, char *out, size_t size);

/* Writes like write(2), but raises no signal where a size limit (-EFBIG) or a pipe without a reader
 * (-EPIPE) forbids the write. If one of these signals was already pending, it stays pending.
 * Returns the number of bytes written, or -errno. */
long hp_file_write_quietly(int fd, const char *data, size_t size);
