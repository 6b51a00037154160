/* SPDX-License-Identifier: MIT */
/* An output file that is whole under its final name, or not there at all. Any thread; one thread a
 * file. */
#pragma once
#include <stddef.h>
#include <stdint.h>

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
