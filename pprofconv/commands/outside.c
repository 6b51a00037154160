/* SPDX-License-Identifier: MIT */
#include "commands/outside.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"
#include "commands/relay.h"
#include "readers/reader.h"
#include "target/core.h"
#include "target/snapshot.h"

int outside_pid(const char *input)
{
	struct cursor text = cursor_make(input, strlen(input));
	uint64_t pid;

	if (!cursor_accept_text(&text, "pid:"))
		return 0;
	pid = cursor_take_decimal(&text);
	return text.failed || !cursor_at_end(&text) || pid > INT_MAX ? 0 : (int)pid;
}

bool outside_is_wrong_pid(const char *input)
{
	return strncmp(input, "pid:", strlen("pid:")) == 0 && !outside_pid(input);
}

/* --- reading ------------------------------------------------------------------------------- */

static int read_dump(struct hp_target *target, void *context, char **out, size_t *out_size)
{
	return hp_snapshot_dump(target, out, out_size, NULL);
}

static int read_target(struct target_work *work, int *out_task, char **out_text, size_t *out_size,
		       struct diag *diag)
{
	work->read = read_dump;
	work->is_apart = work->is_stopped || work->user.is_other;
	work->waits_max = work->user.is_other ? HP_APART_WAITS_MAX : 0;
	return target_work_run(work, out_task, out_text, out_size, diag);
}

int outside_read_directly(int pid, int *out_task, char **out_text, size_t *out_size,
			  struct diag *diag)
{
	struct target_work work = {.pid = pid, .fd = -1};

	hp_apart_user_of_process(pid, &work.user);
	return read_target(&work, out_task, out_text, out_size, diag);
}

int outside_read_stopped(int pid, int *out_task, char **out_text, size_t *out_size,
			 struct diag *diag)
{
	struct target_work work = {.pid = pid, .fd = -1, .is_stopped = true};

	hp_apart_user_of_process(pid, &work.user);
	return read_target(&work, out_task, out_text, out_size, diag);
}

int outside_read_process(int pid, int *out_task, char **out_text, size_t *out_size,
			 struct diag *diag)
{
	struct diag refusal = {.file = diag->file};
	int r = outside_read_directly(pid, out_task, out_text, out_size, &refusal), relayed;

	if (r != -EPERM ||
	    (relayed = relay_ask(pid, out_task, out_text, out_size, diag)) == RELAY_NONE) {
		snprintf(diag->error, sizeof(diag->error), "%s", refusal.error);
		relayed = r;
	}
	diag_deinit(&refusal);
	return relayed;
}

bool outside_is_core(struct input *input)
{
	struct cursor head = input_head(input, HP_CORE_HEAD_SIZE);

	return hp_core_is_head(head.at, cursor_left(&head));
}

size_t outside_cut_size(struct input *input)
{
	struct cursor head = input_head(input, HP_CORE_HEAD_SIZE);
	size_t size = cursor_left(&head);

	return size < HP_CORE_HEAD_SIZE && cursor_accept_text(&head, ELFMAG) ? size : 0;
}

/* --- what is packed ------------------------------------------------------------------------ */

#define HOLE_SIZE 4096

static int open_spool(struct diag *diag)
{
	const char *folder = getenv("TMPDIR");
	int fd;

	if (!folder || !folder[0])
		folder = "/var/tmp";
	fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		diag_error(diag, -errno,
			   "cannot create a temporary file in %s: %s; set TMPDIR to another folder",
			   folder, strerror(errno));
	return fd;
}

static bool is_zero(const char *bytes, size_t size)
{
	return size > 0 && bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* Large parts of memory are zero: these become holes. */
static int write_at(int fd, const char *bytes, size_t size, off_t offset)
{
	while (size > 0) {
		size_t some = HOLE_SIZE - (size_t)offset % HOLE_SIZE;
		ssize_t n;

		if (some > size)
			some = size;
		n = is_zero(bytes, some) ? (ssize_t)some : pwrite(fd, bytes, some, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		offset += n;
		size -= (size_t)n;
	}
	return 0;
}

static int fill_spool(int fd, struct input *input, struct diag *diag)
{
	struct cursor some;
	off_t size = 0;
	int r = 0;

	while (!r && !(r = input_take_some(input, &some)) && cursor_left(&some)) {
		r = write_at(fd, some.at, cursor_left(&some), size);
		size += (off_t)cursor_left(&some);
		if (r)
			diag_error(diag, r, "can't unpack it: %s", strerror(-r));
	}
	if (!r && ftruncate(fd, size) != 0)
		r = diag_errno(diag, -errno);
	return r;
}

/* Gives the copy of a core the time of the file at `path`: the dump in a core has the time of the
 * core's file. */
static void copy_time(int fd, const char *path)
{
	struct stat status;

	if (stat(path, &status) == 0 && S_ISREG(status.st_mode))
		futimens(fd, (struct timespec[]){status.st_atim, status.st_mtim});
}

/* A core of root may be that of another user's process. */
static void user_of_core(int fd, const char *path, struct hp_apart_user *out)
{
	struct stat status;

	if (stat(path, &status) && fstat(fd, &status))
		status = (struct stat){0};
	hp_apart_user_of_file(status.st_uid, status.st_gid, out);
}

int outside_open_core(struct input *input, struct target_work *work, struct diag *diag)
{
	int fd = input_file(input), r;

	if (fd < 0) {
		fd = open_spool(diag);
		if (fd < 0)
			return READER_E_UNSUPPORTED;
		r = fill_spool(fd, input, diag);
		if (r) {
			close(fd);
			return r;
		}
		copy_time(fd, diag->file);
	}
	work->fd = fd;
	user_of_core(fd, diag->file, &work->user);
	return 0;
}

int outside_read_core(struct input *input, char **out_text, size_t *out_size, struct diag *diag)
{
	struct target_work work = {0};
	int r = outside_open_core(input, &work, diag), task;

	return r ? r : read_target(&work, &task, out_text, out_size, diag);
}
