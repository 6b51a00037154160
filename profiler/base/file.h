/* SPDX-License-Identifier: MIT */
/* Files of ours in a process that isn't: descriptors out of the host's way, and output that is a
 * whole file under its final name, or no file at all. Any thread. */
#pragma once
#include "base/text.h"
#include <stdint.h>

/* Like open(2) with O_CLOEXEC, but at descriptor 64 or above: programs count on low numbers.
 * Returns a descriptor or -errno. */
int hp_file_open_private(const char *path, int flags);

/* Reads a small file; returns its length (cut at size - 1, NUL-terminated), or -errno. */
long hp_file_read(const char *path, char *out, size_t size);

/* write(2) that raises no signal where a size limit or a pipe without a reader forbids it: -EFBIG,
 * -EPIPE. One of these signals that was pending before stays pending. */
long hp_file_write_quietly(int fd, const char *data, size_t size);

/* A file being written, invisible under its final name until claimed. Zeroes: none. */
struct hp_outfile {
	int fd;
	int error;              /* the first one, as -errno; what follows is not written */
	uint64_t device, inode; /* what fd was when we opened it */
	uint64_t size;          /* of what was written */
	char temporary[4096];   /* empty: the file has no name, and goes with this process */
};

/* Creates a file in the folder of `final_path`, mode 0600 less umask: one without a name if the
 * file system has such files and they can be given a name, else a temporary one. 0 or -errno. */
int hp_outfile_create(struct hp_outfile *f, const char *final_path);

/* The same with a temporary name: `final_path` ".tmp." and 16 hexadecimal digits. It is locked as
 * long as its writer lives. */
int hp_outfile_create_named(struct hp_outfile *f, const char *final_path);

/* Writes all of it, unless the descriptor is not ours any more; errors stay in f->error. A full
 * disk or a size limit raises no signal. */
void hp_outfile_write(struct hp_outfile *f, const char *data, size_t size);

/* Closes the file and gives it the name `final_path`: 0; -EEXIST if something is there already, and
 * the file stays to be claimed under another name; any other -errno after f->error or a failure,
 * and the file is gone. Never replaces or follows anything. */
int hp_outfile_claim(struct hp_outfile *f, const char *final_path);

/* Closes the descriptor if it is still ours, and leaves the file to another process. */
void hp_outfile_abandon(struct hp_outfile *f);

/* Closes and removes an unclaimed file. */
void hp_outfile_discard(struct hp_outfile *f);

/* Removes a temporary file whose writer has died. */
void hp_outfile_remove_stale(const char *temporary);
