/* SPDX-License-Identifier: MIT */
/* The room of a process is the memory that it may still take until its cgroup, or one around it,
 * reaches its limit. Both versions of cgroups are read, from where systems mount them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct cgroup_room {
	uint64_t limit; /* bytes, of the cgroup with the least room */
	uint64_t room;
};

struct cgroup_files {                        /* the names of the files of a version */
	const char *limit, *usage, *dropped; /* `dropped`: a key in memory.stat */
};

extern const struct cgroup_files cgroup_files_v1, cgroup_files_v2;

/* Finds the room of a process. Returns false if it has no limit or this can't be read. */
bool cgroup_room_find(pid_t pid, struct cgroup_room *out);

/* Does the same for the cgroup at `path` below the folder `root`. Memory of files that the kernel
 * can drop at once does not count as taken. */
bool cgroup_room_find_below(const char *root, const char *path, const struct cgroup_files *files,
			    struct cgroup_room *out);

/* Finds a controller in the text of /proc/PID/cgroup; "" is version 2. Writes the path of the
 * cgroup. Returns false if it has none, or if the path is too long or leads upwards. */
bool cgroup_room_parse(const char *text, const char *controller, char *out_path, size_t size);
