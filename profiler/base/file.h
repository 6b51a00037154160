/* SPDX-License-Identifier: MIT */
/* A private file is a file that the profiler opens in its host process. It has a high descriptor
 * number, to stay out of the host's way. Any thread; signal-safe: yes; may allocate: no. */
#pragma once
#include <stddef.h>

/* Opens a file like open(2) with O_CLOEXEC, but at descriptor 64 or above if one is free, because
 * programs expect that the files they open get low numbers. Returns the descriptor, or -errno. */
int hp_file_open_private(const char *path, int flags);

/* Moves a descriptor of ours to a number of 64 or above. Returns the new number, or `fd` if no such
 * number is free or `fd` is an error. */
int hp_file_move_up(int fd);

/* Reads a small file into `out`, at most its first size - 1 bytes, and appends a NUL. Returns the
 * number of bytes read, or -errno. */
long hp_file_read(const char *path, char *out, size_t size);

/* Writes like write(2), but raises no signal if a size limit (-EFBIG) or a pipe without a reader
 * (-EPIPE) forbids the write. If such a signal was already pending, it stays pending. Returns the
 * number of bytes written, or -errno. */
long hp_file_write_quietly(int fd, const char *data, size_t size);
