/* SPDX-License-Identifier: MIT */
/* A memory limit is the limit of the cgroup that a process is in, or of a cgroup around it: the
 * kernel ends a process when one of them is reached. Both versions of cgroups are read. */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cgroup_mount {         /* where the cgroups with memory limits are mounted */
	int version;          /* 1 or 2; 0 if there are none */
	char root[PATH_MAX];  /* the cgroup that is mounted */
	char place[PATH_MAX]; /* the folder where it is mounted */
};

/* Finds the mount in the text of /proc/PID/mountinfo. The first one of version 1 that has memory
 * comes before version 2. Sets version 0 if there is none. */
void cgroup_mount_parse(const char *mountinfo, struct cgroup_mount *out);

/* Does the same for this process. */
void cgroup_mount_find(struct cgroup_mount *out);

/* Finds the folder of a process's cgroup from the text of /proc/PID/cgroup. Returns false if it is
 * not under the mount. */
bool cgroup_folder_parse(const struct cgroup_mount *mount, const char *cgroup, char out[PATH_MAX]);

/* Returns the number after `key` and a space at the beginning of a line, or 0. */
uint64_t cgroup_parse_stat(const char *text, const char *key);

struct memory_limit {
	uint64_t limit; /* bytes, of the cgroup with the least room */
	uint64_t room;  /* bytes until that limit */
	double share;   /* the largest share in use of a limit */
};

/* Finds the limits of the cgroup in `folder` and of those around it. Memory of files that the
 * kernel can drop at once does not count as used. Returns false if there is no limit. */
bool cgroup_folder_limit(const struct cgroup_mount *mount, const char *folder,
			 struct memory_limit *out);

/* Does the same for the cgroup of a process. */
bool memory_limit_find(const struct cgroup_mount *mount, pid_t pid, struct memory_limit *out);
