/* SPDX-License-Identifier: MIT */
#include "command/run/descendants.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GENERATIONS_MAX 1000
#define PROCESSES_MAX   100000
#define PF_FORKNOEXEC   0x40 /* of the kernel's flags, field 9 */

/* text = pid " (" name ") " state " " parent " " group " " session " " terminal " " terminal-group
 * " " flags ... The name may have any characters. */
bool process_line_parse(const char *text, struct process_line *out)
{
	const char *at = strrchr(text, ')');
	char *end;

	out->pid = (pid_t)strtol(text, NULL, 10);
	if (!at || strlen(at) < 5)
		return false;
	out->parent = (pid_t)strtol(at + 4, &end, 10);
	for (int field = 4; field < 8 && *end; field++)
		strtol(end, &end, 10);
	out->is_fork = strtoul(end, NULL, 10) & PF_FORKNOEXEC;
	return out->pid > 0;
}

static bool read_line(pid_t pid, struct process_line *out)
{
	char path[64], text[1024];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return process_line_parse(text, out);
}

static int read_all(process_lines *out)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	int r = 0;

	if (!folder)
		return -errno;
	while (!r && out->n < PROCESSES_MAX && (entry = readdir(folder)) != NULL) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10); /* 0 for other names */
		struct process_line line;

		if (pid > 0 && read_line(pid, &line))
			r = vec_push(out, line);
	}
	closedir(folder);
	return r;
}

/* Appends the children of out->items[parent]. */
static int add_children(const process_lines *all, size_t parent, process_lines *out)
{
	pid_t pid = out->items[parent].pid;
	int r = 0;

	for (size_t i = 0; !r && i < all->n; i++)
		if (all->items[i].parent == pid && all->items[i].pid != pid)
			r = vec_push(out, all->items[i]);
	return r;
}

int descendants_find(pid_t root, process_lines *out)
{
	process_lines all = {0};
	struct process_line line;
	int r = read_line(root, &line) ? vec_push(out, line) : -ESRCH;

	if (!r)
		r = read_all(&all);
	/* Lines of different moments may form a cycle, which the number of processes ends. */
	for (size_t i = 0; !r && i < out->n && out->n <= all.n; i++)
		r = add_children(&all, i, out);
	vec_deinit(&all);
	return r;
}

bool descendants_have(pid_t root, pid_t pid)
{
	struct process_line line;

	for (int i = 0; pid > 1 && pid != root && i < GENERATIONS_MAX; i++)
		pid = read_line(pid, &line) ? line.parent : 0;
	return pid == root;
}
