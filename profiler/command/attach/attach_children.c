/* SPDX-License-Identifier: MIT */
#include "command/attach/attach_children.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "command/find_library.h"
#include "target/proc_files.h"

enum {
	LINE_SIZE = 128, /* the part of a line of maps that counts: addresses and offset */
};

struct library_line { /* the first mapping of the library */
	char text[LINE_SIZE];
};

/* The names that the library's mappings have: of its file, and of a file in memory. */
static const char *const names[] = {"/" ATTACHED_NAME, "/memfd:heapprof"};

/* Finds the library's first line. Returns false if it is not mapped. */
static bool find_library(pid_t pid, struct library_line *out)
{
	const char *found = NULL, *line;
	char *maps;

	if (hp_proc_read_process(pid, "maps", &maps) < 0)
		return false;
	for (size_t i = 0; !found && i < sizeof(names) / sizeof(names[0]); i++)
		found = strstr(maps, names[i]);
	if (found) {
		line = memrchr(maps, '\n', (size_t)(found - maps));
		line = line ? line + 1 : maps;
		snprintf(out->text, sizeof(out->text), "%.*s", (int)strcspn(line, " "), line);
	}
	free(maps);
	return found;
}

static bool is_same_program(pid_t a, pid_t b)
{
	struct stat one, other;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", a);
	if (stat(path, &one))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/exe", b);
	return stat(path, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

int attach_children_find(const struct found_target *target, process_vec *out)
{
	struct library_line own, its;
	process_vec all = {0};
	int r = find_library(target->pid, &own) ? process_find(NULL, &all) : 0;

	for (size_t i = 0; !r && i < all.n; i++) {
		pid_t pid = all.items[i];

		if (pid != target->pid && is_same_program(pid, target->pid) &&
		    find_library(pid, &its) && strcmp(its.text, own.text) == 0)
			r = vec_push(out, pid);
	}
	vec_deinit(&all);
	return r;
}
