/* SPDX-License-Identifier: MIT */
/* The maps are the lines of /proc/self/maps, one line for each mapping of this process. They are
 * read without allocation. Any thread; signal-safe: yes; may allocate: no. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hp_maps_entry {
	uintptr_t start, end;
	bool is_executable;
	const char *line; /* without its newline; not NUL-terminated */
	size_t line_size;
	const char *path; /* points into the line; NULL for anonymous memory */
	size_t path_size;
};

/* Calls `visit` for each mapping, in the order of their addresses, until it returns false. The
 * entry is valid during the call only. Returns false if /proc can't be read, or can't be read to
 * its end. */
bool hp_maps_visit(bool (*visit)(const struct hp_maps_entry *entry, void *context), void *context);

/* Finds the mapping that contains `address`. Copies its path, sets *out_id to a number made from
 * its device and inode, and returns true. Two files that exist at the same time have different
 * numbers. Returns false if there is no such mapping, or it has no path, or the path does not
 * fit. */
bool hp_maps_find_file(uintptr_t address, char *out_path, size_t size, uint64_t *out_id);
