/* SPDX-License-Identifier: MIT */
/* An outfile is an output file that appears under its final name whole, or not at all. Any thread,
 * but one thread per file; signal-safe: yes; may allocate: no. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* A file that is being written. It is invisible under its final name until it is claimed. All
 * zeroes: no file. */
struct hp_outfile {
	int fd;
	int error;              /* the first error, as -errno; nothing is written after it */
	uint64_t device, inode; /* of the file that we opened as fd */
	uint64_t size;          /* bytes written so far */
	char temporary[4096];   /* its name until then; empty: it has none, and disappears with this
				   process */
};

/* Creates a file in the folder of `final_path`, with mode 0600 less umask. It has no name if the
 * file system supports such files and can name them later; otherwise a temporary name. Returns 0,
 * or -errno. */
int hp_outfile_create(struct hp_outfile *f, const char *final_path);

/* Same, but always with a temporary name: `final_path` ".tmp." and 16 hexadecimal digits. The file
 * is locked as long as its writer lives. */
int hp_outfile_create_named(struct hp_outfile *f, const char *final_path);

/* Writes all of `data`, unless the descriptor is no longer ours; an error stays in f->error. A full
 * disk or a size limit raises no signal. */
void hp_outfile_write(struct hp_outfile *f, const char *data, size_t size);

/* Closes the file and gives it the name `final_path`. Returns 0; or -EEXIST if something has that
 * name already, and then the file may be claimed under another name; or another -errno, from
 * f->error or a failure, and then the file is removed. Never replaces a file or follows a link. */
int hp_outfile_claim(struct hp_outfile *f, const char *final_path);

/* Closes the descriptor if it is still ours, and leaves the file to another process. */
void hp_outfile_abandon(struct hp_outfile *f);

/* Closes and removes an unclaimed file. */
void hp_outfile_discard(struct hp_outfile *f);

/* Removes a temporary file whose writer has died. */
void hp_outfile_remove_stale(const char *temporary);
