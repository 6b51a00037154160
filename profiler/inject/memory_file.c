/* SPDX-License-Identifier: MIT */
#include "inject/memory_file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	COPY_BYTES = 64 << 10,
	NO_EXECUTION = 8, /* MFD_NOEXEC_SEAL */
};

/* --- opening ---------------------------------------------------------------------------------- */

/* Opens a file that the process has open. The folder of its descriptors is closed to those who are
 * not its user, though they may trace it. */
static int open_its_file(const struct hp_target *t, int number)
{
	int process = (int)syscall(SYS_pidfd_open, t->outer_pid, 0);
	int file = process < 0 ? -1 : (int)syscall(__NR_pidfd_getfd, process, number, 0);
	char path[64];

	if (process >= 0)
		close(process);
	if (file >= 0)
		return file;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", t->task, number);
	return open(path, O_WRONLY | O_CLOEXEC);
}

static int copy_content(struct hp_target *t, int from, int64_t number)
{
	static char bytes[COPY_BYTES];
	off_t at = 0;
	ssize_t n;
	int to;

	to = open_its_file(t, (int)number);
	if (to < 0)
		return hp_target_error(t, "a file in its memory can't be opened: %s",
				       strerror(errno));
	while ((n = pread(from, bytes, sizeof(bytes), at)) > 0) {
		if (pwrite(to, bytes, (size_t)n, at) != n) {
			n = -1;
			break;
		}
		at += n;
	}
	close(to);
	return n < 0 ? hp_target_error(t, "a file in its memory can't be written: %s",
				       strerror(errno))
		     : 0;
}

/* Mapping the file's code needs no right to execute the file: so it is made without, which
 * vm.memfd_noexec=2 demands. Before Linux 6.3 the kernel does not know that. */
static int create(struct hp_system_call_host *host, uint64_t name, int64_t *out_number)
{
	struct hp_stub_call call = {.number = SYS_memfd_create,
				    .arguments = {name, MFD_CLOEXEC | NO_EXECUTION}};
	int r = hp_system_call(host, &call, out_number);

	if (r || *out_number != -EINVAL)
		return r;
	call.arguments[1] = MFD_CLOEXEC;
	return hp_system_call(host, &call, out_number);
}

int hp_memory_file_open(struct hp_target *t, struct hp_system_call_host *host, uint64_t name,
			int content, int64_t *out_number)
{
	int64_t number;
	int r = create(host, name, &number);

	*out_number = -1;
	if (!r && number < 0)
		r = hp_target_error(t, "memfd_create fails in it: %s", strerror((int)-number));
	if (r)
		return r;
	*out_number = number;
	return copy_content(t, content, number);
}

/* --- closing ---------------------------------------------------------------------------------- */

int hp_memory_file_close(struct hp_system_call_host *host, int64_t number)
{
	const struct hp_stub_call call = {.number = SYS_close, .arguments = {(uint64_t)number}};
	int64_t result;

	return hp_system_call(host, &call, &result);
}

static bool is_ours(DIR *folder, const char *number)
{
	static const char ours[] = "/memfd:" HP_MEMORY_FILE_NAME " (deleted)";
	char link[sizeof(ours) + 1];
	ssize_t size = readlinkat(dirfd(folder), number, link, sizeof(link));

	return size == (ssize_t)strlen(ours) && memcmp(link, ours, strlen(ours)) == 0;
}

static DIR *open_folder(const struct hp_target *t)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", t->task);
	return opendir(path);
}

/* Returns the descriptor of the next one in the folder, or -1. A folder that can't be read has
 * none: then the process keeps a descriptor too many. */
static int next_left(DIR *folder)
{
	const struct dirent *entry;

	while (folder && (entry = readdir(folder)) != NULL)
		if (is_ours(folder, entry->d_name))
			return (int)strtol(entry->d_name, NULL, 10);
	return -1;
}

bool hp_memory_file_is_left(struct hp_target *t)
{
	DIR *folder = open_folder(t);
	bool is_left = next_left(folder) >= 0;

	if (folder)
		closedir(folder);
	return is_left;
}

int hp_memory_file_clean(struct hp_target *t, struct hp_system_call_host *host)
{
	DIR *folder = open_folder(t);
	int r = 0, number;

	while (!r && (number = next_left(folder)) >= 0)
		r = hp_memory_file_close(host, number);
	if (folder)
		closedir(folder);
	return r;
}
