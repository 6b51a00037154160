/* SPDX-License-Identifier: MIT */
/* An outfile is an output file that appears under its final name complete, or not at all. Any
 * thread, but one thread per file; signal-safe: yes; may allocate: no. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* A file that is being written. Its final name does not exist until hp_outfile_claim(). All zeroes
 * means no file. */
struct hp_outfile {
	int fd;
	int error;              /* the first error, as -errno; after it nothing is written */
	uint64_t device, inode; /* of the file that was opened as fd */
	uint64_t size;          /* number of bytes written so far */
	char temporary[4096];   /* the file's name until it is claimed; empty if it has none and
				   disappears with this process */
};

/* Creates a file in the folder of `final_path`, with mode 0600 less umask. The file has no name if
 * the file system supports such files and can name them later; otherwise it has a temporary name.
 * Returns 0, or -errno. */
int hp_outfile_create(struct hp_outfile *f, const char *final_path);

/* Same as hp_outfile_create(), but the file always has a temporary name: `final_path`, ".tmp." and
 * 16 hexadecimal digits. The file is locked as long as the process that writes it lives. */
int hp_outfile_create_named(struct hp_outfile *f, const char *final_path);

/* Writes all of `data`. An error is stored in f->error; it is also an error if the host has closed
 * our descriptor. A full disk or a size limit raises no signal. */
void hp_outfile_write(struct hp_outfile *f, const char *data, size_t size);

/* Closes the file and gives it the name `final_path`. Returns 0 if that worked. Returns -EEXIST if
 * the name is already taken; the file can then be claimed under another name. After f->error or any
 * other failure it removes the file and returns that error, as -errno. Never replaces a file or
 * follows a link. */
int hp_outfile_claim(struct hp_outfile *f, const char *final_path);

/* Closes the descriptor if it still is that of our file. The file itself is left to the parent
 * of this fork child, which is writing it. */
void hp_outfile_abandon(struct hp_outfile *f);

/* Closes and removes a file that has not been claimed. */
void hp_outfile_discard(struct hp_outfile *f);

/* Removes a temporary file if the process that was writing it has died. */
void hp_outfile_remove_stale(const char *temporary);
