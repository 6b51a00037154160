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

/* The names that the library's mappings have: of its file, and of a file in memory. */
static const char *const names[] = {"/" ATTACHED_NAME, "/memfd:heapprof"};

/* Finds the library's first line. Returns false if it is not mapped. */
static bool find_library(pid_t pid, char out[ATTACH_LIBRARY_LINE])
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
		snprintf(out, ATTACH_LIBRARY_LINE, "%.*s", (int)strcspn(line, " "), line);
	}
	free(maps);
	return found;
}

static bool find_program(pid_t pid, dev_t *out_device, ino_t *out_inode)
{
	struct stat program;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (stat(path, &program))
		return false;
	*out_device = program.st_dev;
	*out_inode = program.st_ino;
	return true;
}

void attach_parent_init(struct attach_parent *out, pid_t pid)
{
	*out = (struct attach_parent){0};
	out->has_library =
		find_library(pid, out->library) && find_program(pid, &out->device, &out->inode);
}

bool attach_children_has(const struct attach_parent *parent, pid_t pid)
{
	char library[ATTACH_LIBRARY_LINE];
	dev_t device;
	ino_t inode;

	return find_program(pid, &device, &inode) && device == parent->device &&
	       inode == parent->inode && find_library(pid, library) &&
	       strcmp(library, parent->library) == 0;
}

int attach_children_find(const struct attach_parent *parent, pid_t parent_pid, process_vec *out)
{
	process_vec all = {0};
	int r = parent->has_library ? process_find(NULL, &all) : 0;

	for (size_t i = 0; !r && i < all.n; i++)
		if (all.items[i] != parent_pid && attach_children_has(parent, all.items[i]))
			r = vec_push(out, all.items[i]);
	vec_deinit(&all);
	return r;
}
