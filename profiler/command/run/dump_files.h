/* SPDX-License-Identifier: MIT */
/* A dump file is a dump that a process of one `heapprof run` has written. Older files are
 * recognized by a list of the dumps that were there before the program started. */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/vec.h"

struct dump_file {
	char name[NAME_MAX + 1]; /* in its folder */
	ino_t inode;
	int64_t changed_ns; /* time of its last change */
	char run[64];       /* the ID of the process image that wrote it */
	char program[NAME_MAX + 1];
	pid_t pid;
	uint64_t number;
	uint64_t allocated_bytes; /* as counted, without scaling */
	bool is_exit;             /* it was written at the process's exit */
};

typedef VEC(struct dump_file) dump_file_vec;

struct dump_place { /* where the dumps of a prefix are */
	char folder[PATH_MAX];
	char beginning[PATH_MAX]; /* of the files' names, as far as it is known */
};

/* Finds the place of a prefix, which libheapprof(3) defines. `is_folder` says that the prefix is
 * an existing folder. Returns false if the folder depends on the process, as /tmp/%p/x does. */
bool dump_place_parse(struct dump_place *out, const char *prefix, bool is_folder);

/* Parses the beginning of a dump; sets all members but name, inode and changed_ns. Returns false if
 * the text is not a dump of libheapprof. */
bool dump_file_parse(struct dump_file *out, const char *head, size_t size);

/* Appends the dumps in a place that are not in `old`, which may be NULL. Returns 0 or a negative
 * errno. */
int dump_files_list(const struct dump_place *place, const dump_file_vec *old, dump_file_vec *out);

struct dump_run { /* the dumps of one process image, in the order of their numbers */
	const struct dump_file *files;
	size_t n;
	size_t n_others; /* other process images that wrote dumps */
};

/* Sorts the files and finds the process that wrote the most dumps; among several, the one that
 * allocated most. `files` has at least one and must outlive the result. */
struct dump_run dump_files_choose(dump_file_vec *files);
